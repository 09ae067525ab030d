"""``bounceback outbox``: how the outbox stands, what failed in it, and what to do about that.

It works beside a bot that runs. It shows ids, kinds, times and errors; what a message says stays sealed.
Exit codes: 0 done, 1 not (all) done, 2 settings or words that cannot be used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from bot.cli_parts import FAILED, UNUSABLE, ConfigFile, fail, load, vault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.cli_outbox_tables import Seen
    from bot.clock import Clock
    from bot.config import Settings
    from bot.operating import Report
    from bot.overview import Dead
    from bot.storage import Storage

T = TypeVar("T")
SHOWN = 10  # dead rows in the overview
NEGATIVE = {"ignore_unknown_options": True}  # "-1" is a number, of no row, and not an option

outbox = typer.Typer(
    help="What is said unprompted: how it stands, what failed, and what to do about it.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Ids = Annotated[
    list[int] | None, typer.Argument(metavar="ID…", help="Rows, by their ids.", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="Every dead row.")]
OfKind = Annotated[
    str,
    typer.Option(
        "--kind", metavar="KIND", help='With --all: only this kind, or family ("plan").', show_default=False
    ),
]


class _Said(NamedTuple):
    """What stood before the name of a command below: it counts for that one too."""

    config: Path | None
    as_json: bool


@outbox.callback()
def overview(context: typer.Context, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """How many messages stand where, the next and the latest, and what was given up."""
    context.obj = _Said(config, as_json)
    if context.invoked_subcommand is not None:
        return

    async def work(storage: Storage, clock: Clock) -> Seen:
        from bot.cli_outbox_tables import Seen
        from bot.overview import dead, look, waiting

        now = clock.now()
        async with storage.read() as connection:
            given_up = await dead(connection, limit=SHOWN)
            return Seen(await look(connection, now), given_up, await waiting(connection, SHOWN), now)

    from bot.cli_outbox_tables import overview_json, show_overview

    seen = _with_storage(config, work)
    if as_json:
        typer.echo(json.dumps(overview_json(seen), indent=2))
    else:
        show_overview(seen)


@outbox.command()
def dead(
    context: typer.Context,
    config: ConfigFile = None,
    as_json: AsJson = False,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help='Only this kind, or family ("plan").', show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
) -> None:
    """The messages that were given up, the latest first: id, kind, tries, last error, when."""

    async def work(storage: Storage, clock: Clock) -> list[Dead]:
        from bot.overview import dead

        async with storage.read() as connection:
            return await dead(connection, kind, limit + 1)

    from bot.cli_outbox_tables import dead_json, dead_table, show

    said: _Said = context.obj
    rows = _with_storage(config or said.config, work)
    if as_json or said.as_json:
        typer.echo(json.dumps([dead_json(row) for row in rows[:limit]], indent=2))
    elif not rows:
        typer.echo("No dead rows.")
    else:
        show(dead_table(rows[:limit]))
        if len(rows) > limit:
            typer.echo(f"There are more than {limit}; --limit shows more of them.")


@outbox.command(context_settings=NEGATIVE)
def retry(
    context: typer.Context, ids: Ids = None, every: All = False, kind: OfKind = "", config: ConfigFile = None
) -> None:
    """Have messages tried again at once: dead ones, and those that wait after a failure."""
    _check(ids, every, kind)

    async def work(storage: Storage, clock: Clock) -> Report:
        from bot.operating import all_dead, retry

        return await retry(storage, clock.now(), ids or await all_dead(storage, kind))

    said: _Said = context.obj
    _tell(_with_storage(config or said.config, work), "tried again now")


@outbox.command(context_settings=NEGATIVE)
def drop(
    context: typer.Context, ids: Ids = None, every: All = False, kind: OfKind = "", config: ConfigFile = None
) -> None:
    """Let messages go for good. Their features tell people what they must be told."""
    _check(ids, every, kind)
    said: _Said = context.obj
    config = config or said.config
    key_file = vault(config)

    async def work(storage: Storage, clock: Clock) -> Report:
        from random import Random

        from bot.app import build
        from bot.assembly import defaults
        from bot.operating import all_dead, drop
        from bot.sender import Pace
        from bot.speaker import Speaker

        app = build(
            storage=storage,
            clock=clock,
            vault=key_file,
            chats=(),
            defaults=defaults(load(config)[0]),
            pace=Pace(),
            random=Random(),
        )
        features = Speaker(app.kit, app.registry)
        return await drop(app.kit, features, ids or await all_dead(storage, kind))

    report = _with_storage(config, work)
    if report.unread:
        listed = ", ".join(map(str, report.unread))
        typer.echo(f"{listed}: cannot be opened with this key file, so nobody could be told of it.", err=True)
    _tell(report, "dropped")


# -- the database -------------------------------------------------------------------------------------


def _with_storage(config: Path | None, work: Callable[[Storage, Clock], Awaitable[T]]) -> T:
    """What ``work`` gives for the database and the clock of these settings."""
    from bot.__main__ import run_to_end
    from bot.logs import configure
    from bot.storage.errors import StorageError

    settings, origins = load(config)
    file = settings.storage.file
    if file is not None and not file.exists():
        fail(f"{file}: there is no database yet. The bot makes it when it first starts.", FAILED)
    configure("warning", settings.log.format, lasting=False)
    try:
        return run_to_end(_opened(settings, work))
    except StorageError as error:
        from bot.config import unusable_storage

        fail(unusable_storage(settings, origins, str(error)), UNUSABLE)


async def _opened(settings: Settings, work: Callable[[Storage, Clock], Awaitable[T]]) -> T:
    from datetime import timedelta

    from bot.clock import SystemClock
    from bot.storage import Storage

    storage = await Storage.open(settings.storage.url)
    try:
        offset = timedelta()
        if settings.web_wanted:
            from bot.platforms.web import stored_offset

            offset = await stored_offset(storage)
        clock = SystemClock(offset=offset)
        storage.on_clock(clock.correct)
        return await work(storage, clock)
    finally:
        await storage.close()


# -- words --------------------------------------------------------------------------------------------


def _check(ids: list[int] | None, every: bool, kind: str) -> None:
    """Which rows are meant must be plain: some by their ids, or all that are dead."""
    if bool(ids) == every:
        fail("Name rows by their ids, or say --all for every dead row.", UNUSABLE)
    if kind and not every:
        fail("--kind goes with --all.", UNUSABLE)


def _tell(report: Report, what: str) -> None:
    """What was done; ends the program with 1 if something was left alone."""
    for id, why in sorted(report.left.items()):
        typer.echo(f"{id}: left alone, {why}.", err=True)
    n = len(report.done)
    if n or report.left:
        typer.echo(f"{n} {'row' if n == 1 else 'rows'} {what}.")
    else:
        typer.echo("No dead rows.")
    if report.left:
        raise typer.Exit(FAILED)

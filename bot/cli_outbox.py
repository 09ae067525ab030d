"""``bounceback outbox``: how the outbox stands, what failed in it, and what to do about that.

It works beside a bot that runs. It shows ids, kinds, times and errors; what a message says stays sealed.
Exit codes: 0 done, 1 not (all) done, 2 settings or words that cannot be used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from bot.cli_parts import FAILED, UNUSABLE, ConfigFile, fail, load, vault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from rich.table import Table

    from bot.clock import Clock
    from bot.config import Settings
    from bot.operating import Report
    from bot.overview import Dead, Overview, Waiting
    from bot.storage import Storage

T = TypeVar("T")
SHOWN = 10  # dead rows in the overview

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


class _Seen(NamedTuple):
    """What the overview shows."""

    found: Overview
    dead: list[Dead]
    waiting: list[Waiting]
    now: datetime


@outbox.callback()
def overview(context: typer.Context, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """How many messages stand where, the next and the latest, and what was given up."""
    context.obj = _Said(config, as_json)
    if context.invoked_subcommand is not None:
        return

    async def work(storage: Storage, clock: Clock) -> _Seen:
        from bot.overview import dead, look, waiting

        now = clock.now()
        async with storage.read() as connection:
            given_up = await dead(connection, limit=SHOWN)
            return _Seen(await look(connection, now), given_up, await waiting(connection, SHOWN), now)

    seen = _with_storage(config, work)
    if as_json:
        typer.echo(json.dumps(_overview_json(seen), indent=2))
    else:
        _show_overview(seen)


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

    said: _Said = context.obj
    rows = _with_storage(config or said.config, work)
    if as_json or said.as_json:
        typer.echo(json.dumps([_dead_json(row) for row in rows[:limit]], indent=2))
    elif not rows:
        typer.echo("No dead rows.")
    else:
        _print(_dead_table(rows[:limit]))
        if len(rows) > limit:
            typer.echo(f"There are more than {limit}; --limit shows more of them.")


@outbox.command()
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


@outbox.command()
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
        from bot.operating import all_dead, drop
        from bot.people import Defaults
        from bot.sender import Pace
        from bot.speaker import Speaker

        wishes = load(config)[0].community
        defaults = Defaults(
            wishes.zone,
            wishes.language,
            wishes.quiet_from,
            wishes.quiet_to,
            wishes.messages_per_day,
            wishes.ignored_limit,
        )
        app = build(
            storage=storage,
            clock=clock,
            vault=key_file,
            chats=(),
            defaults=defaults,
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

    settings = load(config)[0]
    file = settings.storage.file
    if file is not None and not file.exists():
        fail(f"{file}: there is no database yet. The bot makes it when it first starts.", FAILED)
    configure("warning", settings.log.format, lasting=False)
    try:
        return run_to_end(_opened(settings, work))
    except StorageError as error:
        from bot.config_reading import show

        fail(f"storage.url = {show(settings.storage.url)} {error}", UNUSABLE)


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


def _overview_json(seen: _Seen) -> dict[str, Any]:
    found, now, late = seen.found, seen.now, seen.found.oldest
    kinds: dict[str, dict[str, int]] = {}
    for (standing, kind), n in sorted(found.counts.items()):
        kinds.setdefault(kind, {})[standing.value] = n
    return {
        "at": now.isoformat(),
        "states": {standing.value: n for standing, n in found.by_standing().items()},
        "kinds": kinds,
        "next_due": found.next_due.isoformat() if found.next_due else None,
        "oldest_overdue": {
            "id": late.id,
            "kind": late.kind,
            "ready_at": late.ready_at.isoformat(),
            "seconds": round((now - late.ready_at).total_seconds(), 3),
            "error": late.error,
        }
        if late
        else None,
        "dead": [_dead_json(row) for row in seen.dead],
        "waiting": [
            {
                "kind": each.kind,
                "error": each.error,
                "rows": each.rows,
                "id": each.id,
                "next_try": each.next_try.isoformat(),
            }
            for each in seen.waiting
        ],
    }


def _dead_json(row: Dead) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "attempts": row.attempts,
        "error": row.error,
        "due_at": row.due_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
    }


def _show_overview(seen: _Seen) -> None:
    from rich.table import Table
    from rich.text import Text

    from bot.overview import Standing

    found, given_up, now = seen.found, seen.dead, seen.now
    families = sorted({name for _, name in found.by_family()})
    by_family = found.by_family()
    table = Table("State", "Rows", *families, box=None, pad_edge=False)
    for standing, n in found.by_standing().items():
        cells = (by_family.get((standing, name), 0) for name in families)
        table.add_row(standing.value, str(n), *(str(cell) if cell else "" for cell in cells))
    _print(table)
    if found.oldest:
        late = found.oldest
        typer.echo(f"The oldest overdue: row {late.id} ({late.kind}), due since {_time(late.ready_at)}.")
    elif found.next_due:
        typer.echo(f"The next one is due at {_time(found.next_due)}; it is {_time(now)}.")
    else:
        typer.echo("Nothing is planned.")
    if seen.waiting:
        typer.echo("")
        table = Table("Rows", "Kind", "Last error", "One of them", "Next try", box=None, pad_edge=False)
        for each in seen.waiting:
            cells = (str(each.rows), each.kind, each.error, str(each.id), _time(each.next_try))
            table.add_row(*map(Text, cells))
        _print(table)
        typer.echo("These failed and are tried again by themselves.")
    n = found.by_standing()[Standing.DEAD]
    if given_up:
        typer.echo("")
        _print(_dead_table(given_up))
        more = f" (the latest {len(given_up)} of {n})" if n > len(given_up) else ""
        typer.echo(
            f"These were given up{more}: `bounceback outbox retry ID`, or `bounceback outbox drop ID`."
        )


def _dead_table(rows: list[Dead]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("Id", "Kind", "Tries", "Last error", "Due", "Given up", box=None, pad_edge=False)
    for row in rows:
        ended = _time(row.ended_at) if row.ended_at else ""
        cells = (str(row.id), row.kind, str(row.attempts), row.error, _time(row.due_at), ended)
        table.add_row(*map(Text, cells))
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 1000  # wide enough that no value is broken over lines in a file or a pipe
    console.print(table)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

"""/motivation: a kind line on the days and at the time a person chooses; /encourage: one now.

What was said is marked as seen when its row ends as sent, or as folded into another message; one
that did not arrive may come again.
"""

from __future__ import annotations

from calendar import day_name
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, User
from bot.clock import next_local
from bot.cog import Cog, Ctx, End, Kit, Nudge, Row, Rule, State
from bot.content import Prompt
from bot.errors import Refused
from bot.folding import fold
from bot.pace import Flow
from bot.people import Preferences
from bot.prompting import Pick, choose, for_rows, mark, moment, rate, read, reader_of, spelled
from bot.schedules import (
    DAILY,
    NONE,
    SPANS,
    THEMES,
    Next,
    Schedule,
    keep_latest_missed,
    last_of_crowd,
    load,
    load_many,
    plan_anew,
    plan_next,
    save,
    soonest,
    without_plan,
)
from bot.storage.schema import motivation, prompts
from bot.ui import Button, Card, Choice, Fact, Field, Form, Kind, Style, Text, Tone, When, join
from bot.when import parse_wall
from bot.words import Voice

cog = Cog("motivation", owns=(motivation, prompts))

MENDED = 500  # people in one transaction

FORM = Form(
    "motivation.edit",
    (
        Field("time", kind=Kind.TIME),
        Field("days", kind=Kind.CHOICE, optional=True, choices=tuple(map(Choice, SPANS))),
        Field("themes", kind=Kind.CHOICES, optional=True, choices=tuple(map(Choice, THEMES))),
    ),
)
ON = Button("motivation.on", style=Style.PRIMARY)
OFF = Button("motivation.off")
CHANGE = Button("motivation.change")
PAUSE = Button("motivation.pause")
ONE = Button("motivation.one")
HEART = Button("motivation.heart")
NOT_FOR_ME = Button("motivation.not_for_me")
ANOTHER = Button("motivation.another")
SETTINGS = Button("settings.show")

cog.press_opens(CHANGE, FORM)


async def _change(ctx: Ctx, **changes: Any) -> None:
    """Keep what was chosen, and plan anew."""
    async with ctx.write() as tx:
        schedule = replace(await load(tx, ctx.user.key), **changes)
        await save(tx, ctx.user.key, schedule)
        await plan_anew(ctx.kit, tx, ctx.person, schedule)


# -- planning -------------------------------------------------------------------------------------


@cog.after_all(DAILY)
async def ended(kit: Kit, tx: AsyncConnection, ends: Sequence[End]) -> None:
    """Whatever became of them, the next ones follow; what was said counts as seen."""
    now = kit.now  # one for all: what is worked out for one zone and time of day holds for many
    mine = [(each, each.nudge.row, each.nudge.person) for each in ends]
    mine = [(end, row, person) for end, row, person in mine if person is not None]
    schedules = await load_many(tx, (person.user for _, _, person in mine))
    said: list[tuple[str, Pick, datetime]] = []
    unloaded: list[tuple[Row, str, Sequence[str]]] = []  # stood in another message, and was not rendered
    for end, row, person in mine:
        if end.state in (State.SENT, State.FOLDED):
            if loaded := cast("Line | None", end.nudge.loaded):
                said.append((person.user, loaded.pick, max(now, moment(row))))
            else:
                unloaded.append((row, person.user, schedules.get(person.user, NONE).themes))
    picks = await for_rows(kit, tx, unloaded)
    said += [
        (user, pick, max(now, moment(row))) for (row, user, _), pick in zip(unloaded, picks, strict=True)
    ]
    await mark(tx, said)
    await keep_latest_missed(kit, tx, [row for end, row, _ in mine if end.state is State.UNDELIVERED])
    following = [
        Next(person, schedules[person.user], max(row.due_at, now))
        for _, row, person in mine
        if person.user in schedules
    ]
    await plan_next(kit, tx, following)


@cog.rezone
async def rezone(kit: Kit, tx: AsyncConnection, _: Preferences, new: Preferences) -> None:
    """The same time of day, from the next occurrence on, in the new zone."""
    await plan_anew(kit, tx, new, await load(tx, new.user))


@cog.tick("motivation.plan", timedelta(hours=1))
async def mend(kit: Kit) -> None:
    """Whatever went wrong: who asked for it and has nothing planned gets their next one."""
    async with kit.storage.read() as connection:
        users = await without_plan(kit, connection)
    for start in range(0, len(users), MENDED):
        async with kit.storage.write() as tx:
            persons = await kit.people.load_many(tx, users[start : start + MENDED])
            schedules = await load_many(tx, persons)
            await plan_next(kit, tx, [Next(persons[user], schedules[user], kit.now) for user in schedules])


# -- what it says ---------------------------------------------------------------------------------


class Line(NamedTuple):
    """What a planned message is about to say, and whether its person still wants any."""

    active: bool
    pick: Pick


async def lines(kit: Kit, connection: AsyncConnection, rows: Sequence[Row]) -> Mapping[int, Line]:
    """The lines of many rows, by row id."""
    schedules = await load_many(connection, (row.user.key for row in rows if row.user))
    wanted = [
        (row, row.user.key, schedules.get(row.user.key, NONE).themes) for row in rows if row.user is not None
    ]
    picks = await for_rows(kit, connection, wanted)
    return {
        row.id: Line(schedules.get(user, NONE).active, pick)
        for (row, user, _), pick in zip(wanted, picks, strict=True)
    }


@cog.nudge(DAILY, rule=Rule(asked=True), label=lambda nudge: nudge.voice.line("motivation-daily"), load=lines)
async def daily(nudge: Nudge) -> Card | None:
    """The day's line; nothing if it was turned off meanwhile."""
    line, row = cast("Line | None", nudge.loaded), nudge.row
    if line is None or (row.state is State.READY and not line.active):
        return None
    return _prompt(nudge.voice, line.pick.prompt, str(row.id), (HEART, NOT_FOR_ME, PAUSE))


def _prompt(voice: Voice, prompt: Prompt, row: str, buttons: tuple[Button, ...], note: Text = "") -> Card:
    """A prompt; its buttons carry the row that brought it (if one did) and what it is."""
    args = {HEART: f"{row}.{prompt.id}", NOT_FOR_ME: f"{row}.{prompt.id}", ANOTHER: f"{row}."}
    shown = tuple(voice.button(button, args.get(button, "")) for button in buttons)
    return Card(join(prompt.text, note, by="\n\n"), tone=Tone.WARM, buttons=shown)


@cog.command("encourage")
@cog.press(ONE)
@cog.press(ANOTHER, Ack.REPLACES)
async def encourage(ctx: Ctx) -> Card:
    """One now. It is chosen and marked in one transaction, so two presses give two."""
    row = ctx.arg.partition(".")[0] if ctx.event.name == ANOTHER.id else ""
    async with ctx.write() as tx:
        schedule = await load(tx, ctx.user.key)
        reader = await reader_of(tx, ctx.kit.vault, ctx.user.key, schedule.themes, ctx.now)
        pick = choose(ctx.kit.content.prompts, reader, lambda pool: [ctx.kit.random.random() for _ in pool])
        await mark(tx, [(ctx.user.key, pick, ctx.now)])
    out = (PAUSE,) if row else ()
    return await _with_rest(
        ctx, row, _prompt(ctx.voice, pick.prompt, row, (HEART, NOT_FOR_ME, ANOTHER, *out))
    )


@cog.press(HEART, Ack.REPLACES)
async def heart(ctx: Ctx) -> Card:
    return await _rate(ctx, 1)


@cog.press(NOT_FOR_ME, Ack.REPLACES)
async def not_for_me(ctx: Ctx) -> Card:
    return await _rate(ctx, -1)


async def _rate(ctx: Ctx, liked: int) -> Card:
    """The same words, with a line on what follows, and a way to change one's mind."""
    row, _, name = ctx.arg.partition(".")
    prompt = next((each for each in ctx.kit.content.prompts if each.id == name), None)
    if prompt is None:
        raise Refused("motivation-gone")
    async with ctx.write() as tx:
        await rate(tx, ctx.user.key, prompt.id, liked, ctx.now)
    more = (NOT_FOR_ME,) if liked > 0 else (HEART, ANOTHER)
    out = (PAUSE,) if row else (ANOTHER,) if liked > 0 else ()
    note = ctx.say("motivation-rated", liked=liked > 0)
    return await _with_rest(ctx, row, _prompt(ctx.voice, prompt, row, (*more, *out), note))


async def _with_rest(ctx: Ctx, id: str, card: Card) -> Card:
    """The card, and below it what else came in the same message."""
    async with ctx.kit.storage.read() as connection:
        row = await ctx.kit.outbox.find(connection, ctx.user, id)
        others = await ctx.kit.outbox.folded(connection, row) if row else []
    return fold(ctx.kit, card, others, ctx.voice, ctx.person)


# -- /motivation ----------------------------------------------------------------------------------


@cog.command("motivation", options=(Field("words", optional=True, limit=200),))
async def command(ctx: Ctx) -> Card:
    """``/motivation on 08:30 weekdays`` in any order; alone: how it stands. Naming a time turns it on."""
    changes, unclear = read(ctx.arg or ctx.values.get("words", ""), theme_names(ctx.voice))
    if unclear:
        raise Refused("motivation-unclear", typed=unclear)
    if changes:
        await _change(ctx, **{"active": True, **changes})
    return await _status(ctx)


@cog.press(ON, Ack.REPLACES)
async def turn_on(ctx: Ctx) -> Card:
    await _change(ctx, active=True)
    return await _status(ctx)


@cog.press(OFF, Ack.REPLACES)
async def turn_off(ctx: Ctx) -> Card:
    await _change(ctx, active=False)
    return await _status(ctx)


@cog.press(PAUSE)
async def pause(ctx: Ctx) -> Card:
    """The way out on each message, which stays where it is."""
    await _change(ctx, active=False)
    return Card(ctx.say("motivation-paused"), buttons=(ON,))


@cog.fill(FORM)
async def fill(ctx: Ctx) -> Mapping[str, str]:
    """How it stands. Days of a person's own are no choice of the form, and stay if none is made."""
    async with ctx.kit.storage.read() as connection:
        schedule = await load(connection, ctx.user.key)
    themes = ",".join(schedule.themes)
    return {"time": schedule.at.isoformat("minutes"), "days": schedule.span, "themes": themes}


@cog.submit(FORM)
async def edit(ctx: Ctx) -> Card:
    at = parse_wall(ctx.values["time"])
    if at is None:
        raise Refused("motivation-time-unclear", field="time")
    days = SPANS.get(ctx.values["days"])
    themes = tuple(theme for theme in ctx.values["themes"].split(",") if theme)
    changes: dict[str, Any] = {"at": at, "themes": () if len(themes) == len(THEMES) else themes}
    await _change(ctx, active=True, **changes, **({"days": days} if days else {}))
    return await _status(ctx)


async def _status(ctx: Ctx) -> Card:
    """How it stands, when the next one comes, and what keeps it from coming."""
    async with ctx.kit.storage.read() as connection:
        schedule = await load(connection, ctx.user.key)
        coming = await soonest(connection, ctx.user.key)
        flow = ctx.kit.flows.get(ctx.user.platform, Flow())
        last = coming and await last_of_crowd(connection, flow, ctx.user, coming, ctx.now)
    person, line = ctx.person, ctx.line
    due = next_local(ctx.now, schedule.at, person.zone)
    notes, buttons = [ctx.say("motivation-is", active=schedule.active)], [CHANGE]
    facts = [
        Fact(line("motivation-time"), schedule.at.isoformat("minutes")),
        Fact(line("motivation-days"), _days(ctx, schedule)),
        Fact(line("motivation-themes"), _themes(ctx, schedule)),
    ]
    if schedule.active and person.paused(ctx.now):
        notes.append(ctx.say("motivation-break"))
    elif schedule.active and coming is not None:
        facts.append(Fact(line("motivation-next"), (When(person.decent(coming)),)))
    if schedule.active and person.decent(due) > due:  # their own choice, so it is told and not refused
        notes.append(ctx.say("motivation-quiet"))
        buttons.append(SETTINGS)
    if schedule.active and last and not person.paused(ctx.now):
        notes.append(ctx.say("motivation-crowd", latest=When(last, "time")))
    buttons = [*buttons, OFF] if schedule.active else [ON, *buttons]
    return Card(
        join(*notes, by="\n\n"), line("motivation-daily"), fields=tuple(facts), buttons=tuple(buttons)
    )


def _days(ctx: Ctx, schedule: Schedule) -> str:
    if schedule.span:
        return ctx.line(f"choice-days.{schedule.span}")
    return ", ".join(ctx.line("motivation-day", day=day) for day in sorted(schedule.days))


def _themes(ctx: Ctx, schedule: Schedule) -> str:
    labels = [ctx.line(f"choice-themes.{theme}") for theme in schedule.themes]
    return ", ".join(labels) if labels else ctx.line("motivation-any")


def theme_names(voice: Voice) -> dict[str, str]:
    """Themes by what people call them: the slug or the label."""
    labels = {spelled(voice.line(f"choice-themes.{theme}")): theme for theme in THEMES}
    return labels | {spelled(theme): theme for theme in THEMES}


# -- what is stored about a person ----------------------------------------------------------------


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """When it comes, and which lines they had and liked."""
    schedules = await connection.execute(select(motivation).where(motivation.c.user == user.key))
    had = await connection.execute(select(prompts).where(prompts.c.user == user.key).order_by(prompts.c.at))
    texts = {prompt.id: prompt.text for prompt in kit.content.prompts}
    return {
        "daily motivation": [
            {
                "time": row["at"],
                "days": [day_name[int(day)] for day in row["days"]],
                "themes": row["themes"].split(","),
                "on": row["active"],
            }
            for row in schedules.mappings()
        ],
        "encouragement": [
            {
                "text": texts.get(row["prompt"], row["prompt"]),
                "seen": row["seen"],
                "liked": row["liked"],
                "at": row["at"].isoformat(timespec="minutes"),
            }
            for row in had.mappings()
        ],
    }


@cog.forget
async def forget(_: Kit, tx: AsyncConnection, user: User) -> None:
    """All of it; what is planned goes with the outbox."""
    await tx.execute(delete(motivation).where(motivation.c.user == user.key))
    await tx.execute(delete(prompts).where(prompts.c.user == user.key))

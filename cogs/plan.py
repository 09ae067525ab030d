"""The plan's nudges: what each says when its day has come, and Done, Later, Skip, the thing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, User
from bot.clock import at_local, local, local_day
from bot.cog import Cog, Ctx, Kit, Nudge, Plan, Row, State, parse_user
from bot.errors import Refused
from bot.folding import SHOW, fold
from bot.people import Preferences
from bot.planning import rezoned
from bot.posts import about
from bot.rows import ASKED
from bot.storage import rejections as store
from bot.storage.rejections import Rejection
from bot.storage.schema import outbox
from bot.ui import Button, Card, Field, Form, Kind, Quote, Style, Text, Tone, When, join

cog = Cog("plan", owns=(outbox,))

KINDS = (
    "thank_you",
    "ask_feedback",
    "check_in",
    "reflect",
    "strengths",
    "practise",
    "next_application",
    "feedback_check",
    "tailor",
    "close_it",
    "keep_door_open",
    "rest",
    "network",
    "small_goal",
)
DRAFTS = {"thank_you": "thank-you-draft", "ask_feedback": "feedback-draft"}

DONE = Button("plan.done")
LATER = Button("plan.later")
SKIP = Button("plan.skip")
SNOOZE = Button("plan.snooze")
BACK = Button("plan.back")
DRAFT = Button("plan.draft", style=Style.PRIMARY)
# The other tools come later; until then these two nudges have what is there already.
TOOLS = {"rest": Button("rest.take", style=Style.PRIMARY), "check_in": Button("motivation.one")}
NOTE = Form("plan.note", (Field("note", kind=Kind.LONG, limit=1600),))
SNOOZES = ("hours", "tomorrow", "days", "week")

cog.press_opens(DRAFT, NOTE)


def _words(row: Row) -> str:
    return f"nudge-{row.kind.removeprefix('plan.').replace('_', '-')}"


def _label(nudge: Nudge) -> str:
    return nudge.voice.line(f"{_words(nudge.row)}.short")


async def nudge_card(nudge: Nudge) -> Card | None:
    """One step of the plan; nothing if the person had everything forgotten."""
    rejection, row = cast("Rejection | None", nudge.loaded), nudge.row
    if rejection is None:
        return None
    words, kind = _words(row), row.kind.removeprefix("plan.")
    says = {"stage": rejection.stage.value, "where": rejection.where, "has_where": bool(rejection.where)}
    buttons = [nudge.button(each, str(row.id)) for each in (DONE, LATER, SKIP)]
    if kind in DRAFTS:
        buttons.insert(0, nudge.button(DRAFT, f"{kind}.{rejection.id}"))
    elif kind in TOOLS:
        buttons.insert(0, nudge.button(TOOLS[kind]))
    return Card(nudge.say(words, **says), title=nudge.voice.line(f"{words}.title"), buttons=tuple(buttons))


for _kind in KINDS:
    cog.nudge(f"plan.{_kind}", label=_label, load=about)(nudge_card)


# -- Done, Later, Skip ----------------------------------------------------------------------------


@cog.press(DONE, Ack.REPLACES)
async def done(ctx: Ctx) -> Card:
    row = await _end(ctx, State.DONE)
    return await _and_rest(ctx, row, Card(ctx.say(f"{_words(row)}.done"), tone=Tone.WARM))


@cog.press(SKIP, Ack.REPLACES)
async def skip(ctx: Ctx) -> Card:
    row = await _end(ctx, State.SKIPPED)
    return await _and_rest(ctx, row, Card(ctx.say("plan-skipped")))


async def _end(ctx: Ctx, state: State) -> Row:
    async with ctx.write() as tx:
        row = await _row(ctx, tx, ctx.arg)
        await ctx.kit.end(tx, row, state)
    return row


@cog.press(LATER, Ack.REPLACES)
async def later(ctx: Ctx) -> Card:
    """When it should come back; until one is chosen, nothing changes."""
    async with ctx.kit.storage.read() as connection:
        row = await _row(ctx, connection, ctx.arg)
    label = ctx.kit.label(row, ctx.voice, ctx.person)
    buttons = [ctx.button(SNOOZE, f"{row.id}.{choice}", choice=choice) for choice in SNOOZES]
    return Card(ctx.say("plan-when"), title=label, buttons=(*buttons, ctx.button(BACK, str(row.id))))


@cog.press(BACK, Ack.REPLACES)
async def back(ctx: Ctx) -> Card:
    """The nudge as it was."""
    async with ctx.kit.storage.read() as connection:
        row = await _row(ctx, connection, ctx.arg)
    card = await ctx.kit.card(row, ctx.voice, ctx.person)
    if card is None:
        raise Refused("plan-gone")
    return await _and_rest(ctx, row, card)


@cog.press(SHOW)
async def show(ctx: Ctx) -> Card:
    """One of several that came in one message."""
    async with ctx.kit.storage.read() as connection:
        row = await _row(ctx, connection, ctx.arg)
    card = await ctx.kit.card(row, ctx.voice, ctx.person)
    if card is None:
        raise Refused("plan-gone")
    return card


@cog.press(SNOOZE, Ack.REPLACES)
async def snooze(ctx: Ctx) -> Card:
    """This one, this once, at another time."""
    id, _, choice = ctx.arg.partition(".")
    async with ctx.write() as tx:
        row = await _row(ctx, tx, id)
        at = _snoozed(row, choice, ctx.person, ctx.now)
        if ctx.person.paused_for_good(ctx.now):
            said = ctx.say("plan-snoozed-waits")
        else:
            at = ctx.person.expected(at, ctx.now)  # a break is not over before its end
            said = ctx.say("plan-snoozed", when=When(at, "moment"))
        await put_off(ctx.kit, tx, row, at)
    return await _and_rest(ctx, row, Card(said))


def _snoozed(row: Row, choice: str, person: Preferences, now: datetime) -> datetime:
    """An instant at a decent hour: in three hours, or at its time of day some days on."""
    if choice == "hours":
        return person.decent(now + timedelta(hours=3))
    days = {"tomorrow": 1, "days": 3, "week": 7}.get(choice)
    if days is None:
        raise Refused("unknown-action")
    wall = local(row.due_at, person.zone).time().replace(microsecond=0)
    day = local_day(now, person.zone) + timedelta(days=days)
    return person.decent(at_local(day, wall, person.zone))


async def put_off(kit: Kit, tx: AsyncConnection, row: Row, at: datetime) -> None:
    """It ends here and comes again as a row of its own, at the very time that its person chose."""
    await kit.outbox.end(tx, [row.id], State.SNOOZED)
    late = row.expires_at - row.due_at if row.expires_at else None
    again = Plan(
        row.kind,
        ("again", row.key, at.isoformat()),
        at,
        user=row.user,
        args={**row.args, ASKED: "yes"},
        subject=row.subject,
        expires_at=at + late if late else None,
    )
    await kit.outbox.plan(tx, again)


async def _row(ctx: Ctx, connection: AsyncConnection, id: str) -> Row:
    """The person's own row that a button is about, unless that is settled."""
    row = await ctx.kit.outbox.find(connection, ctx.user, id)
    if row is None or row.state not in (
        State.READY,
        State.SENT,
        State.FOLDED,
        State.UNDELIVERED,
        State.SHOWN,
    ):
        raise Refused("plan-settled")
    return row


async def _and_rest(ctx: Ctx, row: Row, card: Card) -> Card:
    """The card, and below it what came in the same message and still stands."""
    async with ctx.kit.storage.read() as connection:
        others = await ctx.kit.outbox.folded(connection, row)
    return fold(ctx.kit, ctx.voice.card(card), others, ctx.voice, ctx.person)


# -- the drafts -----------------------------------------------------------------------------------


@cog.fill(NOTE)
async def draft(ctx: Ctx) -> Mapping[str, str]:
    """A note to start from, with what the person told about the place."""
    kind, _, id = ctx.arg.partition(".")
    async with ctx.kit.storage.read() as connection:
        rejection = await store.load(connection, ctx.kit.vault, id)
    if rejection is None or rejection.owner != ctx.owner or kind not in DRAFTS:
        raise Refused("plan-gone")
    says = {"stage": rejection.stage.value, "where": rejection.where, "has_where": bool(rejection.where)}
    note = ctx.voice(DRAFTS[kind], **says)
    return {"note": note if isinstance(note, str) else ""}


@cog.submit(NOTE)
async def noted(ctx: Ctx) -> Card:
    """The note, ready to copy. The bot never writes to an employer, and keeps no copy."""
    text: Text = join(ctx.say("plan-copy"), Quote(ctx.values["note"]), by="\n\n")
    return Card(
        text, title=ctx.line("plan-ready"), tone=Tone.WARM, buttons=(replace(DRAFT, arg=ctx.event.arg),)
    )


# -- the person's rows in the outbox --------------------------------------------------------------


@cog.rezone
async def rezone(kit: Kit, tx: AsyncConnection, old: Preferences, new: Preferences) -> None:
    """The plan keeps its dates and times of day in the new zone."""
    if old.zone == new.zone:
        return
    user = parse_user(new.user)
    rows = [
        row for row in await kit.outbox.coming(tx, user) if row.kind.startswith("plan.") and not row.lease
    ]
    await kit.outbox.move(tx, {row.id: new.decent(rezoned(row.due_at, old.zone, new.zone)) for row in rows})


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """What is planned for a person."""
    rows = await kit.outbox.coming(connection, user)
    return {"planned messages": [f"{row.due_at.isoformat(timespec='minutes')} {row.kind}" for row in rows]}


@cog.forget
async def forget(kit: Kit, tx: AsyncConnection, user: User) -> None:
    """Nothing is said to this person any more, and nothing tells that it ever was."""
    await tx.execute(delete(outbox).where(outbox.c.user == user.key))

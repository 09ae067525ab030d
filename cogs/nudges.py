"""/nudges: what is planned, and every way to have less of it."""

from __future__ import annotations

from dataclasses import replace

from bot.chat import Ack
from bot.cog import Cog, Ctx, Nudge, Row, Rule, State
from bot.errors import Refused
from bot.pausing import pause, resume
from bot.storage.schema import FOREVER
from bot.ui import Button, Card, Field, Style, Text, Tone, When, join

cog = Cog("nudges")

PAGE = 5
LIST = Button("nudges.list")
TURN = Button("nudges.turn")
OPEN = Button("nudges.open")
SKIP = Button("nudges.skip")
CANCEL = Button("nudges.cancel")
PAUSE = Button("nudges.pause")
RESUME = Button("nudges.resume", style=Style.PRIMARY)
MISSED = Button("nudges.missed")
GO_ON = Button("nudges.go_on", style=Style.PRIMARY)
STOP = Button("nudges.stop")
LATER = Button("plan.later")
REST = Button("rest.take")


@cog.command("nudges", options=(Field("page", optional=True),))
async def nudges(ctx: Ctx) -> Card:
    """What is planned, soonest first."""
    return await _page(ctx, 0)


@cog.press(LIST)
async def listed(ctx: Ctx) -> Card:
    return await _page(ctx, 0)


@cog.press(TURN, Ack.REPLACES)
async def turn(ctx: Ctx) -> Card:
    return await _page(ctx, _number(ctx.arg))


def _number(arg: str) -> int:
    return int(arg) if arg.isascii() and arg.isdigit() and len(arg) < 6 else 0


async def _page(ctx: Ctx, page: int) -> Card:
    rows = await _coming(ctx)
    paused = ctx.person.paused(ctx.now)
    if not rows:
        return Card(ctx.say("nudges-none"), buttons=(RESUME,) if paused else (Button("motivation.one"),))
    last = (len(rows) - 1) // PAGE
    page = min(max(page, 0), last)
    here = rows[page * PAGE : (page + 1) * PAGE]
    lines = [join(_when(row, paused=paused, ctx=ctx), " – ", label) for row, label in here]
    buttons = [replace(OPEN, arg=f"{row.id}.{page}", label=label) for row, label in here]
    buttons += [ctx.button(TURN, str(page - 1), way="back")] if page else []
    buttons += [ctx.button(TURN, str(page + 1), way="on")] if page < last else []
    buttons.append(RESUME if paused else PAUSE)
    text = join(_state(ctx), join(*lines, by="\n"), ctx.say("nudges-choose"), by="\n\n")
    return Card(text, title=ctx.line("nudges-list.title"), buttons=tuple(buttons))


def _when(row: Row, *, paused: bool, ctx: Ctx) -> Text:
    """The time of a row; what waits for a pause without an end has none."""
    if row.ready_at >= FOREVER or (paused and ctx.person.paused_for_good(ctx.now)):
        return ctx.say("nudges-waits")
    return (When(ctx.person.expected(row.ready_at, ctx.now), "moment"),)


def _state(ctx: Ctx) -> Text:
    if not ctx.person.paused(ctx.now) or ctx.person.paused_until is None:
        return ""
    if ctx.person.paused_for_good(ctx.now):
        return ctx.say("nudges-paused")
    return ctx.say("nudges-break", when=When(ctx.person.decent(ctx.person.paused_until), "moment"))


async def _coming(ctx: Ctx) -> list[tuple[Row, str]]:
    """The rows that are listed, with their labels."""
    async with ctx.kit.storage.read() as connection:
        rows = await ctx.kit.outbox.coming(connection, ctx.user)
    labelled = ((row, ctx.kit.label(row, ctx.voice, ctx.person)) for row in rows)
    return [(row, label) for row, label in labelled if label]


@cog.press(OPEN, Ack.REPLACES)
async def open_one(ctx: Ctx) -> Card:
    """One planned message, with what can be done about it."""
    id, _, page = ctx.arg.partition(".")
    row = await _row(ctx, id)
    label = ctx.kit.label(row, ctx.voice, ctx.person)
    planned = row.kind.startswith("plan.")
    buttons = [ctx.button(LATER, str(row.id))] if planned else []
    buttons.append(ctx.button(SKIP, ctx.arg))
    buttons += [ctx.button(CANCEL, ctx.arg)] if planned and row.subject else []
    buttons.append(ctx.button(TURN, page or "0", way="list"))
    when = _when(row, paused=ctx.person.paused(ctx.now), ctx=ctx)
    return Card(join(ctx.say("nudges-planned"), " ", when), title=label, buttons=tuple(buttons))


@cog.press(SKIP, Ack.REPLACES)
async def skip(ctx: Ctx) -> Card:
    """This one does not come."""
    id, _, page = ctx.arg.partition(".")
    row = await _row(ctx, id)
    async with ctx.write() as tx:
        await ctx.kit.end(tx, row, State.SKIPPED)
    return await _page(ctx, _number(page))


@cog.press(CANCEL, Ack.REPLACES)
async def cancel(ctx: Ctx) -> Card:
    """The whole plan that this one belongs to does not come."""
    row = await _row(ctx, ctx.arg.partition(".")[0])
    if not row.subject:
        raise Refused("plan-settled")
    async with ctx.write() as tx:
        n = await ctx.kit.outbox.cancel(tx, subject=row.subject, user=ctx.user)
    return Card(ctx.say("nudges-cancelled", n=n), buttons=(LIST,))


async def _row(ctx: Ctx, id: str) -> Row:
    """A row of this person's that still waits."""
    async with ctx.kit.storage.read() as connection:
        row = await ctx.kit.outbox.find(connection, ctx.user, id)
    if row is None or row.state is not State.READY:
        raise Refused("plan-settled")
    return row


# -- all of it ------------------------------------------------------------------------------------


@cog.press(PAUSE, Ack.REPLACES)
async def pause_all(ctx: Ctx) -> Card:
    """Nothing until the person says so."""
    async with ctx.write() as tx:
        await pause(ctx.kit, tx, ctx.user, ctx.person, FOREVER)
    return Card(ctx.say("nudges-all-paused"), buttons=(RESUME,))


@cog.press(RESUME, Ack.REPLACES)
@cog.press(GO_ON, Ack.REPLACES)
async def resume_all(ctx: Ctx) -> Card:
    """Go on from where it stopped."""
    async with ctx.write() as tx:
        await resume(ctx.kit, tx, ctx.user, ctx.person)
    return Card(ctx.say("nudges-resumed"), tone=Tone.WARM, buttons=(LIST,))


# -- the one question after some with no reaction -------------------------------------------------


@cog.nudge("nudges.ask", rule=Rule(asked=True))
async def ask(nudge: Nudge) -> Card:
    """Whether to go on; until it is answered, nothing more is said."""
    return Card(nudge.say("nudges-ask"), buttons=(GO_ON, STOP))


@cog.press(STOP, Ack.REPLACES)
async def stop(ctx: Ctx) -> Card:
    """The silence stays."""
    return Card(ctx.say("nudges-stopped"), buttons=(RESUME,))


# -- what could not be delivered ------------------------------------------------------------------


@cog.press(MISSED)
async def missed(ctx: Ctx) -> Card:
    """What was refused by closed direct messages, in private, and how to open them."""
    async with ctx.kit.storage.read() as connection:
        rows = await ctx.kit.outbox.undelivered(connection, ctx.user)
    shown = [(row, label) for row in rows if (label := ctx.kit.label(row, ctx.voice, ctx.person))][:8]
    async with ctx.write() as tx:
        await ctx.kit.outbox.end(tx, [row.id for row in rows], State.SHOWN)
    if not shown:
        return Card(ctx.say("nudges-missed-none"))
    buttons = tuple(Button("nudges.show", str(row.id), label) for row, label in shown)
    return Card(ctx.say("nudges-missed-some"), title=ctx.line("nudges-missed"), buttons=buttons)

"""/break: time out, without losing the plan."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.chat import Ack
from bot.cog import Cog, Ctx
from bot.errors import Refused
from bot.pausing import pause, resume
from bot.planning import shift
from bot.storage.schema import FOREVER
from bot.ui import Button, Card, Field, Tone, When, join
from bot.when import parse_duration

cog = Cog("rest")

TAKE = Button("rest.take")
FOR = Button("rest.for")
BACK = Button("rest.back")
OPEN_ENDED = "open"
CHOICES = {"day": "1 day", "days": "3 days", "week": "1 week", OPEN_ENDED: OPEN_ENDED}
OVER = frozenset({"off", "over", "end", "stop", "back", "done"})
KINDNESSES = 6  # how many sentences ``rest-kind`` knows


@cog.command("break", options=(Field("time", optional=True),))
async def take(ctx: Ctx) -> Card:
    """``/break 3 days`` at once, ``/break off`` to end it, ``/break`` alone to choose."""
    word = ctx.arg.strip().lower()
    if not word:
        return _choose(ctx)
    if word in OVER:
        return await back(ctx)
    return await _pause(ctx, word)


@cog.press(TAKE)
async def choose(ctx: Ctx) -> Card:
    return _choose(ctx)


def _choose(ctx: Ctx) -> Card:
    buttons = [ctx.button(FOR, word, time=choice) for choice, word in CHOICES.items()]
    if ctx.person.paused(ctx.now):
        buttons.append(BACK)
    return Card(ctx.say("rest-choose"), buttons=tuple(buttons))


@cog.press(FOR, Ack.REPLACES)
async def chosen(ctx: Ctx) -> Card:
    return await _pause(ctx, ctx.arg)


async def _pause(ctx: Ctx, word: str) -> Card:
    until = _until(ctx, word)
    if until is None:
        raise Refused("rest-unclear")
    async with ctx.write() as tx:
        await pause(ctx.kit, tx, ctx.user, ctx.person, until)
    kind = ctx.say("rest-kind", n=ctx.kit.random.randrange(KINDNESSES))
    if until == FOREVER:
        when = ctx.say("rest-open")
    else:
        when = ctx.say("rest-until", when=When(ctx.person.decent(until), "moment"))
    return Card(join(kind, when, by="\n\n"), title=ctx.line("rest-taken"), buttons=(BACK,))


def _until(ctx: Ctx, word: str) -> datetime | None:
    """When a break that begins now ends: whole days keep the local time of day."""
    if word == OPEN_ENDED:
        return FOREVER
    length = parse_duration(word)
    if length is None:
        return None
    if length % timedelta(days=1):
        return ctx.now + length
    return shift(ctx.now, length.days, ctx.person.zone)


@cog.press(BACK, Ack.REPLACES)
async def back(ctx: Ctx) -> Card:
    """The break is over, now."""
    if not ctx.person.paused(ctx.now):
        return Card(ctx.say("rest-none"))
    async with ctx.write() as tx:
        await resume(ctx.kit, tx, ctx.user, ctx.person)
    return Card(ctx.say("rest-resumed"), tone=Tone.WARM, buttons=(Button("nudges.list"),))

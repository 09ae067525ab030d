"""/home: what is coming, what has been, and the next few taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import local_day
from bot.cog import Cog, Ctx, Row, parse_message
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared
from bot.storage.schema import encouragements, rejections, solidarity
from bot.ui import Button, Card, Text, Tone, When, join

cog = Cog("home")

SHOWN = 5  # of a list, on a phone
POSTS_FOR = timedelta(days=30)
SHOW = Button("home.show")
START = Button("rejections.start")
KIND_WORD = Button("motivation.one")
PLAN = Button("nudges.list")
REST = Button("rest.take")
SETTINGS = Button("settings.show")


@dataclass(frozen=True, slots=True)
class _Life:
    """What there is of a person: nothing at all for a newcomer."""

    coming: Sequence[Row]
    posts: Sequence[Rejection]
    shared: int
    beside: int
    given: int

    @property
    def new(self) -> bool:
        return not (self.coming or self.posts or self.shared or self.beside or self.given)


@cog.command("home")
@cog.press(SHOW)
async def home(ctx: Ctx) -> Card:
    """Everything on one card; only what is there is said."""
    async with ctx.kit.storage.read() as connection:
        life = await _life(ctx, connection)
    pause = _pause(ctx)
    if life.new and not pause:
        text = join(ctx.say("home-new"), ctx.say("home-only-you"), by="\n\n")
        buttons = (START, KIND_WORD, SETTINGS)
        return Card(text, title=ctx.line("home-new.title"), tone=Tone.WARM, buttons=buttons)
    text = join(
        pause,
        _coming(ctx, life.coming),
        _posts(ctx, life.posts),
        join(*_totals(ctx, life), by=" "),
        ctx.say("home-only-you"),
        by="\n\n",
    )
    buttons = (START, KIND_WORD, PLAN, REST, SETTINGS)
    return Card(text, title=ctx.line("home-title"), buttons=buttons)


async def _life(ctx: Ctx, connection: AsyncConnection) -> _Life:
    kit, mine = ctx.kit, rejections.c.owner == ctx.owner
    recent = (mine, rejections.c.state == Shared.POSTED, rejections.c.shared_at >= ctx.now - POSTS_FOR)
    given = await _count(connection, encouragements.c.id, encouragements.c.owner == ctx.owner)
    given += await _count(connection, solidarity.c.rejection, solidarity.c.owner == ctx.owner)
    beside = (solidarity.c.rejection == rejections.c.id, mine)
    return _Life(
        await kit.outbox.coming(connection, ctx.user),
        await store.find(connection, kit.vault, *recent),
        await _count(connection, rejections.c.id, mine),
        await _count(connection, func.distinct(solidarity.c.owner), *beside),
        given,
    )


async def _count(connection: AsyncConnection, what: ColumnElement[str], *where: ColumnElement[bool]) -> int:
    return (await connection.execute(select(func.count(what)).where(*where))).scalar_one()


def _pause(ctx: Ctx) -> Text:
    """Whether a break is on, and until when."""
    if not ctx.person.paused(ctx.now) or ctx.person.paused_until is None:
        return ""
    if ctx.person.paused_for_good(ctx.now):
        return ctx.say("nudges-paused")
    return ctx.say("home-break", when=When(ctx.person.decent(ctx.person.paused_until), "moment"))


def _coming(ctx: Ctx, rows: Sequence[Row]) -> Text:
    """Today's nudges by their time, then the next ones; none where nothing comes without a word."""
    if ctx.person.paused_for_good(ctx.now):
        return ""
    labelled = [
        (ctx.person.expected(row.ready_at, ctx.now), ctx.kit.label(row, ctx.voice, ctx.person))
        for row in rows
    ]
    listed = sorted((at, label) for at, label in labelled if label)
    if not listed:
        return ctx.say("nudges-none")
    today = [(at, label) for at, label in listed if _is_today(ctx, at)]
    later = [(at, label) for at, label in listed if not _is_today(ctx, at)]
    shown_today = [join(When(at, "time"), " – ", label) for at, label in today[:SHOWN]]
    shown_later = [join(When(at, "day"), " – ", label) for at, label in later[: SHOWN - len(shown_today)]]
    more = len(listed) - len(shown_today) - len(shown_later)
    return join(
        join(ctx.say("home-today"), *shown_today, by="\n") if shown_today else "",
        join(ctx.say("home-later"), *shown_later, by="\n") if shown_later else "",
        ctx.say("folded-more", n=more) if more else "",
        by="\n",
    )


def _is_today(ctx: Ctx, at: datetime) -> bool:
    return local_day(at, ctx.person.zone) == local_day(ctx.now, ctx.person.zone)


def _posts(ctx: Ctx, posts: Sequence[Rejection]) -> Text:
    """The person's own posts that stand, each a tap away."""
    lines: list[Text] = []
    for post in posts[:SHOWN]:
        if message := parse_message(post.post):
            jump = message.jump(ctx.line(f"choice-stage.{post.stage}"))
            lines.append(join(When(post.shared_at, "day"), " – ", jump))
    return join(ctx.say("home-posts", more=max(len(posts) - SHOWN, 0)), *lines, by="\n") if lines else ""


def _totals(ctx: Ctx, life: _Life) -> list[Text]:
    """Facts, not a score: nothing is said of what has not been."""
    told = {"home-shared": life.shared, "home-beside": life.beside, "home-given": life.given}
    return [ctx.say(words, n=n) for words, n in told.items() if n]

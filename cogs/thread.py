"""The post that the community sees, and its thread: beside each other, kind words, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from typing import cast

from sqlalchemy import delete, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, Message, Place
from bot.clock import local_day, month_start
from bot.cog import Cog, Ctx, Kit, Nudge, Plan, Row, Rule, State, Verb, dump, parse_message, parse_user
from bot.content import ANY, Opener
from bot.errors import Refused
from bot.posts import about, count_again
from bot.storage import blocks
from bot.storage import rejections as store
from bot.storage.engine import insert_into
from bot.storage.rejections import Rejection, Shared, Sign, Wish
from bot.storage.schema import encouragements, rejections, solidarity
from bot.ui import Button, Card, Choice, Field, Form, Kind, Person, Quote, Style, Text, Tone, join

cog = Cog("thread")

CHEER = "send-encouragement"
COMPANY = 5  # fewer people than this are not counted aloud: a small number can point at somebody
STALE = timedelta(days=2)  # an unsent "somebody answered" is not news any more

NOT_ALONE = Button("thread.not_alone", style=Style.PRIMARY)
ENCOURAGE = Button("thread.encourage")
ANSWER = Button("thread.answer")
MUTE = Button("thread.mute")
START = Button("rejections.start")
WORDS = Form(
    "thread.words",
    (
        Field("words", kind=Kind.LONG, limit=1000),
        Field(
            "sign",
            kind=Kind.CHOICE,
            choices=(Choice(Sign.NAME), Choice(Sign.ANONYMOUS)),
            value=Sign.NAME,
        ),
    ),
)
REPLY = Form("thread.reply", (Field("words", kind=Kind.LONG, limit=1000),))

cog.opens(CHEER, WORDS, on_message=True, typed=False)  # the same as the button under the post
cog.press_opens(ENCOURAGE, WORDS)
cog.press_opens(ANSWER, REPLY)


# -- the post and its thread ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Post:
    """What a post shows: the no, how many shared one lately and stand beside it, its author's name here."""

    rejection: Rejection
    people: int
    beside: int
    who: str | Person


async def _posts(kit: Kit, connection: AsyncConnection, rows: Sequence[Row]) -> Mapping[int, _Post]:
    """The posts of rows as they stand now, without those that were taken back."""
    posts: dict[int, _Post] = {}
    for id, rejection in (await about(kit, connection, rows)).items():
        if rejection.public:
            since = month_start(rejection.shared_at, kit.people.defaults.zone)
            people = await store.company(connection, rejection, since)
            beside = await store.beside(connection, rejection.id)
            posts[id] = _Post(rejection, people, beside, await _name(connection, rejection))
    return posts


@cog.nudge("thread.post", load=_posts)
@cog.nudge("thread.count", load=_posts)
async def post(nudge: Nudge) -> Card | None:
    """The post as it stands now; nothing if its author took it back."""
    shown = cast("_Post | None", nudge.loaded)
    if shown is None:
        return None
    rejection, people, beside, who = shown.rejection, shown.people, shown.beside, shown.who
    text = join(
        nudge.say("thread-shared", who=who, stage=rejection.stage),
        Quote(rejection.story) if rejection.story else "",
        nudge.say("thread-wish", wish=rejection.wish),
        nudge.say("thread-company", n=people) if people >= COMPANY else "",
        by="\n\n",
    )
    buttons = (
        nudge.button(NOT_ALONE, rejection.id, n=beside),
        nudge.button(ENCOURAGE, rejection.id),
    )
    return Card(
        text, title=nudge.voice.line("thread-post", stage=rejection.stage), tone=Tone.WARM, buttons=buttons
    )


async def _name(connection: AsyncConnection, rejection: Rejection) -> str | Person:
    """How the author is called here."""
    if rejection.sign is Sign.NAME:
        return Person(parse_user(rejection.author).id)
    return await store.pseudonym(connection, rejection.id, rejection.owner)


@cog.after("thread.post")
async def posted(nudge: Nudge, tx: AsyncConnection, state: State, message: Message | None) -> None:
    """The post stands: remember where, and open its thread. It could not be made: tell its author."""
    kit, id = nudge.kit, nudge.row.args["rejection"]
    rejection = await store.hold(tx, kit.vault, id)  # its author may be taking it back just now
    if state is State.SENT and message:
        if rejection is None or not rejection.public:  # taken back while it was under way
            gone = Plan("thread.delete", ("delete", id), kit.now, Verb.DELETE, place=message)
            await kit.outbox.plan(tx, gone)
            return
        await _set(tx, id, state=Shared.POSTED, post=dump(message))
        args = {"rejection": id}
        opener = Plan("thread.opener", ("opener", id), kit.now, Verb.THREAD, place=message, args=args)
        await kit.outbox.plan(tx, opener)
    elif rejection and rejection.state is Shared.POSTING:
        await _set(tx, id, state=Shared.PRIVATE)
        told = Plan("thread.unposted", ("unposted", id), kit.now, user=parse_user(rejection.author))
        await kit.outbox.plan(tx, told)


@cog.nudge("thread.unposted", rule=Rule(asked=True, leads=True))
async def unposted(nudge: Nudge) -> Card:
    """The post could not be made: its author hears it, and nothing is lost."""
    return Card(nudge.say("thread-unposted"), tone=Tone.PROBLEM, buttons=(START,))


@cog.nudge("thread.opener", load=about)
async def opener(nudge: Nudge) -> Card | None:
    """The first line of the thread, chosen by what its author asked for."""
    kit, rejection = nudge.kit, cast("Rejection | None", nudge.loaded)
    if rejection is None or not rejection.public:
        return None
    fitting = _fitting(kit, rejection)
    chosen = fitting[kit.vault.number("opener", rejection.id) % len(fitting)]
    return Card(chosen.text, title=nudge.voice.line("thread-post", stage=rejection.stage))


def _fitting(kit: Kit, rejection: Rejection) -> list[Opener]:
    """Openers for the wish and the stage; those for any stage where none is closer."""
    wish = Wish.IDEAS if rejection.wish is Wish.IDEAS else Wish.LISTEN
    wished = [each for each in kit.content.openers if each.wish == wish]
    close = [each for each in wished if rejection.stage in each.stages]
    return close + [each for each in wished if ANY in each.stages]


@cog.after("thread.opener")
async def opened(nudge: Nudge, tx: AsyncConnection, state: State, message: Message | None) -> None:
    """Remember the thread, to notice replies and to bring kind words into it."""
    if state is State.SENT and message:
        await _set(tx, nudge.row.args["rejection"], thread=message.place.thread)


# -- you're not alone -----------------------------------------------------------------------------


@cog.press(NOT_ALONE)
async def not_alone(ctx: Ctx) -> Card:
    """Stand beside the author; pressing again takes it back."""
    async with ctx.write() as tx:
        rejection = await _public(ctx, tx, ctx.arg)
        if rejection.owner == ctx.owner:
            raise Refused("thread-own")
        insert = insert_into(tx, solidarity).values(rejection=rejection.id, owner=ctx.owner, at=ctx.now)
        beside = (await tx.execute(insert.on_conflict_do_nothing())).rowcount > 0
        if not beside:
            mine = (solidarity.c.rejection == rejection.id, solidarity.c.owner == ctx.owner)
            await tx.execute(delete(solidarity).where(*mine))
        await count_again(ctx.kit, tx, rejection)
    return Card(ctx.say("thread-beside" if beside else "thread-not-beside"), tone=Tone.WARM)


# -- kind words -----------------------------------------------------------------------------------


@cog.fill(WORDS)
@cog.fill(REPLY)
async def fill(ctx: Ctx) -> Mapping[str, str] | Card:
    """Nobody types words for a thread that is gone; on a message, the form is for the post it belongs to."""
    async with ctx.kit.storage.read() as connection:
        id = await _chosen(ctx, connection) if ctx.event.name == CHEER else ctx.arg
        await _public(ctx, connection, id)
    return {"arg": id}


async def _chosen(ctx: Ctx, connection: AsyncConnection) -> str:
    """The post that a message is, or in whose thread it stands; ``Refused`` if it is neither."""
    message = ctx.event.message
    if message is None or (place := message.place).community != ctx.user.community:
        raise Refused("thread-not-a-post")
    post = dump(replace(message, place=replace(place, thread="")))  # some platforms say a post's own thread
    ours = rejections.c.post.in_((post, dump(message)))
    if place.thread:
        ours = or_(ours, rejections.c.thread == place.thread)
    found = await store.find(connection, ctx.kit.vault, rejections.c.community == ctx.community.key, ours)
    for each in found:
        under = parse_message(each.post)
        if under and under.place.channel == place.channel:  # a thread's id is its channel's own on Slack
            return each.id
    raise Refused("thread-not-a-post")


@cog.submit(WORDS)
async def encourage(ctx: Ctx) -> Card:
    """Kind words of somebody else, into the thread, and word of them to its author."""
    anonymous = ctx.values["sign"] == Sign.ANONYMOUS
    async with ctx.write() as tx:
        rejection = await _public(ctx, tx, ctx.event.arg)
        if anonymous and await blocks.blocked(tx, ctx.kit.vault, rejection.community, ctx.user.key):
            raise Refused("thread-blocked", field="sign")
        id = token_hex(8)
        given = {"id": id, "rejection": rejection.id, "owner": ctx.owner, "at": ctx.now}
        await tx.execute(encouragements.insert().values(**given))
        await _bring(ctx, tx, rejection, id, anonymous)
        if rejection.owner != ctx.owner:
            await _noticed(ctx.kit, tx, rejection)
    return await _brought(ctx, rejection)


@cog.submit(REPLY)
async def reply(ctx: Ctx) -> Card:
    """The author answers in the thread, under the name they have there."""
    async with ctx.write() as tx:
        rejection = await _public(ctx, tx, ctx.event.arg)
        if rejection.owner != ctx.owner:
            raise Refused("thread-not-yours")
        await _bring(ctx, tx, rejection, token_hex(8), rejection.sign is Sign.ANONYMOUS)
    return await _brought(ctx, rejection)


async def _bring(ctx: Ctx, tx: AsyncConnection, rejection: Rejection, id: str, anonymous: bool) -> None:
    """Plan the post of somebody's words in the thread; the bot is who says them."""
    kit, under = ctx.kit, parse_message(rejection.post)
    if under is None or not rejection.thread:
        raise Refused("thread-not-yet")
    args = {"words": ctx.values["words"], "rejection": rejection.id}
    if anonymous:
        names = (kit.content.adjectives, kit.content.animals)
        args["name"] = await store.draw_pseudonym(tx, kit.vault, rejection.id, ctx.owner, names)
    else:
        args["person"] = ctx.user.id
    await kit.outbox.plan(
        tx, Plan("thread.said", ("said", id), ctx.now, Verb.POST, place=_within(under, rejection), args=args)
    )


def _within(under: Message, rejection: Rejection) -> Place:
    return replace(under.place, thread=rejection.thread)


@cog.nudge("thread.said")
async def said(nudge: Nudge) -> Card:
    """Somebody's words, as they wrote them."""
    args = nudge.row.args
    who: Text | Person = args.get("name") or Person(args["person"])
    return Card(join(nudge.say("thread-said", who=who), Quote(args["words"]), by="\n"), tone=Tone.WARM)


async def _brought(ctx: Ctx, rejection: Rejection) -> Card:
    under = parse_message(rejection.post)
    assert under is not None
    jump = replace(under, place=_within(under, rejection)).jump(ctx.line("thread-jump"))
    return Card(ctx.say("thread-brought", jump=replace(jump, message="")), tone=Tone.WARM)


# -- somebody answered ----------------------------------------------------------------------------


@cog.reply
async def replied(ctx: Ctx) -> None:
    """A reply in a thread: that somebody answered is noticed, not what they wrote."""
    if not ctx.event.place.thread:
        return
    kit, place = ctx.kit, ctx.event.place
    async with kit.storage.read() as connection:
        here = (rejections.c.thread == place.thread, rejections.c.community == ctx.community.key)
        found = await store.find(connection, kit.vault, *here)
    if not found or found[0].owner == ctx.owner or not found[0].public:
        return
    async with ctx.write() as tx:
        await _noticed(kit, tx, found[0])


async def _noticed(kit: Kit, tx: AsyncConnection, rejection: Rejection) -> None:
    """Tell the author, once a day at most."""
    await _set(tx, rejection.id, replies=rejections.c.replies + 1)
    if rejection.muted:
        return
    person = await kit.people.load(tx, rejection.author)
    day = local_day(kit.now, person.zone).isoformat()
    told = Plan(
        "thread.answered",
        ("answered", rejection.id, day),
        kit.now,
        user=parse_user(rejection.author),
        args={"rejection": rejection.id},
        subject=kit.vault.token("answered", rejection.id),
        expires_at=kit.now + STALE,
    )
    await kit.outbox.plan(tx, told)


@cog.nudge(
    "thread.answered",
    rule=Rule(asked=True),
    label=lambda nudge: nudge.voice.line("thread-answered.short"),
    load=about,
)
async def answered(nudge: Nudge) -> Card | None:
    """Somebody is there: the thread is a tap away, and so is an answer."""
    rejection = cast("Rejection | None", nudge.loaded)
    if rejection is None or not rejection.public or rejection.muted:
        return None
    under = parse_message(rejection.post)
    if under is None:
        return None
    jump = replace(under, place=_within(under, rejection)).jump(nudge.voice.line("thread-jump"))
    return Card(
        nudge.say("thread-answered", n=rejection.replies, jump=replace(jump, message="")),
        tone=Tone.WARM,
        buttons=(nudge.button(ANSWER, rejection.id), nudge.button(MUTE, rejection.id)),
    )


@cog.press(MUTE, Ack.REPLACES)
async def mute(ctx: Ctx) -> Card:
    """No more word of this thread."""
    async with ctx.write() as tx:
        rejection = await store.load(tx, ctx.kit.vault, ctx.arg)
        if rejection is None or rejection.owner != ctx.owner:
            raise Refused("thread-gone")
        await _set(tx, rejection.id, muted=True)
        await ctx.kit.outbox.cancel(tx, subject=ctx.kit.vault.token("answered", rejection.id))
    return Card(ctx.say("thread-muted"))


async def _public(ctx: Ctx, connection: AsyncConnection, id: str) -> Rejection:
    """The post that a button is about, if it still stands."""
    rejection = await store.load(connection, ctx.kit.vault, id)
    if rejection is None or not rejection.public:
        raise Refused("thread-gone")
    return rejection


async def _set(tx: AsyncConnection, id: str, **values: object) -> None:
    await tx.execute(update(rejections).where(rejections.c.id == id).values(**values))

"""/moderate: look after anonymous posts without learning who wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, User
from bot.cog import Cog, Ctx, Kit, Nudge, Plan, Rule, parse_message, parse_user
from bot.errors import Refused
from bot.posts import about, take_down
from bot.storage import blocks
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign
from bot.storage.schema import blocks as table
from bot.storage.schema import rejections
from bot.ui import Audience, Button, Card, Style, Text, When, join

cog = Cog("moderation", owns=(table,), audience=Audience.MODERATORS)

PAGE = 5
LIST = Button("moderation.list")
POST = Button("moderation.post")
REMOVE = Button("moderation.remove")
REMOVE_YES = Button("moderation.remove_yes", style=Style.DANGER)
BLOCK = Button("moderation.block")
BLOCKS = Button("moderation.blocks")
LIFT = Button("moderation.lift")


# -- the posts ------------------------------------------------------------------------------------


@cog.command("moderate")
async def moderate(ctx: Ctx) -> Card:
    """The newest anonymous posts."""
    return await _posts(ctx, 0)


@cog.press(LIST, Ack.REPLACES)
async def turn(ctx: Ctx) -> Card:
    return await _posts(ctx, _number(ctx.arg))


def _number(arg: str) -> int:
    return int(arg) if arg.isascii() and arg.isdigit() and len(arg) < 6 else 0


async def _posts(ctx: Ctx, page: int) -> Card:
    async with ctx.kit.storage.read() as connection:
        found, more = await _page(ctx, connection, page)
        named = [(each, await _name(connection, each)) for each in found]
    lines = [await _line(ctx, rejection, name) for rejection, name in named]
    buttons = [ctx.button(POST, f"{each.id}.{page}", name=name) for each, name in named]
    buttons += [ctx.button(LIST, str(page - 1), way="newer")] if page else []
    buttons += [ctx.button(LIST, str(page + 1), way="older")] if more else []
    text = join(*lines, by="\n") if lines else ctx.say("moderation-none")
    return Card(
        join(text, ctx.say("moderation-unknown"), by="\n\n"),
        title=ctx.line("moderation-title"),
        buttons=(*buttons, BLOCKS),
    )


async def _page(ctx: Ctx, connection: AsyncConnection, page: int) -> tuple[list[Rejection], bool]:
    """One page of what stands here anonymously, newest first, and whether more follows."""
    newest = (
        select(rejections.c.id)
        .where(*_anonymous(ctx))
        .order_by(rejections.c.shared_at.desc(), rejections.c.id)
        .limit(PAGE + 1)
        .offset(page * PAGE)
    )
    ids = list((await connection.execute(newest)).scalars())
    return await store.find(connection, ctx.kit.vault, rejections.c.id.in_(ids[:PAGE])), len(ids) > PAGE


def _anonymous(ctx: Ctx) -> tuple[Any, ...]:
    return (
        rejections.c.community == ctx.community.key,
        rejections.c.sign == Sign.ANONYMOUS,
        rejections.c.state == Shared.POSTED,
    )


async def _name(connection: AsyncConnection, rejection: Rejection) -> str:
    return await store.pseudonym(connection, rejection.id, rejection.owner)


async def _line(ctx: Ctx, rejection: Rejection, name: str) -> Text:
    """A post as moderators know it: pseudonym, stage, time, and the way there."""
    message = parse_message(rejection.post)
    stage = ctx.line(f"choice-stage.{rejection.stage}")
    line = ctx.say("moderation-line", name=name, stage=stage, when=When(rejection.shared_at, "relative"))
    return join(line, (message.jump(ctx.line("moderation-jump")),) if message else "", by=" ")


async def _post(ctx: Ctx, connection: AsyncConnection, id: str) -> tuple[Rejection, str]:
    """The anonymous post of this community that a button is about, and its author's name there."""
    found = await store.find(connection, ctx.kit.vault, rejections.c.id == id, *_anonymous(ctx))
    if not found:
        raise Refused("moderation-gone")
    return found[0], await _name(connection, found[0])


@cog.press(POST, Ack.REPLACES)
async def one(ctx: Ctx) -> Card:
    """One post, and what can be done about it."""
    id, _, page = ctx.arg.partition(".")
    async with ctx.kit.storage.read() as connection:
        rejection, name = await _post(ctx, connection, id)
    buttons = (ctx.button(REMOVE, ctx.arg), ctx.button(BLOCK, ctx.arg), _back(ctx, page))
    text = join(await _line(ctx, rejection, name), ctx.say("moderation-choices"), by="\n\n")
    return Card(text, title=name, buttons=buttons)


def _back(ctx: Ctx, page: str) -> Button:
    return ctx.button(LIST, page or "0", way="back")


# -- taking a post down ---------------------------------------------------------------------------


@cog.press(REMOVE, Ack.REPLACES)
async def ask(ctx: Ctx) -> Card:
    """One question first: it cannot be undone."""
    id, _, page = ctx.arg.partition(".")
    async with ctx.kit.storage.read() as connection:
        _, name = await _post(ctx, connection, id)
    buttons = (ctx.button(REMOVE_YES, ctx.arg), _back(ctx, page))
    return Card(ctx.say("moderation-ask", name=name), title=name, buttons=buttons)


@cog.press(REMOVE_YES, Ack.REPLACES)
async def remove(ctx: Ctx) -> Card:
    """Take the post down and tell its author, whom only the outbox knows."""
    id, _, page = ctx.arg.partition(".")
    async with ctx.write() as tx:
        rejection, name = await _post(ctx, tx, id)
        await take_down(ctx.kit, tx, rejection)
        author = parse_user(rejection.author)
        args = {"rejection": id}
        told = Plan("moderation.removed", ("moderation.removed", id), ctx.now, user=author, args=args)
        await ctx.kit.outbox.plan(tx, told)
    return Card(ctx.say("moderation-done", name=name), buttons=(_back(ctx, page),))


@cog.nudge(
    "moderation.removed",
    rule=Rule(asked=True, leads=True),
    label=lambda nudge: nudge.voice.line("moderation-removed.short"),
    load=about,
)
async def removed(nudge: Nudge) -> Card | None:
    """Its author hears that it is gone and that nobody knows them; no reason is made up."""
    rejection = cast("Rejection | None", nudge.loaded)
    if rejection is None:
        return None
    when = When(rejection.shared_at, "day")
    return Card(
        nudge.say("moderation-removed", when=when), buttons=(Button("nudges.list"), Button("rest.take"))
    )


# -- blocks ---------------------------------------------------------------------------------------


@cog.press(BLOCK, Ack.REPLACES)
async def block(ctx: Ctx) -> Card:
    """No more anonymous posts by whoever wrote this one; whether they were blocked before is not told."""
    id, _, page = ctx.arg.partition(".")
    async with ctx.write() as tx:
        rejection, name = await _post(ctx, tx, id)
        await blocks.block(tx, ctx.kit.vault, rejection.community, rejection.author, name, ctx.now)
    return Card(ctx.say("moderation-blocked", name=name), buttons=(BLOCKS, _back(ctx, page)))


@cog.press(BLOCKS, Ack.REPLACES)
async def blocked(ctx: Ctx) -> Card:
    return await _blocks(ctx, _number(ctx.arg))


async def _blocks(ctx: Ctx, page: int, note: Text = "") -> Card:
    async with ctx.kit.storage.read() as connection:
        entries = await blocks.listed(connection, ctx.kit.vault, ctx.community.key)
    page = min(page, max(len(entries) - 1, 0) // PAGE)
    here = entries[page * PAGE : (page + 1) * PAGE]
    lines = [ctx.say("moderation-entry", name=each.name, when=When(each.at, "relative")) for each in here]
    buttons = [ctx.button(LIFT, each.reference, name=each.name) for each in here]
    buttons += [Button(BLOCKS.id, str(page - 1), ctx.line("moderation-list", way="newer"))] if page else []
    if len(entries) > (page + 1) * PAGE:
        buttons.append(Button(BLOCKS.id, str(page + 1), ctx.line("moderation-list", way="older")))
    text = join(*lines, by="\n") if lines else ctx.say("moderation-no-blocks")
    return Card(
        join(note, text, by="\n\n"),
        title=ctx.line("moderation-blocks"),
        buttons=(*buttons, _back(ctx, "0")),
    )


@cog.press(LIFT, Ack.REPLACES)
async def lift(ctx: Ctx) -> Card:
    async with ctx.write() as tx:
        await blocks.lift(tx, ctx.kit.vault, ctx.community.key, ctx.arg)
    return await _blocks(ctx, 0, ctx.say("moderation-lifted"))


# -- what is stored about a person ----------------------------------------------------------------


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """Whether a block stands."""
    community = f"{user.platform}/{user.community}"
    stands = await blocks.blocked(connection, kit.vault, community, user.key)
    return {"blocked from anonymous posts": True} if stands else {}


@cog.forget
async def forget(kit: Kit, tx: AsyncConnection, user: User) -> None:
    """A block stays, or forgetting would lift it; its token says nothing else. /privacy tells so."""

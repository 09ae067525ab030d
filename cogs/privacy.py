"""/privacy: who can see what, everything that is stored about you, and forgetting all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, User
from bot.cog import Cog, Ctx, Kit
from bot.drafts import ABOUT
from bot.storage.schema import FOREVER, drafts, events
from bot.ui import Button, Card, Fact, Style, Text, Tone, When, join, plain

# Ids of events name nobody and are gone after three days: nothing of them to show or to forget.
cog = Cog("privacy", owns=(drafts, events))

READERS = ("members", "moderators", "owners", "host", "platform", "private", "where", "kept")
PAGE = 1200  # characters of what is stored, on a phone
PIECE = 800  # of a long text, so that a page has room for it
SHOW = Button("privacy.show")
MINE = Button("privacy.mine")
TURN = Button("privacy.turn")
FORGET = Button("privacy.forget")
FORGET_YES = Button("privacy.forget_yes", style=Style.DANGER)
KEEP = Button("privacy.keep")

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")


@cog.command("privacy")
@cog.press(SHOW)
async def privacy(ctx: Ctx) -> Card:
    """The anonymity contract, a group of readers at a time."""
    facts = tuple(Fact(ctx.line(f"privacy-{who}.who"), ctx.say(f"privacy-{who}")) for who in READERS)
    return Card(title=ctx.line("privacy-title"), fields=facts, buttons=(MINE, FORGET))


# -- what is stored -------------------------------------------------------------------------------


@cog.press(MINE)
async def mine(ctx: Ctx) -> Card:
    """Everything that any feature keeps about this person."""
    return await _stored(ctx, 0)


@cog.press(TURN, Ack.REPLACES)
async def turn(ctx: Ctx) -> Card:
    return await _stored(ctx, int(ctx.arg) if re.fullmatch("[0-9]{1,5}", ctx.arg) else 0)


async def _stored(ctx: Ctx, page: int) -> Card:
    async with ctx.kit.storage.read() as connection:
        stored = await ctx.kit.export_all(connection, ctx.user)
    pages = _pages(_inner(ctx, stored))
    page = min(page, len(pages) - 1)
    buttons = [ctx.button(TURN, str(page - 1), way="back")] if page > 0 else []
    buttons += [ctx.button(TURN, str(page + 1), way="on")] if page < len(pages) - 1 else []
    where = ctx.say("privacy-page", page=page + 1, pages=len(pages))
    text = join(pages[page] if pages else ctx.say("privacy-nothing"), where, by="\n\n")
    return Card(text, title=ctx.line("privacy-stored"), buttons=(*buttons, ctx.button(FORGET)))


def _lines(ctx: Ctx, name: str, value: object) -> list[Text]:
    """A thing and all that is in it, a line each; what is empty has none."""
    name = name.replace("_", " ")
    if isinstance(value, Mapping):
        inner = _inner(ctx, cast("Mapping[str, object]", value))
        return [f"{name}:", *inner] if inner else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_item(ctx, item) for item in cast("Sequence[object]", value)]
        lines = [line for first, *rest in filter(None, items) for line in (join("• ", first), *rest)]
        return [f"{name}:", *lines] if lines else []
    pieces = _pieces(ctx, value)
    return [join(f"{name}: ", pieces[0]), *pieces[1:]] if pieces else []


def _inner(ctx: Ctx, things: Mapping[str, object]) -> list[Text]:
    return [line for name, value in things.items() for line in _lines(ctx, name, value)]


def _item(ctx: Ctx, item: object) -> list[Text]:
    return (
        _inner(ctx, cast("Mapping[str, object]", item)) if isinstance(item, Mapping) else _pieces(ctx, item)
    )


def _pieces(ctx: Ctx, value: object) -> list[Text]:
    """One value, in pieces that fit on a page; times as their reader's own."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [ctx.say("privacy-truth", value=value)]
    if isinstance(value, datetime):
        return [_time(ctx, value)]
    text = str(value)
    return [_timed(ctx, text[start : start + PIECE]) for start in range(0, len(text), PIECE)]


def _timed(ctx: Ctx, text: str) -> Text:
    """A text whose timestamps are read by people."""
    found: list[Text] = []
    start = 0
    for stamp in _STAMP.finditer(text):
        with suppress(ValueError):  # it only looks like one
            at = _time(ctx, datetime.fromisoformat(stamp[0]))
            found += [text[start : stamp.start()], at]
            start = stamp.end()
    return join(*found, text[start:])


def _time(ctx: Ctx, at: datetime) -> Text:
    return ctx.say("privacy-open-end") if at >= FOREVER else (When(at.astimezone(UTC)),)


def _pages(lines: Sequence[Text]) -> list[Text]:
    """Lines on as few pages as they fit on, in order."""
    pages: list[list[Text]] = []
    room = 0
    for line in lines:
        size = len(plain(line)) + 1
        if size > room:
            pages.append([])
            room = PAGE
        pages[-1].append(line)
        room -= size
    return [join(*page, by="\n") for page in pages]


# -- forgetting -----------------------------------------------------------------------------------


@cog.press(FORGET)
async def ask(ctx: Ctx) -> Card:
    """Once, with what goes and what stays."""
    return Card(
        ctx.say("privacy-ask"),
        title=ctx.line("privacy-ask.title"),
        tone=Tone.CARE,
        buttons=(FORGET_YES, KEEP),
    )


@cog.press(FORGET_YES, Ack.REPLACES)
async def forget_all(ctx: Ctx) -> Card:
    """Everything goes in one transaction, also that this person was just here."""
    async with ctx.write() as tx:
        await ctx.kit.forget_all(tx, ctx.user)
    return Card(ctx.say("privacy-forgotten"))


@cog.press(KEEP, Ack.REPLACES)
async def keep(ctx: Ctx) -> Card:
    return Card(ctx.say("privacy-kept-all"))


# -- what this feature answers for: forms that were begun -----------------------------------------


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """What was typed into forms and not sent yet."""
    rows = (await connection.execute(select(drafts).where(drafts.c.user == user.key))).mappings()
    begun = [
        {
            "saved": row["saved_at"].isoformat(timespec="minutes"),
            **cast("dict[str, str]", kit.vault.unseal_json(row["values"], ABOUT)),
        }
        for row in rows
    ]
    return {"forms not sent yet": begun}


@cog.forget
async def forget(kit: Kit, tx: AsyncConnection, user: User) -> None:
    await tx.execute(delete(drafts).where(drafts.c.user == user.key))

"""Words typed to the bot itself: one plain answer, and the ways on. What was typed never gets this far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.cog import Cog, Ctx, Kit
from bot.storage.engine import insert_into
from bot.storage.schema import events
from bot.ui import Button, Card, Jump, Text, Tone, join

cog = Cog("direct")

QUIET_FOR = timedelta(hours=3)  # a conversation is answered once; an evening and its night each are
BUTTONS = tuple(map(Button, ("rejections.start", "home.show", "nudges.list", "privacy.show")))


@cog.direct
async def answer(ctx: Ctx) -> Card | None:
    """Who reads it, and where people do; silence if that was said a moment ago."""
    async with ctx.kit.storage.read() as connection:
        at = await _answered(connection, ctx.kit, ctx.user)
    if at is not None and at > ctx.now - QUIET_FOR:
        return None
    async with ctx.write() as tx:
        if not await _is_first(tx, ctx):
            return None
    text = join(ctx.say("direct-program"), _people(ctx), ctx.say("direct-quiet"), by="\n\n")
    return Card(text, tone=Tone.CARE, buttons=BUTTONS)


def _people(ctx: Ctx) -> Text:
    """Where somebody can be reached."""
    if (support := ctx.community.support) is None:
        return ctx.say("direct-person")
    return ctx.say("direct-people", jump=Jump(ctx.line("direct-support"), support.community, support.channel))


# That a person was answered stands among the events, under a key that names nobody, and is gone with them.


def _key(kit: Kit, user: User) -> str:
    return f"direct:{kit.vault.short_key('direct', user.key)}"


async def _answered(connection: AsyncConnection, kit: Kit, user: User) -> datetime | None:
    rows = await connection.execute(select(events.c.at).where(events.c.id == _key(kit, user)))
    return rows.scalar()


async def _is_first(tx: AsyncConnection, ctx: Ctx) -> bool:
    """Whether nobody else answers these words: of several messages at once, one is the first."""
    insert = insert_into(tx, events).values(id=_key(ctx.kit, ctx.user), at=ctx.now)
    anew = insert.on_conflict_do_update(
        index_elements=[events.c.id], set_={"at": ctx.now}, where=events.c.at <= ctx.now - QUIET_FOR
    )
    return bool((await tx.execute(anew)).rowcount)


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """When, never what."""
    at = await _answered(connection, kit, user)
    return {"told that nobody reads here": at.isoformat(timespec="minutes")} if at else {}


@cog.forget
async def forget(kit: Kit, tx: AsyncConnection, user: User) -> None:
    await tx.execute(delete(events).where(events.c.id == _key(kit, user)))

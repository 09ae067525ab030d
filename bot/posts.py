"""Rejections that messages are about: reading many at once, taking a post down, planning its next look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cog import Kit, Plan, Row, Verb, parse_message
from bot.storage.rejections import Rejection, Shared, find
from bot.storage.schema import rejections


async def about(kit: Kit, connection: AsyncConnection, rows: Sequence[Row]) -> Mapping[int, Rejection]:
    """What planned messages are about, by row id, if it is still there: a ``load`` for ``Cog.nudge``."""
    ids = {row.args["rejection"] for row in rows}
    found = {each.id: each for each in await find(connection, kit.vault, rejections.c.id.in_(ids))}
    return {row.id: found[id] for row in rows if (id := row.args["rejection"]) in found}


async def take_down(kit: Kit, tx: AsyncConnection, rejection: Rejection) -> None:
    """Mark a post as deleted and have its message removed; one still on its way is never posted.

    The story goes too; the plan and what others wrote in the thread stay.
    """
    gone = {"state": Shared.DELETED, "story": None}
    mine = update(rejections).where(rejections.c.id == rejection.id)
    # Where it stands is asked here: it may have been posted since ``rejection`` was read.
    post = (await tx.execute(mine.values(**gone).returning(rejections.c.post))).scalar()
    if message := parse_message(post):
        key = ("delete", rejection.id)
        await kit.outbox.plan(tx, Plan("thread.delete", key, kit.now, Verb.DELETE, place=message))


async def count_again(kit: Kit, tx: AsyncConnection, rejection: Rejection) -> None:
    """Have the post show its present number of people beside its author; many changes make one edit."""
    if message := parse_message(rejection.post):
        args = {"rejection": rejection.id}
        edit = Plan("thread.count", ("count", rejection.id), kit.now, Verb.EDIT, place=message, args=args)
        await kit.outbox.refresh(tx, edit)

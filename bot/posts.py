"""Public posts of rejections: taking one down, and planning its next look."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cog import Kit, Plan, Verb, parse_message
from bot.storage.rejections import Rejection, Shared
from bot.storage.schema import rejections


async def take_down(kit: Kit, tx: AsyncConnection, rejection: Rejection) -> None:
    """Mark a post as deleted and have its message removed; one still on its way is never posted.

    The story goes too; the plan and what others wrote in the thread stay.
    """
    gone = {"state": Shared.DELETED, "story": None}
    await tx.execute(update(rejections).where(rejections.c.id == rejection.id).values(**gone))
    if message := parse_message(rejection.post):
        key = ("delete", rejection.id)
        await kit.outbox.plan(tx, Plan("thread.delete", key, kit.now, Verb.DELETE, place=message))


async def count_again(kit: Kit, tx: AsyncConnection, rejection: Rejection) -> None:
    """Have the post show its present number of people beside its author; many changes make one edit."""
    if message := parse_message(rejection.post):
        args = {"rejection": rejection.id}
        edit = Plan("thread.count", ("count", rejection.id), kit.now, Verb.EDIT, place=message, args=args)
        await kit.outbox.refresh(tx, edit)

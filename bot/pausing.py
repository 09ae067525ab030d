"""Pausing a person's messages: like a tape, so that a plan goes on afterwards as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import local_day
from bot.cog import Kit, Row
from bot.people import Preferences
from bot.planning import shift
from bot.storage.schema import FOREVER, rejections

PLAN = "plan."  # kinds that belong to a plan; what recurs finds its next time by itself


async def pause(kit: Kit, tx: AsyncConnection, user: User, person: Preferences, until: datetime) -> None:
    """Nothing unprompted until then (``FOREVER``: until the person says so); the plan moves along."""
    now = kit.now
    await _unpause(kit, tx, user, person)
    if until != FOREVER:
        days = (local_day(until, person.zone) - local_day(now, person.zone)).days
        await _shift(kit, tx, user, person, lambda _: days)
    await kit.people.change(tx, user.key, now, paused_from=now, paused_until=until)


async def resume(kit: Kit, tx: AsyncConnection, user: User, person: Preferences) -> None:
    """Go on from where it stopped."""
    await _unpause(kit, tx, user, person)
    await kit.people.change(tx, user.key, kit.now, paused_from=None, paused_until=None, ignored=0)


async def _unpause(kit: Kit, tx: AsyncConnection, user: User, person: Preferences) -> None:
    """Put the plan where it would be if the pause ended now."""
    now = kit.now
    if not person.paused(now) or person.paused_until is None:
        return
    today = local_day(now, person.zone)
    if not person.paused_for_good(now):
        back = (today - local_day(person.paused_until, person.zone)).days
        await _shift(kit, tx, user, person, lambda _: back)
        return
    await kit.outbox.release(tx, user)
    began = local_day(person.paused_from or now, person.zone)
    shared = await _shared(kit, tx, person)
    # What was shared in the pause was planned from that day on, and waited only since then.
    await _shift(kit, tx, user, person, lambda row: (today - max(began, shared.get(_about(row), began))).days)


async def _shift(
    kit: Kit, tx: AsyncConnection, user: User, person: Preferences, days: Callable[[Row], int]
) -> None:
    """Move the steps of the plan by local days, each keeping its time of day."""
    rows = [row for row in await kit.outbox.coming(tx, user) if row.kind.startswith(PLAN) and not row.lease]
    moved = {row.id: person.decent(shift(row.due_at, by, person.zone)) for row in rows if (by := days(row))}
    await kit.outbox.move(tx, moved)


async def _shared(kit: Kit, tx: AsyncConnection, person: Preferences) -> dict[str, date]:
    """The local days on which a person shared each no, by its id."""
    mine = rejections.c.owner == kit.vault.owner(person.user)
    rows = await tx.execute(select(rejections.c.id, rejections.c.shared_at).where(mine))
    return {id: local_day(at, person.zone) for id, at in rows}


def _about(row: Row) -> str:
    return row.args.get("rejection", "")

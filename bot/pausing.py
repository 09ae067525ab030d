"""Pausing a person's messages: like a tape, so that a plan goes on afterwards as it was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import local_day
from bot.cog import Kit
from bot.people import Preferences
from bot.planning import shift
from bot.storage.schema import FOREVER

PLAN = "plan."  # kinds that belong to a plan; what recurs finds its next time by itself


async def pause(kit: Kit, tx: AsyncConnection, user: User, person: Preferences, until: datetime) -> None:
    """Nothing unprompted until then (``FOREVER``: until the person says so); the plan moves along."""
    now = kit.now
    await _unpause(kit, tx, user, person)
    if until != FOREVER:
        days = (local_day(until, person.zone) - local_day(now, person.zone)).days
        await _shift(kit, tx, user, person, days)
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
    if person.paused_for_good(now):
        await kit.outbox.release(tx, user)
        days = (today - local_day(person.paused_from or now, person.zone)).days
    else:
        days = (today - local_day(person.paused_until, person.zone)).days
    await _shift(kit, tx, user, person, days)


async def _shift(kit: Kit, tx: AsyncConnection, user: User, person: Preferences, days: int) -> None:
    """Move the steps of the plan by local days, each keeping its time of day."""
    if not days:
        return
    rows = [row for row in await kit.outbox.coming(tx, user) if row.kind.startswith(PLAN) and not row.lease]
    moved = {row.id: person.decent(shift(row.due_at, days, person.zone)) for row in rows}
    await kit.outbox.move(tx, moved)

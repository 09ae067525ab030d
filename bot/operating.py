"""What whoever runs the bot does with rows that failed: have them tried again, or let them go.

It works beside a bot that runs: each change is made by a statement that looks at the row's state, so a row
that a sender holds, or that somebody else has dealt with, is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cog import Kit
from bot.features import Ended, Features, follow
from bot.outbox import COLUMNS, UNREADABLE, Row
from bot.overview import of_kind
from bot.rows import State
from bot.storage import Storage
from bot.storage.schema import outbox

AT_ONCE = 200  # rows in one transaction
HIGHEST = 2**63 - 1  # of all ids
NO_ROW = "there is no such row"


@dataclass(slots=True)
class Report:
    """What was done, and (by id) why something was not."""

    done: list[int] = field(default_factory=list[int])
    left: dict[int, str] = field(default_factory=dict[int, str])
    unread: list[int] = field(default_factory=list[int])  # dropped without a word to their feature


async def retry(storage: Storage, now: datetime, ids: Sequence[int]) -> Report:
    """Make rows that were given up, or that wait after a failure, due now; the others say why not.

    They may be tried as often as new ones. What is too late to be said stays as it is.
    """
    report, ids = _begun(ids)
    for some in _batches(ids):
        async with storage.write() as tx:
            fresh = or_(outbox.c.expires_at.is_(None), outbox.c.expires_at > now)
            mine = select(outbox.c.id).where(outbox.c.id.in_(some), _failed(), fresh).order_by(outbox.c.id)
            again = {
                "state": State.READY,
                # Said anew although it does not change: on PostgreSQL this is what wakes the senders.
                "due_at": outbox.c.due_at,
                "ready_at": now,
                "attempts": 0,
                "lease": None,
                "lead": None,
                "error": None,
                "done_at": None,
            }
            done = await tx.execute(
                update(outbox)
                .where(outbox.c.id.in_(mine.with_for_update()))
                .values(**again)
                .returning(outbox.c.id)
            )
            report.done += sorted(done.scalars())
            report.left |= await _why_not(tx, now, [id for id in some if id not in report.done])
    return report


async def drop(kit: Kit, features: Features, ids: Sequence[int]) -> Report:
    """Let rows go that were given up or wait after a failure; their features do what follows a drop."""
    report, ids = _begun(ids)
    for some in _batches(ids):
        async with kit.storage.write() as tx:
            ended: list[Ended] = []
            for values in await _held(kit, tx, some):
                id: int = values[0]
                report.done.append(id)
                if row := _opened(kit, values):
                    ended.append(Ended(row, State.DROPPED))
                else:
                    report.unread.append(id)
            await kit.outbox.end(tx, [id for id in report.done if id in some], State.DROPPED)
            await follow(features, tx, ended)
            report.left |= await _why_not(tx, kit.now, [id for id in some if id not in report.done])
    return report


async def all_dead(storage: Storage, kind: str = "") -> list[int]:
    """The ids of the rows that were given up, of one kind or family of kinds; oldest first."""
    async with storage.read() as connection:
        found = select(outbox.c.id).where(outbox.c.state == State.DEAD, *of_kind(kind)).order_by(outbox.c.id)
        return list((await connection.execute(found)).scalars())


def _begun(ids: Sequence[int]) -> tuple[Report, list[int]]:
    """A report of the ids that no row can have (no database takes them as numbers), and the others."""
    possible = range(1, HIGHEST + 1)
    return Report(left={id: NO_ROW for id in ids if id not in possible}), [id for id in ids if id in possible]


def _batches(ids: Sequence[int]) -> list[list[int]]:
    once = list(dict.fromkeys(ids))
    return [once[start : start + AT_ONCE] for start in range(0, len(once), AT_ONCE)]


def _failed() -> ColumnElement[bool]:
    """Given up; or failed, waiting for its next try, and in nobody's hands."""
    waiting = and_(
        outbox.c.state == State.READY,
        outbox.c.lease.is_(None),
        outbox.c.lead.is_(None),
        outbox.c.error.is_not(None),
    )
    return or_(outbox.c.state == State.DEAD, waiting)


async def _held(kit: Kit, tx: AsyncConnection, ids: Sequence[int]) -> list[Sequence[Any]]:
    """The failed ones of these rows, kept for this transaction; people before rows, as everywhere."""
    users = select(outbox.c.user).where(outbox.c.id.in_(ids), outbox.c.user.is_not(None))
    await kit.people.hold(tx, (await tx.execute(users)).scalars())
    rows = select(*COLUMNS).where(outbox.c.id.in_(ids), _failed()).order_by(outbox.c.id)
    return list((await tx.execute(rows.with_for_update())).all())


def _opened(kit: Kit, values: Sequence[Any]) -> Row | None:
    """The row as its feature reads it; none if what is sealed in it cannot be opened."""
    try:
        (row,) = kit.outbox.unpack([(value,) for value in values])
    except UNREADABLE:
        return None
    return row


async def _why_not(tx: AsyncConnection, now: datetime, ids: Sequence[int]) -> dict[int, str]:
    """Why nothing was done about these, for a person to read."""
    found = await tx.execute(
        select(
            outbox.c.id, outbox.c.state, outbox.c.lease, outbox.c.lead, outbox.c.error, outbox.c.expires_at
        ).where(outbox.c.id.in_(ids))
    )
    known = {row.id: row for row in found}
    return {id: _reason(known[id], now) if id in known else NO_ROW for id in ids}


def _reason(row: Any, now: datetime) -> str:
    if row.state not in (State.READY, State.DEAD):
        return f"it has ended: {row.state}"
    if row.expires_at is not None and row.expires_at <= now:
        return "it is too late to be said; drop it"
    if row.lease is not None:
        return "a sender has it just now; try again in a minute"
    if row.lead is not None:
        return f"it stands in the message of row {row.lead}"
    return "it is planned and has not failed"

"""The outbox at a glance, for those who run the bot: how many rows stand where, what is late, what is dead.

Nothing in here opens what is sealed or names a person: ids, kinds, times, and the error that was kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.due import SOONEST
from bot.rows import Lane, State
from bot.storage.schema import FOREVER, Instant, outbox


class Standing(StrEnum):
    """Where a row that somebody may care about stands."""

    DUE = "due"  # ready, and nobody has taken it yet
    SENDING = "sending"  # a sender has it
    LATER = "later"
    PAUSED = "paused"  # until its person says otherwise
    UNDELIVERED = "undelivered"  # refused for good; its person sees it at their next command
    DEAD = "dead"  # failed by its own fault, every time


OPEN = (State.READY, State.UNDELIVERED, State.DEAD)


@dataclass(frozen=True, slots=True)
class Late:
    """The row that has waited longest."""

    id: int
    kind: str
    ready_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A row that was given up."""

    id: int
    kind: str
    attempts: int
    error: str
    due_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of one kind that failed in the same way and will be tried again: how many, one of them, when."""

    kind: str
    error: str
    rows: int
    id: int
    next_try: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """The counts by standing and kind, and what comes next (None: nothing)."""

    counts: Mapping[tuple[Standing, str], int]
    next_due: datetime | None
    oldest: Late | None

    def by_standing(self) -> dict[Standing, int]:
        """How many rows stand where, all standings named."""
        summed = dict.fromkeys(Standing, 0)
        for (standing, _), n in self.counts.items():
            summed[standing] += n
        return summed

    def by_family(self) -> dict[tuple[Standing, str], int]:
        """The same for each family of kinds: what comes before the dot."""
        summed: Counter[tuple[Standing, str]] = Counter()
        for (standing, kind), n in self.counts.items():
            summed[standing, family(kind)] += n
        return summed


def family(kind: str) -> str:
    """The feature that a kind belongs to: ``plan`` of ``plan.thank_you``."""
    return kind.partition(".")[0]


async def look(connection: AsyncConnection, now: datetime) -> Overview:
    """The whole overview. It reads every row that has not ended: about a second for a million."""
    rows = select(_standing(now).label("standing"), outbox.c.kind).where(outbox.c.state.in_(OPEN)).subquery()
    found = await connection.execute(
        select(rows.c.standing, rows.c.kind, func.count()).group_by(rows.c.standing, rows.c.kind)
    )
    counts = {(Standing(standing), kind): n for standing, kind, n in found}
    return Overview(counts, await next_due(connection), await oldest(connection, now))


def _standing(now: datetime) -> ColumnElement[str]:
    present = literal(now, Instant)
    return case(
        (outbox.c.state != State.READY, outbox.c.state),
        (outbox.c.ready_at <= present, Standing.DUE.value),
        (outbox.c.lease.is_not(None), Standing.SENDING.value),
        (outbox.c.ready_at >= FOREVER, Standing.PAUSED.value),
        else_=Standing.LATER.value,
    )


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next row is ready, late or not."""
    at: datetime | None = (await connection.execute(SOONEST)).scalar()
    return None if at is None or at >= FOREVER else at


async def oldest(connection: AsyncConnection, now: datetime) -> Late | None:
    """The row that has been ready for longest and was not taken."""
    found = await connection.execute(
        select(outbox.c.id, outbox.c.kind, outbox.c.ready_at, outbox.c.error)
        .where(outbox.c.state == State.READY, outbox.c.lane.in_(list(Lane)), outbox.c.ready_at <= now)
        .order_by(outbox.c.ready_at)
        .limit(1)
    )
    row = found.first()
    return Late(row.id, row.kind, row.ready_at, row.error or "") if row else None


async def dead(connection: AsyncConnection, kind: str = "", limit: int = 100) -> list[Dead]:
    """Rows that were given up, the latest first; of one kind or family of kinds."""
    found = await connection.execute(
        select(
            outbox.c.id,
            outbox.c.kind,
            outbox.c.attempts,
            outbox.c.error,
            outbox.c.due_at,
            outbox.c.done_at,
        )
        .where(outbox.c.state == State.DEAD, *of_kind(kind))
        .order_by(outbox.c.done_at.desc(), outbox.c.id.desc())
        .limit(limit)
    )
    return [Dead(id, name, n, error or "", due, ended) for id, name, n, error, due, ended in found]


async def waiting(connection: AsyncConnection, limit: int = 10) -> list[Waiting]:
    """What waits for another try, by kind and error, the most rows first."""
    number = func.count()
    found = await connection.execute(
        select(outbox.c.kind, outbox.c.error, number, func.min(outbox.c.id), func.min(outbox.c.ready_at))
        .where(outbox.c.state == State.READY, outbox.c.error.is_not(None))
        .group_by(outbox.c.kind, outbox.c.error)
        .order_by(number.desc(), outbox.c.kind)
        .limit(limit)
    )
    return [Waiting(kind, error, rows, id, at) for kind, error, rows, id, at in found]


def of_kind(kind: str) -> list[ColumnElement[bool]]:
    """The condition for a kind, or for a whole family of them; none for an empty name."""
    if not kind:
        return []
    return [or_(outbox.c.kind == kind, outbox.c.kind.startswith(f"{kind}.", autoescape=True))]

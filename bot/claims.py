"""Claiming what is due, by the rules of ``bot.gentle``: what goes now, together, later or never.

One transaction a claim. A row is taken by moving ``ready_at`` one lease ahead; what falls due later
on a person's day is folded into the one message that goes now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Select, and_, bindparam, case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.clock import Clock
from bot.gentle import Ask, Drop, Move, Rule, Send, decide, same_day, sent_today
from bot.outbox import Outbox, Plan, Row, State, Verb
from bot.people import People, Preferences
from bot.storage import Storage
from bot.storage.schema import FOREVER, Instant, outbox
from bot.ui import Card

log = structlog.get_logger("bot.outbox")

ASK = "nudges.ask"  # the one question after too many messages without a reaction
DOUBT = timedelta(minutes=5)  # Discord remembers a nonce for "a few minutes"


@dataclass(frozen=True, slots=True)
class Unit:
    """One message to be: its row, the rows folded into it, and whether it may have been sent already."""

    lead: Row
    folded: tuple[Row, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """What is needed of the features: a kind's rule, a unit's card, and what follows a row's end."""

    rule: Callable[[str], Rule]
    render: Callable[[Unit], Awaitable[Card | None]]
    after: Callable[[AsyncConnection, Row, State, Message | None], Awaitable[None]]


@dataclass(slots=True)
class _Changes:
    """What a claim decided, to be written at once."""

    moved: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    folded: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ended: list[tuple[Row, State]] = field(default_factory=list[tuple[Row, State]])

    def move(self, row: Row, to: datetime) -> None:
        self.moved.append({"row": row.id, "to": to})


@dataclass(frozen=True, slots=True)
class _Parts:
    rows: Outbox
    people: People
    features: Features
    lease: timedelta


class Claims:
    """Takes rows for the sender. ``lease`` is in seconds, ``batch`` in rows."""

    def __init__(
        self,
        storage: Storage,
        rows: Outbox,
        people: People,
        clock: Clock,
        features: Features,
        lease: float,
        batch: int,
    ) -> None:
        self._storage, self._clock, self._batch = storage, clock, batch
        self._parts = _Parts(rows, people, features, timedelta(seconds=lease))

    async def next_due(self) -> datetime | None:
        """When the next row is ready; None if nothing is planned (a pause without end is no plan)."""
        async with self._storage.read() as connection:
            soonest = select(func.min(outbox.c.ready_at)).where(outbox.c.state == State.READY)
            at: datetime | None = (await connection.execute(soonest)).scalar()
        return None if at is None or at >= FOREVER else at

    async def claim(self, limit: int | None = None) -> list[Unit]:
        """Take up to ``limit`` rows that are due and decide about each; the units to be sent now."""
        at = await self.next_due()
        if at is None or at > self._clock.now():
            return []  # without a write: an idle bot leaves the file alone
        async with self._storage.write() as tx:
            return await _Claim(self._parts, tx, self._clock.now()).run(limit or self._batch)


class _Claim:
    """One claim, inside its transaction."""

    def __init__(self, parts: _Parts, tx: AsyncConnection, now: datetime) -> None:
        self._rows, self._people, self._features = parts.rows, parts.people, parts.features
        self._tx, self._now, self._until = tx, now, now + parts.lease
        self._known_for = parts.lease + DOUBT  # how long after a try its key is surely remembered
        self._leased: dict[str, Any] = {"ready_at": self._until, "lease": uuid4().hex}
        self._changes = _Changes()

    async def run(self, limit: int) -> list[Unit]:
        """Take, decide, write."""
        direct: defaultdict[str, list[Row]] = defaultdict(list)
        units: list[Unit] = []
        for row in await self._take(_due(self._now, limit)):
            if row.verb is Verb.DM and row.user:
                direct[row.user.key].append(row)
            elif row.expires_at and self._now >= row.expires_at:
                self._changes.ended.append((row, State.DROPPED))
            else:
                units.append(Unit(row, again=self._doubtful(row)))
        if direct:
            units += await self._to_people(direct)
        await self._write()
        return units

    async def _take(self, which: Select[tuple[int]]) -> list[Row]:
        taken = await self._tx.execute(
            update(outbox)
            .where(outbox.c.id.in_(which))
            .values(
                **self._leased,
                attempts=outbox.c.attempts + 1,
                tried_at=func.coalesce(outbox.c.tried_at, literal(self._now, Instant)),
            )
            .returning(outbox)
        )
        rows = [self._rows.row(row) for row in taken.mappings()]
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def _doubtful(self, row: Row) -> bool:
        """Whether an earlier try may have worked: its process died, or the platform did not answer."""
        return row.tried_at is not None and row.tried_at < self._now

    async def _to_people(self, direct: Mapping[str, list[Row]]) -> list[Unit]:
        """At most one message a person."""
        persons = await self._people.load_many(self._tx, direct)
        mine = {row.id for rows in direct.values() for row in rows}
        sent = await self._recent(list(direct), mine)
        later = await self._later(list(direct))
        units: list[Unit] = []
        for user, rows in direct.items():
            unit = self._repeat(rows) or await self._fresh(rows, persons[user], sent[user], later[user])
            if unit:
                units.append(unit)
        return units

    def _repeat(self, rows: Sequence[Row]) -> Unit | None:
        """The very message whose fate is unknown, while its key is still remembered; the rest waits."""
        for lead in rows:
            if lead.lead is None and lead.tried_at and self._doubtful(lead):
                if self._now - lead.tried_at > self._known_for:
                    continue
                folded = tuple(row for row in rows if row.lead == lead.id)
                for row in rows:
                    if row is not lead and row not in folded:
                        self._changes.move(row, self._until)
                return Unit(lead, folded, again=True)
        return None

    async def _fresh(
        self, rows: Sequence[Row], person: Preferences, sent: Sequence[datetime], later: Sequence[Row]
    ) -> Unit | None:
        """What the rules allow, as one message, with what else falls due on the person's day."""
        today, limit = sent_today(sent, person, self._now), self._people.defaults.ignored_limit
        allowed: list[Row] = []
        ask = False
        for row in rows:
            match decide(row, self._features.rule(row.kind), person, self._now, today, limit):
                case Send():
                    allowed.append(row)
                case Ask():
                    allowed.append(row)
                    ask = True
                case Move(to, why):
                    log.debug("moved", row=row.id, kind=row.kind, why=why)
                    self._changes.move(row, to)
                case Drop(why):
                    state = State.UNDELIVERED if why == "unreachable" else State.DROPPED
                    self._changes.ended.append((row, state))
        if not allowed:
            return None
        if ask:
            return await self._ask(allowed)
        lead, *folded = allowed
        folded += [row for row in later if same_day(row.ready_at, self._now, person)]
        self._changes.folded += [{"row": row.id, "lead": lead.id} for row in folded]
        return Unit(lead, tuple(folded), again=self._doubtful(lead))

    async def _ask(self, rows: Sequence[Row]) -> Unit:
        """The question in place of the rows, which wait until it is answered."""
        user = rows[0].user
        assert user is not None
        for row in rows:
            self._changes.move(row, FOREVER)
        plan = Plan(ASK, (ASK, user.key, self._now.isoformat()), self._now, user=user)
        await self._rows.plan(self._tx, plan)
        await self._people.change(
            self._tx, user.key, self._now, paused_from=self._now, paused_until=FOREVER, ignored=0
        )
        which = select(outbox.c.id).where(outbox.c.key == self._rows.key(plan.key))
        (row,) = await self._take(which)
        return Unit(row)

    async def _recent(self, users: Sequence[str], mine: set[int]) -> Mapping[str, list[datetime]]:
        """When messages went to these people in the last two days; those under way count as now."""
        rows = await self._tx.execute(
            select(outbox.c.id, outbox.c.user, outbox.c.done_at).where(
                outbox.c.user.in_(users),
                outbox.c.verb == Verb.DM,
                outbox.c.lead.is_(None),
                or_(
                    and_(outbox.c.state == State.SENT, outbox.c.done_at > self._now - timedelta(days=2)),
                    and_(outbox.c.state == State.READY, outbox.c.lease.is_not(None)),
                ),
            )
        )
        sent: defaultdict[str, list[datetime]] = defaultdict(list)
        for id, user, done_at in rows:
            if id not in mine:
                sent[user].append(done_at or self._now)
        return sent

    async def _later(self, users: Sequence[str]) -> Mapping[str, list[Row]]:
        """What falls due for these people in the next day, and nobody holds."""
        rows = await self._tx.execute(
            select(outbox)
            .where(
                outbox.c.user.in_(users),
                outbox.c.verb == Verb.DM,
                outbox.c.state == State.READY,
                outbox.c.lease.is_(None),
                outbox.c.ready_at > self._now,
                outbox.c.ready_at <= self._now + timedelta(days=1),
            )
            .order_by(outbox.c.ready_at, outbox.c.id)
        )
        later: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows.mappings():
            later[row["user"]].append(self._rows.row(row))
        return later

    async def _write(self) -> None:
        """Everything that was decided; a move is no try."""
        if self._changes.moved:
            fewer = case((outbox.c.attempts > 0, outbox.c.attempts - 1), else_=0)
            await self._tx.execute(
                update(outbox)
                .where(outbox.c.id == bindparam("row"))
                .values(
                    ready_at=bindparam("to"),
                    lease=None,
                    lead=None,
                    attempts=fewer,
                    tried_at=case((outbox.c.tried_at == self._now, None), else_=outbox.c.tried_at),
                ),
                self._changes.moved,
            )
        if self._changes.folded:
            await self._tx.execute(
                update(outbox)
                .where(outbox.c.id == bindparam("row"))
                .values(lead=bindparam("lead"), **self._leased),
                self._changes.folded,
            )
        for row, state in self._changes.ended:
            await self._rows.end(self._tx, [row.id], state)
            await self._features.after(self._tx, row, state, None)


def _due(now: datetime, limit: int) -> Select[tuple[int]]:
    """What is ready, soonest first."""
    return (
        select(outbox.c.id)
        .where(outbox.c.state == State.READY, outbox.c.ready_at <= now)
        .order_by(outbox.c.ready_at, outbox.c.id)
        .limit(limit)
    )

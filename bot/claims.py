"""Claiming what is due, by the rules of ``bot.gentle``: what goes now, together, later or never.

One transaction a claim. A row is taken by moving ``ready_at`` one lease ahead; what falls due later
on a person's day is folded into the one message that goes now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import RowMapping, Select, and_, bindparam, case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.clock import Clock
from bot.gentle import Ask, Decision, Drop, Move, Rule, Send, decide, same_day, sent_today
from bot.outbox import Outbox, Plan, Row, State, Verb
from bot.people import People, Preferences
from bot.storage import Storage
from bot.storage.schema import FOREVER, Instant, outbox
from bot.ui import Card
from bot.vault import VaultError

log = structlog.get_logger("bot.outbox")

ASK = "nudges.ask"  # the one question after too many messages without a reaction
DOUBT = timedelta(minutes=5)  # Discord remembers a nonce for "a few minutes"
MENDING = timedelta(minutes=15)  # until a row that cannot be read is looked at again
SAID = (State.SENT, State.DONE, State.SKIPPED, State.SNOOZED)  # with a message: it reached the person


@dataclass(frozen=True, slots=True)
class Unit:
    """One message to be: its row, the rows folded into it, and whether it may have been sent already."""

    lead: Row
    folded: tuple[Row, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """What is needed of the features: a kind's rule, a unit's card, what follows a row's end or a fault."""

    rule: Callable[[str], Rule]
    render: Callable[[Unit], Awaitable[Card | None]]
    after: Callable[[AsyncConnection, Row, State, Message | None], Awaitable[None]]
    trouble: Callable[[Row, str], Awaitable[None]]  # a row waits for an organiser, and why


@dataclass(slots=True)
class _Changes:
    """What a claim decided, to be written at once."""

    moved: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    folded: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    freed: list[int] = field(default_factory=list[int])  # was folded once, goes by itself now
    unreadable: list[RowMapping] = field(default_factory=list[RowMapping])
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
        rows = await self._take(_due(self._now, limit))
        for row in rows + await self._families(rows):
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
        rows: list[Row] = []
        for row in taken.mappings():
            if read := self._read(row):
                rows.append(read)
            else:
                self._changes.unreadable.append(row)
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def _read(self, row: RowMapping) -> Row | None:
        """A row; none if what is sealed in it cannot be opened, which is no reason to stop the others."""
        try:
            return self._rows.row(row)
        except (VaultError, ValueError, TypeError, LookupError) as error:
            log.error("a row cannot be read", row=row["id"], kind=row["kind"], error=type(error).__name__)
            return None

    async def _families(self, rows: Sequence[Row]) -> list[Row]:
        """What belongs to a message in doubt that is among ``rows``, where the batch ended inside it."""
        parted = [row for row in rows if row.user and (row.lead or self._doubtful(row))]
        if not parted:
            return []
        leads = {row.lead or row.id for row in parted}
        return await self._take(
            select(outbox.c.id).where(
                outbox.c.user.in_({row.user.key for row in parted if row.user}),
                outbox.c.state == State.READY,
                outbox.c.ready_at <= self._now,
                or_(outbox.c.id.in_(leads), outbox.c.lead.in_(leads)),
            )
        )

    def _doubtful(self, row: Row) -> bool:
        """Whether an earlier try may have worked: its process died, or the platform did not answer."""
        return row.tried_at is not None and row.tried_at < self._now

    async def _to_people(self, direct: Mapping[str, list[Row]]) -> list[Unit]:
        """At most one message a person, apart from those that cannot be folded and those in doubt."""
        persons = await self._people.load_many(self._tx, direct)
        mine = {row.id for rows in direct.values() for row in rows}
        sent = await self._recent(list(direct), mine)
        later = await self._later(list(direct))
        units: list[Unit] = []
        for user, rows in direct.items():
            rows.sort(key=lambda row: (row.due_at, row.id))
            again = self._repeats(rows)
            units += again or await self._fresh(rows, persons[user], sent[user], later[user])
        return units

    def _repeats(self, rows: Sequence[Row]) -> list[Unit]:
        """The very messages whose fate is unknown, while their keys are remembered; the rest waits."""
        since = self._now - self._known_for
        leads = [
            row for row in rows if row.lead is None and row.tried_at and since <= row.tried_at < self._now
        ]
        units = [Unit(lead, tuple(row for row in rows if row.lead == lead.id), again=True) for lead in leads]
        taken = {row.id for unit in units for row in (unit.lead, *unit.folded)}
        for row in rows:
            if units and row.id not in taken:
                self._changes.move(row, self._until)
        return units

    async def _fresh(
        self, rows: Sequence[Row], person: Preferences, sent: Sequence[datetime], later: Sequence[Row]
    ) -> list[Unit]:
        """What the rules allow, as one message, with what else falls due on the person's day."""
        today = sent_today(sent, person, self._now)
        allowed: list[Row] = []
        ask = False
        for row in rows:
            match self._decide(row, person, today):
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
        if ask:
            return [await self._ask(allowed)]
        return self._together(allowed, person, today, later) if allowed else []

    def _decide(self, row: Row, person: Preferences, today: int) -> Decision:
        """The rules; the question itself is asked in the pause that began with it, unless that is over."""
        if row.kind == ASK:
            if not person.paused_for_good(self._now):
                return Drop("answered")
            person = replace(person, paused_until=None, ignored=0)
        limit = self._people.defaults.ignored_limit
        return decide(row, self._features.rule(row.kind), person, self._now, today, limit)

    def _together(
        self, allowed: Sequence[Row], person: Preferences, today: int, later: Sequence[Row]
    ) -> list[Unit]:
        """One message; what cannot be folded speaks first, and if there are several, each for itself.

        The last message of a day takes along what falls due later on it, unless it speaks for itself.
        """
        alone = [row for row in allowed if self._leads(row)]
        lead, *others = alone or allowed[:1]
        folded = [row for row in allowed if row is not lead and row not in others]
        if not alone and today + 1 >= person.per_day:
            folded += [row for row in later if self._joins(row, person)]
        self._changes.folded += [{"row": row.id, "lead": lead.id} for row in folded]
        self._changes.freed += [row.id for row in (lead, *others) if row.lead is not None]
        units = [Unit(lead, tuple(folded), again=self._doubtful(lead))]
        return units + [Unit(other, again=self._doubtful(other)) for other in others]

    def _leads(self, row: Row) -> bool:
        return row.kind == ASK or self._features.rule(row.kind).leads

    def _joins(self, row: Row, person: Preferences) -> bool:
        """Whether what nobody holds yet may come along in a message of today."""
        late = row.expires_at is not None and row.expires_at <= self._now
        today = row.ready_at <= self._now or same_day(row.ready_at, self._now, person)
        return today and not late and not self._leads(row)

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
                    and_(
                        outbox.c.state.in_(SAID),
                        outbox.c.message.is_not(None),
                        outbox.c.done_at > self._now - timedelta(days=2),
                    ),
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
        """What is due to these people or falls due in the next day, and nobody holds."""
        rows = await self._tx.execute(
            select(outbox)
            .where(
                outbox.c.user.in_(users),
                outbox.c.verb == Verb.DM,
                outbox.c.state == State.READY,
                outbox.c.lease.is_(None),
                outbox.c.ready_at <= self._now + timedelta(days=1),
            )
            .order_by(outbox.c.ready_at, outbox.c.id)
        )
        later: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows.mappings():
            if read := self._read(row):
                later[row["user"]].append(read)
        return later

    async def _write(self) -> None:
        """Everything that was decided; a move is no try."""
        fewer = case((outbox.c.attempts > 0, outbox.c.attempts - 1), else_=0)
        if self._changes.freed:
            freed = outbox.c.id.in_(self._changes.freed)
            await self._tx.execute(update(outbox).where(freed).values(lead=None))
        if self._changes.moved:
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
        for row in self._changes.unreadable:
            late = row["expires_at"] is not None and row["expires_at"] <= self._now
            if late:
                await self._rows.end(self._tx, [row["id"]], State.DROPPED)
            else:
                values = {"ready_at": self._now + MENDING, "lease": None, "attempts": fewer}
                mine = outbox.c.id == row["id"]
                await self._tx.execute(update(outbox).where(mine).values(**values, error="unreadable"))
        for row, state in self._changes.ended:
            await self._rows.end(self._tx, [row.id], state)
            await follow(self._features, self._tx, row, state, None)


async def follow(
    features: Features, tx: AsyncConnection, row: Row, state: State, message: Message | None
) -> None:
    """What a feature does when its row has ended; if that fails, it alone is undone, and nobody waits."""
    try:
        async with tx.begin_nested():
            await features.after(tx, row, state, message)
    except Exception as error:  # noqa: BLE001  (a feature's own; a database that fails does so again below)
        log.error(
            "after its end it failed",
            row=row.id,
            kind=row.kind,
            error=type(error).__name__,
            trace=trace(error),
        )


def _due(now: datetime, limit: int) -> Select[tuple[int]]:
    """What is ready, soonest first."""
    return (
        select(outbox.c.id)
        .where(outbox.c.state == State.READY, outbox.c.ready_at <= now)
        .order_by(outbox.c.ready_at, outbox.c.id)
        .limit(limit)
    )


def trace(error: BaseException) -> list[str]:
    """Where it happened, without the message: that may hold what somebody wrote."""
    places: list[str] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return places[-8:]

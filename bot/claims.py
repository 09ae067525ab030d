"""Claiming what is due: a batch taken by one UPDATE, decided in memory, written by a few statements more.

A row is taken by moving ``ready_at`` one lease ahead, so that a claim which is lost with its process comes
back by the same query. On PostgreSQL several workers claim side by side: each passes over what another is
taking (SKIP LOCKED), and what is decided about one person is decided by one of them at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import (
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.deciding import ASK, Changes, Deciding
from bot.features import Ended, Features, Unit, follow
from bot.outbox import COLUMNS, Outbox, Plan, Row, State, Verb, parse_user
from bot.people import People
from bot.storage import Storage
from bot.storage.schema import FOREVER, Instant, outbox
from bot.vault import VaultError

log = structlog.get_logger("bot.outbox")

DOUBT = timedelta(minutes=5)  # Discord remembers a nonce for "a few minutes"
MENDING = timedelta(minutes=15)  # until a row that cannot be read is looked at again
LATELY = timedelta(days=2)  # nobody's present local day began before that
SAID = (State.SENT, State.DONE, State.SKIPPED, State.SNOOZED)  # with a message: it reached the person

READY = outbox.c.state == literal_column(f"'{State.READY}'")  # a constant: else no partial index is used
_FEWER = case((outbox.c.attempts > 0, outbox.c.attempts - 1), else_=0)  # a move is no try
_MOVE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(
        ready_at=bindparam("to"),
        lease=None,
        lead=None,
        attempts=_FEWER,
        tried_at=case((outbox.c.tried_at == bindparam("now", type_=Instant), None), else_=outbox.c.tried_at),
    )
)
_FOLD = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(lead=bindparam("under"), ready_at=bindparam("until"), lease=bindparam("held"))
)

_THEIRS = (outbox.c.user.in_(bindparam("users", expanding=True)), outbox.c.verb == Verb.DM)
_WAITING = (
    select(*COLUMNS)
    .where(
        *_THEIRS,
        READY,
        outbox.c.ready_at <= bindparam("tomorrow"),
        or_(outbox.c.lease.is_(None), outbox.c.lease != bindparam("held")),
    )
    .order_by(outbox.c.ready_at, outbox.c.id)
)
_RECENT = select(outbox.c.user, outbox.c.done_at).where(
    *_THEIRS,
    outbox.c.state.in_(SAID),
    outbox.c.ready_at > bindparam("since"),  # the end of its lease, for the index
    outbox.c.lead.is_(None),
    outbox.c.message.is_not(None),
    outbox.c.done_at > bindparam("since"),
)


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
        self._more = False  # the last claim got as much as it wanted, so there may be more

    async def next_due(self) -> datetime | None:
        """When the next row is ready; None if nothing is planned (a pause without end is no plan)."""
        async with self._storage.read() as connection:
            soonest = select(func.min(outbox.c.ready_at)).where(READY)
            at: datetime | None = (await connection.execute(soonest)).scalar()
        return None if at is None or at >= FOREVER else at

    async def claim(self, limit: int | None = None) -> list[Unit]:
        """Take up to ``limit`` rows that are due and decide about each; the units, ready to be rendered."""
        limit = limit or self._batch
        if not self._more:
            at = await self.next_due()
            if at is None or at > self._clock.now():
                return []  # without a write: an idle bot leaves the file alone
        self._more = False
        async with self._storage.write() as tx:
            claim = _Claim(self._parts, tx, self._clock.now())
            units = await claim.run(limit)
        self._more = claim.taken >= limit
        return list(await self._parts.features.prepare(units))

    async def renew(self, units: Sequence[Unit]) -> dict[int, datetime]:
        """Keep rows that wait for their turn, each message whole and only while its lease is ours.

        Until when they are, by lead. A message of which another worker has a part just now is left out.
        """
        until = self._clock.now() + self._parts.lease
        held = {(row.id, unit.lead.lease) for unit in units for row in (unit.lead, *unit.folded)}
        async with self._storage.write() as tx:
            which = select(outbox.c.id, outbox.c.lease).where(outbox.c.id.in_({id for id, _ in held}))
            found = await tx.execute(which.with_for_update(skip_locked=True))
            ours = held & {(id, lease) for id, lease in found}
            whole = [
                unit
                for unit in units
                if all((row.id, unit.lead.lease) in ours for row in (unit.lead, *unit.folded))
            ]
            ids = [row.id for unit in whole for row in (unit.lead, *unit.folded)]
            await tx.execute(update(outbox).where(outbox.c.id.in_(ids)).values(ready_at=until))
        return {unit.lead.id: until for unit in whole}


class _Claim:
    """One claim, inside its transaction."""

    def __init__(self, parts: _Parts, tx: AsyncConnection, now: datetime) -> None:
        self._rows, self._people, self._features = parts.rows, parts.people, parts.features
        self._tx, self._now, self._until = tx, now, now + parts.lease
        self._lease = uuid4().hex
        self._unreadable: list[Any] = []
        self._deciding = Deciding(
            rule=parts.features.rule,
            now=now,
            until=self._until,
            known_since=now - parts.lease - DOUBT,  # a lease passes before a try is looked at again
            limit=parts.people.defaults.ignored_limit,
        )
        self.taken = 0  # rows, by the query for what is due

    async def run(self, limit: int) -> list[Unit]:
        """Take, decide, write."""
        direct: defaultdict[str, list[Row]] = defaultdict(list)
        units: list[Unit] = []
        rows = await self._take(await self._due(limit))
        changes = self._deciding.changes
        for row in rows + await self._families(rows):
            if row.verb is Verb.DM and row.user:
                direct[row.user.key].append(row)
            elif row.expires_at and self._now >= row.expires_at:
                changes.ended.append((row, State.DROPPED))
            else:
                units.append(Unit(row, again=self._deciding.doubtful(row)))
        if direct:
            units += await self._to_people(direct)
        await self._write(changes)
        return units

    async def _due(self, limit: int) -> Select[tuple[int]]:
        """What is ready, soonest first.

        Where others claim too, without those people whom another transaction holds just now: nothing is
        waited for, so nobody can wait for each other, and nobody else decides about these until the end.
        """
        due = (
            select(outbox.c.id)
            .where(READY, outbox.c.ready_at <= self._now)
            .order_by(outbox.c.ready_at, outbox.c.id)
            .limit(limit)
        )
        if self._tx.dialect.name != "postgresql":
            return due
        columns = (outbox.c.user, outbox.c.lead, outbox.c.tried_at)
        found = (await self._tx.execute(due.add_columns(*columns).with_for_update(skip_locked=True))).all()
        self.taken = len(found)
        held = await self._people.hold(self._tx, {row.user for row in found if row.user}, skip=True)
        torn = await self._torn([row for row in found if row.user and (row.lead or row.tried_at is not None)])
        free = [
            row for row in found if not row.user or (row.user in held and (row.lead or row.id) not in torn)
        ]
        return select(outbox.c.id).where(outbox.c.id.in_([row.id for row in free]))

    async def _torn(self, parts: Sequence[Any]) -> set[int]:
        """Messages in doubt, by lead, of which another transaction holds a part: none is said without it."""
        if not parts:
            return set()
        leads = {row.lead or row.id for row in parts}
        family = select(outbox.c.id, func.coalesce(outbox.c.lead, outbox.c.id)).where(
            outbox.c.user.in_({row.user for row in parts}),
            READY,
            or_(outbox.c.id.in_(leads), outbox.c.lead.in_(leads)),
        )
        everything = {(id, lead) for id, lead in await self._tx.execute(family)}
        free = {(id, lead) for id, lead in await self._tx.execute(family.with_for_update(skip_locked=True))}
        return {lead for _, lead in everything - free}

    async def _take(self, which: Select[tuple[int]]) -> list[Row]:
        taken = await self._tx.execute(
            update(outbox)
            .where(outbox.c.id.in_(which.with_for_update(skip_locked=True)))
            .values(
                ready_at=self._until,
                lease=self._lease,
                attempts=outbox.c.attempts + 1,
                tried_at=func.coalesce(outbox.c.tried_at, literal(self._now, Instant)),
            )
            .returning(*COLUMNS)
        )
        found = taken.all()
        self.taken = max(self.taken, len(found))
        rows = [read for row in found if (read := self._read(row))]
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def _read(self, row: Any) -> Row | None:
        """A row; none if what is sealed in it cannot be opened, which is no reason to stop the others."""
        try:
            return self._rows.unpack(row)
        except (VaultError, ValueError, TypeError, LookupError) as error:
            log.error("a row cannot be read", row=row.id, kind=row.kind, error=type(error).__name__)
            if row.lease == self._lease:
                self._unreadable.append(row)
            return None

    async def _families(self, rows: Sequence[Row]) -> list[Row]:
        """What belongs to a message in doubt that is among ``rows``, where the batch ended inside it."""
        parted = [row for row in rows if row.user and (row.lead or self._deciding.doubtful(row))]
        if not parted:
            return []
        leads = {row.lead or row.id for row in parted}
        return await self._take(
            select(outbox.c.id).where(
                outbox.c.user.in_({row.user.key for row in parted if row.user}),
                READY,
                outbox.c.ready_at <= self._now,
                or_(outbox.c.id.in_(leads), outbox.c.lead.in_(leads)),
            )
        )

    async def _to_people(self, direct: Mapping[str, list[Row]]) -> list[Unit]:
        """At most one message a person, apart from those that cannot be folded and those in doubt."""
        users = list(direct)
        persons = await self._people.load_many(self._tx, users)
        sent, later = await self._waiting(users)
        await self._recent(users, sent)
        units: list[Unit] = []
        for user, rows in direct.items():
            units += self._deciding.person(rows, persons[user], sent.get(user, ()), later.get(user, ()))
        for user in self._deciding.changes.asked:
            units.append(await self._ask(user))
        return units

    async def _ask(self, user: str) -> Unit:
        """The question in place of the rows, which wait until it is answered."""
        plan = Plan(ASK, (ASK, user, self._now.isoformat()), self._now, user=parse_user(user))
        await self._rows.plan(self._tx, plan)
        pause = {"paused_from": self._now, "paused_until": FOREVER, "ignored": 0}
        await self._people.change(self._tx, user, self._now, **pause)
        (row,) = await self._take(select(outbox.c.id).where(outbox.c.key == self._rows.key(plan.key)))
        return Unit(row, person=(await self._people.load_many(self._tx, [user]))[user])

    async def _waiting(self, users: Sequence[str]) -> tuple[dict[str, list[datetime]], dict[str, list[Row]]]:
        """What is under way to these people (as if sent now), and what is due to them within a day.

        Before ``_recent``: what another worker marks as sent meanwhile is seen by one of the two.
        """
        day = {"users": users, "tomorrow": self._now + timedelta(days=1), "held": self._lease}
        rows = await self._tx.execute(_WAITING, day)
        found = rows.all()
        free = await self._free([row.id for row in found if row.lease is None])
        sent: dict[str, list[datetime]] = {}
        later: dict[str, list[Row]] = {}
        for row in found:
            if row.lease is not None and row.lead is None:
                sent.setdefault(row.user, []).append(self._now)
            elif row.id in free and (read := self._read(row)):
                later.setdefault(row.user, []).append(read)
        return sent, later

    async def _free(self, ids: Sequence[int]) -> set[int]:
        """Of these rows those that no other worker is just taking; they are kept for this claim."""
        if not ids or self._tx.dialect.name != "postgresql":
            return set(ids)
        free = select(outbox.c.id).where(outbox.c.id.in_(ids), outbox.c.lease.is_(None))
        return set((await self._tx.execute(free.with_for_update(skip_locked=True))).scalars())

    async def _recent(self, users: Sequence[str], sent: dict[str, list[datetime]]) -> None:
        """Add when messages went to these people in the last two days.

        ``ready_at`` of such a row is when its lease would have ended, and that is not before it was sent: so
        the index passes over all of a person's history at once.
        """
        rows = await self._tx.execute(_RECENT, {"users": users, "since": self._now - LATELY})
        for user, done_at in rows:
            sent.setdefault(user, []).append(done_at)

    async def _write(self, changes: Changes) -> None:
        """Everything that was decided."""
        if changes.freed:
            freed = outbox.c.id.in_([row.id for row in changes.freed])
            await self._tx.execute(update(outbox).where(freed).values(lead=None))
        if changes.moved:
            moved = [{"row": row.id, "to": to, "now": self._now} for row, to in changes.moved]
            await self._tx.execute(_MOVE, moved)
        if changes.folded:
            mine = {"until": self._until, "held": self._lease}
            folded = [{"row": row.id, "under": lead.id, **mine} for row, lead in changes.folded]
            await self._tx.execute(_FOLD, folded)
        await self._put_off()
        for state in {state for _, state in changes.ended}:
            await self._rows.end(self._tx, [row.id for row, end in changes.ended if end is state], state)
        await follow(self._features, self._tx, [Ended(row, state) for row, state in changes.ended])

    async def _put_off(self) -> None:
        """What cannot be read waits until somebody has mended that, or is too late."""
        late = [row.id for row in self._unreadable if row.expires_at and row.expires_at <= self._now]
        await self._rows.end(self._tx, late, State.DROPPED)
        if ids := [row.id for row in self._unreadable if row.id not in late]:
            later = {
                "ready_at": self._now + MENDING,
                "lease": None,
                "attempts": _FEWER,
                "error": "unreadable",
            }
            await self._tx.execute(update(outbox).where(outbox.c.id.in_(ids)).values(**later))

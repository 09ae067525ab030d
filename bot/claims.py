"""Claiming what is due: a batch taken by one UPDATE, decided in memory, written by a few statements more.

A row is taken by moving ``ready_at`` one lease ahead, so that a claim which is lost with its process comes
back by the same query. ``bot.due`` asks and takes, ``bot.deciding`` decides; what is decided about one person
is decided by one worker at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.deciding import ASK, Changes, Deciding
from bot.due import SOONEST, SOONEST_PROMPT, TAKEN, UNTRIED, Due
from bot.features import Ended, Features, Unit, follow
from bot.outbox import COLUMNS, Outbox, Plan, Row, State, Verb, parse_user
from bot.people import People
from bot.rows import WORKER
from bot.storage import Storage
from bot.storage.batches import Change
from bot.storage.glance import Glance
from bot.storage.schema import FOREVER, Instant, outbox

DOUBT = timedelta(minutes=5)  # Discord remembers a nonce for "a few minutes"
MENDING = timedelta(minutes=15)  # until a row that cannot be read is looked at again

_SOONEST, _SOONEST_PROMPT = Glance(SOONEST), Glance(SOONEST_PROMPT)
_FEWER = case((outbox.c.attempts > 0, outbox.c.attempts - 1), else_=0)  # a move is no try
_MOVE = Change(
    lambda row, to: (
        update(outbox)
        .where(outbox.c.id == row)
        .values(
            ready_at=to,
            lease=None,
            lead=None,
            lane=UNTRIED,
            attempts=_FEWER,
            tried_at=case(  # nothing was tried under the key of what stood in another's message
                (outbox.c.tried_at == bindparam("now", type_=Instant), None),
                (outbox.c.lead.is_not(None), None),
                else_=outbox.c.tried_at,
            ),
        )
    ),
    outbox.c.id.type,
    Instant(),
)
_FOLD = Change(
    lambda row, lead: (
        update(outbox)
        .where(outbox.c.id == row)
        .values(lead=lead, ready_at=bindparam("until"), lease=bindparam("held"), lane=TAKEN)
    ),
    outbox.c.id.type,
    outbox.c.lead.type,
)


@dataclass(frozen=True, slots=True)
class _Parts:
    rows: Outbox
    people: People
    features: Features
    lease: timedelta
    worker: str = field(default_factory=lambda: uuid4().hex[:WORKER])


class _NothingFree(Exception):
    """What is due is in the hands of others."""


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
        self.barred = False  # the last claim could take nothing of what is due: others hold that
        self.alone = False  # what the last claim took is to be alone in hand

    async def next_due(self, *, prompt: bool = False) -> datetime | None:
        """When the next row is ready; None if nothing is planned (a pause without end is no plan)."""
        (soonest,) = await self._storage.glance(_SOONEST_PROMPT if prompt else _SOONEST)
        at: datetime | None = soonest["at"]
        return None if at is None or at >= FOREVER else at

    async def claim(
        self, limit: int | None = None, *, alone: bool = True, prompt: bool = False
    ) -> list[Unit]:
        """Take up to ``limit`` rows that are due and decide about each; the units, ready to be rendered.

        ``alone``: nothing else is in hand. Else what has ended processes before is not taken.
        ``prompt``: only what somebody waits for.
        """
        limit = limit or self._batch
        if prompt or not self._more:
            at = await self.next_due(prompt=prompt)
            if at is None or at > self._clock.now():
                return []  # without a write: an idle bot leaves the file alone
        self._more, self.barred, self.alone = self._more and prompt, False, False
        try:
            async with self._storage.write() as tx:
                claim = _Claim(self._parts, tx, self._clock.now())
                units = await claim.decided() if await claim.take(limit, alone=alone, prompt=prompt) else None
        except _NothingFree:  # rolled back: a commit would wake whoever waits for what is due
            self.barred = True
            return []
        if claim.due.gave_up:
            await self._follow(claim.due.gave_up)
        if units is None:  # nobody else need wait while they are read
            units = claim.as_they_are()
            if claim.due.unreadable:
                async with self._storage.write() as tx:
                    await claim.put_off(tx)
        self._more, self.alone = self._more or claim.due.full, claim.due.alone
        return list(await self._parts.features.prepare(units))

    async def _follow(self, ids: Sequence[int]) -> None:
        """What follows rows that were given up: after that was stored, because it may end the process too."""
        parts = self._parts
        async with self._storage.write() as tx:
            users = select(outbox.c.user).where(outbox.c.id.in_(ids), outbox.c.user.is_not(None))
            await parts.people.hold(tx, (await tx.execute(users)).scalars())
            found = (await tx.execute(select(*COLUMNS).where(outbox.c.id.in_(ids)))).all()
            rows = parts.rows.readable(list(zip(*found, strict=True)))
            await follow(parts.features, tx, [Ended(row, row.state) for row in rows])

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
        lease = parts.worker + uuid4().hex[WORKER:]
        self.due = Due(parts.rows, parts.people, tx, now, self._until, lease)
        self._deciding = Deciding(
            rule=parts.features.rule,
            now=now,
            until=self._until,
            known_since=now - parts.lease - DOUBT,  # a lease passes before a try is looked at again
            limit=parts.people.defaults.ignored_limit,
        )

    async def take(self, limit: int, *, alone: bool, prompt: bool) -> bool:
        """Lease what is due; whether anything is to be decided about it. Else ``_NothingFree``."""
        self._leased = await self.due.take(limit, alone=alone, prompt=prompt)
        if not any(self._leased) and not self.due.gave_up:
            raise _NothingFree
        return self.due.concerns_people or self.due.has_late

    def as_they_are(self) -> list[Unit]:
        """What was taken, where nothing is to be decided."""
        doubtful, now = self._deciding.doubtful, self._now
        rows = self.due.read(self._leased)
        return [Unit(row, (), row.tried_at != now and doubtful(row)) for row in rows]

    async def decided(self) -> list[Unit]:
        """Decide about what was taken, and write that down."""
        direct: defaultdict[str, list[Row]] = defaultdict(list)
        units: list[Unit] = []
        rows = self.due.read(self._leased)
        doubtful, now = self._deciding.doubtful, self._now
        parted = [row for row in rows if row.user and (row.lead or doubtful(row))]
        changes = self._deciding.changes
        for row in rows + await self.due.families(parted):
            if row.user and row.verb is Verb.DM:
                direct[row.user.key].append(row)
            elif row.expires_at and now >= row.expires_at:
                changes.ended.append((row, State.DROPPED))
            else:
                units.append(Unit(row, (), row.tried_at != now and doubtful(row)))
        if direct:
            units += await self._to_people(direct)
        await self._write(changes)
        return units

    async def _to_people(self, direct: Mapping[str, list[Row]]) -> list[Unit]:
        """At most one message a person, apart from those that cannot be folded and those in doubt."""
        users = list(direct)
        persons = await self._people.load_many(self._tx, users)
        sent, later = await self.due.waiting(users)
        await self.due.add_recent(users, sent)
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
        row = await self.due.take_one(self._rows.key(plan.key))
        return Unit(row, person=(await self._people.load_many(self._tx, [user]))[user])

    async def _write(self, changes: Changes) -> None:
        """Everything that was decided."""
        if changes.freed:
            freed = outbox.c.id.in_([row.id for row in changes.freed])
            await self._tx.execute(update(outbox).where(freed).values(lead=None))
        await _MOVE.run(self._tx, {row.id: to for row, to in changes.moved}, now=self._now)
        folded = {row.id: lead.id for row, lead in changes.folded}
        await _FOLD.run(self._tx, folded, until=self._until, held=self.due.lease)
        await self.put_off(self._tx)
        for state in {state for _, state in changes.ended}:
            await self._rows.end(self._tx, [row.id for row, end in changes.ended if end is state], state)
        await follow(self._features, self._tx, [Ended(row, state) for row, state in changes.ended])

    async def put_off(self, tx: AsyncConnection) -> None:
        """What cannot be read waits until somebody has mended that, or is too late."""
        expires = self.due.unreadable
        late = [id for id, at in expires.items() if at and at <= self._now]
        await self._rows.end(tx, late, State.DROPPED)
        if ids := expires.keys() - set(late):
            later = {
                "ready_at": self._now + MENDING,
                "lease": None,
                "attempts": _FEWER,
                "error": "unreadable",
            }
            await tx.execute(update(outbox).where(outbox.c.id.in_(ids)).values(**later))

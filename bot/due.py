"""What a claim asks the database, for all its rows and people at once; what it takes is leased at once.

On PostgreSQL several workers ask side by side: each passes over what another is taking (SKIP LOCKED), and
then over the rows of those people whom another transaction holds. Nothing is waited for, so nobody can wait
for each other; what is left out comes with the next claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.outbox import COLUMNS, Outbox, Row, State, Verb
from bot.people import People
from bot.rows import ALONE, FAULT, IN_TURN, WORKER, Lane
from bot.storage.batches import ChangeAll, Lookup, Many
from bot.storage.schema import Instant, outbox

log = structlog.get_logger("bot.outbox")
ASKS = 8  # times at most that a claim looks behind rows it cannot have, each time twice as far
OFTEN = 3  # tries of a row whose process ended meanwhile, from which on it is taken alone
OFTEN_ALONE = 3  # times that its process may end with this row alone in hand; then it is given up
LATELY = timedelta(days=2)  # nobody's present local day began before that
SAID = (State.SENT, State.DONE, State.SKIPPED, State.SNOOZED)  # with a message: it reached the person
READY = outbox.c.state == literal_column(f"'{State.READY}'")  # a constant: else no partial index is used
Columns = Sequence[Sequence[Any]]  # what was found, a list for each column
TAKEN = case((outbox.c.lane > Lane.DOUBT, int(Lane.DOUBT)), else_=outbox.c.lane)  # the lane of what was taken
UNTRIED = case((outbox.c.lane == Lane.DOUBT, int(Lane.PLANNED)), else_=outbox.c.lane)  # of what is free again
_LEASED = ("ready_at", "lease", "state")  # the same for all rows that a claim takes
_FOUND = [each for each in COLUMNS if each.key not in _LEASED]


def _places(columns: Sequence[Any], *names: str) -> list[int]:
    keys = [each.key for each in columns]
    return [keys.index(name) for name in names]


_ID, _KIND, _USER, _EXPIRES, _ATTEMPTS, _LEAD, _TRIED, _LANE = _places(
    _FOUND, "id", "kind", "user", "expires_at", "attempts", "lead", "tried_at", "lane"
)
_ID_AT, _USER_AT, _EXPIRES_AT, _LEASE_AT, _LEAD_AT = _places(
    COLUMNS, "id", "user", "expires_at", "lease", "lead"
)


def _rows(*where: Any) -> Select[*tuple[Any, ...]]:
    """Rows that are ready, soonest first, and nobody else's just now; ``_lease`` adds what it changes."""
    ready = select(*_FOUND).where(READY, *where).order_by(outbox.c.ready_at, outbox.c.id)
    return ready.with_for_update(skip_locked=True)


def _times_alone(lease: str) -> int:
    """How often the row with this lease was all that a process had in hand."""
    return int(lease[WORKER + len(ALONE)]) if lease[WORKER:].startswith(ALONE) else 0


def _theirs(many: Many) -> tuple[Any, Any]:
    return outbox.c.user.in_(many("users")), outbox.c.verb == Verb.DM


def _is_part(row: Sequence[Any]) -> bool:
    """Whether other rows may belong to the same message, because it was under way before."""
    return row[_LEAD] is not None or row[_TRIED] is not None


_IS_DUE = outbox.c.ready_at <= bindparam("now", type_=Instant)
# Of what is due: nobody has said what became of its last tries, so many in a row.
_LOST = and_(outbox.c.lease.is_not(None), outbox.c.error.is_(None), outbox.c.attempts >= OFTEN)


# An index leads to one lane at a time, and each lane is a constant, so that a plan knows which it is.
_EACH_LANE = [outbox.c.lane == literal_column(f"{lane:d}") for lane in Lane]
_SOONEST = [select(func.min(outbox.c.ready_at).label("at")).where(READY, lane) for lane in _EACH_LANE]
SOONEST = select(func.min(union_all(*_SOONEST).subquery().c.at).label("at"))  # ``FOREVER`` is no time
SOONEST_PROMPT = _SOONEST[Lane.PROMPT]


_LIMIT: Any = bindparam("limit", type_=Integer)


def _by_lanes(*where: Any) -> Any:
    """At most as many as are wanted, lane after lane."""
    some = (_rows(lane, _IS_DUE, *where) for lane in _EACH_LANE)
    return union_all(*(select(*each.limit(_LIMIT).subquery().c) for each in some)).limit(_LIMIT)


_PROMPT = Lookup(lambda _: _rows(_EACH_LANE[Lane.PROMPT], _IS_DUE, not_(_LOST)).limit(_LIMIT))
_DUE = Lookup(lambda _: _by_lanes(not_(_LOST)))
_BEHIND = Lookup(lambda many: _by_lanes(not_(_LOST), outbox.c.user.in_(many("users")).is_not(true())))
_LOST_OFTEN = Lookup(lambda _: _by_lanes(_LOST))
_FAMILIES = Lookup(
    lambda many: _rows(
        outbox.c.user.in_(many("users")),
        _IS_DUE,
        or_(outbox.c.id.in_(many("leads")), outbox.c.lead.in_(many("leads"))),
    )
)
_BY_KEY = Lookup(lambda _: _rows(outbox.c.key == bindparam("key")))
_FAILED_THEN_LOST = and_(outbox.c.lease.is_not(None), outbox.c.error.is_not(None))
_LEASE = ChangeAll(
    lambda many: (
        update(outbox)
        .where(outbox.c.id.in_(many("ids")))
        .values(
            ready_at=bindparam("until"),
            lease=bindparam("held"),
            lane=TAKEN,
            # What was lost is counted from the first time; how often it failed before that is another thing.
            attempts=case((_FAILED_THEN_LOST, 1), else_=outbox.c.attempts + 1),
            error=case((outbox.c.lease.is_not(None), None), else_=outbox.c.error),
            tried_at=func.coalesce(outbox.c.tried_at, bindparam("now", type_=Instant)),
        )
    )
)
_WAITING = Lookup(
    lambda many: (
        select(*COLUMNS)
        .where(
            *_theirs(many),
            READY,
            outbox.c.done_at.is_(None),  # for the index, as is when they are due: never after they are ready
            outbox.c.due_at <= bindparam("tomorrow"),
            outbox.c.ready_at <= bindparam("tomorrow"),
            or_(outbox.c.lease.is_(None), outbox.c.lease != bindparam("held")),
        )
        .order_by(outbox.c.ready_at, outbox.c.id)
    )
)
_RECENT = Lookup(
    lambda many: select(outbox.c.user, outbox.c.done_at).where(
        *_theirs(many),
        outbox.c.state.in_(SAID),
        outbox.c.done_at > bindparam("since"),
        outbox.c.lead.is_(None),
        outbox.c.message.is_not(None),
    )
)


@dataclass(slots=True)
class Due:
    """The questions of one claim, in its transaction. What it takes it holds ``until``."""

    rows: Outbox
    people: People
    tx: AsyncConnection
    now: datetime
    until: datetime
    lease: str
    full: bool = False  # the query for what is due gave as much as it was asked for: there may be more
    concerns_people: bool = False  # that is a direct message, or about one
    has_late: bool = False  # of that, something is too late to be said
    alone: bool = False  # it is one row, and nothing else is to be in hand with it
    gave_up: list[int] = field(default_factory=list[int])  # rows with which alone in hand processes ended
    unreadable: dict[int, datetime | None] = field(default_factory=dict[int, datetime | None])  # until when

    async def take(self, limit: int, *, alone: bool, prompt: bool) -> Columns:
        """What is due, soonest first; to be ``read``. ``prompt``: only what somebody waits for.

        Where nothing is but what processes may have ended by, one of that, if it will be ``alone``.
        """
        found: Columns = await (_PROMPT if prompt else _DUE).columns(self.tx, now=self.now, limit=limit)
        self.full = not prompt and len(found[_ID]) >= limit
        if alone and not found[_ID]:
            found = await self._lost()
        self.concerns_people = any(found[_USER])
        if self.concerns_people and self.tx.dialect.name == "postgresql":
            found = await self._free_of_others(found, limit)
        self.has_late = any(at is not None and at <= self.now for at in found[_EXPIRES])
        return await self._lease(found)

    async def _lost(self) -> Columns:
        """A row that was in hand each time its process ended, if it was not alone in hand too often."""
        while True:
            lost = await _LOST_OFTEN.columns(self.tx, now=self.now, limit=1)
            found = await self._free_of_these(lost)
            if not found[_ID]:
                return found
            lease = select(outbox.c.lease).where(outbox.c.id == found[_ID][0])
            times = _times_alone((await self.tx.execute(lease)).scalar_one())
            if times < OFTEN_ALONE:
                self.alone, mark = True, f"{ALONE}{times + 1}"
                self.lease = self.lease[:WORKER] + mark + self.lease[WORKER + len(mark) :]
                return found
            self.gave_up.append(await self._give_up(found[_ID][0], found[_LEAD][0], found[_USER][0]))
            log.error("given up: its process ended with it alone in hand", kind=found[_KIND][0], times=times)

    async def _give_up(self, row: int, lead: int | None, user: str | None) -> int:
        """End the message that this row is, or stands in; which row that was.

        What stood in it goes its own way: if it was that, it will be found out by itself.
        """
        said = select(outbox.c.id).where(READY, outbox.c.id == (lead or row))
        message = (await self.tx.execute(said)).scalar() or row
        await self.rows.end(self.tx, [message], State.DEAD, f"{FAULT}its process ended")
        again = {"ready_at": outbox.c.due_at, "lane": int(Lane.PLANNED), "attempts": 0}
        await self.tx.execute(
            update(outbox)
            .where(READY, outbox.c.user == user, outbox.c.lead == message)
            .values(lead=None, lease=None, tried_at=None, **again)
        )
        return message

    async def _free_of_others(self, found: Columns, limit: int) -> Columns:
        """Up to ``limit`` rows that nobody keeps from us. If none of the first is, those behind them."""
        free, wanted, users = await self._free_of_these(found), limit, set[str]()
        for _ in range(ASKS):
            if free[_ID] or not self.full:
                break
            users |= set(found[_USER]) - {None}
            wanted *= 2
            found = await _BEHIND.columns(self.tx, now=self.now, users=users, limit=wanted)
            self.full = len(found[_ID]) >= wanted
            free = await self._free_of_these(found)
        return [values[:limit] for values in free]

    async def _free_of_these(self, found: Columns) -> Columns:
        """Without the rows of those people whom another transaction holds, and without torn messages."""
        held = await self.people.hold(self.tx, set(found[_USER]) - {None}, skip=True)
        rows = [row for row in zip(*found, strict=True) if not row[_USER] or row[_USER] in held]
        torn = await self._torn([row for row in rows if row[_USER] and _is_part(row)])
        rows = [row for row in rows if (row[_LEAD] or row[_ID]) not in torn]
        return list(zip(*rows, strict=True)) or [() for _ in found]

    async def _torn(self, parts: Sequence[Sequence[Any]]) -> set[int]:
        """Messages in doubt, by lead, of which another transaction holds a part: none is said without it."""
        if not parts:
            return set()
        leads = {row[_LEAD] or row[_ID] for row in parts}
        family = select(outbox.c.id, func.coalesce(outbox.c.lead, outbox.c.id)).where(
            outbox.c.user.in_({row[_USER] for row in parts}),
            READY,
            or_(outbox.c.id.in_(leads), outbox.c.lead.in_(leads)),
        )
        everything = {(id, lead) for id, lead in await self.tx.execute(family)}
        free = {(id, lead) for id, lead in await self.tx.execute(family.with_for_update(skip_locked=True))}
        return {lead for _, lead in everything - free}

    async def families(self, rows: Sequence[Row]) -> list[Row]:
        """What belongs to the messages of ``rows``, where the batch ended inside one of them."""
        if not rows:
            return []
        users = {row.user.key for row in rows if row.user}
        leads = {row.lead or row.id for row in rows}
        found = await _FAMILIES.columns(self.tx, users=users, leads=leads, now=self.now)
        return self.read(await self._lease(found))

    async def take_one(self, key: str) -> Row:
        """The row that was just planned under a key."""
        (row,) = self.read(await self._lease(await _BY_KEY.columns(self.tx, key=key)))
        return row

    async def _lease(self, found: Columns) -> Columns:
        """The same rows as they are from then on."""
        ids = found[_ID]
        if not ids:
            return [() for _ in COLUMNS]
        await _LEASE.run(self.tx, ids=ids, until=self.until, held=self.lease, now=self.now)
        now = {
            "ready_at": [self.until] * len(ids),
            "lease": [self.lease] * len(ids),
            "state": [State.READY] * len(ids),
            "lane": [min(each, Lane.DOUBT) for each in found[_LANE]],
            "attempts": [each + 1 for each in found[_ATTEMPTS]],
            "tried_at": [each or self.now for each in found[_TRIED]],
        }
        before = {each.key: values for each, values in zip(_FOUND, found, strict=True)}
        return [now.get(each.key) or before[each.key] for each in COLUMNS]

    def read(self, leased: Columns) -> list[Row]:
        """These rows, in their turn; those that cannot be read are ``unreadable``."""
        rows = self.rows.readable(leased)
        if len(rows) < len(leased[_ID_AT]):
            readable = {row.id for row in rows}
            times = zip(leased[_ID_AT], leased[_EXPIRES_AT], strict=True)
            self.unreadable |= {id: expires for id, expires in times if id not in readable}
        return sorted(rows, key=IN_TURN)

    async def waiting(self, users: Sequence[str]) -> tuple[dict[str, list[datetime]], dict[str, list[Row]]]:
        """What is under way to these people (as if sent now), and what is due to them within a day.

        Before ``add_recent``: what another worker marks as sent meanwhile is seen by one of the two.
        """
        tomorrow = self.now + timedelta(days=1)
        found = await _WAITING.rows(self.tx, users=users, tomorrow=tomorrow, held=self.lease)
        free = await self._free([row[0] for row in found if row[_LEASE_AT] is None])
        sent: dict[str, list[datetime]] = {}
        for row in found:
            if row[_LEASE_AT] is not None and row[_LEAD_AT] is None:
                sent.setdefault(row[_USER_AT], []).append(self.now)
        later: dict[str, list[Row]] = {}
        mine = list(zip(*(row for row in found if row[0] in free), strict=True))
        for row in self.rows.readable(mine) if mine else ():
            if row.user:
                later.setdefault(row.user.key, []).append(row)
        return sent, later

    async def _free(self, ids: Sequence[int]) -> set[int]:
        """Of these rows those that no other worker is just taking; they are kept for this claim."""
        if not ids or self.tx.dialect.name != "postgresql":
            return set(ids)
        free = select(outbox.c.id).where(outbox.c.id.in_(ids), outbox.c.lease.is_(None))
        return set((await self.tx.execute(free.with_for_update(skip_locked=True))).scalars())

    async def add_recent(self, users: Sequence[str], sent: dict[str, list[datetime]]) -> None:
        """Add when messages went to these people in the last two days: history before that costs nothing."""
        for user, done_at in await _RECENT.rows(self.tx, users=users, since=self.now - LATELY):
            sent.setdefault(user, []).append(done_at)

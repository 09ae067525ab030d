"""Writing down what came of units: groups of rows in a few statements, each only while its lease is ours.

One short transaction for as many as have ended by then. People are locked before rows of the outbox, as
everywhere (see ``bot.storage.engine``); those whom somebody else holds hold up nobody else's.

An edit whose row another process has taken over meanwhile (it was refreshed) may have come later than the
newer one. So it is sent once more when that one has ended: what it shows is read anew each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Integer, Select, Update, bindparam, case, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.clock import Clock
from bot.due import UNTRIED
from bot.features import Ended, Features, Unit, follow
from bot.people import People
from bot.rows import WORKER, Row, State, Verb, dump
from bot.storage import Storage
from bot.storage.batches import Change, ChangeAll, Lookup, Many
from bot.storage.errors import code
from bot.storage.schema import Instant, outbox

log = structlog.get_logger("bot.outbox")


class Outcome(NamedTuple):
    """What came of a unit: a final state, or (``READY``) another try at ``retry_at``.

    ``unsure``: nobody knows whether the try worked. ``fault``: it was the row's own fault. ``tried``: it was
    a try at all, and did not just wait here.
    """

    unit: Unit
    state: State
    message: Message | None = None
    error: str = ""
    retry_at: datetime | None = None
    unsure: bool = False
    fault: bool = False
    tried: bool = True


def given_back(unit: Unit, why: str, now: datetime) -> Outcome:
    """Not tried at all: in its old place in the queue, also if a clock that is wrong says that it is late."""
    return Outcome(unit, State.READY, error=why, retry_at=min(now, unit.lead.due_at), tried=False)


def _leases(many: Many) -> Select[*tuple[Any, ...]]:
    return select(outbox.c.id, outbox.c.lease).where(outbox.c.id.in_(many("ids"))).order_by(outbox.c.id)


_LEASES = Lookup(_leases)
_HELD = Lookup(lambda many: _leases(many).with_for_update())
_FREE_NOW = Lookup(lambda many: _leases(many).with_for_update(skip_locked=True))


def _ours(row: Any) -> Update:
    return update(outbox).where(outbox.c.id == row, outbox.c.lease == bindparam("held"))


_END = Change(
    lambda row, message: _ours(row).values(
        state=bindparam("ends"),
        lease=None,
        error=bindparam("why"),
        done_at=bindparam("at"),
        message=message,
    ),
    outbox.c.id.type,
    outbox.c.message.type,
)
_AGAIN = Change(  # another try; ``sure``: it did not work, so there is nothing to look for
    lambda row, at: _ours(row).values(
        lease=None,
        ready_at=at,
        error=bindparam("why"),
        attempts=bindparam("tries"),
        lane=case((bindparam("sure", type_=Integer) == 1, UNTRIED), else_=outbox.c.lane),
        tried_at=case((bindparam("sure", type_=Integer) == 1, None), else_=outbox.c.tried_at),
    ),
    outbox.c.id.type,
    Instant(),
)
_FREE = Change(  # was to be folded, and goes its own way
    lambda row, at: _ours(row).values(
        lease=None, ready_at=at, error=bindparam("why"), lead=None, lane=UNTRIED, tried_at=None
    ),
    outbox.c.id.type,
    Instant(),
)
_ONCE_MORE = ChangeAll(
    lambda many: (
        update(outbox)
        .where(outbox.c.id.in_(many("ids")), outbox.c.state == literal_column(f"'{State.SENT}'"))
        .values(
            state=literal_column(f"'{State.READY}'"),
            due_at=bindparam("now", type_=Instant),
            ready_at=bindparam("now", type_=Instant),
            attempts=0,
            tried_at=None,
            done_at=None,
        )
    )
)


class Marks:
    """Marks outcomes; a row whose lease is somebody else's by now is left as it is."""

    def __init__(self, storage: Storage, people: People, clock: Clock, features: Features) -> None:
        self._storage, self._people, self._clock, self._features = storage, people, clock, features

    async def mark(self, outcomes: Sequence[Outcome], *, skip: bool = False) -> list[Outcome]:
        """Write them down; once more if the database fails, and then its error is raised.

        What is to be marked later: people and rows that another transaction holds (``skip``: else they are
        waited for), and edits that another process sends just now.
        """
        if not outcomes:
            return []
        try:
            return await self._mark(outcomes, skip=skip)
        except Exception as error:  # noqa: BLE001  (whatever it was: then it fails again)
            log.warning("marked once more", error=type(error).__name__, why=code(error), rows=len(outcomes))
            return await self._mark(outcomes, skip=skip)

    async def _mark(self, outcomes: Sequence[Outcome], *, skip: bool) -> list[Outcome]:
        kinds = {each.unit.lead.kind for each in outcomes}
        writing = _Writing(self._clock.now(), {kind for kind in kinds if self._features.follows(kind)})
        asked = [outcome for outcome in outcomes if not writing.simply(outcome)]  # before anybody has to wait
        async with self._storage.write() as tx:
            free, mine = await self._mine(tx, asked, skip=skip)
            for outcome in free:
                writing.add(outcome, mine)
            for (held, state, why), rows in writing.end.items():
                await _END.run(tx, rows, held=held, ends=state, why=why, at=writing.now)
            for (held, why, tries, sure), rows in writing.again.items():
                await _AGAIN.run(tx, rows, held=held, why=why, tries=tries, sure=sure)
            for (held, why), rows in writing.free.items():
                await _FREE.run(tx, rows, held=held, why=why)
            await self._people.ignored(tx, writing.reached)
            for user, why in writing.unreachable.items():
                await self._people.change(tx, user, self._clock.now(), unreachable=why)
            if writing.overtaken:
                await _ONCE_MORE.run(tx, ids=writing.overtaken, now=writing.now)
            await follow(self._features, tx, writing.ended)
        kept = set(map(id, free))
        return [each for each in asked if id(each) not in kept] + writing.later

    async def _mine(
        self, tx: AsyncConnection, outcomes: Sequence[Outcome], *, skip: bool
    ) -> tuple[Sequence[Outcome], Set[tuple[int, str | None]]]:
        """Those that nobody keeps from us, and all their rows, each under the lease that it has by now."""
        if not outcomes:
            return [], set()
        users = {each.unit.lead.user.key for each in outcomes if each.unit.lead.user}
        held = await self._people.hold(tx, users, skip=skip)
        free = [each for each in outcomes if not each.unit.lead.user or each.unit.lead.user.key in held]
        ids = [id for each in free for id in _ids(each)]
        found = {(id, lease) for id, lease in await (_FREE_NOW if skip else _HELD).rows(tx, ids=ids)}
        if missing := set(ids) - {id for id, _ in found}:  # deleted, or locked
            locked = {id for id, _ in await _LEASES.rows(tx, ids=missing)}
            free = [each for each in free if locked.isdisjoint(_ids(each))]
        return free, found


def _ids(outcome: Outcome) -> list[int]:
    return [outcome.unit.lead.id, *(row.id for row in outcome.unit.folded)]


class _Writing:
    """One mark's statements and what follows from them, put together in memory.

    ``follows`` are the kinds whose features do something when a row has ended.
    """

    def __init__(self, now: datetime, follows: Set[str]) -> None:
        self.now, self._follows = now, follows
        self.end: defaultdict[tuple[str | None, State, str | None], dict[int, str | None]] = defaultdict(dict)
        self.again: defaultdict[tuple[str | None, str | None, int, int], dict[int, datetime | None]] = (
            defaultdict(dict)
        )
        self.free: defaultdict[tuple[str | None, str | None], dict[int, datetime | None]] = defaultdict(dict)
        self.ended: list[Ended] = []
        self.overtaken: list[int] = []  # edits that may have come after a newer one
        self.later: list[Outcome] = []  # edits that may yet come before it
        self.reached: list[str] = []
        self.unreachable: dict[str, str] = {}

    def simply(self, outcome: Outcome) -> bool:
        """Note it, if nothing depends on it that its row is still ours."""
        unit, state, message = outcome[:3]
        row = unit.lead
        if row.user is not None or row.kind in self._follows or row.verb is Verb.EDIT:
            return False
        self._write(row, row.lease, state, outcome, dump(message) if message else None)
        return True

    def add(self, outcome: Outcome, mine: Set[tuple[int, str | None]]) -> None:
        """One outcome, with what is folded into it."""
        row, message = outcome.unit.lead, dump(outcome.message) if outcome.message else None
        if (row.id, row.lease) not in mine:
            if row.verb is Verb.EDIT and (outcome.state is State.SENT or outcome.unsure):
                self._overtaken(outcome, dict(mine).get(row.id))
            return
        self._write(row, row.lease, outcome.state, outcome, message)
        for folded in outcome.unit.folded:
            if (folded.id, row.lease) in mine:  # nobody skipped or moved it
                self._fold(folded, row.lease, outcome, message)
        if outcome.state is State.READY:
            return
        if row.kind in self._follows:
            self.ended.append(Ended(row, outcome.state, outcome.message, outcome.unit.loaded))
        if row.user and outcome.state is State.SENT and row.verb is Verb.DM:
            self.reached.append(row.user.key)
        if row.user and outcome.state is State.UNDELIVERED:
            self.unreachable[row.user.key] = outcome.error

    def _overtaken(self, outcome: Outcome, lease: str | None) -> None:
        """An edit whose row was refreshed meanwhile, and is under this lease by now.

        A process sends its own edits of a message one after the other. Another's is left to end: were its
        lease taken from it, it would do the same in its turn, and so on without an end.
        """
        row = outcome.unit.lead
        if lease is None:
            self.overtaken.append(row.id)
        elif lease[:WORKER] != (row.lease or "")[:WORKER]:
            self.later.append(outcome)

    def _fold(self, folded: Row, lease: str | None, outcome: Outcome, message: str | None) -> None:
        """A folded row has its message's fate, or goes its own way if there was no message."""
        state = State.FOLDED if outcome.state is State.SENT else outcome.state
        surely_not = outcome.state is State.READY and not _doubt(outcome)
        if outcome.state in (State.DROPPED, State.DEAD) or surely_not:
            at = outcome.retry_at if surely_not else self.now
            why = (outcome.error or None) if surely_not else None
            self.free[lease, why][folded.id] = at
            return
        self._write(folded, lease, state, outcome, message)
        if state is not State.READY:
            self.ended.append(Ended(folded, state, outcome.message))

    def _write(
        self, row: Row, lease: str | None, state: State, outcome: Outcome, message: str | None
    ) -> None:
        why = outcome.error or None
        if state is State.READY:
            sure = int(not _doubt(outcome))
            self.again[lease, why, _tries(row, outcome), sure][row.id] = outcome.retry_at
        else:
            self.end[lease, state, why][row.id] = message


def _doubt(outcome: Outcome) -> bool:
    """Whether this try or an earlier one may have worked."""
    return outcome.unsure or outcome.unit.again


def _tries(row: Row, outcome: Outcome) -> int:
    """How many tries there were: by its own fault, if it was that; in a row, whatever the reason, if not."""
    if not outcome.tried:
        return max(0, row.attempts - 1)
    return 1 if outcome.fault and not row.faulty else row.attempts

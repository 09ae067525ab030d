"""Writing down what came of units: groups of rows in a few statements, each only while its lease is ours.

One short transaction for as many as have ended by then. People are locked before rows of the outbox, as
everywhere (see ``bot.storage.engine``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Integer, Update, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.clock import Clock
from bot.due import UNTRIED
from bot.features import Ended, Features, Unit, follow
from bot.people import People
from bot.rows import Row, State, Verb, dump
from bot.storage import Storage
from bot.storage.batches import Change, Lookup
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


_HELD = Lookup(
    lambda many: (
        select(outbox.c.id, outbox.c.lease)
        .where(outbox.c.id.in_(many("ids")))
        .order_by(outbox.c.id)
        .with_for_update()
    )
)


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


class Marks:
    """Marks outcomes; a row whose lease is somebody else's by now is left as it is."""

    def __init__(self, storage: Storage, people: People, clock: Clock, features: Features) -> None:
        self._storage, self._people, self._clock, self._features = storage, people, clock, features

    async def mark(self, outcomes: Sequence[Outcome]) -> None:
        """Write them down; once more if the database fails, and then its error is raised."""
        if not outcomes:
            return
        try:
            await self._mark(outcomes)
        except Exception as error:  # noqa: BLE001  (whatever it was: then it fails again)
            log.warning("marked once more", error=type(error).__name__, why=code(error), rows=len(outcomes))
            await self._mark(outcomes)

    async def _mark(self, outcomes: Sequence[Outcome]) -> None:
        kinds = {each.unit.lead.kind for each in outcomes}
        writing = _Writing(self._clock.now(), {kind for kind in kinds if self._features.follows(kind)})
        asked = [outcome for outcome in outcomes if not writing.simply(outcome)]  # before anybody has to wait
        async with self._storage.write() as tx:
            mine = await self._mine(tx, [each.unit for each in asked])
            for outcome in asked:
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
            await follow(self._features, tx, writing.ended)

    async def _mine(self, tx: AsyncConnection, units: Sequence[Unit]) -> set[tuple[int, str | None]]:
        """Which rows of these units are still ours."""
        if not units:
            return set()
        await self._people.hold(tx, {unit.lead.user.key for unit in units if unit.lead.user})
        ids = [row.id for unit in units for row in (unit.lead, *unit.folded)]
        return {(id, lease) for id, lease in await _HELD.rows(tx, ids=ids)}


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
        self.reached: list[str] = []
        self.unreachable: dict[str, str] = {}

    def simply(self, outcome: Outcome) -> bool:
        """Note it, if nothing depends on it that its row is still ours."""
        unit, state, message = outcome[:3]
        row = unit.lead
        if row.user is not None or row.kind in self._follows:
            return False
        self._write(row, row.lease, state, outcome, dump(message) if message else None)
        return True

    def add(self, outcome: Outcome, mine: Set[tuple[int, str | None]]) -> None:
        """One outcome, with what is folded into it."""
        row, message = outcome.unit.lead, dump(outcome.message) if outcome.message else None
        if (row.id, row.lease) not in mine:
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

"""Sends what is due: render, send side by side, mark in groups, try again later or give up.

Nothing is sent inside a transaction, and a row is marked only while its lease is still ours, so
killing the process anywhere repeats at most a send whose key the platform knows already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Chat, Message, Place
from bot.claims import Claims, Features, Unit, follow, trace
from bot.clock import Clock
from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.outbox import Outbox, Row, State, Verb, dump
from bot.people import People
from bot.storage import Storage
from bot.storage.schema import outbox

log = structlog.get_logger("bot.outbox")

RETRY_FIRST, RETRY_MOST = 2.0, 900.0  # seconds; doubling in between
MISCONFIGURED_RETRY = 900.0  # seconds; an organiser has to mend something first
After = Callable[[AsyncConnection, Row, State, Message | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How the sender works: seconds of lease, rows in hand, messages at once, tries of a broken row."""

    lease: float = 60.0
    batch: int = 64
    senders: int = 16
    attempts: int = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a unit: a final state, or (``READY``) another try at ``retry_at``.

    ``unsure``: nobody knows whether the try worked.
    """

    unit: Unit
    state: State
    message: Message | None = None
    error: str = ""
    retry_at: datetime | None = None
    unsure: bool = False


class Sender:
    """Drains the outbox: ``run`` forever, or ``drain`` once what is due now."""

    def __init__(
        self,
        storage: Storage,
        rows: Outbox,
        people: People,
        clock: Clock,
        chats: Mapping[str, Chat],
        features: Features,
        pace: Pace,
        random: Random,
    ) -> None:
        self._storage, self._people, self._clock = storage, people, clock
        self._chats, self._features, self._pace, self._random = chats, features, pace, random
        self._claims = Claims(storage, rows, people, clock, features, pace.lease, pace.batch)
        self._slots = asyncio.Semaphore(pace.senders)
        self._done: asyncio.Queue[Outcome] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._flying = 0
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()  # by row
        self._newest: dict[int, str | None] = {}  # the last lease under way, by row
        storage.after_commit(self._wake.set)

    async def next_due(self) -> datetime | None:
        """When the next row is ready, if one is planned."""
        return await self._claims.next_due()

    async def drain(self) -> int:
        """Send everything that is due now, and what that gives rise to; how many messages it was."""
        sent = 0
        while (at := await self._claims.next_due()) is not None and at <= self._clock.now():
            units = await self._claims.claim()
            outcomes = await asyncio.gather(*(self._deliver(unit) for unit in units))
            await self._mark(outcomes)
            sent += sum(outcome.state is State.SENT for outcome in outcomes)
        return sent

    async def settled(self) -> None:
        """Wait until nothing that is due is left, whether ``run`` sends it or this call."""
        await self.drain()
        while self._flying:
            self._wake.clear()
            await self._wake.wait()
            await self.drain()

    async def run(self) -> None:
        """Send what falls due until cancelled; a commit wakes it at once."""
        try:
            await self._run()
        finally:
            await self._mark_surely(self._all_done())  # sent: better marked than sent again after a start

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._mark_forever())
            while True:
                self._wake.clear()
                try:
                    room = self._pace.batch - self._flying
                    units = await self._claims.claim(room) if self._has_room() else []
                    for unit in units:
                        self._flying += 1
                        tasks.create_task(self._fly(unit))
                    if not units:
                        await self._idle()
                except Exception as error:  # noqa: BLE001  (a database that fails now may answer later)
                    log.error("claim failed", error=type(error).__name__)
                    await asyncio.sleep(RETRY_FIRST)

    def _has_room(self) -> bool:
        """For a quarter of a batch: a claim for each row that is done would cost a transaction a row."""
        return self._pace.batch - self._flying >= max(1, self._pace.batch // 4)

    async def _idle(self) -> None:
        """Until a commit, or until the next row is ready."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._wake.wait())]
        try:
            at = await self._claims.next_due()
            if at is not None and self._has_room():
                waits.append(asyncio.create_task(self._clock.sleep_until(at)))
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _fly(self, unit: Unit) -> None:
        try:
            self._done.put_nowait(await self._deliver(unit))
        except asyncio.CancelledError:  # of this one alone, maybe: it makes room for others
            self._flying -= 1
            self._wake.set()
            raise

    def _all_done(self) -> list[Outcome]:
        return [self._done.get_nowait() for _ in range(self._done.qsize())]

    async def _mark_forever(self) -> None:
        while True:
            outcomes = [await self._done.get(), *self._all_done()]
            try:
                await self._mark_surely(outcomes)
            except asyncio.CancelledError:
                for outcome in outcomes:  # marking twice does nothing
                    self._done.put_nowait(outcome)
                raise
            self._flying -= len(outcomes)
            self._wake.set()

    async def _mark_surely(self, outcomes: Sequence[Outcome]) -> None:
        try:
            await self._mark(outcomes)
        except Exception as error:  # noqa: BLE001  (the leases end; the keys make a repeat harmless)
            log.error("mark failed", error=type(error).__name__, rows=len(outcomes))

    async def _deliver(self, unit: Unit) -> Outcome:
        """Send one unit, after an earlier try of the same row: what was read last is shown last."""
        row = unit.lead
        self._newest[row.id] = row.lease
        turn = self._turns.setdefault(row.id, asyncio.Lock())
        try:
            async with turn, self._slots:
                return await self._guarded(unit)
        finally:
            if self._newest.get(row.id) == row.lease:
                del self._newest[row.id]

    async def _guarded(self, unit: Unit) -> Outcome:
        """Whatever goes wrong with one unit is its own outcome and nobody else's."""
        row, now = unit.lead, self._clock.now()
        if self._newest.get(row.id, row.lease) != row.lease:
            return Outcome(unit, State.READY, error="overtaken", retry_at=now)
        if now + timedelta(seconds=self._pace.lease / 3) > row.ready_at:  # it waited here for too long
            return Outcome(unit, State.READY, error="lease ran out", retry_at=now)
        with structlog.contextvars.bound_contextvars(row=row.id, kind=row.kind):
            try:
                async with asyncio.timeout(self._pace.lease / 3):
                    return await self._send(unit)
            except TimeoutError:
                return self._later(unit, "timeout", unsure=True)
            except TryLater as error:
                return self._later(unit, error.reason, error.after, unsure=error.unsure)
            except Misconfigured as error:
                log.error("an organiser needs to mend this", reason=error.reason)
                await self._features.trouble(row, error.reason)
                return self._later(unit, error.reason, MISCONFIGURED_RETRY)
            except (Undeliverable, Gone) as error:
                log.info("refused for good", reason=error.reason)
                return Outcome(unit, State.UNDELIVERED, error=error.reason)
            except ChatError as error:
                return self._broken(unit, error.reason)
            except Exception as error:  # noqa: BLE001  (one bad row stops no other)
                log.error("failed", error=type(error).__name__, trace=trace(error))
                return self._broken(unit, type(error).__name__)

    async def _send(self, unit: Unit) -> Outcome:
        row = unit.lead
        target = row.place.place if isinstance(row.place, Message) else row.place or row.user
        chat = self._chats.get(target.platform) if target else None
        if chat is None:
            raise TryLater("platform is not running", MISCONFIGURED_RETRY)  # here: maybe in another process
        if row.verb is Verb.DELETE and isinstance(row.place, Message):
            await chat.delete(row.place)
            return Outcome(unit, State.SENT)
        card = await self._features.render(unit)
        if card is None:
            return Outcome(unit, State.DROPPED)
        match row.verb, row.user, row.place:
            case Verb.DM, user, _ if user is not None:
                message = await chat.dm(user, card, key=row.key, again=unit.again)
            case Verb.POST, _, Place() as place:
                message = await chat.post(place, card, key=row.key, again=unit.again)
            case Verb.THREAD, _, Message() as under:
                thread = await chat.thread(under, card.title)
                untitled = replace(card, title="")  # the thread has the title
                message = await chat.post(thread, untitled, key=row.key, again=unit.again)
            case Verb.EDIT, _, Message() as message:
                await chat.edit(message, card)
            case _:
                raise ChatError(f"{row.verb} without its target")
        return Outcome(unit, State.SENT, message)

    def _later(self, unit: Unit, reason: str, after: float = 0.0, *, unsure: bool = False) -> Outcome:
        """Not the row's fault: tried until it expires, ever more seldom, and never all at once."""
        pause = min(RETRY_MOST, RETRY_FIRST * 2 ** min(unit.lead.attempts - 1, 16))
        pause = max(after, pause * self._random.uniform(0.5, 1.0))
        log.info("tried again later", reason=reason, seconds=round(pause, 1))
        at = self._clock.now() + timedelta(seconds=pause)
        return Outcome(unit, State.READY, error=reason, retry_at=at, unsure=unsure)

    def _broken(self, unit: Unit, reason: str) -> Outcome:
        """The row's own fault: a bounded number of tries."""
        if unit.lead.attempts >= self._pace.attempts:
            return Outcome(unit, State.DEAD, error=reason)
        return self._later(unit, reason)

    async def _mark(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of them, each only while its lease is ours.

        In one transaction; where a feature fails in it, once more, and that feature undone.
        """
        if not outcomes:
            return
        try:
            await self._mark_all(outcomes, self._features.after)
        except Exception as error:  # noqa: BLE001  (a feature's own, or the database's: then it fails again)
            log.warning("marked with care", error=type(error).__name__, rows=len(outcomes))
            await self._mark_all(outcomes, partial(follow, self._features))

    async def _mark_all(self, outcomes: Sequence[Outcome], after: After) -> None:
        async with self._storage.write() as tx:
            reached: list[str] = []
            for outcome in outcomes:
                if await self._mark_one(tx, outcome, after) and outcome.state is State.SENT:
                    row = outcome.unit.lead
                    reached += [row.user.key] if row.user and row.verb is Verb.DM else []
            await self._people.ignored(tx, reached)

    async def _mark_one(self, tx: AsyncConnection, outcome: Outcome, after: After) -> bool:
        row, now = outcome.unit.lead, self._clock.now()
        values: dict[str, Any] = {"lease": None, "error": outcome.error or None}
        if outcome.state is State.READY:
            doubt = outcome.unsure or outcome.unit.again  # this try or an earlier one may have worked
            values |= {"ready_at": outcome.retry_at} | ({} if doubt else {"tried_at": None})
        else:
            message = dump(outcome.message) if outcome.message else None
            values |= {"state": outcome.state, "done_at": now, "message": message}
        mine = (outbox.c.id == row.id, outbox.c.lease == row.lease)
        if not (await tx.execute(update(outbox).where(*mine).values(**values))).rowcount:
            return False
        if outcome.state is State.UNDELIVERED and row.user:
            await self._people.change(tx, row.user.key, now, unreachable=outcome.error)
        for folded in outcome.unit.folded:
            own = _fate(outcome.state, values, now)
            still = (outbox.c.id == folded.id, outbox.c.lease == row.lease)  # nobody skipped or moved it
            changed = (await tx.execute(update(outbox).where(*still).values(**own))).rowcount
            if changed and "state" in own:
                await after(tx, folded, own["state"], outcome.message)
        if outcome.state is not State.READY:
            await after(tx, row, outcome.state, outcome.message)
        return True


def _fate(state: State, lead: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What becomes of a folded row: its message's fate, or its own way if there was no message."""
    match state:
        case State.SENT:
            return {**lead, "state": State.FOLDED}
        case State.DROPPED | State.DEAD:
            return {"ready_at": now, "lease": None, "lead": None, "tried_at": None}
        case State.READY if "tried_at" in lead:  # surely not sent: next time it may go otherwise
            return {"ready_at": lead["ready_at"], "lease": None, "lead": None, "tried_at": None}
        case _:
            return dict(lead)

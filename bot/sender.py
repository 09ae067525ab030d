"""Sends what is due: claim a batch, send side by side, mark in groups, claim the next one meanwhile.

Nothing is sent inside a transaction, and a row is marked only while its lease is still ours, so
killing the process anywhere repeats at most a send whose key the platform knows already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, TypeVar

import structlog

from bot.breaker import Breaker
from bot.chat import Chat
from bot.claims import Claims
from bot.clock import Clock
from bot.delivering import RETRY_FIRST, RETRY_MOST, Delivery
from bot.features import Features, Unit, trace
from bot.hand import Floor, Hand
from bot.lasting import lasting
from bot.marks import Marks, Outcome, given_back
from bot.observer import Observer
from bot.outbox import Outbox
from bot.pace import Pace, Pause, Room
from bot.people import People
from bot.rows import State
from bot.storage import Storage
from bot.storage.errors import code, passes
from bot.stranded import Stranded
from bot.stray import contained, is_told_to_stop

__all__ = ["RETRY_FIRST", "RETRY_MOST", "Outcome", "Pace", "Sender", "trace"]

log = structlog.get_logger("bot.outbox")

T = TypeVar("T")

# Units that a sender sends before it lets others run, where a platform answers without waiting. A server's
# answer is looked at soon; with a thread of ours the loop would hand the interpreter to and fro all the time.
IN_A_ROW, BESIDE_THREADS = 12, 48
MARK_AGAIN = 0.5  # seconds; a database that is away, or has no room, is asked again and again
PATIENCE = 10.0  # seconds that a statement under way is waited for at a stop
LONG_AGO = datetime.min.replace(tzinfo=UTC)
PROMPTLY = 0.5  # seconds after which what somebody waits for is looked for, room or none
GATHER = 0.002  # seconds in which outcomes are gathered for one mark, while more units wait to be sent


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
        observer: Observer | None = None,
    ) -> None:
        self._clock, self._pace, self._observer = clock, pace, observer
        self._claims = Claims(storage, rows, people, clock, features, pace.lease, pace.batch)
        self._marks = Marks(storage, people, clock, features)
        call = timedelta(seconds=pace.lease / 3)
        self._delivery = Delivery(dict(chats), features, clock, random, call, pace.attempts, Breaker(clock))
        self._room = Room(pace, clock)
        self._stranded = Stranded(storage, clock, pace.lease)
        self._wake = asyncio.Event()  # something was committed, or there is room for more
        self._over = asyncio.Event()  # some unit has its outcome
        self._in_a_row = BESIDE_THREADS if storage.in_process else IN_A_ROW
        self._hand = Hand(self._overtaken)
        self._begins = asyncio.Lock()  # held by the sender that has the floor
        self._aside: list[Outcome] = []  # of people whom somebody else holds just now: marked later
        self._flying = 0  # units claimed and not yet marked, but for those
        self._done: list[Outcome] = []  # of these, what has ended and is not written down yet
        self._taking = False
        self._looked = 0.0  # when it was last asked what is due, in the loop's seconds
        self._marking = asyncio.Event()  # what has ended can be written down
        self._marking.set()
        storage.after_commit(self._wake.set)

    def wake(self) -> None:
        """Look whether anything is due, although nobody said that something changed."""
        self._wake.set()

    async def next_due(self) -> datetime | None:
        """When the next row is ready, if one is planned."""
        return await self._claims.next_due()

    async def drain(self) -> int:
        """Send everything that is due now, and what that gives rise to; how many messages it was."""
        sent, pause = 0, Pause()
        while (at := await self._claims.next_due()) is not None and at <= self._clock.now():
            outcomes: list[Outcome] = []
            units = iter(await self._claimed())

            async def some(units: Any = units, outcomes: list[Outcome] = outcomes) -> None:
                for unit in units:
                    outcome = await self._deliver(unit)
                    outcomes.append(outcome)

            await asyncio.gather(*(some() for _ in range(self._pace.senders)))
            await self._mark(outcomes)
            sent += sum(outcome.state is State.SENT for outcome in outcomes)
            if self._claims.barred:
                await asyncio.sleep(pause.next())
        return sent

    async def settled(self) -> None:
        """Wait until nothing that is due is left, whether ``run`` sends it or this call."""
        await self.drain()
        while self._flying or self._aside:
            self._wake.clear()
            await self._wake.wait()
            await self.drain()

    async def run(self) -> None:
        """Send what falls due until cancelled; a commit wakes it at once.

        Cancelled, it takes nothing new, gives back what it has not begun, and waits a little for the rest.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = (self._mark_forever, self._renew_forever, self._stranded.watch)
                for part in (*parts, *[self._send_forever] * self._pace.senders):
                    tasks.create_task(self._lasting(part), name=part.__qualname__)
                try:
                    await self._claim_forever()
                finally:
                    await self._finish()
        finally:
            await self._mark_last()

    async def _lasting(self, part: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await lasting(part.__qualname__, part, lambda: not self._taking)
        finally:
            self._taking = False  # who is cancelled from now on was meant

    async def _finish(self) -> None:
        self._taking = False
        for unit in self._hand.give_back():
            self._end(unit, given_back(unit, "stopped", self._clock.now()))
        self._over.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.grace):
                while self._hand.begun:
                    self._over.clear()
                    await self._over.wait()

    # -- claiming --------------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        self._taking = True
        pause = Pause()
        while True:
            self._wake.clear()
            await self._marking.wait()  # else what was sent would be claimed, and sent, again
            try:
                room = self._room.left(self._flying, len(self._done))
                if self._flying and self._claims.alone:
                    await self._wake.wait()
                elif not room:
                    await self._without_room()
                elif not await self._whole(self._claim(room)):
                    await self._idle(pause)
                else:
                    pause.over()
            except Exception as error:  # noqa: BLE001  (a database that fails now may answer later)
                log.error("claim failed", **_about(error))
                await asyncio.sleep(RETRY_FIRST)

    async def _without_room(self) -> None:
        """Until something changes. What somebody waits for is taken all the same, once in a while."""
        left = self._looked + PROMPTLY - asyncio.get_running_loop().time()
        if left <= 0 and not self._hand.prompt:
            await self._whole(self._claim(self._pace.senders, prompt=True))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._hand.prompt else left):
                await self._wake.wait()

    async def _claim(self, room: int, *, prompt: bool = False) -> int:
        self._looked = asyncio.get_running_loop().time()
        units = await self._claimed(room, prompt=prompt)
        for unit in units:
            self._take(unit)
        return len(units)

    async def _claimed(self, limit: int | None = None, *, prompt: bool = False) -> Sequence[Unit]:
        units = await self._claims.claim(limit, alone=not self._flying, prompt=prompt)
        if self._observer:
            self._observer.claimed(units)
        return units

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish it even when cancelled, unless it takes long: what the database was told is known here."""
        task = asyncio.create_task(work)
        with contained():
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if is_told_to_stop():
                    await asyncio.wait([task], timeout=PATIENCE)
                    task.cancel()  # if it still runs
                raise

    def _take(self, unit: Unit) -> None:
        if not self._flying:
            self._room.begin()
        self._flying += 1
        self._hand.add(unit)

    async def _idle(self, pause: Pause) -> None:
        """Until a commit, or until the next row is ready; a while, if it is and somebody else has it."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._wake.wait())]
        try:
            at = await self._whole(self._claims.next_due())
            if at is not None and at <= self._clock.now() and self._claims.barred:
                waits.append(asyncio.create_task(asyncio.sleep(pause.next())))
            elif at is not None:
                pause.over()
                waits.append(asyncio.create_task(self._clock.sleep_until(at)))
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # -- sending ---------------------------------------------------------------------------------

    async def _send_forever(self) -> None:
        """One of the senders: takes what is in hand, one after the other."""
        in_a_row = 0
        with Floor(self._begins) as floor:
            while True:
                await floor.take()
                unit = await self._hand.begin()
                try:
                    outcome = await self._deliver(unit, floor.give)
                except asyncio.CancelledError:
                    # At a stop, or some library cancelled this one alone: it may have been said.
                    until = self._hand.until(unit)
                    outcome = Outcome(unit, State.READY, error="cancelled", retry_at=until, unsure=True)
                    if not self._taking:
                        self._end(unit, outcome)
                        raise
                    while (task := asyncio.current_task()) and task.cancelling():
                        task.uncancel()
                finally:
                    self._hand.finish(unit)
                    self._over.set()  # whoever hears of it looks when this has ended
                self._end(unit, outcome)
                in_a_row += 1
                if in_a_row >= self._in_a_row:
                    in_a_row = 0
                    await asyncio.sleep(0)

    def _end(self, unit: Unit, outcome: Outcome) -> None:
        self._hand.forget(unit)
        self._done.append(outcome)
        if self._room.is_low(self._flying - len(self._done)):
            self._wake.set()

    def _overtaken(self, unit: Unit) -> None:
        self._end(unit, given_back(unit, "overtaken", self._clock.now()))
        self._over.set()

    async def _deliver(self, unit: Unit, waits: Callable[[], None] = lambda: None) -> Outcome:
        """Send one unit, unless the same row was claimed anew meanwhile."""
        if not self._hand.is_newest(unit):
            return given_back(unit, "overtaken", self._clock.now())
        if self._observer is None:
            return await self._delivery.deliver(unit, self._held_until, waits)
        began = self._clock.monotonic()
        outcome = await self._delivery.deliver(unit, self._held_until, waits)
        late = (self._clock.now() - unit.lead.due_at).total_seconds()
        self._observer.tried(outcome, late, self._clock.monotonic() - began)
        return outcome

    # -- leases ----------------------------------------------------------------------------------

    def _held_until(self, unit: Unit) -> datetime:
        """When its lease ends; long ago, if its row was claimed anew."""
        return self._hand.until(unit) if self._hand.is_newest(unit) else LONG_AGO

    async def _renew_forever(self) -> None:
        """Keep the leases of what waits here: in hand, or in a platform's line."""
        step = self._pace.lease / 4
        while True:
            while not (self._flying or self._aside):
                await self._hand.work.wait()
                await asyncio.sleep(0)
            await self._clock.sleep(step)
            soon = self._clock.now() + timedelta(seconds=2 * step)
            aside = [outcome.unit for outcome in self._aside]
            if wrong := self._hand.held(partial(self._ends_wrongly, soon), aside):
                await self._renew(wrong)

    def _ends_wrongly(self, soon: datetime, until: datetime) -> bool:
        return until < soon or self._stranded.beyond(until)

    async def _renew(self, units: Sequence[Unit]) -> None:
        try:
            self._hand.renewed(units, await self._whole(self._claims.renew(units)))
        except Exception as error:  # noqa: BLE001  (then they are given back, or claimed by somebody else)
            log.error("leases not renewed", error=type(error).__name__, why=code(error), rows=len(units))

    # -- marking ---------------------------------------------------------------------------------

    async def _mark_forever(self) -> None:
        pause = Pause()
        while True:
            await self._some_done(pause)
            if self._hand:
                await asyncio.sleep(GATHER)
            self._wake.set()
            while not await self._whole(self._mark_done()):
                self._marking.clear()
                await asyncio.sleep(MARK_AGAIN)
            self._marking.set()
            self._wake.set()

    async def _mark_done(self) -> bool:
        """Write down what has ended, and what is aside; whether that is over."""
        outcomes = list(self._done)
        later = await self._mark_surely(outcomes + self._aside)
        if later is None:
            return False
        del self._done[: len(outcomes)]
        self._put_aside(later)
        self._flying -= len(outcomes)
        self._room.note(len(outcomes))
        return True

    async def _some_done(self, pause: Pause) -> None:
        """Until there is something to be marked. What is aside is looked at ever more seldom."""
        if not self._aside:
            pause.over()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause.next() if self._aside else None):
                while not self._done:
                    self._over.clear()
                    await self._over.wait()

    def _put_aside(self, later: list[Outcome]) -> None:
        """These are marked later: they take no room, and keep their leases."""
        still = set(map(id, later))
        for outcome in self._aside:
            if id(outcome) not in still:
                self._hand.forget(outcome.unit)
        self._aside = later

    async def _mark_last(self) -> None:
        """What was sent is better marked than sent again after a start; so whoever is held is waited for."""
        if await self._mark_done() and self._aside:
            await self._mark_surely(self._aside, skip=False)

    async def _mark_surely(self, outcomes: Sequence[Outcome], *, skip: bool = True) -> list[Outcome] | None:
        """What is to be marked later, where it is over with the others: written down, or never to be, by no
        fault of the database's; else None."""
        try:
            return await self._whole(self._marks.mark(outcomes, skip=skip))
        except Exception as error:  # noqa: BLE001  (the leases end; the keys make a repeat harmless)
            log.error("mark failed", rows=len(outcomes), **_about(error))
            return None if passes(error) else []

    async def _mark(self, outcomes: Sequence[Outcome]) -> None:
        await self._marks.mark(outcomes)


def _about(error: BaseException) -> dict[str, Any]:
    """What is logged of an error: never its message, which may hold what somebody wrote."""
    return {"error": type(error).__name__, "why": code(error), "trace": trace(error)}

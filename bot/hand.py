"""What the sender has in hand: units claimed and not ended, with the leases under which it holds them.

A row may be claimed anew while an earlier try of it is under way (it was changed meanwhile). Its versions are
sent one after the other, and of those that wait only the newest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from bot.features import Unit


class Hand:
    """Units that wait and units that are being sent. ``overtaken`` is told of those that never will be."""

    def __init__(self, overtaken: Callable[[Unit], None]) -> None:
        self.work = asyncio.Event()  # there are units that wait
        self.begun: dict[int, Unit] = {}  # being sent, by row
        self._overtaken = overtaken
        self._first: deque[Unit] = deque()  # of those that wait, what somebody waits for
        self._waiting: deque[Unit] = deque()
        self._next: dict[int, Unit] = {}  # what was claimed of a row while an earlier try of it was under way
        self._newest: dict[int, str | None] = {}  # the last lease of a row
        self._until: dict[int, datetime] = {}  # to when a lease was renewed

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._first or self._waiting)

    @property
    def prompt(self) -> bool:
        """Whether something waits here that somebody waits for."""
        return bool(self._first)

    def add(self, unit: Unit) -> None:
        """It was claimed."""
        self._newest[unit.lead.id] = unit.lead.lease
        (self._waiting if unit.lead.lane else self._first).append(unit)
        self.work.set()

    async def begin(self) -> Unit:
        """The next one that is to be sent; it is under way until ``finish``."""
        while True:
            while not self:
                self.work.clear()
                await self.work.wait()
            unit = (self._first or self._waiting).popleft()
            id = unit.lead.id
            if id not in self.begun:
                self.begun[id] = unit
                return unit
            if before := self._next.pop(id, None):
                self._overtaken(before)
            self._next[id] = unit

    def finish(self, unit: Unit) -> None:
        """It was sent, or not; what was claimed of its row meanwhile is the next."""
        del self.begun[unit.lead.id]
        if following := self._next.pop(unit.lead.id, None):
            self._first.appendleft(following)
            self.work.set()

    def forget(self, unit: Unit) -> None:
        """It has ended."""
        if self._newest.get(unit.lead.id) == unit.lead.lease:
            del self._newest[unit.lead.id]
        self._until.pop(unit.lead.id, None)

    def give_back(self) -> Iterator[Unit]:
        """All that wait: none of them any more."""
        while self:
            yield (self._first or self._waiting).popleft()

    def is_newest(self, unit: Unit) -> bool:
        """Whether its row was not claimed anew since."""
        return self._newest.get(unit.lead.id, unit.lead.lease) == unit.lead.lease

    def until(self, unit: Unit) -> datetime:
        """When its lease ends."""
        return self._until.get(unit.lead.id, unit.lead.ready_at)

    def held(self, until: Callable[[datetime], bool], aside: Sequence[Unit] = ()) -> list[Unit]:
        """Those of whose lease's end something is true; and of those ``aside``, in hand no more."""
        held = [*self.begun.values(), *self._first, *self._waiting, *self._next.values(), *aside]
        return [unit for unit in held if until(self.until(unit))]

    def renewed(self, units: Sequence[Unit], until: Mapping[int, datetime]) -> None:
        """Their leases end then, by row, where they are still held."""
        for unit in units:
            if unit.lead.id in until and self.is_newest(unit):
                self._until[unit.lead.id] = until[unit.lead.id]


class Floor:
    """A sender has it while it begins units, and gives it up as soon as one of them has to wait.

    So where a platform answers at once, one sender does it all. Sixteen would do no more in the same time,
    but the event loop would come round to the database's answers only after all of them.
    """

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock, self._mine = lock, False

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *_: object) -> None:
        self.give()

    async def take(self) -> None:
        """Have it, in turn with the others."""
        if not self._mine:
            await self._lock.acquire()
            self._mine = True

    def give(self) -> None:
        """The next one may have it."""
        if self._mine:
            self._mine = False
            self._lock.release()

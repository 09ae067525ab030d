"""Going no faster than a platform allows, the most urgent first.

Limits count real seconds, whatever the bot's own clock says (it can run faster, and tests move it by
hand), so everything here measures with the event loop's time.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count
from math import inf

from bot.patience import in_line


class Pacer:
    """At most ``per_second`` requests a second, evenly, ``burst`` at once; lower lanes go first."""

    def __init__(self, per_second: float, burst: int = 2) -> None:
        self._whole, self._slack = 1.0 / per_second, (burst - 1) / per_second
        self._step = self._whole
        self._next = -inf  # when the next request would be due if none were early
        self._held_until = self._promised = -inf
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, lane: int) -> None:
        """Wait until it is this request's turn."""
        if self.take():
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._queue, (lane, next(self._numbers), turn))
        self._arm(loop)
        with in_line():
            await turn

    def take(self) -> bool:
        """Go now, if nobody waits and there is room; whether there was."""
        if self._queue or self.wait > 0:
            return False
        self._take(asyncio.get_running_loop().time())
        return True

    @property
    def wait(self) -> float:
        """Seconds until a request could go if nobody else wanted to."""
        now = asyncio.get_running_loop().time()
        return max(self._next - self._slack, self._held_until) - now

    @property
    def backlog(self) -> float:
        """Seconds until a request that comes now would go, with everyone who waits already before it."""
        return self.wait + len(self._queue) * self._step

    def ahead(self, lane: int) -> float:
        """Seconds until a request of a lane that comes now would go: only lanes up to its own go before."""
        before = sum(waiting <= lane and not turn.done() for waiting, _, turn in self._queue)
        return self.wait + before * self._step

    @property
    def held(self) -> float:
        """Seconds until the platform lets anybody go again; 0 when it said nothing."""
        return max(0.0, self._held_until - asyncio.get_running_loop().time())

    def spend(self) -> None:
        """Count a request that goes at once, whoever waits: they wait a step longer."""
        self._take(asyncio.get_running_loop().time())

    def promise(self) -> float:
        """Seconds after which somebody who is sent away now finds room: each one's own turn.

        Told the same moment, all who were sent away would come back together, and all but one in vain.
        """
        now = asyncio.get_running_loop().time()
        self._promised = max(self._promised, now + self.backlog) + self._step
        return self._promised - now

    def share(self, part: float) -> None:
        """Take only a part (above 0, at most 1) of the limit from now on: other processes take the rest."""
        self._step = self._whole / part

    def hold(self, seconds: float) -> None:
        """Let nobody go for a while: the platform said that we are too fast."""
        loop = asyncio.get_running_loop()
        self._held_until = max(self._held_until, loop.time() + seconds)

    def _take(self, now: float) -> None:
        self._next = max(self._next, now) + self._step

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._queue:
            self._timer = loop.call_later(max(0.0, self.wait), self._release, loop)

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._queue and (self._queue[0][2].done() or self.wait <= 0):
            turn = heappop(self._queue)[2]
            if not turn.done():  # its caller may have given up
                self._take(loop.time())
                turn.set_result(None)
        self._arm(loop)

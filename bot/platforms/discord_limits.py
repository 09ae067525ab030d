"""How fast Discord may be asked, and when to stop asking.

Discord's limits count real seconds, whatever the bot's own clock says (it can run faster, and tests move
it by hand), so everything here measures with the event loop's time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum
from heapq import heappop, heappush
from itertools import count
from math import inf

from bot.patience import in_line

REFUSALS_WINDOW = 600.0  # seconds; Discord bans an address at 10,000 invalid requests within them
REFUSALS_LIMIT = 5_000  # where we stop by ourselves: half of it, other programs may share the address
BUCKETS_KEPT = 2_000  # route buckets looked at before the idle ones are dropped


class Lane(IntEnum):
    """Who goes first. Interactions do not count toward the global limit and never wait."""

    EXEMPT = 0
    FIRST = 1  # somebody waits for it: a post they just shared, its thread, its removal
    DUE = 2  # a nudge whose time has come
    LAST = 3  # counts on posts, commands at start: nobody minds a second


class Pacer:
    """At most ``per_second`` requests a second, evenly, ``burst`` at once; lower lanes go first."""

    def __init__(self, per_second: float, burst: int = 2) -> None:
        self._step, self._slack = 1.0 / per_second, (burst - 1) / per_second
        self._next = -inf  # when the next request would be due if none were early
        self._held_until = -inf
        self._queue: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, lane: Lane) -> None:
        """Wait until it is this request's turn."""
        if lane is Lane.EXEMPT:
            return
        loop = asyncio.get_running_loop()
        if not self._queue and self.wait <= 0:
            self._take(loop.time())
            return
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._queue, (lane, next(self._numbers), turn))
        self._arm(loop)
        with in_line():
            await turn

    @property
    def wait(self) -> float:
        """Seconds until a request could go if nobody else wanted to."""
        now = asyncio.get_running_loop().time()
        return max(self._next - self._slack, self._held_until) - now

    @property
    def backlog(self) -> float:
        """Seconds until a request that comes now would go, with everyone who waits already before it."""
        return self.wait + len(self._queue) * self._step

    def hold(self, seconds: float) -> None:
        """Let nobody go for a while: Discord said that we are too fast."""
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


class Refusals:
    """Counts what Discord calls invalid requests (401, 403, 404, a 429 that is ours) over ten minutes."""

    def __init__(self, limit: int = REFUSALS_LIMIT) -> None:
        self._limit = limit
        self._times: deque[float] = deque()

    def note(self) -> None:
        """One more."""
        self._times.append(asyncio.get_running_loop().time())

    @property
    def count(self) -> int:
        """How many there were in the last ten minutes."""
        old = asyncio.get_running_loop().time() - REFUSALS_WINDOW
        while self._times and self._times[0] <= old:
            self._times.popleft()
        return len(self._times)

    @property
    def pause(self) -> float:
        """Seconds to send nothing; 0 while there is room."""
        if (over := self.count - self._limit) < 0:
            return 0.0
        return self._times[over] + REFUSALS_WINDOW - asyncio.get_running_loop().time()


class Bucket:
    """One of Discord's route buckets, as its answers describe it; no limit until one does."""

    __slots__ = ("_limit", "_remaining", "_resets_at", "used_at")

    def __init__(self) -> None:
        self._limit = self._remaining = 0
        self._resets_at = self.used_at = -inf

    def pause(self, now: float) -> float:
        """Seconds until the next request may go; its place is taken if that is now."""
        self.used_at = now
        if now >= self._resets_at:
            self._remaining, self._resets_at = self._limit, now + 1.0 if self._limit else -inf
        if not self._limit:
            return 0.0
        if self._remaining > 0:
            self._remaining -= 1
            return 0.0
        return self._resets_at - now

    def told(self, limit: int, remaining: int, reset_after: float, now: float) -> None:
        """What an answer said. Answers overtake each other, so the smaller number counts."""
        known = self._limit > 0 and now < self._resets_at
        self._remaining = min(self._remaining, remaining) if known else remaining
        self._limit, self._resets_at = limit, now + reset_after

    def block(self, seconds: float, now: float) -> None:
        """A 429: nothing more for a while."""
        self._limit = self._limit or 1
        self._remaining, self._resets_at = 0, now + seconds


class Buckets:
    """Route buckets by Discord's own names for them, once they are known."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # route -> bucket name
        self._buckets: dict[str, Bucket] = {}

    def of(self, route: str, major: str, now: float) -> Bucket:
        """The bucket of a route (``GET /channels/{channel_id}``) and its major parameters."""
        key = f"{self._names.get(route, route)}:{major}"
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= BUCKETS_KEPT:
                self._tidy(now)
            bucket = self._buckets[key] = Bucket()
        return bucket

    def named(self, route: str, name: str, major: str, bucket: Bucket) -> None:
        """An answer told the bucket's name: routes with one name share one bucket."""
        if self._names.get(route) != name:
            self._names[route] = name
            self._buckets.setdefault(f"{name}:{major}", bucket)

    def _tidy(self, now: float) -> None:
        """Drop what has been idle for a minute; of what has not, the half used longest ago."""
        kept = [item for item in self._buckets.items() if item[1].used_at > now - 60.0]
        kept.sort(key=lambda item: item[1].used_at)
        self._buckets = dict(kept[-BUCKETS_KEPT // 2 :])

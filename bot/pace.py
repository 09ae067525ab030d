"""How fast the sender works: what was configured, and how many rows it has in hand at the pace measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from bot.clock import Clock

SHORTEST, LONGEST = 0.02, 0.25  # seconds of a pause while somebody else holds what is wanted


@dataclass(frozen=True, slots=True)
class Flow:
    """How many direct messages a minute a platform lets through: in all, or (``each``) in each community."""

    per_minute: float = inf
    each: bool = False

    def over(self, waiting: Iterable[tuple[datetime, int]], since: datetime) -> datetime:
        """When the last message of a line has gone: so many fall due at each time, soonest first.

        Each waits for those before it, and none goes before ``since``.
        """
        at = since
        for due, messages in waiting:
            at = max(at, due) + timedelta(minutes=messages / self.per_minute)
        return at


@dataclass(frozen=True, slots=True)
class Pace:
    """How the sender works: seconds of lease, rows in hand at most, messages at once, tries of a broken row.

    ``grace`` is how many seconds sends under way are waited for at a stop.
    """

    lease: float = 60.0
    batch: int = 2048
    senders: int = 16
    attempts: int = 8
    grace: float = 3.0


@dataclass(slots=True)
class Pause:
    """How long to wait for what somebody else holds: longer each time, until that is ``over``."""

    _times: int = 0

    def next(self) -> float:
        """Seconds."""
        self._times += 1
        return min(LONGEST, SHORTEST * 2 ** min(self._times - 1, 16))

    def over(self) -> None:
        """It was there: the next wait is short again."""
        self._times = 0


class Room:
    """How many rows to have in hand: what is sent in a small part of a lease, at the pace measured.

    They are claimed by halves: the next half while the other is sent, so that nobody waits for the database.
    """

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._most, self._least, self._clock = pace.batch, min(pace.batch, pace.senders), clock
        self._seconds = pace.lease / 40
        self._limit = min(pace.batch, 16 * pace.senders)
        self._count, self._since = 0, clock.monotonic()

    def begin(self) -> None:
        """Nothing was under way, and now something is."""
        self._count, self._since = 0, self._clock.monotonic()

    def left(self, flying: int, ended: int) -> int:
        """How many to claim now that so many are claimed and not marked, of which some have ``ended``.

        What has ended and is being marked makes room, but all together are never more than twice as many.
        """
        half = self._half
        return half if self.is_low(flying - ended) and flying + half <= 2 * self._limit else 0

    def is_low(self, coming: int) -> bool:
        """Whether so few are still to be sent that it is time for the next."""
        return coming + self._half <= self._limit

    @property
    def _half(self) -> int:
        return (self._limit + 1) // 2

    def note(self, done: int) -> None:
        """So many more are done."""
        self._count += done
        took = self._clock.monotonic() - self._since
        if self._count >= self._half or took > self._seconds:
            fitting = self._most if took <= 0 else int(self._count / took * self._seconds)
            self._limit = min(self._most, max(self._least, min(fitting, 8 * self._limit)))
            self.begin()

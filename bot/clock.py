"""The only reader of the time: clocks to wait on, and local time worked out by local date.

Instants are aware UTC datetimes, waits are seconds, zones are IANA names ("Europe/Berlin"). The local rules
are the design's ("Local": a gap fires once at the next valid minute, an overlap once): "UTC + 24 h" was wrong
at every transition measured. Zone data is the newer of the tzdata package and the system's own copy, because
governments change the rules faster than many systems are updated; it is read once per process.
"""

import asyncio
import heapq
import re
import zoneinfo
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.abc import Traversable
from importlib.resources import files
from itertools import count
from math import inf
from pathlib import Path
from time import monotonic
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_WAIT = 30.0
"""Real seconds of one wait; then the time is read again, so that a corrected system clock is noticed."""

LOOP_TURNS = 20
"""Turns of the event loop that a FakeClock allows between two sleepers."""

EVERY_DAY = frozenset(range(7))
"""All weekdays, Monday = 0 as in date.weekday()."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_NO_ZONES = r"(?:right|posix)/|(?:localtime|posixrules)$"  # beside the zones in system copies
_ZONE_NAME = re.compile(rf"(?!{_NO_ZONES})[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)


class UnknownZone(ValueError):
    """The name is in no time zone database here."""


class Clock(Protocol):
    """What everything that waits or dates something is given."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Real seconds since some fixed moment, never going back: for measuring, not for dating."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock's time; zero or less only lets others run."""
        ...

    async def sleep_until(self, at: datetime) -> None:
        """Wait for an instant of this clock (ValueError when naive); a past one only lets others run."""
        ...


class SystemClock:
    """The system's time, optionally faster (speed) and shifted (offset, as stored from an earlier run).

    At speed 1 it follows every correction of the system's clock. ``correct`` sets it by another clock.
    Used on one event loop; not thread-safe.
    """

    def __init__(self, speed: float = 1.0, offset: timedelta = timedelta()) -> None:
        if not 0 < speed < inf:
            raise ValueError("speed must be a positive number")
        self._speed, self._offset, self._wrong_by = speed, offset, timedelta()
        self._shift = offset  # with the correction
        self._start, self._began = datetime.now(UTC), monotonic()
        self._moved = asyncio.Event()

    @property
    def offset(self) -> timedelta:
        """How far it is shifted: the constructor's offset and every advance since."""
        return self._offset

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        if self._speed == 1.0:
            now = datetime.now(UTC)
        else:
            now = self._start + timedelta(seconds=(monotonic() - self._began) * self._speed)
        return now + self._shift if self._shift else now

    def monotonic(self) -> float:
        """Real seconds, whatever the speed and the offset."""
        return monotonic()

    def advance(self, delta: timedelta) -> None:
        """Move forward and wake every sleeper to look again; ValueError for a negative delta."""
        if delta < timedelta():
            raise ValueError("time cannot be moved back")
        self._offset += delta
        self._shift = self._offset + self._wrong_by
        self._look_again()

    def correct(self, wrong_by: timedelta) -> None:
        """Go by another clock that is so far ahead of the system's (behind: negative); sleepers look again.

        Several machines go by their database's clock. It is no part of ``offset``, and each call replaces
        what the one before said.
        """
        if wrong_by != self._wrong_by:
            self._wrong_by = wrong_by
            self._shift = self._offset + wrong_by
            self._look_again()

    def _look_again(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock; no longer when the system is set back or was suspended."""
        now, steady = self.now(), self._steady()

        def left() -> float:
            return seconds - max((self.now() - now).total_seconds(), self._steady() - steady)

        await self._wait(left)

    async def sleep_until(self, at: datetime) -> None:
        """Wait until now() reaches the instant; ValueError when it is naive."""
        at = aware(at)

        def left() -> float:
            return (at - self.now()).total_seconds()

        await self._wait(left)

    def _steady(self) -> float:
        return monotonic() * self._speed + self._offset.total_seconds()

    async def _wait(self, left: Callable[[], float]) -> None:
        await asyncio.sleep(0)
        while (seconds := left()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(seconds / self._speed, LONGEST_WAIT)):
                    await self._moved.wait()


class FakeClock:
    """Time that moves only when told to, for tests: no real waiting, always the same order.

    settle, when given, is awaited between two sleepers (for instance until a database thread is done).
    """

    def __init__(self, now: datetime, settle: Callable[[], Awaitable[None]] | None = None) -> None:
        self._began = self._now = aware(now)
        self._settle = settle
        self._numbers = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The instant it was moved to, aware UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that it was moved forward so far; it has no other time."""
        return (self._now - self._began).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until it was moved that many seconds forward."""
        await self.sleep_until(self._now + timedelta(seconds=seconds))

    async def sleep_until(self, at: datetime) -> None:
        """Wait until it was moved to the instant; ValueError when that is naive."""
        if (at := aware(at)) <= self._now:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at, next(self._numbers), woken))
        await woken

    async def advance(self, delta: timedelta) -> None:
        """Move forward by delta; see advance_to."""
        await self.advance_to(self._now + delta)

    async def advance_to(self, at: datetime) -> None:
        """Move to an instant, waking sleepers in order of time, then of arrival, each at its own instant.

        The event loop runs in between, so what a woken sleeper starts to wait for on the way is woken too.
        ValueError when the instant is naive or past.
        """
        if (at := aware(at)) < self._now:
            raise ValueError("time cannot be moved back")
        await self._let_run()
        while self._sleepers and self._sleepers[0][0] <= at:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                continue
            self._now = max(self._now, due)
            woken.set_result(None)
            await self._let_run()
        self._now = max(self._now, at)
        await self._let_run()

    async def _let_run(self) -> None:
        for _ in range(LOOP_TURNS):
            await asyncio.sleep(0)
        if self._settle is not None:
            await self._settle()


def aware(at: datetime) -> datetime:
    """The same instant in UTC; ValueError when it has no zone, because then it is no instant."""
    if at.utcoffset() is None:
        raise ValueError("a naive datetime is no instant; give it a time zone")
    return at.astimezone(UTC)


def _release(folder: Traversable) -> str:
    """The tz release of a zoneinfo folder ("2026f"), or "" when it does not say."""
    try:
        with folder.joinpath("tzdata.zi").open(encoding="utf-8") as lines:
            found = re.match(r"# version (\d{4}[a-z]+)", lines.readline())
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


@lru_cache(maxsize=1)
def _packaged_rules() -> Traversable | None:
    """The tzdata package's folder; None when it is missing, or the system's copy is known to be newer."""
    try:
        packaged = files("tzdata").joinpath("zoneinfo")
    except ModuleNotFoundError:
        return None
    system = next((path for path in map(Path, zoneinfo.TZPATH) if path.is_dir()), None)
    return None if system and _release(system) > _release(packaged) else packaged


@lru_cache(maxsize=1024)
def zone_info(zone: str) -> ZoneInfo:
    """The rules of an IANA zone, kept for the life of the process; UnknownZone when there is no such zone."""
    if _ZONE_NAME.fullmatch(zone):
        with suppress(OSError, ValueError, ZoneInfoNotFoundError):
            if (folder := _packaged_rules()) is None:
                return ZoneInfo(zone)
            with folder.joinpath(*zone.split("/")).open("rb") as file:
                return ZoneInfo.from_file(file, key=zone)
    raise UnknownZone(f"unknown time zone {zone[:40]!r}; use a name like Europe/Berlin")


def _shift(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first instant (a whole second) after low with another UTC offset than low; high must have one."""
    low = low.replace(microsecond=0)
    before = low.astimezone(zone).utcoffset()
    same, other = 0, -((low - high) // _SECOND)
    while other - same > 1:
        middle = (same + other) // 2
        if (low + middle * _SECOND).astimezone(zone).utcoffset() == before:
            same = middle
        else:
            other = middle
    return low + other * _SECOND


def local(at: datetime, zone: str) -> datetime:
    """The instant as the people of a zone read it: an aware local datetime."""
    return aware(at).astimezone(zone_info(zone))


@lru_cache(maxsize=8192)  # thousands share a zone and a minute
def local_day(at: datetime, zone: str) -> date:
    """The date that people of a zone have at that instant."""
    return local(at, zone).date()


@lru_cache(maxsize=8192)
def at_local(day: date, wall: time, zone: str) -> datetime:
    """The instant (UTC) when clocks in the zone first show that wall time on that date.

    A time that is skipped gives the first instant after the gap, also when a whole date is skipped; a time
    that comes twice gives the first one. ValueError when wall has a zone of its own.
    """
    if wall.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    rules = zone_info(zone)
    wanted = datetime.combine(day, wall).replace(fold=0)
    instant = wanted.replace(tzinfo=rules).astimezone(UTC)
    if instant.astimezone(rules).replace(tzinfo=None) == wanted:
        return instant
    return _shift(wanted.replace(tzinfo=rules, fold=1).astimezone(UTC), instant, rules)


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first instants (UTC) of a local date and of the next; the same when the zone skipped that date."""
    return at_local(day, time(), zone), at_local(day + _DAY, time(), zone)


def month_start(at: datetime, zone: str) -> datetime:
    """The first instant (UTC) of the local month that the instant is in."""
    return at_local(local_day(at, zone).replace(day=1), time(), zone)


@lru_cache(maxsize=8192)
def next_local(after: datetime, wall: time, zone: str, days: frozenset[int] = EVERY_DAY) -> datetime:
    """The first occurrence (UTC) of a wall time strictly after an instant, on some weekdays (Monday = 0).

    Exactly one per local date: in an overlap the first, in a gap the first instant after it. A gap that runs
    to the end of the date (Nuuk in March) gives the date's last minute instead, as the next one belongs to
    another date; a date that the zone skipped has none. ValueError when days is empty or holds no weekday.
    """
    if not days or not days <= EVERY_DAY:
        raise ValueError("days must be some of 0 (Monday) to 6 (Sunday)")
    day = local_day(after, zone)
    while True:
        start, end = day_bounds(day, zone)
        if day.weekday() in days and start < end:
            instant = at_local(day, wall, zone)
            if instant >= end:
                instant = end - timedelta(minutes=1)
            if instant > after:
                return instant
        day += _DAY


def next_working_day(day: date) -> date:
    """The first Monday to Friday after a date, the date itself excluded; holidays are not known here."""
    return day + _DAY * (7 - day.weekday() if day.weekday() >= 4 else 1)


def in_quiet(at: datetime, zone: str, quiet_from: time, quiet_to: time) -> bool:
    """Whether clocks there show quiet hours: from included, to excluded, over midnight too; equal: none."""
    wall = local(at, zone).time()
    if quiet_from <= quiet_to:
        return quiet_from <= wall < quiet_to
    return wall >= quiet_from or wall < quiet_to


@lru_cache(maxsize=8192)
def out_of_quiet(at: datetime, zone: str, quiet_from: time, quiet_to: time) -> datetime:
    """The instant itself (UTC) when it is not quiet, else the first instant after it that is not."""
    at, rules = aware(at), zone_info(zone)
    while in_quiet(at, zone, quiet_from, quiet_to):
        here = at.astimezone(rules)
        end = datetime.combine(here.date(), quiet_to)
        end = at + (end - here.replace(tzinfo=None, fold=0)) % _DAY
        same = end.astimezone(rules).utcoffset() == here.utcoffset()
        at = end if same else _shift(at, end, rules)
    return at

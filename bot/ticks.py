"""Recurring ticks, driven by APScheduler: nothing but ticks belongs there.

Its jobs live in memory and may be late or merged into one; whatever must not be lost is a row of
the outbox. (APScheduler drops a job that is a second late unless told otherwise: FACTS, trap 1.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # pyright: ignore[reportMissingTypeStubs]
from apscheduler.triggers.interval import IntervalTrigger  # pyright: ignore[reportMissingTypeStubs]

log = structlog.get_logger("bot.ticks")
GRACE = 3.0  # seconds that a call under way has to end at a stop


class Ticks:
    """Calls each function again and again, one call of each at a time."""

    def __init__(self, ticks: Iterable[tuple[str, timedelta, Callable[[], Awaitable[None]]]]) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._calls: set[asyncio.Task[None]] = set()
        for name, every, function in ticks:
            self._scheduler.add_job(  # pyright: ignore[reportUnknownMemberType]
                self._call,
                IntervalTrigger(seconds=int(every.total_seconds()), timezone=UTC),
                args=(name, function),
                id=name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        """Begin; the first call of each comes after its first interval."""
        self._scheduler.start()

    async def stop(self) -> None:
        """No more calls; those under way may end, for a moment, while what they use is still there."""
        self._scheduler.shutdown(wait=False)
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=GRACE)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _call(self, name: str, function: Callable[[], Awaitable[None]]) -> None:
        """A call in a task of its own: the scheduler's end cancels its own tasks wherever they are."""
        call = asyncio.create_task(_guarded(name, function))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        await asyncio.shield(call)


async def _guarded(name: str, function: Callable[[], Awaitable[None]]) -> None:
    """One tick that fails is logged, and comes again."""
    try:
        await function()
    except Exception as error:  # noqa: BLE001  (the boundary of a tick)
        log.error("tick failed", tick=name, error=type(error).__name__)

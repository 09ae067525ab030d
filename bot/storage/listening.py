"""One connection that hears of other processes' plans, tells them of ours, and reads the database's clock.

A NOTIFY inside each write would make all commits stand in one queue (PostgreSQL takes a lock on the
whole database for them). So the word goes out here, after the commit, once for all that were committed
in the last moment. What is lost when a process dies in between, or while this connection is away, is
made up for by a tick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.storage.wire import LOST, Wire

log = structlog.get_logger("bot.storage")

CHANNEL = "bounceback_planned"
GATHER = 0.02  # seconds in which commits are told of together
TICK = 10.0  # seconds; everybody looks by themselves that often, told or not
MEASURE = 60.0  # seconds between two looks at the database's clock
AGAIN, AGAIN_MOST = 0.25, 5.0  # seconds until a lost connection is made anew, doubling in between
SAMPLES = 3  # the one with the shortest way there and back counts
CLOSING = 2.0  # seconds


class Listening:
    """``connect`` makes a connection; ``heard`` is called when somebody planned something, or may have;
    ``measured`` with how far the database's clock is ahead of ``clock``.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Wire]],
        clock: Clock,
        heard: Callable[[], None],
        measured: Callable[[timedelta], None],
    ) -> None:
        self._connect, self._clock, self._heard, self._measured = connect, clock, heard, measured
        self._wake = asyncio.Event()
        self._to_tell = False
        self._closing = False
        self._pid = 0
        self._measured_at = 0.0

    async def start(self, wire: Wire) -> None:
        """Listen on a connection that is open already, and go on until closed."""
        await self._greet(wire)
        self._task = asyncio.create_task(self._run(wire))

    def tell(self) -> None:
        """Let the other processes know, in a moment."""
        self._to_tell = True
        self._wake.set()

    async def close(self) -> None:
        """Say what is still to be said, and stop."""
        self._closing = True
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._task

    async def _run(self, first: Wire) -> None:
        wire: Wire | None = first
        pause = AGAIN
        while not (self._closing and wire is None):
            try:
                if wire is None:
                    wire = await self._connect()
                    await self._greet(wire)
                    log.info("listening again")
                    pause = AGAIN
                await self._serve(wire)
                await wire.close()
                return
            except LOST as error:
                log.warning("not listening", error=type(error).__name__, again_in=pause)
                if wire is not None:
                    wire.terminate()
                wire = None
                await self._away(pause)
                pause = min(2 * pause, AGAIN_MOST)
            except asyncio.CancelledError:
                if wire is not None:
                    wire.terminate()
                raise

    async def _greet(self, wire: Wire) -> None:
        """Listen; then look, because nobody told us anything before."""
        await wire.execute("SET synchronous_commit TO off")  # a word need not outlast a crash
        await wire.add_listener(CHANNEL, self._received)
        wire.add_termination_listener(lambda *_: self._wake.set())
        self._pid = wire.get_server_pid()
        await self._measure(wire)
        self._heard()

    def _received(self, _: object, pid: int, *__: object) -> None:
        if pid != self._pid:
            self._heard()

    async def _serve(self, wire: Wire) -> None:
        """Until closed; any of ``LOST`` when the connection is."""
        while True:
            told = self._to_tell or await self._woken(TICK)
            if wire.is_closed():
                raise ConnectionResetError
            if self._to_tell:
                await asyncio.sleep(0 if self._closing else GATHER)
                self._to_tell = False
                try:
                    await wire.execute(f"NOTIFY {CHANNEL}")
                except BaseException:
                    self._to_tell = True
                    raise
            if self._closing:
                return
            if not told:
                self._heard()
            if self._clock.monotonic() - self._measured_at >= MEASURE:
                await self._measure(wire)

    async def _away(self, seconds: float) -> None:
        """Without a connection every second is a tick: nobody can tell us anything."""
        left = seconds
        while left > 0 and not self._closing:
            step = min(left, 1.0)
            await self._woken(step)
            self._heard()
            left -= step

    async def _woken(self, seconds: float) -> bool:
        """Wait for a reason to do something; False if there was none for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _measure(self, wire: Wire) -> None:
        """How far the database's clock is ahead of this machine's, from the quickest of a few looks."""
        looks: list[tuple[float, timedelta]] = []
        for _ in range(SAMPLES):
            before, began = self._clock.now(), self._clock.monotonic()
            theirs: datetime = await wire.fetchval("SELECT clock_timestamp()")
            took = self._clock.monotonic() - began
            looks.append((took, theirs - before - timedelta(seconds=took / 2)))
        self._measured_at = self._clock.monotonic()
        self._measured(min(looks)[1])

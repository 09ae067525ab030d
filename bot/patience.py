"""Waiting for a platform's rate limit is no sign of a call that hangs.

A platform puts ``in_line()`` around such a wait; whoever set a time limit for the call (``limited``)
stops counting meanwhile, and begins anew when it is the call's turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class _Limit:
    seconds: float
    timer: asyncio.Timeout
    waits: int = 0  # how many parts of the call stand in a line just now

    def hold(self) -> None:
        self.waits += 1
        self.timer.reschedule(None)

    def go_on(self) -> None:
        self.waits -= 1
        if not self.waits and not self.timer.expired():
            self.timer.reschedule(asyncio.get_running_loop().time() + self.seconds)


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@asynccontextmanager
async def limited(seconds: float) -> AsyncGenerator[None]:
    """At most so many real seconds for what is inside, waits in a line not counted; else ``TimeoutError``."""
    async with asyncio.timeout(seconds) as timer:
        token = _limit.set(_Limit(seconds, timer))
        try:
            yield
        finally:
            _limit.reset(token)


@contextmanager
def in_line() -> Generator[None]:
    """Around a wait for one's turn."""
    limit = _limit.get()
    if limit is None or limit.timer.expired():
        yield
        return
    limit.hold()
    try:
        yield
    finally:
        limit.go_on()

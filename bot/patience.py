"""Waiting for a platform's rate limit is no sign of a call that hangs.

A platform puts ``in_line()`` around such a wait; whoever set a time limit for the call (``limited``)
stops counting meanwhile, and begins anew when it is the call's turn. By then the call may have come too
late: who set the limit may have that looked at first (``within``'s ``turn``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Limit:
    seconds: float
    turn: Callable[[], None] | None = None  # called when the turn has come; what it raises ends the call
    timer: asyncio.Timeout | None = None
    waits: int = 0  # how many parts of the call stand in a line just now

    def start(self) -> asyncio.Timeout:
        self.timer = asyncio.timeout(None if self.waits else self.seconds)
        return self.timer

    def hold(self) -> None:
        self.waits += 1
        if self.timer:
            self.timer.reschedule(None)

    def go_on(self) -> None:
        self.waits -= 1
        if self.timer and not self.waits and not self.timer.expired():
            self.timer.reschedule(asyncio.get_running_loop().time() + self.seconds)


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@asynccontextmanager
async def limited(seconds: float) -> AsyncGenerator[None]:
    """At most so many real seconds for what is inside, waits in a line not counted; else ``TimeoutError``."""
    limit = _Limit(seconds)
    token = _limit.set(limit)
    try:
        async with limit.start():
            yield
    finally:
        _limit.reset(token)


async def within(
    seconds: float,
    work: Coroutine[Any, Any, T],
    turn: Callable[[], None] | None = None,
    waits: Callable[[], None] | None = None,
) -> T:
    """``work`` under such a limit. It gets a timer only when it has to wait: most calls of a cheap platform,
    and all that end early, never do; ``waits`` is called then. Each time it has stood in a line, ``turn`` is
    called: what that raises is raised there, and the call goes no further.
    """
    limit = _Limit(seconds, turn)
    token = _limit.set(limit)
    try:
        try:
            waits_for = work.send(None)
        except StopIteration as done:
            return done.value
        if waits:
            waits()
        async with limit.start():
            return await _Rest(work, waits_for)
    finally:
        _limit.reset(token)


@dataclass(slots=True)
class _Rest(Generic[T]):
    """A coroutine that has begun and waits for something: what is told to us is passed on to it."""

    work: Coroutine[Any, Any, T]
    waits_for: Any

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            try:
                try:
                    answer = yield self.waits_for
                except GeneratorExit:
                    self.work.close()
                    raise
                except BaseException as error:  # noqa: BLE001  (cancelled, or its future failed)
                    self.waits_for = self.work.throw(error)
                else:
                    self.waits_for = self.work.send(answer)
            except StopIteration as done:
                return done.value


@contextmanager
def in_line() -> Generator[None]:
    """Around a wait for one's turn."""
    limit = _limit.get()
    if limit is None or (limit.timer and limit.timer.expired()):
        yield
        return
    limit.hold()
    try:
        yield
    finally:
        limit.go_on()
    if limit.turn:
        limit.turn()

"""Work that goes on after an ack: so many at once, so many waiting, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.errors import ChatError
from bot.platforms.slack_errors import code

log = structlog.get_logger(__name__)

AT_ONCE = 256  # answers being worked out; far above what one database needs to be busy
WAITING = 5000  # answers that wait for their turn; above it something is very wrong
DRAIN = 2.0  # seconds that what is being answered gets when the bot stops


class Work:
    """Tasks of their own for answers; ``at_once`` run, ``waiting`` more stand in line, others are refused."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._most, self._turn = at_once + waiting, asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    def start(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do it soon, in the order of asking. False if there is far too much to do, or the bot stops."""
        if self.stopping or len(self._tasks) >= self._most:
            log.error("too much to answer", waiting=len(self._tasks), stopping=self.stopping)
            return False
        task = asyncio.create_task(self._in_turn(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _in_turn(self, work: Callable[[], Awaitable[object]]) -> None:
        async with self._turn:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  (the boundary: it is acked, nobody else is told)
                log.error("not answered", error=type(error).__name__, reason=reason(error))

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        return not self._tasks

    async def stop(self) -> None:
        """Take nothing new; let what is being answered end; what takes longer is given up."""
        self.stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def reason(error: BaseException) -> str:
    """Slack's code for what went wrong, which names nobody; empty if there is none."""
    if isinstance(error, ChatError):
        return error.reason
    return code(error) if isinstance(error, SlackApiError) else ""

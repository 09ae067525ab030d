"""Saying what must arrive and stands in no outbox: the answer to words typed to the bot itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.errors import TryLater

log = structlog.get_logger(__name__)

LONGEST = 900.0  # seconds that a platform may ask us to wait; an answer much later answers nobody


async def surely(say: Callable[[], Awaitable[object]], pauses: Sequence[float]) -> None:
    """Say it, and again after each pause (seconds, or longer where the platform asks for it).

    ``say`` raises the seam's errors. Only what may pass (``TryLater``) is tried again: better said twice than
    silence after somebody's words. What a platform refuses for good ends it at once. Raises the last error.
    """
    for pause in pauses:
        try:
            await say()
        except TryLater as error:
            if error.after > LONGEST:
                raise
            log.warning("said again", reason=error.reason, after=error.after)
            await asyncio.sleep(max(pause, error.after))
        else:
            return
    await say()

"""Waiting for something that happens: no sleeps, no polling; whoever changes something calls ``wake``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 60.0
"""Real seconds that a test waits at most for something to happen; then it fails and says what there was."""


class NothingHappened(AssertionError):
    """What a test waited for did not come."""


class NotPossible(AssertionError):
    """A person cannot do this: no such command here, no such button, a field that does not take it."""


class Waiting:
    """Something that others wait on."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def wake(self) -> None:
        """Something changed: whoever waits looks again."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for true, done in waiting:
            if done.done():
                continue
            if true():
                done.set_result(None)
            else:
                self._waiting.append((true, done))

    async def until(self, true: Callable[[], bool], what: str = "it", patience: float = PATIENCE) -> None:
        """Wait until something is true; NothingHappened after ``patience`` real seconds."""
        if true():
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((true, done))
        try:
            async with asyncio.timeout(patience):
                await done
        except TimeoutError:
            raise NothingHappened(f"{what} did not come; there is {self!r}") from None

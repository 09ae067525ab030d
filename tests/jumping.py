"""Time that jumps: an event loop whose clock goes at once to whatever is next.

Minutes of waiting take no time, and come out the same each run, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors.SelectSelector):
    """Nothing comes in here; to wait is to be there."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for something that never comes"
        self.waited += timeout
        return super().select(0)


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer."""

    def __init__(self) -> None:
        self.jumps = _Selector()
        super().__init__(self.jumps)

    def time(self) -> float:
        return self.jumps.waited


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in jumping time."""
    with asyncio.Runner(loop_factory=Jumping) as runner:
        runner.run(play())


def now() -> float:
    """The loop's time, in seconds since it began."""
    return asyncio.get_running_loop().time()

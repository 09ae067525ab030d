"""``python -m bot``, and the only place where an event loop starts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from bot.config import Origins, Settings

T = TypeVar("T")


def run_forever(settings: Settings, origins: Origins | None = None) -> int:
    """Serve until told to stop; return the exit code. Imports the bot only now: `check` needs none of it."""
    from bot.app import serve

    return asyncio.run(serve(settings, origins))


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Do one thing in an event loop of its own; what it raises is raised."""
    return asyncio.run(work)


if __name__ == "__main__":
    from bot.cli import main

    main()

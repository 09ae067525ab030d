"""``python -m bot``, and the only place where an event loop starts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Settings


def run_forever(settings: Settings) -> int:
    """Serve until told to stop; return the exit code. Imports the bot only now: `check` needs none of it."""
    from bot.app import serve

    return asyncio.run(serve(settings))


if __name__ == "__main__":
    from bot.cli import main

    main()

"""Work that lasts as long as the process: if a part of it ends by itself, all of it ends, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from bot.features import trace
from bot.storage.errors import code
from bot.stray import is_told_to_stop

log = structlog.get_logger("bot.lasting")


class Ended(Exception):
    """A part that lasts has ended by itself; which one."""


async def lasting(
    name: str, part: Callable[[], Coroutine[Any, Any, None]], is_over: Callable[[], bool] = is_told_to_stop
) -> None:
    """Do a part's work. It ends with an error, and is logged, unless it is cancelled when ``is_over``.

    A task group takes no notice of a task that was cancelled alone: without its marks, say, the sender would
    go on sending, and nobody would know.
    """
    about: dict[str, object] = {}
    try:
        await part()
    except asyncio.CancelledError:
        if is_over():
            raise
    except BaseException as error:
        about = {"error": type(error).__name__, "why": code(error), "trace": trace(error)}
        raise
    finally:
        if not is_over():
            log.critical("a part ended by itself", part=name, **about)
    raise Ended(name)

"""Discord's refusals as the seam's errors, each code with what it means for us.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import discord

from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_USER = 10003, 10008, 10013
UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED = 10062, 40060
NO_TEXT_CHANNEL, MISSING_ACCESS, MISSING_PERMISSIONS = 50008, 50001, 50013
DMS_CLOSED, NO_MUTUAL_GUILDS = 50007, 50278
ARCHIVED, LOCKED, HAS_THREAD = 50083, 160005, 160004
INVALID_FORM = 50035
TAG_REQUIRED = 40067

_NEVER = {
    DMS_CLOSED: "direct messages are closed",
    NO_MUTUAL_GUILDS: "no server in common",
    UNKNOWN_USER: "unknown user",
    50033: "invalid recipient",
    200000: "blocked by AutoMod",
    200001: "blocked by AutoMod",
}
_MEND = {
    MISSING_ACCESS: "missing access",
    MISSING_PERMISSIONS: "missing permission",
    UNKNOWN_CHANNEL: "unknown channel",
    10004: "unknown server",
    20026: "the bot is flagged by Discord as spam",
    20028: "the bot is limited by Discord",
    40066: "only moderators may set this forum's tags",
    TAG_REQUIRED: "the forum requires a tag",
    NO_TEXT_CHANNEL: "not a text channel",
    50024: "wrong kind of channel",
    LOCKED: "the thread is locked",
}
_LATER = {  # seconds until it is worth another try
    30046: 3600.0,  # edits of messages older than an hour
    40003: 120.0,  # opening direct messages too fast
    160006: 3600.0,  # as many active threads as a server may have
}


class Silenced(Exception):
    """So many requests were invalid that we stop before Discord stops us. ``after`` is in seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"too many invalid requests; sending again in {after:.0f} s")
        self.after = after


def translated(error: Exception, *, thread: bool = False) -> ChatError | None:
    """What an error of a request means; None for what is no request's error.

    ``thread``: the channel asked for is a thread, whose end is not a fault in the settings.
    """
    match error:
        case ChatError():
            return error
        case Silenced():
            return TryLater("too many invalid requests", error.after)
        case discord.RateLimited():
            return TryLater("rate limit", error.retry_after)
        case discord.HTTPException():
            return _refused(error, thread)
        case aiohttp.ClientConnectorError():
            return TryLater("no connection")  # it was never sent
        case aiohttp.ClientError() | OSError() | asyncio.TimeoutError():
            return TryLater("connection lost", unsure=True)
        case _:
            return None


def _refused(error: discord.HTTPException, thread: bool) -> ChatError:
    code = error.code
    if error.status >= 500:
        return TryLater(f"Discord answers {error.status}", unsure=True)
    if error.status == 401:
        return Misconfigured("discord.token is refused")
    if code in _NEVER:
        return Undeliverable(_NEVER[code])
    if code == UNKNOWN_MESSAGE or (thread and code == UNKNOWN_CHANNEL):
        return Gone(f"{code}")
    if code in _MEND:
        return Misconfigured(_MEND[code])
    if code in _LATER:
        return TryLater(f"{code}", _LATER[code])
    return ChatError(f"{error.status} {code}")


@asynccontextmanager
async def seam(*, thread: bool = False) -> AsyncGenerator[None]:
    """Requests in here raise the seam's errors."""
    try:
        yield
    except Exception as error:
        meant = translated(error, thread=thread)
        if meant is None or meant is error:
            raise
        raise meant from error

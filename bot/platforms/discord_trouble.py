"""Telling organisers what to mend: one message that names the permission and the channel, once a day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import discord
import structlog

from bot.clock import Clock
from bot.errors import Misconfigured
from bot.platforms import discord_errors as codes
from bot.platforms.discord_limits import Lane
from bot.platforms.discord_permissions import missing, shown
from bot.platforms.discord_rest import Rest
from bot.platforms.discord_store import Store

Json = dict[str, Any]
log = structlog.get_logger(__name__)

Tell = Callable[[str, str, Mapping[str, str]], Awaitable[None]]
"""Tells the organisers of a community: its id, the id of the sentence, its variables.

===========================  ==============================================================
``discord-permissions``      ``permissions`` (as Discord's settings name them), ``channel``
``discord-channel-gone``     ``channel``
``discord-tag-required``     ``channel``
``discord-cannot``           ``channel``, ``reason``
===========================  ==============================================================

``channel`` is the channel's name if it is known, else its id; ``channel_id`` always is its id.
"""

QUIET = timedelta(days=1)


class Trouble:
    """Finds out what is wrong with a channel, and says it."""

    def __init__(self, rest: Rest, store: Store, clock: Clock, tell: Tell | None) -> None:
        self._rest, self._store, self._clock, self._tell = rest, store, clock, tell
        self._names: dict[str, str] = {}  # channel id -> name, of channels that were seen

    def saw(self, channel: Json) -> None:
        """A channel as Discord describes it: when it is gone its name is still known."""
        if len(self._names) > 1000:
            self._names.clear()
        self._names[str(channel["id"])] = str(channel.get("name") or channel["id"])

    async def report(
        self, error: Misconfigured, community: str, channel: str, needed: Sequence[str], me: str
    ) -> Misconfigured:
        """Tell the organisers, if they were not told today; the error with what is missing."""
        cause = error.__cause__
        code = cause.code if isinstance(cause, discord.HTTPException) else 0
        says = {"channel": self._names.get(channel, channel), "channel_id": channel}
        match code:
            case codes.MISSING_ACCESS | codes.MISSING_PERMISSIONS:
                lacking = await self._missing(community, channel, needed, me) or needed
                says["permissions"] = ", ".join(map(shown, lacking))
                words, reason = "discord-permissions", f"missing in channel {channel}: {' '.join(lacking)}"
            case codes.UNKNOWN_CHANNEL:
                words, reason = "discord-channel-gone", f"channel {channel} is gone"
            case codes.TAG_REQUIRED:
                words, reason = "discord-tag-required", f"forum {channel} requires a tag"
            case _:
                words, reason = "discord-cannot", f"channel {channel}: {error.reason}"
                says["reason"] = error.reason
        await self._once(community, channel, words, says)
        return Misconfigured(reason)

    async def _once(self, community: str, channel: str, words: str, says: Mapping[str, str]) -> None:
        if self._tell is None:
            return
        name, now = f"told:{community}:{channel}:{words}", self._clock.now()
        told = await self._store.note(name)
        if told and now - datetime.fromisoformat(told) < QUIET:
            return
        await self._store.write_note(name, now.isoformat())
        await self._tell(community, words, says)

    async def _missing(self, community: str, channel: str, needed: Sequence[str], me: str) -> list[str]:
        """Which permissions lack; nothing if that cannot be found out."""
        try:
            return await self.lacking(community, channel, needed, me)
        except Exception as error:
            if codes.translated(error) is None:
                raise
            log.info("permissions unknown", error=type(error).__name__)
            return []

    async def lacking(self, community: str, channel: str, needed: Sequence[str], me: str) -> list[str]:
        """Which of the ``needed`` permissions we lack in a channel. Raises discord.py's errors."""
        roles = await self._rest.ask("GET", "/guilds/{guild_id}/roles", guild_id=community)
        member = await self._rest.ask(
            "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=community, user_id=me
        )
        about = await self._about(channel)
        if about is None:
            return ["view_channel"]
        return missing(needed, guild=community, roles=roles, me=member, channel=about)

    async def _about(self, channel: str) -> Json | None:
        """The channel (a thread's parent); None where we may not even look."""
        try:
            about: Json = await self._rest.ask(
                "GET", "/channels/{channel_id}", Lane.FIRST, channel_id=channel
            )
        except discord.Forbidden:
            return None
        if about.get("thread_metadata") and about.get("parent_id"):
            return await self._about(str(about["parent_id"]))
        return about

"""Telling organisers what to mend: one message that names the channel and what to do, once a day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from slack_sdk.errors import SlackApiError

from bot.clock import Clock
from bot.errors import Misconfigured
from bot.platforms import slack_errors as codes
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES
from bot.platforms.slack_rest import Rest

Json = dict[str, Any]

Tell = Callable[[str, str, Mapping[str, str]], Awaitable[None]]
"""Tells the organisers of a workspace: its id, the id of the sentence, its variables.

======================  =======================================================================
``slack-invite``        ``channel``, ``invite`` ("/invite @bounceback")
``slack-channel-gone``  ``channel``, ``invite``
``slack-archived``      ``channel``
``slack-restricted``    ``channel``
``slack-scope``         ``scope`` ("chat:write")
``slack-cannot``        ``channel``, ``reason``
======================  =======================================================================

``channel`` is the channel's name if it is known, else its id; ``channel_id`` always is its id, empty where
it is about no channel.
"""

QUIET = timedelta(days=1)
NAME = "bounceback"  # the bot's name where Slack does not tell it
log = structlog.get_logger(__name__)


class Trouble:
    """Turns a refusal into words, and says them."""

    def __init__(self, rest: Rest, clock: Clock, tell: Tell | None) -> None:
        self._rest, self._clock, self._tell = rest, clock, tell
        self._names: Recent[str] = Recent(2_000)  # channel id -> name, of channels that were seen
        self._told: Recent[datetime] = Recent(2_000)

    def saw(self, channel: Json) -> None:
        """A channel as Slack describes it: when it is lost its name is still known."""
        if channel.get("id") and channel.get("name"):
            self._names.put(str(channel["id"]), str(channel["name"]))

    async def invite(self, team: str) -> str:
        """What somebody types in a channel to let us in."""
        try:
            name = (await self._rest.workspace(team)).bot_name
        except FAILURES as error:
            log.info("our name is not known", error=type(error).__name__)
            name = ""
        return f"/invite @{name or NAME}"

    async def report(self, error: Misconfigured, team: str, channel: str) -> Misconfigured:
        """Tell the organisers, if they were not told today; the error with where it is."""
        cause = error.__cause__
        if not isinstance(cause, SlackApiError):
            return error
        says = {"channel": "", "channel_id": channel}
        match codes.code(cause):
            case codes.SCOPE:
                needed = str(codes.told(cause).get("needed") or "")
                says = {"channel": "", "channel_id": "", "scope": needed or "?"}
                words, reason = "slack-scope", f"scope {needed} is missing"
            case codes.NOT_IN:
                words, reason = "slack-invite", f"not in channel {channel}"
                says["invite"] = await self.invite(team)
            case codes.LOST:
                words, reason = "slack-channel-gone", f"channel {channel} cannot be found"
                says["invite"] = await self.invite(team)
            case codes.ARCHIVED:
                words, reason = "slack-archived", f"channel {channel} is archived"
            case name if name.startswith(codes.RESTRICTED):
                words, reason = "slack-restricted", f"channel {channel}: {name}"
            case _:
                words, reason = "slack-cannot", f"channel {channel}: {error.reason}"
                says["reason"] = error.reason
        if says["channel_id"]:
            says["channel"] = await self._name(team, channel)
        await self._once(team, channel, words, says)
        return Misconfigured(reason)

    async def _name(self, team: str, channel: str) -> str:
        """A channel's name; its id where Slack does not tell."""
        if not self._names.get(channel):
            try:
                told = await self._rest.call(team, "conversations.info", channel=channel)
            except FAILURES as error:
                log.info("a channel's name is not known", error=type(error).__name__)
            else:
                self.saw(cast(Json, told.get("channel") or {}))
        return self._names.get(channel) or channel

    async def _once(self, team: str, channel: str, words: str, says: Mapping[str, str]) -> None:
        if self._tell is None:
            return
        name, now = f"{team}/{channel}/{words}/{says.get('scope', '')}", self._clock.now()
        told = self._told.get(name)
        if told is not None and now - told < QUIET:
            return
        self._told.put(name, now)
        await self._tell(team, words, says)

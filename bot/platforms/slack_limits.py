"""How fast Slack may be asked: each method of a workspace, its messages, and each channel.

https://docs.slack.dev/apis/web-api/rate-limits: limits are per method and workspace, by tiers of so many
requests a minute; messages have a limit of their own (several hundred a minute) and about one a second in
each channel, with short bursts. A 429 holds its method back for as long as Retry-After says.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum

from bot.errors import TryLater
from bot.platforms.pacing import Pacer
from bot.platforms.recent import Recent

POST = "chat.postMessage"
PATIENCE = 5.0  # seconds that a request waits for its turn; the outbox keeps what would wait longer
BRIEF = 3.0  # seconds that an answer to somebody waits for Slack's Retry-After
BURST = 4  # messages of a workspace that go at once
CHANNEL_PER_SECOND, CHANNEL_BURST = 1.0, 2
PACERS_KEPT = 5_000  # methods and channels that were used last

_TIER_3, _TIER_4 = 50, 100
_TIERS = {  # requests a minute; what is not here is in tier 3
    "auth.test": 300,
    "chat.postEphemeral": _TIER_4,
    "conversations.members": _TIER_4,
    "files.completeUploadExternal": _TIER_4,
    "files.getUploadURLExternal": _TIER_4,
    "users.info": _TIER_4,
    "views.open": _TIER_4,
    "views.publish": _TIER_4,
    "views.update": _TIER_4,
}
_AT_ONCE = 0.2  # the part of a tier that may go at once; the rest evenly, so that no minute has more


class Lane(IntEnum):
    """Who goes first."""

    PEOPLE = 0  # somebody waits for it: an answer, a post they just shared
    DUE = 1  # a nudge whose time has come
    LAST = 2  # counts on posts, App Homes: nobody minds a second


class Limits:
    """All workspaces of this process.

    ``per_minute``: messages of a workspace; ``per_channel``: messages a second of a channel.
    """

    def __init__(self, per_minute: float, per_channel: float = CHANNEL_PER_SECOND) -> None:
        self._per_minute, self._per_channel = per_minute, per_channel
        self._part = 1.0
        self._methods: Recent[Pacer] = Recent(PACERS_KEPT)
        self._channels: Recent[Pacer] = Recent(PACERS_KEPT)

    async def turn(self, team: str, method: str, lane: Lane, channel: str = "") -> None:
        """Wait until it is this request's turn; ``TryLater`` with its own turn if that takes too long.

        What people wait for waits for nothing but messages and Retry-After: a form's trigger lives for three
        seconds, and its method's tier was never seen to be reached by hand.
        """
        pacer = self._method(team, method)
        if method != POST and lane is Lane.PEOPLE:
            if (held := pacer.held) > BRIEF:
                raise TryLater("rate limit", held)
            if held:
                await asyncio.sleep(held)
            pacer.spend()
            return
        for each in (self._channel(team, channel), pacer) if method == POST and channel else (pacer,):
            if each.ahead(lane) > PATIENCE:
                raise TryLater("rate limit", each.promise())
            try:
                async with asyncio.timeout(2 * PATIENCE):  # others may have come first, or a 429
                    await each.turn(lane)
            except TimeoutError:
                raise TryLater("rate limit", each.promise()) from None

    def share(self, part: float) -> None:
        """Take only a part (above 0, at most 1) of every limit: other processes take the rest."""
        self._part = part
        for pacer in (*self._methods.values(), *self._channels.values()):
            pacer.share(part)

    def take(self, team: str, method: str) -> bool:
        """Take a turn that is there at once; whether one was."""
        return self._method(team, method).take()

    def hold(self, team: str, method: str, seconds: float) -> None:
        """A 429: nobody uses this method of this workspace for a while."""
        self._method(team, method).hold(seconds)

    def held(self, team: str, method: str) -> float:
        """Seconds until the method may be used again."""
        return self._method(team, method).held

    def _method(self, team: str, method: str) -> Pacer:
        key = f"{team}/{method}"
        pacer = self._methods.get(key)
        if pacer is None:
            if method == POST:
                pacer = Pacer(self._per_minute / 60.0, BURST)
            else:
                tier = _TIERS.get(method, _TIER_3)
                pacer = Pacer(tier * (1 - _AT_ONCE) / 60.0, round(tier * _AT_ONCE))
            pacer.share(self._part)
            self._methods.put(key, pacer)
        return pacer

    def _channel(self, team: str, channel: str) -> Pacer:
        key = f"{team}/{channel}"
        pacer = self._channels.get(key)
        if pacer is None:
            pacer = Pacer(self._per_channel, CHANNEL_BURST)
            pacer.share(self._part)
            self._channels.put(key, pacer)
        return pacer

"""Rate limits on the fake's clock, as docs.slack.dev/apis/web-api/rate-limits has them; off by default.

A call that is refused is not counted. Tiers are per method and workspace and minute; posting is one
message a second and channel, with short bursts, and some hundred a minute and workspace.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from bot.clock import Clock

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute of a method and workspace: "1+", "20+", "50+", "100+"."""

PER_MINUTE = 300
"""Messages a minute and workspace; Slack says "several hundred"."""

BURST = 3
"""Messages that a channel takes at once before the one a second counts; Slack says "short bursts"."""

TIER_OF = {
    "apps.connections.open": 1,
    "apps.uninstall": 1,
    "conversations.list": 2,
    "dnd.teamInfo": 2,
    "auth.revoke": 3,
    "chat.delete": 3,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.join": 3,
    "conversations.open": 3,
    "conversations.replies": 3,
    "dnd.info": 3,
    "files.delete": 3,
    "users.conversations": 3,
    "chat.postEphemeral": 4,
    "conversations.members": 4,
    "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4,
    "files.info": 4,
    "oauth.v2.access": 4,
    "users.info": 4,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}
"""The tier of each method; what is not here has a limit of its own that nobody meets (auth.test, …)."""


@dataclass
class _Bucket:
    left: float
    at: float


@dataclass
class Limits:
    """Counts what was asked; refuses only when ``on``. ``most_in_a_minute`` is what was let through."""

    clock: Clock
    on: bool = False
    per_minute: int = PER_MINUTE
    per_second: float = 1.0
    burst: int = BURST
    asked: int = 0
    refused: int = 0
    refused_methods: dict[str, int] = field(default_factory=dict[str, int])
    _windows: dict[tuple[str, str], deque[float]] = field(default_factory=dict[tuple[str, str], deque[float]])
    _channels: dict[tuple[str, str], _Bucket] = field(default_factory=dict[tuple[str, str], _Bucket])

    def ask(self, workspace: str, method: str, channel: str = "", *, unlisted: bool = False) -> int:
        """Seconds to wait before asking again; 0 when the call may go on. For ``unlisted`` see SlackWeb."""
        self.asked += 1
        if not self.on:
            return 0
        now = self.clock.now().timestamp()
        if method == "chat.postMessage":
            wait = self._post(workspace, channel, now)
        elif unlisted and method in ("conversations.history", "conversations.replies"):
            wait = self._window((workspace, method), 1, now)
        elif (tier := TIER_OF.get(method)) is not None:
            wait = self._window((workspace, method), TIERS[tier], now)
        else:
            wait = 0.0
        if not wait:
            return 0
        self.refused += 1
        self.refused_methods[method] = self.refused_methods.get(method, 0) + 1
        return max(1, math.ceil(wait))

    def _post(self, workspace: str, channel: str, now: float) -> float:
        bucket = self._channels.setdefault((workspace, channel), _Bucket(self.burst, now))
        bucket.left = min(self.burst, bucket.left + (now - bucket.at) * self.per_second)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / self.per_second
        if wait := self._window((workspace, "chat.postMessage"), self.per_minute, now):
            return wait
        bucket.left -= 1
        return 0.0

    def _window(self, key: tuple[str, str], most: int, now: float) -> float:
        seen = self._windows.setdefault(key, deque())
        while seen and seen[0] <= now - 60:
            seen.popleft()
        if len(seen) >= most:
            return seen[0] + 60 - now
        seen.append(now)
        return 0.0

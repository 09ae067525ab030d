"""Rate limits on the fake's clock: a bucket per route and major parameter, 50 a second over all.

Discord publishes the headers and the global limit (docs: topics/rate-limits), not the buckets; those
here are what its servers were seen to send. Off (the default), the headers promise plenty.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from aiohttp import web

from tests.wire.discord_faults import too_many

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord
    from tests.wire.discord_rest import Route

GLOBAL = 50
"""Requests a second over all routes, interactions and webhooks excepted."""

INVALID, INVALID_WINDOW = 10_000, 600.0
"""Answers of 401, 403 or 429 in that many seconds, after which Cloudflare answers instead of Discord."""

BUCKETS: dict[str, tuple[int, float]] = {
    "POST /channels/{channel}/messages": (5, 5.0),
    "PATCH /channels/{channel}/messages/{message}": (5, 5.0),
    "DELETE /channels/{channel}/messages/{message}": (5, 1.0),
    "POST /channels/{channel}/threads": (50, 300.0),
    "POST /channels/{channel}/messages/{message}/threads": (50, 300.0),
    "PATCH /channels/{channel}": (5, 15.0),
    "PUT /applications/{application}/commands": (2, 20.0),
    "PUT /applications/{application}/guilds/{guild}/commands": (2, 20.0),
    "POST /webhooks/{webhook}/{token}": (5, 2.0),
}
OTHER = (50, 1.0)
PLENTY = (1000, 1.0)


@dataclass(slots=True)
class Window:
    """Some requests until an instant (seconds since 1970)."""

    until: float = 0.0
    used: int = 0

    def take(self, now: float, most: int, length: float) -> bool:
        """Use one; whether there was one left."""
        if now >= self.until:
            self.until, self.used = now + length, 0
        self.used += 1
        return self.used <= most


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits say of a request; times in seconds."""

    bucket: str
    most: int
    left: int
    until: float
    after: float
    refused: bool = False
    is_global: bool = False
    banned: bool = False

    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        return {
            "X-RateLimit-Limit": str(self.most),
            "X-RateLimit-Remaining": str(self.left),
            "X-RateLimit-Reset": f"{self.until:.3f}",
            "X-RateLimit-Reset-After": f"{self.after:.3f}",
            "X-RateLimit-Bucket": self.bucket,
            "Via": "1.1 google",
        }

    def response(self) -> web.Response:
        """The refusal."""
        if self.banned:
            return web.Response(status=429, text="<html>error code: 1015</html>", content_type="text/html")
        headers = {} if self.is_global else self.headers()
        return too_many(self.after, is_global=self.is_global, headers=headers)


class Limits:
    """Counts requests; refuses only when ``on``."""

    def __init__(self, fake: FakeDiscord, *, on: bool) -> None:
        self._fake, self.on = fake, on
        self._windows: dict[tuple[str, ...], Window] = {}
        self._global = Window()
        self._invalid: deque[float] = deque()
        self._names: dict[str, str] = {}
        self.asked = self.refused = 0
        self.refused_globally = 0
        self.statuses: dict[int, int] = {}

    def invalid(self, status: int) -> None:
        """One more answer of the kind that counts toward the ban."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._invalid.append(self._fake.now().timestamp())

    @property
    def invalid_requests(self) -> int:
        """How many answers of 401, 403 and 429 there were in the last ten minutes."""
        now = self._fake.now().timestamp()
        while self._invalid and self._invalid[0] < now - INVALID_WINDOW:
            self._invalid.popleft()
        return len(self._invalid)

    def ask(self, route: Route, params: dict[str, str]) -> Verdict:
        """Whether a request may go on, and what the headers say."""
        self.asked += 1
        now = self._fake.now().timestamp()
        name = self._names.get(route.name)
        if name is None:
            name = self._names[route.name] = f"{crc32(route.name.encode()):08x}"
        if not self.on or route.answers:
            most, length = PLENTY
            return Verdict(name, most, most - 1, now + length, length)
        if self.invalid_requests >= INVALID:
            return self._no(Verdict(name, 0, 0, now, 0.0, refused=True, banned=True))
        if not route.open and not self._global.take(now, GLOBAL, 1.0):
            self.refused_globally += 1
            until = self._global.until
            return self._no(Verdict(name, 0, 0, until, until - now, refused=True, is_global=True))
        most, length = BUCKETS.get(route.name, OTHER)
        key = (name, *(params[each] for each in route.major))
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) > 50_000:
                self._windows = {k: each for k, each in self._windows.items() if each.until > now}
            window = self._windows[key] = Window()
        fine = window.take(now, most, length)
        left = max(0, most - window.used)
        verdict = Verdict(name, most, left, window.until, window.until - now, refused=not fine)
        return verdict if fine else self._no(verdict)

    def _no(self, verdict: Verdict) -> Verdict:
        self.refused += 1
        self.invalid(429)
        return verdict

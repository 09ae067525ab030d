"""Faults on demand: what a request meets instead of, or on top of, its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from tests.wire.discord_errors import refusal
from tests.wire.discord_http import respond

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

Cut = Literal["", "before", "after", "middle"]
Kind = Literal["429", "429-global", "500", "502", "503", "before", "after", "middle", "slow"]

CHAOS: tuple[Kind, ...] = ("429", "500", "502", "503", "before", "after", "middle")


class Pattern:
    """``POST /channels/*/messages``: ``*`` is one step, ``**`` any rest, a lone ``*`` everything."""

    def __init__(self, text: str) -> None:
        method, _, path = text.partition(" ")
        if not path:
            method, path = "*", ("/**" if text == "*" else text)
        self.text, self._method, self._steps = text, method, path.split("/")[1:]

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        if self._method not in ("*", method):
            return False
        steps = path.split("/")[1:]
        for at, step in enumerate(self._steps):
            if step == "**":
                return True
            if at >= len(steps) or step not in ("*", steps[at]):
                return False
        return len(steps) == len(self._steps)


@dataclass(eq=False)
class Fault:
    """One fault. ``times`` how often (None: until removed), after letting ``skip`` requests pass.

    ``status`` with ``retry_after`` (seconds, for 429) answers instead of doing; ``cut`` ends the
    connection before the effect, after it, or in the middle of the answer; ``delay`` is in real
    seconds; ``hold`` keeps requests waiting until it is set; ``code`` refuses as Discord would with
    that JSON code (160006, …).
    """

    pattern: Pattern
    times: int | None = 1
    skip: int = 0
    status: int = 0
    retry_after: float = 1.0
    is_global: bool = False
    shared: bool = False
    cut: Cut = ""
    delay: float = 0.0
    hold: asyncio.Event | None = None
    code: int = 0
    met: int = 0  # requests that had it

    def response(self, fake: FakeDiscord) -> web.StreamResponse:
        """What is answered instead."""
        if self.code:
            no = refusal(self.code)
            if no.status in (401, 403):
                fake.limits.invalid(no.status)
            return respond(no.status, no.body)
        if self.status == 429:
            if not self.shared:
                fake.limits.invalid(429)
            return too_many(self.retry_after, is_global=self.is_global, shared=self.shared)
        if self.status in (502, 503, 504):  # from the edge, not from Discord: no JSON
            text = f"<html><body>{self.status}</body></html>"
            return web.Response(status=self.status, text=text, content_type="text/html")
        message = "500: Internal Server Error" if self.status == 500 else f"{self.status}: Error"
        if self.status in (401, 403):
            fake.limits.invalid(self.status)
        return respond(self.status, {"message": message, "code": 0})


def too_many(
    after: float,
    *,
    is_global: bool = False,
    shared: bool = False,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """429 as Discord answers it (docs: topics/rate-limits); ``after`` in seconds."""
    scope = "global" if is_global else "shared" if shared else "user"
    out = {"Retry-After": str(max(1, round(after))), "Via": "1.1 google", "X-RateLimit-Scope": scope}
    if is_global:
        out["X-RateLimit-Global"] = "true"
    what = "The resource is" if shared else "You are"
    body = {"message": f"{what} being rate limited.", "retry_after": round(after, 3), "global": is_global}
    return respond(429, body, (headers or {}) | out)


@dataclass
class Faults:
    """The faults in force, oldest first; the first that matches a request is met."""

    waiting: list[Fault] = field(default_factory=list[Fault])
    rate: float = 0.0
    met: int = 0
    _kinds: Sequence[Kind] = CHAOS
    _pattern: Pattern = field(default_factory=lambda: Pattern("*"))
    _random: Random = field(default_factory=Random)
    _retry_after: float = 0.05

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self.waiting.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Lift a fault."""
        if fault in self.waiting:
            self.waiting.remove(fault)

    def chaos(
        self,
        rate: float,
        *,
        seed: int = 0,
        on: str = "*",
        kinds: Sequence[Kind] = CHAOS,
        retry_after: float = 0.05,
    ) -> None:
        """From now on this share of requests (0 to 1) meets a fault of those kinds, drawn with a seed."""
        self.rate, self._kinds, self._pattern = rate, kinds, Pattern(on)
        self._random, self._retry_after = Random(seed), retry_after

    def clear(self) -> None:
        """No more faults."""
        self.waiting.clear()
        self.rate = 0.0

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        if not self.waiting and not self.rate:
            return None
        for fault in self.waiting:
            if not fault.pattern.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
            fault.met += 1
            self.met += 1
            return fault
        if self.rate and self._pattern.matches(method, path) and self._random.random() < self.rate:
            self.met += 1
            return self._draw()
        return None

    def _draw(self) -> Fault:
        kind, pattern = self._random.choice(self._kinds), self._pattern
        match kind:
            case "before" | "after" | "middle":
                return Fault(pattern, cut=kind)
            case "slow":
                return Fault(pattern, delay=0.3)
            case "429" | "429-global":
                return Fault(
                    pattern, status=429, retry_after=self._retry_after, is_global=kind == "429-global"
                )
            case _:
                return Fault(pattern, status=int(kind))

"""Faults on demand: what a call of the Web API meets instead of, or on top of, its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, cast

Kind = Literal["", "ratelimited", "500", "502", "503", "cut_before", "cut_after", "cut_middle", "slow"]
CHAOS: tuple[Kind, ...] = ("ratelimited", "500", "502", "503", "cut_before", "cut_after", "cut_middle")


@dataclass(eq=False)
class Fault:
    """One fault on the methods that ``pattern`` names (``chat.*``, ``*``; ``upload`` is the upload itself).

    ``times`` how often (None: until removed), after letting ``skip`` calls pass, each with a
    ``chance``; ``retry_after`` and ``seconds`` (of ``slow``) are real seconds; ``error`` answers
    ``{"ok": false, "error": …}`` without doing anything; ``hold`` keeps the call waiting, undone, until
    it is set, and then goes on. ``cut_after`` and ``cut_middle`` have had their effect.
    """

    pattern: str
    kind: Kind = ""
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    error: str = ""
    retry_after: int = 1
    seconds: float = 0.3
    hold: asyncio.Event | None = None
    met: int = 0


@dataclass
class Faults:
    """The faults in force, the oldest first; the first that matches a call is met."""

    waiting: list[Fault] = field(default_factory=list[Fault])
    met: int = 0
    rate: float = 0.0
    random: Random = field(default_factory=Random)
    _chaos: tuple[str, Sequence[Kind], int] = ("*", CHAOS, 0)

    def add(
        self,
        pattern: str,
        kind: Kind | int = "",
        *,
        times: int | None = 1,
        skip: int = 0,
        chance: float = 1.0,
        error: str = "",
        retry_after: int = 1,
        seconds: float = 0.3,
        hold: asyncio.Event | None = None,
    ) -> Fault:
        """Put a fault in force; see Fault. One with a ``chance`` stays until it is removed."""
        if chance < 1 and times == 1:
            times = None
        made = Fault(pattern, cast("Kind", str(kind)), times, skip, chance, error, retry_after, seconds, hold)
        self.waiting.append(made)
        return made

    def remove(self, fault: Fault) -> None:
        """Lift a fault."""
        if fault in self.waiting:
            self.waiting.remove(fault)

    def clear(self) -> None:
        """No more faults."""
        self.waiting.clear()
        self.rate = 0.0

    def chaos(
        self,
        rate: float,
        *,
        seed: int = 0,
        on: str = "*",
        kinds: Sequence[Kind] = CHAOS,
        retry_after: int = 0,
    ) -> None:
        """From now on this share of calls (0 to 1) meets a fault of those kinds, drawn with a seed."""
        self.rate, self.random, self._chaos = rate, Random(seed), (on, kinds, retry_after)

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, if any."""
        for fault in self.waiting:
            if not fnmatchcase(method, fault.pattern):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.chance < 1 and self.random.random() >= fault.chance:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            fault.met += 1
            self.met += 1
            return fault
        on, kinds, retry_after = self._chaos
        if self.rate and fnmatchcase(method, on) and self.random.random() < self.rate:
            self.met += 1
            return Fault(method, self.random.choice(kinds), retry_after=retry_after, met=1)
        return None

"""A platform that hangs is left alone for a while, so that nobody waits behind what is to be said there.

A call that is never answered keeps a sender busy until its time limit. With a thousand such messages due all
senders would be busy for twenty minutes, and other platforms' messages would stand behind them. (Calls that
fail at once hold up nobody: they are put off one by one.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.clock import Clock

MANY = 8  # calls in a row without an answer, until a platform is left alone
FIRST, MOST = 30.0, 300.0  # seconds for which it is; doubling in between


@dataclass(slots=True)
class _Line:
    unanswered: int = 0
    pause: float = 0.0  # the last one; 0 while it answers
    until: float = 0.0  # of the clock's steady seconds
    trying: bool = False  # one call is on its way to see whether it answers again


@dataclass(slots=True)
class Breaker:
    """Remembers, platform by platform, whether it answers."""

    clock: Clock
    _lines: dict[str, _Line] = field(default_factory=dict[str, _Line])

    def left(self, platform: str) -> float:
        """Seconds for which nothing is to be said there; 0 if it may be tried.

        When they are over one call may try, and the others wait until it is answered or given up.
        """
        line = self._lines.get(platform)
        if line is None or not line.pause:
            return 0.0
        now = self.clock.monotonic()
        if now < line.until:
            return line.until - now
        line.until, line.trying = now + line.pause, True
        return 0.0

    def answered(self, platform: str) -> None:
        """It did, whatever it said."""
        self._lines.pop(platform, None)

    def unanswered(self, platform: str) -> bool:
        """A call ended without an answer; whether the platform is left alone from now on, for longer."""
        line = self._lines.setdefault(platform, _Line())
        line.unanswered += 1
        if line.unanswered < MANY or (line.pause and not line.trying):  # begun before it was left alone
            return False
        line.pause, line.trying = min(MOST, 2 * line.pause or FIRST), False
        line.until = self.clock.monotonic() + line.pause
        return True

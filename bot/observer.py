"""What a process lets be seen of its work: told as it happens, to whoever was handed in to listen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.chat import Event
    from bot.features import Unit
    from bot.marks import Outcome


class Observer(Protocol):
    """Counts or writes down; it must not block, raise or keep what it is told. ``bot.metrics`` is one."""

    def claimed(self, units: Sequence[Unit]) -> None:
        """A claim gave these messages."""
        ...

    def tried(self, outcome: Outcome, late: float, took: float) -> None:
        """One message had its try: ``late`` seconds after its due time, which took ``took`` seconds."""
        ...

    def handled(self, event: Event, took: float, *, failed: bool) -> None:
        """An event was answered within ``took`` seconds; ``failed``: with an apology."""
        ...

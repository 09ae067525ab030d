"""What every benchmark gives back, and how a figure is made of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what, how much, against what, and a sentence on what it means."""

    what: str
    value: str
    ratio: str
    note: str


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many in a hundred do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def middle(rounds: Sequence[float]) -> float:
    """The median of rounds, so that one disturbed round changes nothing."""
    return median(rounds)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def times(value: float, base: float) -> str:
    return f"{value / base:.2f} ×"

"""A bounded memory: the last few values by key."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

REMEMBERED = 20_000  # people, threads: what a large community touches in a day

V = TypeVar("V")


class Recent(Generic[V]):
    """The last few values by key; the one used longest ago goes first."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        """The value, if it is still known."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: V) -> None:
        """Remember a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def values(self) -> list[V]:
        """All that is remembered."""
        return list(self._values.values())

    def drop(self, key: str) -> None:
        """Forget it."""
        self._values.pop(key, None)

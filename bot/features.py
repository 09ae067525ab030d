"""What the outbox needs of the features, and what it hands to them: messages to be, and rows that ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.gentle import Rule
from bot.people import Preferences
from bot.rows import ERROR_LIMIT, FAULT, Row, State
from bot.stray import contained
from bot.ui import Card

log = structlog.get_logger("bot.outbox")


class Unit(NamedTuple):
    """One message to be, with all that was read for it: rendering it asks the database for nothing more.

    ``folded`` are the rows that stand in its message, ``again`` says that it may have been sent already,
    ``person`` is its reader (none for a post), ``loaded`` what its feature read for its whole batch.
    """

    lead: Row
    folded: tuple[Row, ...] = ()
    again: bool = False
    person: Preferences | None = None
    loaded: Any = None

    @property
    def platform(self) -> str:
        """The name of the platform that it is for; none if it has no target."""
        place = self.lead.place
        target = place.place if isinstance(place, Message) else place or self.lead.user
        return target.platform if target else ""


class Ended(NamedTuple):
    """A row that ended: how, as which message, and what had been loaded for it (None if nothing was)."""

    row: Row
    state: State
    message: Message | None = None
    loaded: Any = None


class Features(Protocol):
    """The way to the cogs; ``bot.speaker`` is it."""

    def rule(self, kind: str) -> Rule:
        """How a kind of message behaves."""
        ...

    def follows(self, kind: str) -> bool:
        """Whether its feature does something when a row of this kind has ended."""
        ...

    async def prepare(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """The units with what their features need, read once for all of them."""
        ...

    async def render(self, unit: Unit) -> Card | None:
        """The card to be sent; None if there is nothing to say."""
        ...

    async def after(self, tx: AsyncConnection, ends: Sequence[Ended]) -> None:
        """What the features do when rows have ended, in the transaction that says so."""
        ...

    async def trouble(self, row: Row, reason: str) -> None:
        """A row waits for an organiser, and why."""
        ...


async def follow(features: Features, tx: AsyncConnection, ends: Sequence[Ended]) -> None:
    """What the features do then; one that fails is undone alone, and nobody waits for it."""
    ends = [each for each in ends if features.follows(each.row.kind)]
    if not ends:
        return
    try:
        async with tx.begin_nested():
            with contained():
                await features.after(tx, ends)
    except Exception as error:  # noqa: BLE001  (a feature's own; a database that fails does so again below)
        if len(ends) > 1:
            for each in ends:
                await follow(features, tx, [each])
            return
        row = ends[0].row
        name, places = type(error).__name__, trace(error)
        log.error("after its end it failed", row=row.id, kind=row.kind, error=name, trace=places)


def trace(error: BaseException) -> list[str]:
    """Where it happened, without the message: that may hold what somebody wrote."""
    places: list[str] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return places[-8:]


def fault(error: BaseException) -> str:
    """What is kept of a fault: its type and where it happened, never its message."""
    where = trace(error)[-1:]
    return " ".join([f"{FAULT}{type(error).__name__}", *where])[:ERROR_LIMIT]

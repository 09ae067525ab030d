"""Whose turn it is: what recurs is done by one of several processes, and taken over if that one dies.

Each tick has one row in the table of events, ``tick/`` and its name, whose ``at`` is when it was last done.
It is taken by one statement that moves ``at`` on, so that of all who try at once one succeeds; whoever took
it and never came back loses it after half an interval. The row is made anew if housekeeping removes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, update

from bot.clock import Clock
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import events

log = structlog.get_logger("bot.ticks")
EARLY = 0.75  # of an interval: processes tick at different moments, and a little early is better than late


@dataclass(frozen=True, slots=True)
class Turns:
    """Takes turns through the database. Intervals are at most a day: events are forgotten after three."""

    storage: Storage
    clock: Clock

    async def take(self, name: str, every: timedelta) -> datetime | None:
        """When this turn began, if it is ours; None if somebody else has done it or is at it."""
        if not timedelta() < every <= timedelta(days=1):
            raise ValueError(f"{name}: every {every} is not an interval for a tick")
        now = self.clock.now()
        taken = _taken(now, every)
        async with self.storage.write() as tx:
            insert = insert_into(tx, events).values(id=_id(name), at=taken)
            done = await tx.execute(
                insert.on_conflict_do_update(
                    index_elements=[events.c.id],
                    set_={"at": taken},
                    where=or_(
                        events.c.at <= now - every * EARLY,
                        events.c.at > now + every,  # somebody's clock was far ahead
                    ),
                )
            )
            return now if done.rowcount > 0 else None

    async def done(self, name: str, every: timedelta, began: datetime) -> None:
        """It is done: nobody needs to do it again before an interval has passed since it began."""
        mine = (events.c.id == _id(name), events.c.at == _taken(began, every))
        async with self.storage.write() as tx:
            await tx.execute(update(events).where(*mine).values(at=began))

    def share(
        self, name: str, every: timedelta, function: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """``function``, done only in its turn. What it raises is raised, and the turn comes back early."""

        async def shared() -> None:
            began = await self.take(name, every)
            if began is None:
                log.debug("done elsewhere", tick=name)
                return
            await function()
            await self.done(name, every, began)

        return shared


def _taken(began: datetime, every: timedelta) -> datetime:
    """As if it had been done so long ago that it falls due again half an interval after it began."""
    return began - every * EARLY + every / 2


def _id(name: str) -> str:
    return f"tick/{name}"

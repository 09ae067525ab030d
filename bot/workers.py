"""How many processes send, so that each takes its part of the platforms' rate limits.

Every sender writes down now and then that it is there; each takes one part of as many as there are. Whoever
comes waits until the others have noticed, so that together they never ask for more than the whole. Whoever
dies leaves its part unused for a quarter of a minute. docs/decisions/0010-shared-limits.md says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from secrets import token_hex
from typing import Protocol, runtime_checkable

import structlog
from sqlalchemy import delete, func, select

from bot.clock import Clock
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import events

BEAT = 5.0  # seconds between two signs of life
MISSED = 3  # signs of life without which somebody is gone
PREFIX = "worker/"
log = structlog.get_logger("bot.workers")


@runtime_checkable
class Sharing(Protocol):
    """A platform whose limits can be shared."""

    def share(self, part: float) -> None:
        """Take only a part (above 0, at most 1) of every limit."""
        ...


class Workers:
    """This process among all that send; ``beat`` is in seconds."""

    def __init__(
        self, storage: Storage, clock: Clock, chats: Iterable[object], *, beat: float = BEAT
    ) -> None:
        self._storage, self._clock, self._beat = storage, clock, beat
        self._chats = [chat for chat in chats if isinstance(chat, Sharing)]
        self._id = PREFIX + token_hex(8)
        self.count = 0  # of all, this one included

    async def join(self) -> None:
        """Be counted. Where others send already, wait until all of them have counted anew."""
        await self._live()
        if self.count > 1:
            await asyncio.sleep(self._beat * 1.5)

    async def run(self) -> None:
        """Show that this one is there, and count the others, until cancelled."""
        while True:
            await asyncio.sleep(self._beat)
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001  (without a database nothing is claimed either)
                log.warning("senders not counted", error=type(error).__name__)

    async def leave(self) -> None:
        """Be counted no more."""
        async with self._storage.write() as tx:
            await tx.execute(delete(events).where(events.c.id == self._id))

    async def _live(self) -> None:
        now = self._clock.now()
        async with self._storage.write() as tx:
            insert = insert_into(tx, events).values(id=self._id, at=now)
            await tx.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"at": now}))
            since = now - timedelta(seconds=self._beat * MISSED)
            there = (events.c.id.startswith(PREFIX), events.c.at > since)
            found = int((await tx.execute(select(func.count()).where(*there))).scalar_one())
        if found != self.count:
            self.count = found
            log.info("senders", count=found)
            for chat in self._chats:
                chat.share(1 / found)

"""Rows that would wait for hours because a clock was wrong when they were claimed, and was set back since.

A lease is a time: claimed by a clock that is three hours ahead, it ends in three hours. Whoever lives
renews theirs (``bot.sender``); what is then still held for longer than any lease lasts is nobody's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import select, update

from bot.clock import Clock
from bot.due import READY
from bot.rows import Lane
from bot.storage import Storage
from bot.storage.errors import code
from bot.storage.schema import outbox

log = structlog.get_logger("bot.outbox")
LEASES = 10  # no row that somebody holds is held for so many leases


class Held(NamedTuple):
    """A row, and whose it was until when."""

    id: int
    lease: str
    until: datetime


class Stranded:
    """Looks after a start, and whenever the clock was set back. ``lease`` is in seconds."""

    def __init__(self, storage: Storage, clock: Clock, lease: float) -> None:
        self._storage, self._clock, self._lease = storage, clock, lease

    def beyond(self, until: datetime) -> bool:
        """Whether a lease ends so late that the clock must have been wrong when it was taken."""
        return until > self._limit()

    def _limit(self) -> datetime:
        return self._clock.now() + timedelta(seconds=LEASES * self._lease)

    async def watch(self) -> None:
        """Forever. It waits in real time: the clock it was given is the one in doubt."""
        while True:
            await asyncio.sleep(self._lease / 4)
            try:
                found = await self.find()
                if found:
                    await asyncio.sleep(self._lease)  # whoever lives renews theirs meanwhile
                    await self.free(found)
            except Exception as error:  # noqa: BLE001  (a database that fails now may answer later)
                log.error("not looked for stranded rows", error=type(error).__name__, why=code(error))
                continue
            await self._set_back()

    async def find(self) -> Sequence[Held]:
        """What is held for longer than any lease lasts."""
        which = select(outbox.c.id, outbox.c.lease, outbox.c.ready_at).where(
            READY,
            outbox.c.lane < Lane.PLANNED,  # whatever was taken
            outbox.c.lease.is_not(None),
            outbox.c.ready_at > self._limit(),
        )
        async with self._storage.read() as connection:
            return [Held(*row) for row in await connection.execute(which)]

    async def free(self, found: Sequence[Held]) -> None:
        """Let these be claimed now, apart from those that were renewed or have ended."""
        now = self._clock.now()
        async with self._storage.write() as tx:
            for row in found:
                mine = (outbox.c.id == row.id, outbox.c.lease == row.lease, outbox.c.ready_at == row.until)
                await tx.execute(update(outbox).where(READY, *mine).values(ready_at=now))
        log.warning("the clock was set back: rows are given back", rows=len(found))

    async def _set_back(self) -> None:
        """Wait until the clock was set back by more than is waited for anyway."""
        while True:
            now, steady = self._clock.now(), self._clock.monotonic()
            await asyncio.sleep(self._lease / 4)
            gone = (self._clock.now() - now).total_seconds()
            if gone < self._clock.monotonic() - steady - self._lease:
                return

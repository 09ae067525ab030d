"""How many processes send, so that each takes its part of the platforms' rate limits.

Every sender writes down now and then that it is there; each takes one part of as many as there are. Whoever
comes waits until the others have noticed, so that together they never ask for more than the whole. Whoever
dies leaves its part unused for a quarter of a minute, or until it is started again where it was.
docs/decisions/0010-shared-limits.md says why.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from hashlib import blake2s
from pathlib import Path
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


def _here() -> str:
    """A name for all processes that see each other's numbers: of this machine, since it was started, in this
    container. A random one where that cannot be found out.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        space = os.stat("/proc/self/ns/pid").st_ino  # Linux's own way to tell containers apart
    except OSError:
        return token_hex(8)
    return blake2s(boot + str(space).encode(), digest_size=8).hexdigest()


def _lives(id: str) -> bool:
    """Whether there is a process with that number here; this one's was somebody else's before."""
    process = int(id.split("/")[2])
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # it may be somebody else's
    return True


_HERE = _here()
_OURS: set[str] = set()  # counted by this very process


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
        self._id = f"{PREFIX}{_HERE}/{os.getpid()}/{token_hex(8)}"
        _OURS.add(self._id)
        self.count = 0  # of all, this one included

    async def join(self) -> None:
        """Be counted. Where others send already, wait until all of them have counted anew.

        A database that has just gone away is waited for: nothing is sent before that anyway.
        """
        while not await self._counted(self._bury, self._live):  # noqa: ASYNC110  (nobody tells that it is back)
            await asyncio.sleep(self._beat)
        if self.count > 1:
            await asyncio.sleep(self._beat * 1.5)

    async def run(self) -> None:
        """Show that this one is there, and count the others, until cancelled."""
        while True:
            await asyncio.sleep(self._beat)
            await self._counted(self._live)

    async def _counted(self, *steps: Callable[[], Awaitable[None]]) -> bool:
        """Whether the database did it."""
        try:
            for step in steps:
                await step()
        except Exception as error:  # noqa: BLE001  (without a database nothing is claimed either)
            log.warning("senders not counted", error=type(error).__name__)
            return False
        return True

    async def leave(self) -> None:
        """Be counted no more."""
        async with self._storage.write() as tx:
            await tx.execute(delete(events).where(events.c.id == self._id))

    async def _bury(self) -> None:
        """Count no more those that died here: else a bot that is started again would wait for itself."""
        async with self._storage.write() as tx:
            here = select(events.c.id).where(events.c.id.startswith(f"{PREFIX}{_HERE}/"))
            dead = [id for id in (await tx.execute(here)).scalars() if id not in _OURS and not _lives(id)]
            if dead:
                await tx.execute(delete(events).where(events.c.id.in_(dead)))

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

"""One database, two ways in: ``read`` and ``write``.

On SQLite one write runs at a time and each sees all that came before it. On PostgreSQL writes run
side by side: what two of them must not both do needs a unique key, a row that is locked, or a
condition in the UPDATE. Whoever locks rows of several tables there takes people before the outbox,
else two transactions can wait for each other. Keep a write short; never await the network in one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from bot.storage.glance import Glance, Row
from bot.storage.sqlite import SQLite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

PLANNED = "planned"  # in a connection's ``info``: its transaction put something into the outbox


class Backend(Protocol):
    """A kind of database, open."""

    reader: AsyncEngine
    writer: AsyncEngine

    @property
    def in_process(self) -> bool:
        """Whether it works in threads of this process, and not in a server."""
        ...

    @property
    def turn(self) -> AbstractAsyncContextManager[Any]:
        """What a write holds while it runs."""
        ...

    async def fetch(self, glance: Glance, names: dict[str, str]) -> Iterable[Iterable[Any]]:
        """The rows of a glance, as the driver gives them."""
        ...

    def planned(self) -> None:
        """A write that touched the plans was committed: let other processes know soon."""
        ...

    async def close(self) -> None:
        """Give every connection back."""
        ...


class Storage:
    """An open database. Made by ``Storage.open``; ``close`` it when done."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self._watches: list[Callable[[timedelta], None]] = []
        self._ahead = timedelta()

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> Storage:
        """Bring the database at ``url`` (sqlite:///path, postgresql://…) up to date and open it.

        ``clock`` is the machine's own (the default), which PostgreSQL's is compared with. Raises
        ``StorageError`` where PostgreSQL cannot be reached or used.
        """
        storage, kind = cls(), url.partition(":")[0]
        if kind == "sqlite":
            storage._use(await SQLite.open(make_url(url)))
        elif kind == "postgresql":
            from bot.storage.postgresql import PostgreSQL

            storage._use(await PostgreSQL.open(url, clock, storage._told, storage._measured))
        else:
            raise ValueError(f"storage {kind} is not supported")
        return storage

    def _use(self, backend: Backend) -> None:
        self._backend = backend
        self._reader, self._writer = backend.reader, backend.writer

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A consistent view; never waits for a writer."""
        async with self._reader.connect() as connection:
            yield connection

    async def glance(self, glance: Glance, **names: str) -> list[Row]:
        """The rows of one prepared SELECT, outside any transaction; the quickest way to a few rows."""
        return glance.on(self._reader.dialect).rows(await self._backend.fetch(glance, names))

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction: committed at the end, rolled back on any error; then the listeners are told.

        On PostgreSQL it may also end in the database's own errors (a deadlock, a lost connection), which
        are raised as they are: nothing of it is stored then, unless the connection broke in the very COMMIT.
        """
        async with self._backend.turn, self._writer.begin() as connection:
            connection.info.pop(PLANNED, None)
            yield connection
            planned = connection.info.pop(PLANNED, False)
        if planned:
            self._backend.planned()
        self._told()

    def after_commit(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each committed write, and when another process planned something.

        It must not block. On PostgreSQL it is also called now and then without a reason, so that nothing
        stays unnoticed.
        """
        self._listeners.append(listener)

    @property
    def in_process(self) -> bool:
        """Whether the database works in threads of this process, which wait for the interpreter as all do."""
        return self._backend.in_process

    @property
    def ahead(self) -> timedelta:
        """How far the database's clock is ahead of this machine's; zero for SQLite, which has none."""
        return self._ahead

    def on_clock(self, listener: Callable[[timedelta], None]) -> None:
        """Call ``listener`` with ``ahead``, now and each time it was measured again (about once a minute)."""
        self._watches.append(listener)
        listener(self._ahead)

    async def close(self) -> None:
        """Give all connections back; SQLite then folds its write-ahead log into the file."""
        await self._backend.close()

    def _told(self) -> None:
        for listener in self._listeners:
            listener()

    def _measured(self, ahead: timedelta) -> None:
        self._ahead = ahead
        for listener in self._watches:
            listener(ahead)


async def weigh_plans(tx: AsyncConnection) -> None:
    """Have PostgreSQL plan what follows in this transaction by what it is asked, and not once for all."""
    if tx.dialect.name == "postgresql":
        await tx.execute(select(func.set_config("plan_cache_mode", "auto", True)))


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that may say what happens on conflict, in the dialect of the connection."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # 2 MiB; the engine has loaded it where it is used

        return postgresql.insert(table)
    return sqlite.insert(table)

"""One database, two ways in: ``read`` and ``write``.

SQLite has one writer, so writes inside the process stand in a queue here instead of meeting a
lock in the file, and every write begins IMMEDIATE (a deferred one that reads first and writes
later was refused four times out of five). Keep a write short; never await the network in one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from bot.storage import migrations
from bot.storage.glance import Glance, Row


class Storage:
    """An open database. Made by ``Storage.open``; ``close`` it when done."""

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()
        self._glancing: asyncio.Future[aiosqlite.Connection] | None = None
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, url: str) -> Storage:
        """Bring the database at ``url`` (sqlite:///path) up to date and open it."""
        where = make_url(url)
        if where.get_backend_name() != "sqlite":
            raise ValueError(f"storage {where.get_backend_name()} is not supported yet")
        Path(where.database or "").parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(migrations.upgrade, url)
        driven = where.set(drivername="sqlite+aiosqlite")
        reader = create_async_engine(  # as many as there are senders: one more is opened anew each time
            driven, poolclass=AsyncAdaptedQueuePool, pool_size=16, hide_parameters=True
        )
        writer = create_async_engine(
            driven, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, hide_parameters=True
        )
        for engine, begin in ((reader, "BEGIN"), (writer, "BEGIN IMMEDIATE")):
            _tune(engine, begin)
        return cls(reader, writer)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A consistent view; never waits for a writer."""
        async with self._reader.connect() as connection:
            yield connection

    async def glance(self, glance: Glance, **names: str) -> list[Row]:
        """The rows of one prepared SELECT, outside any transaction; the quickest way to a few rows."""
        if self._glancing is None:
            self._glancing = asyncio.ensure_future(self._open_glancing())
        connection = await asyncio.shield(self._glancing)
        return glance.rows(await connection.execute_fetchall(glance.sql, glance.parameters(names)))

    async def _open_glancing(self) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self._reader.url.database or "", isolation_level=None)
        for pragma in ("busy_timeout=10000", "query_only=ON"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        return connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction: committed at the end, rolled back on any error; then the listeners are told."""
        async with self._turn, self._writer.begin() as connection:
            yield connection
        for listener in self._listeners:
            listener()

    def after_commit(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each committed write; it must not block."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Give all connections back; SQLite then folds its write-ahead log into the file."""
        if self._glancing is not None:
            await (await self._glancing).close()
        await self._reader.dispose()
        await self._writer.dispose()


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that may say what happens on conflict, in the dialect of the connection."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _tune(engine: AsyncEngine, begin: str) -> None:
    """SQLite as a server wants it: WAL, durable commits, explicit transactions."""

    def connected(dbapi: Any, _: ConnectionPoolEntry) -> None:
        dbapi.isolation_level = None  # transactions begin below, not behind our back
        cursor = dbapi.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def began(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", began)

"""Opening an SQLite file: WAL, durable commits, explicit transactions, one writer in this process.

SQLite has one writer, so writes inside the process stand in a queue instead of meeting a lock in
the file, and every write begins IMMEDIATE (a deferred one that reads first and writes later was
refused four times out of five).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolResetState

from bot.storage import migrations
from bot.storage.errors import explained_file
from bot.storage.glance import Glance
from bot.storage.steps import STEPS, Stepping, Steps

PATIENCE = 10.0  # seconds of waiting for another program's write

# Bytes. What falls due lies all over a large table, and each of its pages is written whole, at the claim and
# at the mark. With a million rows planned, small pages write a quarter as much and are half as fast again.
PAGE = 1024
# Bytes of write-ahead log until it is copied back: what a claim and its mark both changed is copied once.
LOG = 32_000_000
BEGIN = "BEGIN IMMEDIATE"
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "foreign_keys=ON",
)


class SQLite:
    """An SQLite file that is up to date, and the ways into it."""

    in_process = True

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self.reader, self.writer = reader, writer
        self.turn = asyncio.Lock()
        self._glancing: asyncio.Future[aiosqlite.Connection] | None = None

    @classmethod
    async def open(cls, where: URL) -> SQLite:
        """Bring the file up to date and open it; ``StorageError`` says what is in the way."""
        await asyncio.to_thread(_make_ready, where)
        driven = where.set(drivername="sqlite+aiosqlite")
        reader = create_async_engine(  # as many as there are senders: one more is opened anew each time
            driven, poolclass=AsyncAdaptedQueuePool, pool_size=16, hide_parameters=True
        )
        made: list[Steps] = []  # by the thread of a connection that is being opened
        writer = create_async_engine(
            driven,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            pool_reset_on_return=None,  # see below: only what was not committed is rolled back
            connect_args={"factory": partial(_stepping, made)},
            hide_parameters=True,
        )
        _tune(reader)
        _tune(writer)
        _read(reader)
        _write(writer, made)
        return cls(reader, writer)

    async def fetch(self, glance: Glance, names: dict[str, str]) -> Iterable[Iterable[Any]]:
        """The rows of a glance, through a connection of its own that may not write."""
        if self._glancing is None:
            self._glancing = asyncio.ensure_future(self._open_glancing())
        try:
            connection = await asyncio.shield(self._glancing)
        except (sqlite3.Error, OSError):
            self._glancing = None  # the next one tries again
            raise
        ready = glance.on(self.reader.dialect)
        return await connection.execute_fetchall(ready.sql, ready.parameters(names))

    async def _open_glancing(self) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self.reader.url.database or "", isolation_level=None)
        for pragma in ("busy_timeout=10000", "query_only=ON"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        return connection

    def planned(self) -> None:
        """Nobody to tell: another process on the same file looks when its own next row is due."""

    async def close(self) -> None:
        """Give all connections back; the write-ahead log is then folded into the file."""
        if self._glancing is not None:
            await (await self._glancing).close()
        await self.reader.dispose()
        await self.writer.dispose()


def _make_ready(where: URL) -> None:
    """The file at its newest, and writable: else each write would fail, again and again. Blocks."""
    file = where.database or ""
    with explained_file():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as connection:
            for pragma in (f"page_size={PAGE}", "journal_mode=WAL"):  # the first counts for a new file only
                connection.execute(f"PRAGMA {pragma}")
        migrations.upgrade(where.render_as_string(hide_password=False))
        with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE alembic_version SET version_num = version_num")
            connection.execute("ROLLBACK")


def tune(cursor: Any) -> None:
    """Set up a connection as all of them are; ``cursor`` is a driver's."""
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA page_size")  # an older file's are larger
    (size,) = cursor.fetchone()
    cursor.execute(f"PRAGMA wal_autocheckpoint={LOG // size}")


def _tune(engine: AsyncEngine) -> None:
    """SQLite as a server wants it: WAL, durable commits, explicit transactions."""

    def connected(dbapi: Any, _: ConnectionPoolEntry) -> None:
        dbapi.isolation_level = None  # transactions begin below, not behind our back
        cursor = dbapi.cursor()
        tune(cursor)
        cursor.close()

    event.listen(engine.sync_engine, "connect", connected)


def _read(engine: AsyncEngine) -> None:
    heard: Any = engine.sync_engine.dispatch

    def ask(raw: aiosqlite.Connection) -> Any:
        return raw.execute_fetchall("BEGIN")

    def began(connection: Any) -> None:  # past SQLAlchemy's cursor: one trip to the thread instead of three
        heard.before_cursor_execute(connection, None, "BEGIN", (), None, False)
        connection.connection.dbapi_connection.run_async(ask)

    event.listen(engine.sync_engine, "begin", began)


def _stepping(made: list[Steps], *args: Any, **options: Any) -> Stepping:
    made.append(Steps())
    return Stepping(*args, steps=made[-1], **options)


def _write(engine: AsyncEngine, made: list[Steps]) -> None:
    heard: Any = engine.sync_engine.dispatch

    def connected(_: Any, record: ConnectionPoolEntry) -> None:
        record.info[STEPS] = made.pop()  # its own: one that was given up may still fail at what waited

    def began(connection: Any) -> None:
        heard.before_cursor_execute(connection, None, BEGIN, (), None, False)
        connection.info[STEPS].begin(BEGIN)

    def given_back(dbapi: Any, record: ConnectionPoolEntry, _: PoolResetState) -> None:
        if record.info[STEPS].open:
            dbapi.rollback()

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", began)
    event.listen(engine.sync_engine, "reset", given_back)

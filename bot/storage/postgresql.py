"""Opening a PostgreSQL database: its tables, its pools, and who tells whom that something is planned.

A process holds at most ``READERS + WRITERS + 1`` connections. None of them is tried before it is used:
asyncpg knows when its socket was closed, and such a connection is replaced on its way out of the pool.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from bot.clock import Clock, SystemClock
from bot.storage import migrations
from bot.storage.errors import StorageError
from bot.storage.glance import Glance
from bot.storage.listening import Listening
from bot.storage.wire import CUT, LIMITS, LOST, Wire, connect, explained, is_cut

READERS, WRITERS = 8, 8  # connections; more gain nothing on a few cores and cost the server 5 MB each
OLDEST = 12  # the oldest version with all that is asked of it
POOL_TIMEOUT = 30.0  # seconds of waiting for a free connection
PLANS = re.compile(r"INSERT INTO outbox\b|UPDATE outbox SET (?:(?!\bWHERE\b).)*\bdue_at\b", re.DOTALL)
# A write finds its rows by their keys, one plan for any number of them. Asked for each batch, the planner
# reads a whole table for the one row it expects under a lease, and compares all with all: 140 ms.
BY_KEY = LIMITS | {"plan_cache_mode": "force_generic_plan"}


class PostgreSQL:
    """A PostgreSQL database that is up to date, and the ways into it."""

    in_process = False
    turn = nullcontext()  # writes run side by side

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine, listening: Listening) -> None:
        self.reader, self.writer, self._listening = reader, writer, listening

    @classmethod
    async def open(
        cls,
        url: str,
        clock: Clock | None,
        told: Callable[[], None],
        measured: Callable[[timedelta], None],
    ) -> PostgreSQL:
        """Bring the database up to date and open it; ``StorageError`` says what is in the way.

        ``told``: another process planned something. ``measured``: how far the database's clock is ahead.
        """
        async with explained():
            first = await connect(url)
            try:
                await _make_ready(url, first)
                listening = Listening(lambda: connect(url), clock or SystemClock(), told, measured)
                await listening.start(first)
            except BaseException:
                first.terminate()
                raise
        reader = _engine(url, READERS).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        writer = _engine(url, WRITERS, BY_KEY)
        event.listen(writer.sync_engine, "before_cursor_execute", _notice_plans)
        return cls(reader, writer, listening)

    async def fetch(self, glance: Glance, names: dict[str, str]) -> Iterable[Iterable[Any]]:
        """The rows of a glance: one statement that the connection has prepared, and no transaction."""
        ready = glance.on(self.reader.dialect)
        for left in reversed(range(READERS + 1)):  # each connection may be found to be cut
            async with self.reader.connect() as connection:
                wire = cast("Wire", (await connection.get_raw_connection()).driver_connection)
                try:
                    return await wire.fetch(ready.sql, *ready.parameters(names))
                except LOST as error:
                    if not left or not is_cut(error, wire):
                        raise
                    await connection.invalidate()
        raise AssertionError("unreachable")

    def planned(self) -> None:
        """Tell the other processes, in a moment and all at once."""
        self._listening.tell()

    async def close(self) -> None:
        """Tell what is still to be told, and give every connection back."""
        await self._listening.close()
        await self.reader.dispose()
        await self.writer.dispose()


def _engine(url: str, size: int, settings: Mapping[str, str] = LIMITS) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, settings),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _still_there)
    event.listen(engine.sync_engine, "handle_error", _notice_cut)
    return engine


def _still_there(dbapi: Any, *_: Any) -> None:
    """A connection that the server or the network has ended is replaced before anybody gets it."""
    if dbapi.driver_connection.is_closed():
        raise DisconnectionError


def _notice_cut(context: Any) -> None:
    """SQLAlchemy does not see what asyncpg has noticed just before: that the server took its leave."""
    if isinstance(context.original_exception, CUT):
        context.is_disconnect = True


def _notice_plans(connection: Any, _: Any, statement: str, *__: Any) -> None:
    if PLANS.match(statement):
        connection.info["planned"] = True


async def _make_ready(url: str, first: Wire) -> None:
    """Refuse a server that is too old; create or upgrade the tables."""
    version = first.get_server_version()
    if version.major < OLDEST:
        raise StorageError(f"is PostgreSQL {version.major}. It takes {OLDEST} or newer.")
    if await migrations.is_current(first):
        return
    engine = create_async_engine(  # no time limit: it waits while another process upgrades
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, command_timeout=None),
        poolclass=NullPool,
        hide_parameters=True,
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrations.upgrade_on)
    finally:
        await engine.dispose()

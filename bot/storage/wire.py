"""One connection to PostgreSQL: how it is made, and what is said when it cannot be.

asyncpg reads the URL as libpq does (``?sslmode=require``, ``?host=/run/postgresql``, PGPASSWORD,
~/.pgpass), and every connection is made here, so that a URL means the same everywhere.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy.exc import DBAPIError

from bot.storage.errors import StorageError

CONNECT_TIMEOUT = 10.0  # seconds
COMMAND_TIMEOUT = 70.0  # seconds; the server's own limit comes first unless it is gone
LIMITS = {
    "application_name": "bounceback",
    "statement_timeout": "60s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",  # a process that hangs gives its locks back
    "tcp_keepalives_idle": "30",  # seconds
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
CUT = asyncpg.InternalClientError  # between the server's farewell and the end of the connection
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, CUT)


class Wire(Protocol):
    """What is used of an asyncpg connection."""

    async def execute(self, query: str) -> str: ...
    async def fetch(self, query: str, *args: Any) -> list[Iterable[Any]]: ...
    async def fetchval(self, query: str) -> Any: ...
    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None: ...
    def add_termination_listener(self, callback: Callable[..., None]) -> None: ...
    def get_server_pid(self) -> int: ...
    def get_server_version(self) -> Any: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...
    async def close(self) -> None: ...


class _Connection(asyncpg.Connection):
    """A connection whose socket notices by itself that nobody is there any more."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        cast("Any", super()).__init__(protocol, transport, *rest)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                if (option := getattr(socket, name, None)) is not None:  # not every system has each
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def connect(
    url: str, settings: Mapping[str, str] = LIMITS, *, command_timeout: float | None = COMMAND_TIMEOUT
) -> Wire:
    """One more connection to the database; whatever goes wrong is raised as it is."""
    return await cast("Any", asyncpg).connect(
        url,
        timeout=CONNECT_TIMEOUT,
        command_timeout=command_timeout,
        server_settings=settings,
        connection_class=_Connection,
    )


def is_cut(error: BaseException, wire: Wire) -> bool:
    """Whether a connection ended, or just now tells so, as against a statement that failed on it."""
    code = str(getattr(error, "sqlstate", None) or "")
    return wire.is_closed() or isinstance(error, CUT) or code.startswith(("08", "57P"))


@asynccontextmanager
async def explained() -> AsyncGenerator[None]:
    """Say what keeps a database from being opened, and what to mend: a ``StorageError``."""
    try:
        yield
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        if not isinstance(cause, LOST) or not (said := _said(cause)):
            raise
        raise StorageError(said) from error
    except (*LOST, ValueError) as error:
        if not (said := _said(error)):
            raise
        raise StorageError(said) from error


BUSY = "is starting or stopping. Try again in a moment."
SAID = {  # by SQLSTATE
    "28P01": "refuses this user or this password. Check both, and the server's pg_hba.conf.",
    "25006": "is read-only. Name the server that takes writes, not a copy of it.",
    "28000": "refuses this user or this password. Check both, and the server's pg_hba.conf.",
    "3D000": "names a database that is not there. Make it: createdb, or CREATE DATABASE in psql.",
    "42501": "names a user who may not create tables there. Make that user the database's owner.",
    "53300": "has no connection left. Raise max_connections there, or stop what holds them.",
    **dict.fromkeys(("57P01", "57P02", "57P03"), BUSY),
}


def _said(error: BaseException) -> str:
    """One sentence or two about ``error``; empty if it is none that a setting could mend."""
    code = str(getattr(error, "sqlstate", None) or "")
    if code and not code.startswith("08"):
        return SAID.get(code, "")
    match error:
        case OSError() if isinstance(error, ssl.SSLError) or "SSL" in str(error):
            return "does not speak TLS as it should. Check sslmode and the certificates."
        case socket.gaierror():
            return "names a host that nobody knows. Check its spelling."
        case TimeoutError():
            return f"does not answer within {CONNECT_TIMEOUT:.0f} seconds. Check host, port and firewall."
        case OSError():
            return "cannot be reached. Is PostgreSQL running there, and do host and port fit?"
        case ValueError() | asyncpg.UnsupportedClientFeatureError() | asyncpg.UnsupportedServerFeatureError():
            return "cannot be used as it is written. Check its options, and percent-encode what is special."
        case asyncpg.PostgresConnectionError() | asyncpg.InterfaceError() | CUT():  # the second: it is closed
            return "ended the connection. Is PostgreSQL running there, and the way to it open? Try again."
        case _:
            return ""

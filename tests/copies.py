"""A copy of a database for each process that is killed: a file, or a PostgreSQL database beside the first.

Where a database is, its folder says: see ``tests.world.stored``. Everything here blocks, and starts a loop
of its own where it asks a server: it is for processes that have none yet.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import asyncpg

from tests.world import ELSEWHERE, stored

PATIENCE = 60.0  # seconds until a server must have seen that a process is gone


def copied(base: Path, folder: Path) -> None:
    """Give ``folder`` the files of ``base``, and a database as ``base`` has it; nobody may be using that."""
    for file in base.iterdir():
        shutil.copy(file, folder / file.name)
    if found := _on_server(base):
        server, template = found
        name = f"copy-{folder.name}"
        _told(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        (folder / ELSEWHERE).write_text(f"{server}/{name}")


def settled(folder: Path) -> None:
    """Wait until the server has seen that a killed process is gone: its last statement may still run."""
    if found := _on_server(folder):
        server, name = found
        until = time.monotonic() + PATIENCE
        while _told(server, f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"):
            assert time.monotonic() < until, f"somebody is still in {name}"
            time.sleep(0.005)


def dropped(folder: Path) -> None:
    """Remove a copy from its server; who removes the folder removes a file."""
    if found := _on_server(folder):
        server, name = found
        _told(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _on_server(folder: Path) -> tuple[str, str] | None:
    """A server, and the name of a folder's database on it."""
    server, _, name = stored(folder).rpartition("/")
    return (server, name) if server.startswith("postgresql:") else None


def _told(server: str, statement: str) -> Any:
    async def tell() -> Any:
        connection = await asyncpg.connect(f"{server}/postgres")
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(tell())

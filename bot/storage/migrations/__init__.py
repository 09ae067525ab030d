"""Alembic migrations, run at every start.

``HEAD`` names the newest one, so that a start with nothing to do need not load Alembic at all;
a test holds it equal to what the scripts say.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import make_url

from bot.storage.errors import StorageError

if TYPE_CHECKING:
    from bot.storage.wire import Wire

HEAD = "0007"
LOCK = 7_206_481_175_313_990_194  # PostgreSQL's advisory lock while somebody upgrades; any number will do
KNOWN = "SELECT to_regclass('alembic_version') IS NOT NULL"
REVISION = "SELECT version_num FROM alembic_version"


def upgrade(url: str) -> None:
    """Bring the SQLite file at ``url`` to ``HEAD``. Blocks: call it off the event loop."""
    revision = _revision(url)
    if _is_current(revision):
        return
    from alembic import command

    command.upgrade(configuration(url), "head")


def upgrade_on(connection: Connection) -> None:
    """Bring a PostgreSQL database to ``HEAD``, in the transaction of this connection.

    Several processes may start at once: one upgrades, the others wait for it and find nothing to do.
    """
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(select(func.set_config(limit, "0", True)))
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    known = connection.execute(text(KNOWN)).scalar()
    if _is_current(connection.execute(text(REVISION)).scalar() if known else None):
        return
    from alembic import command

    config = configuration("")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration(url: str):
    """Alembic's settings for a database at ``url``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["url"] = url
    return config


async def is_current(wire: Wire) -> bool:
    """Whether a PostgreSQL database is at ``HEAD``, without loading Alembic."""
    return _is_current(await wire.fetchval(REVISION) if await wire.fetchval(KNOWN) else None)


def _is_current(revision: str | None) -> bool:
    if revision is not None and revision > HEAD:
        raise StorageError(
            "was last used by a newer Bounceback. Run that one, or restore a backup from before."
        )
    return revision == HEAD


def _revision(url: str) -> str | None:
    """The revision that an SQLite file is at; None for a new file."""
    with sqlite3.connect(make_url(url).database or "") as connection:
        known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute(REVISION).fetchone() if known else None
    connection.close()
    return row[0] if row else None

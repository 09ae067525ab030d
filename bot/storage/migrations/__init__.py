"""Alembic migrations, run at every start.

``HEAD`` names the newest one, so that a start with nothing to do need not load Alembic at all;
a test holds it equal to what the scripts say.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.engine import make_url

HEAD = "0004"


def upgrade(url: str) -> None:
    """Bring the database at ``url`` to ``HEAD``. Blocks: call it off the event loop."""
    if _revision(url) == HEAD:
        return
    from alembic import command

    command.upgrade(configuration(url), "head")


def configuration(url: str):
    """Alembic's settings for a database at ``url``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def _revision(url: str) -> str | None:
    """The revision that an SQLite file is at; None for a new file."""
    with sqlite3.connect(make_url(url).database or "") as connection:
        known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    connection.close()
    return row[0] if row else None

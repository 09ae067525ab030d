"""How Alembic reaches the database: over the connection it is handed, or one of its own to an SQLite file."""

from __future__ import annotations

import sqlite3

from alembic import context
from sqlalchemy import Connection, create_engine, event

from bot.storage.schema import metadata


def run(connection: Connection) -> None:
    """Everything in one transaction: the caller's, if there is one."""
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()


def _leave_transactions_to_us(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    engine = create_engine(context.config.attributes["url"])
    # Python's driver would commit each change of a table: who is killed between two could not start again.
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        run(connection)
        connection.commit()
    engine.dispose()

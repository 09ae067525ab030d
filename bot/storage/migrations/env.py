"""How Alembic reaches the database: over the connection it is handed, or one of its own to an SQLite file."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from bot.storage.schema import metadata


def run(connection: Connection) -> None:
    """Everything in one transaction: the caller's, if there is one."""
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        run(connection)
        connection.commit()
    engine.dispose()

"""Indexes of the outbox that a claim leaves alone and that hold no NULL; tables by person without a rowid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BY_PERSON = ("people", "motivation", "prompts")


def upgrade() -> None:
    for name in ("ix_outbox_user_state", "ix_outbox_subject", "ix_outbox_done"):
        op.drop_index(name, table_name="outbox")
    _create("ix_outbox_user_state", ["user", "state", "done_at", "due_at"])
    _create("ix_outbox_subject", ["subject"])
    _create("ix_outbox_done", ["done_at"])
    _create("ix_outbox_words", ["done_at"], 'done_at IS NOT NULL AND "user" IS NULL AND args IS NOT NULL')
    _with_rowid(False)


def downgrade() -> None:
    for name in ("ix_outbox_user_state", "ix_outbox_subject", "ix_outbox_done", "ix_outbox_words"):
        op.drop_index(name, table_name="outbox")
    op.create_index("ix_outbox_user_state", "outbox", ["user", "state", "ready_at"])
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_index("ix_outbox_done", "outbox", ["done_at"])
    _with_rowid(True)


def _create(name: str, columns: list[str], where: str = "") -> None:
    those = sa.text(where or f'"{columns[0]}" IS NOT NULL')
    op.create_index(name, "outbox", columns, sqlite_where=those, postgresql_where=those)


def _with_rowid(yes: bool) -> None:
    """Copy the tables by person into ones with or without a rowid; PostgreSQL knows no such thing."""
    if op.get_bind().dialect.name == "sqlite":
        for name in BY_PERSON:
            with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_with_rowid": yes}):
                pass

"""The outbox in lanes: what somebody waits for, what a dead process may have said, and what was planned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

READY = sa.text("state = 'ready'")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("lane", sa.Integer, nullable=False, server_default="2"))
    op.execute("UPDATE outbox SET lane = 1 WHERE state = 'ready' AND lease IS NOT NULL")
    op.execute("UPDATE outbox SET lane = 0 WHERE state = 'ready' AND verb <> 'dm'")
    _index(["lane", "ready_at"])


def downgrade() -> None:
    _index(["ready_at"])
    op.drop_column("outbox", "lane")


def _index(columns: list[str]) -> None:
    op.drop_index("ix_outbox_ready", table_name="outbox")
    op.create_index("ix_outbox_ready", "outbox", columns, sqlite_where=READY, postgresql_where=READY)

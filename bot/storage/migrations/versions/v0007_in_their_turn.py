"""What is due at one time is claimed in the order in which it was planned, on PostgreSQL too.

SQLite's indexes end with a row's number anyway. PostgreSQL's end with its place in the file, which changes
with each claim and is given to others later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

READY = sa.text("state = 'ready'")


def upgrade() -> None:
    _index(["lane", "ready_at", "id"])


def downgrade() -> None:
    _index(["lane", "ready_at"])


def _index(columns: list[str]) -> None:
    op.drop_index("ix_outbox_ready", table_name="outbox")
    op.create_index("ix_outbox_ready", "outbox", columns, sqlite_where=READY, postgresql_where=READY)

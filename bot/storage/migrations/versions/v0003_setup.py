"""What a community starts from, as /setup asks for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.storage.types import String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("communities", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sign", String(12), server_default="", nullable=False))
        batch_op.add_column(sa.Column("plan", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("communities", schema=None) as batch_op:
        batch_op.drop_column("plan")
        batch_op.drop_column("sign")

"""What the Slack platform remembers, and the quiet hours that a platform knows of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.storage.types import String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "slack_people",
        sa.Column("id", String(64), nullable=False),
        sa.Column("dm", String(20), server_default="", nullable=False),
        sa.Column("home", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slack_people")),
    )
    op.create_table(
        "slack_installations",
        sa.Column("team", String(20), nullable=False),
        sa.Column("name", String(200), server_default="", nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("bot_user", String(20), server_default="", nullable=False),
        sa.Column("bot_id", String(20), server_default="", nullable=False),
        sa.Column("scopes", sa.Text(), server_default="", nullable=False),
        sa.Column("installed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_slack_installations")),
    )
    op.create_table(
        "slack_states",
        sa.Column("state", String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_slack_states")),
    )
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("platform_quiet", String(11), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_column("platform_quiet")
    op.drop_table("slack_states")
    op.drop_table("slack_installations")
    op.drop_table("slack_people")

"""What the Discord platform remembers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.storage.types import String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "discord_people",
        sa.Column("id", String(20), nullable=False),
        sa.Column("community", String(20), server_default="", nullable=False),
        sa.Column("dm", String(20), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discord_people")),
    )
    op.create_table(
        "discord_threads",
        sa.Column("thread", String(20), nullable=False),
        sa.Column("community", String(20), nullable=False),
        sa.Column("channel", String(20), nullable=False),
        sa.PrimaryKeyConstraint("thread", name=op.f("pk_discord_threads")),
    )
    op.create_table(
        "discord_state",
        sa.Column("name", String(120), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_discord_state")),
    )


def downgrade() -> None:
    op.drop_table("discord_state")
    op.drop_table("discord_threads")
    op.drop_table("discord_people")

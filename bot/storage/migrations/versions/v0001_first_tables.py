"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.storage.types import Number, String

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "blocks",
        sa.Column("community", String(100), nullable=False),
        sa.Column("token", String(64), nullable=False),
        sa.Column("name", String(60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("community", "token", name=op.f("pk_blocks")),
    )
    op.create_table(
        "communities",
        sa.Column("platform", String(16), nullable=False),
        sa.Column("community", String(64), nullable=False),
        sa.Column("support", String(64), server_default="", nullable=False),
        sa.Column("wins", String(64), server_default="", nullable=False),
        sa.Column("moderation", String(64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("platform", "community", name=op.f("pk_communities")),
    )
    op.create_table(
        "drafts",
        sa.Column("user", String(200), nullable=False),
        sa.Column("form", String(100), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", "form", name=op.f("pk_drafts")),
    )
    op.create_table(
        "events",
        sa.Column("id", String(200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_at"), ["at"], unique=False)

    op.create_table(
        "motivation",
        sa.Column("user", String(200), nullable=False),
        sa.Column("at", String(5), nullable=False),
        sa.Column("days", String(14), nullable=False),
        sa.Column("themes", String(200), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_motivation")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("key", String(25), nullable=False),
        sa.Column("kind", String(64), nullable=False),
        sa.Column("verb", String(8), nullable=False),
        sa.Column("user", String(200), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("subject", String(64), nullable=True),
        sa.Column("args", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("state", String(12), server_default="ready", nullable=False),
        sa.Column("lease", String(32), nullable=True),
        sa.Column("lead", Number, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("error", String(200), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_done", ["done_at"], unique=False)
        batch_op.create_index(
            "ix_outbox_ready",
            ["ready_at"],
            unique=False,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.create_index("ix_outbox_subject", ["subject"], unique=False)
        batch_op.create_index("ix_outbox_user_state", ["user", "state", "ready_at"], unique=False)

    op.create_table(
        "people",
        sa.Column("user", String(200), nullable=False),
        sa.Column("zone", String(64), server_default="", nullable=False),
        sa.Column("quiet_from", String(5), server_default="", nullable=False),
        sa.Column("quiet_to", String(5), server_default="", nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=True),
        sa.Column("language", String(16), server_default="", nullable=False),
        sa.Column("platform_zone", String(64), server_default="", nullable=False),
        sa.Column("platform_language", String(16), server_default="", nullable=False),
        sa.Column("paused_from", sa.BigInteger(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("ignored", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unreachable", String(64), server_default="", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_people")),
    )
    op.create_table(
        "prompts",
        sa.Column("user", String(200), nullable=False),
        sa.Column("prompt", String(40), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.Column("liked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", "prompt", name=op.f("pk_prompts")),
    )
    op.create_table(
        "rejections",
        sa.Column("id", String(16), nullable=False),
        sa.Column("owner", String(64), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("community", String(100), nullable=False),
        sa.Column("stage", String(20), nullable=False),
        sa.Column("sign", String(12), nullable=False),
        sa.Column("wish", String(12), nullable=False),
        sa.Column("where", sa.LargeBinary(), nullable=True),
        sa.Column("story", sa.LargeBinary(), nullable=True),
        sa.Column("shared_at", sa.BigInteger(), nullable=False),
        sa.Column("state", String(12), nullable=False),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("thread", String(100), nullable=True),
        sa.Column("replies", sa.Integer(), server_default="0", nullable=False),
        sa.Column("muted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejections")),
    )
    with op.batch_alter_table("rejections", schema=None) as batch_op:
        batch_op.create_index("ix_rejections_community_shared", ["community", "shared_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_rejections_owner"), ["owner"], unique=False)
        batch_op.create_index(batch_op.f("ix_rejections_thread"), ["thread"], unique=False)

    op.create_table(
        "web_messages",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("key", String(64), nullable=True),
        sa.Column("channel", String(64), nullable=False),
        sa.Column("thread", Number, nullable=True),
        sa.Column("author", String(64), nullable=False),
        sa.Column("only_for", String(64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_web_messages_key")),
    )
    with op.batch_alter_table("web_messages", schema=None) as batch_op:
        batch_op.create_index("ix_web_messages_channel", ["channel", "id"], unique=False)

    op.create_table(
        "web_state",
        sa.Column("name", String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_web_state")),
    )
    op.create_table(
        "encouragements",
        sa.Column("id", String(16), nullable=False),
        sa.Column("rejection", String(16), nullable=False),
        sa.Column("owner", String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rejection"], ["rejections.id"], name=op.f("fk_encouragements_rejection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encouragements")),
    )
    with op.batch_alter_table("encouragements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_encouragements_owner"), ["owner"], unique=False)

    op.create_table(
        "pseudonyms",
        sa.Column("rejection", String(16), nullable=False),
        sa.Column("owner", String(64), nullable=False),
        sa.Column("name", String(60), nullable=False),
        sa.ForeignKeyConstraint(
            ["rejection"], ["rejections.id"], name=op.f("fk_pseudonyms_rejection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rejection", "owner", name=op.f("pk_pseudonyms")),
        sa.UniqueConstraint("rejection", "name", name=op.f("uq_pseudonyms_rejection")),
    )
    with op.batch_alter_table("pseudonyms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pseudonyms_owner"), ["owner"], unique=False)

    op.create_table(
        "solidarity",
        sa.Column("rejection", String(16), nullable=False),
        sa.Column("owner", String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rejection"], ["rejections.id"], name=op.f("fk_solidarity_rejection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rejection", "owner", name=op.f("pk_solidarity")),
    )
    with op.batch_alter_table("solidarity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_solidarity_owner"), ["owner"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("solidarity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_solidarity_owner"))

    op.drop_table("solidarity")
    with op.batch_alter_table("pseudonyms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pseudonyms_owner"))

    op.drop_table("pseudonyms")
    with op.batch_alter_table("encouragements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_encouragements_owner"))

    op.drop_table("encouragements")
    op.drop_table("web_state")
    with op.batch_alter_table("web_messages", schema=None) as batch_op:
        batch_op.drop_index("ix_web_messages_channel")

    op.drop_table("web_messages")
    with op.batch_alter_table("rejections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rejections_thread"))
        batch_op.drop_index(batch_op.f("ix_rejections_owner"))
        batch_op.drop_index("ix_rejections_community_shared")

    op.drop_table("rejections")
    op.drop_table("prompts")
    op.drop_table("people")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_user_state")
        batch_op.drop_index("ix_outbox_subject")
        batch_op.drop_index(
            "ix_outbox_ready",
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.drop_index("ix_outbox_done")

    op.drop_table("outbox")
    op.drop_table("motivation")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_at"))

    op.drop_table("events")
    op.drop_table("drafts")
    op.drop_table("communities")
    op.drop_table("blocks")

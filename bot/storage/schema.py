"""Every table, on one page.

Rules that hold here:
- Instants are aware UTC, kept as whole microseconds since 1970 (``Instant``): the same on both databases.
- ``user`` is ``platform/community/id`` in the clear. ``owner`` is a keyed token of it (``Vault.owner``): rows
  that stand beside a public post carry only that, so the file alone does not say who wrote the post.
- ``String`` and ``Number`` are ``bot.storage.types``': as long and as large on PostgreSQL as on SQLite.
- Columns of type ``Sealed`` hold text that people wrote, encrypted by ``bot.vault``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator

from bot.storage.types import Number, String

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Whole microseconds since 1970; a time without a zone is refused (``ValueError``)."""
    if at.utcoffset() is None:
        raise ValueError("a time without a zone cannot be stored")
    return (at - EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """What ``micros`` made."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time as whole microseconds; a naive one is refused (``ValueError``)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(value)


Sealed = LargeBinary
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial(name: str, *columns: str, where: str = "") -> Index:
    """An index of some rows; unless said otherwise, those where the first column is not NULL.

    The same rows on PostgreSQL: ``_partial_there_too``.
    """
    return Index(name, *columns, sqlite_where=text(where or f'"{columns[0]}" IS NOT NULL'))


# Who uses the bot, and how they want to be spoken to. Empty or null means: the community's default.
people = Table(
    "people",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("zone", String(64), nullable=False, server_default=""),
    Column("quiet_from", String(5), nullable=False, server_default=""),
    Column("quiet_to", String(5), nullable=False, server_default=""),
    Column("per_day", Integer),
    Column("language", String(16), nullable=False, server_default=""),
    Column("platform_zone", String(64), nullable=False, server_default=""),  # what the platform says
    Column("platform_language", String(16), nullable=False, server_default=""),
    Column("platform_quiet", String(11), nullable=False, server_default=""),  # 22:00-08:00, their time
    Column("paused_from", Instant),
    Column("paused_until", Instant),  # a break; ``FOREVER`` until the person says otherwise
    Column("ignored", Integer, nullable=False, server_default="0"),  # nudges since the last reaction
    Column("unreachable", String(64), nullable=False, server_default=""),  # why their messages are refused
    Column("seen_at", Instant, nullable=False),
    sqlite_with_rowid=False,  # one tree, ordered by person
)

# Where a community wants things said, and what it starts from; set by /setup (the web chat sets its own).
communities = Table(
    "communities",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("community", String(64), primary_key=True),
    Column("support", String(64), nullable=False, server_default=""),
    Column("wins", String(64), nullable=False, server_default=""),
    Column("moderation", String(64), nullable=False, server_default=""),
    Column("sign", String(12), nullable=False, server_default=""),  # empty: the form's own
    Column("plan", Boolean, nullable=False, server_default=true()),  # a plan follows a no by itself
)

# Events that were handled, so that one delivered twice is handled once.
events = Table(
    "events",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)

# What somebody typed into a form that could not be taken yet; it fills the form the next time.
drafts = Table(
    "drafts",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("form", String(100), primary_key=True),
    Column("values", Sealed, nullable=False),
    Column("saved_at", Instant, nullable=False),
)

PUBLIC_WORDS = '"user" IS NULL AND args IS NOT NULL'  # rows whose words are forgotten once they were said

# Everything said unprompted. A row is claimed by moving ``ready_at`` one lease ahead.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(25), nullable=False, unique=True),  # a Discord nonce has at most 25 characters
    Column("kind", String(64), nullable=False),
    Column("verb", String(8), nullable=False),  # post, dm, edit, delete
    Column("user", String(200)),
    Column("place", Text),
    Column("subject", String(64)),  # keyed token of what it is about, to find and cancel it
    Column("args", Sealed),
    Column("due_at", Instant, nullable=False),  # when it was meant for; ready_at moves, this does not
    Column("ready_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("state", String(12), nullable=False, server_default="ready"),
    Column("lease", String(32)),
    Column("lead", Number),  # the row in whose message this one is folded
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("tried_at", Instant),  # first try whose end nobody knows: look before sending again
    Column("message", Text),
    Column("error", String(200)),
    Column("done_at", Instant),
    Column("lane", Integer, nullable=False, server_default="2"),  # ``bot.rows.Lane``: what comes first
    # With the id: else PostgreSQL would read and sort all that is due at one time, for each claim.
    _partial("ix_outbox_ready", "lane", "ready_at", "id", where="state = 'ready'"),
    # A claim changes nothing in these, and what says NULL is not in them.
    _partial("ix_outbox_user_state", "user", "state", "done_at", "due_at"),
    _partial("ix_outbox_subject", "subject"),
    _partial("ix_outbox_done", "done_at"),
    _partial("ix_outbox_words", "done_at", where=f"done_at IS NOT NULL AND {PUBLIC_WORDS}"),
)

# One no. ``author`` is the sealed user key: needed to answer its owner, unreadable without the key.
rejections = Table(
    "rejections",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("author", Sealed, nullable=False),
    Column("community", String(100), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("sign", String(12), nullable=False),
    Column("wish", String(12), nullable=False),
    Column("where", Sealed),
    Column("story", Sealed),
    Column("shared_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),  # private, posting, posted, deleted
    Column("post", Text),
    Column("thread", String(100), index=True),
    Column("replies", Integer, nullable=False, server_default="0"),
    Column("muted", Boolean, nullable=False, server_default=false()),  # its author wants no word of replies
    Index("ix_rejections_community_shared", "community", "shared_at"),
)

# "You're not alone": one per person and post.
solidarity = Table(
    "solidarity",
    metadata,
    Column("rejection", String(16), ForeignKey("rejections.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(64), primary_key=True, index=True),
    Column("at", Instant, nullable=False),
)

# Kind words handed to the bot for a thread. The words themselves are in the thread, not here.
encouragements = Table(
    "encouragements",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("rejection", String(16), ForeignKey("rejections.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(64), nullable=False, index=True),
    Column("at", Instant, nullable=False),
)

# A person's name inside one thread.
pseudonyms = Table(
    "pseudonyms",
    metadata,
    Column("rejection", String(16), ForeignKey("rejections.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(64), primary_key=True, index=True),
    Column("name", String(60), nullable=False),
    UniqueConstraint("rejection", "name"),
)

# Who may not post anonymously for now, by a token that says nothing else about them.
blocks = Table(
    "blocks",
    metadata,
    Column("community", String(100), primary_key=True),
    Column("token", String(64), primary_key=True),
    Column("name", String(60), nullable=False),  # the pseudonym that was blocked, for the list
    Column("at", Instant, nullable=False),
)

# Daily motivation: local wall time and days; the zone is the person's.
motivation = Table(
    "motivation",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("at", String(5), nullable=False),
    Column("days", String(14), nullable=False),  # weekdays as digits, Monday is 0
    Column("themes", String(200), nullable=False, server_default=""),
    Column("active", Boolean, nullable=False),
    sqlite_with_rowid=False,  # one tree, ordered by person
)

# Prompts that a person has had (``seen``) and what they thought of them (1 a heart, -1 not for me).
prompts = Table(
    "prompts",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("prompt", String(40), primary_key=True),
    Column("seen", Boolean, nullable=False),
    Column("liked", Integer, nullable=False, server_default="0"),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,  # one tree, ordered by person
)

# The local web chat is its own chat server; these are its messages.
web_messages = Table(
    "web_messages",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(64), unique=True),
    Column("channel", String(64), nullable=False),
    Column("thread", Number),  # the message it hangs under
    Column("author", String(64), nullable=False),  # a person's id, or "bounceback"
    Column("only_for", String(64)),
    Column("body", Sealed, nullable=False),
    Column("at", Instant, nullable=False),
    Column("edited_at", Instant),
    Index("ix_web_messages_channel", "channel", "id"),
)
web_state = Table(
    "web_state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# Discord: where a person was last seen and their direct message channel, by their id there.
discord_people = Table(
    "discord_people",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("community", String(20), nullable=False, server_default=""),
    Column("dm", String(20), nullable=False, server_default=""),
)
# The threads that the bot opened: only replies in these are looked at.
discord_threads = Table(
    "discord_threads",
    metadata,
    Column("thread", String(20), primary_key=True),
    Column("community", String(20), nullable=False),
    Column("channel", String(20), nullable=False),
)
# What the platform remembers for itself: the registered commands, opened rooms, when an organiser was told.
discord_state = Table(
    "discord_state",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("value", Text, nullable=False),
)

# Slack: a person's direct message channel, and whether they ever opened the App Home; ``id`` is team/user.
slack_people = Table(
    "slack_people",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dm", String(20), nullable=False, server_default=""),
    Column("home", Boolean, nullable=False, server_default=false()),
)
# The workspaces that installed the bot through OAuth, each with its sealed bot token.
slack_installations = Table(
    "slack_installations",
    metadata,
    Column("team", String(20), primary_key=True),
    Column("name", String(200), nullable=False, server_default=""),
    Column("token", Sealed, nullable=False),
    Column("bot_user", String(20), nullable=False, server_default=""),
    Column("bot_id", String(20), nullable=False, server_default=""),
    Column("scopes", Text, nullable=False, server_default=""),
    Column("installed_at", Instant, nullable=False),
)
# OAuth states that were handed out and not used yet.
slack_states = Table(
    "slack_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expires_at", Instant, nullable=False),
)


@event.listens_for(metadata, "before_create")
def _partial_there_too(target: MetaData, connection: Connection, **_: Any) -> None:
    """Indexes hold the same rows on PostgreSQL; to say so above would load its dialect everywhere, 2 MiB."""
    if connection.dialect.name == "postgresql":
        for index in (index for table in target.tables.values() for index in table.indexes):
            if (those := index.dialect_options["sqlite"]["where"]) is not None:
                index.dialect_options["postgresql"]["where"] = those

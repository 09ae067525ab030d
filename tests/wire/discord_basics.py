"""The small things of a Discord: permissions, ids, roles, tags, files, and how it renders them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag
from typing import Any

from bot.clock import Clock

EPOCH = 1_420_070_400_000
"""Milliseconds of Discord's epoch, the first instant of 2015."""


Json = dict[str, Any]


TEXT, DM, VOICE, CATEGORY, ANNOUNCEMENT, STAGE, FORUM = 0, 1, 2, 4, 5, 13, 15
ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12
THREADS = (ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD)

SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
SUPPRESS_NOTIFICATIONS, COMPONENTS_V2 = 1 << 12, 1 << 15


class Permit(IntFlag):
    """The permission bits that matter to a bot that talks (docs: topics/permissions)."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38


ALL = (1 << 53) - 1
"""What an administrator or an owner may: every bit."""


EVERYONE = (
    Permit.VIEW_CHANNEL
    | Permit.SEND_MESSAGES
    | Permit.ADD_REACTIONS
    | Permit.EMBED_LINKS
    | Permit.ATTACH_FILES
    | Permit.READ_MESSAGE_HISTORY
    | Permit.USE_EXTERNAL_EMOJIS
    | Permit.USE_APPLICATION_COMMANDS
    | Permit.CREATE_PUBLIC_THREADS
    | Permit.CREATE_PRIVATE_THREADS
    | Permit.SEND_MESSAGES_IN_THREADS
    | Permit.CHANGE_NICKNAME
)
"""What a new guild lets everybody do."""


IMPLIED = Permit.MENTION_EVERYONE | Permit.EMBED_LINKS | Permit.ATTACH_FILES | Permit.SEND_MESSAGES_IN_THREADS


def stamp(at: datetime) -> str:
    """An instant as Discord writes it: ISO 8601, UTC, with an offset."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Ids:
    """Snowflakes of a clock: they only grow, whatever the clock does."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._last, self._guilds = clock, 0, 0

    def next(self) -> int:
        """A new id, dated now."""
        now = int(self._clock.now().timestamp() * 1000) - EPOCH
        self._last = max(now << 22, self._last + 1)
        return self._last

    def guild(self) -> int:
        """An id of a guild founded in 2020; a millisecond apart, so that they spread over shards."""
        self._guilds += 1
        return (1_577_836_800_000 - EPOCH + self._guilds) << 22


@dataclass(slots=True, eq=False)
class Role:
    """A role of a guild; the role with the guild's id is everyone. An app manages one with ``tags``."""

    id: int
    name: str
    permissions: int = 0
    position: int = 1
    mentionable: bool = False
    bot: int = 0
    color: int = 0
    hoist: bool = False
    tags: Json | None = None

    def json(self) -> Json:
        """A role object."""
        tags = {"bot_id": str(self.bot)} if self.bot else self.tags
        return ({"tags": tags} if tags else {}) | {
            "id": str(self.id),
            "name": self.name,
            "color": self.color,
            "colors": {"primary_color": self.color, "secondary_color": None, "tertiary_color": None},
            "hoist": self.hoist,
            "icon": None,
            "unicode_emoji": None,
            "position": self.position,
            "permissions": str(int(self.permissions)),
            "managed": bool(tags),
            "mentionable": self.mentionable,
            "flags": 0,
        }


@dataclass(slots=True, eq=False)
class Overwrite:
    """What a channel changes for a role (kind 0) or a member (kind 1)."""

    id: int
    kind: int
    allow: int = 0
    deny: int = 0

    def json(self) -> Json:
        """A permission overwrite object."""
        out = {"id": str(self.id), "type": self.kind}
        return out | {"allow": str(int(self.allow)), "deny": str(int(self.deny))}


@dataclass(slots=True, eq=False)
class Tag:
    """A tag of a forum; a ``moderated`` one is set by moderators only."""

    id: int
    name: str
    moderated: bool = False

    def json(self) -> Json:
        """A forum tag object."""
        out = {"id": str(self.id), "name": self.name, "moderated": self.moderated}
        return out | {"emoji_id": None, "emoji_name": None}


@dataclass(frozen=True, slots=True)
class Pings:
    """Whom a message notifies, after allowed_mentions."""

    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


@dataclass(slots=True, eq=False)
class File:
    """An attachment and its bytes."""

    id: int
    name: str
    data: bytes
    kind: str
    url: str
    description: str | None = None
    size: tuple[int, int] | None = None  # width, height
    ephemeral: bool = False

    def json(self) -> Json:
        """An attachment object."""
        out: Json = {
            "id": str(self.id),
            "filename": self.name,
            "size": len(self.data),
            "url": self.url,
            "proxy_url": self.url,
            "content_type": self.kind,
        }
        if self.description:
            out["description"] = self.description
        if self.size:
            out["width"], out["height"] = self.size
        return out | ({"ephemeral": True} if self.ephemeral else {})

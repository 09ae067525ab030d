"""What a Discord is made of: people, guilds, roles, channels, threads, messages, and how it renders them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.wire import discord_extras
from tests.wire.discord_basics import (
    ALL,
    FORUM,
    IMPLIED,
    PRIVATE_THREAD,
    STAGE,
    VOICE,
    Json,
    Overwrite,
    Permit,
    Role,
    Tag,
    stamp,
)
from tests.wire.discord_post import Message as Message
from tests.wire.discord_post import flat as flat


@dataclass(slots=True, eq=False)
class Person:
    """A user. ``dms_open`` is whether they take direct messages from the bot."""

    id: int
    name: str
    shown: str = ""
    bot: bool = False
    locale: str = "en-US"
    dms_open: bool = True
    dm: Channel | None = None

    def json(self) -> Json:
        """A user object."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": self.shown or None,
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }


@dataclass(slots=True, eq=False)
class Member:
    """Somebody in a guild."""

    person: Person
    joined: str
    roles: list[int] = field(default_factory=list[int])
    nick: str | None = None

    def json(self, permissions: int | None = None, *, user: bool = True) -> Json:
        """A member object, for interactions with the permissions in the channel."""
        out: Json = {
            "roles": [str(role) for role in self.roles],
            "nick": self.nick,
            "avatar": None,
            "banner": None,
            "joined_at": self.joined,
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None,
        }
        if user:
            out["user"] = self.person.json()
        if permissions is not None:
            out["permissions"] = str(permissions)
        return out


@dataclass(slots=True, eq=False)
class Guild:
    """A server. ``voice`` is who is in which voice channel; ``furnished``: see ``discord_community``."""

    id: int
    name: str
    owner: int
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    channels: dict[int, Channel] = field(default_factory=dict[int, "Channel"])
    threads: dict[int, Channel] = field(default_factory=dict[int, "Channel"])
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    count: int = 1  # members in all; most are never named
    joined: str = ""
    voice: dict[int, int] = field(default_factory=dict[int, int])
    furnished: bool = False

    @property
    def everyone(self) -> Role:
        """The role that everybody has."""
        return self.roles[self.id]

    def bot_role(self) -> Role:
        """The role that came with the bot; its permissions are what it was invited with."""
        return next(role for role in self.roles.values() if role.bot)

    def channel(self, name: str) -> Channel:
        """The first channel of that name; KeyError if there is none."""
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        raise KeyError(name)

    def permissions(self, user: int, channel: Channel | None = None) -> int:
        """What somebody may do here, or in a channel (docs: topics/permissions, overwrites)."""
        member = self.members.get(user)
        if user == self.owner:
            return ALL
        may = int(self.everyone.permissions)
        for role in member.roles if member else ():
            if role in self.roles:
                may |= int(self.roles[role].permissions)
        if may & Permit.ADMINISTRATOR:
            return ALL
        return self._overwritten(may, member, channel) if channel is not None else may

    def _overwritten(self, may: int, member: Member | None, channel: Channel) -> int:
        rules = (channel.parent or channel).overwrites if channel.is_thread else channel.overwrites
        if rules:
            if everyone := rules.get(self.id):
                may = may & ~everyone.deny | everyone.allow
            mine = [rules[role] for role in member.roles if role in rules] if member else []
            deny = allow = 0
            for rule in mine:
                deny, allow = deny | rule.deny, allow | rule.allow
            may = may & ~deny | allow
            if member and (own := rules.get(member.person.id)):
                may = may & ~own.deny | own.allow
        if not may & Permit.VIEW_CHANNEL:
            return 0
        if not channel.is_thread and not may & Permit.SEND_MESSAGES:
            may &= ~int(IMPLIED)
        return may

    def json(self, *, now: datetime, bot: int, full: bool = True) -> Json:
        """A guild object; ``full`` adds what only GUILD_CREATE has."""
        out: Json = {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "description": None,
            "owner_id": str(self.owner),
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "roles": [role.json() for role in self.roles.values()],
            "emojis": [],
            "stickers": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "public_updates_channel_id": None,
            "vanity_url_code": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": self.locale,
            "nsfw_level": 0,
            "premium_progress_bar_enabled": False,
            "max_members": 500_000,
            "region": "deprecated",
            "incidents_data": None,
        }
        if self.furnished:
            out |= discord_extras.guild_json(self)
        if full:
            here = [member for id, member in self.members.items() if id == bot or id in self.voice]
            out |= {
                "joined_at": self.joined,
                "large": self.count > 250,
                "unavailable": False,
                "member_count": self.count,
                "members": [member.json() for member in here],
                "channels": [channel.json(now) for channel in self.channels.values()],
                "threads": [
                    thread.json(now, bot)
                    for thread in self.threads.values()
                    if not thread.archived(now) and thread.seen_by(bot)
                ],
                "voice_states": [],
                "presences": [],
                "stage_instances": [],
                "guild_scheduled_events": [],
                "soundboard_sounds": [],
            }
            if self.furnished:
                out |= discord_extras.create_json(self)
        return out


@dataclass(slots=True, eq=False)
class ThreadState:
    """What only threads have. ``active`` is the last sign of life, ``duration`` in minutes."""

    owner: int
    active: datetime
    created: datetime
    duration: int = 1440
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    members: dict[int, str] = field(default_factory=dict[int, str])
    tags: list[int] = field(default_factory=list[int])
    sent: int = 0


@dataclass(slots=True, eq=False)
class Channel:
    """A channel, a thread or a direct message channel."""

    id: int
    kind: int
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    tags: list[Tag] = field(default_factory=list[Tag])
    flags: int = 0
    topic: str | None = None
    position: int = 0
    recipient: Person | None = None
    thread: ThreadState | None = None
    messages: dict[int, Message] = field(default_factory=dict[int, Message])
    last: int | None = None

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread."""
        return self.thread is not None

    @property
    def state(self) -> ThreadState:
        """What only a thread has."""
        assert self.thread is not None, f"{self.name} is no thread"
        return self.thread

    def archived(self, now: datetime) -> bool:
        """Whether a thread is archived: by hand, or because nothing happened for its duration."""
        state = self.state
        return state.archived or now - state.active >= timedelta(minutes=state.duration)

    def permissions(self, user: int) -> int:
        """What somebody may do here; everything that goes in a direct message."""
        return self.guild.permissions(user, self) if self.guild else ALL & ~int(Permit.ADMINISTRATOR)

    def seen_by(self, user: int) -> bool:
        """Whether somebody can open this channel: a private thread is only its members' (and moderators')."""
        if self.guild is None:
            return True
        may = self.permissions(user)
        if not may & Permit.VIEW_CHANNEL:
            return False
        return self.kind != PRIVATE_THREAD or user in self.state.members or bool(may & Permit.MANAGE_THREADS)

    def json(self, now: datetime, reader: int | None = None) -> Json:
        """A channel object; for a thread that ``reader`` is in, with their membership."""
        out: Json = {
            "id": str(self.id),
            "type": self.kind,
            "flags": self.flags,
            "last_message_id": str(self.last) if self.last else None,
        }
        if self.guild is None:
            assert self.recipient is not None
            return out | {"recipients": [self.recipient.json()]}
        out |= {"guild_id": str(self.guild.id), "name": self.name, "rate_limit_per_user": 0}
        out["parent_id"] = str(self.parent.id) if self.parent else None
        if self.thread is not None:
            return out | self._thread_json(self.thread, now, reader)
        out |= {
            "position": self.position,
            "permission_overwrites": [each.json() for each in self.overwrites.values()],
            "nsfw": False,
            "topic": self.topic,
        }
        if self.kind in (VOICE, STAGE):
            out |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
        if self.kind == FORUM:
            out |= {
                "available_tags": [tag.json() for tag in self.tags],
                "default_reaction_emoji": None,
                "default_sort_order": None,
                "default_forum_layout": 0,
                "template": "",
            }
        return out

    def _thread_json(self, state: ThreadState, now: datetime, reader: int | None) -> Json:
        out: Json = {
            "owner_id": str(state.owner),
            "message_count": len(self.messages),
            "member_count": min(50, len(state.members)),
            "total_message_sent": state.sent,
            "thread_metadata": {
                "archived": self.archived(now),
                "archive_timestamp": stamp(state.active),
                "auto_archive_duration": state.duration,
                "locked": state.locked,
                "create_timestamp": stamp(state.created),
            },
        }
        if self.kind == PRIVATE_THREAD:
            out["thread_metadata"]["invitable"] = state.invitable
        if self.parent is not None and self.parent.kind == FORUM:
            out["applied_tags"] = [str(tag) for tag in state.tags]
        if reader in state.members:
            out["member"] = self.member_json(reader)
        return out

    def member_json(self, user: int) -> Json:
        """A thread member object."""
        joined = self.state.members[user]
        return {"id": str(self.id), "user_id": str(user), "join_timestamp": joined, "flags": 0}

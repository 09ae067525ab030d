"""Making the place: guilds, channels, roles, people, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import (
    DM,
    EVERYONE,
    FORUM,
    TEXT,
    Ids,
    Json,
    Overwrite,
    Permit,
    Role,
    Tag,
    stamp,
)
from tests.wire.discord_community import furnish
from tests.wire.discord_errors import refusal
from tests.wire.discord_model import Channel, Guild, Member, Message, Person
from tests.wire.waiting import Waiting

if TYPE_CHECKING:
    from tests.wire.discord_gateway import Gateway

BOT_PERMISSIONS = int(
    Permit.VIEW_CHANNEL
    | Permit.SEND_MESSAGES
    | Permit.SEND_MESSAGES_IN_THREADS
    | Permit.CREATE_PUBLIC_THREADS
    | Permit.CREATE_PRIVATE_THREADS
    | Permit.MANAGE_THREADS
    | Permit.EMBED_LINKS
    | Permit.ATTACH_FILES
    | Permit.READ_MESSAGE_HISTORY
)
"""What the bot was invited with, unless a test says otherwise."""


class World(Waiting):
    """The people and places of a fake Discord. Everything is found by id in one step."""

    gateway: Gateway

    def __init__(self, ids: Ids, permissions: int) -> None:
        super().__init__()
        self.ids, self._permissions = ids, int(permissions)
        self.people: dict[int, Person] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self._shared: dict[int, int] = {}  # person -> how many guilds they share with the bot
        self.bot = self._new_person("bounceback", bot=True)
        self.owner = self._new_person("owner")

    def now(self) -> datetime:
        """The present instant."""
        raise NotImplementedError

    # --- guilds ----------------------------------------------------------------------------------

    @property
    def guild(self) -> Guild:
        """The first guild."""
        return next(iter(self.guilds.values()))

    def add_guild(
        self,
        name: str = "",
        *,
        channels: Sequence[str] = ("general",),
        roles: int = 0,
        members: int = 1,
        locale: str = "en-US",
        with_bot: bool = True,
        furnished: bool = False,
    ) -> Guild:
        """A guild with text channels, that many more roles, and a number of members nobody has named.

        A ``furnished`` one has all that a community's server has beside (``discord_community.furnish``),
        and not only text channels.
        """
        id = self.ids.guild()
        guild = Guild(id, name or f"Guild {len(self.guilds) + 1}", self.owner.id, locale, count=members)
        guild.roles[id] = Role(id, "@everyone", int(EVERYONE), 0)
        guild.joined = stamp(self.now())
        for number in range(roles):
            role = Role(self.ids.next(), f"role {number + 1}", 0, number + 1)
            guild.roles[role.id] = role
        self.guilds[id] = guild
        guild.members[self.owner.id] = Member(self.owner, guild.joined)
        for at, each in enumerate(channels):
            channel = Channel(self.ids.next(), TEXT, each, guild, position=at)
            guild.channels[channel.id] = self.channels[channel.id] = channel
        if furnished:
            furnish(self, guild)
        if with_bot:
            self.add_bot(guild)
        return guild

    def add_guilds(self, count: int, **each: Any) -> list[Guild]:
        """Many guilds; see ``add_guild``."""
        return [self.add_guild(**each) for _ in range(count)]

    def populate(self, guild: Guild, count: int) -> None:
        """Give a guild that many members with names, for what asks for member lists."""
        for _ in range(count):
            self.person(f"member{len(self.people)}", guild)

    def add_bot(self, guild: Guild, permissions: int | None = None) -> None:
        """Invite the bot, with a role of its own."""
        may = self._permissions if permissions is None else int(permissions)
        role = Role(self.ids.next(), self.bot.name, may, len(guild.roles), bot=self.bot.id)
        guild.roles[role.id] = role
        guild.members[self.bot.id] = Member(self.bot, stamp(self.now()), [role.id])
        guild.count += 1
        for person in guild.members:
            self._shared[person] = self._shared.get(person, 0) + 1
        if hasattr(self, "gateway") and self.gateway.sessions:
            self.gateway.emit(
                "GUILD_CREATE", guild.json(now=self.now(), bot=self.bot.id), guild=guild, intent=1
            )

    def remove_bot(self, guild: Guild) -> None:
        """Throw the bot out."""
        member = guild.members.pop(self.bot.id)
        for role in member.roles:
            guild.roles.pop(role, None)
        guild.count -= 1
        for person in guild.members:
            self._shared[person] -= 1
        self.gateway.emit("GUILD_DELETE", {"id": str(guild.id)}, guild=guild, intent=1)
        self.wake()

    def joined_guild(self, id: int) -> Guild:
        """A guild that the bot is in; refused with 10004."""
        guild = self.guilds.get(id)
        if guild is None or self.bot.id not in guild.members:
            raise refusal(10004)
        return guild

    def shares_guild(self, person: Person) -> bool:
        """Whether somebody is in a guild with the bot, without which there are no direct messages."""
        return self._shared.get(person.id, 0) > 0

    # --- people ----------------------------------------------------------------------------------

    def _new_person(self, name: str, *, bot: bool = False, shown: str = "", locale: str = "en-US") -> Person:
        person = Person(self.ids.next(), name, shown or name.capitalize(), bot, locale)
        self.people[person.id] = person
        return person

    def person(
        self,
        name: str,
        guild: Guild | None = None,
        *,
        roles: Iterable[Role] = (),
        shown: str = "",
        locale: str = "en-US",
        dms_open: bool = True,
        joins: bool = True,
    ) -> Person:
        """Somebody new, in a guild (the first one unless told) with some roles."""
        person = self._new_person(name, shown=shown, locale=locale)
        person.dms_open = dms_open
        if joins and self.guilds:
            self.join(person, guild or self.guild, roles)
        return person

    def join(self, person: Person, guild: Guild, roles: Iterable[Role] = ()) -> Member:
        """Somebody enters a guild."""
        member = Member(person, stamp(self.now()), [role.id for role in roles])
        if person.id not in guild.members and self.bot.id in guild.members:
            self._shared[person.id] = self._shared.get(person.id, 0) + 1
        guild.members[person.id] = member
        guild.count += 1
        return member

    def leave(self, person: Person, guild: Guild) -> None:
        """Somebody leaves a guild."""
        if guild.members.pop(person.id, None) is not None:
            guild.count -= 1
            if self.bot.id in guild.members:
                self._shared[person.id] -= 1

    def role(
        self, name: str, guild: Guild | None = None, *, permissions: int = 0, mentionable: bool = False
    ) -> Role:
        """A new role."""
        guild = guild or self.guild
        role = Role(self.ids.next(), name, int(permissions), len(guild.roles), mentionable)
        guild.roles[role.id] = role
        return role

    def allow_bot(self, permissions: int, guild: Guild | None = None) -> None:
        """Set what the bot's own role may do."""
        (guild or self.guild).bot_role().permissions = int(permissions)

    # --- channels --------------------------------------------------------------------------------

    def channel(
        self, name: str, guild: Guild | None = None, *, kind: int = TEXT, tags: Sequence[str] = ()
    ) -> Channel:
        """The channel of that name in a guild, made if there is none."""
        guild = guild or self.guild
        for channel in guild.channels.values():
            if channel.name == name and channel.kind == kind:
                return channel
        channel = Channel(self.ids.next(), kind, name, guild, position=len(guild.channels))
        channel.tags = [Tag(self.ids.next(), tag) for tag in tags]
        guild.channels[channel.id] = self.channels[channel.id] = channel
        self.gateway.emit("CHANNEL_CREATE", channel.json(self.now()), guild=guild, intent=1)
        self.wake()
        return channel

    def forum(
        self, name: str, guild: Guild | None = None, *, tags: Sequence[str] = (), require_tag: bool = False
    ) -> Channel:
        """A forum with tags."""
        forum = self.channel(name, guild, kind=FORUM, tags=tags)
        forum.flags = 1 << 4 if require_tag else 0
        return forum

    def overwrite(self, channel: Channel, who: Role | Person, *, allow: int = 0, deny: int = 0) -> None:
        """What a channel changes for a role or a person; nothing at all lifts it."""
        assert channel.guild is not None
        if allow or deny:
            kind = 0 if isinstance(who, Role) else 1
            rule = {who.id: Overwrite(who.id, kind, int(allow), int(deny))}
        else:
            rule = {}
        # A new one: channels of a furnished guild share theirs.
        channel.overwrites = {id: each for id, each in channel.overwrites.items() if id != who.id} | rule
        self.gateway.emit("CHANNEL_UPDATE", channel.json(self.now()), guild=channel.guild, intent=1)

    def forbid(self, channel: Channel, *permits: Permit) -> None:
        """Take permissions from the bot in a channel (nothing: give all back)."""
        deny = 0
        for permit in permits:
            deny |= permit
        self.overwrite(channel, self.bot, deny=deny)

    def delete_channel(self, channel: Channel) -> None:
        """A channel or thread goes, with everything in it."""
        guild = channel.guild
        assert guild is not None
        self.channels.pop(channel.id, None)
        if channel.is_thread:
            guild.threads.pop(channel.id, None)
            out: Json = {"id": str(channel.id), "guild_id": str(guild.id), "type": channel.kind}
            out["parent_id"] = str(channel.parent.id) if channel.parent else None
            self.gateway.emit("THREAD_DELETE", out, guild=guild, intent=1)
        else:
            guild.channels.pop(channel.id, None)
            for thread in [each for each in guild.threads.values() if each.parent is channel]:
                guild.threads.pop(thread.id)
                self.channels.pop(thread.id, None)
            self.gateway.emit("CHANNEL_DELETE", channel.json(self.now()), guild=guild, intent=1)
        self.wake()

    def dm_channel(self, person: Person) -> Channel:
        """The direct messages with somebody, opened if there were none."""
        if person.dm is None:
            person.dm = Channel(self.ids.next(), DM, recipient=person)
            self.channels[person.dm.id] = person.dm
        return person.dm

    # --- threads ---------------------------------------------------------------------------------

    def add_thread(self, thread: Channel) -> None:
        """A thread begins."""
        assert thread.guild is not None
        thread.guild.threads[thread.id] = self.channels[thread.id] = thread
        self.tell_thread("THREAD_CREATE", thread, new=True)
        self.wake()

    def tell_thread(self, event: str, thread: Channel, *, new: bool = False) -> None:
        """Tell the bot of a thread that it may see."""
        if thread.seen_by(self.bot.id):
            out = thread.json(self.now(), self.bot.id)
            self.gateway.emit(
                event, out | ({"newly_created": True} if new else {}), guild=thread.guild, intent=1
            )

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        """A moderator archives a thread (and locks it)."""
        thread.state.archived, thread.state.locked = True, locked
        self.tell_thread("THREAD_UPDATE", thread)

    def join_thread(self, thread: Channel, person: Person) -> None:
        """Somebody is in a thread from now on."""
        if person.id not in thread.state.members:
            thread.state.members[person.id] = stamp(self.now())
            self._tell_members(thread, person, added=True)
            self.wake()

    def leave_thread(self, thread: Channel, person: Person) -> None:
        """Somebody leaves a thread."""
        if thread.state.members.pop(person.id, None):
            self._tell_members(thread, person, added=False)
            self.wake()

    def _tell_members(self, thread: Channel, person: Person, *, added: bool) -> None:
        assert thread.guild is not None
        out: Json = {"id": str(thread.id), "guild_id": str(thread.guild.id)}
        out["member_count"] = min(50, len(thread.state.members))
        if added:
            out["added_members"] = [thread.member_json(person.id)]
        else:
            out["removed_member_ids"] = [str(person.id)]
        intent = 1 if person is self.bot else 1 << 1
        self.gateway.emit("THREAD_MEMBERS_UPDATE", out, guild=thread.guild, intent=intent)

    def post(self, channel: Channel, id: int) -> Message:
        """A message of a channel, by id; KeyError if there is none."""
        return channel.messages[id]

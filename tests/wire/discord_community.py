"""A server that a community lives in: what it has beside channels, roles and people with bare names.

What a bot that caches servers pays for is what GUILD_CREATE brings, and a server of fifty channels brings
more than their names. So that memory is measured on servers as they are, a furnished one has, in the shapes
of Discord's reference (resources: guild, channel, emoji, sticker, voice; events: GUILD_CREATE):

- its channels in categories, a voice channel for every six, one stage, one announcement channel and one
  forum with tags; topics on two text channels of three; three permission overwrites each on average
  (everyone and roles: a public channel two, a read-only one three, the staff's four);
- its roles with colours, a few of them shown apart, a few that belong to other bots;
- 30 emojis, 4 stickers and 4 sounds of its own, a description, pictures and a community's features;
- 3 active threads, and 4 people in voice: beside the bot itself the only members that are sent to a bot
  without the members intent. Presences are sent to nobody without theirs.

These numbers are choices, in the middle of what such servers have; nothing in them is there to make a figure
larger: no events, no stage under way, no icons of roles, and nobody's picture.

Ten thousand such servers must fit into one process and start within seconds: what channels share is one
object, and what nobody ever asks for by id (emojis, stickers, sounds) is made when it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.wire.discord_basics import (
    ANNOUNCEMENT,
    CATEGORY,
    FORUM,
    PUBLIC_THREAD,
    STAGE,
    TEXT,
    VOICE,
    Overwrite,
    Permit,
    Role,
    Tag,
)
from tests.wire.discord_model import Channel, Guild, ThreadState

if TYPE_CHECKING:
    from tests.wire.discord_world import World

THREADS, TALKING, TAGS = 3, 4, 5
STAFF = 4  # roles of those who look after the place
APPS = 4  # roles that came with other bots
TOPIC = "Read the pinned messages first, be kind, and keep to what this channel is about."
SEEING = int(Permit.VIEW_CHANNEL)
WRITING = int(Permit.SEND_MESSAGES | Permit.SEND_MESSAGES_IN_THREADS | Permit.ADD_REACTIONS)
MODERATING = int(Permit.MANAGE_MESSAGES | Permit.MANAGE_THREADS)
Rules = dict[int, Overwrite]


def furnish(world: World, guild: Guild) -> None:
    """Make a guild that has its channels and roles such a server; it needs at least eight roles."""
    roles = [role for role in guild.roles.values() if role.id != guild.id and not role.bot]
    for number, role in enumerate(roles):
        role.color = (number * 0x1F3D7B + 0x3498DB) % 0x1000000
        role.hoist = number % 5 == 0
        role.permissions = MODERATING if number < STAFF else WRITING
    for role in roles[-APPS:]:
        role.tags = {"bot_id": str(role.id - 1)}
    channels = list(guild.channels.values())
    public, read, closed = _rules(guild, roles)
    _arrange(channels, (public, read, closed), world)
    lively = [each for each in channels if each.kind == TEXT and each.overwrites is public]
    _threads(world, lively[:THREADS])
    for channel in [each for each in channels if each.kind == VOICE][:2]:
        for _ in range(TALKING // 2):
            person = world.person(f"member{len(world.people)}", guild, roles=roles[5:8])
            guild.voice[person.id] = channel.id
    guild.furnished = True


def _rules(guild: Guild, roles: Sequence[Role]) -> tuple[Rules, Rules, Rules]:
    """The overwrites of a public channel, of one to read, and of the staff's own."""
    staff, muted = roles[:STAFF], roles[STAFF]
    public = {muted.id: Overwrite(muted.id, 0, 0, WRITING), staff[0].id: Overwrite(staff[0].id, 0, WRITING)}
    read = {guild.id: Overwrite(guild.id, 0, SEEING, WRITING)}
    read |= {role.id: Overwrite(role.id, 0, WRITING) for role in staff[:2]}
    closed = {guild.id: Overwrite(guild.id, 0, 0, SEEING)}
    closed |= {role.id: Overwrite(role.id, 0, SEEING | WRITING) for role in staff[:3]}
    return public, read, closed


def _arrange(channels: Sequence[Channel], rules: tuple[Rules, Rules, Rules], world: World) -> None:
    """Categories with their channels below; every third is public, to read, or the staff's, in turns."""
    category: Channel | None = None
    for number, channel in enumerate(channels):
        channel.overwrites = rules[number % 3]
        if number % 7 == 0:
            channel.kind, category = CATEGORY, channel
            continue
        channel.parent = category
        if number % 7 == 6:
            channel.kind = STAGE if number == 6 else VOICE
            continue
        channel.kind = {1: ANNOUNCEMENT, 2: FORUM}.get(number, TEXT)
        channel.last = world.ids.next()
        channel.topic = None if number % 3 == 1 else f"{channel.name}: {TOPIC}"
        if channel.kind == FORUM:
            channel.tags = [Tag(world.ids.next(), f"tag {each}") for each in range(TAGS)]


def _threads(world: World, channels: Sequence[Channel]) -> None:
    for channel in channels:
        guild = channel.guild
        assert guild is not None
        at = world.now()
        thread = Channel(world.ids.next(), PUBLIC_THREAD, f"About {channel.name}", guild, channel)
        thread.thread = ThreadState(guild.owner, at, at, duration=10_080, sent=40)
        thread.last = world.ids.next()
        guild.threads[thread.id] = world.channels[thread.id] = thread

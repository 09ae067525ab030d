"""What Bounceback may do on a server: each permission with its reason, and what is missing where.

Only what is listed here is asked for; `bounceback invite` and the documentation read this page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import Permissions

Json = dict[str, Any]

# Permission (Discord's name for it in code), how Discord shows it to people, why it is needed.
REASONS: Mapping[str, tuple[str, str]] = {
    "view_channel": ("View Channels", "to see the channels that were chosen for posts"),
    "send_messages": ("Send Messages and Create Posts", "to put up a post, or a forum post"),
    "create_public_threads": ("Create Public Threads", "to open the thread under a post"),
    "send_messages_in_threads": (
        "Send Messages in Threads and Posts",
        "to bring kind words and answers into a thread, and to reopen one that was archived",
    ),
    "create_private_threads": ("Create Private Threads", "to open a room for two people"),
    "read_message_history": (
        "Read Message History",
        "to look for its own post before sending it a second time after an outage",
    ),
    "attach_files": ("Attach Files", "for pictures, and for a text that is too long for a message"),
}

POSTING = ("view_channel", "send_messages", "read_message_history", "attach_files")
THREADS = ("view_channel", "create_public_threads", "send_messages_in_threads")
WITHIN = ("view_channel", "send_messages_in_threads", "read_message_history", "attach_files")
ROOMS = ("view_channel", "create_private_threads", "send_messages_in_threads")

ADMINISTRATOR, MANAGE_GUILD, MANAGE_MESSAGES, MODERATE = 1 << 3, 1 << 5, 1 << 13, 1 << 40


def install_permissions() -> Permissions:
    """Exactly the permissions that are used."""
    return Permissions(**dict.fromkeys(REASONS, True))


def shown(name: str) -> str:
    """A permission as Discord's settings call it."""
    return REASONS[name][0]


def is_moderator(bits: int) -> bool:
    """Whether somebody with these permissions looks after messages or people."""
    return bool(bits & (ADMINISTRATOR | MANAGE_MESSAGES | MODERATE))


def is_admin(bits: int) -> bool:
    """Whether somebody with these permissions runs the server."""
    return bool(bits & (ADMINISTRATOR | MANAGE_GUILD))


def missing(
    needed: Sequence[str], *, guild: str, roles: Sequence[Json], me: Json, channel: Json
) -> list[str]:
    """Which of the ``needed`` permissions a member lacks in a channel (Discord's order of overwrites)."""
    mine = {guild, *me["roles"]}
    bits = 0
    for role in roles:
        if role["id"] in mine:
            bits |= int(role["permissions"])
    if bits & ADMINISTRATOR:
        return []
    rules = {rule["id"]: rule for rule in channel.get("permission_overwrites") or ()}
    for ids in ({guild}, mine - {guild}, {me["user"]["id"]}):
        found = [rules[id] for id in ids if id in rules]
        for rule in found:
            bits &= ~int(rule["deny"])
        for rule in found:
            bits |= int(rule["allow"])
    has = Permissions(bits)
    return [name for name in needed if not getattr(has, name)]

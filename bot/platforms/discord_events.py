"""What Discord sends, as the seam's events.

Every interaction says who, where and in which server, except in a direct message: there the server is
written behind the button's id when the bot sends it (``|`` and the id, where there is room), and else it
is the one the person was last seen in. See docs/decisions/0006-discord-direct-messages.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.chat import Event, Kind, Message, Place, User
from bot.platforms.discord_cards import EPHEMERAL
from bot.platforms.discord_permissions import is_admin, is_moderator
from bot.platforms.discord_store import PLATFORM
from bot.platforms.discord_sync import option_name
from bot.ui import CUSTOM_ID_LIMIT, Button, Command, split_custom_id

Json = dict[str, Any]

COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 2, 3, 4, 5  # interaction types
THREADS = (10, 11, 12)  # channel types: announcement, public, private thread
SPOKEN = (0, 19)  # message types that somebody wrote: a message, a reply
_BEHIND = re.compile(r"(.*)\|([0-9]{15,20})\Z", re.DOTALL)


def person(data: Json) -> Json:
    """The user of an interaction."""
    return data["member"]["user"] if "member" in data else data["user"]


def in_server(data: Json) -> bool:
    """Whether an interaction happened in a server (else in a direct message)."""
    return bool(data.get("guild_id"))


def custom_id(data: Json) -> tuple[str, str]:
    """The id of the button or form of an interaction, and the server written behind it, if one is."""
    told = str(data["data"]["custom_id"])
    if not in_server(data) and (found := _BEHIND.match(told)):
        return found[1], found[2]
    return told, ""


def addressed(custom_id: str, community: str) -> str:
    """A button's or form's id with the server behind it, where there is room."""
    longer = f"{custom_id}|{community}"
    return longer if community and len(longer) <= CUSTOM_ID_LIMIT else custom_id


def buttons(community: str, *, direct: bool) -> Callable[[Button], str]:
    """How the buttons of a card come back from a direct message, or from a server."""
    return lambda button: addressed(button.custom_id, community if direct else "")


def place(data: Json, community: str) -> Place:
    """Where an interaction happened."""
    channel: Json = data.get("channel") or {}
    id = str(data.get("channel_id") or channel.get("id", ""))
    if channel.get("type") in THREADS:
        return Place(PLATFORM, community, str(channel.get("parent_id") or id), id)
    return Place(PLATFORM, community, id)


def private(data: Json) -> bool:
    """Whether only its user sees the message that a button sits on."""
    return not in_server(data) or bool(data.get("message", {}).get("flags", 0) & EPHEMERAL)


def event(
    data: Json,
    community: str,
    kind: Kind,
    name: str,
    *,
    arg: str = "",
    values: Mapping[str, str] | None = None,
) -> Event:
    """An interaction as an event."""
    user, member = person(data), data.get("member", {})
    may, here = int(member.get("permissions", 0)), place(data, community)
    return Event(
        id=str(data["id"]),
        kind=kind,
        name=name,
        user=User(PLATFORM, community, str(user["id"])),
        place=here,
        arg=arg,
        values=values or {},
        message=Message(here, str(data["message"]["id"])) if data.get("message") else None,
        display=member.get("nick") or user.get("global_name") or user["username"],
        locale=data.get("locale") or "en",
        is_moderator=is_moderator(may),
        is_admin=is_admin(may),
    )


def command(data: Json, community: str, declared: Mapping[str, Command]) -> tuple[Event, str]:
    """A slash command, and the option being typed (for completions), by the field's own name.

    ``arg`` is the options' values in the order of their declaration; while typing, what is typed.
    """
    name, given = str(data["data"]["name"]), options(data)
    fields = declared[name].options if name in declared else ()
    values = {
        field.name: str(given[option_name(field)]["value"]) for field in fields if option_name(field) in given
    }
    arg, typing = " ".join(values.values()), ""
    for field in fields:
        if given.get(option_name(field), {}).get("focused"):
            arg, typing = values[field.name], field.name
    return event(data, community, Kind.COMMAND, name, arg=arg, values=values), typing


def options(data: Json) -> dict[str, Json]:
    """The options of a command by name."""
    given: Sequence[Json] = data["data"].get("options") or ()
    return {str(option["name"]): option for option in given}


def press(data: Json, community: str) -> Event:
    """A button."""
    name, arg = split_custom_id(custom_id(data)[0])
    return event(data, community, Kind.PRESS, name, arg=arg)


def submit(data: Json, community: str, values: Mapping[str, str]) -> Event:
    """A form that was handed in."""
    name, arg = split_custom_id(custom_id(data)[0])
    return event(data, community, Kind.SUBMIT, name, arg=arg, values=values)


def spoken(data: Json) -> bool:
    """Whether a message was written by a person."""
    bot = data["author"].get("bot") or data.get("webhook_id")
    return not bot and data.get("type", 0) in SPOKEN


def reply(data: Json, where: Place) -> Event:
    """A message in a thread of ours; what it says is not asked for, and not given."""
    return _words(data, where, Kind.REPLY)


def direct(data: Json, community: str) -> Event:
    """A message to the bot itself; what it says is sent along by Discord, and dropped here."""
    return _words(data, place(data, community), Kind.DIRECT)


def _words(data: Json, where: Place, kind: Kind) -> Event:
    user: Json = data["author"]
    member: Json = data.get("member") or {}
    return Event(
        id=str(data["id"]),
        kind=kind,
        name=kind.value,
        user=User(PLATFORM, where.community, str(user["id"])),
        place=where,
        message=Message(where, str(data["id"])),
        display=member.get("nick") or user.get("global_name") or user.get("username", ""),
        locale="",  # of a message Discord tells none
    )

"""The app manifest: all that Slack has to know of the bot, made from what the cogs declare.

Field names and limits are those of Slack's published schema (github.com/slackapi/manifest-schema, version 1)
and of https://docs.slack.dev/reference/app-manifest. Least privilege: a scope is asked for because a method
that we call, or an event that we listen to, needs it, and for nothing else; tests hold the three together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.ui import Command, Field, LimitError

Json = dict[str, Any]

NAME = "Bounceback"
DESCRIPTION = "You are not alone: peer support for job seekers, right after a no and in the days that follow."
LONG_DESCRIPTION = (
    "After a no, type /rejected. You choose who sees it: everyone here, everyone without your name, or only "
    "you. The community answers, and over the next days the bot gently walks you through what people who "
    "bounce back do: take a breath, thank the interviewer, ask for feedback, look at what happened, remember "
    "what you are good at, get back out there. Replies from the bot are private. /privacy tells who can see "
    "what, and deletes all that is kept about you."
)
COLOR = "#2f4858"
COMMAND_NAME = 32  # characters of a slash command, its slash included
USAGE = 1000
COMMANDS = 50
SHORTCUTS = 10
EVENTS_PATH, REDIRECT_PATH = "/slack/events", "/slack/oauth_redirect"  # as bot.platforms.slack serves them

# What each scope is for, in words for whoever installs the bot; docs/slack.md has the same table.
SCOPES: Mapping[str, str] = {
    "commands": "Slash commands such as /rejected, and the two shortcuts.",
    "chat:write": "Posts, private replies, direct messages; changing and deleting its own messages.",
    "channels:read": "Whether a public channel chosen in /setup is there and can be posted in; who is in it, "
    "if it is the moderators' channel.",
    "groups:read": "The same for private channels that somebody has invited the bot to.",
    "channels:join": "Joining the public channels chosen in /setup by itself.",
    "channels:history": "Noticing that somebody answered in the thread of a post (what they wrote is dropped "
    "unread); looking whether a post is there already before sending it again.",
    "groups:history": "The same for private channels that somebody has invited the bot to.",
    "im:history": "Noticing that somebody wrote to the bot itself, to tell them that nobody reads there "
    "(what they wrote is dropped unread); looking whether a direct message of its own is there already "
    "before sending it again.",
    "im:write": "Opening the direct message in which a person's plan reaches them.",
    "mpim:history": "Looking whether a message of its own is there already in a group that it opened.",
    "mpim:write": "Opening a group direct message for people who want to talk in a small circle.",
    "users:read": "A person's shown name, time zone and language, and whether they are an admin here.",
    "dnd:read": "A person's Do Not Disturb hours, in which it sends them nothing unasked.",
    "files:write": "Uploading the pictures that it draws, such as a chart.",
}
_HISTORY = ("channels:history", "groups:history")
_READ = ("channels:read", "groups:read")
# Every Web API method that bot.platforms.slack* calls with the bot's token, and the scopes it needs there.
METHODS: Mapping[str, tuple[str, ...]] = {
    "auth.test": (),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": (*_HISTORY, "im:history", "mpim:history"),
    "conversations.info": _READ,
    "conversations.join": ("channels:join",),
    "conversations.members": _READ,
    "conversations.open": ("im:write", "mpim:write"),
    "conversations.replies": _HISTORY,
    "dnd.info": ("dnd:read",),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.update": (),
}
EVENTS: Mapping[str, tuple[str, ...]] = {
    "app_home_opened": (),
    "app_uninstalled": (),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "tokens_revoked": (),
}
FEATURES = ("commands",)  # the scopes of slash commands and shortcuts


def manifest(
    commands: Iterable[Command], *, prefix: str = "", url: str = "", socket: bool | None = None
) -> Json:
    """The manifest as JSON, for commands with their words in.

    ``prefix`` starts each slash command. ``url`` is the public address: without it, and where ``socket`` is
    true, the bot calls Slack (Socket Mode); else Slack calls it under that address. With an address, OAuth
    may lead back to it. ``LimitError`` for what Slack would refuse.
    """
    all = list(commands)
    url = url.rstrip("/")
    socket = not url if socket is None else socket
    if not (url or socket):
        raise ValueError("without Socket Mode there must be a public address")
    calls = "" if socket else url + EVENTS_PATH
    events: Json = {"bot_events": sorted(EVENTS)}
    interactivity: Json = {"is_enabled": True}
    oauth: Json = {"scopes": {"bot": sorted(SCOPES)}}
    if calls:
        events = {"request_url": calls, **events}
        interactivity |= {"request_url": calls, "message_menu_options_url": calls}
    if url:
        oauth = {"redirect_urls": [url + REDIRECT_PATH], **oauth}
    return {
        "display_information": {
            "name": NAME,
            "description": DESCRIPTION,
            "long_description": LONG_DESCRIPTION.replace("/rejected", f"/{prefix}rejected").replace(
                "/privacy", f"/{prefix}privacy"
            ),
            "background_color": COLOR,
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": NAME, "always_online": True},
            "shortcuts": _at_most(SHORTCUTS, "shortcuts", _shortcuts(all)),
            "slash_commands": _at_most(
                COMMANDS, "slash commands", [_command(each, prefix, calls) for each in all if each.typed]
            ),
        },
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def _command(command: Command, prefix: str, url: str) -> Json:
    name = f"/{prefix}{command.name}"
    if len(name) > COMMAND_NAME:
        raise LimitError(f"{name} has {len(name)} characters; Slack takes at most {COMMAND_NAME}")
    told: Json = {"command": name, "description": command.description}
    if url:
        told["url"] = url
    if usage := " ".join(_usage(option) for option in command.options):
        if len(usage) > USAGE:
            raise LimitError(f"the usage hint of {name} has {len(usage)} characters; at most {USAGE} fit")
        told["usage_hint"] = usage
    return {**told, "should_escape": False}  # what people type arrives as they typed it


def _usage(option: Field) -> str:
    """What may, or must, stand after the command."""
    label = option.label or option.name
    return f"[{label}]" if option.optional else f"<{label}>"


def _shortcuts(commands: Sequence[Command]) -> list[Json]:
    kinds = (("global", "shortcut"), ("message", "message"))
    return [
        {
            "name": name,
            "type": kind,
            "callback_id": f"{start}:{command.name}",
            "description": command.description,
        }
        for command in commands
        for (kind, start), name in zip(kinds, (command.shortcut, command.on_message), strict=True)
        if name
    ]


def _at_most(limit: int, what: str, items: list[Json]) -> list[Json]:
    if len(items) > limit:
        raise LimitError(f"there are {len(items)} {what}; Slack takes at most {limit}")
    return items

"""Slash commands as Discord registers them, and registering them only when they changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.chat import Dispatch
from bot.platforms.discord_forms import TALKING
from bot.platforms.discord_permissions import MANAGE_GUILD, MANAGE_MESSAGES
from bot.ui import DESCRIPTION_LIMIT, Audience, Command, Field, Kind

Json = dict[str, Any]

# Discord's own list (reference/locales).
LOCALES = re.findall(
    r"\S+",
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th"
    " zh-CN ja zh-TW ko",
)
CHAT_INPUT = 1
STRING, USER, CHANNEL, ATTACHMENT = 3, 6, 7, 11  # option types
IN_SERVERS, IN_DMS = 0, 1  # interaction contexts: a server, the bot's own direct messages
FOR_SERVERS = 0  # installation context: posts and threads need the bot to be a member
TEXT_OPTION_LIMIT = 6000
# Whom Discord offers a command to at first; a server's organisers may change that, so the bot checks anyway.
_OFFERED_TO = {
    Audience.EVERYONE: None,
    Audience.MODERATORS: str(MANAGE_MESSAGES),
    Audience.ORGANISERS: str(MANAGE_GUILD),
}
_TYPES = {Kind.USER: USER, Kind.CHANNEL: CHANNEL, Kind.FILE: ATTACHMENT}


def payload(dispatch: Dispatch) -> list[Json]:
    """All commands, with the words of every language there is."""
    plain = dispatch.commands("en-US")
    others = {locale: dispatch.commands(locale) for locale in LOCALES if locale != "en-US"}
    return [
        _command(command, {locale: commands[index] for locale, commands in others.items()})
        for index, command in enumerate(plain)
    ]


def digest(commands: Sequence[Json]) -> str:
    """What tells one set of commands from another."""
    return hashlib.sha256(json.dumps(commands, sort_keys=True).encode()).hexdigest()


def _command(command: Command, others: Mapping[str, Command]) -> Json:
    options = sorted(range(len(command.options)), key=lambda index: command.options[index].optional)
    return {
        "type": CHAT_INPUT,
        "name": command.name,
        "name_localizations": _differing(command.name, {at: each.name for at, each in others.items()}),
        "description": command.description or command.name,
        "description_localizations": _differing(
            command.description, {at: each.description for at, each in others.items()}
        ),
        "options": [
            _option(command.options[index], {at: each.options[index] for at, each in others.items()})
            for index in options  # Discord wants what is required first
        ],
        "default_member_permissions": _OFFERED_TO[command.audience],
        "contexts": [IN_SERVERS, IN_DMS],
        "integration_types": [FOR_SERVERS],
    }


def option_name(field: Field) -> str:
    """A field's name where no dots are allowed."""
    return field.name.replace(".", "_")


def _option(field: Field, others: Mapping[str, Field]) -> Json:
    option: Json = {
        "type": _TYPES.get(field.kind, STRING),
        "name": option_name(field),
        "description": _about(field),
        "description_localizations": _differing(
            _about(field), {locale: _about(each) for locale, each in others.items()}
        ),
        "required": not field.optional,
    }
    if option["type"] == CHANNEL:
        option["channel_types"] = TALKING
    elif field.choices and field.kind is Kind.CHOICE:
        option["choices"] = [
            {
                "name": choice.label or choice.value,
                "value": choice.value,
                "name_localizations": _differing(
                    choice.label, {locale: each.choices[index].label for locale, each in others.items()}
                ),
            }
            for index, choice in enumerate(field.choices)
        ]
    elif option["type"] == STRING:
        option["max_length"] = min(field.limit, TEXT_OPTION_LIMIT)
        if field.suggest:
            option["autocomplete"] = True
    return option


def _about(field: Field) -> str:
    """An option's one line: its label, and its hint where both fit."""
    label = field.label or field.name
    both = f"{label} – {field.hint}" if field.hint else label
    return both if len(both) <= DESCRIPTION_LIMIT else label


def _differing(plain: str, others: Mapping[str, str]) -> dict[str, str]:
    """The languages in which it reads otherwise: those there are words for."""
    return {locale: text for locale, text in others.items() if text and text != plain}

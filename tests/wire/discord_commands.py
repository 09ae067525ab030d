"""What an application command may look like (docs: interactions/application-commands)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.wire.discord_basics import Json
from tests.wire.discord_errors import Path, Problems, snowflake

COMMANDS_LIMIT = {1: 100, 2: 15, 3: 15}


LOCALES = frozenset(
    {"id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl"}
    | {"pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja"}
    | {"zh-TW", "ko"}
)


NAME = re.compile(r"[-_'\w]{1,32}\Z")


@dataclass(slots=True)
class Command:
    """A registered command, as it is sent back."""

    id: int
    guild: int | None
    data: Json

    @property
    def name(self) -> str:
        """Its name."""
        return self.data["name"]

    @property
    def options(self) -> list[Json]:
        """Its options."""
        return self.data.get("options") or []


def _name_ok(name: Any) -> bool:
    return isinstance(name, str) and bool(NAME.match(name)) and name == name.lower()


def _localized(problems: Problems, data: Json, field: str, path: Path, most: int) -> None:
    texts = data.get(f"{field}_localizations")
    path = (*path, f"{field}_localizations")
    if texts is None or problems.object(texts, path) is None:
        return
    for locale, text in texts.items():
        if locale not in LOCALES:
            problems.add((*path, locale), "BASE_TYPE_CHOICES", "Value must be one of the supported locales.")
        elif not problems.text(text, (*path, locale), most, least=1, needed=True):
            continue
        elif field == "name" and most == 32 and not _name_ok(text):
            problems.add((*path, locale), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def check_command(problems: Problems, data: Any, path: Path = ()) -> None:
    """Note everything wrong with a command (docs: application command structure)."""
    if (command := problems.object(data, path)) is None:
        return
    kind = command.get("type", 1)
    problems.choice(kind, (*path, "type"), (1, 2, 3))
    named = problems.text(command.get("name"), (*path, "name"), 32, least=1, needed=True)
    if named and kind == 1 and not _name_ok(command["name"]):
        problems.add((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    _localized(problems, command, "name", path, 32)
    if kind == 1:
        problems.text(command.get("description"), (*path, "description"), 100, least=1, needed=True)
        _localized(problems, command, "description", path, 100)
        total = (
            _check_options(problems, command, path, 0)
            + len(str(command.get("name")))
            + len(str(command.get("description")))
        )
        if total > 8000:
            message = "Command exceeds maximum size (8000)"
            problems.add(path, "APPLICATION_COMMAND_TOO_LARGE", message)
    elif command.get("description") or command.get("options"):
        message = "Context menu commands cannot have description or options"
        problems.add((*path, "description"), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_SET", message)
    for name, allowed in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        values = problems.array(command.get(name), (*path, name), 3)
        for at, each in enumerate(values):
            problems.choice(each, (*path, name, at), allowed)
        if command.get(name) == []:
            problems.add((*path, name), "BASE_TYPE_MIN_LENGTH", "Must be 1 or more in length.")
    permissions = command.get("default_member_permissions")
    if permissions is not None and snowflake(permissions) is None and permissions not in ("0", 0):
        message = f'Value "{permissions}" is not a permission bit set.'
        problems.add((*path, "default_member_permissions"), "BITFIELD_TYPE_CONVERT", message)
    problems.flag(command.get("nsfw"), (*path, "nsfw"))


def _check_options(problems: Problems, holder: Json, path: Path, depth: int) -> int:
    """The options of a command, group or subcommand; how many characters they count."""
    path, total = (*path, "options"), 0
    options = problems.array(holder.get("options"), path, 25)
    names, optional = set[str](), False
    for at, each in enumerate(options):
        where = (*path, at)
        if (option := problems.object(each, where)) is None:
            continue
        problems.choice(option.get("type"), (*where, "type"), tuple(range(1, 12)), needed=True)
        if problems.text(option.get("name"), (*where, "name"), 32, least=1, needed=True):
            if not _name_ok(option["name"]):
                problems.add((*where, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Option name is invalid")
            if option["name"] in names:
                message = "Option names must be unique"
                problems.add(where, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
            names.add(option["name"])
        problems.text(option.get("description"), (*where, "description"), 100, least=1, needed=True)
        _localized(problems, option, "name", where, 32)
        _localized(problems, option, "description", where, 100)
        total += len(str(option.get("name"))) + len(str(option.get("description")))
        if option.get("type") in (1, 2):
            if depth > 1 or (depth == 1 and option["type"] == 2):
                message = "Sub-command option type not allowed here"
                problems.add(where, "APPLICATION_COMMAND_INVALID_OPTION_TYPE", message)
            total += _check_options(problems, option, where, depth + 1)
            continue
        problems.flag(option.get("required"), (*where, "required"))
        if option.get("required") and optional:
            message = "Required options must be placed before non-required options"
            problems.add(where, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional = optional or not option.get("required")
        total += _check_value(problems, option, where)
    kinds = {option.get("type") in (1, 2) for option in options if isinstance(option, dict)}
    if len(kinds) > 1:
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        problems.add(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    return total


def _check_value(problems: Problems, option: Json, where: Path) -> int:
    """Choices, ranges and autocomplete of one option."""
    total, kind = 0, option.get("type")
    choices = problems.array(option.get("choices"), (*where, "choices"), 25)
    names = set[str]()
    for at, each in enumerate(choices):
        place = (*where, "choices", at)
        if (choice := problems.object(each, place)) is None:
            continue
        problems.text(choice.get("name"), (*place, "name"), 100, least=1, needed=True)
        _localized(problems, choice, "name", place, 100)
        value = choice.get("value")
        if kind == 3:
            problems.text(value, (*place, "value"), 100, least=1, needed=True)
        elif not isinstance(value, int if kind == 4 else (int, float)) or isinstance(value, bool):
            problems.add((*place, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
        if str(choice.get("name")) in names:
            message = "The specified choice name is already used"
            problems.add(place, "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", message)
        names.add(str(choice.get("name")))
        total += len(str(choice.get("name"))) + len(str(value))
    if option.get("autocomplete"):
        if kind not in (3, 4, 10):
            message = "Autocomplete is only for strings and numbers"
            problems.add((*where, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_TYPE", message)
        if option.get("choices"):
            message = "autocomplete may not be set to true if choices are present"
            problems.add((*where, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", message)
    if choices and kind not in (3, 4, 10):
        message = "Choices are only for strings and numbers"
        problems.add((*where, "choices"), "APPLICATION_COMMAND_INVALID_CHOICES", message)
    problems.number(option.get("min_length"), (*where, "min_length"), 0, 6000)
    problems.number(option.get("max_length"), (*where, "max_length"), 1, 6000)
    for at, each in enumerate(problems.array(option.get("channel_types"), (*where, "channel_types"), 25)):
        problems.choice(each, (*where, "channel_types", at), (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16))
    return total

"""Messages as Discord accepts them (docs: resources/message, create message)."""

from __future__ import annotations

import re
from typing import Any

from tests.wire.discord_basics import COMPONENTS_V2, Json, Pings
from tests.wire.discord_components import Layout
from tests.wire.discord_errors import Path, Problems, refusal, snowflake
from tests.wire.discord_model import Message, flat

CONTENT_LIMIT, EMBEDS_LIMIT, EMBED_TOTAL, FIELDS_LIMIT = 2000, 10, 6000, 25
FILES_LIMIT, FILE_LIMIT = 10, 10 * 1024 * 1024

_USER, _ROLE = re.compile(r"<@!?(\d{1,20})>"), re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


def check_message(problems: Problems, data: Json, *, flags: int, files: set[str]) -> None:
    """Note everything wrong with a message body; ``flags`` are those it will have, ``files`` the uploads."""
    problems.text(data.get("content"), ("content",), CONTENT_LIMIT)
    problems.flag(data.get("tts"), ("tts",))
    problems.number(data.get("flags"), ("flags",), 0, 2**31 - 1)
    _check_nonce(problems, data)
    embeds = problems.array(data.get("embeds"), ("embeds",), EMBEDS_LIMIT)
    _check_embeds(problems, embeds)
    _check_allowed(problems, data.get("allowed_mentions"))
    layout = Layout(problems, files)
    if flags & COMPONENTS_V2:
        for name in ("content", "embeds", "poll", "sticker_ids", "stickers"):
            if data.get(name):
                problems.add(
                    (name,),
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
        if data.get("components") is not None:
            layout.v2(data["components"])
    elif data.get("components") is not None:
        layout.legacy(data["components"])


def _check_nonce(problems: Problems, data: Json) -> None:
    nonce = data.get("nonce")
    if isinstance(nonce, int) and not isinstance(nonce, bool):
        problems.number(nonce, ("nonce",), -(2**63), 2**63 - 1)
    else:
        problems.text(nonce, ("nonce",), 25)
    problems.flag(data.get("enforce_nonce"), ("enforce_nonce",))


def _check_embeds(problems: Problems, embeds: list[Any]) -> None:
    total = 0
    for at, each in enumerate(embeds):
        path: Path = ("embeds", at)
        if (embed := problems.object(each, path)) is None:
            continue
        problems.text(embed.get("title"), (*path, "title"), 256)
        problems.text(embed.get("description"), (*path, "description"), 4096)
        problems.number(embed.get("color"), (*path, "color"), 0, 0xFFFFFF)
        for part, name, most in (("footer", "text", 2048), ("author", "name", 256)):
            if (
                embed.get(part) is not None
                and (said := problems.object(embed[part], (*path, part))) is not None
            ):
                problems.text(said.get(name), (*path, part, name), most, least=1, needed=True)
                total += len(str(said.get(name) or ""))
        fields = problems.array(embed.get("fields"), (*path, "fields"), FIELDS_LIMIT)
        for number, field in enumerate(fields):
            where = (*path, "fields", number)
            if problems.object(field, where) is None:
                continue
            problems.text(field.get("name"), (*where, "name"), 256, least=1, needed=True)
            problems.text(field.get("value"), (*where, "value"), 1024, least=1, needed=True)
            total += len(str(field.get("name") or "")) + len(str(field.get("value") or ""))
        for text in (embed.get("title"), embed.get("description")):
            total += len(text) if isinstance(text, str) else 0
    if total > EMBED_TOTAL:
        message = f"Embed size exceeds maximum size of {EMBED_TOTAL}"
        problems.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_allowed(problems: Problems, allowed: Any) -> None:
    if allowed is None or (rules := problems.object(allowed, ("allowed_mentions",))) is None:
        return
    parse = problems.array(rules.get("parse"), ("allowed_mentions", "parse"), 3)
    for at, each in enumerate(parse):
        problems.choice(each, ("allowed_mentions", "parse", at), ("roles", "users", "everyone"))
    for name in ("users", "roles"):
        path: Path = ("allowed_mentions", name)
        ids = problems.array(rules.get(name), path, 100)
        for at, each in enumerate(ids):
            if snowflake(each) is None:
                problems.add((*path, at), "NUMBER_TYPE_COERCE", f'Value "{each}" is not snowflake.')
        if ids and name in parse:
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            problems.add(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    problems.flag(rules.get("replied_user"), ("allowed_mentions", "replied_user"))


def check_not_empty(message: Message) -> None:
    """A message shows something (50006)."""
    shown = message.content.strip() or message.embeds or message.files
    if not shown and not message.components:
        raise refusal(50006)
    if not message.flags & COMPONENTS_V2 and not shown and message.components:
        raise refusal(50006)  # action rows alone are no message


def pings(text: str, allowed: Json | None, *, may_everyone: bool) -> Pings:
    """Whom a text notifies (docs: resources/message, allowed mentions); all it names if nothing is said."""
    users = {int(each) for each in _USER.findall(text)}
    roles = {int(each) for each in _ROLE.findall(text)}
    everyone = bool(_EVERYONE.search(text)) and may_everyone
    if allowed is not None:
        parse = allowed.get("parse") or []
        if "users" not in parse:
            users &= {int(each) for each in allowed.get("users") or ()}
        if "roles" not in parse:
            roles &= {int(each) for each in allowed.get("roles") or ()}
        everyone = everyone and "everyone" in parse
    return Pings(frozenset(users), frozenset(roles), everyone)


def spoken(content: str, components: list[Json]) -> str:
    """What of a message can mention: its content and its text displays."""
    return "\n".join([content, *(each["content"] for each in flat(components) if each["type"] == 10)])

"""Pieces of what Slack sends to an app: team, person, message and view, as its payloads hold them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tests.wire.slack_model import Conversation, Json, Message, Person, View, Workspace

ACK_WITHIN = timedelta(seconds=3)
"""How long Slack waits for an app's ack, and how long a trigger_id lives."""

VERIFICATION_TOKEN = "fake-verification-token"
"""The old way of knowing Slack; still in every payload."""

INPUTS = frozenset(
    [
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "static_select",
        "multi_static_select",
        "external_select",
        "multi_external_select",
        "users_select",
        "multi_users_select",
        "conversations_select",
        "multi_conversations_select",
        "channels_select",
        "multi_channels_select",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "radio_buttons",
        "checkboxes",
        "file_input",
    ]
)
"""Elements that hold something; they are in ``state.values``."""


def team(workspace: Workspace) -> Json:
    """``team`` of an interaction."""
    return {"id": workspace.id, "domain": workspace.domain}


def user(workspace: Workspace, person: Person) -> Json:
    """``user`` of an interaction."""
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": workspace.id}


def channel(conversation: Conversation) -> Json:
    """``channel`` of an interaction."""
    return {"id": conversation.id, "name": channel_name(conversation)}


def channel_name(conversation: Conversation) -> str:
    """A channel's name as payloads give it: only public ones are called by theirs."""
    names = {"im": "directmessage", "private": "privategroup"}
    return names.get(conversation.kind) or conversation.name or f"mpdm-{conversation.id.lower()}"


def channel_type(conversation: Conversation) -> str:
    """``channel_type`` of a message event."""
    return {"public": "channel", "private": "group"}.get(conversation.kind, conversation.kind)


def escaped(text: str) -> str:
    """What somebody typed as Slack hands it on: three characters are escaped (docs: escaping text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def numbered(blocks: list[Json]) -> list[Json]:
    """Blocks as Slack hands them out: each with a block_id."""
    out: list[Json] = []
    for at, block in enumerate(blocks):
        out.append(block if block.get("block_id") else block | {"block_id": f"b{at:03d}"})
    return out


def message(workspace: Workspace, of: Message, app_id: str) -> Json:
    """A message as events and interactions hold it."""
    text = of.text if of.bot_id else escaped(of.text)
    out: Json = {"type": "message", "user": of.user, "ts": of.ts, "team": workspace.id, "text": text}
    if of.bot_id:
        out |= {"bot_id": of.bot_id, "app_id": app_id}
    if of.blocks:
        out["blocks"] = numbered(of.blocks)
    if of.thread:
        out["thread_ts"] = of.thread
        parent = of.channel.messages.get(of.thread)
        if parent is not None and parent is not of:
            out["parent_user_id"] = parent.user
    elif of.replies:
        out |= {"thread_ts": of.ts, "reply_count": of.replies}
    if of.edited:
        out["edited"] = {"user": of.user, "ts": of.edited}
    return out


def view(workspace: Workspace, of: View, app_id: str, values: Json | None = None) -> Json:
    """A view as interactions hold it."""
    data = deepcopy(of.data)
    return {
        "id": of.id,
        "team_id": workspace.id,
        "type": data.get("type", "modal"),
        "blocks": numbered(data.get("blocks", [])),
        "private_metadata": data.get("private_metadata", ""),
        "callback_id": data.get("callback_id", ""),
        "state": {"values": of.values if values is None else values},
        "hash": of.hash,
        "title": with_emoji(data.get("title") or {"type": "plain_text", "text": "View Title"}),
        "clear_on_close": bool(data.get("clear_on_close")),
        "notify_on_close": bool(data.get("notify_on_close")),
        "close": with_emoji(data["close"]) if data.get("close") else None,
        "submit": with_emoji(data["submit"]) if data.get("submit") else None,
        "previous_view_id": of.previous or None,
        "root_view_id": of.root or of.id,
        "app_id": app_id,
        "external_id": data.get("external_id", ""),
        "app_installed_team_id": workspace.id,
        "bot_id": workspace.bot_id,
    }


def with_emoji(text: Json) -> Json:
    """A plain_text as Slack hands it back."""
    return {"emoji": True} | text if text.get("type") == "plain_text" else text


def option(given: Json) -> Json:
    """An option as Slack hands it back."""
    return {name: with_emoji(each) if isinstance(each, dict) else each for name, each in given.items()}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """(block, element) of everything in blocks that has an action_id."""
    for block in numbered(blocks):
        found: list[Any] = [block.get("accessory"), block.get("element"), *(block.get("elements") or ())]
        for each in found:
            if isinstance(each, dict) and each.get("action_id"):
                yield block, each


def read(of: Message | View | list[Json]) -> str:
    """Everything that a person reads in a message, a view or blocks, a line a block; buttons as [label]."""
    if isinstance(of, Message):
        return read(of.blocks) if of.blocks else of.text
    if isinstance(of, View):
        title = (of.data.get("title") or {}).get("text", "")
        return "\n".join(line for line in (title, read(of.data.get("blocks", []))) if line)
    return "\n".join(line for line in map(_line, of) if line)


def _line(block: Json) -> str:
    parts: list[str] = []
    for name in ("title", "label", "text", "hint", "alt_text"):
        given = block.get(name)
        if isinstance(given, str):
            parts.append(given)
        elif isinstance(given, dict):
            parts.append(str(given.get("text", "")))
    for name in ("fields", "elements", "accessory", "element"):
        inside = block.get(name) or ()
        for each in [inside] if isinstance(inside, dict) else inside:
            parts.append(_element(each))  # noqa: PERF401
    return ("" if block["type"] == "rich_text" else " ").join(part for part in parts if part)


def _element(each: Json) -> str:
    match each["type"]:
        case "rich_text_section" | "rich_text_quote" | "rich_text_preformatted":
            return "".join(_element(part) for part in each["elements"])
        case "rich_text_list":
            return "\n".join(_element(part) for part in each["elements"])
        case "button":
            return f"[{each['text']['text']}]"
        case "date":
            return each.get("fallback") or str(each["timestamp"])
        case "link":
            return each.get("text") or each["url"]
        case "user" | "channel" | "usergroup":
            return f"<{next(str(value) for name, value in each.items() if name.endswith('_id'))}>"
        case "emoji":
            return f":{each['name']}:"
        case _:
            text = each.get("text", "")
            return str(text.get("text", "")) if isinstance(text, dict) else str(text)

"""Block Kit read back into what it was drawn from: messages as cards, modals as forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.platforms.slack_cards import MARKS, message, with_image
from bot.platforms.slack_fallback import FORMATS
from bot.platforms.slack_forms import Origin
from bot.ui import (
    Button,
    Card,
    Choice,
    Fact,
    Field,
    Form,
    Image,
    Jump,
    Kind,
    Part,
    Quote,
    Style,
    Tone,
    When,
    join,
    split_custom_id,
)
from tests.wire.slack_model import File, Json, Workspace

_STYLES = {pattern: name for name, pattern in FORMATS.items()}
_TONES = {mark: tone for tone, mark in MARKS.items()}
_WEIGHTS = {None: Style.PLAIN, "primary": Style.PRIMARY, "danger": Style.DANGER}
_DRAWN = "FDRAWN"
_KINDS = {
    "plain_text_input": Kind.TEXT,
    "radio_buttons": Kind.CHOICE,
    "static_select": Kind.CHOICE,
    "checkboxes": Kind.CHOICES,
    "multi_static_select": Kind.CHOICES,
    "datepicker": Kind.DATE,
    "timepicker": Kind.TIME,
    "users_select": Kind.USER,
    "conversations_select": Kind.CHANNEL,
}


def card(workspace: Workspace, blocks: Sequence[Json]) -> Card:
    """A message's blocks as the card that was drawn."""
    title, tone, image = "", Tone.CALM, None
    body: list[Part] = []
    facts: list[Fact] = []
    buttons: list[Button] = []
    for block in blocks:
        match block["type"]:
            case "header":
                tone, title = _marked(tone, block["text"]["text"])
            case "divider":
                tone = Tone.CARE
            case "rich_text":
                for element in block["elements"]:
                    if fact := _fact(workspace, element):
                        facts.append(fact)
                    else:
                        _read(workspace, element, body)
            case "image":
                file = workspace.files[block["slack_file"]["id"]]
                image = Image(file.data, block["alt_text"])
            case "actions":
                buttons += [_button(each) for each in block["elements"]]
            case other:
                raise AssertionError(f"block {other}")
    if body and isinstance(body[0], str):
        tone, body[0] = _marked(tone, body[0])
    return Card(join(*body), title, tone, tuple(facts), tuple(buttons), image)


def drawn(workspace: Workspace, made: Card) -> Card:
    """A card as it would be read from a message."""
    names = {person.id: person.shown for person in workspace.people.values()}
    body = message(made, workspace=workspace.url, names=names)
    if made.image:
        workspace.files[_DRAWN] = File(_DRAWN, "picture.png", len(made.image.data), data=made.image.data)
    return card(workspace, with_image(body, _DRAWN))


def _marked(tone: Tone, text: str) -> tuple[Tone, str]:
    for mark, meant in _TONES.items():
        if text == mark or text.startswith(f"{mark} "):
            return meant, text.removeprefix(mark).removeprefix(" ")
    return tone, text


def _fact(workspace: Workspace, element: Json) -> Fact | None:
    first = element["elements"][0]
    if element["type"] != "rich_text_section" or not (first.get("style") or {}).get("bold"):
        return None
    body: list[Part] = []
    _read(workspace, {**element, "elements": element["elements"][1:]}, body)
    if body and isinstance(body[0], str):
        body[0] = body[0].removeprefix("\n")
    return Fact(first["text"], join(*body))


def _read(workspace: Workspace, element: Json, body: list[Part]) -> None:
    """The parts of a section or quote, added to what stands before; each begins a line."""
    if element["type"] == "rich_text_quote":
        body += ["\n"] if body else []
        body.append(Quote("".join(each["text"] for each in element["elements"])))
        return
    if body and isinstance(body[-1], Quote):
        body.append("\n")
    body += [_inline(workspace, each) for each in element["elements"]]


def _inline(workspace: Workspace, element: Json) -> Part:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "date":
            return When(datetime.fromtimestamp(element["timestamp"], UTC), _STYLES[element["format"]])
        case "link":
            return _jump(workspace, element["url"], element.get("text", ""))
        case "channel":
            return Jump("", workspace.id, _name(workspace, element["channel_id"]))
        case other:
            raise AssertionError(f"element {other}")


def _name(workspace: Workspace, id: str) -> str:
    known = workspace.conversations.get(id)
    return known.name if known else id


def _jump(workspace: Workspace, url: str, label: str) -> Jump:
    parts = urlsplit(url)
    _, _, channel, *rest = parts.path.split("/")
    message = f"{rest[0][1:-6]}.{rest[0][-6:]}" if rest else ""
    thread = (parse_qs(parts.query).get("thread_ts") or [""])[0]
    return Jump(label, workspace.id, _name(workspace, channel), thread, message)


def _button(element: Json) -> Button:
    name, arg = split_custom_id(element["action_id"])
    return Button(name, arg, element["text"]["text"], _WEIGHTS[element.get("style")])


# -- forms ------------------------------------------------------------------------------------------


def form(view: Json, errors: Mapping[str, str]) -> Form:
    """A modal as the form that was drawn; ``errors`` stand beside its inputs."""
    fields = [_field(block, errors) for block in view["blocks"] if block["type"] == "input"]
    origin = Origin.load(view.get("private_metadata", ""))
    return Form(view["callback_id"], tuple(fields), origin.arg, view["title"]["text"])


def _field(block: Json, errors: Mapping[str, str]) -> Field:
    element = block["element"]
    kind = _KINDS[element["type"]]
    if kind is Kind.TEXT and element.get("multiline"):
        kind = Kind.LONG
    options = element.get("options") or ()
    made = Field(
        block["block_id"],
        kind,
        bool(block.get("optional")),
        element.get("max_length", 3000),
        tuple(Choice(each["value"], each["text"]["text"]) for each in options),
        label=block["label"]["text"],
        hint=(block.get("hint") or {}).get("text", ""),
        error=errors.get(block["block_id"], ""),
    )
    return replace(made, value=_value(element))


def _value(element: dict[str, Any]) -> str:
    if chosen := element.get("initial_options"):
        return ",".join(each["value"] for each in chosen)
    if chosen := element.get("initial_option"):
        return str(chosen["value"])
    names = ("value", "date", "time", "user", "conversation")
    return next((str(element[f"initial_{name}"]) for name in names if f"initial_{name}" in element), "")

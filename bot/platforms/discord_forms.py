"""Forms as Discord's modals, and what comes back from them.

Each field is a Label (its words and hint) around the native control: a text input, radio buttons for a
few choices, a select menu for many, checkboxes, a user or channel picker. Dates and times are text with
their shape shown; whether they make sense is the bot's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bot.ui import HINT_LIMIT, Field, Form, Kind

Json = dict[str, Any]

LABEL = 18
TEXT_INPUT, STRING_SELECT, USER_SELECT, CHANNEL_SELECT = 4, 3, 5, 8
UPLOAD, RADIOS, CHECKBOXES = 19, 21, 22
FEW = 5  # more choices than this are a menu: radio buttons for eight push the rest off a phone's screen
CHECKBOXES_LIMIT = 10
TALKING = [0, 5, 15]  # channels in which a post can stand: text, announcements, forum
_SHAPES = {Kind.DATE: "YYYY-MM-DD", Kind.TIME: "HH:MM"}


def modal(form: Form, custom_id: str) -> Json:
    """A form as the data of a modal."""
    return {
        "custom_id": custom_id,
        "title": form.title or form.id,
        "components": [_label(field) for field in form.fields],
    }


def _label(field: Field) -> Json:
    label: Json = {"type": LABEL, "label": field.label or field.name, "component": _control(field)}
    about = field.error if field.error and len(field.error) <= HINT_LIMIT else field.hint
    if about:
        label["description"] = about
    return label


def _control(field: Field) -> Json:
    match field.kind:
        case Kind.TEXT | Kind.LONG | Kind.DATE | Kind.TIME:
            return _input(field)
        case Kind.CHOICE:
            return _choice(field)
        case Kind.CHOICES:
            return _choices(field)
        case Kind.USER | Kind.CHANNEL:
            return _picker(field)
        case Kind.FILE:
            return _base(UPLOAD, field) | {"min_values": int(not field.optional), "max_values": 1}


def _base(type: int, field: Field) -> Json:
    return {"type": type, "custom_id": field.name, "required": not field.optional}


def _input(field: Field) -> Json:
    control = _base(TEXT_INPUT, field) | {"style": 2 if field.kind is Kind.LONG else 1}
    control["max_length"] = field.limit
    if field.value and len(field.value) <= field.limit:
        control["value"] = field.value
    if shape := _SHAPES.get(field.kind):
        control["placeholder"] = shape
    return control


def _choice(field: Field) -> Json:
    options = _options(field, {field.value})
    if 2 <= len(options) <= FEW:
        return _base(RADIOS, field) | {"options": options}
    return _base(STRING_SELECT, field) | {
        "options": options,
        "min_values": int(not field.optional),
        "max_values": 1,
    }


def _choices(field: Field) -> Json:
    options = _options(field, set(field.values))
    kind = CHECKBOXES if len(options) <= CHECKBOXES_LIMIT else STRING_SELECT
    return _base(kind, field) | {
        "options": options,
        "min_values": int(not field.optional),
        "max_values": len(options),
    }


def _options(field: Field, chosen: set[str]) -> list[Json]:
    return [
        {"value": choice.value, "label": choice.label or choice.value}
        | ({"default": True} if choice.value in chosen else {})
        for choice in field.choices
    ]


def _picker(field: Field) -> Json:
    user = field.kind is Kind.USER
    control = _base(USER_SELECT if user else CHANNEL_SELECT, field)
    control |= {"min_values": int(not field.optional), "max_values": 1}
    if not user:
        control["channel_types"] = TALKING
    if field.value.isdecimal():
        control["default_values"] = [{"id": field.value, "type": "user" if user else "channel"}]
    return control


def submitted(data: Mapping[str, Any]) -> dict[str, str]:
    """A modal's values by field name; several are joined by commas, a file stands for its address."""
    files: Mapping[str, Any] = data.get("resolved", {}).get("attachments", {})
    values: dict[str, str] = {}
    for control in _controls(data.get("components", ())):
        if control["type"] == UPLOAD:
            values[control["custom_id"]] = ",".join(files[id]["url"] for id in control.get("values") or ())
        elif "values" in control:
            values[control["custom_id"]] = ",".join(control["values"] or ())
        else:
            values[control["custom_id"]] = control.get("value") or ""
    return values


def _controls(components: Sequence[Json]) -> list[Json]:
    """The controls in a submission, in labels or in rows."""
    found: list[Json] = []
    for component in components:
        if "custom_id" in component:
            found.append(component)
        inside = cast("Json | None", component.get("component"))
        found += _controls([inside] if inside else component.get("components", ()))
    return found

"""Filling in: what an element takes from a person, and what ``state.values`` holds of it then.

As strict as Slack's client: nothing longer or shorter than the element says, no option that is not there,
no person or channel that the picker would not offer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any

from tests.wire.slack_model import Conversation, Json, Person, Workspace
from tests.wire.slack_shapes import INPUTS, elements, option
from tests.wire.waiting import NotPossible

Value = str | int | float | Sequence[Any] | Person | Conversation | None

_TEXT_LIMIT = 3000
"""Characters of a text input that sets no max_length (docs: plain_text_input)."""

_KINDS = {"public": "public", "private": "private", "im": "im", "mpim": "mpim"}


def state(workspace: Workspace, element: Json, given: Value) -> Json:
    """What ``state.values`` holds of an element after somebody put ``given`` into it (None: emptied)."""
    kind = element["type"]
    fill = _FILLS.get(kind)
    if fill is None:
        raise NotPossible(f"nothing can be put into {kind}")
    return {"type": kind} | fill(workspace, element, given)


def initial(workspace: Workspace, element: Json) -> Json:
    """What stands in an element before anybody touched it."""
    kind = element["type"]
    given: Any = None
    for name, value in element.items():
        if name.startswith("initial_"):
            given = value
    if kind in ("static_select", "radio_buttons", "external_select") and given:
        given = given["value"]
    elif kind in ("checkboxes", "multi_static_select", "multi_external_select"):
        given = [each["value"] for each in given or ()]
    return state(workspace, element, given)


def is_empty(filled: Json) -> bool:
    """Whether nothing stands in it."""
    return not any(value for name, value in filled.items() if name not in ("type", "timezone"))


def all_of(workspace: Workspace, blocks: list[Json]) -> Json:
    """``state.values`` of blocks that nobody touched."""
    out: Json = {}
    for block, element in elements(blocks):
        if element["type"] in INPUTS:
            out.setdefault(block["block_id"], {})[element["action_id"]] = initial(workspace, element)
    return out


def filled(workspace: Workspace, blocks: list[Json], before: Json, values: Mapping[str, Value]) -> Json:
    """``state.values`` of a form: ``before``, and ``values`` by block_id or action_id; may be NotPossible."""
    out: Json = {}
    left = dict(values)
    for block, element in elements(blocks):
        if element["type"] not in INPUTS:
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        name = block_id if block_id in left else action_id
        if name in left:
            now = state(workspace, element, left.pop(name))
        else:
            now = before.get(block_id, {}).get(action_id) or initial(workspace, element)
        if block["type"] == "input" and not block.get("optional") and is_empty(now):
            raise NotPossible(f"{block_id} is required and empty")
        out.setdefault(block_id, {})[action_id] = now
    if left:
        raise NotPossible(f"the form has no {', '.join(sorted(left))}; it has {', '.join(out)}")
    return out


# --- each kind -----------------------------------------------------------------------------------


def _text(workspace: Workspace, element: Json, given: Value) -> Json:
    text = "" if given is None else str(given)
    name, most = element["action_id"], element.get("max_length") or _TEXT_LIMIT
    if len(text) > most:
        raise NotPossible(f"{name} takes {most} characters, not {len(text)}")
    if text and len(text) < (element.get("min_length") or 0):
        raise NotPossible(f"{name} takes at least {element['min_length']} characters, not {len(text)}")
    if "\n" in text and not element.get("multiline"):
        raise NotPossible(f"{name} has one line")
    return {"value": text or None}


def _email(workspace: Workspace, element: Json, given: Value) -> Json:
    out = _text(workspace, element, given)
    if out["value"] and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", out["value"]):
        raise NotPossible(f"{element['action_id']} takes an address")
    return out


def _url(workspace: Workspace, element: Json, given: Value) -> Json:
    out = _text(workspace, element, given)
    if out["value"] and not re.match(r"https?://\S+\Z", out["value"]):
        raise NotPossible(f"{element['action_id']} takes a link")
    return out


def _number(workspace: Workspace, element: Json, given: Value) -> Json:
    if given is None or given == "":
        return {"value": None}
    text = str(given)
    try:
        number = float(text)
    except ValueError:
        raise NotPossible(f"{element['action_id']} takes a number") from None
    if not element.get("is_decimal_allowed") and not number.is_integer():
        raise NotPossible(f"{element['action_id']} takes a whole number")
    least, most = float(element.get("min_value", number)), float(element.get("max_value", number))
    if not least <= number <= most:
        raise NotPossible(f"{element['action_id']} does not take {text}")
    return {"value": text}


def _rich(workspace: Workspace, element: Json, given: Value) -> Json:
    if not given:
        return {"rich_text_value": None}
    if isinstance(given, dict):
        return {"rich_text_value": given}
    text: Json = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(given)}]}
    return {"rich_text_value": {"type": "rich_text", "elements": [text]}}


def _options(element: Json) -> dict[str, Json]:
    groups = element.get("option_groups") or ()
    every = [*(element.get("options") or ()), *(each for group in groups for each in group["options"])]
    return {each["value"]: option(each) for each in every}


def _one(workspace: Workspace, element: Json, given: Value) -> Json:
    if given is None or given == "":
        return {"selected_option": None}
    known = _options(element)
    if str(given) not in known:
        raise NotPossible(f"{element['action_id']} has no {given!r}; it has {list(known)}")
    return {"selected_option": known[str(given)]}


def _several(given: Value) -> list[Any]:
    if given is None or given == "":
        return []
    return [given] if isinstance(given, str | int | Person | Conversation) else list(given)  # type: ignore[arg-type]


def _bounded(element: Json, given: list[Any]) -> list[Any]:
    most = element.get("max_selected_items")
    if most and len(given) > most:
        raise NotPossible(f"{element['action_id']} takes {most} choices, not {len(given)}")
    return given


def _some(workspace: Workspace, element: Json, given: Value) -> Json:
    known = _options(element)
    picked = [str(each) for each in _bounded(element, _several(given))]
    if wrong := [each for each in picked if each not in known]:
        raise NotPossible(f"{element['action_id']} has no {wrong}; it has {list(known)}")
    return {"selected_options": [known[each] for each in known if each in picked]}


def _person(workspace: Workspace, element: Json, given: Any) -> str:
    id = given.id if isinstance(given, Person) else str(given)
    person = workspace.people.get(id)
    if person is None or person.deleted:
        raise NotPossible(f"{element['action_id']} offers no {id}")
    return id


def _channel(workspace: Workspace, element: Json, given: Any) -> str:
    id = given.id if isinstance(given, Conversation) else str(given)
    found = workspace.conversations.get(id)
    if found is None or found.deleted or found.archived:
        raise NotPossible(f"{element['action_id']} offers no {id}")
    kinds = {"public"}
    if "conversations" in element["type"]:
        kinds = set((element.get("filter") or {}).get("include") or _KINDS)
    if found.kind not in kinds:
        raise NotPossible(f"{element['action_id']} offers {sorted(kinds)}, and that is {found.kind}")
    return id


def _pick(name: str, find: Callable[[Workspace, Json, Any], str]) -> Callable[..., Json]:
    def fill(workspace: Workspace, element: Json, given: Value) -> Json:
        return {name: find(workspace, element, given) if given else None}

    return fill


def _picks(name: str, find: Callable[[Workspace, Json, Any], str]) -> Callable[..., Json]:
    def fill(workspace: Workspace, element: Json, given: Value) -> Json:
        return {name: [find(workspace, element, each) for each in _bounded(element, _several(given))]}

    return fill


def _date(workspace: Workspace, element: Json, given: Value) -> Json:
    try:
        return {"selected_date": date.fromisoformat(str(given)).isoformat() if given else None}
    except ValueError:
        raise NotPossible(f"{element['action_id']} takes a date, not {given!r}") from None


def _time(workspace: Workspace, element: Json, given: Value) -> Json:
    try:
        out: Json = {"selected_time": f"{time.fromisoformat(str(given)):%H:%M}" if given else None}
    except ValueError:
        raise NotPossible(f"{element['action_id']} takes a time, not {given!r}") from None
    return out | ({"timezone": element["timezone"]} if element.get("timezone") else {})


def _moment(workspace: Workspace, element: Json, given: Value) -> Json:
    if given is not None and not isinstance(given, int):
        raise NotPossible(f"{element['action_id']} takes a moment, not {given!r}")
    return {"selected_date_time": given}


def _files(workspace: Workspace, element: Json, given: Value) -> Json:
    ids = [str(each) for each in _several(given)]
    if len(ids) > (element.get("max_files") or 10):
        raise NotPossible(f"{element['action_id']} does not take {len(ids)} files")
    return {"files": [{"id": each, "name": workspace.files[each].name} for each in ids]}


_FILLS: dict[str, Callable[[Workspace, Json, Value], Json]] = {
    "plain_text_input": _text,
    "email_text_input": _email,
    "url_text_input": _url,
    "number_input": _number,
    "rich_text_input": _rich,
    "static_select": _one,
    "radio_buttons": _one,
    "overflow": _one,
    "multi_static_select": _some,
    "checkboxes": _some,
    "users_select": _pick("selected_user", _person),
    "channels_select": _pick("selected_channel", _channel),
    "conversations_select": _pick("selected_conversation", _channel),
    "multi_users_select": _picks("selected_users", _person),
    "multi_channels_select": _picks("selected_channels", _channel),
    "multi_conversations_select": _picks("selected_conversations", _channel),
    "datepicker": _date,
    "timepicker": _time,
    "datetimepicker": _moment,
    "file_input": _files,
}

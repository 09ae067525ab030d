"""Block elements and composition objects as Slack's reference has them, with their lengths and counts.

Numbers: docs.slack.dev, reference/block-kit/block-elements and …/composition-objects.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from tests.wire.slack_checks import (
    ANY_TEXT,
    Checker,
    Rule,
    Shape,
    any_of,
    array,
    exactly_one,
    flag,
    focus,
    one_of,
    shaped,
    string,
    text,
    unique_action_id,
    whole,
)
from tests.wire.slack_model import Json

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

CONFIRM = shaped(
    Shape(
        {"title": text(100), "text": text(300), "confirm": text(30), "deny": text(30)},
        {"style": one_of("primary", "danger")},
    )
)


def address(check: Checker, value: Any, at: str) -> None:
    """A web address of at most 3,000 characters."""
    string(3000, 1)(check, value, at)
    if isinstance(value, str) and value and not _ADDRESS.fullmatch(value):
        check.add("must be a valid URL", at)


def day(check: Checker, value: Any, at: str) -> None:
    """YYYY-MM-DD."""
    try:
        if len(value) != 10:
            raise ValueError
        date.fromisoformat(value)
    except (TypeError, ValueError):
        check.add("must be a valid date (YYYY-MM-DD)", at)


def clock_time(check: Checker, value: Any, at: str) -> None:
    """HH:mm, of 24 hours."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        check.add("must be a valid time (HH:mm)", at)


def id_of(letters: str) -> Rule:
    """An id of a kind of thing."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(f"[{letters}][A-Z0-9]{{8,20}}", value):
            check.add("must be a valid id", at)

    return rule


def _options(*, text_kinds: tuple[str, ...] = ("plain_text",), url: bool = False) -> Rule:
    described = text(75, kinds=text_kinds)
    return shaped(
        Shape(
            {"text": text(75, kinds=text_kinds), "value": string(150, 1)},
            {"description": described} | ({"url": address} if url else {}),
        )
    )


PLAIN, MARKED, LINKED = _options(), _options(text_kinds=ANY_TEXT), _options(url=True)


def _flat(element: Json) -> list[Any]:
    groups = element.get("option_groups")
    if not isinstance(groups, list):
        options = element.get("options")
        return options if isinstance(options, list) else []
    inner = [each.get("options") for each in groups if isinstance(each, dict)]
    return [option for each in inner if isinstance(each, list) for option in each]


def distinct(check: Checker, element: Any, at: str) -> None:
    """A value is unique among the options (option object: "a unique string value")."""
    seen: set[str] = set()
    for each in _flat(element):
        value = each.get("value") if isinstance(each, dict) else None
        if not isinstance(value, str):
            continue
        if value in seen:
            check.add(f"option value `{value}` is not unique", f"{at}/options")
        seen.add(value)


def _among(check: Checker, element: Json, chosen: Any, at: str) -> None:
    if chosen not in _flat(element):
        check.add("must exactly match one of the provided options", at)


def initial_one(check: Checker, element: Any, at: str) -> None:
    """initial_option is exactly one of the options."""
    if "initial_option" in element:
        _among(check, element, element["initial_option"], f"{at}/initial_option")


def initial_many(check: Checker, element: Any, at: str) -> None:
    """initial_options are some of the options, at least one."""
    chosen = element.get("initial_options")
    for number, each in enumerate(chosen if isinstance(chosen, list) else []):
        _among(check, element, each, f"{at}/initial_options/{number}")


def lengths(check: Checker, element: Any, at: str) -> None:
    """min_length is no more than max_length, and what stands in the field fits."""
    low, high, given = (element.get(name) for name in ("min_length", "max_length", "initial_value"))
    if isinstance(low, int) and isinstance(high, int) and low > high:
        check.add("min_length must be less than or equal to max_length", f"{at}/min_length")
    if isinstance(given, str) and isinstance(high, int) and len(given) > high:
        check.add(f"must be less than {high + 1} characters", f"{at}/initial_value")


def answered_by_url(check: Checker, value: Any, at: str) -> None:
    """response_url_enabled: only in input blocks of modals."""
    flag(check, value, at)
    if value and not (check.surface == "modal" and check.within_input):
        check.add("response_url_enabled is only allowed in input blocks of modals", at)


def shown_file(check: Checker, value: Any, at: str) -> None:
    """A file of Slack's, by id or address, that is uploaded and an image (slack_file object)."""
    shaped(Shape({}, {"id": id_of("F"), "url": address}, (exactly_one("id", "url"),)))(check, value, at)
    if isinstance(value, dict) and check.usable is not None and not check.usable(value):
        check.add("invalid slack file", at)


_GROUP = {
    kind: shaped(Shape({"label": text(75), "options": array(inner, 100)}))
    for kind, inner in {"plain": PLAIN}.items()
}
_ID = {"action_id": unique_action_id}
_FOCUS = {"focus_on_load": focus}
_ASK = _ID | _FOCUS | {"confirm": CONFIRM}
_MENU = _ASK | {"placeholder": text(150)}
_MANY = {"max_selected_items": whole(1, 1000)}
_CHOICES: dict[str, Rule] = {"options": array(PLAIN, 100), "option_groups": array(_GROUP["plain"], 100)}
_CHOOSE = (exactly_one("options", "option_groups"), distinct)
_FILTER = shaped(
    Shape(
        {},
        {
            "include": array(one_of("im", "mpim", "private", "public"), 4),
            "exclude_external_shared_channels": flag,
            "exclude_bot_users": flag,
        },
        (any_of("include", "exclude_external_shared_channels", "exclude_bot_users"),),
    )
)
_TALKS: dict[str, Rule] = {"default_to_current_conversation": flag, "filter": _FILTER}
_DISPATCH = shaped(
    Shape({}, {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 2)})
)
PERSON, CHANNEL, TALK = id_of("UW"), id_of("CG"), id_of("CDG")
IMAGE = {"alt_text": string(2000, 1)}
PICTURE: dict[str, Rule] = {"image_url": address, "slack_file": shown_file}


def _menu(*rules: Rule, **more: Rule) -> Shape:
    return Shape({}, _MENU | more, rules)


ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        {"text": text(75)},
        _ID
        | {
            "url": address,
            "value": string(2000),
            "style": one_of("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
        },
    ),
    "image": Shape(IMAGE, PICTURE, (exactly_one("image_url", "slack_file"),)),
    "overflow": Shape({"options": array(LINKED, 5)}, _ID | {"confirm": CONFIRM}, (distinct,)),
    "checkboxes": Shape(
        {"options": array(MARKED, 10)},
        _ASK | {"initial_options": array(MARKED, 10)},
        (distinct, initial_many),
    ),
    "radio_buttons": Shape(
        {"options": array(MARKED, 10)}, _ASK | {"initial_option": MARKED}, (distinct, initial_one)
    ),
    "static_select": _menu(*_CHOOSE, initial_one, **_CHOICES, initial_option=PLAIN),
    "multi_static_select": _menu(
        *_CHOOSE, initial_many, **_CHOICES, **_MANY, initial_options=array(PLAIN, 100)
    ),
    "users_select": _menu(initial_user=PERSON),
    "multi_users_select": _menu(**_MANY, initial_users=array(PERSON, 100)),
    "conversations_select": _menu(**_TALKS, initial_conversation=TALK, response_url_enabled=answered_by_url),
    "multi_conversations_select": _menu(**_TALKS, **_MANY, initial_conversations=array(TALK, 100)),
    "channels_select": _menu(initial_channel=CHANNEL, response_url_enabled=answered_by_url),
    "multi_channels_select": _menu(**_MANY, initial_channels=array(CHANNEL, 100)),
    "datepicker": _menu(initial_date=day),
    "timepicker": _menu(initial_time=clock_time, timezone=string(255, 1)),
    "datetimepicker": Shape({}, _ASK | {"initial_date_time": whole(10**9, 10**10 - 1)}),
    "plain_text_input": Shape(
        {},
        _ID
        | _FOCUS
        | {
            "initial_value": string(3000),
            "multiline": flag,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
            "dispatch_action_config": _DISPATCH,
            "placeholder": text(150),
        },
        (lengths,),
    ),
}

SELECTS = tuple(name for name in ELEMENTS if name.endswith("_select"))
PICKERS = ("datepicker", "timepicker", "checkboxes", "radio_buttons")
IN_SECTION = ("button", "image", "overflow", *PICKERS, *SELECTS)
IN_ACTIONS = ("button", "overflow", "datetimepicker", *PICKERS, *SELECTS)
IN_INPUT = ("plain_text_input", "datetimepicker", *PICKERS, *SELECTS)

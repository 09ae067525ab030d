"""Forms as Slack's modals, and what comes back from them.

Each field is an ``input`` block around Slack's native control, with the field's name as its ``block_id``.
A stored value that the control cannot show (a choice that is gone, a date that is none) is left out.

Limits, by docs.slack.dev/reference/views and /block-kit: title and submit 24 characters, 100 blocks,
``private_metadata`` 3,000, label and hint 2,000, text input 3,000, option text 75 and value 150, 10 options
in radio buttons and checkboxes, 100 in menus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, cast

from bot.platforms.slack_cards import plain_section, plain_text, rich
from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.ui import VALUE_LIMIT, Choice, Field, Form, Kind, LimitError

Json = dict[str, Any]

ACTION = "value"  # the action_id of every control
FEW = 5  # more choices than this are a menu: radio buttons for eight push the rest off a phone's screen
CHECKBOXES_LIMIT = 10
OPTION_TEXT_LIMIT, OPTION_VALUE_LIMIT = 75, 150
METADATA_LIMIT = 3000
NAME = "Bounceback"  # the title of a form that has none
SUBMIT = "OK"
NO_FILES = "I don't take files here."

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")
_USER = re.compile(r"[UW][A-Z0-9]{8,20}\Z")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{8,20}\Z")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a form was opened: it travels with the modal, since a submission says nothing of it.

    ``at`` is when ``response_url`` was given, in seconds since 1970; ``home`` says that it was in App Home.
    """

    arg: str = ""
    channel: str = ""
    thread: str = ""
    response_url: str = ""
    at: int = 0
    home: bool = False

    def dump(self) -> str:
        """As ``private_metadata``. An address too long for it stays behind: answers have other ways."""
        given = {name: value for name, value in asdict(self).items() if value}
        told = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        if len(told) > METADATA_LIMIT and self.response_url:
            return replace(self, response_url="", at=0).dump()
        return told

    @classmethod
    def load(cls, text: str) -> Origin:
        """From ``private_metadata``; nothing from what is none of ours."""
        try:
            told = json.loads(text)
        except ValueError:
            return cls()
        if not isinstance(told, dict):
            return cls()
        given = cast("dict[str, object]", told)
        words = {name: given.get(name) for name in ("arg", "channel", "thread", "response_url")}
        at = given.get("at")
        return cls(
            **{name: value for name, value in words.items() if isinstance(value, str)},
            at=at if isinstance(at, int) and not isinstance(at, bool) else 0,
            home=given.get("home") is True,
        )


def view(form: Form, origin: Origin, *, no_files: str = NO_FILES, spelling: Spelling = PLAIN) -> Json:
    """A form as a modal. The form's own arg comes back; ``no_files`` stands where a file was asked for;
    ``spelling`` writes the commands.

    LimitError for a choice that no Slack menu can hold.
    """
    blocks: list[Json] = []
    for field in form.fields:
        if field.kind is Kind.FILE:
            label = plain_section(field.label or field.name, bold=True)
            blocks += rich([label, plain_section(no_files)])
        else:
            blocks.append(_input(field, spelling))
        if field.error.strip():
            blocks += rich([plain_section(spelling(field.error))])
    return {
        "type": "modal",
        "callback_id": form.id,
        "title": plain_text(form.title or NAME),
        "submit": plain_text(form.submit or SUBMIT),
        "private_metadata": replace(origin, arg=form.arg).dump(),
        "blocks": blocks,
    }


def _input(field: Field, spelling: Spelling) -> Json:
    block: Json = {
        "type": "input",
        "block_id": field.name,
        "label": plain_text(spelling(field.label or field.name)),
        "optional": field.optional,
        "element": {"action_id": ACTION, **_control(field)},
    }
    if field.hint:
        block["hint"] = plain_text(spelling(field.hint))
    return block


def _control(field: Field) -> Json:
    match field.kind:
        case Kind.TEXT | Kind.LONG | Kind.FILE:
            return _text(field)
        case Kind.CHOICE:
            return _choice(field)
        case Kind.CHOICES:
            return _choices(field)
        case Kind.DATE:
            return {"type": "datepicker"} | _initial("date", field.value, _is_date)
        case Kind.TIME:
            return {"type": "timepicker"} | _initial("time", field.value, _TIME.match)
        case Kind.USER:
            return {"type": "users_select"} | _initial("user", field.value, _USER.match)
        case Kind.CHANNEL:
            shown = {"include": ["public", "private"], "exclude_bot_users": True}
            menu: Json = {"type": "conversations_select", "filter": shown}
            menu["default_to_current_conversation"] = False
            return menu | _initial("conversation", field.value, _CHANNEL.match)


def _text(field: Field) -> Json:
    """A text input. Words already longer than the limit stay whole: the bot says what is too much."""
    control: Json = {"type": "plain_text_input", "multiline": field.kind is Kind.LONG}
    control["max_length"] = field.limit
    if field.value and len(field.value) <= VALUE_LIMIT:
        control["max_length"] = max(field.limit, len(field.value))
        control["initial_value"] = field.value
    return control


def _initial(what: str, value: str, fits: Callable[[str], object]) -> Json:
    return {f"initial_{what}": value} if fits(value) else {}


def _is_date(value: str) -> bool:
    try:
        return bool(_DATE.match(value) and date.fromisoformat(value))
    except ValueError:
        return False


def _choice(field: Field) -> Json:
    """A few are radio buttons; but one that may stay empty is a menu, as no radio button can be let go of."""
    options = [_option(field, choice) for choice in field.choices]
    few = 2 <= len(options) <= FEW and not field.optional
    control: Json = {"type": "radio_buttons" if few else "static_select", "options": options}
    chosen = [option for option in options if option["value"] == field.value]
    return control | ({"initial_option": chosen[0]} if chosen else {})


def _choices(field: Field) -> Json:
    options = [_option(field, choice) for choice in field.choices]
    kind = "checkboxes" if len(options) <= CHECKBOXES_LIMIT else "multi_static_select"
    chosen = [option for option in options if option["value"] in field.values]
    # An empty list of initial options is refused (slackapi/bolt-js#482).
    return {"type": kind, "options": options} | ({"initial_options": chosen} if chosen else {})


def _option(field: Field, choice: Choice) -> Json:
    label = choice.label or choice.value
    if len(label) > OPTION_TEXT_LIMIT or len(choice.value) > OPTION_VALUE_LIMIT:
        raise LimitError(f"choice {choice.value!r} of {field.name} is longer than a Slack menu can hold")
    return {"text": plain_text(label), "value": choice.value}


# -- what comes back --------------------------------------------------------------------------------


def submitted(view: Mapping[str, Any]) -> dict[str, str]:
    """A modal's values by field name; several are joined by commas, what was left empty is empty."""
    state = cast("Json", view.get("state") or {})
    values = cast("Mapping[str, Mapping[str, Json]]", state.get("values") or {})
    return {
        name: ",".join(_value(control) for control in controls.values()) for name, controls in values.items()
    }


def _value(control: Json) -> str:
    match control:
        case {"selected_options": options}:
            return ",".join(str(option["value"]) for option in options or ())
        case {"selected_option": option}:
            return str(option["value"]) if option else ""
        case _:
            names = ("value", "selected_date", "selected_time", "selected_user", "selected_conversation")
            return next((str(control[name]) for name in names if control.get(name)), "")


def errors(form: Form, spelling: Spelling = PLAIN) -> dict[str, str]:
    """What is wrong, by ``block_id``, for ``response_action: errors``; that takes inputs' ids only.

    What is wrong with a field that is no input stands at the first input, under its own label. Empty if
    there is no input or nothing is wrong: then ``mending.mend`` is the answer.
    """
    inputs = [field.name for field in form.fields if field.kind is not Kind.FILE]
    lines: dict[str, list[str]] = {name: [] for name in inputs}
    for field in form.fields if inputs else ():
        if not field.error.strip():
            continue
        if field.name in lines:
            lines[field.name].insert(0, field.error)
        else:
            lines[inputs[0]].append(f"{field.label or field.name}: {field.error}")
    return {name: spelling("\n".join(said)) for name, said in lines.items() if said}

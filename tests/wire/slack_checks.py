"""How Block Kit is checked: small rules over JSON, put together by the tables of the other modules.

A rule looks at a value and notes what is wrong with it, with a JSON pointer to where it stands, as
Slack does in ``response_metadata.messages``. Nothing that no table names is let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wire.slack_model import Json

Rule = Callable[["Checker", Any, str], None]
Files = Callable[[Json], bool]


@dataclass
class Checker:
    """One message's or view's blocks being checked. ``surface``: message, modal, home.

    ``usable`` says of a ``slack_file`` whether an image block can show it (None: not asked).
    """

    surface: str = "message"
    usable: Files | None = None
    problems: list[str] = field(default_factory=list[str])
    block_ids: dict[str, str] = field(default_factory=dict[str, str])
    action_ids: set[str] = field(default_factory=set[str])  # of the block being looked at
    focused: int = 0
    written: int = 0  # characters of all texts
    within_input: bool = False

    def add(self, problem: str, at: str) -> None:
        """Note what is wrong."""
        self.problems.append(f"{problem} [json-pointer:{at}]")


@dataclass(frozen=True)
class Shape:
    """What an object has: fields it needs, fields it may have; ``rules`` look at it as a whole."""

    needs: Mapping[str, Rule]
    may: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    rules: tuple[Rule, ...] = ()


def is_text(value: Any) -> bool:
    """A string."""
    return isinstance(value, str)


def flag(check: Checker, value: Any, at: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        check.add("must provide a boolean", at)


def string(most: int, least: int = 0) -> Rule:
    """A string of some length, in characters."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, str):
            check.add("must provide a string", at)
        elif len(value) > most:
            check.add(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            check.add(f"must be more than {least - 1} characters", at)

    return rule


def whole(least: int, most: int) -> Rule:
    """A whole number."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            check.add("must provide an integer", at)
        elif value < least:
            check.add(f"must be greater than {least - 1}", at)
        elif value > most:
            check.add(f"must be less than {most + 1}", at)

    return rule


def one_of(*values: str) -> Rule:
    """One of some words."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if value not in values or not isinstance(value, str):
            check.add("must be a valid enum value", at)

    return rule


def array(of: Rule, most: int, least: int = 1) -> Rule:
    """A list with each item by the same rule."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, list):
            check.add("must provide an array", at)
            return
        if len(value) > most:
            check.add(f"no more than {most} items allowed", at)
        if len(value) < least:
            check.add(f"no less than {least} items allowed" if least > 1 else "must have at least 1 item", at)
        for number, each in enumerate(value[:most]):
            of(check, each, f"{at}/{number}")

    return rule


def shaped(shape: Shape, *, known: tuple[str, ...] = ()) -> Rule:
    """An object of a shape; ``known`` fields were looked at by somebody else."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            check.add("must provide an object", at)
            return
        for name, each in value.items():
            if (inner := shape.needs.get(name) or shape.may.get(name)) is not None:
                inner(check, each, f"{at}/{name}")
            elif name not in known:
                check.add(f"invalid additional property: {name}", at)
        for name in shape.needs:
            if name not in value:
                check.add(f"missing required field: {name}", at)
        for whole_rule in shape.rules:
            whole_rule(check, value, at)

    return rule


def typed(shapes: Mapping[str, Shape], *types: str) -> Rule:
    """An object whose ``type`` says which of some shapes it has."""
    allowed = types or tuple(shapes)
    rules = {name: shaped(shapes[name], known=("type",)) for name in allowed}

    def rule(check: Checker, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            check.add("must provide an object", at)
            return
        kind = value.get("type")
        if not isinstance(kind, str):
            check.add("missing required field: type", at)
        elif kind not in rules:
            check.add(f"unsupported type: {kind}", f"{at}/type")
        else:
            rules[kind](check, value, at)

    return rule


def text(most: int = 3000, *, kinds: tuple[str, ...] = ("plain_text",), least: int = 1) -> Rule:
    """A text object. ``emoji`` only goes with plain_text, ``verbatim`` with mrkdwn (composition objects)."""
    shapes = {
        "plain_text": Shape({"text": string(most, least)}, {"emoji": flag}),
        "mrkdwn": Shape({"text": string(most, least)}, {"verbatim": flag}),
    }
    inner = typed(shapes, *kinds)

    def rule(check: Checker, value: Any, at: str) -> None:
        inner(check, value, at)
        if isinstance(value, dict) and is_text(value.get("text")):
            check.written += len(value["text"])

    return rule


ANY_TEXT = ("plain_text", "mrkdwn")


def exactly_one(*names: str) -> Rule:
    """Exactly one of some fields."""

    def rule(check: Checker, value: Any, at: str) -> None:
        given = [name for name in names if value.get(name) is not None]
        if len(given) != 1:
            check.add(f"must have exactly one of: {', '.join(names)}", at)

    return rule


def any_of(*names: str) -> Rule:
    """At least one of some fields."""

    def rule(check: Checker, value: Any, at: str) -> None:
        if all(value.get(name) is None for name in names):
            check.add(f"missing required field: {' or '.join(names)}", at)

    return rule


def unique_block_id(check: Checker, value: Any, at: str) -> None:
    """A block_id of at most 255 characters, unlike every other in the message or view."""
    string(255)(check, value, at)
    if isinstance(value, str) and value:
        if value in check.block_ids:
            check.add(f"`block_id` `{value}` already exists", at)
        check.block_ids[value] = at


def unique_action_id(check: Checker, value: Any, at: str) -> None:
    """An action_id of at most 255 characters, unlike every other in its block."""
    string(255)(check, value, at)
    if isinstance(value, str) and value:
        if value in check.action_ids:
            check.add(f"`action_id` `{value}` already exists", at)
        check.action_ids.add(value)


def focus(check: Checker, value: Any, at: str) -> None:
    """focus_on_load: one element in a view can have it (views)."""
    flag(check, value, at)
    if value is True:
        check.focused += 1
        if check.focused > 1:
            check.add("only one element can have focus_on_load", at)

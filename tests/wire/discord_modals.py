"""Modals as Discord accepts them (docs: components/reference, using modal components)."""

from __future__ import annotations

from typing import Any

from tests.wire.discord_basics import Json
from tests.wire.discord_components import CHECK, FIELDS, INPUT, LABEL, ROW, TEXT, Layout
from tests.wire.discord_errors import Path


class Modal(Layout):
    """A modal being checked: 1 to 5 labels, texts, or (deprecated) action rows with one text input."""

    def check(self, data: Json) -> None:
        """The whole of a modal callback's data."""
        problems = self.problems
        problems.text(data.get("title"), ("title",), 45, least=1, needed=True)
        problems.text(data.get("custom_id"), ("custom_id",), 100, least=1, needed=True)
        path: Path = ("components",)
        children = problems.array(data.get("components"), path, 5, least=1, needed=True)
        for at, each in enumerate(children):
            self.one(each, (*path, at), (ROW, TEXT, LABEL))

    def one(self, each: Any, path: Path, allowed: tuple[int, ...]) -> None:
        """A component of a modal."""
        if isinstance(each, dict) and each.get("type") in allowed:
            self.total += 1
            match each["type"]:
                case 1:
                    return self._input_row(each, path)
                case 18:
                    return self._label(each, path)
                case 10:
                    return self._text(each, path)
                case _:
                    return self._field(each, path)
        super().one(each, path, allowed)
        return None

    def _input_row(self, row: Json, path: Path) -> None:
        path = (*path, "components")
        for at, each in enumerate(self.problems.array(row.get("components"), path, 1, least=1, needed=True)):
            self.one(each, (*path, at), (INPUT,))
            if isinstance(each, dict):
                self.problems.text(each.get("label"), (*path, at, "label"), 45, least=1, needed=True)

    def _label(self, label: Json, path: Path) -> None:
        self.problems.text(label.get("label"), (*path, "label"), 45, least=1, needed=True)
        self.problems.text(label.get("description"), (*path, "description"), 100)
        child = label.get("component")
        if child is None:
            return self.problems.required((*path, "component"))
        self.one(child, (*path, "component"), FIELDS)
        if isinstance(child, dict) and child.get("type") == INPUT and child.get("label"):
            message = "A text input within a Label cannot have a label of its own"
            self.problems.add((*path, "component", "label"), "COMPONENT_LABEL_NOT_ALLOWED", message)
        return None

    def _field(self, field: Json, path: Path) -> None:
        problems, kind = self.problems, field["type"]
        problems.flag(field.get("required"), (*path, "required"))
        if field.get("disabled"):
            problems.add(
                (*path, "disabled"), "MODAL_COMPONENT_DISABLED", "Modal components cannot be disabled"
            )
        if field.get("required", True) and field.get("min_values") == 0 and kind != CHECK:
            message = "min_values must be at least 1 when the component is required"
            problems.add((*path, "min_values"), "COMPONENT_REQUIRED_MIN_VALUES", message)
        match kind:
            case 4:
                self.custom_id(field, path)
                self._input(field, path)
            case 19:
                self.custom_id(field, path)
                self.counts(field, path, 10, 10)
            case 21:
                self.custom_id(field, path)
                options = self.options(field, path, 2, 10)
                if sum(bool(isinstance(each, dict) and each.get("default")) for each in options) > 1:
                    message = "Only one option of a radio group can be the default"
                    problems.add((*path, "options"), "RADIO_GROUP_DEFAULTS", message)
            case 22:
                self.custom_id(field, path)
                there = len(self.options(field, path, 1, 10))
                self.counts({"max_values": there or 1} | field, path, 10, there)
            case 23:
                self.custom_id(field, path)
                problems.flag(field.get("default"), (*path, "default"))
            case _:
                self.select(field, path)

    def _input(self, field: Json, path: Path) -> None:
        problems = self.problems
        problems.choice(field.get("style"), (*path, "style"), (1, 2), needed=True)
        problems.number(field.get("min_length"), (*path, "min_length"), 0, 4000)
        problems.number(field.get("max_length"), (*path, "max_length"), 1, 4000)
        problems.text(field.get("placeholder"), (*path, "placeholder"), 100)
        problems.text(field.get("label"), (*path, "label"), 45)
        low, high = field.get("min_length") or 0, field.get("max_length") or 4000
        if isinstance(low, int) and isinstance(high, int) and low > high:
            message = "min_length should be less than or equal to max_length"
            problems.add((*path, "min_length"), "TEXT_INPUT_MIN_LENGTH_TOO_LARGE", message)
        elif field.get("value"):
            problems.text(
                field["value"], (*path, "value"), high if isinstance(high, int) else 4000, least=low
            )

"""What people type, made safe to keep: the same words, without what only breaks a page.

Escaping is the platforms' work. Here goes what no platform shows well: control characters, marks
that turn the reading direction of everything after them, towers of combining marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from bot.ui import Field, Form, Kind
from bot.words import Voice

MARKS_IN_A_ROW = 4  # Vietnamese needs 2, Tibetan and Hebrew with cantillation up to 4
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TOWER = re.compile(
    r"(\S?)((?:[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]){5,})"
)


def clean(text: str, *, lines: bool = True) -> str:
    """``text`` without control characters, direction overrides and towers of marks; ends trimmed.

    With ``lines`` false, line breaks become spaces.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if not lines:
        text = text.replace("\n", " ")
    text = unicodedata.normalize("NFC", text)
    text = "".join(char for char in text if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs"))
    text = _DIRECTION.sub("", text)
    text = _TOWER.sub(lambda found: found[1] + found[2][:MARKS_IN_A_ROW], text)
    return text if _visible(text) else ""


def _visible(text: str) -> bool:
    """Whether a reader would see anything at all."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text) and bool(text.strip())


def check(form: Form, values: Mapping[str, str], voice: Voice) -> tuple[dict[str, str], Form | None]:
    """The cleaned values of a submission, and the form with what is to be mended, if anything is."""
    taken: dict[str, str] = {}
    fields: list[Field] = []
    for field in form.fields:
        raw = values.get(field.name, "")
        value = clean(raw, lines=field.kind is Kind.LONG).strip()
        taken[field.name] = value
        fields.append(replace(field, error=_problem(field, value, voice)))
    if not any(field.error for field in fields):
        return taken, None
    # A value that is too long goes back whole: nobody loses what they typed.
    shown = tuple(replace(field, value=taken[field.name]) for field in fields)
    return taken, replace(form, fields=shown)


def _problem(field: Field, value: str, voice: Voice) -> str:
    if not value:
        return "" if field.optional else voice.line("form-required")
    if len(value) > field.limit:
        return voice.line("form-too-long", over=len(value) - field.limit, limit=field.limit)
    chosen = value.split(",") if field.kind is Kind.CHOICES else [value]
    if field.choices and not set(chosen) <= {choice.value for choice in field.choices}:
        return voice.line("form-not-a-choice")
    return ""

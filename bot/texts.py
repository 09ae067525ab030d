"""What people type, made safe to keep: the same words, without what only breaks a page.

Escaping is the platforms' work. Here goes what no platform shows well: control characters, marks
that turn the reading direction of everything after them, towers of combining marks, floods of
empty lines, and text in which nobody would see anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from bot.ui import Field, Form, Kind
from bot.words import Voice

MARKS_IN_A_ROW = 4  # of those that go on any letter; Vietnamese needs 2
OTHER_MARKS_IN_A_ROW = 8  # of a script's own; Hebrew with cantillation and Tibetan need up to 5
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_EMPTY_LINES = re.compile(r"\n(?:[^\S\n]*\n){3,}")
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ANY_LETTERS_MARK = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
# Drawn as nothing, though Unicode counts them as letters, marks or symbols; or reserved to be so.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)


def clean(text: str, *, lines: bool = True) -> str:
    """``text`` in Unicode's composed form without what breaks a page, its ends trimmed; "" if nobody sees it.

    With ``lines`` false, line breaks become spaces. Cleaning what is clean changes nothing.
    """
    text = _BREAKS.sub("\n", text).replace("\t", " ")
    if not lines:
        text = text.replace("\n", " ")
    text = "".join(char for char in text if char == "\n" or _shown(char))
    text = _EMPTY_LINES.sub("\n\n\n", text)
    last = ""
    while text != last:  # fewer marks can compose further, and be in another order
        last, text = text, _without_towers(unicodedata.normalize("NFC", text))
    return text.strip() if _visible(text) else ""


def _shown(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in _DIRECTION


def _without_towers(text: str) -> str:
    """At most so many combining marks in a row."""
    kept: list[str] = []
    row = 0
    for char in text:
        row = row + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        most = MARKS_IN_A_ROW if row and _ANY_LETTERS_MARK.match(char) else OTHER_MARKS_IN_A_ROW
        if row <= most:
            kept.append(char)
    return "".join(kept)


def _visible(text: str) -> bool:
    """Whether a reader would see anything at all; signs newer than this Python count."""
    return any(
        unicodedata.category(char) not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs") and not _BLANK.match(char)
        for char in text
    )


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

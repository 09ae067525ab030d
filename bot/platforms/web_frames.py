"""Reading what a browser sent: checked, tidied, or refused with words for the person.

A frame is JSON from outside, so nothing in it is taken on trust. Characters that no screen can
show (NUL, other controls, halves of surrogate pairs) are dropped, because they only do harm.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from bot.ui import FORM_FIELDS_LIMIT, VALUE_LIMIT

FRAME_LIMIT = 128 * 1024  # bytes; five full form fields, each character escaped, are about 90,000
SAY_LIMIT = 4000
_ID = re.compile(r"[A-Za-z0-9-]{8,40}")
_VALUES_LIMIT = 5 * FORM_FIELDS_LIMIT
Frame = Mapping[str, Any]


class Wrong(Exception):
    """A request that cannot be done; ``words`` is the id of what the person reads, ``says`` its variables."""

    def __init__(self, words: str, **says: str | int) -> None:
        super().__init__(words)
        self.words, self.says = words, says


def read(text: str) -> Frame | None:
    """The JSON object in a text frame, or None."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(Frame, told) if isinstance(told, dict) else None


def action_id(frame: Frame) -> str | None:
    """The id that the browser gave its action, or None if it is not one."""
    made_up = frame.get("id")
    return made_up if isinstance(made_up, str) and _ID.fullmatch(made_up) else None


def clean(text: str) -> str:
    """The text with plain line ends and without characters that cannot be shown."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in lines if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))


def text(frame: Frame, name: str, limit: int = 200) -> str:
    """A string of the frame, cleaned; a missing one is empty."""
    value = frame.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise Wrong("web-unreadable")
    return clean(value)


def number(frame: Frame, name: str) -> int | None:
    """A message's number, or None if it is missing."""
    value = frame.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**62:
        raise Wrong("web-unreadable")
    return value


def values(frame: Frame) -> dict[str, str]:
    """What was filled in, by name."""
    told = frame.get("values", {})
    if not isinstance(told, dict) or len(cast(Frame, told)) > _VALUES_LIMIT:
        raise Wrong("web-unreadable")
    each = cast(Frame, told)
    return {clean(name): text(each, name, 2 * VALUE_LIMIT).strip() for name in each}


def said(frame: Frame) -> str:
    """The words of a plain message."""
    words = text(frame, "text", FRAME_LIMIT).strip()
    if not words:
        raise Wrong("web-empty")
    if len(words) > SAY_LIMIT:
        raise Wrong("web-too-long", length=len(words), limit=SAY_LIMIT)
    return words

"""Several nudges in one message: the first speaks, the others stand below it, each a button away."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from bot.cog import Kit, Row
from bot.people import Preferences
from bot.ui import BUTTONS_LIMIT, Button, Card, LimitError, join
from bot.words import Voice

SHOW = Button("nudges.show")  # shows one nudge by itself


def fold(kit: Kit, card: Card, rows: Sequence[Row], voice: Voice, person: Preferences) -> Card:
    """``card`` with the rows that are listed named below it, as many as have room for a button."""
    listed = [(row, label) for row in rows if (label := kit.label(row, voice, person))]
    for number in range(min(len(listed), BUTTONS_LIMIT - len(card.buttons)), 0, -1):
        with suppress(LimitError):  # too much text: it says how many more there are instead
            return _with(card, listed[:number], len(listed) - number, voice)
    return card


def _with(card: Card, shown: Sequence[tuple[Row, str]], more: int, voice: Voice) -> Card:
    lines = "\n".join(f"• {label}" for _, label in shown)
    others = voice("folded-more", n=more) if more else ""
    text = join(card.text, join(voice("folded"), lines, others, by="\n"), by="\n\n")
    buttons = tuple(replace(SHOW, arg=str(row.id), label=label) for row, label in shown)
    return replace(card, text=text, buttons=(*card.buttons, *buttons))

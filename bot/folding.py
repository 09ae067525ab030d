"""Several nudges in one message: the first speaks, the others stand below it, each a button away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.cog import Kit, Row
from bot.people import Preferences
from bot.ui import BUTTONS_LIMIT, Button, Card, join
from bot.words import Voice

SHOW = Button("nudges.show")  # shows one nudge by itself


def fold(kit: Kit, card: Card, rows: Sequence[Row], voice: Voice, person: Preferences) -> Card:
    """``card`` with the rows that are listed named below it, as many as have room for a button."""
    listed = [(row, label) for row in rows if (label := kit.label(row, voice, person))]
    shown = listed[: BUTTONS_LIMIT - len(card.buttons)]
    if not shown:
        return card
    lines = "\n".join(f"• {label}" for _, label in shown)
    more = voice("folded-more", n=len(listed) - len(shown)) if len(listed) > len(shown) else ""
    text = join(card.text, join(voice("folded"), lines, more, by="\n"), by="\n\n")
    buttons = tuple(replace(SHOW, arg=str(row.id), label=label) for row, label in shown)
    return replace(card, text=text, buttons=(*card.buttons, *buttons))

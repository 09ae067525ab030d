"""What goes over the socket: cards, forms, commands and messages as JSON.

Times travel as instants and people as ids: the page draws both for whoever looks at them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from bot.platforms.web_store import Row
from bot.ui import Card, Choice, Command, Field, Form, Jump, Part, Person, Quote, Text, When, parts

Json = dict[str, Any]


def card_json(card: Card) -> Json:
    """A card as it is kept."""
    told: Json = {"tone": card.tone.value, "title": card.title, "text": _text(card.text)}
    told["fields"] = [{"name": fact.name, "value": _text(fact.value)} for fact in card.fields]
    told["buttons"] = [
        {"id": button.custom_id, "label": button.label, "style": button.style.value}
        for button in card.buttons
    ]
    if card.image is not None:
        told["image"] = {"data": base64.b64encode(card.image.data).decode("ascii"), "alt": card.image.alt}
    return told


def form_json(form: Form, message: int | None) -> Json:
    """A form for the dialog; ``message`` is the card whose button opened it."""
    return {
        "form": form.id,
        "arg": form.arg,
        "title": form.title,
        "submit": form.submit,
        "message": message,
        "fields": [field_json(field) for field in form.fields],
    }


def field_json(field: Field) -> Json:
    """A question of a form, or an option of a command."""
    return {
        "name": field.name,
        "kind": field.kind.value,
        "optional": field.optional,
        "limit": field.limit,
        "choices": choices_json(field.choices),
        "suggest": field.suggest,
        "label": field.label or field.name,
        "hint": field.hint,
        "value": field.value,
        "error": field.error,
    }


def choices_json(choices: Sequence[Choice]) -> list[Json]:
    """Choices or suggestions; a value stands for a missing label."""
    return [{"value": choice.value, "label": choice.label or choice.value} for choice in choices]


def command_json(command: Command) -> Json:
    """A command for the composer's completion."""
    options = [field_json(option) for option in command.options]
    return {"name": command.name, "description": command.description, "options": options}


def message_json(row: Row) -> Json:
    """A message as its readers get it; a picture stays behind and is fetched by its address."""
    told: Json = {
        "id": row.id,
        "channel": row.channel,
        "thread": row.thread,
        "author": row.author,
        "private": row.only_for is not None,
        "at": row.at.isoformat(),
        "edited": row.edited_at is not None,
        **row.body,
    }
    if row.key is not None and row.key.startswith("say:"):
        told["said"] = row.key.rpartition(":")[2]  # the action: its window drops its "sending" for this
    card = told.get("card")
    if card is not None and "image" in card:
        version = hashlib.sha256(card["image"]["data"].encode()).hexdigest()[:12]
        image = {"src": f"/picture/{row.id}?v={version}", "alt": card["image"]["alt"]}
        told["card"] = {**card, "image": image}
    return told


def picture(row: Row) -> bytes | None:
    """The picture on a message's card, if there is one."""
    image = row.body.get("card", {}).get("image")
    return None if image is None else base64.b64decode(image["data"])


def _text(text: Text) -> list[Any]:
    return [_part(part) for part in parts(text)]


def _part(part: Part) -> str | Json:
    match part:
        case str():
            return part
        case When(at, style):
            return {"when": at.isoformat(), "style": style}
        case Person(id):
            return {"person": id}
        case Jump(label, _, channel, thread, message):
            return {"jump": label, "channel": channel, "thread": thread, "message": message}
        case Quote(text):
            return {"quote": text}

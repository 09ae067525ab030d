"""What people see, as frozen data: cards, buttons, forms, fields.

Nothing here knows a platform. Every string is plain text: platforms escape all of it, so
nothing a person wrote can format, link or mention. What must differ per reader (a time,
a name, a link into the chat) is a part of its own, and each platform draws it natively.

Limits are checked when an object is built, and the strictest platform wins: Discord's
modals (title 45, label 45, 5 components), buttons (label 80, custom_id 100), Components V2
(4,000 characters in all); Slack's modals (title 24), buttons (label 75), sections
(10 fields), selects (25 on Discord), shortcuts (24). Nothing is ever cut silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

TEXT_LIMIT = 2000  # a card's text; doubled by escaping it still fits Discord's 4,000
CARD_LIMIT = 2800  # everything readable on one card
TITLE_LIMIT = 100
FACTS_LIMIT, FACT_NAME_LIMIT, FACT_LIMIT = 10, 60, 400
BUTTONS_LIMIT, LABEL_LIMIT, CUSTOM_ID_LIMIT = 10, 75, 100
FORM_TITLE_LIMIT, FORM_FIELDS_LIMIT, FIELD_LABEL_LIMIT, HINT_LIMIT = 24, 5, 45, 100
CHOICES_LIMIT, CHOICE_LABEL_LIMIT = 25, 75
VALUE_LIMIT = 3000  # Slack's plain_text_input; Discord allows 4,000
COMMAND_LIMIT, DESCRIPTION_LIMIT, SHORTCUT_LIMIT = 32, 100, 24
ALT_LIMIT = 1000

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")


class LimitError(ValueError):
    """A card, button, form or field is larger than some platform can show."""


def _at_most(limit: int, what: str, text: str) -> None:
    if len(text) > limit:
        raise LimitError(f"{what} has {len(text)} characters; at most {limit} fit")


@lru_cache(maxsize=1024)
def _identifier(what: str, text: str) -> None:
    if not _ID.match(text):
        raise LimitError(f"{what} {text!r} must look like 'cog.action' in lower case")


class Tone(StrEnum):
    """What a card means; each platform gives it a colour or an icon of its own."""

    CALM = "calm"
    WARM = "warm"
    WIN = "win"
    CARE = "care"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class When:
    """An instant (aware, UTC) that each reader sees in their own time zone.

    Styles: ``day`` (Tue 24 November), ``time`` (18:00), ``moment`` (both), ``relative`` (in 3 days).
    """

    at: datetime
    style: str = "moment"

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta(0):
            raise ValueError("When takes an aware UTC time")
        if self.style not in ("day", "time", "moment", "relative"):
            raise ValueError(f"unknown style {self.style!r}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's display name, by the platform's id of that user; never a ping."""

    id: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A link to a place or a message in the same community."""

    label: str
    community: str
    channel: str
    thread: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        _at_most(LABEL_LIMIT, "a jump's label", self.label)


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that a person wrote, set apart as a block."""

    text: str


Part = str | When | Person | Jump | Quote
Text = str | tuple[Part, ...]


def parts(text: Text | Part) -> tuple[Part, ...]:
    """The parts of a text, in order, without empty strings."""
    return tuple(part for part in (text if isinstance(text, tuple) else (text,)) if part != "")


def join(*texts: Text | Part, by: str = "") -> Text:
    """Texts one after the other, with ``by`` between those that are not empty."""
    if all(isinstance(text, str) for text in texts):
        return by.join(text for text in texts if isinstance(text, str) and text)
    out: list[Part] = []
    for text in texts:
        here = parts(text)
        if here and out and by:
            out.append(by)
        out.extend(here)
    if all(isinstance(part, str) for part in out):
        return "".join(str(part) for part in out)
    return tuple(out)


def plain(text: Text) -> str:
    """A text as characters alone, for measuring, searching and notifications without a reader."""
    if isinstance(text, str):
        return text
    shown: list[str] = []
    for part in parts(text):
        match part:
            case str():
                shown.append(part)
            case When():
                shown.append(part.at.strftime("%Y-%m-%d %H:%M UTC"))
            case Person():
                shown.append(part.id)
            case Jump():
                shown.append(part.label)
            case Quote():
                shown.append(part.text)
    return "".join(shown)


class Style(StrEnum):
    """How a button is weighted."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """A button, routed by ``id`` (``cog.action``) and ``arg``; an empty label comes from the words."""

    id: str
    arg: str = ""
    label: str = ""
    style: Style = Style.PLAIN

    def __post_init__(self) -> None:
        _identifier("a button's id", self.id)
        if len(self.custom_id) > CUSTOM_ID_LIMIT or len(self.label) > LABEL_LIMIT:
            _at_most(CUSTOM_ID_LIMIT, f"custom_id of {self.id}", self.custom_id)
            _at_most(LABEL_LIMIT, f"label of {self.id}", self.label)

    @property
    def custom_id(self) -> str:
        """What platforms store: ``cog.action:arg``."""
        return f"{self.id}:{self.arg}"


def split_custom_id(custom_id: str) -> tuple[str, str]:
    """A ``custom_id`` back into id and arg."""
    name, _, arg = custom_id.partition(":")
    return name, arg


@dataclass(frozen=True, slots=True)
class Fact:
    """A short name and its value, laid out side by side where there is room."""

    name: str
    value: Text

    def __post_init__(self) -> None:
        if not self.name or not plain(self.value):
            raise LimitError("a fact needs a name and a value")
        _at_most(FACT_NAME_LIMIT, "a fact's name", self.name)
        _at_most(FACT_LIMIT, f"fact {self.name!r}", plain(self.value))


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG picture with the words that stand for it."""

    data: bytes
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise LimitError("an image needs alt text")
        _at_most(ALT_LIMIT, "alt text", self.alt)


@dataclass(frozen=True, slots=True)
class Card:
    """One message: a title, text, facts, buttons, a picture; the tone is meaning, not colour."""

    text: Text = ""
    title: str = ""
    tone: Tone = Tone.CALM
    fields: tuple[Fact, ...] = ()
    buttons: tuple[Button, ...] = ()
    image: Image | None = None

    def __post_init__(self) -> None:
        text = plain(self.text)
        if not (text.strip() or self.title.strip() or self.fields or self.image):
            raise LimitError("a card needs a text, a title, a fact or an image")
        _at_most(TEXT_LIMIT, "a card's text", text)
        _at_most(TITLE_LIMIT, "a card's title", self.title)
        if len(self.fields) > FACTS_LIMIT:
            raise LimitError(f"a card has {len(self.fields)} facts; at most {FACTS_LIMIT} fit")
        if len(self.buttons) > BUTTONS_LIMIT:
            raise LimitError(f"a card has {len(self.buttons)} buttons; at most {BUTTONS_LIMIT} fit")
        if len({(button.id, button.arg) for button in self.buttons}) < len(self.buttons):
            raise LimitError("two buttons on one card share a custom_id")
        if self.title or self.fields:  # a text alone has a closer limit
            _at_most(CARD_LIMIT, "a card", self.plain)

    @property
    def plain(self) -> str:
        """Everything readable on the card, a line each: for screen readers, notifications and tests."""
        lines = [self.title, plain(self.text)]
        lines += [f"{fact.name}: {plain(fact.value)}" for fact in self.fields]
        return "\n".join(line for line in lines if line)

    def button(self, id: str) -> Button:
        """The first button with that id; KeyError if there is none."""
        for button in self.buttons:
            if button.id == id:
                return button
        raise KeyError(id)


class Kind(StrEnum):
    """What a field holds; each platform uses its native control."""

    TEXT = "text"
    LONG = "long"
    CHOICE = "choice"
    CHOICES = "choices"
    DATE = "date"
    TIME = "time"
    USER = "user"
    CHANNEL = "channel"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a field's values; an empty label comes from the words."""

    value: str
    label: str = ""

    def __post_init__(self) -> None:
        if not self.value:
            raise LimitError("a choice needs a value")
        _at_most(CHOICE_LABEL_LIMIT, f"choice {self.value!r}", self.label)


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form, or one option of a command; empty labels come from the words."""

    name: str
    kind: Kind = Kind.TEXT
    optional: bool = False
    limit: int = VALUE_LIMIT
    choices: tuple[Choice, ...] = ()
    suggest: bool = False  # the platform may ask the bot for completions while the person types
    label: str = ""
    hint: str = ""
    value: str = ""  # filled in; several choices are joined by commas
    error: str = ""  # what was wrong with the value handed in

    def __post_init__(self) -> None:
        _identifier("a field's name", self.name)
        _at_most(FIELD_LABEL_LIMIT, f"label of {self.name}", self.label)
        _at_most(HINT_LIMIT, f"hint of {self.name}", self.hint)
        if not 1 <= self.limit <= VALUE_LIMIT:
            raise LimitError(f"field {self.name} takes {self.limit} characters; at most {VALUE_LIMIT} fit")
        if len(self.choices) > CHOICES_LIMIT:
            raise LimitError(
                f"field {self.name} has {len(self.choices)} choices; at most {CHOICES_LIMIT} fit"
            )
        if bool(self.choices) != (self.kind in (Kind.CHOICE, Kind.CHOICES)):
            raise LimitError(f"field {self.name} is {self.kind} with {len(self.choices)} choices")

    @property
    def values(self) -> tuple[str, ...]:
        """The choices that are filled in."""
        return tuple(value for value in self.value.split(",") if value)


def choices(values: type[StrEnum]) -> tuple[Choice, ...]:
    """An enumeration as the choices of a field."""
    return tuple(Choice(value.value) for value in values)


@dataclass(frozen=True, slots=True)
class Form:
    """A dialog of at most five fields; ``arg`` comes back with the submission."""

    id: str
    fields: tuple[Field, ...]
    arg: str = ""
    title: str = ""
    submit: str = ""
    again: Button | None = None  # opens it once more, for platforms that cannot show it in place

    def __post_init__(self) -> None:
        _identifier("a form's id", self.id)
        _at_most(CUSTOM_ID_LIMIT, f"custom_id of {self.id}", f"{self.id}:{self.arg}")
        _at_most(FORM_TITLE_LIMIT, f"title of {self.id}", self.title)
        _at_most(FORM_TITLE_LIMIT, f"submit label of {self.id}", self.submit)
        if not 1 <= len(self.fields) <= FORM_FIELDS_LIMIT:
            raise LimitError(f"form {self.id} has {len(self.fields)} fields; 1 to {FORM_FIELDS_LIMIT} fit")
        if len({each.name for each in self.fields}) < len(self.fields):
            raise LimitError(f"form {self.id} has two fields of one name")

    def filled(self, values: Mapping[str, str]) -> Form:
        """The same form with these values in its fields; values that are too long are left out."""
        return replace(
            self,
            fields=tuple(
                replace(each, value=values[each.name])
                if len(values.get(each.name, "")) <= each.limit and each.name in values
                else each
                for each in self.fields
            ),
        )

    @property
    def errors(self) -> dict[str, str]:
        """What was wrong, by field name."""
        return {each.name: each.error for each in self.fields if each.error}


class Audience(StrEnum):
    """Whom something is for. Others are refused by the bot, and platforms need not offer it to them."""

    EVERYONE = "everyone"
    MODERATORS = "moderators"
    ORGANISERS = "organisers"

    def admits(self, *, moderator: bool, organiser: bool) -> bool:
        """Whether somebody belongs to it; an organiser may do what moderators may."""
        match self:
            case Audience.EVERYONE:
                return True
            case Audience.MODERATORS:
                return moderator or organiser
            case Audience.ORGANISERS:
                return organiser


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as platforms register and complete it.

    Platforms that have shortcuts offer it there too: ``shortcut`` is its label from anywhere, ``on_message``
    its label on a message (which comes as ``Event.message``); empty where it has none. Before the words are
    put in, its name stands for a label. ``typed`` is false for what nobody types: it has shortcuts alone.
    """

    name: str
    description: str = ""
    options: tuple[Field, ...] = field(default=())
    audience: Audience = Audience.EVERYONE
    shortcut: str = ""
    on_message: str = ""
    typed: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name):
            raise LimitError(f"command {self.name!r} must be lower case letters, digits, - and _")
        _at_most(COMMAND_LIMIT, "a command's name", self.name)
        _at_most(DESCRIPTION_LIMIT, f"description of /{self.name}", self.description)
        _at_most(SHORTCUT_LIMIT, f"shortcut of /{self.name}", self.shortcut)
        _at_most(SHORTCUT_LIMIT, f"message shortcut of /{self.name}", self.on_message)
        if not (self.typed or self.shortcut or self.on_message):
            raise LimitError(f"command {self.name!r} can be neither typed nor chosen")

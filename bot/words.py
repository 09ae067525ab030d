"""Every sentence that people read, by id and language (Fluent files under ``bot/content``).

A sentence may hold parts that each platform draws itself (a time, a name, a quote): they pass
through Fluent as private-use marks and come out as parts of a ``Text``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from fluent.runtime import FluentBundle
from fluent.syntax import FluentParser, ast

from bot.ui import Button, Card, Choice, Command, Field, Form, Jump, Part, Person, Quote, Text, When, parts

DEFAULT = "en"
_MARK = re.compile("\ue000(\\d+)\ue001")
Saying = Text | int | float | bool | When | Person | Jump | Quote


class UnknownWords(KeyError):
    """No sentence has this id, or it needs a variable that was not given."""


@lru_cache(maxsize=1024)
def words_id(ui_id: str) -> str:
    """The id of the words for a button, form or command: dots are not allowed in Fluent's ids."""
    return ui_id.replace(".", "-")


class Voice:
    """One language. Call it with an id (``message`` or ``message.attribute``) and variables."""

    def __init__(self, language: str, bundle: FluentBundle, fallback: Voice | None = None) -> None:
        self.language = language
        self._bundle, self._fallback = bundle, fallback
        self._same: dict[str, str] = {}  # sentences that need no variables, once they were asked for

    def has(self, id: str) -> bool:
        """Whether the sentence exists in this language or in the one behind it."""
        return self._pattern(id) is not None or (self._fallback is not None and self._fallback.has(id))

    def __call__(self, id: str, **says: Saying) -> Text:
        """The sentence with its variables filled in. ``UnknownWords`` if id or variable is missing."""
        pattern = self._pattern(id)
        if pattern is None:
            if self._fallback is None:
                raise UnknownWords(id)
            return self._fallback(id, **says)
        marked: list[Part] = []
        arguments = {name: _argument(value, marked) for name, value in says.items()}
        text, errors = self._bundle.format_pattern(pattern, arguments)
        if errors:
            raise UnknownWords(f"{id}: {errors[0]}")
        return _unmark(str(text), marked)

    def line(self, id: str, **says: str | int | float) -> str:
        """A sentence that is characters alone, for labels and titles."""
        if not says and (same := self._same.get(id)) is not None:
            return same
        text = self(id, **says)
        if not isinstance(text, str):
            raise UnknownWords(f"{id} must be plain characters")
        if not says:
            self._same[id] = text
        return text

    def _pattern(self, id: str):
        name, _, attribute = id.partition(".")
        if not self._bundle.has_message(name):
            return None
        message = self._bundle.get_message(name)
        return message.attributes.get(attribute) if attribute else message.value

    def optional(self, id: str) -> str:
        """The sentence, or nothing where there is none."""
        return self.line(id) if self.has(id) else ""

    def button(self, button: Button, arg: str = "", **says: str | int) -> Button:
        """A declared button, with its label and arg."""
        label = self.line(words_id(button.id), **says)
        return Button(button.id, arg or button.arg, label, button.style)

    def card(self, card: Card) -> Card:
        """A card whose buttons all have labels."""
        if not card.buttons or all(button.label for button in card.buttons):
            return card
        return replace(card, buttons=tuple(b if b.label else self.button(b) for b in card.buttons))

    def field(self, field: Field, of: str) -> Field:
        """A field of the form or command whose words have the id ``of``."""
        return replace(
            field,
            label=field.label or self.line(f"{of}.{field.name}"),
            hint=field.hint or self.optional(f"{of}.{field.name}-hint"),
            choices=tuple(self._choice(choice, field.name) for choice in field.choices),
        )

    def _choice(self, choice: Choice, field: str) -> Choice:
        return choice if choice.label else replace(choice, label=self.line(f"choice-{field}.{choice.value}"))

    def form(self, form: Form) -> Form:
        """A form with title, labels, hints and choices."""
        of = words_id(form.id)
        return replace(
            form,
            title=form.title or self.line(f"{of}.title"),
            submit=form.submit or self.optional(f"{of}.submit") or self.line("form-submit"),
            fields=tuple(self.field(field, of) for field in form.fields),
        )

    def command(self, command: Command) -> Command:
        """A command with its description, its options and the labels of its shortcuts."""
        of = f"command-{command.name}"
        return replace(
            command,
            description=self.line(of),
            shortcut=command.shortcut and self.line(f"{of}.shortcut"),
            on_message=command.on_message and self.line(f"{of}.on-message"),
            options=tuple(self.field(option, of) for option in command.options),
        )


def _argument(value: Saying, marked: list[Part]) -> str | int | float:
    """A Fluent variable: numbers as they are, plain strings too, everything else behind a mark."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return value
        case str() if not _has_marks(value):
            return value
        case _:
            shown = ""
            for part in parts(value):
                marked.append(part)
                shown += f"\ue000{len(marked) - 1}\ue001"
            return shown


def _has_marks(text: str) -> bool:
    return "\ue000" in text or "\ue001" in text


def _unmark(text: str, marked: list[Part]) -> Text:
    if not marked:
        return text
    pieces: list[Part] = []
    for index, piece in enumerate(_MARK.split(text)):
        pieces.append(marked[int(piece)] if index % 2 else piece)
    kept = tuple(piece for piece in pieces if piece != "")
    if all(isinstance(piece, str) for piece in kept):
        return "".join(str(piece) for piece in kept)
    return kept


class Words:
    """All languages. ``Words.load(folder)`` reads ``<folder>/<language>/*.ftl``."""

    def __init__(self, voices: dict[str, Voice]) -> None:
        self._voices = voices

    @classmethod
    def load(cls, folder: Path) -> Words:
        """Read every language under ``folder``; English stands behind all others."""
        voices: dict[str, Voice] = {}
        languages = sorted(
            (each.name for each in folder.iterdir() if any(each.glob("*.ftl"))),
            key=lambda name: (name != DEFAULT, name),
        )
        for language in languages:
            bundle = FluentBundle([language], use_isolating=False)
            for file in sorted((folder / language).glob("*.ftl")):
                bundle.add_resource(_resource(file))
            voices[language] = Voice(language, bundle, voices.get(DEFAULT))
        return cls(voices)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages there are words for, English first."""
        return tuple(self._voices)

    def speak(self, *wishes: str) -> Voice:
        """The first language of ``wishes`` that there is (``de-AT`` finds ``de``), else English."""
        if len(wishes) == 1 and (voice := self._voices.get(wishes[0])):
            return voice
        for wish in _with_parents(wishes):
            if wish in self._voices:
                return self._voices[wish]
        return self._voices[DEFAULT]


def _resource(file: Path) -> ast.Resource:
    """A Fluent file; what Fluent cannot read is an error here, not a sentence that is missing later.

    Where each word stands in the file is not kept: it would double what a language weighs.
    """
    resource = FluentParser(with_spans=False).parse(file.read_text("utf-8"))
    for entry in resource.body:
        if isinstance(entry, ast.Junk):
            start = (entry.content or "").strip().splitlines()[0]
            raise UnknownWords(f"{file.name}: cannot be read from {start!r} on")
    return resource


def _with_parents(wishes: Iterable[str]) -> Iterable[str]:
    for wish in wishes:
        yield wish
        yield wish.partition("-")[0]

"""The words and data that organisers may change without reading Python, read once at start.

``plans.toml`` is the follow-up plan per stage; ``<language>/prompts.toml`` the encouragement;
``<language>/openers.toml`` what opens a thread; ``<language>/*.ftl`` every other sentence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).parent
ANY = "any"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A short encouragement; ``themes[0]`` is what it is mainly about."""

    id: str
    themes: tuple[str, ...]
    stages: tuple[str, ...]
    text: str

    def fits(self, stage: str) -> bool:
        """Whether it suits somebody whose last no came at ``stage`` (empty: none yet)."""
        return ANY in self.stages or stage in self.stages


class Prompts(tuple[Prompt, ...]):
    """All prompts, in the order of the file; what fits whom is found once."""

    ids: tuple[str, ...]
    codes: tuple[float, ...]  # a number from 0 to 1 for each, from its id alone
    _fitting: dict[tuple[str, frozenset[str]], tuple[int, ...]]

    def __new__(cls, prompts: Iterable[Prompt]) -> Self:
        """Any prompts."""
        made = super().__new__(cls, prompts)
        made.ids = tuple(each.id for each in made)
        digests = (blake2b(id.encode(), digest_size=8).digest() for id in made.ids)
        made.codes = tuple(int.from_bytes(digest, "big") / 2**64 for digest in digests)
        made._fitting = {}
        return made

    def fitting(self, stage: str, themes: frozenset[str]) -> Sequence[int]:
        """Where those stand that are for a stage and about one of the themes; about any if none is."""
        found = self._fitting.get((stage, themes))
        if found is None:
            fits = [n for n, each in enumerate(self) if each.fits(stage)]
            found = tuple([n for n in fits if themes & set(self[n].themes)] or fits)
            self._fitting[stage, themes] = found  # at most as many as there are stages and sets of themes
        return found


@dataclass(frozen=True, slots=True)
class Opener:
    """A first line for the peers in a thread."""

    id: str
    wish: str
    stages: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One nudge of a plan: so many local days after, at a local time, worth sending ``late`` at most."""

    kind: str
    after_days: int
    at: time
    late: timedelta


@dataclass(frozen=True, slots=True)
class Content:
    """Everything under ``bot/content`` that is not a Fluent file."""

    plans: dict[str, tuple[Step, ...]]
    prompts: Prompts
    openers: tuple[Opener, ...]
    adjectives: tuple[str, ...]
    animals: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path = FOLDER, language: str = "en") -> Content:
        """Read the files; a missing key is a ``KeyError`` that names it."""
        here = folder / language
        prompts, openers = _toml(here / "prompts.toml"), _toml(here / "openers.toml")
        names = _toml(here / "pseudonyms.toml")
        return cls(
            plans={
                plan["stage"]: tuple(
                    Step(
                        step["kind"],
                        step["after_days"],
                        time.fromisoformat(step["at"]),
                        timedelta(days=step["late_days"]),
                    )
                    for step in plan["step"]
                )
                for plan in _toml(folder / "plans.toml")["plan"]
            },
            prompts=Prompts(
                Prompt(each["id"], tuple(each["themes"]), tuple(each["stages"]), each["text"])
                for each in prompts["prompt"]
            ),
            openers=tuple(
                Opener(each["id"], each["wish"], tuple(each["stages"]), each["text"])
                for each in openers["opener"]
            ),
            adjectives=tuple(names["adjectives"]),
            animals=tuple(names["animals"]),
        )

    @property
    def themes(self) -> tuple[str, ...]:
        """Every theme that a prompt has, in the order of the file."""
        return tuple(dict.fromkeys(theme for prompt in self.prompts for theme in prompt.themes))


def _toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)

"""Reading settings and saying exactly what is wrong: where, which key, what value, which remedy.

Knows no single setting: ``config`` passes its sections in. A secret's value appears in no
message, and neither does the value of an unknown key, which may be a misspelt secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from zoneinfo import available_timezones

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Table = dict[str, Any]
Known = Mapping[str, Mapping[str, FieldInfo]]  # section -> key -> what pydantic knows of it
SAID = "said"  # the type of a validation error that brings its own sentence
LONGEST_VALUE = 60  # characters of an offending value that are shown; what is cut is marked …


class ConfigError(Exception):
    """The settings cannot be used. The text is for the organiser: a line for each thing to mend."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Which keys were set where: in the file called ``file``, or by the variable that ``env`` names."""

    file: str
    in_file: frozenset[tuple[str, str]]
    env: Mapping[tuple[str, str], str]

    @property
    def set(self) -> frozenset[tuple[str, str]]:
        """Every key that is set somewhere."""
        return self.in_file | frozenset(self.env)

    def of(self, section: str, key: str) -> str:
        """Where the value in force comes from: a variable, the file, or "default"."""
        if (section, key) in self.env:
            return self.env[section, key]
        return self.file if (section, key) in self.in_file else "default"


def read_toml(path: Path) -> Table:
    """Return the file's content. ``ConfigError`` when it is missing, unreadable, not UTF-8 or not TOML."""
    try:
        # Some editors start a file with an invisible mark, which TOML forbids and -sig drops.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        problem = (
            "there is no such file. Correct --config, or leave it out to use config.toml or the defaults."
        )
    except IsADirectoryError:
        problem = "this is a folder. Name the file in it."
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: byte 0x{error.object[error.start]:02X} is not UTF-8. Save the file as UTF-8."
    except tomllib.TOMLDecodeError as error:
        problem = _syntax(str(error))
    except (RecursionError, ValueError):  # a thousand nested lists; a path with a null in it
        problem = "this cannot be read as TOML. Compare it with config.example.toml."
    except OSError as error:
        problem = f"this cannot be read: {error.strerror}. Check the name and who may read it."
    raise ConfigError(f"{plain(str(path))}: {problem}")


def _syntax(said: str) -> str:
    what, _, where = said.removesuffix(")").rpartition(" (at ")
    place = where.replace("end of document", "the end")
    remedy = 'Text and times stand in quotes: name = "Bounceback".'
    return f"{place}: {plain(what or said)}. {remedy}"


def misplaced(table: Table, known: Known, file: str) -> Iterator[str]:
    """Take out of ``table`` what cannot be a setting, saying so; what is left has a section and a key."""
    for section, value in list(table.items()):
        if section not in known:
            del table[section]
            near = _near(section, known)
            homes = listed(f"[{name}]" for name in known if section in known[name])
            there = f"It belongs in {homes}." if homes else f"There are {listed(f'[{n}]' for n in known)}."
            remedy = f"Did you mean [{near}]?" if near else there
            yield f"{file}: {_key(section)} is not a section. {remedy}"
        elif not isinstance(value, dict):
            del table[section]
            yield f"{file}: {section} is a section. Write [{section}] on a line, and its settings below."
        else:
            yield from _unknown_keys(section, cast("Table", value), known, file)


def _unknown_keys(section: str, table: Table, known: Known, file: str) -> Iterator[str]:
    for key, value in list(table.items()):
        if key not in known[section]:
            del table[key]
            near = _near(f"{section}.{key}", [f"{a}.{b}" for a in known for b in known[a]])
            remedy = f"Did you mean {near}?" if near else f"[{section}] has {listed(known[section])}."
            yield f"{file}: {section}.{_key(key)} is not a setting. {remedy}"
        elif isinstance(value, bool) and known[section][key].annotation is not bool:
            del table[key]  # else true would pass for the number 1
            yield problem(file, section, key, known[section][key], value)


def variables(
    environ: Iterable[str], known: Known, prefix: str
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Return which variable sets which key, and a line for each variable of ours that sets none."""
    keys = {f"{section}__{key}".upper(): (section, key) for section in known for key in known[section]}
    found: dict[tuple[str, str], str] = {}
    wrong: list[str] = []
    for name in sorted(environ):
        bare = name.upper().removeprefix(prefix)
        if bare in keys:
            found[keys[bare]] = name
        else:
            near = _near(bare, keys) or next((key for key in keys if key.endswith(f"__{bare}")), "")
            remedy = f"Did you mean {prefix}{near}?" if near else f"They look like {prefix}WEB__PORT."
            wrong.append(f"{plain(name)}: no setting has this name. {remedy}")
    return found, wrong


def rejected(error: ErrorDetails, origins: Origins, known: Known) -> str:
    """Return the line for one of pydantic's errors."""
    section, key = str(error["loc"][0]), str(error["loc"][1])
    said = error["msg"] if error["type"] == SAID else ""
    return problem(origins.of(section, key), section, key, known[section][key], error["input"], said)


def problem(where: str, section: str, key: str, info: FieldInfo, value: object, said: str = "") -> str:
    """Return the line for a value that does not fit; ``said`` replaces the general remedy."""
    shown = "" if info.annotation is SecretStr else f" = {show(value)}"
    if not info.repr and not str(value).startswith("sqlite:"):
        # A URL that does not fit may hold its password anywhere.
        scheme = re.match(r"[A-Za-z0-9+.-]+://", str(value))
        shown = f' = "{scheme[0]}…"' if scheme else ""
    return f"{plain(where)}: {section}.{key}{shown} {said or f'does not fit. It takes {info.description}.'}"


def show(value: object) -> str:
    """Return a value as one would write it in the file, on one line, without a password in a URL."""
    if isinstance(value, str):
        value = hide_password(value)
    if isinstance(value, date | time):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
    return plain(text)


def hide_password(text: str) -> str:
    """Return ``text`` without what may be a password, if it is a URL. Rather too much than too little."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme == "sqlite":
        return text
    rest = re.sub(r"(?i)(pass\w*=)[^&]*", r"\1***", rest)
    person, at, host = rest.rpartition("@")
    name, colon, _ = person.partition(":")
    return f"{scheme}://{name}{':***' if colon else ''}{at}{host}"


def plain(text: str) -> str:
    """Return ``text`` so that any terminal can print it, on one line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def zone_remedy(name: str) -> str:
    """Return what to write instead: people turn "Europe/Berlin" round, or write the city alone."""
    names: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        parts = zone.lower().split("/")
        for alias in ("/".join(parts), "/".join(reversed(parts)), parts[-1]):
            names.setdefault(alias, zone)
    near = _near(name.strip().replace(" ", "_"), names, 0.75)  # else PST would be taken for MST
    return f'Did you mean "{names[near]}"?' if near else 'Use one such as "Europe/Berlin" or "UTC".'


def _near(name: str, names: Iterable[str], alike: float = 0.6) -> str:
    """Return the most similar of ``names`` in any case, or an empty string."""
    folded = {known.lower(): known for known in names}
    return folded.get(next(iter(get_close_matches(name.lower()[:64], folded, 1, alike)), ""), "")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else show(name)


def listed(names: Iterable[str], word: str = "and") -> str:
    """Return "a, b and c"; an empty string for no names."""
    names = list(names)
    *most, last = names or [""]
    return f"{', '.join(most)} {word} {last}" if most else last

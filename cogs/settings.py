"""/settings: the time zone, quiet hours, how many messages a day, the language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any
from unicodedata import combining, normalize

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import local
from bot.cog import Cog, Ctx, Kit
from bot.errors import Refused
from bot.people import quiet_hours
from bot.storage.schema import people
from bot.ui import CHOICES_LIMIT, Button, Card, Choice, Fact, Field, Form, Kind, Text, When, join
from bot.when import parse_wall

cog = Cog("settings", owns=(people,))

LANGUAGES = (Choice("en", "English"),)
PER_DAY = ("one", "two", "three", "four", "five")  # words, as Fluent's attributes are no numbers
FORM = Form(
    "settings.edit",
    (
        Field("zone", suggest=True, limit=64),
        Field("quiet_from", kind=Kind.TIME),
        Field("quiet_to", kind=Kind.TIME),
        Field("per_day", kind=Kind.CHOICE, choices=tuple(map(Choice, PER_DAY))),
        Field("language", kind=Kind.CHOICE, choices=LANGUAGES),
    ),
)
SHOW = Button("settings.show")
CHANGE = Button("settings.change")

OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\-\u2212])\s*([0-9]{1,2})(?:[:.]?([0-9]{2}))?")
PREFIX = re.compile(r"\A(?:time\s*)?zone\b[\s:=]*", re.IGNORECASE)
NEAR = 3  # how many names are offered for one that is unknown
ALIKE = 0.75  # from here on a name counts as misspelled; below, "San Francisco" is taken for San Marino
SHORT = {  # what people call their time is no zone (EST has no summer), but says which one they mean
    **dict.fromkeys(("est", "edt"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt"), "America/Denver"),
    **dict.fromkeys(("pst", "pdt"), "America/Los_Angeles"),
    **dict.fromkeys(("gmt", "bst", "uk"), "Europe/London"),
    **dict.fromkeys(("cet", "cest"), "Europe/Berlin"),
    **dict.fromkeys(("eet", "eest"), "Europe/Athens"),
}

cog.press_opens(CHANGE, FORM)


# -- /settings ------------------------------------------------------------------------------------


@cog.command("settings", options=(Field("zone", optional=True, suggest=True, limit=64),))
async def command(ctx: Ctx) -> Card:
    """``/settings berlin`` or ``/settings zone berlin`` sets the zone; alone: how everything stands."""
    typed = PREFIX.sub("", ctx.arg or ctx.values.get("zone", ""), count=1).strip()
    if not typed:
        return await _status(ctx)
    zone = _zone(typed, ctx.now)
    await _save(ctx, {"zone": zone})
    return Card(_zone_changed(ctx, zone), buttons=(SHOW,))


@cog.press(SHOW)
async def show(ctx: Ctx) -> Card:
    return await _status(ctx)


async def _status(ctx: Ctx) -> Card:
    """How everything stands, and what of it the person did not choose themselves."""
    async with ctx.kit.storage.read() as connection:
        row = await _row(connection, ctx.user.key)
    person, line = ctx.person, ctx.line
    app_zone = ctx.event.zone or row.get("platform_zone")
    app_language = ctx.event.locale.partition("-")[0] == ctx.voice.language
    language = next(each.label for each in LANGUAGES if each.value == ctx.voice.language)
    facts = {
        "zone": (_zone_now(ctx, person.zone), _source(ctx, row, "zone", app=bool(app_zone))),
        "quiet": (
            _quiet(ctx, person.quiet_from, person.quiet_to),
            _source(ctx, row, "quiet_from", app=quiet_hours(ctx.event.quiet) is not None),
        ),
        "per_day": (line(f"choice-per_day.{_number(person.per_day)}"), _source(ctx, row, "per_day")),
        "language": (language, _source(ctx, row, "language", app=app_language)),
        "break": (_break(ctx), ""),
    }
    shown = tuple(Fact(line(f"settings-fact.{name}"), join(*texts, by=" ")) for name, texts in facts.items())
    return Card(
        ctx.say("settings-private"), title=line("settings-title"), fields=shown, buttons=(ctx.button(CHANGE),)
    )


def _source(ctx: Ctx, row: Mapping[str, Any], column: str, *, app: bool = False) -> str:
    """Where a value comes from, if the person did not choose it."""
    return "" if row.get(column) else ctx.line("settings-from", source="app" if app else "community")


def _zone_now(ctx: Ctx, zone: str) -> str:
    """A wall clock there, in figures: how each reader's own clock stands does not help here."""
    return ctx.line("settings-zone-now", zone=_shown(zone), time=_wall(zone, ctx.now))


def _quiet(ctx: Ctx, start: time, end: time) -> str:
    if start == end:
        return ctx.line("settings-no-quiet")
    return ctx.line("settings-quiet", start=start.isoformat("minutes"), end=end.isoformat("minutes"))


def _number(per_day: int) -> str:
    return PER_DAY[min(max(per_day, 1), len(PER_DAY)) - 1]


def _break(ctx: Ctx) -> Text:
    person = ctx.person
    if not person.paused(ctx.now) or person.paused_until is None:
        return ctx.say("settings-no-break")
    if person.paused_for_good(ctx.now):
        return ctx.say("settings-break-open")
    return ctx.say("settings-break", when=When(person.decent(person.paused_until)))


async def _row(connection: AsyncConnection, user: str) -> Mapping[str, Any]:
    found = await connection.execute(select(people).where(people.c.user == user))
    row = found.mappings().first()
    return {column.name: row[column] for column in people.c} if row else {}


# -- changing them --------------------------------------------------------------------------------


@cog.fill(FORM)
async def fill(ctx: Ctx) -> Mapping[str, str]:
    person = ctx.person
    return {
        "zone": person.zone,
        "quiet_from": person.quiet_from.isoformat("minutes"),
        "quiet_to": person.quiet_to.isoformat("minutes"),
        "per_day": _number(person.per_day),
        "language": ctx.voice.language,
    }


@cog.submit(FORM)
async def edit(ctx: Ctx) -> Card:
    """Keep what differs, and say it; what was left as it came still follows the app and the community."""
    person, values = ctx.person, ctx.values
    zone = _zone(values["zone"], ctx.now)
    start, end = _time(values, "quiet_from"), _time(values, "quiet_to")
    per_day, language = PER_DAY.index(values["per_day"]) + 1, values["language"]
    changes: dict[str, Any] = {}
    says: list[Text] = []
    if zone != person.zone:
        changes["zone"] = zone
        says.append(_zone_changed(ctx, zone))
    if (start, end) != (person.quiet_from, person.quiet_to):
        changes |= {"quiet_from": start.isoformat("minutes"), "quiet_to": end.isoformat("minutes")}
        says.append(_quiet_changed(ctx, start, end))
    if per_day != person.per_day:
        changes["per_day"] = per_day
        says.append(ctx.say("settings-per_day-changed", n=per_day))
    if language != ctx.voice.language:
        changes["language"] = language
        says.append(ctx.kit.words.speak(language)("settings-language-changed"))
    if not changes:
        return Card(ctx.say("settings-unchanged"), buttons=(SHOW,))
    await _save(ctx, changes)
    return Card(join(*says, by="\n"), title=ctx.line("settings-saved"), buttons=(SHOW,))


async def _save(ctx: Ctx, changes: Mapping[str, Any]) -> None:
    """Keep it; in a new zone everything that is planned by local time finds its new moment at once."""
    async with ctx.write() as tx:
        await ctx.kit.people.change(tx, ctx.user.key, ctx.now, **changes)
        new = await ctx.kit.people.load(tx, ctx.user.key, ctx.event)
        if new.zone != ctx.person.zone:
            await ctx.rezone(ctx.kit, tx, ctx.person, new)


def _time(values: Mapping[str, str], name: str) -> time:
    at = parse_wall(values[name])
    if at is None:
        raise Refused("settings-time-unclear", field=name)
    return at


def _zone_changed(ctx: Ctx, zone: str) -> Text:
    return ctx.say("settings-zone-changed", zone=_shown(zone), time=_wall(zone, ctx.now))


def _quiet_changed(ctx: Ctx, start: time, end: time) -> Text:
    if start == end:
        return ctx.say("settings-quiet-ended")
    return ctx.say("settings-quiet-changed", start=start.isoformat("minutes"), end=end.isoformat("minutes"))


# -- time zones by what people call them ----------------------------------------------------------


@cog.suggest("settings", "zone")
@cog.suggest("settings.edit", "zone")
async def suggest(ctx: Ctx) -> Sequence[Choice]:
    """Zones for what is typed so far; before that, those where the clocks show what theirs show."""
    typed = PREFIX.sub("", ctx.arg, count=1).strip()
    zones = search(typed, ctx.now) if typed else _at_offset(_offset_of(ctx.person.zone, ctx.now), ctx.now)
    return [
        Choice(zone, ctx.line("settings-zone-now", zone=_shown(zone), time=_wall(zone, ctx.now)))
        for zone in zones[:CHOICES_LIMIT]
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """A zone that is in use, and its names as they are compared."""

    zone: str
    name: str
    city: str
    country: str

    @property
    def parts(self) -> int:
        """How deep it is: New York comes before North Dakota's New Salem."""
        return self.zone.count("/")

    def rank(self, wanted: str) -> int:
        """How near it is to what was typed, 1 the nearest; 0 if it is something else."""
        if wanted in (self.city, self.name, self.country):
            return 1
        if self.city.startswith(wanted):
            return 2
        everything = f" {self.city} {self.name} {self.country}"
        if f" {wanted}" in everything:
            return 3
        return 4 if wanted in everything else 0


def search(typed: str, now: datetime) -> list[str]:
    """Zones by city, region, country or UTC offset, the nearest first."""
    if offset := OFFSET.fullmatch(typed.strip().casefold()):
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return _at_offset(length if offset[1] == "+" else -length, now)
    wanted = _plain(typed)
    if wanted in SHORT:
        return [SHORT[wanted]]
    ranked = [(rank, each.parts, each.city, each.zone) for each in known() if (rank := each.rank(wanted))]
    if ranked:
        return [zone for *_, zone in sorted(ranked)]
    cities = {each.city: each.zone for each in known()}
    return [cities[city] for city in get_close_matches(wanted, cities, CHOICES_LIMIT, ALIKE)]


def _zone(typed: str, now: datetime) -> str:
    """The one zone that is meant; the person is told what comes near if there is none."""
    zone = names().get(_plain(typed))
    if zone is None:
        near = [_shown(each) for each in search(typed, now)[:NEAR]]
        raise Refused("settings-zone-unknown", field="zone", n=len(near), near=", ".join(near))
    return zone


def _at_offset(offset: timedelta, now: datetime) -> list[str]:
    found = (each for each in known() if _offset_of(each.zone, now) == offset)
    return [each.zone for each in sorted(found, key=lambda each: each.city)]


def _offset_of(zone: str, now: datetime) -> timedelta:
    return local(now, zone).utcoffset() or timedelta()


@cache
def known() -> tuple[Known, ...]:
    """The zones that the time zone database lists for people, with their countries; and UTC."""
    folder = files("tzdata").joinpath("zoneinfo")
    countries = dict(
        line.split("\t")[:2] for line in _lines(folder.joinpath("iso3166.tab").read_text("utf-8"))
    )
    rows = (line.split("\t") for line in _lines(folder.joinpath("zone.tab").read_text("utf-8")))
    places = [(row[2], countries[row[0]]) for row in rows]
    return tuple(
        Known(zone, _plain(zone), _plain(zone.rpartition("/")[2]), _plain(country))
        for zone, country in [*places, ("UTC", "")]
    )


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def names() -> Mapping[str, str]:
    """Every zone by its full name, and by its city alone; of two that share a city, the one in use.

    Abbreviations are left out: see ``SHORT``.
    """
    listed = {each.zone for each in known()}
    every = files("tzdata").joinpath("zones").read_text("utf-8").split()
    zones = [zone for zone in every if zone in listed or re.search("/|[a-z]{3}", zone)]
    zones = [zone for zone in zones if not zone.startswith("Etc/") and zone != "Factory"]
    zones.sort(key=lambda zone: (zone not in listed, len(zone), zone))
    cities = {_plain(zone.rpartition("/")[2]): zone for zone in reversed(zones)}
    return cities | {_plain(zone): zone for zone in zones}


def _plain(name: str) -> str:
    """A name as it is compared: "São Paulo", "sao_paulo" and "SAO PAULO" are the same."""
    letters = (char for char in normalize("NFKD", name.casefold()) if not combining(char))
    return " ".join("".join(letters).replace("_", " ").replace("-", " ").split())


def _shown(zone: str) -> str:
    return zone.replace("_", " ")


def _wall(zone: str, now: datetime) -> str:
    return local(now, zone).time().isoformat("minutes")


# -- what is stored about a person ----------------------------------------------------------------


@cog.export
async def export(_: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """Everything in the row about a person; what is empty is the community's choice."""
    row = await _row(connection, user.key)
    stored = {name: value for name, value in row.items() if name != "user" and value not in (None, "")}
    return {
        "settings": {
            name: value.isoformat(timespec="minutes") if isinstance(value, datetime) else value
            for name, value in stored.items()
        }
    }


@cog.forget
async def forget(_: Kit, tx: AsyncConnection, user: User) -> None:
    await tx.execute(delete(people).where(people.c.user == user.key))

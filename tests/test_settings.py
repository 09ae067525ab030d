"""/settings: how a person wants to be spoken to, in their own zone and at decent hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Kind
from bot.clock import at_local, local, zone_info
from bot.cog import Cog, Kit, Nudge, Plan
from bot.content import FOLDER
from bot.people import Defaults, Preferences
from bot.storage.schema import FOREVER, people
from bot.ui import CHOICES_LIMIT, Card, Choice, Form, plain
from bot.words import Words
from cogs import settings
from tests.world import MONDAY, Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

other = Cog("other")
told: list[tuple[Preferences, Preferences]] = []


@other.rezone
async def rezone(_: Kit, tx: AsyncConnection, old: Preferences, new: Preferences) -> None:
    """What a feature sees of a new zone, inside the same transaction."""
    stored = (await tx.execute(select(people.c.zone).where(people.c.user == new.user))).scalar()
    assert stored == new.zone
    told.append((old, new))


@other.nudge("other.note")
async def note(_: Nudge) -> Card:
    return Card("A message.")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A community whose defaults are not the program's."""
    told.clear()
    defaults = Defaults(zone="Europe/London", quiet_from=time(22, 0), quiet_to=time(7, 15), per_day=2)
    made = await World.open(tmp_path, defaults=defaults, cogs=(settings.cog, other))
    yield made
    await made.close()


def facts(card: Card | Form | None) -> dict[str, str]:
    assert isinstance(card, Card), card
    return {fact.name: plain(fact.value) for fact in card.fields}


async def stored(world: World, ada: Actor) -> dict[str, Any]:
    async with world.storage.read() as connection:
        rows = await connection.execute(select(people).where(people.c.user == ada.user.key))
        row = rows.mappings().one()
    return {column.name: row[column] for column in people.c}


async def form_of(ada: Actor) -> Form:
    form = await ada.presses(await ada.gets("/settings"), "settings.change")
    assert isinstance(form, Form)
    return form


async def suggested(ada: Actor, typed: str) -> list[Choice]:
    dispatch = ada.world.chat.dispatch
    assert dispatch is not None
    of_command = await dispatch.suggest(ada.event(Kind.COMMAND, "settings", arg=typed), "zone")
    of_form = await dispatch.suggest(ada.event(Kind.SUBMIT, "settings.edit", arg=typed), "zone")
    assert list(of_command) == list(of_form)
    return list(of_command)


# -- the card -------------------------------------------------------------------------------------


async def test_what_she_did_not_choose_is_said_as_such(world: World, ada: Actor) -> None:
    card = await ada.gets("/settings")
    assert facts(card) == {
        "Time zone": "Europe/Berlin, 10:00 there now (from your app)",
        "Quiet hours": "22:00 to 07:15 (set for everyone here)",
        "Messages": "Up to two a day (set for everyone here)",
        "Language": "English (from your app)",
        "Break": "No break right now",
    }
    assert [button.id for button in card.buttons] == ["settings.change"]
    assert facts(await ada.pushes(settings.SHOW)) == facts(card)


async def test_without_a_hint_the_communitys_zone_holds(world: World) -> None:
    cara = world.person("cara", zone="")
    cara.locale = "de-AT"
    shown = facts(await cara.gets("/settings"))
    assert shown["Time zone"] == "Europe/London, 09:00 there now (set for everyone here)"
    assert shown["Language"] == "English (set for everyone here)"


async def test_a_zone_the_app_said_once_is_remembered_as_its_own_word(world: World, ada: Actor) -> None:
    await ada.gets("/settings")
    ada.zone = ""
    assert "(from your app)" in facts(await ada.gets("/settings"))["Time zone"]


async def test_what_she_chose_stands_without_a_note(world: World, ada: Actor) -> None:
    await ada.submits(
        await form_of(ada), zone="new york", quiet_from="20:00", quiet_to="9 am", per_day="four"
    )
    assert facts(await ada.gets("/settings")) == {
        "Time zone": "America/New York, 04:00 there now",
        "Quiet hours": "20:00 to 09:00",
        "Messages": "Up to four a day",
        "Language": "English (from your app)",
        "Break": "No break right now",
    }


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        (MONDAY + timedelta(days=2), "On until 2026-03-04 09:00 UTC"),
        (datetime(2026, 3, 4, 23, tzinfo=UTC), "On until 2026-03-05 06:15 UTC"),  # no word in the night
        (FOREVER, "On until you say so"),
        (MONDAY - timedelta(hours=1), "No break right now"),
    ],
)
async def test_a_break_is_shown(world: World, ada: Actor, until: datetime, shown: str) -> None:
    async with world.storage.write() as tx:
        await world.app.kit.people.change(tx, ada.user.key, MONDAY, paused_until=until)
    assert facts(await ada.gets("/settings"))["Break"] == shown


# -- the zone -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("America/New_York", "America/New_York"),
        ("new york", "America/New_York"),
        ("zone TOKYO", "Asia/Tokyo"),
        ("time zone: america/new york", "America/New_York"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("port au prince", "America/Port-au-Prince"),
        ("\u0130stanbul", "Europe/Istanbul"),
        ("s\u00e3o paulo", "America/Sao_Paulo"),
        ("utc", "UTC"),
        ("US/Eastern", "US/Eastern"),
    ],
)
async def test_a_zone_is_set_by_what_people_call_it(world: World, ada: Actor, typed: str, zone: str) -> None:
    card = await ada.gets(f"/settings {typed}")
    assert zone.replace("_", " ") in card.plain
    assert local(MONDAY, zone).strftime("%H:%M") in card.plain
    assert (await stored(world, ada))["zone"] == zone
    assert [(old.zone, new.zone) for old, new in told] == [("Europe/Berlin", zone)]


async def test_an_option_by_its_name_is_the_same(world: World, ada: Actor) -> None:
    await ada.sends(ada.event(Kind.COMMAND, "settings", values={"zone": "lisbon"}))
    assert (await stored(world, ada))["zone"] == "Europe/Lisbon"


async def test_what_the_app_says_already_becomes_her_own_word_without_a_stir(
    world: World, ada: Actor
) -> None:
    await ada.gets("/settings berlin")
    assert facts(await ada.gets("/settings"))["Time zone"] == "Europe/Berlin, 10:00 there now"
    assert told == []


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("berln", ["Europe/Berlin"]),
        ("EST", ["America/New York"]),
        ("germany", ["Europe/Berlin", "Europe/Busingen"]),
        ("+5:45", ["Asia/Kathmandu"]),
        ("argentina", ["Buenos Aires", "Catamarca", "Cordoba"]),
        ("san francisco", ["such as Berlin"]),
        ("Etc/GMT+5", ["such as Berlin"]),
        ("../../etc/passwd", ["such as Berlin"]),
        ("\U0001f3d4", ["such as Berlin"]),
        ("x" * 3000, ["such as Berlin"]),
    ],
)
async def test_an_unknown_zone_is_refused_with_what_comes_near(
    world: World, ada: Actor, typed: str, near: list[str]
) -> None:
    card = await ada.gets(f"/settings {typed}")
    assert all(name in card.plain for name in near)
    assert "Jujuy" not in card.plain  # three are enough to choose from
    form = await ada.submits(await form_of(ada), zone=typed[:64], per_day="five")
    assert isinstance(form, Form)
    assert list(form.errors) == ["zone"]
    assert all(name in form.errors["zone"] for name in near)
    assert (await stored(world, ada))["zone"] == ""
    assert (await stored(world, ada))["per_day"] is None
    assert told == []


def test_every_name_that_is_understood_is_a_zone() -> None:
    names = settings.names()
    assert len(names) > 900
    for zone in set(names.values()):
        zone_info(zone)
    for known in settings.known():
        assert names[known.name] == known.zone
    assert len({known.zone for known in settings.known()} - set(names.values())) == 0
    assert all(settings.SHORT[short] in names.values() for short in settings.SHORT)


async def test_completions_come_the_nearest_first(world: World, ada: Actor) -> None:
    async def zones(typed: str) -> list[str]:
        return [choice.value for choice in await suggested(ada, typed)]

    assert await zones("berl") == ["Europe/Berlin"]
    assert (await zones("new"))[0] == "America/New_York"
    assert (await zones("india"))[0] == "Asia/Kolkata"
    assert (await zones("los"))[0] == "America/Los_Angeles"
    assert (await zones("zone los"))[0] == "America/Los_Angeles"
    assert await zones("tokio") == ["Asia/Tokyo"]
    assert await zones("utc-3:30") == ["America/St_Johns"]
    assert await zones("\u22123:30") == ["America/St_Johns"]
    assert await zones("xyzzy") == []
    europe = await zones("europe")
    assert len(europe) == CHOICES_LIMIT
    assert all(zone.startswith("Europe/") for zone in europe)


async def test_an_offset_is_the_one_that_holds_now(world: World, ada: Actor) -> None:
    for typed, winter, summer in (("+1", True, False), ("+2", False, True)):
        assert ("Europe/Berlin" in settings.search(typed, MONDAY)) is winter
        assert ("Europe/Berlin" in settings.search(typed, MONDAY + timedelta(days=90))) is summer
    here = {choice.value for choice in await suggested(ada, "")}
    assert here
    assert all(local(MONDAY, zone).utcoffset() == timedelta(hours=1) for zone in here)


async def test_each_completion_says_the_time_there(world: World, ada: Actor) -> None:
    (choice,) = await suggested(ada, "new york")
    assert choice == Choice("America/New_York", "America/New York, 04:00 there now")


# -- the form -------------------------------------------------------------------------------------


async def test_the_form_holds_what_stands(world: World, ada: Actor) -> None:
    form = await form_of(ada)
    assert [field.value for field in form.fields] == ["Europe/Berlin", "22:00", "07:15", "two", "en"]
    assert form.fields[0].suggest


async def test_saving_says_what_changed_and_keeps_the_rest_as_it_was(world: World, ada: Actor) -> None:
    card = await ada.submits(await form_of(ada), per_day="one")
    assert isinstance(card, Card)
    assert card.title == "Saved"
    assert "one message a day" in card.plain
    assert "zone" not in card.plain
    row = await stored(world, ada)
    assert (row["per_day"], row["zone"], row["quiet_from"], row["language"]) == (1, "", "", "")
    card = await ada.submits(await form_of(ada), zone="lisbon", quiet_from="21:30")
    assert isinstance(card, Card)
    assert "Europe/Lisbon" in card.plain
    assert "21:30 to 07:15" in card.plain
    assert "a day" not in card.plain
    assert [(old.zone, new.zone) for old, new in told] == [("Europe/Berlin", "Europe/Lisbon")]
    assert told[0][1].quiet_from == time(21, 30)
    card = await ada.submits(await form_of(ada))
    assert isinstance(card, Card)
    assert "Nothing has changed" in card.plain
    assert len(told) == 1


async def test_the_same_time_twice_means_no_quiet_hours(world: World, ada: Actor) -> None:
    card = await ada.submits(await form_of(ada), quiet_from="3:00 am", quiet_to="03:00")
    assert isinstance(card, Card)
    assert "no quiet hours now" in card.plain
    assert facts(await ada.gets("/settings"))["Quiet hours"] == "None"
    night = at_local(MONDAY.date() + timedelta(days=1), time(3), "Europe/Berlin")
    async with world.storage.write() as tx:
        await world.app.kit.outbox.plan(tx, Plan("other.note", ("n",), night, user=ada.user))
    await world.advance_to(night)
    assert len(ada.dms) == 1


async def test_new_quiet_hours_hold_for_the_next_message(world: World, ada: Actor) -> None:
    async with world.storage.write() as tx:
        at = MONDAY + timedelta(hours=3)
        await world.app.kit.outbox.plan(tx, Plan("other.note", ("n",), at, user=ada.user))
    await ada.submits(await form_of(ada), quiet_from="11:00", quiet_to="15:30")
    await world.advance(hours=5)
    assert ada.dms == []
    await world.advance(hours=1)
    assert len(ada.dms) == 1


@pytest.mark.parametrize("field", ["quiet_from", "quiet_to"])
async def test_a_time_nobody_can_read_is_asked_for_again(world: World, ada: Actor, field: str) -> None:
    form = await ada.submits(await form_of(ada), zone="tokyo", **{field: "late"})
    assert isinstance(form, Form)
    assert list(form.errors) == [field]
    assert form.fields[0].value == "tokyo"
    assert (await stored(world, ada))["zone"] == ""


def test_the_languages_are_those_there_are_words_for() -> None:
    assert tuple(each.value for each in settings.LANGUAGES) == Words.load(FOLDER).languages


# -- what is stored -------------------------------------------------------------------------------


async def test_what_is_stored_is_told_and_forgotten(world: World, ada: Actor, bob: Actor) -> None:
    await ada.gets("/settings tokyo")
    await bob.gets("/settings")
    kit = world.app.kit
    async with world.storage.read() as connection:
        found = await kit.export_all(connection, ada.user)
        nobody = await kit.export_all(connection, replace(ada.user, id="nobody"))
    assert found["settings"] == {
        "zone": "Asia/Tokyo",
        "platform_zone": "Europe/Berlin",
        "platform_language": "en",
        "ignored": 0,
        "seen_at": "2026-03-02T09:00+00:00",
    }
    assert nobody["settings"] == {}
    async with world.storage.write() as tx:
        await kit.forget_all(tx, ada.user)
    async with world.storage.read() as connection:
        assert (await connection.execute(select(people.c.user))).scalars().all() == [bob.user.key]

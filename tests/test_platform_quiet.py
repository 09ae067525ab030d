"""Quiet hours that a person told their chat app: under their own here, over the community's."""

from __future__ import annotations

from datetime import time

import pytest

from bot.chat import Kind
from bot.people import quiet_hours
from bot.ui import Card, Form
from tests.world import Actor, World


async def settings(actor: Actor, quiet: str) -> str:
    """What somebody reads in /settings whose app says these quiet hours."""
    card = await actor.sends(actor.event(Kind.COMMAND, "settings", quiet=quiet))
    assert isinstance(card, Card)
    return next(line for line in card.plain.splitlines() if line.startswith("Quiet hours"))


async def effective(world: World, actor: Actor) -> tuple[time, time]:
    """What the sender goes by: what is stored."""
    async with world.storage.read() as connection:
        person = await world.app.kit.people.load(connection, actor.user.key)
    return person.quiet_from, person.quiet_to


async def test_the_app_is_believed_and_settings_says_so(world: World, ada: Actor) -> None:
    assert await settings(ada, "22:00-07:15") == "Quiet hours: 22:00 to 07:15 (from your app)"
    assert await effective(world, ada) == (time(22), time(7, 15))


async def test_without_them_the_community_decides(world: World, ada: Actor) -> None:
    assert await settings(ada, "") == "Quiet hours: 21:00 to 08:30 (set for everyone here)"
    assert await effective(world, ada) == (time(21), time(8, 30))


async def test_turned_off_in_the_app_they_are_off_here(world: World, ada: Actor) -> None:
    await settings(ada, "22:00-07:15")
    await world.advance(days=1)
    assert "for everyone here" in await settings(ada, "")
    assert await effective(world, ada) == (time(21), time(8, 30))


async def test_their_own_come_first(world: World, ada: Actor) -> None:
    await settings(ada, "22:00-07:15")
    form = await ada.sends(ada.event(Kind.PRESS, "settings.change", quiet="22:00-07:15"))
    assert isinstance(form, Form)
    assert [form.fields[1].value, form.fields[2].value] == ["22:00", "07:15"]
    await ada.submits(form, quiet_from="20:00", quiet_to="06:00")
    assert await settings(ada, "23:00-05:00") == "Quiet hours: 20:00 to 06:00"
    assert await effective(world, ada) == (time(20), time(6))


async def test_a_nudge_waits_for_their_end(world: World, ada: Actor) -> None:
    """The morning is late for the community, and still night for Ada, who works at night."""
    form = await ada.opens("/rejected")
    values = {field.name: field.value for field in form.fields} | {"stage": "interview"}
    await ada.sends(ada.event(Kind.SUBMIT, form.id, quiet="03:00-14:00", values=values))
    while not ada.dms:
        await world.next_event()
    assert world.clock.now().hour >= 13, "14:00 in Berlin"


@pytest.mark.parametrize(
    "told", ["", "22:00", "22:00-", "24:00-07:00", "22:60-07:00", "22:00-22:00", "22:00-07:00\n", "x" * 500]
)
async def test_what_makes_no_sense_is_nothing(world: World, ada: Actor, told: str) -> None:
    assert quiet_hours(told) is None
    assert "for everyone here" in await settings(ada, told)


def test_over_midnight_and_by_day() -> None:
    assert quiet_hours("22:00-08:00") == (time(22), time(8))
    assert quiet_hours("09:00-17:30") == (time(9), time(17, 30))

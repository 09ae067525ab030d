"""In a large community one minute is too short for all who chose it, and everybody is told so."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pace import Flow
from bot.platforms.discord import DiscordChat
from bot.platforms.slack import SlackChat
from bot.ui import Card, When, parts
from tests.world import Actor, World


async def chosen(world: World, people: int) -> Actor:
    """So many people who all chose 09:00; the last of them."""
    crowd = [world.person(f"person{number}") for number in range(people)]
    for person in crowd:
        await person.gets("/motivation on 09:00")
    return crowd[-1]


def latest(card: Card) -> list[str]:
    """The times of day that the card's sentences name."""
    return [f"{part.at:%H:%M}" for part in parts(card.text) if isinstance(part, When)]


async def test_a_crowd_is_told_when_the_last_one_has_theirs(world: World) -> None:
    world.app.kit.flows["memory"] = Flow(per_minute=2)  # type: ignore[index]
    last = await chosen(world, 12)
    card = await last.gets("/motivation")
    assert "Many people chose about this time" in card.plain
    assert latest(card) == ["09:06"]


async def test_a_few_are_told_nothing(world: World) -> None:
    world.app.kit.flows["memory"] = Flow(per_minute=2)  # type: ignore[index]
    last = await chosen(world, 8)
    assert "Many people" not in (await last.gets("/motivation")).plain


async def test_where_nothing_slows_messages_nobody_waits(world: World) -> None:
    last = await chosen(world, 12)
    assert "Many people" not in (await last.gets("/motivation")).plain


@pytest.mark.parametrize(
    ("flow", "people", "minutes"), [(DiscordChat.flow, 100_000, 35), (SlackChat.flow, 1_000, 4)]
)
def test_how_long_a_crowd_takes(flow: Flow, people: int, minutes: int) -> None:
    assert flow.minutes(people) == minutes


@given(st.integers(0, 10**7), st.floats(0.01, 10**6))
def test_no_message_comes_after_the_time_that_was_told(messages: int, per_minute: float) -> None:
    flow = Flow(per_minute)
    assert flow.minutes(messages) >= messages / per_minute - 1e-6
    assert Flow(inf).minutes(messages) == 0

"""In a large community one minute is too short for all who chose it, and everybody is told so."""

from __future__ import annotations

from datetime import timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import User
from bot.cog import Plan
from bot.pace import Flow
from bot.platforms.discord import DiscordChat
from bot.platforms.slack import SlackChat
from bot.schedules import DAILY, last_of_crowd
from bot.ui import Card, When, parts
from tests.world import MONDAY, Actor, World


async def chosen(world: World, people: int, at: str = "09:00") -> Actor:
    """So many people who all chose one time; the last of them."""
    crowd = [world.person(f"person{number} {at}") for number in range(people)]
    for person in crowd:
        await person.gets(f"/motivation on {at}")
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


async def test_whose_turn_comes_after_an_earlier_crowd_is_told_so(world: World) -> None:
    """Twenty people at 08:55 take until 09:05, and one at 09:00 stands behind them."""
    world.app.kit.flows["memory"] = Flow(per_minute=2)  # type: ignore[index]
    await chosen(world, 20, "08:55")
    last = await chosen(world, 1)
    assert latest(await last.gets("/motivation")) == ["09:06"]
    later = await chosen(world, 1, "09:10")
    assert "Many people" not in (await later.gets("/motivation")).plain, "by then they all have theirs"


async def test_a_crowd_that_is_being_served_is_counted_from_now_on(world: World) -> None:
    """At 09:03 twenty people of 08:55 still stand in line, and one of 09:04 is behind them."""
    world.app.kit.flows["memory"] = Flow(per_minute=2)  # type: ignore[index]
    await chosen(world, 20, "08:55")
    await world.clock.advance_to(MONDAY + timedelta(days=1, minutes=3))
    last = world.person("late")
    async with world.storage.write() as tx:
        plan = Plan(DAILY, ("late",), MONDAY + timedelta(days=1, minutes=4), user=last.user)
        await world.app.kit.outbox.plan(tx, plan)
    async with world.storage.read() as connection:
        at = await last_of_crowd(connection, Flow(2), last.user, plan.at, world.clock.now())
    assert f"{at:%H:%M}" == "09:14", "ten minutes for twenty, and half a minute for the one"


async def test_who_is_elsewhere_does_not_stand_in_the_line_of_a_community(world: World) -> None:
    at = MONDAY + timedelta(days=1)
    async with world.storage.write() as tx:
        await world.app.kit.outbox.plan(
            tx,
            *(
                Plan(DAILY, (where, str(n)), at, user=User("memory", where, f"p{n}"))
                for where, people in (("here", 12), ("there", 40))
                for n in range(people)
            ),
        )
    async with world.storage.read() as connection:
        told = [
            await last_of_crowd(connection, Flow(2, each=each), User("memory", "here", "p1"), at, MONDAY)
            for each in (True, False)
        ]
    assert [f"{each:%H:%M}" for each in told if each] == ["09:06", "09:26"]


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
    took = flow.over([(MONDAY, people)], MONDAY) - MONDAY
    assert minutes - 1 < took / timedelta(minutes=1) <= minutes


WAITING = st.lists(st.tuples(st.integers(0, 600), st.integers(1, 10**5)), max_size=9).map(sorted)


@given(WAITING, st.integers(0, 600), st.floats(0.01, 10**6))
def test_nobody_in_a_line_is_served_before_their_time_or_all_at_once(
    waiting: list[tuple[int, int]], since: int, per_minute: float
) -> None:
    """Neither sooner than they take in all, nor later than if all had waited for the last of them."""
    line = [(MONDAY + timedelta(minutes=minute), people) for minute, people in waiting]
    start = MONDAY + timedelta(minutes=since)
    over = Flow(per_minute).over(line, start)
    takes = [timedelta(minutes=people / per_minute) for _, people in line]
    slack = timedelta(milliseconds=1)
    first = max(start, line[0][0]) if line else start
    last = max(start, line[-1][0]) if line else start
    assert first + sum(takes, timedelta()) - slack <= over <= last + sum(takes, timedelta()) + slack
    assert Flow(inf).over(line, start) == last

"""/home, as conversations: what is coming, what has been, and nothing that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.ui import Card, Jump, When, parts
from cogs import home, motivation, nudges, plan, rejections, rest, thread
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

COGS = [home.cog, rejections.cog, thread.cog, plan.cog, nudges.cog, rest.cog, motivation.cog]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path, cogs=COGS)
    yield made
    await made.close()


async def shares(actor: Actor, **values: str) -> None:
    await actor.submits(await actor.opens("/rejected"), **{"stage": "interview", **values})


def jumps(card: Card) -> list[Jump]:
    return [part for part in parts(card.text) if isinstance(part, Jump)]


def times(card: Card, style: str) -> list[When]:
    return [part for part in parts(card.text) if isinstance(part, When) and part.style == style]


async def test_a_newcomer_is_welcome_and_told_what_to_do_first(ada: Actor) -> None:
    card = await ada.gets("/home")
    assert card.title == "Welcome"
    assert "Share a no" in card.plain
    assert "nothing is expected" in card.plain
    assert "Only you can see this" in card.plain
    assert not any(digit in card.plain for digit in "0123456789"), "nothing is counted"
    assert [button.id for button in card.buttons] == ["rejections.start", "motivation.one", "settings.show"]


async def test_the_button_shows_what_the_command_shows(ada: Actor) -> None:
    card = await ada.gets("/home")
    assert await ada.pushes(home.SHOW) == card


async def test_after_a_no_it_shows_the_plan_the_post_and_one_fact(world: World, ada: Actor) -> None:
    await shares(ada, stage="final_round", where="Acme", story="Four rounds.")
    card = await ada.gets("/home")
    assert "Write a short thank-you note" in card.plain
    (post,) = world.support
    (jump,) = jumps(card)
    assert (jump.label, jump.message, jump.channel) == ("Final round", post.message.id, "support")
    assert "You put one no into words here." in card.plain
    assert "stood beside" not in card.plain
    assert "You were there" not in card.plain
    assert "Acme" not in card.plain, "a friend may look at the phone"
    ids = ["rejections.start", "motivation.one", "nudges.list", "rest.take", "settings.show"]
    assert [button.id for button in card.buttons] == ids
    assert all(button.label for button in card.buttons)


async def test_today_stands_apart_from_the_days_after(world: World, ada: Actor) -> None:
    await shares(ada)
    async with world.storage.read() as connection:
        first, second, *_ = await world.app.kit.outbox.coming(connection, ada.user)
    card = await ada.gets("/home")
    assert card.plain.index("Today") < card.plain.index("Coming up")
    assert [when.at for when in times(card, "time")] == [first.ready_at]
    assert times(card, "day")[0].at == second.ready_at
    await world.advance_to(first.ready_at)
    card = await ada.gets("/home")
    assert "Today" not in card.plain
    assert not times(card, "time")


async def test_a_long_plan_is_cut_and_says_so(world: World, ada: Actor) -> None:
    await shares(ada)
    await shares(ada, stage="laid_off")
    async with world.storage.read() as connection:
        rows = await world.app.kit.outbox.coming(connection, ada.user)
    card = await ada.gets("/home")
    assert card.plain.count(" – ") == 5 + 2, "five nudges, two posts"
    assert f"And {len(rows) - 5} more in /nudges." in card.plain


async def test_those_who_stood_beside_are_counted_as_people(world: World, ada: Actor, bob: Actor) -> None:
    await shares(ada)
    await shares(ada, stage="cv_screen")
    first, second = world.support
    cleo = world.person("cleo")
    for actor, post in ((bob, first), (bob, second), (cleo, first)):
        await actor.presses(post, "thread.not_alone")
    card = await ada.gets("/home")
    assert "2 people stood beside you." in card.plain
    assert "You put 2 nos into words here." in card.plain


async def test_kind_words_for_others_are_remembered(world: World, ada: Actor, bob: Actor) -> None:
    await shares(ada)
    (post,) = world.support
    await bob.presses(post, "thread.not_alone")
    assert "You were there for somebody else, too." in (await bob.gets("/home")).plain
    form = await bob.presses(post, "thread.encourage")
    await bob.submits(form, words="I'm sorry.")
    card = await bob.gets("/home")
    assert "You were there for others 2 times." in card.plain
    assert "into words" not in card.plain
    assert not jumps(card)


async def test_only_own_posts_of_the_last_days_are_linked(world: World, ada: Actor, bob: Actor) -> None:
    await shares(ada)
    await shares(ada, sign="only_me")
    await shares(bob)
    assert len(jumps(await ada.gets("/home"))) == 1
    await world.advance(days=31)
    card = await ada.gets("/home")
    assert not jumps(card)
    assert "You put 2 nos into words here." in card.plain


async def test_many_posts_are_cut_and_say_so(world: World, ada: Actor) -> None:
    for _ in range(7):
        await shares(ada)
    card = await ada.gets("/home")
    assert len(jumps(card)) == 5
    assert "and 2 more" in card.plain


async def test_a_post_that_was_taken_back_is_not_linked(world: World, ada: Actor) -> None:
    await shares(ada)
    (post,) = world.support
    await ada.pushes(replace(rejections.DELETE_YES, arg=post.card.buttons[0].arg))
    assert not jumps(await ada.gets("/home"))


async def test_a_break_is_said_with_its_end_and_nothing_comes_before_it(world: World, ada: Actor) -> None:
    await shares(ada)
    await ada.types("/motivation on 08:30 daily")
    await ada.types("/break 3 days")
    card = await ada.gets("/home")
    (until,) = times(card, "moment")
    assert "You're on a break until" in card.plain
    assert all(when.at >= until.at for when in times(card, "day")[:-1])


async def test_a_break_of_a_newcomer_is_no_welcome(ada: Actor) -> None:
    await ada.types("/break 3 days")
    assert "You're on a break until" in (await ada.gets("/home")).plain


async def test_a_pause_without_end_shows_no_times(world: World, ada: Actor) -> None:
    await shares(ada, sign="only_me")
    await ada.pushes(nudges.PAUSE)
    card = await ada.gets("/home")
    assert "Everything is paused until you say so." in card.plain
    assert not [part for part in parts(card.text) if isinstance(part, When)]

"""The App Home is kept current, and being drawn anew is nothing that its person did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.storage.schema import people
from bot.ui import Card, plain
from tests.slack_world import SlackActor, SlackWorld
from tests.watching import until

pytestmark = pytest.mark.usefixtures("database")  # on both


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SlackWorld]:
    made = await SlackWorld.open(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def ada(world: SlackWorld) -> SlackActor:
    return world.person("ada", zone="Europe/Berlin")


async def ignored(world: SlackWorld, ada: SlackActor) -> int:
    async with world.storage.read() as connection:
        asked = select(people.c.ignored).where(people.c.user == ada.user.key)
        return (await connection.execute(asked)).scalar_one()


async def test_a_nudge_draws_it_anew_and_still_counts_as_unanswered(
    world: SlackWorld, ada: SlackActor
) -> None:
    exchange = await world.fake.open_home(ada.me)
    await exchange.home()
    await world.outcome(ada.me.id)
    form = await ada.types("/rejected")
    await ada.submits(form, stage="interview", sign="only_me")
    before = ada.me.home_versions
    await until(lambda: ada.me.home_versions > before)  # what she did shows at once
    drawn = ada.me.home_versions
    await world.advance(days=2)
    assert ada.dms
    await until(lambda: ada.me.home_versions > drawn)
    assert await ignored(world, ada) == len(ada.dms)


async def test_what_is_typed_reaches_the_form_as_it_was_typed(world: SlackWorld, ada: SlackActor) -> None:
    form = await ada.opens("/rejected Tools & Sons <3")
    assert form.fields[0].value == "Tools & Sons <3"
    card = await ada.submits(form, stage="interview", sign="only_me")
    assert isinstance(card, Card) and "&amp;" not in plain(card.text)

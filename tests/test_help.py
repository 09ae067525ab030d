"""/help, as conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cogs.help import cog as help_cog
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path, cogs=[help_cog])
    yield made
    await made.close()


async def test_help_is_short_and_speaks_of_needs(ada: Actor) -> None:
    card = await ada.gets("/help")
    lines = [line for line in card.plain.splitlines() if line]
    assert len(lines) <= 12
    assert "I just got a no: /rejected" in lines
    assert all(len(line) <= 60 for line in lines[:-1])
    assert "Only you can see this" in lines[-1]


async def test_help_does_the_first_few_things_itself(ada: Actor) -> None:
    card = await ada.gets("/help")
    assert [button.id for button in card.buttons] == [
        "rejections.start",
        "motivation.one",
        "rest.take",
        "nudges.list",
        "privacy.show",
    ]
    assert all(button.label for button in card.buttons)


async def test_moderators_find_their_command_and_others_are_not_bothered(world: World, ada: Actor) -> None:
    mod = world.person("mo", is_moderator=True)
    admin = world.person("al", is_admin=True)
    assert "/moderate" in (await mod.gets("/help")).plain
    assert "/moderate" in (await admin.gets("/help")).plain
    assert "/moderate" not in (await ada.gets("/help")).plain


async def test_organisers_find_setup_and_others_are_not_bothered(world: World, ada: Actor) -> None:
    admin, mod = world.person("al", is_admin=True), world.person("mo", is_moderator=True)
    assert "/setup" in (await admin.gets("/help")).plain
    assert "/setup" not in (await mod.gets("/help")).plain
    assert "/setup" not in (await ada.gets("/help")).plain

"""What the conversation tests share.

Conversations run on every platform there is: in memory and, over the wire, on Discord. A test that
reaches into the fake chat in memory, or says what only holds there, is marked ``in_memory``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.wire_world import DiscordWorld
from tests.world import Actor, World

CONVERSATIONS = frozenset(
    f"test_{cog}" for cog in ("story", "help", "home", "motivation", "settings", "privacy", "moderation")
)
PLATFORMS = {"memory": World, "discord": DiscordWorld}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the conversations of the cogs on each platform."""
    if "world" not in metafunc.fixturenames:
        return
    everywhere = metafunc.definition.path.stem in CONVERSATIONS
    alone = any(metafunc.definition.iter_markers("in_memory"))
    platforms = ["memory"] if alone or not everywhere else list(PLATFORMS)
    metafunc.parametrize("world", platforms, indirect=True, ids=platforms if everywhere else [""])


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A community with an empty database on a Monday morning."""
    made = await PLATFORMS[request.param].open(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def ada(world: World) -> Actor:
    """Ada, in Berlin."""
    return world.person("ada", zone="Europe/Berlin")


@pytest.fixture
def bob(world: World) -> Actor:
    """Bob, in New York."""
    return world.person("bob", zone="America/New_York")

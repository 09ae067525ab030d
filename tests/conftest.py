"""What the conversation tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.world import Actor, World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A community with an empty database on a Monday morning."""
    made = await World.open(tmp_path)
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

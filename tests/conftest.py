"""What the conversation tests share.

Conversations run on every platform there is: in memory and, over the wire, on Discord and Slack. A test that
reaches into the fake chat in memory, or says what only holds there, is marked ``in_memory``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.slack_world import SlackHttpWorld, SlackWorld
from tests.webkit import Server, serving
from tests.webpage import Windows, launched, windows
from tests.wire_world import DiscordWorld
from tests.world import Actor, World

CONVERSATIONS = frozenset(
    f"test_{cog}" for cog in ("story", "help", "home", "motivation", "settings", "privacy", "moderation")
)
PLATFORMS = {"memory": World, "discord": DiscordWorld, "slack": SlackWorld, "slack-http": SlackHttpWorld}
HTTP_SAMPLE = frozenset(("test_home", "test_settings"))  # the same dispatcher, another door


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the conversations of the cogs on each platform."""
    if "world" not in metafunc.fixturenames:
        return
    everywhere = metafunc.definition.path.stem in CONVERSATIONS
    alone = any(metafunc.definition.iter_markers("in_memory"))
    platforms = ["memory"] if alone or not everywhere else list(PLATFORMS)
    if metafunc.definition.path.stem not in HTTP_SAMPLE:
        platforms = [each for each in platforms if each != "slack-http"]
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


# Of the page: one Chromium a module; a chat server on a file, and windows on it, a test.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser for the tests of one module; they run in that module's loop."""
    async with launched() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A chat server with a tiny bot behind it."""
    async with serving(tmp_path / "chat.db") as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Browser, server: Server) -> AsyncIterator[Windows]:
    """Windows on that server; what they complain about fails the test."""
    async with windows(chromium, server) as opened:
        yield opened

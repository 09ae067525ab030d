"""What the conversation tests share.

Conversations run on every platform there is: in memory and, over the wire, on Discord and Slack; and
on each with both databases. A test that reaches into the fake chat in memory, or says what only holds
there, is marked ``in_memory``; one that reaches into the file of a database is marked ``sqlite``.

Other tests that store something ask for ``database`` (a module: ``pytestmark``) to run on both.

No property has a time limit for an example: that would measure the machine, and what else it does.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction
from itertools import product
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.async_api import Browser

from bot.storage import migrations
from tests.postgres import Server as Postgres
from tests.postgres import serving as postgres_serving
from tests.slack_world import SlackHttpWorld, SlackWorld
from tests.webkit import Server, serving
from tests.webpage import Windows, launched, windows
from tests.wire_world import DiscordWorld
from tests.world import DATABASES, ELSEWHERE, Actor, World

CONVERSATIONS = frozenset(
    f"test_{cog}"
    for cog in ("story", "help", "home", "direct", "motivation", "settings", "privacy", "moderation")
)
PLATFORMS = {"memory": World, "discord": DiscordWorld, "slack": SlackWorld, "slack-http": SlackHttpWorld}
WIRES = frozenset(PLATFORMS) - {"memory"}
HTTP_SAMPLE = frozenset(("test_home", "test_direct", "test_settings"))  # the same dispatcher, another door

# Over Hypothesis' own profile, which for CI draws the same examples each run.
hypothesis_settings.register_profile(
    "unhurried", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("unhurried")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run conversations on each platform, and what is stored on each database."""
    databases = DATABASES[:1] if any(metafunc.definition.iter_markers("sqlite")) else DATABASES
    if "world" in metafunc.fixturenames and not hasattr(metafunc.module, "world"):  # which has its own
        everywhere = metafunc.definition.path.stem in CONVERSATIONS
        alone = not everywhere or any(metafunc.definition.iter_markers("in_memory"))
        chosen = [
            (name, database)
            for name, database in product(PLATFORMS, databases)
            if not (alone and name in WIRES)
            and not (name == "slack-http" and metafunc.definition.path.stem not in HTTP_SAMPLE)
        ]
        metafunc.parametrize(("world", "database"), chosen, indirect=True)
    elif "database" in metafunc.fixturenames and iscoroutinefunction(metafunc.function):
        metafunc.parametrize("database", databases, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started when the first test wants it."""
    with postgres_serving() as server:
        yield server


@pytest.fixture(scope="session")
def made_ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows: copying it takes a fortieth of making one."""
    file = tmp_path_factory.mktemp("sqlite") / "empty.db"
    migrations.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the worlds that are opened in ``tmp_path`` use it."""
    if getattr(request, "param", "sqlite") == "sqlite":
        shutil.copy(request.getfixturevalue("made_ready"), tmp_path / "world.db")
        yield f"sqlite:///{tmp_path / 'world.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new()
    (tmp_path / ELSEWHERE).write_text(url)
    yield url
    server.drop(url)


@pytest.fixture
async def world(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> AsyncIterator[World]:
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

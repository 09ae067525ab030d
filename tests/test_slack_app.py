"""The bot as its settings wire it, on a Slack app that its own manifest made: no scope and no event more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import func, insert, select

from bot.app import App, _assemble  # pyright: ignore[reportPrivateUsage]
from bot.clock import FakeClock
from bot.config import Settings
from bot.content import FOLDER
from bot.platforms.slack import SlackChat
from bot.platforms.slack_manifest import SCOPES, manifest
from bot.registry import Registry
from bot.storage import Storage
from bot.storage.schema import communities, outbox, people, rejections, slack_installations, slack_people
from bot.vault import Vault
from bot.words import Words
from cogs import COGS
from tests.ports import free_port
from tests.wire.slack import FakeSlack
from tests.wire.slack_model import Message, Person, Workspace
from tests.world import stored

pytestmark = [
    pytest.mark.usefixtures("database"),  # on both
    # slack_sdk exchanges OAuth's code with what the newest aiohttp calls old.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
]

PUBLIC = "https://bounceback.example.org"


@dataclass
class Office:
    """A running bot, and the Slack that it is on."""

    fake: FakeSlack
    storage: Storage
    app: App
    port: int
    committed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def slack(self) -> SlackChat:
        chat = self.app.chats["slack"]
        assert isinstance(chat, SlackChat)
        return chat

    async def set_up(self, workspace: Workspace) -> None:
        """#support is where posts go; the bot is not in it yet."""
        channel = self.fake.channel("support", bot=False, workspace=workspace)
        names = {"platform": "slack", "community": workspace.id, "support": channel.id}
        async with self.storage.write() as tx:
            await tx.execute(insert(communities).values(**names))

    async def count(self, table: Any, *where: Any) -> int:
        async with self.storage.read() as connection:
            counted = select(func.count()).select_from(table).where(*where)
            return (await connection.execute(counted)).scalar_one()

    async def shares(self, person: Person, command: str = "/rejected") -> Message:
        """Somebody shares a no; the post, when it stands in #support with its thread."""
        channel = self.fake.home_of(person).channel("support")
        exchange = await self.fake.command(person, None, command, "")
        await exchange.view()
        exchange = await self.fake.submit(person, {"stage": "interview", "story": "Four rounds."})
        await exchange.reply()
        await self.fake.until(lambda: bool(channel.within()), "the post")
        post = channel.within()[-1]
        await self.fake.until(lambda: bool(channel.within(post.ts)), "the opener")
        return post

    async def none_left(self, table: Any, *where: Any) -> None:
        """Wait until no such row is there; it is looked again after each commit."""
        async with asyncio.timeout(60):
            while True:
                self.committed.clear()
                if not await self.count(table, *where):
                    return
                await self.committed.wait()

    async def over(self) -> None:
        """Wait until nothing is planned any more."""
        await self.none_left(outbox, outbox.c.state == "ready")


@asynccontextmanager
async def office(folder: Path, fake: FakeSlack, prefix: str = "", **slack: Any) -> AsyncIterator[Office]:
    """``serve`` without its signals: what the settings ask for, running."""
    voice = Words.load(FOLDER).speak("en")
    commands = [voice.command(spec.command) for spec in Registry(COGS).commands.values()]
    http = "app_token" not in slack
    fake.use_manifest(manifest(commands, prefix=prefix, url=PUBLIC if http else "", socket=not http))
    told = {"api_base": fake.api_base, "command_prefix": prefix, **slack}
    settings = Settings(slack=told)  # type: ignore[arg-type]
    storage = await Storage.open(stored(folder))
    app = await _assemble(settings, storage, Vault.ephemeral())
    made = Office(fake, storage, app, settings.slack.port)
    storage.after_commit(made.committed.set)
    running = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(60):
            await made.slack.ready.wait()
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])
        await storage.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    standing = FakeClock(datetime.now(UTC))  # Slack's three seconds do not run out on a busy machine
    async with FakeSlack(clock=standing) as made:
        yield made


@pytest.fixture
async def acme(tmp_path: Path, fake: FakeSlack) -> AsyncIterator[Office]:
    """One workspace, Socket Mode, a prefix."""
    tokens = {"app_token": fake.app_token, "bot_token": fake.bot_token}
    async with office(tmp_path, fake, "bb-", **tokens) as made:
        await made.set_up(fake.workspace)
        yield made


async def test_with_the_manifests_scopes_alone_a_no_is_shared_and_answered(acme: Office) -> None:
    ada, bob = acme.fake.person("ada", zone="Europe/Berlin"), acme.fake.person("bob")
    acme.fake.join(acme.fake.workspace.channel("support"), ada, bob)
    post = await acme.shares(ada, "/bb-rejected")
    assert acme.fake.workspace.scopes == set(SCOPES)
    exchange = await acme.fake.message_shortcut(bob, post, "message:send-encouragement")
    await exchange.view()
    exchange = await acme.fake.submit(bob, {"words": "Four rounds is a long way."})
    await exchange.reply()
    support = acme.fake.workspace.channel("support")
    await acme.fake.until(lambda: len(support.within(post.ts)) >= 2, "the words in the thread")
    refused = [call for call in acme.fake.requests if "missing_scope" in repr(call)]
    assert not refused


async def test_i_was_rejected_opens_the_form_from_anywhere(acme: Office) -> None:
    ada = acme.fake.person("ada")
    exchange = await acme.fake.shortcut(ada, "shortcut:rejected")
    assert (await exchange.view()).data["callback_id"] == "rejections.share"


async def test_forgetting_reaches_what_the_platform_keeps(acme: Office) -> None:
    ada, bob = acme.fake.person("ada"), acme.fake.person("bob")
    for person in (ada, bob):
        exchange = await acme.fake.open_home(person)
        await exchange.home()
    assert await acme.count(slack_people) == 2
    exchange = await acme.fake.command(ada, None, "/bb-privacy", "")
    card = await exchange.reply()
    asked = await (await acme.fake.press(ada, card, "privacy.forget:")).reply()
    done = await acme.fake.press(ada, asked, "privacy.forget_yes:")
    await done.edit()
    async with acme.storage.read() as connection:
        left = list((await connection.execute(select(slack_people.c.id))).scalars())
    assert left == [f"{acme.fake.workspace.id}/{bob.id}"]


async def test_removed_from_the_workspace_it_plans_nothing_more(acme: Office) -> None:
    ada = acme.fake.person("ada")
    acme.fake.join(acme.fake.workspace.channel("support"), ada)
    await acme.shares(ada, "/bb-rejected")
    assert await acme.count(outbox, outbox.c.state == "ready")
    await acme.fake.uninstall()
    await acme.over()
    assert await acme.count(outbox, outbox.c.state == "cancelled")
    assert await acme.count(people) and await acme.count(rejections), "for thirty days it may be a mistake"


# -- many workspaces ------------------------------------------------------------------------------


async def installs(made: Office, workspace: Workspace, *, consent: str = "allow", forged: str = "") -> int:
    """Somebody opens the install page and allows it; the status of the page they come back to."""
    own = f"http://127.0.0.1:{made.port}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(f"{own}/slack/install") as page:
            assert page.status == 200
            cookie = page.headers["Set-Cookie"].partition(";")[0]
            link = re.search(r'href="(https://slack\.com/[^"]+)"', await page.text())
        assert link
        query = {
            name: each[0] for name, each in parse_qs(urlsplit(link[1].replace("&amp;", "&")).query).items()
        }
        assert set(query["scope"].split(",")) == set(SCOPES)
        assert query.get("user_scope", "") == ""
        assert query["redirect_uri"] == f"{PUBLIC}/slack/oauth_redirect"
        query |= {"team": workspace.id, "consent": consent}
        async with browser.get(made.fake.authorize_url, params=query, allow_redirects=False) as answer:
            back = answer.headers["Location"].replace(PUBLIC, own)
        if forged:
            back = re.sub("state=[^&]+", f"state={forged}", back)
        async with browser.get(back, headers={"Cookie": cookie}) as page:
            return page.status


@pytest.fixture
async def many(tmp_path: Path, fake: FakeSlack) -> AsyncIterator[Office]:
    """Many workspaces by OAuth, over Socket Mode; the install page has a port."""
    keys = {"client_id": fake.client_id, "client_secret": fake.client_secret, "app_token": fake.app_token}
    async with office(tmp_path, fake, port=free_port(), public_url=PUBLIC, **keys) as made:
        yield made


async def test_a_workspace_installs_it_uses_it_and_removes_it(many: Office) -> None:
    fake = many.fake
    other = fake.add_workspace("Other", installed=False)
    assert await installs(many, other) == 200
    assert await many.slack.installs.teams() == [other.id]
    await many.set_up(other)
    eve = fake.person("eve", workspace=other)
    fake.join(other.channel("support"), eve)
    await many.shares(eve)
    await fake.uninstall(other)
    await many.over()
    await many.none_left(slack_installations)
    again = fake.workspaces[other.id]
    assert await installs(many, again) == 200
    assert await many.slack.installs.teams() == [other.id]


async def test_whoever_says_no_or_makes_up_a_state_installs_nothing(many: Office) -> None:
    other = many.fake.add_workspace("Other", installed=False)
    assert await installs(many, other, consent="deny") == 200, "Slack's way of saying no"
    assert await installs(many, other, forged="x" * 43) >= 400
    assert await many.count(slack_installations) == 0

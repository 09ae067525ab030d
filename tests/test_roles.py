"""Roles: what a gateway and a sender each do and leave to the other, and who has the turn of a tick."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert, select

from bot import config
from bot.app import App, build
from bot.chat import Dispatch, Kind
from bot.clock import FakeClock
from bot.cog import Cog, Kit, State
from bot.config import ConfigError, Settings, load
from bot.roles import Role, RoleError, chosen, parse_shards
from bot.storage import Storage
from bot.storage.schema import communities, events, outbox
from bot.turns import Turns
from bot.ui import Card
from tests.outboxkit import NET, Box, Chat, post, until, until_states
from tests.ports import free_port
from tests.webkit import Window
from tests.wire.discord import FakeDiscord
from tests.world import MONDAY

ROOT = Path(__file__).parent.parent
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an environment without a setting of ours."""
    for name in [name for name in os.environ if name.upper().startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- what is asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ids", "total"),
    [("0-3/16", (0, 1, 2, 3), 16), ("5/16", (5,), 16), ("15-15/16", (15,), 16), (" 0 - 1 / 2 ", (0, 1), 2)],
)
def test_shards_are_first_last_and_all(text: str, ids: tuple[int, ...], total: int) -> None:
    assert parse_shards(text) == (ids, total)
    settings = chosen(Settings(), Role.GATEWAY, text)
    assert (settings.discord.shard_ids, settings.discord.shard_count) == (ids, total)
    assert settings.process.role == "gateway"


@pytest.mark.parametrize("text", ["3-0/16", "0-16/16", "16/16", "0-3", "-1/4", "a-b/c", "0-1/0", "0/16385"])
def test_shards_that_there_are_not(text: str) -> None:
    with pytest.raises(RoleError, match=r"does not fit\. It takes shards as"):
        chosen(Settings(), None, text)
    Path("config.toml").write_text(f'[process]\nshards = "{text}"\n')
    with pytest.raises(ConfigError, match=r"process\.shards = .* does not fit\. It takes shards as"):
        load()


def test_the_command_line_wins_over_the_environment_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config.toml").write_text('[process]\nrole = "sender"\nshards = "0-1/8"\n')
    assert chosen(load()).process.role == "sender"
    assert chosen(load()).discord.shard_ids == (0, 1)
    monkeypatch.setenv("BOUNCEBACK_PROCESS__ROLE", "gateway")
    assert chosen(load()).process.role == "gateway"
    settings = chosen(load(), Role.ALL, "7/8")
    assert (settings.process.role, settings.discord.shard_ids) == ("all", (7,))


def test_what_does_not_fit_together_is_said() -> None:
    with pytest.raises(RoleError, match="A sender hears nothing"):
        chosen(Settings(), Role.SENDER, "0/2")
    Path("config.toml").write_text('[process]\nshards = "0/2"\n[discord]\nshard_ids = [1]\nshard_count = 2\n')
    with pytest.raises(RoleError, match="Keep one of them"):
        chosen(load())


# --- what each does ------------------------------------------------------------------------------


class Heard(Chat):
    """The noting chat, and whether it was served and closed."""

    served = given_back = False

    async def run(self, dispatch: Dispatch) -> None:
        self.served = True
        await super().run(dispatch)

    async def close(self) -> None:
        self.given_back = True


@asynccontextmanager
async def running(box: Box, role: Role, **more: Any) -> AsyncIterator[tuple[App, Heard]]:
    """A process of that role on the box's database, as far as one loop can have several."""
    chat = Heard(world=box)
    app = build(
        storage=box.storage,
        clock=box.clock,
        vault=box.vault,
        chats=[chat],
        role=role,
        defaults=box.defaults,
        pace=box.pace,
        random=Random(7),
        cogs=box.cogs,
        **more,
    )
    task = asyncio.create_task(app.run())
    try:
        yield app, chat
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=NET)
        assert task.cancelled()


async def test_a_gateway_answers_and_never_claims_while_a_sender_says_it(
    database: str, tmp_path: Path
) -> None:
    box = await Box.make(tmp_path)
    async with running(box, Role.GATEWAY) as (gateway, hearing):
        await until(lambda: hearing.dispatch is not None)
        ada = box.person("ada")
        answer = await gateway.dispatcher.handle(ada.event(Kind.COMMAND, "nudges"))
        assert isinstance(answer, Card)
        await box.plan(post("said", MONDAY))
        for _ in range(100):
            await asyncio.sleep(0)
        assert await box.column("attempts") == [0]
        async with running(box, Role.SENDER) as (_, saying):
            await until_states(box, State.SENT)
            assert [sent.card.plain for sent in saying.sent.values()] == ["said"]
            await box.plan(post("again", MONDAY))
            await until_states(box, State.SENT, State.SENT)
            assert not saying.served
        assert saying.given_back
        assert hearing.sent == {}
    assert not hearing.given_back  # its own ``run`` gives back what it holds
    await box.close()


async def test_a_sender_on_a_shared_file_looks_for_itself(tmp_path: Path) -> None:
    box = await Box.make(tmp_path)
    other = await Storage.open(box.url)  # another process: its commits are told to nobody here
    async with running(box, Role.SENDER, look_again=0.01):
        async with other.write() as tx:
            await box.app.kit.outbox.plan(tx, post("from elsewhere", MONDAY))
        await until_states(box, State.SENT)
    await other.close()
    await box.close()


# --- ticks ---------------------------------------------------------------------------------------


@pytest.fixture
async def turns(database: str) -> AsyncIterator[tuple[Turns, FakeClock]]:
    storage, clock = await Storage.open(database), FakeClock(MONDAY)
    yield Turns(storage, clock), clock
    await storage.close()


async def test_of_many_at_once_one_has_the_turn(turns: tuple[Turns, FakeClock]) -> None:
    mine, clock = turns
    for _ in range(5):
        taken = await asyncio.gather(*(mine.take("a", HOUR) for _ in range(6)))
        assert [each for each in taken if each] == [clock.now()]
        assert await mine.take("b", HOUR)
        await mine.done("a", HOUR, clock.now())
        await mine.done("b", HOUR, clock.now())
        await clock.advance(HOUR)


async def test_a_turn_that_was_done_is_not_done_again_before_its_time(turns: tuple[Turns, FakeClock]) -> None:
    """Two processes tick every hour, half an hour apart: one of them does it."""
    mine, clock = turns
    done: list[datetime] = []

    async def work() -> None:
        done.append(clock.now())

    for _ in range(48):
        await mine.share("a", HOUR, work)()
        await clock.advance(HOUR / 2)
    assert done == [MONDAY + hour * HOUR for hour in range(24)]


async def test_who_dies_at_it_is_replaced_after_half_an_interval(turns: tuple[Turns, FakeClock]) -> None:
    mine, clock = turns
    began = await mine.take("a", HOUR)
    assert began
    await clock.advance(HOUR / 2 - timedelta(seconds=1))
    assert await mine.take("a", HOUR) is None
    await clock.advance(timedelta(seconds=1))
    assert await mine.take("a", HOUR)
    await mine.done("a", HOUR, began)  # the first one lives after all: too late to count
    await clock.advance(HOUR / 2)
    assert await mine.take("a", HOUR)


async def test_a_turn_that_failed_comes_again(turns: tuple[Turns, FakeClock]) -> None:
    mine, clock = turns

    async def broken() -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await mine.share("a", HOUR, broken)()
        await clock.advance(HOUR)


async def test_a_clock_that_was_far_ahead_blocks_no_turn(turns: tuple[Turns, FakeClock]) -> None:
    mine, _ = turns
    ahead = FakeClock(MONDAY + 100 * HOUR)
    began = await Turns(mine.storage, ahead).take("a", HOUR)
    assert began
    await mine.done("a", HOUR, began)
    assert await mine.take("a", HOUR)


async def test_ticks_of_two_processes_share_their_work(database: str, tmp_path: Path) -> None:
    done: list[str] = []
    cog = Cog("ticking")

    @cog.tick("ticking.work", HOUR)
    async def work(kit: Kit) -> None:
        done.append("work")

    box = await Box.make(tmp_path, cogs=(cog,))
    async with running(box, Role.SENDER) as (one, _), running(box, Role.SENDER) as (two, _):
        assert [name for name, _, _ in one.recurring()] == ["housekeeping", "ticking.work"]
        await asyncio.gather(*(do() for app in (one, two) for _, _, do in app.recurring()))
        assert done == ["work"]
        await box.clock.advance(HOUR)
        for _, _, do in two.recurring():
            await do()
    assert done == ["work", "work"]
    await box.close()


@pytest.mark.usefixtures("database")
async def test_a_sender_ticks_and_ends_what_it_has_begun(tmp_path: Path) -> None:
    begun = asyncio.Event()
    cog = Cog("ticking")

    @cog.tick("ticking.work", timedelta(seconds=1))
    async def work(kit: Kit) -> None:
        begun.set()
        async with kit.storage.write() as tx:
            await tx.execute(insert(events).values(id="worked", at=kit.now))

    box = await Box.make(tmp_path, cogs=(cog,))
    async with running(box, Role.SENDER), asyncio.timeout(NET):
        await begun.wait()
    assert sorted(await box.halves()) == ["tick/ticking.work", "worked"]
    await box.close()


# --- real processes ------------------------------------------------------------------------------


class Process:
    """`bounceback run`, with what it has said on stdout so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(3 * NET):
            return (await self.process.stdout.readline()).decode().strip()

    async def stop(self) -> tuple[int, str]:
        """End it as an operator would; its exit code, and what else it said."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(NET):
            said, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, (said + errors).decode()


@asynccontextmanager
async def program(*words: str, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


VALUES = {"where": "Acme", "stage": "interview", "story": "Two lines.", "sign": "anonymous", "wish": "ideas"}


async def share(ada: Window) -> None:
    """Ada hands in /rejected."""
    opened = await ada.act("command", channel="general", name="rejected", arg="", values={})
    form = opened["open"]
    answer = await ada.act("submit", channel="general", form=form["form"], arg=form["arg"], values=VALUES)
    assert "open" not in answer
    assert "error" not in answer


async def until_posts(storage: Storage, *states: str) -> None:
    """Until the posts in #support are in these states, and those that were sent have their thread."""

    async def reached() -> bool:
        async with storage.read() as connection:
            found = await connection.execute(select(outbox.c.kind, outbox.c.state).order_by(outbox.c.id))
            rows = [(row.kind, row.state) for row in found]
        posts = [state for kind, state in rows if kind == "thread.post"]
        opened = [state for kind, state in rows if (kind, state) == ("thread.opener", "sent")]
        return posts == list(states) and len(opened) == posts.count("sent")

    await until(reached)


async def test_a_gateway_and_a_sender_are_two_processes(database: str, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "config.toml").write_text(f'[storage]\nurl = "{database}"\n[web]\nport = {port}\n')
    async with program("--role", "gateway") as gateway:
        assert await gateway.line() == "Bounceback runs as a gateway."
        address = (await gateway.line()).removeprefix("Bounceback is running: ")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}ws", headers={"Origin": address.rstrip("/")}) as opened,
        ):
            ada = Window(opened, "ada")
            await ada.hello()
            await share(ada)
            storage = await Storage.open(database)
            await until_posts(storage, "ready")
            watched = {"BOUNCEBACK_METRICS__PORT": str(free_port())}
            async with program("--role", "sender", **watched) as sender:
                assert await sender.line() == "Bounceback runs as a sender."
                await until_posts(storage, "sent")
                await share(ada)  # while it sleeps: it hears of it, or looks for itself
                await until_posts(storage, "sent", "sent")
                figures = f"http://127.0.0.1:{watched['BOUNCEBACK_METRICS__PORT']}/"
                async with session.get(f"{figures}metrics") as response:
                    assert 'sent_total{platform="web",verb="post"} 2.0' in await response.text()
                async with session.get(f"{figures}healthz") as response:
                    assert (await response.json())["role"] == "sender"
                async with program("--role", "sender", **watched) as third:
                    assert await third.process.wait() == 2
                    _, errors = await third.process.communicate()
                    assert errors.startswith(b"metrics.port = ")
                code, said = await sender.stop()
                assert (code, "Bounceback is running" in said, "Unclosed" in said) == (0, False, False)
                assert ("one SQLite file" in said) == database.startswith("sqlite")
        code, said = await gateway.stop()
        assert (code, "ERROR" in said, "Traceback" in said) == (0, False, False)
        await storage.close()


async def test_discord_is_heard_by_its_shards_and_spoken_to_by_a_sender(
    database: str, tmp_path: Path
) -> None:
    standing = FakeClock(datetime.now(UTC))  # Discord's three seconds do not run out on a busy machine
    async with FakeDiscord(standing, shards=2) as fake:
        support, ada = fake.channel("support"), fake.person("ada")
        storage = await Storage.open(database)
        async with storage.write() as tx:
            ours = {"platform": "discord", "community": str(fake.guild.id), "support": str(support.id)}
            await tx.execute(insert(communities).values(**ours))
        said = {
            "BOUNCEBACK_STORAGE__URL": database,
            "BOUNCEBACK_DISCORD__TOKEN": fake.token,
            "BOUNCEBACK_DISCORD__API_BASE": fake.api_base,
        }
        async with (
            program("--role", "gateway", "--shards", "0/2", **said) as one,
            program("--role", "gateway", **said, BOUNCEBACK_PROCESS__SHARDS="1/2") as two,
        ):
            await fake.ready(2, 3 * NET)
            assert sorted(session.shard for session in fake.gateway.connected()) == [0, 1]
            form = await fake.command(ada, fake.guild, "rejected")
            answer = await fake.submit(form, {"stage": "interview", "story": "Two lines."})
            await answer.reply(NET)
            await until_posts(storage, "ready")
            assert fake.messages(support) == []
            async with program("--role", "sender", **said) as sender:
                await until_posts(storage, "sent")
                assert len(fake.messages(support)) == 1
                assert len(fake.gateway.connected()) == 2
                code, words = await sender.stop()
                assert (code, "Unclosed" in words, "Traceback" in words) == (0, False, False)
            for gateway in (one, two):
                code, words = await gateway.stop()
                assert (code, "Unclosed" in words, "Traceback" in words) == (0, False, False)
        await storage.close()

"""Many people share a no on a Slack that fails, through a bot that is killed; peers answer; their plans run.

The fake Slack is one process, the bot another: ``bounceback run`` as anybody runs it, in Socket Mode. So it
keeps Slack's own pace, one message a second in a channel; the people are spread over many workspaces that
installed it, each with a channel of its own. The local web chat is on beside Slack, for its clock, which
``SlackChaos`` moves from one thing that is due to the next.

``slack_crowd`` is the people, ``slack_found`` what is counted in the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any, Self

import aiohttp
from slack_sdk.oauth.installation_store import Bot
from sqlalchemy import insert, select

from bot.clock import SystemClock
from bot.platforms.slack_installs import Installs
from bot.storage import Storage
from bot.storage.schema import communities, outbox, web_state
from bot.vault import Vault
from tests.chaos import AT_ONCE, ROOT, SHARE, Chaos
from tests.ports import free_port
from tests.slack_crowd import Crowd
from tests.slack_found import Found
from tests.wire.slack_remote import Remote
from tests.world import stored

Json = dict[str, Any]

ADDRESS = "Bounceback is running: "  # how the web chat's address is announced
STARTS = 60.0  # seconds
DOUBLED, ACKS_LOST = 0.15, 0.05
LEASE = 60.0  # seconds, as configured by default


@dataclass(frozen=True)
class Waiting:
    """A row that is not sent yet: when it is due in the real time, whether a process holds it."""

    at: float
    held: bool
    tries: int
    error: str


class SlackChaos(Chaos):
    """One run on Slack, of so many ``stories`` in so many ``workspaces``."""

    remote: Remote
    crowd: Crowd
    session: aiohttp.ClientSession

    def __init__(self, folder: Path, stories: int, workspaces: int, **options: Any) -> None:
        super().__init__(folder, **options)
        assert stories >= 2 * workspaces, "nobody encourages themselves"
        self._stories, self._spread = stories, workspaces
        self._stack = AsyncExitStack()
        self._address, self._began = "", 0.0
        self._reading: asyncio.Task[None] | None = None
        self._logged: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        try:
            enter = self._stack.enter_async_context
            self.session = await enter(aiohttp.ClientSession())
            self.remote = await enter(Remote.spawned(workspaces=self._spread, no_recording=True))
            self._stack.push_async_callback(self.end)
            await self._prepare()
            await self.begin()
            await self.remote.call("double", chance=DOUBLED, acks_lost=ACKS_LOST)
            await self.remote.call("faults", chaos=SHARE, seed=self.seed, retry_after=1)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # -- the bot -----------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Workspaces with people and a channel each, which installed the bot and set it up."""
        info = await self.remote.call("info")
        self._storage = storage = await Storage.open(stored(self.folder))
        self._stack.push_async_callback(storage.close)
        installs = Installs(storage, Vault.open(self.folder / "bot.key"), SystemClock())
        people, channels = list[list[str]](), list[str]()
        for at, (team, token) in enumerate(info["workspaces"].items()):
            many = len(range(at, self._stories, self._spread))
            people.append(await self.remote.call("people", count=many, workspace=team))
            given: Json = {"name": "support", "workspace": team, "members": people[-1]}
            channels.append(await self.remote.call("channel", **given))
            await installs.async_save_bot(
                Bot(team_id=team, bot_token=token, bot_id="", bot_user_id="", installed_at=time())
            )
            async with storage.write() as tx:
                here = {"platform": "slack", "community": team, "support": channels[-1]}
                await tx.execute(insert(communities).values(**here))
        by_story = [people[n % self._spread][n // self._spread] for n in range(self._stories)]
        self.crowd = Crowd(self.remote, by_story, channels)
        self._tokens = {
            "BOUNCEBACK_SLACK__APP_TOKEN": info["app_token"],
            "BOUNCEBACK_SLACK__CLIENT_SECRET": info["client_secret"],
        }
        (self.folder / "config.toml").write_text(
            f'[storage]\nurl = "{stored(self.folder)}"\nkey_file = "{self.folder / "bot.key"}"\n'
            '[community]\nquiet_from = "00:00"\nquiet_to = "00:00"\nignored_limit = 100\n'
            f'[web]\nenabled = "on"\nport = {free_port()}\n'
            f'[slack]\napi_base = "{info["api_base"]}"\nclient_id = "{info["client_id"]}"\n'
            f'port = {free_port()}\npublic_url = "https://bot.example.org"\n'
            '[log]\nlevel = "error"\nformat = "json"\n',
            encoding="utf-8",
        )

    async def begin(self) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCEBACK_")}
        self._began = time()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(self.folder / "config.toml")),
            cwd=ROOT,
            env=ours | self._tokens,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        listens: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        assert self.process.stdout is not None
        self._reading = asyncio.create_task(self._read(self.process.stdout, listens))
        self._address = await asyncio.wait_for(listens, STARTS)
        await self.remote.call("ready", patience=STARTS)

    async def _read(self, lines: asyncio.StreamReader, listens: asyncio.Future[str]) -> None:
        """What the bot's process says: its address, then only errors."""
        while line := (await lines.readline()).decode():
            if line.startswith(ADDRESS):
                listens.set_result(line.removeprefix(ADDRESS).strip().rstrip("/"))
                continue
            said: Json = {}
            with suppress(ValueError):
                said = json.loads(line)
            self._logged[f"{said.get('event', line.strip())} {said.get('error', '')}".strip()] += 1
        if not listens.done():
            listens.set_exception(AssertionError("the bot did not start"))

    async def cut(self) -> None:
        match self.random.randrange(3):
            case 0:
                await self.remote.call("drop")
            case 1:
                await self.remote.call("disconnect", reason="refresh_requested")
            case _:
                await self.remote.call("disconnect", reason="warning")

    # -- what happens -------------------------------------------------------------------------------

    async def run(self, *, kill_at: Sequence[int] = ()) -> Found:
        """Stories, kind words, plans; ``kill_at``: after so many stories are shared."""
        await self.goes_on(self._stories, kill_at)
        found = Found(self._stories, kills=self.kills, cuts=self.cuts, logged=self._logged)
        found.tries_anew = self.crowd.tries_anew
        await found.count(self.remote, self.crowd.channels, self._storage)
        return found

    async def shares(self, number: int) -> None:
        await self.crowd.shares(number)

    async def plans(self, kills: int) -> None:
        await self._calm()
        await self._encourage()
        turns = 0
        while await self._rows():
            turns += 1
            moving = asyncio.create_task(self._next())
            if kills and turns == 3:
                await self._kill_amid(moving)
            await moving
            await self._calm()

    async def _encourage(self) -> None:
        """A peer answers each story; who does not know whether it was taken looks, and starts over if not."""
        slots, waiting = asyncio.Semaphore(AT_ONCE), set(range(self._stories))

        async def one(number: int) -> None:
            async with slots:
                await self.crowd.encourages(number)

        while waiting:
            self.crowd.unsure.clear()
            async with asyncio.TaskGroup() as tasks:
                for number in sorted(waiting):
                    tasks.create_task(one(number))
            await self._calm()
            waiting = {number for number in self.crowd.unsure if not await self.crowd.is_in_thread(number)}

    async def _kill_amid(self, moving: asyncio.Task[None]) -> None:
        """Kill it in the middle of what is due now."""
        for _ in range(1_000):
            if moving.done() or any(each.held for each in await self._rows()):
                break
            await asyncio.sleep(0.002)
        await self.kill()

    async def _rows(self) -> list[Waiting]:
        """Rows that wait for their time, or for their process."""
        async with self._storage.read() as connection:
            asked = select(web_state.c.value).where(web_state.c.name == "offset")
            offset = float((await connection.execute(asked)).scalar() or 0.0)
            rows = (await connection.execute(select(outbox).where(outbox.c.state == "ready"))).all()
        return [
            Waiting(row.ready_at.timestamp() - offset, row.lease is not None, row.attempts, row.error)
            for row in rows
        ]

    async def _calm(self) -> None:
        """Until nothing is due or under way; what a dead process holds comes back when its time has come."""
        while True:
            now = time()
            under_way = [each for each in await self._rows() if each.at <= now or each.held or each.tries]
            if not under_way:
                return
            if any(self._takes_real_time(each, now) for each in under_way):
                await asyncio.sleep(0.2)
            else:
                await self._next()

    def _takes_real_time(self, row: Waiting, now: float) -> bool:
        """Whether the bot works on it, or Slack's limits, which count real seconds, hold it back."""
        if row.held:
            return row.at - LEASE >= self._began
        return row.at <= now or row.error == "rate limit"

    async def _next(self) -> None:
        """Move the bot's clock to what is due next, and wait until that is done."""
        while True:
            async with self.restarting:
                assert self.process is not None
                assert self.process.returncode is None, f"the bot has ended by itself: {self._logged}"
                address = self._address
            with suppress(aiohttp.ClientError, OSError):
                async with self.session.ws_connect(f"{address}/ws", origin=address) as window:
                    id = token_hex(8)
                    await window.send_json({"do": "hello", "as": "ada"})
                    await window.send_json({"do": "clock", "id": id, "to": "next"})
                    async for message in window:
                        if json.loads(message.data).get("id") == id:
                            return
            await asyncio.sleep(0.05)  # killed: the next one is asked

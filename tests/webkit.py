"""What the tests of the local web chat share: a server on a file, and a client of its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from bot.clock import SystemClock
from bot.platforms.web import WebChat, stored_offset
from bot.storage import Storage
from bot.vault import Vault
from tests.webbot import TinyBot
from tests.world import stored

PATIENCE = 60.0  # seconds until a test gives up waiting; nothing here measures time
MORNING = datetime(2026, 11, 24, 9, 2, tzinfo=UTC)


class Server:
    """A chat server on a file, that can be stopped and started again on the same port."""

    def __init__(self, file: Path, vault: Vault | None = None, host: str = "127.0.0.1") -> None:
        self.file, self.vault, self.host = file, vault or Vault.ephemeral(), host
        self.port = 0
        self.due: datetime | None = None
        self.announced: list[str] = []

    async def start(self, port: int | None = None) -> None:
        self.storage = await Storage.open(stored(self.file.parent, self.file.name))
        offset = await stored_offset(self.storage) or MORNING - datetime.now(UTC)
        self.clock = SystemClock(offset=offset)
        self.bot = TinyBot(self.storage, self.clock)
        self.chat = WebChat(
            storage=self.storage,
            vault=self.vault,
            clock=self.clock,
            host=self.host,
            port=self.port if port is None else port,
            next_event=self._next_event,
            announce=self.announced.append,
            name="Second Wind",
        )
        self.bot.chat = self.chat
        self.task = asyncio.create_task(self.chat.run(self.bot))
        ready = asyncio.create_task(self.chat.ready.wait())
        await asyncio.wait({self.task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            ready.cancel()
            await self.storage.close()
            self.task.result()
        self.port = int(self.chat.address.rstrip("/").rpartition(":")[2])

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        await self.storage.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def _next_event(self) -> datetime | None:
        return self.due

    @property
    def address(self) -> str:
        return self.chat.address


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[Server]:
    """A server for the time of a test."""
    server = Server(file)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Window:
    """A browser window, as far as the protocol goes."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, person: str) -> None:
        self._socket, self.person = socket, person
        self.state: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []

    async def hello(self) -> None:
        await self.send({"do": "hello", "as": self.person})
        self.state = await self.next("state")

    async def send(self, frame: object) -> None:
        await self._socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first frame that is wanted; everything is kept in ``heard``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = json.loads(await self._socket.receive_str())
                self.heard.append(frame)
                if wanted(frame):
                    return frame

    async def next(self, type: str) -> dict[str, Any]:
        return await self.until(lambda frame: frame["type"] == type)

    async def act(self, do: str, *, again: str = "", **content: Any) -> dict[str, Any]:
        """Do something and wait for its answer."""
        action = again or uuid4().hex
        await self.send({"do": do, "id": action, **content})
        return await self.until(lambda frame: frame["type"] == "answer" and frame["id"] == action)

    def messages(self) -> list[dict[str, Any]]:
        """Everything this window was ever shown, newest version of each, in order."""
        seen = {message["id"]: message for message in self.state["messages"]}
        seen |= {
            frame["message"]["id"]: frame["message"] for frame in self.heard if frame["type"] == "message"
        }
        return [seen[number] for number in sorted(seen)]

    def texts(self) -> list[str]:
        return [words(message) for message in self.messages()]

    async def settled(self) -> None:
        """Wait until everything told before now has arrived: frames come in order."""
        await self.act("read", channel="general", upto=1)

    async def close(self) -> None:
        await self._socket.close()


def words(message: dict[str, Any]) -> str:
    """What a message says, as characters."""
    if "text" in message:
        return message["text"]
    parts = message.get("card", {}).get("text", [])
    return "".join(
        part if isinstance(part, str) else str(part.get("quote", part.get("jump", ""))) for part in parts
    )


@asynccontextmanager
async def window(server: Server, person: str) -> AsyncIterator[Window]:
    """A window of our own page."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.address}ws", headers={"Origin": server.address.rstrip("/")}) as socket,
    ):
        opened = Window(socket, person)
        await opened.hello()
        yield opened


def later(**delta: float) -> datetime:
    return MORNING + timedelta(**delta)


STORY = "Four rounds, then two lines."
FILLED = {"where": "", "stage": "interview", "story": STORY, "sign": "anonymous"}


async def share(ada: Window, **values: str) -> dict[str, Any]:
    """Ada types /rejected and hands the form in; gives the answer."""
    opened = await ada.act("command", channel="support", name="rejected", arg="", values={})
    form = opened["open"]
    return await ada.act(
        "submit", channel="support", form=form["form"], arg=form["arg"], values={**FILLED, **values}
    )

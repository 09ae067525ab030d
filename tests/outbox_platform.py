"""A chat platform in a process of its own, which outlives every bot and counts what it was asked to say.

Bots and the rig talk to it in lines of JSON. What arrives takes effect after half of its time and is
answered after the other half, whether or not who asked is still there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from multiprocessing.connection import Connection
from random import Random
from time import monotonic
from typing import Any

from bot.chat import Message, Place, User
from bot.errors import TryLater
from bot.platforms.memory import MemoryChat
from bot.ui import Card

HOST, NAME = "127.0.0.1", "fake"
LONGEST = 2**27  # bytes of one line: a report about tens of thousands of messages
ROW = re.compile(r"\brow(\d+)\b")


class Honours(StrEnum):
    """What the platform does with a key that it has seen."""

    KEYS = "keys"  # the message that is there already is the answer, as on Discord
    LOOKS = "looks"  # so only if it is told that it may be there, as the bot does on Slack
    NOTHING = "nothing"  # one more message


@dataclass(frozen=True, slots=True)
class Said:
    """A message that exists: which rows it speaks of, who sent it, and when (of this machine's monotonic)."""

    key: str
    rows: tuple[int, ...]
    by: str
    at: float


# -- the platform's side ----------------------------------------------------------------------------


class Platform:
    """Counts. ``latency`` is in seconds, on average."""

    def __init__(self, honours: Honours, latency: float, seed: int) -> None:
        self._honours, self._latency, self._random = honours, latency, Random(seed)
        self._said: list[Said] = []
        self._ids: dict[str, int] = {}  # the first message of each key
        self._waiting: list[tuple[int, asyncio.Event]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._tries = 0
        self._lines: Counter[str] = Counter()  # connections, by bot
        self._busy: Counter[str] = Counter()  # what has come and is not there yet, by bot
        self._less = asyncio.Condition()

    async def serve(self, ready: Connection) -> None:
        """Until killed; the port goes out through ``ready``."""
        server = await asyncio.start_server(self._talk, HOST, 0, limit=LONGEST)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        by = ""
        with suppress(ConnectionError):
            while line := await reader.readline():
                asked = json.loads(line)
                if not by and (by := asked.get("by", "")):
                    self._lines[by] += 1
                self._busy[by] += 1
                task = asyncio.create_task(self._answer(asked, writer, by))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._lines[by] -= 1
        await self._tell()

    async def _tell(self) -> None:
        async with self._less:
            self._less.notify_all()

    async def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter, by: str) -> None:
        match asked["ask"]:
            case "say":
                answer: Any = await self._say(asked)
                self._busy[by] -= 1
                await self._tell()
            case "when":
                answer = await self._when(asked["said"])
            case "over":
                answer = await self._over(asked["of"], asked["lines"])
            case _:
                told = [[each.key, each.rows, each.by, each.at] for each in self._said]
                answer = {"said": told, "tries": self._tries}
        with suppress(ConnectionError):
            if writer.is_closing():
                return  # who asked is dead: nobody reads it
            writer.write(f"{json.dumps({'n': asked['n'], 'answer': answer})}\n".encode())
            await writer.drain()

    async def _say(self, asked: dict[str, Any]) -> int:
        half = self._latency * self._random.uniform(0.25, 0.75)
        await asyncio.sleep(half)
        self._tries += 1
        key: str = asked["key"]
        known = self._ids.get(key)
        looked = self._honours is Honours.KEYS or (self._honours is Honours.LOOKS and asked["again"])
        if known is None or not looked:
            self._said.append(Said(key, tuple(asked["rows"]), asked["by"], monotonic()))
            known = self._ids.setdefault(key, len(self._said))
            for wanted, event in self._waiting:
                if len(self._said) >= wanted:
                    event.set()
        await asyncio.sleep(half)
        return known

    async def _when(self, wanted: int) -> int:
        """Answers when there are so many messages; how many there are."""
        if len(self._said) < wanted:
            event = asyncio.Event()
            self._waiting.append((wanted, event))
            await event.wait()
        return len(self._said)

    async def _over(self, by: str, lines: bool) -> bool:
        """Answers when what a bot has sent is there; ``lines``: and it has no connection left."""
        async with self._less:
            await self._less.wait_for(lambda: self._busy[by] <= 0 and not (lines and self._lines[by] > 0))
        return True


# -- the other side ---------------------------------------------------------------------------------


class Talk:
    """Questions and answers over one connection."""

    def __init__(self, port: int) -> None:
        self._port, self._numbers = port, count(1)
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._opening = asyncio.Lock()

    async def ask(self, what: str, **more: Any) -> Any:
        """The answer; ``ConnectionError`` if none can come any more."""
        async with self._opening:
            if self._writer is None:
                reader, self._writer = await asyncio.open_connection(HOST, self._port, limit=LONGEST)
                self._reading = asyncio.create_task(self._read(reader))
        number = next(self._numbers)
        answer = self._open[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(f"{json.dumps({'n': number, 'ask': what, **more})}\n".encode())
            return await answer
        finally:
            del self._open[number]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                told = json.loads(line)
                answer = self._open.get(told["n"])
                if answer and not answer.done():
                    answer.set_result(told["answer"])
        self._writer = None
        for each in self._open.values():
            if not each.done():
                each.set_exception(ConnectionResetError())

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            await asyncio.wait([self._reading])


@dataclass
class Line(MemoryChat):
    """The platform as a bot sees it. ``by`` is the name of its process."""

    platform: str = NAME
    port: int = 0
    by: str = ""
    _talk: Talk | None = field(default=None)

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        return await self._say(place, card, key, again)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        return await self._say(Place(NAME, "here", user.id), card, key, again)

    async def _say(self, place: Place, card: Card, key: str, again: bool) -> Message:
        self._talk = self._talk or Talk(self.port)
        rows = [int(found) for found in ROW.findall(card.plain)]
        try:
            id = await self._talk.ask("say", key=key, again=again, rows=rows, by=self.by)
        except OSError as error:
            raise TryLater("cut", unsure=True) from error
        return Message(place, str(id))


def told(answer: dict[str, Any]) -> Sequence[Said]:
    """The messages in a report."""
    return [Said(key, tuple(rows), by, at) for key, rows, by, at in answer["said"]]

"""A bot without a platform: everything real but the chat, on a file of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from random import Random

from sqlalchemy import insert

from bot.app import App, build
from bot.chat import Dispatch, Message, Place, User
from bot.clock import SystemClock
from bot.pace import Flow
from bot.people import Defaults
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import communities
from bot.storage.sqlite import tune
from bot.ui import Card
from bot.vault import Vault

ALWAYS = Defaults(quiet_from=time(0), quiet_to=time(0))  # no quiet hours, whenever this is run


@dataclass
class NoChat:
    """Implements ``bot.chat.Chat``; every message is there at once."""

    platform: str = "bench"
    flow: Flow = field(default_factory=Flow)
    sent: int = 0
    wanted: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, dispatch: Dispatch) -> None:
        await asyncio.Event().wait()

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        return self._put(place)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        return self._put(Place(user.platform, user.community, f"dm:{user.id}"))

    def _put(self, place: Place) -> Message:
        self.sent += 1
        if self.sent == self.wanted:
            self.full.set()
        return Message(place, str(self.sent))

    async def edit(self, message: Message, card: Card) -> None: ...
    async def delete(self, message: Message) -> None: ...

    async def thread(self, message: Message, title: str) -> Place:
        return message.place

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        return Place("bench", "here", f"room:{key}")

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        return ()


@asynccontextmanager
async def bot(file: Path, chat: NoChat) -> AsyncGenerator[App]:
    """A bot on a new file, its community set up, nothing running."""
    storage = await Storage.open(f"sqlite:///{file}")
    async with storage.write() as tx:
        await tx.execute(insert(communities).values(platform="bench", community="here", support="support"))
    yield build(
        storage=storage,
        clock=SystemClock(),
        vault=Vault.ephemeral(),
        chats=[chat],
        defaults=ALWAYS,
        pace=Pace(),
        random=Random(7),
    )
    await storage.close()


def plain(file: Path) -> sqlite3.Connection:
    """Python's own sqlite3, tuned as the bot's connections are."""
    connection = sqlite3.connect(file, isolation_level=None)
    tune(connection.cursor())
    return connection


def micros(at: datetime) -> int:
    """An instant as the tables keep it."""
    return round(at.timestamp() * 1_000_000)

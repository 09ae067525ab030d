"""The community of ``tests.world`` behind a wire: what Discord's and Slack's have in common.

The bot runs its real platform against a fake one. What people see is read back into cards and forms, so
that a test need not know where it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from bot.app import build
from bot.chat import Chat, Dispatch, Message
from bot.cog import Cog
from bot.people import Defaults
from bot.platforms.memory import Sent
from bot.sender import Pace
from bot.ui import Card, Form
from bot.vault import Vault
from tests.watching import Watched
from tests.wire.waiting import PATIENCE
from tests.world import World

Shown = TypeVar("Shown")  # a message, as the fake has it
Opened = TypeVar("Opened")  # a form on somebody's screen, as the fake has it


class Served(Chat, Protocol):
    """A platform that says when it can be reached."""

    ready: asyncio.Event


class WiredWorld(World, Generic[Shown, Opened]):
    """``World`` with a platform in it that is reached over a wire."""

    fake: Any

    def __init__(self, folder: Path, vault: Vault, now: datetime, defaults: Defaults, cogs: Sequence[Cog]):
        super().__init__(folder, vault, now, defaults, cogs)
        self.told: list[tuple[str, str, dict[str, str]]] = []  # what organisers were told
        self._cards: dict[int, tuple[Card, Shown]] = {}  # by the card's identity, which it keeps alive
        self._forms: dict[int, tuple[Form, Opened]] = {}

    async def trouble(self, community: str, words: str, says: Any) -> None:
        """Organisers are told something."""
        self.told.append((community, words, dict(says)))

    async def serve(self, chat: Served) -> None:
        """Wire the bot onto what is stored, and wait until its platform has it."""
        self.app = build(
            storage=self.storage,
            clock=self.clock,
            vault=self.vault,
            chats=[chat],
            defaults=self.defaults,
            pace=Pace(),
            random=Random(7),
            cogs=self.cogs,
        )
        self.watched = Watched(self.app.dispatcher)
        self._running = asyncio.create_task(chat.run(self.watched))
        ready = asyncio.create_task(chat.ready.wait())
        await asyncio.wait([ready, self._running], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        if not ready.done():
            ready.cancel()
            await self.close()
            raise AssertionError("the bot did not get ready")

    async def stop(self) -> None:
        """End the bot; its platform stays."""
        self._running.cancel()
        try:
            await asyncio.wait([self._running])
        finally:
            await self.storage.close()

    async def close(self) -> None:
        try:
            await self.stop()
        finally:
            await self.fake.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def opened(self, form: Form) -> Opened | None:
        """What a form was read from."""
        known = self._forms.get(id(form))
        return known[1] if known else None

    def card(self, shown: Any) -> Card:
        """A message as the card it was drawn from."""
        raise NotImplementedError

    def message(self, shown: Any) -> Message:
        """A message as the seam names it."""
        raise NotImplementedError

    def message_of(self, on: Card | WireSent) -> Shown | None:
        """The message that a card was read from."""
        if isinstance(on, WireSent):
            return on.shown
        known = self._cards.get(id(on))
        return known[1] if known else None


class WireSent(Sent):  # noqa: PLW1641  (nobody puts one into a set)
    """A message of the bot, as people see it now."""

    def __init__(self, world: WiredWorld[Any, Any], shown: Any, key: str) -> None:
        self.world, self.shown, self.key, self.tries, self.to = world, shown, key, 1, None

    @property
    def card(self) -> Card:  # type: ignore[override]
        return self.world.card(self.shown)

    @property
    def message(self) -> Message:  # type: ignore[override]
        return self.world.message(self.shown)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"<{self.message} {self.card}>"


class Doors:
    """What tests look up on ``world.chat``."""

    def __init__(self, world: WiredWorld[Any, Any]) -> None:
        self._world = world

    @property
    def dispatch(self) -> Dispatch:
        return self._world.app.dispatcher

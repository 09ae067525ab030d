"""A chat platform in memory: the seam's own fake, shipped for tests and benchmarks.

It behaves as the strictest real ones do: a key happens once, a deleted message is gone, closed
direct messages are refused. ``trouble`` lets a test make any call fail before or after its effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from bot.chat import Dispatch, Message, Place, User
from bot.errors import Gone, Undeliverable
from bot.pace import Flow
from bot.ui import Card

Trouble = Callable[[str, str], None]  # (call, "before" | "after"): raises what is to go wrong


@dataclass
class Sent:
    """A message as people see it. ``tries`` counts how often its key was sent."""

    message: Message
    card: Card
    key: str
    to: User | None = None
    tries: int = 1


@dataclass
class MemoryChat:
    """Implements ``bot.chat.Chat``. ``sent`` holds every message that exists, oldest first."""

    platform: str = "memory"
    community: str = "here"
    sent: dict[str, Sent] = field(default_factory=dict[str, Sent])
    titles: dict[str, str] = field(default_factory=dict[str, str])  # thread id -> title
    closed: set[str] = field(default_factory=set[str])  # user ids that take no direct messages
    gone_channels: set[str] = field(default_factory=set[str])
    forbidden: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # what lacks, by channel
    honours_keys: bool = True
    trouble: Trouble = lambda call, moment: None
    flow: Flow = field(default_factory=Flow)
    dispatch: Dispatch | None = None
    _ids: count[int] = field(default_factory=lambda: count(1))

    async def run(self, dispatch: Dispatch) -> None:
        """Take events from the test until cancelled."""
        self.dispatch = dispatch
        await asyncio.Event().wait()

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        self.trouble("post", "before")
        if place.channel in self.gone_channels:
            raise Undeliverable("unknown channel")
        message = self._add(place, card, key, None)
        self.trouble("post", "after")
        return message

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        self.trouble("dm", "before")
        if user.id in self.closed:
            raise Undeliverable("direct messages are closed")
        message = self._add(Place(self.platform, self.community, f"dm:{user.id}"), card, key, user)
        self.trouble("dm", "after")
        return message

    def _add(self, place: Place, card: Card, key: str, to: User | None) -> Message:
        for known in self.sent.values():
            if known.key == key and self.honours_keys:
                known.tries += 1
                return known.message
        message = Message(place, str(next(self._ids)))
        self.sent[message.id] = Sent(message, card, key, to)
        return message

    async def edit(self, message: Message, card: Card) -> None:
        self.trouble("edit", "before")
        self._existing(message).card = card
        self.trouble("edit", "after")

    async def delete(self, message: Message) -> None:
        self.trouble("delete", "before")
        self._existing(message)
        del self.sent[message.id]
        self.trouble("delete", "after")

    async def thread(self, message: Message, title: str) -> Place:
        self.trouble("thread", "before")
        self._existing(message)
        self.titles.setdefault(f"t{message.id}", title)
        self.trouble("thread", "after")
        return Place(self.platform, self.community, message.place.channel, f"t{message.id}")

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        self.titles.setdefault(f"room:{key}", title)
        return Place(self.platform, self.community, f"room:{key}")

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        self.trouble("check", "before")
        if place.channel in self.gone_channels:
            raise Undeliverable("unknown channel")
        return self.forbidden.get(place.channel, [])

    def _existing(self, message: Message) -> Sent:
        if message.id not in self.sent:
            raise Gone("unknown message")
        return self.sent[message.id]

    def within(self, channel: str, thread: str = "") -> list[Sent]:
        """The messages of a channel or thread, oldest first."""
        return [
            each
            for each in self.sent.values()
            if (each.message.place.channel, each.message.place.thread) == (channel, thread)
        ]

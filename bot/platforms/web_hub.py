"""The open browser windows, and who may be told what.

Telling never waits: each window has a queue of its own, so a sleeping laptop holds nobody up. What
is told right after a commit is queued before anyone else can commit, so every window sees the
changes of a message in the order in which they happened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.platforms.web_cards import Json, message_json
from bot.platforms.web_people import Channel, Community, Person
from bot.platforms.web_store import Row


@dataclass(eq=False, slots=True)
class Window:
    """One socket, acting as one person."""

    person: Person
    outgoing: asyncio.Queue[str] = field(default_factory=asyncio.Queue[str])

    def send(self, told: Json) -> None:
        """Queue one frame."""
        self.outgoing.put_nowait(json.dumps(told))


class Hub:
    """All windows of the community."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._windows: set[Window] = set()

    def join(self, person: Person) -> Window:
        """A new window; from now on it hears everything that its person may see."""
        window = Window(person)
        self._windows.add(window)
        return window

    def leave(self, window: Window) -> None:
        """The window was closed."""
        self._windows.discard(window)

    def tell(self, told: Json, to: Callable[[Person], bool] = lambda _: True) -> None:
        """Send one frame to the windows of these people."""
        for window in self._windows:
            if to(window.person):
                window.send(told)

    def tell_message(self, row: Row) -> None:
        """A message is new or has changed: tell those who may see it."""
        channel = self._community.channel(row.channel)
        if channel is not None:
            told = {"type": "message", "message": message_json(row)}
            self.tell(told, lambda person: may_see(person, channel, row))

    def tell_channel(self, channel: Channel) -> None:
        """A channel was opened: tell those who may see it."""
        self.tell({"type": "channel", "channel": channel_json(channel)}, channel.open_to)


def may_see(person: Person, channel: Channel, row: Row) -> bool:
    """Whether this message is any of that person's business."""
    return channel.open_to(person) and row.only_for in (None, person.id)


def channel_json(channel: Channel) -> Json:
    """A channel for the list."""
    told: Json = {"id": channel.id, "name": channel.name, "topic": channel.topic, "kind": channel.kind}
    return told | {"members": sorted(channel.members)}


def person_json(person: Person) -> Json:
    """A person for the list."""
    return {
        "id": person.id,
        "name": person.name,
        "zone": person.zone,
        "about": person.about,
        "role": person.role,
    }

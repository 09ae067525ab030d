"""The local web chat: a small chat server with a page, behind the same seam as Discord and Slack.

It is a platform of its own, kept in our own tables: people act as anyone of a small cast, so that
Bounceback can be tried, shown and tested without a token. ``web_people`` is who and where,
``web_store`` what is kept, ``web_hub`` who hears what, ``web_actions`` what people do, ``web_http``
the door, ``page/`` what the browser runs.

The protocol, over one WebSocket at ``/ws``, JSON in both directions
--------------------------------------------------------------------
The window says who it acts as; the server gives everything that this person may see, then changes::

    > {"do": "hello", "as": "ada"}
    < {"type": "state", "you", "name", "people", "channels", "messages", "read", "commands",
       "now", "speed", "limit"}
    < {"type": "message", "message": {...}}      new or changed, by its id; "gone" once deleted
    < {"type": "channel", "channel": {...}}      a room was opened
    < {"type": "read", "where", "upto"}          this person read on in another window
    < {"type": "clock", "now"}                   somebody moved the time

After that the window sends actions, each with an ``id`` that it made up, and gets one answer to each.
What an action shows (a message, a private reply, a changed card) arrives before its answer::

    > {"do": "say", "id", "channel", "thread"?, "text"}
    > {"do": "command", "id", "channel", "thread"?, "name", "arg", "values"}
    > {"do": "press", "id", "message", "button"}
    > {"do": "submit", "id", "channel", "thread"?, "message"?, "form", "arg", "values"}
    > {"do": "suggest", "id", "channel", "thread"?, "of": "command" | "form", "name", "option", "arg"}
    > {"do": "clock", "id", "hours"} or {"do": "clock", "id", "to": "next"}
    > {"do": "dismiss", "id", "message"}
    > {"do": "read", "id", "channel", "thread"?, "upto"}
    < {"type": "answer", "id", "open"?: form, "choices"?, "note"?, "message"?, "error"?}
    < {"type": "error", "text"}                  for what is no action at all

A message is ``{id, channel, thread, author, private, at, edited}`` with ``text`` (a person's), ``card``
(the bot's), ``room`` or ``gone``; ``title`` once a thread was opened on it; ``said``, the action that it
came from. Inside a card, texts are lists of strings, ``{when, style}``, ``{person}``, ``{jump, channel,
thread, message}`` and ``{quote}``.

After a lost connection the window says hello again, takes the state anew, and sends its unanswered
actions again under their old ids; each is done once (see ``web_actions``).
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from aiohttp import web

from bot.chat import Dispatch, Message, Place, User
from bot.clock import SystemClock
from bot.errors import Gone, Undeliverable
from bot.pace import Flow
from bot.platforms.web_actions import Actions
from bot.platforms.web_cards import Json, card_json, command_json, message_json
from bot.platforms.web_frames import SAY_LIMIT
from bot.platforms.web_http import Door
from bot.platforms.web_hub import Hub, channel_json, person_json
from bot.platforms.web_people import BOT, PLATFORM, Channel, Community, Person, direct, place
from bot.platforms.web_store import Row, Store, stored_offset
from bot.storage import Storage
from bot.ui import Card
from bot.vault import Vault

__all__ = ["WebChat", "stored_offset"]

_PORTS = 21  # the one asked for, and twenty more when it is taken
log = structlog.get_logger(__name__)


class WebChat:
    """The platform. ``run`` serves it; everything else works from the moment it is made."""

    platform = PLATFORM
    flow = Flow()

    def __init__(
        self,
        *,
        storage: Storage,
        vault: Vault,
        clock: SystemClock,
        host: str = "127.0.0.1",
        port: int = 8080,
        next_event: Callable[[], Awaitable[datetime | None]],
        announce: Callable[[str], None],
        name: str = "Bounceback",
        speed: float = 1.0,
    ) -> None:
        self._store, self._clock = Store(storage, vault), clock
        self._host, self._port, self._speed = host, port, speed
        self._next_event, self._announce, self._name = next_event, announce, name
        self._community = Community.load()
        self._hub = Hub(self._community)
        self._opening, self._opened = asyncio.Lock(), False
        self.ready = asyncio.Event()
        self.address = ""

    async def run(self, dispatch: Dispatch) -> None:
        """Serve until cancelled. ``OSError`` when no port is free."""
        await self._open()

        async def state(person: Person) -> Json:
            return await self._state(person, dispatch)

        actions = Actions(self._store, self._hub, self._community, self._clock, dispatch, self._next_event)
        door = Door(self._host, self._store, self._hub, self._community, actions, state)
        runner = web.AppRunner(door.app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            self.address = await self._listen(runner)
            self._announce(self.address)
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            await runner.cleanup()
            await actions.stop()

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        """Say something in a channel or thread."""
        await self._open()
        channel = self._community.at(place)
        if channel is None:
            raise Undeliverable("unknown_channel")
        return await self._put(channel, _number(place.thread) if place.thread else None, card, key)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        """Say something to one person."""
        person = self._community.who(user)
        channel = self._community.channel(direct(person.id)) if person else None
        if channel is None:
            raise Undeliverable("unknown_user")
        return await self._put(channel, None, card, key)

    async def edit(self, message: Message, card: Card) -> None:
        """Put another card in place of one of ours."""
        row = await self._ours(message)
        changed = await self._store.change(row.id, {"card": card_json(card)}, at=self._clock.now())
        self._hub.tell_message(changed)

    async def delete(self, message: Message) -> None:
        """Take back one of ours; what others wrote under it stays."""
        row = await self._ours(message)
        self._hub.tell_message(await self._store.empty(row.id))

    async def thread(self, message: Message, title: str) -> Place:
        """The thread under a message, titled by whoever opens it first."""
        row = await self._message(message)
        if row.thread is not None or row.only_for is not None:
            raise Undeliverable("no_thread_here")
        if "title" not in row.body:
            self._hub.tell_message(await self._store.change(row.id, {**row.body, "title": title}))
        return place(row.channel, row.id)

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        """A channel for these people alone."""
        await self._open()
        people = [self._community.who(user) for user in users]
        members = sorted({person.id for person in people if person is not None})
        if not users or None in people:
            raise Undeliverable("unknown_user")
        room = f"room:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        body = {"room": {"title": title, "members": members}}
        row, new = await self._store.put(room, None, BOT, body, at=self._clock.now(), key=f"room:{key}")
        if new:
            self._hub.tell_channel(self._join(row))
            self._hub.tell_message(row)
        return place(room)

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        """Nothing lacks in a channel that several people read; others are none to post in."""
        channel = self._community.at(place)
        if channel is None or channel.kind not in ("open", "staff"):
            raise Undeliverable("no_channel_for_posts")
        return ()

    async def _open(self) -> None:
        """Once: make the community known to the bot, and find the rooms of earlier runs."""
        async with self._opening:
            if not self._opened:
                await self._store.introduce("support", "wins", "moderation")
                for row in await self._store.rooms():
                    self._join(row)
                self._opened = True

    def _join(self, row: Row) -> Channel:
        """The room that this message opened."""
        room = row.body["room"]
        names = " and ".join(self._community.people[each].name for each in room["members"])
        topic = f"Only {names} and Bounceback are here."
        channel = Channel(row.channel, room["title"], topic, "room", frozenset(room["members"]))
        self._community.add(channel)
        return channel

    async def _put(self, channel: Channel, thread: int | None, card: Card, key: str) -> Message:
        row, new = await self._store.put(
            channel.id, thread, BOT, {"card": card_json(card)}, at=self._clock.now(), key=key
        )
        if new:
            self._hub.tell_message(row)
        return Message(place(row.channel, row.thread), str(row.id))

    async def _message(self, message: Message) -> Row:
        await self._open()
        if self._community.at(message.place) is None:
            raise Undeliverable("unknown_channel")
        return await self._store.get(_number(message.id))

    async def _ours(self, message: Message) -> Row:
        row = await self._message(message)
        if row.author != BOT or "card" not in row.body:
            raise Undeliverable("not_ours")
        return row

    async def _state(self, person: Person, dispatch: Dispatch) -> Json:
        """Everything that this person may see."""
        channels = self._community.seen_by(person)
        rows = await self._store.seen_by(person.id, [channel.id for channel in channels])
        return {
            "type": "state",
            "name": self._name,
            "you": person.id,
            "people": [person_json(each) for each in self._community.people.values()],
            "channels": [channel_json(channel) for channel in channels],
            "messages": [message_json(row) for row in rows],
            "read": await self._store.marks(person.id),
            "commands": [
                command_json(command)
                for command in dispatch.commands("en")
                if command.audience.admits(moderator=person.is_moderator, organiser=person.is_admin)
            ],
            "now": self._clock.now().isoformat(),
            "speed": self._speed,
            "limit": SAY_LIMIT,
        }

    async def _listen(self, runner: web.AppRunner) -> str:
        """Take the port, or the next free one; gives the address to open."""
        for port in range(self._port, min(self._port + _PORTS, 65536)) if self._port else (0,):
            try:
                await web.TCPSite(runner, self._host, port).start()
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                log.info("web_port_taken", port=port)
            else:
                shown = "localhost" if self._host in ("", "0.0.0.0", "::") else self._host
                shown = f"[{shown}]" if ":" in shown else shown
                return f"http://{shown}:{runner.addresses[0][1]}/"
        last = self._port + _PORTS - 1
        raise OSError(errno.EADDRINUSE, f"ports {self._port} to {last} on {self._host} are all taken")


def _number(id: str) -> int:
    """A message's number; an id that was never ours is a message that is not there."""
    if not id.isdecimal() or len(id) > 15:
        raise Gone("unknown_message")
    return int(id)

"""A small community for conversation tests: real bot, real database, fake clock, a chat in memory.

world = await World.open(folder)
ada = world.person("ada", zone="Europe/Berlin")
form = await ada.types("/rejected Acme")
card = await ada.submits(form, stage="interview")
await world.advance(days=1)
assert "thank" in ada.dms[-1].card.plain
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Self

from sqlalchemy import insert, inspect, text

from bot.app import App, build
from bot.chat import Ack, Event, Kind, Message, Place, User
from bot.clock import FakeClock
from bot.cog import Cog
from bot.people import Defaults
from bot.platforms.memory import MemoryChat, Sent
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import communities
from bot.ui import Button, Card, Form, Person, parts
from bot.vault import Vault
from cogs import COGS

DATABASES = ("sqlite", "postgresql")
ELSEWHERE = "database.url"  # a file in a world's folder that names another database than the one beside it
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # far from any change of the clocks


class World:
    """The bot and its surroundings. ``restart`` loses everything that is not in the database."""

    def __init__(self, folder: Path, vault: Vault, now: datetime, defaults: Defaults, cogs: Sequence[Cog]):
        self.folder, self.vault, self.defaults, self.cogs = folder, vault, defaults, cogs
        self.clock = FakeClock(now)
        self.chat = MemoryChat()
        self.events = count(1)

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        now: datetime = MONDAY,
        defaults: Defaults | None = None,
        cogs: Sequence[Cog] = COGS,
        set_up: bool = True,
    ) -> Self:
        """A new community with #support, #wins and #moderation (unless ``set_up`` is false)."""
        world = cls(folder, Vault.ephemeral(), now, defaults or Defaults(), cogs)
        await world.start()
        if set_up:
            async with world.storage.write() as tx:
                names = {"support": "support", "wins": "wins", "moderation": "moderation"}
                await tx.execute(insert(communities).values(platform="memory", community="here", **names))
        return world

    async def start(self) -> None:
        """Wire the bot onto what is stored."""
        self.storage = await Storage.open(self.url)
        self.app: App = build(
            storage=self.storage,
            clock=self.clock,
            vault=self.vault,
            chats=[self.chat],
            defaults=self.defaults,
            pace=Pace(),
            random=Random(7),
            cogs=self.cogs,
        )
        self._running = asyncio.create_task(self.chat.run(self.app.dispatcher))
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        """Where its rows are: in a file in its folder, unless the folder says otherwise."""
        return stored(self.folder)

    async def everything(self) -> list[tuple[str, dict[str, str]]]:
        """Every row of every table, as anybody with the database can read it."""
        found: list[tuple[str, dict[str, str]]] = []
        async with self.storage.read() as connection:
            for table in await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
                rows = (await connection.execute(text(f'SELECT * FROM "{table}"'))).mappings()
                found += [(table, {name: _readable(row[name]) for name in row}) for row in rows]
        return found

    async def close(self) -> None:
        self._running.cancel()
        await self.storage.close()

    async def restart(self) -> None:
        """Stop and start: whatever was only in memory is lost."""
        await self.close()
        await self.start()

    def person(self, id: str, *, zone: str = "UTC", name: str = "", **roles: bool) -> Actor:
        """Somebody of this community; roles are ``is_moderator`` and ``is_admin``."""
        return Actor(
            self,
            id,
            zone,
            name or id.capitalize(),
            roles.get("is_moderator", False),
            roles.get("is_admin", False),
        )

    async def advance(self, **delta: float) -> None:
        """Let time pass (as for ``timedelta``), and everything happen at its time."""
        await self.advance_to(self.clock.now() + timedelta(**delta))

    async def advance_to(self, target: datetime) -> None:
        """Let time pass until ``target``."""
        while (at := await self.app.sender.next_due()) is not None and at <= target:
            await self.clock.advance_to(max(at, self.clock.now()))
            await self.app.sender.drain()
        await self.clock.advance_to(target)

    async def next_event(self) -> None:
        """Jump to the next thing that is planned, and let it happen."""
        at = await self.app.sender.next_due()
        assert at is not None, "nothing is planned"
        await self.advance_to(at)

    @property
    def support(self) -> list[Sent]:
        """The posts in #support, oldest first."""
        return self.chat.within("support")

    def thread(self, post: Sent) -> list[Sent]:
        """What stands in the thread under a post."""
        return self.chat.within(post.message.place.channel, f"t{post.message.id}")


def stored(folder: Path, file: str = "world.db") -> str:
    """The URL of a folder's database: that file in it, unless the folder names another database."""
    elsewhere = folder / ELSEWHERE
    return elsewhere.read_text() if elsewhere.exists() else f"sqlite:///{folder / file}"


def _readable(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@dataclass
class Actor:
    """Somebody who types, fills forms, presses buttons and reads."""

    world: World
    id: str
    zone: str
    name: str
    is_moderator: bool = False
    is_admin: bool = False
    locale: str = "en"

    @property
    def user(self) -> User:
        return User("memory", "here", self.id)

    @property
    def dms(self) -> list[Sent]:
        """The direct messages from the bot, oldest first."""
        return self.world.chat.within(f"dm:{self.id}")

    def is_named_in(self, card: Card) -> bool:
        """Whether a card's text says who this is."""
        return Person(self.id) in parts(card.text)

    def event(self, kind: Kind, name: str, **more: object) -> Event:
        """An event of this person, with a fresh id."""
        event = Event(
            id=f"e{next(self.world.events)}",
            kind=kind,
            name=name,
            user=self.user,
            place=Place("memory", "here", "general"),
            display=self.name,
            locale=self.locale,
            zone=self.zone,
            is_moderator=self.is_moderator,
            is_admin=self.is_admin,
        )
        return replace(event, **more)  # type: ignore[arg-type]

    async def sends(self, event: Event) -> Card | Form | None:
        """Hand an event to the bot as a platform would, and let what follows happen."""
        dispatch = self.world.chat.dispatch
        assert dispatch is not None
        if dispatch.ack(event.kind, event.name) is Ack.OPENS:
            answer: Card | Form | None = await dispatch.form(event)
        else:
            answer = await dispatch.handle(event)
        await self.world.app.sender.drain()
        return answer

    async def types(self, text: str) -> Card | Form | None:
        """A slash command: ``/rejected Acme, engineer``."""
        name, _, arg = text.removeprefix("/").partition(" ")
        return await self.sends(self.event(Kind.COMMAND, name, arg=arg))

    async def gets(self, text: str) -> Card:
        """A slash command that answers with a card."""
        answer = await self.types(text)
        assert isinstance(answer, Card), answer
        return answer

    async def opens(self, text: str) -> Form:
        """A slash command that opens a form."""
        answer = await self.types(text)
        assert isinstance(answer, Form), answer
        return answer

    async def presses(self, on: Card | Sent, button: str, arg: str | None = None) -> Card | Form | None:
        """The first button with that id (and arg) on a card or message."""
        card = on.card if isinstance(on, Sent) else on
        found = [each for each in card.buttons if each.id == button and arg in (None, each.arg)]
        assert found, f"{button} is not among {[each.custom_id for each in card.buttons]}"
        return await self.pushes(found[0], on.message if isinstance(on, Sent) else None)

    async def pushes(self, button: Button, message: Message | None = None) -> Card | Form | None:
        """A button, wherever it stands."""
        return await self.sends(self.event(Kind.PRESS, button.id, arg=button.arg, message=message))

    async def submits(self, form: Card | Form | None, **values: str) -> Card | Form | None:
        """Hand in a form: what stands in it, and what is given here."""
        assert isinstance(form, Form), form
        filled = {field.name: field.value for field in form.fields} | values
        return await self.sends(self.event(Kind.SUBMIT, form.id, arg=form.arg, values=filled))

    async def writes(self, text: str) -> Card | None:
        """Words to the bot itself, in its direct messages; the seam does not get them."""
        place = Place("memory", "here", f"dm:{self.id}")
        message = Message(place, f"w{next(self.world.events)}")
        answer = await self.sends(self.event(Kind.DIRECT, "direct", place=place, message=message))
        assert not isinstance(answer, Form)
        return answer

    async def writes_in(self, thread: Place) -> None:
        """A reply in a thread; what it says is nobody's business."""
        message = Message(thread, f"r{next(self.world.events)}")
        await self.sends(self.event(Kind.REPLY, "reply", place=thread, message=message))

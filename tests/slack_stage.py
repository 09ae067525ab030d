"""A workspace on the fake Slack, the real platform in front of it, and a dispatcher that only tests need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.chat import Ack, Event, Kind, Place
from bot.clock import FakeClock
from bot.errors import StartError
from bot.platforms.slack import SlackChat
from bot.storage import Storage
from bot.ui import Button, Card, Choice, Command, Field, Form
from bot.vault import Vault
from tests.ports import free_port
from tests.watching import line
from tests.wire.slack import FakeSlack
from tests.wire.slack_model import Conversation, Message, Person
from tests.wire.waiting import PATIENCE
from tests.world import stored

FORM = Form(
    "a.form", (Field("words", label="Words"), Field("more", label="More", optional=True)), title="A form"
)
ACKS = {
    "opens": Ack.OPENS,
    "card": Ack.OPENS,
    "replies": Ack.REPLIES,
    "replaces": Ack.REPLACES,
    "quiet": Ack.QUIET,
}
BUTTONS = tuple(Button(f"a.{name}", "x:y", name) for name in ACKS)


@dataclass
class Script:
    """Answers ``card``, opens ``shown``, remembers events; ``hold`` delays answers, ``error`` is raised."""

    card: Card | Form | None = field(default_factory=lambda: Card("Done.", buttons=BUTTONS))
    shown: Form | Card = FORM
    events: list[Event] = field(default_factory=list[Event])
    opened: list[Event] = field(default_factory=list[Event])
    hold: asyncio.Event | None = None
    error: Exception | None = None

    def commands(self, locale: str) -> Sequence[Command]:
        return [Command("do", "Do it."), Command("form", "A form."), Command("home", "Home.")]

    def ack(self, kind: Kind, name: str) -> Ack:
        if name in ("form", "form.again"):
            return Ack.OPENS
        return ACKS.get(name.removeprefix("a."), Ack.REPLIES) if kind is Kind.PRESS else Ack.REPLIES

    async def form(self, event: Event) -> Form | Card:
        self.opened.append(event)
        if event.name == "a.card":
            return Card("It cannot be opened.")
        words = event.arg if event.kind is Kind.COMMAND else ""
        shown = self.shown
        return shown.filled({"words": words}) if isinstance(shown, Form) and words else shown

    async def handle(self, event: Event) -> Card | Form | None:
        self.events.append(event)
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        if event.name == "home":
            return Card(f"Home {len(self.events)}.", buttons=BUTTONS)
        return self.card

    def line(self, words: str, locale: str, **says: str | int) -> str:
        return line(words, locale, **says)

    async def suggest(self, event: Event, option: str) -> Sequence[Choice]:
        return [Choice(f"{option}-{event.arg}")]

    @property
    def names(self) -> list[str]:
        """What was handled, by name, App Homes excepted."""
        return [each.name for each in self.events if each.name != "home"]


@dataclass
class Stage:
    """A workspace, a bot that runs the script, people in #help (the bot is in it)."""

    fake: FakeSlack
    chat: SlackChat
    script: Script
    storage: Storage
    clock: FakeClock
    running: asyncio.Task[None]
    help: Conversation
    ada: Person
    options: dict[str, Any]

    async def post(self, card: Card | None = None, key: str = "k") -> Message:
        """A card in #help, as a public post."""
        place = Place("slack", self.fake.workspace.id, self.help.id)
        await self.chat.post(place, card or Card("Post.", buttons=BUTTONS), key=key)
        return self.fake.messages(self.help)[-1]

    async def private(self, card: Card | None = None) -> Message:
        """An ephemeral answer to a command of Ada's, with the script's buttons."""
        self.script.card = card or Card("Private.", buttons=BUTTONS)
        return await (await self.fake.command(self.ada, self.help, "/do")).reply()

    async def stop(self) -> None:
        """The bot stops as the app stops it."""
        self.running.cancel()
        await asyncio.wait([self.running])


NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def unhurried() -> FakeSlack:
    """A Slack whose clock stands still: on a busy machine its three seconds do not run out."""
    return FakeSlack(clock=FakeClock(NINE))


@asynccontextmanager
async def stage(
    folder: Path, *, http: bool = False, fake: FakeSlack | None = None, **options: Any
) -> AsyncGenerator[Stage]:
    """All of it, running; over HTTP with ``http``."""
    clock = FakeClock(NINE)
    async with fake or FakeSlack(clock=clock) as slack:
        storage = await Storage.open(stored(folder))
        given: dict[str, Any] = {"bot_token": slack.bot_token, "api_base": slack.api_base}
        if http:
            given |= {"signing_secret": slack.signing_secret, "port": free_port()}
            slack.posts.url = f"http://127.0.0.1:{given['port']}/slack/events"
        else:
            given |= {"app_token": slack.app_token}
        given |= options
        chat = SlackChat(storage=storage, vault=Vault.ephemeral(), clock=clock, **given)
        script = Script()
        running = asyncio.create_task(chat.run(script))
        help = slack.channel("help")
        ada = slack.person("ada", "Ada", zone="Europe/Berlin", locale="de-DE")
        made = Stage(slack, chat, script, storage, clock, running, help, ada, given)
        try:
            await started(made)
            yield made
        finally:
            await made.stop()
            await storage.close()


async def started(made: Stage) -> None:
    """Wait until it can receive; what kept it from starting is raised."""
    ready = asyncio.create_task(made.chat.ready.wait())
    await asyncio.wait({ready, made.running}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if made.running.done():
        made.running.result()


async def refused(folder: Path, fake: FakeSlack, **options: Any) -> str:
    """Why it does not start with these settings."""
    storage = await Storage.open(stored(folder))
    clock = FakeClock(NINE)
    chat = SlackChat(storage=storage, vault=Vault.ephemeral(), clock=clock, api_base=fake.api_base, **options)
    try:
        async with asyncio.timeout(PATIENCE):
            await chat.run(Script())
    except StartError as error:
        return str(error)
    finally:
        await storage.close()
    raise AssertionError("it ran")


def wrong(form: Form = FORM, **errors: str) -> Form:
    """The form with what is to be mended."""
    return replace(
        form,
        fields=tuple(replace(each, error=errors.get(each.name, "")) for each in form.fields),
        again=Button("form.again", f"{form.id}:{form.arg}", "Open it again"),
    )

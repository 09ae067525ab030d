"""The seam: what the bot knows of a chat platform, and what a platform knows of the bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.pace import Flow
from bot.ui import Card, Choice, Command, Form, Jump


@dataclass(frozen=True, slots=True)
class User:
    platform: str
    community: str  # a Discord server, a Slack workspace
    id: str

    @property
    def key(self) -> str:
        return f"{self.platform}/{self.community}/{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    platform: str
    community: str
    channel: str
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    place: Place
    id: str

    def jump(self, label: str) -> Jump:
        return Jump(label, self.place.community, self.place.channel, self.place.thread, self.id)


class Kind(StrEnum):
    COMMAND = "command"
    SUBMIT = "submit"
    PRESS = "press"
    REPLY = "reply"  # somebody wrote in a thread that the bot opened; what they wrote is not asked for
    DIRECT = "direct"  # somebody wrote to the bot itself; what they wrote is not given either


class Ack(StrEnum):
    OPENS = "opens"  # answered by a form
    REPLIES = "replies"  # deferred privately, then a private card
    REPLACES = "replaces"  # the private card it sits on changes
    QUIET = "quiet"  # acknowledged, nothing shown


@dataclass(frozen=True, slots=True)
class Event:
    id: str  # the platform's own; the same event delivered twice has the same id
    kind: Kind
    name: str  # command name, form id or button id
    user: User
    place: Place
    arg: str = ""  # words after a command; a button's or form's arg
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    message: Message | None = None  # the card a button sits on; the words that were noticed
    display: str = ""  # the person's shown name; never stored, never logged
    locale: str = "en"  # empty: the platform did not say
    zone: str = ""  # if the platform knows it
    quiet: str = ""  # "22:00-08:00" in the person's own time, if they told the platform
    is_moderator: bool = False
    is_admin: bool = False
    unasked: bool = False  # the platform draws something anew; the person did nothing


class Dispatch(Protocol):
    def commands(self, locale: str) -> Sequence[Command]: ...
    def ack(self, kind: Kind, name: str) -> Ack: ...
    async def form(self, event: Event) -> Form | Card: ...  # for OPENS; a card if it can't open
    async def handle(self, event: Event) -> Card | Form | None: ...  # a form: what to mend in it
    async def suggest(self, event: Event, option: str) -> Sequence[Choice]: ...  # Event.arg: typed so far
    def line(self, words: str, locale: str, **says: str | int) -> str: ...  # what a platform says by itself


class Chat(Protocol):
    """A platform; raises the errors of ``bot.errors``. A ``key`` makes a message happen once (``again``: an
    earlier try with it may have worked). ``check`` names what lacks, in the platform's words."""

    platform: str
    flow: Flow

    async def run(self, dispatch: Dispatch) -> None: ...
    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message: ...
    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message: ...
    async def edit(self, message: Message, card: Card) -> None: ...
    async def delete(self, message: Message) -> None: ...
    async def thread(self, message: Message, title: str) -> Place: ...  # the same thread each time
    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place: ...
    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]: ...

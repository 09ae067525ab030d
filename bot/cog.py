"""How a feature declares itself: commands, forms, buttons, nudges; and what its handlers are given.

A handler returns the private card for its user, or None for silence. How fast the platform wants an
answer is declared here (``opens``, ``replies``, ``replaces``, ``quiet``) and never coded in a feature.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, Event, Message, Place, User
from bot.clock import Clock
from bot.content import Content
from bot.drafts import Drafts
from bot.features import trace
from bot.gentle import Rule
from bot.outbox import Outbox, Plan, Row, State, Verb, dump, parse_message, parse_user
from bot.pace import Flow
from bot.people import People, Preferences
from bot.storage import Storage
from bot.ui import LABEL_LIMIT, Audience, Button, Card, Choice, Command, Field, Form, LimitError, Text
from bot.vault import Vault
from bot.words import Saying, Voice, Words

__all__ = [
    "Cog",
    "Community",
    "Ctx",
    "End",
    "Kit",
    "Nudge",
    "Plan",
    "Row",
    "Rule",
    "State",
    "Verb",
    "dump",
    "parse_message",
    "parse_user",
]  # fmt: skip  (what a cog needs of the outbox comes through here)

EventHandler = Callable[["Ctx"], Awaitable[Card | Form | None]]
H = TypeVar("H", bound=EventHandler)
R = TypeVar("R", bound="Render")
F = TypeVar("F", bound="Fill")
Fill = Callable[["Ctx"], Awaitable[Mapping[str, str] | Card]]
Render = Callable[["Nudge"], Awaitable[Card | None]]
Label = Callable[["Nudge"], str]
Load = Callable[["Kit", AsyncConnection, Sequence[Row]], Awaitable[Mapping[int, Any]]]
After = Callable[["Nudge", AsyncConnection, State, Message | None], Awaitable[None]]
AfterAll = Callable[["Kit", AsyncConnection, Sequence["End"]], Awaitable[None]]
Suggest = Callable[["Ctx"], Awaitable[Sequence[Choice]]]
Export = Callable[["Kit", AsyncConnection, User], Awaitable[Mapping[str, Any]]]
Forget = Callable[["Kit", AsyncConnection, User], Awaitable[None]]
Tick = Callable[["Kit"], Awaitable[None]]
Rezone = Callable[["Kit", AsyncConnection, Preferences, Preferences], Awaitable[None]]
Missing = Callable[[Place, bool], Awaitable[Sequence[str]]]


DEFAULT_RULE = Rule()
log = structlog.get_logger("bot.cog")


@dataclass(frozen=True, slots=True)
class Kit:
    """What every handler may use; made once by ``bot.app``."""

    storage: Storage
    clock: Clock
    vault: Vault
    words: Words
    content: Content
    people: People
    outbox: Outbox
    drafts: Drafts
    random: Random
    nudges: Mapping[str, NudgeSpec]  # by kind
    ends: Mapping[str, AfterAll]  # by kind
    exports: Sequence[Export]
    forgets: Sequence[Forget]
    flows: Mapping[str, Flow]  # by platform
    missing: (
        Missing  # permissions that lack in a place (True: for threads too); asks the platform: not in a tx
    )

    def label(self, row: Row, voice: Voice, person: Preferences) -> str:
        """How a planned message stands in a list; empty for what is not listed, or for once cannot be."""
        spec = self.nudges.get(row.kind)
        if not spec or not spec.label:
            return ""
        try:
            label = spec.label(Nudge(self, row, voice, person))
            if len(label) > LABEL_LIMIT:
                raise LimitError("a label is too long for a button")
        except Exception as error:  # noqa: BLE001  (one bad row stops no list, and no message)
            log.error("no label", row=row.id, kind=row.kind, error=type(error).__name__, trace=trace(error))
            return ""
        return label

    async def card(self, row: Row, voice: Voice, person: Preferences) -> Card | None:
        """A planned message by itself, as it would be sent now."""
        spec, loaded = self.nudges[row.kind], None
        if spec.load:
            async with self.storage.read() as connection:
                loaded = (await spec.load(self, connection, [row])).get(row.id)
        card = await spec.render(Nudge(self, row, voice, person, loaded))
        return voice.card(card) if card else None

    async def end(self, tx: AsyncConnection, row: Row, state: State) -> None:
        """End a row by its person's wish, with what its feature does then."""
        await self.outbox.end(tx, [row.id], state)
        if (after := self.ends.get(row.kind)) and row.user:
            person = await self.people.load(tx, row.user.key)
            nudge = Nudge(self, row, self.words.speak(person.language), person)
            await after(self, tx, [End(nudge, state, row.message)])

    async def export_all(self, connection: AsyncConnection, user: User) -> dict[str, Any]:
        """Everything that is stored about a person, by name of the thing."""
        found: dict[str, Any] = {}
        for export in self.exports:
            found |= await export(self, connection, user)
        return found

    async def forget_all(self, tx: AsyncConnection, user: User) -> None:
        """Remove everything that is stored about a person."""
        for forget in self.forgets:
            await forget(self, tx, user)

    @property
    def now(self) -> datetime:
        """The present, aware UTC."""
        return self.clock.now()


@dataclass(frozen=True, slots=True)
class Community:
    """Where a community wants things said; None where nobody has decided yet."""

    key: str  # platform/community
    support: Place | None = None
    wins: Place | None = None
    moderation: Place | None = None
    sign: str = ""  # what /rejected is signed by at first; empty: the form's own
    plan: bool = True  # whether a plan follows by itself


class Already(Exception):
    """This very event was handled before; the transaction that found out is rolled back."""


@dataclass(slots=True)
class Ctx:
    """One event being handled: who, what, in which language, and the way to the database."""

    kit: Kit
    event: Event
    person: Preferences
    community: Community
    voice: Voice
    begin: Callable[[AsyncConnection], Awaitable[None]]  # dedupes, in the first transaction
    rezone: Rezone  # tells every cog that the person's time zone has changed
    kept: bool = False

    @property
    def user(self) -> User:
        return self.event.user

    @property
    def arg(self) -> str:
        return self.event.arg

    @property
    def values(self) -> Mapping[str, str]:
        return self.event.values

    @property
    def now(self) -> datetime:
        return self.kit.clock.now()

    @property
    def owner(self) -> str:
        """The token that stands for this person beside posts."""
        return self.kit.vault.owner(self.user.key)

    def say(self, id: str, **says: Saying) -> Text:
        """A sentence in the person's language."""
        return self.voice(id, **says)

    def line(self, id: str, **says: str | int | float) -> str:
        """A sentence of characters alone."""
        return self.voice.line(id, **says)

    def button(self, button: Button, arg: str = "", **says: str | int) -> Button:
        """A button with its label in the person's language."""
        return self.voice.button(button, arg, **says)

    async def keep(self) -> None:
        """Keep what was typed into the form: its answer is a question, and the form may open again."""
        self.kept = True
        await self.kit.drafts.keep(self.user, f"{self.event.name}:{self.event.arg}", self.values)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """The transaction of this event: the fact, its plan and its posts, together or not at all."""
        async with self.kit.storage.write() as tx:
            await self.begin(tx)
            yield tx


class Nudge(NamedTuple):
    """One row of the outbox being rendered, or having ended.

    ``loaded`` is what its kind's ``load`` gave for it: None where it gave nothing, or (of a row that ended)
    was not asked.
    """

    kit: Kit
    row: Row
    voice: Voice
    person: Preferences | None  # for direct messages
    loaded: Any = None

    def say(self, id: str, **says: Saying) -> Text:
        """A sentence in the reader's language."""
        return self.voice(id, **says)

    def button(self, button: Button, arg: str = "", **says: str | int) -> Button:
        """A button with its label in the reader's language."""
        return self.voice.button(button, arg, **says)


class End(NamedTuple):
    """A row that has ended, and as which message it was said, if it was."""

    nudge: Nudge
    state: State
    message: Message | None


@dataclass(frozen=True, slots=True)
class CommandSpec:
    command: Command
    ack: Ack
    handler: EventHandler | None
    opens: Form | None


@dataclass(frozen=True, slots=True)
class PressSpec:
    button: Button
    ack: Ack
    handler: EventHandler | None
    opens: Form | None


@dataclass(frozen=True, slots=True)
class NudgeSpec:
    kind: str
    rule: Rule
    render: Render
    label: Label | None  # how it stands in a list of what is planned; None: not listed
    load: Load | None = None  # what rendering needs of the database, for many rows in a few queries


@dataclass(frozen=True, slots=True)
class TickSpec:
    name: str
    every: timedelta
    handler: Tick


@dataclass
class Cog:
    """A feature. ``owns`` are the tables whose rows about a person it exports and forgets.

    ``audience`` is whom its commands, buttons and forms are for; the dispatcher refuses all others.
    """

    name: str
    owns: tuple[Table, ...] = ()
    audience: Audience = Audience.EVERYONE
    commands: list[CommandSpec] = field(default_factory=list[CommandSpec])
    presses: list[PressSpec] = field(default_factory=list[PressSpec])
    forms: dict[str, tuple[Form, EventHandler]] = field(default_factory=dict[str, tuple[Form, EventHandler]])
    fills: dict[str, Fill] = field(default_factory=dict[str, Fill])
    nudges: list[NudgeSpec] = field(default_factory=list[NudgeSpec])
    ends: dict[str, AfterAll] = field(default_factory=dict[str, AfterAll])
    replies: list[EventHandler] = field(default_factory=list[EventHandler])
    directs: list[EventHandler] = field(default_factory=list[EventHandler])
    suggests: dict[tuple[str, str], Suggest] = field(default_factory=dict[tuple[str, str], Suggest])
    ticks: list[TickSpec] = field(default_factory=list[TickSpec])
    rezones: list[Rezone] = field(default_factory=list[Rezone])
    exports: list[Export] = field(default_factory=list[Export])
    forgets: list[Forget] = field(default_factory=list[Forget])

    def opens(
        self,
        name: str,
        form: Form,
        *,
        options: tuple[Field, ...] = (),
        shortcut: bool = False,
        on_message: bool = False,
        typed: bool = True,
    ) -> None:
        """``/name`` opens ``form``; words typed after it reach the form's ``fill``.

        ``shortcut`` and ``on_message`` offer it without typing, where a platform has that: from anywhere,
        or on a message (``ctx.event.message``). Without ``typed`` there is no slash command.
        """
        command = self._command(name, options, shortcut, on_message, typed)
        self.commands.append(CommandSpec(command, Ack.OPENS, None, form))

    def command(
        self,
        name: str,
        *,
        options: tuple[Field, ...] = (),
        shortcut: bool = False,
        on_message: bool = False,
        typed: bool = True,
    ) -> Callable[[H], H]:
        """``/name`` answers with a private card; ``shortcut``, ``on_message``, ``typed`` as for ``opens``."""

        def declare(handler: H) -> H:
            command = self._command(name, options, shortcut, on_message, typed)
            self.commands.append(CommandSpec(command, Ack.REPLIES, handler, None))
            return handler

        return declare

    def _command(
        self, name: str, options: tuple[Field, ...], shortcut: bool, on_message: bool, typed: bool
    ) -> Command:
        """A declared command; its name stands for the labels until the words are put in."""
        labels = {"shortcut": name if shortcut else "", "on_message": name if on_message else ""}
        return Command(name, options=options, audience=self.audience, typed=typed, **labels)

    def press_opens(self, button: Button, form: Form) -> None:
        """The button opens ``form``; the button's arg becomes the form's."""
        self.presses.append(PressSpec(button, Ack.OPENS, None, form))

    def press(self, button: Button, ack: Ack = Ack.REPLIES) -> Callable[[H], H]:
        """What pressing the button does."""

        def declare(handler: H) -> H:
            self.presses.append(PressSpec(button, ack, handler, None))
            return handler

        return declare

    def submit(self, form: Form) -> Callable[[H], H]:
        """What handing in the form does."""

        def declare(handler: H) -> H:
            self.forms[form.id] = (form, handler)
            return handler

        return declare

    def fill(self, form: Form) -> Callable[[F], F]:
        """What stands in the form when it opens; a card instead if it cannot open."""

        def declare(handler: F) -> F:
            self.fills[form.id] = handler
            return handler

        return declare

    def nudge(
        self,
        kind: str,
        *,
        rule: Rule = DEFAULT_RULE,
        label: Label | None = None,
        load: Load | None = None,
    ) -> Callable[[R], R]:
        """How a planned message of this kind reads when its time has come.

        ``load`` reads what that needs, by row id, for a whole batch; ``nudge.loaded`` is then the row's own.
        """

        def declare(render: R) -> R:
            self.nudges.append(NudgeSpec(kind, rule, render, label, load))
            return render

        return declare

    def after(self, kind: str) -> Callable[[After], After]:
        """What follows when a message of this kind has ended, in the transaction that marks it."""

        def declare(handler: After) -> After:
            async def each(_: Kit, tx: AsyncConnection, ends: Sequence[End]) -> None:
                for end in ends:
                    await handler(end.nudge, tx, end.state, end.message)

            self.ends[kind] = each
            return handler

        return declare

    def after_all(self, kind: str) -> Callable[[AfterAll], AfterAll]:
        """The same for many at once: for kinds of which thousands end together."""

        def declare(handler: AfterAll) -> AfterAll:
            self.ends[kind] = handler
            return handler

        return declare

    def reply(self, handler: H) -> H:
        """Somebody wrote in a thread that the bot opened."""
        self.replies.append(handler)
        return handler

    def direct(self, handler: H) -> H:
        """Somebody wrote to the bot itself; one cog alone answers that, in the same conversation."""
        self.directs.append(handler)
        return handler

    def suggest(self, command: str, option: str) -> Callable[[Suggest], Suggest]:
        """Completions for an option or a form's field, from what is typed so far (``ctx.arg``)."""

        def declare(handler: Suggest) -> Suggest:
            self.suggests[command, option] = handler
            return handler

        return declare

    def tick(self, name: str, every: timedelta) -> Callable[[Tick], Tick]:
        """Something done again and again, once at a time."""

        def declare(handler: Tick) -> Tick:
            self.ticks.append(TickSpec(name, every, handler))
            return handler

        return declare

    def rezone(self, handler: Rezone) -> Rezone:
        """A person's time zone changed (old and new settings): plan anew, in that transaction."""
        self.rezones.append(handler)
        return handler

    def export(self, handler: Export) -> Export:
        """What is stored about a person, readable, by name of the thing."""
        self.exports.append(handler)
        return handler

    def forget(self, handler: Forget) -> Forget:
        """Remove all of it."""
        self.forgets.append(handler)
        return handler

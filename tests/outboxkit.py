"""What the tests of the outbox share: a cog that says what its row holds, a chat that can hang."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.app import App, build
from bot.chat import Message, Place, User
from bot.cog import Cog, Kit, Nudge, Plan, Row, Rule, State, Verb
from bot.people import Defaults
from bot.platforms.memory import MemoryChat, Sent
from bot.rows import ASKED
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import events, outbox
from bot.ui import Card
from bot.vault import Vault
from cogs import nudges, plan, rejections, rest, thread
from tests.world import MONDAY, World

HERE = Place("memory", "here", "general")
NET = 60.0  # seconds: a safety net, nothing waits for time
STORY_COGS = (rejections.cog, thread.cog, plan.cog, nudges.cog, rest.cog)


class Killed(BaseException):
    """The process ends here: nothing after it runs, nothing catches it."""


@dataclass
class Call:
    """One call of the platform by the bot."""

    verb: str
    key: str
    again: bool
    at: datetime


@dataclass
class Chat(MemoryChat):
    """Notes every call. ``gate`` holds each one before its effect, ``late_gate`` after it."""

    calls: list[Call] = field(default_factory=list[Call])
    gates: list[asyncio.Event] = field(default_factory=list[asyncio.Event])  # one for each next call
    late_gate: asyncio.Event | None = None
    inside: int = 0
    most_inside: int = 0
    world: World | None = None

    async def _through(self, verb: str, key: str = "", again: bool = False) -> None:
        assert self.world is not None
        self.calls.append(Call(verb, key, again, self.world.clock.now()))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            if self.gates:
                await self.gates.pop(0).wait()
        finally:
            self.inside -= 1

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        await self._through("dm", key, again)
        message = await super().dm(user, card, key=key, again=again)
        if self.late_gate:
            await self.late_gate.wait()
        return message

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        await self._through("post", key, again)
        return await super().post(place, card, key=key, again=again)

    async def edit(self, message: Message, card: Card) -> None:
        await self._through("edit")
        await super().edit(message, card)

    async def delete(self, message: Message) -> None:
        await self._through("delete")
        await super().delete(message)


@dataclass
class Script:
    """How the test's own cog behaves, by the text of a row."""

    broken: set[str] = field(default_factory=set[str])  # rendering raises
    errors: dict[str, BaseException] = field(default_factory=dict[str, BaseException])  # raised by rendering
    unloadable: dict[str, BaseException] = field(default_factory=dict[str, BaseException])  # by loading
    bad_queries: set[str] = field(default_factory=set[str])  # loading asks the database for nonsense
    nameless: set[str] = field(default_factory=set[str])  # its label raises
    silent: set[str] = field(default_factory=set[str])  # there is nothing to say
    bad_ends: set[str] = field(default_factory=set[str])  # what follows its end raises
    stray_ends: set[str] = field(default_factory=set[str])  # what follows its end is cancelled from within
    ended: list[tuple[str, State]] = field(default_factory=list[tuple[str, State]])
    number: int = 0  # what an edit shows
    hang: asyncio.Event | None = None  # rendering waits for it

    def cog(self) -> Cog:
        """``t.note`` and ``plan.t`` keep to the budget, ``t.asked`` does not, ``t.bare`` has no label.

        ``t.loaded`` is like ``t.note``, and is loaded.
        """
        cog = Cog("t")

        async def render(nudge: Nudge) -> Card | None:
            return await self._render(nudge.row.args["text"])

        async def edited(nudge: Nudge) -> Card:
            return Card(f"number {self.number}")

        async def ended(nudge: Nudge, tx: AsyncConnection, state: State, message: Message | None) -> None:
            await self._after(nudge, tx, state)

        cog.nudge("t.note", label=self._label)(render)
        cog.nudge("plan.t", label=self._label)(render)
        cog.nudge("t.loaded", label=self._label, load=self._load)(render)
        cog.nudge("t.asked", rule=Rule(asked=True), label=self._label)(render)
        cog.nudge("t.bare", rule=Rule(asked=True, leads=True))(render)
        cog.nudge("t.edit")(edited)
        for kind in ("t.note", "t.asked", "t.bare", "t.loaded"):
            cog.after(kind)(ended)
        return cog

    def _label(self, nudge: Nudge) -> str:
        text = nudge.row.args["text"]
        if text in self.nameless:
            raise LookupError(f"private words: {text}")
        return text

    async def _load(self, kit: Kit, connection: AsyncConnection, rows: Sequence[Row]) -> Mapping[int, str]:
        for text in [row.args["text"] for row in rows]:
            if text in self.unloadable:
                raise self.unloadable[text]
            if text in self.bad_queries:
                await connection.execute(sql("SELECT private FROM words"))
        found = await connection.execute(select(outbox.c.id, outbox.c.kind))
        return {row.id: row.kind for row in found}

    async def _render(self, text: str) -> Card | None:
        if self.hang:
            await self.hang.wait()
        if text in self.errors:
            raise self.errors[text]
        if text in self.broken:
            raise LookupError(f"private words: {text}")
        return None if text in self.silent else Card(text)

    async def _after(self, nudge: Nudge, tx: AsyncConnection, state: State) -> None:
        text = nudge.row.args["text"]
        if text in self.bad_ends:
            await tx.execute(insert(events).values(id=text, at=nudge.kit.now))
            raise LookupError(f"private words: {text}")
        if text in self.stray_ends:
            raise asyncio.CancelledError
        self.ended.append((text, state))


class Box(World):
    """A world with the script's cog and the noting chat. ``restart`` keeps both."""

    script: Script
    pace: Pace

    @classmethod
    async def make(
        cls,
        folder: Path,
        *,
        now: datetime = MONDAY,
        pace: Pace | None = None,
        defaults: Defaults | None = None,
        cogs: Sequence[Cog] = STORY_COGS,
    ) -> Box:
        script = Script()
        box = cls(folder, Vault.ephemeral(), now, defaults or Defaults(), (*cogs, script.cog()))
        box.script, box.pace = script, pace or Pace()
        box.chat = Chat(world=box)
        await box.start()
        return box

    async def start(self) -> None:
        self.storage = await Storage.open(self.url)
        self.app = self.built(self.storage, 7)
        self._running = asyncio.create_task(self.chat.run(self.app.dispatcher))
        await asyncio.sleep(0)

    def built(self, storage: Storage, seed: int) -> App:
        """A process's parts, on this world's platform."""
        return build(
            storage=storage,
            clock=self.clock,
            vault=self.vault,
            chats=[self.chat],
            defaults=self.defaults,
            pace=self.pace,
            random=Random(seed),
            cogs=self.cogs,
        )

    @property
    def noted(self) -> Chat:
        """The chat, with what it noted."""
        assert isinstance(self.chat, Chat)
        return self.chat

    @property
    def sender(self) -> Any:
        """The sender, its insides included."""
        return self.app.sender

    async def plan(self, *plans: Plan) -> None:
        """Plan in one transaction."""
        async with self.storage.write() as tx:
            await self.app.kit.outbox.plan(tx, *plans)

    async def rows(self) -> dict[str, Row]:
        """Every row of the test's own cog, by its text, in the order they were planned."""
        async with self.storage.read() as connection:
            found = await connection.execute(select(outbox).order_by(outbox.c.id))
            rows = [self.app.kit.outbox.row(row) for row in found.mappings()]
        return {row.args["text"]: row for row in rows if "text" in row.args}

    async def states(self) -> dict[str, State]:
        """The state of every row of the test's own cog, by its text."""
        return {text: row.state for text, row in (await self.rows()).items()}

    async def column(self, name: str) -> list[Any]:
        """One column of all rows."""
        async with self.storage.read() as connection:
            return list((await connection.execute(select(outbox.c[name]).order_by(outbox.c.id))).scalars())

    async def halves(self) -> list[str]:
        """What was left behind by an end that failed half-way (see ``Script.bad_ends``)."""
        async with self.storage.read() as connection:
            return list((await connection.execute(select(events.c.id))).scalars())

    async def settings(self, user: User, **values: Any) -> None:
        """What a person has chosen."""
        async with self.storage.write() as tx:
            await self.app.kit.people.change(tx, user.key, self.clock.now(), **values)

    def said_to(self, id: str) -> list[Sent]:
        """The direct messages of a person."""
        return self.chat.within(f"dm:{id}")


async def until(happens: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let others run until it has happened. What the bot does by itself tells nobody that it is done."""
    async with asyncio.timeout(NET):
        while True:
            answer = happens()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.001)


async def until_states(box: Box, *wanted: State) -> None:
    """Until the rows have these states."""

    async def reached() -> bool:
        return sorted((await box.states()).values()) == sorted(wanted)

    await until(reached)


def user(id: str = "ada") -> User:
    return User("memory", "here", id)


def note(
    text: str,
    at: datetime = MONDAY,
    *,
    to: str = "ada",
    kind: str = "t.note",
    late: timedelta | None = None,
    subject: str = "",
    asked: bool = False,
) -> Plan:
    """A direct message that says ``text``; ``asked``: somebody chose this very time for it."""
    expires = at + late if late is not None else None
    args = {"text": text, **({ASKED: "yes"} if asked else {})}
    return Plan(kind, (kind, text), at, user=user(to), args=args, subject=subject, expires_at=expires)


def post(text: str, at: datetime = MONDAY, *, place: Place | Message = HERE, verb: Verb = Verb.POST) -> Plan:
    """A post that says ``text``."""
    return Plan("t.note", ("post", text), at, verb, place=place, args={"text": text})


def edit(message: Message, at: datetime = MONDAY) -> Plan:
    """An edit that shows the script's number."""
    return Plan("t.edit", ("edit", message.id), at, Verb.EDIT, place=message)

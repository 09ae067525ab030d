"""The community of ``tests.world`` in a Slack workspace: the same conversations, over the wire.

The bot runs its real Slack platform against ``tests.wire.slack``. What people see is read back into cards
and forms (``tests.slack_reading``), so that a test need not know where it runs. What Slack's own client
would never let happen goes straight to the dispatcher, as on the in-memory seam.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import insert

from bot.chat import Ack, Event, Kind, Message, Place, User
from bot.cog import Cog
from bot.people import Defaults
from bot.platforms.slack import SlackChat
from bot.storage import Storage
from bot.storage.schema import communities
from bot.ui import Card, Form
from bot.ui import Kind as FieldKind
from bot.vault import Vault
from cogs import COGS
from tests import slack_reading as reading
from tests.ports import free_port
from tests.watching import until
from tests.wire.slack import FakeSlack
from tests.wire.slack_exchange import Exchange
from tests.wire.slack_model import Conversation, Person, View
from tests.wire.slack_model import Message as Shown
from tests.wire.waiting import PATIENCE, NotPossible
from tests.wired import Doors, WiredWorld, WireSent
from tests.world import MONDAY, Actor

FAST = 1_000_000.0  # messages a minute: the fake counts none unless told to


def _key(shown: Shown) -> str:
    return ((shown.metadata or {}).get("event_payload") or {}).get("key", "")


class _Closed:
    """Who takes no direct messages; by name, as ``MemoryChat.closed``."""

    def __init__(self, world: SlackWorld) -> None:
        self._world = world

    def add(self, name: str) -> None:
        self._world.member(name).takes_messages = False

    def discard(self, name: str) -> None:
        self._world.member(name).takes_messages = True

    def clear(self) -> None:
        for person in self._world.fake.workspace.people.values():
            person.takes_messages = True


class _Gone:
    """Channels that are deleted, by name."""

    def __init__(self, world: SlackWorld) -> None:
        self._world = world

    def add(self, name: str) -> None:
        self._world.fake.workspace.channel(name).deleted = True


class _Doors(Doors):
    """What tests turn on, too."""

    _world: SlackWorld

    def __init__(self, world: SlackWorld) -> None:
        super().__init__(world)
        self.closed, self.gone_channels = _Closed(world), _Gone(world)

    @property
    def sent(self) -> dict[str, WireSent]:
        """Everything that the bot sent and that still stands, private answers excepted."""
        channels = self._world.fake.workspace.conversations.values()
        messages = [each for channel in channels for each in channel.messages.values()]
        return {each.shown.ts: each for each in self._world.sent(messages)}


class SlackWorld(WiredWorld[Shown, View]):
    """``tests.world.World`` with a Slack workspace in it."""

    fake: FakeSlack
    slack: SlackChat
    http = False  # Socket Mode

    def __init__(self, folder: Path, vault: Vault, now: datetime, defaults: Defaults, cogs: Sequence[Cog]):
        super().__init__(folder, vault, now, defaults, cogs)
        self.ended: list[str] = []  # workspaces that are over
        self._members: dict[str, Person] = {}
        self._sent: dict[int, WireSent] = {}
        self.chat = _Doors(self)  # type: ignore[assignment]

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
        """A new workspace with #general, #support, #wins and a private #moderation."""
        world = cls(folder, Vault.ephemeral(), now, defaults or Defaults(), cogs)
        world.fake = await FakeSlack(clock=world.clock).start()
        ids = {name: world.fake.channel(name).id for name in ("support", "wins")}
        ids["moderation"] = world.fake.channel("moderation", kind="private").id
        world.fake.channel("general")
        await world.start()
        if set_up:
            community = world.fake.workspace.id
            async with world.storage.write() as tx:
                await tx.execute(insert(communities).values(platform="slack", community=community, **ids))
        return world

    async def start(self, **options: Any) -> None:
        """Wire the bot onto what is stored, and wait until Slack has it."""
        self.storage = await Storage.open(self.url)

        async def ended(team: str) -> None:
            self.ended.append(team)

        port = free_port()
        how: dict[str, Any] = {"signing_secret": self.fake.signing_secret, "port": port}
        if not self.http:
            how = {"app_token": self.fake.app_token}
        self.slack = SlackChat(
            storage=self.storage,
            vault=self.vault,
            clock=self.clock,
            bot_token=self.fake.bot_token,
            api_base=self.fake.api_base,
            trouble=self.trouble,
            ended=ended,
            per_minute=FAST,
            per_channel=FAST,
            **(how | options),
        )
        await self.serve(self.slack)
        if self.http:
            self.fake.posts.url = f"http://127.0.0.1:{port}/slack/events"
            assert await self.fake.posts.verify_url(), "it does not answer url_verification"

    # -- people and places -----------------------------------------------------------------------

    def member(self, name: str) -> Person:
        """Somebody of the workspace, by the name that the tests use."""
        if name not in self._members:
            self._members[name] = self.fake.person(name, shown=name.capitalize())
            for channel in ("general", "support"):
                self.fake.workspace.channel(channel).members.add(self._members[name].id)
        return self._members[name]

    def person(self, id: str, *, zone: str = "UTC", name: str = "", **roles: bool) -> SlackActor:
        member = self.member(id)
        member.shown, member.zone = name or member.shown, zone
        member.is_admin = roles.get("is_admin", False)
        if roles.get("is_moderator"):
            self.fake.workspace.channel("moderation").members.add(member.id)
        return SlackActor(
            self, id, zone, member.shown, roles.get("is_moderator", False), roles.get("is_admin", False)
        )

    def message(self, shown: Shown) -> Message:
        return Message(self.place(shown), shown.ts)

    def place(self, shown: Shown) -> Place:
        return Place("slack", self.fake.workspace.id, shown.channel.id, shown.thread)

    def sent(self, messages: Sequence[Shown]) -> list[WireSent]:
        """Messages of the bot, each always the same object."""
        mine = [each for each in messages if each.bot_id and not each.deleted and not each.only_for]
        return [self._sent.setdefault(id(each), WireSent(self, each, _key(each))) for each in mine]

    def _channel(self, name: str) -> Conversation | None:
        try:
            return self.fake.workspace.channel(name)
        except KeyError:
            return None

    @property
    def support(self) -> list[WireSent]:  # type: ignore[override]
        channel = self._channel("support")
        return self.sent(channel.within()) if channel and not channel.deleted else []

    def thread(self, post: WireSent) -> list[WireSent]:  # type: ignore[override]
        return self.sent(post.shown.channel.within(post.shown.ts))

    async def outcome(self, user: str) -> tuple[Event, Card | Form | None]:
        """What the next thing that this person did came to; App Homes drawn anew do not count."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event, answer = await self.watched.outcomes.get()
                if event.user.id == user and not event.id.startswith("home:"):
                    return event, answer

    # -- what is shown, read back ------------------------------------------------------------------

    def card(self, shown: Shown) -> Card:
        """A message as the card it was drawn from."""
        card = reading.card(self.fake.workspace, shown.blocks)
        self._cards[id(card)] = card, shown
        return card

    def form(self, view: View, errors: Any = None) -> Form:
        """A form on somebody's screen as the form it was made from."""
        form = reading.form(view.data, errors or {})
        self._forms[id(form)] = form, view
        return form


class SlackHttpWorld(SlackWorld):
    """The same with requests from Slack instead of Socket Mode."""

    http = True


@dataclass
class SlackActor(Actor):
    """Somebody at a Slack client."""

    world: SlackWorld  # type: ignore[assignment]

    @property
    def me(self) -> Person:
        return self.world.member(self.id)

    @property
    def user(self) -> User:
        return User("slack", self.world.fake.workspace.id, self.me.id)

    @property
    def dms(self) -> list[WireSent]:  # type: ignore[override]
        return [each for each in self.world.sent(self.world.fake.dms(self.me)) if each.key]

    def is_named_in(self, card: Card) -> bool:
        """Slack shows names as words: a mention there would ring."""
        return self.name in card.plain

    async def sends(self, event: Event) -> Card | Form | None:
        """What no client would send, straight to the dispatcher."""
        dispatch = self.world.app.dispatcher
        if dispatch.ack(event.kind, event.name) is Ack.OPENS:
            answer: Card | Form | None = await dispatch.form(event)
        else:
            answer = await dispatch.handle(event)
        await self.world.app.sender.drain()
        return reading.drawn(self.world.fake.workspace, answer) if isinstance(answer, Card) else answer

    async def _shown(self, exchange: Exchange) -> Card | Form | None:
        """What came of it, on its person's screen."""
        world = self.world
        await exchange.acked()
        event, told = await world.outcome(self.me.id)
        opens = world.app.dispatcher.ack(event.kind, event.name) is Ack.OPENS
        answer: Card | Form | None = None
        if isinstance(told, Form) and opens:
            answer = world.form(await exchange.view())
        elif isinstance(told, Form) and event.kind is Kind.SUBMIT:
            assert isinstance(exchange.source, View)
            shown = world.form(exchange.source, exchange.errors)
            filled = {name: value for name, value in event.values.items() if name in told.errors or value}
            answer = replace(shown.filled(filled), again=told.again)
            known = world.opened(shown)
            assert known is not None
            world._forms[id(answer)] = answer, known
        elif (isinstance(told, Card) and event.kind is Kind.SUBMIT) or told is not None:
            answer = world.card(await exchange.reply())
        await world.app.sender.drain()
        return answer

    async def types(self, text: str) -> Card | Form | None:
        name, _, arg = text.removeprefix("/").partition(" ")
        try:
            where = self.world.fake.channel("general")
            exchange = await self.world.fake.command(self.me, where, f"/{name}", arg)
        except NotPossible:
            return await self.sends(self.event(Kind.COMMAND, name, arg=arg))
        return await self._shown(exchange)

    async def presses(  # type: ignore[override]
        self, on: Card | WireSent, button: str, arg: str | None = None
    ) -> Card | Form | None:
        card = on.card if isinstance(on, WireSent) else on
        found = [each for each in card.buttons if each.id == button and arg in (None, each.arg)]
        assert found, f"{button} is not among {[each.custom_id for each in card.buttons]}"
        shown = self.world.message_of(on)
        if shown is None:
            return await self.pushes(found[0])
        try:
            exchange = await self.world.fake.press(self.me, shown, found[0].custom_id)
        except NotPossible:
            return await self.pushes(found[0])
        return await self._shown(exchange)

    async def submits(self, form: Card | Form | None, **values: str) -> Card | Form | None:
        assert isinstance(form, Form), form
        view = self.world.opened(form)
        if view is None or not self.me.stack or self.me.stack[-1] is not view:
            return await super().submits(form, **values)
        many = {each.name for each in form.fields if each.kind is FieldKind.CHOICES}
        given: dict[str, Any] = {
            name: [each for each in value.split(",") if each] if name in many else value
            for name, value in values.items()
        }
        try:
            exchange = await self.world.fake.submit(self.me, given)
        except NotPossible:
            return await super().submits(form, **values)
        return await self._shown(exchange)

    async def writes(self, text: str) -> Card | None:
        world, before = self.world, len(self.world.fake.dms(self.me))
        await world.fake.say(self.me, None, text)
        if (await world.outcome(self.me.id))[1] is None:
            return None
        await until(lambda: len(world.fake.dms(self.me)) > before)
        return world.card(world.fake.dms(self.me)[-1])

    async def writes_in(self, thread: Place) -> None:
        channel = self.world.fake.workspace.conversations[thread.channel]
        channel.members.add(self.me.id)
        await self.world.fake.say(self.me, channel, "Something of mine.", thread.thread)
        await self.world.outcome(self.me.id)
        await self.world.app.sender.drain()

"""The community of ``tests.world`` on Discord: the same conversations, over the wire.

The bot runs its real Discord platform against ``tests.wire.discord``. What people see is read back into
cards and forms, so that a test need not know where it runs. What Discord's own client would never let
happen (pressing what one cannot see, an empty required field, the same event by hand) goes straight to
the dispatcher, as on the in-memory seam.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import insert

from bot.chat import Ack, Event, Kind, Message, Place, User
from bot.cog import Cog
from bot.people import Defaults
from bot.platforms.discord import DiscordChat
from bot.platforms.discord_cards import COLOURS
from bot.platforms.discord_cards import message as draw
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import communities, people
from bot.ui import (
    Button,
    Card,
    Choice,
    Fact,
    Field,
    Form,
    Image,
    Jump,
    Part,
    Person,
    Quote,
    Style,
    Text,
    When,
    join,
    split_custom_id,
)
from bot.ui import Kind as FieldKind
from bot.vault import Vault
from cogs import COGS
from tests.watching import until
from tests.wire.discord import FakeDiscord
from tests.wire.discord_actions import NotPossible
from tests.wire.discord_exchange import Exchange, Modal
from tests.wire.discord_model import Channel, flat
from tests.wire.discord_model import Message as Shown
from tests.wire.discord_model import Person as Member
from tests.wired import Doors, WiredWorld, WireSent
from tests.world import MONDAY, Actor

_TOKENS = re.compile(
    r"\\(?P<plain>[^0-9A-Za-z\s])|<t:(?P<at>-?\d+):(?P<style>[DtfR])>|<@(?P<who>\d+)>|<#(?P<channel>\d+)>"
    r"|\[(?P<label>(?:\\.|[^\]\\])*)\]\((?P<link>[^)]*)\)"
)
_STYLES = {"D": "day", "t": "time", "f": "moment", "R": "relative"}
_TONES = {colour: tone for tone, colour in COLOURS.items()}
_WEIGHTS = {1: Style.PRIMARY, 2: Style.PLAIN, 4: Style.DANGER}
_KINDS = {
    3: FieldKind.CHOICE,
    4: FieldKind.TEXT,
    5: FieldKind.USER,
    8: FieldKind.CHANNEL,
    19: FieldKind.FILE,
    21: FieldKind.CHOICE,
    22: FieldKind.CHOICES,
}


class _Closed:
    """Who takes no direct messages; by name, as ``MemoryChat.closed``."""

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    def add(self, name: str) -> None:
        self._world.member(name).dms_open = False

    def discard(self, name: str) -> None:
        self._world.member(name).dms_open = True

    def clear(self) -> None:
        for member in self._world.fake.people.values():
            member.dms_open = True


class _Gone:
    """Channels that are deleted, by name."""

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    def add(self, name: str) -> None:
        self._world.fake.delete_channel(self._world.fake.guild.channel(name))


class _Doors(Doors):
    """What tests turn on, too."""

    _world: DiscordWorld

    def __init__(self, world: DiscordWorld) -> None:
        super().__init__(world)
        self.closed, self.gone_channels = _Closed(world), _Gone(world)

    @property
    def sent(self) -> dict[str, WireSent]:
        """Everything that the bot sent and that still stands, private answers excepted."""
        channels = self._world.fake.channels.values()
        messages = [each for channel in channels for each in self._world.fake.messages(channel)]
        return {str(each.shown.id): each for each in self._world.sent(messages) if each.shown.components}


class DiscordWorld(WiredWorld[Shown, Modal]):
    """``tests.world.World`` with a Discord server in it."""

    fake: FakeDiscord
    discord: DiscordChat

    def __init__(self, folder: Path, vault: Vault, now: datetime, defaults: Defaults, cogs: Sequence[Cog]):
        super().__init__(folder, vault, now, defaults, cogs)
        self._members: dict[str, Member] = {}
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
        forum: bool = False,
    ) -> Self:
        """A new server with #support (a forum if wished), #wins and #moderation."""
        world = cls(folder, Vault.ephemeral(), now, defaults or Defaults(), cogs)
        world.fake = await FakeDiscord(clock=world.clock).start()
        names = ["support", "wins", "moderation"]
        tags = ["interview", "final round", "application"]
        ids = {
            name: world.fake.forum(name, tags=tags)
            if forum and name == "support"
            else world.fake.channel(name)
            for name in names
        }
        await world.start()
        if set_up:
            values = {name: str(channel.id) for name, channel in ids.items()}
            community = str(world.fake.guild.id)
            async with world.storage.write() as tx:
                await tx.execute(
                    insert(communities).values(platform="discord", community=community, **values)
                )
        return world

    async def start(self, **options: Any) -> None:
        """Wire the bot onto what is stored, and wait until Discord has it."""
        self.storage = await Storage.open(self.url)

        self.discord = DiscordChat(
            token=self.fake.token,
            storage=self.storage,
            clock=self.clock,
            api_base=self.fake.api_base,
            trouble=self.trouble,
            per_second=2000.0,  # the fake counts no seconds unless told to
            identify_pause=0.0,
            **options,
        )
        await self.serve(self.discord)

    # -- people and places -----------------------------------------------------------------------

    def member(self, name: str) -> Member:
        """Somebody of the server, by the name that the tests use."""
        if name not in self._members:
            self._members[name] = self.fake.person(name, shown=name.capitalize())
        return self._members[name]

    def person(self, id: str, *, zone: str = "UTC", name: str = "", **roles: bool) -> DiscordActor:
        member = self.member(id)
        member.shown = name or member.shown
        for role, bits in (("is_moderator", 1 << 13), ("is_admin", 1 << 5)):
            if roles.get(role):
                granted = self.fake.role(role, permissions=bits)
                self.fake.guild.members[member.id].roles.append(granted.id)
        return DiscordActor(
            self, id, zone, member.shown, roles.get("is_moderator", False), roles.get("is_admin", False)
        )

    def name_of(self, id: str) -> str:
        """The name that tests know somebody by."""
        return next((name for name, member in self._members.items() if str(member.id) == id), id)

    def message(self, shown: Shown) -> Message:
        return Message(self.place(shown.channel), str(shown.id))

    def place(self, channel: Channel) -> Place:
        community = str(channel.guild.id) if channel.guild else str(self.fake.guild.id)
        if channel.is_thread and channel.parent:
            return Place("discord", community, str(channel.parent.id), str(channel.id))
        return Place("discord", community, str(channel.id))

    def sent(self, messages: Sequence[Shown]) -> list[WireSent]:
        """Messages of the bot, each always the same object."""
        mine = [each for each in messages if each.author is self.fake.bot and not each.deleted]
        return [self._sent.setdefault(each.id, WireSent(self, each, str(each.nonce or ""))) for each in mine]

    @property
    def support(self) -> list[WireSent]:  # type: ignore[override]
        channel = next((each for each in self.fake.guild.channels.values() if each.name == "support"), None)
        if channel is None:
            return []
        if channel.kind == 15:
            firsts = [each.messages.get(each.id) for each in self.fake.threads(channel)]
            return self.sent([each for each in firsts if each])
        return self.sent(self.fake.messages(channel))

    def thread(self, post: WireSent) -> list[WireSent]:  # type: ignore[override]
        thread = self.fake.channels.get(post.shown.id)
        if thread is None:
            return []
        return self.sent([each for each in self.fake.messages(thread) if each.id != thread.id])

    # -- what is shown, read back ------------------------------------------------------------------

    def card(self, shown: Shown) -> Card:
        """A message as the card it was drawn from."""
        in_thread = shown.channel.is_thread and shown.id == shown.channel.id
        files = {file.name: file.data for file in shown.files}
        direct = shown.channel.guild is None
        title = shown.channel.name if in_thread else ""
        card = self._read(shown.components[0], files, direct=direct, title=title)
        self._cards[id(card)] = card, shown
        return card

    def drawn(self, card: Card) -> Card:
        """A card as it would be read from a message."""
        body = draw(card)
        files = {file.name: file.data for file in body.files}
        return self._read(body.json["components"][0], files, direct=False, title="")

    def _read(self, container: dict[str, Any], files: dict[str, bytes], *, direct: bool, title: str) -> Card:
        texts, facts, buttons = "", list[Fact](), list[Button]()
        body, image = list[Part](), None
        for each in container["components"]:
            content = each.get("content", "")
            match each["type"]:
                case 10 if content.startswith("### "):
                    title = str(self._text(content[4:]))
                case 10 if content.startswith("**"):
                    name, _, value = content[2:].partition("**\n")
                    facts.append(Fact(str(self._text(name)), self._text(value)))
                case 10:
                    found = self._text(content)
                    body += found if isinstance(found, tuple) else (found,)
                case 12:
                    item = each["items"][0]
                    image = Image(files["picture.png"], item["description"])
                case 13:
                    texts = files["text.txt"].decode()
                case 1:
                    buttons += [self._button(button, direct) for button in each["components"]]
                case other:
                    raise AssertionError(f"component {other}")
        text = texts or join(tuple(body))
        tone = _TONES[container["accent_color"]]
        return Card(text, title, tone, tuple(facts), tuple(buttons), image)

    def _button(self, button: dict[str, Any], direct: bool) -> Button:
        told = button["custom_id"]
        if direct:
            told = re.sub(r"\|\d{15,20}\Z", "", told)
        name, arg = split_custom_id(told)
        return Button(name, arg, button["label"], _WEIGHTS[button["style"]])

    def _text(self, content: str) -> Text:
        parts: list[Part] = []
        for block in re.split(r"((?:^> .*(?:\n|\Z))+|^```\n[\s\S]*?\n```)", content, flags=re.MULTILINE):
            if block.startswith("> "):
                lines = [line.removeprefix("> ") for line in block.removesuffix("\n").split("\n")]
                parts.append(Quote(str(self._inline("\n".join(lines))[0]) if block else ""))
                parts += ["\n"] if block.endswith("\n") else []
            elif block.startswith("```\n"):
                parts.append(Quote(block[4:-4].replace("`\u200b", "`")))
            else:
                parts += self._inline(block)
        joined: list[Part] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            elif part != "":
                joined.append(part)
        return joined[0] if len(joined) == 1 and isinstance(joined[0], str) else tuple(joined)

    def _inline(self, text: str) -> list[Part]:
        parts: list[Part] = [""]
        at = 0
        for found in _TOKENS.finditer(text):
            plain = text[at : found.start()] + (found["plain"] or "")
            at = found.end()
            parts[-1] = f"{parts[-1]}{plain}"
            part: Part | None = None
            if found["at"]:
                part = When(datetime.fromtimestamp(int(found["at"]), UTC), _STYLES[found["style"]])
            elif found["who"]:
                part = Person(self.name_of(found["who"]))
            elif found["channel"]:
                part = self._jump("", [str(self.fake.guild.id), found["channel"]])
            elif found["link"]:
                label = re.sub(r"\\(.)", r"\1", found["label"])
                part = self._jump(label, found["link"].split("/")[4:])
            if part is not None:
                parts += [part, ""]
        parts[-1] = f"{parts[-1]}{text[at:]}"
        return [part for part in parts if part != ""] or [""]

    def _jump(self, label: str, steps: Sequence[str]) -> Jump:
        guild, id, message = (*steps, "")[:3]
        channel = self.fake.channels.get(int(id))
        if channel is None:
            return Jump(label, guild, id, message=message)
        thread = id if channel.is_thread else ""
        home = channel.parent if channel.is_thread and channel.parent else channel
        return Jump(label, guild, home.name, thread, message)

    def form(self, modal: Modal) -> Form:
        """A form on somebody's screen as the form it was made from."""
        fields: list[Field] = []
        for label in modal.data["components"]:
            control = label["component"]
            options = control.get("options") or ()
            kind = _KINDS[control["type"]]
            if control["type"] == 3 and control.get("max_values", 1) > 1:
                kind = FieldKind.CHOICES
            elif control["type"] == 4:
                shape = {"YYYY-MM-DD": FieldKind.DATE, "HH:MM": FieldKind.TIME}
                long = FieldKind.LONG if control["style"] == 2 else FieldKind.TEXT
                kind = shape.get(control.get("placeholder", ""), long)
            chosen = [each["value"] for each in options if each.get("default")]
            chosen += [each["id"] for each in control.get("default_values", ())]
            fields.append(
                Field(
                    control["custom_id"],
                    kind,
                    not control["required"],
                    control.get("max_length", 3000),
                    tuple(Choice(each["value"], each["label"]) for each in options),
                    label=label["label"],
                    hint=label.get("description", ""),
                    value=control.get("value") or ",".join(chosen),
                )
            )
        told = modal.custom_id
        if modal.exchange.interaction.channel.guild is None:
            told = re.sub(r"\|\d{15,20}\Z", "", told)
        name, arg = split_custom_id(told)
        form = Form(name, tuple(fields), arg, modal.title)
        self._forms[id(form)] = form, modal
        return form


@dataclass
class DiscordActor(Actor):
    """Somebody at a Discord client."""

    world: DiscordWorld  # type: ignore[assignment]
    introduced: bool = False

    @property
    def me(self) -> Member:
        return self.world.member(self.id)

    @property
    def user(self) -> User:
        return User("discord", str(self.world.fake.guild.id), str(self.me.id))

    @property
    def dms(self) -> list[WireSent]:  # type: ignore[override]
        return self.world.sent(self.world.fake.dms(self.me))

    async def _introduced(self) -> None:
        """Discord tells no time zone, other platforms do: this person's is known as if it had been told."""
        if not self.introduced:
            async with self.world.storage.write() as tx:
                values = {"platform_zone": self.zone, "seen_at": self.world.clock.now()}
                row = insert_into(tx, people).values(user=self.user.key, **values)
                await tx.execute(row.on_conflict_do_update(index_elements=["user"], set_=values))
        self.introduced = True

    async def sends(self, event: Event) -> Card | Form | None:
        """What no client would send, straight to the dispatcher."""
        await self._introduced()
        dispatch = self.world.app.dispatcher
        if dispatch.ack(event.kind, event.name) is Ack.OPENS:
            answer: Card | Form | None = await dispatch.form(event)
        else:
            answer = await dispatch.handle(event)
        await self.world.app.sender.drain()
        return self.world.drawn(answer) if isinstance(answer, Card) else answer

    async def _shown(self, exchange: Exchange) -> Card | Form | None:
        """What came of an interaction, on its person's screen."""
        world = self.world
        match await exchange.ack():
            case 9:
                answer: Card | Form | None = world.form(await exchange.modal())
            case 4:
                answer = world.card(await exchange.reply())
            case 5:
                told = await world.watched.answer(exchange.id)
                answer = world.card(await exchange.reply()) if told is not None else None
            case 6:
                told = await world.watched.answer(exchange.id)
                if isinstance(told, Form):
                    answer = world.card(await exchange.reply())
                else:
                    answer = world.card(await exchange.edit()) if told is not None else None
            case other:
                raise AssertionError(f"callback {other}")
        await world.app.sender.drain()
        return answer

    async def types(self, text: str) -> Card | Form | None:
        await self._introduced()
        name, _, arg = text.removeprefix("/").partition(" ")
        fake = self.world.fake
        (command,) = [each for each in self.world.app.dispatcher.commands("en") if each.name == name]
        options = dict(zip([each.name for each in command.options], [arg] if arg else [], strict=False))
        if len(command.options) > 1 and arg:
            names = [each.name for each in command.options]
            options = dict(zip(names, arg.split(" ", len(names) - 1), strict=False))
        where = fake.channel("general")
        try:
            exchange = await fake.command(self.me, where, name, options, locale=self.locale)
        except NotPossible:
            return await self.sends(self.event(Kind.COMMAND, name, arg=arg))
        return await self._shown(exchange)

    async def presses(  # type: ignore[override]
        self, on: Card | WireSent, button: str, arg: str | None = None
    ) -> Card | Form | None:
        await self._introduced()
        card = on.card if isinstance(on, WireSent) else on
        found = [each for each in card.buttons if each.id == button and arg in (None, each.arg)]
        assert found, f"{button} is not among {[each.custom_id for each in card.buttons]}"
        shown = self.world.message_of(on)
        if shown is None:
            return await self.pushes(found[0])
        ids = [each["custom_id"] for each in flat(shown.components) if each["type"] == 2]
        wanted = [id for id in ids if re.sub(r"\|\d{15,20}\Z", "", id) == found[0].custom_id]
        try:
            exchange = await self.world.fake.press(self.me, shown, (wanted or [found[0].custom_id])[0])
        except NotPossible:
            return await self.pushes(found[0])
        return await self._shown(exchange)

    async def pushes(self, button: Button, message: Message | None = None) -> Card | Form | None:
        await self._introduced()
        return await super().pushes(button, message)

    async def submits(self, form: Card | Form | None, **values: str) -> Card | Form | None:
        await self._introduced()
        assert isinstance(form, Form), form
        modal = self.world.opened(form)
        if modal is None or modal.exchange.interaction.person is not self.me:
            return await super().submits(form, **values)
        many = {each.name for each in form.fields if each.kind is FieldKind.CHOICES}
        given = {
            name: [each for each in value.split(",") if each] if name in many else value
            for name, value in values.items()
        }
        try:
            exchange = await self.world.fake.submit(modal, given, locale=self.locale)
        except NotPossible:
            return await super().submits(form, **values)
        answer = await self._shown(exchange)
        return self._mended(form, values, answer) if isinstance(answer, Card) else answer

    def _mended(self, form: Form, values: dict[str, str], card: Card) -> Card | Form:
        """The form with what is to be mended in it, where the card says so."""
        wrong = {fact.name: str(fact.value) for fact in card.fields}
        labels = {each.label for each in form.fields}
        if card.title != form.title or not wrong or not set(wrong) <= labels:
            return card
        fields = tuple(
            replace(each, value=values.get(each.name, each.value), error=wrong.get(each.label, ""))
            for each in form.fields
        )
        return replace(form, fields=fields, again=card.button("form.again"))

    async def writes(self, text: str) -> Card | None:
        await self._introduced()
        world, before = self.world, len(self.dms)
        message = await world.fake.say(self.me, None, text)
        if await world.watched.answer(message.id) is None:
            return None
        await until(lambda: len(self.dms) > before)
        return self.dms[-1].card

    async def writes_in(self, thread: Place) -> None:
        await self._introduced()
        channel = self.world.fake.channels[int(thread.thread or thread.channel)]
        message = await self.world.fake.say(self.me, channel, "Something of mine.")
        await self.world.watched.answer(message.id)
        await self.world.app.sender.drain()

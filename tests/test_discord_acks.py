"""What each acknowledgement looks like on Discord, with a dispatcher that only these tests need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from bot.chat import Ack, Event, Kind, Message, Place, User
from bot.clock import FakeClock
from bot.errors import Misconfigured
from bot.platforms import discord_answers, discord_rest
from bot.platforms.discord import DiscordChat
from bot.storage import Storage
from bot.storage.schema import communities
from bot.ui import Audience, Button, Card, Choice, Command, Fact, Field, Form, Image, Quote
from bot.ui import Kind as FieldKind
from tests.watching import line, until
from tests.wire.discord import FakeDiscord
from tests.wire.discord_model import Channel, Permit
from tests.world import stored

pytestmark = pytest.mark.usefixtures("database")  # on both

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
FORM = Form("a.form", (Field("words", label="Words", optional=True),), title="A form")
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
    """Answers what a test puts into ``card``; remembers every event."""

    card: Card | Form | None = field(default_factory=lambda: Card("Done.", buttons=BUTTONS))
    events: list[Event] = field(default_factory=list[Event])
    about: str = "Do it."

    def commands(self, locale: str) -> Sequence[Command]:
        german = locale.startswith("de")
        options = (
            Field("when", label="Wann" if german else "When", optional=True),
            Field("zone", label="Zone", suggest=True),
            Field(
                "how",
                FieldKind.CHOICE,
                label="How",
                choices=(Choice("a", "A"), Choice("b", "B")),
                optional=True,
            ),
            Field("who", FieldKind.USER, label="Who", optional=True),
        )
        return [
            Command("do", "Tu es." if german else self.about, options),
            Command("rule", "Rule.", audience=Audience.ORGANISERS),
        ]

    def ack(self, kind: Kind, name: str) -> Ack:
        return ACKS.get(name.removeprefix("a."), Ack.REPLIES) if kind is Kind.PRESS else Ack.REPLIES

    async def form(self, event: Event) -> Form | Card:
        self.events.append(event)
        return Card("It cannot be opened.") if event.name == "a.card" else FORM

    async def handle(self, event: Event) -> Card | Form | None:
        self.events.append(event)
        return self.card

    def line(self, words: str, locale: str, **says: str | int) -> str:
        return line(words, locale, **says)

    async def suggest(self, event: Event, option: str) -> Sequence[Choice]:
        self.events.append(event)
        return [Choice(f"{option}-{event.arg}-{number}") for number in range(30)]


@dataclass
class Stage:
    """A server, a bot that runs the script, and somebody in front of it."""

    fake: FakeDiscord
    chat: DiscordChat
    script: Script
    storage: Storage

    async def shown(self, card: Card, key: str = "k"):
        """A card in #general, as a public post."""
        general = self.fake.channel("general")
        await self.chat.post(Place("discord", str(self.fake.guild.id), str(general.id)), card, key=key)
        return self.fake.messages(general)[-1]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock, script = FakeClock(datetime(2026, 3, 2, 9, tzinfo=UTC)), Script()
    async with FakeDiscord(clock=clock) as fake:
        storage = await Storage.open(stored(tmp_path))
        chat = DiscordChat(token=fake.token, storage=storage, clock=clock, api_base=fake.api_base)
        running = asyncio.create_task(chat.run(script))
        await chat.ready.wait()
        yield Stage(fake, chat, script, storage)
        running.cancel()
        await asyncio.wait([running])
        await storage.close()


async def test_options_arrive_typed_and_in_the_order_of_their_declaration(stage: Stage) -> None:
    fake = stage.fake
    ada, bob = fake.person("ada"), fake.person("bob")
    given = {"who": bob, "zone": "Berlin", "when": "8:30"}
    reply = await (await fake.command(ada, fake.channel("general"), "do", given, locale="de")).reply()
    assert reply.ephemeral
    (event,) = stage.script.events
    assert event.values == {"when": "8:30", "zone": "Berlin", "who": str(bob.id)}
    assert event.arg == f"8:30 Berlin {bob.id}"
    assert (event.locale, event.display, event.zone) == ("de", "Ada", "")
    assert event.user == User("discord", str(fake.guild.id), str(ada.id))
    assert event.place == Place("discord", str(fake.guild.id), str(fake.channel("general").id))


async def test_commands_speak_the_languages_there_are(stage: Stage) -> None:
    data = stage.fake.commands[None][1, "do"].data
    assert data["description_localizations"] == {"de": "Tu es."}
    assert [each["name"] for each in data["options"]] == ["zone", "when", "how", "who"], "required first"
    assert data["default_member_permissions"] is None
    assert stage.fake.commands[None][1, "rule"].data["default_member_permissions"] == str(1 << 5)
    assert data["options"][1]["description_localizations"] == {"de": "Wann"}
    assert data["options"][0]["autocomplete"] is True
    assert [each["value"] for each in data["options"][2]["choices"]] == ["a", "b"]


async def test_completions_know_what_was_typed(stage: Stage) -> None:
    ada = stage.fake.person("ada")
    exchange = await stage.fake.autocomplete(
        ada, stage.fake.channel("general"), "do", "zone", "ber", {"when": "8:30"}
    )
    choices = await exchange.choose()
    assert len(choices) == 25 and choices[0] == {"name": "zone-ber-0", "value": "zone-ber-0"}
    assert stage.script.events[0].values["when"] == "8:30"


async def test_moderators_and_organisers_are_known_by_their_permissions(stage: Stage) -> None:
    fake = stage.fake
    for bits, moderator, admin in (
        (0, False, False),
        (1 << 13, True, False),
        (1 << 40, True, False),
        (1 << 5, False, True),
    ):
        person = fake.person(f"p{bits}", roles=[fake.role(f"r{bits}", permissions=bits)])
        await (await fake.command(person, fake.channel("general"), "do", {"zone": "x"})).reply()
        event = stage.script.events[-1]
        assert (event.is_moderator, event.is_admin) == (moderator, admin)


async def test_what_lacks_in_a_channel_is_named(stage: Stage) -> None:
    fake = stage.fake
    general, forum = fake.channel("general"), fake.forum("forum")

    async def lacks(channel: Channel, *, threads: bool = False) -> Sequence[str]:
        place = Place("discord", str(fake.guild.id), str(channel.id))
        return await stage.chat.check(place, threads=threads)

    assert not await lacks(general, threads=True) and not await lacks(forum, threads=True)
    fake.forbid(general, Permit.CREATE_PUBLIC_THREADS, Permit.ATTACH_FILES)
    assert await lacks(general) == ["Attach Files"]
    assert await lacks(general, threads=True) == ["Attach Files", "Create Public Threads"]
    fake.forbid(forum, Permit.SEND_MESSAGES_IN_THREADS)
    assert await lacks(forum, threads=True) == ["Send Messages in Threads and Posts"]
    hidden = fake.channel("hidden")
    fake.forbid(hidden, Permit.VIEW_CHANNEL)
    assert await lacks(hidden) == ["View Channels"]
    fake.delete_channel(general)
    with pytest.raises(Misconfigured, match="unknown channel"):
        await lacks(general)


async def test_a_button_opens_a_form_or_says_privately_why_not(stage: Stage) -> None:
    ada, post = stage.fake.person("ada"), await stage.shown(Card("Hi", buttons=BUTTONS))
    modal = await (await stage.fake.press(ada, post, "a.opens:x:y")).modal()
    assert modal.title == "A form" and stage.script.events[-1].arg == "x:y"
    message = stage.script.events[-1].message
    assert message is not None and message.id == str(post.id)
    reply = await (await stage.fake.press(ada, post, "a.card:x:y")).reply()
    assert reply.ephemeral and reply.text == "It cannot be opened."


async def test_replaces_changes_the_private_card_it_sits_on(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    reply = await (await fake.command(ada, fake.channel("general"), "do", {"zone": "x"})).reply()
    stage.script.card = Card("Changed.")
    exchange = await fake.press(ada, reply, "a.replaces:x:y")
    assert await exchange.ack() == 6
    assert (await exchange.edit()).text == "Changed." and not exchange.messages
    assert not reply.buttons


async def test_a_public_post_is_never_replaced_by_a_private_card(stage: Stage) -> None:
    ada, post = stage.fake.person("ada"), await stage.shown(Card("For all to see", buttons=BUTTONS))
    exchange = await stage.fake.press(ada, post, "a.replaces:x:y")
    assert (await exchange.reply()).ephemeral and post.text == "For all to see"


async def test_quiet_shows_nothing(stage: Stage) -> None:
    ada, post = stage.fake.person("ada"), await stage.shown(Card("Hi", buttons=BUTTONS))
    exchange = await stage.fake.press(ada, post, "a.quiet:x:y")
    assert await exchange.ack() == 6
    await until(lambda: bool(stage.script.events))
    assert not exchange.messages and post.text == "Hi"


async def test_silence_leaves_no_thinking_behind(stage: Stage) -> None:
    stage.script.card = None
    ada = stage.fake.person("ada")
    exchange = await stage.fake.command(ada, stage.fake.channel("general"), "do", {"zone": "x"})
    await exchange.edit()
    assert not exchange.messages


async def test_what_is_to_be_mended_after_a_press_comes_beside_its_card(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    reply = await (await fake.command(ada, fake.channel("general"), "do", {"zone": "x"})).reply()
    stage.script.card = Form("a.form", (Field("words", label="Words", error="Too long."),), title="A form")
    exchange = await fake.press(ada, reply, "a.replaces:x:y")
    beside = await exchange.reply()
    assert beside.ephemeral and "Too long." in beside.text and reply.buttons


async def test_pictures_go_along_as_files_with_words(stage: Stage) -> None:
    ada = stage.fake.person("ada")
    stage.script.card = Card("A chart", image=Image(PNG, "It goes up"))
    reply = await (await stage.fake.command(ada, stage.fake.channel("general"), "do", {"zone": "x"})).reply()
    assert reply.file("picture.png").data == PNG and reply.file("picture.png").description == "It goes up"
    post = await stage.shown(Card("A chart", image=Image(PNG, "It goes up")))
    assert post.file("picture.png").data == PNG
    message = stage.chat  # the same card without its picture: the file goes
    place = Place("discord", str(stage.fake.guild.id), str(post.channel.id))

    await message.edit(Message(place, str(post.id)), Card("No chart"))
    assert post.text == "No chart" and not post.files


async def test_a_text_that_fits_no_message_is_a_file(stage: Stage) -> None:
    facts = tuple(Fact(f"Fact {number}", ("*`" * 200)[:400]) for number in range(4))
    card = Card((Quote("*`" * 500),), title="Long", fields=facts)
    post = await stage.shown(card)
    assert post.file("text.txt").data.decode() == card.plain


async def test_a_key_happens_once_everywhere(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    user = User("discord", str(fake.guild.id), str(ada.id))
    first = await stage.chat.dm(user, Card("Hello"), key="k")
    assert await stage.chat.dm(user, Card("Hello"), key="k", again=True) == first
    assert await stage.chat.dm(user, Card("Hello"), key="k") == first
    assert len(fake.dms(ada)) == 1


async def test_a_direct_message_channel_that_is_gone_is_opened_anew(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    user = User("discord", str(fake.guild.id), str(ada.id))
    await stage.chat.dm(user, Card("One"), key="k1")
    assert ada.dm is not None
    del fake.channels[ada.dm.id]
    ada.dm = None
    await stage.chat.dm(user, Card("Two"), key="k2")
    assert [each.text for each in fake.dms(ada)] == ["Two"]
    known = await stage.chat.store.person(str(ada.id))
    async with stage.storage.write() as tx:
        await stage.chat.store.forget(tx, str(ada.id))
    assert known.dm and not (await stage.chat.store.person(str(ada.id))).dm


async def test_the_bots_own_words_and_those_elsewhere_are_not_looked_at(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    post = await stage.shown(Card("Hi"))
    place = Place("discord", str(fake.guild.id), str(post.channel.id))

    thread = await stage.chat.thread(Message(place, str(post.id)), "A thread")
    await fake.say(ada, fake.channel("general"), "elsewhere")
    await stage.chat.post(thread, Card("The bot's own"), key="k2")
    said = await fake.say(ada, fake.channels[int(thread.thread)], "in the thread")
    await until(lambda: bool(stage.script.events))
    (event,) = stage.script.events
    assert (event.kind, event.id, event.place, event.values) == (Kind.REPLY, str(said.id), thread, {})


# -- words to the bot itself --------------------------------------------------------------------------


async def known(stage: Stage, user: str) -> None:
    """Somebody who used the bot in the server once."""
    await stage.chat.store.seen(user, str(stage.fake.guild.id))


async def test_words_to_the_bot_are_answered_where_they_were_written_and_not_read(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    await known(stage, str(ada.id))
    said = await fake.say(ada, None, "a secret")
    await until(lambda: bool(fake.dms(ada)))
    (event,), (answer,) = stage.script.events, fake.dms(ada)
    assert ada.dm is not None and answer.channel is ada.dm and "Done." in answer.text
    place = Place("discord", str(fake.guild.id), str(ada.dm.id))
    assert (event.kind, event.name, event.id, event.place) == (Kind.DIRECT, "direct", str(said.id), place)
    assert (event.arg, dict(event.values), event.locale) == ("", {}, "") and "secret" not in repr(event)
    await fake.say(ada, None, "another secret")
    await until(lambda: len(fake.dms(ada)) == 2)
    assert len(stage.script.events) == 2, "what the bot itself wrote there is none"
    assert not fake.calls("POST /users/@me/channels"), "the channel is known from her message"
    await stage.chat.dm(event.user, Card("A nudge"), key="k")
    assert not fake.calls("POST /users/@me/channels"), "and kept"


async def test_its_own_private_answers_come_back_to_it_and_are_no_words_to_it(stage: Stage) -> None:
    """Discord tells the bot of them as of direct messages, without their server."""
    fake, ada = stage.fake, stage.fake.person("ada")
    await known(stage, str(ada.id))
    with fake.listening() as told:
        for _ in range(2):
            await (await fake.command(ada, fake.channel("general"), "do", {"zone": "Berlin"})).reply()
    assert "MESSAGE_CREATE" in [name for name, data in told if "guild_id" not in data]
    await fake.say(ada, None, "Hello?")
    await until(lambda: len(stage.script.events) >= 3 and bool(fake.calls("POST /channels/*/messages")))
    assert [event.kind for event in stage.script.events] == [Kind.COMMAND] * 2 + [Kind.DIRECT]
    assert len(fake.calls("POST /channels/*/messages")) == 1


async def test_an_answer_that_got_lost_is_given_again_and_once(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    await known(stage, str(ada.id))
    fault = fake.fail("POST /channels/*/messages", cut="after")
    await fake.say(ada, None, "Hello?")
    await until(lambda: len(fake.calls("POST /channels/*/messages")) == 2)
    await until(lambda: fault.times == 0)
    assert len(fake.dms(ada)) == 1


async def test_an_answer_that_has_to_wait_for_discord_comes_when_it_may(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_rest, "PATIENCE", 0.0)  # seconds; no wait is short
    monkeypatch.setattr(discord_answers, "PAUSES", (0.0,) * 20)
    fake, ada = stage.fake, stage.fake.person("ada")
    await known(stage, str(ada.id))
    fault = fake.fail("POST /channels/*/messages", status=429, retry_after=0.05)
    await fake.say(ada, None, "Hello?")
    await until(lambda: bool(fake.dms(ada)))
    assert fault.times == 0 and len(fake.dms(ada)) == 1


@pytest.mark.parametrize(("status", "code"), [(403, 50007), (400, 50035), (404, 10003)])
async def test_an_answer_that_discord_refuses_for_good_is_not_given_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    monkeypatch.setattr(discord_answers, "PAUSES", (0.0,) * 20)
    fake, ada = stage.fake, stage.fake.person("ada")
    await known(stage, str(ada.id))
    fake.fail("POST /channels/*/messages", times=None, status=status, code=code)
    with capture_logs() as logs:
        await fake.say(ada, None, "a secret")
        await until(lambda: any(each["event"] == "not answered" for each in logs))
    assert len(fake.calls("POST /channels/*/messages")) == 1
    assert "secret" not in repr(logs) and str(ada.id) not in repr(logs)


async def test_of_somebody_in_a_server_that_was_set_up_the_server_is_found(stage: Stage) -> None:
    fake, ada = stage.fake, stage.fake.person("ada")
    async with stage.storage.write() as tx:
        await tx.execute(insert(communities).values(platform="discord", community=str(fake.guild.id)))
    await fake.say(ada, None, "Hello?")
    await until(lambda: bool(fake.dms(ada)))
    assert [event.user.community for event in stage.script.events] == [str(fake.guild.id)]


async def test_a_stranger_is_answered_once_in_a_while_and_nobody_asks_for_them_meanwhile(
    stage: Stage,
) -> None:
    fake, ada, bob = stage.fake, stage.fake.person("ada"), stage.fake.person("bob")
    async with stage.storage.write() as tx:
        await tx.execute(insert(communities).values(platform="discord", community="1"))  # not theirs

    def looked() -> int:
        return len(fake.calls("GET /guilds/*/members/*"))

    await fake.say(ada, None, "Hello?")
    await until(lambda: bool(fake.dms(ada)))
    assert line("platform-stranger", "en") in fake.dms(ada)[0].text and looked() == 1
    await fake.say(ada, None, "Hello?")
    await known(stage, str(bob.id))
    await fake.say(bob, None, "Hi.")
    await until(lambda: bool(stage.script.events))
    assert len(fake.dms(ada)) == 1 and looked() == 1
    assert isinstance(fake.clock, FakeClock)
    await fake.clock.advance(timedelta(hours=3))
    await fake.say(ada, None, "Hello?")
    await until(lambda: len(fake.dms(ada)) == 2)
    assert looked() == 2 and len(stage.script.events) == 1

"""The fake Discord through the real discord.py: conversations, and a gateway that comes and goes."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord
import pytest

from bot.clock import FakeClock
from tests.wire.discord import FakeDiscord
from tests.wire.discord_basics import Permit
from tests.wire.discord_bot import Bot, card, running
from tests.wire.waiting import PATIENCE

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(FakeClock(NOW), heartbeat=60_000) as made:
        yield made


@pytest.fixture
async def bot(fake: FakeDiscord) -> AsyncIterator[Bot]:
    async with running(fake) as made:
        yield made


# --- conversations -------------------------------------------------------------------------------


async def test_a_command_opens_a_form_and_the_form_gives_a_private_card(fake: FakeDiscord, bot: Bot) -> None:
    ada, general = fake.person("ada"), fake.guild.channel("general")
    exchange = await fake.command(ada, general, "rejected")
    modal = await exchange.modal()
    assert modal.title == "Share a no"
    assert modal.labels == {"where": "Where", "stage": "Stage"}
    submitted = await fake.submit(modal, {"stage": "offer"})
    message = await submitted.reply()
    assert message.ephemeral and message.text == "Thank you. offer"
    assert fake.messages(general) == [], "nobody else sees it"
    pressed = await fake.press(ada, message, "more:1")
    assert (await pressed.edit()) is message
    assert message.text == "More of it" and bot.pressed == [pressed.id]


async def test_a_form_keeps_what_stands_in_it(fake: FakeDiscord, bot: Bot) -> None:
    ada = fake.person("ada")
    exchange = await fake.command(ada, None, "rejected")
    message = await (await fake.submit(exchange)).reply()
    assert message.text == "Thank you. interview"
    assert message.channel is ada.dm


async def test_messages_threads_and_direct_messages(fake: FakeDiscord, bot: Bot) -> None:
    ada, general = fake.person("ada"), fake.guild.channel("general")
    channel = await bot.fetch_channel(general.id)
    assert isinstance(channel, discord.TextChannel)
    sent = await channel.send(view=card("Somebody got a no"), nonce="n-1")
    again = await channel.send(view=card("Somebody got a no"), nonce="n-1")
    assert sent.id == again.id
    (post,) = fake.messages(general)
    assert post.text == "Somebody got a no"
    thread = await sent.create_thread(name="Quiet Heron")
    with pytest.raises(discord.HTTPException) as no:
        await channel.get_partial_message(sent.id).create_thread(name="Again")
    assert no.value.code == 160004
    (place,) = fake.threads(general)
    assert place.id == thread.id == sent.id, "a thread has the id of its message"
    await thread.send("Welcome")
    said = await fake.say(ada, place, "You are not alone")
    user = await bot.fetch_user(ada.id)
    await user.send("Hello")
    assert [each.text for each in fake.dms(ada)] == ["Hello"]
    await bot.until(lambda: "Hello" in bot.heard)
    assert str(said.id) in bot.heard, "what Ada said came without its content"
    ada.dms_open = False
    with pytest.raises(discord.Forbidden) as closed:
        await user.send("Are you there?")
    assert closed.value.code == 50007


async def test_a_picture_is_uploaded_and_shown(fake: FakeDiscord, bot: Bot) -> None:
    general = await bot.fetch_channel(fake.guild.channel("general").id)
    assert isinstance(general, discord.TextChannel)
    picture = discord.File(__file__, filename="chart.png", description="A chart")
    view = discord.ui.LayoutView()
    gallery = discord.ui.MediaGallery(
        discord.MediaGalleryItem("attachment://chart.png", description="A chart")
    )
    view.add_item(gallery)
    sent = await general.send(view=view, file=picture)
    (post,) = fake.messages(fake.guild.channel("general"))
    assert post.file("chart.png").description == "A chart"
    url = post.components[0]["items"][0]["media"]["url"]
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == post.file("chart.png").data
    assert sent.attachments[0].url == url


async def test_a_furnished_server_is_what_discord_py_takes_for_a_community(fake: FakeDiscord) -> None:
    names = [f"channel-{number}" for number in range(50)]
    made = fake.add_guild(channels=names, roles=30, members=500, furnished=True)
    async with running(fake, intents=discord.Intents.default()) as bot:
        await bot.until(lambda: (found := bot.get_guild(made.id)) is not None and not found.unavailable)
        guild = bot.get_guild(made.id)
        assert guild is not None
        kinds = [guild.categories, guild.voice_channels, guild.stage_channels, guild.forums]
        assert [len(each) for each in kinds] == [8, 6, 1, 1]
        assert len(guild.channels) == 50 and all(each.category for each in guild.text_channels)
        assert sum(len(each.overwrites) for each in guild.channels) == 149, "three each, on average"
        has = [guild.emojis, guild.stickers, guild.soundboard_sounds, guild.threads, guild.features]
        assert [len(each) for each in has] == [30, 4, 4, 3, 8]
        talking = [member for channel in guild.voice_channels for member in channel.members]
        assert set(guild.members) == {guild.me, *talking} and len(talking) == 4, "others are not told"
        assert guild.member_count == 505
        assert len({role.color.value for role in guild.roles}) > 25
        assert sum(role.is_bot_managed() for role in guild.roles) == 5


async def test_channels_of_a_furnished_server_are_changed_one_by_one(fake: FakeDiscord, bot: Bot) -> None:
    guild = fake.add_guild(channels=[f"channel-{n}" for n in range(20)], roles=8, furnished=True)
    closed, public, other = (guild.channel(name) for name in ("channel-5", "channel-3", "channel-9"))
    assert closed.permissions(fake.bot.id) == 0, "the staff's own"
    assert public.permissions(fake.bot.id) & Permit.SEND_MESSAGES
    fake.forbid(public, Permit.SEND_MESSAGES)
    assert not public.permissions(fake.bot.id) & Permit.SEND_MESSAGES
    assert other.permissions(fake.bot.id) & Permit.SEND_MESSAGES


# --- the gateway ---------------------------------------------------------------------------------


async def test_a_cut_line_is_resumed_and_nothing_is_lost_or_told_twice(fake: FakeDiscord, bot: Bot) -> None:
    ada, general = fake.person("ada"), fake.guild.channel("general")
    expected: list[str] = []
    for cut in range(4):
        if cut:
            assert fake.gateway.drop() == 1
        expected += [str((await fake.say(ada, general, "hello")).id) for _ in range(5)]
        exchange = await fake.command(ada, general, "rejected")
        assert await exchange.modal(), "an interaction that was lost is replayed"
    await fake.say(ada, general, f"<@{fake.bot.id}> last")
    await bot.until(lambda: len(bot.heard) == len(expected) + 1)
    assert bot.heard[:-1] == expected
    assert (fake.gateway.login.identifies, fake.gateway.login.resumes) == (1, 3)


@pytest.mark.parametrize(
    ("how", "identifies", "resumes"),
    [
        ("op 7", 1, 1),
        ("op 9 resumable", 1, 1),
        ("op 9", 2, 0),
        ("4000", 1, 1),
        ("4009", 2, 1),
        ("1001", 2, 1),
    ],
)
async def test_it_comes_back(fake: FakeDiscord, bot: Bot, how: str, identifies: int, resumes: int) -> None:
    if how == "op 7":
        fake.gateway.reconnect()
    elif how.startswith("op 9"):
        fake.gateway.invalidate(resumable=how != "op 9")
    else:
        await fake.gateway.close(int(how))
    login = fake.gateway.login
    await fake.until(lambda: (login.identifies, login.resumes) == (identifies, resumes), how)
    await fake.ready()
    ada = fake.person("ada")
    assert await (await fake.command(ada, fake.guild, "rejected")).modal()


@pytest.mark.parametrize(
    ("code", "error"), [(4004, discord.ConnectionClosed), (4014, discord.PrivilegedIntentsRequired)]
)
async def test_it_does_not_come_back(fake: FakeDiscord, code: int, error: type[Exception]) -> None:
    fake.gateway.refuse.append(code)
    with pytest.raises(error):
        async with running(fake):
            pass


async def test_privileged_intents_are_refused_unless_allowed(fake: FakeDiscord) -> None:
    intents = discord.Intents(guilds=True, message_content=True)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(fake, intents=intents):
            pass
    fake.privileged = 1 << 15
    async with running(fake, intents=intents | discord.Intents(guild_messages=True)) as bot:
        await fake.say(fake.person("ada"), fake.guild.channel("general"), "with words")
        await bot.until(lambda: bot.heard == ["with words"])


async def test_missed_heartbeat_acks_end_in_a_resume() -> None:
    async with FakeDiscord(heartbeat=50) as fake, running(fake, heartbeat_timeout=0.3) as bot:
        fake.gateway.acks = False
        await fake.until(lambda: fake.gateway.login.resumes > 0, "a resume")
        fake.gateway.acks = True
        await bot.until(lambda: bot.resumed > 0)


async def test_an_interaction_delivered_twice_is_the_same_interaction(fake: FakeDiscord, bot: Bot) -> None:
    ada = fake.person("ada")
    message = await (await fake.submit(await fake.command(ada, fake.guild, "rejected"))).reply()
    fake.gateway.repeat = 1
    pressed = await fake.press(ada, message, "more:1")
    await pressed.edit()
    await bot.until(lambda: bot.pressed == [pressed.id, pressed.id])
    await fake.until(lambda: [each.code for each in fake.calls("POST /interactions/**")][-1] == 40060)


async def test_guilds_are_only_sent_to_who_asks_for_them(fake: FakeDiscord) -> None:
    async with running(fake, intents=discord.Intents(guild_messages=True)) as bot:
        assert [guild.unavailable for guild in bot.guilds] == [True]
    async with running(fake) as bot:
        await bot.until(lambda: [guild.name for guild in bot.guilds] == ["Guild 1"])


async def test_words_to_the_bot_are_only_sent_to_who_asks_for_them(fake: FakeDiscord) -> None:
    ada = fake.person("ada")
    async with running(fake, intents=discord.Intents(guild_messages=True)) as bot:
        await fake.say(ada, None, "Not asked for")
        said = await fake.say(ada, fake.guild.channel("general"), "In the server")
        await bot.until(lambda: bot.heard == [str(said.id)])
    async with running(fake) as bot:
        await fake.say(ada, None, "Hello?")
        await bot.until(lambda: bot.heard == ["Hello?"])


async def test_several_processes_share_the_shards() -> None:
    one_of, other = {"shard_ids": [0], "shard_count": 2}, {"shard_ids": [1], "shard_count": 2}
    async with (
        FakeDiscord(FakeClock(NOW), guilds=6) as fake,
        running(fake, **one_of) as one,
        running(fake, **other) as two,
    ):
        ada = fake.person("ada")
        for guild in fake.guilds.values():
            fake.join(ada, guild)
            await fake.say(ada, guild.channel("general"), "hello")
        await one.until(lambda: len(one.heard) == 3)
        await two.until(lambda: len(two.heard) == 3)
        exchange = await fake.command(ada, list(fake.guilds.values())[1], "rejected")
        assert await exchange.modal()


async def test_an_outage_keeps_everything(fake: FakeDiscord, bot: Bot) -> None:
    general = fake.guild.channel("general")
    await fake.say(fake.person("ada"), general, "before")
    await fake.stop()
    await fake.start()
    await fake.ready()
    assert [each.text for each in fake.messages(general)] == ["before"]


# --- the gateway, byte by byte -------------------------------------------------------------------


class Line:
    """A gateway connection without a library."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws, self.seq = ws, 0

    async def get(self) -> Any:
        frame = await self.ws.receive(timeout=PATIENCE)
        if frame.type is not aiohttp.WSMsgType.TEXT:
            return self.ws.close_code
        out = json.loads(frame.data)
        self.seq = out["s"] or self.seq
        return out

    async def say(self, op: int, data: Any) -> None:
        await self.ws.send_str(json.dumps({"op": op, "d": data}))

    async def identify(self, fake: FakeDiscord, **other: Any) -> None:
        data = {"token": fake.token, "intents": 1 << 9, "properties": {}}
        await self.say(2, data | other)


@pytest.fixture
async def line(fake: FakeDiscord) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{fake.gateway_url}?v=10") as ws:
        made = Line(ws)
        hello = await made.get()
        assert hello["op"] == 10 and hello["d"]["heartbeat_interval"] == 60_000
        yield made


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"intents": 1 << 1}, 4014),
        ({"intents": 1 << 30}, 4013),
        ({"intents": "all"}, 4013),
        ({"shard": [2, 2]}, 4010),
        ({"properties": None}, 4002),
    ],
)
async def test_a_bad_identify_is_closed(
    fake: FakeDiscord, line: Line, other: dict[str, Any], code: int
) -> None:
    await line.identify(fake, **other)
    assert await line.get() == code


async def test_what_is_said_out_of_turn_is_closed(fake: FakeDiscord, line: Line) -> None:
    await line.say(3, {})
    assert await line.get() == 4003


async def test_no_json_and_unknown_ops_are_closed(fake: FakeDiscord) -> None:
    for said, code in (("{", 4002), ('{"op": 99}', 4001), ("[]", 4002)):
        async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway_url) as ws:
            line = Line(ws)
            await line.get()
            await ws.send_str(said)
            assert await line.get() == code
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{fake.gateway_url}?v=5") as ws:
        assert await Line(ws).get() == 4012


async def test_a_session_is_resumed_from_where_it_was(fake: FakeDiscord, line: Line) -> None:
    await line.identify(fake)
    ready = await line.get()
    assert ready["t"] == "READY" and ready["d"]["guilds"][0]["unavailable"] is True
    await line.say(1, line.seq)
    assert (await line.get())["op"] == 11
    assert fake.gateway.drop() == 1
    texts = [(await fake.say(fake.person("ada"), fake.guild.channel("general"), "hi")).id for _ in range(3)]
    resume = {"token": fake.token, "session_id": ready["d"]["session_id"], "seq": line.seq}
    async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway_url) as ws:
        again = Line(ws)
        await again.get()
        await again.say(6, resume)
        events = [await again.get() for _ in range(4)]
    assert [each["t"] for each in events] == ["MESSAGE_CREATE"] * 3 + ["RESUMED"]
    assert [int(each["d"]["id"]) for each in events[:3]] == texts
    assert [each["s"] for each in events] == [2, 3, 4, 5]


@pytest.mark.parametrize(("seq", "answer"), [(99, 4007), (None, 4007)])
async def test_a_sequence_that_never_was_is_closed(
    fake: FakeDiscord, line: Line, seq: Any, answer: int
) -> None:
    await line.identify(fake)
    ready = await line.get()
    fake.gateway.drop()
    async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway_url) as ws:
        again = Line(ws)
        await again.get()
        await again.say(6, {"token": fake.token, "session_id": ready["d"]["session_id"], "seq": seq})
        assert await again.get() == answer


async def test_a_session_that_was_gone_for_long_is_invalid(fake: FakeDiscord, line: Line) -> None:
    await line.identify(fake)
    ready = await line.get()
    fake.gateway.drop()
    assert isinstance(fake.clock, FakeClock)
    await fake.clock.advance(timedelta(minutes=4))
    async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway_url) as ws:
        again = Line(ws)
        await again.get()
        await again.say(6, {"token": fake.token, "session_id": ready["d"]["session_id"], "seq": 1})
        assert await again.get() == {"op": 9, "s": None, "t": None, "d": False}


async def test_one_stream_of_zlib_over_all_messages(fake: FakeDiscord) -> None:
    url = f"{fake.gateway_url}?v=10&encoding=json&compress=zlib-stream"
    context = zlib.decompressobj()
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        first = await ws.receive_bytes()
        assert first.endswith(b"\x00\x00\xff\xff")
        assert json.loads(context.decompress(first))["op"] == 10
        await Line(ws).identify(fake)
        assert json.loads(context.decompress(await ws.receive_bytes()))["t"] == "READY"

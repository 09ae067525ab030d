"""How the fake Slack delivers: acks, retries, connections that come and go, response_urls, HTTP mode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.clock import FakeClock
from tests.wire.slack import FakeSlack
from tests.wire.slack_bolt_app import SHARE, Bot, card, connected, http_mode, socket_mode
from tests.wire.slack_remote import Remote, RemoteError
from tests.wire.waiting import NothingHappened

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(FakeClock(NOW)) as made:
        yield made


@pytest.fixture
async def bot(fake: FakeSlack) -> AsyncIterator[Bot]:
    async with socket_mode(fake) as made:
        yield made


def clock_of(fake: FakeSlack) -> FakeClock:
    assert isinstance(fake.clock, FakeClock)
    return fake.clock


# --- three seconds, doubles, and connections that go ---------------------------------------------


async def test_no_ack_in_three_seconds_is_told_to_the_person(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    bot.deaf = True
    exchange = await fake.command(ada, None, "/rejected")
    await fake.until(lambda: bool(bot.bodies))
    assert not exchange.failed
    await clock_of(fake).advance(timedelta(seconds=3.1))
    assert exchange.failed
    with pytest.raises(NothingHappened):
        await exchange.acked()
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await bot.client.views_open(trigger_id=exchange.trigger, view=SHARE)


async def test_a_late_ack_changes_nothing(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    view = await (await fake.command(ada, None, "/rejected")).view()
    await fake.quiet()
    acks, bot.hold = fake.sockets.counts.acks, asyncio.Event()
    exchange = await fake.submit(ada, {"stage": "offer"})
    await fake.until(lambda: bool(bot.of("view_submission")))
    await clock_of(fake).advance(timedelta(seconds=3.1))
    assert not await exchange.settled()
    bot.hold.set()
    await fake.until(lambda: fake.sockets.counts.acks == acks + 1, "the late ack")
    assert exchange.trouble and exchange.acks == [] and ada.stack == [view]


async def test_events_are_tried_again_three_times(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    bot.deaf = True
    await fake.say(ada, support, "Hello?")
    for tries, wait in ((1, 3.1), (2, 63.2), (3, 303.3), (4, 3.1)):
        await fake.until(lambda tries=tries: len(bot.of("message")) == tries, f"try {tries}")
        await clock_of(fake).advance(timedelta(seconds=wait))
    await fake.until(lambda: fake.sockets.counts.given_up == 1)
    assert len({body["event_id"] for body in bot.of("message")}) == 1
    assert fake.sockets.counts.redelivered == 3


async def test_everything_may_come_twice(fake: FakeSlack) -> None:
    fake.double = 1.0
    async with socket_mode(fake, connections=2) as bot:
        ada = fake.person("ada")
        exchange = await fake.command(ada, None, "/hello")
        await exchange.until(lambda: len(exchange.acks) == 2, "two acks")
        assert [body["trigger_id"] for body in bot.of("command")] == [exchange.trigger] * 2
        assert len(fake.ephemerals(ada)) == 1, "the first ack counts"


async def test_several_connections_share_the_load(fake: FakeSlack) -> None:
    async with socket_mode(fake, connections=3):
        for number in range(30):
            await (await fake.command(fake.person(f"p{number}"), None, "/hello")).acked()
        assert [line.carried for line in fake.sockets.lines] == [10, 10, 10]


async def test_a_refresh_asks_for_a_new_connection(fake: FakeSlack, bot: Bot) -> None:
    (old,) = fake.sockets.lines
    assert fake.sockets.disconnect() == 1
    await fake.until(lambda: old not in fake.sockets.lines and len(fake.sockets.connected()) == 1)
    await (await fake.command(fake.person("ada"), None, "/hello")).reply()
    assert fake.sockets.counts.opened == 2


async def test_a_dropped_connection_loses_actions_and_brings_events_again(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    bot.deaf = True
    await fake.say(ada, support, "Hello?")
    exchange = await fake.command(ada, None, "/hello")
    await fake.until(lambda: len(bot.bodies) == 2)
    bot.deaf = False
    fake.sockets.drop()
    assert not await exchange.settled()
    assert exchange.lost
    await fake.until(lambda: len(bot.of("message")) == 2, "the event again")
    assert len(bot.of("command")) == 1
    await fake.quiet()


async def test_what_is_done_while_nobody_is_connected_waits_for_three_seconds(fake: FakeSlack) -> None:
    ada = fake.person("ada")
    early, late = await fake.command(ada, None, "/hello"), None
    await clock_of(fake).advance(timedelta(seconds=4))
    assert early.failed
    late = await fake.command(ada, None, "/hello")
    async with socket_mode(fake) as bot:
        await late.reply()
        assert len(bot.of("command")) == 1


async def test_an_outage_passes(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    await fake.stop()
    await fake.start()
    await fake.ready()
    await (await fake.command(ada, None, "/hello")).reply()


async def test_an_address_works_once(fake: FakeSlack) -> None:
    async with aiohttp.ClientSession() as session:
        url = fake.sockets.open()
        async with session.ws_connect(url) as ws:
            hello = await ws.receive_json()
            assert hello["type"] == "hello" and hello["num_connections"] == 1
            assert hello["debug_info"]["approximate_connection_time"] == 18_060
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)


async def test_ten_connections_are_enough(fake: FakeSlack) -> None:
    async with aiohttp.ClientSession() as session:
        kept = [await session.ws_connect(fake.sockets.open()) for _ in range(10)]
        assert [(await each.receive_json())["num_connections"] for each in kept] == list(range(1, 11))
        ws = await session.ws_connect(fake.sockets.open())
        assert (await ws.receive_json())["reason"] == "too_many_websockets"


# --- response_url --------------------------------------------------------------------------------


async def hook(fake: FakeSlack, bot: Bot) -> tuple[AsyncWebhookClient, Any]:
    ada, support = fake.person("ada"), fake.channel("support")
    exchange = await fake.command(ada, support, "/rejected")
    await exchange.acked()
    assert exchange.hook is not None
    return AsyncWebhookClient(exchange.hook.url), exchange


async def test_a_response_url_works_five_times(fake: FakeSlack, bot: Bot) -> None:
    url, exchange = await hook(fake, bot)
    for number in range(5):
        assert (await url.send(text=f"Answer {number}")).body == "ok"
    over = await url.send(text="One more")
    assert over.status_code == 404 and "used_url" in over.body
    assert len(exchange.messages) == 5 and all(each.only_for for each in exchange.messages)


async def test_a_response_url_works_for_thirty_minutes(fake: FakeSlack, bot: Bot) -> None:
    url, _ = await hook(fake, bot)
    await clock_of(fake).advance(timedelta(minutes=29, seconds=59))
    assert (await url.send(text="Just in time")).status_code == 200
    await clock_of(fake).advance(timedelta(seconds=1))
    over = await url.send(text="Too late")
    assert over.status_code == 404 and "expired_url" in over.body


async def test_a_response_url_is_strict_and_posts_in_channels(fake: FakeSlack, bot: Bot) -> None:
    url, exchange = await hook(fake, bot)
    assert "invalid_blocks" in (await url.send(text="x", blocks=[{"type": "poem"}])).body
    assert "invalid_payload" in (await url.send_dict({"txt": "x"})).body
    assert exchange.hook.uses == 0, "what is refused costs nothing"
    assert (await url.send(text="For all", response_type="in_channel")).status_code == 200
    (message,) = fake.messages(exchange.channel)
    assert message.text == "For all" and not message.only_for
    pressed = await fake.command(exchange.person, exchange.channel, "/hello")
    private = await pressed.reply()
    fake.removed(fake.workspace, private)
    assert fake.ephemerals(exchange.person) == []


async def test_a_response_url_replaces_and_deletes(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    await bot.client.chat_postMessage(channel=support.id, text="Hi", blocks=card("Hi", "again"))
    (message,) = fake.messages(support)
    exchange = await fake.press(ada, message, "again")
    assert exchange.hook is not None
    url = AsyncWebhookClient(exchange.hook.url)
    await url.send(text="Instead", replace_original=True)
    assert message.text == "Instead" and message.blocks == [] and message.edited
    await url.send(text="Beside")
    assert (await exchange.reply()).text == "Beside"
    await url.send(delete_original=True)
    assert fake.messages(support) == []


async def test_faults_meet_response_urls_too(fake: FakeSlack, bot: Bot) -> None:
    url, exchange = await hook(fake, bot)
    fake.faults.add("response_url", "503")
    assert (await url.send(text="Hello?")).status_code == 503
    assert exchange.messages == []
    assert [each.status for each in fake.calls("response_url")] == [503]


# --- HTTP mode -----------------------------------------------------------------------------------


async def test_http_mode_checks_who_speaks(fake: FakeSlack) -> None:
    async with http_mode(fake) as bot:
        assert await fake.posts.verify_url()
        assert (await fake.posts.ssl_check()).status == 200
        await (await fake.command(fake.person("ada"), None, "/hello")).reply()
        honest = fake.posts.sent[-1]
        told = len(bot.bodies)
        assert (await fake.posts.forge(honest)).status == 401
        assert (await fake.posts.unsigned(honest)).status == 401
        assert (await fake.posts.tamper(honest, b"%2Fhello", b"%2Fother")).status == 401
        assert (await fake.posts.age(honest)).status == 401
        assert len(bot.bodies) == told
        assert (await fake.posts.replay(honest)).status == 200, "a replay is for the app to notice"
        assert len(bot.bodies) == told + 1


async def test_http_events_are_tried_again(fake: FakeSlack) -> None:
    async with http_mode(fake) as bot:
        url, fake.posts.url = fake.posts.url, fake.posts.url + "/nowhere"
        await fake.say(fake.person("ada"), fake.channel("support"), "Hello?")
        await fake.until(lambda: len(fake.posts.sent) == 2, "the first try again")
        assert fake.posts.sent[-1].headers["X-Slack-Retry-Num"] == "1"
        assert fake.posts.sent[-1].headers["X-Slack-Retry-Reason"] == "http_error"
        fake.posts.url = url
        await fake.until(lambda: not fake.posts.waiting)
        await clock_of(fake).advance(timedelta(minutes=1))
        await fake.until(lambda: bool(bot.of("message")), "a try that gets through")
        await fake.quiet()


async def test_nobody_at_the_request_url(fake: FakeSlack) -> None:
    fake.posts.url = "http://127.0.0.1:9/slack/events"
    exchange = await fake.command(fake.person("ada"), None, "/hello")
    assert not await exchange.settled()
    assert exchange.failed


async def test_a_response_url_answers_in_a_thread(fake: FakeSlack, bot: Bot) -> None:
    url, exchange = await hook(fake, bot)
    channel = exchange.channel
    post = await bot.client.chat_postMessage(channel=channel.id, text="A post")
    await url.send_dict({"text": "In it", "response_type": "in_channel", "thread_ts": post["ts"]})
    (reply,) = fake.messages(channel, thread=str(post["ts"]))
    assert reply.text == "In it" and exchange.messages[-1] is reply


# --- a process of its own ------------------------------------------------------------------------


async def test_a_fake_in_another_process() -> None:
    async with Remote.spawned(workspaces=2, no_echoes=True) as remote:
        here = FakeSlack()
        here.signing_secret = remote.signing_secret
        bot = Bot(here)
        bot.client.base_url, bot.client.token = remote.api_base, remote.bot_token
        async with connected(bot, remote.app_token):
            await remote.call("ready")
            ada, bob = await remote.call("people", names=["ada", "bob"], zone="Europe/Berlin")
            support = await remote.call("channel", name="support")
            told = await remote.call("command", person=ada, name="/rejected", channel=support)
            told = await remote.call("exchange", exchange=told["exchange"], wait="view")
            assert told["view"]["callback_id"] == "share" and told["viewed"] > 0
            told = await remote.call("submit", person=ada, values={"stage": "offer"})
            told = await remote.call("exchange", exchange=told["exchange"], wait="reply")
            (message,) = told["messages"]
            assert message["words"] == "Thank you\n[more:1]"
            assert [each["ts"] for each in await remote.call("dms", person=ada)] == [message["ts"]]
            told = await remote.call("press", person=ada, message=message["ts"], action_id="more:1")
            told = await remote.call("exchange", exchange=told["exchange"], wait="edit")
            assert told["edits"] == 1 and not told["failed"]
            with pytest.raises(RemoteError, match="KeyError"):
                await remote.call("press", person=bob, message=message["ts"], action_id="more:1")
            await remote.call("open_home", person=ada)
            await remote.call("quiet")
            assert (await remote.call("count"))["im"] == 1
            many = await remote.call("people", count=50)
            out = await remote.call("burst", people=many, name="/rejected", views=True)
            assert len(out["acks"]) == len(out["views"]) == 50
            out = await remote.call("burst", people=many[:5], name="/hello", one_by_one=True)
            assert len(out["acks"]) == 5
            await remote.call("double", chance=1.0)
            assert await remote.call("disconnect") == 1
            await remote.call("ready")
            told = await remote.call("command", person=bob, name="/hello")
            await remote.call("exchange", exchange=told["exchange"], wait="reply")
            await remote.call("faults", pattern="chat.postMessage", kind="503")
            with pytest.raises(SlackApiError):
                await bot.client.chat_postMessage(channel=bob, text="Lost")
            assert await remote.call("faults", clear=True) == 1
            info = await remote.call("info")
            assert info["delivered"]["doubles"] == 1 and len(info["workspaces"]) == 2
            with pytest.raises(RemoteError, match="there is"):
                await remote.call("nothing")

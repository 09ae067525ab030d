"""The fake Slack in trouble, through slack_sdk over real HTTP: faults on demand, limits, many messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.wire.slack_model import SlackError
from tests.wire.slack_small import PNG, Small, refused, send_bytes, small_slack


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("503", 503), ("ratelimited", 429)])
async def test_answers_of_a_server_in_trouble(small: Small, kind: Any, status: int) -> None:
    general, client = small.channel("general"), small.client()
    small.http.faults.add("chat.*", kind, retry_after=7)
    with pytest.raises(SlackApiError) as no:
        await client.chat_postMessage(channel=general.id, text="x")
    assert no.value.response.status_code == status
    if kind == "ratelimited":
        assert no.value.response.headers["Retry-After"] == "7"
        assert no.value.response["error"] == "ratelimited"
    assert general.within() == [], "nothing was done"
    await client.chat_postMessage(channel=general.id, text="x")
    assert len(general.within()) == 1, "once only"
    assert [each.status for each in small.http.requests] == [status, 200]


async def test_a_gateway_in_trouble(small: Small) -> None:
    small.http.faults.add("*", "502")
    async with aiohttp.ClientSession() as http, http.post(f"{small.base}/api/auth.test") as answer:
        assert answer.status == 502 and answer.content_type == "text/html"


@pytest.mark.parametrize(("kind", "done"), [("cut_before", 0), ("cut_after", 1), ("cut_middle", 1)])
async def test_a_connection_that_is_cut(small: Small, kind: Any, done: int) -> None:
    general, client = small.channel("general"), small.client()
    small.http.faults.add("chat.postMessage", kind)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=general.id, text="x")
    assert len(general.within()) == done
    assert [(each.status, each.done) for each in small.http.requests] == [(0, bool(done))]


async def test_errors_and_waits_on_demand(small: Small) -> None:
    client = small.client()
    small.http.faults.add("auth.test", error="fatal_error", skip=1)
    await client.auth_test()
    await refused(client.auth_test(), "fatal_error")
    hold = asyncio.Event()
    held = small.http.faults.add("users.info", hold=hold)
    asked = asyncio.create_task(client.users_info(user=small.person("ada").id))
    await client.auth_test()
    assert not asked.done()
    hold.set()
    assert (await asked)["ok"] and held.met == 1
    slow = small.http.faults.add("auth.test", "slow", seconds=0.01, times=None)
    assert (await client.auth_test())["ok"] and (await client.auth_test())["ok"] and slow.met == 2
    small.http.faults.clear()
    small.http.faults.chaos(1.0, kinds=("500",))
    with pytest.raises(SlackApiError):
        await client.auth_test()


async def test_an_upload_can_be_cut_too(small: Small) -> None:
    client = small.client()
    url = await client.files_getUploadURLExternal(filename="a.png", length=len(PNG))
    small.http.faults.add("upload", "cut_before")
    with pytest.raises(aiohttp.ClientError):
        await send_bytes(url["upload_url"], PNG)
    assert await send_bytes(url["upload_url"], PNG) == 200


async def test_limits(small: Small) -> None:
    small.http.limits.on = True
    general, client = small.channel("general"), small.client()
    for _ in range(3):
        await client.chat_postMessage(channel=general.id, text="x")
    no = client.chat_postMessage(channel=general.id, text="x")
    await refused(no, "ratelimited")
    await small.clock.advance(timedelta(seconds=1))
    await client.chat_postMessage(channel=general.id, text="x")
    await refused(client.chat_postMessage(channel=general.id, text="x"), "ratelimited")
    ada = small.person("ada")
    for where in (ada.id, small.at.direct(ada.id).id, ada.id):
        await client.chat_postMessage(channel=where, text="x")
    await refused(client.chat_postMessage(channel=ada.id, text="x"), "ratelimited")
    people = [small.person(f"p{number}").id for number in range(294)]
    for each in people[:293]:
        await client.chat_postMessage(channel=each, text="x")
    with pytest.raises(SlackApiError) as full:
        await client.chat_postMessage(channel=people[293], text="x")
    assert full.value.response.headers["Retry-After"] == "59", "300 a minute"
    await small.client("xoxb-2").auth_test()
    assert small.http.limits.refused == 4 == sum(small.http.limits.refused_methods.values())
    for _ in range(20):
        await client.conversations_list()
    await refused(client.conversations_list(), "ratelimited")
    await small.clock.advance(timedelta(minutes=1))
    await client.conversations_list()


async def test_an_app_outside_the_marketplace_reads_little(small: Small) -> None:
    small.http.limits.on = small.api.unlisted = True
    general, client = small.channel("general"), small.client()
    for number in range(20):
        small.api.answer(small.at.token, "chat.postMessage", {"channel": general.id, "text": f"m{number}"})
    page = await client.conversations_history(channel=general.id, limit=100)
    assert len(page["messages"]) == 15 and page["has_more"]
    await refused(client.conversations_history(channel=general.id), "ratelimited")
    await small.clock.advance(timedelta(minutes=1))
    rest = await client.conversations_history(
        channel=general.id, cursor=page["response_metadata"]["next_cursor"]
    )
    assert len(rest["messages"]) == 5 and not rest["has_more"]


async def test_thousands_of_messages(small: Small) -> None:
    """Reading the newest looks at no older ones, and at no replies: it stays as fast as it was."""
    general, token = small.channel("general"), small.at.token

    def say(text: str, thread: str = "") -> str:
        given = {"channel": general.id, "text": text, "thread_ts": thread}
        return small.api.answer(token, "chat.postMessage", given)["ts"]

    first = say("first")
    for number in range(2_000):
        say(f"m{number}")
    for number in range(2_000):
        say(f"r{number}", first)
    looked: list[str] = []

    class Watched(list[Any]):
        def __reversed__(self) -> Any:
            for each in super().__reversed__():
                looked.append(each.ts)
                yield each

    general.top = Watched(general.top)
    page = small.api.answer(token, "conversations.history", {"channel": general.id, "limit": "10"})
    assert [each["text"] for each in page["messages"]] == [f"m{number}" for number in range(1999, 1989, -1)]
    assert len(looked) == 11 and len(general.within(first)) == 2_000


async def test_calls_without_http(small: Small) -> None:
    general = small.channel("general")
    sent = await small.api.call(small.at.token, "chat.postMessage", {"channel": general.id, "text": "x"})
    assert general.messages[sent["ts"]].text == "x"
    with pytest.raises(SlackError) as no:
        await small.api.call("", "auth.test")
    assert no.value.code == "not_authed"

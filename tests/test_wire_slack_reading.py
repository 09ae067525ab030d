"""The fake Slack's Web API through slack_sdk over real HTTP: conversations, people, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.wire.slack_small import Small, refused, small_slack


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


async def test_opening_conversations(small: Small) -> None:
    client = small.client()
    people = [small.person(f"p{number}") for number in range(9)]
    ids = [each.id for each in people]
    room = await client.conversations_open(users=ids[:3])
    again = await client.conversations_open(users=list(reversed(ids[:3])), return_im=True)
    assert room["channel"]["id"] == again["channel"]["id"] and again["already_open"]
    assert again["channel"]["is_mpim"] and again["channel"]["is_private"]
    assert (await client.conversations_open(channel=room["channel"]["id"]))["no_op"]
    await refused(client.conversations_open(users=ids), "too_many_users")
    await refused(client.api_call("conversations.open"), "users_list_not_supplied")
    await refused(client.conversations_open(users="U0000000000"), "user_not_found")
    await refused(client.conversations_open(users=small.person("r", is_bot=True).id), "cannot_dm_bot")
    await refused(client.conversations_open(users=small.person("left", deleted=True).id), "user_disabled")
    await refused(client.conversations_open(channel="D0000000000"), "channel_not_found")
    general = small.channel("general")
    await refused(client.conversations_open(channel=general.id), "method_not_supported_for_channel_type")


async def test_joining(small: Small) -> None:
    client, away = small.client(), small.channel("away", bot=False)
    assert (await client.conversations_info(channel=away.id))["channel"]["is_member"] is False
    await refused(client.conversations_history(channel=away.id), "not_in_channel")
    assert (await client.conversations_join(channel=away.id))["channel"]["is_member"] is True
    assert (await client.conversations_join(channel=away.id))["warning"] == "already_in_channel"
    assert small.happened == [("joined", away)]
    secret = small.channel("secret", "private", bot=False)
    await refused(client.conversations_join(channel=secret.id), "channel_not_found")
    await refused(client.conversations_info(channel=secret.id), "channel_not_found")
    await refused(client.conversations_members(channel=secret.id), "channel_not_found")
    await refused(client.conversations_history(channel=secret.id), "channel_not_found")
    await refused(client.conversations_join(channel=small.channel("old", archived=True).id), "is_archived")
    direct = small.at.direct(small.person("ada").id)
    await refused(client.conversations_join(channel=direct.id), "method_not_supported_for_channel_type")


async def test_page_by_page(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    general.members.update(small.person(f"p{number}").id for number in range(24))
    got: list[str] = []
    page = await client.conversations_members(channel=general.id, limit=10)
    async for each in page:
        assert len(each["members"]) <= 10
        got += each["members"]
    assert sorted(got) == sorted(general.members)
    for number in range(12):
        await client.chat_postMessage(channel=general.id, text=f"m{number}")
    first = general.within()[0].ts
    for number in range(7):
        await client.chat_postMessage(channel=general.id, text=f"r{number}", thread_ts=first)
    texts = [
        m["text"]
        async for each in await client.conversations_history(channel=general.id, limit=5)
        for m in each["messages"]
    ]
    assert texts == [f"m{number}" for number in range(11, -1, -1)]
    paged = await client.conversations_replies(channel=general.id, ts=first, limit=3)
    assert paged["has_more"]
    replies = [m["text"] async for each in paged for m in each["messages"] if m["ts"] != first]
    assert replies == [f"r{number}" for number in range(7)]
    for what in (client.conversations_history, client.conversations_members):
        await refused(what(channel=general.id, cursor="x"), "invalid_cursor")
        await refused(what(channel=general.id, limit=5000), "invalid_limit")


async def test_a_span_of_time(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    sent = [(await client.chat_postMessage(channel=general.id, text=f"m{n}"))["ts"] for n in range(5)]

    async def texts(**more: Any) -> list[str]:
        answer = await client.conversations_history(channel=general.id, **more)
        return [each["text"] for each in answer["messages"]]

    assert await texts(oldest=sent[1], latest=sent[3]) == ["m2"]
    assert await texts(oldest=sent[1], latest=sent[3], inclusive=True) == ["m3", "m2", "m1"]
    assert await texts(oldest=sent[2]) == ["m4", "m3"]
    await refused(client.conversations_history(channel=general.id, oldest="x"), "invalid_ts_oldest")
    await refused(client.conversations_history(channel=general.id, latest="x"), "invalid_ts_latest")


async def test_listing_conversations(small: Small) -> None:
    client = small.client()
    small.channel("general")
    small.channel("away", bot=False)
    small.channel("old", archived=True)
    small.channel("secret", "private")
    small.channel("hidden", "private", bot=False)

    async def names(method: str, **params: Any) -> list[str]:
        answer = await client.api_call(method, params=params)
        return [each["name"] for each in answer["channels"]]

    everything = {"types": "public_channel,private_channel"}
    assert await names("conversations.list", exclude_archived="true") == ["general", "away"]
    assert await names("conversations.list", **everything) == ["general", "away", "old", "secret"]
    assert await names("users.conversations", **everything) == ["general", "old", "secret"]
    await refused(client.conversations_list(types="voice"), "invalid_types")


async def test_people(small: Small) -> None:
    client = small.client()
    ada = small.person("ada", zone="Europe/Berlin", locale="de-DE", is_admin=True)
    user = (await client.users_info(user=ada.id))["user"]
    assert user["tz"] == "Europe/Berlin" and user["tz_offset"] == 3600 and user["is_admin"]
    assert user["profile"]["display_name"] == "Ada" and "locale" not in user
    assert (await client.users_info(user=ada.id, include_locale=True))["user"]["locale"] == "de-DE"
    await refused(client.users_info(user="U0000000000"), "user_not_found")
    left = small.person("left", deleted=True)
    assert (await client.users_info(user=left.id))["user"]["deleted"]
    await refused(small.client("xoxb-2").users_info(user=ada.id), "user_not_found")


async def test_do_not_disturb(small: Small) -> None:
    client, ada, bo = small.client(), small.person("ada"), small.person("bo")
    ada.quiet = (1_772_488_800, 1_772_521_200)
    said = await client.dnd_info(user=ada.id)
    assert said["dnd_enabled"] and said["next_dnd_start_ts"] == 1_772_488_800
    assert not (await client.dnd_info(user=bo.id))["dnd_enabled"]
    both = (await client.dnd_teamInfo(users=[ada.id, bo.id]))["users"]
    assert both[ada.id]["dnd_enabled"] and not both[bo.id]["dnd_enabled"]
    await refused(client.dnd_info(user="U0000000000"), "user_not_found")
    await refused(client.dnd_teamInfo(users=["U1"] * 51), "too_many_users")

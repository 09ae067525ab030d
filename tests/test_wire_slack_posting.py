"""The fake Slack's Web API through slack_sdk over real HTTP: posting, changing, deleting, every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.wire.slack_model import Json
from tests.wire.slack_small import Small, refused, section, small_slack


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


async def test_posting_and_reading_back(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    sent = await client.chat_postMessage(channel=general.id, text="A no", blocks=[section("A no")])
    (post,) = general.within()
    assert sent["channel"] == general.id and sent["ts"] == post.ts
    assert sent["message"]["bot_id"] == small.at.bot_id and sent["message"]["blocks"][0]["block_id"]
    reply = await client.chat_postMessage(channel=general.id, text="There", thread_ts=post.ts)
    assert [each.text for each in general.within(post.ts)] == ["There"]
    history = await client.conversations_history(channel=general.id)
    (shown,) = history["messages"]
    assert shown["text"] == "A no" and shown["reply_count"] == 1 and shown["latest_reply"] == reply["ts"]
    thread = await client.conversations_replies(channel=general.id, ts=post.ts)
    assert [each["text"] for each in thread["messages"]] == ["A no", "There"]
    assert thread["messages"][1]["parent_user_id"] == small.at.bot.id
    link = await client.chat_getPermalink(channel=general.id, message_ts=post.ts)
    assert link["permalink"] == f"https://acme.slack.com/archives/{general.id}/p{post.ts.replace('.', '')}"
    await refused(client.chat_getPermalink(channel=general.id, message_ts="1.1"), "message_not_found")
    assert [what for what, _ in small.happened] == ["message", "message"]


async def test_a_person_is_written_to_by_their_id(small: Small) -> None:
    ada, client = small.person("ada"), small.client()
    first = await client.chat_postMessage(channel=ada.id, text="Hello")
    again = await client.chat_postMessage(channel=ada.id, text="Hello again")
    opened = await client.conversations_open(users=ada.id)
    assert first["channel"][0] == "D" and first["channel"] == again["channel"] == opened["channel"]["id"]
    assert [each.text for each in small.at.direct(ada.id).within()] == ["Hello", "Hello again"]


async def test_where_nothing_can_be_posted(small: Small) -> None:
    client = small.client()

    async def no(channel: str, code: str, **more: Any) -> None:
        await refused(client.chat_postMessage(channel=channel, text="x", **more), code)

    await no("C0000000000", "channel_not_found")
    await no("#general", "channel_not_found")
    await no("U0000000000", "channel_not_found")
    await no(small.channel("gone", deleted=True).id, "channel_not_found")
    await no(small.channel("secret", "private", bot=False).id, "channel_not_found")
    await no(small.channel("old", archived=True).id, "is_archived")
    await no(small.channel("news", read_only=True).id, "restricted_action")
    away = small.channel("away", bot=False)
    await no(away.id, "not_in_channel")
    small.at.scopes.add("chat:write.public")
    await client.chat_postMessage(channel=away.id, text="x")
    await no(small.person("robot", is_bot=True).id, "cannot_dm_bot")
    closed = small.person("closed", takes_messages=False)
    await no(closed.id, "cannot_dm_bot")
    await no(small.at.direct(closed.id).id, "cannot_dm_bot")
    ada = small.person("ada")
    direct = small.at.direct(ada.id)
    small.at.messages_tab = False
    await no(ada.id, "messages_tab_disabled")
    await no(direct.id, "messages_tab_disabled")
    await refused(small.client("xoxb-2").chat_postMessage(channel=away.id, text="x"), "channel_not_found")
    await refused(client.api_call("chat.postMessage", json={"text": "x"}), "invalid_arguments")


async def test_threads_that_are_none(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    top = (await client.chat_postMessage(channel=general.id, text="top"))["ts"]
    reply = (await client.chat_postMessage(channel=general.id, text="in", thread_ts=top))["ts"]
    for ts in ("1.1", "x", reply):
        asked = client.chat_postMessage(channel=general.id, text="x", thread_ts=ts)
        await refused(asked, "thread_not_found")
    await refused(client.conversations_replies(channel=general.id, ts="1.1"), "thread_not_found")
    await client.chat_delete(channel=general.id, ts=top)
    assert (await client.chat_postMessage(channel=general.id, text="still", thread_ts=top))["ok"]
    (tomb,) = (await client.conversations_history(channel=general.id))["messages"]
    assert tomb["subtype"] == "tombstone" and tomb["reply_count"] == 2
    alone = (await client.chat_postMessage(channel=general.id, text="alone"))["ts"]
    await client.chat_delete(channel=general.id, ts=alone)
    await refused(client.chat_postMessage(channel=general.id, text="x", thread_ts=alone), "thread_not_found")


async def test_a_reply_that_the_channel_shows_too(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    top = (await client.chat_postMessage(channel=general.id, text="top"))["ts"]
    await client.chat_postMessage(channel=general.id, text="both", thread_ts=top, reply_broadcast=True)
    shown = (await client.conversations_history(channel=general.id))["messages"]
    assert [(each["text"], each.get("subtype")) for each in shown] == [
        ("both", "thread_broadcast"),
        ("top", None),
    ]


async def test_texts_and_blocks_are_limited(small: Small) -> None:
    general, client = small.channel("general"), small.client()

    async def no(code: str, **more: Any) -> Json:
        asked = client.api_call("chat.postMessage", json={"channel": general.id} | more)
        return await refused(asked, code)

    await client.chat_postMessage(channel=general.id, text="x" * 40_000)
    await no("msg_too_long", text="x" * 40_001)
    await no("no_text")
    await no("no_text", text="  ", blocks=[])
    await no("invalid_blocks_format", text="x", blocks={"type": "divider"})
    await no("invalid_blocks_format", text="x", blocks="[")
    wrong = await no("invalid_blocks", text="x", blocks=[section("")])
    where = "must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    assert wrong["errors"] == [where] and wrong["response_metadata"] == {"messages": [f"[ERROR] {where}"]}
    await no("msg_blocks_too_long", text="x", blocks=[section("x" * 2600) for _ in range(4)])
    assert len(general.within()) == 1, "what is refused is not there"


async def test_metadata_is_kept_and_told_only_when_asked(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    data = {"event_type": "bounceback", "event_payload": {"key": "k-1"}}
    sent = await client.chat_postMessage(channel=general.id, text="x", metadata=data)
    plain = await client.conversations_history(channel=general.id)
    assert "metadata" not in plain["messages"][0]
    told = await client.conversations_history(channel=general.id, include_all_metadata=True)
    assert told["messages"][0]["metadata"] == data
    thread = await client.conversations_replies(channel=general.id, ts=sent["ts"], include_all_metadata=True)
    assert thread["messages"][0]["metadata"] == data
    await client.chat_update(channel=general.id, ts=sent["ts"], text="y")
    assert general.messages[sent["ts"]].metadata == data, "what is not given stays"
    await client.chat_update(channel=general.id, ts=sent["ts"], text="y", metadata={})
    assert general.messages[sent["ts"]].metadata is None
    bad: list[Any] = [
        [],
        {"event_type": "x"},
        {"event_type": "", "event_payload": {}},
        {"event_type": "with spaces", "event_payload": {}},
        {"event_type": "x", "event_payload": []},
        {"event_type": "x", "event_payload": {}, "more": 1},
    ]
    for each in bad:
        asked = client.api_call(
            "chat.postMessage", json={"channel": general.id, "text": "x", "metadata": each}
        )
        await refused(asked, "invalid_metadata_format")
    long = {"event_type": "x", "event_payload": {"long": "x" * 8_000}}
    await refused(client.chat_postMessage(channel=general.id, text="x", metadata=long), "metadata_too_large")


async def test_changing_and_deleting(small: Small) -> None:
    general, client = small.channel("general"), small.client()
    sent = (await client.chat_postMessage(channel=general.id, text="a", blocks=[section("a")]))["ts"]
    message = general.messages[sent]
    await client.chat_update(channel=general.id, ts=sent, text="b")
    assert message.text == "b" and message.blocks == [], "a text alone takes the blocks away"
    await client.chat_update(channel=general.id, ts=sent, text="c", blocks=[section("c")])
    assert message.blocks[0]["text"]["text"] == "c" and message.edited
    await client.chat_update(channel=general.id, ts=sent, text="d", blocks=[])
    assert message.text == "d" and message.blocks == []
    await refused(client.api_call("chat.update", json={"channel": general.id, "ts": sent}), "no_text")
    await refused(client.chat_update(channel=general.id, ts="1.1", text="x"), "message_not_found")
    await refused(client.chat_update(channel="C0000000000", ts=sent, text="x"), "channel_not_found")
    ada = small.person("ada")
    theirs = small.at.direct(ada.id)
    await client.chat_postMessage(channel=theirs.id, text="x")
    mine = theirs.within()[0]
    mine.user = ada.id
    await refused(client.chat_update(channel=theirs.id, ts=mine.ts, text="x"), "cant_update_message")
    await refused(client.chat_delete(channel=theirs.id, ts=mine.ts), "cant_delete_message")
    await refused(client.chat_update(channel=ada.id, ts=mine.ts, text="x"), "channel_not_found")
    await client.chat_delete(channel=general.id, ts=sent)
    assert general.within() == []
    await refused(client.chat_delete(channel=general.id, ts=sent), "message_not_found")
    await refused(client.chat_update(channel=general.id, ts=sent, text="x"), "message_not_found")
    again = (await client.chat_postMessage(channel=general.id, text="a"))["ts"]
    general.archived = True
    await refused(client.chat_update(channel=general.id, ts=again, text="x"), "is_archived")


async def test_what_only_one_person_sees(small: Small) -> None:
    general, client, ada = small.channel("general"), small.client(), small.person("ada")
    await refused(client.chat_postEphemeral(channel=general.id, user=ada.id, text="x"), "user_not_in_channel")
    await refused(client.chat_postEphemeral(channel=general.id, user="U1", text="x"), "user_not_in_channel")
    general.members.add(ada.id)
    sent = await client.chat_postEphemeral(channel=general.id, user=ada.id, text="only you")
    (message,) = ada.private
    assert message.text == "only you" and message.ts == sent["message_ts"] and general.within() == []
    assert (await client.conversations_history(channel=general.id))["messages"] == []
    await refused(client.chat_update(channel=general.id, ts=message.ts, text="x"), "message_not_found")
    bare = client.api_call("chat.postEphemeral", json={"channel": general.id, "user": ada.id})
    await refused(bare, "no_text")
    away = small.channel("away", bot=False)
    away.members.add(ada.id)
    await refused(client.chat_postEphemeral(channel=away.id, user=ada.id, text="x"), "not_in_channel")
    general.archived = True
    await refused(client.chat_postEphemeral(channel=general.id, user=ada.id, text="x"), "is_archived")


async def test_what_one_person_sees_in_a_thread_needs_a_reply_there(small: Small) -> None:
    general, client, ada = small.channel("general"), small.client(), small.person("ada")
    general.members.add(ada.id)
    top = (await client.chat_postMessage(channel=general.id, text="top"))["ts"]
    given = {"channel": general.id, "user": ada.id, "thread_ts": top}
    assert (await client.chat_postEphemeral(**given, text="lost"))["ok"]
    assert ada.private == [], "Slack says ok, and nobody sees it"
    await client.chat_postMessage(channel=general.id, text="reply", thread_ts=top)
    await client.chat_postEphemeral(**given, text="seen")
    assert [(each.text, each.thread) for each in ada.private] == [("seen", top)]
    await refused(client.chat_postEphemeral(**given | {"thread_ts": "1.1"}, text="x"), "thread_not_found")

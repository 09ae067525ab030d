"""The fake Slack through a plain slack-bolt: conversations, Socket Mode that comes and goes, HTTP mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.clock import FakeClock
from tests.wire.slack import FakeSlack, NotPossible, read
from tests.wire.slack_bolt_app import SHARE, Bot, card, http_mode, options, plain, socket_mode
from tests.wire.slack_model import Json
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


# --- conversations -------------------------------------------------------------------------------


async def converse(fake: FakeSlack, bot: Bot) -> None:
    """A command, a form, a private card, a press: the same in Socket Mode and by HTTP."""
    ada, support = fake.person("ada", "Ada"), fake.channel("support")
    exchange = await fake.command(ada, support, "/rejected", "by  somebody ")
    view = await exchange.view()
    assert view.data["callback_id"] == "share" and ada.stack == [view]
    assert await exchange.acked() > 0 and not exchange.failed
    exchange = await fake.submit(ada, {"stage": "offer", "where": "Acme", "wish": ["ideas"]})
    message = await exchange.reply()
    await exchange.acked()
    assert read(message) == "Thank you\n[more:1]"
    assert ada.stack == [] and view.closed
    assert fake.messages(support) == [], "nobody else sees it"
    pressed = await fake.press(ada, message, "more:1")
    assert await pressed.edit() is message and await pressed.reply() is message
    assert read(message) == "More of it\n[again]"
    assert (await (await fake.press(ada, message, "again")).view()).data["callback_id"] == "share"
    await fake.quiet()


async def test_a_conversation_in_socket_mode(fake: FakeSlack, bot: Bot) -> None:
    await converse(fake, bot)
    assert fake.sockets.counts.strange_acks == 0


async def test_a_conversation_by_http(fake: FakeSlack) -> None:
    async with http_mode(fake) as bot:
        await converse(fake, bot)
        assert {post.status for post in fake.posts.sent} == {200}


async def test_what_a_command_is(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support", "private")
    fake.join(support, ada)
    exchange = await fake.command(ada, support, "/rejected", " some <words> & more ")
    await exchange.acked()
    (body,) = bot.of("command")
    assert body == {
        "token": "fake-verification-token",
        "team_id": fake.workspace.id,
        "team_domain": "acme",
        "channel_id": support.id,
        "channel_name": "privategroup",
        "user_id": ada.id,
        "user_name": "ada",
        "command": "/rejected",
        "text": "some &lt;words&gt; &amp; more",
        "api_app_id": fake.app_id,
        "is_enterprise_install": "false",
        "response_url": body["response_url"],
        "trigger_id": exchange.trigger,
    }
    assert body["response_url"].startswith(f"{fake.base}/commands/{fake.workspace.id}/")


async def test_a_command_may_be_answered_by_its_ack(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    message = await (await fake.command(ada, None, "/hello")).reply()
    assert message.text == "Hello yourself" and message.only_for == ada.id
    assert bot.of("command")[0]["channel_name"] == "directmessage"


async def test_the_values_of_a_form_have_their_true_shapes(fake: FakeSlack, bot: Bot) -> None:
    ada, bob, support = fake.person("ada"), fake.person("bob"), fake.channel("support")
    view = await (await fake.command(ada, support, "/rejected")).view()
    values: Json = {"stage": "offer", "day": "2026-03-09", "who": bob, "room": support, "wish": ["listen"]}
    await (await fake.submit(ada, values)).acked()
    (body,) = bot.of("view_submission")
    assert body["view"]["state"]["values"] == {
        "where": {"value": {"type": "plain_text_input", "value": None}},
        "stage": {
            "value": {
                "type": "static_select",
                "selected_option": {"text": plain("Offer") | {"emoji": True}, "value": "offer"},
            }
        },
        "day": {"value": {"type": "datepicker", "selected_date": "2026-03-09"}},
        "hour": {"value": {"type": "timepicker", "selected_time": "09:30"}},
        "who": {"value": {"type": "users_select", "selected_user": bob.id}},
        "room": {"value": {"type": "channels_select", "selected_channel": support.id}},
        "wish": {
            "value": {
                "type": "checkboxes",
                "selected_options": [{"text": plain("Listen") | {"emoji": True}, "value": "listen"}],
            }
        },
    }
    shown = body["view"]
    assert (shown["id"], shown["root_view_id"], shown["previous_view_id"]) == (view.id, view.id, None)
    assert shown["private_metadata"] == "from a test" and shown["hash"] == view.hash
    assert body["response_urls"] == [] and body["team"] == {"id": fake.workspace.id, "domain": "acme"}
    assert body["user"] == {"id": ada.id, "username": "ada", "name": "ada", "team_id": fake.workspace.id}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "stage is required"),
        ({"stage": "hired"}, "has no 'hired'"),
        ({"stage": "offer", "where": "x" * 81}, "takes 80 characters"),
        ({"stage": "offer", "where": "two\nlines"}, "one line"),
        ({"stage": "offer", "day": "soon"}, "takes a date"),
        ({"stage": "offer", "hour": "25:00"}, "takes a time"),
        ({"stage": "offer", "who": "U404"}, "offers no U404"),
        ({"stage": "offer", "wish": ["peace"]}, "has no"),
        ({"stage": "offer", "colour": "red"}, "the form has no colour"),
    ],
)
async def test_a_client_hands_in_no_wrong_form(fake: FakeSlack, bot: Bot, values: Json, why: str) -> None:
    ada = fake.person("ada")
    await (await fake.command(ada, None, "/rejected")).view()
    with pytest.raises(NotPossible, match=why):
        await fake.submit(ada, values)
    assert bot.of("view_submission") == []


async def test_errors_stand_beside_the_inputs_and_what_was_filled_in_stays(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    view = await (await fake.command(ada, None, "/rejected")).view()
    bot.answer = {"response_action": "errors", "errors": {"where": "Where, please"}}
    exchange = await fake.submit(ada, {"stage": "offer"})
    await exchange.acked()
    assert exchange.errors == view.errors == {"where": "Where, please"} and ada.stack == [view]
    bot.answer = {}
    message = await (await fake.submit(ada, {"where": "Acme"})).reply()
    assert message.text == "Thank you"
    values = bot.of("view_submission")[-1]["view"]["state"]["values"]
    assert values["stage"]["value"]["selected_option"]["value"] == "offer"


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "?"}},
        {"response_action": "errors", "errors": {"where": ""}},
        {"response_action": "update", "view": {"type": "modal"}},
    ],
)
async def test_an_answer_that_slack_does_not_take_is_trouble(fake: FakeSlack, bot: Bot, answer: Json) -> None:
    ada = fake.person("ada")
    view = await (await fake.command(ada, None, "/rejected")).view()
    bot.answer = answer
    exchange = await fake.submit(ada, {"stage": "offer"})
    await exchange.settled()
    assert exchange.failed and "trouble connecting" in exchange.trouble and ada.stack == [view]


async def test_update_push_and_clear(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    view = await (await fake.command(ada, None, "/rejected")).view()
    bot.answer = {"response_action": "update", "view": SHARE | {"title": plain("Once more")}}
    assert await (await fake.submit(ada, {"stage": "offer"})).view() is view
    assert view.data["title"]["text"] == "Once more"
    bot.answer = {"response_action": "push", "view": SHARE | {"title": plain("On top")}}
    pushed = await (await fake.submit(ada)).view()
    assert ada.stack == [view, pushed] and (pushed.previous, pushed.root) == (view.id, view.id)
    with pytest.raises(NotPossible, match="not on top"):
        await fake.submit(ada, view=view)
    bot.answer = {"response_action": "clear"}
    await (await fake.submit(ada, {"stage": "offer"})).acked()
    assert ada.stack == []


async def test_closing_is_told_when_asked_for(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    view = await (await fake.command(ada, None, "/rejected")).view()
    exchange = await fake.close(ada)
    assert exchange is not None
    await exchange.acked()
    (body,) = bot.of("view_closed")
    assert body["view"]["id"] == view.id and body["is_cleared"] is False and "trigger_id" not in body
    with pytest.raises(NotPossible, match="no modal"):
        await fake.close(ada)


async def test_what_a_press_is(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    first = await bot.client.chat_postMessage(channel=support.id, text="Hi", blocks=card("Hi", "again"))
    where: Json = {"channel": support.id, "thread_ts": first["ts"]}
    await bot.client.chat_postMessage(**where, text="There", blocks=card("There", "more:1"))
    (reply,) = fake.messages(support, thread=str(first["ts"]))
    await (await fake.press(ada, reply, "more:1")).acked()
    (body,) = bot.of("block_actions")
    assert body["container"] == {
        "type": "message",
        "message_ts": reply.ts,
        "channel_id": support.id,
        "is_ephemeral": False,
        "thread_ts": first["ts"],
    }
    assert body["channel"] == {"id": support.id, "name": "support"}
    assert body["message"]["parent_user_id"] == fake.workspace.bot.id
    assert body["state"] == {"values": {}} and body["response_url"].startswith(f"{fake.base}/actions/")
    (action,) = body["actions"]
    assert action == {
        "type": "button",
        "action_id": "more:1",
        "block_id": "buttons",
        "text": plain("more:1") | {"emoji": True},
        "action_ts": action["action_ts"],
    }


async def test_what_is_chosen_in_a_message_is_in_its_state(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    select: Json = {"type": "static_select", "action_id": "choose", "options": options("one", "two")}
    blocks: list[Json] = [{"type": "actions", "block_id": "b", "elements": [select]}, *card("Go", "again")]
    await bot.client.chat_postMessage(channel=support.id, text="Choose", blocks=blocks)
    (message,) = fake.messages(support)
    await (await fake.press(ada, message, "choose", "two")).acked()
    await (await fake.press(ada, message, "again")).acked()
    chosen, pressed = bot.of("block_actions")
    assert chosen["actions"][0]["selected_option"]["value"] == "two"
    assert pressed["state"]["values"]["b"]["choose"]["selected_option"]["value"] == "two"
    with pytest.raises(NotPossible, match="has no 'three'"):
        await fake.press(ada, message, "choose", "three")


async def test_an_ephemeral_is_one_persons(fake: FakeSlack, bot: Bot) -> None:
    ada, bob, support = fake.person("ada"), fake.person("bob"), fake.channel("support")
    exchange = await fake.command(ada, support, "/rejected")
    await bot.client.chat_postEphemeral(
        channel=support.id, user=ada.id, text="Psst", blocks=card("Psst", "more:1")
    )
    message = await exchange.reply()
    assert fake.ephemerals(ada) == [message] and fake.messages(support) == []
    with pytest.raises(NotPossible, match="does not see"):
        await fake.press(bob, message, "more:1")
    await (await fake.press(ada, message, "more:1")).edit()
    body = bot.of("block_actions")[0]
    assert body["container"]["is_ephemeral"] and "message" not in body
    with pytest.raises(NotPossible, match=r"more:1 is not among \['again'\]"):
        await fake.press(ada, message, "more:1")


async def test_shortcuts(fake: FakeSlack, bot: Bot) -> None:
    ada, support = fake.person("ada"), fake.channel("support")
    await (await fake.shortcut(ada, "shortcut:rejected")).view()
    (body,) = bot.of("shortcut")
    assert set(body) == {
        *("type", "token", "action_ts", "team", "user", "callback_id", "trigger_id"),
        *("enterprise", "is_enterprise_install"),
    }
    said = await fake.say(ada, support, "A no again")
    exchange = await fake.message_shortcut(ada, said, "message:encourage")
    message = await exchange.reply()
    assert message.only_for == ada.id and message.channel is support
    (body,) = bot.of("message_action")
    assert body["message"]["text"] == "A no again" and body["message_ts"] == said.ts
    assert body["response_url"].startswith(f"{fake.base}/app/")


async def test_app_home(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    with pytest.raises(NothingHappened):
        fake.home(ada)
    home = await (await fake.open_home(ada)).home()
    assert read(home) == "Welcome home\n[again]"
    exchange = await fake.press(ada, home, "again")
    assert (await exchange.view()).data["callback_id"] == "share"
    (body,) = bot.of("block_actions")
    assert body["container"] == {"type": "view", "view_id": home.id}
    assert "response_url" not in body and "channel" not in body and body["view"]["type"] == "home"
    await fake.open_home(ada)
    await fake.quiet()
    first, second = bot.of("app_home_opened")
    assert first["event"]["tab"] == "home" and "view" not in first["event"]
    assert second["event"]["view"]["id"] == home.id
    assert second["authorizations"][0]["user_id"] == fake.workspace.bot.id


async def test_messages_are_told_where_the_app_is_and_asked_for_them(fake: FakeSlack, bot: Bot) -> None:
    ada, support, other = fake.person("ada"), fake.channel("support"), fake.channel("other", bot=False)
    post = await bot.client.chat_postMessage(channel=support.id, text="A post")
    said = await fake.say(ada, support, "An answer", thread=str(post["ts"]))
    await fake.say(ada, other, "Not for the app")
    fake.events.discard("message.im")
    await fake.say(ada, None, "Not asked for")
    await fake.quiet()
    (body,) = [each for each in bot.of("message") if each["event"]["user"] == ada.id]
    event = body["event"]
    assert body["event_id"] == said.raw["event_id"] and body["type"] == "event_callback"
    assert (event["text"], event["thread_ts"]) == ("An answer", post["ts"])
    assert event["parent_user_id"] == fake.workspace.bot.id and event["channel_type"] == "channel"
    assert event["client_msg_id"] and event["channel"] == support.id


async def test_words_to_the_app_are_told_to_who_asked_and_may_read_them(fake: FakeSlack, bot: Bot) -> None:
    ada = fake.person("ada")
    said = await fake.say(ada, None, "Hello?")
    fake.workspace.scopes.discard("im:history")
    await fake.say(ada, None, "Not for an app without the scope")
    await fake.quiet()
    (body,) = bot.of("message")
    assert body["event_id"] == said.raw["event_id"] and body["event"]["channel_type"] == "im"
    assert body["event"]["channel"] == said.channel.id and "subtype" not in body["event"]

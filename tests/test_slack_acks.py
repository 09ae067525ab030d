"""What Slack is answered, and when: acks, forms, doubled and late deliveries, broken connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.chat import Kind, Message, Place, User
from bot.platforms import slack_answers, slack_socket
from bot.ui import Card
from tests.slack_stage import FORM, Stage, refused, stage, started, unhurried, wrong
from tests.watching import line, until
from tests.wire.slack import FakeSlack, read

pytestmark = pytest.mark.usefixtures("database")  # on both


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


# -- what arrives ----------------------------------------------------------------------------------


async def test_a_command_says_who_where_and_what_was_typed(at: Stage) -> None:
    at.ada.is_admin = True
    exchange = await at.fake.command(at.ada, at.help, "/do", "on 08:30 weekdays")
    reply = await exchange.reply()
    assert reply.only_for == at.ada.id
    (event,) = at.script.events
    team = at.fake.workspace.id
    assert (event.kind, event.name, event.arg) == (Kind.COMMAND, "do", "on 08:30 weekdays")
    assert event.user == User("slack", team, at.ada.id)
    assert event.place == Place("slack", team, at.help.id)
    assert (event.display, event.locale, event.zone) == ("Ada", "de-DE", "Europe/Berlin")
    assert event.is_admin and event.is_moderator


async def test_the_prefix_before_a_command_is_not_part_of_its_name(tmp_path: Path) -> None:
    async with stage(tmp_path, command_prefix="bb-") as at:
        await (await at.fake.command(at.ada, at.help, "/bb-do", "it")).reply()
        assert [(each.name, each.arg) for each in at.script.events] == [("do", "it")]


async def test_a_press_says_which_message_it_sits_on(at: Stage) -> None:
    post = await at.post()
    await (await at.fake.press(at.ada, post, "a.replies:x:y")).reply()
    (event,) = at.script.events
    place = Place("slack", at.fake.workspace.id, at.help.id)
    assert (event.kind, event.name, event.arg, event.place) == (Kind.PRESS, "a.replies", "x:y", place)
    assert event.message == Message(place, post.ts)


async def test_a_press_in_a_thread_says_the_thread_and_is_answered_there(at: Stage) -> None:
    post = await at.post()
    place = Place("slack", at.fake.workspace.id, at.help.id, post.ts)
    await at.chat.post(place, at.script.card, key="within")  # type: ignore[arg-type]
    (inside,) = at.fake.messages(at.help, post.ts)
    reply = await (await at.fake.press(at.ada, inside, "a.replies:x:y")).reply()
    assert reply.thread == post.ts
    assert at.script.events[0].place == place
    await (await at.fake.press(at.ada, post, "a.replies:x:y")).reply()
    assert at.script.events[1].place.thread == ""  # the post that the thread hangs on stands in the channel


async def test_shortcuts_are_commands(at: Stage) -> None:
    post = await at.post()
    await (await at.fake.shortcut(at.ada, "shortcut:form")).view()
    await (await at.fake.message_shortcut(at.ada, post, "message:form")).view()
    anywhere, on_message = at.script.opened
    assert (anywhere.kind, anywhere.name, anywhere.message) == (Kind.COMMAND, "form", None)
    assert on_message.message == Message(Place("slack", at.fake.workspace.id, at.help.id), post.ts)
    await (await at.fake.shortcut(at.ada, "strange")).acked()
    assert len(at.script.opened) == 2


async def test_a_reply_in_a_thread_of_ours_is_noticed_and_not_read(at: Stage) -> None:
    ours = await at.post()
    theirs = await at.fake.say(at.ada, at.help, "a secret")
    await at.fake.say(at.ada, at.help, "another secret", theirs)
    said = await at.fake.say(at.ada, at.help, "the third secret", ours)
    await until(lambda: bool(at.script.events))
    await at.fake.quiet()
    (event,) = at.script.events
    place = Place("slack", at.fake.workspace.id, at.help.id, ours.ts)
    assert (event.kind, event.place, event.message) == (Kind.REPLY, place, Message(place, said.ts))
    assert "secret" not in repr(event)
    assert (event.arg, dict(event.values)) == ("", {})


async def test_words_to_the_bot_are_answered_where_they_were_written_and_not_read(at: Stage) -> None:
    said = await at.fake.say(at.ada, None, "a secret")
    await until(lambda: bool(at.fake.dms(at.ada)))
    await at.fake.quiet()
    (event,), (answer,) = at.script.events, at.fake.dms(at.ada)
    place = Place("slack", at.fake.workspace.id, said.channel.id)
    assert (event.kind, event.name, event.place) == (Kind.DIRECT, "direct", place)
    assert (event.arg, dict(event.values)) == ("", {}) and "secret" not in repr(event)
    assert answer.channel is said.channel and not answer.thread and read(answer).startswith("Done.")
    within = await at.fake.say(at.ada, None, "a secret in the thread of an answer", answer)
    await until(lambda: len(at.fake.dms(at.ada)) + len(at.fake.messages(said.channel, answer.ts)) == 3)
    await at.fake.quiet()
    assert [each.thread for each in at.fake.messages(said.channel, answer.ts)] == [answer.ts] * 2
    assert at.script.events[1].place == replace(place, thread=within.thread)
    assert len(at.script.events) == 2, "what the bot itself wrote there is none"


async def test_what_is_edited_or_deleted_or_written_by_a_bot_is_no_word_to_it(at: Stage) -> None:
    said = await at.fake.say(at.ada, None, "Hello.")
    await until(lambda: bool(at.fake.dms(at.ada)))
    for subtype in ("message_changed", "message_deleted"):
        at.fake.news.changed(at.fake.workspace, said, subtype)
    others = {"type": "message", "channel": said.channel.id, "channel_type": "im", "user": at.ada.id}
    for number, more in enumerate(({"subtype": "channel_topic"}, {"bot_id": "B1"}, {"user": ""})):
        at.fake.event({**others, "ts": f"1000.{number}", **more}, name="message.im")
    picture = {**others, "ts": "1001.1", "subtype": "file_share"}
    at.fake.event(picture, name="message.im")
    await until(lambda: len(at.fake.dms(at.ada)) == 2)
    of_herself = {**others, "ts": "1002.1", "subtype": "me_message"}
    del of_herself["channel_type"]  # Slack's own example of this subtype has none
    at.fake.event(of_herself, name="message.im")
    await until(lambda: len(at.fake.dms(at.ada)) == 3)
    await at.fake.quiet()
    assert len(at.script.events) == 3


async def test_words_delivered_twice_are_answered_once(at: Stage) -> None:
    at.fake.double = 1.0
    await at.fake.say(at.ada, None, "Hello.")
    await at.fake.quiet()
    await until(lambda: bool(at.fake.dms(at.ada)))
    assert len(at.script.events) == 1


async def test_an_answer_to_words_that_slack_did_not_take_is_given_again(at: Stage) -> None:
    at.fake.faults.add("chat.postMessage", 503)
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.fake.dms(at.ada)))
    assert len(at.script.events) == 1


async def test_silence_stays_silence(at: Stage) -> None:
    at.script.card = None
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.script.events))
    await at.fake.quiet()
    assert not at.fake.dms(at.ada)


# -- forms -----------------------------------------------------------------------------------------


async def test_a_form_opens_with_the_words_typed_and_comes_back(at: Stage) -> None:
    view = await (await at.fake.command(at.ada, at.help, "/form", "some words")).view()
    assert view.data["callback_id"] == "a.form"
    handed = await at.fake.submit(at.ada, {"more": "more words"})
    reply = await handed.reply()
    assert reply.only_for == at.ada.id and reply.channel is at.help
    assert at.ada.stack == []
    (event,) = at.script.events
    assert (event.kind, event.name) == (Kind.SUBMIT, "a.form")
    assert event.values == {"words": "some words", "more": "more words"}
    assert event.place == Place("slack", at.fake.workspace.id, at.help.id)


async def test_what_is_wrong_stands_beside_the_fields(at: Stage) -> None:
    await (await at.fake.command(at.ada, at.help, "/form")).view()
    at.script.card = wrong(words="Too short.")
    handed = await at.fake.submit(at.ada, {"words": "a"})
    await handed.acked()
    assert handed.errors == {"words": "Too short."}
    assert len(at.ada.stack) == 1 and not at.fake.ephemerals(at.ada)
    at.script.card = Card("Better.")
    reply = await (await at.fake.submit(at.ada, {"words": "abc"})).reply()
    assert read(reply) == "Better." and at.ada.stack == []


async def test_an_answer_after_the_deadline_is_told_privately(
    at: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_answers, "DEADLINE", 0.01)
    await (await at.fake.command(at.ada, at.help, "/form")).view()
    at.script.hold, at.script.card = asyncio.Event(), wrong(words="Too short.")
    handed = await at.fake.submit(at.ada, {"words": "a"})
    await handed.acked()
    assert at.ada.stack == [] and not handed.messages
    at.script.hold.set()
    reply = await handed.reply()
    assert "Too short." in read(reply) and "[Open it again]" in read(reply)
    await (await at.fake.press(at.ada, reply, "form.again:a.form:")).view()


async def test_a_form_whose_trigger_is_over_gets_a_button_that_opens_it(at: Stage) -> None:
    held = at.fake.hold("views.open", times=1)
    exchange = await at.fake.command(at.ada, at.help, "/form", "typed words")
    await exchange.acked()
    await until(lambda: held.met == 1)
    await at.clock.advance(timedelta(seconds=4))
    at.fake.release(held)
    reply = await exchange.reply()
    assert not at.ada.stack and line("platform-late", "en") in read(reply)
    view = await (await at.fake.press(at.ada, reply, "form.again:a.form:")).view()
    assert view.data["blocks"][0]["element"]["initial_value"] == "typed words"


async def test_what_cannot_be_opened_is_told_privately(at: Stage) -> None:
    post = await at.post()
    reply = await (await at.fake.press(at.ada, post, "a.card:x:y")).reply()
    assert read(reply) == "It cannot be opened." and reply.only_for == at.ada.id


# -- twice -----------------------------------------------------------------------------------------


async def test_what_comes_twice_is_done_once_and_acked_twice(at: Stage) -> None:
    post = await at.post()
    at.fake.double = 1.0
    typed = await at.fake.command(at.ada, at.help, "/do")
    await typed.reply()
    pressed = await at.fake.press(at.ada, post, "a.replies:x:y")
    await pressed.reply()
    await at.fake.say(at.ada, at.help, "hello", post)
    opened = await at.fake.command(at.ada, at.help, "/form")
    await opened.view()
    at.script.card = wrong(words="Too short.")
    handed = await at.fake.submit(at.ada, {"words": "a"})
    await handed.until(lambda: len(handed.acks) == 2)
    assert handed.acks[0] == handed.acks[1] and handed.errors == {"words": "Too short."}
    await until(lambda: "reply" in at.script.names)
    await at.fake.quiet()
    assert sorted(at.script.names) == ["a.form", "a.replies", "do", "reply"]
    assert len(at.script.opened) == 1
    assert len(typed.messages) == len(pressed.messages) == 1


# -- nothing goes unanswered -----------------------------------------------------------------------


async def test_an_error_of_ours_is_acked_and_names_nobody(at: Stage) -> None:
    at.script.error = RuntimeError("a secret")
    with capture_logs() as logs:
        await (await at.fake.command(at.ada, at.help, "/do", "typed")).acked()
        await until(lambda: any(each["event"] == "not answered" for each in logs))
        await (await at.fake.command(at.ada, at.help, "/form")).view()
        handed = await at.fake.submit(at.ada, {"words": "written"})
        await handed.acked()
    assert not handed.failed and at.ada.stack == []
    assert not {"secret", "typed", "written", "Ada"} & set(repr(logs).replace("'", " ").split())


async def test_the_libraries_write_nothing_into_the_log(
    at: Stage, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        await (await at.fake.command(at.ada, at.help, "/do", "unspeakable")).reply()
        await (await at.fake.command(at.ada, at.help, "/form")).view()
        await (await at.fake.submit(at.ada, {"words": "unspeakable"})).acked()
        await (await at.fake.shortcut(at.ada, "strange")).acked()
    said = [each.getMessage() for each in caplog.records if each.name.startswith(("slack", "bounceback"))]
    assert said == []
    assert "unspeakable" not in caplog.text + "".join(capsys.readouterr())


async def test_five_hundred_at_once_are_acked(at: Stage) -> None:
    typed = [await at.fake.command(at.ada, at.help, "/do", str(number)) for number in range(500)]
    for each in typed:
        assert await each.acked(30) < 3
    await until(lambda: len(at.script.events) == 500)


async def test_what_is_unknown_to_us_is_acked(at: Stage) -> None:
    at.fake.events.add("reaction_added")
    event = {"type": "reaction_added", "user": at.ada.id, "reaction": "+1", "item": {}, "event_ts": "1.2"}
    assert at.fake.hands.event(at.fake.workspace, "reaction_added", event)
    await at.fake.quiet()
    assert at.script.events == []


# -- connections -----------------------------------------------------------------------------------


async def test_a_connection_that_slack_replaces_misses_nothing(at: Stage) -> None:
    for number in range(3):
        opened = at.fake.sockets.counts.opened
        at.fake.sockets.disconnect()
        await until(lambda opened=opened: at.fake.sockets.counts.opened > opened)
        await at.fake.ready()
        await (await at.fake.command(at.ada, at.help, "/do", str(number))).reply()
    assert [each.arg for each in at.script.events] == ["0", "1", "2"]


async def test_a_form_handed_in_on_an_old_connection_is_acked_on_it(at: Stage) -> None:
    await (await at.fake.command(at.ada, at.help, "/form")).view()
    at.script.hold = asyncio.Event()
    handed = await at.fake.submit(at.ada, {"words": "abc"})
    await until(lambda: "a.form" in at.script.names)
    at.fake.sockets.disconnect()
    await at.fake.ready()
    at.script.hold.set()
    await handed.acked()
    assert at.ada.stack == []


async def test_a_cut_line_is_opened_again_while_slack_fails_for_a_while(
    at: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_socket, "RETRY_FIRST", 0.01)
    for kind in ("503", "502", "cut_before", "ratelimited"):
        at.fake.faults.add("apps.connections.open", kind, retry_after=0)  # type: ignore[arg-type]
    at.fake.sockets.drop()
    await until(lambda: not at.fake.faults.waiting)
    await at.fake.ready()
    await started(at)
    await (await at.fake.command(at.ada, at.help, "/do")).reply()


async def test_an_event_whose_connection_was_cut_is_done_once(at: Stage) -> None:
    post = await at.post()
    at.fake.sockets.acks_lost = 1.0
    await at.fake.say(at.ada, at.help, "hello", post)
    await until(lambda: at.script.names == ["reply"])
    at.fake.sockets.drop()
    await at.fake.until(lambda: at.fake.sockets.counts.redelivered > 0)
    at.fake.sockets.acks_lost = 0.0
    await at.fake.quiet()
    assert at.script.names == ["reply"]


async def test_what_is_being_answered_when_it_stops_is_answered(at: Stage) -> None:
    at.script.hold = asyncio.Event()
    exchange = await at.fake.command(at.ada, at.help, "/do")
    await until(lambda: bool(at.script.events))
    stopping = asyncio.create_task(at.stop())
    await until(lambda: not at.chat.ready.is_set())
    at.script.hold.set()
    await stopping
    await exchange.reply()


# -- tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["invalid_auth", "not_authed", "account_inactive", "token_revoked"])
async def test_a_refused_bot_token_is_named(tmp_path: Path, code: str) -> None:
    async with FakeSlack() as fake:
        fake.faults.add("auth.test", error=code)
        told = await refused(tmp_path, fake, bot_token=fake.bot_token, app_token=fake.app_token)
    assert "slack.bot_token" in told and code in told


async def test_other_settings_that_lack_or_are_refused_are_named(tmp_path: Path) -> None:
    async with FakeSlack() as fake:
        bot, many = {"bot_token": fake.bot_token}, {"client_id": "1.2", "client_secret": "s"}
        for options, named in (
            (bot | {"app_token": "xapp-wrong"}, "slack.app_token"),
            (bot, "slack.signing_secret"),
            (bot | {"signing_secret": "s"}, "slack.port"),
            ({"app_token": fake.app_token}, "slack.bot_token"),
            (many | {"app_token": fake.app_token, "port": 1}, "slack.public_url"),
        ):
            assert named in await refused(tmp_path, fake, **options)


async def test_a_slack_that_does_not_answer_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.slack.RETRY_FIRST", 0.01)
    fake = unhurried()
    for kind in ("503", "cut_before"):
        fake.faults.add("auth.test", kind)  # type: ignore[arg-type]
    async with stage(tmp_path, fake=fake) as at:
        await (await at.fake.command(at.ada, at.help, "/do")).reply()


async def test_a_workspace_that_ends_is_told_once(tmp_path: Path) -> None:
    ended: list[str] = []

    async def tell(team: str) -> None:
        ended.append(team)

    async with stage(tmp_path, ended=tell) as at:
        tokens = {"type": "tokens_revoked", "tokens": {"oauth": [at.ada.id]}, "event_ts": "1.2"}
        at.fake.hands.event(at.fake.workspace, "tokens_revoked", tokens)  # a person's own token
        at.fake.tell_of_end(at.fake.workspace, uninstalled=True)  # it was installed again since
        await at.fake.quiet()
        await (await at.fake.command(at.ada, at.help, "/do")).reply()
        assert ended == []
        await at.fake.uninstall()  # says so twice
        await at.fake.quiet()
        await until(lambda: bool(ended))
        await at.stop()
        assert ended == [at.fake.workspace.id]


def test_the_form_of_these_tests_is_what_they_say() -> None:
    assert [each.name for each in FORM.fields] == ["words", "more"]

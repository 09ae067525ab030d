"""What Slack documents but seldom sends, and what others who speak its protocol leave out or add."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.chat import Kind, Message, Place, User
from bot.platforms.slack_people import known
from tests.slack_stage import Stage, stage
from tests.watching import until
from tests.wire.slack_lines import Delivery
from tests.wire.slack_posts import FORM, Post

Json = dict[str, Any]


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


def tell(at: Stage, kind: str, payload: Json) -> None:
    at.fake.deliver(Delivery(kind, payload, None))


async def done(at: Stage, number: int = 1) -> None:
    await until(lambda: len(at.script.names) >= number)
    await at.fake.quiet()


def pressed(at: Stage, **more: Any) -> Json:
    """The least that says what somebody pressed."""
    button = {"type": "button", "action_id": "a.replies:x:y", "block_id": "b", "action_ts": "1.1"}
    about = {"type": "block_actions", "team": {"id": at.fake.workspace.id}, "user": {"id": at.ada.id}}
    return about | {"trigger_id": "1.2.three", "actions": [button]} | more


# -- fields that lack ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lacks", ["api_app_id", "channel_name", "trigger_id", "response_url", "text", "token"]
)
async def test_a_command_may_lack_what_it_can_do_without(at: Stage, lacks: str) -> None:
    about = {"team_id": at.fake.workspace.id, "channel_id": at.help.id, "channel_name": "help"}
    payload = about | {
        "command": "/do",
        "text": "it",
        "user_id": at.ada.id,
        "api_app_id": at.fake.app_id,
        "trigger_id": "1.2.three",
        "token": "t",
    }
    payload.pop(lacks, None)
    for _ in range(2):  # delivered twice, done once
        tell(at, "slash_commands", payload)
    await done(at)
    assert at.script.names == ["do"]
    await until(lambda: bool(at.fake.dms(at.ada)))  # it has no other way to her
    assert at.script.events[0].place == Place("slack", at.fake.workspace.id, at.help.id)


async def test_two_commands_without_a_trigger_are_two(at: Stage) -> None:
    payload = {"team_id": at.fake.workspace.id, "channel_id": at.help.id, "user_id": at.ada.id}
    for words in ("one", "two"):
        tell(at, "slash_commands", payload | {"command": "/do", "text": words})
    await done(at, 2)
    assert sorted(each.arg for each in at.script.events) == ["one", "two"]


async def test_a_press_without_its_container_is_one_on_its_message(at: Stage) -> None:
    post = await at.post()
    shown = {"ts": post.ts, "thread_ts": post.ts}
    tell(at, "interactive", pressed(at, channel={"id": at.help.id}, message=shown))
    await done(at)
    place = Place("slack", at.fake.workspace.id, at.help.id)
    assert at.script.events[0].message == Message(place, post.ts)
    assert not at.fake.messages(at.help)[-1].edited


async def test_a_press_without_its_container_is_one_on_its_view(at: Stage) -> None:
    tell(at, "interactive", pressed(at, view={"id": "V1", "type": "home"}))
    await done(at)
    assert at.script.events[0].place.channel == ""


async def test_a_press_on_an_ephemeral_of_which_only_the_container_is_known(at: Stage) -> None:
    on = {"type": "message", "channel_id": at.help.id, "message_ts": "1.5", "is_ephemeral": True}
    tell(at, "interactive", pressed(at, container=on))
    await done(at)
    assert at.script.events[0].message is not None


@pytest.mark.parametrize(
    "whose",
    [
        lambda team: {"team": None, "enterprise": {"id": "E1"}, "user": {"team_id": team}},
        lambda team: {"team": team},
        lambda team: {"team": None, "team_id": team},
        lambda team: {"team": None, "user": {}, "view": {"team_id": team}},
        lambda team: {"team": {"id": "T0STRANGE"}, "view": {"app_installed_team_id": team}},
    ],
)
async def test_whose_workspace_it_is_may_be_said_elsewhere(at: Stage, whose: Callable[[str], Json]) -> None:
    team = at.fake.workspace.id
    told = whose(team)
    told |= {"user": {"id": at.ada.id, **told.get("user", {})}, "is_enterprise_install": True}
    view = {"id": "V1", "callback_id": "a.form", "state": {"values": {"words": {"value": {"value": "w"}}}}}
    payload = {"type": "view_submission", **told, "view": view | told.get("view", {})}
    tell(at, "interactive", payload)
    await done(at)
    assert at.script.events[0].user == User("slack", team, at.ada.id)
    assert at.script.events[0].values == {"words": "w"}


# -- other organisations, in shared channels -----------------------------------------------------------


async def test_an_event_of_a_shared_channel_is_of_the_workspace_with_the_bot(at: Stage) -> None:
    post, team = await at.post(), at.fake.workspace
    said = {"type": "message", "user": at.ada.id, "ts": "1000.1", "channel": at.help.id, "text": "hi"}
    said |= {"thread_ts": post.ts, "parent_user_id": team.bot.id, "user_team": "T0STRANGE"}
    mine = {"team_id": team.id, "user_id": team.bot.id, "is_bot": True, "is_enterprise_install": False}
    payload = {"type": "event_callback", "team_id": "T0STRANGE", "event_id": "Ev1", "event": said}
    tell(at, "events_api", payload | {"authorizations": [mine], "is_ext_shared_channel": True})
    await done(at)
    assert at.script.events[0].user.community == team.id


@pytest.mark.parametrize(
    ("more", "rights"),
    [
        ({}, True),
        ({"team_id": "T1"}, True),
        ({"team_id": "E1"}, True),
        ({"team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}}, True),
        ({"team_id": "T2"}, False),
        ({"team_id": "T2", "is_stranger": True}, False),
        ({"is_stranger": True}, False),
    ],
)
def test_admins_of_other_organisations_are_none_here(more: Json, rights: bool) -> None:
    assert known({"name": "ada", "is_admin": True, **more}, "T1").is_admin is rights


# -- events ------------------------------------------------------------------------------------------


async def test_a_reply_whose_parents_author_is_not_told_is_looked_at(at: Stage) -> None:
    post, team = await at.post(), at.fake.workspace
    said = {"type": "message", "user": at.ada.id, "ts": "1000.1", "channel": at.help.id, "text": "secret"}
    about = {"type": "event_callback", "team_id": team.id}
    tell(at, "events_api", about | {"event": said})  # in no thread
    tell(at, "events_api", about | {"event": said | {"thread_ts": "1000.1"}})  # opens one
    for _ in range(2):  # without an event_id too, once
        tell(at, "events_api", about | {"event": said | {"thread_ts": post.ts}})
    await done(at)
    assert [each.kind for each in at.script.events] == [Kind.REPLY]
    assert "secret" not in repr(at.script.events)


async def test_a_look_at_the_app_home_needs_no_tab(at: Stage) -> None:
    event = {"type": "app_home_opened", "user": at.ada.id, "channel": "D1"}
    tell(at, "events_api", {"type": "event_callback", "team_id": at.fake.workspace.id, "event": event})
    await until(lambda: at.ada.home_versions == 1)


# -- Socket Mode ---------------------------------------------------------------------------------------


async def test_envelopes_of_any_sort_are_acked(at: Stage) -> None:
    (line,) = at.fake.sockets.connected()
    strange: list[Json] = [
        {"type": "new_sort", "envelope_id": "e1", "payload": {"type": "what"}},
        {"type": "new_sort", "envelope_id": "e2", "payload": None},
        {"type": "new_sort", "envelope_id": "e3", "payload": [1]},
        {"type": "new_sort", "envelope_id": "e4"},
        {"type": "events_api", "envelope_id": "e5", "payload": {"type": "app_rate_limited"}},
        {"type": "interactive", "envelope_id": "e6", "payload": "words"},
    ]
    before = at.fake.sockets.counts.strange_acks
    for each in strange:
        line.push(each)
    for each in ({"type": "warning"}, {"type": "hello"}, {"envelope_id": 5}, {}):
        line.push(each)
    await until(lambda: at.fake.sockets.counts.strange_acks >= before + len(strange))
    await (await at.fake.command(at.ada, at.help, "/do")).reply()
    assert at.script.names == ["do"]


async def test_a_server_that_says_no_hello_is_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.platforms import slack_socket
    from tests.wire.slack import FakeSlack

    monkeypatch.setattr(slack_socket, "GREETED_WITHIN", 0.05)
    fake = FakeSlack()
    monkeypatch.setattr(fake.sockets, "_hello", lambda line: {"type": "nothing"})  # pyright: ignore
    async with stage(tmp_path, fake=fake) as at:
        await (await at.fake.command(at.ada, at.help, "/do")).reply()
        assert at.script.names == ["do"]


# -- HTTP mode -------------------------------------------------------------------------------------------


async def test_requests_of_a_strange_make_are_refused_in_order(tmp_path: Path) -> None:
    async with stage(tmp_path, http=True) as at:
        posts = at.fake.posts
        deep = b"[" * 200_000
        cases: list[tuple[Post, int]] = [
            (posts.signed(b"{}", "application/json; charset=klingon"), 400),
            (posts.signed(b'{"a":' + deep), 400),
            (posts.signed(b"x" * (2 * 1024 * 1024)), 413),
            (posts.signed(b'{"type": "app_rate_limited", "minute_rate_limited": 1}'), 200),
            (posts.signed(urlencode({"payload": '{"type": "of_tomorrow"}'}).encode(), FORM), 200),
        ]
        for post, status in cases:
            assert (await posts.send(post)).status == status, post.body[:60]
        payload = {"type": "event_callback", "team_id": at.fake.workspace.id, "event_id": "Ev1"}
        event = {"type": "app_home_opened", "user": at.ada.id, "tab": "home"}
        whole = json.dumps(payload | {"event": event}).encode()
        assert (await posts.send(posts.signed(whole, "text/plain"))).status == 200  # its bytes are signed
        await until(lambda: at.ada.home_versions == 1)

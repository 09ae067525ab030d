"""What Slack documents but seldom sends, and what others who speak its protocol leave out or add."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import pytest
from sqlalchemy import insert

from bot.app import FOLDER
from bot.chat import Kind, Message, Place, User
from bot.errors import Gone, TryLater
from bot.platforms import slack_cards as cards
from bot.platforms import slack_events as events
from bot.platforms import slack_socket
from bot.platforms.slack_limits import Limits
from bot.platforms.slack_people import known
from bot.platforms.slack_spelling import Spelling
from bot.registry import Registry
from bot.storage.schema import communities
from bot.ui import Card, Command, Fact, Field, Form, Quote, plain
from bot.words import Words
from cogs import COGS
from tests.ports import free_port
from tests.slack_stage import Stage, stage, unhurried
from tests.test_slack_places import CARD, POST, Out
from tests.watching import until
from tests.wire.slack_blocks import check_message
from tests.wire.slack_calls import METHODS
from tests.wire.slack_lines import Delivery
from tests.wire.slack_posts import FORM, Post
from tests.wire.slack_shapes import read

pytestmark = pytest.mark.usefixtures("database")  # on both

Json = dict[str, Any]


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


@pytest.fixture
async def out(tmp_path: Path) -> AsyncIterator[Out]:
    made = await Out.open(tmp_path)
    yield made
    await made.close()


def ours() -> list[Command]:
    return [spec.command for spec in Registry(COGS).commands.values()]


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
    "lacks", ["api_app_id", "channel_name", "trigger_id", "response_url", "text", "token", "channel_id"]
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
    channel = at.help.id if lacks != "channel_id" else ""
    assert at.script.events[0].place == Place("slack", at.fake.workspace.id, channel)


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
    values = {"words": {"value": {"type": "plain_text_input", "value": "w"}}}
    view = {"id": "V1", "type": "modal", "callback_id": "a.form", "state": {"values": values}}
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
    monkeypatch.setattr(slack_socket, "GREETED_WITHIN", 0.05)
    fake = unhurried()
    monkeypatch.setattr(fake.sockets, "_hello", lambda line: {"type": "nothing"})
    async with stage(tmp_path, fake=fake) as at:
        await (await at.fake.command(at.ada, at.help, "/do")).reply()
        assert at.script.names == ["do"]


# -- HTTP mode -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # that is what is tested
async def test_requests_of_a_strange_make_are_refused_in_order(tmp_path: Path) -> None:
    async with stage(tmp_path, http=True) as at:
        posts = at.fake.posts
        deep = b"[" * 200_000
        cases: list[tuple[Post, int]] = [
            (posts.signed(b"{}", "application/json; charset=klingon"), 400),
            (posts.signed(b'{"a":' + deep), 400),
            (posts.signed(b"x" * (1024 * 1024 + 1)), 413),
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


# -- refusals --------------------------------------------------------------------------------------------


async def test_a_limit_told_without_429_holds_the_method_back_too(out: Out) -> None:
    support = out.fake.channel("support")
    message = await out.places.post(out.place(support), CARD, key="k")
    out.fake.faults.add("chat.update", error="ratelimited")
    with pytest.raises(TryLater, match="rate limit"):
        await out.places.edit(message, CARD)
    assert out.rest.limits.held(out.team.id, "chat.update") > 0


async def test_a_doubtful_message_is_sent_where_its_channel_is_lost(out: Out) -> None:
    ada = out.fake.person("ada")
    await out.store.direct(out.team.id, ada.id, "D0000000ZZZ")
    message = await out.places.dm(out.user(ada), CARD, key="k", again=True)
    assert [each.ts for each in out.fake.dms(ada)] == [message.id]
    assert await out.places.dm(out.user(ada), CARD, key="k", again=True) == message


async def test_a_lacking_scope_is_named_with_the_way_to_add_it(out: Out) -> None:
    out.team.scopes -= {"channels:history"}
    (lacks,) = await out.places.check(out.place(out.fake.channel("support")))
    assert "channels:history" in lacks and "api.slack.com/apps" in lacks and "install" in lacks


@pytest.mark.parametrize("name", ["cant_update_message", "edit_window_closed"])
async def test_what_may_not_be_changed_any_more_is_given_up(out: Out, name: str) -> None:
    message = await out.places.post(out.place(out.fake.channel("support")), CARD, key="k")
    out.fake.faults.add("chat.update", error=name)
    with pytest.raises(Gone):
        await out.places.edit(message, CARD)


async def test_moderators_whom_slack_does_not_name_are_asked_for_once_a_minute(out: Out) -> None:
    ada, secret = out.fake.person("ada"), out.fake.channel("team", "private", bot=False)
    out.fake.join(secret, ada)
    async with out.storage.write() as tx:
        here = {"platform": "slack", "community": out.team.id, "moderation": secret.id}
        await tx.execute(insert(communities).values(**here))
    for _ in range(3):
        assert not await out.people.is_moderator(out.team.id, ada.id)
    assert out.asked("conversations.members") == 1
    secret.members.add(out.team.bot.id)
    await out.clock.advance(timedelta(minutes=1))
    assert await out.people.is_moderator(out.team.id, ada.id)


# -- people type what they read ---------------------------------------------------------------------------


def spelled() -> Spelling:
    spelling = Spelling("bb-")
    spelling.learn([Command("rejected", "Share."), Command("break", "Pause."), Command("re", "Answer.")])
    return spelling


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/rejected", "/bb-rejected"),
        ("I need a break: /break 3 days", "I need a break: /bb-break 3 days"),
        ("Type /rejected, or /break.", "Type /bb-rejected, or /bb-break."),
        ("(/rejected)\n/break", "(/bb-rejected)\n/bb-break"),
        ('"/re" is not /rejected', '"/bb-re" is not /bb-rejected'),
        ("https://acme.example/break", "https://acme.example/break"),
        ("/invite @bounceback, /breakfast, and/or /re-do", "/invite @bounceback, /breakfast, and/or /re-do"),
        ("/bb-rejected", "/bb-rejected"),
    ],
)
def test_commands_are_written_as_they_are_typed(text: str, shown: str) -> None:
    spelling = spelled()
    assert spelling(text) == shown and spelling(spelling(text)) == shown
    assert Spelling("")(text) == text


def test_what_a_person_wrote_is_shown_as_they_wrote_it() -> None:
    card = Card(("Try /rejected.", Quote("I typed /rejected")), "See /break", fields=(Fact("Now", "/re"),))
    body = cards.message(card, workspace="", spelling=spelled())
    shown = read(body.blocks)
    for told in (shown, body.text):
        assert "Try /bb-rejected." in told and "I typed /rejected" in told
        assert "See /bb-break" in told and "/bb-re" in told


def test_the_fullest_card_fits_with_longer_commands() -> None:
    text = "/re " * 500
    body = cards.message(Card(text.strip()), workspace="", spelling=spelled())
    check_message(body.blocks, body.text)
    assert read(body.blocks).count("/bb-re") == 500


async def test_every_way_to_read_a_command_names_it_with_its_prefix(tmp_path: Path) -> None:
    async with stage(tmp_path, command_prefix="bb-") as at:
        at.fake.join(at.help, at.ada)
        at.script.card = Card("Type /do it.", title="Or /form")
        reply = await (await at.fake.command(at.ada, at.help, "/bb-do")).reply()
        assert "Type /bb-do it." in read(reply) and "Or /bb-form" in read(reply)
        assert "/bb-do" in reply.text
        post = await at.post(Card("See /home."))
        assert "/bb-home" in read(post)
        words = Field("words", label="As /do", hint="Type /do too", error="Not /do")
        at.script.shown = Form("a.form", (words,), title="A form")
        view = await (await at.fake.command(at.ada, at.help, "/bb-form")).view()
        (block, *_) = view.data["blocks"]
        assert (block["label"]["text"], block["hint"]["text"]) == ("As /bb-do", "Type /bb-do too")
        at.script.card = at.script.shown
        handed = await at.fake.submit(at.ada, {"words": "a"})
        await handed.acked()
        assert handed.errors == {"words": "Not /bb-do"}


@pytest.mark.parametrize("platform", ["slack", "web", "discord"])
def test_an_organiser_is_sent_to_settings_that_there_are(platform: str) -> None:
    told = plain(Words.load(FOLDER).speak("en")("setup-mend", platform=platform))
    assert told.endswith("press Check again.")
    assert ("permissions" in told) is (platform == "discord")


NATIVE = """active apps archive away call collapse commands dm dnd expand feed feedback huddle invite
invite_people join keys kick leave me msg mute open part prefs pro remind remove rename search shortcuts
shrug star status topic unarchive who"""


def test_no_command_is_one_of_slacks_own() -> None:
    """Slack takes none of a manifest's commands if one is (NousResearch/hermes-agent#17054)."""
    mine = {command.name for command in ours() if command.typed}
    assert mine and not mine & set(NATIVE.split())


# -- installing --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's own
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"is_enterprise_install": True, "team": None, "enterprise": {"id": "E1"}}, "choose a workspace"),
        ({"refresh_token": "xoxe-1", "expires_in": 43200}, "Token rotation is on"),
    ],
)
async def test_an_installation_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: Json, words: str
) -> None:
    usual = METHODS["oauth.v2.access"]
    other = replace(usual, handler=lambda call: cast(Json, usual.handler(call)) | more)
    monkeypatch.setitem(METHODS, "oauth.v2.access", other)
    fake, port = unhurried(), free_port()
    base = f"http://127.0.0.1:{port}"
    keys: Json = {"client_id": fake.client_id, "client_secret": fake.client_secret, "bot_token": ""}
    async with (
        stage(tmp_path, fake=fake, port=port, public_url=base, **keys) as at,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser,
    ):
        beta = fake.add_workspace("Beta", installed=False)
        async with browser.get(f"{base}/slack/install") as page:
            cookie = page.headers["Set-Cookie"].split(";")[0]
        code = fake.grant(beta, fake.scopes, f"{base}/slack/oauth_redirect")
        query = {"code": code, "state": cookie.partition("=")[2]}
        back = f"{base}/slack/oauth_redirect?{urlencode(query)}"
        async with browser.get(back, headers={"Cookie": cookie}) as page:
            assert page.status == 400 and words in await page.text()
        assert await at.chat.installs.teams() == []
        async with browser.get(
            f"{base}/slack/oauth_redirect?error=%3Cscript%3Ealert(1)%3C/script%3E"
        ) as page:
            assert "<script>" not in await page.text()


# -- looking for a message where Slack lets an app look once a minute, at fifteen messages ----------------


def patient(out: Out) -> None:
    """As if Slack's Retry-After had passed: it is kept in real seconds."""
    out.rest.limits = Limits(290.0, 100.0)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("in_thread", [False, True])
async def test_an_app_outside_the_marketplace_finds_its_message_all_the_same(
    out: Out, there: bool, in_thread: bool
) -> None:
    support, bob = out.fake.channel("support"), out.fake.person("bob")
    first = await out.places.post(out.place(support), CARD, key="first")
    place = out.place(support, first.id if in_thread else "")
    ago = 40 * [first.id if in_thread else ""]
    for thread in ago if in_thread else ():
        await out.fake.say(bob, support, "words", thread)
    known = await out.places.post(place, CARD, key="k") if there else None
    for thread in () if in_thread else ago:
        await out.fake.say(bob, support, "words", thread)
    out.fake.limits.on = out.fake.web.unlisted = True
    await out.restart()  # nothing in its memory
    posted, waits = out.asked(POST), list[TryLater]()
    for _ in range(6):
        try:
            found = await out.places.post(place, CARD, key="k", again=True)
            break
        except TryLater as error:
            waits.append(error)
            await out.clock.advance(timedelta(seconds=error.after))
            patient(out)
    else:
        raise AssertionError("it begins anew each time")
    assert all(0 < each.after <= 60 and not each.unsure for each in waits)
    assert (found == known) is there
    assert out.asked(POST) == posted + (0 if there else 1)


async def test_a_place_in_a_long_history_that_slack_forgot_begins_anew(out: Out) -> None:
    support, bob = out.fake.channel("support"), out.fake.person("bob")
    known = await out.places.post(out.place(support), CARD, key="k")
    for _ in range(250):
        await out.fake.say(bob, support, "words")
    out.fake.faults.add("conversations.history", "ratelimited", skip=1, retry_after=60)
    with pytest.raises(TryLater):
        await out.places.post(out.place(support), CARD, key="k", again=True)
    out.fake.faults.add("conversations.history", error="invalid_cursor")
    patient(out)
    with pytest.raises(TryLater, match="invalid_cursor"):
        await out.places.post(out.place(support), CARD, key="k", again=True)
    assert await out.places.post(out.place(support), CARD, key="k", again=True) == known


def test_what_is_done_twice_is_two_things_even_where_every_trigger_is_the_same() -> None:
    body = {"command": "/home", "text": "", "user_id": "U1", "team_id": "T1", "channel_id": "C1"}
    first = body | {"trigger_id": "1.2.three", "response_url": "https://hooks.example.org/1"}
    second = first | {"response_url": "https://hooks.example.org/2"}
    assert events.command(first, 0).id == events.command(dict(first), 9).id
    assert events.command(first, 0).id != events.command(second, 0).id

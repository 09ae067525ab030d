"""HTTP mode: what Slack signs is taken once, everything else is refused; OAuth brings in more workspaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.ui import Card
from tests.ports import free_port
from tests.slack_stage import Stage, refused, stage, unhurried, wrong
from tests.watching import until
from tests.wire.slack import read
from tests.wire.slack_posts import FORM, Post

pytestmark = pytest.mark.usefixtures("database")  # on both


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, http=True) as made:
        yield made


async def test_a_conversation_over_http(at: Stage) -> None:
    reply = await (await at.fake.command(at.ada, at.help, "/do", "it")).reply()
    assert read(reply).startswith("Done.") and reply.only_for == at.ada.id
    await (await at.fake.press(at.ada, reply, "a.opens:x:y")).view()
    at.script.card = wrong(words="Too short.")
    handed = await at.fake.submit(at.ada, {"words": "a"})
    await handed.acked()
    assert handed.errors == {"words": "Too short."}
    at.script.card = Card("Good.")
    assert read(await (await at.fake.submit(at.ada, {"words": "ab"})).reply()) == "Good."
    await (await at.fake.open_home(at.ada)).home()
    post = await at.post()
    await at.fake.say(at.ada, at.help, "hello", post)
    await until(lambda: "reply" in at.script.names)


async def test_words_with_payload_in_them_are_not_lost(at: Stage) -> None:
    await (await at.fake.command(at.ada, at.help, "/do", "the payload team at Acme")).reply()
    assert at.script.events[0].arg == "the payload team at Acme"


async def _taken(at: Stage) -> Post:
    """A command that Slack sent and that was done."""
    await (await at.fake.command(at.ada, at.help, "/do", "once")).reply()
    return at.fake.posts.sent[-1]


async def test_forged_changed_old_and_unsigned_requests_are_refused(at: Stage) -> None:
    post, posts = await _taken(at), at.fake.posts
    with capture_logs() as logs:
        refusals = [
            await posts.forge(post),
            await posts.tamper(post, b"once", b"more"),
            await posts.age(post, 400),
            await posts.age(post, -400),
            await posts.unsigned(post),
        ]
    assert [each.status for each in refusals] == [401] * 5
    assert at.script.names == ["do"]
    assert "once" not in repr(logs) and "more" not in repr(logs)


async def test_the_very_same_request_again_is_refused(at: Stage) -> None:
    post = await _taken(at)
    assert (await at.fake.posts.replay(post)).status == 401
    assert (await at.fake.posts.replay(post)).status == 401
    assert at.script.names == ["do"]


async def test_the_same_event_signed_anew_is_a_retry_and_done_once(at: Stage) -> None:
    post = await at.post()
    await at.fake.say(at.ada, at.help, "hello", post)
    await until(lambda: "reply" in at.script.names)
    await at.fake.quiet()
    told = next(each for each in at.fake.posts.sent if b"hello" in each.body)
    kind = told.headers["Content-Type"]
    retry = at.fake.posts.signed(told.body, kind, {"X-Slack-Retry-Num": "1"}, ago=1)
    assert (await at.fake.posts.send(retry)).status == 200
    assert at.script.names == ["reply"]


async def test_what_is_no_request_of_slacks_crashes_nothing(at: Stage) -> None:
    posts = at.fake.posts
    signed = [
        posts.signed(b""),
        posts.signed(b"[]"),
        posts.signed(b"{"),
        posts.signed(b"null"),
        posts.signed(b"\xff\xfe"),
        posts.signed(b"payload=%7B", FORM),
        posts.signed(b'{"type": "event_callback"}'),
        posts.signed(b'{"type": "event_callback", "event": "x"}'),
        posts.signed(b'{"type": "event_callback", "event": {"type": "message"}, "team_id": 5}'),
        posts.signed(urlencode({"payload": '{"type": "block_actions", "actions": []}'}).encode(), FORM),
        posts.signed(urlencode({"payload": '{"type": "view_submission"}'}).encode(), FORM),
        posts.signed(urlencode({"command": "/do"}).encode(), FORM),
    ]
    strange = [
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "9" * 30},
        {"X-Slack-Signature": "v0=ü"},
        {"X-Slack-Signature": ""},
    ]
    for each in signed:
        assert (await posts.send(each)).status in (200, 400, 404, 500)
    for headers in strange:
        assert (await posts.send(posts.signed(b"{}", headers=headers))).status == 401
    await (await at.fake.command(at.ada, at.help, "/do")).reply()
    assert at.script.names == ["do"]


async def test_slack_may_check_the_address(at: Stage) -> None:
    assert await at.fake.posts.verify_url()
    assert (await at.fake.posts.ssl_check()).status == 200
    async with aiohttp.ClientSession() as session:
        async with session.get(at.fake.posts.url) as answer:
            assert answer.status == 405
        async with session.get(at.fake.posts.url.replace("events", "install")) as answer:
            assert answer.status == 404


async def test_a_port_that_is_taken_is_named(tmp_path: Path, at: Stage) -> None:
    told = await refused(
        tmp_path, at.fake, bot_token=at.fake.bot_token, signing_secret="s", port=at.options["port"]
    )
    assert "slack.port" in told and str(at.options["port"]) in told


# -- many workspaces -------------------------------------------------------------------------------


async def _install(at: Stage, name: str) -> int:
    """Somebody of a new workspace installs the bot with their browser; the last page's status."""
    workspace = at.fake.add_workspace(name, installed=False)
    base = at.options["public_url"]
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(f"{base}/slack/install") as page:
            assert page.status == 200 and "slack.com/oauth/v2/authorize" in await page.text()
            cookie = page.headers["Set-Cookie"].split(";")[0]
        state = cookie.partition("=")[2]
        code = at.fake.grant(workspace, at.fake.scopes, f"{base}/slack/oauth_redirect")
        query = urlencode({"code": code, "state": state})
        async with browser.get(f"{base}/slack/oauth_redirect?{query}", headers={"Cookie": cookie}) as page:
            first = page.status
        async with browser.get(f"{base}/slack/oauth_redirect?{query}", headers={"Cookie": cookie}) as page:
            assert page.status in (400, 401)  # a state is good once
        async with browser.get(f"{base}/slack/oauth_redirect?code=x&state=y") as page:
            assert page.status in (400, 401)
    return first


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's own
@pytest.mark.parametrize("http", [True, False])
async def test_many_workspaces_install_and_end(tmp_path: Path, http: bool) -> None:
    port, ended = free_port(), asyncio.Queue[str]()
    fake = unhurried()
    options = {
        "bot_token": "",
        "client_id": fake.client_id,
        "client_secret": fake.client_secret,
        "public_url": f"http://127.0.0.1:{port}",
        "port": port,
        "ended": ended.put,
    }
    async with stage(tmp_path, http=http, fake=fake, **options) as at:
        if http:
            fake.posts.url = f"http://127.0.0.1:{port}/slack/events"
        assert await _install(at, "Beta") == 200
        beta = list(fake.workspaces.values())[-1]
        bea = fake.person("bea", workspace=beta)
        general = beta.channel("general")
        await (await fake.command(bea, general, "/do")).reply()
        assert at.script.events[-1].user.community == beta.id
        stranger = await fake.command(at.ada, at.help, "/do")  # Acme's token is not known here
        assert "not installed" in (await stranger.reply()).text
        assert at.script.names == ["do"]
        await fake.uninstall(beta)
        assert await ended.get() == beta.id
        await fake.quiet()
        assert ended.empty()
        assert await at.chat.installs.teams() == []

"""The app comes to a workspace of the fake Slack and goes from it: OAuth, uninstall, the manifest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from yarl import URL

from bot.clock import FakeClock
from tests.wire.slack import FakeSlack, NotPossible
from tests.wire.slack_bolt_app import Bot, socket_mode
from tests.wire.slack_model import Message

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(FakeClock(NOW)) as made:
        yield made


@pytest.fixture
async def bot(fake: FakeSlack) -> AsyncIterator[Bot]:
    async with socket_mode(fake) as made:
        yield made


async def test_an_uninstall_ends_the_token_and_is_told(fake: FakeSlack, bot: Bot) -> None:
    other = fake.add_workspace("Beta")
    ada = fake.person("ada", workspace=other)
    await fake.uninstall(other)
    await fake.quiet()
    assert bot.of("tokens_revoked")[0]["event"]["tokens"]["bot"] == [other.bot.id]
    assert bot.of("app_uninstalled")[0]["team_id"] == other.id
    with pytest.raises(NotPossible, match="not installed"):
        await fake.command(ada, None, "/hello")
    with pytest.raises(SlackApiError, match="account_inactive"):
        await bot.client.auth_test(token=other.token)


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's own
async def test_an_install_can_be_played_through(fake: FakeSlack, bot: Bot) -> None:
    other = fake.add_workspace("Beta", installed=False)
    asked = {"client_id": fake.client_id, "scope": "chat:write,commands", "state": "s1", "team": other.id}
    back = {"redirect_uri": "http://127.0.0.1:1/slack/oauth_redirect"}
    async with aiohttp.ClientSession() as session:
        async with session.get(fake.authorize_url, params=asked | back) as page:
            assert page.status == 200 and "wants into Beta" in await page.text()
        for consent, given in (("deny", "error"), ("allow", "code")):
            query = asked | back | {"consent": consent}
            async with session.get(fake.authorize_url, params=query, allow_redirects=False) as answer:
                assert answer.status == 302
                way = URL(answer.headers["Location"])
                assert way.query["state"] == "s1" and given in way.query
        async with session.get(fake.authorize_url, params=asked | {"client_id": "9"}) as answer:
            assert answer.status == 400
    made = await bot.client.oauth_v2_access(
        client_id=fake.client_id,
        client_secret=fake.client_secret,
        code=way.query["code"],
        redirect_uri=back["redirect_uri"],
    )
    assert (
        made.get("team", {})["id"] == other.id
        and other.installed
        and other.scopes == {"chat:write", "commands"}
    )
    assert (await bot.client.auth_test(token=made["access_token"]))["team_id"] == other.id


async def test_a_manifest_says_what_there_is(fake: FakeSlack, bot: Bot) -> None:
    fake.use_manifest(
        {
            "features": {
                "slash_commands": [{"command": "/hello"}],
                "shortcuts": [{"type": "global", "callback_id": "shortcut:rejected"}],
                "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            },
            "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
            "settings": {"interactivity": {"is_enabled": True}, "event_subscriptions": {"bot_events": []}},
        }
    )
    ada, support = fake.person("ada"), fake.channel("support")
    with pytest.raises(NotPossible, match="no command"):
        await fake.command(ada, support, "/rejected")
    with pytest.raises(NotPossible, match="no shortcut"):
        await fake.message_shortcut(ada, Message(support, "1.1", ada.id), "message:encourage")
    with pytest.raises(NotPossible, match="turned off"):
        await fake.say(ada, None, "Hello?")
    await fake.open_home(ada)
    await (await fake.command(ada, support, "/hello")).reply()
    assert bot.of("app_home_opened") == []
    with pytest.raises(SlackApiError, match="missing_scope"):
        await bot.client.users_info(user=ada.id)


async def test_a_revoked_token_is_told(fake: FakeSlack, bot: Bot) -> None:
    other = fake.add_workspace("Beta")
    await fake.revoke(other)
    await fake.quiet()
    assert bot.of("tokens_revoked")[0]["team_id"] == other.id and bot.of("app_uninstalled") == []
    with pytest.raises(SlackApiError, match="token_revoked"):
        await bot.client.auth_test(token=other.token)

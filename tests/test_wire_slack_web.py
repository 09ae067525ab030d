"""The fake Slack's Web API through slack_sdk over real HTTP: tokens, scopes, bodies, and every refusal."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.wire.slack_model import Json
from tests.wire.slack_small import Small, refused, section, small_slack
from tests.wire.slack_web_auth import grant


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


async def test_who_a_token_is(small: Small) -> None:
    answer = await small.client().auth_test()
    assert answer["team_id"] == small.at.id and answer["url"] == "https://acme.slack.com/"
    assert answer["user_id"] == small.at.bot.id and answer["bot_id"] == small.at.bot_id
    assert small.at.scopes == set(answer.headers["X-OAuth-Scopes"].split(","))


async def test_tokens_that_are_none(small: Small) -> None:
    await refused(small.client("").auth_test(), "not_authed")
    await refused(small.client("xoxb-other").auth_test(), "invalid_auth")
    await refused(small.client(small.api.app_token).auth_test(), "not_allowed_token_type")
    await refused(small.client().apps_connections_open(app_token=small.at.token), "not_allowed_token_type")
    await refused(small.client().api_call("chat.sing"), "unknown_method")


async def test_a_connection_is_opened_with_the_app_token(small: Small) -> None:
    small.api.connect = lambda: "ws://127.0.0.1:1/link"
    answer = await small.client("").apps_connections_open(app_token=small.api.app_token)
    assert answer["url"] == "ws://127.0.0.1:1/link"


async def test_an_app_that_was_removed(small: Small) -> None:
    client = small.client()
    await refused(client.apps_uninstall(client_id="x", client_secret="y"), "invalid_client_id")
    right = {"client_id": small.api.client_id}
    await refused(client.apps_uninstall(**right, client_secret="y"), "bad_client_secret")
    await client.apps_uninstall(**right, client_secret=small.api.client_secret)
    await refused(client.auth_test(), "account_inactive")
    await refused(client.chat_postMessage(channel="C1", text="x"), "account_inactive")
    assert small.happened == [("uninstalled", "xoxb-1")]
    assert (await small.client("xoxb-2").auth_test())["team_id"] != small.at.id, "the other goes on"


async def test_a_token_that_was_revoked(small: Small) -> None:
    assert (await small.client().auth_revoke(test=True))["revoked"] is False
    assert (await small.client().auth_revoke())["revoked"] is True
    await refused(small.client().auth_test(), "token_revoked")


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk uses it
async def test_installing_by_oauth(small: Small) -> None:
    small.api.uninstall(small.at)
    code = grant(small.api, small.at, "U1", {"chat:write"}, "https://x.example/cb")
    client, secret = small.client(""), small.api.client_secret

    def ask(
        id: str = small.api.client_id, secret: str = secret, code: str = code, to: str | None = None
    ) -> Any:
        to = to or "https://x.example/cb"
        return client.oauth_v2_access(client_id=id, client_secret=secret, code=code, redirect_uri=to)

    await refused(ask(id="1"), "invalid_client_id")
    await refused(ask(secret="1"), "bad_client_secret")
    await refused(ask(code="1"), "invalid_code")
    await refused(ask(to="https://evil.example/"), "bad_redirect_uri")
    answer = await ask()
    assert answer["access_token"] != "xoxb-1" and answer["token_type"] == "bot"
    assert answer["team"]["id"] == small.at.id and answer["authed_user"] == {"id": "U1"}
    await refused(ask(), "code_already_used")
    await refused(small.client("xoxb-1").auth_test(), "account_inactive")
    assert (await small.client(answer["access_token"]).auth_test())["ok"]
    late = grant(small.api, small.at, "U1", {"chat:write"})
    await small.clock.advance(timedelta(minutes=10))
    await refused(
        client.oauth_v2_access(client_id=small.api.client_id, client_secret=secret, code=late), "invalid_code"
    )


@pytest.mark.parametrize(
    ("method", "params", "needed"),
    [
        ("chat.postMessage", {"channel": "{c}", "text": "x"}, "chat:write"),
        ("chat.postEphemeral", {"channel": "{c}", "text": "x", "user": "U1"}, "chat:write"),
        ("chat.update", {"channel": "{c}", "text": "x", "ts": "1.1"}, "chat:write"),
        ("chat.delete", {"channel": "{c}", "ts": "1.1"}, "chat:write"),
        ("conversations.open", {"users": "{u}"}, "im:write"),
        ("conversations.open", {"users": "{u},{v}"}, "mpim:write"),
        ("conversations.info", {"channel": "{c}"}, "channels:read"),
        ("conversations.info", {"channel": "{g}"}, "groups:read"),
        ("conversations.members", {"channel": "{c}"}, "channels:read"),
        ("conversations.join", {"channel": "{c}"}, "channels:join"),
        ("conversations.history", {"channel": "{c}"}, "channels:history"),
        ("conversations.history", {"channel": "{g}"}, "groups:history"),
        ("conversations.history", {"channel": "{d}"}, "im:history"),
        ("conversations.history", {"channel": "{m}"}, "mpim:history"),
        ("conversations.replies", {"channel": "{c}", "ts": "1.1"}, "channels:history"),
        ("conversations.list", {"types": "public_channel,private_channel"}, "groups:read"),
        ("users.conversations", {}, "channels:read"),
        ("users.info", {"user": "{u}"}, "users:read"),
        ("dnd.info", {"user": "{u}"}, "dnd:read"),
        ("dnd.teamInfo", {"users": "{u}"}, "dnd:read"),
        ("files.getUploadURLExternal", {"filename": "a", "length": "1"}, "files:write"),
        ("files.completeUploadExternal", {"files": "[]"}, "files:write"),
        ("files.info", {"file": "F1"}, "files:read"),
    ],
)
async def test_a_scope_is_missing(small: Small, method: str, params: dict[str, str], needed: str) -> None:
    ada, bo = small.person("ada"), small.person("bo")
    ids = {
        "u": ada.id,
        "v": bo.id,
        "c": small.channel("general").id,
        "g": small.channel("secret", "private").id,
        "d": small.at.direct(ada.id).id,
        "m": small.at.group([ada.id, bo.id]).id,
    }
    small.at.scopes.remove(needed)
    filled = {name: value.format(**ids) if "{" in value else value for name, value in params.items()}
    no = await refused(small.client().api_call(method, params=filled), "missing_scope")
    assert needed in no["needed"].split(",") and no["provided"] == ",".join(sorted(small.at.scopes))


async def post(small: Small, method: str, **more: Any) -> Json:
    """A call by hand."""
    async with aiohttp.ClientSession() as http, http.post(f"{small.base}/api/{method}", **more) as answer:
        return await answer.json()


async def test_bodies_of_all_kinds(small: Small) -> None:
    general = small.channel("general")
    bearer = {"Authorization": f"Bearer {small.at.token}"}
    given = {"channel": general.id, "text": "Hello", "blocks": [section("Hi")]}
    utf8 = bearer | {"Content-Type": "application/json; charset=utf-8"}
    assert (await post(small, "chat.postMessage", headers=utf8, data=json.dumps(given)))["ok"]
    bare = bearer | {"Content-Type": "application/json"}
    warned = await post(small, "chat.postMessage", headers=bare, data=json.dumps(given))
    assert warned["ok"] and warned["warning"] == "missing_charset"
    form = given | {"token": small.at.token, "blocks": json.dumps(given["blocks"])}
    assert (await post(small, "chat.postMessage", data=form))["ok"]
    assert [each.blocks[0]["text"]["text"] for each in general.within()] == ["Hi"] * 3
    in_json = await post(
        small,
        "chat.postMessage",
        headers={"Content-Type": "application/json; charset=utf-8"},
        data=json.dumps(given | {"token": small.at.token}),
    )
    assert in_json["error"] == "not_authed", "a token in JSON is none"
    assert (await post(small, "chat.postMessage", headers=utf8, data="{"))["error"] == "invalid_json"
    assert (await post(small, "chat.postMessage", headers=utf8, data="[]"))["error"] == "json_not_object"
    xml = bearer | {"Content-Type": "text/xml"}
    assert (await post(small, "chat.postMessage", headers=xml, data="<x/>"))["error"] == "invalid_post_type"
    odd = await post(small, "chat.postMessage", headers=bearer, data={"channel[0]": "x"})
    assert odd["error"] == "invalid_array_arg"
    odd = await post(small, "chat.postMessage", headers=bearer, data={"the channel": "x"})
    assert odd["error"] == "invalid_arg_name"


async def test_methods_that_read_do_not_look_at_json(small: Small) -> None:
    ada = small.person("ada")
    client = small.client()
    await refused(client.api_call("users.info", json={"user": ada.id}), "invalid_arguments")
    await refused(
        client.api_call("files.getUploadURLExternal", json={"filename": "a", "length": 1}),
        "invalid_arguments",
    )
    assert (await client.users_info(user=ada.id))["user"]["id"] == ada.id


async def test_the_client_id_and_secret_as_basic(small: Small) -> None:
    code = grant(small.api, small.at, "U1", {"chat:write"})
    basic = base64.b64encode(f"{small.api.client_id}:{small.api.client_secret}".encode()).decode()
    answer = await post(
        small, "oauth.v2.access", headers={"Authorization": f"Basic {basic}"}, data={"code": code}
    )
    assert answer["ok"] and answer["access_token"] == small.at.token

"""Tokens: auth.test, auth.revoke, apps.uninstall, apps.connections.open, oauth.v2.access."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex
from typing import TYPE_CHECKING

from tests.wire.slack_calls import Call, Grant, method
from tests.wire.slack_model import Json, SlackError, Workspace

if TYPE_CHECKING:
    from tests.wire.slack_web import SlackWeb


@method("api.test", kind="none", json=True)
def api_test(call: Call) -> Json:
    """Says what it was told."""
    if error := call.text("error"):
        raise SlackError(error)
    return {"args": dict(call.args)}


@method("auth.test", json=True)
def auth_test(call: Call) -> Json:
    """Who this token is."""
    return {
        "url": call.at.url,
        "team": call.at.name,
        "user": call.at.bot.name,
        "team_id": call.at.id,
        "user_id": call.at.bot.id,
        "bot_id": call.at.bot_id,
        "is_enterprise_install": False,
    }


@method("auth.revoke")
def revoke(call: Call) -> Json:
    """Give the token up (``test``: only see whether it could be)."""
    if call.flag("test"):
        return {"revoked": False}
    call.web.uninstall(call.at, over="token_revoked")
    call.happened("revoked", call.token)
    return {"revoked": True}


@method("apps.uninstall")
def uninstall(call: Call) -> Json:
    """Remove the app from the workspace; its own client id and secret are asked for."""
    check_client(call.web, call.text("client_id"), call.text("client_secret"))
    call.web.uninstall(call.at)
    call.happened("uninstalled", call.token)
    return {}


@method("apps.connections.open", kind="app", json=True)
def connections_open(call: Call) -> Json:
    """Where to open a WebSocket."""
    if call.web.connect is None:
        raise SlackError("internal_error")
    return {"url": call.web.connect()}


def check_client(web: SlackWeb, id: str, secret: str) -> None:
    """Whether this is the app."""
    if id != web.client_id:
        raise SlackError("invalid_client_id")
    if secret != web.client_secret:
        raise SlackError("bad_client_secret")


def grant(web: SlackWeb, workspace: Workspace, user: str, scopes: set[str], redirect_uri: str = "") -> str:
    """Somebody agreed to install the app with these scopes: the code for oauth.v2.access, for ten minutes."""
    code = f"{token_hex(6)}.{token_hex(6)}.{token_hex(32)}"
    until = web.clock.now() + timedelta(minutes=10)
    web.grants[code] = Grant(workspace, user, set(scopes), redirect_uri, until)
    return code


@method("oauth.v2.access", kind="none")
def access(call: Call) -> Json:
    """A token for a code. An app that was removed gets a new token; one that is installed keeps its own."""
    check_client(call.web, call.text("client_id"), call.text("client_secret"))
    found = call.web.grants.get(call.text("code"))
    if found is None or call.now >= found.until:
        raise SlackError("invalid_code")
    if found.used:
        raise SlackError("code_already_used")
    if found.redirect_uri and call.text("redirect_uri") != found.redirect_uri:
        raise SlackError("bad_redirect_uri")
    found.used = True
    at = found.workspace
    if at.token in call.web.dead:
        at.token = f"xoxb-{at.id}-{token_hex(12)}"
    at.installed, at.over = True, ""
    at.scopes = set(found.scopes) if not at.scopes else at.scopes | found.scopes
    call.web.happened("installed", at, at.token)
    return {
        "access_token": at.token,
        "token_type": "bot",
        "scope": ",".join(sorted(at.scopes)),
        "bot_user_id": at.bot.id,
        "app_id": call.web.app_id,
        "team": {"name": at.name, "id": at.id},
        "enterprise": None,
        "authed_user": {"id": found.user},
        "is_enterprise_install": False,
    }

"""``/oauth/v2/authorize``: where somebody allows the app into a workspace and is sent back with a code."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from tests.wire.slack_model import Workspace

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

PATH = "/oauth/v2/authorize"


async def authorize(fake: FakeSlack, request: web.BaseRequest) -> web.StreamResponse:
    """The page of consent (GET), and what its button does (POST, or ``consent=allow`` or ``deny``).

    ``team`` names the workspace; without it it is the first one in which the app is not installed, else the
    first. An unknown client_id, no scope or no way back is said on the page, with 400.
    """
    query = request.query
    if query.get("client_id") != fake.client_id:
        return _page(400, "Something went wrong: invalid_client_id")
    scopes = [each for each in query.get("scope", "").split(",") if each]
    if not scopes:
        return _page(400, "Something went wrong: invalid_scope_requested")
    back = query.get("redirect_uri") or fake.redirect_uri
    if not back:
        return _page(400, "Something went wrong: bad_redirect_uri")
    workspace = _workspace(fake, query.get("team", ""))
    consent = query.get("consent") or ("allow" if request.method == "POST" else fake.consent)
    if not consent:
        again = escape(f"{PATH}?{urlencode(dict(query))}", quote=True)
        wanted = "".join(f"<li>{escape(each)}</li>" for each in scopes)
        return _page(
            200,
            f"<h1>{escape(fake.app_name)} wants into {escape(workspace.name)}</h1><ul>{wanted}</ul>"
            f'<p><a href="{again}&amp;consent=allow">Allow</a> '
            f'<a href="{again}&amp;consent=deny">Cancel</a></p>',
        )
    state = query.get("state", "")
    if consent == "allow":
        out = {"code": fake.grant(workspace, scopes, back), "state": state}
    else:
        out = {"error": "access_denied", "state": state}
    return web.Response(
        status=302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{urlencode(out)}"}
    )


def _workspace(fake: FakeSlack, team: str) -> Workspace:
    if team in fake.workspaces:
        return fake.workspaces[team]
    missing = [each for each in fake.workspaces.values() if not each.installed]
    return (missing or list(fake.workspaces.values()))[0]


def _page(status: int, body: str) -> web.Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Slack</title><body>{body}</body></html>'
    )
    return web.Response(status=status, text=html, content_type="text/html")

"""The fake Slack's Web API without its HTTP: who calls what with which token, and what they may.

``SlackWeb.call`` is what the HTTP side and tests use; the methods are in the modules of their
families. Methods, scopes and errors: docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.clock import Clock
from tests.wire import (
    slack_web_auth,
    slack_web_chat,
    slack_web_conversations,
    slack_web_files,
    slack_web_reading,
    slack_web_users,
    slack_web_views,
)
from tests.wire.slack_calls import METHODS, Call, Grant, Method
from tests.wire.slack_model import Json, SlackError, Workspace

Listener = Callable[[str, Workspace, Any], None]

FAMILIES = (
    slack_web_auth,
    slack_web_chat,
    slack_web_conversations,
    slack_web_files,
    slack_web_reading,
    slack_web_users,
    slack_web_views,
)
"""Importing them has added their methods."""


class SlackWeb:
    """The Web API over some workspaces.

    ``connect`` makes the URL that apps.connections.open answers; ``origin`` is where uploads go
    (``http://127.0.0.1:PORT``); ``listeners`` are told what happened: message, message_changed,
    message_deleted, ephemeral (a Message each), view (a View), home (a Person), joined (a
    Conversation), installed, uninstalled, revoked (the token). ``processing``: how often a completed file
    is asked for (files.info, or an image block with it) before Slack has looked into it; until then it
    has no mimetype and blocks with it are refused (slackapi/python-slack-sdk issues 1521, 1658).
    ``unlisted``: an app that is distributed commercially outside Slack's Marketplace: history and
    replies come 15 at a time, and (with limits on) once a minute (docs: rate-limits, May 2025).
    """

    def __init__(
        self,
        clock: Clock,
        workspaces: dict[str, Workspace],
        *,
        app_token: str = "xapp-1-fake",
        client_id: str = "1000.2000",
        client_secret: str = "secret",
        app_id: str = "A0000000001",
        connect: Callable[[], str] | None = None,
    ) -> None:
        self.clock, self.workspaces, self.app_token = clock, workspaces, app_token
        self.client_id, self.client_secret, self.app_id = client_id, client_secret, app_id
        self.connect = connect
        self.origin = ""
        self.processing = 0
        self.unlisted = False
        self.listeners: list[Listener] = []
        self.grants: dict[str, Grant] = {}
        self.dead: dict[str, str] = {}  # tokens of old: what they are answered
        self._by_token: dict[str, Workspace] = {}

    def happened(self, what: str, workspace: Workspace, about: Any) -> None:
        """Tell every listener."""
        for each in self.listeners:
            each(what, workspace, about)

    async def call(self, token: str, method: str, params: Mapping[str, Any] | None = None) -> Json:
        """Do what a method does: its answer, or SlackError. ``token`` "" is a call without one."""
        return self.answer(token, method, params or {})

    def answer(self, token: str, method: str, params: Mapping[str, Any]) -> Json:
        """The same, without waiting for anything."""
        found = METHODS.get(method)
        if found is None:
            raise SlackError("unknown_method", req_method=method)
        for name in params:
            if "[" in name:
                raise SlackError("invalid_array_arg")
            if not name.replace("_", "").isalnum() or len(name) > 80:
                raise SlackError("invalid_arg_name")
        workspace = self._allowed(found, token)
        call = Call(self, found, params, token, workspace)
        if found.scopes:
            call.need(*found.scopes)
        return {"ok": True} | found.handler(call)

    def _allowed(self, method: Method, token: str) -> Workspace:
        if method.kind == "none":
            return next(iter(self.workspaces.values()))
        if not token:
            raise SlackError("not_authed")
        if token == self.app_token:
            if method.kind != "app":
                raise SlackError("not_allowed_token_type")
            return next(iter(self.workspaces.values()))
        workspace = self.of_token(token)
        if workspace is None:
            raise SlackError(self.dead.get(token, "invalid_auth"))
        if not workspace.installed:
            raise SlackError(workspace.over or "account_inactive")
        if method.kind == "app":
            raise SlackError("not_allowed_token_type")
        return workspace

    def of_token(self, token: str) -> Workspace | None:
        """Whose bot token this is."""
        found = self._by_token.get(token)
        if found is None or found.token != token:
            self._by_token = {each.token: each for each in self.workspaces.values()}
            found = self._by_token.get(token)
        return found

    def uninstall(self, workspace: Workspace, *, over: str = "account_inactive") -> None:
        """The app is removed: its token is over, and is answered ``over`` from now on."""
        workspace.installed, workspace.over = False, over
        self.dead[workspace.token] = over

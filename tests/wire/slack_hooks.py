"""response_url: what an app may say to an interaction without a token, five times within thirty minutes."""

from __future__ import annotations

import json
from datetime import timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.wire.slack_blocks import check_message, filled
from tests.wire.slack_model import Conversation, Hook, Json, Message, Person, SlackError, Workspace

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

USES = 5
"""How often a response_url works (docs: handling user interaction)."""

LIFE = timedelta(minutes=30)
"""How long."""

PATHS = ("/commands/", "/actions/", "/app/")
"""Where response_urls are on hooks.slack.com: of a command, of a block action, of a message shortcut."""

_KNOWN = frozenset(
    [
        "text",
        "blocks",
        "attachments",
        "response_type",
        "replace_original",
        "delete_original",
        "thread_ts",
        "unfurl_links",
        "unfurl_media",
        "metadata",
        "mrkdwn",
        "parse",
        "link_names",
    ]
)


class Hooks:
    """Makes response_urls and answers what is posted to them. ``uses`` counts what was said through all."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake = fake
        self._workspaces: dict[str, Workspace] = {}  # by url
        self.uses = self.refused = 0

    def make(
        self,
        workspace: Workspace,
        person: Person,
        channel: Conversation,
        path: str,
        message: Message | None = None,
    ) -> Hook:
        """A new response_url for somebody, on ``message`` if the interaction was on one."""
        url = f"{self._fake.base}{path}{workspace.id}/{token_urlsafe(12)}/{token_urlsafe(18)}"
        hook = Hook(url, person.id, channel, self._fake.now() + LIFE, message)
        workspace.hooks[url] = hook
        self._workspaces[url] = workspace
        return hook

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One POST to a response_url: 200 and ``ok``, or what is wrong.

        Faults of the method ``response_url`` are met here, and calls are recorded by that name.
        """
        http = self._fake.http
        record = http._record("response_url")
        fault = self._fake.faults.take("response_url")
        if fault is not None and (instead := await http._instead(request, fault, record)) is not None:
            return instead
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        record.params = body if isinstance(body, dict) else {}
        record.team = request.path.split("/")[2]
        answer = self._answer(request, body)
        record.done = answer.status == 200
        return await http._send(request, fault, record, answer)

    def _answer(self, request: web.Request, body: Any) -> web.Response:
        try:
            self.use(self._fake.base + request.path, body)
        except SlackError as error:
            self.refused += 1
            status = 404 if error.code in ("used_url", "expired_url", "channel_not_found") else 400
            said = {"ok": False, "error": error.code} | error.more
            return web.json_response(said, status=status)
        return web.Response(text="ok")

    def use(self, url: str, body: Any) -> None:
        """Say something through a response_url; SlackError if it cannot be."""
        workspace = self._workspaces.get(url)
        hook = workspace.hooks.get(url) if workspace else None
        if workspace is None or hook is None or not workspace.installed:
            raise SlackError("channel_not_found")
        if hook.until <= self._fake.now():
            raise SlackError("expired_url")
        if hook.uses >= USES:
            raise SlackError("used_url")
        if not isinstance(body, dict) or not body:
            raise SlackError("invalid_payload")
        if unknown := set(body) - _KNOWN:
            raise SlackError("invalid_payload", unknown=sorted(unknown))
        if body.get("response_type", "ephemeral") not in ("ephemeral", "in_channel"):
            raise SlackError("invalid_payload", unknown=["response_type"])
        if not body.get("delete_original"):
            usable = lambda given: given.get("id") in workspace.files  # noqa: E731
            check_message(body.get("blocks"), body.get("text") or "", usable=usable)
        hook.uses += 1
        self.uses += 1
        self._do(workspace, hook, body)

    def _do(self, workspace: Workspace, hook: Hook, body: Json) -> None:
        original = hook.message
        if body.get("delete_original"):
            if original is not None:
                self._fake.removed(workspace, original)
                self._fake.eyes.changed(workspace, hook.user, original, hook)
            return
        if body.get("replace_original") and original is not None and not original.deleted:
            self._fill(original, body)
            original.edited = workspace.ts(self._fake.now())
            self._fake.eyes.changed(workspace, hook.user, original, hook)
            return
        thread = str(body.get("thread_ts") or (original.thread if original else ""))
        message = Message(hook.channel, workspace.ts(self._fake.now()), workspace.bot.id, thread=thread)
        message.bot_id = workspace.bot_id
        self._fill(message, body)
        if body.get("response_type", "ephemeral") == "in_channel":
            if thread and thread not in hook.channel.messages:
                message.thread = ""
            hook.channel.add(message)
        else:
            message.only_for = hook.user
            workspace.people[hook.user].private.append(message)
        self._fake.eyes.answered(workspace, hook.user, message, hook)

    def _fill(self, message: Message, body: Json) -> None:
        message.text = str(body.get("text") or "")
        message.blocks = filled(body.get("blocks") or [])
        message.raw = body

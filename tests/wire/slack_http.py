"""The HTTP around the Web API: tokens, bodies, faults, limits, the record of what was asked.

Bodies as Slack takes them: forms (and query strings) for every method, with nested arguments as JSON
in strings; JSON for methods that write, with the token in the Authorization header.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.wire.slack_calls import METHODS
from tests.wire.slack_faults import Fault, Faults
from tests.wire.slack_limits import Limits
from tests.wire.slack_model import Json, SlackError
from tests.wire.slack_web import SlackWeb
from tests.wire.slack_web_files import receive


@dataclass(slots=True)
class Recorded:
    """What was asked, and how it was answered. ``status`` 0: the connection was cut."""

    at: datetime
    method: str
    params: Json = field(default_factory=dict[str, Any])
    team: str = ""
    status: int = 0
    error: str = ""
    done: bool = False  # whether the method ran without refusing: the effect happened


@dataclass
class SlackHttp:
    """Serves a SlackWeb; ``routes()`` go into an aiohttp application.

    ``requests`` is every call in order while ``recording``; ``changed`` is told after each answer.
    """

    api: SlackWeb
    faults: Faults
    limits: Limits
    recording: bool = True
    requests: list[Recorded] = field(default_factory=list[Recorded])
    changed: Callable[[], None] = lambda: None

    def routes(self) -> list[web.RouteDef]:
        """/api/{method} and the upload address."""
        return [
            web.route("*", "/api/{method}", self.answer),
            web.post("/upload/v1/{token}", self.upload),
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call, from the first header to the last byte."""
        name = request.match_info["method"]
        record = self._record(name)
        fault = self.faults.take(name)
        if fault is not None and (instead := await self._instead(request, fault, record)) is not None:
            return instead
        token, params, problem, warning = await _read(request)
        record.params = params
        workspace = self.api.of_token(token)
        record.team = workspace.id if workspace is not None else ""
        channel = str(params.get("channel", ""))
        if workspace is not None and (direct := workspace.directs.get(channel)) is not None:
            channel = direct.id
        wait = self.limits.ask(record.team, name, channel, unlisted=self.api.unlisted)
        if wait:
            record.status, record.error = 429, "ratelimited"
            self.changed()
            return _too_many(wait)
        try:
            if problem:
                raise SlackError(problem)
            answer = await self.api.call(token, name, params)
            record.done = True
        except SlackError as no:
            answer = {"ok": False, "error": no.code} | no.more
            record.error = no.code
        if warning:
            answer.setdefault("warning", warning)
            answer.setdefault("response_metadata", {}).setdefault("warnings", [warning])
        headers = {}
        if workspace is not None:
            headers["X-OAuth-Scopes"] = ",".join(sorted(workspace.scopes))
            if name in METHODS:
                headers["X-Accepted-OAuth-Scopes"] = ",".join(METHODS[name].scopes)
        return await self._send(request, fault, record, _json(answer, headers=headers))

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, as the whole body or as a part of a form. No token: the address is secret."""
        record = self._record("upload")
        fault = self.faults.take("upload")
        if fault is not None and (instead := await self._instead(request, fault, record)) is not None:
            return instead
        if request.content_type == "multipart/form-data":
            form = await request.post()
            parts = [each.file.read() for each in form.values() if isinstance(each, web.FileField)]
            data = parts[0] if len(parts) == 1 else b""
        else:
            data = await request.read()
        status, text = receive(self.api, request.match_info["token"], data)
        record.done = status == 200
        return await self._send(request, fault, record, web.Response(status=status, text=text))

    def _record(self, name: str) -> Recorded:
        record = Recorded(self.api.clock.now(), name)
        if self.recording:
            self.requests.append(record)
        return record

    async def _send(
        self, request: web.Request, fault: Fault | None, record: Recorded, whole: web.Response
    ) -> web.StreamResponse:
        if fault is not None and fault.kind in ("cut_after", "cut_middle"):
            if fault.kind == "cut_middle":
                data = whole.body if isinstance(whole.body, bytes) else b""
                part = web.StreamResponse(status=whole.status, headers=whole.headers)
                part.content_length = len(data)
                await part.prepare(request)
                await part.write(data[: len(data) // 2])
            self.changed()
            return _cut(request)
        record.status = whole.status
        self.changed()
        return whole

    async def _instead(
        self, request: web.Request, fault: Fault, record: Recorded
    ) -> web.StreamResponse | None:
        """What a fault does before anything happens; None when the call goes on."""
        if fault.hold is not None:
            self.changed()
            await fault.hold.wait()
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "cut_before":
            self.changed()
            return _cut(request)
        answer: web.Response | None = None
        if fault.error:
            record.error = fault.error
            answer = _json({"ok": False, "error": fault.error})
        elif fault.kind == "ratelimited":
            record.error = "ratelimited"
            answer = _too_many(fault.retry_after)
        elif fault.kind == "500":
            record.error = "internal_error"
            answer = _json({"ok": False, "error": "internal_error"}, status=500)
        elif fault.kind == "503":
            record.error = "service_unavailable"
            answer = _json({"ok": False, "error": "service_unavailable"}, status=503)
        elif fault.kind == "502":  # from the edge: no JSON
            answer = web.Response(status=502, text="<html>502</html>", content_type="text/html")
        if answer is not None:
            record.status = answer.status
            self.changed()
        return answer


def _json(body: Json, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _too_many(after: int) -> web.Response:
    return _json({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(after)})


def _cut(request: web.BaseRequest) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _read(request: web.Request) -> tuple[str, Json, str, str]:
    """The token, the arguments, what is wrong with the body, what Slack only warns of; "" for nothing."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else ""
    params: Json = dict(request.query)
    problem = warning = ""
    if scheme.lower() == "basic":
        params |= _basic(rest)
    if request.method == "POST" and request.can_read_body:
        kind = request.content_type
        if kind == "application/json":
            warning = "" if request.charset else "missing_charset"
            body, problem = _object(await request.read())
            found = METHODS.get(request.match_info["method"])
            if found is None or found.json:
                params |= body  # a method that only reads does not look at JSON
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            params |= {name: each for name, each in (await request.post()).items() if isinstance(each, str)}
        else:
            problem = "invalid_post_type"
            if await request.read() == b"" or "Content-Type" not in request.headers:
                problem = ""
    if "token" in params:  # never from JSON: it goes into the header then
        given = params.pop("token")
        if request.content_type != "application/json":
            token = token or str(given)
    return token, params, problem, warning


def _object(data: bytes) -> tuple[Json, str]:
    try:
        body = json.loads(data) if data.strip() else {}
    except ValueError:
        return {}, "invalid_json"
    return (body, "") if isinstance(body, dict) else ({}, "json_not_object")


def _basic(given: str) -> Json:
    try:
        id, _, secret = base64.b64decode(given).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": id, "client_secret": secret}

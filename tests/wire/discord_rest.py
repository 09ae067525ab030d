"""The HTTP side: routing, authorisation, bodies, faults, limits, the record of what was asked.

Handlers are plain functions: what they change is changed at once, so a cut connection has either
happened before the effect or after it, never within.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.wire.discord_errors import NOT_ALLOWED, NOT_FOUND, UNAUTHORIZED, Problems, Refusal, snowflake
from tests.wire.discord_faults import Fault
from tests.wire.discord_http import Upload, read_body, respond
from tests.wire.discord_limits import Verdict

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

BASE = "/api/v10"
LARGEST = 30 * 1024 * 1024

Handler = Callable[["Call"], Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status of its own."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. ``open`` needs no token (interactions, webhooks); ``major`` splits limits."""

    method: str
    template: str
    handler: Handler
    open: bool = False
    major: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``POST /channels/{channel}/messages``."""
        return f"{self.method} {self.template}"

    @property
    def answers(self) -> bool:
        """Whether this is the first answer to an interaction, which no limit holds up."""
        return self.template.startswith("/interactions/")


@dataclass(slots=True)
class Node:
    """A step of a path."""

    named: dict[str, Node] = field(default_factory=dict[str, "Node"])
    other: Node | None = None
    routes: dict[str, Route] = field(default_factory=dict[str, Route])


class Routes:
    """All routes; a module adds its own with ``@routes("GET", "/users/{user}")``."""

    def __init__(self) -> None:
        self.all: list[Route] = []
        self._root = Node()

    def __call__(self, method: str, template: str, *, open: bool = False) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            steps = [step[1:-1] for step in template.split("/") if step[:1] == "{"]
            major = steps[:1] if steps[:1] in (["channel"], ["guild"], ["webhook"], ["interaction"]) else []
            if template.startswith("/webhooks/"):
                major = ["webhook", "token"]
            self.add(Route(method, template, handler, open, tuple(major)))
            return handler

        return add

    def add(self, route: Route) -> None:
        """Add a route."""
        self.all.append(route)
        node = self._root
        for step in route.template.split("/")[1:]:
            if step.startswith("{"):
                node.other = node.other or Node()
                node = node.other
            else:
                node = node.named.setdefault(step, Node())
        assert route.method not in node.routes, route.name
        node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a request and its parameters; refused with 404 or 405."""
        steps = path.split("/")[1:]
        found = self._walk(self._root, steps, 0)
        if found is None:
            raise Refusal(*NOT_FOUND)
        if (route := found.routes.get(method)) is None:
            raise Refusal(*NOT_ALLOWED)
        names = route.template.split("/")[1:]
        return route, {name[1:-1]: step for name, step in zip(names, steps, strict=True) if name[:1] == "{"}

    def _walk(self, node: Node, steps: list[str], at: int) -> Node | None:
        if at == len(steps):
            return node if node.routes else None
        if (named := node.named.get(steps[at])) and (found := self._walk(named, steps, at + 1)):
            return found
        if node.other is not None and steps[at]:
            return self._walk(node.other, steps, at + 1)
        return None


@dataclass(slots=True)
class Call:
    """A request as its handler sees it."""

    fake: FakeDiscord
    route: Route
    params: dict[str, str]
    query: Mapping[str, str]
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict[int, Upload])

    def id(self, name: str) -> int:
        """A snowflake of the path."""
        if (found := snowflake(self.params[name])) is None:
            problems = Problems()
            problems.add(
                (f"{name}_id",), "NUMBER_TYPE_COERCE", f'Value "{self.params[name]}" is not snowflake.'
            )
            problems.check()
            raise AssertionError
        return found

    def query_number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query string."""
        value: Any = self.query.get(name)
        if value is None:
            return default
        problems = Problems()
        problems.number(int(value) if value.isdigit() else value, (name,), least, most)
        problems.check()
        return int(value)

    def query_flag(self, name: str) -> bool:
        """A boolean of the query string."""
        return self.query.get(name, "").lower() in ("1", "true")

    @property
    def object(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        if not isinstance(self.body, dict):
            problems = Problems()
            problems.object(self.body, ())
            problems.check()
        return self.body


@dataclass(slots=True)
class Recorded:
    """What was asked, and how it was answered. ``status`` 0: the connection was cut."""

    at: datetime
    method: str
    path: str
    route: str = ""
    body: Any = None
    status: int = 0
    code: int = 0
    done: bool = False  # whether the handler ran: the effect happened


class Rest:
    """Answers requests under /api/v10."""

    def __init__(self, fake: FakeDiscord, routes: Routes) -> None:
        self._fake, self._routes = fake, routes

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from the first header to the last byte."""
        fake = self._fake
        record = Recorded(fake.now(), request.method, request.path.removeprefix(BASE))
        if fake.recording:
            fake.requests.append(record)
        try:
            route, params = self._routes.find(request.method, record.path)
        except Refusal as no:
            record.status = no.status
            return respond(no.status, no.body)
        record.route = route.name
        fault = fake.faults.take(request.method, record.path)
        if fault is not None:
            fake.wake()
            if (instead := await self._instead(request, fault, record)) is not None:
                return instead
        verdict: Verdict | None = None
        try:
            if not route.open and request.headers.get("Authorization") != f"Bot {fake.token}":
                raise Refusal(*UNAUTHORIZED)
            verdict = fake.limits.ask(route, params)
            if verdict.refused:
                record.status = 429
                return verdict.response()
            status, body = await self._handle(request, Call(fake, route, params, request.query), record)
        except Refusal as no:
            status, body, record.code = no.status, no.body, no.code
            if status in (401, 403):
                fake.limits.invalid(status)
        headers = verdict.headers() if verdict else {}
        if fault is not None and fault.cut:
            return await self._break(request, fault, respond(status, body, headers))
        record.status = status
        fake.wake()
        return respond(status, body, headers)

    async def _handle(self, request: web.BaseRequest, call: Call, record: Recorded) -> tuple[int, Any]:
        if request.can_read_body:
            call.body, call.uploads = await read_body(request)
        record.body = call.body
        body = call.route.handler(call)
        record.done = True
        if isinstance(body, Reply):
            return body.status, body.body
        return (204 if body is None else 200), body

    async def _instead(
        self, request: web.BaseRequest, fault: Fault, record: Recorded
    ) -> web.StreamResponse | None:
        """What a fault does before anything happens; None when it goes on."""
        if fault.hold is not None:
            await fault.hold.wait()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.cut == "before":
            return cut(request)
        if fault.status or fault.code:
            answer = fault.response(self._fake)
            record.status, record.code = answer.status, fault.code
            return answer
        return None

    async def _break(self, request: web.BaseRequest, fault: Fault, whole: web.Response) -> web.StreamResponse:
        """It happened, but the answer does not arrive: nothing of it, or half."""
        if fault.cut == "middle":
            data = whole.body if isinstance(whole.body, bytes) else b""
            part = web.StreamResponse(status=whole.status, headers=whole.headers)
            part.content_length = len(data) + 64
            await part.prepare(request)
            await part.write(data[: len(data) // 2])
        return cut(request)


def cut(request: web.BaseRequest) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)

"""HTTP mode and OAuth: the web server that Slack reaches at a public address.

Signatures and timestamps (five minutes) are checked by slack-bolt. A request that carries the signature of
one that was already taken is refused as well: Slack signs each of its retries anew, so the same one twice
is somebody else's. That memory is this process's and ends with it; what a command did is written down, and
is done once even then (see ``bot.dispatch``).
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.errors import StartError
from bot.platforms.slack_app import INSTALL, REDIRECT
from bot.platforms.slack_errors import FAILURES
from bot.platforms.slack_work import reason

log = structlog.get_logger(__name__)

EVENTS = "/slack/events"
SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
MEMORY = 660.0  # seconds that a signature is remembered: Bolt takes timestamps five minutes old or early
MOST = 1024 * 1024  # bytes of a request; Slack's are far smaller
DRAIN = 3.0  # seconds that requests on their way get when the server stops
BUSY = "slack.port {port} on {host} cannot be listened on ({reason}). Choose another, or end what uses it."
NO_ANSWER = "Slack did not answer just now. Nothing was installed. Please go back and try again."
_DIGITS = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_SIGNED = re.compile(r"v0=[0-9a-f]{64}\Z", re.ASCII)


class Replays(AsyncMiddleware):
    """Refuses a signature that was taken before. Runs after Bolt's verification, so only Slack's get here."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, float] = OrderedDict()

    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """Bolt's middleware."""
        if req.mode == "http":
            now, signature = asyncio.get_running_loop().time(), str(req.headers[SIGNATURE][0])
            while self._taken and next_old(self._taken) < now - MEMORY:
                self._taken.popitem(last=False)
            if signature in self._taken:
                log.warning("request refused", reason="replayed")
                return BoltResponse(status=401, body={"error": "request was sent before"})
            self._taken[signature] = now
        return await next()

    def forget(self, signature: str) -> None:
        """It was not handled after all: Slack may send it again at once."""
        self._taken.pop(signature, None)


def next_old(taken: OrderedDict[str, float]) -> float:
    """When the oldest one came."""
    return next(iter(taken.values()))


class Door:
    """The server: events and interactions (``events``), OAuth's two pages (``flow``)."""

    def __init__(
        self,
        app: AsyncApp,
        replays: Replays,
        host: str,
        port: int,
        *,
        events: bool,
        flow: AsyncOAuthFlow | None,
    ) -> None:
        self._app, self._replays, self._host, self._port, self._flow = app, replays, host, port, flow
        self._deaf = False
        served = web.Application(client_max_size=MOST)
        if events:
            served.router.add_post(EVENTS, self._event)
        if flow is not None:
            served.router.add_get(INSTALL, self._install)
            served.router.add_get(REDIRECT, self._installed)
        self._runner = web.AppRunner(served, access_log=None, shutdown_timeout=DRAIN)

    async def open(self) -> None:
        """Listen. ``StartError`` if the address is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or type(error).__name__
            raise StartError(BUSY.format(port=self._port, host=self._host, reason=reason)) from None

    def deafen(self) -> None:
        """Take no new requests (Slack sends events again); those on their way are answered."""
        self._deaf = True

    async def close(self) -> None:
        """Answer what is on its way, then listen no more."""
        await self._runner.cleanup()

    # -- requests ------------------------------------------------------------------------------

    async def _event(self, request: web.Request) -> web.Response:
        if self._deaf:
            return web.json_response({"error": "stopping"}, status=503)
        if not _plausible(request):
            log.warning("request refused", reason="headers")
            return web.json_response({"error": "invalid request"}, status=401)
        try:
            asked = _whole(await to_bolt_request(request))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            log.warning("request refused", reason="body")
            return web.json_response({"error": "invalid request"}, status=400)
        answer = await self._app.async_dispatch(asked)
        if answer.status == 401:
            log.warning("request refused", reason="signature, timestamp or replay")
        elif answer.status == 404:  # Slack's own, of a sort that we do not know: nothing to send again
            log.warning("request not for us")
            return web.Response()
        elif answer.status != 200:
            self._replays.forget(request.headers.get(SIGNATURE, ""))
            log.warning("request not handled", status=answer.status)
        return await to_aiohttp_response(answer)

    async def _install(self, request: web.Request) -> web.Response:
        assert self._flow is not None
        return await to_aiohttp_response(await self._flow.handle_installation(await to_bolt_request(request)))

    async def _installed(self, request: web.Request) -> web.Response:
        assert self._flow is not None
        try:
            answer = await self._flow.handle_callback(await to_bolt_request(request))
        except FAILURES as error:
            log.warning("not installed", error=type(error).__name__, reason=reason(error))
            return web.Response(status=503, text=NO_ANSWER)
        return await to_aiohttp_response(answer)


def _plausible(request: web.Request) -> bool:
    """Whether the two signing headers can be Slack's, if they are there; Bolt fails over what is none."""
    timestamp, signature = request.headers.get(TIMESTAMP), request.headers.get(SIGNATURE)
    return (timestamp is None or bool(_DIGITS.match(timestamp))) and (
        signature is None or bool(_SIGNED.match(signature))
    )


def _whole(asked: AsyncBoltRequest) -> AsyncBoltRequest:
    """Bolt takes a command in whose words "payload" stands for an empty request: read it again."""
    if asked.raw_body and not asked.body:
        asked.body = dict(parse_qsl(asked.raw_body, keep_blank_values=True))
        asked.context = build_async_context(AsyncBoltContext({}), asked.body)
    return asked

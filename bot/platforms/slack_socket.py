"""Socket Mode: Slack's events over WebSockets that this process opens, so no public address is needed.

slack_sdk's client reads and answers one connection (``Link``); opening, replacing and reopening is done
here, because its own way stays for ever with an address that Slack gave it once and takes no more, tries
for ever with a token that was taken back, and notices a cut line only at its next ping. A connection that
Slack wants replaced (hourly, ``disconnect``) is closed after the next one is open, so nothing is missed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import aiohttp
import structlog
from aiohttp import ClientWebSocketResponse, WSMsgType
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import StartError
from bot.platforms.slack_app import QUIET
from bot.platforms.slack_errors import FAILURES, OVER, code, retry_after
from bot.platforms.slack_work import reason

Json = dict[str, Any]
log = structlog.get_logger(__name__)

OPEN_WITHIN = 10.0  # seconds for a connection to be opened and greeted
GREETED_WITHIN = 3.0  # seconds; Slack says hello at once, what stands in for it may not say it at all
PING = 10.0  # seconds between two pings; a connection that does not answer is reopened
RETRY_FIRST, RETRY_MOST = 0.5, 30.0  # seconds between two tries to connect
LASTING = 10.0  # seconds after which a connection counts as a good one
CLOSE_WITHIN = 1.0  # seconds for the goodbye of a connection
BAD = OVER | {"not_allowed_token_type", "missing_scope", "no_permission", "invalid_app_id", "app_not_found"}
BAD_APP_TOKEN = (
    "slack.app_token is refused by Slack ({code}). On the app's page, under Basic Information, App-Level "
    "Tokens, make one with the scope connections:write, and put it into the configuration."
)


class Link(SocketModeClient):
    """One connection. ``over`` is set when it needs to be replaced, ``greeted`` when Slack said hello."""

    successor: Link | None = None

    def __init__(self, app_token: str, web_client: AsyncWebClient, ping: float) -> None:
        super().__init__(
            app_token=app_token,
            logger=QUIET,
            web_client=web_client,
            auto_reconnect_enabled=False,
            ping_interval=ping,
        )
        self.proxy = web_client.proxy  # the environment's, unless the settings say where Slack is
        self.over, self.greeted = asyncio.Event(), asyncio.Event()
        self._answering, self._quiet = 0, asyncio.Event()
        self._quiet.set()
        self.message_listeners.append(self._heard)  # pyright: ignore[reportUnknownMemberType]

    @property
    def live(self) -> ClientWebSocketResponse | None:
        """The open connection; of the one that followed, if this one is closed."""
        if self.current_session is not None and not self.current_session.closed:
            return self.current_session
        return self.successor.live if self.successor else None

    @contextmanager
    def answering(self) -> Generator[None]:
        """An envelope of this connection is being answered in here."""
        self._answering += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._answering -= 1
            if not self._answering:
                self._quiet.set()

    async def connect(self) -> None:
        """Open it, once, at ``wss_uri``, until Slack says hello, or says nothing but keeps it open.

        Raises aiohttp's and OS errors.
        """
        self.current_session = await self.aiohttp_client_session.ws_connect(
            str(self.wss_uri),
            heartbeat=self.ping_interval,
            proxy=self.proxy,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_WITHIN),  # pyright: ignore[reportCallIssue]
        )
        self.message_receiver = asyncio.ensure_future(self.receive_messages())
        ends = [asyncio.create_task(each.wait()) for each in (self.greeted, self.over)]
        try:
            await asyncio.wait(ends, timeout=GREETED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
        if self.greeted.is_set():
            return
        if self.over.is_set():
            raise ConnectionError("no hello")
        log.info("no hello")

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """Slack wants this connection replaced."""
        self.over.set()

    async def receive_messages(self) -> None:
        """Everything that comes, until the connection ends."""
        assert self.current_session is not None
        try:
            async for message in self.current_session:
                if message.type is WSMsgType.TEXT:
                    await self.enqueue_message(message.data)
        finally:
            self.over.set()

    async def send_message(self, message: str) -> None:
        """An ack; what cannot be sent Slack delivers again."""
        if (session := self.live) is None:
            log.warning("ack not sent", error="no connection")
            return
        try:
            await session.send_str(message)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("ack not sent", error=type(error).__name__)

    async def _heard(self, _: object, message: Json, __: str | None = None) -> None:
        if message.get("type") == "hello":
            self.greeted.set()
        envelope = message.get("envelope_id")
        if isinstance(envelope, str) and not (message.get("type") and _readable(message.get("payload"))):
            log.warning("envelope not understood")  # slack_sdk passes on no such thing
            await self.send_message(json.dumps({"envelope_id": envelope}))

    async def retire(self) -> None:
        """Close it once all that came through it is acked."""
        await asyncio.wait({waiting := asyncio.create_task(self._quiet.wait())}, timeout=OPEN_WITHIN)
        waiting.cancel()
        await self.end()

    async def end(self) -> None:
        """Close it, whatever state it is in. Never fails, and leaves nothing open, even if cancelled."""
        self.over.set()
        try:
            async with asyncio.timeout(CLOSE_WITHIN * 2):
                await self.close()
        except (*FAILURES, RuntimeError) as error:
            log.info("connection not closed properly", error=type(error).__name__)
        finally:
            for task in (self.message_processor, self.message_receiver):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
                if task is not None:
                    task.cancel()
            await self.aiohttp_client_session.close()


class Handler(AsyncSocketModeHandler):
    """Bolt's own handler of envelopes, on our connection; every envelope is acked, whatever went wrong."""

    def __init__(self, app: AsyncApp, link: Link) -> None:  # not the base's: it makes its own client
        self.app, self.app_token, self.client = app, link.app_token, link
        link.socket_mode_request_listeners.append(self.handle)  # pyright: ignore[reportArgumentType]

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One envelope."""
        assert isinstance(client, Link)

        with client.answering():
            try:
                response: BoltResponse = await run_async_bolt_app(self.app, req)
            except Exception as error:  # noqa: BLE001  (the boundary: an envelope is acked all the same)
                log.error("envelope not handled", sort=_sort(req), error=type(error).__name__)
                response = BoltResponse(status=200)
            if response.status != 200:
                log.warning("envelope not for us", sort=_sort(req), status=response.status)
                response = BoltResponse(status=200)
            await send_async_response(client, req, response, 0.0)


def _readable(payload: object) -> bool:
    return isinstance(payload, dict | str)


def _sort(request: SocketModeRequest) -> str:
    known = ("events_api", "interactive", "slash_commands")
    return request.type if request.type in known else "unknown"


class Socket:
    """Keeps one connection open, for as long as ``serve`` runs."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient, app_token: str, ping: float = PING) -> None:
        self._app, self._client, self._token, self._ping = app, client, app_token, ping
        self._link: Link | None = None
        self._retiring: dict[asyncio.Task[None], Link] = {}

    async def serve(self, ready: asyncio.Event) -> None:
        """Connect and stay connected until cancelled. ``StartError`` when Slack refuses the app's token."""
        loop, pause = asyncio.get_running_loop(), 0.0
        while True:
            try:
                link = await self._open()
            except FAILURES as error:
                if isinstance(error, SlackApiError) and code(error) in BAD:
                    raise StartError(BAD_APP_TOKEN.format(code=code(error))) from None
                pause = min(RETRY_MOST, max(RETRY_FIRST, pause * 2, _asked(error)))
                log.warning("not connected", error=type(error).__name__, reason=reason(error), seconds=pause)
                if self._link is None or self._link.live is None:
                    ready.clear()
                await asyncio.sleep(pause)
                continue
            self._follow(link)
            ready.set()
            log.info("connected")
            began = loop.time()
            await link.over.wait()
            if link.live is None:
                ready.clear()
            lasted = loop.time() - began
            pause = 0.0 if lasted >= LASTING else min(RETRY_MOST, max(pause * 2, 0.05))
            log.info("connection ends", seconds=round(lasted))
            if pause > RETRY_FIRST:
                await asyncio.sleep(pause)

    def deafen(self) -> None:
        """Take no new envelopes (Slack delivers them elsewhere, or again); acks still go out."""
        if self._link is not None:
            self._link.message_processor.cancel()  # pyright: ignore[reportUnknownMemberType]

    async def stop(self) -> None:
        """Close what is open."""
        links = [*self._retiring.values(), *([self._link] if self._link else [])]
        self._link = None
        for task in list(self._retiring):
            task.cancel()
        await asyncio.gather(*(link.end() for link in links))

    async def _open(self) -> Link:
        """A connection that Slack greeted. Raises what ``FAILURES`` names."""
        link = Link(self._token, self._client, self._ping)
        try:
            link.wss_uri = await self._address()
            Handler(self._app, link)
            async with asyncio.timeout(OPEN_WITHIN):
                await link.connect()
        except BaseException:
            await link.end()
            raise
        return link

    async def _address(self) -> str:
        """Where to connect, good for one connection. slack_sdk's own asking fails over a proxy's answer."""
        client: Any = self._client
        answer: Json = (await client.apps_connections_open(app_token=self._token)).data
        if not isinstance(answer.get("url"), str):
            raise ConnectionError("no address")
        return answer["url"]

    def _follow(self, link: Link) -> None:
        """The new connection takes the place of the old one, which goes when its acks are sent."""
        old, self._link = self._link, link
        if old is not None:
            old.successor = link
            task = asyncio.create_task(old.retire())
            self._retiring[task] = old
            task.add_done_callback(lambda done: self._retiring.pop(done, None))


def _asked(error: BaseException) -> float:
    """Seconds that Slack wants to be left alone."""
    if isinstance(error, SlackApiError) and code(error) in ("ratelimited", "rate_limited"):
        return retry_after(error)
    return 0.0

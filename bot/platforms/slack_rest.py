"""Every request to Slack goes through here: paced, within its tier, repeated only where that is harmless.

slack_sdk's client makes the requests, with its retry handlers: for rate limits always, for failures of
Slack's servers and of the connection only where doing it twice is doing it once. A message is never
repeated blindly: the outbox, which knows its key, looks for it first (``slack_lookup``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.proxy_env_variable_loader import load_http_proxy_from_env
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.clock import Clock
from bot.errors import Undeliverable
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, LIMITED, OVER, code, retry_after, seconds, status
from bot.platforms.slack_files import Uploads
from bot.platforms.slack_limits import BRIEF, CHANNEL_PER_SECOND, POST, Lane, Limits
from bot.ui import Image

Json = dict[str, Any]

SLACK = "https://slack.com/api/"
PER_MINUTE = 290.0  # messages of a workspace; Slack says "several hundred"
TIMEOUT = aiohttp.ClientTimeout(total=10.0, connect=5.0)  # of one try
RETRIES, RETRY_PAUSE = 2, 0.3  # more tries, seconds before each: a form's trigger lives for three
CUT = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)  # of which a repeat may mend
ONCE = frozenset({POST, "chat.postEphemeral"})  # doing these twice is seen
WORKSPACES = 1_000  # whose clients and names are kept
FRESH = 3600.0  # real seconds that a workspace's description is used

log = structlog.get_logger(__name__)
_library = logging.getLogger("bot.platforms.slack_rest.sdk")
_library.setLevel(logging.INFO)  # below it the library logs what is sent, and that is people's words


class Tokens(Protocol):
    """Whoever keeps the workspaces' bot tokens."""

    async def token(self, team: str) -> str:
        """The token of a workspace; ``Undeliverable`` where the bot is not installed."""
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace and who the bot is in it. ``scopes`` is empty where Slack did not say."""

    url: str  # "https://acme.slack.com/", what links begin with
    bot_user: str
    bot_id: str
    name: str
    bot_name: str = ""
    scopes: frozenset[str] = frozenset()


class Rest:
    """A session. ``ended`` is told a workspace whose token Slack has ended, once."""

    def __init__(
        self,
        api_base: str,
        tokens: Tokens,
        clock: Clock,
        per_minute: float = PER_MINUTE,
        per_channel: float = CHANNEL_PER_SECOND,
        *,
        ended: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._base, self._tokens, self._clock, self.ended = api_base or SLACK, tokens, clock, ended
        self.limits = Limits(per_minute, per_channel)
        # The environment's proxy is not for a server that the settings name.
        self._proxy = load_http_proxy_from_env(_library) if self._base == SLACK else None
        self._session: aiohttp.ClientSession | None = None
        self._clients: Recent[AsyncWebClient] = Recent(4 * WORKSPACES)
        self._workspaces: Recent[tuple[str, float, Workspace]] = Recent(WORKSPACES)
        self._dead: Recent[str] = Recent(WORKSPACES)  # team -> the token that was ended
        self._uploads = Uploads(self)

    async def close(self) -> None:
        """Give the connections back; a later request opens new ones."""
        session, self._session = self._session, None
        self._clients = Recent(4 * WORKSPACES)
        if session is not None:
            await session.close()

    async def call(
        self, team: str, method: str, lane: Lane = Lane.PEOPLE, once: bool = False, **params: Any
    ) -> Json:
        """The answer of a method ("chat.update"), asked with slack_sdk's arguments for it.

        ``once``: never repeated unless Slack surely did nothing (a 429); so it is for messages by itself.
        Raises ``SlackApiError``, aiohttp's errors, ``TimeoutError``, and ``TryLater`` where it would wait
        for too long.
        """
        return _data(await self._ask(team, method, lane, once, params))

    async def spare(self, team: str, method: str, **params: Any) -> Json | None:
        """The answer of a method that is asked only where it need not wait; None if it would have to."""
        if not self.limits.take(team, method):
            return None
        return _data(await self._ask(team, method, None, False, params))

    async def _ask(
        self, team: str, method: str, lane: Lane | None, once: bool, params: Json
    ) -> AsyncSlackResponse:
        """``lane`` is None where a turn was taken."""
        token = await self._tokens.token(team)
        if self._dead.get(team) == token:
            raise Undeliverable("token_revoked")
        if lane is not None:
            await self.limits.turn(team, method, lane, str(params.get("channel", "")))
        client = self._client(team, token, once or method in ONCE, lane is Lane.PEOPLE)
        ask = cast("Callable[..., Awaitable[AsyncSlackResponse]]", getattr(client, method.replace(".", "_")))
        try:
            return await ask(**params)
        except SlackApiError as error:
            if code(error) in OVER:
                await self._doubt(team, token, method, code(error))
            elif code(error) in LIMITED and status(error) == 200:  # a 429 is noted where it is waited for
                self.limits.hold(team, method, retry_after(error))
            raise

    async def respond(self, url: str, body: Json) -> None:
        """Answer through a response_url. ``SlackApiError`` ("used_url", "expired_url") where it is over."""
        async with self.session.post(url, json=body, proxy=self._proxy) as response:
            told = await response.text()
        if response.status == 200 and _word(told) in ("", "ok"):
            return
        raise SlackApiError(  # its own message would hold the url, which is a key
            "response_url", {"ok": False, "status": response.status, "error": _word(told) or "refused"}
        )

    async def upload(self, team: str, image: Image) -> str:
        """Hand Slack a picture; the file's id. The same picture of a workspace is uploaded once."""
        return await self._uploads.upload(team, image)

    async def put(self, url: str, data: bytes) -> None:
        """Send bytes to an address that Slack gave for them."""
        async with self.session.post(url, data=data, proxy=self._proxy) as response:
            response.raise_for_status()

    async def workspace(self, team: str) -> Workspace:
        """Who we are in a workspace, by auth.test; asked again after an hour or with a new token."""
        token, now = await self._tokens.token(team), self._clock.monotonic()
        known = self._workspaces.get(team)
        if known is not None and known[0] == token and now < known[1]:
            return known[2]
        response = await self._ask(team, "auth.test", Lane.PEOPLE, False, {})
        told = _data(response)
        headers = cast("dict[str, str]", response.headers)  # pyright: ignore[reportUnknownMemberType]
        scopes = next((headers[name] for name in headers if name.lower() == "x-oauth-scopes"), "")
        workspace = Workspace(
            str(told.get("url") or ""),
            str(told.get("user_id") or ""),
            str(told.get("bot_id") or ""),
            str(told.get("team") or ""),
            str(told.get("user") or ""),
            frozenset(scope.strip() for scope in scopes.split(",") if scope.strip()),
        )
        self._workspaces.put(team, (token, now + FRESH, workspace))
        return workspace

    async def _doubt(self, team: str, token: str, method: str, reason: str) -> None:
        """A token was refused: if auth.test says that it has ended, nothing more is asked with it.

        ``invalid_auth`` ends nothing: Slack says it too where only our address is refused; other methods
        say ``account_inactive`` of a person too.
        """
        if method != "auth.test":
            with suppress(*FAILURES):
                await self._ask(team, "auth.test", Lane.PEOPLE, True, {})
        elif reason not in ("invalid_auth", "not_authed") and self._dead.get(team) != token:
            self._dead.put(team, token)
            log.warning("a workspace has ended", team=team, reason=reason)
            if self.ended is not None:
                await self.ended(team)

    # -- clients -------------------------------------------------------------------------------

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one session of all workspaces."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=TIMEOUT,
            )
        return self._session

    def _client(self, team: str, token: str, once: bool, patient: bool) -> AsyncWebClient:
        key = f"{team}/{once}/{patient}"
        client = self._clients.get(key)
        if client is None or client.token != token:
            handlers: list[AsyncRetryHandler] = [_Holds(self.limits, team, BRIEF if patient else 0.0)]
            if not once:
                pause = FixedValueRetryIntervalCalculator(RETRY_PAUSE)
                handlers.append(AsyncServerErrorRetryHandler(RETRIES, pause))
                handlers.append(AsyncConnectionErrorRetryHandler(RETRIES, pause, list(CUT)))
            client = AsyncWebClient(
                token, self._base, session=self.session, logger=_library, retry_handlers=handlers
            )
            client.proxy = self._proxy
            self._clients.put(key, client)
        return client


class _Holds(AsyncRateLimitErrorRetryHandler):
    """slack_sdk's handler of 429, which also holds the method back for everybody else.

    Where it would wait longer than ``patience`` seconds, the 429 is the answer.
    """

    def __init__(self, limits: Limits, team: str, patience: float) -> None:
        super().__init__(max_retry_count=RETRIES)
        self._limits, self._team, self._patience = limits, team, patience

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """Whether to wait and ask again; every 429 is noted."""
        if response is None or response.status_code != 429:
            return False
        after = _after(response)
        self._limits.hold(self._team, request.url.rsplit("/", 1)[-1], after)
        wanted = await super().can_retry_async(state=state, request=request, response=response, error=error)
        return wanted and after <= self._patience

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        """Wait as long as Slack says; the library's own reads whole seconds only."""
        state.next_attempt_requested = True
        await asyncio.sleep(_after(response) if response is not None else 1.0)
        state.increment_current_attempt()


def _data(response: AsyncSlackResponse) -> Json:
    return cast(Json, response.data)  # pyright: ignore[reportUnknownMemberType]


def _after(response: HttpResponse) -> float:
    named = (value for name, value in response.headers.items() if name.lower() == "retry-after")
    return seconds(next(iter(next(named, ())), ""))


def _word(told: str) -> str:
    """What a response_url answered: "ok", an error's code, or nothing that is one."""
    try:
        answer: Any = json.loads(told)
    except ValueError:
        answer = told.strip()
    if isinstance(answer, dict):
        answer = "ok" if cast(Json, answer).get("ok") else cast(Json, answer).get("error")
    return answer if isinstance(answer, str) and re.fullmatch(r"[a-z_]{1,60}", answer) else ""

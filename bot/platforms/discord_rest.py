"""Every request to Discord goes through here: paced, within its buckets, counted, never silently repeated.

discord.py's own client sleeps inside a request for as long as Discord says, and repeats what failed; then
nobody outside can tell a message that was refused from one whose answer was lost. Here a long wait and a
failure are errors: the outbox, which knows the message's key, decides when it is tried again. discord.py
still builds the routes, and its login and gateway ask through here too (``discord_gateway``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import aiohttp
import discord
import structlog
from discord.http import Route

from bot.patience import in_line
from bot.platforms.discord_cards import Attachment, Body, multipart
from bot.platforms.discord_errors import Silenced
from bot.platforms.discord_limits import Bucket, Buckets, Lane, Pacer, Refusals

log = structlog.get_logger(__name__)

PATIENCE = 2.0  # seconds that a request waits for its bucket before the wait becomes an error
TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
OVERLOADED = 300.0  # seconds to wait when Discord's outer wall answers instead of Discord


class Rest:
    """A session. Raises discord.py's ``HTTPException`` and ``RateLimited``, aiohttp's, ``Silenced``."""

    def __init__(self, token: str, *, per_second: float, agent: str) -> None:
        self._token, self._agent = token, agent
        self.pacer, self.refusals = Pacer(per_second), Refusals()
        self._buckets = Buckets()
        self._session: aiohttp.ClientSession | None = None
        self.limited = self.asked = 0  # answers that were 429, requests in all

    async def close(self) -> None:
        """Give the connections back; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        method: str,
        path: str,
        body: Body | None,
        lane: Lane = Lane.FIRST,
        *,
        tries: int = 1,
        **names: str,
    ) -> Any:
        """A message, with its files if it has any."""
        route = Route(method, path, **names)
        return await self.request(
            route, lane, json_body=body.json if body else None, files=body.files if body else (), tries=tries
        )

    async def ask(
        self,
        method: str,
        path: str,
        lane: Lane = Lane.FIRST,
        *,
        tries: int = 1,
        body: Any = None,
        query: Mapping[str, str | int] | None = None,
        **names: str,
    ) -> Any:
        """Any other request."""
        route = Route(method, path, **names)
        return await self.request(route, lane, json_body=body, tries=tries, query=query)

    async def request(
        self,
        route: Route,
        lane: Lane,
        *,
        json_body: Any = None,
        files: Sequence[Attachment] = (),
        tries: int = 1,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON. ``tries`` above 1 repeats what failed on Discord's side, soon."""
        for number in range(1, tries + 1):
            try:
                return await self._once(route, lane, json_body, files, query, headers)
            except (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError) as error:
                if number == tries:
                    raise
                log.info("asked again", route=route.key, error=type(error).__name__, number=number)
                await asyncio.sleep(min(0.2 * 2 ** (number - 1), 5.0))
        raise AssertionError("tries is at least 1")

    async def _once(
        self,
        route: Route,
        lane: Lane,
        json_body: Any,
        files: Sequence[Attachment],
        query: Mapping[str, str | int] | None,
        more_headers: Mapping[str, str] | None,
    ) -> Any:
        """One request; a short 429 is waited for, up to three times."""
        loop = asyncio.get_running_loop()
        # The routes of an interaction are limited by its token, which is used once or twice.
        bucket = Bucket()
        if lane is not Lane.EXEMPT:
            bucket = self._buckets.of(route.key, route.major_parameters, loop.time())
        headers = {"User-Agent": self._agent, "Authorization": f"Bot {self._token}", **(more_headers or {})}
        data: Any = None
        for number in range(1, 4):
            if lane is not Lane.EXEMPT and (pause := self.refusals.pause):
                raise Silenced(pause)
            await self._wait(bucket, loop)
            await self.pacer.turn(lane)
            if files and json_body is not None:
                data = aiohttp.FormData(quote_fields=False)
                for name, content, kind, filename in multipart(json_body, files):
                    data.add_field(name, content, content_type=kind, filename=filename)
            elif json_body is not None:
                data = json.dumps(json_body, separators=(",", ":")).encode()
                headers["Content-Type"] = "application/json"
            self.asked += 1
            async with self._open().request(
                route.method, route.url, data=data, headers=headers, params=query, timeout=TIMEOUT
            ) as response:
                told = await _told(response)
                if lane is not Lane.EXEMPT:
                    self._learn(route, bucket, response, loop.time())
                if response.status < 300:
                    return told
                self._count(response)
                if response.status != 429:
                    raise _error(response, told)
                after = self._slow_down(bucket, response, told, loop.time())
            if after > PATIENCE or number == 3:
                raise discord.RateLimited(after)
        raise AssertionError("three turns end in a return or an error")

    async def _wait(self, bucket: Bucket, loop: asyncio.AbstractEventLoop) -> None:
        until = loop.time() + PATIENCE
        while (pause := bucket.pause(loop.time())) > 0:
            if loop.time() + pause > until:
                raise discord.RateLimited(pause)
            with in_line():
                await asyncio.sleep(pause)

    def _learn(self, route: Route, bucket: Bucket, response: aiohttp.ClientResponse, now: float) -> None:
        headers = response.headers
        if name := headers.get("X-RateLimit-Bucket"):
            self._buckets.named(route.key, name, route.major_parameters, bucket)
        if response.status != 429 and "X-RateLimit-Remaining" in headers:
            bucket.told(
                int(headers.get("X-RateLimit-Limit", 1)),
                int(headers["X-RateLimit-Remaining"]),
                float(headers.get("X-RateLimit-Reset-After", 1)),
                now,
            )

    def _count(self, response: aiohttp.ClientResponse) -> None:
        """What Discord holds against us: not a 429 of a resource that many bots share."""
        shared = response.headers.get("X-RateLimit-Scope") == "shared"
        if response.status in (401, 403, 404) or (response.status == 429 and not shared):
            self.refusals.note()

    def _slow_down(self, bucket: Bucket, response: aiohttp.ClientResponse, told: Any, now: float) -> float:
        """How long a 429 wants us to wait, in seconds; the rest of us waits with it."""
        self.limited += 1
        if not isinstance(told, dict):  # not Discord but the wall before it: the whole address is banned
            self.pacer.hold(OVERLOADED)
            return OVERLOADED
        answer = cast("dict[str, Any]", told)
        after = float(answer.get("retry_after", response.headers.get("Retry-After", 1)))
        if answer.get("global") or response.headers.get("X-RateLimit-Global"):
            self.pacer.hold(after)
        else:
            bucket.block(after, now)
        return after

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _told(response: aiohttp.ClientResponse) -> Any:
    text = await response.text(encoding="utf-8")
    if text and response.headers.get("Content-Type", "").startswith("application/json"):
        return json.loads(text)
    return text


def _error(response: aiohttp.ClientResponse, told: Any) -> discord.HTTPException:
    match response.status:
        case 403:
            return discord.Forbidden(response, told)
        case 404:
            return discord.NotFound(response, told)
        case status if status >= 500:
            return discord.DiscordServerError(response, told)
        case _:
            return discord.HTTPException(response, told)

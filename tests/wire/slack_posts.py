"""HTTP mode: signed POSTs to the app's request URL as Slack makes them, and what a stranger would send.

Commands and interactions are forms, events are JSON. Each is signed (v0, HMAC of the timestamp and the very
bytes); bolt compares the timestamp with the system's time, so that is what is signed unless ``by_clock``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

from tests.wire.slack_delivery import RETRIES
from tests.wire.slack_lines import Delivery
from tests.wire.slack_model import Json
from tests.wire.slack_shapes import ACK_WITHIN, VERIFICATION_TOKEN

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """X-Slack-Signature (docs: verifying requests from Slack)."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Post:
    """A request to the app and, once it was answered, the answer (``status`` 0: none came)."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    answer: str = ""
    answer_headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Posts:
    """Delivers by HTTP, once ``url`` is set; ``sent`` are the latest requests, oldest first."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake = fake
        self.url = ""
        self.by_clock = False
        self.sent: deque[Post] = deque(maxlen=10_000)
        self.waiting = 0  # requests that are not answered
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Be ready to send."""
        await self.stop()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def stop(self) -> None:
        """Send nothing any more."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- what Slack sends ------------------------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """Send something, twice by the chance ``double``; events that fail are tried again."""
        sockets = self._fake.sockets
        self._fake.spawn(self._send(delivery))
        if sockets.double and sockets.random.random() < sockets.double:
            sockets.counts.doubles += 1
            self._fake.spawn(self._send(delivery))

    async def _send(self, delivery: Delivery) -> None:
        headers: dict[str, str] = {}
        if delivery.attempt:
            headers = {
                "X-Slack-Retry-Num": str(delivery.attempt),
                "X-Slack-Retry-Reason": delivery.reason,
            }
        if delivery.kind == "events_api":
            post = self.signed(json.dumps(delivery.payload).encode(), JSON, headers)
        elif delivery.kind == "interactive":
            form = urlencode({"payload": json.dumps(delivery.payload)})
            post = self.signed(form.encode(), FORM, headers)
        else:
            post = self.signed(urlencode(delivery.payload).encode(), FORM, headers)
        if delivery.exchange is not None:
            delivery.exchange.sent = perf_counter()
        self.waiting += 1
        try:
            post = await self._within(post)
        finally:
            self.waiting -= 1
        if delivery.over:
            return
        if not 200 <= post.status < 300:
            self._failed(delivery, post)
        else:
            answer = self._answer(post) if delivery.takes_answer else None
            self._fake.sockets.acknowledge(delivery, answer)
        self._fake.wake()

    def _failed(self, delivery: Delivery, post: Post) -> None:
        if delivery.acked:
            return
        if delivery.kind != "events_api":
            if delivery.exchange is not None:
                delivery.exchange.fails(f"the app answered {post.status or 'nothing'}")
            return
        delivery.over = True
        counts = self._fake.sockets.counts
        told = {name.lower(): value for name, value in post.answer_headers.items()}
        if delivery.attempt >= len(RETRIES) or told.get("x-slack-no-retry") == "1":
            counts.given_up += 1
            return
        counts.redelivered += 1
        again = Delivery(delivery.kind, delivery.payload, delivery.exchange, done=delivery.done)
        again.attempt, again.reason = delivery.attempt + 1, post.answer if not post.status else "http_error"
        self._fake.spawn(self._later(again, RETRIES[delivery.attempt].total_seconds()))

    async def _later(self, delivery: Delivery, seconds: float) -> None:
        if seconds:
            await self._fake.clock.sleep(seconds)
        await self._send(delivery)

    async def _within(self, post: Post) -> Post:
        """The answer if it comes within three seconds of the fake's clock."""
        sending = asyncio.create_task(self.send(post))
        limit = asyncio.create_task(self._fake.clock.sleep(ACK_WITHIN.total_seconds()))
        try:
            await asyncio.wait([sending, limit], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                return await sending
            return replace(post, answer="http_timeout")
        finally:
            sending.cancel()
            limit.cancel()
            with suppress(asyncio.CancelledError):
                await limit

    def _answer(self, post: Post) -> Json | None:
        if not post.answer:
            return None
        with suppress(ValueError):
            answer = json.loads(post.answer)
            if isinstance(answer, dict):
                return answer
        return {"text": post.answer}

    # --- requests, honest and not ----------------------------------------------------------------

    def signed(
        self,
        body: bytes,
        kind: str = JSON,
        headers: Mapping[str, str] | None = None,
        *,
        secret: str = "",
        ago: float = 0.0,
    ) -> Post:
        """A request, signed with ``secret`` (Slack's own unless given) as if ``ago`` seconds before now."""
        now = self._fake.now().timestamp() if self.by_clock else time.time()
        stamp = str(int(now - ago))
        made = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Accept": "*/*",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(secret or self._fake.signing_secret, stamp, body),
        }
        return Post(self.url, made | dict(headers or {}), body)

    async def send(self, post: Post) -> Post:
        """Make a request; with its answer. ``status`` 0 when there is no connection."""
        assert self._session is not None
        assert post.url, "there is no request URL"
        try:
            async with self._session.post(
                post.url, data=post.body, headers=post.headers, allow_redirects=False
            ) as answer:
                text = await answer.text()
                post = replace(post, status=answer.status, answer=text, answer_headers=dict(answer.headers))
        except aiohttp.ClientError:
            post = replace(post, status=0, answer="connection_failed")
        self.sent.append(post)
        return post

    async def replay(self, post: Post) -> Post:
        """The very same bytes again, by somebody who saw them."""
        return await self.send(replace(post, status=0, answer=""))

    async def forge(self, post: Post, secret: str = "not-the-secret") -> Post:
        """The same, signed by somebody who does not know the secret."""
        return await self.send(self.signed(post.body, post.headers["Content-Type"], secret=secret))

    async def tamper(self, post: Post, old: bytes, new: bytes) -> Post:
        """The same with something changed in it, under the old signature."""
        assert old in post.body
        return await self.send(replace(post, body=post.body.replace(old, new), status=0, answer=""))

    async def unsigned(self, post: Post) -> Post:
        """The same without a signature."""
        kind = post.headers["Content-Type"]
        return await self.send(replace(post, headers={"Content-Type": kind}, status=0, answer=""))

    async def age(self, post: Post, seconds: float = 600.0) -> Post:
        """The same, rightly signed that many seconds ago: Slack's docs allow five minutes."""
        return await self.send(self.signed(post.body, post.headers["Content-Type"], ago=seconds))

    async def verify_url(self) -> bool:
        """Whether the app answers url_verification with its challenge, as it must to be registered."""
        challenge = token_urlsafe(24)
        asked = {"type": "url_verification", "token": VERIFICATION_TOKEN, "challenge": challenge}
        post = await self.send(self.signed(json.dumps(asked).encode()))
        return post.status == 200 and challenge in post.answer

    async def ssl_check(self) -> Post:
        """What Slack sends now and then to see that the certificate is good."""
        body = urlencode({"ssl_check": "1", "token": VERIFICATION_TOKEN}).encode()
        return await self.send(self.signed(body, FORM))

"""How things reach the app: Socket Mode over a real WebSocket, with everything that goes wrong there.

An app asks ``apps.connections.open`` for an address, connects, gets ``hello``, and from then on envelopes
that it acknowledges by their id. Up to ten connections share the load. An action of a person that is not
acknowledged in three seconds of the fake's clock has failed and is not sent again; an event is, three times
(at once, after a minute, after five more), on another connection where there is one.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from datetime import timedelta
from random import Random
from secrets import token_urlsafe
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import WSMsgType, web

from tests.wire.slack_lines import Counts, Delivery, Line
from tests.wire.slack_model import Json
from tests.wire.slack_shapes import ACK_WITHIN

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

CONNECTIONS = 10
"""Connections that an app may have at once (docs: using Socket Mode)."""

LIFE = 18_060
"""approximate_connection_time in seconds, as Slack says it."""

RETRIES = (timedelta(), timedelta(minutes=1), timedelta(minutes=5))
"""How long after a failure an event is tried again (docs: Events API, retries)."""

GRACE = 10.0
"""Seconds (of the fake's clock) that a connection lives after it was told to go."""

SOCKET_PATH = "/link/"


class Sockets:
    """The connections of the app, and the envelopes on them.

    ``double`` is the chance that an envelope comes twice, ``acks_lost`` that an ack is lost on its way.
    """

    def __init__(self, fake: FakeSlack, seed: int = 1) -> None:
        self._fake, self.random = fake, Random(seed)
        self.double = self.acks_lost = 0.0
        self.lines: list[Line] = []
        self.counts = Counts()
        self._turn = 0
        self._tickets: set[str] = set()
        self._unacked: dict[str, Delivery] = {}  # by envelope_id
        self._parked: deque[Delivery] = deque()  # no connection yet
        self._watched: deque[Delivery] = deque()  # by deadline
        self._more = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    # --- connections -----------------------------------------------------------------------------

    def open(self) -> str:
        """An address that works once: what apps.connections.open answers."""
        ticket = token_urlsafe(24)
        self._tickets.add(ticket)
        base = self._fake.base.replace("http", "ws", 1)
        return f"{base}{SOCKET_PATH}?ticket={ticket}&app_id={self._fake.app_id}"

    def connected(self) -> list[Line]:
        """The connections that carry envelopes."""
        return [each for each in self.lines if not each.leaving and not each.ws.closed]

    async def connection(self, request: web.BaseRequest) -> web.StreamResponse:
        """One WebSocket, as long as it lives."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.counts.refused += 1
            return web.Response(status=408, text="the ticket is no longer valid")
        ws = web.WebSocketResponse(autoping=True, compress=False)
        await ws.prepare(request)
        self._tickets.discard(ticket)
        self.counts.opened += 1
        transport = request.transport if isinstance(request.transport, asyncio.Transport) else None
        line = Line(ws, transport, self.counts.opened)
        if len(self.connected()) >= CONNECTIONS:
            await ws.send_str(json.dumps(self._goodbye(line, "too_many_websockets")))
            await line.close()
            return ws
        self.lines.append(line)
        line.push(self._hello(line))
        self._unpark()
        self._fake.wake()
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            line.leaving = True
            line.drop()
            if line in self.lines:
                self.lines.remove(line)
            self._left(line)
            self._fake.wake()
        return ws

    def _hello(self, line: Line) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connected()),
            "debug_info": self._host(line) | {"build_number": 10, "approximate_connection_time": LIFE},
            "connection_info": {"app_id": self._fake.app_id},
        }

    def _host(self, line: Line) -> Json:
        return {"host": f"applink-{line.number}"}

    def _goodbye(self, line: Line, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": self._host(line)}

    def disconnect(self, reason: str = "refresh_requested", *, lines: int | None = None) -> int:
        """Tell connections (all, or so many) to go; they are closed ten seconds later. How many there were.

        ``reason``: refresh_requested, warning, or link_disabled (Socket Mode was switched off).
        """
        told = self.connected()[:lines]
        for line in told:
            line.push(self._goodbye(line, reason))
            line.leaving = True
            self._fake.spawn(self._close_later(line))
        return len(told)

    async def _close_later(self, line: Line) -> None:
        await self._fake.clock.sleep(GRACE)
        await line.close()

    def drop(self, lines: int | None = None) -> int:
        """Cut connections without a word; how many."""
        cut = self.connected()[:lines]
        for line in cut:
            line.drop()
        return len(cut)

    def _left(self, line: Line) -> None:
        for delivery in {each for each in self._unacked.values() if each.line is line and not each.acked}:
            if delivery.exchange is not None and delivery.kind != "events_api":
                delivery.exchange.lost = True
                delivery.exchange.wake()
            elif not delivery.over:
                self._again(delivery, "connection_failed")

    # --- envelopes -------------------------------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """Send it on one connection, or on the next one that comes."""
        lines = self.connected()
        if len(lines) > 1 and delivery.line in lines:
            lines.remove(delivery.line)
        delivery.deadline = self._fake.now() + ACK_WITHIN
        if delivery.exchange is not None:
            delivery.exchange.sent = perf_counter()
        if lines:
            self._turn += 1
            self._send(delivery, lines[self._turn % len(lines)])
            if self.double and self.random.random() < self.double:
                self.counts.doubles += 1
                self._send(delivery, self.random.choice(lines))
        else:
            self._parked.append(delivery)
        self._watched.append(delivery)
        self._more.set()

    def _unpark(self) -> None:
        parked, self._parked = self._parked, deque()
        lines = self.connected()
        for delivery in parked:
            if not delivery.over:
                self._send(delivery, self.random.choice(lines))

    def _send(self, delivery: Delivery, line: Line) -> None:
        envelope = str(uuid4())
        self._unacked[envelope] = delivery
        delivery.line = line
        line.carried += 1
        self.counts.envelopes += 1
        message: Json = {
            "envelope_id": envelope,
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": delivery.takes_answer,
        }
        if delivery.kind == "events_api":
            message |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        line.push(message)

    def _heard(self, text: str) -> None:
        if self.acks_lost and self.random.random() < self.acks_lost:
            return
        message: Json = {}
        try:
            message = json.loads(text)
            delivery = self._unacked.pop(message["envelope_id"], None)
        except (ValueError, KeyError, TypeError):
            delivery = None
        if delivery is None:
            self.counts.strange_acks += 1
            return
        self.counts.acks += 1
        payload = message.get("payload") if delivery.takes_answer else None
        self.acknowledge(delivery, payload)

    def acknowledge(self, delivery: Delivery, payload: Json | None) -> None:
        """The app has taken note; the first time this has its effect, if it is not too late."""
        first, delivery.acked = not delivery.acked, True
        if delivery.over:
            self._fake.wake()
            return
        if delivery.exchange is not None:
            if first and delivery.done is not None:
                delivery.done(delivery.exchange, payload)
            delivery.exchange.acknowledged(payload)
        self._fake.wake()

    def pending(self) -> int:
        """Things that the app has not acknowledged, and that are still tried."""
        waiting = [each for each in self._unacked.values() if not each.acked and not each.over]
        return sum(each.exchange is None or not each.exchange.lost for each in waiting) + len(self._parked)

    # --- three seconds ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch what is not acknowledged."""
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """All connections end."""
        if self._watcher is not None:
            self._watcher.cancel()
        for line in list(self.lines):
            line.drop()

    async def _watch(self) -> None:
        while True:
            while self._watched and (self._watched[0].acked or self._watched[0].over):
                self._watched.popleft()
            if not self._watched:
                self._more.clear()
                await self._more.wait()
                continue
            delivery = self._watched[0]
            assert delivery.deadline is not None
            await self._fake.clock.sleep_until(delivery.deadline)
            if self._fake.now() >= delivery.deadline and self._watched and self._watched[0] is delivery:
                self._watched.popleft()
                if not delivery.acked and not delivery.over:
                    self._too_late(delivery)

    def _too_late(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            self._parked.remove(delivery)
        if delivery.kind == "events_api":
            self._again(delivery, "timeout")
            return
        delivery.over = True
        if delivery.exchange is not None:
            delivery.exchange.fails("the app did not respond")
        self._fake.wake()

    def _again(self, delivery: Delivery, reason: str) -> None:
        """An event's try has failed: another, as a delivery of its own."""
        delivery.over = True
        if delivery.attempt >= len(RETRIES):
            self.counts.given_up += 1
            self._fake.wake()
            return
        self.counts.redelivered += 1
        again = Delivery(
            delivery.kind, delivery.payload, delivery.exchange, done=delivery.done, line=delivery.line
        )
        again.attempt, again.reason = delivery.attempt + 1, reason
        self._fake.spawn(self._later(again, RETRIES[delivery.attempt]))

    async def _later(self, delivery: Delivery, after: timedelta) -> None:
        if after:
            await self._fake.clock.sleep(after.total_seconds())
        self.deliver(delivery)

"""What is delivered to the app, the connections it goes over, and the counts of both."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from tests.wire.slack_model import Json

if TYPE_CHECKING:
    from tests.wire.slack_exchange import Exchange


@dataclass(eq=False)
class Delivery:
    """Something that the app is to be told. ``kind`` is the envelope's type."""

    kind: str
    payload: Json
    exchange: Exchange | None
    takes_answer: bool = False
    done: Callable[[Exchange, Json | None], None] | None = None  # what an ack in time leads to
    attempt: int = 0
    reason: str = ""
    acked: bool = False
    over: bool = False  # nobody waits for its ack any more
    line: Line | None = None
    deadline: datetime | None = None


class Line:
    """One connection. What is pushed is written in order by a task of its own."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None, number: int) -> None:
        self.ws, self.number, self._transport = ws, number, transport
        self.leaving = False
        self.carried = 0  # envelopes so far
        self._texts: deque[str] = deque()
        self._more = asyncio.Event()
        self._writer = asyncio.create_task(self._write())

    def push(self, message: Json) -> None:
        """Send as soon as what came before is sent."""
        self._texts.append(json.dumps(message))
        self._more.set()

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._more.wait()
                self._more.clear()
                while self._texts:
                    await self.ws.send_str(self._texts.popleft())

    async def close(self) -> None:
        """A close frame, properly."""
        self.leaving = True
        self._writer.cancel()
        with suppress(ConnectionError):
            await self.ws.close()

    def drop(self) -> None:
        """Cut the line: no close frame, and what was on its way is lost."""
        self.leaving = True
        self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()


@dataclass
class Counts:
    """What was delivered so far."""

    envelopes: int = 0
    doubles: int = 0
    acks: int = 0
    strange_acks: int = 0  # of an envelope that is not known
    redelivered: int = 0
    given_up: int = 0  # events that no try brought through
    opened: int = 0  # connections
    refused: int = 0  # with an address that is none

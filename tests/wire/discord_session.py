"""A gateway session, which counts and remembers what it sent, and the socket it comes and goes on."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from aiohttp import web

from tests.wire.discord_model import Guild

REMEMBERED = 20_000
"""Events a session remembers at most; one that needs more cannot be resumed."""


CLOSING = 1.0
"""Real seconds that a closing connection is given to take what is left."""


class Squeeze(Protocol):
    """One stream of compressed messages per connection."""

    def __call__(self, text: str) -> bytes | str: ...


def plain(text: str) -> str:
    """No compression."""
    return text


def zlib_stream() -> Squeeze:
    """compress=zlib-stream: one context, each message ends with a sync flush."""
    context = zlib.compressobj(level=1)

    def squeeze(text: str) -> bytes:
        return context.compress(text.encode()) + context.flush(zlib.Z_SYNC_FLUSH)

    return squeeze


def zstd_stream() -> Squeeze:
    """compress=zstd-stream, where a zstd library is installed (discord.py asks for it only then)."""
    try:
        context = import_module("compression.zstd").ZstdCompressor()
        flush = context.FLUSH_BLOCK

        def squeeze(text: str) -> bytes:
            return context.compress(text.encode(), flush)
    except ImportError:
        library = import_module("zstandard")
        stream = library.ZstdCompressor().compressobj()

        def squeeze(text: str) -> bytes:
            return stream.compress(text.encode()) + stream.flush(library.COMPRESSOBJ_FLUSH_BLOCK)

    return squeeze


@dataclass(eq=False)
class Session:
    """One identify, over all its sockets. ``sent`` holds (sequence, text) that may not have arrived."""

    id: str
    shard: int
    shards: int
    intents: int
    seq: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=deque[tuple[int, str]])
    forgot: int = 0  # the newest sequence that is no longer remembered though not confirmed
    socket: Socket | None = None
    left: datetime | None = None

    def takes(self, guild: Guild | None) -> bool:
        """Whether this shard is told about a guild, or (guild None) about direct messages."""
        return (guild.id >> 22) % self.shards == self.shard if guild else self.shard == 0

    def push(self, event: str, data: str) -> None:
        """Send an event, now or at the next resume."""
        self.seq += 1
        text = f'{{"op":0,"s":{self.seq},"t":"{event}","d":{data}}}'
        self.sent.append((self.seq, text))
        if len(self.sent) > REMEMBERED:
            self.forgot = self.sent.popleft()[0]
        if self.socket is not None:
            self.socket.push(text)

    def confirm(self, seq: int) -> None:
        """Everything up to here arrived."""
        while self.sent and self.sent[0][0] <= seq:
            self.sent.popleft()


class Socket:
    """One connection. What is pushed is written in order by a task of its own."""

    def __init__(self, ws: web.WebSocketResponse, squeeze: Squeeze, transport: asyncio.Transport | None):
        self.ws, self._squeeze, self._transport = ws, squeeze, transport
        self.session: Session | None = None
        self.code: int | None = None
        self._waiting: deque[str | None] = deque()  # None: no more
        self._more = asyncio.Event()
        self._writer = asyncio.create_task(self._write())

    def push(self, text: str) -> None:
        """Send as soon as what came before is sent."""
        self._waiting.append(text)
        self._more.set()

    def op(self, op: int, data: Any = None) -> None:
        """Send something that is no event."""
        self.push(json.dumps({"op": op, "s": None, "t": None, "d": data}))

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    if (text := self._waiting.popleft()) is None:
                        return
                    out = self._squeeze(text)
                    if isinstance(out, str):
                        await self.ws.send_str(out)
                    else:
                        await self.ws.send_bytes(out)

    async def close(self, code: int) -> None:
        """Close properly, with a code, after what was pushed before."""
        self.code = code
        self.leave()
        self._waiting.append(None)
        self._more.set()
        await asyncio.wait([self._writer], timeout=CLOSING)
        self._writer.cancel()
        with suppress(ConnectionError):
            await self.ws.close(code=code)

    def drop(self) -> None:
        """Cut the line: no close frame, and what was on its way is lost."""
        self.leave()
        self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Let the session go on without this socket."""
        if self.session is not None and self.session.socket is self:
            self.session.socket = None
        self.session = None

    def stop(self) -> None:
        """Write nothing any more."""
        self._writer.cancel()

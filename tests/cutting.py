"""A way to a server that can be slow, and can be cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

CHUNK = 65_536  # bytes


class Way:
    """Passes on what goes to and from a TCP port. ``latency`` is in seconds, each way.

    ``left`` is how many pieces may still pass, in both directions together; then it is cut.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.latency = 0.0
        self.left: int | None = None
        self.cuts = 0  # connections that were cut

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._come, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """End all connections at once, without a farewell."""
        for writer in list(self._writers):
            writer.transport.abort()
            self.cuts += 1

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        for one, other in ((reader, back), (there, writer)):
            self._writers.add(other)
            task = asyncio.create_task(self._pass(one, other))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, in order; each piece as late as ``latency`` says when it comes."""
        loop = asyncio.get_running_loop()
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def out() -> None:
            with suppress(OSError):
                while (piece := await late.get())[1]:
                    await asyncio.sleep(piece[0] - loop.time())
                    writer.write(piece[1])
                    await writer.drain()

        passing = asyncio.create_task(out())
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.left is not None:
                    self.left -= 1
                    if self.left < 0:
                        self.cut()
                        break
                late.put_nowait((loop.time() + self.latency, data))
        late.put_nowait((0.0, b""))
        await passing
        self._writers.discard(writer)
        writer.close()

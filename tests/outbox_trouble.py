"""Three bots on one PostgreSQL, and what can happen to them and to it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from tests.cutting import Way
from tests.outbox_chaos import LEASE, Chaos
from tests.outbox_worker import UNUSABLE
from tests.ports import HOST
from tests.postgres import Server

NAMES = {"ada": 0.0, "bob": 7.0, "cleo": -5.0}  # and by how many seconds their clocks are wrong
AWAY = 1.5  # seconds that the server is away at most
AGAIN = 0.5  # seconds between two looks whether a bot needs to be started again
SLOW = 0.03  # seconds, each way


class Troubles:
    """Does things to ``chaos``, whose bots each have a way of their own to ``server``."""

    def __init__(self, chaos: Chaos, server: Server) -> None:
        self._chaos, self._server = chaos, server
        self._ways: dict[str, Way] = {}
        self._ending = AsyncExitStack()
        self.kinds: dict[str, Callable[[str], Awaitable[None]]] = {
            "kill -9": self._kill,
            "SIGSTOP past the lease, then SIGCONT": self._freeze,
            "fast restart of the server": self._restart_fast,
            "immediate restart of the server": self._restart_immediate,
            "pg_terminate_backend for all": self._terminate,
            "cut of all of a bot's connections": self._cut,
            "30 ms more, each way": self._slow,
        }

    async def __aenter__(self) -> Troubles:
        for name in NAMES:
            self._ways[name] = await self._ending.enter_async_context(Way(HOST, self._server.port))
            self.start(name)
        self._looking = asyncio.create_task(self._look_after_them())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        await asyncio.wait([self._looking])
        await self._ending.aclose()

    async def _look_after_them(self) -> None:
        """What systemd does: a bot that found no database at its start is started again."""
        while True:
            await asyncio.sleep(AGAIN)
            for name in NAMES:
                if self._chaos.exit_code(name) == UNUSABLE:
                    self._chaos.done["start without a database"] += 1
                    self.start(name)

    def start(self, name: str, **more: Any) -> None:
        """Start a bot on its own way to the server."""
        url = self._chaos.url.replace(f":{self._server.port}/", f":{self._ways[name].port}/")
        self._chaos.start(self._chaos.worker(name, url=url, ahead=NAMES[name], **more))

    async def happen(self, kind: str) -> None:
        """One trouble, to somebody."""
        await self.kinds[kind](self._chaos.random.choice(list(NAMES)))
        self._chaos.done[kind] += kind != "kill -9"  # these are counted where they happen

    async def some(self, kinds: list[str]) -> None:
        """These troubles in a random order, spread over the work."""
        chaos = self._chaos
        chaos.random.shuffle(kinds)
        for number, kind in enumerate(kinds):
            await chaos.when(int(chaos.least * 0.9 * (number + chaos.random.random()) / len(kinds)))
            await self.happen(kind)

    async def _kill(self, name: str) -> None:
        await self._chaos.kill(name)
        self.start(name)

    async def _freeze(self, name: str) -> None:
        await self._chaos.freeze(name)
        await asyncio.sleep(1.5 * LEASE)
        self._chaos.signal(name, signal.SIGCONT)

    async def _restart_fast(self, _: str) -> None:
        await self._restart(signal.SIGINT)

    async def _restart_immediate(self, _: str) -> None:
        await self._restart(signal.SIGQUIT)

    async def _restart(self, how: signal.Signals) -> None:
        self._server.stop(how)
        await asyncio.sleep(self._chaos.random.uniform(0, AWAY))
        self._server.start()

    async def _terminate(self, _: str) -> None:
        mine = "pid <> pg_backend_pid() AND application_name = 'bounceback'"
        self._server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")

    async def _cut(self, name: str) -> None:
        self._ways[name].cut()

    async def _slow(self, name: str) -> None:
        way = self._ways[name]
        way.latency = 0.0 if way.latency else SLOW

"""A fake platform in a process of its own, as benchmarks and kill tests want it; spoken to over HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import aiohttp

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]


class RemoteError(AssertionError):
    """What was asked of the fake could not be."""


class Remote:
    """``info`` is what the process printed when it began. ``module`` is run, and listens at ``api``."""

    module: ClassVar[str]
    api: ClassVar[str]

    def __init__(self, info: Json, session: aiohttp.ClientSession, process: Any = None) -> None:
        self.info, self.process, self._session = info, process, session
        self.api_base: str = info["api_base"]
        self._control = self.api_base.removesuffix(self.api) + "/_fake/"

    @classmethod
    @asynccontextmanager
    async def spawned(cls, **options: Any) -> AsyncIterator[Self]:
        """Start one (options as on its command line: limits=True), and end it afterwards."""
        arguments: list[str] = []
        for name, value in options.items():
            if value is not False:
                arguments.append("--" + name.replace("_", "-"))
                arguments += [] if value is True else [str(value)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", cls.module, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
            if not line:
                raise RemoteError(f"{cls.module} did not start")
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                yield cls(json.loads(line), session, process)
        finally:
            process.stdin.close()
            await process.wait()

    async def call(self, op: str, /, **body: Any) -> Any:
        """Have it do something; RemoteError when it cannot."""
        async with self._session.post(self._control + op, json=body) as answer:
            out = await answer.json()
        if answer.status != 200:
            raise RemoteError(f"{op}: {out['error']}")
        return out

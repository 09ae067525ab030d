"""One sender of several, in a process of its own: ``python -m benchmarks.worker URL FILE LEASE LATENCY``.

It says ``ready``, waits for a line, and then sends what is due until its input ends. Its platform writes the
key of each message into FILE at once, so that what was sent before a kill is counted too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass

from benchmarks import postgres_rig as rig
from benchmarks.outbox_rig import running
from benchmarks.rig import NoChat
from bot.chat import Message, Place
from bot.logs import configure
from bot.sender import Pace
from bot.ui import Card


@dataclass
class Writing(NoChat):
    """Notes the key of each message in a file, and takes its time before that."""

    file: int = -1
    latency: float = 0.0

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        if self.latency:
            await asyncio.sleep(self.latency)
        os.write(self.file, f"{key}\n".encode())
        return self._put(place)


async def work(url: str, file: str, lease: float, latency: float) -> None:
    """As ``bounceback run --role sender`` does, without a platform."""
    noted = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    async with rig.bot(url, Writing(file=noted, latency=latency), pace=Pace(lease=lease)) as app:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with running(app.sender.run()):
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    configure("error", "console")
    asyncio.run(work(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))

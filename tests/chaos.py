"""What the runs on a failing Discord and a failing Slack share: many people, trouble meanwhile, one count.

A platform's own part starts and kills the bot's process, cuts its connection, plays one person, and moves
the time on; see ``discord_chaos`` and ``slack_chaos``.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
SHARE = 0.05  # of the calls fail
TRIES = 60
AT_ONCE = 25  # people who do something at the same time
ALL_OF_IT = timedelta(days=400)  # longer than any plan
STAGES = ("cv_screen", "interview", "final_round", "laid_off", "no_reply")
Every = tuple[float, float]  # real seconds, from and to


def letters(number: int) -> str:
    """A number as a word that nobody could be recognised by."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:04d}")


def nonsense(number: int) -> str:
    """The story of one person; no other holds it."""
    return f"they said no, and {letters(number)} is all i know."


class Chaos(ABC):
    """One run. ``cut_every`` and ``kill_every`` are ranges in real seconds; no ``kill_every``, no kills."""

    def __init__(
        self, folder: Path, *, seed: int, cut_every: Every = (1.0, 4.0), kill_every: Every | None = None
    ) -> None:
        self.folder, self.random, self.seed = folder, Random(seed), seed
        self._cut_every, self._kill_every = cut_every, kill_every
        self.process: asyncio.subprocess.Process | None = None
        self.restarting = asyncio.Lock()
        self.kills = self.cuts = self.pressed_again = 0

    @abstractmethod
    async def begin(self) -> None:
        """Start the bot's process, until it is connected."""

    @abstractmethod
    async def cut(self) -> None:
        """Take its connection away, in some way."""

    @abstractmethod
    async def shares(self, number: int) -> None:
        """One person, until they know that their story was taken."""

    @abstractmethod
    async def plans(self, kills: int) -> None:
        """Everything that follows, until no more is planned."""

    async def end(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()

    async def kill(self) -> None:
        """kill -9, and a new process on the same files."""
        async with self.restarting:
            self.kills += 1
            await self.end()
            await self.begin()

    async def _cut(self) -> None:
        self.cuts += 1
        await self.cut()

    async def _trouble(self, every: Every, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(*every))
            await work()

    async def goes_on(self, stories: int, kill_at: Sequence[int]) -> None:
        """Let so many people share a no, then everybody's plan run; ``kill_at``: after so many are done."""
        troubles = [asyncio.create_task(self._trouble(self._cut_every, self._cut))]
        if self._kill_every:
            troubles.append(asyncio.create_task(self._trouble(self._kill_every, self.kill)))
        slots, done = asyncio.Semaphore(AT_ONCE), 0

        async def one(number: int) -> None:
            nonlocal done
            async with slots:
                await self.shares(number)
            done += 1
            if done in kill_at:
                await self.kill()

        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(stories):
                    tasks.create_task(one(number))
            await self.plans(len(kill_at))
        finally:
            for each in troubles:
                each.cancel()
            ends = await asyncio.gather(*troubles, return_exceptions=True)
        for each in ends:
            if isinstance(each, Exception):
                raise each

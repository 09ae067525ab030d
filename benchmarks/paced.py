"""100,000 daily lines due in one moment, on a platform that takes 50 a second of a clock that is told.

More than half an hour passes in two minutes: the clock moves on to the next moment that somebody waits for as
soon as all senders stand in the platform's line, or nothing is left to claim. So what the bot does meanwhile
takes no time of that clock, and is told beside it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import insert

from benchmarks.figures import Figure, times
from benchmarks.outbox_rig import CHUNK, running
from benchmarks.postgres_rig import bot
from benchmarks.rig import NoChat
from bot.app import App
from bot.chat import Message, User
from bot.clock import FakeClock
from bot.cog import Plan
from bot.schedules import DAILY
from bot.storage.schema import motivation, people
from bot.ui import Card

PEOPLE, EACH_SECOND, LATENCY = 100_000, 50, 0.2
STEP = 0.1  # seconds: what the platform takes in them it answers together
FLOOR = PEOPLE / EACH_SECOND
START = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)  # in nobody's quiet hours
CHOSEN = {"at": "08:30", "days": "0123456", "themes": "", "active": True}


@dataclass
class Limited(NoChat):
    """Takes so many a second, one after the other, and answers each a moment later."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    turn: float = 0.0  # seconds since the start, when it takes the next
    answers: dict[int, asyncio.Task[None]] = field(default_factory=dict[int, asyncio.Task[None]])

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        self.turn = max(self.turn, self.clock.monotonic()) + 1 / EACH_SECOND
        step = ceil((self.turn + LATENCY) / STEP - 1e-6)
        if step not in self.answers:
            self.answers = {each: task for each, task in self.answers.items() if not task.done()}
            sleep = self.clock.sleep_until(START + timedelta(seconds=step * STEP))
            self.answers[step] = asyncio.create_task(sleep)
        await asyncio.shield(self.answers[step])
        return await super().dm(user, card, key=key, again=again)


@dataclass
class Quiet:
    """Knows whether the bot is at work in its database, or about to be."""

    app: App | None = None
    under_way: int = 0

    def watch(self, app: App) -> None:
        """From now on."""
        self.app, storage = app, app.kit.storage
        ways: Any = storage
        ways.read, ways.write = self._counted(storage.read), self._counted(storage.write)

    def _counted(self, way: Callable[[], AbstractAsyncContextManager[Any]]) -> Any:
        @asynccontextmanager
        async def counted() -> AsyncGenerator[Any]:
            self.under_way += 1
            try:
                async with way() as connection:
                    yield connection
            finally:
                self.under_way -= 1

        return counted

    async def settle(self) -> None:
        """Until it waits for the clock alone, or has more in hand to send meanwhile."""
        while self.app:
            sender = self.app.sender
            if sender._hand or not (self.under_way or sender._done):
                return
            await asyncio.sleep(0.002)


async def run(folder: Path) -> list[Figure]:
    """One round: there is nothing in it that another machine or another day would change."""
    quiet = Quiet()
    clock = FakeClock(START, quiet.settle)
    chat = Limited(wanted=PEOPLE, clock=clock)
    async with bot(f"sqlite:///{folder / 'paced.db'}", chat, clock=clock) as app:
        await _plan(app)
        quiet.watch(app)
        gc.collect()
        began = perf_counter()
        async with running(app.sender.run()):
            while not chat.full.is_set():
                await clock.advance(timedelta(seconds=1))
            passed = (clock.now() - START).total_seconds()
        took = perf_counter() - began
    return [
        Figure(
            f"{PEOPLE:,} daily lines due at once, at {EACH_SECOND} a second",
            f"{passed:,.0f} s",
            f"{times(passed, FLOOR)} the floor of {FLOOR:,.0f} s",
            f"Of a clock that is told; each answered after {LATENCY:.1f} s. The bot's own work and "
            f"telling the clock took {took:.0f} s. In reality that happens while the platform is waited for; "
            f"if none of it did, it would be {times(passed + took, FLOOR)}.",
        )
    ]


async def _plan(app: App) -> None:
    for start in range(0, PEOPLE, CHUNK):
        users = [User("bench", "here", f"u{number}") for number in range(start, start + CHUNK)]
        late = START + timedelta(hours=6)
        plans = [Plan(DAILY, ("bench", user.id), START, user=user, expires_at=late) for user in users]
        async with app.kit.storage.write() as tx:
            await tx.execute(insert(people), [{"user": user.key, "seen_at": START} for user in users])
            await tx.execute(insert(motivation), [{"user": user.key, **CHOSEN} for user in users])
            await app.kit.outbox.plan(tx, *plans)

"""Several senders share the platforms' limits, and never take more than the whole."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

from sqlalchemy import insert, text
from structlog.testing import capture_logs

from bot import workers
from bot.clock import SystemClock
from bot.storage import Storage
from bot.storage.schema import events
from bot.workers import Workers
from tests.watching import until

BEAT = 0.5  # seconds; who beats later than half of one after its time is not noticed by who comes


class Platform:
    """Says which part of its limits it takes."""

    part = 1.0

    def share(self, part: float) -> None:
        self.part = part


async def test_each_sender_takes_its_part_and_the_rest_of_who_left(database: str) -> None:
    storages = [await Storage.open(database) for _ in range(3)]
    platforms = [Platform() for _ in storages]
    several = [
        Workers(storage, SystemClock(), [platform, object()], beat=BEAT)
        for storage, platform in zip(storages, platforms, strict=True)
    ]
    running: list[asyncio.Task[None]] = []
    for number, worker in enumerate(several, 1):
        await worker.join()
        running.append(asyncio.create_task(worker.run()))
        assert sum(platform.part for platform in platforms[:number]) <= 1.0 + 1e-9, "more than the whole"
        await until(lambda number=number: all(each.part == 1 / number for each in platforms[:number]))
    running[0].cancel()  # died
    await until(lambda: [each.part for each in platforms[1:]] == [1 / 2, 1 / 2])
    running[1].cancel()
    await several[1].leave()  # stopped
    await until(lambda: platforms[2].part == 1.0)
    running[2].cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for storage in storages:
        await storage.close()


async def test_started_again_after_a_crash_it_does_not_wait_for_itself(database: str) -> None:
    storage, platform = await Storage.open(database), Platform()
    died = "import os, sys; os.write(1, str(os.getpid()).encode()); os.kill(os.getpid(), 9)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", died, stdout=PIPE)
    out, _ = await process.communicate()
    assert int(out) == process.pid
    async with storage.write() as tx:
        for place, pid in (("here", process.pid), ("here", os.getppid()), ("elsewhere", process.pid)):
            home = workers._HERE if place == "here" else "0" * 16
            id = f"{workers.PREFIX}{home}/{pid}/{place}{pid}"
            await tx.execute(insert(events).values(id=id, at=SystemClock().now()))
    worker = Workers(storage, SystemClock(), [platform], beat=BEAT)
    await worker.join()
    assert worker.count == 3, "itself, one that lives here, and one elsewhere of which nothing is known"
    await storage.close()


async def test_a_database_that_goes_away_at_the_start_is_waited_for(database: str) -> None:
    storage, platform = await Storage.open(database), Platform()

    async def rename(old: str, new: str) -> None:
        async with storage.write() as tx:
            await tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await rename("events", "elsewhere")
    worker = Workers(storage, SystemClock(), [platform], beat=0.05)
    joining = asyncio.create_task(worker.join())
    with capture_logs() as logged:
        await until(lambda: len([each for each in logged if each["event"] == "senders not counted"]) > 1)
    assert not joining.done()
    await rename("elsewhere", "events")
    async with asyncio.timeout(30):
        await joining
    assert worker.count == 1
    await storage.close()


async def test_alone_it_waits_for_nobody(database: str) -> None:
    storage, platform = await Storage.open(database), Platform()
    worker = Workers(storage, SystemClock(), [platform], beat=3600.0)
    async with asyncio.timeout(30):
        await worker.join()
    assert (worker.count, platform.part) == (1, 1.0)
    await storage.close()

"""APScheduler 3 with one job per nudge, kept by its SQLAlchemyJobStore; no job is dropped for being late.

``python -m benchmarks.peers.apscheduler_jobs FILE COUNT default|wal`` prints the seconds from the moment all
jobs are due until the last one ran.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import create_engine, event

ran: list[float] = []
wanted: list[asyncio.Future[None]] = []  # one, done when all have run


async def said(last: int) -> None:
    """The nudge: constant text to a platform that does nothing."""
    ran.append(perf_counter())
    if len(ran) == last:
        wanted[0].set_result(None)


async def drain(file: str, count: int, *, wal: bool) -> float:
    """Plan ``count`` jobs, let them fall due all at once, and wait for the last."""
    engine = create_engine(f"sqlite:///{file}")

    def tune(connection: Any, _: Any) -> None:
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(engine, "connect", tune)
    scheduler = AsyncIOScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        job_defaults={"misfire_grace_time": None, "coalesce": True},
        timezone=UTC,
    )
    at = datetime.now(UTC) - timedelta(seconds=1)
    scheduler.start(paused=True)
    for number in range(count):
        scheduler.add_job(said, "date", run_date=at, args=(count,), id=str(number))
    wanted.append(asyncio.get_running_loop().create_future())
    began = perf_counter()
    scheduler.resume()
    await wanted[0]
    scheduler.shutdown(wait=False)
    return ran[-1] - began


if __name__ == "__main__":
    print(asyncio.run(drain(sys.argv[1], int(sys.argv[2]), wal=sys.argv[3] == "wal")))

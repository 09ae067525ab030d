"""pgqueuer with one job per nudge, taken in batches; on asyncpg and uvloop, as its own command runs it.

``python -m benchmarks.peers.pgqueuer_jobs URL fill PLANNED DUE`` plans; ``URL drain DUE BATCH`` prints the
seconds from the worker's start until it has marked as many.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from time import perf_counter

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries

CHUNK = 1_000


async def fill(url: str, planned: int, due: int) -> None:
    """Jobs of which so many are due, spread evenly among the others, which are due in days."""
    connection, day, every = await asyncpg.connect(url), timedelta(days=1), planned // due
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    for start in range(0, planned, CHUNK):
        numbers = range(start, start + CHUNK)
        after = [timedelta(seconds=number) + day if number % every else None for number in numbers]
        await queries.enqueue(["nudge"] * CHUNK, [b"hello"] * CHUNK, [0] * CHUNK, after)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def drain(url: str, due: int, batch: int) -> None:
    """Let the worker run until so many jobs are done."""
    connection, said = await asyncpg.connect(url), 0
    worker = PgQueuer.from_asyncpg_connection(connection)

    @worker.entrypoint("nudge")
    async def nudge(job: Job) -> None:
        nonlocal said
        said += 1
        if said == due:
            worker.shutdown.set()

    began = perf_counter()
    await worker.run(batch_size=batch)
    print(perf_counter() - began)


if __name__ == "__main__":
    uvloop.run((fill if sys.argv[2] == "fill" else drain)(sys.argv[1], *map(int, sys.argv[3:])))

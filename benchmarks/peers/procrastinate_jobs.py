"""procrastinate with one job per nudge; its worker takes and marks them one by one, several side by side.

``python -m benchmarks.peers.procrastinate_jobs URL fill PLANNED DUE`` plans; ``URL drain DUE CONCURRENCY``
prints the seconds from the worker's start until it has marked as many.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter

from procrastinate import App, PsycopgConnector

CHUNK, POOL = 1_000, 20


async def fill(app: App, planned: int, due: int) -> None:
    """Jobs of which so many are due, spread evenly among the others, which are due in days."""
    await app.schema_manager.apply_schema_async()
    later, now = datetime.now(UTC) + timedelta(days=1), CHUNK * due // planned
    for start in range(0, planned, CHUNK):
        nudge = app.tasks["nudge"]
        await nudge.batch_defer_async(*[{}] * now)
        if now < CHUNK:
            at = later + timedelta(seconds=start)
            await nudge.configure(schedule_at=at).batch_defer_async(*[{}] * (CHUNK - now))
    await app.connector.execute_query_async("ANALYZE")


async def drain(app: App, due: int, concurrency: int) -> None:
    """Let the worker run until so many jobs are done."""
    began = perf_counter()
    await app.run_worker_async(concurrency=concurrency, wait=False, delete_jobs="always", listen_notify=False)
    print(perf_counter() - began)


async def run(url: str, what: str, first: int, second: int) -> None:
    """Fill, or drain."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=POOL))

    @app.task(name="nudge")
    async def nudge() -> None:
        """Constant text to a platform that does nothing."""

    async with app.open_async():
        await (fill if what == "fill" else drain)(app, first, second)


if __name__ == "__main__":
    logging.getLogger("procrastinate").setLevel(logging.ERROR)  # it would have the app in another module
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

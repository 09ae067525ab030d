"""A loop in RoboDanny's style: look for the next timer, sleep until it, delete it, dispatch it.

``python -m benchmarks.peers.robodanny FILE COUNT`` prints the seconds for ``COUNT`` timers that are due.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

import aiosqlite


async def drain(file: str, count: int) -> float:
    """Fill the file, then run the loop until everything was dispatched."""
    said = 0

    async def dispatch(text: str) -> None:
        nonlocal said
        said += 1

    async with aiosqlite.connect(file) as db:
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.execute("CREATE TABLE reminders (id INTEGER PRIMARY KEY, expires INTEGER, text TEXT)")
        await db.execute("CREATE INDEX expires ON reminders (expires)")
        rows = ((number, "hello") for number in range(count))
        await db.executemany("INSERT INTO reminders (expires, text) VALUES (?, ?)", rows)
        await db.commit()
        began, tasks = perf_counter(), set[asyncio.Task[None]]()
        next_timer = "SELECT id, text FROM reminders ORDER BY expires LIMIT 1"
        while rows := list(await db.execute_fetchall(next_timer)):
            id, text = rows[0]
            await db.execute("DELETE FROM reminders WHERE id = ?", (id,))
            await db.commit()
            task = asyncio.create_task(dispatch(text))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        assert said == count
        return perf_counter() - began


if __name__ == "__main__":
    print(asyncio.run(drain(sys.argv[1], int(sys.argv[2]))))

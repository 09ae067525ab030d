"""Everything that is planned loaded into memory at start, a sleeping task for each; deleted in groups.

``python -m benchmarks.peers.load_all FILE PLANNED DUE`` prints the seconds to start and to send what is due,
and the memory in MB.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from time import perf_counter

import aiosqlite


async def drain(file: str, planned: int, due: int) -> tuple[float, float]:
    """The seconds until all tasks sleep, and from then until the last one that is due was said."""
    async with aiosqlite.connect(file) as db:
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.execute("CREATE TABLE reminders (id INTEGER PRIMARY KEY, due INTEGER, text TEXT)")
        rows = ((number < due, "hello") for number in range(planned))
        await db.executemany("INSERT INTO reminders (due, text) VALUES (?, ?)", rows)
        await db.commit()
        gate, over, said = asyncio.Event(), asyncio.Event(), list[int]()

        async def remind(id: int, is_due: int) -> None:
            await (gate.wait() if is_due else asyncio.sleep(86_400))
            said.append(id)
            if len(said) == due:
                over.set()

        began = perf_counter()
        found = await db.execute_fetchall("SELECT id, due, text FROM reminders")
        tasks = [asyncio.create_task(remind(id, is_due)) for id, is_due, _ in found]
        await asyncio.sleep(0)
        started = perf_counter()
        gate.set()
        await over.wait()
        await db.executemany("DELETE FROM reminders WHERE id = ?", ((id,) for id in said))
        await db.commit()
        sent = perf_counter()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return started - began, sent - started


if __name__ == "__main__":
    start, send = asyncio.run(drain(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    print(start, send, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

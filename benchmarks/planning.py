"""What it costs to plan in bulk, as daily encouragement does: ``Outbox.plan`` beside a plain bulk insert.

The baselines insert the same rows, ready-made (keys, sealed arguments and all), in the same batches, each one
durable transaction: sqlite3's ``executemany``, and asyncpg's.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg

from benchmarks import postgres_rig as rig
from benchmarks.figures import Figure, middle, times
from benchmarks.outbox_rig import Timed
from benchmarks.rig import micros, plain
from bot.app import App
from bot.chat import User
from bot.cog import Plan
from bot.schedules import DAILY
from bot.storage import Storage

ROUNDS, PLANS, CHUNK = 5, 20_000, 1_000


async def run(folder: Path) -> list[Figure]:
    """Both databases, ours and plain in turns."""
    with rig.server() as server:
        sqlite = f"sqlite:///{folder / 'planning.db'}"
        await (await Storage.open(sqlite)).close()
        return [
            *await _measured("SQLite", sqlite, _by_sqlite3),
            *await _measured("PostgreSQL", server.new(), _by_asyncpg),
        ]


Plainly = Callable[[str, Sequence[Sequence[dict[str, Any]]]], Awaitable[float]]


async def _measured(name: str, url: str, plainly: Plainly) -> list[Figure]:
    took: dict[str, list[float]] = {"plan": [], "plain": [], "values": []}
    turn = count()
    async with rig.bot(url, Timed()) as app:
        for _ in range(ROUNDS):
            chunks = _plans(app, next(turn))
            gc.collect()
            took["plan"].append(await _by_the_bot(app, chunks))
            chunks = _plans(app, next(turn))
            began = perf_counter()
            rows = [[app.kit.outbox._values(plan) for plan in plans] for plans in chunks]
            took["values"].append(perf_counter() - began)
            gc.collect()
            took["plain"].append(await plainly(url, rows))
    rate = {what: PLANS / middle(each) for what, each in took.items()}
    return [
        Figure(
            f"{PLANS:,} plans in batches of {CHUNK:,}, {name}",
            f"{rate['plan']:,.0f} rows/s",
            f"{times(rate['plan'], rate['plain'])} plain bulk insert",
            f"Outbox.plan; plainly and ready-made {rate['plain']:,.0f} rows/s. Making a row ready (its key, "
            f"its columns) is {1e6 / rate['values']:.0f} µs of {1e6 / rate['plan']:.0f}.",
        )
    ]


def _plans(app: App, turn: int) -> list[list[Plan]]:
    """Daily lines for as many people, a chunk after the other."""
    at = app.kit.now + timedelta(days=1 + turn)
    users = [User("bench", "here", f"u{number}") for number in range(PLANS)]
    plans = [
        Plan(DAILY, (DAILY, user.key, str(turn)), at, user=user, expires_at=at + timedelta(hours=6))
        for user in users
    ]
    return [plans[start : start + CHUNK] for start in range(0, PLANS, CHUNK)]


async def _by_the_bot(app: App, chunks: Sequence[Sequence[Plan]]) -> float:
    began = perf_counter()
    for plans in chunks:
        async with app.kit.storage.write() as tx:
            await app.kit.outbox.plan(tx, *plans)
    return perf_counter() - began


def _stored(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(micros(it) if isinstance(it, datetime) else it for it in row.values()) for row in rows]


def _insert(row: dict[str, Any], marks: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO outbox ({names}) VALUES ({', '.join(marks)}) ON CONFLICT (key) DO NOTHING"


async def _by_sqlite3(url: str, chunks: Sequence[Sequence[dict[str, Any]]]) -> float:
    def inserted() -> float:
        ready = [_stored(rows) for rows in chunks]
        insert = _insert(chunks[0][0], ["?"] * len(chunks[0][0]))
        connection = plain(Path(url.removeprefix("sqlite:///")))
        began = perf_counter()
        for rows in ready:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, rows)
            connection.execute("COMMIT")
        took = perf_counter() - began
        connection.close()
        return took

    return await asyncio.to_thread(inserted)


async def _by_asyncpg(url: str, chunks: Sequence[Sequence[dict[str, Any]]]) -> float:
    ready = [_stored(rows) for rows in chunks]
    insert = _insert(chunks[0][0], [f"${number}" for number in range(1, len(chunks[0][0]) + 1)])
    connection = await asyncpg.connect(url)
    began = perf_counter()
    for rows in ready:
        async with connection.transaction():
            await connection.executemany(insert, rows)
    took = perf_counter() - began
    await connection.close()
    return took

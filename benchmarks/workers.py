"""Several senders on one PostgreSQL: how fast, whether anything is said twice, who takes over from the dead.

Each is a process of its own (``benchmarks.worker``).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import asyncpg

from benchmarks import postgres_rig as rig
from benchmarks.figures import Figure, middle, times
from tests.postgres import Server

ROUNDS, WORKERS = 3, 3
ROWS = 60_000  # a second and a half: of less, much would be three processes that prepare statements
LEASE, LATENCY = 5.0, 0.01  # where one is killed: seconds, seconds a message
MANY, FEW = 20_000, 4_000  # rows there, and how many of them are left by then
# How many are left, at most one more than is asked: who counts them all is one more who works.
LEFT = "SELECT count(*) FROM (SELECT FROM outbox WHERE state = 'ready' LIMIT $1::int + 1) AS these"


class _Kill(NamedTuple):
    """Seconds until the last row was marked, rows that the dead worker held, and that were said once more."""

    seconds: float
    held: int
    again: int


async def run(folder: Path, server: Server) -> list[Figure]:
    """One worker and three in turns, then a kill."""
    filled = server.new()
    await rig.fill(filled, ROWS, ROWS)
    took: dict[int, list[float]] = {1: [], WORKERS: []}
    twice = 0
    for turn in range(ROUNDS):
        for workers in took:
            url = rig.copied(server, filled)
            seconds, said = await _drained(url, folder / f"{workers}-{turn}", workers)
            took[workers].append(seconds)
            twice += said
            server.drop(url)
    rate = {workers: ROWS / middle(each) for workers, each in took.items()}
    filled = server.new()
    await rig.fill(filled, MANY, MANY)
    kills = [await _killed(server, filled, folder / f"killed{turn}") for turn in range(ROUNDS)]
    return [
        Figure(
            f"{WORKERS} workers, {ROWS:,} due",
            f"{rate[WORKERS]:,.0f} rows/s",
            f"{times(rate[WORKERS], rate[1])} one worker",
            f"Processes of their own, posts; one alone makes {rate[1]:,.0f} rows/s. "
            f"Said twice: {twice} of {2 * ROUNDS * ROWS:,}.",
        ),
        Figure(
            "one of them killed (-9): its rows said",
            f"{middle([kill.seconds for kill in kills]):.2f} s later",
            f"{times(max(kill.seconds for kill in kills), LEASE)} the lease, at most",
            f"It had {_list(kill.held for kill in kills)} rows in hand, a lease is {LEASE:.0f} s, nothing "
            f"was lost. Said and not yet marked, so handed over again under a key that the platform knows: "
            f"{_list(kill.again for kill in kills)}.",
        ),
    ]


@asynccontextmanager
async def _working(
    url: str, files: Path, workers: int, lease: float, latency: float
) -> AsyncGenerator[list[asyncio.subprocess.Process]]:
    args = [[url, f"{files}.{number}", str(lease), str(latency)] for number in range(workers)]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.worker", *each, stdin=pipe, stdout=pipe
        )
        for each in args
    ]
    try:
        for process in processes:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write(b"go\n")
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _until(connection: asyncpg.Connection, left: int) -> None:
    """Until no more rows than that are neither said nor given up."""
    while True:
        if (await connection.fetchval(LEFT, left) or 0) <= left:
            return
        await asyncio.sleep(0.01)


def _said(files: Path) -> Counter[str]:
    """How often each key was said, by all workers together."""
    return Counter(key for file in files.parent.glob(f"{files.name}.*") for key in file.read_text().split())


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


async def _drained(url: str, files: Path, workers: int) -> tuple[float, int]:
    """The seconds, and how many messages too many there were."""
    connection = await asyncpg.connect(url)
    async with _working(url, files, workers, rig.HELD, 0):
        began = perf_counter()
        await _until(connection, 0)
        took = perf_counter() - began
    await connection.close()
    said = _said(files)
    assert len(said) == ROWS, len(said)
    return took, said.total() - ROWS


async def _killed(server: Server, filled: str, files: Path) -> _Kill:
    url = rig.copied(server, filled)
    connection = await asyncpg.connect(url)
    async with _working(url, files, WORKERS, LEASE, LATENCY) as processes:
        await _until(connection, FEW)
        processes[0].send_signal(signal.SIGKILL)
        began = perf_counter()
        await asyncio.sleep(LEASE * 0.8)  # by then the others have said everything else
        held: int = await connection.fetchval(LEFT, MANY)
        await _until(connection, 0)
        took = perf_counter() - began
    await connection.close()
    server.drop(url)
    said = _said(files)
    assert len(said) == MANY, len(said)
    return _Kill(took, held, said.total() - MANY)

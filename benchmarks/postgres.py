"""The outbox on PostgreSQL: its engine beside asyncpg alone, pgqueuer and procrastinate; several senders.

All on one server that is set as an operator would set it (``postgres_rig.SETTINGS``). Each round works on a
fresh copy of the same table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import postgres_rig as rig
from benchmarks import workers
from benchmarks.figures import Figure, middle, times
from benchmarks.outbox_rig import DUE, Timed, claimed_and_marked, drained
from bot.app import settle
from bot.sender import Pace
from tests.postgres import Server

ROUNDS = 3
PLANNED = (10_000, 100_000)
BATCH = 1_000  # pgqueuer's best of 10, 100, 500 and 1,000
CONCURRENCY = 20  # procrastinate's best of 1, 10, 20 and 50
FEW = 1_000  # of procrastinate's jobs are due, and once: it takes them one by one


async def run(folder: Path) -> list[Figure]:
    """All of it."""
    with rig.server() as server:
        return [*await _engines(server), *await workers.run(folder, server)]


async def _engines(server: Server) -> list[Figure]:
    """10,000 due out of several numbers planned, everybody in turns."""
    figures: list[Figure] = []
    for planned in PLANNED:
        filled = {name: server.empty() for name in ("pgqueuer", "procrastinate")} | {"bot": server.new()}
        await rig.fill(filled["bot"], planned)
        await rig.python("benchmarks.peers.pgqueuer_jobs", filled["pgqueuer"], "fill", planned, DUE)
        await rig.python("benchmarks.peers.procrastinate_jobs", filled["procrastinate"], "fill", planned, FEW)
        took: dict[str, list[float]] = {}
        for turn in range(ROUNDS):
            for name, (table, way) in _WAYS.items():
                if turn and name == "procrastinate":
                    continue
                url = rig.copied(server, filled[table])
                took.setdefault(name, []).append(await way(url))
                server.drop(url)
        for url in filled.values():
            server.drop(url)
        figures += _told(planned, {name: DUE / middle(each) for name, each in took.items()})
    return figures


def _told(planned: int, rate: dict[str, float]) -> list[Figure]:
    batch = Pace().batch
    return [
        Figure(
            f"PostgreSQL: engine, {DUE:,} due of {planned:,} planned",
            f"{rate['bot']:,.0f} rows/s",
            f"{times(rate['bot'], rate['pgqueuer'])} pgqueuer, {times(rate['bot'], rate['procrastinate'])} "
            "procrastinate",
            "Posts: claimed, rendered to a constant card, sent to a chat that does nothing, marked.",
        ),
        Figure(
            f"PostgreSQL: claim and mark alone, {planned:,} planned",
            f"{rate['alone']:,.0f} rows/s",
            f"{times(rate['alone'], rate['asyncpg'])} asyncpg",
            f"asyncpg with the same statements and batches of {batch} makes {rate['asyncpg']:,.0f} rows/s.",
        ),
        Figure(
            f"pgqueuer, {planned:,} planned",
            f"{rate['pgqueuer']:,.0f} rows/s",
            f"{times(rate['pgqueuer'], rate['bot'])} the bot",
            f"Batches of {BATCH}, uvloop, a handler that does nothing; a job that is done is deleted.",
        ),
        Figure(
            f"procrastinate, {planned:,} planned",
            f"{rate['procrastinate']:,.0f} rows/s",
            f"{times(rate['procrastinate'], rate['bot'])} the bot",
            f"{FEW:,} due, {CONCURRENCY} at once, a task that does nothing; a job that is done is deleted.",
        ),
    ]


async def _by_the_bot(url: str) -> float:
    chat = Timed(wanted=DUE)
    async with rig.bot(url, chat) as app:
        await rig.connected(app)
        settle()
        return await drained(app, chat)


async def _claim_and_mark(url: str) -> float:
    """The sender's own claims and marks, and nothing between them."""
    async with rig.bot(url, Timed()) as app:
        await rig.connected(app)
        return await claimed_and_marked(app)


async def _by_asyncpg(url: str) -> float:
    return await rig.plain(url, Pace().batch)


async def _by_pgqueuer(url: str) -> float:
    return float((await rig.python("benchmarks.peers.pgqueuer_jobs", url, "drain", DUE, BATCH))[0])


async def _by_procrastinate(url: str) -> float:
    """As if as many had been due."""
    args = (url, "drain", FEW, CONCURRENCY)
    return float((await rig.python("benchmarks.peers.procrastinate_jobs", *args))[0]) * DUE / FEW


_WAYS: dict[str, tuple[str, Callable[[str], Awaitable[float]]]] = {
    "bot": ("bot", _by_the_bot),
    "alone": ("bot", _claim_and_mark),
    "asyncpg": ("bot", _by_asyncpg),
    "pgqueuer": ("pgqueuer", _by_pgqueuer),
    "procrastinate": ("procrastinate", _by_procrastinate),
}

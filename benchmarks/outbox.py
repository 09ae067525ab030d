"""The outbox: its engine, the whole way of a daily line, lateness; and others' ways of doing the same.

Everything in one run and interleaved, because absolute figures move with the machine. The platform does
nothing and costs nothing; Discord takes 45 messages a second, and that is the limit where one is there.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import outbox_rig as rig
from benchmarks.figures import Figure, middle, ms, percentile, times
from bot.app import App, settle
from bot.claims import Claims
from bot.clock import SystemClock
from bot.features import Ended, Features, Unit
from bot.gentle import Rule
from bot.marks import Marks
from bot.rows import Row
from bot.sender import Pace
from bot.storage import Storage
from bot.ui import Card

T = TypeVar("T")
ROUNDS = 3
PLANNED = (10_000, 100_000, 1_000_000)
PEER_DUE = {"default": 500, "wal": 5_000, "robodanny": 2_000}


async def run(folder: Path) -> list[Figure]:
    """All of it."""
    engine = await _engines(folder)
    peers, whole = await _whole(folder)
    return [*engine, *whole, *peers]


# -- the engine -----------------------------------------------------------------------------------


async def _engines(folder: Path) -> list[Figure]:
    """10,000 due posts out of several numbers planned: by the bot, its claims and marks alone, sqlite3."""
    took: dict[tuple[int, str], list[float]] = {}
    files = {planned: folder / f"engine{planned}.db" for planned in PLANNED}
    for planned, file in files.items():
        await (await Storage.open(f"sqlite:///{file}")).close()
        await asyncio.to_thread(rig.fill, file, planned, _moment_ago())
    for _ in range(ROUNDS):
        for planned, file in files.items():
            for name, way in (("bot", _by_the_bot), ("alone", _claim_and_mark), ("sqlite3", _by_sqlite3)):
                took.setdefault((planned, name), []).append(await way(file))
                await asyncio.to_thread(rig.reset, file, _moment_ago())
    rate = {key: rig.DUE / middle(each) for key, each in took.items()}
    least = PLANNED[0]
    figures = [
        Figure(
            f"engine, {rig.DUE:,} due of {planned:,} planned",
            f"{rate[planned, 'bot']:,.0f} rows/s",
            f"{times(rate[planned, 'bot'], rate[least, 'bot'])} of {least:,}",
            "Posts: claimed, rendered to a constant card, sent to a chat that does nothing, marked.",
        )
        for planned in PLANNED
    ]
    return figures + [
        Figure(
            f"claim and mark alone, {planned:,} planned",
            f"{rate[planned, 'alone']:,.0f} rows/s",
            f"{times(rate[planned, 'alone'], rate[planned, 'sqlite3'])} sqlite3",
            f"Batches of {Pace().batch}; synchronous sqlite3 doing the same in the same batches makes "
            f"{rate[planned, 'sqlite3']:,.0f} rows/s.",
        )
        for planned in PLANNED
    ]


async def _by_the_bot(file: Path) -> float:
    chat = rig.Timed(wanted=rig.DUE)
    async with rig.bot(file, chat) as app:
        settle()
        return await rig.drained(app, chat)


async def _claim_and_mark(file: Path) -> float:
    """The sender's own claims and marks, and nothing between them."""
    async with rig.bot(file, rig.Timed()) as app:
        return await rig.claimed_and_marked(app)


async def _by_sqlite3(file: Path) -> float:
    return await asyncio.to_thread(rig.synchronous, file, Pace().batch)


# -- the whole way of a daily line, lateness, and the others --------------------------------------


@dataclass(slots=True)
class _Burst:
    """10,000 due in one moment: seconds to drain, lateness of each, holds of the loop, processor seconds."""

    took: float
    late: Sequence[float]
    held: float
    cpu: float


async def _whole(folder: Path) -> tuple[list[Figure], list[Figure]]:
    bursts: dict[str, list[_Burst]] = {"line": [], "post": []}
    peers: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        bursts["line"].append(await _burst(folder / f"line{turn}.db", rig.motivated))
        bursts["post"].append(await _burst(folder / f"post{turn}.db", rig.posts))
        for name, seconds in (await _peers(folder, turn)).items():
            peers.setdefault(name, []).append(seconds)
    wal = PEER_DUE["wal"] / middle(peers["wal"])
    figures: list[Figure] = []
    for name, what in (("line", "daily lines"), ("post", "posts")):
        rate = rig.DUE / middle([each.took for each in bursts[name]])
        late = middle([percentile(each.late, 99) for each in bursts[name]])
        figures += [
            Figure(
                f"{rig.DUE:,} {what} due in one moment",
                f"{rate:,.0f} messages/s",
                f"{times(rate, wal)} APScheduler with WAL",
                "Settings and history read, prompt chosen, worded, sent, seen marked, the next one planned."
                if name == "line"
                else "The same without a feature behind it.",
            ),
            Figure(
                f"{what}: p99 late",
                ms(late),
                f"{times(late, rig.DUE / wal)} APScheduler with WAL",
                f"The loop was held at most {ms(middle([each.held for each in bursts[name]]))} meanwhile; "
                f"{middle([each.cpu for each in bursts[name]]) / rig.DUE * 1e6:.0f} µs of a core a message, "
                "SQLite's thread included.",
            ),
        ]
    figures.append(await _breakdown(folder / "parts.db"))
    names = {
        "default": "APScheduler 3, a job each",
        "wal": "the same with WAL and NORMAL",
        "robodanny": "next timer, delete, dispatch",
        "load_all": "all loaded into memory",
    }
    said = [
        Figure(
            names[name],
            f"{PEER_DUE.get(name, rig.DUE) / middle(each):,.0f} rows/s",
            f"{times(PEER_DUE.get(name, rig.DUE) / middle(each), wal)} of the second",
            "Constant text, a platform that does nothing; see benchmarks/peers.",
        )
        for name, each in peers.items()
    ]
    return said, figures


async def _burst(file: Path, plan: Callable[[App, datetime], Awaitable[None]]) -> _Burst:
    chat, probe = rig.Timed(wanted=rig.DUE), rig.Probe()
    async with rig.bot(file, chat) as app:
        await plan(app, app.kit.now - timedelta(seconds=1))
        settle()
        cpu, began = process_time(), perf_counter()
        async with rig.running(probe.run()):
            took = await rig.drained(app, chat)
        cpu = process_time() - cpu
        gc.unfreeze()
    return _Burst(took, [at - began for at in chat.at], max(probe.held), cpu)


@dataclass
class _Timing:
    """The features, with what they take: implements ``bot.features.Features``."""

    features: Features
    took: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def rule(self, kind: str) -> Rule:
        return self.features.rule(kind)

    def follows(self, kind: str) -> bool:
        return self.features.follows(kind)

    async def prepare(self, units: Sequence[Unit]) -> Sequence[Unit]:
        return await self.timed("read and choose", self.features.prepare(units))

    async def render(self, unit: Unit) -> Card | None:
        return await self.timed("word", self.features.render(unit))

    async def after(self, tx: AsyncConnection, ends: Sequence[Ended]) -> None:
        await self.timed("note as seen, plan the next", self.features.after(tx, ends))

    async def trouble(self, row: Row, reason: str) -> None:
        await self.features.trouble(row, reason)

    async def timed(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        """Do it, and add up what it took beside what it called."""
        began, inside = perf_counter(), sum(self.took.values())
        try:
            return await work
        finally:
            self.took[what] += perf_counter() - began - (sum(self.took.values()) - inside)


async def _breakdown(file: Path) -> Figure:
    """What a daily line costs, part by part, one after the other."""
    chat = rig.Timed(wanted=rig.DUE)
    async with rig.bot(file, chat) as app:
        await rig.motivated(app, _moment_ago())
        kit, sender = app.kit, app.sender
        timing = _Timing(sender._delivery.features)
        lease = Pace().lease
        claims = Claims(kit.storage, kit.outbox, kit.people, kit.clock, timing, lease, Pace().batch)
        marks = Marks(kit.storage, kit.people, kit.clock, timing)
        delivery = replace(sender._delivery, features=timing)
        gc.collect()
        while units := await timing.timed("claim, by the rules", claims.claim()):
            outcomes = [
                await timing.timed("send", delivery.deliver(unit, lambda each: each.lead.ready_at))
                for unit in units
            ]
            await timing.timed("mark", marks.mark(outcomes))
    parts = {name: seconds / rig.DUE * 1e6 for name, seconds in timing.took.items()}
    return Figure(
        "a daily line, part after part",
        f"{sum(parts.values()):,.0f} µs",
        "",
        "; ".join(f"{name} {cost:.0f} µs" for name, cost in parts.items())
        + ". At work they overlap: SQLite has a thread of its own.",
    )


async def _peers(folder: Path, turn: int) -> dict[str, float]:
    """Each in a process of its own."""
    took: dict[str, float] = {}
    for name in ("default", "wal"):
        args = (str(folder / f"{name}{turn}.db"), str(PEER_DUE[name]), name)
        took[name] = float((await _python("benchmarks.peers.apscheduler_jobs", *args))[0])
    args = (str(folder / f"robodanny{turn}.db"), str(PEER_DUE["robodanny"]))
    took["robodanny"] = float((await _python("benchmarks.peers.robodanny", *args))[0])
    every = str(rig.DUE)
    all_of_it = await _python("benchmarks.peers.load_all", str(folder / f"all{turn}.db"), every, every)
    took["load_all"] = float(all_of_it[1])
    return took


async def _python(module: str, *args: str) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *args, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    if process.returncode:
        raise RuntimeError(f"{module} failed")
    return out.decode().split()


def _moment_ago() -> datetime:
    return SystemClock().now() - timedelta(seconds=1)

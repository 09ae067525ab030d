"""The outbox while bots are killed, frozen and cut off and the disk fails: all is said, and once.

The long runs are ``make soak ARGS=outbox``. What they found is in docs/scaling.md.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest

from bot.sender import Pace
from tests.outbox_chaos import LEASE, Chaos, Found, until
from tests.outbox_platform import Honours
from tests.outbox_trouble import NAMES, Troubles
from tests.outbox_worker import NO_DISK, UNUSABLE, Worker
from tests.postgres import Server, serving
from tests.wal_tail import append_garbage, flip_bytes, live

HOUR = 3600.0
SOAK = os.environ.get("BOUNCEBACK_SOAK")
long = pytest.mark.skipif(SOAK is None, reason="takes minutes: make soak ARGS=outbox")
SEED = int(SOAK or 1)


@pytest.fixture
def url(made_ready: Path, tmp_path: Path) -> str:
    """An SQLite file in a folder of its own, with all tables and no rows."""
    (tmp_path / "disk").mkdir()
    shutil.copy(made_ready, tmp_path / "disk" / "bot.db")
    return f"sqlite:///{tmp_path / 'disk' / 'bot.db'}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL that has stored what it says it has, also when it crashes."""
    with serving(synchronous_commit="on") as server:
        yield server


def once(what: str, found: Found, *, again: int | None = None) -> None:
    """All is well, and what was counted is told in a long run. ``again``: so many repeats may be, and those
    whose first try was not answered in time: a machine that is busy is late now and then.
    """
    if SOAK is not None:
        sys.stdout.write(f"\n{what}: {found}\n")
    may_be = 0 if again is None else again + found.unsure
    assert not found.wrong(again=may_be), f"{found.wrong(again=may_be)}; {found}"


# -- one bot on SQLite, killed again and again -----------------------------------------------------------


async def killed(tmp_path: Path, url: str, honours: Honours, rows: int, kills: int, **more: Any) -> None:
    async with Chaos(tmp_path, url, rows=rows, honours=honours, seed=SEED, **more) as chaos:
        await chaos.killed_again_and_again("ada", kills)
        found = await chaos.finished()
    once(f"SQLite, {honours}", found, again=found.window if honours is Honours.NOTHING else None)
    assert found.done["kill -9"] == kills
    assert found.window, "nothing was under way at any kill: it was killed at the wrong moments"
    assert found.messages - found.again <= found.rows, "there are more messages than rows, repeats left out"


async def test_killed_again_and_again_it_says_everything_once(tmp_path: Path, url: str) -> None:
    await killed(tmp_path, url, Honours.KEYS, 1_300, 8)


async def test_where_keys_mean_less_only_what_was_under_way_is_repeated(tmp_path: Path, url: str) -> None:
    async def one(honours: Honours) -> None:
        shutil.copytree(tmp_path / "disk", tmp_path / honours)
        await killed(tmp_path / honours, f"sqlite:///{tmp_path / honours / 'bot.db'}", honours, 400, 4)

    await asyncio.gather(one(Honours.LOOKS), one(Honours.NOTHING))


@long
@pytest.mark.parametrize("honours", list(Honours))
async def test_a_long_run_on_sqlite(tmp_path: Path, url: str, honours: Honours) -> None:
    """The pace is the default's, but for the lease: who is killed a hundred times waits for it as often."""
    await killed(tmp_path, url, honours, 20_000, 100, pace=Pace(lease=LEASE), latency=0.04)


# -- three bots on PostgreSQL ------------------------------------------------------------------------------


async def troubled(
    tmp_path: Path, server: Server, honours: Honours, rows: int, kinds: list[str], **more: Any
) -> None:
    url = server.new()
    async with Chaos(tmp_path, url, rows=rows, honours=honours, seed=SEED, server=server, **more) as chaos:
        async with Troubles(chaos, server) as troubles:
            await troubles.some(kinds or list(troubles.kinds) * 6 + ["kill -9"] * 8)
            found = await chaos.finished()
        frozen = sum(kind.startswith("SIGSTOP") for kind in found.done.elements())
        # What a frozen bot had decided to send before its lease ran out, it sends when it wakes up.
        window = found.window + frozen * chaos.pace.senders
    once(f"PostgreSQL, {honours}", found, again=window if honours is Honours.NOTHING else None)


async def test_three_bots_on_postgresql_say_everything_once_whatever_happens(
    tmp_path: Path, server: Server
) -> None:
    kinds = [
        *("kill -9", "kill -9", "SIGSTOP past the lease, then SIGCONT", "30 ms more, each way"),
        *("fast restart of the server", "immediate restart of the server"),
        *("pg_terminate_backend for all", "cut of all of a bot's connections"),
    ]
    await troubled(tmp_path, server, Honours.KEYS, 1_300, kinds)


@long
@pytest.mark.parametrize("honours", [Honours.KEYS, Honours.NOTHING])
async def test_a_long_run_on_postgresql(tmp_path: Path, server: Server, honours: Honours) -> None:
    await troubled(tmp_path, server, honours, 20_000, [], latency=0.06)


async def test_a_database_that_is_away_for_a_while_makes_nobody_hear_anything_twice(
    tmp_path: Path, server: Server
) -> None:
    """What was said meanwhile is written down when it is back: no platform has to recognise a key."""
    url = server.new()
    nothing = Honours.NOTHING
    async with (
        Chaos(tmp_path, url, rows=400, honours=nothing, seed=SEED, server=server) as chaos,
        Troubles(chaos, server),
    ):
        await chaos.when(chaos.least // 3)
        server.stop(signal.SIGINT)
        await asyncio.sleep(0.7 * LEASE)
        server.start()
        found = await chaos.finished()
    once("PostgreSQL away", found, again=0)


async def test_others_take_over_within_one_lease(tmp_path: Path, server: Server) -> None:
    """One bot is killed, then a second; what they held, the others have, and the last one alone."""
    pace = Pace(lease=LEASE, batch=16, senders=4)
    url = server.new()
    async with (
        Chaos(tmp_path, url, rows=56, latency=0.4, pace=pace, seed=SEED, server=server) as chaos,
        Troubles(chaos, server),
    ):
        for more, dies in zip((0, 40), chaos.random.sample(list(NAMES), 2), strict=True):
            await chaos.plan(range(chaos.rows, chaos.rows + more))
            held: set[str] = set()

            async def holds_much(dies: str = dies, held: set[str] = held) -> bool:
                held.clear()
                held |= await held_by(chaos, dies)
                if not held and all(row.state != "ready" for row in await chaos.stored()):
                    await chaos.plan(range(chaos.rows, chaos.rows + 40))  # the others were quicker
                return len(held) > 1

            await until(holds_much)
            at = monotonic()
            await chaos.kill(dies)
            await until(lambda held=held: taken_over(chaos, held))
            took = monotonic() - at
            if SOAK is not None:
                sys.stdout.write(f"\n{dies} was killed; the others had all it held after {took:.1f} s\n")
        found = await chaos.finished()
    once("taken over", found)


async def held_by(chaos: Chaos, name: str) -> set[str]:
    """What a bot holds, by what it is sending: rows that were claimed together have one lease."""
    sent = {each.key for each in await chaos.said() if each.by == name}
    stored = await chaos.stored()
    leases = {row.lease for row in stored if row.key in sent and row.lease}
    return {row.key for row in stored if row.state == "ready" and row.lease in leases}


async def taken_over(chaos: Chaos, held: set[str]) -> bool:
    """Whether all these rows have been claimed anew, or were written down before it was killed."""
    stored = [row for row in await chaos.stored() if row.key in held]
    return not any(row.state == "ready" and row.attempts < 2 for row in stored)


# -- a disk in trouble -------------------------------------------------------------------------------------


async def test_a_full_disk_stops_it_until_there_is_room_again(tmp_path: Path, url: str) -> None:
    async with Chaos(tmp_path, url, rows=1_200, honours=Honours.NOTHING, seed=SEED) as chaos:
        worker = chaos.worker("ada", disk=64 << 20)  # the write-ahead log alone may have 32 MB
        life = chaos.start(worker)
        await with_own_disk(chaos, worker)
        chaos.file, chaos.elsewhere = Path(f"/proc/{life.pid}/root{chaos.file}"), True
        await chaos.when(chaos.least // 4)
        ballast = chaos.file.with_name("ballast")
        fill(ballast)
        await until(lambda: is_logged(chaos, "SQLITE_FULL"))
        assert life.is_alive()
        ballast.unlink()
        found = await chaos.finished()
    once("disk full", found, again=0)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of another process")
async def test_a_limit_on_files_stops_it_until_it_is_lifted(tmp_path: Path, url: str) -> None:
    async with Chaos(tmp_path, url, rows=1_200, honours=Honours.NOTHING, seed=SEED) as chaos:
        life = chaos.start(chaos.worker("ada"))
        await chaos.when(chaos.least // 4)
        assert life.pid is not None
        before = resource.prlimit(life.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(life.pid, resource.RLIMIT_FSIZE, (100_000, before[1]))
        await until(lambda: is_logged(chaos, "SQLITE_IOERR_WRITE"))
        assert life.is_alive()
        resource.prlimit(life.pid, resource.RLIMIT_FSIZE, before)
        found = await chaos.finished()
    once("files limited", found, again=0)


async def test_a_file_that_may_not_be_written_is_said_at_the_start_and_nothing_is_lost(
    tmp_path: Path, url: str
) -> None:
    async with Chaos(tmp_path, url, rows=300, seed=SEED) as chaos:
        worker = chaos.worker("ada", powerless=True)
        chaos.start(worker)
        await chaos.when(chaos.least // 4)
        await chaos.kill("ada")
        rights(chaos.file.parent, 0o444, 0o555)
        chaos.start(worker)
        assert await chaos.ended("ada") == UNUSABLE
        (line,) = [each["said"] for each in chaos.log("ada") if "said" in each]
        assert "may not be written" in line
        rights(chaos.file.parent, 0o644, 0o755)
        chaos.start(worker)
        found = await chaos.finished()
    once("read-only", found)


async def test_a_spoilt_end_of_the_log_loses_no_row(tmp_path: Path, url: str) -> None:
    """SQLite forgets what was written last; so it is said again, under the same keys."""
    async with Chaos(tmp_path, url, rows=800, seed=SEED) as chaos:
        wal = chaos.file.with_name("bot.db-wal")
        spoilt: Counter[str] = Counter()

        def spoils(how: Callable[[Path, Random], object]) -> None:
            if live(wal)[0]:
                how(wal, chaos.random)
                spoilt[how.__name__] += 1

        for part, how in ((0.2, flip_bytes), (0.4, append_garbage), (0.6, flip_bytes), (0.8, append_garbage)):
            chaos.start(chaos.worker("ada"))
            await chaos.when(int(chaos.least * part))
            await chaos.kill("ada", partial(spoils, how))
        chaos.start(chaos.worker("ada"))
        found = await chaos.finished()
    once(f"{dict(spoilt)}", found)
    assert len(spoilt) == 2, spoilt
    with closing(sqlite3.connect(chaos.file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# -- a clock that is wrong ---------------------------------------------------------------------------------


async def test_a_clock_that_is_set_by_hours_holds_nothing_up(tmp_path: Path, url: str) -> None:
    """Forward, back, and each time killed while it was wrong: what it held then is not held for hours."""
    async with Chaos(tmp_path, url, rows=1_000, honours=Honours.LOOKS, seed=SEED) as chaos:
        worker = chaos.worker("ada")
        chaos.start(worker)
        for number, hours in enumerate((3, -2, 5, -6)):
            await chaos.when(chaos.least * (number + 1) // 6)
            if number % 2:
                await chaos.kill("ada")
            chaos.set_clock(hours * HOUR)
            if number % 2:
                chaos.start(worker)
        found = await chaos.finished()
    once("clock set", found)


# -- hands -------------------------------------------------------------------------------------------------


async def with_own_disk(chaos: Chaos, worker: Worker) -> None:
    """Wait until it works on a disk of its own; skip where nobody may have one."""

    async def works() -> bool:
        return chaos.exit_code(worker.name) is not None or bool(await chaos.said())

    await until(works)
    if chaos.exit_code(worker.name) == NO_DISK:
        pytest.skip(f"a small disk needs user namespaces: {chaos.log(worker.name)[-1]}")


def fill(file: Path) -> None:
    """Take all the room that is left."""
    with file.open("wb", buffering=0) as ballast:
        for size in (65_536, 4_096):
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def rights(folder: Path, files: int, own: int) -> None:
    """Who may write a folder and what is in it."""
    for each in folder.iterdir():
        each.chmod(files)
    folder.chmod(own)


def is_logged(chaos: Chaos, code: str) -> bool:
    """Whether the bot has said what is wrong."""
    return any(each.get("why") == code for each in chaos.log("ada"))

"""How long a start takes and how much memory it needs, with nothing planned and with very much."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

from benchmarks.figures import Figure, middle, times
from benchmarks.rig import micros, plain
from bot.clock import SystemClock
from bot.vault import Vault

RUNS, PLANNED, EACH = 5, 1_000_000, 10
READY = "Bounceback is running: "
LIBRARIES = "import aiohttp.web, alembic, sqlalchemy.ext.asyncio, cryptography.hazmat.primitives.ciphers.aead"
HEAD = f"{LIBRARIES}; print('{READY}', flush=True); input()"


class Start(NamedTuple):
    seconds: float
    kibibytes: int


async def run(folder: Path) -> list[Figure]:
    """Interleaved starts of real processes: empty, full, the libraries alone; some on no file at all."""
    return await asyncio.to_thread(_run, folder)


def _run(folder: Path) -> list[Figure]:
    starts: dict[str, list[Start]] = {"new": [], "empty": [], "full": [], "libraries": []}
    for name in ("empty", "full"):
        _bot(folder / name)  # makes the file and its key, and fills Python's caches
    _fill(folder / "full")
    for turn in range(RUNS):
        starts["new"].append(_bot(folder / f"new{turn}"))
        starts["empty"].append(_bot(folder / "empty"))
        starts["full"].append(_bot(folder / "full"))
        starts["libraries"].append(_started([sys.executable, "-c", HEAD]))
    took = {name: middle([each.seconds for each in runs]) for name, runs in starts.items()}
    uses = {name: middle([each.kibibytes for each in runs]) / 1024 for name, runs in starts.items()}
    return [
        Figure(
            "start until ready, nothing planned",
            f"{took['empty']:.2f} s",
            f"{times(took['empty'], took['libraries'])} libraries alone",
            "A new process of `bounceback run` with the web chat, from exec until it says that it runs; "
            f"importing aiohttp, SQLAlchemy, Alembic and cryptography alone took {took['libraries']:.2f} s.",
        ),
        Figure(
            f"start until ready, {PLANNED:,} planned",
            f"{took['full']:.2f} s",
            f"{times(took['full'], took['empty'])} nothing planned",
            "A start reads no plan: it asks for the next row alone.",
        ),
        Figure(
            "first start, no file yet",
            f"{took['new']:.2f} s",
            f"{times(took['new'], took['empty'])} nothing planned",
            "The same with a key and a database to make; only this start loads Alembic.",
        ),
        Figure(
            "memory when ready, nothing planned",
            f"{uses['empty']:.0f} MiB",
            f"{times(uses['empty'], uses['libraries'])} libraries alone",
            f"Resident, a second after; Python with those libraries alone has {uses['libraries']:.0f} MiB.",
        ),
        Figure(
            f"memory when ready, {PLANNED:,} planned",
            f"{uses['full']:.0f} MiB",
            f"{times(uses['full'], uses['empty'])} nothing planned",
            "What is planned stays in the file.",
        ),
    ]


def _bot(folder: Path) -> Start:
    folder.mkdir(exist_ok=True)
    config = folder / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{folder / "bounceback.db"}"\nkey_file = "{folder / "bounceback.key"}"\n'
        f'[web]\nenabled = "on"\nport = {_free_port()}\n[log]\nlevel = "warning"\n',
        encoding="utf-8",
    )
    return _started([sys.executable, "-m", "bot", "run", "--config", str(config)])


def _started(command: list[str]) -> Start:
    """Run until ready, look at its memory a second later, and stop it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCEBACK_")}
    began = perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = perf_counter() - began
        if not line.startswith(READY):
            process.kill()
            raise RuntimeError(f"it did not start; it said {line!r}")
        sleep(1)
        memory = _resident(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return Start(took, memory)


def _resident(pid: int) -> int:
    """Resident memory in KiB, on Linux and macOS."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout)


def _free_port() -> int:
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        return int(here.getsockname()[1])


def _fill(folder: Path) -> None:
    """Ten nudges each for as many people as that makes, the first of them due in a month."""
    vault = Vault.open(folder / "bounceback.key")
    now = SystemClock().now()
    args = vault.seal_json({"rejection": "0123456789abcdef"}, "outbox.args")
    month = micros(now + timedelta(days=30))
    connection = plain(folder / "bounceback.db")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO people (user, seen_at) VALUES (?, ?)",
        ((f"web/local/u{person}", micros(now)) for person in range(PLANNED // EACH)),
    )
    connection.executemany(
        "INSERT INTO outbox (key, kind, verb, user, subject, args, due_at, ready_at, expires_at, state) "
        "VALUES (?, 'plan.check_in', 'dm', ?, ?, ?, ?, ?, ?, 'ready')",
        (
            (f"{n:025d}", f"web/local/u{n // EACH}", f"{n // EACH:064d}", args, at, at, at + 10**11)
            for n in range(PLANNED)
            for at in [month + n * 1_000_000]
        ),
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

"""One bot of the chaos: the real storage and sender, wired by ``bot.app.build``, against ``outbox_platform``.

It is forked from a process that has imported everything (``FORKS``), so that it can be killed and started
a hundred times in a minute. It may have a clock that is wrong, a disk of its own that is soon full, or no
right to write its database.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random

from bot.app import build
from bot.clock import SystemClock
from bot.cog import Cog, Nudge
from bot.logs import configure
from bot.people import Defaults
from bot.roles import Role
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.errors import StorageError
from bot.ui import Card
from bot.vault import Vault
from cogs import COGS
from tests.outbox_platform import Honours, Line, Platform

NOTE, POST = "chaos.note", "chaos.post"
ALWAYS = Defaults(quiet_from=time(0), quiet_to=time(0), per_day=100_000, ignored_limit=1_000_000)
SHIFT = struct.Struct("d")
LOOK_AGAIN = 0.2  # seconds, on SQLite
UNUSABLE, NO_DISK = 2, 77  # exit codes: the database cannot be used; nobody may have a disk of their own here
NEWNS, NEWUSER = 0x20000, 0x10000000  # of unshare(2)


def forks() -> ForkServerContext:
    """The process that bots are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "bot.storage.postgresql"])
    return context


@dataclass(frozen=True, slots=True)
class Worker:
    """How one bot works. ``ahead``: its machine's clock, in seconds; ``shift``: a file that moves it on.

    ``disk``: bytes of its own disk, mounted over the folder of its database, which is copied there first.
    ``powerless``: bound by the rights of files, even as root.
    """

    name: str
    url: str
    folder: Path
    port: int
    pace: Pace
    ahead: float = 0.0
    shift: Path | None = None
    disk: int = 0
    powerless: bool = False

    @property
    def log(self) -> Path:
        """What it wrote to standard error, in all its lives."""
        return self.folder / f"{self.name}.log"


class WrongClock(SystemClock):
    """A machine's clock that somebody sets while it runs: a file holds by how many seconds it is wrong."""

    def __init__(self, ahead: float, shift: Path | None) -> None:
        self._file = os.open(shift, os.O_RDONLY) if shift else None
        self._ahead = ahead
        super().__init__()

    def now(self) -> datetime:
        wrong = self._ahead
        if self._file is not None:
            wrong += SHIFT.unpack(os.pread(self._file, SHIFT.size, 0))[0]
        return super().now() + timedelta(seconds=wrong)


def cog() -> Cog:
    """Direct messages, which are folded where one person has several, and posts; each says its number."""
    made = Cog("chaos")

    def label(nudge: Nudge) -> str:
        return nudge.row.args["text"]

    async def render(nudge: Nudge) -> Card:
        return Card(nudge.row.args["text"])

    made.nudge(NOTE, label=label)(render)
    made.nudge(POST)(render)
    return made


async def _serve(worker: Worker) -> int:
    """As ``bot.app.serve`` does, for this one platform."""
    machine = WrongClock(worker.ahead, worker.shift)
    clock = WrongClock(worker.ahead, worker.shift)
    try:
        storage = await Storage.open(worker.url, machine)
    except StorageError as error:
        sys.stderr.write(f"storage.url = … {error}\n")
        return UNUSABLE
    storage.on_clock(clock.correct)
    app = build(
        storage=storage,
        clock=clock,
        vault=Vault.open(worker.folder / "key.json"),
        chats=[Line(port=worker.port, by=worker.name)],
        role=Role.SENDER,
        look_again=LOOK_AGAIN if worker.url.startswith("sqlite") else 0.0,
        defaults=ALWAYS,
        pace=worker.pace,
        random=Random(),
        cogs=(*COGS, cog()),
    )
    running = asyncio.create_task(app.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        await storage.close()
    return 0


def work(worker: Worker) -> None:
    """The whole life of a bot's process."""
    log = os.open(worker.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, sys.stderr.fileno())
    if worker.disk:
        try:
            _own_disk(Path(worker.url.removeprefix("sqlite:///")).parent, worker.disk)
        except OSError as error:
            sys.stderr.write(f"no disk of its own: {error}\n")
            sys.exit(NO_DISK)
    if worker.powerless and os.getuid() == 0:
        header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
        ctypes.CDLL(None).capset(header, nothing)  # root without a power is held to the rights of files
    _die_with_the_tests()
    configure("info", "json")
    sys.exit(asyncio.run(_serve(worker)))


def serve_platform(honours: Honours, latency: float, seed: int, ready: Connection) -> None:
    """The whole life of the platform's process."""
    _die_with_the_tests()
    asyncio.run(Platform(honours, latency, seed).serve(ready))


def _die_with_the_tests() -> None:
    """Where Linux can: tests that are killed leave nothing running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _own_disk(folder: Path, size: int) -> None:
    """A small disk over ``folder``, with what is in it, that nobody else sees; ``OSError`` if none may be."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(function: Callable[..., int], *given: object) -> None:
        if function(*given):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    user, group = os.getuid(), os.getgid()
    call(libc.unshare, NEWUSER | NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    call(libc.mount, b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size},mode=700".encode())
    for name in os.listdir(held):
        with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=held), "rb") as old:
            (folder / name).write_bytes(old.read())
    os.close(held)

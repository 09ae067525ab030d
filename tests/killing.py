"""Kills the bot with -9 at points between submit and post, starts it again, and counts what exists.

``python -m tests.killing FOLDER [all]`` prints one line of JSON: what was found after each of some points,
or of all. It imports the bot once and forks: one child
works until it is killed, a second one starts on the same database three minutes later. The chat is the real
web chat, used as a store; its messages are in the same database. A point is each statement (before and after
it) and each transaction (before its commit, and when its connection is given back).

Each trial has its own copy of an empty database: of a file, or of the PostgreSQL database that ``FOLDER``
names (see ``tests.world.stored``).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

import aiosqlite
from sqlalchemy import Engine, Pool, event, func, select

from bot.app import App, build
from bot.chat import Event, Kind, Message, Place, User
from bot.clock import FakeClock, SystemClock
from bot.logs import configure
from bot.people import Defaults
from bot.platforms.web import WebChat
from bot.platforms.web_people import BOT, direct, place
from bot.platforms.web_store import Row, Store
from bot.sender import Pace
from bot.storage import Storage, postgresql
from bot.storage.schema import events, outbox, rejections
from bot.ui import Card
from bot.vault import Vault
from tests.copies import copied, dropped, settled
from tests.world import ELSEWHERE, stored

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RESTART = timedelta(minutes=3)  # after the lease ran out
PLAN = timedelta(days=18)  # longer than the plan of this stage
ADA = User("web", "local", "ada")
STORY = "Three rounds, then one line of email."
VALUES = {"where": "Acme", "stage": "interview", "story": STORY, "sign": "anonymous", "wish": "ideas"}
SPREAD = 26  # points spread evenly from the first to the last; beside them, every other one in a chat call
CALLS = ("post", "thread", "opener", "dm")
SIDE_BY_SIDE = max(2, os.cpu_count() or 2)

_during: ContextVar[str] = ContextVar("during", default="")


class Chat(WebChat):
    """The web chat, telling which of its calls a point falls into."""

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        with _within("opener" if place.thread else "post"):
            return await super().post(place, card, key=key, again=again)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        with _within("dm"):
            return await super().dm(user, card, key=key, again=again)

    async def thread(self, message: Message, title: str) -> Place:
        with _within("thread"):
            return await super().thread(message, title)


class _within:  # noqa: N801  (reads as what it is: a ``with``)
    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = _during.set(self._name)

    def __exit__(self, *_: object) -> None:
        _during.reset(self._before)


class Points:
    """Counts the points of a run; at ``kill`` (from 1) the process ends as if the power had gone."""

    def __init__(self, kill: int | None = None) -> None:
        self.seen: list[str] = []
        self._kill, self.phase = kill, "submit"
        event.listen(Engine, "before_cursor_execute", self._on("before"))
        event.listen(Engine, "after_cursor_execute", self._on("after"))
        event.listen(Engine, "commit", self._on("commit"))
        event.listen(Pool, "checkin", self._on("given back"))

    def _on(self, what: str) -> Callable[..., None]:
        def reached(*_: object) -> None:
            self.seen.append(_during.get() or self.phase)
            if len(self.seen) == self._kill:
                os.kill(os.getpid(), signal.SIGKILL)

        reached.__name__ = what
        return reached


class Bot:
    """The real bot on the database of ``folder``, with the clock standing at ``now``."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder, self.clock = folder, FakeClock(now)

    async def __aenter__(self) -> Bot:
        self.vault = Vault.open(self._folder / "key.json")
        self.storage = await Storage.open(stored(self._folder))

        async def nothing() -> datetime | None:
            return None

        chat = Chat(
            storage=self.storage,
            vault=self.vault,
            clock=cast("SystemClock", self.clock),  # only its time is asked for
            next_event=nothing,
            announce=lambda _: None,
        )
        await Store(self.storage, self.vault).introduce("support", "wins", "moderation")
        self.app: App = build(
            storage=self.storage,
            clock=self.clock,
            vault=self.vault,
            chats=[chat],
            defaults=Defaults(),
            pace=Pace(),
            random=Random(7),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.storage.close()

    def event(self, id: str, kind: Kind, name: str, **values: str) -> Event:
        """An event of Ada's."""
        said = {"values": values, "display": "Ada", "zone": "Europe/Berlin"}
        return Event(id, kind, name, ADA, place("general"), **said)

    async def submit(self) -> object:
        """Ada hands in /rejected."""
        return await self.app.dispatcher.handle(
            self.event("submission", Kind.SUBMIT, "rejections.share", **VALUES)
        )

    async def advance_to(self, target: datetime) -> None:
        """Let time pass, and everything happen at its time."""
        while (at := await self.app.sender.next_due()) is not None and at <= target:
            await self.clock.advance_to(max(at, self.clock.now()))
            await self.app.sender.drain()
        await self.clock.advance_to(target)

    async def whole_plan(self) -> None:
        """Day by day, with Ada there every day."""
        end = self.clock.now() + PLAN
        day = 0
        while self.clock.now() < end:
            await self.advance_to(self.clock.now() + timedelta(days=1))
            day += 1
            await self.app.dispatcher.handle(self.event(f"day {day}", Kind.COMMAND, "nudges"))

    async def found(self) -> dict[str, Any]:
        """What exists, as people see it."""
        store = Store(self.storage, self.vault)
        said = [
            row
            for row in await store.seen_by("ada", ["support", direct("ada")])
            if row.author == BOT and not row.gone
        ]
        posts = [row for row in said if row.channel == "support" and row.thread is None]
        async with self.storage.read() as connection:
            rows = (await connection.execute(select(outbox.c.id, outbox.c.kind, outbox.c.state))).all()
            kept = (await connection.execute(select(rejections.c.state))).all()
            known = (await connection.execute(select(events.c.id))).all()
        kinds = {str(row.id): row.kind for row in rows}
        nudges = Counter(
            kind for row in said if row.channel == direct("ada") for kind in _kinds_on(row, kinds)
        )
        return {
            "rejections": len(kept),
            "states": [row.state for row in kept],
            "posts": len(posts),
            "stories": sum(STORY in json.dumps(row.body) for row in said),
            "threads": sum("title" in row.body for row in posts),
            "openers": sum(row.channel == "support" and row.thread is not None for row in said),
            "nudges": dict(sorted(nudges.items())),
            "waiting": sum(row.state == "ready" for row in rows),
            "known": sum(row.id == "web/submission" for row in known),
        }


def _kinds_on(row: Row, kinds: dict[str, str]) -> list[str]:
    """The nudges that a direct message brings: its own, and those folded into it."""
    ids = [button["id"] for button in row.body.get("card", {}).get("buttons", [])]
    about = [match[1] for id in ids if (match := re.fullmatch(r"(?:plan\.done|nudges\.show):(\d+)", id))]
    return [kinds[id] for id in about]


# -- the children -----------------------------------------------------------------------------------


async def first(folder: Path, kill: int | None) -> list[str]:
    """From the submission to the second nudge; dead at point ``kill``. The names of the points."""
    async with Bot(folder, MONDAY) as bot:
        points = Points(kill)
        await bot.submit()
        points.phase = "outbox"
        await bot.app.sender.drain()
        await bot.advance_to(MONDAY + timedelta(days=1))
        return points.seen


async def second(folder: Path, again: bool) -> dict[str, Any]:
    """Three minutes after the last sign of life: everything that is still to come, and what exists then."""
    async with Bot(folder, await _last_sign(folder) + RESTART) as bot:
        if again:
            answer = await bot.submit()
            assert isinstance(answer, Card), answer
        await bot.app.sender.drain()
        early = await bot.found()
        await bot.whole_plan()
        return {**await bot.found(), "early": {name: early[name] for name in ("posts", "threads", "openers")}}


async def _last_sign(folder: Path) -> datetime:
    """The latest moment that the dead process wrote down."""
    storage = await Storage.open(stored(folder))
    async with storage.read() as connection:
        columns = events.c.at, outbox.c.tried_at, outbox.c.done_at
        found = [await connection.scalar(select(func.max(each))) for each in columns]
    await storage.close()
    return max((at for at in found if at is not None), default=MONDAY)


def forked(work: Callable[[], Coroutine[Any, Any, Any]], out: Path) -> int:
    """Run ``work`` in a child with a loop of its own, its result in ``out``; the child's process id."""
    sys.stdout.flush()
    if child := os.fork():
        return child
    code = 1
    try:
        out.write_text(json.dumps(asyncio.run(work())))
        code = 0
    except BaseException:  # noqa: BLE001  (a child never returns into its parent's work)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a child; its exit code, negative for the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def trial(folder: Path, base: Path, kill: int, again: bool) -> int:
    """A child that has two of its own, one after the other: killed at ``kill``, started again."""
    folder.mkdir()
    if child := os.fork():
        return child
    code = 1
    try:
        copied(base, folder)
        killed = ended(forked(lambda: first(folder, kill), folder / "first.json"))
        (folder / "killed").write_text(str(killed))
        settled(folder)
        code = ended(forked(lambda: second(folder, again), folder / "found.json"))
        dropped(folder)
    finally:
        os._exit(code)


# -- the parent -------------------------------------------------------------------------------------


async def _empty(folder: Path) -> None:
    async with Bot(folder, MONDAY):
        pass


def trials(names: list[str], every: bool) -> list[tuple[int, bool]]:
    """Where to be killed (from 1), and whether the event is then delivered again."""
    if every:
        return [(at + 1, again) for at in range(len(names)) for again in (True, False)]
    last = len(names) - 1
    even = {round(step * last / (SPREAD - 1)) for step in range(SPREAD)}
    inside = [at for at, name in enumerate(names) if name in CALLS]
    both = {(at + 1, again) for at in even for again in (True, False)}
    return sorted(both | {(at + 1, turn % 2 == 0) for turn, at in enumerate(inside[::2])})


def main(folder: Path, every: bool) -> None:
    """Count the points, try them, print what was found."""
    configure("warning", "json")
    base = folder / "base"
    base.mkdir()
    if (folder / ELSEWHERE).exists():
        shutil.copy(folder / ELSEWHERE, base)
    assert ended(forked(lambda: _empty(base), folder / "empty.json")) == 0
    assert ended(trial(folder / "whole", base, 0, False)) == 0
    names: list[str] = json.loads((folder / "whole" / "first.json").read_text())
    whole = json.loads((folder / "whole" / "found.json").read_text())

    waiting = trials(names, every)
    running: dict[int, tuple[int, bool]] = {}
    tried: list[dict[str, Any]] = []
    while waiting or running:
        while waiting and len(running) < SIDE_BY_SIDE:
            kill, again = waiting.pop(0)
            running[trial(folder / f"{kill}-{again}", base, kill, again)] = (kill, again)
        child, status = os.waitpid(-1, 0)
        kill, again = running.pop(child)
        here = folder / f"{kill}-{again}"
        ok = os.waitstatus_to_exitcode(status) == 0
        tried.append(
            {
                "kill": kill,
                "during": names[kill - 1],
                "again": again,
                "killed": int((here / "killed").read_text()),
                "found": json.loads((here / "found.json").read_text()) if ok else None,
            }
        )
        shutil.rmtree(here)
    sys.stdout.write(json.dumps({"points": len(names), "names": names, "whole": whole, "trials": tried}))


if __name__ == "__main__":
    _ = aiosqlite, postgresql  # imported before the first fork, as everything else is
    main(Path(sys.argv[1]), "all" in sys.argv[2:])

"""What the outbox's benchmark works on: files full of plans, a chat that notes when, a probe of the loop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from benchmarks.rig import ALWAYS, NoChat, micros, plain
from bot.app import App, build
from bot.chat import Message, Place, User
from bot.clock import SystemClock
from bot.cog import Cog, Nudge, Plan, Verb, dump
from bot.marks import Outcome
from bot.rows import State
from bot.schedules import DAILY
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import motivation, people, prompts
from bot.ui import Card
from bot.vault import Vault
from cogs import COGS

DUE, CHUNK = 10_000, 1_000
HAD = 20  # prompts that each person has had
POST = "bench.post"
HERE = Place("bench", "here", "general")
CARD = Card("hello")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")


@dataclass
class Timed(NoChat):
    """Notes when each message was there."""

    at: list[float] = field(default_factory=list[float])

    def _put(self, place: Place) -> Message:
        self.at.append(perf_counter())
        return super()._put(place)


def _cog() -> Cog:
    """A post that costs nothing to render: what is measured is the outbox."""
    cog = Cog("bench")

    @cog.nudge(POST)
    async def post(_: Nudge) -> Card:
        return CARD

    return cog


@asynccontextmanager
async def bot(file: Path, chat: NoChat) -> AsyncGenerator[App]:
    """A bot on a file, nothing running."""
    storage = await Storage.open(f"sqlite:///{file}")
    yield build(
        storage=storage,
        clock=SystemClock(),
        vault=Vault.ephemeral(),
        chats=[chat],
        defaults=ALWAYS,
        pace=Pace(),
        random=Random(7),
        cogs=(*COGS, _cog()),
    )
    await storage.close()


def fill(file: Path, planned: int, due: datetime) -> None:
    """``planned`` posts, of which ``DUE`` at an instant and the others in the weeks after the next day."""
    connection = plain(file)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN IMMEDIATE")
    later, step = micros(due + timedelta(days=1)), 30 * 86_400_000_000 // planned
    connection.execute(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
        "INSERT INTO outbox (key, kind, verb, place, due_at, ready_at, state) "
        "SELECT printf('k%024d', n), ?, 'post', ?, at, at, 'ready' FROM "
        "(SELECT n, CASE WHEN n % ? = 0 THEN ? ELSE ? + n * ? END AS at FROM numbers)",
        (planned, POST, dump(HERE), planned // DUE, micros(due), later, step),
    )
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def reset(file: Path, due: datetime) -> None:
    """What was sent is due once more."""
    connection = plain(file)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "UPDATE outbox SET state = 'ready', ready_at = ?, due_at = ?, attempts = 0, lease = NULL, lane = 2, "
        "tried_at = NULL, done_at = NULL, message = NULL WHERE state = 'sent'",
        (micros(due), micros(due)),
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def synchronous(file: Path, batch: int) -> float:
    """Claim and mark what is due with Python's own sqlite3, as the sender does; the seconds."""
    connection, now = plain(file), micros(SystemClock().now())
    began = perf_counter()
    while True:
        lease = uuid4().hex
        connection.execute("BEGIN IMMEDIATE")
        taken = connection.execute(
            "UPDATE outbox SET ready_at = ?, lease = ?, attempts = attempts + 1, "
            "tried_at = coalesce(tried_at, ?) WHERE id IN "
            "(SELECT id FROM outbox WHERE state = 'ready' AND lane = 2 AND ready_at <= ? "
            "ORDER BY ready_at, id LIMIT ?) "
            "RETURNING *",
            (now + 60_000_000, lease, now, now, batch),
        ).fetchall()
        connection.execute("COMMIT")
        if not taken:
            break
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "UPDATE outbox SET state = ?, lease = NULL, error = NULL, done_at = ?, message = ? "
            "WHERE id = ? AND lease = ?",
            [("sent", now, '["bench", "here", "general", "", "1"]', row[0], lease) for row in taken],
        )
        connection.execute("COMMIT")
    took = perf_counter() - began
    connection.close()
    return took


async def motivated(app: App, due: datetime) -> None:
    """``DUE`` people who want a line every day, have had some, and whose next one is due at an instant."""
    kit = app.kit
    had = [each.id for each in kit.content.prompts if each.fits("")][:HAD]
    for start in range(0, DUE, CHUNK):
        users = [User("bench", "here", f"u{number}") for number in range(start, start + CHUNK)]
        plans = [
            Plan(DAILY, ("bench", user.id), due, user=user, expires_at=due + timedelta(hours=6))
            for user in users
        ]
        chosen = {"at": "08:30", "days": "0123456", "themes": "", "active": True}
        seen: list[dict[str, Any]] = [
            {"user": user.key, "prompt": id, "seen": True, "at": due - timedelta(days=1 + number)}
            for user in users
            for number, id in enumerate(had)
        ]
        async with kit.storage.write() as tx:
            await tx.execute(
                insert(people),
                [
                    {"user": user.key, "seen_at": due, "zone": ZONES[number % len(ZONES)]}
                    for number, user in enumerate(users)
                ],
            )
            await tx.execute(insert(motivation), [{"user": user.key, **chosen} for user in users])
            await tx.execute(insert(prompts), seen)
            await kit.outbox.plan(tx, *plans)


async def posts(app: App, due: datetime) -> None:
    """``DUE`` posts, due at an instant."""
    for start in range(0, DUE, CHUNK):
        plans = [
            Plan(POST, ("post", str(number)), due, Verb.POST, place=HERE)
            for number in range(start, start + CHUNK)
        ]
        async with app.kit.storage.write() as tx:
            await app.kit.outbox.plan(tx, *plans)


@dataclass
class Probe:
    """How long the event loop was held, as something that wants to run every millisecond sees it."""

    held: list[float] = field(default_factory=list[float])

    async def run(self) -> None:
        while True:
            before = perf_counter()
            await asyncio.sleep(0.001)
            self.held.append(perf_counter() - before - 0.001)


@asynccontextmanager
async def running(*works: Any) -> AsyncGenerator[None]:
    """Coroutines at work, and ended."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def drained(app: App, chat: NoChat) -> float:
    """The seconds until everything that is due was sent and marked."""
    began = perf_counter()
    async with running(app.sender.run()):
        await chat.full.wait()
        await app.sender.settled()
        return perf_counter() - began


async def claimed_and_marked(app: App) -> float:
    """The seconds that the sender's own claims and marks take of what is due, with nothing between them."""
    claims, marks = app.sender._claims, app.sender._marks
    message = await Timed().post(HERE, CARD, key="")
    gc.collect()
    began = perf_counter()
    while units := await claims.claim():
        await marks.mark([Outcome(unit, State.SENT, message) for unit in units])
    return perf_counter() - began

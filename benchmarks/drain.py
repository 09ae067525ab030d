"""How fast the outbox empties when much is due at once and the platform costs nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from benchmarks.figures import Figure, middle, times
from benchmarks.rig import NoChat, bot, micros, plain
from bot.app import App
from bot.chat import User
from bot.cog import Plan
from bot.sender import Pace
from bot.storage import Storage
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import outbox, people, rejections

ROUNDS, ROWS, CHUNK = 3, 10_000, 500


async def run(folder: Path) -> list[Figure]:
    """Interleaved: the bot empties its outbox, sqlite3 empties another, and again."""
    took: dict[str, list[float]] = {"bot": [], "plain": []}
    for turn in range(ROUNDS):
        chat = NoChat(wanted=ROWS)
        async with bot(folder / f"bot{turn}.db", chat) as app:
            rows = await _fill(app)
            gc.collect()
            took["bot"].append(await _drain(app, chat))
        await (await Storage.open(f"sqlite:///{folder / f'plain{turn}.db'}")).close()
        took["plain"].append(await asyncio.to_thread(_plain, folder / f"plain{turn}.db", rows))
    rate = {name: ROWS / middle(each) for name, each in took.items()}
    return [
        Figure(
            f"drain of {ROWS:,} due nudges",
            f"{rate['bot']:,.0f} rows/s",
            f"{times(rate['plain'], rate['bot'])} slower than sqlite3",
            "Nudges of as many people, due at once: claimed by the rules, rendered in the person's language, "
            "handed to a chat that does nothing, marked. Discord takes 45 a second: that is the limit.",
        ),
        Figure(
            f"the same batches of {Pace().batch}, sqlite3",
            f"{rate['plain']:,.0f} rows/s",
            "baseline",
            "Claim and mark by UPDATE in the same batches, without rules, words or messages.",
        ),
    ]


async def _fill(app: App) -> list[dict[str, Any]]:
    """Nudges of as many people, due since a moment."""
    kit, now = app.kit, app.kit.now
    made: list[dict[str, Any]] = []
    for start in range(0, ROWS, CHUNK):
        users = [User("bench", "here", f"u{number}") for number in range(start, start + CHUNK)]
        shared = [_shared(user, kit.vault.owner(user.key), now) for user in users]
        plans = [
            Plan(
                "plan.check_in",
                ("plan", each.id, "check_in"),
                now - timedelta(minutes=1),
                user=user,
                args={"rejection": each.id},
                subject=kit.vault.token("subject", each.id),
                expires_at=now + timedelta(days=4),
            )
            for user, each in zip(users, shared, strict=True)
        ]
        rows = [kit.outbox._values(plan) for plan in plans]
        made += rows
        async with kit.storage.write() as tx:
            await tx.execute(insert(people), [{"user": user.key, "seen_at": now} for user in users])
            await tx.execute(insert(rejections), [store.values(kit.vault, each) for each in shared])
            await tx.execute(insert(outbox), rows)
    return made


def _shared(user: User, owner: str, now: datetime) -> Rejection:
    return Rejection(
        user.id, owner, user.key, "bench/here", Stage.CV_SCREEN, Sign.ONLY_ME, Wish.LISTEN,
        "Acme", "", now, Shared.PRIVATE, "", "", 0, False,
    )  # fmt: skip


async def _drain(app: App, chat: NoChat) -> float:
    began = perf_counter()
    running = asyncio.create_task(app.sender.run())
    await chat.full.wait()
    await app.sender.settled()
    took = perf_counter() - began
    running.cancel()
    await asyncio.wait([running])
    return took


def _plain(file: Path, rows: Sequence[dict[str, Any]]) -> float:
    """Claim and mark as the sender does, and nothing else."""
    connection, batch = plain(file), Pace().batch
    names = list(rows[0])
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        f"INSERT INTO outbox ({columns}) VALUES ({marks})",
        [[micros(value) if isinstance(value, datetime) else value for value in row.values()] for row in rows],
    )
    connection.execute("COMMIT")
    now = max(micros(row["ready_at"]) for row in rows)
    began = perf_counter()
    while True:
        lease = uuid4().hex
        connection.execute("BEGIN IMMEDIATE")
        taken = connection.execute(
            "UPDATE outbox SET ready_at = ?, lease = ?, attempts = attempts + 1, tried_at = ? WHERE id IN "
            "(SELECT id FROM outbox WHERE state = 'ready' AND lane = 2 AND ready_at <= ? "
            "ORDER BY ready_at, id LIMIT ?) "
            "RETURNING id",
            (now + 60_000_000, lease, now, now, batch),
        ).fetchall()
        connection.execute("COMMIT")
        if not taken:
            break
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "UPDATE outbox SET lease = NULL, state = 'sent', done_at = ?, message = ? "
            "WHERE id = ? AND lease = ?",
            [(now, '["bench", "here", "dm", "", "1"]', id, lease) for (id,) in taken],
        )
        connection.execute("COMMIT")
    took = perf_counter() - began
    connection.close()
    return took

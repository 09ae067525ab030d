"""Nudges that are due, one a person, as they stand in the database of a bot that was away."""

from __future__ import annotations

import gc
import sqlite3
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from benchmarks.rig import ALWAYS
from bot.app import build
from bot.chat import User
from bot.clock import SystemClock
from bot.cog import Plan
from bot.sender import Pace
from bot.storage import Storage
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import outbox, people, rejections
from bot.vault import Vault

CHUNK = 500


async def plan_check_ins(folder: Path, platform: str, community: str, members: list[str]) -> None:
    """A rejection and a nudge, due since a minute, for each of these people."""
    storage = await Storage.open(f"sqlite:///{folder / 'bot.db'}")
    kit = build(
        storage=storage,
        clock=SystemClock(),
        vault=Vault.open(folder / "bot.key"),
        chats=[],
        defaults=ALWAYS,
        pace=Pace(),
        random=Random(7),
    ).kit
    now = kit.now
    for start in range(0, len(members), CHUNK):
        rows: list[dict[str, Any]] = []
        shared: list[Rejection] = []
        users = [User(platform, community, each) for each in members[start : start + CHUNK]]
        for user in users:
            rejection = Rejection(
                uuid4().hex[:16], kit.vault.owner(user.key), user.key, f"{platform}/{community}",
                Stage.CV_SCREEN, Sign.ONLY_ME, Wish.LISTEN, "Acme", "", now, Shared.PRIVATE, "", "", 0, False,
            )  # fmt: skip
            shared.append(rejection)
            plan = Plan(
                "plan.check_in",
                ("plan", rejection.id, "check_in"),
                now - timedelta(minutes=1),
                user=user,
                args={"rejection": rejection.id},
                subject=kit.vault.token("subject", rejection.id),
                expires_at=now + timedelta(days=4),
            )
            rows.append(kit.outbox._values(plan))
        async with storage.write() as tx:
            await tx.execute(insert(people), [{"user": user.key, "seen_at": now} for user in users])
            await tx.execute(insert(rejections), [store.values(kit.vault, each) for each in shared])
            await tx.execute(insert(outbox), rows)
    await storage.close()
    gc.collect()


def asked(folder: Path, question: str) -> int:
    """One number from the database."""
    connection = sqlite3.connect(folder / "bot.db")
    try:
        return connection.execute(question).fetchone()[0]
    finally:
        connection.close()


def sent(folder: Path) -> int:
    """How many rows were sent."""
    return asked(folder, "SELECT count(*) FROM outbox WHERE state = 'sent'")


def took(folder: Path) -> float:
    """Seconds from the first claim to the last mark."""
    return asked(folder, "SELECT max(done_at) - min(tried_at) FROM outbox") / 1_000_000

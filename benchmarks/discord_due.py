"""Thousands of nudges due at once, with Discord's limits in force, while people go on typing commands."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
from sqlalchemy import insert

from benchmarks.discord_rig import bounceback, prepare
from benchmarks.figures import Figure, ms, percentile
from benchmarks.rig import ALWAYS
from bot.app import build
from bot.chat import User
from bot.clock import SystemClock
from bot.cog import Plan
from bot.sender import Pace
from bot.storage import Storage
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import discord_people, outbox, people, rejections
from bot.vault import Vault
from tests.wire.discord_remote import Remote

DUE, CHUNK, OPENED_AT_ONCE = 5_000, 500, 32
LIMIT = 50  # requests a second
WATCH = 1.0  # seconds between two looks at how far it is
PEOPLE = 50  # who type commands meanwhile
EVERY = 0.1  # seconds between two commands
PATIENCE = 300.0  # seconds for all of it


async def run(folder: Path) -> list[Figure]:
    """Real time: the fake's second is a second. It counts 50 requests in each, and answers 429 beyond."""
    here = folder / "due"
    async with Remote.spawned(no_recording=True) as remote:
        await prepare(here, remote)
        members: list[str] = await remote.call("people", count=DUE + PEOPLE)
        channels = await _opened(remote, members[:DUE])
        await _fill(here, remote.guild, channels)
        await remote.call("limits", on=True)
        before = await remote.call("info")
        async with bounceback(here, remote):
            typing = asyncio.create_task(_typing(remote, members[DUE:]))
            await _until_sent(here)
            typing.cancel()
            with suppress(asyncio.CancelledError):
                await typing
        after, arrived = await remote.call("info"), await remote.call("count")
    assert arrived["dms"] == DUE, f"{arrived['dms']:,} messages for {DUE:,} nudges"
    took = _took(here)
    asked, refused = (after[name] - before[name] for name in ("asked", "refused"))
    return _figures((DUE - 1) / took, refused / asked)


_latencies: list[float] = []


def _figures(rate: float, refused: float) -> list[Figure]:
    return [
        Figure(
            f"Discord: {DUE:,} nudges due at once leave at",
            f"{rate:.1f} a second",
            f"{rate / LIMIT:.1%} of Discord's {LIMIT}",
            "Real seconds, from the first claim to the last mark; the fake counts requests as Discord does, "
            "and answers 429 beyond. Each went to its own person, whose channel was known.",
        ),
        Figure(
            "Discord: 429 meanwhile",
            f"{refused:.2%}",
            "of all requests",
            "Every kind of 429 that the fake gave.",
        ),
        Figure(
            "Discord: /rejected until its form meanwhile, p99",
            ms(percentile(_latencies, 99)),
            f"p50 {ms(percentile(_latencies, 50))}",
            f"{len(_latencies):,} commands, one every {EVERY * 1000:.0f} ms, while the nudges left.",
        ),
    ]


async def _opened(remote: Remote, members: list[str]) -> dict[str, str]:
    """Everybody's direct message channel, opened before the limits count."""
    found: dict[str, str] = {}
    slots = asyncio.Semaphore(OPENED_AT_ONCE)
    headers = {"Authorization": f"Bot {remote.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def one(member: str) -> None:
            url = f"{remote.api_base}/users/@me/channels"
            async with slots, session.post(url, json={"recipient_id": member}) as answer:
                found[member] = (await answer.json())["id"]

        await asyncio.gather(*(one(each) for each in members))
    return found


async def _fill(folder: Path, guild: str, channels: dict[str, str]) -> None:
    """A nudge for each of these people, due since a minute, and their channel."""
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
    now, members = kit.now, list(channels)
    for start in range(0, len(members), CHUNK):
        rows: list[dict[str, Any]] = []
        shared: list[Rejection] = []
        users = [User("discord", guild, each) for each in members[start : start + CHUNK]]
        for user in users:
            rejection = Rejection(
                uuid4().hex[:16], kit.vault.owner(user.key), user.key, f"discord/{guild}", Stage.CV_SCREEN,
                Sign.ONLY_ME, Wish.LISTEN, "Acme", "", now, Shared.PRIVATE, "", "", 0, False,
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
        known = [{"id": user.id, "community": guild, "dm": channels[user.id]} for user in users]
        async with storage.write() as tx:
            await tx.execute(insert(people), [{"user": user.key, "seen_at": now} for user in users])
            await tx.execute(insert(discord_people), known)
            await tx.execute(insert(rejections), [store.values(kit.vault, each) for each in shared])
            await tx.execute(insert(outbox), rows)
    await storage.close()
    gc.collect()


async def _typing(remote: Remote, members: list[str]) -> None:
    """Somebody types /rejected every few moments."""
    _latencies.clear()
    while True:
        for person in members:
            asked = {"people": [person], "name": "rejected", "guild": remote.guild}
            _latencies.extend(await remote.call("burst", **asked))
            await asyncio.sleep(EVERY)


async def _until_sent(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while _asked(folder, "SELECT count(*) FROM outbox WHERE state = 'sent'") < DUE:  # noqa: ASYNC110
            await asyncio.sleep(WATCH)


def _took(folder: Path) -> float:
    """Seconds from the first claim to the last mark."""
    return _asked(folder, "SELECT max(done_at) - min(tried_at) FROM outbox") / 1_000_000


def _asked(folder: Path, question: str) -> int:
    connection = sqlite3.connect(folder / "bot.db")
    try:
        return connection.execute(question).fetchone()[0]
    finally:
        connection.close()

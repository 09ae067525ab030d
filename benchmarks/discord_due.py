"""Thousands of nudges due at once, with Discord's limits in force, while people go on typing commands."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp
from sqlalchemy import insert

from benchmarks.discord_rig import bounceback, prepare
from benchmarks.figures import Figure, ms, percentile
from benchmarks.planned import plan_check_ins, sent, took
from bot.storage import Storage
from bot.storage.schema import discord_people
from tests.wire.discord_remote import Remote

DUE, OPENED_AT_ONCE = 5_000, 32
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
        await plan_check_ins(here, "discord", remote.guild, list(channels))
        await _remember(here, remote.guild, channels)
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
    asked, refused = (after[name] - before[name] for name in ("asked", "refused"))
    return _figures((DUE - 1) / took(here), refused / asked)


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


async def _remember(folder: Path, guild: str, channels: dict[str, str]) -> None:
    """The channels of these people, as the bot would know them."""
    known = [{"id": id, "community": guild, "dm": channel} for id, channel in channels.items()]
    storage = await Storage.open(f"sqlite:///{folder / 'bot.db'}")
    async with storage.write() as tx:
        await tx.execute(insert(discord_people), known)
    await storage.close()


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
        while sent(folder) < DUE:  # noqa: ASYNC110
            await asyncio.sleep(WATCH)

"""What thousands of servers cost in memory, beside discord.py with its own caches and without any."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks.discord_rig import bounceback, echo, prepare
from benchmarks.figures import Figure, times
from benchmarks.start import _resident
from tests.wire.discord_remote import Remote

GUILDS = {2_000: 1, 10_000: 4}  # and in how many shards
CHANNELS, ROLES, MEMBERS = 50, 30, 500  # of each server
STILL = 1.5  # seconds; connected and nothing more to come when the memory stays the same for so long
MOST = 90.0  # seconds


async def run(folder: Path) -> list[Figure]:
    """One bot after the other on the same fake Discord."""
    figures: list[Figure] = []
    async with Remote.spawned(guilds=1, no_recording=True) as remote:
        await prepare(folder / "one", remote)
        alone = await _weighed(bounceback(folder / "one", remote))
    for guilds, shards in GUILDS.items():
        options = {"guilds": 1, "shards": shards, "max_concurrency": shards, "no_recording": True}
        async with Remote.spawned(**options) as remote:
            names = [f"channel-{number}" for number in range(CHANNELS)]
            each = {"channels": names, "roles": ROLES, "members": MEMBERS, "furnished": True}
            await remote.call("add_guilds", count=guilds - 1, **each)
            here = folder / str(guilds)
            await prepare(here, remote)
            ours = await _weighed(bounceback(here, remote, shards))
            none = await _weighed(echo(remote, "none", shards))
            default = await _weighed(echo(remote, "default", shards))
        figures.append(
            Figure(
                f"Discord: memory with {guilds:,} servers",
                f"{ours / 1024:.0f} MiB",
                f"{times(ours, default)} discord.py as it comes, {times(ours, alone)} in one server",
                f"Resident. A bare discord.py bot has {default / 1024:.0f} MiB with its default intents and "
                f"caches, {none / 1024:.0f} MiB with none; this bot in one server {alone / 1024:.0f} MiB. "
                f"Each has {CHANNELS} channels and {ROLES} roles, and what else a community's server has "
                "(tests/wire/discord_community.py).",
            )
        )
    return figures


async def _weighed(bot: AbstractAsyncContextManager[int]) -> int:
    """The resident memory of a bot in KiB, once it no longer grows."""
    async with bot as process, asyncio.timeout(MOST):
        before, now = 0, _resident(process)
        while now > before * 1.005:
            await asyncio.sleep(STILL)
            before, now = now, _resident(process)
        return now

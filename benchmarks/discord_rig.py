"""Bots in processes of their own against a fake Discord in another; how they are started and weighed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import insert

from benchmarks.processes import START, process, write_config
from bot.storage import Storage
from bot.storage.schema import communities
from tests.wire.discord_remote import Remote


async def prepare(folder: Path, remote: Remote, *guilds: str) -> None:
    """A new database in which these servers (else the first) are set up."""
    storage = await Storage.open(f"sqlite:///{folder / 'bot.db'}")
    channels = {
        name: await remote.call("channel", name=name, guild=remote.guild) for name in ("support", "wins")
    }
    async with storage.write() as tx:
        for guild in guilds or (remote.guild,):
            await tx.execute(insert(communities).values(platform="discord", community=guild, **channels))
    await storage.close()


@asynccontextmanager
async def bounceback(folder: Path, remote: Remote, shards: int = 1) -> AsyncIterator[int]:
    """``bounceback run`` as anybody would run it, until it is connected; the process's id."""
    config = write_config(folder, f'[discord]\napi_base = "{remote.api_base}"\n')
    environment = {"BOUNCEBACK_DISCORD__TOKEN": remote.token}
    async with process(["bot", "run", "--config", str(config)], environment) as started:
        await remote.call("ready", sessions=shards, command="rejected", patience=START)
        yield started.pid


@asynccontextmanager
async def echo(remote: Remote, kind: str = "none", shards: int = 1) -> AsyncIterator[int]:
    """The bare discord.py bot, until it is connected; the process's id."""
    where = [remote.api_base, remote.gateway_url, remote.token, kind, str(shards)]
    async with process(["benchmarks.peers.discord_echo", *where], {}) as started:
        await remote.call("ready", sessions=shards, command="rejected", patience=START)
        await asyncio.wait_for(started.stdout.readline(), START)
        yield started.pid

"""Bots in processes of their own against a fake Discord in another; how they are started and weighed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bot.storage import Storage
from bot.storage.schema import communities
from tests.wire.discord_remote import Remote

ROOT = Path(__file__).parents[1]
START = 120.0  # seconds that a bot may take until it is connected


@asynccontextmanager
async def _process(arguments: list[str], environment: dict[str, str]) -> AsyncIterator[Any]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCEBACK_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env=ours | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


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
    config = folder / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{folder / "bot.db"}"\nkey_file = "{folder / "bot.key"}"\n'
        '[community]\nquiet_from = "00:00"\nquiet_to = "00:00"\n'
        f'[discord]\napi_base = "{remote.api_base}"\n[log]\nlevel = "error"\n',
        encoding="utf-8",
    )
    environment = {"BOUNCEBACK_DISCORD__TOKEN": remote.token}
    async with _process(["bot", "run", "--config", str(config)], environment) as process:
        await remote.call("ready", sessions=shards, command="rejected", patience=START)
        yield process.pid


@asynccontextmanager
async def echo(remote: Remote, kind: str = "none", shards: int = 1) -> AsyncIterator[int]:
    """The bare discord.py bot, until it is connected; the process's id."""
    where = [remote.api_base, remote.gateway_url, remote.token, kind, str(shards)]
    async with _process(["benchmarks.peers.discord_echo", *where], {}) as process:
        await remote.call("ready", sessions=shards, command="rejected", patience=START)
        await asyncio.wait_for(process.stdout.readline(), START)
        yield process.pid

"""Bots in processes of their own against a fake Slack in another, through Socket Mode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import insert

from benchmarks.processes import START, process, write_config
from bot.storage import Storage
from bot.storage.schema import communities
from tests.wire.slack_remote import Remote


async def prepare(folder: Path, remote: Remote) -> None:
    """A new database in which the workspace is set up."""
    storage = await Storage.open(f"sqlite:///{folder / 'bot.db'}")
    channels = {name: await remote.call("channel", name=name) for name in ("support", "wins")}
    async with storage.write() as tx:
        await tx.execute(insert(communities).values(platform="slack", community=remote.workspace, **channels))
    await storage.close()


@asynccontextmanager
async def bounceback(folder: Path, remote: Remote) -> AsyncIterator[int]:
    """``bounceback run`` as anybody would run it, until it is connected; the process's id."""
    config = write_config(folder, f'[slack]\napi_base = "{remote.api_base}"\n')
    tokens = {
        "BOUNCEBACK_SLACK__BOT_TOKEN": remote.bot_token,
        "BOUNCEBACK_SLACK__APP_TOKEN": remote.app_token,
    }
    async with process(["bot", "run", "--config", str(config)], tokens) as started:
        await remote.call("ready", patience=START)
        yield started.pid


@asynccontextmanager
async def echo(remote: Remote) -> AsyncIterator[int]:
    """The bare slack-bolt app, until it is connected; the process's id."""
    where = [remote.api_base, remote.bot_token, remote.app_token]
    async with process(["benchmarks.peers.slack_echo", *where], {}) as started:
        await remote.call("ready", patience=START)
        await asyncio.wait_for(started.stdout.readline(), START)
        yield started.pid

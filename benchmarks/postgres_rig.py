"""A PostgreSQL as an operator would set it, tables full of posts, bots on them; peers and workers beside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from random import Random
from uuid import uuid4

import asyncpg
from sqlalchemy import select

from benchmarks.outbox_rig import DUE, HERE, POST, _cog
from benchmarks.rig import ALWAYS, micros
from bot.app import App, build
from bot.chat import Chat
from bot.clock import Clock, SystemClock
from bot.cog import dump
from bot.roles import Role
from bot.sender import Pace
from bot.storage import Storage
from bot.vault import Vault
from cogs import COGS
from tests.postgres import Server, serving

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "wal_level": "replica",
}
HELD = 60  # seconds of a lease


@contextmanager
def server() -> Generator[Server]:
    """A server that keeps what it has committed, whatever happens to the machine."""
    with serving(**SETTINGS) as made:
        yield made


@asynccontextmanager
async def bot(
    url: str, chat: Chat, *, clock: Clock | None = None, pace: Pace | None = None
) -> AsyncGenerator[App]:
    """A bot on a database of either kind, nothing running."""
    storage = await Storage.open(url)
    yield build(
        storage=storage,
        clock=clock or SystemClock(),
        vault=Vault.ephemeral(),
        chats=[chat],
        role=Role.SENDER,
        defaults=ALWAYS,
        pace=pace or Pace(),
        random=Random(7),
        cogs=(*COGS, _cog()),
    )
    await storage.close()


async def connected(app: App) -> None:
    """Open the connections that a sender uses: the others' are open too before their time begins."""
    await app.sender.next_due()
    async with app.kit.storage.write() as one, app.kit.storage.write() as another:
        for connection in (one, another):
            await connection.execute(select(1))


async def fill(url: str, planned: int, due: int = DUE) -> None:
    """Posts, of which so many are due and the others in the weeks after the next day."""
    now = SystemClock().now()
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO outbox (key, kind, verb, place, due_at, ready_at, state) "
        "SELECT 'k' || lpad(n::text, 24, '0'), $2, 'post', $3, at, at, 'ready' FROM "
        "(SELECT n, CASE WHEN n % $4 = 0 THEN $5 ELSE $6 + n * 1000000::bigint END AS at "
        "FROM generate_series(1, $1::int) AS n) AS numbered",
        planned,
        POST,
        dump(HERE),
        planned // due,
        micros(now - timedelta(seconds=1)),
        micros(now + timedelta(days=1)),
    )
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


def copied(server: Server, url: str) -> str:
    """The same once more: each round begins with a table that nobody has touched."""
    server.sql("CHECKPOINT")
    name = f"c{uuid4().hex[:12]}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE {url.rpartition('/')[2]} STRATEGY FILE_COPY")
    return server.url(name)


async def plain(url: str, batch: int) -> float:
    """Claim and mark what is due with asyncpg alone, in the sender's batches; the seconds."""
    connection, now = await asyncpg.connect(url), micros(SystemClock().now())
    message = dump(HERE)
    began = asyncio.get_running_loop().time()
    while True:
        lease = uuid4().hex
        taken = await connection.fetch(
            "UPDATE outbox SET ready_at = $1, lease = $2, attempts = attempts + 1, "
            "tried_at = coalesce(tried_at, $3) WHERE id IN (SELECT id FROM outbox WHERE state = 'ready' "
            "AND lane = 2 AND ready_at <= $3 ORDER BY ready_at LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING *",
            now + HELD * 1_000_000,
            lease,
            now,
            batch,
        )
        if not taken:
            break
        await connection.executemany(
            "UPDATE outbox SET state = $1, lease = NULL, error = NULL, done_at = $2, message = $3 "
            "WHERE id = $4 AND lease = $5",
            [("sent", now, message, row["id"], lease) for row in taken],
        )
    took = asyncio.get_running_loop().time() - began
    await connection.close()
    return took


async def python(module: str, *args: object, seconds: float = 120) -> list[str]:
    """What a process of its own prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, args), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), seconds)
    if process.returncode:
        raise RuntimeError(f"{module} failed")
    return out.decode().split()

"""When a community is over: the bot was removed, or its token was taken away. For any platform.

At once nothing more is said there. It may be a mistake that is mended (a token made anew, the bot installed
again), so what is kept about people stays for ``GRACE``. If nobody there has done anything by then it goes
too, as each feature forgets a person: they have no way to ``/privacy`` any more. Both steps survive a restart
and may be done twice; the second takes a few people at a time, so that other communities need not wait.
"""

from __future__ import annotations

import json
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cog import Kit, State, parse_user
from bot.storage import rejections as store
from bot.storage.engine import insert_into
from bot.storage.schema import blocks, communities, events, metadata, outbox, people, rejections

GRACE = timedelta(days=30)
AT_ONCE = 10  # people in one transaction: about a tenth of a second
_MARK = "leaving/"  # among the events handled: when a community that is over will be forgotten
log = structlog.get_logger("bot.leaving")


async def end(kit: Kit, platform: str, community: str) -> None:
    """Cancel all that is planned in a community and for its people; forget them after ``GRACE``."""
    when = {"at": kit.now + GRACE}
    async with kit.storage.write() as tx:
        cancelled = await _cancel(kit, tx, platform, community)
        insert = insert_into(tx, events).values(id=f"{_MARK}{platform}/{community}", **when)
        await tx.execute(insert.on_conflict_do_update(index_elements=[events.c.id], set_=when))
    log.info("community ended", platform=platform, cancelled=cancelled)


async def finish(kit: Kit) -> None:
    """Forget the communities whose time has come, unless somebody there was seen since the end."""
    async with kit.storage.read() as connection:
        due = select(events.c.id, events.c.at).where(_starts(events.c.id, _MARK), events.c.at <= kit.now)
        marks = (await connection.execute(due)).mappings().all()
    for row in marks:
        mark, ended = (events.c.id == row["id"], events.c.at == row["at"]), row["at"] - GRACE
        platform, community = row["id"].removeprefix(_MARK).split("/", 1)
        async with kit.storage.read() as connection:
            seen = select(people.c.user).where(_theirs(people, platform, community), people.c.seen_at > ended)
            lives = (await connection.execute(seen.limit(1))).first() is not None
            users = [] if lives else await _people(kit, connection, platform, community)
        for start in range(0, len(users), AT_ONCE):
            async with kit.storage.write() as tx:
                for user in users[start : start + AT_ONCE]:
                    await kit.forget_all(tx, parse_user(user))
        async with kit.storage.write() as tx:
            if not lives:
                await _forget_place(kit, tx, platform, community)
            await tx.execute(delete(events).where(*mark))  # last: what is cut short is done once more
        log.info("community forgotten", platform=platform, people=len(users), lives=lives)


async def _forget_place(kit: Kit, tx: AsyncConnection, platform: str, community: str) -> None:
    """Remove what is kept of the community itself; posts that are to be taken down stay where they are."""
    here = (communities.c.platform == platform, communities.c.community == community)
    await tx.execute(delete(communities).where(*here))
    await tx.execute(delete(blocks).where(blocks.c.community == f"{platform}/{community}"))
    await tx.execute(update(outbox).where(_there(platform, community)).values(args=None))
    await _cancel(kit, tx, platform, community)


async def _people(kit: Kit, tx: AsyncConnection, platform: str, community: str) -> list[str]:
    """The keys of everybody there of whom anything is kept: by ``user`` columns, and as authors."""
    found: set[str] = set()
    for table in metadata.sorted_tables:
        if "user" in table.c:
            theirs = _theirs(table, platform, community)
            found |= set((await tx.execute(select(table.c.user).where(theirs).distinct())).scalars())
    shared = await store.find(tx, kit.vault, rejections.c.community == f"{platform}/{community}")
    return sorted(found | {each.author for each in shared})


async def _cancel(kit: Kit, tx: AsyncConnection, platform: str, community: str) -> int:
    """End whatever waits to be said there; how many rows that were."""
    about = or_(_theirs(outbox, platform, community), _there(platform, community))
    done = await tx.execute(
        update(outbox)
        .where(outbox.c.state == State.READY, about)
        .values(state=State.CANCELLED, lease=None, done_at=kit.now)
    )
    return done.rowcount


def _there(platform: str, community: str) -> ColumnElement[bool]:
    """Rows of the outbox that are about a community's places, as ``dump`` writes them."""
    return _starts(outbox.c.place, json.dumps([platform, community])[:-1] + ",")


def _theirs(table: Table, platform: str, community: str) -> ColumnElement[bool]:
    """Rows of a community's people."""
    return _starts(table.c.user, f"{platform}/{community}/")


def _starts(column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    """Exactly so: LIKE makes no difference between capitals and small letters on some databases."""
    return func.substr(column, 1, len(start)) == start

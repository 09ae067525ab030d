"""What this platform keeps in the database: where people are, which threads are ours, a few notes.

See docs/decisions/0006-discord-direct-messages.md. What was read is remembered in memory, bounded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Place
from bot.platforms.recent import Recent
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import communities, discord_people, discord_state, discord_threads

PLATFORM = "discord"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person: the server they were last seen in, their direct message channel."""

    community: str = ""
    dm: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """A private thread for a few people; ``thread`` is empty while it is being opened."""

    community: str
    channel: str
    since: float  # seconds of the clock when it was asked for
    thread: str = ""


class Store:
    """All of it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._people: Recent[Known] = Recent()
        self._threads: Recent[Place | bool] = Recent()

    # -- people --------------------------------------------------------------------------------

    async def person(self, id: str) -> Known:
        """What is known of a person; nothing of a stranger."""
        known = self._people.get(id)
        if known is None:
            async with self._storage.read() as connection:
                rows = await connection.execute(select(discord_people).where(discord_people.c.id == id))
                row = rows.mappings().first()
            if row is None:
                return Known()  # and not remembered: another process may be told who they are
            known = Known(row["community"], row["dm"])
            self._people.put(id, known)
        return known

    async def seen(self, id: str, community: str) -> None:
        """A person did something in a server."""
        if (await self.person(id)).community != community:
            await self._change(id, community=community)

    async def direct(self, id: str, channel: str) -> None:
        """A person's direct message channel; empty: the one we knew is no more."""
        if (await self.person(id)).dm != channel:
            await self._change(id, dm=channel)

    async def _change(self, id: str, **values: str) -> None:
        async with self._storage.write() as tx:
            insert = insert_into(tx, discord_people).values(id=id, **values)
            await tx.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))
        self._people.drop(id)

    async def forget(self, tx: AsyncConnection, id: str) -> None:
        """Remove what is kept about a person, in the caller's transaction."""
        await tx.execute(delete(discord_people).where(discord_people.c.id == id))
        self._people.drop(id)

    # -- threads -------------------------------------------------------------------------------

    async def opened(self, place: Place) -> None:
        """A thread of ours."""
        known = self._threads.get(place.thread)
        if isinstance(known, Place):
            return
        async with self._storage.write() as tx:
            insert = insert_into(tx, discord_threads).values(
                thread=place.thread, community=place.community, channel=place.channel
            )
            await tx.execute(insert.on_conflict_do_nothing())
        self._threads.put(place.thread, place)

    async def thread(self, id: str, *, settled: bool) -> Place | None:
        """The place of a thread, if we opened it. ``settled``: no channel of that id can become ours."""
        known = self._threads.get(id)
        if known is None:
            async with self._storage.read() as connection:
                rows = await connection.execute(select(discord_threads).where(discord_threads.c.thread == id))
                row = rows.mappings().first()
            known = Place(PLATFORM, row["community"], row["channel"], id) if row else False
            if known or settled:
                self._threads.put(id, known)
        return known if isinstance(known, Place) else None

    # -- notes ---------------------------------------------------------------------------------

    async def note(self, name: str) -> str:
        """A note; empty if there is none."""
        async with self._storage.read() as connection:
            rows = await connection.execute(select(discord_state.c.value).where(discord_state.c.name == name))
            return rows.scalar() or ""

    async def write_note(self, name: str, value: str) -> None:
        """Put a note in the place of an older one."""
        async with self._storage.write() as tx:
            insert = insert_into(tx, discord_state).values(name=name, value=value)
            await tx.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    async def room(self, key: str) -> Room | None:
        """The room of a key, opened or about to be."""
        value = await self.note(f"room:{key}")
        return Room(**cast("dict[str, Any]", json.loads(value))) if value else None

    async def write_room(self, key: str, room: Room) -> None:
        """Remember a room."""
        values = {"community": room.community, "channel": room.channel, "since": room.since}
        await self.write_note(f"room:{key}", json.dumps({**values, "thread": room.thread}))

    # -- communities ---------------------------------------------------------------------------

    async def communities(self, limit: int) -> list[str]:
        """The servers that were set up, some of them."""
        async with self._storage.read() as connection:
            rows = await connection.execute(
                select(communities.c.community).where(communities.c.platform == PLATFORM).limit(limit)
            )
            return list(rows.scalars())

    async def channels(self, community: str) -> list[str]:
        """The channels that were chosen for posts that everybody sees, the one for support first."""
        async with self._storage.read() as connection:
            rows = await connection.execute(
                select(communities.c.support, communities.c.wins).where(
                    communities.c.platform == PLATFORM, communities.c.community == community
                )
            )
            row = rows.first()
        return [each for each in row if each] if row else []

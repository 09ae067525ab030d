"""What the Slack platform keeps in the database: direct message channels, and who opened the App Home.

No name, zone or other word about a person. What was read is remembered in memory, bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.platforms.recent import Recent
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import communities, people, slack_people

PLATFORM = "slack"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a person: their direct message channel, whether they ever opened the App Home."""

    dm: str = ""
    home: bool = False


class Store:
    """All of it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._people: Recent[Kept] = Recent()

    async def person(self, team: str, user: str) -> Kept:
        """What is known of a person; nothing of a stranger."""
        id = _id(team, user)
        known = self._people.get(id)
        if known is None:
            async with self._storage.read() as connection:
                rows = await connection.execute(select(slack_people).where(slack_people.c.id == id))
                row = rows.mappings().first()
            known = Kept(row["dm"], bool(row["home"])) if row else Kept()
            self._people.put(id, known)
        return known

    async def direct(self, team: str, user: str, channel: str) -> None:
        """A person's direct message channel; empty: the one we knew is no more."""
        if (await self.person(team, user)).dm != channel:
            await self._change(_id(team, user), dm=channel)

    async def opened_home(self, team: str, user: str) -> None:
        """A person opened the App Home: from now on it is kept current for them."""
        if not (await self.person(team, user)).home:
            await self._change(_id(team, user), home=True)

    async def _change(self, id: str, **values: Any) -> None:
        async with self._storage.write() as tx:
            insert = insert_into(tx, slack_people).values(id=id, **values)
            await tx.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))
        self._people.drop(id)

    async def forget(self, tx: AsyncConnection, user: User) -> None:
        """Remove what is kept about a person, in the caller's transaction."""
        id = _id(user.community, user.id)
        await tx.execute(delete(slack_people).where(slack_people.c.id == id))
        self._people.drop(id)

    async def end(self, tx: AsyncConnection, team: str) -> None:
        """Remove what is kept about everybody of a workspace, in the caller's transaction."""
        of_team = func.substr(slack_people.c.id, 1, len(team) + 1) == f"{team}/"
        await tx.execute(delete(slack_people).where(of_team))
        self._people = Recent()

    # -- what others keep ----------------------------------------------------------------------

    async def own_quiet_hours(self, user: User) -> bool:
        """Whether a person chose quiet hours with the bot itself."""
        async with self._storage.read() as connection:
            rows = await connection.execute(select(people.c.quiet_from).where(people.c.user == user.key))
            return bool(rows.scalar())

    async def moderation(self, team: str) -> str:
        """The channel of the people who moderate a workspace; empty where none was chosen."""
        async with self._storage.read() as connection:
            rows = await connection.execute(
                select(communities.c.moderation).where(
                    communities.c.platform == PLATFORM, communities.c.community == team
                )
            )
            return rows.scalar() or ""


def _id(team: str, user: str) -> str:
    return f"{team}/{user}"

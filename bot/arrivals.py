"""What the bot knows when somebody does something, asked in one look: who they are, where, any drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, bindparam, exists, literal, select

from bot import communities as decided
from bot.chat import Event
from bot.cog import Community
from bot.people import People, Preferences
from bot.storage import Storage
from bot.storage.glance import Glance
from bot.storage.schema import communities, drafts, people


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody at the door; ``drafted`` says whether any form of theirs waits to be finished."""

    person: Preferences
    community: Community
    drafted: bool


def _columns(table: Table) -> list[Any]:
    return [column.label(f"{table.name}_{column.name}") for column in table.c]


def _look() -> Glance:
    user = bindparam("user", type_=people.c.user.type)
    one = select(literal(1).label("one")).subquery()
    place = and_(
        communities.c.platform == bindparam("platform", type_=communities.c.platform.type),
        communities.c.community == bindparam("community", type_=communities.c.community.type),
    )
    waiting = exists().where(drafts.c.user == user).label("drafted")
    joined = one.outerjoin(people, people.c.user == user).outerjoin(communities, place)
    return Glance(select(*_columns(people), *_columns(communities), waiting).select_from(joined))


_LOOK = _look()


class Arrivals:
    """Looks them up; nothing is kept, so that several processes on one database agree."""

    def __init__(self, storage: Storage, people: People) -> None:
        self._storage, self._people = storage, people

    async def of(self, event: Event) -> Arrival:
        """Whoever an event comes from."""
        user = event.user
        (row,) = await self._storage.glance(
            _LOOK, user=user.key, platform=user.platform, community=user.community
        )
        return Arrival(
            self._people.effective(user.key, _part(row, people), event),
            decided.read(user.platform, user.community, _part(row, communities)),
            bool(row["drafted"]),
        )


def _part(row: Mapping[str, Any], table: Table) -> dict[str, Any] | None:
    """The columns of one table; None where it had no row."""
    found = {column: row[f"{table.name}_{column}"] for column in table.c.keys()}  # noqa: SIM118
    return found if any(found[column.name] is not None for column in table.primary_key) else None

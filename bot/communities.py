"""What a community has decided for everybody in it: where things are said, and what people start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Place
from bot.cog import Community
from bot.storage.schema import communities


async def load(connection: AsyncConnection, platform: str, community: str) -> Community:
    """A community's decisions; one that has made none has no places."""
    found = await connection.execute(
        select(communities).where(communities.c.platform == platform, communities.c.community == community)
    )
    return read(platform, community, found.mappings().first())


def read(platform: str, community: str, row: Mapping[Any, Any] | None) -> Community:
    """The decisions that a row of the table (or none) holds."""
    key = f"{platform}/{community}"
    if row is None:
        return Community(key)

    def place(name: str) -> Place | None:
        return Place(platform, community, row[name]) if row[name] else None

    places = (place("support"), place("wins"), place("moderation"))
    return Community(key, *places, sign=row["sign"], plan=row["plan"])

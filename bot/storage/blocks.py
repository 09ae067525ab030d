"""Who may not post anonymously, by keyed tokens: neither the table nor a moderator learns who it is.

A token is made of the person and of the pseudonym that was blocked. So two posts of one person, both
blocked, stay two entries that nobody without the key can tell to be one person; and a token is as
wide as its HMAC, so that nobody is ever blocked in somebody else's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import insert_into
from bot.storage.schema import blocks
from bot.vault import Vault


@dataclass(frozen=True, slots=True)
class Block:
    """A block as moderators see it: ``reference`` finds it again, and says no more than ``name``."""

    reference: str
    name: str
    at: datetime


def _token(vault: Vault, user_key: str, name: str) -> str:
    return vault.block(f"{user_key}\n{name}")


def _reference(vault: Vault, community: str, token: str) -> str:
    return vault.short_key("block", community, token)


async def blocked(connection: AsyncConnection, vault: Vault, community: str, user_key: str) -> bool:
    """Whether a person may not post anonymously in a community for now, whatever name they had there."""
    entries = await connection.execute(
        select(blocks.c.name, blocks.c.token).where(blocks.c.community == community)
    )
    return any(token == _token(vault, user_key, name) for name, token in entries)


async def block(
    tx: AsyncConnection, vault: Vault, community: str, user_key: str, name: str, now: datetime
) -> None:
    """Block the person behind a pseudonym; doing it twice changes nothing."""
    token = _token(vault, user_key, name)
    insert = insert_into(tx, blocks).values(community=community, token=token, name=name, at=now)
    await tx.execute(insert.on_conflict_do_nothing())


async def listed(connection: AsyncConnection, vault: Vault, community: str) -> list[Block]:
    """The blocks of a community, newest first."""
    rows = await connection.execute(
        select(blocks.c.token, blocks.c.name, blocks.c.at)
        .where(blocks.c.community == community)
        .order_by(blocks.c.at.desc(), blocks.c.name)
    )
    return [Block(_reference(vault, community, token), name, at) for token, name, at in rows]


async def lift(tx: AsyncConnection, vault: Vault, community: str, reference: str) -> None:
    """Take a block back, if it still stands."""
    tokens = await tx.execute(select(blocks.c.token).where(blocks.c.community == community))
    for token in [each for each in tokens.scalars() if _reference(vault, community, each) == reference]:
        await tx.execute(delete(blocks).where(blocks.c.community == community, blocks.c.token == token))

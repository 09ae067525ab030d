"""Who may not post anonymously, by keyed tokens: neither the table nor a moderator learns who it is.

A token is made of the person and of the pseudonym that was blocked. So two posts of one person, both
blocked, stay two entries that nobody without the key can tell to be one person; and a token is as
wide as its HMAC, so that nobody is ever blocked in somebody else's place.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import insert_into
from bot.storage.schema import blocks
from bot.vault import Vault


def _token(vault: Vault, user_key: str, name: str) -> str:
    return vault.block(f"{user_key}\n{name}")


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

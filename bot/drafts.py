"""What somebody typed into a form that could not be taken yet: sealed, and there the next time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import Clock
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import drafts
from bot.vault import Vault

ABOUT = "drafts.values"
KEPT = timedelta(days=7)


class Drafts:
    """Keeps one draft for each person, form and form arg (``form`` is ``id:arg``)."""

    def __init__(self, storage: Storage, vault: Vault, clock: Clock) -> None:
        self._storage, self._vault, self._clock = storage, vault, clock

    async def keep(self, user: User, form: str, values: Mapping[str, str]) -> None:
        """Keep what was typed; it replaces what was kept before."""
        sealed = self._vault.seal_json(dict(values), ABOUT)
        async with self._storage.write() as tx:
            insert = insert_into(tx, drafts).values(
                user=user.key, form=form, values=sealed, saved_at=self._clock.now()
            )
            new = {"values": insert.excluded["values"], "saved_at": insert.excluded.saved_at}
            await tx.execute(insert.on_conflict_do_update(index_elements=["user", "form"], set_=new))

    async def load(self, user: User, form: str) -> dict[str, str]:
        """What was kept; empty if nothing was."""
        async with self._storage.read() as connection:
            found = await connection.execute(
                select(drafts.c["values"]).where(drafts.c.user == user.key, drafts.c.form == form)
            )
            sealed: bytes | None = found.scalar()
        return cast("dict[str, str]", self._vault.unseal_json(sealed, ABOUT)) if sealed else {}

    async def drop(self, tx: AsyncConnection, user: User, form: str) -> bool:
        """The form was taken: forget the draft; whether there was one."""
        mine = (drafts.c.user == user.key, drafts.c.form == form)
        return (await tx.execute(delete(drafts).where(*mine))).rowcount > 0

    async def prune(self) -> None:
        """Forget drafts that nobody came back to."""
        async with self._storage.write() as tx:
            await tx.execute(delete(drafts).where(drafts.c.saved_at < self._clock.now() - KEPT))

"""What somebody typed into a form that could not be taken yet: sealed, and there the next time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from sqlalchemy import ColumnElement, delete, select
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
    """Keeps one draft for each person, form and form arg (``form`` is ``id:arg``).

    An arg can be the id of a post, and beside its author's id it would say who wrote that: the column
    holds the form's id and a keyed token of the rest.
    """

    def __init__(self, storage: Storage, vault: Vault, clock: Clock) -> None:
        self._storage, self._vault, self._clock = storage, vault, clock

    async def keep(self, user: User, form: str, values: Mapping[str, str]) -> None:
        """Keep what was typed; it replaces what was kept before."""
        sealed = self._vault.seal_json(dict(values), ABOUT)
        async with self._storage.write() as tx:
            insert = insert_into(tx, drafts).values(
                user=user.key, form=self._name(user, form), values=sealed, saved_at=self._clock.now()
            )
            new = {"values": insert.excluded["values"], "saved_at": insert.excluded.saved_at}
            await tx.execute(insert.on_conflict_do_update(index_elements=["user", "form"], set_=new))

    async def load(self, user: User, form: str) -> dict[str, str]:
        """What was kept; empty if nothing was."""
        async with self._storage.read() as connection:
            found = await connection.execute(select(drafts.c["values"]).where(*self._mine(user, form)))
            sealed: bytes | None = found.scalar()
        return cast("dict[str, str]", self._vault.unseal_json(sealed, ABOUT)) if sealed else {}

    async def drop(self, tx: AsyncConnection, user: User, form: str) -> bool:
        """The form was taken: forget the draft; whether there was one."""
        return (await tx.execute(delete(drafts).where(*self._mine(user, form)))).rowcount > 0

    def _mine(self, user: User, form: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return drafts.c.user == user.key, drafts.c.form == self._name(user, form)

    def _name(self, user: User, form: str) -> str:
        id, _, arg = form.partition(":")
        return f"{id}:{self._vault.short_key('draft', user.key, form) if arg else ''}"

    async def prune(self) -> None:
        """Forget drafts that nobody came back to."""
        async with self._storage.write() as tx:
            await tx.execute(delete(drafts).where(drafts.c.saved_at < self._clock.now() - KEPT))

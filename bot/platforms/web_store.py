"""What the local web chat keeps: messages, how far everybody has read, how far the clock was moved.

A message is never removed from its table: deleting one empties its body. So its number is never
given to another message (an edit meant for the old one would land on it), and its key still says
that it was posted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import Gone
from bot.platforms.web_people import BOT, COMMUNITY, PLATFORM
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import communities, web_messages, web_state
from bot.vault import Vault

_ABOUT = "web.body"
_OFFSET = "offset"
Body = Mapping[str, Any]
GONE: Body = {"gone": True}


@dataclass(frozen=True, slots=True)
class Row:
    """One message. ``body`` holds ``text`` (a person's), ``card`` (the bot's), ``room`` or ``gone``."""

    id: int
    channel: str
    thread: int | None
    author: str
    only_for: str | None
    body: Body
    at: datetime
    edited_at: datetime | None
    key: str | None

    @property
    def gone(self) -> bool:
        """Whether it was deleted."""
        return "gone" in self.body


class Store:
    """The tables ``web_messages`` and ``web_state``; every body is sealed."""

    def __init__(self, storage: Storage, vault: Vault) -> None:
        self._storage, self._vault = storage, vault

    async def introduce(self, support: str, wins: str, moderation: str) -> None:
        """Tell the bot where this community wants things said, unless it knows already."""
        names = {"platform": PLATFORM, "community": COMMUNITY}
        chosen = {"support": support, "wins": wins, "moderation": moderation}
        async with self._storage.write() as connection:
            row = insert_into(connection, communities).values(**names, **chosen)
            await connection.execute(row.on_conflict_do_nothing())

    async def put(
        self,
        channel: str,
        thread: int | None,
        author: str,
        body: Body,
        *,
        at: datetime,
        key: str,
        only_for: str | None = None,
    ) -> tuple[Row, bool]:
        """Keep a new message, or find the one with this key; says which. ``Gone``: no such thread."""
        async with self._storage.write() as connection:
            earlier = await self._one(connection, web_messages.c.key == key)
            if earlier is not None:
                return earlier, False
            if thread is not None:
                await self._root(connection, channel, thread)
            values = {
                "key": key,
                "channel": channel,
                "thread": thread,
                "author": author,
                "only_for": only_for,
                "body": self._vault.seal_json(dict(body), _ABOUT),
                "at": at,
            }
            added = await connection.execute(
                insert_into(connection, web_messages)
                .values(values)
                .on_conflict_do_nothing(index_elements=["key"])
                .returning(web_messages.c.id)
            )
            number: int | None = added.scalar()
            if number is None:  # another process was a moment earlier
                return _there(await self._one(connection, web_messages.c.key == key)), False
            return Row(number, channel, thread, author, only_for, body, at, None, key), True

    async def get(self, id: int) -> Row:
        """One message; ``Gone`` if there is none."""
        async with self._storage.read() as connection:
            return _there(await self._one(connection, web_messages.c.id == id))

    async def by_key(self, key: str) -> Row | None:
        """The message that was posted with this key, also when it was deleted since."""
        async with self._storage.read() as connection:
            return await self._one(connection, web_messages.c.key == key)

    async def change(self, id: int, body: Body, *, at: datetime | None = None) -> Row:
        """Put ``body`` in place of what a message holds; a thread keeps its title. ``Gone`` if there is none.

        ``at`` marks it as edited.
        """
        async with self._storage.write() as connection:
            row = _there(await self._one(connection, web_messages.c.id == id, held=True))
            kept = {name: row.body[name] for name in ("title",) if name in row.body}
            body = {**kept, **body}
            edited = at or row.edited_at
            await connection.execute(
                update(web_messages)
                .where(web_messages.c.id == id)
                .values(body=self._vault.seal_json(body, _ABOUT), edited_at=edited)
            )
            return replace(row, body=body, edited_at=edited)

    async def empty(self, id: int) -> Row:
        """Delete a message; ``Gone`` if there is none."""
        return await self.change(id, GONE)

    async def seen_by(self, person: str, channels: list[str]) -> list[Row]:
        """Everything in these channels that this person may see, oldest first."""
        public = or_(web_messages.c.only_for.is_(None), web_messages.c.only_for == person)
        chosen = select(web_messages).where(web_messages.c.channel.in_(channels), public)
        async with self._storage.read() as connection:
            found = (await connection.execute(chosen.order_by(web_messages.c.id))).all()
        rows = [self._row(each) for each in found]
        roots = {row.thread for row in rows if not row.gone}
        return [row for row in rows if not row.gone or row.id in roots]

    async def root(self, channel: str, thread: int) -> Row:
        """The message a thread hangs under, also when it was deleted; ``Gone`` if there is none."""
        async with self._storage.read() as connection:
            return await self._root(connection, channel, thread)

    async def rooms(self) -> list[Row]:
        """The messages that opened a room, oldest first."""
        opened = select(web_messages).where(web_messages.c.key.like("room:%"), web_messages.c.author == BOT)
        async with self._storage.read() as connection:
            found = (await connection.execute(opened.order_by(web_messages.c.id))).all()
        return [self._row(each) for each in found]

    async def marks(self, person: str) -> dict[str, int]:
        """The last message that this person has seen, by channel or ``channel/thread``."""
        start = f"read:{person}:"
        chosen = select(web_state).where(web_state.c.name.startswith(start, autoescape=True))
        async with self._storage.read() as connection:
            found = (await connection.execute(chosen)).all()
        return {each.name.removeprefix(start): int(each.value) for each in found}

    async def mark(self, person: str, where: str, upto: int) -> int:
        """Remember that this person has read up to there; never less than before."""
        name = f"read:{person}:{where}"
        async with self._storage.write() as connection:
            row = insert_into(connection, web_state).values(name=name, value="0")
            await connection.execute(row.on_conflict_do_nothing())
            before = select(web_state.c.value).where(web_state.c.name == name).with_for_update()
            upto = max(upto, int((await connection.execute(before)).scalar_one()))
            await _set_state(connection, name, str(upto))
        return upto

    async def moved(self, person: str) -> str:
        """The last action of this person that moved the clock."""
        async with self._storage.read() as connection:
            return await _state(connection, f"moved:{person}") or ""

    async def keep_offset(self, offset: timedelta) -> None:
        """Remember how far the clock is moved."""
        async with self._storage.write() as connection:
            await _set_state(connection, _OFFSET, str(offset.total_seconds()))

    async def keep_moved(self, person: str, action: str) -> None:
        """Remember which action of this person has moved the clock, so that a resent one moves it once."""
        async with self._storage.write() as connection:
            await _set_state(connection, f"moved:{person}", action)

    async def _root(self, connection: AsyncConnection, channel: str, thread: int) -> Row:
        root = await self._one(connection, web_messages.c.id == thread)
        if root is None or root.channel != channel or root.thread is not None or root.only_for is not None:
            raise Gone("unknown_thread")
        return root

    async def _one(
        self, connection: AsyncConnection, where: ColumnElement[bool], *, held: bool = False
    ) -> Row | None:
        wanted = select(web_messages).where(where)
        found = (await connection.execute(wanted.with_for_update() if held else wanted)).first()
        return None if found is None else self._row(found)

    def _row(self, kept: Any) -> Row:
        body = cast(Body, self._vault.unseal_json(kept.body, _ABOUT))
        return Row(
            kept.id,
            kept.channel,
            kept.thread,
            kept.author,
            kept.only_for,
            body,
            kept.at,
            kept.edited_at,
            kept.key,
        )


async def stored_offset(storage: Storage) -> timedelta:
    """How far the clock was moved in earlier runs: what the clock of this run starts from."""
    async with storage.read() as connection:
        return timedelta(seconds=float(await _state(connection, _OFFSET) or 0))


def _there(row: Row | None) -> Row:
    if row is None or row.gone:
        raise Gone("unknown_message")
    return row


async def _state(connection: AsyncConnection, name: str) -> str | None:
    return (await connection.execute(select(web_state.c.value).where(web_state.c.name == name))).scalar()


async def _set_state(connection: AsyncConnection, name: str, value: str) -> None:
    row = insert_into(connection, web_state).values(name=name, value=value)
    await connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

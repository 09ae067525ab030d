"""Rejections as rows: what several features need to know of one, read and unsealed in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import insert_into
from bot.storage.schema import pseudonyms, rejections, solidarity
from bot.vault import Vault

WHERE, STORY, AUTHOR = "rejections.where", "rejections.story", "rejections.author"  # sealed columns


class Stage(StrEnum):
    """How far it got."""

    NO_REPLY = "no_reply"
    CV_SCREEN = "cv_screen"
    RECRUITER_CALL = "recruiter_call"
    ASSESSMENT = "assessment"
    INTERVIEW = "interview"
    FINAL_ROUND = "final_round"
    OFFER_WITHDRAWN = "offer_withdrawn"
    LAID_OFF = "laid_off"


class Sign(StrEnum):
    """Who it is signed by."""

    ANONYMOUS = "anonymous"
    NAME = "name"
    ONLY_ME = "only_me"


class Wish(StrEnum):
    """What would help."""

    LISTEN = "listen"
    IDEAS = "ideas"
    LOG = "log"


class Shared(StrEnum):
    """Where the post is."""

    PRIVATE = "private"  # never posted
    POSTING = "posting"  # in the outbox
    POSTED = "posted"
    DELETED = "deleted"  # taken back by its author, or by a moderator


@dataclass(frozen=True, slots=True)
class Rejection:
    """One no. ``author`` is a user key, ``post`` a message, ``thread`` a platform's thread id."""

    id: str
    owner: str
    author: str
    community: str
    stage: Stage
    sign: Sign
    wish: Wish
    where: str
    story: str
    shared_at: datetime
    state: Shared
    post: str
    thread: str
    replies: int
    muted: bool

    @property
    def public(self) -> bool:
        """Whether others see it, or are about to."""
        return self.state in (Shared.POSTING, Shared.POSTED)


def values(vault: Vault, rejection: Rejection) -> dict[str, Any]:
    """The row of a rejection, private text sealed."""
    return {
        "id": rejection.id,
        "owner": rejection.owner,
        "author": vault.seal(rejection.author, AUTHOR),
        "community": rejection.community,
        "stage": rejection.stage,
        "sign": rejection.sign,
        "wish": rejection.wish,
        "where": vault.seal(rejection.where, WHERE) if rejection.where else None,
        "story": vault.seal(rejection.story, STORY) if rejection.story else None,
        "shared_at": rejection.shared_at,
        "state": rejection.state,
        "post": rejection.post or None,
        "thread": rejection.thread or None,
        "replies": rejection.replies,
        "muted": rejection.muted,
    }


def _read(vault: Vault, row: RowMapping) -> Rejection:
    return Rejection(
        row["id"],
        row["owner"],
        vault.unseal(row["author"], AUTHOR),
        row["community"],
        Stage(row["stage"]),
        Sign(row["sign"]),
        Wish(row["wish"]),
        vault.unseal(row["where"], WHERE) if row["where"] else "",
        vault.unseal(row["story"], STORY) if row["story"] else "",
        row["shared_at"],
        Shared(row["state"]),
        row["post"] or "",
        row["thread"] or "",
        row["replies"],
        row["muted"],
    )


async def find(connection: AsyncConnection, vault: Vault, *where: ColumnElement[bool]) -> list[Rejection]:
    """The rejections that meet the conditions, newest first."""
    order = (rejections.c.shared_at.desc(), rejections.c.id)
    rows = await connection.execute(select(rejections).where(*where).order_by(*order))
    return [_read(vault, row) for row in rows.mappings()]


async def load(connection: AsyncConnection, vault: Vault, id: str) -> Rejection | None:
    """One rejection, if it still exists."""
    found = await find(connection, vault, rejections.c.id == id)
    return found[0] if found else None


async def hold(tx: AsyncConnection, vault: Vault, id: str) -> Rejection | None:
    """One rejection that nobody else changes before this transaction ends, if it still exists."""
    await tx.execute(select(rejections.c.id).where(rejections.c.id == id).with_for_update())
    return await load(tx, vault, id)


async def stage_of(connection: AsyncConnection, owner: str, since: datetime) -> str:
    """The stage of a person's latest no since then; empty if there was none."""
    latest = (
        select(rejections.c.stage)
        .where(rejections.c.owner == owner, rejections.c.shared_at >= since)
        .order_by(rejections.c.shared_at.desc())
        .limit(1)
    )
    return (await connection.execute(latest)).scalar() or ""


async def beside(connection: AsyncConnection, id: str) -> int:
    """How many people pressed "you're not alone" on a post."""
    count = select(func.count()).select_from(solidarity).where(solidarity.c.rejection == id)
    return (await connection.execute(count)).scalar_one()


async def company(connection: AsyncConnection, rejection: Rejection, since: datetime) -> int:
    """How many people here had shared a no with others since then, up to this one and with it."""
    count = select(func.count(func.distinct(rejections.c.owner))).where(
        rejections.c.community == rejection.community,
        rejections.c.state.in_((Shared.POSTING, Shared.POSTED)),
        rejections.c.shared_at >= since,
        rejections.c.shared_at <= rejection.shared_at,
    )
    return (await connection.execute(count)).scalar_one()


async def pseudonym(connection: AsyncConnection, rejection: str, owner: str) -> str:
    """The name a person has in one thread; empty if they have none there."""
    mine = (pseudonyms.c.rejection == rejection, pseudonyms.c.owner == owner)
    return (await connection.execute(select(pseudonyms.c.name).where(*mine))).scalar() or ""


async def draw_pseudonym(
    tx: AsyncConnection, vault: Vault, rejection: str, owner: str, names: tuple[Iterable[str], Iterable[str]]
) -> str:
    """A person's name in one thread: drawn with the key, so nobody without it can link two threads.

    Two people never share one in a thread: a name that is taken is drawn again.
    """
    if known := await pseudonym(tx, rejection, owner):
        return known
    first, last = (tuple(part) for part in names)
    for draw in range(1000):
        number = vault.number("pseudonym", rejection, owner, str(draw))
        name = f"{first[number % len(first)]} {last[number // len(first) % len(last)]}"
        insert = insert_into(tx, pseudonyms).values(rejection=rejection, owner=owner, name=name)
        if (await tx.execute(insert.on_conflict_do_nothing())).rowcount:
            return name
    raise LookupError("every pseudonym of this thread is taken")

"""How each person wants to be spoken to: their own settings over the platform's hints over the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    Boolean,
    Integer,
    RowMapping,
    Select,
    bindparam,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Event
from bot.clock import UnknownZone, out_of_quiet, zone_info
from bot.storage.batches import ChangeAll, Lookup
from bot.storage.engine import insert_into
from bot.storage.schema import FOREVER, people

if TYPE_CHECKING:
    from bot.storage.arrays import Asked

STRANGERS = 715_221_402, 1_024  # advisory locks for people without a row: any number, and how many of them
_QUIET = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a community has decided for everyone who has not decided for themselves."""

    zone: str = "UTC"
    language: str = "en"
    quiet_from: time = time(21, 0)
    quiet_to: time = time(8, 30)
    per_day: int = 1
    ignored_limit: int = 5


class Preferences(NamedTuple):
    """One person's effective settings. (A tuple: thousands are made in a second.)"""

    user: str
    zone: str
    language: str
    quiet_from: time
    quiet_to: time
    per_day: int
    paused_from: datetime | None = None
    paused_until: datetime | None = None
    ignored: int = 0
    unreachable: str = ""
    known: bool = False
    seen_at: datetime | None = None

    def decent(self, at: datetime) -> datetime:
        """``at`` itself, or the end of the quiet hours it falls into."""
        return out_of_quiet(at, self.zone, self.quiet_from, self.quiet_to)

    def expected(self, at: datetime, now: datetime) -> datetime:
        """When something that is ready at ``at`` will be said: after a break, and outside quiet hours."""
        if self.paused_until is not None and self.paused(now):
            at = max(at, self.paused_until)
        return self.decent(at)

    def paused(self, now: datetime) -> bool:
        """Whether a break is on."""
        return self.paused_until is not None and now < self.paused_until

    def paused_for_good(self, now: datetime) -> bool:
        """Whether everything is paused until the person says otherwise."""
        return self.paused(now) and self.paused_until == FOREVER


_IGNORED = ChangeAll(
    lambda many: update(people).where(people.c.user.in_(many("users"))).values(ignored=people.c.ignored + 1)
)
_SEVERAL = Lookup(lambda many: select(people).where(people.c.user.in_(many("users"))))
_NAMES = tuple(people.c.keys())


def _here(users: Any) -> Select[tuple[str]]:
    return select(people.c.user).where(people.c.user.in_(users)).order_by(people.c.user)


_HELD = Lookup(lambda many: _here(many("users")).with_for_update())


@cache
def _taken() -> Asked:
    """Holds those who are free, and names those whom somebody else holds.

    Of who never used the bot there is nothing to hold: they get an advisory lock. (Adding their rows would
    wait for whoever is adding the same, and remember people who were never here.) They share a fixed number
    of locks, because a server has room for a few thousand in all.
    """
    from bot.storage.arrays import Asked  # loads PostgreSQL's dialect

    name = people.c.user.type
    user = func.unnest(bindparam("users", type_=ARRAY(name)), type_=name).column_valued("each")
    free_ones = _here(bindparam("users", expanding=True)).with_for_update(skip_locked=True)
    held = select(free_ones.cte("held").c.user)
    row = select(people.c.user).where(people.c.user == user).scalar_subquery()  # EXISTS might read the table
    lock, many = STRANGERS
    which = func.hashtext(user, type_=Integer).bitwise_and(many - 1)
    free = func.pg_try_advisory_xact_lock(lock, which, type_=Boolean)
    return Asked(select(user).where(user.not_in(held), or_(row.is_not(None), not_(free))))


class People:
    """Reads and writes the table of people."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults

    async def load(self, connection: AsyncConnection, user: str, event: Event | None = None) -> Preferences:
        """One person's settings; ``event`` fills what nobody has told yet."""
        rows = await connection.execute(select(people).where(people.c.user == user))
        return self.effective(user, rows.mappings().first(), event)

    async def load_many(self, connection: AsyncConnection, users: Iterable[str]) -> dict[str, Preferences]:
        """The settings of several people, by user key."""
        wanted = list(dict.fromkeys(users))
        found = await _SEVERAL.rows(connection, users=wanted)
        known = {row[0]: dict(zip(_NAMES, row, strict=True)) for row in found}
        return {user: self.effective(user, known.get(user)) for user in wanted}

    async def hold(self, tx: AsyncConnection, users: Iterable[str], *, skip: bool = False) -> set[str]:
        """Let nobody else change what these people have until the transaction ends; who is held.

        Everything that a person does begins with their row here, so whoever holds it is alone with their
        plans too: hold people first, rows of the outbox after that. ``skip`` leaves out those whom another
        transaction holds just now, instead of waiting; and it alone holds those who have no row yet, against
        others who skip. SQLite has one writer, who holds everybody.
        """
        wanted = set(users)
        if tx.dialect.name != "postgresql" or not wanted:
            return wanted
        if not skip:
            await _HELD.rows(tx, users=wanted)
            return wanted
        return wanted - {user for (user,) in await _taken().run(tx, {"users": wanted})}

    async def seen(self, tx: AsyncConnection, event: Event, now: datetime) -> None:
        """The person did something: remember their platform's hints, and that they are there."""
        said = {
            "seen_at": now,
            "ignored": 0,
            "unreachable": "",  # worth one more try
            **({"platform_zone": zone} if (zone := _known(event.zone)) else {}),
            **({"platform_language": event.locale} if event.locale else {}),
            "platform_quiet": event.quiet if quiet_hours(event.quiet) else "",
        }
        insert = insert_into(tx, people).values(user=event.user.key, **said)
        await tx.execute(insert.on_conflict_do_update(index_elements=[people.c.user], set_=said))

    async def change(self, tx: AsyncConnection, user: str, now: datetime, **values: Any) -> None:
        """Store some columns of a person; unknown columns are a ``CompileError``."""
        insert = insert_into(tx, people).values(user=user, **{"seen_at": now, **values})
        await tx.execute(insert.on_conflict_do_update(index_elements=[people.c.user], set_=values))

    async def ignored(self, tx: AsyncConnection, users: Iterable[str]) -> None:
        """One more message went to each of these people; a reaction sets the count back."""
        wanted = list(users)
        if wanted:
            await _IGNORED.run(tx, users=wanted)

    def effective(
        self, user: str, row: Mapping[str, Any] | RowMapping | None, event: Event | None = None
    ) -> Preferences:
        """The settings that a row of the table (or none) comes to; ``event`` as in ``load``."""
        default = self.defaults
        hinted_zone, hinted_language = (_known(event.zone), event.locale) if event else ("", "")
        told = event.quiet if event else row["platform_quiet"] if row else ""
        quiet_from, quiet_to = quiet_hours(told) or (default.quiet_from, default.quiet_to)
        if row is None:
            return Preferences(
                user,
                hinted_zone or default.zone,
                hinted_language or default.language,
                quiet_from,
                quiet_to,
                default.per_day,
            )
        return Preferences(
            user,
            row["zone"] or hinted_zone or row["platform_zone"] or default.zone,
            row["language"] or hinted_language or row["platform_language"] or default.language,
            time.fromisoformat(row["quiet_from"]) if row["quiet_from"] else quiet_from,
            time.fromisoformat(row["quiet_to"]) if row["quiet_to"] else quiet_to,
            row["per_day"] or default.per_day,
            row["paused_from"],
            row["paused_until"],
            row["ignored"],
            row["unreachable"],
            True,
            row["seen_at"],
        )


@lru_cache(maxsize=1024)
def _known(zone: str) -> str:
    """A platform's word for a time zone, if it is one: nobody is refused because an app is behind."""
    try:
        return zone and zone_info(zone).key
    except UnknownZone:
        return ""


@lru_cache(maxsize=1024)
def quiet_hours(told: str) -> tuple[time, time] | None:
    """A platform's quiet hours ("22:00-08:00", the person's own time); None where it told none."""
    if not _QUIET.fullmatch(told):
        return None
    start, end = (time.fromisoformat(each) for each in told.split("-"))
    return None if start == end else (start, end)

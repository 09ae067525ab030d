"""When daily encouragement comes: what each person chose, and the next occurrence of it.

One occurrence is planned at a time, keyed by its local date. Everything here is done for many people at
once, in a few queries: thousands of lines are said in one second and each is followed by its next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from math import ceil
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import EVERY_DAY, day_bounds, local_day, next_local
from bot.cog import Kit, Plan, Row, State, parse_user
from bot.pace import Flow
from bot.people import Preferences
from bot.rows import Lane
from bot.storage.batches import Lookup, Many
from bot.storage.engine import insert_into
from bot.storage.schema import motivation, outbox, people

DAILY = "motivation.daily"
LATE = timedelta(hours=6)  # a morning's line is nothing for the night
SPANS = {"daily": EVERY_DAY, "weekdays": frozenset(range(5)), "weekends": frozenset({5, 6})}
MINUTE = timedelta(minutes=1)
WORTH_TELLING = 5  # minutes that a crowd takes; less is the time that was chosen
AT_ONCE = 64  # people between two turns of the event loop
LATELY = timedelta(days=3)  # a line said before that was not said on the local date of one to come

THEMES = (
    "feel_it",
    "not_alone",
    "self_care",
    "small_goals",
    "small_wins",
    "strengths",
    "control",
    "persist",
    "learn",
    "tailor",
    "network",
    "thank_and_ask",
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it comes, in the person's own days. No themes: any."""

    at: time = time(8, 30)
    days: frozenset[int] = SPANS["weekdays"]
    themes: tuple[str, ...] = ()
    active: bool = False

    @property
    def span(self) -> str:
        """The name of these days, if they have one."""
        return next((name for name, days in SPANS.items() if days == self.days), "")


NONE = Schedule()
_CHOSEN = Lookup(
    lambda many: select(
        *(motivation.c.user, motivation.c.at, motivation.c.days, motivation.c.themes, motivation.c.active)
    ).where(motivation.c.user.in_(many("users")))
)


async def load(connection: AsyncConnection, user: str) -> Schedule:
    """What a person (a user key) has chosen; who has chosen nothing gets nothing."""
    return (await load_many(connection, [user])).get(user, NONE)


async def load_many(connection: AsyncConnection, users: Iterable[str]) -> dict[str, Schedule]:
    """What these people have chosen, of those who have chosen anything."""
    found = await _CHOSEN.rows(connection, users=list(set(users)))
    return {user: _chosen(*chosen) for user, *chosen in found}


@lru_cache(maxsize=4096)  # many have chosen the same
def _chosen(at: str, days: str, themes: str, active: bool) -> Schedule:
    return Schedule(time.fromisoformat(at), frozenset(map(int, days)), _themes(themes), active)


def _themes(stored: str) -> tuple[str, ...]:
    return tuple(theme for theme in stored.split(",") if theme in THEMES) if stored else ()


async def save(tx: AsyncConnection, user: str, schedule: Schedule) -> None:
    """Keep it; ``plan_anew`` puts it into effect."""
    values = {
        "at": schedule.at.isoformat("minutes"),
        "days": "".join(map(str, sorted(schedule.days))),
        "themes": ",".join(schedule.themes),
        "active": schedule.active,
    }
    insert = insert_into(tx, motivation).values(user=user, **values)
    await tx.execute(insert.on_conflict_do_update(index_elements=["user"], set_=values))


async def plan_anew(kit: Kit, tx: AsyncConnection, person: Preferences, schedule: Schedule) -> None:
    """What was planned is taken back, and the next one found again."""
    await kit.outbox.remove(tx, parse_user(person.user), DAILY)
    await plan_next(kit, tx, [Next(person, schedule, kit.now)])


@dataclass(slots=True)
class Next:
    """An occurrence that is looked for: strictly after an instant, and then after each that is no good."""

    person: Preferences
    schedule: Schedule
    after: datetime

    def step(self) -> datetime:
        """The next candidate."""
        self.after = next_local(self.after, self.schedule.at, self.person.zone, self.schedule.days)
        return self.after

    @property
    def key(self) -> tuple[str, ...]:
        """What names the candidate: at most one line a local date."""
        return (DAILY, self.person.user, local_day(self.after, self.person.zone).isoformat())


async def plan_next(kit: Kit, tx: AsyncConnection, wanted: Sequence[Next]) -> None:
    """Plan each one's next occurrence, unless another comes no later than that."""
    first: dict[str, Next] = {}  # of a person who is wanted twice, what begins to look earlier
    for each in sorted(wanted, key=lambda each: each.after, reverse=True):
        if each.schedule.active:
            first[each.person.user] = each
    if not (wanted := list(first.values())):
        return
    coming, said = await _known(tx, [each.person.user for each in wanted], kit.now)
    plans: list[Plan] = []
    while wanted:
        keys: dict[str, Next] = {}
        for number, each in enumerate(wanted):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            user = each.person.user
            while _on_that_day(each, at := each.step(), said.get(user, ())):
                pass
            if user not in coming or coming[user] > at:
                keys[kit.outbox.key(each.key)] = each
        used = {key for (key,) in await _TAKEN.rows(tx, keys=list(keys))} if keys else set[str]()
        plans += [_plan(each) for key, each in keys.items() if key not in used]
        wanted = [each for key, each in keys.items() if key in used]
    await kit.outbox.plan(tx, *plans)


def _plan(wanted: Next) -> Plan:
    person, at = wanted.person, wanted.after
    late = person.decent(at) + LATE  # a time in quiet hours is moved to their end, and still welcome then
    return Plan(DAILY, wanted.key, at, user=parse_user(person.user), expires_at=late)


_TAKEN = Lookup(lambda many: select(outbox.c.key).where(outbox.c.key.in_(many("keys"))))


def _on_that_day(wanted: Next, at: datetime, said: Iterable[datetime]) -> bool:
    """Whether a candidate's local date has had its line, be it under the date of an earlier zone."""
    if not said:
        return False
    person = wanted.person
    start, end = day_bounds(local_day(person.decent(at), person.zone), person.zone)
    return any(start <= at < end for at in said)


def _lines(many: Many) -> tuple[Any, Any]:
    return outbox.c.user.in_(many("users")), outbox.c.kind == DAILY


_WAITING = Lookup(
    lambda many: select(outbox.c.user, outbox.c.ready_at).where(*_lines(many), outbox.c.state == State.READY)
)
_SAID = Lookup(
    lambda many: select(outbox.c.user, outbox.c.done_at).where(
        *_lines(many),
        outbox.c.state.in_((State.SENT, State.FOLDED)),
        outbox.c.done_at > bindparam("since"),
    )
)


async def _known(
    connection: AsyncConnection, users: Sequence[str], now: datetime
) -> tuple[dict[str, datetime], dict[str, list[datetime]]]:
    """When each person's next line is sent, as far as it is planned; and when they had one lately."""
    waiting = await _WAITING.rows(connection, users=users)
    coming: dict[str, datetime] = {}
    for user, at in waiting:
        coming[user] = min(at, coming.get(user, at))
    done = await _SAID.rows(connection, users=users, since=now - LATELY)
    said: dict[str, list[datetime]] = {}
    for user, at in done:
        said.setdefault(user, []).append(at)
    return coming, said


async def soonest(connection: AsyncConnection, user: str) -> datetime | None:
    """When a person's next line is sent, as far as it is planned."""
    mine = (outbox.c.user == user, outbox.c.kind == DAILY, outbox.c.state == State.READY)
    return (await connection.execute(select(func.min(outbox.c.ready_at)).where(*mine))).scalar()


async def last_of_crowd(
    connection: AsyncConnection, flow: Flow, user: User, at: datetime, now: datetime
) -> datetime | None:
    """When everybody who chose about this time has theirs, where the platform takes long enough to tell.

    Those of earlier minutes who still stand in line then go first.
    """
    whose = f"{user.platform}/{user.community}/" if flow.each else f"{user.platform}/"
    waiting = (
        select(outbox.c.ready_at, func.count())
        .where(
            outbox.c.kind == DAILY,
            outbox.c.state == State.READY,
            outbox.c.lane.in_(list(Lane)),  # for the index
            outbox.c.user.startswith(whose, autoescape=True),
            outbox.c.ready_at >= at - LATE,  # whoever still waits then gets none
            outbox.c.ready_at < at + MINUTE,
        )
        .group_by(outbox.c.ready_at)
        .order_by(outbox.c.ready_at)
    )
    line = [(due, people) for due, people in await connection.execute(waiting)]
    takes = ceil((flow.over(line, now) - at) / MINUTE)
    return at + takes * MINUTE if takes >= WORTH_TELLING else None


async def without_plan(kit: Kit, connection: AsyncConnection) -> list[str]:
    """The users for whom nothing current is planned, though they asked for it and have no break.

    A row from before yesterday was held by a break, and is dropped as late when that would have ended.
    """
    now = kit.now
    current = outbox.c.due_at.between(now - timedelta(days=1), now + timedelta(days=8))
    planned = select(outbox.c.user).where(outbox.c.kind == DAILY, outbox.c.state == State.READY, current)
    paused = select(people.c.user).where(people.c.paused_until > now)
    wanting = select(motivation.c.user).where(
        motivation.c.active, motivation.c.user.not_in(planned), motivation.c.user.not_in(paused)
    )
    return list((await connection.execute(wanting)).scalars())


async def keep_latest_missed(kit: Kit, tx: AsyncConnection, rows: Sequence[Row]) -> None:
    """Of all that could not be delivered one line each waits to be shown: not twenty after a month."""
    if not rows:
        return
    older = select(outbox.c.id).where(
        outbox.c.user.in_({row.user.key for row in rows if row.user}),
        outbox.c.kind == DAILY,
        outbox.c.state == State.UNDELIVERED,
        outbox.c.id.not_in([row.id for row in rows]),
    )
    await kit.outbox.end(tx, list((await tx.execute(older)).scalars()), State.DROPPED)

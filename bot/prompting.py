"""Daily encouragement behind its conversation: when the next line comes, and which one it is.

One occurrence is planned at a time, keyed by its local date. Choosing writes nothing and has no
chance of its own. A planned message draws by its row's key and leaves out what was stored after its
first try, so that one that has to be sent again reads the same. ``mark`` writes down what was chosen,
in the transaction that knows it was said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import EVERY_DAY, day_bounds, local_day, next_local
from bot.cog import Kit, Plan, Row, State, parse_user
from bot.content import Prompt
from bot.people import Preferences
from bot.storage.engine import insert_into
from bot.storage.rejections import stage_of
from bot.storage.schema import motivation, outbox, people, prompts
from bot.vault import Vault
from bot.when import parse_days, parse_wall

DAILY = "motivation.daily"
LATE = timedelta(hours=6)  # a morning's line is nothing for the night
SPANS = {"daily": EVERY_DAY, "weekdays": frozenset(range(5)), "weekends": frozenset({5, 6})}

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
GENTLE = frozenset({"feel_it", "not_alone", "self_care"})  # what comes first on a bad day
LATELY, BAD_DAYS = timedelta(days=60), timedelta(days=2)  # how long a no counts for either
STRONGEST = 3  # how far hearts pull a theme, in halves of a doubling

SAID = {**dict.fromkeys(("on", "start"), True), **dict.fromkeys(("off", "stop", "pause"), False)}
ALL = frozenset({"all", "any", "everything"})
FILLERS = frozenset({"", "about", "and", "at", "please", "theme", "themes", "with"})
LONGEST = 5  # words that can mean one thing together: "mon, tue, wed and fri"
SHOWN = 40  # characters of an unclear word that are shown back


# -- when -----------------------------------------------------------------------------------------


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


async def load(connection: AsyncConnection, user: str) -> Schedule:
    """What a person (a user key) has chosen; who has chosen nothing gets nothing."""
    found = await connection.execute(select(motivation).where(motivation.c.user == user))
    row: Any = found.mappings().first()
    if row is None:
        return Schedule()
    themes = tuple(theme for theme in row["themes"].split(",") if theme in THEMES)
    return Schedule(time.fromisoformat(row["at"]), frozenset(map(int, row["days"])), themes, row["active"])


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
    await plan_next(kit, tx, person, schedule, kit.now)


async def plan_next(
    kit: Kit, tx: AsyncConnection, person: Preferences, schedule: Schedule, after: datetime
) -> None:
    """The next occurrence strictly after an instant, unless another comes no later than that."""
    if not schedule.active:
        return
    coming = await soonest(tx, person.user)
    at = after
    while True:
        at = next_local(at, schedule.at, person.zone, schedule.days)
        if coming is not None and coming <= at:
            return
        key = (DAILY, person.user, local_day(at, person.zone).isoformat())
        if not await _taken(tx, person, at, kit.outbox.key(key)):
            break
    late = person.decent(at) + LATE  # a time in quiet hours is moved to their end, and still welcome then
    await kit.outbox.plan(tx, Plan(DAILY, key, at, user=parse_user(person.user), expires_at=late))


async def soonest(connection: AsyncConnection, user: str) -> datetime | None:
    """When a person's next line is sent, as far as it is planned."""
    mine = (outbox.c.user == user, outbox.c.kind == DAILY, outbox.c.state == State.READY)
    return (await connection.execute(select(func.min(outbox.c.ready_at)).where(*mine))).scalar()


async def _taken(connection: AsyncConnection, person: Preferences, at: datetime, key: str) -> bool:
    """Whether that local date has had its line, be it under the date of an earlier zone."""
    start, end = day_bounds(local_day(person.decent(at), person.zone), person.zone)
    said = (
        (outbox.c.user == person.user)
        & (outbox.c.kind == DAILY)
        & outbox.c.state.in_((State.SENT, State.FOLDED))
        & (outbox.c.done_at >= start)
        & (outbox.c.done_at < end)
    )
    return bool((await connection.execute(select(exists().where(or_(outbox.c.key == key, said))))).scalar())


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


async def keep_latest_missed(kit: Kit, tx: AsyncConnection, row: Row, user: str) -> None:
    """Of all that could not be delivered one line waits to be shown: not twenty after a month."""
    older = select(outbox.c.id).where(
        outbox.c.user == user,
        outbox.c.kind == DAILY,
        outbox.c.state == State.UNDELIVERED,
        outbox.c.id != row.id,
    )
    await kit.outbox.end(tx, list((await tx.execute(older)).scalars()), State.DROPPED)


# -- which ----------------------------------------------------------------------------------------

Chance = Callable[[str], float]  # a number from 0 to 1 for a prompt's id


@dataclass(frozen=True, slots=True)
class Reader:
    """What the choice needs to know of a person. ``themes`` are those they asked for; none: any."""

    stage: str = ""
    bad_day: bool = False
    themes: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    liked: Mapping[str, int] = field(default_factory=dict[str, int])
    last: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """The prompt; ``round`` names those that were all seen, and begin anew with it."""

    prompt: Prompt
    round: tuple[str, ...] = ()


def choose(prompts: Sequence[Prompt], reader: Reader, chance: Chance) -> Pick:
    """One that fits and was not seen, by taste; some prompt must be for ``any`` stage.

    What was "not for me" comes back only when nothing else fits. When all were seen they begin
    anew, but not with the one that came last.
    """
    fits = [each for each in prompts if each.fits(reader.stage)]
    fits = [each for each in fits if reader.themes & set(each.themes)] or fits
    kept = [each for each in fits if reader.liked.get(each.id, 0) >= 0] or fits
    unseen = [each for each in kept if each.id not in reader.seen]
    pool = unseen or [each for each in kept if each.id != reader.last] or kept
    if reader.bad_day:
        pool = [each for each in pool if each.themes[0] in GENTLE] or pool
    taste = _taste(prompts, reader.liked)

    def drawn(prompt: Prompt) -> float:  # weighted, and each by itself: fewer others change nothing
        return chance(prompt.id) ** 2.0 ** -sum(taste[theme] for theme in prompt.themes)

    return Pick(max(pool, key=drawn), () if unseen else tuple(each.id for each in kept))


def _taste(prompts: Iterable[Prompt], liked: Mapping[str, int]) -> Mapping[str, float]:
    """How much a person likes each theme: 0 is neutral, and no theme is ever lost."""
    sums: defaultdict[str, int] = defaultdict(int)
    for prompt in prompts:
        for theme in prompt.themes:
            sums[theme] += liked.get(prompt.id, 0)
    return {theme: max(-STRONGEST, min(STRONGEST, total)) / 2 for theme, total in sums.items()}


async def reader_of(
    connection: AsyncConnection,
    vault: Vault,
    user: str,
    themes: Iterable[str],
    at: datetime,
    *,
    before: datetime | None = None,
) -> Reader:
    """What is known of a person (a user key) at a moment, without prompts had since ``before``."""
    owner = vault.owner(user)
    query = select(prompts).where(prompts.c.user == user).order_by(prompts.c.at, prompts.c.prompt)
    if before is not None:
        query = query.where(prompts.c.at < before)
    rows = (await connection.execute(query)).mappings().all()
    return Reader(
        await stage_of(connection, owner, at - LATELY),
        bool(await stage_of(connection, owner, at - BAD_DAYS)),
        frozenset(themes),
        frozenset(row["prompt"] for row in rows if row["seen"]),
        {row["prompt"]: row["liked"] for row in rows if row["liked"]},
        rows[-1]["prompt"] if rows else "",
    )


def moment(row: Row) -> datetime:
    """When the choice for a row was made: the same however often the row is rendered."""
    return max(row.due_at, row.tried_at or row.due_at)


async def for_row(kit: Kit, connection: AsyncConnection, row: Row, user: str, themes: Iterable[str]) -> Pick:
    """What a planned message says."""
    at = moment(row)
    reader = await reader_of(connection, kit.vault, user, themes, at, before=at)
    return choose(kit.content.prompts, reader, lambda name: _hashed(f"{row.key} {name}"))


def _hashed(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


async def mark(tx: AsyncConnection, user: str, pick: Pick, at: datetime) -> None:
    """The person has had it; if all that fit were seen, they may come again from here on."""
    if pick.round:
        mine = (prompts.c.user == user, prompts.c.prompt.in_(pick.round))
        await tx.execute(update(prompts).where(*mine).values(seen=False))
    insert = insert_into(tx, prompts).values(user=user, prompt=pick.prompt.id, seen=True, at=at)
    had = {"seen": True, "at": at}
    await tx.execute(insert.on_conflict_do_update(index_elements=["user", "prompt"], set_=had))


async def rate(tx: AsyncConnection, user: str, prompt: str, liked: int, at: datetime) -> None:
    """A heart (1) or "not for me" (-1); who rates a prompt has seen it."""
    insert = insert_into(tx, prompts).values(user=user, prompt=prompt, seen=True, liked=liked, at=at)
    await tx.execute(insert.on_conflict_do_update(index_elements=["user", "prompt"], set_={"liked": liked}))


# -- what people type about it --------------------------------------------------------------------


def read(typed: str, themes: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """What a person asked for, as changes of their schedule, and the first words that are unclear."""
    words, changes = typed.casefold().split(), dict[str, Any]()
    chosen: list[str] = []
    while words:
        for length in range(min(LONGEST, len(words)), 0, -1):
            meant = _meaning(" ".join(words[:length]).strip(",;.!"), themes)
            if meant:
                break
        else:
            return {}, words[0] if len(words[0]) <= SHOWN else f"{words[0][:SHOWN]}…"
        name, value = meant
        if name == "days":
            value |= changes.get("days", frozenset())
        elif name == "themes":
            chosen += value
            value = tuple(dict.fromkeys(chosen))
        elif changes.get(name, value) != value:
            return {}, words[0]
        changes |= {name: value} if name else {}
        words = words[length:]
    return changes, ""


def _meaning(text: str, themes: Mapping[str, str]) -> tuple[str, Any] | None:
    """What some words mean together: the name of a change and its value."""
    if text in SAID:
        return "active", SAID[text]
    if text in FILLERS:
        return "", None
    if text in ALL:
        return "themes", ()
    if wall := parse_wall(text):
        return "at", wall
    if days := parse_days(text):
        return "days", days
    theme = themes.get(spelled(text))
    return ("themes", (theme,)) if theme else None


def spelled(name: str) -> str:
    """A theme's name as it is compared: small letters, single spaces, no marks."""
    return " ".join("".join(char if char.isalnum() else " " for char in name.casefold()).split())

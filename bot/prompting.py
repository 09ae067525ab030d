"""Which line of encouragement it is: chosen by how far somebody got, by what they had, and by taste.

Choosing writes nothing and has no chance of its own. A planned message draws by its row's key and leaves
out what was stored after its first try, so that one that has to be sent again reads the same. ``mark``
writes down what was chosen, in the transaction that knows it was said.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import String

from bot.cog import Kit, Row
from bot.content import Prompt, Prompts
from bot.schedules import DAILY, THEMES
from bot.storage.batches import Addition, Lookup
from bot.storage.engine import insert_into
from bot.storage.schema import outbox, prompts, rejections
from bot.vault import Vault
from bot.when import parse_days, parse_wall

__all__ = [
    "DAILY",
    "THEMES",
    "Pick",
    "Reader",
    "choose",
    "for_rows",
    "mark",
    "moment",
    "rate",
    "read",
    "reader_of",
]

GENTLE = frozenset({"feel_it", "not_alone", "self_care"})  # what comes first on a bad day
LATELY, BAD_DAYS = timedelta(days=60), timedelta(days=2)  # how long a no counts for either
AT_ONCE = 64  # choices between two turns of the event loop
FIRST = range(8)  # tries before all that fit are looked at
STRONGEST = 3  # how far hearts pull a theme, in halves of a doubling

SAID = {**dict.fromkeys(("on", "start"), True), **dict.fromkeys(("off", "stop", "pause"), False)}
ALL = frozenset({"all", "any", "everything"})
FILLERS = frozenset({"", "about", "and", "at", "please", "theme", "themes", "with"})
LONGEST = 5  # words that can mean one thing together: "mon, tue, wed and fri"
SHOWN = 40  # characters of an unclear word that are shown back


UNRATED: Mapping[str, int] = MappingProxyType({})
Draw = Callable[[Sequence[int]], Sequence[float]]  # for each a number from 0 up to 1, the same each time


class Reader(NamedTuple):
    """What the choice needs to know of a person. ``themes`` are those they asked for; none: any."""

    stage: str = ""
    bad_day: bool = False
    themes: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    liked: Mapping[str, int] = UNRATED
    last: str = ""


class Pick(NamedTuple):
    """The prompt; ``round`` names those that were all seen, and begin anew with it."""

    prompt: Prompt
    round: tuple[str, ...] = ()


def choose(prompts: Prompts, reader: Reader, draw: Draw) -> Pick:
    """One that fits and was not seen, by taste; some prompt must be for ``any`` stage.

    What was "not for me" comes back only when nothing else fits. When all were seen they begin
    anew, but not with the one that came last.
    """
    ids, liked, seen = prompts.ids, reader.liked, reader.seen
    kept = fits = prompts.fitting(reader.stage, reader.themes)
    if not liked and not reader.bad_day:  # the first of some that was not seen: as even a choice, and cheap
        for chance in draw(FIRST):
            if ids[n := fits[int(chance * len(fits))]] not in seen:
                return Pick(prompts[n])
    if liked:
        kept = [n for n in fits if liked.get(ids[n], 0) >= 0] or fits
    unseen = [n for n in kept if ids[n] not in seen]
    pool = unseen or [n for n in kept if ids[n] != reader.last] or kept
    if reader.bad_day:
        pool = [n for n in pool if prompts[n].themes[0] in GENTLE] or pool
    drawn = draw(pool)
    if liked:  # weighted, and each by itself: fewer others change nothing
        taste = _taste(prompts, liked)
        bends = (2.0 ** -sum(taste[theme] for theme in prompts[n].themes) for n in pool)
        drawn = [chance**bend for chance, bend in zip(drawn, bends, strict=True)]
    chosen = pool[drawn.index(max(drawn))]
    return Pick(prompts[chosen], () if unseen else tuple(ids[n] for n in kept))


def _taste(prompts: Iterable[Prompt], liked: Mapping[str, int]) -> Mapping[str, float]:
    """How much a person likes each theme: 0 is neutral, and no theme is ever lost."""
    sums: defaultdict[str, int] = defaultdict(int)
    for prompt in prompts:
        for theme in prompt.themes:
            sums[theme] += liked.get(prompt.id, 0)
    return {theme: max(-STRONGEST, min(STRONGEST, total)) / 2 for theme, total in sums.items()}


async def reader_of(
    connection: AsyncConnection, vault: Vault, user: str, themes: Iterable[str], at: datetime
) -> Reader:
    """What is known of a person (a user key) at a moment."""
    query = select(prompts).where(prompts.c.user == user).order_by(prompts.c.at, prompts.c.prompt)
    rows = (await connection.execute(query)).mappings().all()
    last = (await _last_no(connection, [vault.owner(user)], at - LATELY)).get(vault.owner(user))
    return Reader(
        last[0] if last else "",
        last is not None and last[1] >= at - BAD_DAYS,
        frozenset(themes),
        frozenset(row["prompt"] for row in rows if row["seen"]),
        {row["prompt"]: row["liked"] for row in rows if row["liked"]},
        rows[-1]["prompt"] if rows else "",
    )


_NOES = Lookup(
    lambda many: (
        select(rejections.c.owner, rejections.c.stage, rejections.c.shared_at)
        .where(rejections.c.owner.in_(many("owners")), rejections.c.shared_at >= bindparam("since"))
        .order_by(rejections.c.shared_at)
    )
)


async def _last_no(
    connection: AsyncConnection, owners: Iterable[str], since: datetime
) -> dict[str, tuple[str, datetime]]:
    """The stage and the time of these people's latest no since then, by owner."""
    found = await _NOES.rows(connection, owners=list(owners), since=since)
    return {owner: (stage, at) for owner, stage, at in found}


def moment(row: Row) -> datetime:
    """When the choice for a row was made: the same however often the row is rendered."""
    return max(row.due_at, row.tried_at) if row.tried_at else row.due_at


_WHEN = case((outbox.c.tried_at > outbox.c.due_at, outbox.c.tried_at), else_=outbox.c.due_at)  # as ``moment``
_BEFORE = and_(prompts.c.user == outbox.c.user, prompts.c.at < _WHEN)
_HAD = Lookup(  # a row of the outbox each: what was seen, what was rated
    lambda many: (
        select(
            outbox.c.id,
            func.aggregate_strings(case((prompts.c.seen, prompts.c.prompt)), ",").label("seen"),
            func.aggregate_strings(
                case((prompts.c.liked != 0, prompts.c.prompt + "=" + as_type(prompts.c.liked, String))),
                ",",
            ).label("rated"),
        )
        .join(prompts, _BEFORE)
        .where(outbox.c.id.in_(many("ids")))
        .group_by(outbox.c.id)
    )
)
_NEWEST = Lookup(  # of each row its person's prompts, the newest last
    lambda many: (
        select(outbox.c.id, prompts.c.prompt)
        .join(prompts, _BEFORE)
        .where(outbox.c.id.in_(many("ids")))
        .order_by(prompts.c.at, prompts.c.prompt)
    )
)


async def for_rows(
    kit: Kit, connection: AsyncConnection, wanted: Sequence[tuple[Row, str, Iterable[str]]]
) -> list[Pick]:
    """What planned messages say: of each its row, its person (a user key) and the themes they asked for."""
    if not wanted:
        return []
    had = {
        id: (_split(seen), _rated(rated))
        for id, seen, rated in await _HAD.rows(connection, ids=[row.id for row, _, _ in wanted])
    }
    owners = {user: kit.vault.owner(user) for _, user, _ in wanted}
    noes = await _last_no(connection, owners.values(), min(moment(row) for row, _, _ in wanted) - LATELY)
    all_prompts = kit.content.prompts
    readers: list[Reader] = []
    picks: list[Pick] = []
    for number, (row, user, themes) in enumerate(wanted):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        at, no = moment(row), noes.get(owners[user])
        if no and no[1] < at - LATELY:
            no = None
        seen, rated = had.get(row.id, (frozenset[str](), {}))
        bad_day = no is not None and no[1] >= at - BAD_DAYS
        reader = Reader(no[0] if no else "", bad_day, frozenset(themes), seen, rated)
        readers.append(reader)
        picks.append(choose(all_prompts, reader, _drawn(row.key, all_prompts)))
    if again := {row.id: n for n, (row, _, _) in enumerate(wanted) if picks[n].round}:
        # All that fit were seen: only then it matters which one came last.
        last = {row[0]: row[1] for row in await _NEWEST.rows(connection, ids=list(again))}
        for id, n in again.items():
            reader = readers[n]._replace(last=last.get(id, ""))
            picks[n] = choose(all_prompts, reader, _drawn(wanted[n][0].key, all_prompts))
    return picks


def _split(names: str | None) -> frozenset[str]:
    return frozenset(names.split(",")) if names else frozenset()


def _rated(names: str | None) -> dict[str, int]:
    return {name: int(liked) for name, _, liked in (each.partition("=") for each in _split(names))}


def _drawn(key: str, prompts: Prompts) -> Draw:
    """A row's chances, which depend on nothing but its key and each prompt."""
    seed = float(int.from_bytes(blake2b(key.encode(), digest_size=3).digest(), "big") | 1)
    codes = prompts.codes
    return lambda pool: [seed * codes[n] % 1.0 for n in pool]


async def mark(tx: AsyncConnection, picks: Sequence[tuple[str, Pick, datetime]]) -> None:
    """Each person has had theirs; if all that fit were seen, they may come again from here on."""
    for user, pick, _ in picks:
        if pick.round:
            mine = (prompts.c.user == user, prompts.c.prompt.in_(pick.round))
            await tx.execute(update(prompts).where(*mine).values(seen=False))
    await _SEEN.run(tx, [(user, pick.prompt.id, True, at) for user, pick, at in picks])


_SEEN = Addition(
    prompts,
    ("user", "prompt", "seen", "at"),
    lambda insert: insert.on_conflict_do_update(
        index_elements=["user", "prompt"], set_={"seen": insert.excluded.seen, "at": insert.excluded.at}
    ),
)


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

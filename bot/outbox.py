"""Everything said unprompted, as rows: planned in the transaction of the fact that caused it.

A row's ``key`` makes it happen once. It is claimed by moving ``ready_at`` one lease ahead, so a
claim that is lost with its process comes back by the same query. ``bot.sender`` does the sending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import structlog
from sqlalchemy import RowMapping, bindparam, delete, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import User
from bot.clock import Clock
from bot.rows import Lane, Plan, Row, State, Verb, dump, parse, parse_message, parse_user, row_of
from bot.storage.batches import Addition
from bot.storage.engine import insert_into, weigh_plans
from bot.storage.schema import FOREVER, PUBLIC_WORDS, Instant, outbox
from bot.vault import Vault, VaultError

__all__ = ["Outbox", "Plan", "Row", "State", "Verb", "dump", "parse", "parse_message", "parse_user"]

log = structlog.get_logger("bot.outbox")
ARGS = "outbox.args"
# What is raised for a row that cannot be opened.
UNREADABLE = (VaultError, ValueError, TypeError, LookupError)
VERBS = {str(each): each for each in Verb}
STATES = {str(each): each for each in State}
COLUMNS = (  # in the order of ``Row``
    *(outbox.c.id, outbox.c.key, outbox.c.kind, outbox.c.verb, outbox.c.user, outbox.c.place, outbox.c.args),
    *(outbox.c.subject, outbox.c.due_at, outbox.c.ready_at, outbox.c.expires_at, outbox.c.state),
    *(outbox.c.attempts, outbox.c.lease, outbox.c.lead, outbox.c.tried_at, outbox.c.message, outbox.c.error),
    outbox.c.lane,
)
_PLANNED = ("key", "kind", "verb", "user", "place", "subject", "args", "due_at", "ready_at", "expires_at")
_PLAN = Addition(
    outbox,
    (*_PLANNED, "state", "lane"),
    lambda insert: insert.on_conflict_do_nothing(index_elements=[outbox.c.key]),
)


class Outbox:
    """Plans, finds, moves and cancels rows, always in the caller's transaction."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock
        self._key = lru_cache(maxsize=2048)(vault.short_key)  # looked for and then planned: asked for twice

    def key(self, parts: tuple[str, ...]) -> str:
        """The stored key: keyed, so that it says nothing about what it was made of."""
        return self._key("outbox", *parts)

    async def plan(self, tx: AsyncConnection, *plans: Plan) -> None:
        """Add what is not planned yet."""
        await _PLAN.run(tx, [tuple(self._values(plan).values()) for plan in plans])

    async def refresh(self, tx: AsyncConnection, plan: Plan) -> None:
        """Plan it, or have it done once more: several changes to one message make one edit.

        A try that is under way loses its lease, so that what it missed is sent after it.
        """
        values = self._values(plan)
        again = {name: values[name] for name in ("args", "due_at", "ready_at", "expires_at", "lane")}
        again |= {
            "state": State.READY,
            "lease": None,
            "lead": None,
            "attempts": 0,
            "tried_at": None,
            "done_at": None,
        }
        insert = insert_into(tx, outbox).values(values)
        await tx.execute(insert.on_conflict_do_update(index_elements=[outbox.c.key], set_=again))

    def _values(self, plan: Plan) -> dict[str, Any]:
        return {
            "key": self.key(plan.key),
            "kind": plan.kind,
            "verb": plan.verb,
            "user": plan.user.key if plan.user else None,
            "place": dump(plan.place) if plan.place else None,
            "subject": plan.subject or None,
            "args": self._vault.seal_json(dict(plan.args), ARGS) if plan.args else None,
            "due_at": plan.at,
            "ready_at": plan.at,
            "expires_at": plan.expires_at,
            "state": State.READY,
            "lane": Lane.PROMPT if plan.verb is not Verb.DM or plan.at <= self._clock.now() else Lane.PLANNED,
        }

    def row(self, row: RowMapping) -> Row:
        """A row of the table, unsealed."""
        (made,) = self.unpack([(row[column.key],) for column in COLUMNS])
        return made

    def unpack(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        """Rows from a list for each of ``COLUMNS``, unsealed; ``UNREADABLE`` if one cannot be."""
        id, key, kind, verb, user, place, args, subject, due, ready, expires, state = columns[:12]
        attempts, lease, lead, tried, message, error, lane = columns[12:]
        made = (
            *(id, key, kind, [VERBS[each] for each in verb], _each(parse_user, user), _each(parse, place)),
            *([self._unsealed(each) if each else {} for each in args], [each or "" for each in subject]),
            *(due, ready, expires, [STATES[each] for each in state], attempts, lease, lead, tried),
            *(_each(parse_message, message), [each or "" for each in error], lane),
        )
        return list(map(row_of, zip(*made, strict=True)))

    def _unsealed(self, args: bytes) -> dict[str, str]:
        return cast("dict[str, str]", self._vault.unseal_json(args, ARGS))

    def readable(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        """The same without those that cannot be opened: they are no reason to stop the others."""
        try:
            return self.unpack(columns)
        except UNREADABLE as error:
            if len(columns[0]) > 1:
                singly = zip(*columns, strict=True)
                return [row for each in singly for row in self.readable([(value,) for value in each])]
            (id,), _, (kind,) = columns[:3]
            log.error("a row cannot be read", row=id, kind=kind, error=type(error).__name__)
            return []

    def _readable(self, rows: Iterable[RowMapping]) -> list[Row]:
        found = list(rows)
        return self.readable([[row[column.key] for row in found] for column in COLUMNS])

    async def coming(self, connection: AsyncConnection, user: User, limit: int = 500) -> list[Row]:
        """What is planned for a person and not under way, soonest first; without what cannot be read."""
        rows = await connection.execute(
            select(outbox)
            .where(outbox.c.user == user.key, outbox.c.state == State.READY)
            .order_by(outbox.c.ready_at, outbox.c.id)
            .limit(limit)
        )
        return self._readable(rows.mappings())

    async def find(self, connection: AsyncConnection, user: User, id: str) -> Row | None:
        """A row by its id, if it is this person's and can be read."""
        if not id.isascii() or not id.isdigit() or len(id) > 18:
            return None
        rows = await connection.execute(
            select(outbox).where(outbox.c.id == int(id), outbox.c.user == user.key)
        )
        return next(iter(self._readable(rows.mappings())), None)

    async def folded(self, connection: AsyncConnection, lead: Row) -> list[Row]:
        """What was said in the same message as ``lead`` and still stands."""
        if lead.user is None:
            return []
        rows = await connection.execute(
            select(outbox)
            .where(
                outbox.c.user == lead.user.key,  # for its index
                outbox.c.state == State.FOLDED,
                outbox.c.lead == lead.id,
            )
            .order_by(outbox.c.due_at, outbox.c.id)
        )
        return self._readable(rows.mappings())

    async def undelivered(self, connection: AsyncConnection, user: User) -> list[Row]:
        """What could not be sent to a person and was not shown yet."""
        rows = await connection.execute(
            select(outbox)
            .where(outbox.c.user == user.key, outbox.c.state == State.UNDELIVERED)
            .order_by(outbox.c.due_at)
        )
        return self._readable(rows.mappings())

    async def end(self, tx: AsyncConnection, ids: Sequence[int], state: State, error: str = "") -> None:
        """End rows, whoever holds them: done, skipped, shown. When it was said stays known."""
        if ids:
            ended = func.coalesce(outbox.c.done_at, literal(self._clock.now(), Instant))
            why = {"error": error} if error else {}
            await tx.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(state=state, lease=None, done_at=ended, **why)
            )

    async def cancel(
        self, tx: AsyncConnection, *, subject: str = "", user: User | None = None, kind: str = ""
    ) -> int:
        """Cancel what is planned about a subject or for a person; how many rows that were."""
        if not subject and user is None:
            raise ValueError("cancel needs a subject or a user")
        where = [outbox.c.state == State.READY]
        where += [outbox.c.subject == subject] if subject else []
        where += [outbox.c.user == user.key] if user else []
        where += [outbox.c.kind == kind] if kind else []
        now = self._clock.now()
        done = await tx.execute(
            update(outbox).where(*where).values(state=State.CANCELLED, lease=None, done_at=now)
        )
        return done.rowcount

    async def release(self, tx: AsyncConnection, user: User) -> None:
        """Let what waited for a pause without an end be due at its own time again."""
        await tx.execute(
            update(outbox)
            .where(outbox.c.user == user.key, outbox.c.state == State.READY, outbox.c.ready_at >= FOREVER)
            .values(ready_at=outbox.c.due_at)
        )

    async def tidy(self, tx: AsyncConnection, before: datetime) -> None:
        """Forget the words of what was said in public before then: they are where they belong."""
        said = (text(PUBLIC_WORDS), outbox.c.done_at < before, outbox.c.state == State.SENT)
        await tx.execute(update(outbox).where(*said).values(args=None))

    async def prune(self, tx: AsyncConnection, before: datetime, limit: int, *, all: bool = False) -> int:
        """Delete up to ``limit`` rows that ended before then; how many that were.

        What could not be delivered is kept until its person comes back, and what is dead until somebody has
        dealt with it, unless ``all`` is true.
        """
        ended = [outbox.c.done_at < before, outbox.c.state != State.READY]
        ended += [] if all else [outbox.c.state.not_in((State.UNDELIVERED, State.DEAD))]
        await weigh_plans(tx)  # else it would read all that ended, however little of it is old
        old = select(outbox.c.id).where(*ended).order_by(outbox.c.done_at).limit(limit)
        done = await tx.execute(delete(outbox).where(outbox.c.id.in_(old.with_for_update(skip_locked=True))))
        return done.rowcount

    async def remove(self, tx: AsyncConnection, user: User, kind: str) -> None:
        """Take back rows that nobody holds, as if they had never been planned."""
        await tx.execute(
            delete(outbox).where(
                outbox.c.user == user.key,
                outbox.c.kind == kind,
                outbox.c.state == State.READY,
                outbox.c.lease.is_(None),
            )
        )

    async def move(self, tx: AsyncConnection, times: Mapping[int, datetime]) -> None:
        """Plan rows, by id, for other times; how late they may be moves along."""
        if not times:
            return
        rows = await tx.execute(
            select(outbox.c.id, outbox.c.due_at, outbox.c.expires_at).where(outbox.c.id.in_(list(times)))
        )
        changes: list[dict[str, Any]] = []
        for row in rows.mappings():
            at = times[row["id"]]
            late: timedelta | None = row["expires_at"] - row["due_at"] if row["expires_at"] else None
            changes.append({"row": row["id"], "at": at, "expires": at + late if late else None})
        await tx.execute(
            update(outbox)
            .where(outbox.c.id == bindparam("row"))
            .values(
                due_at=bindparam("at"),
                ready_at=bindparam("at"),
                expires_at=bindparam("expires"),
                lease=None,
                lead=None,
                lane=Lane.PLANNED,
                state=State.READY,
                tried_at=None,
                attempts=0,
                done_at=None,
            ),
            changes,
        )


def _each(make: Callable[[str], Any], values: Sequence[str | None]) -> Sequence[Any]:
    return [make(value) if value else None for value in values] if any(values) else values

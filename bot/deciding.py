"""What becomes of the rows of one batch, decided in memory by the rules of ``bot.gentle``.

Nothing here waits or writes: what was decided is collected in ``Changes`` and written by ``bot.claims``
in a few statements for all people together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from bot.features import Unit
from bot.gentle import (
    Ask,
    Decision,
    Drop,
    Move,
    Rule,
    Send,
    decide,
    left_out,
    next_day,
    overdue,
    same_day,
    sent_today,
)
from bot.people import Preferences
from bot.rows import IN_TURN, Row, State
from bot.storage.schema import FOREVER

log = structlog.get_logger("bot.outbox")

ASK = "nudges.ask"  # the one question after too many messages without a reaction


@dataclass(slots=True)
class Changes:
    """What was decided about the rows of a claim that are not sent as they are."""

    moved: list[tuple[Row, datetime]] = field(default_factory=list[tuple[Row, datetime]])
    folded: list[tuple[Row, Row]] = field(default_factory=list[tuple[Row, Row]])  # a row, and its lead
    freed: list[Row] = field(default_factory=list[Row])  # was folded once, goes by itself now
    ended: list[tuple[Row, State]] = field(default_factory=list[tuple[Row, State]])
    asked: list[str] = field(default_factory=list[str])  # people who get the question instead


@dataclass(slots=True)
class Deciding:
    """Decides person by person; what is not among the units it gives back is in ``changes``.

    ``until`` is when the leases of this claim end, ``known_since`` the oldest try whose key every
    platform still remembers, ``limit`` the number of ignored messages before the question.
    """

    rule: Callable[[str], Rule]
    now: datetime
    until: datetime
    known_since: datetime
    limit: int
    changes: Changes = field(default_factory=Changes)

    def person(
        self, rows: Sequence[Row], person: Preferences, sent: Sequence[datetime], later: Sequence[Row]
    ) -> list[Unit]:
        """The messages that one person gets now: at most one, apart from what cannot be folded.

        ``sent`` is when messages went to them lately, ``later`` what else is due to them or will be today.
        """
        rows = sorted(rows, key=IN_TURN) if len(rows) > 1 else rows
        return self._repeats(rows, person) or self._fresh(rows, person, sent, later)

    def doubtful(self, row: Row) -> bool:
        """Whether an earlier try may have worked: its process died, or the platform did not answer."""
        return row.tried_at is not None and row.tried_at != self.now  # later than now: the clock was set back

    def _repeats(self, rows: Sequence[Row], person: Preferences) -> list[Unit]:
        """The very messages whose fate is unknown, while their keys are remembered; the rest waits.

        None of them if the person has asked for quiet since: then they wait like any other.
        """
        leads = [
            row
            for row in rows
            if row.lead is None
            and row.tried_at is not None
            and self.known_since <= row.tried_at
            and self.doubtful(row)
            and (row.kind == ASK or not self._hushed(row.tried_at, person))
        ]
        if not leads:
            return []
        return self._as_they_were(leads, rows, person)

    def _as_they_were(self, leads: Sequence[Row], rows: Sequence[Row], person: Preferences) -> list[Unit]:
        """These messages with what stood in them; the rest of ``rows`` waits until they are written down."""
        units = [
            Unit(lead, tuple(row for row in rows if row.lead == lead.id), again=True, person=person)
            for lead in leads
        ]
        taken = {row.id for unit in units for row in (unit.lead, *unit.folded)}
        self.changes.moved += [(row, self.until) for row in rows if row.id not in taken]
        return units

    def _hushed(self, tried_at: datetime, person: Preferences) -> bool:
        """Whether a break or quiet hours were set since a try. A night that merely began hushes nothing."""
        quiet = person.decent(self.now) > self.now and person.decent(tried_at) > tried_at
        return quiet or person.paused(self.now)

    def _fresh(
        self, rows: Sequence[Row], person: Preferences, sent: Sequence[datetime], later: Sequence[Row]
    ) -> list[Unit]:
        """What the rules allow, as one message, with what else falls due on the person's day."""
        today = sent_today(sent, person, self.now) if sent else 0
        allowed: list[Row] = []
        ask = False
        for row in rows:
            match self._decide(row, person, sent, today):
                case Send():
                    allowed.append(row)
                case Ask():
                    allowed.append(row)
                    ask = True
                case Move(to, why):
                    log.debug("moved", row=row.id, kind=row.kind, why=why)
                    self.changes.moved.append((row, to))
                case Drop(why):
                    state = State.UNDELIVERED if why == "unreachable" else State.DROPPED
                    self.changes.ended.append((row, state))
        if later and allowed and (first := self._goes_first(allowed, person, later)):
            self.changes.moved += [(row, max(self.until, first)) for row in allowed]
            return []
        if ask:
            self.changes.moved += [(row, FOREVER) for row in allowed]
            self.changes.asked.append(person.user)
            return []
        return self._together(allowed, person, today, later) if allowed else []

    def _goes_first(
        self, allowed: Sequence[Row], person: Preferences, later: Sequence[Row]
    ) -> datetime | None:
        """When something is tried for which all that is allowed now has to wait, if there is such a thing.

        Nothing new is tried while a message may be there already, and what can be folded waits for what
        cannot, to come along. Nobody waits for a row that fails by its own fault.
        """
        if any(self.doubtful(row) for row in allowed):
            return None
        leads = any(self._leads(row) for row in allowed)
        return min(
            (
                row.ready_at
                for row in later
                if (self.doubtful(row) or (not leads and self._leads(row)))
                and not row.faulty
                and self._has_waited(row, person)
            ),
            default=None,
        )

    def _decide(self, row: Row, person: Preferences, sent: Sequence[datetime], today: int) -> Decision:
        """The rules; the question itself is asked in the pause that began with it, unless that is over."""
        if row.kind == ASK:
            if not person.paused_for_good(self.now):
                return Drop("answered")
            person = person._replace(paused_until=None, ignored=0)
        out = bool(sent) and left_out(row, sent, person, self.now)
        return decide(row, self._rule(row), person, self.now, today, self.limit, left_out=out)

    def _rule(self, row: Row) -> Rule:
        """Its kind's, unless the person chose the time of this very row."""
        rule = self.rule(row.kind)
        return replace(rule, asked=True) if row.asked else rule

    def _together(
        self, allowed: Sequence[Row], person: Preferences, today: int, later: Sequence[Row]
    ) -> list[Unit]:
        """One message; what cannot be folded speaks first, and if there are several, each for itself.

        It takes along what is due, and the last message of a day also what falls due later on it, unless it
        speaks for itself. One that may be there already takes along nothing new: where its key is known,
        nobody would read that. Of several that were held up one speaks today.
        """
        doubtful = [row for row in allowed if row.lead is None and self.doubtful(row)]
        if doubtful:
            return self._as_they_were(doubtful[:1], allowed, person)
        alone = [row for row in allowed if self._leads(row)]
        lead, *others = alone or allowed[:1]
        folded = [row for row in allowed if row is not lead and row not in others]
        if later:
            last = not alone and today + 1 >= person.per_day
            folded += [row for row in later if self._joins(row, person, last=last)]
        held_up = [row for row in others if overdue(row, person, self.now)]
        others = [row for row in others if row not in held_up]
        self.changes.moved += [(row, next_day(row, person, self.now)) for row in held_up]
        self.changes.folded += [(row, lead) for row in folded]
        self.changes.freed += [row for row in (lead, *others) if row.lead is not None]
        units = [Unit(lead, tuple(folded), self.doubtful(lead), person)]
        return units + [Unit(other, (), self.doubtful(other), person) for other in others]

    def _leads(self, row: Row) -> bool:
        return row.kind == ASK or self.rule(row.kind).leads

    def _joins(self, row: Row, person: Preferences, *, last: bool) -> bool:
        """Whether what nobody holds yet comes along in a message of today, perhaps the ``last`` of the day.

        A time that the person chose is kept, as long as it can be.
        """
        if self._leads(row) or self.doubtful(row) or self._late(row):
            return False
        today = last and not row.asked and same_day(row.ready_at, self.now, person)
        return today or self._has_waited(row, person)

    def _has_waited(self, row: Row, person: Preferences) -> bool:
        """Whether it was to be said by now, and is to be said today: in its turn, or at its next try."""
        tried = row.due_at <= self.now and same_day(row.ready_at, self.now, person)
        return not self._late(row) and (row.ready_at <= self.now or tried)

    def _late(self, row: Row) -> bool:
        return row.expires_at is not None and row.expires_at <= self.now

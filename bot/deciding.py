"""What becomes of the rows of one batch, decided in memory by the rules of ``bot.gentle``.

Nothing here waits or writes: what was decided is collected in ``Changes`` and written by ``bot.claims``
in a few statements for all people together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from bot.features import Unit
from bot.gentle import Ask, Decision, Drop, Move, Rule, Send, decide, same_day, sent_today
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
            match self._decide(row, person, today):
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
        if ask:
            self.changes.moved += [(row, FOREVER) for row in allowed]
            self.changes.asked.append(person.user)
            return []
        return self._together(allowed, person, today, later) if allowed else []

    def _decide(self, row: Row, person: Preferences, today: int) -> Decision:
        """The rules; the question itself is asked in the pause that began with it, unless that is over."""
        if row.kind == ASK:
            if not person.paused_for_good(self.now):
                return Drop("answered")
            person = person._replace(paused_until=None, ignored=0)
        return decide(row, self.rule(row.kind), person, self.now, today, self.limit)

    def _together(
        self, allowed: Sequence[Row], person: Preferences, today: int, later: Sequence[Row]
    ) -> list[Unit]:
        """One message; what cannot be folded speaks first, and if there are several, each for itself.

        The last message of a day takes along what falls due later on it, unless it speaks for itself. One
        that may be there already takes along nothing new: where its key is known, nobody would read that.
        """
        doubtful = [row for row in allowed if row.lead is None and self.doubtful(row)]
        if doubtful:
            return self._as_they_were(doubtful[:1], allowed, person)
        alone = [row for row in allowed if self._leads(row)]
        lead, *others = alone or allowed[:1]
        folded = [row for row in allowed if row is not lead and row not in others]
        if later and not alone and today + 1 >= person.per_day:
            folded += [row for row in later if self._joins(row, person)]
        self.changes.folded += [(row, lead) for row in folded]
        self.changes.freed += [row for row in (lead, *others) if row.lead is not None]
        units = [Unit(lead, tuple(folded), self.doubtful(lead), person)]
        return units + [Unit(other, (), self.doubtful(other), person) for other in others]

    def _leads(self, row: Row) -> bool:
        return row.kind == ASK or self.rule(row.kind).leads

    def _joins(self, row: Row, person: Preferences) -> bool:
        """Whether what nobody holds yet may come along in a message of today."""
        late = row.expires_at is not None and row.expires_at <= self.now
        today = row.ready_at <= self.now or same_day(row.ready_at, self.now, person)
        return today and not late and not self._leads(row)

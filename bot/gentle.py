"""When a nudge may speak: the rules, as pure functions over rows, settings and the time.

One message a person a day (their choice), none in quiet hours or during a break, none that is
stale, and after some with no reaction one question instead of more. After an outage one for the day,
whatever waits: what was asked for, and what speaks for itself, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.clock import at_local, local, local_day
from bot.people import Preferences
from bot.storage.schema import FOREVER

OVERDUE = timedelta(minutes=2)  # what is later than this was held up; a restart takes less


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind of message behaves.

    ``asked``: the person chose this time themselves, or it answers them: it does not wait for the
    day's budget.
    ``leads``: it speaks for itself: it is never folded into another message, and takes nothing along
    that is not due yet.
    """

    asked: bool = False
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Now."""


@dataclass(frozen=True, slots=True)
class Move:
    """Not now, but at ``to``; ``why`` is for the log."""

    to: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Not any more."""

    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask once whether to go on, then be silent."""


Decision = Send | Move | Drop | Ask


class Due(Protocol):
    """What the rules need of a row."""

    @property
    def due_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime | None: ...


def decide(
    row: Due,
    rule: Rule,
    person: Preferences,
    now: datetime,
    sent_today: int,
    limit: int,
    *,
    left_out: bool = False,
) -> Decision:
    """What happens to a direct message that is due; ``limit`` is the number ignored before asking.

    ``left_out``: a message of today should have brought it (see there), so it waits for another day.
    """
    if person.unreachable:
        return Drop("unreachable")
    if person.paused(now):
        until = person.paused_until
        return Move(FOREVER if until is None or until == FOREVER else person.decent(until), "break")
    if row.expires_at is not None and now >= row.expires_at:
        return Drop("late")
    quiet_until = person.decent(now)
    if quiet_until > now:
        return Move(quiet_until, "quiet")
    if left_out or (not rule.asked and sent_today >= person.per_day):
        return Move(next_day(row, person, now), "budget")
    return Ask() if person.ignored >= limit else Send()


def next_day(row: Due, person: Preferences, now: datetime) -> datetime:
    """The row's own time of day tomorrow, outside quiet hours."""
    wall = local(row.due_at, person.zone).time().replace(microsecond=0)
    return person.decent(at_local(local_day(now, person.zone) + timedelta(days=1), wall, person.zone))


def same_day(at: datetime, now: datetime, person: Preferences) -> bool:
    """Whether both fall on one local day of the person."""
    return local_day(at, person.zone) == local_day(now, person.zone)


def sent_today(done: Iterable[datetime], person: Preferences, now: datetime) -> int:
    """How many of these messages went out on the person's present local day."""
    return sum(same_day(at, now, person) for at in done)


def overdue(row: Due, person: Preferences, at: datetime) -> bool:
    """Whether a row could have been said well before ``at``: quiet hours and a break are no delay."""
    rested = person.paused_until
    free = max(row.due_at, rested) if rested is not None and rested <= at else row.due_at
    return at - person.decent(free) > OVERDUE


def left_out(row: Due, done: Iterable[datetime], person: Preferences, now: datetime) -> bool:
    """Whether one of these messages went out today when the row was overdue, and could not take it along."""
    return any(same_day(at, now, person) and overdue(row, person, at) for at in done)

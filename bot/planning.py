"""A plan's steps as instants in a person's own days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from bot.clock import at_local, local, local_day
from bot.content import Step
from bot.people import Preferences

SOON = timedelta(hours=1)  # the same day means: not within the hour in which it was shared


def plan_steps(steps: Sequence[Step], person: Preferences, now: datetime) -> list[tuple[Step, datetime]]:
    """Each step with its instant (UTC), soonest first: at its local time, at decent hours, after a break.

    A step for the same day whose hour is past, or within the hour, comes the next morning.
    """
    start = person.paused_until if person.paused(now) and not person.paused_for_good(now) else None
    base = max(now, start) if start else now
    planned: list[tuple[Step, datetime]] = []
    for step in steps:
        day = local_day(base, person.zone) + timedelta(days=step.after_days)
        at = at_local(day, step.at, person.zone)
        if at < base + SOON:
            at = at_local(day + timedelta(days=1), _morning(person), person.zone)
        planned.append((step, person.decent(at)))
    return sorted(planned, key=lambda each: each[1])


def _morning(person: Preferences) -> time:
    """When a person's day begins: the end of their quiet hours, if that is a morning."""
    has_quiet = person.quiet_from != person.quiet_to
    return person.quiet_to if has_quiet and time(5) <= person.quiet_to <= time(12) else time(9)


def shift(at: datetime, days: int, zone: str) -> datetime:
    """The same local time of day, ``days`` local days later (or earlier)."""
    here = local(at, zone)
    return at_local(here.date() + timedelta(days=days), here.time().replace(tzinfo=None), zone)


def rezoned(at: datetime, old: str, new: str) -> datetime:
    """The same date and time of day in another zone."""
    here = local(at, old)
    return at_local(here.date(), here.time().replace(tzinfo=None), new)

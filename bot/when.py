"""Reading what people type about time: "3 days", "8:30 pm", "Mon-Thu". English; reads no clock.

Every reader takes the text as typed and gives None when it cannot be sure, so that the caller can ask again.
"""

import re
from datetime import time, timedelta

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)
"""The limits of a duration, both included."""

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = (
    ("m|mins?|minutes?", 1),
    ("h|hrs?|hours?", 60),
    ("d|days?", 24 * 60),
    ("w|wks?|weeks?", 7 * 24 * 60),
    ("months?", 30 * 24 * 60),
)
_PIECE = re.compile(
    rf"(?:(?P<digits>[0-9]{{1,6}}(?:[.,][0-9]{{1,3}})?)\s*|(?P<word>half an?|an?|{'|'.join(_NUMBERS)})\s+)"
    rf"(?P<unit>{'|'.join(names for names, _ in _UNITS)})(?![a-z])(?:\s*,)?(?:\s+and\s)?\s*"
)
_WALL = re.compile(r"(?:at\s+)?([0-9]{1,2})(?:\s*[:.]\s*([0-9]{2})|([0-9]{2}))?(?:\s*([ap])\.?m\.?)?")
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _plain(text: str) -> str:
    """Lower case, single spaces, no more than anyone would type about a time."""
    return " ".join(text[:200].casefold().split())


def parse_duration(text: str) -> timedelta | None:
    """How long: "2h", "a week", "1 day and 2 hours", "tomorrow"; a bare number counts days, a month is 30.

    None when it is not understood, or is not between SHORTEST and LONGEST.
    """
    plain = _plain(text).removeprefix("in ")
    plain = {"tomorrow": "1 day", "next week": "1 week"}.get(plain, plain)
    if re.fullmatch("[0-9]{1,6}", plain):
        plain += " days"
    minutes, position = 0.0, 0
    while position < len(plain):
        piece = _PIECE.match(plain, position)
        if piece is None:
            return None
        minutes += _amount(piece["digits"], piece["word"]) * _minutes(piece["unit"])
        position = piece.end()
    length = timedelta(minutes=minutes)
    return length if SHORTEST <= length <= LONGEST else None


def _amount(digits: str | None, word: str) -> float:
    if digits:
        return float(digits.replace(",", "."))
    if word.startswith("half"):
        return 0.5
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else 1


def _minutes(unit: str) -> int:
    return next(minutes for names, minutes in _UNITS if re.fullmatch(names, unit))


def parse_wall(text: str) -> time | None:
    """A time of day: "08:30", "8.30", "0830", "8am", "8:30 pm", "noon", "midnight".

    Without am or pm it is read on the 24-hour clock; a bare "8" is None, as it could be morning or evening.
    """
    plain = _plain(text).removeprefix("at ")
    plain = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}.get(plain, plain)
    found = _WALL.fullmatch(plain)
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or found[3] or 0), found[4]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    elif not (found[2] or found[3]):
        return None
    return time(hour, minute) if hour < 24 and minute < 60 else None


def parse_days(text: str) -> frozenset[int] | None:
    """Weekdays (Monday = 0): "weekdays", "daily", "mon, wed and fri", "Mon-Thu", "every Monday".

    None when any word is not understood.
    """
    plain = re.sub(r"\s*(?:[-\u2010-\u2015]|\b(?:to|through)\b)\s*", "-", _plain(text))
    words = [word for word in re.split(r"[\s,;/&+.]+", plain) if word and word not in ("and", "on", "every")]
    days: set[int] = set()
    for word in words:
        found = _days(word)
        if found is None:
            return None
        days |= found
    return frozenset(days) or None


def _days(word: str) -> set[int] | None:
    """The days that one word or one range names."""
    if word in ("daily", "day", "everyday"):
        return set(range(7))
    if word in ("weekday", "weekdays", "workdays"):
        return set(range(5))
    if word in ("weekend", "weekends"):
        return {5, 6}
    ends = [_day(name) for name in word.split("-")]
    first, last = ends[0], ends[-1]
    if first is None or last is None or len(ends) > 2:
        return None
    return {(first + step) % 7 for step in range((last - first) % 7 + 1)}


def _day(name: str) -> int | None:
    short = name.removesuffix("s")
    return next((day for day, full in enumerate(_WEEK) if len(short) > 1 and full.startswith(short)), None)

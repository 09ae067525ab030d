"""What people type about time: understood, or asked again."""

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import when

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("3 days", 3 * DAY),
        ("3", 3 * DAY),
        ("a week", 7 * DAY),
        ("in a week", 7 * DAY),
        ("next week", 7 * DAY),
        ("2 Weeks", 14 * DAY),
        ("two weeks", 14 * DAY),
        ("2h", 2 * HOUR),
        ("1h30m", 90 * MINUTE),
        ("1h 30 min", 90 * MINUTE),
        ("an hour", HOUR),
        ("half an hour", HOUR / 2),
        ("1.5 hours", 90 * MINUTE),
        ("1,5 hours", 90 * MINUTE),
        ("1 day, 2 hours", 26 * HOUR),
        ("1 day and 2 hours", 26 * HOUR),
        ("90 minutes", 90 * MINUTE),
        ("  Tomorrow ", DAY),
        ("a month", 30 * DAY),
        ("1 minute", MINUTE),
        ("366 days", 366 * DAY),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert when.parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "-3",
        "30 s",
        "0.5 m",
        "367",
        "366 days 1 minute",
        "99999999 days",
        "1h30",
        "ah",
        "day",
        "soon",
        "3 dayz",
        "3 days ago",
        "1.5",
        "in",
        "and 3 days",
        "²",
        "9" * 5000,
    ],
)
def test_a_duration_that_is_unclear_or_out_of_bounds_is_none(text: str) -> None:
    assert when.parse_duration(text) is None


@given(st.integers(1, 366 * 24 * 60))
def test_any_number_of_minutes_up_to_the_longest_is_exact(minutes: int) -> None:
    assert when.parse_duration(f"{minutes} minutes") == minutes * MINUTE


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("08:30", time(8, 30)),
        ("8:30", time(8, 30)),
        ("8.30", time(8, 30)),
        ("0830", time(8, 30)),
        ("830", time(8, 30)),
        ("at 8am", time(8)),
        ("8 a.m.", time(8)),
        ("8:30 pm", time(20, 30)),
        ("8.30PM", time(20, 30)),
        ("12am", time(0)),
        ("12 pm", time(12)),
        ("12:15am", time(0, 15)),
        ("Noon", time(12)),
        ("midnight", time(0)),
        ("00:00", time(0)),
        ("23:59", time(23, 59)),
    ],
)
def test_a_time_of_day_is_read(text: str, wall: time) -> None:
    assert when.parse_wall(text) == wall


@pytest.mark.parametrize(
    "text", ["", "8", "24:00", "08:60", "13pm", "0am", "8:3", "2500", "8:30 xm", "eight", "-8:30", "12345"]
)
def test_a_time_that_is_unclear_is_none(text: str) -> None:
    assert when.parse_wall(text) is None


@given(st.times().map(lambda at: at.replace(second=0, microsecond=0)))
def test_every_minute_is_read_back_from_both_clocks(wall: time) -> None:
    assert when.parse_wall(f"{wall:%H:%M}") == when.parse_wall(f"{wall:%I:%M %p}") == wall


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("weekdays", {0, 1, 2, 3, 4}),
        ("Weekends", {5, 6}),
        ("daily", set(range(7))),
        ("every day", set(range(7))),
        ("everyday", set(range(7))),
        ("mon,wed,fri", {0, 2, 4}),
        ("mon, wed and fri", {0, 2, 4}),
        ("Mon-Thu", {0, 1, 2, 3}),
        ("mon – thu", {0, 1, 2, 3}),
        ("fri to mon", {4, 5, 6, 0}),
        ("monday tuesday", {0, 1}),
        ("Tues & Thurs", {1, 3}),
        ("Every Monday", {0}),
        ("on saturdays", {5}),
        ("mon-tue, weekends", {0, 1, 5, 6}),
        ("sun-sun", {6}),
    ],
)
def test_days_are_read(text: str, days: set[int]) -> None:
    assert when.parse_days(text) == days


@pytest.mark.parametrize(
    "text", ["", "every", "and", "never", "m", "s", "mon-", "-", "mon-wed-fri", "mon or noon", "no mondays"]
)
def test_days_that_are_unclear_are_none(text: str) -> None:
    assert when.parse_days(text) is None


@given(st.text(max_size=300))
def test_whatever_is_typed_is_understood_or_none(text: str) -> None:
    length = when.parse_duration(text)
    assert length is None or when.SHORTEST <= length <= when.LONGEST
    wall = when.parse_wall(text)
    assert wall is None or wall.second == 0
    assert when.parse_days(text) != frozenset()

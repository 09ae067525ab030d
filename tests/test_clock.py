"""Waiting, and local time through every kind of transition."""

import asyncio
import sys
import zoneinfo
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import clock
from bot.clock import Clock, FakeClock, SystemClock, at_local, in_quiet, local_day, next_local, out_of_quiet

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

# Both edges of the day, half hours, two hours, a skipped date, and none at all.
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza",
    "Asia/Beirut", "Africa/Cairo", "America/Nuuk", "America/Havana", "America/Santiago",
    "Antarctica/Troll", "Atlantic/Azores", "Asia/Kathmandu", "Pacific/Apia", "UTC",
)  # fmt: skip
WALLS = (time(0), time(0, 30), time(1, 30), time(1, 45), time(2, 15), time(2, 30), time(9), time(23, 30))
IN_OUR_YEARS = st.integers(0, 3 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def utc(year: int, month: int, day: int, *rest: int) -> datetime:
    return datetime(year, month, day, *rest, tzinfo=UTC)


# Each row: date, wall time, zone, the instant in UTC. The instants are worked out by hand from the offsets.
TWICE = [
    (date(2026, 10, 25), time(2, 30), "Europe/Berlin", utc(2026, 10, 25, 0, 30)),
    (date(2026, 11, 1), time(1, 30), "America/New_York", utc(2026, 11, 1, 5, 30)),
    (date(2026, 4, 5), time(1, 45), "Australia/Lord_Howe", utc(2026, 4, 4, 14, 45)),
    (date(2026, 2, 15), time(2, 30), "Africa/Casablanca", utc(2026, 2, 15, 1, 30)),
    (date(2026, 10, 24), time(1, 30), "Asia/Gaza", utc(2026, 10, 23, 22, 30)),
]
SKIPPED = [
    (date(2026, 3, 29), time(2, 30), "Europe/Berlin", utc(2026, 3, 29, 1)),
    (date(2026, 3, 29), time(2, 0), "Europe/Berlin", utc(2026, 3, 29, 1)),
    (date(2026, 3, 29), time(2, 59, 59, 999999), "Europe/Berlin", utc(2026, 3, 29, 1)),
    (date(2026, 3, 8), time(2, 30), "America/New_York", utc(2026, 3, 8, 7)),
    (date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe", utc(2026, 10, 3, 15, 30)),
    (date(2026, 3, 22), time(2, 30), "Africa/Casablanca", utc(2026, 3, 22, 2)),
    (date(2025, 3, 30), time(0, 0), "Asia/Beirut", utc(2025, 3, 29, 22)),
    (date(2025, 4, 25), time(0, 30), "Africa/Cairo", utc(2025, 4, 24, 22)),
    (date(2018, 11, 4), time(0, 0), "America/Sao_Paulo", utc(2018, 11, 4, 3)),
    (date(2025, 3, 29), time(23, 30), "America/Nuuk", utc(2025, 3, 30, 1)),
    (date(2011, 12, 30), time(0, 0), "Pacific/Apia", utc(2011, 12, 30, 10)),
    (date(2011, 12, 30), time(10, 0), "Pacific/Apia", utc(2011, 12, 30, 10)),
]
ORDINARY = [
    (date(2026, 3, 29), time(1, 59), "Europe/Berlin", utc(2026, 3, 29, 0, 59)),
    (date(2026, 3, 29), time(3, 0), "Europe/Berlin", utc(2026, 3, 29, 1)),
    (date(2026, 10, 25), time(3, 0), "Europe/Berlin", utc(2026, 10, 25, 2)),
    (date(2026, 7, 1), time(8, 30, 15, 7), "Asia/Kathmandu", utc(2026, 7, 1, 2, 45, 15, 7)),
]


@pytest.mark.parametrize(("day", "wall", "zone", "instant"), TWICE + SKIPPED + ORDINARY)
def test_a_wall_time_has_one_instant(day: date, wall: time, zone: str, instant: datetime) -> None:
    found = at_local(day, wall, zone)
    assert (found, found.tzinfo) == (instant, UTC)
    assert at_local(day, wall.replace(fold=1), zone) == instant


@given(IN_OUR_YEARS, st.sampled_from(ZONES), st.times())
@example(utc(2025, 3, 29), "America/Nuuk", time(23, 30))
@example(utc(2026, 3, 28), "Asia/Beirut", time(0, 0))
def test_a_wall_time_is_the_first_instant_when_clocks_have_reached_it(
    at: datetime, zone: str, wall: time
) -> None:
    found = at_local(at.date(), wall, zone)
    wanted = datetime.combine(at.date(), wall)
    assert clock.local(found, zone).replace(tzinfo=None) >= wanted
    for earlier in (timedelta(microseconds=1), MINUTE, HOUR, 2 * HOUR, 3 * HOUR):
        assert clock.local(found - earlier, zone).replace(tzinfo=None) < wanted


def test_a_wall_time_with_a_zone_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone of its own"):
        at_local(date(2026, 7, 1), time(9, tzinfo=UTC), "UTC")


def occurrences(
    wall: time, zone: str, first: date, last: date, days: frozenset[int] = clock.EVERY_DAY
) -> Iterator[date]:
    """The local dates of a chained recurrence, from the first date to the last."""
    at = clock.day_bounds(first, zone)[0] - timedelta(microseconds=1)
    while True:
        following = next_local(at, wall, zone, days)
        assert following > at
        at = following
        if local_day(at, zone) > last:
            return
        yield local_day(at, zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("wall", WALLS, ids=str)
def test_a_daily_time_comes_once_on_every_local_date_of_three_years(zone: str, wall: time) -> None:
    first, last = date(2025, 1, 1), date(2027, 12, 31)
    fired = Counter(occurrences(wall, zone, first, last))
    assert fired == Counter(first + DAY * n for n in range((last - first).days + 1))


@pytest.mark.parametrize("wall", WALLS, ids=str)
@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("America/Sao_Paulo", date(2017, 1, 1), date(2019, 3, 1)),
        ("America/St_Johns", date(2008, 1, 1), date(2009, 12, 31)),
    ],
)
def test_a_daily_time_comes_once_too_where_midnight_itself_was_moved(
    zone: str, first: date, last: date, wall: time
) -> None:
    fired = Counter(occurrences(wall, zone, first, last))
    assert fired == Counter(first + DAY * n for n in range((last - first).days + 1))


@given(st.sampled_from(ZONES), st.times(), st.frozensets(st.integers(0, 6), min_size=1), IN_OUR_YEARS)
@example("America/Nuuk", time(23, 30), frozenset({5}), utc(2025, 3, 29))  # the gap ends on a Sunday
def test_some_weekdays_come_once_on_each_of_their_dates(
    zone: str, wall: time, days: frozenset[int], start: datetime
) -> None:
    first = start.date()
    wanted = [day for n in range(22) if (day := first + DAY * n).weekday() in days]
    assert list(occurrences(wall, zone, first, first + DAY * 21, days)) == wanted


def test_a_date_that_a_zone_skipped_has_no_occurrence() -> None:
    fired = occurrences(time(0), "Pacific/Apia", date(2011, 12, 28), date(2012, 1, 1))
    assert [day.day for day in fired] == [28, 29, 31, 1]
    fridays = occurrences(time(9), "Pacific/Apia", date(2011, 12, 23), date(2012, 1, 6), frozenset({4}))
    assert [day.day for day in fridays] == [23, 6]
    start, end = clock.day_bounds(date(2011, 12, 30), "Pacific/Apia")
    assert start == end


def test_an_occurrence_is_strictly_after() -> None:
    nine = utc(2026, 7, 1, 7)
    assert next_local(nine - MINUTE, time(9), "Europe/Berlin") == nine
    assert next_local(nine, time(9), "Europe/Berlin") == nine + DAY
    second_half_past_two = utc(2026, 10, 25, 1, 30)
    assert next_local(second_half_past_two - MINUTE, time(2, 30), "Europe/Berlin") == utc(2026, 10, 26, 1, 30)


@pytest.mark.parametrize("days", [frozenset[int](), frozenset({7}), frozenset({-1, 0})])
def test_a_recurrence_needs_weekdays(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="Monday"):
        next_local(NOON, time(9), "UTC", days)


def test_the_next_working_day_follows_the_date() -> None:
    week = [clock.next_working_day(date(2026, 6, day)) for day in range(1, 8)]  # Monday to Sunday
    assert [day.day for day in week] == [2, 3, 4, 5, 8, 8, 8]


def test_months_and_days_begin_at_local_midnight_or_when_the_gap_ends() -> None:
    assert clock.month_start(utc(2026, 6, 30, 22), "Europe/Berlin") == utc(2026, 6, 30, 22)
    assert clock.month_start(utc(2026, 6, 30, 21, 59), "Europe/Berlin") == utc(2026, 5, 31, 22)
    assert clock.day_bounds(date(2026, 3, 29), "Europe/Berlin") == (
        utc(2026, 3, 28, 23),
        utc(2026, 3, 29, 22),
    )
    assert clock.day_bounds(date(2026, 3, 29), "Asia/Beirut") == (utc(2026, 3, 28, 22), utc(2026, 3, 29, 21))


def test_quiet_hours_cross_midnight_or_not_and_end_when_they_say() -> None:
    def quiet(hour: int, minute: int, start: time, end: time) -> bool:
        return in_quiet(utc(2026, 7, 1, hour, minute), "UTC", start, end)

    night = (time(21), time(8))
    assert [quiet(*at, *night) for at in ((20, 59), (21, 0), (0, 0), (7, 59), (8, 0))] == [
        False,
        True,
        True,
        True,
        False,
    ]
    siesta = (time(13), time(15))
    assert [quiet(*at, *siesta) for at in ((12, 59), (13, 0), (14, 59), (15, 0))] == [
        False,
        True,
        True,
        False,
    ]
    assert not any(quiet(hour, 0, time(9), time(9)) for hour in range(24))
    assert out_of_quiet(utc(2026, 7, 1, 22), "UTC", *night) == utc(2026, 7, 2, 8)
    assert out_of_quiet(utc(2026, 7, 1, 3), "UTC", *night) == utc(2026, 7, 1, 8)
    assert out_of_quiet(utc(2026, 7, 1, 9, 0, 0, 7), "UTC", *night) == utc(2026, 7, 1, 9, 0, 0, 7)


@pytest.mark.parametrize(
    ("at", "start", "end", "free"),
    [
        (utc(2026, 3, 29, 0, 30), time(22), time(2, 30), utc(2026, 3, 29, 1)),  # ends within the gap
        (utc(2026, 3, 28, 22), time(22), time(8), utc(2026, 3, 29, 6)),  # a night an hour shorter
        (utc(2026, 10, 24, 21), time(22), time(8), utc(2026, 10, 25, 7)),  # and an hour longer
        (utc(2026, 10, 25, 0, 15), time(22), time(2, 30), utc(2026, 10, 25, 0, 30)),  # 02:15, the first time
        (utc(2026, 10, 25, 1, 15), time(22), time(2, 30), utc(2026, 10, 25, 1, 30)),  # 02:15, the second time
    ],
)
def test_quiet_hours_end_right_in_berlin(at: datetime, start: time, end: time, free: datetime) -> None:
    assert out_of_quiet(at, "Europe/Berlin", start, end) == free


def test_quiet_hours_go_on_through_a_gap_that_swallows_their_pause() -> None:
    start, end = time(0, 45), time(0, 15)  # in Beirut both fall into the gap of 29 March
    assert out_of_quiet(utc(2026, 3, 28, 21), "Asia/Beirut", start, end) == utc(2026, 3, 29, 21, 15)


SHIFTS = st.sampled_from([row[3] for row in TWICE + SKIPPED])
NEAR_SHIFTS = st.tuples(SHIFTS, st.integers(-1500, 1500)).map(lambda drawn: drawn[0] + MINUTE * drawn[1])


@given(st.one_of(NEAR_SHIFTS, IN_OUR_YEARS), st.sampled_from(ZONES), st.times(), st.times())
def test_quiet_hours_end_at_the_first_instant_that_is_not_quiet(
    at: datetime, zone: str, start: time, end: time
) -> None:
    free = out_of_quiet(at, zone, start, end)
    assert free >= at
    assert not in_quiet(free, zone, start, end)
    if free == at:
        return
    assert in_quiet(free - timedelta(microseconds=1), zone, start, end)
    assert all(in_quiet(at + (free - at) * n / 48, zone, start, end) for n in range(48))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Berlin",
        "Europe/Atlantis",
        "Europe",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../UTC",
        "right/UTC",
        "posix/UTC",
        "localtime",
        "zone.tab",
        "Europe/Berlin\0",
        "Europe/Berlin\n",
        "Ｅurope/Berlin",
        "x" * 5000,
    ],
)
def test_an_unknown_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(clock.UnknownZone, match="Europe/Berlin") as refusal:
        clock.local(NOON, name)
    assert len(str(refusal.value)) < 200
    assert isinstance(refusal.value, ValueError)


@pytest.fixture
def system_rules(tmp_path: Path) -> Iterator[Path]:
    """A system whose only zone, Europe/Berlin, keeps UTC: so one sees whose rules were read."""

    def forget() -> None:
        clock._packaged_rules.cache_clear()  # pyright: ignore[reportPrivateUsage]
        clock.zone_info.cache_clear()
        zoneinfo.ZoneInfo.clear_cache()

    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe/Berlin").write_bytes(files("tzdata").joinpath("zoneinfo", "UTC").read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    forget()
    yield tmp_path
    zoneinfo.reset_tzpath(to=before)
    forget()


@pytest.mark.parametrize(
    ("release", "hours"),
    [("# version 2999a\n", 0), ("# version 2001a\n", 2), ("# version unknown\n", 2), ("", 2)],
)
def test_the_newer_zone_data_wins(system_rules: Path, release: str, hours: int) -> None:
    if release:
        (system_rules / "tzdata.zi").write_text(release)
    assert clock.local(NOON, "Europe/Berlin").utcoffset() == HOUR * hours
    assert clock.local(NOON, "Asia/Tokyo").utcoffset() == HOUR * 9


@pytest.mark.parametrize("name", ["right/UTC", "posix/UTC", "localtime", "posixrules"])
def test_what_only_lies_beside_the_zones_is_no_zone(system_rules: Path, name: str) -> None:
    (system_rules / "tzdata.zi").write_text("# version 2999a\n")
    (system_rules / name).parent.mkdir(exist_ok=True)
    (system_rules / name).write_bytes((system_rules / "Europe/Berlin").read_bytes())
    with pytest.raises(clock.UnknownZone):
        clock.zone_info(name)


@pytest.mark.usefixtures("system_rules")
def test_the_system_serves_when_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tzdata", None)
    assert clock.local(NOON, "Europe/Berlin").utcoffset() == timedelta()


def test_instants_are_aware_and_in_utc() -> None:
    assert clock.aware(datetime(2026, 7, 1, 14, tzinfo=timezone(2 * HOUR))) == NOON
    assert clock.aware(datetime(2026, 7, 1, 14, tzinfo=timezone(2 * HOUR))).tzinfo is UTC
    naive = NOON.replace(tzinfo=None)
    calls: list[Callable[[], object]] = [
        lambda: clock.aware(naive),
        lambda: clock.local(naive, "UTC"),
        lambda: next_local(naive, time(9), "UTC"),
        lambda: out_of_quiet(naive, "UTC", time(22), time(8)),
        lambda: FakeClock(naive),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="naive"):
            call()


async def at_once(*awaited: Awaitable[object]) -> None:
    """Give up, loudly, on what should take a few milliseconds."""
    async with asyncio.timeout(60):
        await asyncio.gather(*awaited)


async def test_a_fake_clock_wakes_in_order_each_at_its_own_instant() -> None:
    fake = FakeClock(NOON)
    woken: list[tuple[str, timedelta]] = []

    async def wait(name: str, *minutes: int) -> None:
        for each in minutes:
            await fake.sleep(each * 60)
            woken.append((name, fake.now() - NOON))

    waits = (wait("late", 90), wait("tick", 30, 30, 30, 60), wait("first", 10))
    tasks = [asyncio.create_task(each) for each in waits]
    await fake.advance(2 * HOUR)
    assert woken == [
        ("first", 10 * MINUTE),
        ("tick", 30 * MINUTE),
        ("tick", HOUR),
        ("late", 90 * MINUTE),
        ("tick", 90 * MINUTE),
    ]
    assert (fake.now(), fake.monotonic()) == (NOON + 2 * HOUR, 7200)
    assert not tasks[1].done()
    await fake.advance_to(NOON + 150 * MINUTE)
    assert woken[-1] == ("tick", 150 * MINUTE)
    await at_once(*tasks)


async def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    fake: Clock = FakeClock(NOON)
    task = asyncio.create_task(fake.sleep_until(NOON + MINUTE))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    assert isinstance(fake, FakeClock)
    await fake.advance(HOUR)
    assert task.cancelled()
    await at_once(fake.sleep(0), fake.sleep(-5), fake.sleep_until(NOON))
    with pytest.raises(ValueError, match="moved back"):
        await fake.advance(-MINUTE)
    with pytest.raises(ValueError, match="moved back"):
        await fake.advance_to(NOON)


async def test_a_fake_clock_lets_others_settle_between_two_sleepers() -> None:
    settled: list[datetime] = []

    async def settle() -> None:
        settled.append(fake.now())

    fake = FakeClock(NOON, settle)
    tasks = [asyncio.create_task(fake.sleep(seconds)) for seconds in (60, 120)]
    await fake.advance(HOUR)
    assert settled == [NOON, NOON + MINUTE, NOON + 2 * MINUTE, NOON + HOUR]
    await at_once(*tasks)


async def test_moving_the_system_clock_wakes_everyone_who_waits() -> None:
    system = SystemClock(offset=DAY)
    start = system.now()
    tasks = [
        asyncio.create_task(system.sleep(86_400)),
        asyncio.create_task(system.sleep_until(start + DAY)),
        asyncio.create_task(system.sleep(2 * 86_400)),
    ]
    await asyncio.sleep(0.005)
    assert not any(task.done() for task in tasks)
    system.advance(DAY)
    await at_once(*tasks[:2])
    assert system.offset == 2 * DAY
    assert system.now() >= start + DAY
    assert not tasks[2].done()
    system.advance(DAY)
    await at_once(tasks[2])


async def test_a_clock_that_goes_by_another_one_is_right_and_stays_its_own() -> None:
    """Ahead or behind; each correction replaces the last, and who waits looks again."""
    system, other = SystemClock(offset=DAY), SystemClock(offset=DAY)
    waiting = asyncio.create_task(system.sleep_until(system.now() + HOUR))
    await asyncio.sleep(0.005)
    for wrong_by in (MINUTE, -MINUTE, -MINUTE, timedelta()):
        system.correct(wrong_by)
        assert abs(system.now() - other.now() - wrong_by) < timedelta(seconds=1)
        assert system.offset == DAY
    assert not waiting.done()
    system.correct(HOUR)
    await at_once(waiting)


def test_a_system_clock_is_only_moved_forward_and_only_runs_forward() -> None:
    system: Clock = SystemClock()
    assert isinstance(system, SystemClock)
    with pytest.raises(ValueError, match="moved back"):
        system.advance(-timedelta(microseconds=1))
    assert system.offset == timedelta()
    for speed in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="speed"):
            SystemClock(speed)
    assert system.monotonic() <= system.monotonic()


async def test_a_faster_clock_waits_less() -> None:
    fast = SystemClock(speed=1e7)
    start = fast.now()
    await at_once(fast.sleep(86_400), fast.sleep_until(start + DAY))
    assert fast.now() >= start + DAY


class Moody(SystemClock):
    """A system whose wall clock shows whatever the test says."""

    wall = NOON

    def now(self) -> datetime:
        return self.wall


async def test_a_corrected_system_clock_is_noticed_while_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "LONGEST_WAIT", 0.001)
    moody = Moody()
    tasks = [asyncio.create_task(moody.sleep_until(NOON + HOUR)), asyncio.create_task(moody.sleep(3600))]
    await asyncio.sleep(0.005)
    assert not any(task.done() for task in tasks)
    moody.wall = NOON + HOUR
    await at_once(*tasks)


async def test_a_clock_that_is_set_back_does_not_prolong_a_sleep() -> None:
    moody = Moody()
    task = asyncio.create_task(moody.sleep(0.005))
    await asyncio.sleep(0)
    moody.wall = NOON - DAY
    await at_once(task)


async def test_one_wait_is_never_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    real = asyncio.timeout

    def timeout(seconds: float | None) -> asyncio.Timeout:
        waits.append(seconds)
        return real(seconds)

    monkeypatch.setattr(asyncio, "timeout", timeout)
    task = asyncio.create_task(SystemClock().sleep(86_400))
    await asyncio.sleep(0.001)
    task.cancel()
    assert waits == [30.0]

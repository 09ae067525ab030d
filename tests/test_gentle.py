"""When a nudge may speak: the rules one by one, then simulated weeks of whole plans."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.clock import at_local, in_quiet, local, local_day
from bot.cog import State
from bot.content import Content, Step
from bot.errors import TryLater
from bot.gentle import (
    OVERDUE,
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
    sent_today,
)
from bot.pausing import pause, resume
from bot.people import Defaults, Preferences
from bot.planning import plan_steps, shift
from bot.storage.rejections import Stage
from bot.storage.schema import FOREVER, outbox
from bot.ui import Card
from tests.outboxkit import Box, note, user
from tests.postgres import Server as Postgres
from tests.world import DATABASES, ELSEWHERE, MONDAY, Actor

pytestmark = pytest.mark.usefixtures("database")  # on both

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
CHANGES = {  # a day around each change of the clocks in 2026
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 10, 4), date(2026, 4, 5)),
    "Africa/Casablanca": (date(2026, 3, 22), date(2026, 2, 15)),
}
PLANS = Content.load().plans


@dataclass(frozen=True)
class Due:
    due_at: datetime
    expires_at: datetime | None = None


def somebody(**values: Any) -> Preferences:
    """Quiet from nine in the evening to half past eight, one message a day, in UTC."""
    base = Preferences("memory/here/ada", "UTC", "en", time(21), time(8, 30), 1)
    return base._replace(**values)


# -- one decision ---------------------------------------------------------------------------------

NIGHT = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
SMALL = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
LATE = Due(MONDAY - DAY, MONDAY)
OPEN = {"paused_from": MONDAY - DAY, "paused_until": FOREVER}
BREAK = {"paused_from": MONDAY - DAY, "paused_until": MONDAY + DAY}


@pytest.mark.parametrize(
    ("person", "row", "rule", "now", "today", "expected"),
    [
        pytest.param({}, Due(MONDAY), Rule(), MONDAY, 0, Send(), id="nothing against it"),
        pytest.param({}, LATE, Rule(), MONDAY, 0, Drop("late"), id="late, on the very instant"),
        pytest.param({}, LATE, Rule(), MONDAY - timedelta.resolution, 0, Send(), id="only just not late"),
        pytest.param(BREAK, Due(MONDAY), Rule(), MONDAY, 0, Move(MONDAY + DAY, "break"), id="a break"),
        pytest.param(
            {"paused_until": NIGHT},
            Due(MONDAY),
            Rule(),
            MONDAY,
            0,
            Move(MORNING, "break"),
            id="ends at night",
        ),
        pytest.param(
            {"paused_until": MONDAY}, Due(MONDAY), Rule(), MONDAY, 0, Send(), id="the break is over"
        ),
        pytest.param(OPEN, Due(MONDAY), Rule(), MONDAY, 0, Move(FOREVER, "break"), id="paused without end"),
        pytest.param({}, Due(NIGHT), Rule(), NIGHT, 0, Move(MORNING, "quiet"), id="before midnight"),
        pytest.param({}, Due(NIGHT), Rule(), SMALL, 0, Move(MORNING, "quiet"), id="after midnight"),
        pytest.param({}, Due(NIGHT), Rule(), MORNING, 0, Send(), id="the night ends"),
        pytest.param(
            {"quiet_from": time(12), "quiet_to": time(14)},
            Due(MONDAY),
            Rule(),
            MONDAY + 4 * HOUR,
            0,
            Move(MONDAY + 5 * HOUR, "quiet"),
            id="quiet at noon",
        ),
        pytest.param(
            {"quiet_from": time(9), "quiet_to": time(9)}, Due(NIGHT), Rule(), NIGHT, 0, Send(), id="no quiet"
        ),
        pytest.param({}, Due(MONDAY), Rule(), MONDAY, 1, Move(MONDAY + DAY, "budget"), id="one today"),
        pytest.param({"per_day": 2}, Due(MONDAY), Rule(), MONDAY, 1, Send(), id="one of two today"),
        pytest.param({}, Due(MONDAY), Rule(asked=True), MONDAY, 9, Send(), id="asked for"),
        pytest.param(
            {}, Due(NIGHT), Rule(asked=True), NIGHT, 0, Move(MORNING, "quiet"), id="asked, at night"
        ),
        pytest.param(
            OPEN, Due(MONDAY), Rule(asked=True), MONDAY, 0, Move(FOREVER, "break"), id="asked, break"
        ),
        pytest.param({}, LATE, Rule(asked=True), MONDAY, 0, Drop("late"), id="asked, late"),
        pytest.param({"ignored": 4}, Due(MONDAY), Rule(), MONDAY, 0, Send(), id="four ignored"),
        pytest.param({"ignored": 5}, Due(MONDAY), Rule(), MONDAY, 0, Ask(), id="five ignored"),
        pytest.param(
            {"ignored": 5}, Due(MONDAY), Rule(asked=True), MONDAY, 0, Ask(), id="asked, five ignored"
        ),
        pytest.param(
            {"unreachable": "closed"}, Due(MONDAY), Rule(), MONDAY, 0, Drop("unreachable"), id="unreachable"
        ),
        # which of two comes first
        pytest.param(
            {"unreachable": "x", **OPEN}, LATE, Rule(), MONDAY, 0, Drop("unreachable"), id="unreachable first"
        ),
        pytest.param(BREAK, LATE, Rule(), MONDAY, 0, Move(MONDAY + DAY, "break"), id="break before late"),
        pytest.param({}, Due(NIGHT, NIGHT), Rule(), NIGHT, 0, Drop("late"), id="late before quiet"),
        pytest.param(
            {"ignored": 5}, Due(NIGHT), Rule(), NIGHT, 0, Move(MORNING, "quiet"), id="quiet before ask"
        ),
        pytest.param(
            {"ignored": 5},
            Due(MONDAY),
            Rule(),
            MONDAY,
            1,
            Move(MONDAY + DAY, "budget"),
            id="budget before ask",
        ),
        pytest.param({}, Due(NIGHT), Rule(), NIGHT, 1, Move(MORNING, "quiet"), id="quiet before budget"),
    ],
)
def test_decide(
    person: dict[str, Any], row: Due, rule: Rule, now: datetime, today: int, expected: Decision
) -> None:
    assert decide(row, rule, somebody(**person), now, today, 5) == expected


@pytest.mark.parametrize(
    ("person", "row", "now", "expected"),
    [
        pytest.param({"per_day": 3}, Due(MONDAY), MONDAY, Move(MONDAY + DAY, "budget"), id="room for more"),
        pytest.param(BREAK, Due(MONDAY), MONDAY, Move(MONDAY + DAY, "break"), id="a break"),
        pytest.param({}, LATE, MONDAY, Drop("late"), id="late"),
        pytest.param({}, Due(NIGHT), NIGHT, Move(MORNING, "quiet"), id="at night"),
        pytest.param({"ignored": 5}, Due(MONDAY), MONDAY, Move(MONDAY + DAY, "budget"), id="five ignored"),
    ],
)
@pytest.mark.parametrize("rule", [Rule(), Rule(asked=True), Rule(asked=True, leads=True)])
def test_what_a_message_left_out_waits_for_another_day_whatever_it_is(
    person: dict[str, Any], row: Due, rule: Rule, now: datetime, expected: Decision
) -> None:
    assert decide(row, rule, somebody(**person), now, 1, 5, left_out=True) == expected


@pytest.mark.parametrize(
    ("person", "due", "at", "expected"),
    [
        pytest.param({}, MONDAY, MONDAY, False, id="on time"),
        pytest.param({}, MONDAY, MONDAY + OVERDUE, False, id="only just"),
        pytest.param({}, MONDAY, MONDAY + HOUR, True, id="an hour"),
        pytest.param({}, NIGHT, MORNING + OVERDUE, False, id="the night is no delay"),
        pytest.param({}, NIGHT, MORNING + HOUR, True, id="an hour after the night"),
        pytest.param(BREAK, MONDAY, MONDAY + DAY, False, id="nor is a break"),
        pytest.param(BREAK, MONDAY, MONDAY + DAY + HOUR, True, id="an hour after the break"),
        pytest.param({"paused_until": NIGHT}, MONDAY, MORNING, False, id="a break into the night"),
        pytest.param({"paused_until": MONDAY - DAY}, MONDAY, MONDAY + HOUR, True, id="a break long ago"),
    ],
)
def test_overdue(person: dict[str, Any], due: datetime, at: datetime, expected: bool) -> None:
    assert overdue(Due(due), somebody(**person), at) is expected


def test_left_out_is_what_was_overdue_when_a_message_of_today_came() -> None:
    row, ada, noon = Due(MONDAY), somebody(), MONDAY + 3 * HOUR
    assert left_out(row, [MONDAY + HOUR], ada, noon)
    assert left_out(row, [MONDAY - HOUR, MONDAY + HOUR], ada, noon)
    assert not left_out(row, [MONDAY - HOUR, MONDAY], ada, noon), "that came before it, or with it"
    assert not left_out(row, [MONDAY + HOUR], ada, noon + DAY), "that was yesterday"
    assert not left_out(row, [], ada, noon)


def test_the_night_is_each_persons_own() -> None:
    there = somebody(zone="America/New_York")
    assert decide(Due(MONDAY), Rule(), there, MONDAY, 0, 5) == Move(
        datetime(2026, 3, 2, 13, 30, tzinfo=UTC), "quiet"
    )


def test_the_next_day_keeps_the_time_of_day_over_a_change_of_the_clocks() -> None:
    berlin = somebody(zone="Europe/Berlin")
    due = at_local(date(2026, 3, 28), time(17, 30), berlin.zone)
    assert next_day(Due(due), berlin, due) == at_local(date(2026, 3, 29), time(17, 30), berlin.zone)
    assert next_day(Due(due), berlin, due) - due == DAY - HOUR


def test_the_next_day_of_a_night_time_is_its_morning() -> None:
    assert next_day(Due(NIGHT), somebody(), MONDAY) == MORNING + DAY


def test_today_is_the_persons_day() -> None:
    """Eleven at night in Berlin and one in the morning are two days, though one in UTC."""
    berlin = somebody(zone="Europe/Berlin")
    evening, after = datetime(2026, 3, 2, 22, 30, tzinfo=UTC), datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert sent_today([evening], berlin, evening + timedelta(minutes=5)) == 1
    assert sent_today([evening], berlin, after) == 0
    assert sent_today([evening, after], berlin, after) == 1


YEAR = timedelta(days=365)
INSTANTS = st.timedeltas(timedelta(), YEAR).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))


@given(
    st.sampled_from(ZONES),
    MINUTES,
    MINUTES,
    INSTANTS,
    st.timedeltas(timedelta(days=-40), timedelta()),
    st.none() | st.timedeltas(timedelta(), timedelta(days=40)),
    st.sampled_from([None, FOREVER]) | INSTANTS,
    st.integers(0, 4),
    st.booleans(),
)
def test_a_move_goes_neither_into_the_night_nor_into_the_past(
    zone: str,
    quiet_from: time,
    quiet_to: time,
    now: datetime,
    ago: timedelta,
    late: timedelta | None,
    until: datetime | None,
    today: int,
    asked: bool,
) -> None:
    person = somebody(zone=zone, quiet_from=quiet_from, quiet_to=quiet_to, paused_until=until)
    row = Due(now + ago, now + ago + late if late is not None else None)
    match decide(row, Rule(asked=asked), person, now, today, 5):
        case Move(to, "break") if until == FOREVER:
            assert to == FOREVER
        case Move(to, why):
            assert to > now
            assert not in_quiet(to, zone, quiet_from, quiet_to)
            if why == "budget":
                assert local_day(to, zone) > local_day(now, zone)
        case Send():
            assert not in_quiet(now, zone, quiet_from, quiet_to)
            assert row.expires_at is None or now < row.expires_at


# -- a plan's days --------------------------------------------------------------------------------


def steps_of(stage: str, zone: str, now: datetime) -> list[tuple[Step, datetime]]:
    return plan_steps(PLANS[stage], somebody(zone=zone), now)


@pytest.mark.parametrize("stage", sorted(PLANS))
@pytest.mark.parametrize("zone", sorted(CHANGES))
@pytest.mark.parametrize("which", [0, 1], ids=["gap", "overlap"])
def test_each_step_keeps_its_local_day_and_time_over_a_change_of_the_clocks(
    zone: str, which: int, stage: str
) -> None:
    changed = CHANGES[zone][which]
    noon = time(12)
    before, after = (local(at_local(changed + n * DAY, noon, zone), zone).utcoffset() for n in (-1, 1))
    assert before is not None
    assert after is not None
    assert (after > before) is (which == 0), "this is no such change"
    for ago in range(20):
        shared = at_local(changed - ago * DAY, time(11), zone)
        for step, at in steps_of(stage, zone, shared):
            here = local(at, zone)
            assert here.date() == changed + (step.after_days - ago) * DAY
            assert here.time() == step.at
            assert not in_quiet(at, zone, time(21), time(8, 30))


@given(st.sampled_from(ZONES), INSTANTS, st.sampled_from(sorted(PLANS)))
def test_the_note_of_thanks_comes_the_same_day_or_the_next_morning(
    zone: str, now: datetime, stage: str
) -> None:
    planned = steps_of(stage, zone, now)
    assert [at for _, at in planned] == sorted(at for _, at in planned)
    today = local_day(now, zone)
    for step, at in planned:
        here = local(at, zone)
        assert at >= now + HOUR
        assert not in_quiet(at, zone, time(21), time(8, 30))
        if step.after_days:
            assert (here.date(), here.time()) == (today + step.after_days * DAY, step.at)
        else:
            assert (here.date(), here.time()) in ((today, step.at), (today + DAY, time(8, 30)))


def test_a_night_workers_steps_wait_for_their_waking_hours() -> None:
    owl = somebody(quiet_from=time(5), quiet_to=time(13))
    planned = plan_steps(PLANS["interview"], owl, MONDAY + 10 * HOUR)
    assert local(planned[0][1], "UTC") == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
    assert all(not in_quiet(at, "UTC", owl.quiet_from, owl.quiet_to) for _, at in planned)


def test_a_plan_made_in_a_break_begins_after_it() -> None:
    resting = somebody(paused_from=MONDAY, paused_until=MONDAY + 5 * DAY)
    planned = plan_steps(PLANS["interview"], resting, MONDAY + DAY)
    awake = plan_steps(PLANS["interview"], somebody(), MONDAY + 5 * DAY)
    assert planned == awake


# -- pausing is a tape ----------------------------------------------------------------------------


@dataclass
class Weeks:
    """Worlds for a property, each with a database of its own: a copy of a file, or on a server."""

    empty: Path
    server: Postgres | None

    @asynccontextmanager
    async def open(self, now: datetime) -> AsyncGenerator[Box]:
        """A world in which nobody is ever asked whether to go on."""
        with tempfile.TemporaryDirectory() as folder:
            if self.server:
                (Path(folder) / ELSEWHERE).write_text(self.server.new())
            else:
                shutil.copy(self.empty, Path(folder) / "world.db")
            box = await Box.make(Path(folder), now=now, defaults=Defaults(ignored_limit=10**6))
            try:
                yield box
            finally:
                await box.close()
                if self.server:
                    self.server.drop(box.url)


@pytest.fixture(scope="module", params=DATABASES)
def weeks(request: pytest.FixtureRequest, made_ready: Path) -> Weeks:
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return Weeks(made_ready, server)


@dataclass
class Tape:
    """One person's plan, paused and resumed."""

    box: Box
    zone: str

    async def person(self) -> Preferences:
        async with self.box.storage.read() as connection:
            return await self.box.app.kit.people.load(connection, user().key)

    async def share(self, name: str = "a", stage: str = "interview") -> None:
        steps = plan_steps(PLANS[stage], await self.person(), self.box.clock.now())
        await self.box.plan(
            *(
                note(f"{name} {step.kind}", at, kind="plan.t", late=step.late, subject=name)
                for step, at in steps
            )
        )

    async def pause(self, until: datetime) -> None:
        person = await self.person()
        async with self.box.storage.write() as tx:
            await pause(self.box.app.kit, tx, user(), person, until)

    async def resume(self) -> None:
        person = await self.person()
        async with self.box.storage.write() as tx:
            await resume(self.box.app.kit, tx, user(), person)

    async def walls(self) -> dict[str, datetime]:
        """What each step's local clock shows."""
        return {text: local(row.due_at, self.zone) for text, row in (await self.box.rows()).items()}


UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=UNHURRIED)


@PROPERTY
@given(
    st.sampled_from(ZONES),
    INSTANTS,
    st.lists(st.integers(1, 60), max_size=3),
)
@example("Australia/Lord_Howe", datetime(2026, 4, 1, 9, 0, tzinfo=UTC), [3, 30])
@example("Africa/Casablanca", datetime(2026, 2, 10, 9, 0, tzinfo=UTC), [7])
async def test_a_pause_taken_back_at_once_changes_nothing(
    weeks: Weeks, zone: str, now: datetime, days: list[int]
) -> None:
    """However often it is taken anew before; ``[]`` is a pause without end."""
    async with weeks.open(now) as box:
        await box.settings(user(), zone=zone)
        tape = Tape(box, zone)
        await tape.share()
        before = await tape.walls()
        if not days:
            await tape.pause(FOREVER)
        for length in days:
            await tape.pause(shift(now, length, zone))
        await tape.resume()
        assert await tape.walls() == before
        assert not (await tape.person()).paused(now)


@PROPERTY
@given(
    st.sampled_from(ZONES),
    INSTANTS,
    st.integers(1, 40),
    st.booleans(),
)
async def test_a_pause_moves_every_step_by_its_days_and_keeps_the_time_of_day(
    weeks: Weeks, zone: str, now: datetime, days: int, open_end: bool
) -> None:
    async with weeks.open(now) as box:
        await box.settings(user(), zone=zone)
        tape = Tape(box, zone)
        await tape.share()
        before = await tape.walls()
        await tape.pause(FOREVER if open_end else shift(now, days, zone))
        end = shift(now, days, zone)
        if open_end:
            await box.advance_to(end)
            await tape.resume()
        late = {step.late for step in PLANS["interview"]}
        rows = (await box.rows()).values()
        assert {row.expires_at - row.due_at for row in rows if row.expires_at} == late, "as late as ever"
        moved = {text: (at.date() - before[text].date()).days for text, at in (await tape.walls()).items()}
        assert set(moved.values()) == {days}
        assert {text: at.time() for text, at in (await tape.walls()).items()} == {
            text: at.time() for text, at in before.items()
        }
        await box.advance_to(end - timedelta(minutes=1) if not open_end else box.clock.now())
        assert not box.chat.sent, "nothing is said in the pause"
        await box.advance_to(end + 60 * DAY)
        assert set((await box.states()).values()) <= {State.SENT, State.FOLDED}


async def test_a_break_that_ends_early_gives_the_other_days_back(tmp_path: Path) -> None:
    box = await Box.make(tmp_path)
    tape = Tape(box, "UTC")
    await tape.share()
    before = await tape.walls()
    await tape.pause(MONDAY + 10 * DAY)
    await box.advance(days=4)
    await tape.resume()
    assert {(at - before[text]).days for text, at in (await tape.walls()).items()} == {4}
    await box.close()


async def test_one_break_after_another_counts_the_days_that_passed(tmp_path: Path) -> None:
    box = await Box.make(tmp_path)
    tape = Tape(box, "UTC")
    await tape.share()
    before = await tape.walls()
    await tape.pause(MONDAY + 10 * DAY)
    await box.advance(days=2)
    await tape.pause(FOREVER)
    await box.advance(days=3)
    await tape.pause(box.clock.now() + 7 * DAY)
    assert {(at - before[text]).days for text, at in (await tape.walls()).items()} == {2 + 3 + 7}
    await box.close()


async def test_what_waited_out_a_pause_without_end_comes_when_it_is_over(tmp_path: Path) -> None:
    """What belongs to no plan keeps its time, and is said if that is not too long ago."""
    box = await Box.make(tmp_path)
    tape = Tape(box, "UTC")
    await tape.pause(FOREVER)
    await box.plan(note("kept", MONDAY + DAY, kind="t.asked"), note("stale", MONDAY + DAY, late=DAY))
    await box.advance(days=10)
    assert not box.chat.sent
    await tape.resume()
    await box.sender.drain()
    assert [sent.card.plain for sent in box.said_to("ada")] == ["kept"]
    assert (await box.states()) == {"kept": State.SENT, "stale": State.DROPPED}
    await box.close()


async def test_what_was_shared_in_a_pause_without_end_waits_only_for_the_rest_of_it(tmp_path: Path) -> None:
    """Ada paused everything, shared a no twenty days later, and came back after two more."""
    box = await Box.make(tmp_path)
    ada = box.person("ada")
    tape = Tape(box, "UTC")
    await tape.pause(FOREVER)
    await box.advance(days=20)
    form = await ada.opens("/rejected")
    await ada.submits(form, stage="interview", sign="only_me")
    async with box.storage.read() as connection:
        planned = {row.kind: row.due_at for row in await box.app.kit.outbox.coming(connection, user())}
    await box.advance(days=2)
    await tape.resume()
    async with box.storage.read() as connection:
        moved = {row.kind: row.due_at for row in await box.app.kit.outbox.coming(connection, user())}
    assert moved == {kind: at + 2 * DAY for kind, at in planned.items()}
    await box.close()


# -- simulated weeks ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Life:
    """What somebody does and wants in some weeks."""

    zone: str
    quiet: tuple[time, time]
    per_day: int
    shared: tuple[tuple[int, int, str], ...]  # day, hour (UTC), stage
    daily: time | None  # an asked message at this local time, for three weeks
    answers: tuple[tuple[int, int], ...]  # day, hour: somebody wrote to them
    presses_done: bool
    outage: tuple[int, int] | None  # from this hour, so many hours


LIVES = st.builds(
    Life,
    st.sampled_from(ZONES),
    st.sampled_from([(time(21), time(8, 30)), (time(23), time(6)), (time(9), time(17)), (time(3), time(3))]),
    st.integers(1, 3),
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 23), st.sampled_from(sorted(Stage))),
        min_size=1,
        max_size=4,
    ).map(tuple),
    st.none() | MINUTES,
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 23)), max_size=4).map(tuple),
    st.booleans(),
    st.none() | st.tuples(st.integers(0, 300), st.integers(1, 80)),
)
BUSY = Life(
    "Europe/Berlin",
    (time(21), time(8, 30)),
    1,
    ((0, 8, "interview"), (0, 20, "final_round"), (1, 16, "cv_screen"), (2, 9, "interview")),
    time(7, 15),
    ((0, 17), (1, 12), (3, 23)),
    True,
    (30, 30),
)


@settings(max_examples=15, deadline=None, suppress_health_check=UNHURRIED)
@given(LIVES, st.sampled_from([datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC)]))
@example(BUSY, datetime(2026, 3, 23, tzinfo=UTC))
@example(replace(BUSY, daily=None, answers=()), datetime(2026, 3, 23, tzinfo=UTC))
@example(replace(BUSY, per_day=2, outage=None), datetime(2026, 3, 23, tzinfo=UTC))
async def test_weeks_of_a_life(weeks: Weeks, life: Life, start: datetime) -> None:
    """At most so many a day, none at night, none lost."""
    async with weeks.open(start) as box:
        ada = box.person("ada", zone=life.zone)
        quiet_from, quiet_to = (each.isoformat("minutes") for each in life.quiet)
        await box.settings(
            user(), zone=life.zone, quiet_from=quiet_from, quiet_to=quiet_to, per_day=life.per_day
        )
        sent: dict[str, datetime] = {}

        def trouble(call: str, moment: str) -> None:
            now = box.clock.now()
            if life.outage and moment == "before":
                since = start + life.outage[0] * HOUR
                if since <= now < since + life.outage[1] * HOUR:
                    raise TryLater("outage")
            if moment == "after":
                sent.setdefault(list(box.chat.sent.values())[-1].key, now)

        box.chat.trouble = trouble
        if life.daily:
            today = local_day(start, life.zone)
            walls = (at_local(today + n * DAY, life.daily, life.zone) for n in range(21))
            await box.plan(*(note(f"daily {at}", at, kind="t.asked", late=12 * HOUR) for at in walls))
        happenings = [(start + day * DAY + hour * HOUR, stage) for day, hour, stage in life.shared]
        happenings += [(start + day * DAY + hour * HOUR, "") for day, hour in life.answers]
        for number, (at, stage) in enumerate(sorted(happenings)):
            await _live(box, ada, at, life)
            if stage:
                card = await ada.submits(await ada.opens("/rejected"), stage=stage, sign="only_me")
                assert isinstance(card, Card)
            else:
                await box.plan(note(f"answer {number}", at, kind="t.bare", late=2 * DAY))
                await box.sender.drain()
        await _live(box, ada, start + 150 * DAY, life)

        await _judge(box, life, sent)


async def _judge(box: Box, life: Life, sent: dict[str, datetime]) -> None:
    """What must be true of every life; ``sent`` is in the order in which things were sent."""
    rows = {row.key: row for row in await _all(box)}
    asked = {key for key, row in rows.items() if row.kind.startswith("t.")}
    assert len(sent) == len(box.chat.sent), "each was seen being sent"
    for at in sent.values():
        assert not in_quiet(at, life.zone, *life.quiet), at
    said: defaultdict[date, list[str]] = defaultdict(list)
    for key, at in sent.items():  # in the order in which they were sent
        if key not in asked:
            assert len(said[local_day(at, life.zone)]) < life.per_day, at
        said[local_day(at, life.zone)].append(key)
    over = {State.SENT, State.FOLDED, State.DROPPED, State.DONE}
    assert {row.state for row in rows.values()} <= over
    if life.outage is None:
        dropped = [row for row in rows.values() if row.state is State.DROPPED]
        for row in dropped:
            assert row.expires_at is not None, "what is always worth sending is sent"
        assert all(row.kind.startswith("plan.") for row in dropped if row.kind not in ("t.asked", "t.bare"))


async def _live(box: Box, ada: Actor, until: datetime, life: Life) -> None:
    """Time passes; whatever arrives may be pressed Done at once."""
    if until > box.clock.now():
        seen = len(ada.dms)
        while (at := await box.sender.next_due()) is not None and at <= until:
            await box.advance_to(max(at, box.clock.now()))
            for message in ada.dms[seen:]:
                if life.presses_done and any(button.id == "plan.done" for button in message.card.buttons):
                    await ada.presses(message, "plan.done")
            seen = len(ada.dms)
        await box.advance_to(until)


async def _all(box: Box) -> list[Any]:
    async with box.storage.read() as connection:
        found = await connection.execute(select(outbox))
        return [box.app.kit.outbox.row(row) for row in found.mappings()]


def test_the_busiest_life_has_more_to_say_than_its_days_allow() -> None:
    """Else the property above would prove nothing."""
    planned = Counter[date]()
    for day, hour, stage in BUSY.shared:
        now = datetime(2026, 3, 23, tzinfo=UTC) + day * DAY + hour * HOUR
        planned.update(local_day(at, BUSY.zone) for _, at in steps_of(stage, BUSY.zone, now))
    assert max(planned.values()) > BUSY.per_day

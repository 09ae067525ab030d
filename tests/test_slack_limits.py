"""How fast Slack is asked, what its refusals mean, when people are not disturbed: the parts without a wire.

Time is the event loop's, and jumps here to whatever is next (``tests.jumping``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.platforms.pacing import Pacer
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, seam, seconds, translated
from bot.platforms.slack_limits import BRIEF, PATIENCE, POST, Lane, Limits
from bot.platforms.slack_people import Known, Window, known, window
from tests.jumping import now, played

MINUTE = 60.0
FAKE_LIMIT = 300  # messages a minute and workspace that tests.wire.slack_limits lets through


def most_within(times: list[float], seconds: float) -> int:
    """The most that fell into any span of so many seconds, its end excluded (to a rounding)."""
    return max(sum(start <= each < start + seconds - 1e-6 for each in times) for start in times)


async def turn_at_last(limits: Limits, method: str, lane: Lane, channel: str = "") -> list[float]:
    """A turn, as the outbox takes it: who is sent away comes back when told. How long it was each time."""
    told: list[float] = []
    while True:
        try:
            await limits.turn("T1", method, lane, channel)
        except TryLater as later:
            told.append(later.after)
        else:
            return told
        await asyncio.sleep(told[-1])


# -- pacing -------------------------------------------------------------------------------------------------


def test_a_workspace_never_gets_more_than_its_minute_and_hardly_less() -> None:
    """A thousand nudges, sixteen senders, as the outbox has them: who is sent away comes back when told."""
    sent: list[float] = []

    async def play() -> None:
        limits, left = Limits(290), list(range(1000))

        async def sender() -> None:
            while left:
                await turn_at_last(limits, POST, Lane.DUE, f"D{left.pop()}")
                sent.append(now())

        await asyncio.gather(*(sender() for _ in range(16)))

    played(play)
    assert len(sent) == 1000
    assert most_within(sent, MINUTE) <= FAKE_LIMIT
    assert len(sent) / (sent[-1] - sent[0]) * MINUTE >= 0.95 * FAKE_LIMIT


@given(st.integers(0, 10_000))
def test_no_channel_gets_more_than_one_a_second_with_a_short_burst(seed: int) -> None:
    random = Random(seed)
    sent: dict[str, list[float]] = {}

    async def play() -> None:
        limits = Limits(290)

        async def post() -> None:
            await asyncio.sleep(random.uniform(0, 30))
            channel, lane = random.choice("ABC"), random.choice(list(Lane))
            await turn_at_last(limits, POST, lane, channel)
            sent.setdefault(channel, []).append(now())

        await asyncio.gather(*(post() for _ in range(random.randrange(1, 60))))

    played(play)
    for times in sent.values():
        assert most_within(times, 1.0) <= 2
        assert most_within(times, 10.0) <= 11


def test_a_crowd_in_one_channel_is_sent_away_one_by_one_and_the_channel_never_idles() -> None:
    """Each is told its own turn: nobody comes in vain twice, and the last goes when the last can."""
    told: list[list[float]] = []
    sent: list[float] = []

    async def play() -> None:
        limits = Limits(290)

        async def post() -> None:
            told.append(await turn_at_last(limits, POST, Lane.PEOPLE, "C1"))
            sent.append(now())

        await asyncio.gather(*(post() for _ in range(500)))

    played(play)
    assert max(len(each) for each in told) == 1
    assert min(each for waits in told for each in waits) > PATIENCE
    assert sent == sorted(sent) and sent[-1] < 510


def test_answers_go_before_nudges_and_nudges_before_edits() -> None:
    order: list[str] = []

    async def play() -> None:
        limits = Limits(MINUTE)  # one a second

        async def goes(name: str, lane: Lane) -> None:
            await limits.turn("T1", POST, lane, name)
            order.append(name)

        for number in range(4):  # what may go at once
            await limits.turn("T1", POST, Lane.LAST, f"x{number}")
        async with asyncio.TaskGroup() as tasks:
            for name, lane in (("edit", Lane.LAST), ("nudge", Lane.DUE), ("answer", Lane.PEOPLE)):
                tasks.create_task(goes(name, lane))

    played(play)
    assert order == ["answer", "nudge", "edit"]


def test_workspaces_do_not_wait_for_each_other() -> None:
    async def play() -> None:
        limits = Limits(MINUTE)
        for number in range(4):
            await limits.turn("T1", POST, Lane.DUE, f"D{number}")
        limits.hold("T1", POST, 60.0)
        await limits.turn("T2", POST, Lane.DUE, "D1")
        assert now() == 0

    played(play)


def test_a_429_holds_its_method_and_no_other() -> None:
    async def play() -> None:
        limits = Limits(290)
        limits.hold("T1", POST, 30.0)
        with pytest.raises(TryLater) as first:
            await limits.turn("T1", POST, Lane.DUE, "D1")
        with pytest.raises(TryLater) as second:
            await limits.turn("T1", POST, Lane.PEOPLE, "D2")
        assert 30.0 < first.value.after < second.value.after < 31.0 and not first.value.unsure
        await limits.turn("T1", "users.info", Lane.DUE)
        await limits.turn("T2", POST, Lane.DUE, "D1")
        assert now() == 0
        await asyncio.sleep(first.value.after)
        await limits.turn("T1", POST, Lane.DUE, "D1")

    played(play)


def test_a_429_that_comes_while_one_waits_does_not_keep_a_sender() -> None:
    async def play() -> None:
        limits = Limits(MINUTE)
        for number in range(4):
            await limits.turn("T1", POST, Lane.DUE, f"D{number}")
        waiting = asyncio.create_task(limits.turn("T1", POST, Lane.DUE, "D9"))
        await asyncio.sleep(0.5)
        limits.hold("T1", POST, 300.0)
        with pytest.raises(TryLater) as later:
            await waiting
        assert now() <= 2 * PATIENCE and later.value.after > 300.0 - now()

    played(play)


def test_a_person_waits_for_a_short_retry_after_and_not_for_a_long_one() -> None:
    async def play() -> None:
        limits = Limits(290)
        limits.hold("T1", "views.open", BRIEF)
        await limits.turn("T1", "views.open", Lane.PEOPLE)
        assert now() == pytest.approx(BRIEF)
        limits.hold("T1", "views.open", BRIEF + 1)
        with pytest.raises(TryLater):
            await limits.turn("T1", "views.open", Lane.PEOPLE)
        assert limits.held("T1", "views.open") == pytest.approx(BRIEF + 1)

    played(play)


def test_a_tier_is_kept_by_what_can_wait_and_people_do_not_wait_for_it() -> None:
    times: list[float] = []

    async def play() -> None:
        limits = Limits(290)

        async def edit() -> None:
            await turn_at_last(limits, "chat.update", Lane.LAST)
            times.append(now())

        await asyncio.gather(*(edit() for _ in range(200)))
        while limits.take("T1", "chat.update"):
            pass
        before = now()
        await limits.turn("T1", "chat.update", Lane.PEOPLE)
        assert now() == before

    played(play)
    assert most_within(times, MINUTE) <= 50


def test_nothing_is_kept_for_ever() -> None:
    recent: Recent[int] = Recent(3)
    for number in range(10):
        recent.put(str(number), number)
        recent.get("0")
    assert [recent.get(str(number)) for number in range(10)].count(None) == 7
    assert recent.get("9") == 9


def test_whoever_gives_up_holds_nobody_up() -> None:
    async def play() -> None:
        pacer = Pacer(1.0, burst=1)
        await pacer.turn(Lane.DUE)
        waiting = [asyncio.create_task(pacer.turn(Lane.DUE)) for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting[0].cancel()
        await asyncio.sleep(0)
        assert pacer.ahead(Lane.DUE) == pytest.approx(0.5 + 2)
        await asyncio.gather(*waiting[1:])
        assert now() == pytest.approx(2.0)

    played(play)


# -- refusals -----------------------------------------------------------------------------------------------


def refused(code: str, status: int = 200) -> SlackApiError:
    return SlackApiError("refused", {"ok": False, "error": code, "status": status})


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("not_in_channel", Misconfigured),
        ("channel_not_found", Misconfigured),
        ("is_archived", Misconfigured),
        ("missing_scope", Misconfigured),
        ("restricted_action", Misconfigured),
        ("restricted_action_read_only_channel", Misconfigured),
        ("restricted_action_thread_locked", Misconfigured),
        ("user_not_found", Undeliverable),
        ("user_disabled", Undeliverable),
        ("account_inactive", Undeliverable),
        ("cannot_dm_bot", Undeliverable),
        ("messages_tab_disabled", Undeliverable),
        ("token_revoked", Undeliverable),
        ("invalid_auth", Undeliverable),
        ("message_not_found", Gone),
        ("thread_not_found", Gone),
        ("ratelimited", TryLater),
        ("internal_error", TryLater),
        ("fatal_error", TryLater),
        ("service_unavailable", TryLater),
        ("org_login_required", TryLater),
        ("", TryLater),
        ("invalid_blocks", ChatError),
        ("a_code_of_next_year", ChatError),
    ],
)
def test_each_code_means_one_thing(code: str, meant: type[ChatError]) -> None:
    assert type(translated(refused(code))) is meant


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "is_archived"])
def test_a_person_who_cannot_be_reached_is_no_organisers_trouble(code: str) -> None:
    assert type(translated(refused(code), person=True)) is Undeliverable


def test_a_missing_scope_is_the_organisers_trouble_whoever_it_was_for() -> None:
    assert type(translated(refused("missing_scope"), person=True)) is Misconfigured


@pytest.mark.parametrize(
    ("error", "unsure"),
    [
        (refused("ratelimited", 429), False),
        (refused("", 429), False),
        (refused("internal_error"), True),
        (refused("internal_error", 500), True),
        (refused("", 502), True),
        (refused(""), True),
        (TimeoutError(), True),
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientPayloadError(), True),
        (ConnectionResetError(), True),
        (refused("org_login_required"), False),
    ],
)
def test_it_is_known_when_nothing_was_done(error: Exception, unsure: bool) -> None:
    """What may have worked is looked for before it is sent again; what surely has not is sent at once."""
    later = translated(error)
    assert isinstance(later, TryLater) and later.unsure is unsure


@given(st.text(max_size=40), st.integers(100, 599), st.booleans())
def test_no_answer_of_slacks_is_more_than_the_seam_knows(code: str, status: int, person: bool) -> None:
    assert isinstance(translated(refused(code, status), person=person), ChatError)


async def test_the_seam_lets_faults_of_our_own_through() -> None:
    with pytest.raises(SlackRequestError):
        async with seam():
            raise SlackRequestError("wrong arguments")
    with pytest.raises(KeyError):
        async with seam():
            raise KeyError("ours")
    with pytest.raises(TryLater) as later:
        async with seam():
            raise TryLater("rate limit", 7.0)
    assert later.value.after == 7.0


def test_failures_are_all_that_a_call_raises() -> None:
    for error in (refused("x"), TimeoutError(), aiohttp.ClientPayloadError(), Gone("x"), OSError()):
        assert isinstance(error, FAILURES)
    assert not isinstance(KeyError(), FAILURES)


@pytest.mark.parametrize(
    ("header", "wait"), [("30", 30.0), ("0", 0.0), ("1.5", 1.5), ("-3", 0.0), ("soon", 1.0), (None, 1.0)]
)
def test_retry_after_is_seconds_whatever_stands_there(header: object, wait: float) -> None:
    assert seconds(header) == wait


# -- do-not-disturb -----------------------------------------------------------------------------------------


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SCHEDULE = Window(at("2026-03-02 21:00"), at("2026-03-03 07:00"))


@pytest.mark.parametrize(
    ("zone", "quiet"),
    [
        ("Europe/Berlin", "22:00-08:00"),
        ("UTC", "21:00-07:00"),
        ("Asia/Kathmandu", "02:45-12:45"),
        ("", ""),
        ("Mars/Olympus", ""),
        ("right/UTC", ""),
    ],
)
def test_a_schedule_is_told_in_the_persons_own_time(zone: str, quiet: str) -> None:
    assert SCHEDULE.quiet(zone) == quiet


def test_a_night_in_which_the_clocks_change_keeps_its_wall_times() -> None:
    """Berlin, 29 March 2026: ten hours on the wall are nine."""
    night = Window(at("2026-03-28 21:00"), at("2026-03-29 06:00"))
    assert night.quiet("Europe/Berlin") == "22:00-08:00"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1},
        {"dnd_enabled": True, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1},
        {"dnd_enabled": True, "next_dnd_start_ts": 900, "next_dnd_end_ts": 0},
        {"dnd_enabled": True, "next_dnd_start_ts": 0, "next_dnd_end_ts": 9 * 86_400},
        {"dnd_enabled": True, "next_dnd_start_ts": "soon", "next_dnd_end_ts": None},
        {"dnd_enabled": True, "next_dnd_start_ts": -900, "next_dnd_end_ts": 10**15},
        {"dnd_enabled": True, "next_dnd_start_ts": float("nan"), "next_dnd_end_ts": 1e300},
        {"snooze_enabled": True, "snooze_endtime": "later"},
    ],
)
def test_what_is_no_schedule_is_none(told: dict[str, Any]) -> None:
    found = window(told)
    assert found.quiet("Europe/Berlin") == "" and found.snoozed(moment("2026-03-02 10:00")) == 0.0


def test_a_snooze_is_told_from_the_schedule() -> None:
    start = at("2026-03-02 10:03") + 17
    snooze = window({"dnd_enabled": True, "next_dnd_start_ts": start, "next_dnd_end_ts": start + 3600})
    assert snooze.quiet("Europe/Berlin") == ""
    assert snooze.snoozed(moment("2026-03-02 10:30")) == 33 * 60 + 17
    assert snooze.snoozed(moment("2026-03-02 10:00")) == 0.0
    assert snooze.snoozed(moment("2026-03-02 12:00")) == 0.0
    assert SCHEDULE.snoozed(moment("2026-03-02 23:00")) == 0.0, "the outbox knows the schedule"


def test_a_snooze_that_slack_names_counts_as_one() -> None:
    told = {"dnd_enabled": False, "snooze_enabled": True, "snooze_endtime": at("2026-03-02 11:00")}
    assert window(told).snoozed(moment("2026-03-02 10:00")) == 3600
    assert window(told).snoozed(moment("2026-03-02 11:00")) == 0.0


@given(st.integers(0, 95), st.integers(1, 95), st.integers(0, 3000))
def test_any_schedule_on_quarters_comes_back_as_it_was_set(start: int, length: int, days: int) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days, minutes=15 * start)
    end = begin + timedelta(minutes=15 * length)
    quiet = Window(int(begin.timestamp()), int(end.timestamp())).quiet("UTC")
    assert quiet == f"{begin:%H:%M}-{end:%H:%M}"


# -- people -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "person"),
    [
        ({}, Known()),
        ({"name": "ada", "profile": {"display_name": "", "real_name": "Ada L."}}, Known("Ada L.")),
        ({"name": "ada", "profile": {"display_name": "Ada", "real_name": "Ada L."}}, Known("Ada")),
        ({"name": "ada", "tz": "Europe/Berlin", "locale": "de-DE"}, Known("ada", "Europe/Berlin", "de-DE")),
        ({"name": "ada", "is_owner": True}, Known("ada", is_admin=True)),
        ({"name": "ada", "is_admin": True, "tz": None, "profile": None}, Known("ada", is_admin=True)),
    ],
)
def test_a_person_is_read_as_slack_tells_them(user: dict[str, Any], person: Known) -> None:
    assert known(user) == person


# -- several processes -------------------------------------------------------------------------------------


def test_two_processes_with_half_each_stay_within_the_whole() -> None:
    sent: list[float] = []

    async def play() -> None:
        limits = [Limits(290), Limits(290)]
        await limits[0].turn("T1", POST, Lane.DUE)  # one pacer is there before the share is known
        sent.append(now())
        for each in limits:
            each.share(0.5)

        async def work(mine: Limits) -> None:
            for _ in range(300):
                await turn_at_last(mine, POST, Lane.DUE)
                sent.append(now())

        await asyncio.gather(*(work(each) for each in limits))

    played(play)
    assert most_within(sorted(sent), MINUTE) <= FAKE_LIMIT
    assert sorted(sent)[-1] < 600 / (290 / MINUTE) * 1.03


def test_alone_again_it_takes_all() -> None:
    async def play() -> None:
        pacer = Pacer(10.0, burst=1)
        pacer.share(0.5)
        await pacer.turn(0)
        pacer.share(1.0)
        before = now()
        for _ in range(10):
            await pacer.turn(0)
        assert now() - before == pytest.approx(1.1, abs=0.01)  # the first had taken its double step

    played(play)

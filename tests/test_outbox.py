"""The outbox: said once, kept through crashes and outages, one bad row never in the way of another."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from bot.chat import Message
from bot.cog import State, Verb
from bot.errors import ChatError, Misconfigured, TryLater, Undeliverable
from bot.people import Defaults
from bot.rows import Lane
from bot.sender import RETRY_MOST, Pace
from bot.storage.schema import FOREVER, outbox
from bot.ui import Card
from tests.outboxkit import HERE, NET, Box, Killed, edit, note, post, until, until_states, user
from tests.world import MONDAY

pytestmark = pytest.mark.usefixtures("database")  # on both

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Trouble = Callable[[str, str], None]
KINDS = ("t.note", "t.asked", "t.note", "t.note", "t.asked", "t.note", "t.note")  # one a day


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = await Box.make(tmp_path)
    yield made
    await made.close()


def failing(error: BaseException, *, call: str = "dm", moment: str = "before", times: int = 10**9) -> Trouble:
    """Trouble that raises so many times."""
    left = [times]

    def trouble(called: str, when: str) -> None:
        if (called, when) == (call, moment) and left[0]:
            left[0] -= 1
            raise error

    return trouble


def texts(box: Box, id: str = "ada") -> list[str]:
    return [sent.card.plain for sent in box.said_to(id)]


# -- once -----------------------------------------------------------------------------------------


async def test_the_same_key_planned_twice_happens_once(box: Box) -> None:
    await box.plan(note("hello"), note("hello"))
    await box.plan(note("hello", MONDAY + DAY))
    await box.sender.drain()
    await box.plan(note("hello"))
    await box.advance(days=3)
    assert texts(box) == ["hello"]
    assert len(box.noted.calls) == 1, "the platform was not even asked"
    assert list(await box.states()) == ["hello"]


async def test_a_claim_takes_a_lease_and_nobody_else_gets_the_row(box: Box) -> None:
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    row = (await box.rows())["hello"]
    assert row.ready_at == MONDAY + timedelta(seconds=60)
    assert row.lease and row.lease == unit.lead.lease
    assert not unit.again
    assert await box.sender._claims.claim() == []


async def test_a_lease_that_ran_out_is_claimed_again_under_the_same_key(box: Box) -> None:
    await box.plan(note("hello"))
    (first,) = await box.sender._claims.claim()
    await box.restart()
    await box.advance(seconds=59)
    assert box.noted.calls == []
    await box.advance(seconds=2)
    (call,) = box.noted.calls
    assert call.again and call.key == first.lead.key
    assert (await box.states()) == {"hello": State.SENT}


@pytest.mark.parametrize("verb", ["dm", "post"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_around_the_send_it_is_there_once(box: Box, verb: str, moment: str) -> None:
    await box.plan(note("hello") if verb == "dm" else post("hello"))
    box.chat.trouble = failing(Killed(), call=verb, moment=moment, times=1)
    with pytest.raises(Killed):
        await box.sender.drain()
    await box.restart()
    await box.advance(minutes=2)
    (sent,) = box.chat.sent.values()
    assert sent.card.plain == "hello"
    assert sent.tries == (2 if moment == "after" else 1)
    assert (await box.states()) == {"hello": State.SENT}
    await box.advance(days=2)
    assert [call.again for call in box.noted.calls] == [False, True]


async def test_killed_between_the_send_and_the_mark_it_is_there_once(box: Box) -> None:
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    assert (await box.sender._deliver(unit)).state is State.SENT
    await box.restart()
    await box.advance(minutes=2)
    assert [(sent.card.plain, sent.tries) for sent in box.said_to("ada")] == [("hello", 2)]


async def test_killed_after_the_mark_it_is_not_tried_again(box: Box) -> None:
    await box.plan(note("hello"))
    await box.sender.drain()
    await box.restart()
    await box.advance(days=2)
    assert [(sent.card.plain, sent.tries) for sent in box.said_to("ada")] == [("hello", 1)]


async def test_a_platform_that_remembers_no_keys_is_told_to_look_first(box: Box) -> None:
    box.chat.honours_keys = False
    await box.plan(note("hello"))
    box.chat.trouble = failing(TryLater("cut", unsure=True), moment="after", times=1)
    await box.advance(minutes=5)
    assert [call.again for call in box.noted.calls] == [False, True]


async def test_a_sure_failure_does_not_wipe_out_an_earlier_doubt(box: Box) -> None:
    """The first try may have worked; the second surely did not: the third must look all the same."""
    await box.plan(note("hello"))
    tries = iter([("after", TryLater("cut", unsure=True)), ("before", TryLater("rate limited"))])
    current = list[tuple[str, TryLater]]()

    def trouble(call: str, moment: str) -> None:
        if moment == "before":
            current[:] = [each] if (each := next(tries, None)) else []
        if current and current[0][0] == moment:
            raise current[0][1]

    box.chat.trouble = trouble
    await box.advance(minutes=5)
    assert [call.again for call in box.noted.calls] == [False, True, True]
    (sent,) = box.said_to("ada")
    assert sent.tries == 2


async def test_what_surely_failed_is_not_looked_for(box: Box) -> None:
    await box.plan(note("hello"))
    box.chat.trouble = failing(TryLater("rate limited"), times=2)
    await box.advance(minutes=5)
    assert [call.again for call in box.noted.calls] == [False, False, False]


# -- several in one message -----------------------------------------------------------------------


async def test_what_falls_due_later_that_day_comes_in_the_same_message(box: Box) -> None:
    await box.plan(note("now"), note("tonight", MONDAY + 5 * HOUR), note("tomorrow", MONDAY + DAY))
    await box.sender.drain()
    assert "now" in texts(box)[0] and "tonight" in texts(box)[0] and "tomorrow" not in texts(box)[0]
    assert (await box.states()) == {
        "now": State.SENT,
        "tonight": State.FOLDED,
        "tomorrow": State.READY,
    }
    await box.advance(days=3)
    assert len(texts(box)) == 2


async def test_what_has_no_line_in_a_list_is_never_folded_away(box: Box) -> None:
    bare = (note("bare", kind="t.bare"), note("bare later", MONDAY + HOUR, kind="t.bare"))
    await box.plan(note("now"), *bare, note("tonight", MONDAY + HOUR))
    await box.advance(days=2)
    assert [text.split("\n")[0] for text in texts(box)] == ["bare", "bare later", "tonight"]
    assert "now" in texts(box)[0], "what is due with it comes along"
    assert "tonight" not in texts(box)[0], "what is not due yet has its own day"


async def test_two_messages_a_day_are_two_until_the_second_takes_the_rest(box: Box) -> None:
    await box.settings(user(), per_day=2)
    await box.plan(*(note(f"at +{hour}", MONDAY + hour * HOUR) for hour in (0, 3, 6)))
    await box.advance(hours=7)
    first, second = texts(box)
    assert first == "at +0"
    assert "at +3" in second and "at +6" in second


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_folded_rows_stay_with_their_lead_on_a_repeat_after_a_crash(box: Box, moment: str) -> None:
    await box.plan(note("lead"), note("beside", MONDAY), note("later", MONDAY + 5 * HOUR))
    box.chat.trouble = failing(Killed(), moment=moment, times=1)
    with pytest.raises(Killed):
        await box.sender.drain()
    await box.restart()
    await box.advance(days=2)
    (sent,) = box.said_to("ada")
    assert all(text in sent.card.plain for text in ("lead", "beside", "later"))
    rows = await box.rows()
    assert rows["lead"].state is State.SENT
    assert rows["beside"].state is rows["later"].state is State.FOLDED
    assert rows["beside"].lead == rows["later"].lead == rows["lead"].id


async def test_what_falls_due_after_a_crash_is_not_put_into_what_was_said_before_it(box: Box) -> None:
    """However long the bot was away: the platform may know the key for ever, as Slack's messages do."""
    await box.plan(note("before"), note("since", MONDAY + timedelta(minutes=5)))
    box.chat.trouble = failing(Killed(), moment="after", times=1)
    await box.settings(user(), per_day=2)
    with pytest.raises(Killed):
        await box.sender.drain()
    await box.restart()
    await box.clock.advance(timedelta(minutes=30))
    await box.advance(days=2)
    assert [text for text in texts(box) if "since" in text], "it was never said"
    assert (await box.states()) == {"before": State.SENT, "since": State.SENT}


# -- what comes first -----------------------------------------------------------------------------


async def order(box: Box) -> list[str]:
    """The texts of the rows in the order in which the platform was asked for them."""
    known = {row.key: text for text, row in (await box.rows()).items()}
    return [known[call.key] for call in box.noted.calls]


async def test_what_somebody_waits_for_is_said_before_a_morning_s_many(tmp_path: Path) -> None:
    """Ada shares a no at one minute past nine; ten people's nudges for nine are still to be said."""
    box = await Box.make(tmp_path, pace=Pace(batch=2, senders=1))
    await box.plan(*(note(f"nudge {n}", MONDAY + HOUR, to=f"u{n}") for n in range(10)))
    await box.clock.advance(HOUR + timedelta(minutes=1))
    now = box.clock.now()
    await box.plan(post("a no", now), note("an answer", now, to="bob"))
    await box.sender.drain()
    assert sorted((await order(box))[:2]) == ["a no", "an answer"]
    assert len(await order(box)) == 12
    await box.close()


async def test_it_passes_what_is_in_hand_already(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, pace=Pace(batch=8, senders=1))
    await box.plan(*(note(f"nudge {n}", MONDAY + HOUR, to=f"u{n}") for n in range(2)))
    await box.clock.advance(HOUR + timedelta(minutes=1))
    gate = asyncio.Event()
    box.noted.gates.append(gate)  # the first call takes its time
    running = asyncio.create_task(box.sender.run())
    await until(lambda: bool(box.noted.calls))
    await box.plan(post("a no", box.clock.now()))

    async def claimed() -> bool:
        return (await box.rows())["a no"].lease is not None

    await until(claimed)
    gate.set()
    await until(lambda: len(box.noted.calls) == 3)
    assert await order(box) == ["nudge 0", "a no", "nudge 1"]
    running.cancel()
    await asyncio.wait([running])
    await box.close()


async def test_it_is_claimed_where_slow_calls_leave_no_room_for_more(tmp_path: Path) -> None:
    """As much is in hand as may be, and the platform answers nobody: one answer, and it is its turn."""
    box = await Box.make(tmp_path, pace=Pace(batch=4, senders=2))
    await box.plan(*(note(f"nudge {n}", MONDAY + HOUR, to=f"u{n}") for n in range(20)))
    await box.clock.advance(HOUR + timedelta(minutes=1))
    gates = [asyncio.Event() for _ in range(4)]
    box.noted.gates = list(gates)
    running = asyncio.create_task(box.sender.run())

    async def claimed(many: int) -> bool:
        return sum(lease is not None for lease in await box.column("lease")) == many

    await until(lambda: claimed(4))
    for number in range(2):
        await box.plan(post(f"a no {number}", box.clock.now()))
        await until(partial(claimed, 5))
        gates[number].set()
        await until(lambda made=3 + number: len(box.noted.calls) == made)
        assert (await order(box))[-1] == f"a no {number}"
        await until(partial(claimed, 4))
    for gate in gates[2:]:
        gate.set()
    running.cancel()
    await asyncio.wait([running])
    await box.close()


async def test_what_is_in_doubt_after_a_crash_is_repeated_before_all_that_waits(tmp_path: Path) -> None:
    """A platform remembers a key for minutes, and a morning's many may take longer than that."""
    box = await Box.make(tmp_path, pace=Pace(batch=4, senders=1))
    await box.plan(*(note(f"nudge {n}", MONDAY + HOUR, to=f"u{n}") for n in range(20)))
    await box.clock.advance(HOUR)
    box.chat.trouble = failing(Killed(), moment="after", times=1)
    with pytest.raises(Killed):
        await box.sender.drain()
    await box.restart()
    await box.clock.advance(timedelta(seconds=Pace().lease))
    box.noted.calls.clear()
    await box.sender.drain()
    assert [call.again for call in box.noted.calls] == [True] * 4 + [False] * 16
    assert sorted(await order(box)) == sorted(f"nudge {n}" for n in range(20))
    await box.close()


async def test_what_was_only_put_off_stands_in_line_like_the_others(box: Box) -> None:
    """Quiet hours, a platform that surely did not get it: no reason to be said before anybody."""
    night = MONDAY + timedelta(hours=13)
    await box.plan(note("quiet", night), note("sure", MONDAY + HOUR, to="bob"))
    await box.plan(note("unsure", MONDAY + HOUR, to="cem"))
    await box.clock.advance(HOUR)
    errors = iter([TryLater("away"), TryLater("who knows", unsure=True)])

    def trouble(call: str, when: str) -> None:
        if when == "before" and (error := next(errors, None)):
            raise error

    box.chat.trouble = trouble
    await box.sender.drain()
    rows = await box.rows()
    assert [rows[text].lane for text in ("quiet", "sure", "unsure")] == [2, 2, 1]
    box.chat.trouble = failing(TryLater("away"))
    await box.clock.advance_to(night)
    await box.sender.drain()
    rows = await box.rows()
    assert rows["quiet"].ready_at > night, "it was moved to the morning"
    assert rows["quiet"].lane == Lane.PLANNED


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("first", [0, 1, 2])
async def test_a_family_is_repeated_together_though_the_batch_ends_inside_it(
    tmp_path: Path, batch: int, first: int
) -> None:
    """Whichever of them has the lowest id, and so is claimed first."""
    box = await Box.make(tmp_path, pace=Pace(batch=batch))
    family = [note("lead"), note("later", MONDAY + HOUR), note("later still", MONDAY + 2 * HOUR)]
    await box.plan(*family[first:], *family[:first])
    box.chat.trouble = failing(Killed(), moment="after", times=1)
    with pytest.raises(Killed):
        await box.sender.drain()
    await box.restart()
    await box.advance(days=2)
    (sent,) = box.said_to("ada")
    assert sent.tries == 2
    assert all(text in sent.card.plain for text in ("lead", "later", "later still"))
    assert sorted((await box.states()).values()) == [State.FOLDED, State.FOLDED, State.SENT]
    await box.close()


async def test_what_is_due_but_beyond_the_batch_is_folded_too(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, pace=Pace(batch=1))
    await box.plan(note("one"), note("two"), note("three"))
    await box.advance(minutes=1)
    (said,) = texts(box)
    assert all(text in said for text in ("one", "two", "three"))
    await box.close()


async def test_after_a_sure_failure_they_still_go_together(box: Box) -> None:
    await box.plan(note("one"), note("two"))
    box.chat.trouble = failing(TryLater("rate limited"), times=1)
    await box.advance(minutes=5)
    (said,) = texts(box)
    assert "one" in said and "two" in said
    assert (await box.states()) == {"one": State.SENT, "two": State.FOLDED}


@pytest.mark.parametrize("way", ["silent", "broken"])
async def test_a_lead_with_nothing_to_say_does_not_take_the_others_with_it(box: Box, way: str) -> None:
    getattr(box.script, way).add("lead")
    await box.plan(note("lead"), note("two"), note("tonight", MONDAY + HOUR))
    await box.advance(hours=2)
    (said,) = texts(box)
    assert "two" in said and "tonight" in said
    states = await box.states()
    assert states["lead"] is (State.DROPPED if way == "silent" else State.DEAD)
    assert not any(call.again for call in box.noted.calls)


async def test_what_was_never_sent_with_its_lead_is_in_no_doubt(box: Box) -> None:
    box.script.silent.add("lead")
    await box.plan(note("lead"), note("two"))
    (unit,) = await box.sender._claims.claim()
    await box.clock.advance(timedelta(seconds=1))
    await box.sender._mark([await box.sender._deliver(unit)])
    await box.sender.drain()
    assert [call.again for call in box.noted.calls] == [False]
    assert (await box.states()) == {"lead": State.DROPPED, "two": State.SENT}


async def test_two_messages_in_doubt_each_keep_their_own(box: Box) -> None:
    """Two asked ones went to Ada and both answers were lost: each is repeated as it was."""
    await box.plan(note("a", kind="t.asked"))
    (first,) = await box.sender._claims.claim()
    await box.plan(note("b", kind="t.asked"), note("under b", MONDAY + HOUR))
    (second,) = await box.sender._claims.claim()
    for unit in (first, second):
        assert (await box.sender._deliver(unit)).state is State.SENT
    await box.restart()
    await box.advance(days=1)
    assert [sent.tries for sent in box.said_to("ada")] == [2, 2]
    assert (await box.states()) == {"a": State.SENT, "b": State.SENT, "under b": State.FOLDED}


async def test_one_that_outlives_its_lead_goes_by_itself_and_fills_the_day(box: Box) -> None:
    await box.plan(note("lead", late=timedelta(minutes=10)), note("beside"))
    box.chat.trouble = failing(TryLater("outage", after=1200, unsure=True), times=1)
    await box.advance(hours=1)
    rows = await box.rows()
    assert (rows["lead"].state, rows["beside"].state) == (State.DROPPED, State.SENT)
    assert rows["beside"].lead is None
    await box.plan(note("evening", MONDAY + 2 * HOUR))
    await box.advance(hours=5)
    assert texts(box) == ["beside"]


@pytest.mark.parametrize("way", ["skipped", "snoozed", "forgotten"])
async def test_what_a_person_does_to_a_folded_row_under_way_is_kept(box: Box, way: str) -> None:
    await box.plan(note("lead"), note("tonight", MONDAY + HOUR))
    (unit,) = await box.sender._claims.claim()
    outcome = await box.sender._deliver(unit)
    row = (await box.rows())["tonight"]
    async with box.storage.write() as tx:
        match way:
            case "skipped":
                await box.app.kit.outbox.end(tx, [row.id], State.SKIPPED)
            case "snoozed":
                await box.app.kit.outbox.move(tx, {row.id: MONDAY + 3 * DAY})
            case _:
                await tx.execute(outbox.delete().where(outbox.c.id == row.id))
    await box.sender._mark([outcome])
    states = await box.states()
    assert states["lead"] is State.SENT
    expected = {"skipped": State.SKIPPED, "snoozed": State.READY, "forgotten": None}[way]
    assert states.get("tonight") is expected
    if way == "snoozed":
        await box.advance(days=4)
        assert texts(box)[-1] == "tonight"


# -- outages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("unsure", [False, True])
@pytest.mark.parametrize("length", [HOUR, DAY, 7 * DAY])
async def test_after_an_outage_each_person_gets_one_message_and_nothing_stale(
    box: Box, length: timedelta, unsure: bool
) -> None:
    people = ("ada",) if length > DAY else ("ada", "bob", "chi")
    for who in people:
        await box.plan(
            *(
                note(f"{who} {day}", MONDAY + day * DAY + HOUR, to=who, late=2 * DAY, kind=kind)
                for day, kind in enumerate(KINDS)
            )
        )
    box.chat.trouble = failing(TryLater("outage", unsure=unsure))
    back = MONDAY + HOUR + length + timedelta(minutes=30)
    await box.advance_to(back)
    assert not box.chat.sent
    box.chat.trouble = failing(TryLater("over"), times=0)
    await box.advance_to(back + timedelta(seconds=RETRY_MOST))
    states = await box.states()
    for who in people:
        (said,) = texts(box, who)
        for day in range(len(KINDS)):
            due = MONDAY + day * DAY + HOUR
            stale = due + 2 * DAY <= back
            waits = unsure and length == DAY and day == 1  # what may be there already takes nothing along
            assert (f"{who} {day}" in said) == (due <= back and not stale and not waits), (who, day, said)
            if stale:
                assert states[f"{who} {day}"] is State.DROPPED
    await box.advance_to(back + 9 * DAY)
    assert set((await box.states()).values()) <= {State.SENT, State.FOLDED, State.DROPPED}


@pytest.mark.parametrize("per_day", [1, 3])
@pytest.mark.parametrize("kinds", [("t.asked",), ("t.note", "t.asked", "plan.t")], ids=["asked", "mixed"])
@pytest.mark.parametrize("way", ["down", "sure", "unsure"])
@pytest.mark.parametrize("length", [HOUR, DAY, 7 * DAY])
async def test_however_many_a_day_may_be_after_an_outage_it_is_one(
    box: Box, length: timedelta, way: str, kinds: tuple[str, ...], per_day: int
) -> None:
    """Seven fell due meanwhile, and no batch holds them all."""
    box.pace = Pace(batch=2)
    await box.restart()
    await box.settings(user(), per_day=per_day)
    due = [MONDAY + n * (length / 8) for n in range(7)]
    await box.plan(*(note(f"n{n}", at, kind=kinds[n % len(kinds)]) for n, at in enumerate(due)))
    back = MONDAY + length
    if way == "down":
        await box.clock.advance_to(back)
    else:
        box.chat.trouble = failing(TryLater("outage", unsure=way == "unsure"))
        await box.advance_to(back)
        assert not box.chat.sent
        box.chat.trouble = failing(TryLater("over"), times=0)
    await box.advance_to(back + HOUR)
    assert len(texts(box)) == 1
    await box.advance_to(back + 3 * DAY)
    assert set((await box.states()).values()) <= {State.SENT, State.FOLDED}, "nothing is lost"
    days = [call.at.date() for call in box.noted.calls if call.at >= back]
    assert len(days) == len(set(days)) == len(texts(box)), "what could not come along came another day"


async def test_while_one_is_in_doubt_nothing_new_is_tried(box: Box) -> None:
    """Whoever gets it after all must not get a second one with it."""
    box.chat.trouble = failing(TryLater("no answer", after=600, unsure=True), times=1)
    await box.plan(note("first"))
    await box.sender.drain()
    await box.plan(note("reply", MONDAY + timedelta(minutes=2), kind="t.asked"))
    await box.plan(note("bare", MONDAY + timedelta(minutes=3), kind="t.bare"))
    await box.advance(minutes=9)
    assert len(box.noted.calls) == 1
    await box.advance(minutes=10)
    assert [call.again for call in box.noted.calls] == [False, True]
    assert texts(box) == ["first"]
    await box.advance(days=2)
    assert sorted((await box.states()).values()) == [State.FOLDED, State.SENT, State.SENT]


async def test_one_in_doubt_that_waits_for_another_day_holds_nobody_up(box: Box) -> None:
    """A row moved to tomorrow is no try that is just being repeated."""
    box.chat.trouble = failing(TryLater("no answer", unsure=True), times=1)
    await box.plan(note("doubtful"), note("answered", MONDAY + 3 * HOUR, kind="t.asked"))
    await box.sender.drain()
    async with box.storage.write() as tx:
        tomorrow = update(outbox).where(outbox.c.id == 1).values(ready_at=MONDAY + 23 * HOUR)
        await tx.execute(tomorrow)
    await box.advance(hours=4)
    assert texts(box) == ["answered"], "and what may be there already is not told again beneath it"
    await box.advance(days=2)
    assert texts(box) == ["answered", "doubtful"]


async def test_after_an_outage_answers_that_speak_for_themselves_come_one_a_day(tmp_path: Path) -> None:
    """What else is overdue goes along with the first, wherever the batch ends."""
    box = await Box.make(tmp_path, pace=Pace(batch=1))
    await box.plan(note("first"), note("answer", MONDAY + HOUR, kind="t.bare"))
    await box.plan(note("other", MONDAY + 2 * HOUR, kind="t.bare"), note("last", MONDAY + 3 * HOUR))
    await box.clock.advance(7 * DAY)
    await box.advance(hours=5)
    (said,) = texts(box)
    assert all(text in said for text in ("answer", "first", "last")) and "other" not in said
    await box.advance(days=1)
    assert texts(box)[1:] == ["other"]
    await box.close()


async def test_two_fresh_answers_each_speak_for_themselves_at_once(box: Box) -> None:
    await box.plan(note("one", kind="t.bare"), note("two", kind="t.bare"))
    await box.sender.drain()
    assert texts(box) == ["one", "two"]


async def test_two_answers_of_one_night_both_come_in_the_morning(tmp_path: Path) -> None:
    """Quiet hours are no outage."""
    night = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    box = await Box.make(tmp_path, now=night)
    await box.plan(note("one", night, kind="t.bare"), note("two", night + HOUR, kind="t.bare"))
    await box.advance(hours=10)
    assert texts(box) == ["one", "two"]
    await box.close()


# -- at the very time that somebody chose ---------------------------------------------------------


async def test_a_time_that_was_chosen_is_kept_though_the_day_had_its_message(box: Box) -> None:
    await box.plan(note("morning"), note("chosen", MONDAY + 3 * HOUR, asked=True))
    await box.advance(hours=2)
    assert texts(box) == ["morning"], "and it is not put into what comes before it"
    await box.advance_to(MONDAY + 3 * HOUR)
    assert texts(box) == ["morning", "chosen"]


async def test_what_falls_due_after_it_comes_along(box: Box) -> None:
    await box.plan(note("chosen", MONDAY + HOUR, asked=True), note("evening", MONDAY + 5 * HOUR))
    await box.advance(hours=9)
    (said,) = texts(box)
    assert "chosen" in said and "evening" in said


async def test_a_short_hiccup_costs_nobody_the_time_they_chose(box: Box) -> None:
    await box.plan(note("morning"), note("chosen", MONDAY + 3 * HOUR, asked=True))
    await box.advance(hours=2)
    await box.clock.advance(timedelta(hours=1, minutes=30))
    await box.sender.drain()
    assert texts(box) == ["morning", "chosen"]


async def test_night_break_and_expiry_hold_for_it_all_the_same(tmp_path: Path) -> None:
    night = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    box = await Box.make(tmp_path, now=night)
    await box.plan(note("chosen", night, asked=True), note("stale", night, asked=True, late=HOUR))
    await box.settings(user("bob"), paused_until=night + 2 * DAY)
    await box.plan(note("rest", night + 12 * HOUR, to="bob", asked=True))
    await box.advance(hours=10, minutes=29)
    assert not box.chat.sent
    await box.advance(days=1)
    assert texts(box) == ["chosen"] and not texts(box, "bob")
    await box.advance(days=2)
    assert texts(box, "bob") == ["rest"]
    assert (await box.states())["stale"] is State.DROPPED
    await box.close()


async def test_an_expired_row_that_waits_is_not_folded_into_another(box: Box) -> None:
    await box.plan(note("stale", MONDAY, late=timedelta(minutes=1)))
    box.chat.trouble = failing(TryLater("busy", after=1800), times=1)
    await box.advance(minutes=5)
    await box.plan(note("fresh", MONDAY + timedelta(minutes=6)))
    await box.advance(hours=2)
    assert texts(box) == ["fresh"]
    assert (await box.states()) == {"stale": State.DROPPED, "fresh": State.SENT}


async def test_how_long_the_platform_asks_to_wait_is_respected(box: Box) -> None:
    await box.plan(post("hello"))
    box.chat.trouble = failing(TryLater("rate limited", after=1234.0), call="post", times=1)
    await box.sender.drain()
    await box.advance(seconds=1233)
    assert len(box.noted.calls) == 1
    await box.advance(seconds=2)
    assert len(box.noted.calls) == 2


@pytest.mark.parametrize("after", [1e15, math.inf, math.nan, -5.0], ids=str)
async def test_a_wait_that_makes_no_sense_is_at_most_a_day(box: Box, after: float) -> None:
    await box.plan(note("hello"), note("other", to="bob"))
    box.chat.trouble = failing(TryLater("rate limited", after), times=1)
    await box.sender.drain()
    row = (await box.rows())["hello"]
    assert row.state is State.READY and MONDAY < row.ready_at <= MONDAY + DAY
    await box.advance(days=1)
    assert texts(box) == ["hello"] and texts(box, "bob") == ["other"]


async def test_a_reason_that_no_column_takes_harms_nobody(box: Box) -> None:
    await box.plan(note("hello"), note("other", to="bob"))
    box.chat.trouble = failing(TryLater("much\0\ud800" + 300 * "x"), times=1)
    await box.sender.drain()
    assert (await box.states()) == {"hello": State.READY, "other": State.SENT}
    assert (await box.rows())["hello"].error.startswith("muchxxx")


async def test_an_error_that_cannot_be_handled_is_its_own_rows(box: Box) -> None:
    error = TryLater("rate limited")
    error.after = "soon"  # type: ignore[assignment]
    await box.plan(note("hello"), note("other", to="bob"))
    box.chat.trouble = failing(error, times=1)
    await box.sender.drain()
    assert (await box.states()) == {"hello": State.READY, "other": State.SENT}
    assert (await box.rows())["hello"].error.startswith("fault: TypeError")
    await box.advance(days=1)
    assert texts(box) == ["hello"]


async def test_tries_come_ever_more_seldom_up_to_a_limit_and_not_in_step(box: Box) -> None:
    await box.plan(post("one"), post("two"))
    box.chat.trouble = failing(TryLater("outage"), call="post")
    await box.advance(hours=4)
    keys = list(dict.fromkeys(call.key for call in box.noted.calls))
    waits = {
        key: [b - a for a, b in pairwise(call.at for call in box.noted.calls if call.key == key)]
        for key in keys
    }
    for each in waits.values():
        seconds = [wait.total_seconds() for wait in each]
        for number, wait in enumerate(seconds):
            whole = min(RETRY_MOST, 2.0 * 2**number)
            assert whole / 2 <= wait <= whole + 0.001, (number, wait)
        assert len(seconds) > 12, "it goes on at its slowest"
    first, second = waits.values()
    assert all(a != b for a, b in zip(first[3:], second[3:], strict=False)), "each has its own jitter"


async def test_an_outage_is_no_fault_of_the_rows(box: Box) -> None:
    """However often it was tried, it is neither given up nor is anybody thought to be gone."""
    await box.plan(note("hello"))
    box.chat.trouble = failing(TryLater("outage"))
    await box.advance(hours=4)
    assert (await box.rows())["hello"].attempts > Pace().attempts
    assert (await box.states()) == {"hello": State.READY}
    async with box.storage.read() as connection:
        assert (await box.app.kit.people.load(connection, user().key)).unreachable == ""


async def test_a_hung_call_is_given_up_and_repeated(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, pace=Pace(lease=3.0))  # a call may take a third of it, in real time
    await box.plan(note("hello"), note("other", to="bob"))
    box.noted.gates = [asyncio.Event()]
    await asyncio.wait_for(box.sender.drain(), NET)
    assert texts(box) == [] and texts(box, "bob") == ["other"]
    assert (await box.column("error"))[0] == "timeout"
    await box.advance(minutes=1)
    assert texts(box) == ["hello"]
    assert [call.again for call in box.noted.calls] == [False, False, True]
    await box.close()


async def test_a_lease_too_short_for_the_send_is_given_back_unsent(box: Box) -> None:
    """It waited for its turn: sent now, it might still be under way when another claim takes it."""
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    await box.clock.advance(timedelta(seconds=45))
    outcome = await box.sender._deliver(unit)
    assert (outcome.state, box.noted.calls) == (State.READY, [])
    await box.sender._mark([outcome])
    await box.advance(seconds=1)
    assert [call.again for call in box.noted.calls] == [False]


# -- bad rows and bad luck ------------------------------------------------------------------------


async def test_a_row_whose_handler_always_fails_ends_dead_and_stops_nobody(box: Box) -> None:
    box.script.broken.add("poison")
    await box.plan(note("poison"), *(note(f"to {who}", to=who) for who in ("bob", "chi")))
    await box.sender.drain()
    assert texts(box, "bob") == ["to bob"] and texts(box, "chi") == ["to chi"]
    await box.advance(days=1)
    rows = await box.rows()
    assert rows["poison"].state is State.DEAD and rows["poison"].attempts == 8
    kept = (await box.column("error"))[0]
    assert kept.startswith("fault: LookupError outboxkit.py:"), "its kind and place are kept"
    assert "private" not in kept, "what somebody wrote is not"
    assert ("poison", State.DEAD) in box.script.ended
    await box.plan(note("after", MONDAY + DAY))
    await box.advance(days=1)
    assert texts(box) == ["after"]


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), asyncio.CancelledError(), TryLater("not yet"), Undeliverable("no"), OSError()],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_handler_raises_is_its_rows_own_fault(tmp_path: Path, error: BaseException) -> None:
    """Only a platform can be away; and refused for good by a handler, nobody would be unreachable."""
    box = await Box.make(tmp_path, pace=Pace(attempts=3))
    box.script.errors["poison"] = error
    await box.plan(note("poison"), note("other", to="bob"))
    await box.advance(days=1)
    row = (await box.rows())["poison"]
    assert (row.state, row.attempts) == (State.DEAD, 3)
    assert (await box.states())["other"] is State.SENT
    await box.close()


async def test_a_handler_that_hangs_is_at_fault_too(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, pace=Pace(lease=0.3, attempts=1))  # it may take a third, in real time
    box.script.hang = asyncio.Event()
    await box.plan(note("poison"))
    await asyncio.wait_for(box.sender.drain(), NET)
    row = (await box.rows())["poison"]
    assert (row.state, row.error.split()[:2]) == (State.DEAD, ["fault:", "TimeoutError"])
    await box.close()


@pytest.mark.parametrize("way", ["query", "error", "cancelled"])
async def test_a_row_that_cannot_be_loaded_fails_alone(box: Box, way: str) -> None:
    """On PostgreSQL nothing more can be asked in a transaction in which something failed."""
    if way == "query":
        box.script.bad_queries.add("poison")
    else:
        box.script.unloadable["poison"] = asyncio.CancelledError() if way == "cancelled" else TimeoutError()
    people = [f"p{n}" for n in range(6)]
    await box.plan(*(note(who, to=who, kind="t.loaded") for who in people[:3]))
    await box.plan(note("poison", kind="t.loaded"))
    await box.plan(*(note(who, to=who, kind="t.loaded") for who in people[3:]))
    with capture_logs() as logs:
        await box.sender.drain()
    assert (await box.states()) == dict.fromkeys(people, State.SENT) | {"poison": State.READY}
    assert "private" not in str(logs)
    await box.advance(days=1)
    assert (await box.states())["poison"] is State.DEAD


async def test_a_row_whose_label_fails_harms_no_message(box: Box) -> None:
    box.script.nameless.add("poison")
    await box.plan(note("lead"), note("poison", kind="t.asked"), note("fine", kind="t.asked"))
    await box.plan(note("next", MONDAY + DAY), note("tomorrow's poison", MONDAY + DAY))
    with capture_logs() as logs:
        await box.sender.drain()
    (said,) = texts(box)
    assert said.startswith("lead") and "fine" in said and "poison" not in said
    assert set((await box.states()).values()) == {State.SENT, State.FOLDED, State.READY}
    box.script.nameless.add("tomorrow's poison")
    card = await box.person("ada").gets("/nudges")
    assert "next" in card.plain and "poison" not in card.plain
    assert any(each["event"] == "no label" for each in logs)
    assert "private" not in str(logs)


@pytest.mark.parametrize(("length", "listed"), [(1990, 0), (1750, 2)])
async def test_a_message_that_is_nearly_full_lists_what_still_fits(
    box: Box, length: int, listed: int
) -> None:
    others = [note(f"{n} " + 70 * "y", MONDAY + HOUR, kind="t.asked") for n in range(5)]
    await box.plan(note(length * "x"), *others, note(76 * "z", MONDAY + HOUR, kind="t.asked"))
    await box.sender.drain()
    (said,) = box.said_to("ada")
    assert said.card.plain.count(70 * "y") == len(said.card.buttons) == listed
    assert "z" not in said.card.plain and State.DEAD not in (await box.states()).values()


async def test_a_failure_the_platform_has_no_name_for_is_bounded_too(box: Box) -> None:
    await box.plan(note("hello"))
    box.chat.trouble = failing(ChatError("teapot"))
    await box.advance(days=1)
    assert (await box.states()) == {"hello": State.DEAD}
    assert await box.column("error") == ["fault: teapot"]
    assert len(box.noted.calls) == 8


async def test_rows_of_different_people_in_one_batch_are_independent(box: Box) -> None:
    """Refused, broken, silent, late, delayed and fine, all at once."""
    box.chat.closed.add("closed")
    box.script.broken.add("to broken")
    box.script.silent.add("to silent")
    who = ("closed", "broken", "silent", "fine")
    await box.plan(*(note(f"to {each}", to=each) for each in who))
    await box.plan(note("to late", MONDAY - DAY, to="late", late=HOUR))
    await box.sender.drain()
    assert (await box.states()) == {
        "to closed": State.UNDELIVERED,
        "to broken": State.READY,
        "to silent": State.DROPPED,
        "to fine": State.SENT,
        "to late": State.DROPPED,
    }
    assert list(box.chat.sent) == ["1"] and texts(box, "fine") == ["to fine"]


async def test_what_follows_an_end_may_fail_without_a_repeat(box: Box) -> None:
    box.script.bad_ends.add("poison")
    await box.plan(note("poison"), note("other", to="bob"))
    await box.sender.drain()
    await box.advance(days=1)
    assert (await box.states()) == {"poison": State.SENT, "other": State.SENT}
    assert len(box.noted.calls) == 2
    assert box.script.ended == [("other", State.SENT)]
    assert await box.halves() == []


async def test_what_follows_a_late_end_may_fail_without_stopping_all_claims(box: Box) -> None:
    box.script.bad_ends.add("poison")
    await box.plan(note("poison", MONDAY - DAY, late=HOUR), note("other", to="bob"))
    await box.sender.drain()
    assert (await box.states()) == {"poison": State.DROPPED, "other": State.SENT}
    assert await box.halves() == []


async def test_a_row_that_cannot_be_read_waits_for_its_key_and_stops_nobody(box: Box) -> None:
    """An old key file was restored: what a lost key sealed cannot be opened until that is mended."""
    await box.plan(note("sealed"), note("tonight", MONDAY + HOUR), note("other", to="bob"))
    rows = await box.rows()
    async with box.storage.write() as tx:
        saved = (await tx.execute(outbox.select().order_by(outbox.c.id))).mappings().all()
        for text in ("sealed", "tonight"):
            await tx.execute(update(outbox).where(outbox.c.id == rows[text].id).values(args=b"\1nonsense"))
    await box.advance(hours=2)
    assert texts(box, "bob") == ["other"] and texts(box) == []
    async with box.storage.write() as tx:
        for row in saved[:2]:
            await tx.execute(update(outbox).where(outbox.c.id == row["id"]).values(args=row["args"]))
    await box.advance(days=1)
    said = "\n".join(texts(box))
    assert "sealed" in said and "tonight" in said


@pytest.mark.parametrize("state", [State.READY, State.UNDELIVERED])
async def test_a_row_that_cannot_be_read_keeps_nobody_from_anything(box: Box, state: State) -> None:
    """Ada looks at what is planned and takes a break, as if it were not there."""
    later = MONDAY + 3 * HOUR
    await box.plan(note("sealed", later, kind="plan.t"), note("open", later, kind="plan.t"))
    rows = await box.rows()
    async with box.storage.write() as tx:
        sealed = outbox.c.id == rows["sealed"].id
        await tx.execute(update(outbox).where(sealed).values(args=b"\1nonsense", state=state))
    ada = box.person("ada")
    with capture_logs() as logs:
        listed = await ada.gets("/nudges")
        assert "open" in listed.plain and "sealed" not in listed.plain
        await ada.gets("/break 3 days")
        button = next(each for each in listed.buttons if each.id == "nudges.open")
        gone = await ada.pushes(replace(button, arg=f"{rows['sealed'].id}.0"))
        assert isinstance(gone, Card) and "settled" in gone.plain, gone
    async with box.storage.read() as connection:
        moved = await box.app.kit.outbox.coming(connection, user())
    assert [(row.args["text"], row.due_at) for row in moved] == [("open", later + 3 * DAY)]
    told = [each for each in logs if each["event"] == "a row cannot be read"]
    assert told and {each["row"] for each in told} == {rows["sealed"].id}


async def test_drained_means_that_nothing_due_is_left(tmp_path: Path) -> None:
    """A claim may send nothing (all late, all moved) and yet others are due."""
    box = await Box.make(tmp_path, pace=Pace(batch=4))
    await box.plan(*(note(f"late {n}", MONDAY - DAY, to=f"p{n}", late=HOUR) for n in range(8)))
    await box.plan(note("fine"))
    assert await box.sender.drain() == 1
    assert texts(box) == ["fine"]
    await box.close()


# -- refused for good -----------------------------------------------------------------------------


async def test_refused_for_good_it_ends_at_once_and_the_person_is_parked(box: Box) -> None:
    box.chat.closed.add("ada")
    await box.plan(note("one"), note("two", MONDAY + DAY), note("three", MONDAY + 2 * DAY))
    await box.advance(days=3)
    assert set((await box.states()).values()) == {State.UNDELIVERED}
    assert len(box.noted.calls) == 1, "the platform is not asked again and again"
    async with box.storage.read() as connection:
        person = await box.app.kit.people.load(connection, user().key)
    assert person.unreachable == "direct messages are closed"


async def test_it_is_shown_at_the_next_command_and_messages_go_out_again(box: Box) -> None:
    box.chat.closed.add("ada")
    await box.plan(note("one"), note("two", MONDAY + HOUR))
    await box.advance(hours=3)
    box.chat.closed.clear()
    ada = box.person("ada")
    card = await ada.gets("/nudges")
    assert "couldn't send you" in card.plain
    missed = await ada.presses(card, "nudges.missed")
    assert isinstance(missed, Card)
    assert [button.label for button in missed.buttons] == ["one", "two"]
    assert set((await box.states()).values()) == {State.SHOWN}
    await box.plan(note("three", MONDAY + DAY))
    await box.advance(days=1)
    assert texts(box) == ["three"]


async def test_what_was_folded_into_a_refused_message_is_shown_too(box: Box) -> None:
    box.chat.closed.add("ada")
    await box.plan(note("one"), note("two", MONDAY + HOUR))
    await box.sender.drain()
    assert (await box.states()) == {"one": State.UNDELIVERED, "two": State.UNDELIVERED}
    assert sorted(box.script.ended) == [("one", State.UNDELIVERED), ("two", State.UNDELIVERED)]


async def test_misconfigured_waits_for_an_organiser(box: Box) -> None:
    await box.plan(post("hello"))
    box.chat.trouble = failing(Misconfigured("missing permission"), call="post")
    await box.advance(hours=10)
    assert (await box.states()) == {"hello": State.READY}
    assert len(box.noted.calls) <= 10 * 4 + 1, "four times an hour at most"
    box.chat.trouble = failing(Misconfigured("over"), times=0)
    await box.advance(minutes=15)
    assert [sent.card.plain for sent in box.chat.within("general")] == ["hello"]


async def test_a_row_whose_platform_is_not_running_waits_for_it(box: Box) -> None:
    elsewhere = replace(HERE, platform="discord")
    await box.plan(post("hello", place=elsewhere), post("here"))
    await box.advance(hours=3)
    assert (await box.states()) == {"hello": State.READY, "here": State.SENT}
    box.sender._delivery.chats["discord"] = box.chat
    await box.advance(minutes=15)
    assert (await box.states())["hello"] is State.SENT


async def test_a_post_that_came_too_late_is_dropped_and_its_feature_told(box: Box) -> None:
    late = post("hello")._replace(expires_at=MONDAY + HOUR)
    await box.plan(late)
    box.chat.trouble = failing(TryLater("outage", after=7200), call="post", times=1)
    await box.advance(days=1)
    assert not box.chat.sent
    assert box.script.ended == [("hello", State.DROPPED)]


# -- edits and deletes ----------------------------------------------------------------------------


async def posted(box: Box) -> Message:
    await box.plan(post("to be edited"))
    await box.sender.drain()
    (sent,) = box.chat.within("general")
    return sent.message


async def refresh(box: Box, message: Message) -> None:
    """Somebody changes what the message shows."""
    box.script.number += 1
    async with box.storage.write() as tx:
        await box.app.kit.outbox.refresh(tx, edit(message, box.clock.now()))


async def test_many_changes_make_one_edit(box: Box) -> None:
    message = await posted(box)
    for _ in range(5):
        await refresh(box, message)
    await box.sender.drain()
    assert [call.verb for call in box.noted.calls] == ["post", "edit"]
    assert box.chat.sent[message.id].card.plain == "number 5"
    await refresh(box, message)
    await box.sender.drain()
    assert box.chat.sent[message.id].card.plain == "number 6"


async def test_a_change_that_commits_while_the_edit_is_under_way_is_not_lost(box: Box) -> None:
    message = await posted(box)
    await refresh(box, message)
    (unit,) = await box.sender._claims.claim()
    outcome = await box.sender._deliver(unit)  # shows number 1
    await refresh(box, message)
    await box.sender._mark([outcome])
    await box.sender.drain()
    assert box.chat.sent[message.id].card.plain == "number 2"


async def test_the_newest_change_is_shown_last_though_an_older_edit_was_slow(box: Box) -> None:
    """The first edit hangs; changes commit; whoever comes last must have read the last of them."""
    message = await posted(box)
    gate = asyncio.Event()
    box.noted.gates = [gate]
    running = asyncio.create_task(box.sender.run())
    await refresh(box, message)
    await until(lambda: box.noted.inside == 1)
    for _ in range(4):
        await refresh(box, message)
        await until(lambda: claimed(box))
    gate.set()
    await until(lambda: box.chat.sent[message.id].card.plain == "number 5")
    await until_states(box, State.SENT)
    await until(lambda: not box.sender._flying)
    assert box.chat.sent[message.id].card.plain == "number 5"
    assert [call.verb for call in box.noted.calls].count("edit") == 2, "what was overtaken is left out"
    running.cancel()
    await asyncio.wait([running])


async def test_a_message_that_is_gone_is_neither_edited_nor_deleted_again(box: Box) -> None:
    message = await posted(box)
    del box.chat.sent[message.id]
    await refresh(box, message)
    await box.plan(edit(message)._replace(key=("delete",), verb=Verb.DELETE))
    await box.advance(days=1)
    assert sorted(call.verb for call in box.noted.calls) == ["delete", "edit", "post"]
    assert State.READY not in await box.column("state")


async def test_a_delete_deletes(box: Box) -> None:
    message = await posted(box)
    await box.plan(edit(message)._replace(key=("delete",), verb=Verb.DELETE))
    await box.sender.drain()
    assert not box.chat.sent


async def claimed(box: Box) -> bool:
    """Whether the sender has the newest claim of each row in hand, which is a little after it is stored."""
    newest = box.sender._hand._newest
    leases = dict(zip(await box.column("id"), await box.column("lease"), strict=True))
    due = await box.sender.next_due() == box.clock.now()
    return not due and all(newest.get(id) == lease for id, lease in leases.items())


# -- gentle, through the whole of it --------------------------------------------------------------


@pytest.fixture
async def ignoring(tmp_path: Path) -> AsyncIterator[Box]:
    """Ada has not reacted to five messages; a sixth and a seventh are planned."""
    box = await Box.make(tmp_path, defaults=Defaults(ignored_limit=5))
    await box.settings(user(), ignored=0)
    await box.plan(*(note(f"day {day}", MONDAY + day * DAY) for day in range(7)))
    await box.advance_to(MONDAY + 4 * DAY + HOUR)
    assert len(texts(box)) == 5
    yield box
    await box.close()


def questions(box: Box) -> list[str]:
    return [text for text in texts(box) if "Would you like me to go on" in text]


async def test_after_five_ignored_comes_one_question_then_silence(ignoring: Box) -> None:
    await ignoring.advance(days=30)
    assert len(texts(ignoring)) == 6 and questions(ignoring) == [texts(ignoring)[-1]]
    await ignoring.restart()
    await ignoring.advance(days=30)
    assert len(texts(ignoring)) == 6
    rows = await ignoring.rows()
    assert rows["day 5"].ready_at == FOREVER and rows["day 5"].state is State.READY


async def test_the_question_comes_on_no_day_that_had_its_message(ignoring: Box) -> None:
    await ignoring.plan(note("again today", ignoring.clock.now() + HOUR))
    await ignoring.advance(hours=5)
    assert questions(ignoring) == []
    await ignoring.advance(days=1)
    assert len(questions(ignoring)) == 1


@pytest.mark.parametrize("unsure", [False, True])
async def test_the_question_is_asked_though_the_first_try_failed(ignoring: Box, unsure: bool) -> None:
    ignoring.chat.trouble = failing(TryLater("busy", unsure=unsure), times=3)
    await ignoring.advance(days=2)
    assert len(questions(ignoring)) == 1
    await ignoring.advance(days=9)
    assert len(texts(ignoring)) == 6


async def test_the_question_is_asked_though_the_process_died(ignoring: Box) -> None:
    ignoring.chat.trouble = failing(Killed(), times=1)
    with pytest.raises(Killed):
        await ignoring.advance(days=1)
    await ignoring.clock.advance(HOUR)
    await ignoring.restart()
    await ignoring.advance(days=1)
    assert len(questions(ignoring)) == 1


async def test_who_comes_back_before_the_question_got_through_is_not_asked(ignoring: Box) -> None:
    ignoring.chat.trouble = failing(TryLater("busy", after=7200), times=1)
    await ignoring.advance(days=1)
    ada = ignoring.person("ada")
    card = await ada.gets("/nudges")
    await ada.presses(card, "nudges.resume")
    await ignoring.advance(days=3)
    assert questions(ignoring) == []
    assert any("day 5" in text for text in texts(ignoring))


async def test_a_second_silence_is_asked_about_once_more(ignoring: Box) -> None:
    await ignoring.advance(days=3)
    question = ignoring.said_to("ada")[-1]
    await ignoring.person("ada").presses(question, "nudges.go_on")
    start = ignoring.clock.now()
    await ignoring.plan(*(note(f"more {day}", start + day * DAY) for day in range(1, 9)))
    await ignoring.advance(days=20)
    assert len(questions(ignoring)) == 2


async def test_done_is_no_licence_for_a_second_message_that_day(box: Box) -> None:
    ada = box.person("ada")
    await box.plan(note("morning"))
    await box.sender.drain()
    row = (await box.rows())["morning"]
    async with box.storage.write() as tx:
        await box.app.kit.outbox.end(tx, [row.id], State.DONE)
    await box.plan(note("evening", MONDAY + 2 * HOUR))
    await box.advance(hours=6)
    assert len(ada.dms) == 1
    await box.advance(days=1)
    assert len(ada.dms) == 2


async def test_what_was_let_go_unsaid_takes_nothing_from_the_day(box: Box) -> None:
    await box.plan(note("skipped", MONDAY + HOUR), note("evening", MONDAY + 2 * HOUR))
    row = (await box.rows())["skipped"]
    async with box.storage.write() as tx:
        await box.app.kit.outbox.end(tx, [row.id], State.SKIPPED)
    await box.advance(hours=3)
    assert texts(box) == ["evening"]


async def test_two_in_one_message_count_as_one(box: Box) -> None:
    await box.settings(user(), per_day=2)
    await box.plan(note("one"), note("two"), note("evening", MONDAY + 2 * HOUR))
    await box.sender.drain()
    row = (await box.rows())["two"]
    async with box.storage.write() as tx:
        await box.app.kit.outbox.end(tx, [row.id], State.DONE)
    await box.advance(hours=3)
    assert texts(box)[1:] == ["evening"]


async def test_done_the_day_after_takes_nothing_from_that_day(box: Box) -> None:
    await box.plan(note("monday"), note("tuesday", MONDAY + DAY + 2 * HOUR))
    await box.advance(days=1)
    row = (await box.rows())["monday"]
    async with box.storage.write() as tx:
        await box.app.kit.outbox.end(tx, [row.id], State.DONE)
    await box.advance(hours=3)
    assert texts(box) == ["monday", "tuesday"]


async def test_a_time_in_the_night_waits_for_the_morning(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, now=datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    await box.plan(note("hello", box.clock.now(), kind="t.asked"))
    await box.advance(hours=10, minutes=29)
    assert not texts(box)
    await box.advance(minutes=1)
    assert texts(box) == ["hello"]
    await box.close()


async def test_a_move_is_no_try(tmp_path: Path) -> None:
    """Weeks of quiet hours, breaks and full days cost a row none of its tries, and raise no doubt."""
    box = await Box.make(tmp_path, now=datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    await box.plan(note("hello", box.clock.now()))
    await box.sender.drain()
    row = (await box.rows())["hello"]
    assert (row.attempts, row.tried_at, row.lease) == (0, None, None)
    await box.close()


async def test_cancelled_while_under_way_it_is_not_tried_again(box: Box) -> None:
    await box.plan(note("hello", subject="plan 1"), note("other", MONDAY + DAY, subject="plan 1"))
    box.chat.trouble = failing(TryLater("busy"), times=1)
    await box.sender.drain()
    async with box.storage.write() as tx:
        assert await box.app.kit.outbox.cancel(tx, subject="plan 1", user=user()) == 2
    await box.advance(days=3)
    assert not box.chat.sent
    assert set((await box.states()).values()) == {State.CANCELLED}


async def test_a_person_refused_by_mistake_is_not_lost(box: Box) -> None:
    """Whoever does anything at all is worth one more try."""
    box.chat.trouble = failing(Undeliverable("closed"), times=1)
    await box.plan(note("one"))
    await box.sender.drain()
    assert (await box.states()) == {"one": State.UNDELIVERED}
    await box.person("ada").gets("/nudges")
    await box.plan(note("two", MONDAY + DAY))
    await box.advance(days=1)
    assert texts(box) == ["two"]

"""The sender as it runs: woken by commits, bounded, and not stopped by what fails around it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from structlog.testing import capture_logs

from bot import sender as sender_module
from bot.app import FAILED, _stopped
from bot.breaker import FIRST, MANY
from bot.chat import Kind, Message, User
from bot.cog import State
from bot.errors import TryLater
from bot.lasting import Ended
from bot.patience import in_line
from bot.sender import Outcome, Pace
from bot.storage.schema import communities
from bot.ui import Card
from tests.outboxkit import NET, Box, note, post, until, until_states
from tests.world import MONDAY

pytestmark = pytest.mark.usefixtures("database")  # on both

DAY = timedelta(days=1)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = await Box.make(tmp_path, pace=Pace(batch=6, senders=3))
    yield made
    await made.close()


@asynccontextmanager
async def running(box: Box) -> AsyncIterator[asyncio.Task[None]]:
    """The sender at work, and stopped in the end."""
    task = asyncio.create_task(box.sender.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=NET)
        assert task.cancelled()


@asynccontextmanager
async def failing(
    box: Box, engine: str, statement: str, times: int = 10**9, error: BaseException | None = None
) -> AsyncIterator[list[str]]:
    """The database refuses statements that begin so, as a full disk would; what it refused."""
    refused: list[str] = []
    target = getattr(box.storage, engine).sync_engine

    def refuse(_: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.startswith(statement) and len(refused) < times:
            refused.append(sql)
            raise error or sqlite3.OperationalError("database or disk is full")

    event.listen(target, "before_cursor_execute", refuse)
    try:
        yield refused
    finally:
        event.remove(target, "before_cursor_execute", refuse)


@pytest.mark.parametrize("ends", ["by our limit", "by the platform's own"])
async def test_a_platform_that_hangs_is_left_alone_until_it_answers_again(tmp_path: Path, ends: str) -> None:
    """Nobody's messages wait for twenty minutes behind calls that are never answered."""
    box = await Box.make(tmp_path, pace=Pace(lease=0.3, senders=1))  # a call may take a tenth of a second
    await box.plan(*(note(f"nudge {n}", to=f"u{n}") for n in range(20)))
    if ends == "by our limit":
        box.noted.gates += [asyncio.Event()] * (MANY + 1)  # never opened
    else:
        left = iter(range(MANY + 1))

        def trouble(_: str, when: str) -> None:
            if when == "before" and next(left, None) is not None:
                box.clock._now += timedelta(seconds=0.05)
                raise TryLater("connection lost", unsure=True)

        box.chat.trouble = trouble
    await box.sender.drain()
    assert len(box.noted.calls) == MANY, "the others were put off without a call"
    rows = (await box.rows()).values()
    assert sorted(row.attempts for row in rows) == [0] * (20 - MANY) + [1] * MANY, "waiting is no try"
    await box.clock.advance(timedelta(seconds=FIRST))
    await box.sender.drain()
    assert len(box.noted.calls) == MANY + 1, "one looked whether it answers again"
    await box.advance(minutes=5)
    assert sorted(sent.card.plain for sent in box.chat.sent.values()) == sorted(
        f"nudge {n}" for n in range(20)
    )
    assert len(box.noted.calls) == MANY + 1 + 20
    await box.close()


@asynccontextmanager
async def away(box: Box) -> AsyncIterator[None]:
    """The table is not to be found: whoever looks into it fails."""

    async def rename(old: str, new: str) -> None:
        async with box.storage.write() as tx:
            await tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await rename("outbox", "elsewhere")
    try:
        yield
    finally:
        await rename("elsewhere", "outbox")


async def tried(box: Box, ever: int) -> bool:
    """Whether so many rows were claimed so far."""
    return sum(tries > 0 for tries in await box.column("attempts")) == ever


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No real waiting after a failed claim."""
    monkeypatch.setattr(sender_module, "RETRY_FIRST", 0.01)


# -- waking ---------------------------------------------------------------------------------------


async def test_a_commit_wakes_it_and_the_clock_need_not_move(box: Box) -> None:
    async with running(box):
        for number in range(5):
            await box.plan(post(f"post {number}"))
            await until(lambda number=number: len(box.chat.sent) == number + 1)
    assert box.clock.now() == MONDAY


async def test_what_is_planned_for_later_wakes_it_at_its_time(box: Box) -> None:
    await box.plan(note("later", MONDAY + DAY), note("sooner", MONDAY + timedelta(hours=1), to="bob"))
    async with running(box):
        await until(lambda: bool(box.clock._sleepers))
        assert not box.chat.sent
        await box.clock.advance(timedelta(hours=1))
        await until(lambda: len(box.said_to("bob")) == 1)
        assert not box.said_to("ada")
        await until(lambda: any(not each[2].done() for each in box.clock._sleepers))
        await box.clock.advance(DAY)
        await until(lambda: len(box.said_to("ada")) == 1)


async def test_what_one_message_gives_rise_to_follows_at_once(box: Box) -> None:
    """The post of a no opens its thread: two messages, one after the other, no time between."""
    ada = box.person("ada")
    async with box.storage.write() as tx:
        await tx.execute(insert(communities).values(platform="memory", community="here", support="support"))
    form = await ada.opens("/rejected")
    async with running(box):
        assert box.chat.dispatch is not None
        values = {each.name: each.value for each in form.fields} | {"stage": "interview"}
        await box.chat.dispatch.handle(ada.event(Kind.SUBMIT, "rejections.share", values=values))
        await until(lambda: len(box.support) == 1 and len(box.thread(box.support[0])) == 1)


async def test_settled_waits_for_what_is_under_way(box: Box) -> None:
    gate = asyncio.Event()
    box.noted.gates = [gate]
    async with running(box):
        await box.plan(note("hello"))
        await until(lambda: box.noted.inside == 1)
        settled = asyncio.create_task(box.sender.settled())
        await until(lambda: True)
        assert not settled.done()
        gate.set()
        await asyncio.wait_for(settled, NET)
        assert (await box.states()) == {"hello": State.SENT}


# -- bounds ---------------------------------------------------------------------------------------


async def test_it_keeps_a_batch_in_hand_and_sends_a_few_side_by_side(box: Box) -> None:
    gates = [asyncio.Event() for _ in range(20)]
    box.noted.gates = list(gates)
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(20)))
    async with running(box):
        await until(lambda: box.noted.inside == 3)
        await until(lambda: tried(box, 6))
        for gate in gates[:2]:
            gate.set()
        await until(lambda: len(box.noted.calls) == 5)
        assert await tried(box, 6), "half a batch is claimed at once"
        gates[2].set()
        await until(lambda: len(box.noted.calls) == 6)
        await until(lambda: tried(box, 9))
        for gate in gates:
            gate.set()
        await until_states(box, *[State.SENT] * 20)
    assert box.noted.most_inside == 3
    assert len(box.noted.calls) == 20


async def test_one_that_hangs_holds_up_nobody_else(box: Box) -> None:
    gate = asyncio.Event()
    box.noted.gates = [gate]
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(12)))
    async with running(box):
        await until(lambda: len(box.chat.sent) == 11)
        gate.set()
        await until_states(box, *[State.SENT] * 12)


async def test_sends_that_are_cancelled_from_within_make_room_again(box: Box) -> None:
    """Some library cancels its own task: that one row waits for its lease, and the sender goes on."""
    left = [8]

    def trouble(call: str, moment: str) -> None:
        if moment == "before" and left[0]:
            left[0] -= 1
            raise asyncio.CancelledError

    box.chat.trouble = trouble
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(10)))
    async with running(box):
        await until(lambda: len(box.chat.sent) == 2)
        await until_states(box, *[State.READY] * 8, *[State.SENT] * 2)
        await box.clock.advance(timedelta(seconds=61))
        await until_states(box, *[State.SENT] * 10)


async def test_what_a_feature_cancels_within_itself_stops_nobody(box: Box) -> None:
    """Rendering, loading, and what follows an end, each in one row: the others do not notice."""
    box.script.errors["render"] = box.script.unloadable["load"] = asyncio.CancelledError()
    box.script.stray_ends.add("end")
    await box.plan(note("load", to="p1", kind="t.loaded"), note("render", to="p2"), note("end", to="p3"))
    await box.plan(*(note(f"n{n}", to=f"q{n}", kind="t.loaded") for n in range(10)))
    async with running(box) as task:
        await until_states(box, *[State.READY] * 2, *[State.SENT] * 11)
        assert not task.done()
        await box.plan(note("after", to="ada"))
        await until_states(box, *[State.READY] * 2, *[State.SENT] * 12)
        rows = await box.rows()
    assert {rows[each].error.split()[1] for each in ("load", "render")} == {"CancelledWithin"}
    assert "end" not in {text for text, _ in box.script.ended}


PARTS = ("Sender._mark_forever", "Sender._renew_forever", "Sender._send_forever", "Stranded.watch")


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_ends_by_itself_ends_the_whole_and_says_so(box: Box, part: str) -> None:
    """Without one of them nothing would be marked, or kept, and nobody would know."""
    await box.plan(note("hello"))
    task = asyncio.create_task(box.sender.run())
    await until_states(box, State.SENT)
    with capture_logs() as logs:
        next(each for each in asyncio.all_tasks() if each.get_name() == part).cancel()
        await asyncio.wait([task], timeout=NET)
    assert task.done() and isinstance(task.exception(), ExceptionGroup)
    (said,) = [each for each in logs if each["log_level"] == "critical"]
    assert (said["event"], said["part"]) == ("a part ended by itself", part)


async def test_the_bot_ends_with_an_error_unless_it_was_told_to_stop() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def half() -> None:
        raise ExceptionGroup("group", [Ended("_mark_forever")])

    with capture_logs() as logs:
        assert await _stopped(asyncio.create_task(cancelled())) == FAILED
        assert await _stopped(asyncio.create_task(half())) == FAILED
    assert [each["log_level"] for each in logs] == ["critical", "critical"]
    serving = asyncio.create_task(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(serving.cancel)
    assert await _stopped(serving) == 0  # type: ignore[arg-type]


# -- waiting for one's turn -----------------------------------------------------------------------


@dataclass
class Line:
    """The platform's line: calls wait in it until the gate opens, and are noted when their turn came."""

    box: Box
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        say = self.box.chat.dm

        async def dm(user: User, card: Card, *, key: str, again: bool = False) -> Message:
            self.waiting.append(card.plain)
            with in_line():
                await self.gate.wait()
            self.asked.append(card.plain)
            return await say(user, card, key=key, again=again)

        vars(self.box.chat)["dm"] = dm


async def asleep_in_line(box: Box) -> tuple[Line, asyncio.Task[Outcome]]:
    """A sender that stood in a line for longer than its lease, while its whole process was stopped."""
    line = Line(box)
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    sleeper = asyncio.create_task(box.sender._deliver(unit))
    await until(lambda: bool(line.waiting))
    await box.clock.advance(timedelta(minutes=3))
    line.gate.set()
    return line, sleeper


async def test_what_became_too_late_in_a_line_is_not_said(tmp_path: Path) -> None:
    box = await Box.make(tmp_path, pace=Pace(lease=7200.0))
    line = Line(box)
    await box.plan(note("stale", late=timedelta(minutes=10)), note("fine", to="bob", late=DAY))
    async with running(box):
        await until(lambda: len(line.waiting) == 2)
        await box.clock.advance(timedelta(hours=1))
        line.gate.set()
        await until_states(box, State.DROPPED, State.SENT)
    assert line.asked == ["fine"]
    assert ("stale", State.DROPPED) in box.script.ended
    await box.close()


async def test_who_was_stopped_in_a_line_sends_nothing_that_another_has_taken(box: Box) -> None:
    """The whole process slept past its lease: nothing was renewed. Keys mean nothing on this platform."""
    box.chat.honours_keys = False
    line, sleeper = await asleep_in_line(box)
    await box.sender.drain()  # as another worker
    outcome = await sleeper
    await box.sender._mark([outcome])
    assert (outcome.state, outcome.tried) == (State.READY, False)
    assert line.asked == ["hello"] and len(box.said_to("ada")) == 1
    assert (await box.states()) == {"hello": State.SENT}


async def test_given_back_in_a_line_it_is_looked_for_before_it_is_said(box: Box) -> None:
    """A call may have asked for something before it stood in line once more."""
    line, sleeper = await asleep_in_line(box)
    await box.sender._mark([await sleeper])
    assert line.asked == []
    await box.sender.drain()
    assert [call.again for call in box.noted.calls] == [True]


# -- a database that fails ------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.sqlite
@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "UPDATE outbox SET ready_at"])
async def test_a_claim_that_fails_is_made_again(box: Box, statement: str) -> None:
    async with running(box):
        async with failing(box, "_writer", statement, times=3) as refused:
            async with box.storage.read() as connection:  # planned elsewhere, so that only it writes
                path = connection.engine.url.database
            assert path
            await asyncio.to_thread(_plan_outside, path, box.app.kit.outbox._values(post("hello")))
            box.sender._wake.set()
            await until(lambda: len(refused) == 3)
        await until(lambda: len(box.chat.sent) == 1)
        await until_states(box, State.SENT)


def _plan_outside(path: str, values: dict[str, Any]) -> None:
    """Another process plans a row."""
    micro = int(MONDAY.timestamp()) * 1_000_000
    values |= {"due_at": micro, "ready_at": micro, "verb": str(values["verb"]), "state": "ready"}
    connection = sqlite3.connect(path)
    with connection:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO outbox ({names}) VALUES ({marks})", list(values.values()))
    connection.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "statement", ["UPDATE outbox SET ready_at", "UPDATE outbox SET state"], ids=["claim", "mark"]
)
async def test_a_statement_that_is_cancelled_from_within_stops_nothing(box: Box, statement: str) -> None:
    """The driver gives something up by itself; nobody told the sender to stop."""
    error = asyncio.CancelledError()
    async with running(box) as task:
        async with failing(box, "_writer", statement, times=1, error=error) as refused:
            await box.plan(note("hello"))
            await until(lambda: bool(refused) and bool(box.chat.sent) and not box.sender._flying)
        await box.clock.advance(timedelta(seconds=61))
        await until_states(box, State.SENT)
        assert not task.done()


async def test_a_renewal_that_is_cancelled_from_within_stops_nothing(box: Box) -> None:
    line = Line(box)
    await box.plan(note("hello"))
    async with running(box) as task:
        await until(lambda: bool(line.waiting))
        (unit,) = box.sender._hand.begun.values()
        async with failing(box, "_writer", "SELECT outbox.id", times=1, error=asyncio.CancelledError()):
            await box.sender._renew([unit])
        assert box.sender._hand.until(unit) == MONDAY + timedelta(seconds=60)
        await box.clock.advance(timedelta(seconds=10))
        await box.sender._renew([unit])
        assert box.sender._hand.until(unit) == MONDAY + timedelta(seconds=70)
        line.gate.set()
        await until_states(box, State.SENT)
        assert not task.done()


@pytest.mark.usefixtures("impatient")
async def test_a_look_that_fails_leaves_nothing_behind(box: Box) -> None:
    async with running(box):
        with capture_logs() as logs:
            async with away(box):
                await until(lambda: sum(each["event"] == "claim failed" for each in logs) == 20)
        await box.plan(post("hello"))
        await until(lambda: len(box.chat.sent) == 1)
        waiting = [task for task in asyncio.all_tasks() if "Event.wait" in str(task.get_coro())]
        assert len(waiting) < 5, "each failed look left a task waiting"


async def test_a_mark_that_fails_ends_in_a_repeat_that_the_key_makes_harmless(box: Box) -> None:
    await box.plan(note("hello"), note("other", to="bob"))
    async with running(box):
        async with failing(box, "_writer", "UPDATE outbox SET state") as refused:
            await until(lambda: len(box.chat.sent) == 2)
            await until(lambda: len(refused) >= 2 and not box.sender._flying)
        assert set((await box.states()).values()) == {State.READY}
        await box.clock.advance(timedelta(seconds=61))
        await until_states(box, State.SENT, State.SENT)
    tries = {sent.card.plain: sent.tries for sent in box.chat.sent.values()}
    assert tries == {"hello": 2, "other": 2}
    assert [call.again for call in box.noted.calls] == [False, False, True, True]


async def test_what_a_feature_does_wrong_after_an_end_stops_no_mark(box: Box) -> None:
    box.script.bad_ends.add("bad")
    await box.plan(note("bad"), *(note(f"n{n}", to=f"p{n}") for n in range(5)))
    async with running(box):
        await until_states(box, *[State.SENT] * 6)
    assert len(box.noted.calls) == 6
    assert {text for text, _ in box.script.ended} == {f"n{n}" for n in range(5)}


# -- stopping -------------------------------------------------------------------------------------


async def test_it_stops_when_it_is_told_and_leaves_no_task(box: Box) -> None:
    before = asyncio.all_tasks()
    async with running(box):
        await until(lambda: len(asyncio.all_tasks()) > len(before) + 1)
    await until(lambda: asyncio.all_tasks() == before)


async def test_stopped_in_the_middle_nothing_is_lost_and_nothing_said_twice(box: Box) -> None:
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(20)))
    for stop in (1, 5, 9, 13):
        async with running(box):
            await until(lambda stop=stop: len(box.chat.sent) >= stop)
        await box.restart()
        await box.clock.advance(timedelta(seconds=61))
    async with running(box):
        await until_states(box, *[State.SENT] * 20)
    assert sorted(sent.card.plain for sent in box.chat.sent.values()) == sorted(f"n{n}" for n in range(20))


async def test_what_was_sent_is_marked_before_it_stops(box: Box) -> None:
    """Else a start an hour later would send it again, and no platform remembers a key that long."""
    box.chat.honours_keys = False
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(6)))
    task = asyncio.create_task(box.sender.run())
    await until(lambda: bool(box.chat.sent))
    task.cancel()
    await asyncio.wait([task], timeout=NET)
    said = {sent.card.plain for sent in box.chat.sent.values()}
    assert said
    assert {text for text, state in (await box.states()).items() if state is State.SENT} == said


async def test_stopped_while_the_database_fails_it_still_stops(box: Box) -> None:
    await box.plan(note("hello"))
    async with running(box), failing(box, "_writer", "UPDATE outbox SET state") as refused:
        await until(lambda: bool(refused))


async def test_an_outage_ends_and_all_of_it_goes_out_without_help(box: Box) -> None:
    box.chat.trouble = _outage
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(8)))
    async with running(box):
        await until(lambda: len(box.noted.calls) >= 8)
        box.chat.trouble = lambda call, moment: None
        for _ in range(3):
            await until(lambda: not box.sender._flying)
            await box.clock.advance(timedelta(seconds=10))
        await until_states(box, *[State.SENT] * 8)


def _outage(call: str, moment: str) -> None:
    raise TryLater("outage")

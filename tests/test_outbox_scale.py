"""The outbox when it counts: outages and faults told apart, new quiet respected, leases kept, rows pruned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.app import PRUNED, SAID_KEPT, UNDELIVERED_KEPT
from bot.cog import State
from bot.due import OFTEN, OFTEN_ALONE
from bot.errors import ChatError, TryLater
from bot.patience import in_line, limited, within
from bot.pausing import pause
from bot.rows import ALONE, WORKER
from bot.sender import Pace
from bot.storage.schema import FOREVER, metadata
from tests.outboxkit import NET, Box, Killed, note, post, until, until_states, user
from tests.test_outbox import failing
from tests.test_sender import running
from tests.world import MONDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def box(tmp_path: Path, database: str) -> AsyncIterator[Box]:
    made = await Box.make(tmp_path)
    yield made
    await made.close()


def said(box: Box) -> list[str]:
    return [sent.card.plain for sent in box.chat.sent.values()]


# -- outages and faults ---------------------------------------------------------------------------


async def test_tries_in_an_outage_do_not_count_toward_the_end_of_a_row(box: Box) -> None:
    """Twenty tries in vain, and then one fault: it is tried again all the same."""
    await box.plan(note("hello"))
    errors: list[ChatError] = [TryLater("outage")] * 20 + [ChatError("teapot")] * 3

    def trouble(call: str, moment: str) -> None:
        if moment == "before" and errors:
            raise errors.pop(0)

    box.chat.trouble = trouble
    await box.advance(days=1)
    assert not errors
    assert await box.states() == {"hello": State.SENT}


async def test_a_poison_row_ends_and_what_is_kept_of_its_error_tells_where_it_was(box: Box) -> None:
    box.script.broken.add("poison")
    await box.plan(note("poison"), *(note(f"n{n}", to=f"p{n}") for n in range(3)))
    await box.advance(days=1)
    states = await box.states()
    assert states.pop("poison") is State.DEAD
    assert set(states.values()) == {State.SENT}
    error = (await box.column("error"))[0]
    assert error.startswith("fault: LookupError outboxkit.py:") and "private" not in error


# -- a row that ends its process ------------------------------------------------------------------


async def die(box: Box) -> bool:
    """Send what is due, until that ends the process; a new one is there when its leases have ended."""
    with suppress(Killed):
        await box.sender.drain()
        return False
    await box.restart()
    await box.clock.advance(timedelta(seconds=Pace().lease))
    return True


async def test_a_row_that_ends_its_process_is_found_out_and_given_up(box: Box) -> None:
    """Five others are in hand each time: none of them is given up with it, and none is said twice."""
    box.script.errors["killer"] = Killed()
    others = [f"n{n}" for n in range(5)]
    await box.plan(*(post(text) for text in [*others[:3], "killer", *others[3:]]))
    deaths = 0
    while await die(box):
        deaths += 1
        assert deaths <= OFTEN + OFTEN_ALONE
    assert deaths == OFTEN + OFTEN_ALONE
    assert await box.states() == {"killer": State.DEAD, **dict.fromkeys(others, State.SENT)}
    assert sorted(said(box)) == others
    assert "fault: its process ended" in await box.column("error")
    assert ("killer", State.DEAD) in box.script.ended, "its feature knows"


async def test_a_message_that_ends_its_process_frees_its_person(box: Box) -> None:
    box.script.errors["killer"] = Killed()
    await box.plan(note("killer"), note("hello", MONDAY + 2 * HOUR))
    while await die(box):
        assert (await box.states())["killer"] is State.READY
    await box.advance(hours=2)
    assert await box.states() == {"killer": State.DEAD, "hello": State.SENT}


async def test_what_may_end_the_process_is_alone_in_hand(tmp_path: Path, database: str) -> None:
    """It waits until nothing else is, and nothing else is claimed until it has ended."""
    box = await Box.make(tmp_path, pace=Pace(batch=4, senders=4))
    box.script.errors["killer"] = Killed()
    await box.plan(post("killer"), post("beside"))
    for _ in range(OFTEN):
        assert await die(box)
    del box.script.errors["killer"]
    before, killer, *others = [asyncio.Event() for _ in range(4)]
    box.noted.gates = [before, killer, *others]

    async def alone() -> list[str]:
        rows = (await box.rows()).items()
        return [text for text, row in rows if row.lease and row.lease[WORKER:].startswith(ALONE)]

    await box.plan(post("before", box.clock.now()))
    async with running(box):
        await until(lambda: box.noted.inside == 1)
        assert not await alone(), "something else is in hand"
        before.set()
        await until(lambda: box.noted.inside == 1 and box.noted.calls[-1].again)
        await box.plan(post("new", box.clock.now()))
        assert await alone() == ["killer"]
        assert (await box.rows())["new"].lease is None
        for gate in (killer, *others):
            gate.set()
        await until_states(box, *[State.SENT] * 4)
    assert [text for text in said(box) if text != "beside"] == ["before", "killer", "new"]
    await box.close()


async def test_who_is_stopped_again_and_again_gives_nothing_up(tmp_path: Path, database: str) -> None:
    box = await Box.make(tmp_path, pace=Pace(batch=4, senders=2, grace=0.01))
    await box.plan(post("hello"))
    for _ in range(OFTEN + OFTEN_ALONE):
        box.noted.gates = [asyncio.Event()]
        before = len(box.noted.calls)
        async with running(box):
            await until(lambda before=before: len(box.noted.calls) > before)
        await box.restart()
        await box.clock.advance(timedelta(seconds=Pace().lease))
    box.noted.gates = []
    await box.sender.drain()
    assert await box.states() == {"hello": State.SENT}
    await box.close()


async def test_tries_in_an_outage_are_no_ends_of_a_process(box: Box) -> None:
    box.chat.trouble = failing(TryLater("outage"), call="post", times=3 * 4)
    await box.plan(*(post(f"n{n}") for n in range(4)))
    for _ in range(3):
        await box.sender.drain()
        await box.clock.advance(timedelta(minutes=20))
    box.script.errors["n0"] = Killed()
    assert await die(box)
    box.script.errors.clear()
    assert len(await box.sender._claims.claim()) == 4, "all together"


# -- a repeat in doubt ----------------------------------------------------------------------------


async def test_a_repeat_in_doubt_waits_for_a_break_that_was_taken_since(box: Box) -> None:
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    async with box.storage.read() as connection:
        person = await box.app.kit.people.load(connection, user().key)
    async with box.storage.write() as tx:
        await pause(box.app.kit, tx, user(), person, FOREVER)
    await box.advance(minutes=2)
    assert box.noted.calls == []
    row = (await box.rows())["hello"]
    assert row.ready_at == FOREVER and row.tried_at is not None, "it is still in doubt"
    assert row.key == unit.lead.key


async def test_a_repeat_in_doubt_waits_for_quiet_hours_that_were_set_since(box: Box) -> None:
    await box.plan(note("hello"))
    await box.sender._claims.claim()
    await box.settings(user(), quiet_from="08:00", quiet_to="12:00")
    await box.advance(minutes=2)
    assert box.noted.calls == []
    await box.advance(hours=4)
    (call,) = box.noted.calls
    assert call.again and call.at == MONDAY + 3 * HOUR


async def test_a_night_that_begins_between_two_tries_stops_no_repeat(tmp_path: Path, database: str) -> None:
    """It was said in time or it is now; tomorrow no platform would remember its key."""
    evening = MONDAY.replace(hour=20, minute=59, second=30)
    box = await Box.make(tmp_path, now=evening)
    await box.plan(note("hello", evening))
    await box.sender._claims.claim()
    await box.advance(minutes=2)
    (call,) = box.noted.calls
    assert call.again and call.at > evening + timedelta(seconds=30)
    await box.close()


# -- stopping, and waiting in a line --------------------------------------------------------------


async def test_what_is_being_sent_at_a_stop_is_waited_for(box: Box) -> None:
    gate = asyncio.Event()
    box.noted.gates = [gate]
    await box.plan(note("hello"))
    running = asyncio.create_task(box.sender.run())
    await until(lambda: box.noted.inside == 1)
    running.cancel()
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await asyncio.wait([running], timeout=NET)
    assert running.cancelled()
    assert await box.states() == {"hello": State.SENT}


async def test_what_was_not_begun_at_a_stop_is_given_back_at_once(tmp_path: Path, database: str) -> None:
    box = await Box.make(tmp_path, pace=Pace(senders=1, grace=0.05))
    box.noted.gates = [asyncio.Event()]
    await box.plan(*(note(f"n{n}", to=f"p{n}") for n in range(3)))
    running = asyncio.create_task(box.sender.run())
    await until(lambda: box.noted.inside == 1)
    running.cancel()
    await asyncio.wait([running], timeout=NET)
    assert await box.column("lease") == [None] * 3
    await box.sender.drain()
    assert len(said(box)) == 2, "the other may have been said: it waits for the end of its lease"
    assert [call.again for call in box.noted.calls] == [False] * 3
    await box.close()


async def test_a_lease_is_renewed_while_its_row_waits_here(tmp_path: Path, database: str) -> None:
    """One sender is busy for two minutes: the row behind it is neither lost nor taken by another."""
    box = await Box.make(tmp_path, pace=Pace(senders=1))
    gate = asyncio.Event()
    box.noted.gates = [gate]
    await box.plan(post("first"), post("second"))
    running = asyncio.create_task(box.sender.run())
    await until(lambda: box.noted.inside == 1)
    for _ in range(8):
        await until(lambda: any(not sleeper[2].done() for sleeper in box.clock._sleepers))
        before = await box.column("ready_at")
        await box.clock.advance(timedelta(seconds=15))
        if min(before) < box.clock.now() + timedelta(seconds=30):
            await until(lambda before=before: _later(box, before))
    gate.set()
    await until_states(box, State.SENT, State.SENT)
    assert len(box.noted.calls) == 2
    assert not any(call.again for call in box.noted.calls)
    running.cancel()
    await asyncio.wait([running], timeout=NET)
    await box.close()


async def _later(box: Box, before: list[object]) -> bool:
    return min(await box.column("ready_at")) > min(before)  # type: ignore[type-var]


async def test_a_wait_in_a_line_is_no_call_that_hangs() -> None:
    gate = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, gate.set)
    async with limited(0.05):
        with in_line():
            await gate.wait()
    with pytest.raises(TimeoutError):
        await _hangs_after_its_turn()


async def _hangs_after_its_turn() -> None:
    async with limited(0.01):
        with in_line():
            pass
        await asyncio.Event().wait()


async def test_a_call_gets_its_time_limit_only_when_it_waits() -> None:
    async def call(first: float, then: float = 0.0, error: Exception | None = None) -> str:
        if first:
            with in_line():
                await asyncio.sleep(first)
        if then:
            await asyncio.sleep(then)
        if error:
            raise error
        return "sent"

    assert await within(0.0, call(0)) == "sent", "it never waited"
    assert await within(0.05, call(0.1)) == "sent", "it stood in a line from the beginning"
    with pytest.raises(TimeoutError):
        await within(0.01, call(0.02, 5))
    for wait in (0, 0.01):
        with pytest.raises(KeyError):
            await within(1, call(wait, error=KeyError("its own")))
    task = asyncio.create_task(within(5, call(0, 5)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# -- housekeeping, and the indexes ----------------------------------------------------------------


async def test_what_ended_long_ago_is_pruned_and_nothing_else(box: Box) -> None:
    box.chat.closed.add("closed")
    await box.plan(*(note(f"old {n}", to=f"p{n}") for n in range(PRUNED + 1)), note("refused", to="closed"))
    await box.plan(note("far", MONDAY + 300 * DAY))
    await box.sender.drain()
    await box.clock.advance(SAID_KEPT - HOUR)
    await box.app.prune()
    assert len(await box.rows()) == PRUNED + 3
    await box.clock.advance(2 * HOUR)
    await box.plan(note("new", box.clock.now(), to="p0"))
    await box.sender.drain()
    await box.app.prune()
    assert set(await box.rows()) == {"new", "refused", "far"}
    await box.clock.advance(UNDELIVERED_KEPT)
    await box.app.prune()
    assert set(await box.rows()) == {"far"}


@pytest.mark.sqlite
async def test_claims_and_what_they_look_up_go_by_an_index(box: Box) -> None:
    """However long the history: no statement of a claim or a mark reads a whole table."""
    seen: dict[str, Any] = {}

    def note_it(_: object, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:
        seen[statement] = parameters[0] if many else parameters

    event.listen(box.storage._writer.sync_engine, "before_cursor_execute", note_it)
    await box.plan(note("one"), note("two", MONDAY + HOUR), post("three"))
    await box.sender.drain()
    claims = 0
    async with box.storage.read() as connection:
        for statement, parameters in seen.items():
            if "outbox" in statement and not statement.startswith("INSERT"):
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                lines = [str(row._mapping["detail"]) for row in plan]
                whole = [f"SCAN {name}" for name in metadata.tables]  # others are what a batch was given
                scans = [line for line in lines if line in whole]
                assert not scans, (statement, lines)
                if "ORDER BY outbox.ready_at" in statement and "LIMIT" in statement:
                    claims += 1
                    assert any("ix_outbox_ready" in line for line in lines), lines
                    assert not any("TEMP B-TREE" in line for line in lines), lines
        indexes = (await connection.execute(text("PRAGMA index_list(outbox)"))).all()
    assert claims == 1
    assert any(name == "ix_outbox_ready" and partial for _, name, _, _, partial in indexes)


# -- a message of several rows, and several workers ------------------------------------------------


async def test_a_message_of_which_somebody_holds_a_part_is_neither_renewed_nor_claimed(
    box: Box, database: str
) -> None:
    """Its rows stay together: said apart, one of them would be said twice, under another key."""
    if database.startswith("sqlite"):
        pytest.skip("SQLite has one writer: nobody holds a part")
    await box.plan(note("one"), note("two"))
    (unit,) = await box.sender._claims.claim()
    assert len(unit.folded) == 1
    for part in (unit.lead, *unit.folded):
        async with box.storage.write() as other:
            await other.execute(text("SELECT 1 FROM outbox WHERE id = :id FOR UPDATE"), {"id": part.id})
            assert await box.sender._claims.renew([unit]) == {}
            await box.clock.advance(timedelta(minutes=2))
            assert await box.sender._claims.claim() == []
    (again,) = await box.sender._claims.claim()
    assert again.again and len(again.folded) == 1

"""Several workers on one PostgreSQL: one that hangs stops nobody else, nothing is said twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text

from bot.chat import Message
from bot.cog import Plan, State
from bot.pace import LONGEST, SHORTEST, Pause
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import outbox, people
from tests.outboxkit import NET, Box, edit, note, post, until, user
from tests.postgres import Server
from tests.test_sender import running
from tests.world import ELSEWHERE, MONDAY

LATER = MONDAY + timedelta(milliseconds=1)
SOON = timedelta(seconds=1)


@pytest.fixture
def folder(postgres: Server, tmp_path: Path) -> Iterator[Path]:
    """A world's folder, its database on PostgreSQL."""
    url = postgres.new()
    (tmp_path / ELSEWHERE).write_text(url)
    yield tmp_path
    postgres.drop(url)


@pytest.fixture
async def box(folder: Path) -> AsyncIterator[Box]:
    made = await Box.make(folder, pace=Pace(batch=16, senders=4))
    await made.settings(user("ada"), per_day=1)
    yield made
    await made.close()


@asynccontextmanager
async def another(box: Box) -> AsyncIterator[Any]:
    """The sender of one more process on the same database."""
    storage = await Storage.open(box.url)
    yield box.built(storage, 8).sender
    await storage.close()


@asynccontextmanager
async def held(box: Box, id: str) -> AsyncIterator[None]:
    """Somebody's transaction holds this person, and does not come to its end."""
    row = select(people.c.user).where(people.c.user == user(id).key)
    async with box.storage.write() as tx:
        assert (await tx.execute(row.with_for_update())).all()
        yield


@asynccontextmanager
async def on_its_way(box: Box, plan: Plan) -> AsyncIterator[asyncio.Event]:
    """The sender runs, and this is at the platform until the event is set."""
    gate = asyncio.Event()
    box.noted.gates = [gate]
    await box.plan(plan)
    async with running(box):
        await until(lambda: box.noted.inside == 1)
        yield gate


async def is_sent(box: Box, *texts: str) -> bool:
    states = await box.states()
    return all(states[text] is State.SENT for text in texts)


# -- a person whom somebody holds -----------------------------------------------------------------


async def test_a_claim_takes_some_of_what_is_due_at_one_time_without_sorting_all_of_it(box: Box) -> None:
    """A morning's thousands fall due together: each claim would read them all."""
    await box.plan(*(post(f"n{n}") for n in range(2_000)))
    async with box.storage.write() as tx:
        await tx.execute(text("ANALYZE outbox"))
    asked: list[tuple[str, Any]] = []

    def note_it(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "ORDER BY outbox.ready_at" in statement and "LIMIT" in statement:
            asked.append((statement, parameters))

    event.listen(box.storage._writer.sync_engine, "before_cursor_execute", note_it)
    assert len(await box.sender._claims.claim()) == 16
    ((statement, parameters),) = asked
    async with box.storage.write() as tx:
        plan = "\n".join((await tx.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars())
    assert "ix_outbox_ready" in plan
    assert "Sort" not in plan


async def test_a_person_whom_somebody_holds_stops_no_mark_of_others(box: Box) -> None:
    """Far more than are in hand at once are said and marked meanwhile; then the one that waited."""
    others = [f"o{number}" for number in range(100)]
    async with on_its_way(box, note("a")) as gate:
        async with held(box, "ada"):
            gate.set()
            await box.plan(*[note(other, to=other) for other in others])
            await until(lambda: is_sent(box, *others))
            assert (await box.states())["a"] is State.READY
        await until(lambda: is_sent(box, "a"))
        await box.sender.settled()
    assert len(box.said_to("ada")) == 1


async def test_a_row_that_somebody_holds_stops_no_mark_of_others(box: Box) -> None:
    """Somebody takes a post back, or has its number counted again, and does not come to an end."""
    async with on_its_way(box, post("p")) as gate:
        async with box.storage.write() as tx:
            assert (await tx.execute(select(outbox.c.id).with_for_update())).all()
            gate.set()
            others = [f"q{number}" for number in range(100)]
            await box.plan(*[post(other) for other in others])
            await until(lambda: is_sent(box, *others))
            assert (await box.states())["p"] is State.READY
        await until(lambda: is_sent(box, "p"))


async def test_what_waits_to_be_marked_keeps_its_lease(box: Box) -> None:
    """However long the person is held, nobody takes it for lost and sends it once more."""
    async with on_its_way(box, note("a")) as gate:
        async with held(box, "ada"):
            gate.set()
            await until(lambda: bool(box.sender._aside))
            for _ in range(12):
                (before,) = await box.column("ready_at")
                await box.clock.advance(timedelta(seconds=box.pace.lease / 4))
                left = before - box.clock.now()
                if left < timedelta(seconds=box.pace.lease / 2):
                    await until(lambda before=before: renewed(box, before))
        await until(lambda: is_sent(box, "a"))
    assert len(box.noted.calls) == 1


async def renewed(box: Box, before: Any) -> bool:
    return (await box.column("ready_at"))[0] > before


async def test_at_a_stop_what_was_sent_is_marked_when_the_person_is_free(box: Box) -> None:
    gate = asyncio.Event()
    box.noted.gates = [gate]
    await box.plan(note("a"), note("b", to="bob"))
    task = asyncio.create_task(box.sender.run())
    await until(lambda: box.noted.inside == 1)
    async with held(box, "ada"):
        gate.set()
        await until(lambda: bool(box.sender._aside))
        task.cancel()
        await until(lambda: is_sent(box, "b"))
    await asyncio.wait([task], timeout=NET)
    assert task.cancelled()
    assert await is_sent(box, "a", "b")


async def test_rows_of_a_person_whom_somebody_holds_stand_in_nobody_s_way(box: Box) -> None:
    """There are more of them than a claim takes."""
    await box.plan(*[note(f"a{number}") for number in range(80)], note("b", LATER, to="bob"))
    await box.clock.advance(SOON)
    async with running(box):
        async with held(box, "ada"):
            await until(lambda: is_sent(box, "b"))
            assert not box.said_to("ada")
        await until(lambda: bool(box.said_to("ada")))


async def test_what_is_due_and_cannot_be_taken_is_asked_for_ever_more_seldom(box: Box) -> None:
    began: list[float] = []

    def note_time(*_: Any) -> None:
        began.append(asyncio.get_running_loop().time())

    writer = box.storage._writer.sync_engine  # pyright: ignore[reportPrivateUsage]
    await box.plan(note("a"))
    async with held(box, "ada"):
        event.listen(writer, "begin", note_time)
        async with running(box):
            await until(lambda: len(began) >= 6)
        event.remove(writer, "begin", note_time)
    assert began[5] - began[0] > 7 * SHORTEST  # of 31, because a word from elsewhere may end one or two


async def test_a_commit_ends_such_a_pause(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHORTEST", "LONGEST"):
        monkeypatch.setattr(f"bot.pace.{name}", 10 * NET)
    await box.plan(note("a"))
    async with held(box, "ada"), running(box):
        await until(lambda: box.sender._claims.barred)
        await box.plan(note("b", to="bob"))
        await until(lambda: is_sent(box, "b"))


def test_pauses_double_and_begin_anew() -> None:
    pause = Pause()
    assert [pause.next() for _ in range(3)] == [SHORTEST, 2 * SHORTEST, 4 * SHORTEST]
    assert max(pause.next() for _ in range(20)) == LONGEST
    pause.over()
    assert pause.next() == SHORTEST


# -- people who never used the bot ----------------------------------------------------------------


async def test_whom_another_worker_decides_about_is_nobody_else_s(box: Box) -> None:
    """Also where there is no row of theirs to hold."""
    await box.plan(note("n", to="stranger"))
    async with box.storage.write() as tx:
        strangers = [user("stranger").key]
        assert await box.app.kit.people.hold(tx, strangers, skip=True) == set(strangers)
        assert await box.sender._claims.claim() == []
        assert box.sender._claims.barred
    assert len(await box.sender._claims.claim()) == 1


async def test_two_workers_say_no_more_to_strangers_than_to_others(box: Box) -> None:
    """There is no row of theirs to hold, and they still get one message a day."""
    names = [f"p{number}" for number in range(150)]
    first = [note(f"{name} 1", to=name) for name in names]
    await box.plan(*first, *[note(f"{name} 2", LATER, to=name) for name in names])
    await box.clock.advance(SOON)
    async with another(box) as other, running(box):
        task = asyncio.create_task(other.run())

        async def nothing_is_due() -> bool:
            at = await other.next_due()
            return at is None or at > box.clock.now()

        await until(nothing_is_due)
        await box.sender.settled()
        task.cancel()
        await asyncio.wait([task], timeout=NET)
    assert {len(box.said_to(name)) for name in names} == {1}


# -- edits ----------------------------------------------------------------------------------------


async def posted(box: Box) -> Message:
    await box.plan(post("p"))
    await box.sender.drain()
    (sent,) = box.chat.sent.values()
    return sent.message


async def refresh(box: Box, message: Message) -> None:
    box.script.number += 1
    async with box.storage.write() as tx:
        await box.app.kit.outbox.refresh(tx, edit(message))


def edits(box: Box) -> int:
    return [call.verb for call in box.noted.calls].count("edit")


async def settled(*senders: Any) -> None:
    """Until none of them has anything left."""
    for sender in senders * 2:
        await sender.settled()


async def test_an_older_edit_of_another_worker_that_comes_late_is_put_right(box: Box) -> None:
    message = await posted(box)
    slow = asyncio.Event()
    box.noted.gates = [slow]
    await refresh(box, message)
    older = asyncio.create_task(box.sender.drain())
    await until(lambda: box.noted.inside == 1)
    await refresh(box, message)
    async with another(box) as other:
        await other.drain()
        edited = box.chat.sent[message.id].card
        slow.set()
        await older
        await settled(other, box.sender)
    assert (edited.plain, box.chat.sent[message.id].card.plain) == ("number 2", "number 2")
    assert edits(box) == 3, "once more, and not again and again"


async def test_an_older_edit_that_comes_while_another_worker_sends_the_newer_is_put_right(box: Box) -> None:
    """The newer one is left to end first, and the words are sent once more after it."""
    message = await posted(box)
    older, newer = asyncio.Event(), asyncio.Event()
    box.noted.gates = [older, newer]
    async with another(box) as other, running(box):
        await refresh(box, message)
        await until(lambda: box.noted.inside == 1)
        async with first_come(box):
            await refresh(box, message)
            task = asyncio.create_task(other.run())
            await until(lambda: box.noted.inside == 2)
        older.set()
        await until(lambda: bool(box.sender._aside))
        newer.set()
        await until(lambda: edits(box) == 3)
        await settled(box.sender, other)
        task.cancel()
        await asyncio.wait([task], timeout=NET)
    assert box.chat.sent[message.id].card.plain == "number 2"
    assert edits(box) == 3


@asynccontextmanager
async def first_come(box: Box) -> AsyncIterator[None]:
    """The first worker claims nothing meanwhile."""
    box.sender._marking.clear()
    yield
    box.sender._marking.set()

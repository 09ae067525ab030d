"""Statements for a whole batch: the same on both databases, whatever the values are."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import bindparam, event, insert, or_, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.storage import Storage
from bot.storage.batches import Addition, Change, ChangeAll, Lookup
from bot.storage.schema import FOREVER, Instant, communities, drafts, events, motivation, people, prompts

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
WEIRD = ["", "ada", "O'Neil", '"[]{}', "日本語 🌱", "a\\b\n\t", "null", "1", "%s :now ?"]

PEOPLE = Addition(people, ("user", "zone", "seen_at", "paused_until", "ignored"), lambda add: add)
BY_NAME = Lookup(
    lambda many: (
        select(people.c.user, people.c.zone, people.c.seen_at, people.c.paused_until, people.c.ignored)
        .where(people.c.user.in_(many("users")), people.c.seen_at <= bindparam("now"))
        .order_by(people.c.ignored.desc())
    )
)


@pytest_asyncio.fixture
async def storage(database: str) -> AsyncIterator[Storage]:
    opened = await Storage.open(database)
    yield opened
    await opened.close()


async def added(storage: Storage) -> list[tuple[Any, ...]]:
    rows = [
        (name, name, NOW + timedelta(microseconds=n), FOREVER if n % 2 else None, n)
        for n, name in enumerate(WEIRD)
    ]
    async with storage.write() as tx:
        await PEOPLE.run(tx, rows)
    return rows


async def found(storage: Storage, users: Any, now: datetime = FOREVER) -> list[tuple[Any, ...]]:
    async with storage.read() as connection:
        return [tuple(row) for row in await BY_NAME.rows(connection, users=users, now=now)]


async def test_what_goes_in_comes_out_in_order(storage: Storage) -> None:
    rows = await added(storage)
    assert await found(storage, WEIRD) == rows[::-1]
    assert await found(storage, {"ada", "null", "nobody"}) == [rows[6], rows[1]]
    assert await found(storage, []) == []
    assert await found(storage, WEIRD, NOW) == rows[:1]


async def test_thousands_at_once(storage: Storage) -> None:
    users = [f"u{n}" for n in range(5_000)]
    async with storage.write() as tx:
        await PEOPLE.run(tx, [(user, "UTC", NOW, None, n) for n, user in enumerate(users)])
    assert [row[0] for row in await found(storage, users)] == users[::-1]


async def test_each_row_is_changed_by_its_own_values(storage: Storage) -> None:
    change = Change(
        lambda who, until: (
            update(people)
            .where(people.c.user == who)
            .values(paused_until=until, zone=bindparam("to"), ignored=people.c.ignored + bindparam("more"))
        ),
        people.c.user.type,
        Instant(),
    )
    await added(storage)
    async with storage.write() as tx:
        await change.run(tx, {name: NOW if n else None for n, name in enumerate(WEIRD)}, to='"%', more=3)
        await change.run(tx, {"nobody": None}, to="", more=0)
        await change.run(tx, {}, to="", more=0)
    assert {row[0]: (row[1], row[3], row[4]) for row in await found(storage, WEIRD)} == {
        name: ('"%', NOW if n else None, n + 3) for n, name in enumerate(WEIRD)
    }


async def test_many_are_changed_alike(storage: Storage) -> None:
    change = ChangeAll(
        lambda many: (
            update(people).where(people.c.user.in_(many("users"))).values(paused_until=bindparam("at"))
        )
    )
    await added(storage)
    async with storage.write() as tx:
        await change.run(tx, users=["ada", "日本語 🌱"], at=NOW)
    assert [row[0] for row in await found(storage, WEIRD) if row[3] == NOW] == ["日本語 🌱", "ada"]


async def test_what_is_there_already_follows_the_rule(storage: Storage) -> None:
    keep = Addition(events, ("id", "at"), lambda add: add.on_conflict_do_nothing(index_elements=["id"]))
    renew = Addition(
        events,
        ("id", "at"),
        lambda add: add.on_conflict_do_update(index_elements=["id"], set_={"at": add.excluded.at}),
    )
    times = Lookup(lambda many: select(events.c.id, events.c.at).where(events.c.id.in_(many("ids"))))
    later = NOW + timedelta(hours=1)
    async with storage.write() as tx:
        await keep.run(tx, [("a", NOW), ("b", NOW)])
        await keep.run(tx, [("a", later), ("c", later)])
        assert {row[0]: row[1] for row in await times.rows(tx, ids=list("abc"))} == {
            "a": NOW,
            "b": NOW,
            "c": later,
        }
        await renew.run(tx, [("a", later)])
        assert [tuple(row) for row in await times.rows(tx, ids=["a"])] == [("a", later)]


async def test_what_is_given_twice_counts_in_turn(storage: Storage) -> None:
    renew = Addition(
        prompts,
        ("user", "prompt", "seen", "at"),
        lambda add: add.on_conflict_do_update(
            index_elements=["user", "prompt"], set_={"seen": add.excluded.seen, "at": add.excluded.at}
        ),
    )
    seen = Lookup(
        lambda many: (
            select(prompts.c.user, prompts.c.prompt, prompts.c.seen, prompts.c.at)
            .where(prompts.c.user.in_(many("users")))
            .order_by(prompts.c.user, prompts.c.prompt)
        )
    )
    later, last = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    given = [("ada", "a", True, last), ("ada", "b", True, NOW), ("bob", "a", True, NOW)]
    given += [("ada", "a", True, NOW), ("bob", "a", False, last), ("ada", "a", False, later)]
    async with storage.write() as tx:
        await renew.run(tx, given)
        assert [tuple(row) for row in await seen.rows(tx, users=["ada", "bob"])] == [
            ("ada", "a", False, later),
            ("ada", "b", True, NOW),
            ("bob", "a", False, last),
        ]


async def test_a_list_may_be_asked_for_twice_and_lists_may_be_constant(storage: Storage) -> None:
    either = Lookup(
        lambda many: (
            select(people.c.user)
            .where(
                or_(people.c.user.in_(many("names")), people.c.zone.in_(many("names"))),
                people.c.ignored.in_((1, 2)),
                people.c.user.not_in(("nobody",)),
            )
            .limit(bindparam("limit"))
        )
    )
    await added(storage)
    async with storage.read() as connection:
        found = await either.rows(connection, names={"ada", "null"}, limit=10)
    assert [row[0] for row in found] == ["ada"]


async def test_sealed_text_and_yes_and_no_keep_their_types(storage: Storage) -> None:
    add = Addition(drafts, ("user", "form", "values", "saved_at"), lambda add: add)
    chosen = Addition(motivation, ("user", "at", "days", "active"), lambda add: add)
    sealed = Lookup(lambda many: select(drafts.c["values"]).where(drafts.c.user.in_(many("users"))))
    active = Lookup(
        lambda many: (
            select(motivation.c.active)
            .where(motivation.c.user.in_(many("users")))
            .order_by(motivation.c.user)
        )
    )
    raw = bytes(range(256))
    async with storage.write() as tx:
        await add.run(tx, [("ada", "f", raw, NOW)])
        await chosen.run(tx, [("ada", "08:30", "0", True), ("bob", "08:30", "0", False)])
        ((found,),) = await sealed.rows(tx, users=["ada"])
        assert bytes(found) == raw
        assert [row[0] for row in await active.rows(tx, users=["ada", "bob"])] == [True, False]


async def test_a_time_without_a_zone_is_refused(storage: Storage) -> None:
    with pytest.raises(Exception, match="without a zone"):
        async with storage.write() as tx:
            await PEOPLE.run(tx, [("ada", "", NOW.replace(tzinfo=None), None, 0)])
    assert await found(storage, ["ada"]) == []


async def test_it_is_part_of_the_transaction(storage: Storage) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop):  # noqa: PT012
        async with storage.write() as tx:
            await tx.execute(insert(communities).values(platform="p", community="c"))
            await PEOPLE.run(tx, [("ada", "", NOW, None, 0)])
            raise Stop
    assert await found(storage, ["ada"]) == []
    async with storage.read() as connection:  # a look, and what another transaction writes meanwhile
        assert not await BY_NAME.rows(connection, users=["ada"], now=NOW)
        async with storage.write() as tx:
            await PEOPLE.run(tx, [("ada", "", NOW, None, 0)])
        assert not await BY_NAME.rows(connection, users=["ada"], now=NOW)
        assert not (await connection.execute(text("SELECT * FROM people"))).all()


async def test_who_listens_to_statements_hears_of_them(storage: Storage) -> None:
    heard: list[str] = []
    engine = storage._writer.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: heard.append(call[2].split()[0]))
    async with storage.write() as tx:
        await PEOPLE.run(tx, [("ada", "", NOW, None, 0)])
        await BY_NAME.rows(tx, users=["ada"], now=NOW)
    assert [word for word in heard if word != "BEGIN"] == ["INSERT", "SELECT"]


RENAMED = Change(
    lambda who, to: update(events).where(events.c.id == who).values(id=to), events.c.id.type, events.c.id.type
)


async def test_what_fails_fails_with_its_whole_write_and_with_no_other(storage: Storage) -> None:
    """On SQLite nobody waits for it: it fails later, and must not be forgotten on the way."""
    added = Addition(events, ("id", "at"), lambda add: add)
    async with storage.write() as tx:
        await added.run(tx, [("a", NOW), ("b", NOW)])

    async def spoiled() -> None:
        async with storage.write() as tx:
            await added.run(tx, [("c", NOW)])
            await RENAMED.run(tx, {"a": "b"})  # there is one

    async def spoiled_before_a_savepoint() -> None:
        async with storage.write() as tx:
            await added.run(tx, [("c", NOW)])
            with suppress(IntegrityError, DBAPIError, sqlite3.Error):
                await RENAMED.run(tx, {"a": "b"})
                async with tx.begin_nested():
                    await added.run(tx, [("d", NOW)])

    with pytest.raises((IntegrityError, DBAPIError, sqlite3.Error)):
        await spoiled()
    for write in (spoiled, spoiled_before_a_savepoint):
        with suppress(IntegrityError, DBAPIError, sqlite3.Error):
            await write()
        async with storage.write() as tx:
            await RENAMED.run(tx, {"a": "a"})
        assert await ids(storage) == ["a", "b"]


async def test_inside_a_savepoint_it_fails_alone(storage: Storage) -> None:
    added = Addition(events, ("id", "at"), lambda add: add)
    async with storage.write() as tx:
        await added.run(tx, [("a", NOW), ("b", NOW)])
        with suppress(IntegrityError, DBAPIError, sqlite3.Error):
            async with tx.begin_nested():
                await added.run(tx, [("c", NOW)])
                await RENAMED.run(tx, {"a": "b"})
        await added.run(tx, [("d", NOW)])
    assert await ids(storage) == ["a", "b", "d"]


async def ids(storage: Storage) -> list[str]:
    async with storage.read() as connection:
        return list((await connection.execute(select(events.c.id).order_by(events.c.id))).scalars())

"""The database: one writer at a time and nobody refused, durable commits, migrations as the tables are.

What only PostgreSQL can do is in ``test_postgresql``.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import aiosqlite
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import CompileError, IntegrityError, OperationalError, StatementError

from bot.people import Defaults, People
from bot.storage import Storage, migrations
from bot.storage import sqlite as sqlite_module
from bot.storage.errors import StorageError, code, passes
from bot.storage.schema import EPOCH, FOREVER, Instant, communities, events, metadata, people

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Counter = select(people.c.ignored).where(people.c.user == "ada")


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    """A PostgreSQL database, or an SQLite file in a folder that is not there yet."""
    is_file = database.startswith("sqlite:")
    return f"sqlite:///{tmp_path / 'folder' / 'bounceback.db'}" if is_file else database


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    opened = await Storage.open(url)
    yield opened
    await opened.close()


async def ids(storage: Storage) -> list[str]:
    async with storage.read() as connection:
        return list((await connection.execute(select(events.c.id).order_by(events.c.id))).scalars())


# -- writing --------------------------------------------------------------------------------------


async def _counted(storage: Storage) -> None:
    """Read, let others run, write: what meets a lock unless the transaction began IMMEDIATE."""
    async with storage.write() as tx:
        seen = (await tx.execute(Counter)).scalar_one()
        await asyncio.sleep(0)
        await tx.execute(update(people).where(people.c.user == "ada").values(ignored=seen + 1))


@pytest.mark.sqlite
@pytest.mark.parametrize("processes", [1, 3])
async def test_fifty_writers_at_once_are_all_served_and_lose_no_change(url: str, processes: int) -> None:
    """Beside each other in one process, and through storages of their own as several would be."""
    storages = [await Storage.open(url) for _ in range(processes)]
    async with storages[0].write() as tx:
        await tx.execute(insert(people).values(user="ada", seen_at=NOW))
    await asyncio.gather(*(_counted(storages[n % processes]) for n in range(50)))
    async with storages[0].read() as connection:
        assert (await connection.execute(Counter)).scalar_one() == 50
    for each in storages:
        await each.close()


@pytest.mark.sqlite
async def test_a_write_begins_immediate(storage: Storage, url: str) -> None:
    """Another process cannot get in between a write's first look and its change."""
    path = url.removeprefix("sqlite:///")
    async with storage.write() as tx:
        await tx.execute(select(events))
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


async def test_readers_see_what_is_committed_while_a_write_is_open(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id="first", at=NOW))
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id="second", at=NOW))
        assert await asyncio.wait_for(ids(storage), 20) == ["first"]
    assert await ids(storage) == ["first", "second"]


async def test_a_read_is_one_view_though_others_commit(storage: Storage) -> None:
    async with storage.read() as connection:
        count = select(func.count()).select_from(events)
        assert (await connection.execute(count)).scalar_one() == 0
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id="first", at=NOW))
        assert (await connection.execute(count)).scalar_one() == 0
    assert await ids(storage) == ["first"]


async def test_an_error_rolls_all_of_it_back_and_wakes_nobody(storage: Storage) -> None:
    told: list[int] = []
    storage.after_commit(lambda: told.append(1))

    async def twice() -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id="first", at=NOW))
            await tx.execute(insert(events).values(id="first", at=NOW))

    with pytest.raises(IntegrityError):
        await twice()
    assert await ids(storage) == []
    assert told == []
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id="second", at=NOW))
    assert (await ids(storage), told) == (["second"], [1])


async def test_a_cancelled_write_leaves_nothing_and_does_not_block_the_next(storage: Storage) -> None:
    inside = asyncio.Event()

    async def never_ends() -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id="first", at=NOW))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await asyncio.wait_for(inside.wait(), 20)
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(20):
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id="second", at=NOW))
    assert await ids(storage) == ["second"]


@pytest.mark.sqlite
async def test_listeners_are_told_when_others_can_see_it(storage: Storage, url: str) -> None:
    seen: list[int] = []

    def look() -> None:
        outside = sqlite3.connect(url.removeprefix("sqlite:///"))
        seen.extend(outside.execute("SELECT count(*) FROM events").fetchone())
        outside.close()

    storage.after_commit(look)
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id="first", at=NOW))
    assert seen == [1]


@pytest.mark.sqlite
async def test_what_belongs_to_a_row_goes_with_it(storage: Storage) -> None:
    """Foreign keys are in force: SQLite leaves them off unless told on every connection."""
    for engine in (storage._reader, storage._writer):
        async with engine.connect() as connection:
            assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1


# -- durability -----------------------------------------------------------------------------------


@pytest.mark.sqlite
async def test_commits_are_durable_and_readers_do_not_wait(storage: Storage) -> None:
    for engine in (storage._reader, storage._writer):
        async with engine.connect() as connection:
            pragmas = {
                name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10000}  # 2 is FULL


@pytest.mark.sqlite
async def test_closed_it_leaves_one_file(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    storage = await Storage.open(url)
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id="first", at=NOW))
    await storage.close()
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


async def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql is not supported"):
        await Storage.open("mysql://somebody@localhost/bounceback")


async def test_an_unknown_column_of_a_person_is_refused(storage: Storage) -> None:
    with pytest.raises(CompileError):
        async with storage.write() as tx:
            await People(Defaults()).change(tx, "ada", NOW, mood="fine")


# -- instants -------------------------------------------------------------------------------------

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ANY_TIME = st.timedeltas(timedelta(days=-70_000), FOREVER - EPOCH).map(lambda passed: EPOCH + passed)


@given(ANY_TIME, ZONES)
def test_an_instant_comes_back_to_the_microsecond_whatever_its_zone(at: datetime, zone: timezone) -> None:
    column, dialect = Instant(), sqlite.dialect()
    stored = column.process_bind_param(at.astimezone(zone), dialect)
    assert isinstance(stored, int)
    back = column.process_result_value(stored, dialect)
    assert back == at
    assert back is not None
    assert back.tzinfo is UTC


@given(ANY_TIME, ANY_TIME)
def test_stored_instants_stand_in_the_order_of_time(first: datetime, second: datetime) -> None:
    column, dialect = Instant(), sqlite.dialect()
    one, two = (column.process_bind_param(at, dialect) for at in (first, second))
    assert one is not None
    assert two is not None
    assert (one < two) == (first < second)


async def test_a_naive_time_is_refused(storage: Storage) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id="first", at=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert await ids(storage) == []


async def test_no_time_stays_none(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(people).values(user="ada", seen_at=NOW, paused_until=None))
        await tx.execute(insert(people).values(user="bob", seen_at=NOW, paused_until=FOREVER))
        rows = (await tx.execute(select(people.c.paused_until).order_by(people.c.user))).scalars()
        assert list(rows) == [None, FOREVER]


# -- migrations -----------------------------------------------------------------------------------


def shape(path: str) -> dict[str, Any]:
    """Every column with its type and default, every index with its condition, every reference."""
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
    found: dict[str, Any] = dict(indexes.fetchall())
    for table in tables:
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        references = connection.execute(f'PRAGMA foreign_key_list("{table}")').fetchall()
        found[table] = (sorted(column[1:] for column in columns), sorted(each[2:] for each in references))
    connection.close()
    return found


@pytest.mark.sqlite
async def test_a_fresh_file_holds_exactly_the_tables_of_the_schema(
    storage: Storage, url: str, tmp_path: Path
) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    plain = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    metadata.create_all(plain)
    plain.dispose()
    migrated = shape(url.removeprefix("sqlite:///"))
    assert migrated.pop("alembic_version")
    migrated.pop("sqlite_autoindex_alembic_version_1", None)
    assert migrated == shape(str(tmp_path / "plain.db"))
    assert "WHERE state = 'ready'" in migrated["ix_outbox_ready"], "it is a partial index"


def test_the_newest_migration_is_the_one_that_a_start_looks_for(url: str) -> None:
    scripts = ScriptDirectory.from_config(migrations.configuration(url))
    assert scripts.get_heads() == [migrations.HEAD]


START = """
import asyncio, sys
from bot.storage import Storage

async def main():
    storage = await Storage.open(sys.argv[1])
    await storage.close()

asyncio.run(main())
print("alembic" in sys.modules)
"""


def test_only_the_first_start_loads_alembic(url: str) -> None:
    def start() -> str:
        done = subprocess.run(
            [sys.executable, "-c", START, url],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
        return done.stdout.strip()

    assert [start(), start()] == ["True", "False"]


@pytest.mark.sqlite
def test_an_upgrade_that_is_cut_short_begins_anew_at_the_next_start(url: str) -> None:
    file = url.removeprefix("sqlite:///")
    Path(file).parent.mkdir()
    command.upgrade(migrations.configuration(url), "0004")

    def change(statement: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)

    change("CREATE TABLE _alembic_tmp_people (in_the_way TEXT)")
    with pytest.raises(OperationalError, match="already exists"):
        migrations.upgrade(url)
    change("DROP TABLE _alembic_tmp_people")
    migrations.upgrade(url)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (migrations.HEAD,)


async def test_a_write_that_is_cancelled_anywhere_leaves_the_next_one_whole(storage: Storage) -> None:
    async def write(name: str) -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id=name, at=NOW))

    for turns in range(1, 25):
        cut = asyncio.create_task(write(f"cut {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        cut.cancel()
        await asyncio.wait([cut])
        await write(f"whole {turns}")
    assert {f"whole {turns}" for turns in range(1, 25)} <= set(await ids(storage))


@pytest.mark.sqlite
async def test_writes_share_one_connection_and_leave_it_clean(storage: Storage) -> None:
    opened: list[object] = []
    event.listen(storage._writer.sync_engine, "connect", lambda made, _: opened.append(made))
    for name in ("first", "second", "second", "third"):
        with suppress(IntegrityError):
            async with storage.write() as tx:
                await tx.execute(insert(events).values(id=name, at=NOW))
    async with storage._writer.connect() as connection:
        raw = cast("aiosqlite.Connection", (await connection.get_raw_connection()).driver_connection)
        assert not raw.in_transaction
    assert (await ids(storage), len(opened)) == (["first", "second", "third"], 1)


@pytest.mark.sqlite
async def test_a_write_that_is_cancelled_while_the_file_is_locked_spoils_no_later_one(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is given up; what still waits on that one is nobody else's."""
    quick = [each.replace("10000", "300") for each in sqlite_module.PRAGMAS]  # milliseconds for a lock
    monkeypatch.setattr(sqlite_module, "PRAGMAS", quick)
    storage = await Storage.open(url)

    async def write(name: str) -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id=name, at=NOW))

    await write("first")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cut = asyncio.create_task(write("cut"))
        for _ in range(5):
            await asyncio.sleep(0)
        cut.cancel()
        await asyncio.wait([cut])
        other.execute("ROLLBACK")
    for name in ("second", "third"):
        await write(name)
    assert await ids(storage) == ["first", "second", "third"]
    await storage.close()


async def test_what_was_stored_is_there_after_the_next_start(url: str) -> None:
    for names in ([], ["first"]):
        storage = await Storage.open(url)
        assert await ids(storage) == names
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id=f"{'first' if not names else 'second'}", at=NOW))
        await storage.close()


@pytest.mark.sqlite
async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    storage = await Storage.open(f"sqlite:///{path}")
    async with storage.read() as connection:
        assert (await connection.execute(select(communities))).all() == []
    await storage.close()


@pytest.mark.sqlite
async def test_a_file_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear reader, this is no database. " * 100)
    (tmp_path / "folder").mkdir()
    said = {"letter": "is no database", "letter/bot.db": "cannot be opened", "folder": "cannot be opened"}
    for name, words in said.items():
        with pytest.raises(StorageError, match=words):
            await Storage.open(f"sqlite:///{tmp_path / name}")


@pytest.mark.sqlite
def test_what_went_wrong_has_a_code_and_tells_whether_it_passes() -> None:
    def failed(name: str) -> OperationalError:
        cause = sqlite3.OperationalError("private words")
        cause.sqlite_errorname = name
        return OperationalError("INSERT", {}, cause)

    assert code(failed("SQLITE_FULL")) == "SQLITE_FULL"
    assert passes(failed("SQLITE_FULL")) and passes(failed("SQLITE_IOERR_WRITE"))
    assert not passes(failed("SQLITE_ERROR"))
    assert passes(ConnectionRefusedError())
    assert not passes(LookupError()) and code(LookupError()) == ""

"""PostgreSQL: writes side by side, processes that wake each other, a database that comes and goes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, bindparam, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from bot import marks
from bot.chat import Message, User
from bot.clock import FakeClock, SystemClock
from bot.cog import Nudge, Plan, State
from bot.outbox import Outbox, dump
from bot.people import Defaults, People
from bot.posts import take_down
from bot.storage import Storage, migrations, postgresql
from bot.storage import rejections as store
from bot.storage.batches import Addition
from bot.storage.errors import StorageError, code, passes
from bot.storage.glance import Glance
from bot.storage.listening import TICK
from bot.storage.rejections import Rejection, Shared
from bot.storage.schema import blocks, events, metadata, outbox, people, rejections
from bot.vault import Vault
from cogs.thread import posted
from tests.cutting import Way
from tests.ports import HOST, free_port
from tests.postgres import Server, serving
from tests.world import ELSEWHERE, World

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NET = 60.0  # seconds: a safety net, nothing waits for time
ABOUT = timedelta(seconds=2)  # how right a clock is on a busy machine: these are wrong by five and seven
ADA = select(people).where(people.c.user == "ada")
HAPPENED = Addition(events, ("id", "at"), lambda add: add)


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """A database with all tables."""
    made = postgres.new()
    yield made
    postgres.drop(made)


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    async with opened(url) as storage:
        yield storage


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Storage]:
    storage = await Storage.open(url, **options)
    try:
        yield storage
    finally:
        await storage.close()


async def happened(storage: Storage, id: str) -> None:
    """One small write."""
    async with storage.write() as tx:
        await tx.execute(insert(events).values(id=id, at=NOW))


async def ids(storage: Storage) -> list[str]:
    async with storage.read() as connection:
        return list((await connection.execute(select(events.c.id).order_by(events.c.id))).scalars())


async def planned(storage: Storage, name: str = "a") -> None:
    """One planned message."""
    rows = Outbox(Vault.ephemeral(), FakeClock(NOW))
    async with storage.write() as tx:
        await rows.plan(tx, Plan("t.note", ("t", name), NOW, user=User("memory", "here", "ada")))


# -- writing --------------------------------------------------------------------------------------


async def test_writes_run_side_by_side(storage: Storage) -> None:
    """Four are inside their transactions at the same time, and all are stored."""
    inside = asyncio.Barrier(4)

    async def one(name: str) -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id=name, at=NOW))
            await inside.wait()

    async with asyncio.timeout(NET):
        await asyncio.gather(*(one(name) for name in "abcd"))
    assert await ids(storage) == ["a", "b", "c", "d"]


async def test_a_row_that_is_locked_first_loses_no_change(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(people).values(user="ada", seen_at=NOW))

    async def counted() -> None:
        async with storage.write() as tx:
            row = (await tx.execute(ADA.with_for_update())).mappings().one()
            await tx.execute(update(people).values(ignored=row["ignored"] + 1))

    await asyncio.gather(*(counted() for _ in range(30)))
    async with storage.read() as connection:
        assert (await connection.execute(ADA)).mappings().one()["ignored"] == 30


async def test_a_deadlock_is_raised_as_it_is_and_harms_nobody_else(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(people), [{"user": name, "seen_at": NOW} for name in ("ada", "bob")])
    both = asyncio.Barrier(2)

    async def locks(first: str, second: str) -> None:
        async with storage.write() as tx:
            for name in (first, second):
                await tx.execute(select(people).where(people.c.user == name).with_for_update())
                if name == first:
                    await both.wait()

    results = await asyncio.gather(locks("ada", "bob"), locks("bob", "ada"), return_exceptions=True)
    (error,) = [each for each in results if each is not None]
    assert isinstance(error, DBAPIError)
    assert getattr(error.orig, "sqlstate", "") == "40P01"
    await happened(storage, "after")
    assert await ids(storage) == ["after"]


async def test_a_batch_that_is_refused_says_why_and_a_savepoint_undoes_it(storage: Storage) -> None:
    async with storage.write() as tx:
        await HAPPENED.run(tx, [("a", NOW)])
        with pytest.raises(DBAPIError) as raised:
            async with tx.begin_nested():
                await HAPPENED.run(tx, [("b", NOW), ("a", NOW)])
        assert code(raised.value) == "23505"
        assert not passes(raised.value)
        await HAPPENED.run(tx, [("c", NOW)])
    assert await ids(storage) == ["a", "c"]


async def held(storage: Storage, users: list[str], **how: bool) -> set[str]:
    async with storage.write() as tx:
        return await People(Defaults()).hold(tx, users, **how)


async def test_whoever_holds_a_person_is_alone_with_them(storage: Storage) -> None:
    """Others wait, or leave that person out. Strangers have no row: they are left out, and not waited for."""
    async with storage.write() as tx:
        await tx.execute(insert(people), [{"user": name, "seen_at": NOW} for name in ("ada", "bob")])
    async with storage.write() as tx:
        assert await People(Defaults()).hold(tx, ["bob"]) == {"bob"}
        everybody = ["ada", "bob", "stranger"]
        assert await held(storage, everybody, skip=True) == {"ada", "stranger"}
        assert await People(Defaults()).hold(tx, ["stranger", "another"], skip=True) == {
            "stranger",
            "another",
        }
        assert await held(storage, everybody, skip=True) == {"ada"}
        assert await held(storage, ["stranger"]) == {"stranger"}
        waiting = asyncio.create_task(held(storage, everybody))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
    assert await asyncio.wait_for(waiting, NET) == set(everybody)


async def test_a_post_taken_back_while_it_is_being_marked_is_deleted(
    postgres: Server, tmp_path: Path
) -> None:
    """Whichever of the two commits first: the message goes."""
    url = postgres.new()
    (tmp_path / ELSEWHERE).write_text(url)
    world = await World.open(tmp_path)
    ada = world.person("ada")
    try:
        for first in ("author", "sender"):
            await ada.submits(await ada.opens("/rejected"), stage="interview")
            (post,) = world.support
            async with world.storage.write() as tx:  # as it was while the message was on its way
                its = rejections.c.post == dump(post.message)
                await tx.execute(update(rejections).where(its).values(state=Shared.POSTING, post=None))
                read = await store.find(tx, world.vault, rejections.c.state == Shared.POSTING)
            await both_at_once(world, read[0], post.message, first)
            await world.app.sender.drain()
            assert world.support == [], first
    finally:
        await world.close()
        postgres.drop(url)


async def both_at_once(world: World, rejection: Rejection, message: Message, first: str) -> None:
    """The author takes a post back while the sender writes down where it stands."""
    kit = world.app.kit

    async def by(who: str, inside: asyncio.Event, go: asyncio.Event) -> None:
        async with world.storage.write() as tx:
            if who == "author":
                await take_down(kit, tx, rejection)
            else:
                newest = select(outbox).where(outbox.c.kind == "thread.post").order_by(outbox.c.id.desc())
                row = kit.outbox.row((await tx.execute(newest)).mappings().fetchmany(1)[0])
                assert row.args == {"rejection": rejection.id}
                await posted(Nudge(kit, row, kit.words.speak("en"), None), tx, State.SENT, message)
            inside.set()
            await go.wait()

    inside, go, free = asyncio.Event(), asyncio.Event(), asyncio.Event()
    free.set()
    one = asyncio.create_task(by(first, inside, go))
    await asyncio.wait_for(inside.wait(), NET)
    other = asyncio.create_task(by("sender" if first == "author" else "author", asyncio.Event(), free))
    await asyncio.wait([other], timeout=0.1)  # it waits for the first
    go.set()
    await asyncio.wait_for(asyncio.gather(one, other), NET)


async def test_a_read_can_write_nothing(storage: Storage) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with storage.read() as connection:
            await connection.execute(insert(events).values(id="first", at=NOW))


async def test_reads_inside_more_writes_than_there_are_connections_all_end(storage: Storage) -> None:
    async def one(name: str) -> None:
        async with storage.write() as tx:
            await tx.execute(insert(events).values(id=name, at=NOW))
            await ids(storage)

    async with asyncio.timeout(NET):
        await asyncio.gather(*(one(f"{n:02}") for n in range(40)))
    assert len(await ids(storage)) == 40


async def test_a_process_holds_no_more_connections_than_it_says(postgres: Server, url: str) -> None:
    async with opened(url) as storage:
        await asyncio.gather(
            *(happened(storage, str(n)) for n in range(50)), *(ids(storage) for _ in range(50))
        )
        mine = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'"
        assert int(postgres.sql(mine)) == postgresql.READERS + postgresql.WRITERS + 1


async def test_a_glance_is_one_prepared_statement_and_gives_the_tables_own_types(storage: Storage) -> None:
    async with storage.write() as tx:
        values = {"community": "here", "token": "t", "name": "Quiet Heron", "at": NOW}
        await tx.execute(insert(blocks).values(values))
    look = Glance(
        select(blocks.c.name, blocks.c.at).where(
            blocks.c.community == bindparam("where", type_=blocks.c.community.type)
        )
    )
    assert await storage.glance(look, where="here") == [{"name": "Quiet Heron", "at": NOW}]
    assert await storage.glance(look, where="there") == []


async def test_ten_thousand_ids_are_found_in_one_statement(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(events), [{"id": str(n), "at": NOW} for n in range(100)])
        wanted = [str(n) for n in range(50, 10_050)]
        found = await tx.execute(select(func.count()).select_from(events).where(events.c.id.in_(wanted)))
        assert found.scalar_one() == 50


# -- other processes ------------------------------------------------------------------------------


IDLE = """
import asyncio, sys
from bot.storage import Storage

async def main():
    storage = await Storage.open(sys.argv[1])
    woken = asyncio.Event()
    storage.after_commit(woken.set)
    print("idle", flush=True)
    await woken.wait()
    print("woken", flush=True)
    await storage.close()

asyncio.run(main())
"""


async def test_a_plan_made_elsewhere_wakes_an_idle_process(storage: Storage, url: str) -> None:
    """In a few hundredths of a second; a tick, which would do it too, comes after ten."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        IDLE,
        url,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert program.stdout is not None
    assert await asyncio.wait_for(program.stdout.readline(), NET) == b"idle\n"
    await planned(storage)
    assert await asyncio.wait_for(program.stdout.readline(), TICK / 2) == b"woken\n"
    assert await asyncio.wait_for(program.wait(), NET) == 0


async def test_what_changes_no_plan_wakes_nobody_else(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        woken: list[str] = []
        other.after_commit(lambda: woken.append("woken"))
        await happened(one, "nothing planned")
        assert woken == []
        await planned(one)
        async with asyncio.timeout(NET):
            while not woken:  # noqa: ASYNC110  (it is told once, by the plan alone)
                await asyncio.sleep(0.001)
        assert woken == ["woken"]


async def test_a_plan_that_was_taken_back_is_told_to_nobody(storage: Storage) -> None:
    told: list[int] = []
    storage._backend.planned = lambda: told.append(1)  # type: ignore[method-assign]

    async def fails() -> None:
        async with storage.write() as tx:
            await tx.execute(insert(outbox).values(key="k", kind="t", verb="dm", due_at=NOW, ready_at=NOW))
            raise LookupError

    with pytest.raises(LookupError):
        await fails()
    for n in range(postgresql.WRITERS + 1):
        await happened(storage, str(n))
    assert told == []


async def test_moving_a_plan_is_told_but_holding_one_is_not(storage: Storage) -> None:
    told: list[int] = []
    storage._backend.planned = lambda: told.append(1)  # type: ignore[method-assign]
    changes: list[tuple[dict[str, Any], int]] = [
        ({"ready_at": NOW, "lease": "l"}, 0),
        ({"state": "sent", "done_at": NOW}, 0),
        ({"due_at": NOW, "ready_at": NOW}, 1),
        ({"ready_at": outbox.c.due_at}, 2),
    ]
    for values, times in changes:
        async with storage.write() as tx:
            await tx.execute(update(outbox).where(outbox.c.id == 1).values(values))
        assert len(told) == times, values


async def test_machines_with_wrong_clocks_go_by_the_database(url: str) -> None:
    early, late = SystemClock(offset=timedelta(seconds=-7)), SystemClock(offset=timedelta(seconds=5))
    async with opened(url, clock=early) as one, opened(url, clock=late) as other:
        one.on_clock(early.correct)
        other.on_clock(late.correct)
        assert abs(early.now() - late.now()) < ABOUT
        async with one.read() as connection:
            before = early.now()
            theirs = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            assert before - ABOUT < theirs < early.now() + ABOUT
        assert early.offset == timedelta(seconds=-7), "that is its own, and stored by the web chat"


# -- a database that goes away --------------------------------------------------------------------


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    with serving() as server:
        yield server


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
async def test_a_restart_of_the_database_is_survived(own: Server, how: signal.Signals) -> None:
    """Connections that ended meanwhile are replaced unseen: the first write after it works."""
    url = own.new()
    async with opened(url) as storage, opened(url) as other:
        await asyncio.gather(*(happened(storage, f"before {n}") for n in range(4)), ids(storage))
        await asyncio.to_thread(own.stop, how)
        with pytest.raises((DBAPIError, OSError)):
            await happened(storage, "meanwhile")
        await asyncio.to_thread(own.start)
        await asyncio.gather(*(happened(storage, f"x after {n}") for n in range(8)))
        assert [each for each in await ids(storage) if "after" in each] == [f"x after {n}" for n in range(8)]
        await told_again(storage, other)


async def told_again(one: Storage, other: Storage) -> None:
    """Until a plan of one process wakes the other by itself, not by a tick."""
    woken = asyncio.Event()
    other.after_commit(woken.set)
    async with asyncio.timeout(NET):
        while True:
            woken.clear()
            pid = other._backend._listening._pid  # type: ignore[attr-defined]
            await planned(one, f"{pid} {asyncio.get_running_loop().time()}")
            try:
                await asyncio.wait_for(woken.wait(), 0.5)
            except TimeoutError:
                continue
            if await listens(one, pid):
                return


async def listens(storage: Storage, pid: int) -> bool:
    """Whether that connection is there."""
    async with storage.read() as connection:
        alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid"
        return bool((await connection.execute(text(alive), {"pid": pid})).scalar_one())


async def test_connections_that_are_cut_poison_nothing(postgres: Server, url: str) -> None:
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        f" WHERE datname = '{url.rpartition('/')[2]}' AND pid <> pg_backend_pid()"
    )
    async with opened(url) as storage, opened(url) as other:
        for round in range(3):
            await asyncio.gather(*(happened(storage, f"{round} {n}") for n in range(8)))
            assert int(await asyncio.to_thread(postgres.sql, cut)) >= 3
            look = Glance(select(func.count().label("n")).select_from(events))
            assert await storage.glance(look) == [{"n": 8 * (round + 1)}]
        await told_again(storage, other)


@pytest.mark.parametrize("batch", [False, True], ids=["one", "batch"])
async def test_a_connection_cut_inside_a_write_is_raised_and_nothing_of_it_is_stored(
    postgres: Server, storage: Storage, batch: bool
) -> None:
    async def write(tx: AsyncConnection, id: str) -> None:
        if batch:
            await HAPPENED.run(tx, [(id, NOW)])
        else:
            await tx.execute(insert(events).values(id=id, at=NOW))

    async def cut() -> None:
        async with storage.write() as tx:
            await write(tx, "lost")
            pid = (await tx.execute(select(func.pg_backend_pid()))).scalar_one()
            await asyncio.to_thread(postgres.sql, f"SELECT pg_terminate_backend({pid})")
            await write(tx, "lost too")

    with pytest.raises(DBAPIError) as raised:
        await cut()
    assert passes(raised.value)
    await happened(storage, "after")
    assert await ids(storage) == ["after"]
    pool = storage._writer.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0


async def test_without_a_word_from_anybody_a_process_looks_by_itself(own: Server) -> None:
    """While the connection that listens is away, every second is a tick."""
    async with opened(own.new()) as storage:
        await asyncio.to_thread(own.stop)
        woken = asyncio.Event()
        storage.after_commit(woken.set)
        await asyncio.wait_for(woken.wait(), TICK / 2)


# -- opening --------------------------------------------------------------------------------------


START = """
import asyncio, sys
from bot.storage import Storage

async def main():
    storage = await Storage.open(sys.argv[1])
    await storage.close()

asyncio.run(main())
print("alembic" in sys.modules)
"""


def test_processes_that_start_at_once_upgrade_once_and_later_ones_load_no_alembic(postgres: Server) -> None:
    url = postgres.empty()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", START, url]
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)

    ended = [(each.communicate(timeout=120), each.returncode) for each in [start() for _ in range(4)]]
    assert [code for _, code in ended] == [0] * 4, ended
    (said, errors), code = (last := start()).communicate(timeout=120), last.returncode
    assert (said.strip(), errors, code) == ("False", "", 0)
    postgres.drop(url)


async def test_a_migrated_database_holds_exactly_the_tables_of_the_schema(
    postgres: Server, storage: Storage
) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    def made(connection: Connection) -> None:
        connection.execute(text("CREATE SCHEMA plain"))
        connection.execute(text("SET LOCAL search_path TO plain"))
        metadata.create_all(connection)

    async with storage.write() as tx:
        assert await tx.run_sync(differences) == []
        await tx.run_sync(made)
        shape = (
            "SELECT replace(indexdef, 'plain.', 'public.') FROM pg_indexes WHERE schemaname = :schema"
            " AND tablename <> 'alembic_version' ORDER BY 1"
        )
        columns = (
            "SELECT table_name, column_name, data_type, is_nullable,"
            " replace(column_default, 'public.', '') AS said FROM information_schema.columns"
            " WHERE table_schema = :schema AND table_name <> 'alembic_version' ORDER BY 1, 2"
        )
        for query in (shape, columns):
            both = [
                (await tx.execute(text(query), {"schema": schema})).all() for schema in ("public", "plain")
            ]
            assert both[0] == both[1]
            assert both[0]


async def test_a_database_of_a_newer_bounceback_is_left_alone(postgres: Server, url: str) -> None:
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", url.rpartition("/")[2])
    with pytest.raises(StorageError, match="newer Bounceback"):
        await Storage.open(url)


async def test_the_longest_names_and_numbers_fit_as_they_do_in_sqlite(storage: Storage) -> None:
    async with storage.write() as tx:
        await tx.execute(insert(people).values(user="u" * 5000, zone="z" * 5000, seen_at=NOW))
        await tx.execute(
            insert(outbox).values(id=2**40, key="k" * 99, kind="t", verb="dm", due_at=NOW, ready_at=NOW)
        )


def broken(postgres: Server) -> dict[str, tuple[str, str]]:
    """Addresses that cannot be used, and what is said of them."""
    postgres.sql("CREATE ROLE weak LOGIN")
    at = f"{HOST}:{postgres.port}"
    own = f"postgresql://bounceback:hushed@{at}"
    return {
        "nobody there": (f"postgresql://a:hushed@{HOST}:{free_port()}/x", "Is PostgreSQL running there"),
        "no such host": ("postgresql://a:hushed@no.such.host.invalid/x", "a host that nobody knows"),
        "no such database": (f"{own}/nowhere", "a database that is not there"),
        "no such user": (f"postgresql://stranger:hushed@{at}/postgres", "refuses this user or this password"),
        "no rights": (f"postgresql://weak:hushed@{at}/{empty(postgres)}", "may not create tables"),
        "no TLS there": (
            f"{own}/postgres?sslmode=require",
            "does not speak TLS",
        ),
        "no such option": (f"{own}/postgres?sslmode=on", "as it is written"),
    }


def empty(postgres: Server) -> str:
    return postgres.empty().rpartition("/")[2]


def test_what_cannot_be_used_is_said_in_one_line_without_the_password(
    postgres: Server, tmp_path: Path
) -> None:
    """The real program, with each of them: exit code 2, nothing but that line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCEBACK_")}
    environment |= {"PYTHONPATH": str(ROOT)}
    config = tmp_path / "config.toml"
    command = [sys.executable, "-m", "bot", "run", "--config", str(config)]
    addresses = broken(postgres)
    for name, (url, said) in addresses.items():
        config.write_text(f'[storage]\nurl = "{url}"\nkey_file = "{tmp_path / "key"}"\n')
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path
        )
        assert (done.returncode, done.stdout) == (2, ""), (name, done.stderr)
        (line,) = done.stderr.splitlines()
        assert line.startswith(f'{config}: storage.url = "postgresql://'), name
        assert said in line, name
        assert "hushed" not in line, name
    environment["BOUNCEBACK_STORAGE__URL"] = addresses["no such host"][0]
    for words in (["run"], ["outbox"], ["outbox", "retry", "1"]):
        beside = [*command[:3], *words, "--config", str(config)]
        done = subprocess.run(
            beside, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path
        )
        assert (done.returncode, done.stderr) == (
            2,
            'BOUNCEBACK_STORAGE__URL: storage.url = "postgresql://a:***@no.such.host.invalid/x" '
            "names a host that nobody knows. Check its spelling.\n",
        )
    del environment["BOUNCEBACK_STORAGE__URL"]
    command[3] = "check"
    check = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert (check.returncode, check.stderr) == (0, ""), "it tries nothing"
    assert "hushed" not in check.stdout


async def test_a_wrong_password_is_said(own: Server) -> None:
    own.sql("CREATE ROLE ada LOGIN PASSWORD 'right'")
    (own.data / "pg_hba.conf").write_text(f"host all ada {HOST}/32 scram-sha-256\nhost all all all trust\n")
    own.sql("SELECT pg_reload_conf()")
    url = f"postgresql://ada:%s@{HOST}:{own.port}/postgres"
    with pytest.raises(StorageError, match="this password"):
        await Storage.open(url % "wrong")


@pytest.mark.parametrize(("made", "step"), [(True, 1), (False, 5)], ids=["with tables", "empty"])
async def test_a_connection_that_is_cut_anywhere_in_the_start_is_said(
    postgres: Server, made: bool, step: int
) -> None:
    url = postgres.new() if made else postgres.empty()
    refused: list[str] = []
    async with asyncio.timeout(4 * NET), Way(HOST, postgres.port) as way:
        while True:
            way.left = len(refused) * step
            try:
                storage = await Storage.open(url.replace(f":{postgres.port}/", f":{way.port}/"))
            except StorageError as error:
                refused.append(str(error))
            else:
                way.left = None
                await storage.close()
                break
    assert len(refused) > 3
    assert all("Try again" in said or "cannot be reached" in said for said in refused), set(refused)
    postgres.drop(url)


async def test_an_old_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OLDEST", 99)
    with pytest.raises(StorageError, match=r"is PostgreSQL \d+\. It takes 99 or newer"):
        await Storage.open(url)


def test_the_lock_of_the_upgrade_fits_postgresql() -> None:
    assert 0 < migrations.LOCK < 2**63


async def test_a_mark_of_a_thousand_finds_its_rows_by_their_keys(storage: Storage) -> None:
    """The planner expects one row under a lease, and would compare each of a thousand with each."""
    ids = list(range(10, 10_010, 10))
    given = {
        "key_given": ",".join(map(str, ids)),
        "value_given": ["here"] * len(ids),
        "held": "mine",
        "ends": "sent",
        "at": 1,
    }
    end = marks._END._given._sql(())
    values = ", ".join(_literal(given.get(name)) for name in end._order)
    async with storage.write() as tx:
        await tx.exec_driver_sql(
            "INSERT INTO outbox (key, kind, verb, due_at, ready_at, lease)"
            " SELECT 'k' || n, 'a.post', 'post', n, n, CASE WHEN n % 10 = 0 AND n < 10010 THEN 'mine' END"
            " FROM generate_series(1, 40000) AS n"
        )
        await tx.exec_driver_sql("ANALYZE outbox")
        await tx.exec_driver_sql(f"PREPARE ending AS {end._sql}")
        found = await tx.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF) EXECUTE ending ({values})")
        plan = "\n".join(found.scalars())
    assert "using pk_outbox" in plan, plan
    assert "Rows Removed by Join Filter" not in plan, plan


def _literal(value: object) -> str:
    """A value as it stands in SQL."""
    if isinstance(value, list):
        return "'{" + ",".join(map(str, value)) + "}'"
    return "NULL" if value is None else f"'{value}'"

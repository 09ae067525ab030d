"""A community that is over: silence at once, and nothing is kept of people who cannot ask for it any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update

from bot import leaving
from bot.chat import Place, User
from bot.cog import Kit, Plan, Verb
from bot.leaving import GRACE
from bot.storage.schema import (
    blocks,
    communities,
    encouragements,
    metadata,
    outbox,
    people,
    pseudonyms,
    rejections,
    solidarity,
)
from tests.world import Actor, World

HOUR = timedelta(hours=1)
KEPT = {"alembic_version", "events", "web_messages", "web_state"}  # of nobody in particular


async def lively(world: World, ada: Actor, bob: Actor) -> None:
    """A community with a bit of everything."""
    await ada.submits(await ada.opens("/rejected"), stage="interview", story="Four rounds.")
    (post,) = world.support
    await bob.presses(post, "thread.not_alone")
    form = await bob.presses(post, "thread.encourage")
    await bob.submits(form, words="Four rounds is far.", sign="anonymous")
    await bob.gets("/motivation 08:30 weekdays")
    await bob.submits(form, words="")  # a draft
    async with world.storage.write() as tx:
        blocked = {"community": "memory/here", "token": "t", "name": "Quiet Heron", "at": world.clock.now()}
        await tx.execute(insert(blocks).values(**blocked))


async def counted(world: World) -> dict[str, int]:
    """How many rows each table has that has any."""
    found: dict[str, int] = {}
    async with world.storage.read() as connection:
        for table in metadata.sorted_tables:
            n = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            if n and table.name not in KEPT:
                found[table.name] = n
    return found


async def waiting(world: World) -> int:
    """How many messages are planned."""
    async with world.storage.read() as connection:
        ready = select(func.count()).select_from(outbox).where(outbox.c.state == "ready")
        return (await connection.execute(ready)).scalar_one()


async def values_of(world: World, table: Table, column: str) -> set[Any]:
    async with world.storage.read() as connection:
        return set((await connection.execute(select(table.c[column]))).scalars())


async def ends(world: World) -> None:
    """The community is over: its bot was removed, or its token does not work any more."""
    await leaving.end(world.app.kit, "memory", "here")


async def passes(world: World, time: timedelta) -> None:
    """Time passes, and the hourly housekeeping with it."""
    await world.advance(seconds=time.total_seconds())
    await world.app.housekeeping()


async def test_at_once_it_says_nothing_more(world: World, ada: Actor, bob: Actor) -> None:
    await lively(world, ada, bob)
    said, before = len(world.chat.sent), await counted(world)
    assert await waiting(world)
    await ends(world)
    assert await waiting(world) == 0
    assert await counted(world) == before, "it may be a mistake"
    await passes(world, GRACE - HOUR)
    assert len(world.chat.sent) == said
    kept = set(await counted(world))
    assert {each.name for each in (people, rejections, encouragements, solidarity, pseudonyms)} < kept


async def test_when_nobody_comes_back_nothing_is_kept(world: World, ada: Actor, bob: Actor) -> None:
    await lively(world, ada, bob)
    said = len(world.chat.sent)
    await ends(world)
    await world.restart()
    await passes(world, GRACE)
    assert set(await counted(world)) <= {"outbox"}, "only rows that name nobody"
    assert await values_of(world, outbox, "user") <= {None}
    assert await values_of(world, outbox, "args") <= {None}, "nor do they hold anybody's words"
    assert await waiting(world) == 0
    await passes(world, timedelta(days=40))
    assert len(world.chat.sent) == said, "no post, no message, and nothing is taken down"


async def test_after_a_long_sleep_it_is_made_up_for(world: World, ada: Actor, bob: Actor) -> None:
    """The machine was off when the time came; the mark is older than other events may get."""
    await lively(world, ada, bob)
    await ends(world)
    await passes(world, GRACE + timedelta(days=100))
    assert set(await counted(world)) <= {"outbox"}


async def test_mended_it_goes_on_and_forgets_nobody(world: World, ada: Actor, bob: Actor) -> None:
    await lively(world, ada, bob)
    await ends(world)
    await world.advance(hours=1)
    await ada.submits(await ada.opens("/rejected"), stage="interview")
    await passes(world, timedelta(days=3))
    assert len(world.support) == 2 and ada.dms
    await passes(world, GRACE)
    found = await counted(world)
    assert (found["people"], found["rejections"], found["communities"]) == (2, 2, 1)


async def test_ended_anew_the_time_begins_anew(world: World, ada: Actor, bob: Actor) -> None:
    await lively(world, ada, bob)
    await ends(world)
    await world.advance(days=10)
    await bob.gets("/encourage")
    await world.advance(days=10)
    await ends(world)
    await passes(world, timedelta(days=15))
    assert (await counted(world))["people"] == 2
    await passes(world, timedelta(days=15))
    assert set(await counted(world)) <= {"outbox"}


async def test_other_communities_notice_nothing(world: World, ada: Actor, bob: Actor) -> None:
    """Also those whose name begins with this one's, or is it in capitals."""
    others = [User("memory", each, "ada") for each in ("here2", "HERE", "her_", "elsewhere")]
    others.append(User("slack", "here", "ada"))
    now = world.clock.now()
    async with world.storage.write() as tx:
        for user in others:
            await tx.execute(insert(people).values(user=user.key, seen_at=now))
            place = Place(user.platform, user.community, "support")
            plans = (
                Plan("nudges.ask", ("t", user.key), now.replace(year=2030), user=user),
                Plan("thread.said", ("p", user.key), now.replace(year=2030), Verb.POST, place=place),
            )
            await world.app.kit.outbox.plan(tx, *plans)
            names = {"platform": user.platform, "community": user.community, "support": "support"}
            await tx.execute(insert(communities).values(**names))
    await lively(world, ada, bob)
    await ends(world)
    await passes(world, GRACE)
    assert await values_of(world, people, "user") == {user.key for user in others}
    assert await waiting(world) == 2 * len(others)
    assert len(await values_of(world, communities, "community")) == len({each.community for each in others})


async def test_what_is_just_being_said_is_not_said_again(world: World, ada: Actor, bob: Actor) -> None:
    """A row that somebody holds loses its lease; its end does not bring it back."""
    await lively(world, ada, bob)
    async with world.storage.write() as tx:
        await tx.execute(update(outbox).where(outbox.c.state == "ready").values(lease="held"))
    await ends(world)
    assert await values_of(world, outbox, "lease") == {None}
    assert "ready" not in await values_of(world, outbox, "state")


async def test_cut_short_it_is_done_the_next_time(
    world: World, ada: Actor, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lively(world, ada, bob)
    await ends(world)
    await world.advance_to(world.clock.now() + GRACE)
    before = await counted(world)

    async def breaks(_: Kit, __: Any, user: User) -> None:
        if user.id == "bob":
            raise OSError("the disk is full")

    kit = replace(world.app.kit, forgets=[*world.app.kit.forgets, breaks])
    monkeypatch.setattr(leaving, "AT_ONCE", 1)
    with pytest.raises(OSError, match="disk"):
        await leaving.finish(kit)
    assert (await counted(world))["communities"] == before["communities"] == 1
    assert await values_of(world, people, "user") == {bob.user.key}, "Ada, before him, is forgotten"
    await leaving.finish(world.app.kit)
    assert set(await counted(world)) <= {"outbox"}


async def test_a_community_that_nobody_ever_used(world: World) -> None:
    await leaving.end(world.app.kit, "slack", "T0")
    await passes(world, GRACE)
    assert await waiting(world) == 0
    assert (await counted(world))["communities"] == 1

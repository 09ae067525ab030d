"""/privacy, as conversations: the contract, what is stored, and that forgetting leaves nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, LargeBinary, Table, insert, or_, select

from bot.chat import Message, Place, User
from bot.cog import Cog, Kit
from bot.outbox import dump
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import EPOCH, FOREVER, Instant, metadata, outbox, rejections
from bot.ui import Card, Form, When, parts, plain
from cogs import COGS, privacy
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

ALL = list(COGS) if privacy.cog in COGS else [*COGS, privacy.cog]
PERSONAL = ("user", "owner", "author")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path, cogs=ALL)
    yield made
    await made.close()


async def gets(actor: Actor, on: Card, button: str, arg: str | None = None) -> Card:
    answer = await actor.presses(on, button, arg)
    assert isinstance(answer, Card), answer
    return answer


async def shares(actor: Actor, **values: str) -> Card | Form | None:
    return await actor.submits(await actor.opens("/rejected"), **{"stage": "interview", **values})


# -- the contract ---------------------------------------------------------------------------------


async def test_privacy_says_for_each_group_what_it_sees(ada: Actor) -> None:
    card = await ada.gets("/privacy")
    groups = [fact.name for fact in card.fields]
    assert groups[:4] == [
        "Other members",
        "Moderators",
        "Owners of the server or workspace",
        "Whoever runs this bot",
    ]
    for fact in card.fields:
        sentences = re.findall(r"[.?!](?:\s|$)", plain(fact.value))
        assert 1 <= len(sentences) <= 3, fact
    assert "They could read all I keep" in card.plain
    assert [button.id for button in card.buttons] == ["privacy.mine", "privacy.forget"]
    assert await ada.pushes(privacy.SHOW) == card


# -- what is stored -------------------------------------------------------------------------------


async def test_nothing_is_stored_about_somebody_new(tmp_path: Path) -> None:
    world = await World.open(tmp_path, cogs=[privacy.cog])
    ada = world.person("ada")
    card = await gets(ada, await ada.gets("/privacy"), "privacy.mine")
    assert "Nothing is stored about you." in card.plain
    assert [button.id for button in card.buttons] == ["privacy.forget"]
    await world.close()


async def test_a_form_that_was_begun_is_shown_with_her_own_time(tmp_path: Path) -> None:
    world = await World.open(tmp_path, cogs=[privacy.cog])
    ada = world.person("ada")
    await world.app.kit.drafts.keep(ada.user, "rejections.share:", {"story": "Four rounds.", "where": ""})
    card = await gets(ada, await ada.gets("/privacy"), "privacy.mine")
    assert "story: Four rounds." in card.plain
    assert "where" not in card.plain, "what is empty is not listed"
    assert [part.at for part in parts(card.text) if isinstance(part, When)] == [world.clock.now()]
    bob = world.person("bob")
    assert "Four rounds" not in (await gets(bob, await bob.gets("/privacy"), "privacy.mine")).plain
    await world.close()


async def test_what_every_cog_keeps_is_shown_page_by_page_and_nothing_is_cut(
    world: World, ada: Actor
) -> None:
    stories = [f"story {n} " + "word " * 280 + f"end {n}" for n in range(3)]
    for story in stories:
        await shares(ada, story=story, where="Acme")
    card = await gets(ada, await ada.gets("/privacy"), "privacy.mine")
    seen = [card]
    while any(button.arg == str(len(seen)) for button in card.buttons):
        card = await gets(ada, card, "privacy.turn", str(len(seen)))
        seen.append(card)
    assert len(seen) >= 4
    text = "".join(plain(each.text) for each in seen)
    joined = re.sub(r"\W*Page \d+ of \d+\. Only you can see this\.\W*|\s+", "", text)
    for story in stories:
        assert re.sub(r"\s+", "", story) in joined
    assert "Acme" in text
    assert await gets(ada, card, "privacy.turn", str(len(seen) - 2)) == seen[-2]
    assert await ada.pushes(privacy.TURN) == seen[0]


async def test_any_kind_of_value_can_be_shown(tmp_path: Path) -> None:
    told = Cog("told")

    @told.export
    async def export(kit: Kit, connection: Any, user: User) -> Mapping[str, Any]:
        return {
            "a list": ["one", 2, None, {"deep": {"er": "value"}}, {}],
            "a flag": False,
            "a_count": 0,
            "open": FOREVER,
            "stamped": "2026-03-02T09:00+00:00 and 2026-99-99T09:00+00:00",
            "nothing": None,
            "empty": [],
            "nobody": {"x": ""},
        }

    world = await World.open(tmp_path, cogs=[privacy.cog, told])
    ada = world.person("ada")
    card = await gets(ada, await ada.gets("/privacy"), "privacy.mine")
    lines = plain(card.text).split("\n\n")[0].splitlines()
    assert lines == [
        "a list:",
        "• one",
        "• 2",
        "• deep:",
        "er: value",
        "a flag: no",
        "a count: 0",
        "open: until you say so",
        "stamped: 2026-03-02 09:00 UTC and 2026-99-99T09:00+00:00",
    ]
    await world.close()


# -- forgetting -----------------------------------------------------------------------------------


def personal(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in PERSONAL if name in table.c]


async def test_every_table_about_people_is_answered_for_by_one_cog() -> None:
    """Strict: a table with a user, owner or author belongs to exactly one cog that can forget it."""
    owners = {
        name: [cog.name for cog in COGS if any(table is owned for owned in cog.owns)]
        for name, table in metadata.tables.items()
        if personal(table) and not name.startswith("web_")
    }
    assert {name: cogs for name, cogs in owners.items() if len(cogs) != 1} == {}
    for cog in COGS:
        assert not cog.owns or (cog.exports and cog.forgets), cog.name


def row_about(world: World, table: Table, who: Actor) -> dict[str, Any]:
    """A row of any table about somebody, with something in every column that needs it."""
    row: dict[str, Any] = {column.name: mark(world, column, who) for column in personal(table)}
    for column in table.columns:
        if column.name in row or column.nullable or column.server_default or column.autoincrement is True:
            continue
        row[column.name] = something(column, who)
    return row | ({"state": "sent"} if table is outbox else {})


def mark(world: World, column: Column[Any], who: Actor) -> str:
    """How a person is named in a column."""
    return world.vault.owner(who.user.key) if column.name == "owner" else who.user.key


def something(column: Column[Any], who: Actor) -> Any:
    match column.type:
        case Instant():
            return EPOCH
        case Boolean():
            return True
        case LargeBinary():
            return b"sealed"
        case _:
            return "bobs" if column.foreign_keys else who.id


def no_of(world: World, who: Actor) -> dict[str, Any]:
    """A public no, named after its author."""
    rejection = Rejection(
        id=f"{who.id}s",
        owner=world.vault.owner(who.user.key),
        author=who.user.key,
        community="memory/here",
        stage=Stage.INTERVIEW,
        sign=Sign.ANONYMOUS,
        wish=Wish.LISTEN,
        where="Acme",
        story="Four rounds.",
        shared_at=world.clock.now(),
        state=Shared.POSTED,
        post=dump(Message(Place("memory", "here", "support"), f"post of {who.id}")),
        thread="",
        replies=0,
        muted=False,
    )
    return store.values(world.vault, rejection)


async def rows_about(world: World, who: Actor) -> dict[str, int]:
    """How many rows of each table name this person (a sealed author cannot be searched for)."""
    found: dict[str, int] = {}
    async with world.storage.read() as connection:
        for table in about_people():
            open_ones = [each for each in personal(table) if not isinstance(each.type, LargeBinary)]
            assert open_ones, f"{table.name} could not be searched"
            named = or_(*(each == mark(world, each, who) for each in open_ones))
            found[table.name] = len((await connection.execute(select(table).where(named))).all())
    return found


def about_people() -> list[Table]:
    return [
        table for table in metadata.sorted_tables if personal(table) and not table.name.startswith("web_")
    ]


async def test_forgetting_leaves_nothing_of_her_and_everything_of_others(
    world: World, ada: Actor, bob: Actor
) -> None:
    """Strict: whatever table names a person, somebody's forget empties it."""
    async with world.storage.write() as tx:
        for who in (bob, ada):
            await tx.execute(insert(rejections).values(**no_of(world, who)))
        for table in about_people():
            if table is not rejections:
                await tx.execute(insert(table), [row_about(world, table, who) for who in (ada, bob)])
    assert set((await rows_about(world, ada)).values()) == {1}
    asked = await gets(ada, await ada.gets("/privacy"), "privacy.forget")
    assert set((await rows_about(world, ada)).values()) == {1}, "a question deletes nothing"
    done = await gets(ada, asked, "privacy.forget_yes")
    assert "It's all deleted" in done.plain
    assert {name for name, n in (await rows_about(world, ada)).items() if n} == set()
    assert set((await rows_about(world, bob)).values()) == {1}


async def test_forgetting_takes_posts_down_and_stops_the_plan(world: World, ada: Actor, bob: Actor) -> None:
    await shares(ada, story="Four rounds.")
    await shares(bob)
    asked = await gets(ada, await ada.gets("/privacy"), "privacy.forget")
    assert "can't bring any of it back" in asked.plain
    assert len(world.support) == 2
    await gets(ada, asked, "privacy.forget_yes")
    assert len(world.support) == 1
    await world.advance(days=30)
    assert not ada.dms
    assert bob.dms
    assert set((await rows_about(world, ada)).values()) == {0}, "the press itself brings nothing back"


async def test_keeping_keeps_everything(world: World, ada: Actor) -> None:
    await shares(ada)
    before = await rows_about(world, ada)
    kept = await gets(ada, await gets(ada, await ada.gets("/privacy"), "privacy.forget"), "privacy.keep")
    assert kept.plain == "Nothing was deleted."
    assert await rows_about(world, ada) == before
    assert world.support


async def test_after_forgetting_she_is_new_again(world: World, ada: Actor) -> None:
    await shares(ada)
    await ada.pushes(privacy.FORGET_YES)
    await shares(ada)
    assert len(world.support) == 1
    assert (await rows_about(world, ada))["rejections"] == 1

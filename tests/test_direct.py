"""Words typed to the bot itself, as conversations: one plain answer, and nothing of them is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, select, update
from structlog.testing import capture_logs

from bot.chat import Kind
from bot.cog import Cog, Ctx, Plan, State
from bot.registry import Registry
from bot.storage.schema import communities, outbox, people
from bot.ui import Card, Jump, parts
from cogs import COGS
from cogs.direct import QUIET_FOR
from tests.watching import line
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

HOURS = QUIET_FOR.total_seconds() / 3600
SECRET = "zzunsaidzz"


async def test_ada_writes_to_the_bot_and_is_told_who_reads_it(ada: Actor) -> None:
    card = await ada.writes("I can't go on like this.")
    assert card is not None
    assert "I'm a program" in card.plain
    assert "I don't look at what you type here. I make no copy of it and show it to nobody." in card.plain
    assert "a person you trust" in card.plain
    (jump,) = (part for part in parts(card.text) if isinstance(part, Jump))
    assert jump.channel == "support"


@pytest.mark.parametrize("said", ["direct-program", "failed-direct", "platform-stranger", "privacy-private"])
def test_it_promises_what_is_true_on_every_platform(said: str) -> None:
    """A platform keeps the conversation, and the local web chat is one: the bot makes no copy of it."""
    promise = line(said, "en")
    assert "I make no copy of it" in promise and "keep none" not in promise


async def test_thanks_and_despair_read_the_same(ada: Actor, bob: Actor) -> None:
    assert await ada.writes("Thanks, feeling a bit better.") == await bob.writes("I can't go on.")


async def test_the_answer_leads_on(ada: Actor) -> None:
    card = await ada.writes("Hello?")
    assert card is not None
    assert [button.id for button in card.buttons] == [
        "rejections.start",
        "home.show",
        "nudges.list",
        "privacy.show",
    ]
    home = await ada.presses(card, "home.show")
    assert isinstance(home, Card) and home.title == "Welcome"


async def test_three_messages_in_a_row_get_one_answer(world: World, ada: Actor, bob: Actor) -> None:
    assert await ada.writes("Hi.")
    assert await ada.writes("Are you there?") is None
    await world.restart()
    assert await ada.writes("Please.") is None, "a restart forgets nothing"
    assert await bob.writes("Hi."), "bob was told nothing yet"
    await world.advance(hours=HOURS - 0.1)
    assert await ada.writes("It is late now.") is None
    await world.advance(hours=0.1)
    assert await ada.writes("I can't sleep.")
    assert await ada.writes("Still here.") is None


async def test_she_is_answered_at_night_and_on_a_break(world: World, ada: Actor) -> None:
    await ada.types("/break 3 days")
    await world.advance(hours=16)
    assert await ada.writes("I can't sleep.")
    async with world.storage.read() as connection:
        row = (await connection.execute(select(people).where(people.c.user == ada.user.key))).one()
    assert row.paused_until is not None, "the break goes on"


async def test_writing_is_a_reaction(world: World, ada: Actor) -> None:
    await ada.gets("/home")
    async with world.storage.write() as tx:
        await tx.execute(update(people).values(ignored=4, platform_language="de"))
    for ignored in (3, 0):  # answered, and not answered again
        await ada.writes("Thanks for asking.")
        async with world.storage.write() as tx:
            row = (await tx.execute(select(people).where(people.c.user == ada.user.key))).one()
            assert row.ignored == 0
            await tx.execute(update(people).values(ignored=ignored))
    if ada.user.platform == "discord":
        assert row.platform_language == "de", "Discord tells no language with a message"


async def test_nothing_of_it_is_kept(world: World, ada: Actor) -> None:
    with capture_logs() as logs:
        assert await ada.writes(f"I was turned down by {SECRET}.")
        await ada.writes(SECRET)
    assert SECRET not in repr(logs)
    assert SECRET not in repr(await world.everything())


async def test_she_can_see_that_she_was_answered_and_have_it_forgotten(world: World, ada: Actor) -> None:
    assert await ada.writes("Hi.")
    async with world.storage.write() as tx:
        kit = world.app.kit
        assert "told that nobody reads here" in await kit.export_all(tx, ada.user)
        await kit.forget_all(tx, ada.user)
        assert "told that nobody reads here" not in await kit.export_all(tx, ada.user)
    assert await ada.writes("Hi again."), "she is new here"


@pytest.mark.in_memory
async def test_what_was_missed_is_no_answer_to_words(world: World, ada: Actor) -> None:
    await ada.gets("/home")
    note = Plan("nudges.ask", ("a", "note"), world.clock.now(), user=ada.user)
    async with world.storage.write() as tx:
        await world.app.kit.outbox.plan(tx, note)
        await tx.execute(update(outbox).values(state=State.UNDELIVERED, done_at=world.clock.now()))
        await tx.execute(update(people).values(unreachable="closed"))
    first = await ada.writes("Hello?")
    assert first is not None and "couldn't" not in first.plain
    assert await ada.writes("Hello?") is None
    home = await ada.gets("/home")
    assert isinstance(home, Card) and "couldn't" in home.plain


@pytest.mark.in_memory
async def test_who_writes_while_nothing_works_is_not_told_of_codes(world: World, ada: Actor) -> None:
    def fails(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT INTO events"):
            raise OSError("disk full")

    event.listen(Engine, "before_cursor_execute", fails)
    try:
        card = await ada.writes("I can't go on.")
    finally:
        event.remove(Engine, "before_cursor_execute", fails)
    assert card is not None and "turn to a person you trust" in card.plain
    assert "code" not in card.plain and not card.buttons
    assert await ada.writes("I can't go on."), "it was no answer that counts"


@pytest.mark.in_memory
async def test_what_is_delivered_twice_is_answered_once(world: World, ada: Actor) -> None:
    said = ada.event(Kind.DIRECT, "direct")
    assert await ada.sends(said)
    assert await ada.sends(said) is None
    await world.restart()
    await world.advance(hours=HOURS)
    assert await ada.sends(said) is None, "silence: no word of something saved already"
    assert await ada.sends(replace(said, id="another"))


async def test_where_there_is_no_channel_yet_she_is_told_of_people_all_the_same(
    world: World, ada: Actor
) -> None:
    async with world.storage.write() as tx:
        await tx.execute(update(communities).values(support=""))
    card = await ada.writes("Hello?")
    assert card is not None and "turn to a person you trust" in card.plain
    assert not [part for part in parts(card.text) if isinstance(part, Jump)]


async def test_it_is_answered_by_one_cog_alone() -> None:
    other = Cog("other")

    @other.direct
    async def answer(ctx: Ctx) -> Card | None: ...

    with pytest.raises(ValueError, match="twice"):
        Registry([*COGS, other])
    assert Registry([]).direct is None

"""/moderate, as conversations: posts can be taken down and authors blocked, and nobody is unmasked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot.chat import Kind, User
from bot.errors import TryLater
from bot.storage.blocks import blocked
from bot.storage.schema import blocks
from bot.ui import Card, Form, Jump, When, parts
from cogs import moderation, nudges, plan, rejections, rest, thread
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

COGS = [moderation.cog, rejections.cog, thread.cog, plan.cog, nudges.cog, rest.cog]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path, cogs=COGS)
    yield made
    await made.close()


@pytest.fixture
def mo(world: World) -> Actor:
    return world.person("mo", is_moderator=True)


async def shares(actor: Actor, **values: str) -> Card | Form | None:
    return await actor.submits(await actor.opens("/rejected"), **{"stage": "interview", **values})


async def gets(actor: Actor, on: Card, button: str, arg: str | None = None) -> Card:
    answer = await actor.presses(on, button, arg)
    assert isinstance(answer, Card), answer
    return answer


async def first_post(mo: Actor) -> Card:
    """The moderator opens the newest post."""
    return await gets(mo, await mo.gets("/moderate"), "moderation.post")


async def takes_down(mo: Actor) -> Card:
    asked = await gets(mo, await first_post(mo), "moderation.remove")
    return await gets(mo, asked, "moderation.remove_yes")


def names_in(card: Card) -> list[str]:
    return [button.label for button in card.buttons if button.id == "moderation.post"]


# -- the list -------------------------------------------------------------------------------------


async def test_only_moderators_and_admins_may(world: World, ada: Actor, bob: Actor) -> None:
    await shares(ada)
    admin = world.person("al", is_admin=True)
    listed = await admin.gets("/moderate")
    detail = await gets(admin, listed, "moderation.post")
    asked = await gets(admin, detail, "moderation.remove")
    assert "for the moderators here" in (await bob.gets("/moderate")).plain
    for card in (listed, detail, asked):
        for button in card.buttons:
            answer = await bob.pushes(button)
            assert isinstance(answer, Card)
            assert "for the moderators here" in answer.plain
    lift = await bob.pushes(moderation.LIFT)
    assert isinstance(lift, Card)
    assert "for the moderators here" in lift.plain
    assert world.support, "the post still stands"


async def test_nothing_to_look_after(mo: Actor) -> None:
    card = await mo.gets("/moderate")
    assert "no anonymous posts" in card.plain
    assert [button.id for button in card.buttons] == ["moderation.blocks"]


async def test_a_post_is_listed_by_pseudonym_stage_time_and_link(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada, stage="final_round")
    (post,) = world.support
    card = await mo.gets("/moderate")
    (name,) = names_in(card)
    assert re.fullmatch(r"\w+ \w+", name)
    assert name in post.card.plain
    assert f"{name} · Final round" in card.plain
    (when,) = [part for part in parts(card.text) if isinstance(part, When)]
    assert when.at == world.clock.now()
    (jump,) = [part for part in parts(card.text) if isinstance(part, Jump)]
    assert jump.message == post.message.id


async def test_only_anonymous_posts_that_stand_are_listed(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada, sign="name")
    await shares(ada, sign="only_me")
    assert not names_in(await mo.gets("/moderate"))
    await shares(ada)
    assert len(names_in(await mo.gets("/moderate"))) == 1


async def test_posts_come_five_a_page_newest_first(world: World, ada: Actor, mo: Actor) -> None:
    for _ in range(7):
        await shares(ada)
        await world.advance(minutes=5)
    newest = [post.card.plain for post in reversed(world.support)]
    card = await mo.gets("/moderate")
    first = names_in(card)
    second = await gets(mo, card, "moderation.list", "1")
    assert [len(first), len(names_in(second))] == [5, 2]
    for name, text in zip([*first, *names_in(second)], newest, strict=True):
        assert name in text
    assert [button.label for button in second.buttons if button.id == "moderation.list"] == ["Newer"]
    assert await gets(mo, second, "moderation.list") == card
    detail = await gets(mo, second, "moderation.post")
    assert await gets(mo, detail, "moderation.list") == second, "back to where it was"


async def test_another_communitys_posts_are_not_shown_and_not_reached(
    world: World, ada: Actor, mo: Actor
) -> None:
    await shares(ada)
    id = (await mo.gets("/moderate")).button("moderation.post").arg.partition(".")[0]
    sam = User("memory", "there", "sam")
    card = await mo.sends(mo.event(Kind.COMMAND, "moderate", user=sam))
    assert isinstance(card, Card)
    assert not names_in(card)
    for button in ("moderation.post", "moderation.remove_yes", "moderation.block"):
        answer = await mo.sends(mo.event(Kind.PRESS, button, arg=id, user=sam))
        assert isinstance(answer, Card)
        assert "isn't there" in answer.plain
    assert world.support


# -- taking a post down ---------------------------------------------------------------------------


async def test_a_post_is_taken_down_after_one_question(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    (post,) = world.support
    detail = await first_post(mo)
    asked = await gets(mo, detail, "moderation.remove")
    assert detail.title in post.card.plain
    assert detail.title in asked.plain
    assert world.support, "a question changes nothing"
    done = await gets(mo, asked, "moderation.remove_yes")
    assert "is being taken down" in done.plain
    assert not world.support
    assert not names_in(await gets(mo, done, "moderation.list"))


async def test_the_removal_goes_through_the_outbox(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)

    def outage(call: str, moment: str) -> None:
        if call == "delete":
            raise TryLater("outage")

    world.chat.trouble = outage
    assert "is being taken down" in (await takes_down(mo)).plain
    assert world.support
    await world.restart()
    world.chat.trouble = lambda call, moment: None
    await world.advance(minutes=5)
    assert not world.support


async def test_its_author_is_told_kindly_and_the_plan_goes_on(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada, stage="no_reply")
    before = await planned(world, ada)
    await takes_down(mo)
    (told,) = ada.dms
    assert "A moderator took down the anonymous post you shared on" in told.card.plain
    assert "Your plan goes on" in told.card.plain
    assert "No need to answer" in told.card.plain
    assert [button.id for button in told.card.buttons] == ["nudges.list", "rest.take"]
    assert await planned(world, ada) == before
    assert before


async def test_taken_down_twice_it_is_told_once(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    asked = await gets(mo, await first_post(mo), "moderation.remove")
    await gets(mo, asked, "moderation.remove_yes")
    again = await gets(world.person("mia", is_moderator=True), asked, "moderation.remove_yes")
    assert "isn't there" in again.plain
    assert len(ada.dms) == 1


async def test_word_of_it_does_not_wait_for_another_day(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    await world.advance(hours=9)
    assert len(ada.dms) == 1, "the day's message"
    await takes_down(mo)
    assert "A moderator took down" in ada.dms[-1].card.plain


async def test_at_night_the_word_of_it_waits_and_is_listed(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    await world.advance(hours=14)
    already = len(ada.dms)
    await takes_down(mo)
    assert not world.support
    assert len(ada.dms) == already
    assert "A note about your post" in (await ada.gets("/nudges")).plain
    await world.advance(hours=11)
    shown = [message.card.plain for message in ada.dms[already:]]
    assert any("A moderator took down" in text or "A note about your post" in text for text in shown)


async def planned(world: World, actor: Actor) -> list[str]:
    async with world.storage.read() as connection:
        return [row.kind for row in await world.app.kit.outbox.coming(connection, actor.user)]


# -- blocks ---------------------------------------------------------------------------------------


async def blocks_author(mo: Actor) -> Card:
    return await gets(mo, await first_post(mo), "moderation.block")


async def refused(actor: Actor) -> bool:
    """Whether an anonymous post of this person is refused, with a kind word beside the field."""
    answer = await shares(actor)
    return isinstance(answer, Form) and "paused anonymous posts" in answer.errors["sign"]


async def test_a_block_holds_for_new_posts_and_after_a_restart(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    done = await blocks_author(mo)
    assert "can't post without their name" in done.plain
    assert await refused(ada)
    await world.restart()
    await world.advance(days=40)
    assert await refused(ada)
    assert len(world.support) == 1


async def test_a_blocked_author_can_still_use_their_name_or_keep_it(
    world: World, ada: Actor, mo: Actor
) -> None:
    await shares(ada)
    messages = len(world.chat.sent)
    await blocks_author(mo)
    assert len(world.chat.sent) == messages, "nobody is told"
    assert isinstance(await shares(ada, sign="name"), Card)
    assert isinstance(await shares(ada, sign="only_me"), Card)
    assert len(world.support) == 2


async def test_nobody_else_is_blocked(world: World, ada: Actor, bob: Actor, mo: Actor) -> None:
    await shares(bob)
    await world.advance(minutes=5)
    await shares(ada)
    await blocks_author(mo)
    assert await refused(ada) is not await refused(bob)
    async with world.storage.read() as connection:
        kit = world.app.kit
        assert await blocked(connection, kit.vault, "memory/here", ada.user.key)
        assert not await blocked(connection, kit.vault, "memory/there", ada.user.key)
        for number in range(200):
            assert not await blocked(connection, kit.vault, "memory/here", f"memory/here/{number}")


async def test_a_block_can_be_lifted(world: World, ada: Actor, mo: Actor) -> None:
    await shares(ada)
    name = (await first_post(mo)).title
    listed = await gets(mo, await blocks_author(mo), "moderation.blocks")
    assert name in listed.plain
    lifted = await gets(mo, listed, "moderation.lift")
    assert "That block is lifted." in lifted.plain
    assert "Nobody is blocked." in lifted.plain
    assert not await refused(ada)


async def test_blocking_two_posts_does_not_tell_that_one_person_wrote_them(
    world: World, ada: Actor, mo: Actor
) -> None:
    await shares(ada)
    await world.advance(minutes=5)
    await shares(ada)
    listed = await mo.gets("/moderate")
    names = names_in(listed)
    answers: list[str] = []
    for button in [each for each in listed.buttons if each.id == "moderation.post"]:
        detail = await gets(mo, listed, button.id, button.arg)
        answers.append((await gets(mo, detail, "moderation.block")).plain.replace(detail.title, "X"))
    assert answers[0] == answers[1]
    entries = await gets(mo, await blocks_author(mo), "moderation.blocks")
    assert sorted(each.label for each in entries.buttons if each.id == "moderation.lift") == sorted(
        f"Lift: {name}" for name in names
    )
    assert len({each.arg for each in entries.buttons if each.id == "moderation.lift"}) == 2
    await gets(mo, entries, "moderation.lift")
    assert await refused(ada), "the other block stands"


async def test_blocks_come_five_a_page(world: World, mo: Actor) -> None:
    for number in range(6):
        await shares(world.person(f"p{number}"))
        await blocks_author(mo)
        await world.advance(minutes=1)
    card = await gets(mo, await mo.gets("/moderate"), "moderation.blocks")
    assert sum(button.id == "moderation.lift" for button in card.buttons) == 5
    older = await gets(mo, card, "moderation.blocks")
    assert sum(button.id == "moderation.lift" for button in older.buttons) == 1
    assert await gets(mo, older, "moderation.blocks") == card


async def test_a_block_is_shown_to_its_person_and_outlives_forgetting(
    world: World, ada: Actor, mo: Actor
) -> None:
    await shares(ada)
    kit = world.app.kit
    async with world.storage.write() as tx:
        assert "blocked from anonymous posts" not in await kit.export_all(tx, ada.user)
    await blocks_author(mo)
    async with world.storage.write() as tx:
        assert (await kit.export_all(tx, ada.user))["blocked from anonymous posts"] is True
        await kit.forget_all(tx, ada.user)
    assert await refused(ada)


# -- nobody is unmasked ---------------------------------------------------------------------------


async def test_a_moderator_never_sees_who_it_is(
    world: World, mo: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    author = world.person("zq77-ottoline", name="Adalbertine")  # no id made by chance spells these
    seen: list[object] = []
    with capture_logs() as logs, caplog.at_level("WARNING"):
        await shares(author, where="Acme", story="Four rounds.")
        seen.append(card := await mo.gets("/moderate"))
        seen.append(detail := await gets(mo, card, "moderation.post"))
        seen.append(done := await gets(mo, detail, "moderation.block"))
        seen.append(listed := await gets(mo, done, "moderation.blocks"))
        seen.append(await refused(author))
        seen.append(await gets(mo, listed, "moderation.lift"))
        seen.append(await takes_down(mo))
        seen.append(await mo.gets("/moderate"))
        seen.append(await mo.presses(detail, "moderation.remove"))
        await world.advance(days=1)
    seen += [post for post in world.chat.sent.values() if post.message.place.channel != "dm:zq77-ottoline"]
    everything = repr(seen) + repr(logs) + caplog.text
    assert author.dms
    for secret in ("zq77-ottoline", "Adalbertine", "Acme", world.vault.owner(author.user.key)):
        assert secret not in everything


async def test_the_file_does_not_tell_who_is_blocked(world: World, mo: Actor) -> None:
    author = world.person("ottoline")  # a name that a token's hex digits cannot spell
    await shares(author)
    await blocks_author(mo)
    async with world.storage.read() as connection:
        rows: list[Any] = [dict(row) for row in (await connection.execute(select(blocks))).mappings()]
    (row,) = rows
    assert "ottoline" not in repr(row).lower()
    assert len(row["token"]) == 64
    assert row["token"] != world.vault.owner(author.user.key)

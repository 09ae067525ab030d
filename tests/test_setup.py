"""/setup, as conversations: channels are chosen and looked at, and what lacks is said once, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot import communities, trouble
from bot.app import App
from bot.chat import Place
from bot.clock import SystemClock
from bot.cog import Community
from bot.errors import Misconfigured, TryLater, Undeliverable
from bot.platforms.web import WebChat
from bot.storage.schema import outbox
from bot.ui import Button, Card, Form, Jump, Tone, parts
from tests.webkit import Server, window
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

SUPPORT = Place("memory", "here", "help")
LACKS = {"channel": "help", "channel_id": "help", "permissions": "Create Public Threads"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path, set_up=False)
    yield made
    await made.close()


@pytest.fixture
def olu(world: World) -> Actor:
    return world.person("olu", is_admin=True)


async def sets_up(olu: Actor, **values: str) -> Card:
    chosen = {"support": "help", "wins": "yay", "moderation": "team", **values}
    answer = await olu.submits(await olu.opens("/setup"), **chosen)
    assert isinstance(answer, Card), answer
    return answer


async def gets(actor: Actor, on: Card, button: str) -> Card:
    answer = await actor.presses(on, button)
    assert isinstance(answer, Card), answer
    return answer


async def community(app: App) -> Community:
    async with app.kit.storage.read() as connection:
        return await communities.load(connection, "memory", "here")


def jumps(card: Card) -> list[str]:
    texts = [card.text, *(fact.value for fact in card.fields)]
    return [part.channel for text in texts for part in parts(text) if isinstance(part, Jump)]


# -- who may --------------------------------------------------------------------------------------


async def test_only_organisers_may(world: World, olu: Actor, ada: Actor) -> None:
    card = await sets_up(olu)
    await gets(olu, card, "setup.test")
    (post,) = world.chat.within("help")
    mo = world.person("mo", is_moderator=True)
    for person in (ada, mo):
        assert "for the organisers here" in (await person.gets("/setup")).plain
        for button in (*card.buttons, *post.card.buttons):
            answer = await person.pushes(button, post.message)
            assert isinstance(answer, Card)
            assert "for the organisers here" in answer.plain
        answer = await person.submits(await olu.opens("/setup"), support="elsewhere")
        assert isinstance(answer, Card)
        assert "for the organisers here" in answer.plain
        assert not answer.buttons, "there is nothing for them to open again"
        again = await person.pushes(Button("form.again", "setup.edit:"))
        assert isinstance(again, Card)
        assert "for the organisers here" in again.plain
    assert (await community(world.app)).support == SUPPORT
    assert world.chat.within("help") == [post]


async def test_who_may_is_part_of_a_command(world: World) -> None:
    audiences = {each.name: each.audience for each in world.app.dispatcher.commands("en")}
    assert (audiences["setup"], audiences["moderate"], audiences["rejected"]) == (
        "organisers",
        "moderators",
        "everyone",
    )


@pytest.fixture
async def web(world: World) -> AsyncIterator[WebChat]:
    """The local web chat, served by the same bot."""

    async def nothing() -> None:
        return None

    chat = WebChat(
        storage=world.storage,
        vault=world.vault,
        clock=SystemClock(),
        port=0,
        next_event=nothing,
        announce=lambda address: None,
    )
    running = asyncio.create_task(chat.run(world.app.dispatcher))
    await chat.ready.wait()
    yield chat
    running.cancel()
    await asyncio.wait([running])


async def test_the_web_chat_offers_each_person_what_is_for_them(web: WebChat) -> None:
    offered: dict[str, set[str]] = {}
    for person in ("ada", "mo", "olu"):
        async with window(cast(Server, web), person) as opened:
            offered[person] = {command["name"] for command in opened.state["commands"]}
    assert "rejected" in offered["ada"]
    assert offered["mo"] - offered["ada"] == {"moderate"}
    assert offered["olu"] - offered["mo"] == {"setup"}


async def test_in_the_web_chat_posts_go_where_several_people_read(web: WebChat) -> None:
    for channel in ("support", "moderation"):
        assert await web.check(Place("web", "local", channel), threads=True) == ()
    for channel in ("dm:ada", "nowhere"):
        with pytest.raises(Undeliverable):
            await web.check(Place("web", "local", channel))


# -- the channels ---------------------------------------------------------------------------------


async def test_the_form_asks_for_five_things_and_starts_from_the_usual(olu: Actor) -> None:
    form = await olu.opens("/setup")
    assert {field.name: (field.value, field.optional) for field in form.fields} == {
        "support": ("", False),
        "wins": ("", True),
        "moderation": ("", True),
        "sign": ("anonymous", False),
        "plan": ("on", False),
    }


async def test_what_is_set_is_said_and_stands_in_the_form_the_next_time(world: World, olu: Actor) -> None:
    card = await sets_up(olu, sign="name", plan="off", wins="")
    assert jumps(card) == ["help", "team"]
    assert "Wins: No channel yet" in card.plain
    assert "Signed at first: With my name" in card.plain
    assert "A plan after each no: Only for those who ask for it" in card.plain
    assert "all saved" in card.plain
    assert [button.id for button in card.buttons] == ["setup.test", "setup.check", "setup.change"]
    await world.restart()
    form = await olu.presses(card, "setup.change")
    assert isinstance(form, Form)
    assert [field.value for field in form.fields] == ["help", "", "team", "name", "off"]
    await sets_up(olu, wins="yay", moderation="")
    assert await community(world.app) == Community(
        "memory/here", SUPPORT, Place("memory", "here", "yay"), None, "name", False
    )


async def test_until_then_rejected_is_private_and_says_so(world: World, olu: Actor, ada: Actor) -> None:
    private = await ada.submits(await ada.opens("/rejected"), stage="interview")
    assert isinstance(private, Card)
    assert "no support channel yet" in private.plain
    assert not world.chat.within("help")
    await sets_up(olu)
    await ada.submits(await ada.opens("/rejected"), stage="interview")
    assert len(world.chat.within("help")) == 1


async def test_a_channel_that_is_none_is_refused_beside_its_field(world: World, olu: Actor) -> None:
    world.chat.gone_channels.add("yay")
    answer = await olu.submits(await olu.opens("/setup"), support="help", wins="yay")
    assert isinstance(answer, Form)
    assert list(answer.errors) == ["wins"]
    assert await community(world.app) == Community("memory/here")
    assert isinstance(await olu.submits(answer, wins="joy"), Card)


# -- what lacks -----------------------------------------------------------------------------------


async def test_each_missing_permission_is_named_with_its_channel(world: World, olu: Actor) -> None:
    world.chat.forbidden = {"help": ["Create Public Threads", "Attach Files"], "team": ["View Channels"]}
    card = await sets_up(olu)
    assert card.tone is Tone.PROBLEM
    assert "In the support channel: Create Public Threads\n" in card.plain
    assert "In the support channel: Attach Files\n" in card.plain
    assert "In the moderation channel: View Channels" in card.plain
    assert "In the wins channel" not in card.plain
    world.chat.forbidden = {"team": ["View Channels"]}
    card = await gets(olu, card, "setup.check")
    assert "the support channel:" not in card.plain
    assert "In the moderation channel: View Channels" in card.plain
    world.chat.forbidden = {}
    assert "I can post in these channels" in (await gets(olu, card, "setup.check")).plain


async def test_a_channel_that_went_away_is_named(world: World, olu: Actor) -> None:
    card = await sets_up(olu)
    world.chat.gone_channels.add("help")
    card = await gets(olu, card, "setup.check")
    assert "the support channel: I can't find it any more" in card.plain


async def test_an_outage_stops_nothing(world: World, olu: Actor) -> None:
    def outage(call: str, moment: str) -> None:
        if call == "check":
            raise TryLater("outage")

    world.chat.trouble = outage
    card = await sets_up(olu)
    assert "couldn't look at every channel" in card.plain
    assert (await community(world.app)).support == SUPPORT


# -- a test post ----------------------------------------------------------------------------------


async def test_a_test_post_appears_and_can_be_deleted(world: World, olu: Actor) -> None:
    card = await sets_up(olu)
    assert "on its way" in (await gets(olu, card, "setup.test")).plain
    (post,) = world.chat.within("help")
    assert "nobody needs to answer" in post.card.plain
    answer = await olu.presses(post, "setup.remove")
    assert isinstance(answer, Card)
    assert not world.chat.within("help")
    await gets(olu, card, "setup.test")
    assert len(world.chat.within("help")) == 1, "another press is another post"


# -- what people start from -----------------------------------------------------------------------


async def test_the_form_for_a_no_starts_from_the_communitys_signature(olu: Actor, ada: Actor) -> None:
    await sets_up(olu, sign="name")
    for form in (await ada.opens("/rejected Acme"), await ada.pushes(Button("rejections.start"))):
        assert isinstance(form, Form)
        assert {field.name: field.value for field in form.fields}["sign"] == "name"


async def test_without_a_plan_by_itself_it_comes_for_those_who_ask(
    world: World, olu: Actor, ada: Actor
) -> None:
    await sets_up(olu, plan="off")
    card = await ada.submits(await ada.opens("/rejected"), stage="interview")
    assert isinstance(card, Card)
    assert "Over the next days" not in card.plain
    assert "If you'd like" in card.plain
    async with world.storage.read() as connection:
        assert not await world.app.kit.outbox.coming(connection, ada.user)
    await world.advance(days=1)
    bob = await world.person("bob").pushes(card.button("rejections.plan"))
    assert isinstance(bob, Card)
    assert "isn't there" in bob.plain, "a plan is its author's"
    planned = await gets(ada, card, "rejections.plan")
    assert "Over the next days" in planned.plain
    assert "planned already" in (await gets(ada, card, "rejections.plan")).plain
    async with world.storage.read() as connection:
        coming = await world.app.kit.outbox.coming(connection, ada.user)
    assert {row.kind for row in coming} > {"plan.thank_you", "plan.check_in"}
    assert all(row.due_at > world.clock.now() for row in coming)
    await world.advance(days=2)
    assert ada.dms


# -- what only organisers can mend ----------------------------------------------------------------


async def test_trouble_is_told_once_a_day_with_permission_and_channel(world: World, olu: Actor) -> None:
    await sets_up(olu)
    for _ in range(3):
        await trouble.tell(world.app.kit, SUPPORT, "discord-permissions", LACKS)
        await world.advance(hours=1)
    (told,) = world.chat.within("team")
    assert "Create Public Threads" in told.card.plain
    assert jumps(told.card) == ["help"]
    assert "Nothing is lost" in told.card.plain
    other = {**LACKS, "permissions": "Attach Files"}
    await trouble.tell(world.app.kit, SUPPORT, "discord-permissions", other)
    await world.app.sender.drain()
    assert len(world.chat.within("team")) == 2, "another cause is another message"
    await world.advance(days=1)
    await trouble.tell(world.app.kit, SUPPORT, "discord-permissions", LACKS)
    await world.app.sender.drain()
    assert len(world.chat.within("team")) == 3
    assert "I can post in these channels" in (await gets(olu, told.card, "setup.check")).plain


async def test_a_channel_is_called_by_its_name_where_that_is_known(world: World, olu: Actor) -> None:
    await sets_up(olu)
    gone = {"channel": "support", "channel_id": "help"}
    await trouble.tell(world.app.kit, SUPPORT, "discord-channel-gone", gone)
    await world.app.sender.drain()
    (told,) = world.chat.within("team")
    assert "#support" in told.card.plain


@pytest.mark.parametrize(("moderation", "about"), [("", "help"), ("team", "team")])
async def test_without_a_moderation_channel_that_works_the_log_has_it_once(
    moderation: str, about: str, world: World, olu: Actor
) -> None:
    await sets_up(olu, moderation=moderation)
    says = {**LACKS, "channel": about, "channel_id": about}
    with capture_logs() as logged:
        for _ in range(3):
            await trouble.tell(world.app.kit, Place("memory", "here", about), "discord-permissions", says)
    (line,) = logged
    assert line["log_level"] == "error"
    assert f"I can't post in {about}" in line["said"]
    assert "Create Public Threads" in line["said"]
    async with world.storage.read() as connection:
        assert (await connection.execute(select(outbox.c.kind))).all() == []


async def test_a_post_that_waits_is_told_once_and_goes_out_when_it_is_mended(
    world: World, olu: Actor, ada: Actor
) -> None:
    await sets_up(olu)
    broken = {"help"}
    post = world.chat.post

    async def refused(place: Place, card: Card, **key: object):
        if place.channel in broken:
            raise Misconfigured("a room needs a text channel")
        return await post(place, card, **key)  # type: ignore[arg-type]

    world.chat.post = refused  # type: ignore[method-assign]
    await ada.submits(await ada.opens("/rejected"), stage="interview")
    await world.advance(hours=5)
    (told,) = world.chat.within("team")
    assert "a room needs a text channel" in told.card.plain
    assert not world.chat.within("help")
    broken.clear()
    await world.advance(minutes=15)
    assert len(world.chat.within("help")) == 1
    assert len(world.chat.within("team")) == 1


async def test_what_the_platform_has_said_of_a_place_is_not_said_again(
    world: World, olu: Actor, ada: Actor
) -> None:
    await sets_up(olu)

    def refused(call: str, moment: str) -> None:
        if call == "post" and moment == "before" and not told:
            raise Misconfigured("missing permission")

    told: list[bool] = []
    await trouble.tell(world.app.kit, SUPPORT, "discord-permissions", LACKS)
    await world.app.sender.drain()
    world.chat.trouble = refused
    await ada.submits(await ada.opens("/rejected"), stage="interview")
    told.append(True)
    await world.advance(hours=1)
    assert len(world.chat.within("team")) == 1
    assert len(world.chat.within("help")) == 1


async def test_where_organisers_could_not_be_told_the_log_says_so(world: World, olu: Actor) -> None:
    await sets_up(olu)

    def refused(call: str, moment: str) -> None:
        raise Misconfigured("missing permission")

    world.chat.trouble = refused
    await trouble.tell(world.app.kit, SUPPORT, "discord-permissions", LACKS)
    with capture_logs() as logged:
        await world.advance(days=2)
    assert [line["words"] for line in logged if line["event"] == "organisers not told"] == [
        "discord-permissions"
    ]
    about_itself = [line for line in logged if line["event"] == "organisers have something to mend"]
    assert about_itself == [], "a message that waits is no cause for another"


async def test_trouble_in_telling_stops_nobody(world: World, olu: Actor) -> None:
    await sets_up(olu, moderation="")
    with capture_logs() as logged:
        await trouble.tell(world.app.kit, SUPPORT, "no-such-words", {})
    assert [line["event"] for line in logged] == ["organisers not told"]

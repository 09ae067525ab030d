"""The local web chat over real WebSockets: who sees what, and what commands, forms and buttons do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.chat import Kind, Message, Place, User
from bot.errors import Undeliverable
from bot.ui import Card
from tests.webbot import COMPANIES, every_part, plan
from tests.webkit import MORNING, STORY, Server, serving, share, window, words

pytestmark = pytest.mark.usefixtures("database")  # on both

SUPPORT = Place("web", "local", "support")
ADA, BOB = User("web", "local", "ada"), User("web", "local", "bob")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "chat.db") as started:
        yield started


# -- who sees what ----------------------------------------------------------------------------------


async def test_two_people_see_each_others_words(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("say", channel="general", text="Morning, all.")
        heard = await bob.next("message")
        assert heard["message"]["text"] == "Morning, all."
        assert (heard["message"]["author"], heard["message"]["private"]) == ("ada", False)
        await bob.act("say", channel="general", text="Morning, Ada.")
        await ada.next("message")
        assert ada.texts() == bob.texts() == ["Morning, all.", "Morning, Ada."]
    async with window(server, "chidi") as chidi:
        assert chidi.texts() == ["Morning, all.", "Morning, Ada."]


async def test_a_private_reply_reaches_nobody_else(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob, window(server, "mo") as mo:
        await ada.act("command", channel="support", name="plan", arg="", values={})
        assert [message["private"] for message in ada.messages()] == [True]
        for other in (bob, mo):
            await other.settled()
            assert other.texts() == []
    async with window(server, "bob") as bob:
        assert bob.texts() == []
    async with window(server, "ada") as ada:
        assert "Take today slowly" in ada.texts()[0]


async def test_a_direct_message_reaches_its_person_alone(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "olu") as olu:
        await server.chat.dm(ADA, Card("How are you today?"), key="nudge1")
        assert words((await ada.next("message"))["message"]) == "How are you today?"
        await olu.settled()
        assert olu.texts() == []
        refused = await olu.act("say", channel="dm:ada", text="I can write here?")
        assert "isn't open to you" in refused["error"]
        assert "dm:ada" not in {channel["id"] for channel in olu.state["channels"]}


async def test_only_staff_see_the_moderation_channel(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "mo") as mo, window(server, "olu") as olu:
        await server.chat.post(Place("web", "local", "moderation"), Card("A story waits for you."), key="m1")
        for staff in (mo, olu):
            await staff.next("message")
        await ada.settled()
        assert ada.texts() == []
        assert "moderation" not in {channel["id"] for channel in ada.state["channels"]}
        assert "error" in await ada.act("say", channel="moderation", text="hello")
        assert "error" in await ada.act("press", message=1, button="plan.done:0")


async def test_a_room_is_for_its_people(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob, window(server, "devi") as devi:
        there = await server.chat.room([ADA, BOB], "Interview practice", key="pair1")
        assert await server.chat.room([ADA, BOB], "Interview practice", key="pair1") == there
        assert (await bob.next("channel"))["channel"]["name"] == "Interview practice"
        await ada.act("say", channel=there.channel, text="Shall we start with the easy one?")
        await bob.until(lambda frame: words(frame.get("message", {})).startswith("Shall we"))
        await devi.settled()
        assert devi.messages() == []
    await server.restart()
    async with window(server, "bob") as bob, window(server, "devi") as devi:
        assert there.channel in {channel["id"] for channel in bob.state["channels"]}
        assert bob.texts()[-1] == "Shall we start with the easy one?"
        assert devi.messages() == []
    with pytest.raises(Undeliverable):
        await server.chat.room([ADA, User("slack", "T1", "U1")], "No", key="pair2")


async def test_a_picture_is_shown_to_those_who_see_its_card(server: Server) -> None:
    await server.chat.dm(ADA, every_part(MORNING), key="month1")
    async with window(server, "ada") as ada, aiohttp.ClientSession() as session:
        (message,) = ada.messages()
        assert "data" not in message["card"]["image"]
        source = server.address.rstrip("/") + message["card"]["image"]["src"]
        async with session.get(source + "&as=ada") as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
            assert (await answer.read()).startswith(b"\x89PNG")
        for other in ("&as=bob", "&as=nobody", ""):
            async with session.get(source + other) as answer:
                assert answer.status == 404


# -- commands, forms, buttons -------------------------------------------------------------------------


async def test_a_no_is_shared_through_its_form(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        answer = await share(ada)
        assert "open" not in answer
        assert [words(m) for m in bob.messages()] == []
        assert [m["private"] for m in ada.messages()][-1]
        await bob.until(lambda frame: frame["type"] == "message" and frame["message"]["thread"] is not None)
        post, opener = bob.messages()
        assert STORY in words(post)
        assert post["title"] == "Quiet Heron, after a final round"
        assert opener["thread"] == post["id"]
    event = server.bot.handled[-1]
    assert (event.kind, event.name, event.place) == (Kind.SUBMIT, "rejections.share", SUPPORT)
    assert (event.display, event.zone, event.is_moderator) == ("Ada", "Europe/Berlin", False)


async def test_what_is_wrong_in_a_form_is_said_beside_the_field(server: Server) -> None:
    async with window(server, "ada") as ada:
        answer = await share(ada, story="x")
        fields = {field["name"]: field for field in answer["open"]["fields"]}
        assert fields["story"]["error"] == "A word or two is enough."
        assert fields["story"]["value"] == "x"
        assert ada.messages() == []
        assert "open" not in await share(ada)


async def test_a_form_that_cannot_open_answers_with_a_card(server: Server) -> None:
    async with window(server, "ada") as ada:
        await ada.act("command", channel="support", name="rejected", arg="later", values={})
        assert ada.texts() == ["Not now is fine. This waits for you."]


async def test_a_button_changes_its_private_card_in_place(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("command", channel="wins", name="plan", arg="", values={})
        (card,) = ada.messages()
        await ada.act("press", message=card["id"], button="plan.page:1")
        await ada.act("press", message=card["id"], button="plan.done:1")
        (card,) = ada.messages()
        assert words(card).startswith("Done, and it counts")
        assert not card["edited"]
        assert "error" in await ada.act("press", message=card["id"], button="plan.done:1")
        assert "error" in await bob.act("press", message=card["id"], button="plan.page:1")
    event = server.bot.handled[-1]
    assert event.message == Message(Place("web", "local", "wins"), str(card["id"]))
    assert (event.name, event.arg) == ("plan.done", "1")


async def test_a_quiet_button_shows_nothing(server: Server) -> None:
    await server.bot.tell(STORY, key="post1")
    async with window(server, "bob") as bob:
        before = bob.texts()
        await bob.act("press", message=1, button="rejections.not_alone:")
        assert bob.texts() == before
    assert [event.name for event in server.bot.handled] == ["rejections.not_alone"]


async def test_a_public_card_never_changes_under_one_persons_hand(server: Server) -> None:
    await server.chat.post(SUPPORT, plan(0), key="public")
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("press", message=1, button="plan.page:1")
        assert [message["private"] for message in ada.messages()] == [False, True]
        await bob.settled()
        assert bob.texts() == ["Take today slowly. Nothing has to be done about it yet."]


async def test_an_unknown_command_is_answered_privately(server: Server) -> None:
    async with window(server, "ada") as ada:
        await ada.act("command", channel="support", name="nope", arg="", values={})
        assert ada.texts() == ["I don't know /nope. Type /help to see what I can do."]
        assert ada.messages()[0]["private"]


async def test_values_of_options_are_completed_and_handed_on(server: Server) -> None:
    async with window(server, "ada") as ada:
        answer = await ada.act(
            "suggest",
            channel="support",
            of="command",
            name="resource",
            option="company",
            arg="blue",
            values={},
        )
        assert [choice["value"] for choice in answer["choices"]] == [c for c in COMPANIES if "Blue" in c]
        values = {"topic": "rest", "company": "Blue Kite"}
        await ada.act("command", channel="support", name="resource", arg="", values=values)
        assert server.bot.handled[-1].values == values


async def test_writing_in_the_bots_thread_is_noticed(server: Server) -> None:
    post = await server.bot.tell(STORY, key="post1")
    root = int(post.id)
    server.bot.replies_too = True
    async with window(server, "bob") as bob, window(server, "ada") as ada:
        await bob.act("say", channel="support", thread=root, text="I had that too.")
        await bob.act("say", channel="general", text="Not in a thread.")
        assert words(bob.messages()[-2]) == "Thank you for writing here."
        await ada.settled()
        assert "Thank you for writing here." not in ada.texts()
    (event,) = server.bot.handled
    assert (event.kind, event.name) == (Kind.REPLY, "reply")
    assert event.place == Place("web", "local", "support", str(root))
    assert event.message is not None
    assert event.message.place == event.place


async def test_words_to_the_bot_itself_are_noticed_and_not_handed_on(server: Server) -> None:
    server.bot.replies_too = True
    async with window(server, "bob") as bob, window(server, "ada") as ada:
        await bob.act("say", channel="dm:bob", text="I can't go on.")
        assert words(bob.messages()[-1]) == "Thank you for writing here."
        await server.chat.dm(BOB, Card("How are you today?"), key="nudge1")
        root = (await bob.next("message"))["message"]["id"]
        await bob.act("say", channel="dm:bob", thread=root, text="In the nudge's own thread.")
        await ada.settled()
        assert ada.texts() == []
    assert [(each.kind, each.name) for each in server.bot.handled] == [(Kind.DIRECT, "direct")] * 2
    assert server.bot.handled[0].place == Place("web", "local", "dm:bob")
    assert "go on" not in repr(server.bot.handled)


async def test_a_private_reply_can_be_put_away(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("command", channel="support", name="help", arg="", values={})
        (card,) = ada.messages()
        assert "error" in await bob.act("dismiss", message=card["id"])
        await ada.act("dismiss", message=card["id"])
        assert ada.messages()[0]["gone"] is True
        await bob.act("say", channel="support", text="Mine")
        assert "error" in await bob.act("dismiss", message=bob.messages()[-1]["id"])
    async with window(server, "ada") as ada:
        assert ada.texts() == ["Mine"]

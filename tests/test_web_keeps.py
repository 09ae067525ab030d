"""What the local web chat does once however often it is asked, and keeps over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.chat import Message, Place, User
from bot.errors import Gone, Undeliverable
from bot.platforms.web import stored_offset
from bot.storage.schema import communities
from bot.ui import Card
from tests.webkit import FILLED, STORY, Server, later, serving, share, window, words

pytestmark = pytest.mark.usefixtures("database")  # on both

SUPPORT = Place("web", "local", "support")
ADA, BOB = User("web", "local", "ada"), User("web", "local", "bob")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "chat.db") as started:
        yield started


async def test_the_same_key_posts_once(server: Server) -> None:
    first = await server.chat.post(SUPPORT, Card("Once."), key="k1")
    again = await server.chat.post(SUPPORT, Card("Once."), key="k1", again=True)
    assert first == again
    told = await asyncio.gather(*(server.chat.dm(BOB, Card("Twice?"), key="k2") for _ in range(5)))
    assert len(set(told)) == 1
    await server.chat.delete(first)
    assert await server.chat.post(SUPPORT, Card("Once."), key="k1") == first
    async with window(server, "bob") as bob:
        assert bob.texts() == ["Twice?"]


async def test_an_action_sent_again_is_done_once(server: Server) -> None:
    async with window(server, "ada") as ada:
        for _ in range(3):
            await ada.act("say", again="say-0001", channel="general", text="Only once.")
            await ada.act("command", again="cmd-0001", channel="general", name="help", arg="", values={})
        assert len(ada.messages()) == 2
    assert server.bot.asked == ["web:ada:cmd-0001"]
    await server.restart()
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("say", again="say-0001", channel="general", text="Only once.")
        await ada.act("command", again="cmd-0001", channel="general", name="help", arg="", values={})
        assert len(ada.messages()) == 2
        await bob.act("say", again="say-0001", channel="general", text="Bob made up the same id.")
        assert len(bob.messages()) == 2
    assert server.bot.asked == []


async def test_a_break_while_the_bot_works_loses_nothing(server: Server) -> None:
    server.bot.gate.clear()
    async with window(server, "ada") as ada:
        frame = {
            "do": "command",
            "id": "cmd-0002",
            "channel": "support",
            "name": "help",
            "arg": "",
            "values": {},
        }
        await ada.send(frame)
        while not server.bot.asked:
            await ada.settled()
    async with window(server, "ada") as ada:
        await ada.send(frame)
        await ada.settled()
        server.bot.gate.set()
        await ada.until(lambda heard: heard.get("id") == "cmd-0002")
        assert len(ada.messages()) == 1
    assert server.bot.asked == ["web:ada:cmd-0002"]


async def test_a_restart_between_click_and_answer_loses_nothing(server: Server) -> None:
    server.bot.gate.clear()
    frame = {
        "do": "submit",
        "id": "sub-0003",
        "channel": "support",
        "form": "rejections.share",
        "values": FILLED,
    }
    async with window(server, "ada") as ada:
        await ada.send(frame)
        while not server.bot.asked:
            await ada.settled()
        await server.restart()
    async with window(server, "ada") as ada:
        assert ada.messages() == []
        await ada.send(frame)
        await ada.until(lambda heard: heard.get("id") == "sub-0003")
        assert STORY in ada.texts()[0]
        assert len(ada.messages()) == 3


async def test_everything_is_there_after_a_restart(server: Server) -> None:
    async with window(server, "ada") as ada:
        await share(ada)
        await ada.act("say", channel="support", thread=1, text="Thank you for reading.")
        await ada.act("read", channel="support", upto=1)
        before = ada.messages()
    await server.restart()
    async with window(server, "ada") as ada:
        assert ada.messages() == before
        assert ada.state["read"]["support"] == 1


@pytest.mark.sqlite
async def test_what_was_written_is_not_readable_in_the_file(server: Server) -> None:
    async with window(server, "ada") as ada:
        await share(ada, story="Zugzwangmaschine")
        await ada.act("say", channel="general", text="Quokkafarbe")
    await server.stop()
    stored = b"".join(file.read_bytes() for file in server.file.parent.iterdir())
    for word in (b"Zugzwangmaschine", b"Quokkafarbe", b"Quiet Heron"):
        assert word not in stored
    assert b"support" in stored
    await server.start()


async def test_the_clock_moves_once_and_stays_moved(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "bob") as bob:
        await ada.act("clock", again="clock-01", hours=24)
        await ada.act("clock", again="clock-01", hours=24)
        await bob.next("clock")
        assert later(hours=24) <= server.clock.now() < later(hours=25)
        assert "error" in await ada.act("clock", hours=5)
        assert (await ada.act("clock", to="next"))["note"] == "Nothing is planned right now."
        server.due = later(days=3)
        await ada.act("clock", to="next")
        assert later(days=3) < server.clock.now() < later(days=3, minutes=5)
        server.due = later(days=1)
        await ada.act("clock", to="next")
        assert server.clock.now() < later(days=3, minutes=5)
    await server.restart()
    async with window(server, "ada") as ada:
        await ada.act("clock", again="clock-02", hours=2)
        moved = server.clock.now()
        assert later(days=3, hours=2) < moved < later(days=3, hours=3)
    await server.restart()
    async with window(server, "ada") as ada:
        await ada.act("clock", again="clock-02", hours=2)
        assert server.clock.now() - moved < timedelta(hours=1)


class Watched(Server):
    """Remembers how far the clock is kept to be, whenever what is due is being sent."""

    kept: list[timedelta]

    async def _next_event(self) -> datetime | None:
        self.kept.append(await stored_offset(self.storage))
        return await super()._next_event()


async def test_killed_while_time_passes_the_clock_does_not_go_back(tmp_path: Path) -> None:
    server = Watched(tmp_path / "chat.db")
    server.kept = []
    await server.start()
    try:
        async with window(server, "ada") as ada:
            server.due = later(days=3)
            await ada.act("clock", to="next")
        assert server.clock.now() > later(days=3)
        assert server.kept[-1] == server.clock.offset, "before anything is sent at the new time"
    finally:
        await server.stop()


async def test_how_far_was_read_is_kept_and_told_to_ones_other_windows(server: Server) -> None:
    async with window(server, "ada") as ada, window(server, "ada") as other, window(server, "bob") as bob:
        await bob.act("say", channel="wins", text="A reply came.")
        await ada.act("read", channel="wins", upto=1)
        await ada.act("read", channel="wins", upto=1)
        told = await other.next("read")
        assert (told["where"], told["upto"]) == ("wins", 1)
        await bob.settled()
        assert "read" not in {frame["type"] for frame in bob.heard if frame.get("where") == "wins"}


# -- the seam's edges -------------------------------------------------------------------------------------


async def test_posts_are_edited_and_deleted(server: Server) -> None:
    post = await server.chat.post(SUPPORT, Card("First words."), key="k1")
    thread = await server.chat.thread(post, "A thread")
    assert await server.chat.thread(post, "Another title") == thread
    reply = await server.chat.post(thread, Card("Inside."), key="k2")
    async with window(server, "ada") as ada:
        await server.chat.edit(post, Card("Better words."))
        edited = (await ada.next("message"))["message"]
        assert (words(edited), edited["edited"], edited["title"]) == ("Better words.", True, "A thread")
        await server.chat.delete(post)
        gone = (await ada.next("message"))["message"]
        assert gone["gone"] is True
        assert "card" not in gone
        await ada.act("say", channel="support", thread=int(post.id), text="The thread is still here.")
        await server.chat.delete(reply)
    for call in (server.chat.edit(post, Card("x")), server.chat.delete(post), server.chat.thread(post, "x")):
        with pytest.raises(Gone):
            await call
    with pytest.raises(Gone):
        await server.chat.post(Place("web", "local", "support", "999"), Card("x"), key="k3")
    with pytest.raises(Gone):
        await server.chat.edit(Message(SUPPORT, "never-one-of-ours"), Card("x"))


async def test_what_is_not_of_this_community_is_undeliverable(server: Server) -> None:
    for place in (
        Place("web", "local", "nowhere"),
        Place("slack", "T1", "support"),
        Place("web", "other", "support"),
    ):
        with pytest.raises(Undeliverable):
            await server.chat.post(place, Card("x"), key="k1")
    with pytest.raises(Undeliverable):
        await server.chat.dm(User("web", "local", "nobody"), Card("x"), key="k2")
    async with window(server, "ada") as ada:
        await ada.act("say", channel="support", text="Mine.")
    with pytest.raises(Undeliverable):
        await server.chat.edit(Message(SUPPORT, "1"), Card("Not yours."))


async def test_the_bot_is_told_where_things_are_said(server: Server) -> None:
    async with server.storage.read() as connection:
        (row,) = (await connection.execute(select(communities))).all()
    assert (row.platform, row.community) == ("web", "local")
    assert (row.support, row.wins, row.moderation) == ("support", "wins", "moderation")

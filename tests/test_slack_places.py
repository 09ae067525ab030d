"""What goes out to Slack, over the wire: once, within limits, and organisers are told what lacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from slack_sdk.errors import SlackApiError
from sqlalchemy import insert

from bot.chat import Message, Place, User
from bot.clock import FakeClock, SystemClock
from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.platforms.slack_errors import code
from bot.platforms.slack_lookup import marked
from bot.platforms.slack_people import People
from bot.platforms.slack_places import NO_DISTURBANCE, Places
from bot.platforms.slack_rest import Rest
from bot.platforms.slack_store import Kept, Store
from bot.storage import Storage
from bot.storage.schema import communities
from bot.storage.schema import people as settings
from bot.ui import Button, Card, Fact, Image, Person, Quote
from tests.wire.slack import FakeSlack
from tests.wire.slack_faults import Fault
from tests.wire.slack_model import Conversation, Workspace
from tests.wire.slack_model import Message as Shown
from tests.wire.slack_model import Person as Member
from tests.wire.slack_shapes import read
from tests.world import stored

pytestmark = pytest.mark.usefixtures("database")  # on both

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CARD = Card(
    "Somebody got a no today.", title="A no", buttons=(Button("story.not_alone", "7", "You're not alone"),)
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
POST = "chat.postMessage"


@dataclass
class Keys:
    """The tokens of the fake's workspaces, as they are now."""

    fake: FakeSlack

    async def token(self, team: str) -> str:
        return self.fake.workspaces[team].token


@dataclass
class Out:
    """What goes out of a bot, on a fake Slack, with an empty database."""

    fake: FakeSlack
    clock: FakeClock
    storage: Storage
    told: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, path: Path) -> Self:
        clock = FakeClock(MONDAY)
        fake = await FakeSlack(clock=clock).start()
        out = cls(fake, clock, await Storage.open(stored(path)))
        out.start()
        return out

    def start(self) -> None:
        """A process of the bot: nothing in its memory."""
        self.rest = Rest(self.fake.api_base, Keys(self.fake), self.clock, per_channel=100.0, ended=self._end)
        self.store = Store(self.storage)
        self.people = People(self.rest, self.store, self.clock)
        self.places = Places(self.rest, self.store, self.people, self.clock, self._tell)

    async def restart(self) -> None:
        await self.rest.close()
        self.start()

    async def close(self) -> None:
        await self.rest.close()
        await self.storage.close()
        await self.fake.stop()

    async def _tell(self, team: str, words: str, says: Mapping[str, str]) -> None:
        assert team == self.team.id
        self.told.append((team, words, says))

    async def _end(self, team: str) -> None:
        self.ended.append(team)

    @property
    def team(self) -> Workspace:
        return self.fake.workspace

    def user(self, person: Member) -> User:
        return User("slack", self.fake.home_of(person).id, person.id)

    def place(self, channel: Conversation, thread: str = "") -> Place:
        return Place("slack", self.team.id, channel.id, thread)

    def asked(self, *methods: str) -> int:
        """How often these methods were asked."""
        return sum(each.method in methods for each in self.fake.requests)


@pytest.fixture
async def out(tmp_path: Path) -> AsyncIterator[Out]:
    made = await Out.open(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def support(out: Out) -> Conversation:
    return out.fake.channel("support")


@pytest.fixture
def ada(out: Out) -> Member:
    return out.fake.person("ada", "Ada", zone="Europe/Berlin", locale="de-DE")


# -- messages --------------------------------------------------------------------------------------------


async def test_a_post_is_read_as_it_was_meant(out: Out, support: Conversation) -> None:
    message = await out.places.post(out.place(support), CARD, key="k1")
    (shown,) = out.fake.messages(support)
    assert message == Message(out.place(support), shown.ts)
    assert read(shown) == "A no\nSomebody got a no today.\n[You're not alone]"
    assert shown.metadata == marked("k1")
    assert shown.raw["unfurl_links"] is False and shown.raw["unfurl_media"] is False
    assert shown.raw["parse"] == "none" and shown.raw["link_names"] is False


async def test_what_people_wrote_is_never_markup(out: Out, support: Conversation) -> None:
    words = "<!channel> *bold* <@U1> &amp; :wave: https://example.com"
    await out.places.post(out.place(support), Card((Quote(words),)), key="k1")
    (shown,) = out.fake.messages(support)
    assert read(shown) == words
    assert "<!channel>" not in shown.text and "<@U1>" not in shown.text


async def test_a_person_is_named_and_not_called(out: Out, support: Conversation, ada: Member) -> None:
    stranger = Person("U0123456789")
    await out.places.post(out.place(support), Card((Person(ada.id), " and ", stranger)), key="k1")
    (shown,) = out.fake.messages(support)
    assert read(shown) == "Ada and U0123456789" and "<@" not in shown.text


async def test_a_thread_hangs_on_its_message(out: Out, support: Conversation) -> None:
    message = await out.places.post(out.place(support), CARD, key="k1")
    thread = await out.places.thread(message, "Quiet Heron's no")
    assert thread == out.place(support, message.id)
    reply = await out.places.post(thread, Card("What helped you the day after?"), key="k2")
    assert [each.ts for each in out.fake.messages(support, message.id)] == [reply.id]
    assert await out.places.thread(reply, "again") == thread


async def test_a_thread_whose_message_is_gone_is_gone(out: Out, support: Conversation) -> None:
    message = await out.places.post(out.place(support), CARD, key="k1")
    thread = await out.places.thread(message, "")
    await out.places.delete(message)
    assert out.fake.messages(support) == []
    with pytest.raises(Gone):
        await out.places.post(thread, CARD, key="k2")
    with pytest.raises(Gone):
        await out.places.delete(message)
    with pytest.raises(Gone):
        await out.places.edit(message, CARD)
    assert out.told == []


async def test_an_edit_takes_the_place_and_keeps_the_key(out: Out, support: Conversation) -> None:
    message = await out.places.post(out.place(support), CARD, key="k1")
    await out.places.edit(message, Card("Two people stand with them.", fields=(Fact("Hugs", "2"),)))
    (shown,) = out.fake.messages(support)
    assert shown.ts == message.id and read(shown).startswith("Two people stand with them.")
    assert shown.metadata == marked("k1")


async def test_a_direct_message_opens_its_channel_and_remembers_it(out: Out, ada: Member) -> None:
    first = await out.places.dm(out.user(ada), CARD, key="k1")
    await out.restart()
    second = await out.places.dm(out.user(ada), CARD, key="k2")
    assert first.place == second.place and first.place.channel.startswith("D")
    sent = [each.params["channel"] for each in out.fake.calls(POST)]
    assert sent == [ada.id, first.place.channel]
    assert [each.ts for each in out.fake.dms(ada)] == [first.id, second.id]
    assert out.asked("conversations.open") == 0, "Slack opens it by itself"


async def test_a_direct_message_channel_that_is_lost_is_opened_anew(out: Out, ada: Member) -> None:
    await out.store.direct(out.team.id, ada.id, "D0000000ZZZ")
    message = await out.places.dm(out.user(ada), CARD, key="k1")
    assert [each.ts for each in out.fake.dms(ada)] == [message.id]
    assert (await out.store.person(out.team.id, ada.id)).dm == message.place.channel


@pytest.mark.parametrize("how", ["closed", "tab", "unknown", "inactive"])
async def test_who_cannot_be_written_to_is_no_organisers_trouble(out: Out, ada: Member, how: str) -> None:
    user = out.user(ada)
    match how:
        case "closed":
            ada.takes_messages = False
        case "tab":
            out.team.messages_tab = False
        case "unknown":
            user = User("slack", out.team.id, "U0000000ZZZ")
        case _:
            out.fake.faults.add(POST, error="account_inactive")
    with pytest.raises(Undeliverable):
        await out.places.dm(user, CARD, key="k1")
    assert out.told == [] and out.ended == [], "the workspace itself is well"


# -- once ------------------------------------------------------------------------------------------------

LOST = ["500", "502", "503", "cut_before", "cut_after", "cut_middle", "internal_error", "fatal_error"]


def lose(out: Out, method: str, how: str, times: int = 1) -> Fault:
    if "_error" in how:
        return out.fake.faults.add(method, error=how, times=times)
    return out.fake.faults.add(method, how, times=times)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("where", ["channel", "thread", "person"])
async def test_a_lost_answer_neither_loses_nor_repeats(
    out: Out, support: Conversation, ada: Member, how: str, where: str
) -> None:
    place = out.place(support)
    if where == "thread":
        place = await out.places.thread(await out.places.post(place, CARD, key="first"), "")
    before = out.asked(POST)

    async def say(*, again: bool) -> Message:
        if where == "person":
            return await out.places.dm(out.user(ada), CARD, key="k", again=again)
        return await out.places.post(place, CARD, key="k", again=again)

    lose(out, POST, how)
    with pytest.raises(TryLater) as later:
        await say(again=False)
    assert later.value.unsure
    assert out.asked(POST) == before + 1, "a message is not repeated blindly"
    await out.restart()
    message = await say(again=True)
    said = [each for each in _all(out) if each.metadata == marked("k")]
    assert [each.ts for each in said] == [message.id]
    assert await say(again=True) == message


def _all(out: Out) -> list[Shown]:
    return [each for where in out.team.conversations.values() for each in where.messages.values()]


async def test_it_is_looked_for_far_back_and_nobody_elses_counts(out: Out, support: Conversation) -> None:
    bob = out.fake.person("bob")
    forged = Shown(support, out.team.ts(out.clock.now()), bob.id, "mine", metadata=marked("k"))
    support.add(forged)
    message = await out.places.post(out.place(support), CARD, key="k")
    for _ in range(450):
        await out.fake.say(bob, support, "and so on")
    support.add(Shown(support, out.team.ts(out.clock.now()), bob.id, "mine", metadata=marked("k")))
    assert await out.places.post(out.place(support), CARD, key="k", again=True) == message
    assert out.asked("conversations.history") == 3 and out.asked(POST) == 1


async def test_it_is_found_at_the_end_of_a_long_thread(out: Out, support: Conversation) -> None:
    bob = out.fake.person("bob")
    first = await out.places.post(out.place(support), CARD, key="first")
    for _ in range(250):
        await out.fake.say(bob, support, "warm words", first.id)
    thread = out.place(support, first.id)
    reply = await out.places.post(thread, CARD, key="k")
    assert await out.places.post(thread, CARD, key="k", again=True) == reply


@pytest.mark.parametrize("how", ["500", "503", "cut_before", "cut_after", "cut_middle"])
async def test_what_may_be_done_twice_is_asked_twice(out: Out, support: Conversation, how: str) -> None:
    message = await out.places.post(out.place(support), CARD, key="k")
    lose(out, "chat.update", how)
    await out.places.edit(message, Card("Better."))
    assert out.asked("chat.update") == 2
    assert [read(each) for each in out.fake.messages(support)] == ["Better."]


async def test_an_outage_is_not_somebodys_fault(out: Out, support: Conversation, ada: Member) -> None:
    await out.fake.stop()
    for attempt in (
        out.places.post(out.place(support), CARD, key="k"),
        out.places.dm(out.user(ada), CARD, key="k"),
        out.places.check(out.place(support)),
    ):
        with pytest.raises(TryLater) as later:
            await attempt
        assert not later.value.unsure, "nothing was sent"
    await out.fake.start()
    await out.places.post(out.place(support), CARD, key="k")


# -- limits ----------------------------------------------------------------------------------------------


async def test_a_429_on_a_nudge_holds_nudges_back_without_asking(out: Out, ada: Member) -> None:
    bob = out.fake.person("bob")
    other = out.fake.add_workspace("Other")
    eve = out.fake.person("eve", workspace=other)
    out.fake.faults.add(POST, "ratelimited", retry_after=30)
    with pytest.raises(TryLater) as first:
        await out.places.dm(out.user(ada), CARD, key="k1")
    with pytest.raises(TryLater) as second:
        await out.places.dm(out.user(bob), CARD, key="k2")
    assert 29 < first.value.after <= 30 < 60 and 29 < second.value.after < 35
    assert not first.value.unsure and not second.value.unsure
    assert out.asked(POST) == 1
    await out.places.dm(out.user(eve), CARD, key="k3")
    assert len(out.fake.dms(eve)) == 1, "another workspace goes on"


async def test_a_short_429_on_a_post_is_waited_for(out: Out, support: Conversation) -> None:
    out.fake.faults.add(POST, "ratelimited", times=2, retry_after=0)
    await out.places.post(out.place(support), CARD, key="k")
    assert len(out.fake.messages(support)) == 1 and out.asked(POST) == 3


async def test_a_429_of_any_method_says_how_long(out: Out, support: Conversation) -> None:
    message = await out.places.post(out.place(support), CARD, key="k")
    out.fake.faults.add("chat.update", "ratelimited", retry_after=20)
    for _ in range(2):
        with pytest.raises(TryLater) as later:
            await out.places.edit(message, Card("Later."))
        assert 19 < later.value.after < 25
    assert out.asked("chat.update") == 1
    await out.places.delete(message)


async def test_slacks_limits_are_kept_and_nobody_waits_for_a_429(tmp_path: Path) -> None:
    fake = await FakeSlack(limits=True).start()
    storage = await Storage.open(stored(tmp_path))
    clock = SystemClock()
    rest, store = Rest(fake.api_base, Keys(fake), clock), Store(storage)
    places = Places(rest, store, People(rest, store, clock), clock, None)
    support, team = fake.channel("support"), fake.workspace.id
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(places.post(Place("slack", team, support.id), CARD, key=f"p{number}"))
        for number in range(10):
            person = fake.person(f"p{number}")
            tasks.create_task(places.dm(User("slack", team, person.id), CARD, key=f"d{number}"))
    assert fake.limits.refused == 0 and len(fake.calls(POST)) == 14
    assert len(fake.messages(support)) == 4
    await rest.close()
    await storage.close()
    await fake.stop()


# -- what only organisers can mend -----------------------------------------------------------------------


async def test_a_public_channel_is_joined_when_it_is_posted_to(out: Out) -> None:
    out.team.scopes.discard("chat:write.public")
    wins = out.fake.channel("wins", bot=False)
    message = await out.places.post(out.place(wins), CARD, key="k")
    assert [each.ts for each in out.fake.messages(wins)] == [message.id]
    assert out.team.bot.id in wins.members and out.told == []


async def test_a_message_in_a_channel_we_were_never_in_is_found_too(out: Out) -> None:
    wins = out.fake.channel("wins", bot=False)  # chat:write.public lets us post there
    out.fake.faults.add(POST, "cut_after")
    with pytest.raises(TryLater):
        await out.places.post(out.place(wins), CARD, key="k")
    message = await out.places.post(out.place(wins), CARD, key="k", again=True)
    assert [each.ts for each in out.fake.messages(wins)] == [message.id]


@pytest.mark.parametrize("how", ["private", "archived", "restricted", "scope", "left"])
async def test_organisers_are_told_once_a_day_what_to_mend(out: Out, support: Conversation, how: str) -> None:
    await out.places.check(out.place(support))
    match how:
        case "private":
            support.kind = "private"
            support.members.clear()
        case "left":
            out.team.scopes -= {"chat:write.public", "channels:join"}
            support.members.clear()
        case "archived":
            support.archived = True
        case "restricted":
            support.read_only = True
        case _:
            out.team.scopes.discard("chat:write")
    for _ in range(2):
        with pytest.raises(Misconfigured):
            await out.places.post(out.place(support), CARD, key="k")
    channel = {"channel": "support", "channel_id": support.id}
    invite = {**channel, "invite": "/invite @bounceback"}
    expected = {
        "private": ("slack-channel-gone", invite),
        "left": ("slack-invite", invite),
        "archived": ("slack-archived", channel),
        "restricted": ("slack-restricted", channel),
        "scope": ("slack-scope", {"channel": "", "channel_id": "", "scope": "chat:write"}),
    }
    assert [(words, dict(says)) for _, words, says in out.told] == [expected[how]]
    await out.clock.advance(timedelta(days=1))
    with pytest.raises(Misconfigured):
        await out.places.post(out.place(support), CARD, key="k")
    assert len(out.told) == 2


async def test_a_missing_scope_for_direct_messages_is_told_too(out: Out, ada: Member) -> None:
    out.team.scopes.discard("chat:write")
    with pytest.raises(Misconfigured):
        await out.places.dm(out.user(ada), CARD, key="k")
    assert [words for _, words, _ in out.told] == ["slack-scope"]


async def test_check_says_in_slacks_words_what_lacks(out: Out, support: Conversation) -> None:
    assert await out.places.check(out.place(support), threads=True) == []
    secret = out.fake.channel("secret", "private", bot=False)
    assert await out.places.check(out.place(secret)) == ["type /invite @bounceback there"]
    wins = out.fake.channel("wins", bot=False)
    assert await out.places.check(out.place(wins)) == []
    assert out.team.bot.id in wins.members
    support.archived = True
    assert await out.places.check(out.place(support)) == ["unarchive it"]
    support.archived = False
    out.team.scopes -= {"channels:history"}
    await out.restart()
    assert "the scope channels:history" in (await out.places.check(out.place(support)))[0]
    out.team.scopes -= {"channels:read"}
    assert "the scope channels:read" in (await out.places.check(out.place(support)))[0]


async def test_check_refuses_what_is_no_channel(out: Out, ada: Member) -> None:
    for id in (ada.id, "", "support", "D0000000001"):
        with pytest.raises(Undeliverable):
            await out.places.check(Place("slack", out.team.id, id))


async def test_a_public_channel_that_may_not_be_joined_asks_for_an_invitation(out: Out) -> None:
    out.team.scopes.discard("channels:join")
    wins = out.fake.channel("wins", bot=False)
    assert await out.places.check(out.place(wins)) == ["type /invite @bounceback there"]


# -- a workspace that has ended --------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["token_revoked", "account_inactive"])
async def test_a_workspace_that_ended_is_asked_nothing_more(
    out: Out, support: Conversation, ada: Member, over: str
) -> None:
    await out.places.post(out.place(support), CARD, key="k0")
    out.fake.web.uninstall(out.team, over=over)
    with pytest.raises(Undeliverable):
        await out.places.post(out.place(support), CARD, key="k1")
    asked = len(out.fake.requests)
    with pytest.raises(Undeliverable):
        await out.places.dm(out.user(ada), CARD, key="k2")
    assert len(out.fake.requests) == asked
    assert out.ended == [out.team.id] and out.told == []
    out.team.installed, out.team.token = True, "xoxb-installed-again"
    await out.places.dm(out.user(ada), CARD, key="k2")
    assert len(out.fake.dms(ada)) == 1


async def test_a_token_that_is_refused_for_a_moment_ends_no_workspace(
    out: Out, support: Conversation
) -> None:
    await out.places.post(out.place(support), CARD, key="k0")
    fault = out.fake.faults.add("*", error="invalid_auth", times=2)
    with pytest.raises(Undeliverable):
        await out.places.post(out.place(support), CARD, key="k1")
    assert out.ended == [] and fault.met == 2
    await out.places.post(out.place(support), CARD, key="k1")
    assert len(out.fake.messages(support)) == 2


async def test_a_workspace_that_ended_before_the_start_is_ended_too(out: Out, support: Conversation) -> None:
    out.fake.web.uninstall(out.team)
    for _ in range(2):
        with pytest.raises(Undeliverable):
            await out.places.post(out.place(support), CARD, key="k1")
    assert out.ended == [out.team.id] and len(out.fake.requests) == 1


# -- pictures --------------------------------------------------------------------------------------------

DRAWN = Card(
    "Your week.", image=Image(PNG, "Three small wins this week"), buttons=(Button("a.b", label="More"),)
)


async def test_a_picture_is_uploaded_once_and_said_in_words(
    out: Out, support: Conversation, ada: Member
) -> None:
    message = await out.places.post(out.place(support), DRAWN, key="k1")
    await out.places.dm(out.user(ada), DRAWN, key="k2")
    await out.places.edit(message, DRAWN)
    (file,) = out.team.files.values()
    assert file.done and file.data == PNG and file.alt == "Three small wins this week"
    (shown,) = out.fake.messages(support)
    (picture,) = (each for each in shown.blocks if each["type"] == "image")
    assert picture["slack_file"] == {"id": file.id} and picture["alt_text"] == "Three small wins this week"
    assert file.channels == [], "shared with nobody but by the message"


async def test_a_picture_that_slack_does_not_show_yet_is_waited_for(out: Out, support: Conversation) -> None:
    held = out.fake.hold(POST, times=1)
    posting = asyncio.create_task(out.places.post(out.place(support), DRAWN, key="k1"))
    await out.fake.until(lambda: held.met == 1, "the message")
    (file,) = out.team.files.values()
    file.done = False
    out.fake.release(held)
    await out.fake.until(lambda: [each.error for each in out.fake.calls(POST)] == ["invalid_blocks"], "no")
    file.done = True
    message = await posting
    assert [each.ts for each in out.fake.messages(support)] == [message.id]


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_an_upload_that_fails_is_tried_again(out: Out, support: Conversation, method: str) -> None:
    out.fake.faults.add(method, "503")
    await out.places.post(out.place(support), DRAWN, key="k1")
    assert len(out.fake.messages(support)) == 1


async def test_an_upload_that_cannot_be_sends_nothing(out: Out, support: Conversation) -> None:
    out.fake.faults.add("upload", "cut_before", times=None)
    with pytest.raises(TryLater):
        await out.places.post(out.place(support), DRAWN, key="k1")
    assert out.asked(POST) == 0


# -- rooms -----------------------------------------------------------------------------------------------


async def test_a_room_is_the_same_for_the_same_people(out: Out, ada: Member) -> None:
    bob = out.fake.person("bob")
    users = [out.user(ada), out.user(bob)]
    room = await out.places.room(users, "Mock interview", key="r1")
    assert room == await out.places.room(users[::-1], "Another one", key="r2")
    assert {ada.id, bob.id} < out.team.conversations[room.channel].members
    message = await out.places.post(room, CARD, key="k")
    assert await out.places.post(room, CARD, key="k", again=True) == message
    bob.takes_messages = False
    with pytest.raises(Undeliverable):
        await out.places.room(users, "Mock interview", key="r3")


# -- do-not-disturb --------------------------------------------------------------------------------------


def snooze(out: Out, person: Member, minutes: int) -> None:
    start = int(out.clock.now().timestamp()) - 77
    person.quiet = (start, start + 77 + minutes * 60)


async def test_nobody_is_disturbed_while_they_snooze(out: Out, ada: Member) -> None:
    snooze(out, ada, 60)
    for _ in range(3):
        with pytest.raises(TryLater) as later:
            await out.places.dm(out.user(ada), CARD, key="k")
        assert (later.value.reason, later.value.after) == (NO_DISTURBANCE, 3600)
        assert not later.value.unsure
    assert out.asked("dnd.info") == 1, "asked once in a quarter of an hour"
    await out.clock.advance(timedelta(minutes=16))
    ada.quiet = None  # they took it off themselves
    await out.places.dm(out.user(ada), CARD, key="k")
    assert len(out.fake.dms(ada)) == 1


async def test_a_snooze_of_weeks_is_looked_at_again_after_a_day(out: Out, ada: Member) -> None:
    snooze(out, ada, 60 * 24 * 30)
    with pytest.raises(TryLater) as later:
        await out.places.dm(out.user(ada), CARD, key="k")
    assert later.value.after == 86_400


async def test_own_quiet_hours_stand_above_a_snooze(out: Out, ada: Member) -> None:
    snooze(out, ada, 60)
    async with out.storage.write() as tx:
        mine = {"quiet_from": "22:00", "quiet_to": "08:00", "seen_at": MONDAY}
        await tx.execute(insert(settings).values(user=out.user(ada).key, **mine))
    await out.places.dm(out.user(ada), CARD, key="k")
    assert len(out.fake.dms(ada)) == 1 and out.asked("dnd.info") == 0


async def test_a_schedule_is_the_outboxes_business(out: Out, ada: Member) -> None:
    ada.quiet = (int(MONDAY.timestamp()) - 3600, int(MONDAY.timestamp()) + 3600)
    await out.places.dm(out.user(ada), CARD, key="k")
    assert len(out.fake.dms(ada)) == 1


@pytest.mark.parametrize("how", ["500", "ratelimited", "missing_scope", "user_not_found"])
async def test_where_slack_does_not_tell_people_are_written_to(out: Out, ada: Member, how: str) -> None:
    if "_" in how:
        out.fake.faults.add("dnd.info", error=how, times=None)
    else:
        out.fake.faults.add("dnd.info", how, times=None)  # type: ignore[arg-type]
    await out.places.dm(out.user(ada), CARD, key="k")
    assert len(out.fake.dms(ada)) == 1 and out.told == []


async def test_do_not_disturb_is_asked_only_while_there_is_room(out: Out, ada: Member) -> None:
    snooze(out, ada, 60)
    while out.rest.limits.take(out.team.id, "dnd.info"):
        pass
    await out.places.dm(out.user(ada), CARD, key="k")
    assert out.asked("dnd.info") == 0


# -- people ----------------------------------------------------------------------------------------------


async def test_slack_says_who_somebody_is_once_a_day(out: Out, ada: Member) -> None:
    midnight = int(MONDAY.replace(hour=0).timestamp())
    ada.quiet = (midnight + 21 * 3600, midnight + 31 * 3600)
    ada.is_admin = True
    for _ in range(2):
        known = await out.people.known(out.team.id, ada.id)
        assert (known.name, known.zone, known.locale) == ("Ada", "Europe/Berlin", "de-DE")
        assert known.is_admin and known.quiet == "22:00-08:00"
    assert out.asked("users.info") == out.asked("dnd.info") == 1
    ada.is_admin = False
    await out.clock.advance(timedelta(days=1))
    out.fake.faults.add("users.info", "500", times=3)
    assert (await out.people.known(out.team.id, ada.id)).is_admin, "yesterday's word is better than none"
    assert not (await out.people.known(out.team.id, ada.id)).is_admin


async def test_a_snooze_is_not_taken_for_the_schedule(out: Out, ada: Member) -> None:
    midnight = int(MONDAY.replace(hour=0).timestamp())
    ada.quiet = (midnight + 21 * 3600, midnight + 31 * 3600)
    assert (await out.people.known(out.team.id, ada.id)).quiet == "22:00-08:00"
    await out.clock.advance(timedelta(days=1))
    snooze(out, ada, 120)
    assert (await out.people.known(out.team.id, ada.id)).quiet == "22:00-08:00"
    await out.clock.advance(timedelta(minutes=20))
    ada.quiet = None
    assert (await out.people.known(out.team.id, ada.id)).quiet == ""


async def test_a_stranger_is_refused_and_without_a_scope_there_are_no_quiet_hours(
    out: Out, ada: Member
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await out.people.known(out.team.id, "U0000000ZZZ")
    assert code(refused.value) == "user_not_found"
    out.team.scopes.discard("dnd:read")
    known = await out.people.known(out.team.id, ada.id)
    assert known.name == "Ada" and known.quiet == ""


async def test_moderators_are_admins_and_members_of_the_channel_for_it(out: Out, ada: Member) -> None:
    bob, cleo = out.fake.person("bob"), out.fake.person("cleo", is_owner=True)
    team = out.fake.channel("team", "private")
    for number in range(450):  # several pages, and Bob somewhere in them
        team.members.add(f"U9{number:09d}")
    out.fake.join(team, bob)
    moderates = out.people.is_moderator
    assert await moderates(out.team.id, cleo.id) and not await moderates(out.team.id, bob.id)
    async with out.storage.write() as tx:
        here = {"platform": "slack", "community": out.team.id, "moderation": team.id}
        await tx.execute(insert(communities).values(**here))
    assert await moderates(out.team.id, bob.id) and not await moderates(out.team.id, ada.id)
    asked = out.asked("conversations.members")
    assert asked == 3
    out.fake.join(team, ada)
    assert not await moderates(out.team.id, ada.id) and out.asked("conversations.members") == asked
    await out.clock.advance(timedelta(minutes=5))
    assert await moderates(out.team.id, ada.id)


async def test_names_are_given_for_whom_slack_knows(out: Out, ada: Member) -> None:
    assert await out.people.names(out.team.id, {ada.id, "U0000000ZZZ"}) == {ada.id: "Ada"}


# -- what is kept, and what is not -----------------------------------------------------------------------


async def test_what_is_kept_of_somebody_can_be_forgotten(out: Out, ada: Member) -> None:
    bob = out.fake.person("bob")
    for person in (ada, bob):
        await out.places.dm(out.user(person), CARD, key=f"k{person.id}")
        await out.store.opened_home(out.team.id, person.id)
    assert (await out.store.person(out.team.id, ada.id)).home
    async with out.storage.write() as tx:
        await out.store.forget(tx, out.user(ada))
    assert await out.store.person(out.team.id, ada.id) == Kept()
    assert (await out.store.person(out.team.id, bob.id)).home
    async with out.storage.write() as tx:
        await out.store.end(tx, out.team.id)
    assert await out.store.person(out.team.id, bob.id) == Kept()


async def test_no_library_logs_what_people_wrote(
    out: Out, support: Conversation, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    out.fake.faults.add(POST, error="invalid_blocks")
    with pytest.raises(ChatError) as refused:
        await out.places.post(out.place(support), CARD, key="k1")
    await out.places.post(out.place(support), CARD, key="k1")
    await out.places.dm(out.user(ada), CARD, key="k2")
    assert "Somebody got a no" not in caplog.text and out.team.token not in caplog.text
    assert str(refused.value) == "invalid_blocks"


async def test_a_response_url_that_is_over_says_so_and_not_where_it_was(
    out: Out, support: Conversation, ada: Member
) -> None:
    hook = (await out.fake.command(ada, support, "/home")).hook
    assert hook is not None
    for _ in range(5):
        await out.rest.respond(hook.url, {"text": "Only you see this.", "response_type": "ephemeral"})
    assert [each.text for each in out.fake.ephemerals(ada)] == ["Only you see this."] * 5
    with pytest.raises(SlackApiError) as used:
        await out.rest.respond(hook.url, {"text": "Once more"})
    assert code(used.value) == "used_url" and hook.url not in str(used.value)
    late = (await out.fake.command(ada, support, "/home")).hook
    assert late is not None
    await out.clock.advance(timedelta(minutes=31))
    with pytest.raises(SlackApiError) as expired:
        await out.rest.respond(late.url, {"text": "Too late"})
    assert code(expired.value) == "expired_url"

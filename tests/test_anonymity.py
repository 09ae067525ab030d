"""Nobody else learns who wrote an anonymous post: not from what they see, nor from logs, nor the file."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import IntegrityError

from bot.chat import Kind
from bot.content import Content
from bot.errors import ChatError, TryLater
from bot.outbox import Verb
from bot.platforms.memory import Sent
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish, draw_pseudonym, pseudonym, values
from bot.storage.schema import metadata, outbox, pseudonyms, rejections
from bot.ui import Card, Form, Person, Quote, parts
from bot.vault import Vault
from cogs import COGS
from tests.world import Actor, World

ROOT = Path(__file__).parent.parent
ID, NAME = "u-ada-9931", "Adaline Quuxworthy"  # nothing that a key made of letters spells by chance
BOB, MO = "u-bob-7712", "u-mo-5523"
# What may lie in clear beside a person's id, because it is about that person alone and about no post.
USER_TABLES = {"people", "outbox", "drafts", "motivation", "prompts"}


@dataclass
class Town:
    """Ada, Bob and a moderator, and everything that anybody but Ada was shown."""

    world: World
    ada: Actor
    bob: Actor
    mo: Actor
    shown: list[tuple[str, object]] = field(default_factory=list[tuple[str, object]])

    @property
    def secrets(self) -> list[str]:
        """Everything that would tell who Ada is, or link her posts."""
        key = self.ada.user.key
        vault = self.world.vault
        derived = [
            vault.owner(key),
            vault.block(key),
            vault.short_key("user", key),
            vault.token("author", key),
        ]
        return [ID, key, *NAME.split(), *derived]

    async def sees(self, who: Actor, answer: object) -> Any:
        """Somebody else gets an answer."""
        assert who is not self.ada
        self.shown.append((who.id, answer))
        return answer

    def public(self) -> list[Sent]:
        """Every message that somebody but Ada can receive."""
        return [
            sent for sent in self.world.chat.sent.values() if sent.to is None or sent.to.id != self.ada.id
        ]

    def check(self, *texts: str) -> None:
        """None of it tells who Ada is."""
        told = [repr(sent) for sent in self.public()]
        told += [sent.key for sent in self.world.chat.sent.values()]
        told += [f"{id} {title}" for id, title in self.world.chat.titles.items()]
        told += [repr(answer) for _, answer in self.shown]
        for text in [*told, *texts]:
            for secret in self.secrets:
                assert secret.lower() not in text.lower(), f"{secret!r} is in {text}"


@pytest.fixture
def town(world: World) -> Town:
    ada = world.person(ID, name=NAME, zone="Europe/Berlin")
    bob = world.person(BOB, name="Bob")
    return Town(world, ada, bob, world.person(MO, name="Mo", is_moderator=True))


async def share(ada: Actor, **values: str) -> Card:
    card = await ada.submits(await ada.opens("/rejected"), **{"stage": "final_round", **values})
    assert isinstance(card, Card)
    return card


async def the_story(town: Town) -> tuple[Card, Sent]:
    """Ada shares a no, Bob stands beside her, she answers; up to her deleting it."""
    world, ada, bob = town.world, town.ada, town.bob
    card = await share(ada, story="Four rounds, then one line.", where="Acme", wish="ideas")
    (post,) = world.support
    assert len(world.thread(post)) == 1
    await town.sees(bob, await bob.presses(post, "thread.not_alone"))
    form = await town.sees(bob, await bob.presses(post, "thread.encourage"))
    await town.sees(bob, await bob.submits(form, words="That stings. I'm around."))
    await town.sees(bob, await bob.submits(form, words="And again.", sign="anonymous"))
    await bob.writes_in(world.thread(post)[0].message.place)
    answer = await ada.presses(card, "thread.answer")
    assert isinstance(await ada.submits(answer, words="Thank you all."), Card)
    await town.sees(bob, await bob.submits(answer, words="I am the author"))
    await ada.writes_in(world.thread(post)[0].message.place)
    assert len(world.thread(post)) == 4
    return card, post


async def walk(town: Town, who: Actor, *starts: str, depth: int = 3) -> int:
    """Somebody opens everything there is, from some commands on; how many cards they saw."""
    seen: set[str] = set()
    cards = [await town.sees(who, await who.types(start)) for start in starts]
    count = 0
    for _ in range(depth):
        found: list[object] = []
        for card in cards:
            count += 1
            for button in card.buttons if isinstance(card, Card) else ():
                if button.custom_id not in seen:
                    seen.add(button.custom_id)
                    found.append(await town.sees(who, await who.pushes(button)))
        cards = found
    return count


# -- what people see ----------------------------------------------------------------------------------


async def test_nobody_sees_who_it_is(
    town: Town, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # as bot.logs has it for libraries, which log what they are given
    card, post = await the_story(town)
    town.check()
    await walk(town, town.bob, "/home", "/nudges", "/privacy", "/help", "/settings")
    await town.world.advance(days=3)
    await town.world.restart()
    for button in card.buttons:  # Bob got hold of Ada's buttons
        await town.sees(town.bob, await town.bob.pushes(button))
    again = town.ada.event(Kind.PRESS, "thread.not_alone", arg=post.card.buttons[0].arg)
    await town.ada.sends(again)
    asked = await town.ada.presses(card, "rejections.delete")
    assert isinstance(asked, Card)
    gone = town.ada.event(Kind.PRESS, "rejections.delete_yes", arg=asked.buttons[0].arg)
    await town.ada.sends(gone)
    await town.world.restart()
    await town.ada.sends(gone)  # delivered again
    assert not town.world.support
    await town.sees(town.bob, await town.bob.presses(post, "thread.not_alone"))
    out, err = capfd.readouterr()
    assert "handled before" in out, "the log is looked at"
    town.check(out, err, caplog.text)


async def test_a_moderator_looks_after_it_without_learning_who_it_is(
    town: Town, capfd: pytest.CaptureFixture[str]
) -> None:
    if "moderation" not in {cog.name for cog in COGS}:
        pytest.skip("there is no moderation yet")
    await the_story(town)
    assert await walk(town, town.mo, "/moderate", depth=4) > 5
    name = author(town.world.support[0]) if town.world.support else ""
    shown = "\n".join(answer.plain for _, answer in town.shown if isinstance(answer, Card))
    assert name in shown
    await share(town.ada, sign="only_me")
    refused = await town.ada.submits(await town.ada.opens("/rejected"), stage="interview", story="Once more")
    assert isinstance(refused, Form), "she is blocked"
    await walk(town, town.mo, "/moderate", depth=4)
    out, err = capfd.readouterr()
    town.check(out, err)


def author(post: Sent) -> str:
    """The pseudonym on a post."""
    return post.card.plain.split("\n")[1].split(" got ")[0]


async def test_the_thread_says_who_speaks_by_names_of_its_own(town: Town) -> None:
    await the_story(town)
    (post,) = town.world.support
    opener, bob_signed, bob_hidden, ada = [sent.card for sent in town.world.thread(post)]
    assert author(post) not in opener.plain
    assert Person(BOB) in parts(bob_signed.text)
    assert ada.plain.startswith(f"{author(post)} says")
    assert Quote("Thank you all.") in parts(ada.text)
    hidden = bob_hidden.plain.split(" says")[0]
    assert hidden != author(post)
    assert BOB not in repr(bob_hidden)


async def test_her_own_name_in_her_words_is_shown_back_first(town: Town) -> None:
    form = await town.ada.opens("/rejected")
    for story in ("They wrote: Dear Adaline, no.", "Signed, Quuxworthy", "ring me: +49 170 1234567"):
        asked = await town.ada.submits(form, stage="interview", story=story)
        assert isinstance(asked, Card)
        assert any(button.id == "rejections.anyway" for button in asked.buttons), story
    assert not town.world.support


async def test_she_is_not_added_to_the_thread_and_gets_a_private_link(town: Town) -> None:
    await the_story(town)
    assert not any(town.ada.id in id for id in town.world.chat.titles)
    told = [sent for sent in town.world.chat.sent.values() if sent.to and sent.to.id == ID]
    assert told
    assert not [sent for sent in town.public() if Person(ID) in parts(sent.card.text)]


# -- what is logged when it goes wrong ----------------------------------------------------------------


@pytest.mark.parametrize("call", ["post", "thread", "dm", "edit", "delete"])
@pytest.mark.parametrize("error", [TryLater, ChatError, RuntimeError])
async def test_trouble_with_the_chat_tells_nothing(
    town: Town,
    call: str,
    error: type[Exception],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)  # as bot.logs has it for libraries, which log what they are given
    failed: list[str] = []

    def trouble(name: str, moment: str) -> None:
        if name == call and len(failed) < 2:
            failed.append(moment)
            raise error("closed") if error is not RuntimeError else RuntimeError(f"{NAME} {ID} at {town.ada}")

    town.world.chat.trouble = trouble
    card = await share(town.ada, story="Four rounds.")
    await town.world.advance(hours=1)
    if town.world.support:
        await town.bob.presses(town.world.support[0], "thread.not_alone")
    await town.world.advance(days=1)
    asked = await town.ada.presses(card, "rejections.delete")
    if isinstance(asked, Card) and any(button.id == "rejections.delete_yes" for button in asked.buttons):
        await town.ada.presses(asked, "rejections.delete_yes")
    await town.world.advance(hours=1)
    assert failed
    out, err = capfd.readouterr()
    assert "tried again later" in out, "the log is looked at"
    town.check(out, err, caplog.text)
    await assert_apart(town)


async def test_a_handler_that_fails_tells_nothing(
    town: Town, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # as bot.logs has it for libraries, which log what they are given

    def fails(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT INTO rejections"):
            raise RuntimeError(f"{NAME} {ID} {town.ada.user.key} {town.world.vault.owner(town.ada.user.key)}")

    sqlalchemy_event.listen(Engine, "before_cursor_execute", fails)
    try:
        card = await share(town.ada, story="Four rounds.")
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", fails)
    assert "Something went wrong" in card.plain
    out, err = capfd.readouterr()
    assert "handler failed" in out
    town.check(out, err, caplog.text, card.plain)


async def test_a_constraint_that_fails_tells_nothing(town: Town, capfd: pytest.CaptureFixture[str]) -> None:
    """The database's own errors quote the values they are about, unless they are told not to."""
    await share(town.ada)
    async with town.world.storage.write() as tx:
        (row,) = (await tx.execute(select(rejections))).mappings()
        with pytest.raises(IntegrityError) as error:
            await tx.execute(rejections.insert().values(**row))
    out, err = capfd.readouterr()
    town.check(str(error.value), repr(error.value), out, err)


def test_libraries_are_kept_quiet_at_every_level() -> None:
    """They would log statements with their values, and requests with their addresses."""
    program = (
        "import logging; from bot.logs import configure; configure('debug', 'json');"
        "names = 'aiosqlite', 'sqlalchemy.engine', 'aiohttp', 'discord', 'slack_sdk', 'asyncio';"
        "print([name for name in names if logging.getLogger(name).isEnabledFor(logging.INFO)])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# -- what lies in the file ----------------------------------------------------------------------------


async def assert_apart(town: Town) -> None:
    """No row beside a post names its author; no row that names somebody names a post."""
    everything = await town.world.everything()
    ids = {row["id"] for table, row in everything if table == "rejections"}
    posts = {row["post"] for table, row in everything if table == "rejections"} - {"None"}
    threads = {row["thread"] for table, row in everything if table == "rejections"} - {"None"}
    assert ids
    named = 0
    for table, row in everything:
        text = "\n".join(row.values())
        for actor in (town.ada, town.bob, town.mo):
            if actor.id in text or actor.user.key in text:
                named += 1
                assert table in USER_TABLES, (table, row)
                assert row["user"] == actor.user.key, (table, row)
                assert not [id for id in ids if id in text], (table, row)
                assert not [post for post in posts if post in text], (table, row)
                assert not [thread for thread in threads if f'"{thread}"' in text], (table, row)
                owner = town.world.vault.owner(actor.user.key)
                assert owner not in text, (table, row)
        for word in NAME.split():
            assert word not in text, (table, row)
    assert named


async def test_the_file_alone_does_not_say_who_wrote_a_post(town: Town) -> None:
    card, post = await the_story(town)
    await share(town.ada, sign="only_me", story="For me alone")
    await town.ada.submits(await town.ada.opens("/rejected"), stage="", story="Unfinished")
    await town.ada.gets("/motivation on 08:30 daily")
    await town.ada.gets("/encourage")
    await walk(town, town.mo, "/moderate", depth=2)
    await assert_apart(town)
    await town.world.advance(days=30)
    await town.bob.presses(post, "thread.not_alone")
    await assert_apart(town)
    if town.world.support:
        asked = await town.ada.presses(card, "rejections.delete")
        assert isinstance(asked, Card)
        if asked.buttons:
            await town.ada.presses(asked, "rejections.delete_yes")
    await assert_apart(town)


async def test_only_tables_about_a_person_alone_name_one() -> None:
    named = {table.name for table in metadata.sorted_tables if "user" in table.c}
    posts = {table.name for table in metadata.sorted_tables if {"rejection", "owner"} & set(table.c.keys())}
    assert named >= {"people", "outbox", "drafts"}
    assert not named & posts


async def test_what_is_planned_for_her_and_her_post_share_no_value(town: Town) -> None:
    """The rows of the outbox that name her, and the row that posts: nothing but times in common."""
    await share(town.ada, story="Four rounds.")
    async with town.world.storage.read() as connection:
        found = (await connection.execute(select(outbox))).mappings().all()
    hers = [row for row in found if row["user"] == town.ada.user.key]
    public = [row for row in found if row["verb"] in (Verb.POST, Verb.THREAD)]
    assert len(hers) >= 5
    assert len(public) == 2
    for one in hers:
        assert one["subject"]
        for other in public:
            for name in ("key", "place", "subject", "args", "message", "lease"):
                assert one[name] is None or one[name] != other[name], name


# -- names in threads ---------------------------------------------------------------------------------

NAMES = (Content.load().adjectives, Content.load().animals)


async def thread(world: World, id: str, owner: str = "owner") -> str:
    """A post to have names under."""
    rejection = Rejection(
        id=id,
        owner=owner,
        author="x",
        community="memory/here",
        stage=Stage.INTERVIEW,
        sign=Sign.ANONYMOUS,
        wish=Wish.LISTEN,
        where="",
        story="",
        shared_at=datetime(2026, 3, 2, tzinfo=UTC),
        state=Shared.POSTED,
        post="",
        thread="",
        replies=0,
        muted=False,
    )
    async with world.storage.write() as tx:
        await tx.execute(rejections.insert().values(**values(world.vault, rejection)))
    return id


async def draw(world: World, ids: Iterable[str], owner: str, names: Any = NAMES) -> list[str]:
    async with world.storage.write() as tx:
        return [await draw_pseudonym(tx, world.vault, id, owner, names) for id in ids]


async def test_a_name_in_a_thread_stays_the_same(world: World) -> None:
    await thread(world, "one")
    first = await draw(world, ["one"], "ada")
    await world.restart()
    assert await draw(world, ["one", "one"], "ada") == first * 2
    async with world.storage.read() as connection:
        assert await pseudonym(connection, "one", "ada") == first[0]
        assert await pseudonym(connection, "one", "bob") == ""
    async with world.storage.write() as tx:
        await tx.execute(pseudonyms.delete())
    assert await draw(world, ["one"], "ada") == first, "it comes from the key, not from chance"


async def test_names_of_one_author_cannot_be_linked_over_threads(world: World) -> None:
    """Over many threads one author's names are spread as those of as many authors would be."""
    ids = [await thread(world, f"t{number:03}") for number in range(300)]
    mine = await draw(world, ids, "ada")
    possible = len(NAMES[0]) * len(NAMES[1])
    expected = len(ids) * (len(ids) - 1) / 2 / possible
    same = sum(first == second for first, second in combinations(mine, 2))
    assert same <= 4 * expected + 10, "no name comes more often than by chance"
    for position, words in enumerate(NAMES):
        used = Counter(name.split()[position] for name in mine)
        assert len(used) >= 0.75 * min(len(words), len(ids))
        assert used.most_common(1)[0][1] <= 6 + 4 * len(ids) / len(words)
    others = await draw(world, ids, "bob")
    assert sum(one == other for one, other in zip(mine, others, strict=True)) == 0
    assert len(set(mine) & set(others)) < 0.5 * len(set(mine)), "and nobody has a set of names of their own"


async def test_without_the_key_a_name_cannot_be_worked_out(world: World, tmp_path: Path) -> None:
    ids = [await thread(world, f"t{number:02}") for number in range(40)]
    mine = await draw(world, ids, "ada")
    (tmp_path / "other").mkdir()
    other = await World.open(tmp_path / "other")
    assert isinstance(other.vault, Vault)
    for id in ids:
        await thread(other, id)
    theirs = await draw(other, ids, "ada")
    await other.close()
    assert sum(one == another for one, another in zip(mine, theirs, strict=True)) <= 2


async def test_two_people_in_one_thread_never_share_a_name(world: World) -> None:
    await thread(world, "one")
    few = (("Quiet", "Kind", "Calm"), ("Heron", "Otter", "Wren"))
    drawn = [(await draw(world, ["one"], f"owner{number}", few))[0] for number in range(9)]
    assert len(set(drawn)) == 9
    with pytest.raises(LookupError):
        await draw(world, ["one"], "one too many", few)
    await thread(world, "two")
    assert (await draw(world, ["two"], "one too many", few))[0] in drawn


async def test_the_same_author_is_somebody_else_in_each_thread(town: Town) -> None:
    for number in range(12):
        await share(town.ada, story=f"Number {number}")
    names = [author(post) for post in town.world.support]
    assert len(names) == 12
    assert len(set(names)) >= 11
    town.check()
    keys = [post.key for post in town.world.support]
    assert len(set(keys)) == 12
    assert len({replace(post.card, text="x", buttons=()) for post in town.world.support}) == 1

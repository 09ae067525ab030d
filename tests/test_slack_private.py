"""Private answers on Slack: through response_url, as ephemerals, as direct messages; in place; App Home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.chat import Kind, User
from bot.platforms import slack_home
from bot.ui import Card, Image, Person, join
from tests.slack_stage import BUTTONS, Stage, stage, wrong
from tests.watching import until
from tests.wire.slack import read
from tests.wire.slack_delivery import Delivery

pytestmark = pytest.mark.usefixtures("database")  # on both

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(slack_home, "SOON", 0.01)
    async with stage(tmp_path) as made:
        yield made


# -- which way -------------------------------------------------------------------------------------


async def test_an_answer_to_a_press_on_a_post_is_an_ephemeral_beside_it(at: Stage) -> None:
    post = await at.post()
    for action in ("a.replies:x:y", "a.replaces:x:y"):
        exchange = await at.fake.press(at.ada, post, action)
        assert (await exchange.reply()).only_for == at.ada.id
        assert exchange.edits == 0
    assert read(at.fake.messages(at.help)[0]).startswith("Post.")


async def test_a_private_card_is_replaced_in_place(at: Stage) -> None:
    reply = await at.private()
    at.script.card = Card("The next page.", buttons=BUTTONS)
    exchange = await at.fake.press(at.ada, reply, "a.replaces:x:y")
    assert (await exchange.edit()) is reply and read(reply).startswith("The next page.")
    assert at.fake.ephemerals(at.ada) == [reply]


async def test_silence_says_nothing(at: Stage) -> None:
    reply = await at.private()
    at.script.card = None
    for action in ("a.replaces:x:y", "a.replies:x:y", "a.quiet:x:y"):
        await (await at.fake.press(at.ada, reply, action)).acked()
    await until(lambda: len(at.script.names) == 4)
    at.script.card = Card("Something.")
    await (await at.fake.command(at.ada, at.help, "/do")).reply()
    assert [read(each) for each in at.fake.ephemerals(at.ada)][1:] == ["Something."]


async def test_a_response_url_that_is_worn_out_or_old_gives_way_to_an_ephemeral(at: Stage) -> None:
    view = await (await at.fake.command(at.ada, at.help, "/form")).view()
    assert "response_url" in view.data["private_metadata"]
    await at.clock.advance(timedelta(minutes=31))
    handed = await at.fake.submit(at.ada, {"words": "abc"})
    reply = await handed.reply()
    assert reply.only_for == at.ada.id and reply.channel is at.help
    assert at.fake.hooks.uses == 0 and at.fake.hooks.refused == 0
    assert at.fake.requests[-1].method == "chat.postEphemeral"
    exchange = await at.fake.command(at.ada, at.help, "/form")
    await exchange.view()
    assert exchange.hook is not None
    exchange.hook.uses = 5
    reply = await (await at.fake.submit(at.ada, {"words": "abc"})).reply()
    assert at.fake.hooks.refused == 1 and reply.only_for == at.ada.id


async def test_the_uses_of_a_response_url_are_counted_here(at: Stage) -> None:
    exchange = await at.fake.command(at.ada, at.help, "/do")
    await exchange.reply()
    for number in range(5):
        again = exchange.payload | {"trigger_id": f"1.2.{number:032x}"}
        at.fake.deliver(Delivery("slash_commands", again, None))
    await until(lambda: len(at.fake.ephemerals(at.ada)) == 6)
    assert exchange.hook is not None
    assert (exchange.hook.uses, at.fake.hooks.refused) == (5, 0)
    assert [each.method for each in at.fake.requests].count("chat.postEphemeral") == 1


async def test_where_the_bot_is_no_member_a_direct_message_is_left(at: Stage) -> None:
    secret = at.fake.channel("secret", "private", bot=False)
    at.fake.join(secret, at.ada)
    await (await at.fake.command(at.ada, secret, "/form")).view()
    await at.clock.advance(timedelta(minutes=31))
    reply = await (await at.fake.submit(at.ada, {"words": "abc"})).reply()
    assert reply in at.fake.dms(at.ada) and not reply.only_for
    assert reply.metadata is None


async def test_an_unsure_answer_through_a_response_url_finds_another_way(at: Stage) -> None:
    exchange = await at.fake.command(at.ada, at.help, "/form")
    await exchange.view()
    exchange.workspace.hooks.clear()  # Slack knows it no more
    reply = await (await at.fake.submit(at.ada, {"words": "abc"})).reply()
    assert reply.only_for == at.ada.id


async def test_a_direct_message_is_answered_and_replaced_there(at: Stage) -> None:
    user = User("slack", at.fake.workspace.id, at.ada.id)
    await at.chat.dm(user, Card("Nudge.", buttons=BUTTONS), key="n")
    (nudge,) = at.fake.dms(at.ada)
    at.script.card = Card("Later, then.", buttons=BUTTONS)
    assert (await (await at.fake.press(at.ada, nudge, "a.replaces:x:y")).edit()) is nudge
    assert read(nudge).startswith("Later, then.")
    held = at.fake.hold("users.info")
    exchange = await at.fake.press(at.ada, nudge, "a.replaces:x:y")
    await exchange.acked()
    at.script.card = Card("Much later, then.", buttons=BUTTONS)
    await at.clock.advance(timedelta(minutes=31))
    at.fake.release(held)
    await until(lambda: read(nudge).startswith("Much later"))
    assert len(at.fake.dms(at.ada)) == 1


async def test_names_and_pictures_are_drawn(at: Stage) -> None:
    bob = at.fake.person("bob", "Bob")
    picture = Image(PNG, "A line that rises.")
    at.script.card = Card(join("With ", Person(bob.id), "."), image=picture)
    reply = await (await at.fake.command(at.ada, at.help, "/do")).reply()
    assert "With Bob." in read(reply) and reply.blocks[-1]["alt_text"] == "A line that rises."
    at.script.card = Card("Nothing yet.", image=Image(PNG, "Another line."))
    at.fake.faults.add("files.getUploadURLExternal", error="not_allowed")
    reply = await (await at.fake.command(at.ada, at.help, "/do")).reply()
    assert "Another line." in read(reply)


async def test_what_is_to_be_mended_after_a_press_comes_beside_the_card(at: Stage) -> None:
    reply = await at.private()
    at.script.card = wrong(words="Too short.")
    exchange = await at.fake.press(at.ada, reply, "a.replaces:x:y")
    beside = await exchange.reply()
    assert beside is not reply and "Too short." in read(beside)


# -- App Home --------------------------------------------------------------------------------------


async def test_the_app_home_is_the_home_card_and_is_kept_current(at: Stage) -> None:
    first = await (await at.fake.open_home(at.ada)).home()
    assert read(first).startswith("Home 1.")
    assert at.script.events[0].kind is Kind.COMMAND
    await (await at.fake.open_home(at.ada, "messages")).acked()
    versions = at.ada.home_versions
    await (await at.fake.command(at.ada, at.help, "/do")).reply()
    await at.fake.until(lambda: at.ada.home_versions > versions)
    versions = at.ada.home_versions
    await at.chat.dm(User("slack", at.fake.workspace.id, at.ada.id), Card("Nudge."), key="n")
    await at.fake.until(lambda: at.ada.home_versions > versions)


async def test_an_app_home_that_nobody_opened_is_not_drawn(at: Stage) -> None:
    await (await at.fake.command(at.ada, at.help, "/do")).reply()
    bob = at.fake.person("bob", "Bob")
    await (await at.fake.open_home(bob)).home()
    versions = bob.home_versions
    await (await at.fake.command(bob, at.help, "/do")).reply()
    await at.fake.until(lambda: bob.home_versions > versions)
    assert at.ada.home_versions == 0


async def test_presses_on_the_app_home(at: Stage) -> None:
    home = await (await at.fake.open_home(at.ada)).home()
    await (await at.fake.press(at.ada, home, "a.opens:x:y")).view()
    at.script.card = Card("Thank you.", buttons=BUTTONS)
    reply = await (await at.fake.submit(at.ada, {"words": "abc"})).reply()
    assert reply in at.fake.dms(at.ada)
    exchange = await at.fake.press(at.ada, at.fake.home(at.ada), "a.replies:x:y")
    assert (await exchange.reply()) in at.fake.dms(at.ada)
    at.script.card = Card("The second page.", buttons=BUTTONS)
    await at.fake.press(at.ada, at.fake.home(at.ada), "a.replaces:x:y")
    await at.fake.until(lambda: read(at.fake.home(at.ada)).startswith("The second page."))
    assert len(at.fake.dms(at.ada)) == 2

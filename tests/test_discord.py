"""Discord over the wire: the story on a server, and everything that can go wrong on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.errors import Gone, TryLater
from bot.outbox import State
from bot.storage.schema import outbox
from bot.ui import Card, Form, Quote, parts
from tests.wire.discord_model import PRIVATE_THREAD, Permit
from tests.wire_world import DiscordActor, DiscordWorld

pytestmark = pytest.mark.usefixtures("database")  # on both

POST = "POST /channels/*/messages"
FORUM_POST = "POST /channels/*/threads"
CALLBACK = "POST /interactions/*/*/callback"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DiscordWorld]:
    made = await DiscordWorld.open(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def ada(world: DiscordWorld) -> DiscordActor:
    return world.person("ada", zone="Europe/Berlin")


@pytest.fixture
def bob(world: DiscordWorld) -> DiscordActor:
    return world.person("bob")


async def shared(actor: DiscordActor, **values: str) -> Card:
    form = await actor.opens("/rejected")
    card = await actor.submits(form, **{"stage": "interview", "story": "Four rounds.", **values})
    assert isinstance(card, Card), card
    return card


async def states(world: DiscordWorld, kind: str) -> list[str]:
    """The states of the rows of a kind."""
    async with world.storage.read() as connection:
        return list((await connection.execute(select(outbox.c.state).where(outbox.c.kind == kind))).scalars())


# -- the story --------------------------------------------------------------------------------------


async def test_a_no_is_shared_from_command_to_thread(world: DiscordWorld, ada: DiscordActor) -> None:
    fake = world.fake
    exchange = await fake.command(ada.me, fake.channel("general"), "rejected", {"where": "Acme"})
    modal = await exchange.modal()
    assert modal.fields["where"]["value"] == "Acme"
    answer = await fake.submit(modal, {"stage": "interview", "story": "Four rounds."})
    reply = await answer.reply()
    assert reply.ephemeral and reply.only_for == ada.me.id
    await world.app.sender.drain()
    (post,) = fake.messages(fake.channel("support"))
    assert "> Four rounds." in post.text and not post.pings and str(ada.me.id) not in str(post.components)
    (thread,) = fake.threads(fake.channel("support"))
    assert thread.id == post.id and thread.state.duration == 10080
    assert thread.name == "A no after an interview"
    assert ada.me.id not in thread.state.members, "being in the thread would unmask her"
    assert len(world.thread(world.support[0])) == 1


async def test_in_a_forum_a_no_is_a_post_of_its_own(tmp_path: Path) -> None:
    world = await DiscordWorld.open(tmp_path, forum=True)
    ada, bob = world.person("ada"), world.person("bob")
    card = await shared(ada)
    (thread,) = world.fake.threads(world.fake.guild.channel("support"))
    assert thread.name == "A no after an interview"
    tags = {tag.id: tag.name for tag in world.fake.guild.channel("support").tags}
    assert [tags[each] for each in thread.state.tags] == ["interview"]
    (post,) = world.support
    assert Quote("Four rounds.") in parts(post.card.text)
    assert len(world.thread(post)) == 1, "the opener stands in the same thread"
    await bob.presses(post, "thread.not_alone")
    assert post.card.buttons[0].label == "You're not alone (1)"
    form = await bob.presses(post, "thread.encourage")
    await bob.submits(form, words="I'm around.")
    assert "I'm around." in world.thread(post)[-1].card.plain
    await bob.writes_in(world.thread(post)[0].message.place)
    assert ada.dms
    asked = await ada.presses(card, "rejections.delete")
    assert isinstance(asked, Card)
    await ada.presses(asked, "rejections.delete_yes")
    assert not world.support and world.fake.threads(world.fake.guild), "what others wrote stays theirs"
    await world.close()


async def test_hostile_words_are_shown_as_they_are(world: DiscordWorld, ada: DiscordActor) -> None:
    words = f"# big\n- list **b** ||s|| @everyone <@{world.fake.owner.id}> [x](https://e.org)\n> q\n```c```"
    asked = await shared(ada, story=words, sign="name")
    post = world.support[0] if world.support else None
    assert post is not None, asked
    assert Quote(words) in parts(post.card.text)
    assert not post.shown.pings


async def test_what_is_wrong_in_a_form_comes_back_with_what_was_typed(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    card = await ada.gets("/settings")
    form = await ada.presses(card, "settings.change")
    wrong = await ada.submits(form, zone="Nowhere/At all")
    assert isinstance(wrong, Form) and wrong.errors["zone"] and wrong.again
    (shown,) = [each for each in world.fake.ephemerals.values() if "Nowhere" in each.text or each.buttons][
        -1:
    ]
    assert shown.ephemeral
    again = await ada.presses(world.card(shown), "form.again")
    assert isinstance(again, Form) and again.fields[0].value == "Nowhere/At all"


async def test_only_two_intents_are_asked_for(world: DiscordWorld) -> None:
    (session,) = world.fake.gateway.connected()
    assert session.intents == 1 << 9 | 1 << 12, "that somebody wrote in a thread, or to the bot"


async def test_replies_are_noticed_without_their_words(
    world: DiscordWorld, ada: DiscordActor, bob: DiscordActor
) -> None:
    await shared(ada)
    await world.fake.say(bob.me, world.fake.channel("general"), "Not a thread of ours.")
    await bob.writes_in(world.thread(world.support[0])[0].message.place)
    assert len(ada.dms) == 1 and "answered" in ada.dms[0].card.plain


# -- direct messages ----------------------------------------------------------------------------------


async def test_a_direct_message_channel_is_opened_once(world: DiscordWorld, ada: DiscordActor) -> None:
    await shared(ada, sign="only_me")
    await world.advance(days=2)
    await world.restart()
    await world.advance(days=4)
    assert len(ada.dms) >= 3
    assert len(world.fake.calls("POST /users/@me/channels")) == 1


async def test_closed_direct_messages_end_the_row_at_once(world: DiscordWorld, ada: DiscordActor) -> None:
    world.chat.closed.add("ada")
    await shared(ada, stage="cv_screen", sign="only_me")
    await world.next_event()
    assert len([each for each in world.fake.calls(POST) if each.code == 50007]) == 1
    card = await ada.gets("/nudges")
    assert "couldn't send you" in card.plain


async def test_a_button_in_a_direct_message_belongs_to_its_own_server(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    fake = world.fake
    other = fake.add_guild("Another", channels=["lobby"])
    fake.join(ada.me, other)
    await shared(ada, stage="cv_screen", sign="only_me")
    await world.next_event()
    await (await fake.command(ada.me, other.channel("lobby"), "nudges")).reply()  # last seen elsewhere
    done = await ada.presses(ada.dms[-1], "plan.done")
    assert isinstance(done, Card) and "You stopped to see how you are" in done.plain


async def test_commands_in_direct_messages_belong_to_where_somebody_was_seen(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    await shared(ada, sign="only_me")
    reply = await (await world.fake.command(ada.me, None, "nudges")).reply()
    assert "Nothing is planned" not in reply.text and reply.buttons


async def test_a_stranger_is_found_in_a_server_that_was_set_up(world: DiscordWorld) -> None:
    cleo = world.fake.person("cleo")
    reply = await (await world.fake.command(cleo, None, "nudges")).reply()
    assert "Nothing is planned" in reply.text
    lost = world.fake.person("lost", joins=False)
    reply = await (await world.fake.command(lost, None, "nudges")).reply()
    assert "in your server once" in reply.text


# -- what organisers must mend --------------------------------------------------------------------------


async def test_a_missing_permission_is_named_once_and_the_post_waits(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    support = world.fake.channel("support")
    world.fake.forbid(support, Permit.SEND_MESSAGES)
    await shared(ada)
    await world.advance(hours=1)
    ((community, words, says),) = world.told
    assert (community, words) == (str(world.fake.guild.id), "discord-permissions")
    assert says["permissions"] == "Send Messages and Create Posts" and says["channel"] == "support"
    assert not world.support and await states(world, "thread.post") == [State.READY]
    world.fake.forbid(support)
    await world.advance(minutes=16)
    assert len(world.support) == 1
    world.fake.forbid(support, Permit.VIEW_CHANNEL)
    await shared(ada)
    assert len(world.told) == 1, "one message a day about a channel"
    await world.advance(days=1)
    assert world.told[-1][2]["permissions"] == "View Channels"


async def test_a_thread_that_may_not_be_opened_is_told_too(world: DiscordWorld, ada: DiscordActor) -> None:
    world.fake.forbid(world.fake.channel("support"), Permit.CREATE_PUBLIC_THREADS)
    await shared(ada)
    assert world.told[0][2]["permissions"] == "Create Public Threads"
    assert len(world.support) == 1
    world.fake.forbid(world.fake.channel("support"))
    await world.advance(minutes=16)
    assert len(world.thread(world.support[0])) == 1


async def test_a_deleted_channel_is_told_and_the_post_waits(world: DiscordWorld, ada: DiscordActor) -> None:
    await shared(ada)
    world.chat.gone_channels.add("support")
    await shared(ada)
    assert world.told == [
        (str(world.fake.guild.id), "discord-channel-gone", {**world.told[0][2], "channel": "support"})
    ]
    assert State.READY in await states(world, "thread.post")


async def test_a_forum_that_requires_a_tag_is_told(tmp_path: Path) -> None:
    world = await DiscordWorld.open(tmp_path, forum=True)
    world.fake.guild.channel("support").flags = 1 << 4
    await shared(world.person("ada"), stage="laid_off")  # no tag has that name
    assert [each[1] for each in world.told] == ["discord-tag-required"]
    await world.close()


# -- threads --------------------------------------------------------------------------------------------


async def test_an_archived_thread_is_opened_again(
    world: DiscordWorld, ada: DiscordActor, bob: DiscordActor
) -> None:
    await shared(ada)
    (thread,) = world.fake.threads(world.fake.guild)
    world.fake.archive(thread)
    form = await bob.presses(world.support[0], "thread.encourage")
    await bob.submits(form, words="Late, but here.")
    assert "Late, but here." in world.thread(world.support[0])[-1].card.plain
    assert not thread.archived(world.clock.now())


async def test_a_thread_that_exists_is_taken(world: DiscordWorld, ada: DiscordActor) -> None:
    world.fake.fail("POST /channels/*/messages/*/threads", cut="after")
    await shared(ada)
    await world.advance(minutes=1)
    assert len(world.thread(world.support[0])) == 1 and len(world.fake.threads(world.fake.guild)) == 1


async def test_a_deleted_thread_and_message_are_gone(world: DiscordWorld, ada: DiscordActor) -> None:
    await shared(ada)
    (post,) = world.support
    thread = await world.discord.thread(post.message, "A no")
    world.fake.delete_channel(world.fake.channels[int(thread.thread)])
    with pytest.raises(Gone):
        await world.discord.post(thread, Card("Hello"), key="k1")
    with pytest.raises(Gone):
        await world.discord.thread(post.message, "A no")
    await world.discord.delete(post.message)
    with pytest.raises(Gone):
        await world.discord.edit(post.message, Card("Hello"))


async def test_a_room_is_a_private_thread_of_its_people_and_one_per_key(
    world: DiscordWorld, ada: DiscordActor, bob: DiscordActor
) -> None:
    world.fake.fail(FORUM_POST, cut="after")
    with pytest.raises(TryLater) as lost:
        await world.discord.room([ada.user, bob.user], "Ada and Bob", key="r1")
    assert lost.value.unsure
    place = await world.discord.room([ada.user, bob.user], "Ada and Bob", key="r1")
    assert place == await world.discord.room([ada.user, bob.user], "Ada and Bob", key="r1")
    other = await world.discord.room([ada.user, bob.user], "Ada and Bob", key="r2")
    assert other.thread != place.thread
    first, second = world.fake.threads(world.fake.guild)
    assert first.kind == PRIVATE_THREAD and {ada.me.id, bob.me.id} <= set(first.state.members)
    assert second.id == int(other.thread)
    message = await world.discord.post(place, Card("Hello, you two."), key="r1-hello")
    assert message.place == place


# -- commands ---------------------------------------------------------------------------------------------


async def test_commands_are_registered_once(world: DiscordWorld) -> None:
    pattern = "PUT /applications/*/commands"
    assert len(world.fake.calls(pattern)) == 1
    await world.restart()
    assert len(world.fake.calls(pattern)) == 1
    names = {name for _, name in world.fake.commands[None]}
    assert {"rejected", "nudges", "break"} <= names
    rejected = world.fake.commands[None][1, "rejected"].data
    assert rejected["contexts"] == [0, 1] and rejected["integration_types"] == [0]


async def test_time_zones_are_completed(world: DiscordWorld, ada: DiscordActor) -> None:
    exchange = await world.fake.autocomplete(
        ada.me, world.fake.channel("general"), "settings", "zone", "berl"
    )
    assert [each["value"] for each in await exchange.choose()] == ["Europe/Berlin"]

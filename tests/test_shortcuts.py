"""What is done without typing: "I was rejected" from anywhere, "Send encouragement" on a message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.chat import Kind, Message, Place
from bot.platforms.memory import Sent
from bot.ui import Card, Command, Form, LimitError, Quote, Tone, parts
from tests.world import Actor, World

CHEER = "send-encouragement"


async def post_of(world: World, actor: Actor) -> Sent:
    """A no that somebody shares with the others."""
    await actor.submits(await actor.opens("/rejected"), stage="interview", story="Four rounds.")
    return world.support[-1]


async def cheers(actor: Actor, message: Message | None) -> Card | Form | None:
    """Somebody chooses "Send encouragement" on a message."""
    return await actor.sends(actor.event(Kind.COMMAND, CHEER, message=message))


async def refused(actor: Actor, message: Message | None) -> str:
    """What they read instead of a form."""
    card = await cheers(actor, message)
    assert isinstance(card, Card), card
    assert card.tone is Tone.PROBLEM
    return card.plain


async def test_on_a_post_it_opens_what_the_button_opens(world: World, ada: Actor, bob: Actor) -> None:
    post = await post_of(world, ada)
    form = await cheers(bob, post.message)
    assert form == await bob.presses(post, "thread.encourage")
    await bob.submits(form, words="Four rounds is a long way.")
    assert Quote("Four rounds is a long way.") in parts(world.thread(post)[-1].card.text)


async def test_it_finds_the_post_from_within_its_thread_too(world: World, ada: Actor, bob: Actor) -> None:
    other, post = await post_of(world, bob), await post_of(world, ada)
    (opener,) = world.thread(post)
    wanted = await bob.presses(post, "thread.encourage")
    assert await cheers(bob, opener.message) == wanted
    assert await cheers(bob, Message(opener.message.place, "written by somebody")) == wanted
    assert await cheers(bob, other.message) != wanted


async def test_a_post_is_known_by_its_own_thread(world: World, ada: Actor, bob: Actor) -> None:
    """Some platforms say of a post with answers that it stands in its own thread."""
    post = await post_of(world, ada)
    shown = replace(post.message, place=replace(post.message.place, thread=f"t{post.message.id}"))
    assert isinstance(await cheers(bob, shown), Form)


async def test_what_was_typed_before_is_there_again(world: World, ada: Actor, bob: Actor) -> None:
    post = await post_of(world, ada)
    mend = await bob.submits(await cheers(bob, post.message), words="x" * 1001)
    assert isinstance(mend, Form) and mend.errors
    again = await cheers(bob, post.message)
    assert isinstance(again, Form)
    assert again.fields[0].value == "" and again.arg == mend.arg
    await bob.submits(again, words="", sign="anonymous")
    kept = await cheers(bob, post.message)
    assert isinstance(kept, Form)
    assert kept.fields[1].value == "anonymous"


async def test_on_any_other_message_it_says_what_it_is_for(world: World, ada: Actor, bob: Actor) -> None:
    post = await post_of(world, ada)
    place = post.message.place
    for message in (
        None,
        Message(place, "something else"),
        Message(replace(place, channel="general"), post.message.id),
        Message(replace(place, channel="general", thread=f"t{post.message.id}"), "in a thread of that name"),
        Message(replace(place, community="elsewhere"), post.message.id),
        Message(Place("memory", "here", "dm:bob"), ""),
    ):
        assert "isn't a post about a no" in await refused(bob, message)


async def test_on_a_post_that_is_gone_it_says_so(world: World, ada: Actor, bob: Actor) -> None:
    card = await ada.submits(await ada.opens("/rejected"), stage="interview")
    (post,) = world.support
    assert isinstance(card, Card)
    ask = await ada.presses(card, "rejections.delete")
    assert isinstance(ask, Card)
    await ada.presses(ask, "rejections.delete_yes")
    assert "isn't there any more" in await refused(bob, post.message)


async def test_it_is_nothing_to_type(world: World, ada: Actor) -> None:
    assert CHEER not in [each.name for each in world.app.dispatcher.commands("en")]
    assert "isn't a post about a no" in (await ada.gets(f"/{CHEER} anything")).plain


async def test_the_labels_are_words(world: World) -> None:
    voice = world.app.kit.words.speak("en")
    told = [voice.command(spec.command) for spec in world.app.registry.commands.values()]
    assert {each.name: each.shortcut for each in told if each.shortcut} == {"rejected": "I was rejected"}
    assert {each.name: each.on_message for each in told if each.on_message} == {CHEER: "Send encouragement"}
    assert [each.name for each in told if not each.typed] == [CHEER]


async def test_the_shortcut_to_rejected_opens_its_form_empty(world: World, ada: Actor) -> None:
    form = await ada.sends(ada.event(Kind.COMMAND, "rejected"))
    assert isinstance(form, Form)
    assert form.id == "rejections.share" and form.fields[0].value == ""


@pytest.mark.parametrize("what", ["shortcut", "on_message"])
def test_a_label_that_does_not_fit_is_refused(what: str) -> None:
    assert replace(Command("fine"), **{what: "x" * 24})
    with pytest.raises(LimitError, match="25 characters; at most 24"):
        replace(Command("long"), **{what: "x" * 25})


def test_a_command_that_nobody_can_reach_is_refused() -> None:
    with pytest.raises(LimitError, match="neither typed nor chosen"):
        Command("hidden", typed=False)

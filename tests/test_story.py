"""The main story, as conversations: share a no, be heard, get a plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.storage.schema import outbox
from bot.ui import Card, Form, Jump, Person, Quote, When, parts, plain
from tests.world import MONDAY, Actor, World


async def shared(actor: Actor, **values: str) -> Card:
    """Somebody shares a no; anonymous and just listening unless told otherwise."""
    form = await actor.opens("/rejected")
    card = await actor.submits(form, **{"stage": "interview", **values})
    assert isinstance(card, Card), card
    return card


async def test_rejected_opens_a_form_with_what_was_typed(ada: Actor) -> None:
    form = await ada.opens("/rejected Acme, backend engineer")
    assert [field.name for field in form.fields] == ["where", "stage", "story", "sign", "wish"]
    assert form.fields[0].value == "Acme, backend engineer"
    assert len(form.fields[1].choices) == 8


async def test_the_private_card_says_what_was_shared_and_what_comes(world: World, ada: Actor) -> None:
    card = await shared(ada, where="Acme, backend engineer", story="They went with someone else.")
    assert "You prepared, you showed up" in card.plain
    days = [part for part in parts(card.text) if isinstance(part, When)]
    assert len(days) >= 6 and days == sorted(days, key=lambda day: day.at)
    assert any(isinstance(part, Jump) and part.channel == "support" for part in parts(card.text))
    ids = [button.id for button in card.buttons]
    assert ids == ["plan.draft", "rest.take", "nudges.list", "thread.answer", "rejections.delete"]
    assert all(button.label for button in card.buttons)


async def test_the_community_sees_a_fresh_post_with_a_thread(world: World, ada: Actor) -> None:
    card = await shared(ada, story="They went with someone else.", wish="ideas")
    (post,) = world.support
    assert Quote("They went with someone else.") in parts(post.card.text)
    assert "Ideas are welcome" in post.card.plain
    assert [button.label for button in post.card.buttons] == ["You're not alone", "Encourage"]
    (opener,) = world.thread(post)
    ideas = {each.text for each in world.app.kit.content.openers if each.wish == "ideas"}
    assert opener.card.plain in ideas
    name = post.card.plain.split("\n")[1].split(" got a no")[0]
    assert name in card.plain, "Ada is told which name she has"


async def test_an_anonymous_post_names_nobody_and_no_company(world: World) -> None:
    author = world.person("ottoline")  # a name that no id made by chance spells
    await shared(author, where="Acme, backend engineer", story="Four rounds.")
    (post,) = world.support
    assert not [part for part in parts(post.card.text) if isinstance(part, Person)]
    shown = repr(post)
    assert "ottoline" not in shown.lower() and "Acme" not in shown
    assert author.user.id not in shown


async def test_signed_with_a_name_it_shows_her_name(world: World, ada: Actor) -> None:
    await shared(ada, sign="name")
    (post,) = world.support
    assert ada.is_named_in(post.card)


@pytest.mark.parametrize("values", [{"sign": "only_me"}, {"wish": "log"}])
async def test_kept_to_herself_nothing_is_posted_and_the_plan_comes_all_the_same(
    world: World, ada: Actor, values: dict[str, str]
) -> None:
    card = await shared(ada, **values)
    assert "Only you can see this" in card.plain
    assert not world.support
    await world.advance(days=3)
    assert ada.dms


@pytest.mark.usefixtures("database")
async def test_without_a_support_channel_it_works_privately_and_says_so(tmp_path: Path) -> None:
    world = await World.open(tmp_path, set_up=False)
    card = await shared(world.person("ada"))
    assert "no support channel yet" in card.plain
    await world.close()


async def test_fewer_than_five_people_are_not_counted_aloud(world: World) -> None:
    for number in range(6):
        await shared(world.person(f"p{number}"))
        await shared(world.person(f"p{number}"))  # the same person again is still one person
    lines = [post.card.plain for post in world.support]
    assert all("one of" not in line for line in lines[:8])
    assert "You are one of 5 people here who shared a no this month" in lines[8]
    assert "You are one of 6 people" in lines[-1]


async def test_a_new_month_counts_anew(world: World) -> None:
    for number in range(5):
        await shared(world.person(f"p{number}"))
    await world.advance_to(datetime(2026, 4, 1, 9, 0, tzinfo=UTC))
    await shared(world.person("late"))
    assert "one of" not in world.support[-1].card.plain


async def test_not_alone_counts_each_person_once_and_can_be_taken_back(
    world: World, ada: Actor, bob: Actor
) -> None:
    await shared(ada)
    post = world.support[0]
    chi = world.person("chi")
    await bob.presses(post, "thread.not_alone")
    await chi.presses(post, "thread.not_alone")
    assert post.card.buttons[0].label == "You're not alone (2)"
    card = await bob.presses(post, "thread.not_alone")
    assert isinstance(card, Card) and "Taken back" in card.plain
    assert post.card.buttons[0].label == "You're not alone (1)"
    refused = await ada.presses(post, "thread.not_alone")
    assert isinstance(refused, Card) and "yours" in refused.plain
    assert post.card.buttons[0].label == "You're not alone (1)"


async def test_kind_words_reach_the_thread_and_ada_hears_of_them(
    world: World, ada: Actor, bob: Actor
) -> None:
    await shared(ada)
    post = world.support[0]
    form = await bob.presses(post, "thread.encourage")
    card = await bob.submits(form, words="That stings. I'm around tonight.")
    assert isinstance(card, Card) and "on their way" in card.plain
    said = world.thread(post)[-1].card
    assert bob.is_named_in(said)
    assert Quote("That stings. I'm around tonight.") in parts(said.text)
    heard = ada.dms[-1].card
    assert "Somebody answered your post" in heard.plain
    assert any(isinstance(part, Jump) and part.thread for part in parts(heard.text))


async def test_ada_answers_in_the_thread_under_her_pseudonym(world: World, ada: Actor, bob: Actor) -> None:
    card = await shared(ada)
    post = world.support[0]
    form = await ada.presses(card, "thread.answer")
    await ada.submits(form, words="Thank you all.")
    said = world.thread(post)[-1].card.plain
    name = said.split(" says")[0]
    assert name in post.card.plain
    assert "ada" not in said.lower()
    stolen = await bob.submits(form, words="I am Ada")
    assert isinstance(stolen, Card) and "Only its author" in stolen.plain
    assert len(world.thread(post)) == 2


async def test_a_reply_in_the_thread_is_noticed_once_a_day_and_can_be_muted(
    world: World, ada: Actor, bob: Actor
) -> None:
    await shared(ada)
    post = world.support[0]
    thread = world.thread(post)[0].message.place
    await ada.writes_in(thread)
    assert not ada.dms, "her own words are no news to her"
    await bob.writes_in(thread)
    await bob.writes_in(thread)
    assert len(ada.dms) == 1
    await ada.presses(ada.dms[0], "thread.mute")
    await world.advance(days=2)
    before = len(ada.dms)
    await bob.writes_in(thread)
    assert len(ada.dms) == before


async def test_the_post_can_be_deleted_after_one_question(world: World, ada: Actor, bob: Actor) -> None:
    card = await shared(ada, story="Too much said.")
    post = world.support[0]
    asked = await ada.presses(card, "rejections.delete")
    assert isinstance(asked, Card)
    kept = await ada.presses(asked, "rejections.delete_no")
    assert isinstance(kept, Card) and world.support
    await ada.presses(asked, "rejections.delete_yes")
    assert not world.support
    gone = await bob.presses(post, "thread.not_alone")
    assert isinstance(gone, Card) and "isn't there any more" in gone.plain
    await world.advance(days=4)
    assert ada.dms, "the plan goes on"


async def test_nobody_else_can_delete_it(world: World, ada: Actor, bob: Actor) -> None:
    card = await shared(ada)
    asked = await ada.presses(card, "rejections.delete")
    assert isinstance(asked, Card)
    refused = await bob.pushes(asked.buttons[0])
    assert isinstance(refused, Card) and "isn't there" in refused.plain
    assert world.support


async def test_a_story_that_could_identify_her_is_shown_back_first(world: World, ada: Actor) -> None:
    form = await ada.opens("/rejected")
    told = {"stage": "interview", "story": "Write to ada@example.org, said Ada."}
    asked = await ada.submits(form, **told)
    assert isinstance(asked, Card) and "ada@example.org" in asked.plain
    assert not world.support
    again = await ada.presses(asked, "form.again")
    assert isinstance(again, Form) and again.fields[2].value == told["story"], "nothing is lost"
    await ada.presses(asked, "rejections.anyway")
    assert "ada@example.org" in world.support[0].card.plain
    twice = await ada.presses(asked, "rejections.anyway")
    assert isinstance(twice, Card) and "already handled" in twice.plain
    assert len(world.support) == 1


async def test_the_identifying_story_can_stay_private(world: World, ada: Actor) -> None:
    form = await ada.opens("/rejected")
    asked = await ada.submits(form, stage="interview", story="See www.example.org/ada")
    assert isinstance(asked, Card)
    card = await ada.presses(asked, "rejections.just_me")
    assert isinstance(card, Card) and "Nothing was posted" in card.plain
    assert not world.support


@pytest.mark.in_memory  # on Discord such a post waits for an organiser: tests/test_discord.py
async def test_the_channel_is_gone_and_ada_is_told(world: World, ada: Actor) -> None:
    world.chat.gone_channels.add("support")
    await shared(ada, story="Words that must not be lost.")
    assert not world.support
    assert "couldn't put up your post" in ada.dms[-1].card.plain


async def test_the_plan_by_stage(world: World) -> None:
    for stage in ("no_reply", "cv_screen", "laid_off"):
        card = await shared(world.person(stage), stage=stage)
        assert "thank-you" not in card.plain and "feedback" not in card.plain, stage
    for stage in ("recruiter_call", "assessment", "interview", "final_round", "offer_withdrawn"):
        card = await shared(world.person(stage), stage=stage)
        assert "thank-you" in card.plain and "feedback" in card.plain, stage


async def test_the_thank_you_comes_the_same_day_and_the_rest_one_a_day(world: World, ada: Actor) -> None:
    await shared(ada, where="Acme", stage="final_round")
    await world.advance(hours=14)
    first = ada.dms[0]
    assert "Acme" in first.card.plain and "thank-you" in first.card.plain
    assert [button.id for button in first.card.buttons][:4] == [
        "plan.draft",
        "plan.done",
        "plan.later",
        "plan.skip",
    ]
    for _ in range(40):
        await world.advance(days=3)
        await ada.gets("/nudges")  # she is there
    said = "\n".join(dm.card.plain for dm in ada.dms)
    assert "got to the last round" in said, "the door is kept open, months later"
    assert len({dm.card.title for dm in ada.dms}) == len(ada.dms)


async def test_an_editable_draft_with_her_details(world: World, ada: Actor) -> None:
    card = await shared(ada, where="Acme")
    form = await ada.presses(card, "plan.draft")
    assert isinstance(form, Form) and "Acme" in form.fields[0].value
    ready = await ada.submits(form, note="Dear Kim, thank you.")
    assert isinstance(ready, Card) and Quote("Dear Kim, thank you.") in parts(ready.text)


async def test_done_later_and_skip(world: World, ada: Actor) -> None:
    await shared(ada, stage="cv_screen", sign="only_me")
    await world.next_event()
    done = await ada.presses(ada.dms[-1], "plan.done")
    assert isinstance(done, Card) and "You stopped to see how you are" in done.plain
    await world.next_event()
    title = ada.dms[-1].card.title
    asked = await ada.presses(ada.dms[-1], "plan.later")
    assert isinstance(asked, Card)
    before = len(ada.dms)
    await ada.presses(asked, "plan.snooze", asked.buttons[1].arg)
    await world.advance(days=1, hours=1)
    assert len(ada.dms) == before + 1 and ada.dms[-1].card.title == title
    message, skip = ada.dms[-1].message, ada.dms[-1].card.button("plan.skip")
    skipped = await ada.pushes(skip, message)
    assert isinstance(skipped, Card) and "fine" in skipped.plain
    again = await ada.pushes(skip, message)
    assert isinstance(again, Card) and "settled" in again.plain


def promised(card: Card | Form | None) -> datetime:
    """The time that a card names."""
    assert isinstance(card, Card)
    (when,) = (part.at for part in parts(card.text) if isinstance(part, When))
    return when


async def put_off(actor: Actor, asked: Card | Form | None, choice: str) -> Card | Form | None:
    """One of the ways on the card that ``plan.later`` gave."""
    assert isinstance(asked, Card)
    (arg,) = (button.arg for button in asked.buttons if button.arg.endswith(f".{choice}"))
    return await actor.presses(asked, "plan.snooze", arg)


async def comes_at(world: World, actor: Actor, title: str, at: datetime) -> bool:
    """Whether a message of that title comes then and not before."""
    before = len(actor.dms)
    await world.advance_to(at - timedelta(minutes=1))
    early = [sent.card.title for sent in actor.dms[before:]]
    before = len(actor.dms)
    await world.advance_to(at + timedelta(minutes=1))
    return title not in early and title in [sent.card.title for sent in actor.dms[before:]]


@pytest.mark.parametrize("choice", ["hours", "tomorrow", "days", "week"])
async def test_what_she_puts_off_comes_when_she_was_told(world: World, ada: Actor, choice: str) -> None:
    """Whatever else the day has had by then, or has still to come."""
    await shared(ada, stage="interview", sign="only_me")
    await shared(ada, stage="cv_screen", sign="only_me")
    await world.advance_to(MONDAY + timedelta(days=1))
    sent, title = ada.dms[-1], ada.dms[-1].card.title
    at = promised(await put_off(ada, await ada.presses(sent, "plan.later"), choice))
    assert await comes_at(world, ada, title, at)


async def test_what_she_moves_in_the_list_comes_when_she_was_told(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    await world.advance_to(MONDAY + timedelta(days=1))
    opened = await ada.presses(await ada.gets("/nudges"), "nudges.open")
    assert isinstance(opened, Card)
    at = promised(await put_off(ada, await ada.presses(opened, "plan.later"), "hours"))
    assert at == MONDAY + timedelta(days=1, hours=3), "a day that has had its message"
    before = len(ada.dms)
    await world.advance_to(at + timedelta(minutes=1))
    assert [sent.card.title for sent in ada.dms[before:]] != []


async def test_put_off_in_a_break_it_comes_after_it_and_the_card_says_so(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    await world.advance_to(MONDAY + timedelta(days=1))
    sent, title = ada.dms[-1], ada.dms[-1].card.title
    await ada.gets("/break 3 days")
    at = promised(await put_off(ada, await ada.presses(sent, "plan.later"), "hours"))
    assert at >= MONDAY + timedelta(days=4)
    assert await comes_at(world, ada, title, at)


async def test_put_off_in_a_pause_without_end_it_waits_for_her_word(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    await world.advance_to(MONDAY + timedelta(days=1))
    sent, title = ada.dms[-1], ada.dms[-1].card.title
    paused = await ada.presses(await ada.gets("/nudges"), "nudges.pause")
    card = await put_off(ada, await ada.presses(sent, "plan.later"), "hours")
    assert isinstance(card, Card) and "until you say so" in card.plain
    before = len(ada.dms)
    await world.advance(days=2)
    assert len(ada.dms) == before
    assert isinstance(paused, Card)
    await ada.presses(paused, "nudges.resume")
    await world.advance(days=3)
    assert title in [each.card.title for each in ada.dms[before:]]


async def test_nudges_lists_skips_and_cancels(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    card = await ada.gets("/nudges")
    whens = [part for part in parts(card.text) if isinstance(part, When)]
    assert len(whens) == 5
    more = await ada.presses(card, "nudges.turn")
    assert isinstance(more, Card) and more.plain != card.plain
    one = await ada.presses(card, "nudges.open")
    assert isinstance(one, Card)
    after = await ada.presses(one, "nudges.skip")
    assert isinstance(after, Card) and card.buttons[0].label not in plain(after.text)
    one = await ada.presses(after, "nudges.open")
    assert isinstance(one, Card)
    await ada.presses(one, "nudges.cancel")
    assert "Nothing is planned" in (await ada.gets("/nudges")).plain
    await world.advance(days=100)
    assert not ada.dms


async def test_bob_cannot_touch_adas_plan(world: World, ada: Actor, bob: Actor) -> None:
    await shared(ada, sign="only_me")
    card = await ada.gets("/nudges")
    refused = await bob.presses(card, "nudges.open")
    assert isinstance(refused, Card) and "settled" in refused.plain


async def test_a_break_pauses_everything_and_moves_the_plan(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    before = [part for part in parts((await ada.gets("/nudges")).text) if isinstance(part, When)]
    card = await ada.gets("/break 3 days")
    assert "quiet until" in card.plain
    await world.advance(days=2, hours=23)
    assert not ada.dms
    listed = await ada.gets("/nudges")
    after = [part for part in parts(listed.text) if isinstance(part, When)][1:]
    assert [(b.at - a.at).days for a, b in zip(before, after, strict=False)] == [3, 3, 3, 3, 3]
    await world.advance(days=3)
    assert ada.dms


async def test_coming_back_early_moves_the_plan_back(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    before = [part for part in parts((await ada.gets("/nudges")).text) if isinstance(part, When)]
    card = await ada.gets("/break 1 week")
    back = await ada.presses(card, "rest.back")
    assert isinstance(back, Card) and "Good to see you" in back.plain
    after = [part for part in parts((await ada.gets("/nudges")).text) if isinstance(part, When)]
    assert before == after


async def test_a_break_is_chosen_by_button(world: World, ada: Actor) -> None:
    card = await ada.gets("/break")
    assert [button.label for button in card.buttons] == ["One day", "Three days", "A week", "Until I say so"]
    taken = await ada.presses(card, "rest.for", "1 week")
    assert isinstance(taken, Card) and "quiet until" in taken.plain
    unclear = await ada.gets("/break until the cows come home")
    assert "3 days" in unclear.plain


async def test_pause_all_and_go_on(world: World, ada: Actor) -> None:
    await shared(ada, stage="interview", sign="only_me")
    card = await ada.gets("/nudges")
    paused = await ada.presses(card, "nudges.pause")
    await world.advance(days=20)
    assert not ada.dms
    assert isinstance(paused, Card)
    await ada.presses(paused, "nudges.resume")
    await world.advance(days=3)
    assert 1 <= len(ada.dms) <= 4, "one a day, not a backlog"


async def test_after_five_without_a_reaction_it_asks_once_then_is_silent(world: World, ada: Actor) -> None:
    for _ in range(2):
        await shared(ada, stage="interview", sign="only_me")
    await world.advance(days=60)
    asked = [dm for dm in ada.dms if "Would you like me to go on" in dm.card.plain]
    assert len(asked) == 1 and ada.dms[-1] is asked[0]
    assert len(ada.dms) == 6
    await ada.presses(asked[0], "nudges.go_on")
    await world.advance(days=10)
    assert len(ada.dms) > 6


async def test_closed_direct_messages_are_shown_at_the_next_command(world: World, ada: Actor) -> None:
    world.chat.closed.add("ada")
    await shared(ada, stage="cv_screen", sign="only_me")
    await world.advance(days=5)
    card = await ada.gets("/nudges")
    assert "couldn't send you" in card.plain
    missed = await ada.presses(card, "nudges.missed")
    assert isinstance(missed, Card) and missed.buttons
    shown = await ada.presses(missed, "nudges.show")
    assert isinstance(shown, Card) and "How are you today?" in shown.plain
    assert "couldn't send you" not in (await ada.gets("/nudges")).plain


async def test_it_all_survives_a_restart(world: World, ada: Actor, bob: Actor) -> None:
    card = await shared(ada, stage="final_round")
    post = world.support[0]
    await world.restart()
    await bob.presses(post, "thread.not_alone")
    assert post.card.buttons[0].label == "You're not alone (1)"
    form = await ada.presses(card, "thread.answer")
    await ada.submits(form, words="Still here.")
    assert "Still here." in world.thread(post)[-1].card.plain
    await world.advance(days=1)
    assert ada.dms


async def test_the_same_event_twice_is_handled_once(world: World, ada: Actor) -> None:
    from bot.chat import Kind

    form = await ada.opens("/rejected")
    values = {field.name: field.value for field in form.fields} | {"stage": "interview"}
    event = ada.event(Kind.SUBMIT, form.id, values=values)
    assert isinstance(await ada.sends(event), Card)
    assert await ada.sends(event) is None
    await world.restart()
    again = await ada.sends(event)
    assert isinstance(again, Card) and "already saved" in again.plain
    assert len(world.support) == 1


async def test_what_was_said_in_public_is_not_kept_in_the_outbox(
    world: World, ada: Actor, bob: Actor
) -> None:
    await shared(ada)
    form = await bob.presses(world.support[0], "thread.encourage")
    await bob.submits(form, words="I'm around tonight.")
    async with world.storage.read() as connection:
        said = select(func.count()).where(outbox.c.kind == "thread.said", outbox.c.args.is_not(None))
        assert (await connection.execute(said)).scalar() == 1
        await world.advance(days=4)
        await world.app.housekeeping()
    async with world.storage.read() as connection:
        assert (await connection.execute(said)).scalar() == 0


@pytest.mark.in_memory  # Discord tells no time zone
async def test_a_zone_that_nobody_knows_is_no_reason_to_refuse_her(world: World) -> None:
    card = await shared(world.person("ada", zone="Europe/Atlantis"))
    assert "You prepared" in card.plain
    await world.advance(days=2)
    assert world.person("ada").dms

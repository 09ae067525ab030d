"""Event -> handler -> private reply: once, with what was typed kept, and with one kind of error."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, func, select
from sqlalchemy import event as sqlalchemy_event
from structlog.testing import capture_logs

from bot.chat import Ack, Kind
from bot.cog import Cog, Ctx, Plan
from bot.dispatch import AGAIN
from bot.errors import Refused
from bot.storage import Storage
from bot.storage.glance import Glance
from bot.storage.schema import drafts, events, outbox, people
from bot.ui import Button, Card, Choice, Field, Form
from bot.ui import Kind as FieldKind
from cogs import COGS
from tests.world import Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

# Labelled here, because a probe has no words of its own.
FORM = Form(
    "probe.form",
    (Field("words", FieldKind.LONG, limit=50, label="Words"), Field("sign", optional=True, label="Sign")),
    title="Probe",
    submit="Go",
)
PRESS = Button("probe.press")


@dataclass
class Probe:
    """A feature that does what a test tells it to."""

    fails: list[BaseException] = field(default_factory=list[BaseException])
    late: bool = False  # fails after its transaction instead of inside it
    seen: list[str] = field(default_factory=list[str])

    async def take(self, ctx: Ctx) -> Card:
        async with ctx.write() as tx:
            plan = Plan("nudges.ask", ("probe", ctx.event.id), ctx.now + timedelta(days=1), user=ctx.user)
            await ctx.kit.outbox.plan(tx, plan)
            if self.fails and not self.late:
                raise self.fails.pop(0)
        if self.fails:
            raise self.fails.pop(0)
        self.seen.append(ctx.values.get("words", "") or ctx.arg)
        return Card(f"Taken: {self.seen[-1]}" if self.seen[-1] else "Taken.")

    @property
    def cog(self) -> Cog:
        cog = Cog("probe")
        cog.opens("share", FORM)
        cog.submit(FORM)(self.take)
        cog.reply(self.take)
        cog.command("probe", options=(Field("where", optional=True, label="Where"),))(self.take)
        cog.press(PRESS, Ack.REPLACES)(self.take)

        @cog.suggest("probe", "where")
        async def suggest(ctx: Ctx) -> Sequence[Choice]:
            if ctx.arg == "boom":
                raise RuntimeError("private words")
            return [Choice(f"{ctx.arg}1"), Choice(f"{ctx.arg}2")]

        return cog


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
async def world(tmp_path: Path, probe: Probe):
    made = await World.open(tmp_path, cogs=(*COGS, probe.cog))
    yield made
    await made.close()


async def count(world: World, table: Any) -> int:
    async with world.storage.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


@contextmanager
def broken_database(only: str = "") -> Generator[None]:
    """Every statement that begins like this fails."""

    def fails(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith(only):
            raise OSError("disk of Ada is full")

    look = Storage.glance

    async def looks(self: Storage, glance: Glance, **names: str) -> list[dict[str, Any]]:
        fails(None, None, str(glance.statement))
        return await look(self, glance, **names)

    sqlalchemy_event.listen(Engine, "before_cursor_execute", fails)
    Storage.glance = looks
    try:
        yield
    finally:
        Storage.glance = look
        sqlalchemy_event.remove(Engine, "before_cursor_execute", fails)


def code_in(card: Card) -> str:
    assert "Something went wrong on my side" in card.plain
    return card.plain.rpartition("this code: ")[2]


# -- once -------------------------------------------------------------------------------------------


async def test_the_same_event_is_handled_once(world: World, ada: Actor, probe: Probe) -> None:
    event = ada.event(Kind.PRESS, PRESS.id, arg="x")
    assert isinstance(await ada.sends(event), Card)
    assert await ada.sends(event) is None, "a quick redelivery has its answer already"
    assert probe.seen == ["x"]


async def test_delivered_side_by_side_it_is_handled_once(world: World, ada: Actor, probe: Probe) -> None:
    event = ada.event(Kind.PRESS, PRESS.id, arg="x")
    handle = world.app.dispatcher.handle
    answers = await asyncio.gather(*(handle(event) for _ in range(5)))
    assert sum(isinstance(answer, Card) for answer in answers) == 1
    assert probe.seen == ["x"]
    assert await count(world, outbox) == 1


async def test_after_a_restart_it_is_still_handled_once_and_says_so(
    world: World, ada: Actor, probe: Probe
) -> None:
    event = ada.event(Kind.SUBMIT, FORM.id, values={"words": "hello"})
    await ada.sends(event)
    await world.restart()
    again = await ada.sends(event)
    assert isinstance(again, Card)
    assert again.plain == "That is already saved. /home shows where you are."
    assert probe.seen == ["hello"]
    assert await count(world, outbox) == 1


async def test_another_event_with_the_same_words_is_another(world: World, ada: Actor, probe: Probe) -> None:
    for _ in range(2):
        await ada.sends(ada.event(Kind.SUBMIT, FORM.id, values={"words": "hello"}))
    assert probe.seen == ["hello", "hello"]
    assert await count(world, outbox) == 2


async def test_one_platforms_event_is_not_anothers(world: World, ada: Actor, probe: Probe) -> None:
    event = ada.event(Kind.PRESS, PRESS.id, arg="x")
    await ada.sends(event)
    await world.restart()  # in memory an id alone is known for a while
    elsewhere = replace(event, user=replace(event.user, platform="other"))
    assert isinstance(await world.app.dispatcher.handle(elsewhere), Card)
    assert probe.seen == ["x", "x"]


async def test_old_events_are_forgotten_in_the_end(world: World, ada: Actor, probe: Probe) -> None:
    await ada.sends(ada.event(Kind.PRESS, PRESS.id, arg="x"))
    await world.app.housekeeping()
    assert await count(world, events) == 1
    await world.clock.advance(timedelta(days=4))
    await world.app.housekeeping()
    assert await count(world, events) == 0


# -- when it fails ----------------------------------------------------------------------------------


async def test_a_failure_says_what_happened_with_a_code_that_is_in_the_log(
    world: World, probe: Probe
) -> None:
    person = world.person("ottoline")  # a name that the code's hex digits cannot spell
    probe.fails = [RuntimeError("Acme said no to Ottoline")]
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        card = await person.sends(person.event(Kind.PRESS, PRESS.id, arg="x"))
    assert isinstance(card, Card)
    code = code_in(card)
    assert len(code) == 8
    (failed,) = [line for line in logs if line["log_level"] == "error"]
    assert (failed["event"], failed["cid"], failed["error"]) == ("handler failed", code, "RuntimeError")
    assert failed["name"] == "probe-press"
    assert any("test_dispatch.py" in place and place.endswith("take") for place in failed["trace"])
    assert "Acme" not in repr(logs)
    assert "ottoline" not in repr(logs).lower()
    assert "nothing was changed" in card.plain
    assert await count(world, outbox) == 0
    assert await count(world, events) == 0


async def test_two_failures_have_two_codes(ada: Actor, probe: Probe) -> None:
    probe.fails = [RuntimeError(), RuntimeError()]
    cards = [await ada.sends(ada.event(Kind.PRESS, PRESS.id)) for _ in range(2)]
    assert len({code_in(card) for card in cards if isinstance(card, Card)}) == 2


async def test_after_a_failure_the_same_event_may_come_again(ada: Actor, probe: Probe) -> None:
    probe.fails = [RuntimeError()]
    event = ada.event(Kind.PRESS, PRESS.id, arg="x")
    assert "Something went wrong" in (await card_of(ada, event)).plain
    assert (await card_of(ada, event)).plain == "Taken: x"


async def card_of(actor: Actor, event: Any) -> Card:
    card = await actor.sends(event)
    assert isinstance(card, Card)
    return card


async def test_what_was_typed_is_kept_through_a_failure_and_a_restart(
    world: World, ada: Actor, bob: Actor, probe: Probe
) -> None:
    probe.fails = [RuntimeError()]
    values = {"words": "Words that took me an hour", "sign": "me"}
    card = await card_of(ada, ada.event(Kind.SUBMIT, FORM.id, arg="", values=values))
    assert "Your words are safe" in card.plain
    await world.restart()
    form = await ada.presses(card, "form.again")
    assert isinstance(form, Form)
    assert {each.name: each.value for each in form.fields} == values
    assert isinstance(await bob.opens("/share"), Form)
    assert not any(each.value for each in (await bob.opens("/share")).fields), "they are nobody else's"
    assert (await ada.opens("/share")).fields[0].value == values["words"]
    taken = await ada.submits(form)
    assert isinstance(taken, Card) and taken.plain == "Taken: Words that took me an hour"
    assert not (await ada.opens("/share")).fields[0].value, "once taken, it is a new form"
    assert await count(world, drafts) == 0


async def test_what_was_kept_is_sealed_and_forgotten_after_a_week(
    world: World, ada: Actor, probe: Probe
) -> None:
    probe.fails = [RuntimeError()]
    await ada.sends(ada.event(Kind.SUBMIT, FORM.id, values={"words": "Xylographic"}))
    async with world.storage.read() as connection:
        (kept,) = (await connection.execute(select(drafts))).all()
    assert b"Xylographic" not in kept.values
    await world.clock.advance(timedelta(days=8))
    await world.app.housekeeping()
    assert await count(world, drafts) == 0


async def test_a_database_that_fails_is_an_answer_too_and_the_event_may_come_again(
    world: World, ada: Actor, probe: Probe
) -> None:
    event = ada.event(Kind.SUBMIT, FORM.id, values={"words": "hello"})
    with capture_logs() as logs, broken_database():
        card = await world.app.dispatcher.handle(event)
        form = await world.app.dispatcher.form(ada.event(Kind.COMMAND, "share"))
    assert isinstance(card, Card) and code_in(card)
    assert "nothing was changed" in card.plain, "it could not even be kept"
    assert isinstance(form, Card) and code_in(form)
    assert "Ada" not in repr(logs)
    assert isinstance(await world.app.dispatcher.handle(event), Card)
    assert probe.seen == ["hello"]


async def test_what_was_done_is_said_even_if_looking_for_more_to_say_fails(
    world: World, ada: Actor, probe: Probe
) -> None:
    with broken_database("SELECT outbox"):
        card = await world.app.dispatcher.handle(ada.event(Kind.PRESS, PRESS.id, arg="x"))
    assert isinstance(card, Card) and card.plain == "Taken: x"
    assert await count(world, outbox) == 1


# -- what cannot be done ------------------------------------------------------------------------------


async def test_a_refusal_says_why_and_keeps_what_was_typed(ada: Actor, probe: Probe) -> None:
    probe.fails = [Refused("thread-gone")]
    card = await card_of(ada, ada.event(Kind.SUBMIT, FORM.id, values={"words": "hello"}))
    assert card.plain == "That post isn't there any more."
    form = await ada.presses(card, "form.again")
    assert isinstance(form, Form) and form.fields[0].value == "hello"


async def test_a_refusal_about_a_field_stands_beside_that_field(ada: Actor, probe: Probe) -> None:
    probe.fails = [Refused("rejections-blocked", field="sign")]
    form = await ada.sends(ada.event(Kind.SUBMIT, FORM.id, values={"words": "hello", "sign": "x"}))
    assert isinstance(form, Form)
    assert form.errors == {
        "sign": "A moderator has paused anonymous posts for you here. You can use your name, "
        "or keep it just for you."
    }
    assert [each.value for each in form.fields] == ["hello", "x"]
    assert form.again is not None
    again = await ada.pushes(form.again)
    assert isinstance(again, Form) and again.fields[0].value == "hello"


async def test_a_form_with_a_mistake_comes_back_and_is_taken_when_mended(
    world: World, ada: Actor, probe: Probe
) -> None:
    event = ada.event(Kind.SUBMIT, FORM.id, values={"words": "x" * 51, "sign": "me"})
    form = await ada.sends(event)
    assert isinstance(form, Form)
    assert form.errors == {"words": "This is 1 characters too long. Up to 50 fit."}
    assert form.fields[0].value == "x" * 51
    assert not probe.seen
    assert isinstance(await ada.submits(form, words="x" * 50), Card)
    assert await count(world, drafts) == 0


async def test_an_unknown_command_button_or_form_is_answered(world: World, ada: Actor) -> None:
    sent = [
        ada.event(Kind.COMMAND, "nosuch"),
        ada.event(Kind.PRESS, "old.button", arg="1"),
        ada.event(Kind.SUBMIT, "old.form", values={"words": "hello"}),
        ada.event(Kind.PRESS, AGAIN.id, arg="old.form:1"),
        ada.event(Kind.PRESS, AGAIN.id, arg=""),
    ]
    with capture_logs() as logs:
        for event in sent:
            card = await ada.sends(event)
            assert isinstance(card, Card), event
            assert card.plain.startswith("I don't know that one"), event
    assert not [line for line in logs if line["log_level"] in ("error", "warning")]
    assert world.app.dispatcher.ack(Kind.PRESS, "old.button") is Ack.REPLIES


async def test_every_button_and_form_stands_a_strange_arg(world: World) -> None:
    """From an older version, or made up by somebody in their browser."""
    ada = world.person("ada", is_moderator=True, is_admin=True)
    strange = (
        "",
        "7",
        "1.2.3",
        "nosuch.0123456789abcdef",
        "²",
        "9" * 40,
        "..",
        "a:b",
        "\x00\ud800",
        "{ $n }",
    )
    registry = world.app.registry
    with capture_logs() as logs:
        for name in registry.presses:
            for arg in strange:
                answer = await ada.sends(ada.event(Kind.PRESS, name, arg=arg))
                assert isinstance(answer, Card | Form | None), (name, arg)
                assert not isinstance(answer, Card) or "went wrong" not in answer.plain, (name, arg)
        for name in registry.forms:
            for arg in strange:
                answer = await ada.sends(ada.event(Kind.PRESS, AGAIN.id, arg=f"{name}:{arg}"))
                assert not isinstance(answer, Card) or "went wrong" not in answer.plain, (name, arg)
    assert not [line for line in logs if line["log_level"] in ("error", "warning")]


# -- how it is acknowledged, before anything is known -------------------------------------------------


def test_the_ack_is_declared(world: World) -> None:
    ack = world.app.dispatcher.ack
    assert ack(Kind.COMMAND, "share") is Ack.OPENS
    assert ack(Kind.COMMAND, "probe") is Ack.REPLIES
    assert ack(Kind.COMMAND, "nosuch") is Ack.REPLIES
    assert ack(Kind.PRESS, PRESS.id) is Ack.REPLACES
    assert ack(Kind.PRESS, AGAIN.id) is Ack.OPENS
    assert ack(Kind.SUBMIT, FORM.id) is Ack.REPLIES
    assert ack(Kind.REPLY, "reply") is Ack.QUIET
    assert ack(Kind.DIRECT, "direct") is Ack.REPLIES


# -- completions --------------------------------------------------------------------------------------


async def test_completions_come_from_the_feature(world: World, ada: Actor) -> None:
    suggest = world.app.dispatcher.suggest
    found = await suggest(ada.event(Kind.COMMAND, "probe", arg="ab"), "where")
    assert [choice.value for choice in found] == ["ab1", "ab2"]
    assert await suggest(ada.event(Kind.COMMAND, "probe", arg="ab"), "other") == []
    assert await suggest(ada.event(Kind.COMMAND, "nosuch", arg="ab"), "where") == []


async def test_completions_that_fail_are_none_and_tell_no_secret(world: World, ada: Actor) -> None:
    with capture_logs() as logs:
        assert await world.app.dispatcher.suggest(ada.event(Kind.COMMAND, "probe", arg="boom"), "where") == []
    (failed,) = logs
    assert failed["event"] == "suggest failed"
    assert "private words" not in repr(failed)


# -- what could not be delivered, and that somebody was there -----------------------------------------


async def undelivered(world: World, ada: Actor) -> None:
    world.chat.closed.add("ada")
    form = await ada.opens("/rejected")
    await ada.submits(form, stage="cv_screen", sign="only_me")
    await world.advance(days=2)
    world.chat.closed.clear()


async def test_what_could_not_be_delivered_is_said_with_the_next_answer(
    world: World, ada: Actor, bob: Actor, probe: Probe
) -> None:
    await undelivered(world, ada)
    card = await card_of(ada, ada.event(Kind.PRESS, PRESS.id, arg="x"))
    assert card.plain.startswith("Taken: x\n\nI couldn't send you a direct message")
    assert card.buttons[-1].id == "nudges.missed"
    assert "couldn't send" not in (await card_of(bob, bob.event(Kind.PRESS, PRESS.id, arg="x"))).plain
    await ada.presses(card, "nudges.missed")
    after = await card_of(ada, ada.event(Kind.PRESS, PRESS.id, arg="y"))
    assert after.plain == "Taken: y"


async def test_it_is_left_for_later_where_it_has_no_room(world: World, ada: Actor, probe: Probe) -> None:
    await undelivered(world, ada)
    card = await card_of(ada, ada.event(Kind.SUBMIT, FORM.id, values={"words": "x"}))
    assert "couldn't send" in card.plain
    full = await card_of(ada, ada.event(Kind.COMMAND, "probe", arg="x" * 1990))
    assert full.plain == "Taken: " + "x" * 1990
    assert "couldn't send" in (await card_of(ada, ada.event(Kind.COMMAND, "probe", arg="y"))).plain


async def test_whoever_reacts_is_there_again(world: World, ada: Actor, probe: Probe) -> None:
    await undelivered(world, ada)
    async with world.storage.read() as connection:
        before = (await connection.execute(select(people.c.unreachable))).scalar_one()
    await ada.gets("/nudges")
    async with world.storage.read() as connection:
        after = (await connection.execute(select(people.c.unreachable))).scalar_one()
    assert before
    assert not after


# -- words typed after a command ----------------------------------------------------------------------


async def test_what_is_typed_after_a_command_is_cleaned_as_in_a_form(ada: Actor, probe: Probe) -> None:
    await ada.gets("/probe \u202eevil\x00 words\n here\ud800 ")
    assert probe.seen == ["evil words\n here"]


async def test_the_name_of_an_unknown_command_is_not_logged(world: World, ada: Actor, probe: Probe) -> None:
    probe.fails = [RuntimeError()]
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        with broken_database():
            await world.app.dispatcher.handle(ada.event(Kind.COMMAND, "my_secret"))
        await ada.sends(ada.event(Kind.PRESS, PRESS.id))
        structlog.get_logger().info("afterwards")
    assert [line.get("name") for line in logs] == ["unknown", "probe-press", None], "and nothing stays bound"


# -- replies in threads -------------------------------------------------------------------------------


async def test_a_reply_in_a_thread_is_never_answered(world: World, ada: Actor, probe: Probe) -> None:
    event = ada.event(Kind.REPLY, "reply")
    probe.fails = [RuntimeError()]
    assert await ada.sends(event) is None
    assert await ada.sends(event) is None, "it failed the first time"
    await world.restart()
    assert await ada.sends(event) is None, "it was noticed before"
    assert probe.seen == [""]

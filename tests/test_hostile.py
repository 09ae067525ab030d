"""What people type is never markup, never code, never lost, never logged, and never lies in clear.

Each hostile text goes into every free-text field of every form, and after every command. The answer is a
card, or the form with what is to be mended; what is taken is shown as exactly these characters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot.chat import Kind as EventKind
from bot.registry import Registry
from bot.texts import clean
from bot.ui import Card, Field, Form, Kind, Part, Quote, Tone, parts, plain
from cogs import COGS
from tests.world import Actor, World

M = "zaphodq"  # stands in each text, to be found again wherever it is

HOSTILE = {
    "everyone": f"@everyone {M}",
    "here": f"{M} @here",
    "Slack channel": f"<!channel> {M}",
    "Slack here": f"<!here> {M} <!everyone|x>",
    "Slack group": f"<!subteam^S123> {M}",
    "a user": f"<@123456789012345678> {M} <@!1> <@U123>",
    "a role": f"<@&123456789012345678> {M}",
    "a channel": f"<#123456789012345678> {M} <#C123|general>",
    "a slash command": f"</rejected:123456789012345678> {M}",
    "a timestamp": f"<t:1234567890:R> {M}",
    "a custom emoji": f"<:x:123456789012345678> {M} :smile:",
    "a masked link": f"[{M}](http://evil.test)",
    "a masked link on the app": f"[click {M}](https://discord.com/oauth2)",
    "a Slack link": f"<http://evil.test|{M}>",
    "javascript": f"javascript:alert('{M}')",
    "data url": f"data:text/html;base64,{M}",
    "script": f"<script>alert('{M}')</script>",
    "html": f'<img src=x onerror="alert(1)"><b>{M}</b>&amp;&#x27;',
    "template": f"{{{{ {M} }}}} ${{{M}}} <%= {M} %>",
    "bold and others": f"**{M}** __a__ _b_ ~~c~~ *d* `e`",
    "headings": f"# {M}\n## b\n-# small",
    "quotes": f"> {M}\n>>> the rest",
    "lists": f"- {M}\n1. b\n* c",
    "code": f"```py\n{M}\n```",
    "an open fence": f"``` {M}",
    "spoilers": f"||{M}||",
    "a table": f"| {M} | b |\n|---|---|",
    "backslashes": f"\\*{M}\\* \\\\ \\",
    "right-to-left override": f"\u202e{M}\u202c",
    "isolates": f"\u2067{M}\u2069",
    "right-to-left marks": f"\u200f{M}\u200e",
    "zalgo": f"{M} " + "z\u0334\u0337\u0300\u0301\u0302\u0303\u0304\u0305" * 9,
    "families": f"{M} 👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "flags and skin": f"🇩🇪🇺🇦 👍🏽 1️⃣ {M}",
    "beyond the first plane": f"𝒻𝒾𝓃𝑒 𓀀 {M} \U0010fffd",
    "NUL": f"{M}\x00after",
    "controls": f"\x1b[31m{M}\x07\x08\x7f\x9b",
    "lone surrogates": f"{M} \ud800 \udfff",
    "Fluent": f"{{ $n }} {{ -brand }} {{ {M} }}",
    "Fluent select": f"{{ $n ->\n *[other] {M}\n}}",
    "private marks": f"\ue0000\ue001 {M} \ue001\ue000",
    "only private marks": "\ue0000\ue001",
    "a custom_id": f"rejections.delete_yes:{M}",
    "a key": f"thread.post:{M}/memory/here",
    "SQL": f"'; DROP TABLE rejections; -- {M}",
    "format strings": f"%s %d {{0}} {{}} {M} %(name)s",
    "JSON": f'{{"values": "{M}"}}',
    "a path": f"../../etc/{M}\\..\\",
    "one long word": M + "x" * 300,
    "line breaks": f"{M}" + "\n" * 200 + "end",
    "every line break": f"{M}\r\nb\rc\u2028d\u2029e\x85f\x0bg",
    "tabs": f"\t\t{M}\t\t",
    "a number": "99999999999999999999999",
    "noncharacters": f"{M}\ufffe\uffff\U0010ffff",
}
EMPTY = {
    "nothing": "",
    "spaces": "      ",
    "line ends": "\r\n\n\t\n",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "hangul fillers": "\u3164\u115f\u1160\uffa0",
    "braille blank": "\u2800\u2800",
    "selectors": "\ufe0f\ufe0e\U000e0101",
    "only overrides": "\u202e\u2066",
    "only controls": "\x00\x01",
}
TOO_LONG = f"{M} " + "word " * 1999 + "end."  # 10,000 characters and some

FREE = (Kind.TEXT, Kind.LONG, Kind.TIME, Kind.DATE)
REGISTRY = Registry(COGS)
FIELDS = [
    (form.id, field.name)
    for form, _ in REGISTRY.forms.values()
    for field in form.fields
    if field.kind in FREE
]
QUOTED = {"rejections.share/story", "thread.words/words", "thread.reply/words", "plan.note/note"}
USUAL = {Kind.TIME: "09:00", Kind.DATE: "2026-04-01", Kind.TEXT: "Plain words", Kind.LONG: "Plain words"}
USUAL |= {Kind.CHANNEL: "support", Kind.USER: "ada"}


@pytest.fixture
def ada(world: World) -> Actor:
    """Ada, who may do everything here: no form is closed to her."""
    return world.person("ada", zone="Europe/Berlin", is_moderator=True, is_admin=True)


@pytest.fixture
async def cards(world: World, ada: Actor) -> list[Card]:
    """Ada's cards after she shared a no: everything that has a button."""
    seen: list[Card] = []
    for name, spec in world.app.registry.commands.items():
        if not spec.opens:
            seen.append(await ada.gets(f"/{name}"))
    form = await ada.opens("/rejected")
    card = await ada.submits(form, stage="interview", sign="name", story="Plain words")
    assert isinstance(card, Card)
    return [card, *seen, *(sent.card for sent in world.chat.sent.values())]


async def opened(world: World, ada: Actor, cards: list[Card], id: str) -> Form:
    """The form as Ada gets to it: by a command, or by a button that she has seen."""
    for name, spec in world.app.registry.commands.items():
        if spec.opens and spec.command.typed and spec.opens.id == id:
            return await ada.opens(f"/{name}")
    for card in cards:
        for button in card.buttons:
            press = world.app.registry.presses.get(button.id)
            if press and press.opens and press.opens.id == id:
                form = await ada.pushes(button)
                assert isinstance(form, Form), form
                return form
    pytest.fail(f"no way to {id} was found: show its button in the fixture ``cards``")


def filled(form: Form, **values: str) -> dict[str, str]:
    """Something valid in every field, and these values."""
    return {field.name: _usual(field) for field in form.fields} | values


def _usual(field: Field) -> str:
    if field.value:
        return field.value
    return field.choices[0].value if field.choices else USUAL[field.kind]


async def submit(ada: Actor, form: Form, values: dict[str, str]) -> Card | Form:
    answer = await ada.sends(ada.event(EventKind.SUBMIT, form.id, arg=form.arg, values=values))
    assert isinstance(answer, Card | Form), answer
    return answer


def no_failure(answer: object, logs: list[Any], what: object) -> None:
    assert not [line for line in logs if line["log_level"] in ("error", "warning", "critical")], (what, logs)
    assert M not in repr(logs), what
    if isinstance(answer, Card):
        assert "Something went wrong" not in answer.plain, what


def texts_of(card: Card) -> Iterable[Part]:
    yield from parts(card.text)
    for fact in card.fields:
        yield from parts(fact.value)


def shown_only_as_characters(cards: Iterable[Card], text: str, what: object) -> None:
    """Where a text is shown at all, it is whole and in one piece; and it is nothing else."""
    for card in cards:
        for part in texts_of(card):
            if M in repr(part):
                assert isinstance(part, str | Quote), (what, part)
                shown = part.text if isinstance(part, Quote) else part
                pieces = shown.split("\n") if isinstance(part, Quote) else [shown]
                whole = text in shown or all(piece in text for piece in pieces)
                assert whole, (what, shown)
        for name in (card.title, *(fact.name for fact in card.fields)):
            assert M not in name, what
        for button in card.buttons:
            assert M not in button.custom_id, what
            assert M not in button.label, what


def nothing_named_after_it(world: World, what: object) -> None:
    for sent in world.chat.sent.values():
        assert M not in sent.key, what
        assert M not in repr(sent.message), what
    assert M not in repr(world.chat.titles), what


def in_clear(folder: Path, marker: str) -> list[str]:
    """The files under ``folder`` that hold the marker in clear."""
    found: list[str] = []
    for file in folder.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            if any(marker.encode(coding) in raw for coding in ("utf-8", "utf-16-le", "utf-16-be")):
                found.append(file.name)
    return found


# -- forms --------------------------------------------------------------------------------------------


def test_there_are_fields_and_texts_enough() -> None:
    assert len(HOSTILE) + len(EMPTY) >= 40
    assert {f"{form}/{field}" for form, field in FIELDS} >= QUOTED | {"rejections.share/where"}


@pytest.mark.parametrize(("form_id", "name"), FIELDS, ids=lambda value: value)
async def test_whatever_stands_in_a_field_the_answer_is_right(
    world: World, ada: Actor, cards: list[Card], form_id: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    form = await opened(world, ada, cards, form_id)
    field = next(each for each in form.fields if each.name == name)
    plainly = await submit(ada, form, filled(form))
    assert isinstance(plainly, Card) and plainly.tone is not Tone.PROBLEM, plainly
    for what, text in HOSTILE.items():
        expected = clean(text, lines=field.kind is Kind.LONG)
        before = set(world.chat.sent)
        with capture_logs() as logs:
            answer = await submit(ada, form, filled(form, **{name: text}))
            if isinstance(answer, Card) and any(each.id == "rejections.anyway" for each in answer.buttons):
                shown_only_as_characters([answer], expected, what)
                answer = await ada.presses(answer, "rejections.anyway")
            no_failure(answer, logs, what)
        new = [world.chat.sent[id].card for id in world.chat.sent if id not in before]
        if isinstance(answer, Form):
            assert answer.errors.keys() == {name}, what
            assert answer.errors[name].strip(), what
            kept = {each.name: each.value for each in answer.fields}
            assert kept[name] == expected, what
            assert form_id + "/" + name not in QUOTED or len(expected) > field.limit, "long fields take all"
            assert not new, what
        else:
            assert isinstance(answer, Card), what
            shown_only_as_characters([answer, *new], expected, what)
            if f"{form_id}/{name}" in QUOTED:
                quotes = [part for card in [answer, *new] for part in texts_of(card)]
                assert Quote(expected) in quotes, what
    nothing_named_after_it(world, form_id)
    assert M not in caplog.text
    assert in_clear(world.folder, M) == []


@pytest.mark.parametrize(("form_id", "name"), FIELDS, ids=lambda value: value)
async def test_what_nobody_sees_counts_as_nothing(
    world: World, ada: Actor, cards: list[Card], form_id: str, name: str
) -> None:
    form = await opened(world, ada, cards, form_id)
    field = next(each for each in form.fields if each.name == name)
    for what, text in EMPTY.items():
        with capture_logs() as logs:
            answer = await submit(ada, form, filled(form, **{name: text}))
            no_failure(answer, logs, what)
        if field.optional:
            assert isinstance(answer, Card), what
        else:
            assert isinstance(answer, Form), what
            assert answer.errors == {name: "Please fill this in."}, what


@pytest.mark.parametrize(("form_id", "name"), FIELDS, ids=lambda value: value)
async def test_ten_thousand_characters_come_back_whole_with_the_count(
    world: World, ada: Actor, cards: list[Card], form_id: str, name: str
) -> None:
    form = await opened(world, ada, cards, form_id)
    field = next(each for each in form.fields if each.name == name)
    assert len(TOO_LONG) > 10_000
    before = len(world.chat.sent)
    with capture_logs() as logs:
        answer = await submit(ada, form, filled(form, **{name: TOO_LONG}))
        no_failure(answer, logs, name)
    assert isinstance(answer, Form)
    over = len(clean(TOO_LONG)) - field.limit
    assert answer.errors == {name: f"This is {over:,} characters too long. Up to {field.limit:,} fit."}
    back = next(each for each in answer.fields if each.name == name)
    assert back.value == clean(TOO_LONG)
    assert answer.again is not None
    assert len(world.chat.sent) == before
    mended = await submit(ada, form, filled(form))
    assert isinstance(mended, Card)
    assert in_clear(world.folder, M) == []


async def test_hostile_texts_in_all_fields_at_once(world: World, ada: Actor, cards: list[Card]) -> None:
    for form_id in REGISTRY.forms:
        form = await opened(world, ada, cards, form_id)
        free = [field.name for field in form.fields if field.kind in FREE]
        for what, text in HOSTILE.items():
            with capture_logs() as logs:
                answer = await submit(ada, form, filled(form, **dict.fromkeys(free, text)))
                no_failure(answer, logs, (form_id, what))


async def test_hostile_values_where_a_choice_belongs(world: World, ada: Actor, cards: list[Card]) -> None:
    for form_id in REGISTRY.forms:
        form = await opened(world, ada, cards, form_id)
        for field in form.fields:
            if field.choices:
                for what, text in HOSTILE.items():
                    with capture_logs() as logs:
                        answer = await submit(ada, form, filled(form, **{field.name: text}))
                        no_failure(answer, logs, (form_id, field.name, what))
                    assert isinstance(answer, Form), (form_id, field.name, what)
                    assert answer.errors.keys() == {field.name}, (form_id, field.name, what)


async def test_a_field_that_no_form_has_changes_nothing(world: World, ada: Actor, cards: list[Card]) -> None:
    for form_id in REGISTRY.forms:
        form = await opened(world, ada, cards, form_id)
        with capture_logs() as logs:
            answer = await submit(ada, form, filled(form, owner=f"bob {M}", state="posted", **{"": "x"}))
            no_failure(answer, logs, form_id)
        assert isinstance(answer, Card)
        shown_only_as_characters([answer], "", form_id)


# -- commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REGISTRY.commands)
async def test_whatever_is_typed_after_a_command_the_answer_is_right(
    world: World, ada: Actor, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    options = REGISTRY.commands[name].command.options
    for what, text in {**HOSTILE, **EMPTY, "too long": TOO_LONG}.items():
        expected = clean(text)
        ways: list[dict[str, Any]] = [{"arg": text}]
        ways += [{"values": {option.name: text}} for option in options]
        for way in ways:
            with capture_logs() as logs:
                answer = await ada.sends(ada.event(EventKind.COMMAND, name, **way))
                no_failure(answer, logs, what)
            if isinstance(answer, Form):
                for field in answer.fields:
                    assert M not in field.value or field.value == expected, (what, field.value)
                    assert len(field.value) <= field.limit
                assert M not in replace(answer, fields=answer.fields[:1]).title
                assert M not in answer.arg
            else:
                assert isinstance(answer, Card), what
                assert len(plain(answer.text)) < 1000, "a long text is not read out again"
                shown_as_typed(answer, expected, what)
    assert not world.chat.sent
    assert M not in caplog.text
    assert in_clear(world.folder, M) == []


def shown_as_typed(card: Card, text: str, what: object) -> None:
    """What is said back of a command may be its unclear word alone; it is characters all the same."""
    for part in texts_of(card):
        if M in repr(part):
            assert isinstance(part, str | Quote), (what, part)
    for button in card.buttons:
        assert M not in button.custom_id + button.label, what
    assert M not in card.title, what


@pytest.mark.parametrize("of", sorted(REGISTRY.suggests), ids="/".join)
async def test_whatever_is_typed_completions_never_fail(
    world: World, ada: Actor, of: tuple[str, str]
) -> None:
    for what, text in {**HOSTILE, **EMPTY, "too long": TOO_LONG}.items():
        with capture_logs() as logs:
            event = ada.event(EventKind.COMMAND, of[0], arg=text)
            found = await world.app.dispatcher.suggest(event, of[1])
            no_failure(None, logs, what)
        assert len(found) <= 25
        assert M not in repr(found), what


async def test_words_after_rejected_that_no_field_holds_are_not_cut(world: World, ada: Actor) -> None:
    card = await ada.gets(f"/rejected {TOO_LONG}")
    assert f"{len(clean(TOO_LONG)) - 1500:,}" in card.plain
    assert "1,500" in card.plain
    form = await ada.opens("/rejected " + "word " * 250)
    assert form.fields[2].value == ("word " * 250).strip()
    lines = await ada.opens("/rejected Acme\nThey said no.")
    assert [lines.fields[0].value, lines.fields[2].value] == ["", "Acme\nThey said no."]


# -- the display name ---------------------------------------------------------------------------------


async def test_a_hostile_display_name_is_nowhere(world: World) -> None:
    for number, (what, text) in enumerate({**HOSTILE, **EMPTY, "too long": TOO_LONG}.items()):
        actor = world.person(f"u{number}", name=text)
        with capture_logs() as logs:
            form = await actor.opens("/rejected")
            answer = await actor.submits(form, stage="interview", story="Three rounds.")
            no_failure(answer, logs, what)
        assert isinstance(answer, Card)
        assert M not in answer.plain
    assert M not in repr([sent.card for sent in world.chat.sent.values()])


# -- what was refused is not posted by an older card ---------------------------------------------------


async def test_an_older_card_does_not_post_what_was_refused_since(world: World, ada: Actor) -> None:
    form = await ada.opens("/rejected")
    asked = await ada.submits(form, stage="interview", story="Write to ada@example.org")
    assert isinstance(asked, Card)
    refused = await ada.submits(form, stage="", story=TOO_LONG)
    assert isinstance(refused, Form)
    with capture_logs() as logs:
        answer = await ada.presses(asked, "rejections.anyway")
        no_failure(answer, logs, "anyway")
    assert isinstance(answer, Card)
    assert not world.support
    again = await ada.opens("/rejected")
    assert [field.name for field in again.fields] == [field.name for field in form.fields]


async def test_two_presses_side_by_side_post_once(world: World, ada: Actor) -> None:
    form = await ada.opens("/rejected")
    asked = await ada.submits(form, stage="interview", story="Write to ada@example.org")
    assert isinstance(asked, Card)
    await asyncio.gather(*(ada.presses(asked, "rejections.anyway") for _ in range(4)))
    assert len(world.support) == 1


# -- at rest ------------------------------------------------------------------------------------------


async def test_private_text_never_lies_in_clear(world: World, ada: Actor, bob: Actor) -> None:
    """Every private text of the story has a marker of its own; none is in the files, not even deleted."""
    names = ("where", "story", "words", "reply", "note", "kept", "unfinished")
    marks = {name: f"{name}{M}" for name in names}
    form = await ada.opens("/rejected")
    values = {"where": marks["where"], "story": marks["story"], "stage": "final_round"}
    card = await ada.submits(form, **values)
    assert isinstance(card, Card)
    (post,) = world.support
    assert marks["story"] in post.card.plain
    await bob.submits(await bob.presses(post, "thread.encourage"), words=marks["words"])
    await ada.submits(await ada.presses(card, "thread.answer"), words=marks["reply"])
    await ada.submits(await ada.presses(card, "plan.draft"), note=marks["note"])
    await ada.submits(form, stage="", where=marks["unfinished"])
    await ada.submits(form, stage="interview", story=f"{marks['kept']} ada@example.org")
    await world.advance(days=4)
    assert in_clear(world.folder, M) == []
    await ada.presses(await card_of(ada, card, "rejections.delete"), "rejections.delete_yes")
    assert in_clear(world.folder, M) == []
    await world.close()
    assert in_clear(world.folder, M) == []
    await world.start()
    rows = await world.everything()
    assert len(rows) > 10
    assert not [table for table, row in rows if M in "\n".join(row.values())]


async def card_of(actor: Actor, card: Card, button: str) -> Card:
    answer = await actor.presses(card, button)
    assert isinstance(answer, Card)
    return answer


async def test_the_search_for_clear_text_finds_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00" + M.encode() + b"\x00")
    (tmp_path / "b").write_bytes(M.encode("utf-16-le"))
    (tmp_path / "c").write_bytes(b"nothing")
    assert sorted(in_clear(tmp_path, M)) == ["a", "b"]


async def test_the_search_in_logs_finds_it(world: World, ada: Actor) -> None:
    with capture_logs() as logs:
        structlog.get_logger("bot.dispatch").info("took", text=M)
    assert M in repr(logs)

"""What people see, as data: limits are errors when an object is built, and nothing is cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import ui
from bot.ui import (
    Button,
    Card,
    Choice,
    Command,
    Fact,
    Field,
    Form,
    Image,
    Jump,
    Kind,
    LimitError,
    Part,
    Person,
    Quote,
    Style,
    Text,
    When,
    choices,
    join,
    parts,
    plain,
    split_custom_id,
)

UNHURRIED = settings(deadline=None)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SOME = (Choice("a", "A"),)


def buttons(number: int) -> tuple[Button, ...]:
    return tuple(Button("cog.act", str(each)) for each in range(number))


def facts(number: int) -> tuple[Fact, ...]:
    return tuple(Fact(f"n{each}", "v") for each in range(number))


def fields(number: int) -> tuple[Field, ...]:
    return tuple(Field(f"f{each}") for each in range(number))


# What is built with a size, and the largest that fits on every platform.
LIMITS: dict[str, tuple[Callable[[int], Any], int]] = {
    "a card's text": (lambda n: Card("x" * n), 2000),
    "a card's quoted text": (lambda n: Card((Quote("x" * n),)), 2000),
    "a card's title": (lambda n: Card("x", title="x" * n), 100),
    "a card's facts": (lambda n: Card("x", fields=facts(n)), 10),
    "a card's buttons": (lambda n: Card("x", buttons=buttons(n)), 10),
    "a fact's name": (lambda n: Fact("x" * n, "v"), 60),
    "a fact's value": (lambda n: Fact("n", "x" * n), 400),
    "a button's label": (lambda n: Button("cog.act", label="x" * n), 75),
    "a button's custom_id": (lambda n: Button("cog.act", "x" * (n - len("cog.act:"))), 100),
    "an image's alt text": (lambda n: Image(b"png", "x" * n), 1000),
    "a jump's label": (lambda n: Jump("x" * n, "here", "general"), 75),
    "a choice's label": (lambda n: Choice("a", "x" * n), 75),
    "a field's label": (lambda n: Field("f", label="x" * n), 45),
    "a field's hint": (lambda n: Field("f", hint="x" * n), 100),
    "a field's limit": (lambda n: Field("f", limit=n), 3000),
    "a field's choices": (
        lambda n: Field("f", kind=Kind.CHOICE, choices=tuple(Choice(str(each)) for each in range(n))),
        25,
    ),
    "a form's title": (lambda n: Form("cog.form", fields(1), title="x" * n), 24),
    "a form's submit label": (lambda n: Form("cog.form", fields(1), submit="x" * n), 24),
    "a form's fields": (lambda n: Form("cog.form", fields(n)), 5),
    "a form's custom_id": (lambda n: Form("cog.form", fields(1), arg="x" * (n - len("cog.form:"))), 100),
    "a command's name": (lambda n: Command("x" * n), 32),
    "a command's description": (lambda n: Command("go", "x" * n), 100),
}


@pytest.mark.parametrize("what", LIMITS)
def test_the_largest_fits_and_one_more_is_an_error(what: str) -> None:
    build, largest = LIMITS[what]
    build(largest)
    with pytest.raises(LimitError):
        build(largest + 1)


def test_a_card_as_a_whole_has_a_limit() -> None:
    parts_of = {"title": "t" * 99, "fields": (Fact("n", "v" * 400), Fact("m", "v" * 400))}
    lines = len(Card("x", **parts_of).plain) - 1
    room = ui.CARD_LIMIT - lines
    assert len(Card("x" * room, **parts_of).plain) == ui.CARD_LIMIT
    with pytest.raises(LimitError, match="a card has 2801 characters; at most 2800 fit"):
        Card("x" * (room + 1), **parts_of)


@pytest.mark.parametrize(
    "build",
    [
        Card,
        lambda: Card("  \n "),
        lambda: Card(title=" "),
        lambda: Card((Quote(""),)),
        lambda: Fact("", "v"),
        lambda: Fact("n", ""),
        lambda: Image(b"png", "  "),
        lambda: Choice(""),
        lambda: Field("f", limit=0),
        lambda: Form("cog.form", ()),
    ],
)
def test_what_is_empty_is_an_error(build: Callable[[], Any]) -> None:
    with pytest.raises(LimitError):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Card("x", buttons=(Button("cog.act", "1"), Button("cog.act", "1", "Other label"))),
        lambda: Form("cog.form", (Field("f"), Field("f"))),
        lambda: Field("f", kind=Kind.CHOICE),
        lambda: Field("f", kind=Kind.TEXT, choices=SOME),
    ],
)
def test_what_contradicts_itself_is_an_error(build: Callable[[], Any]) -> None:
    with pytest.raises(LimitError):
        build()


@pytest.mark.parametrize(
    "id", ["", "Cog.act", "cog.", ".act", "cog act", "cog.act\n", "1cog", "cog:act", "çog"]
)
def test_ids_are_cog_dot_action(id: str) -> None:
    with pytest.raises(LimitError):
        Button(id)
    with pytest.raises(LimitError):
        Form(id, fields(1))
    with pytest.raises(LimitError):
        Field(id)


@pytest.mark.parametrize("name", ["", "Rejected", "re jected", "/rejected", "1st", "é"])
def test_command_names_are_what_every_platform_takes(name: str) -> None:
    with pytest.raises(LimitError):
        Command(name)


@pytest.mark.parametrize("at", [NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=1)))])
def test_a_time_is_aware_and_utc(at: datetime) -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        When(at)


def test_a_time_has_one_of_four_styles() -> None:
    for style in ("day", "time", "moment", "relative"):
        assert When(NOON, style).style == style
    with pytest.raises(ValueError, match="unknown style"):
        When(NOON, "fancy")


def test_everything_is_frozen() -> None:
    card = Card("x", buttons=buttons(1))
    things = (card, card.buttons[0], Field("f"), Form("a.b", fields(1)), Quote("q"), Person("p"))
    for thing in things:
        with pytest.raises(FrozenInstanceError):
            setattr(thing, dataclass_fields(thing)[0].name, "other")


# -- texts ------------------------------------------------------------------------------------------

JUMP = Jump("the thread", "here", "support", "t1")
ANY_PART = st.one_of(
    st.text(),
    st.text().map(Quote),
    st.sampled_from([When(NOON), Person("u1"), JUMP]),
)
ANY_TEXT: st.SearchStrategy[Text] = st.one_of(st.text(), st.lists(ANY_PART).map(tuple))


@UNHURRIED
@given(st.lists(ANY_TEXT), st.text(max_size=3))
def test_joining_keeps_every_part_in_its_order(texts: list[Text], by: str) -> None:
    joined = join(*texts, by=by)
    there = [text for text in texts if parts(text)]
    assert plain(joined) == by.join(plain(text) for text in there)
    wanted: list[Part] = [part for text in there for part in parts(text) if not isinstance(part, str)]
    assert [part for part in parts(joined) if not isinstance(part, str)] == wanted
    assert isinstance(joined, str) == (not wanted)


@UNHURRIED
@given(ANY_TEXT)
def test_parts_are_the_text_again(text: Text) -> None:
    assert "" not in parts(text)
    assert parts(parts(text)) == parts(text)
    assert plain(parts(text)) == plain(text)


@UNHURRIED
@given(st.text(alphabet="ab:. \n*<>@", max_size=60), st.text(max_size=40))
def test_what_a_person_wrote_stays_in_its_quote(before: str, wrote: str) -> None:
    joined = join(before, Quote(wrote), by="\n")
    assert Quote(wrote) in parts(joined)
    assert [part for part in parts(joined) if isinstance(part, str)] == ([before, "\n"] if before else [])


def test_a_text_as_characters() -> None:
    text = join("See ", JUMP, " at ", When(NOON), ", ", Person("u1"), ": ", Quote("hi"))
    assert plain(text) == "See the thread at 2026-03-02 12:00 UTC, u1: hi"
    assert join("a", "", "b", by=", ") == "a, b"
    assert join() == ""


def test_a_card_as_characters() -> None:
    card = Card(("a", Quote("b")), title="t", fields=(Fact("n", (When(NOON),)),))
    assert card.plain == "t\nab\nn: 2026-03-02 12:00 UTC"


# -- buttons and forms ------------------------------------------------------------------------------


@UNHURRIED
@given(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}(\.[a-z][a-z0-9_]{0,9}){0,2}", fullmatch=True), st.text(max_size=60)
)
def test_a_custom_id_is_read_back(id: str, arg: str) -> None:
    assert split_custom_id(Button(id, arg).custom_id) == (id, arg)


def test_a_card_finds_its_buttons() -> None:
    card = Card("x", buttons=(Button("a.b", "1"), Button("a.b", "2", style=Style.DANGER)))
    assert card.button("a.b").arg == "1"
    with pytest.raises(KeyError):
        card.button("a.c")


def test_a_form_is_filled_with_what_fits() -> None:
    form = Form("a.b", (Field("one", limit=3), Field("two", value="kept"), Field("three", value="old")))
    filled = form.filled({"one": "toolong", "three": "", "four": "x"})
    assert [field.value for field in filled.fields] == ["", "kept", ""]
    assert form.filled({"one": "abc"}).fields[0].value == "abc"
    assert form.filled({}) == form


def test_a_form_tells_its_errors() -> None:
    form = Form("a.b", (Field("one", error="Please."), Field("two")))
    assert form.errors == {"one": "Please."}
    assert replace(form, fields=fields(2)).errors == {}


def test_an_enumeration_is_choices() -> None:
    class Colour(StrEnum):
        RED = "red"
        BLUE = "blue"

    assert choices(Colour) == (Choice("red"), Choice("blue"))
    field = Field("f", kind=Kind.CHOICES, choices=choices(Colour), value="red,blue")
    assert field.values == ("red", "blue")
    assert Field("f").values == ()

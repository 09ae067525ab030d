"""How cards look to Slack: blocks within its limits, and texts that nothing in them can format."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.platforms.slack_cards import MARKS, RICH_LIMIT, address, home, message, people
from bot.platforms.slack_fallback import WANTED
from bot.ui import (
    ALT_LIMIT,
    CARD_LIMIT,
    FACT_LIMIT,
    TEXT_LIMIT,
    TITLE_LIMIT,
    Button,
    Card,
    Fact,
    Image,
    Jump,
    LimitError,
    Person,
    Quote,
    Style,
    Text,
    Tone,
    When,
    plain,
)
from tests.slack_limits import HOUSE, TEXTS, TYPED, UNHURRIED, rich, shown, valid, words
from tests.wire.slack_blocks import check_view

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = 1772442000


# -- texts that people typed, in blocks -------------------------------------------------------------


@given(TYPED, TYPED)
@example("<!channel> <@U012345678> @here", "*b* https://example.org :tada: > q")
def test_what_was_typed_is_shown_sign_by_sign(one: str, two: str) -> None:
    """rich_text's text elements are literal: nothing but them, and in them exactly what was typed."""
    typed = one[:60]
    assume(typed.strip())
    card = Card((one, Quote(two), Person("U1")), title=typed, fields=(Fact(typed, (Quote(two),)),))
    blocks = valid(card, {"U1": typed})
    assert blocks[0]["text"] == {"type": "plain_text", "text": typed.strip(), "emoji": False}
    text, quote, name, fact, again = rich(blocks)
    assert {each["type"] for part in rich(blocks) for each in part["elements"]} == {"text"}
    assert words(text["elements"]) == one.removesuffix("\n")  # the quote begins a line by itself
    assert words(quote["elements"]) == words(again["elements"]) == two
    assert words(name["elements"]) == typed
    assert fact["elements"][0] == {"type": "text", "text": typed, "style": {"bold": True}}
    assert quote["type"] == again["type"] == "rich_text_quote"


@given(TYPED)
def test_labels_are_literal_and_lead_where_they_should(text: str) -> None:
    label = text[:75]
    (line,) = rich(valid(Card((Jump(label, "T1", "C012345678", message="1700000000.000100"), "."))))
    where = "https://acme.slack.com/archives/C012345678/p1700000000000100"
    assert line["elements"][0] == {"type": "link", "url": where, "text": label}


# -- the words alone --------------------------------------------------------------------------------

_LIVE = {
    "control": r"<[^<>]*>",
    "mark": r"[*_~`]",
    "emoji": r":[^\s:\u2060]+:",
    "name": r"[@#][^\s\u2060]",
    "address": r"\w+://\S|\w\.\w|\w@\w",
    "quote": r"(?:\A|[\n\r\v\f\x85\u2028\u2029])\s*(?:&gt;|>|＞)",
    "entity": r"&(?!amp;|lt;|gt;)|[<>]",
}


def live(text: str) -> set[str]:
    """What Slack's mrkdwn would act on in a text."""
    return {kind for kind, pattern in _LIVE.items() if re.search(pattern, text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<!channel>", "control"),
        ("<@U012345678>", "control"),
        ("<https://example.org|a>", "control"),
        ("a *b* c", "mark"),
        ("```x```", "mark"),
        (":tada:", "emoji"),
        ("@here", "name"),
        ("#general", "name"),
        ("https://example", "address"),
        ("example.org", "address"),
        ("a\n &gt; b", "quote"),
        ("＞b", "quote"),
        ("&nbsp;", "entity"),
    ],
)
def test_the_reading_knows_what_slack_acts_on(text: str, kind: str) -> None:
    assert kind in live(text)


_BACK = str.maketrans(dict(zip("∗ˍ∼ˋ›", "*_~`>", strict=True)) | {"\u2060": None, "＞": ">"})


def fallback(card: Card, names: dict[str, str] | None = None) -> str:
    return message(card, workspace=HOUSE, names=names).text


@given(TYPED, TYPED)
@example("<!channel> <@U012345678> <!here|x> @here #general", "*b* _i_ ~s~ `c` ```f``` :tada:")
@example("> a\n>>> b\n ＞c\r> d", "https://example.org/a_b_c www.example.org ada@example.org mailto:a@b.cc")
@example("http", "://example.org")
def test_the_fallback_mentions_links_and_formats_nothing(one: str, two: str) -> None:
    typed = one[:60]
    assume(typed.strip())
    fact = Fact(typed, (two[:100], Quote(one[:100]))) if (two[:100] + one[:100]).strip() else Fact("a", "b")
    card = Card((one, two, Quote(two), one, Person("U1")), title=typed, fields=(fact,))
    told = fallback(card, {"U1": two})
    assert live(told) == set()


@given(TYPED)
def test_the_fallback_keeps_every_sign_or_what_looks_like_it(text: str) -> None:
    assert unescape(fallback(Card(text))).translate(_BACK) == text.translate(_BACK)


@pytest.mark.parametrize("fill", ["&", "<", "@a", ":a:", "a.b", "> \n", "*"])
def test_a_text_that_is_nothing_but_signs_stays_within_what_an_edit_takes(fill: str) -> None:
    text = (fill * 2000)[:2000]
    told = fallback(Card(text, fields=(Fact("F", (fill * 400)[:400]),)))
    assert len(told) <= WANTED and live(told) == set()


def test_the_fallback_reads_like_the_card() -> None:
    card = Card(
        ("Ada said:", Quote("I didn't get it"), "See ", Jump("the post", "T1", "C012345678"), "."),
        title="A no",
        tone=Tone.WARM,
        fields=(Fact("Next", (When(NINE),)), Fact("By", (When(NINE, "day"), " or ", When(NINE, "time")))),
        buttons=(Button("a.b", label="Press me"),),
    )
    assert fallback(card).split("\n") == [
        "A no",
        "Ada said:",
        "I didn't get it",
        "See the post.",
        f"Next: <!date^{AT}^{{date_long}}, {{time}}|2026-03-02 09:00 UTC>",
        f"By: <!date^{AT}^{{date_long}}|2026-03-02> or <!date^{AT}^{{time}}|09:00 UTC>",
    ]


@pytest.mark.parametrize("text", ["", (Quote(""),), (Quote(" \n"),)])
def test_a_picture_alone_is_told_by_its_words(text: Text) -> None:
    card = Card(text, image=Image(b"\x89PNG", "A line that goes up"))
    assert fallback(card) == "A line that goes up"
    valid(card)


def test_a_picture_alone_has_no_blocks_but_its_own() -> None:
    assert message(Card(image=FULL.image), workspace=HOUSE).blocks == []


# -- cards ------------------------------------------------------------------------------------------

FULL = Card(
    ("For ", Person("U012345678"), " on ", When(NINE, "day"), "."),
    title="Where you are",
    tone=Tone.WIN,
    fields=(Fact("Next", (When(NINE, "relative"),)),),
    buttons=tuple(Button("a.b", str(n), f"Button {n}", list(Style)[n % 3]) for n in range(10)),
    image=Image(b"\x89PNG", "A line that goes up"),
)


def test_a_full_card_has_everything_in_its_place() -> None:
    blocks = valid(FULL, {"U012345678": "Ada"})
    assert [each["type"] for each in blocks] == ["header", "rich_text", "rich_text", "image", "actions"]
    assert blocks[0]["text"]["text"] == "🎉 Where you are"
    assert blocks[1]["elements"][0]["elements"] == [
        {"type": "text", "text": "For "},
        {"type": "text", "text": "Ada"},
        {"type": "text", "text": " on "},
        {"type": "date", "timestamp": AT, "format": "{date_long}", "fallback": "2026-03-02"},
        {"type": "text", "text": "."},
    ]
    assert blocks[2]["elements"][0]["elements"] == [
        {"type": "text", "text": "Next", "style": {"bold": True}},
        {"type": "text", "text": "\n"},
        {"type": "date", "timestamp": AT, "format": "{ago}", "fallback": "2026-03-02 09:00 UTC"},
    ]
    picture = {"type": "image", "slack_file": {"id": "F012345678"}, "alt_text": "A line that goes up"}
    assert blocks[3] == picture
    buttons = blocks[4]["elements"]
    label = {"type": "plain_text", "text": "Button 1", "emoji": False}
    assert buttons[1] == {"type": "button", "action_id": "a.b:1", "text": label, "style": "primary"}
    assert [each.get("style") for each in buttons[:3]] == [None, "primary", "danger"]
    assert people(FULL) == {"U012345678"}


def test_whoever_has_no_name_is_shown_by_id_and_never_as_a_mention() -> None:
    (line,) = rich(valid(Card(("By ", Person("U012345678")))))
    assert line["elements"][-1] == {"type": "text", "text": "U012345678"}
    assert fallback(Card((Person("U012345678"),))) == "U012345678"


@pytest.mark.parametrize("tone", Tone)
@pytest.mark.parametrize("title", ["", "A title"])
def test_each_tone_has_one_sign_or_line_of_its_own_and_calm_has_none(tone: Tone, title: str) -> None:
    blocks = valid(Card("Some words.", title=title, tone=tone))
    readable = [each["text"]["text"] for each in blocks if each["type"] == "header"]
    readable += [words(part["elements"]) for part in rich(blocks)]
    mark = f"{MARKS[tone]} " if tone in MARKS else ""
    assert readable == ([f"{mark}{title}", "Some words."] if title else [f"{mark}Some words."])
    assert ("divider" in [each["type"] for each in blocks]) is (tone is Tone.CARE)
    assert Tone.CALM not in MARKS and Tone.CARE not in MARKS and len(set(MARKS.values())) == 3
    assert fallback(Card("Some words.", title=title, tone=tone)) == f"{title}\nSome words.".strip()


def test_a_sign_stands_even_where_there_are_only_facts_or_a_picture() -> None:
    only_facts = valid(Card(tone=Tone.WIN, fields=(Fact("Sent", "3"),)))
    assert [words(part["elements"]) for part in rich(only_facts)] == ["🎉", "Sent\n3"]
    only_image = valid(Card(tone=Tone.WARM, image=FULL.image))
    assert [each["type"] for each in only_image] == ["rich_text", "image"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (("A:\n", Quote("q"), "\nB"), ["A:", "q", "B"]),
        (("A:", Quote("q"), "B"), ["A:", "q", "B"]),
        (("A:\n\n", Quote("q\nr"), "\n\nB"), ["A:\n", "q\nr", "\nB"]),
        ((Quote("q"), "\n", Quote("r")), ["q", "r"]),
        ((Quote("q"), "\n\n", Quote("r")), ["q", "\n", "r"]),
        ((Quote(""), "B"), ["B"]),
    ],
)
def test_a_quote_is_a_block_without_empty_lines_around_it(text: Text, lines: list[str]) -> None:
    shown = [words(part["elements"]) for part in rich(valid(Card(text)))]
    assert [line or "\n" for line in shown] == lines


def test_a_jump_is_a_permalink_or_a_channel_by_its_own_name() -> None:
    inside = Jump("it", "T1", "C012345678", "1700000000.000100", "1700000001.000200")
    link = "https://acme.slack.com/archives/C012345678"
    assert address(inside, HOUSE) == (f"{link}/p1700000001000200?thread_ts=1700000000.000100&cid=C012345678")
    parent = f"{link}/p1700000000000100?thread_ts=1700000000.000100&cid=C012345678"
    assert address(replace(inside, message=""), HOUSE) == parent
    assert address(replace(inside, message=inside.thread), HOUSE) == parent
    assert address(Jump("it", "T1", "C012345678"), HOUSE) == link
    assert address(Jump("it", "T1", "C012345678"), "") == "https://app.slack.com/client/T1/C012345678"
    bare = Card(("In ", Jump("", "T1", "C012345678")))
    assert rich(valid(bare))[0]["elements"][1] == {"type": "channel", "channel_id": "C012345678"}
    assert fallback(bare) == "In <#C012345678>"


def test_long_names_make_more_blocks_and_lose_nothing() -> None:
    names = {f"U0{n:07}": f"{n:03}" + "n" * 77 for n in range(60)}
    card = Card(tuple(part for id in names for part in (Person(id), ", ")))
    blocks = valid(card, names)
    lengths = [len(words(part["elements"])) for part in rich(blocks)]
    assert len(blocks) == 2 and max(lengths) <= RICH_LIMIT
    told = "".join(words(part["elements"]) for part in rich(blocks))
    assert told == "".join(f"{name}, " for name in names.values())


TEXTLIKE = st.one_of(
    TEXTS,
    st.text(min_size=300, max_size=TEXT_LIMIT),
    st.builds(When, st.datetimes(timezones=st.just(UTC))),
    st.builds(Quote, TEXTS),
    st.builds(Person, st.from_regex(r"U[A-Z0-9]{8,10}", fullmatch=True)),
    st.builds(Jump, TEXTS.filter(lambda text: len(text) <= 75), st.just("T1"), st.just("C012345678")),
)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """Any card that ``bot.ui`` lets be."""
    many = st.lists(TEXTLIKE, max_size=6).map(tuple)
    facts = [
        (name, value)
        for name, value in draw(st.lists(st.tuples(st.text(min_size=1, max_size=60), many), max_size=10))
        if 0 < len(plain(value)) <= FACT_LIMIT
    ]
    buttons = draw(st.integers(0, 10))
    label, style = draw(st.text(min_size=1, max_size=75)), draw(st.sampled_from(Style))
    image = Image(b"", draw(TYPED.filter(lambda text: len(text) <= ALT_LIMIT)))
    try:
        return Card(
            draw(many),
            draw(st.text(max_size=TITLE_LIMIT)),
            draw(st.sampled_from(Tone)),
            tuple(Fact(name, value) for name, value in facts),
            tuple(Button("a.b", "x" * 95 + str(n), label, style) for n in range(buttons)),
            draw(st.sampled_from((None, image))),
        )
    except LimitError:
        assume(False)
        raise


@settings(suppress_health_check=UNHURRIED, deadline=None)
@given(cards())
def test_every_card_fits(card: Card) -> None:
    blocks = valid(card)
    text = "".join(shown(each) for part in rich(blocks) for each in part["elements"])
    for part in card.text if isinstance(card.text, tuple) else (card.text,):
        if isinstance(part, Quote):
            assert part.text in text


def test_the_largest_cards_fit() -> None:
    valid(Card(title="t" * 98, fields=tuple(Fact("n" * 60, "v" * 207) for _ in range(10))))
    fact = Fact("n" * 60, "v" * FACT_LIMIT)
    most = Card("x" * TEXT_LIMIT, title="t" * TITLE_LIMIT, tone=Tone.WIN, fields=(fact,))
    assert len(most.plain) <= CARD_LIMIT
    valid(replace(most, buttons=FULL.buttons, image=Image(b"", "a" * ALT_LIMIT)))


def test_app_home_is_the_card_and_tells_a_picture_that_it_does_not_have() -> None:
    view = home(FULL, workspace=HOUSE, names={"U012345678": "Ada"})
    assert view["type"] == "home"
    kinds = [each["type"] for each in view["blocks"]]
    assert kinds == ["header", "rich_text", "rich_text", "rich_text", "actions"]
    assert words(rich(view["blocks"])[-1]["elements"]) == "A line that goes up"
    check_view(view)
    plain_card = replace(FULL, image=None)
    assert home(plain_card, workspace=HOUSE)["blocks"] == message(plain_card, workspace=HOUSE).blocks

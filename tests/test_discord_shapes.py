"""How cards, forms and commands look to Discord: shapes as simcord and discord.py take them, inert texts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simcord import components as simcord

from bot.platforms.discord_cards import (
    COLOURS,
    COMPONENTS_V2,
    TEXT_TOTAL,
    address,
    escape,
    fence,
    mark,
    message,
    multipart,
)
from bot.platforms.discord_events import addressed
from bot.platforms.discord_events import custom_id as routed
from bot.platforms.discord_forms import modal, submitted
from bot.platforms.discord_permissions import REASONS, install_permissions, missing
from bot.platforms.discord_places import fitting
from bot.platforms.mending import mend
from bot.ui import (
    Button,
    Card,
    Choice,
    Fact,
    Field,
    Form,
    Image,
    Jump,
    Kind,
    Person,
    Quote,
    Style,
    Tone,
    When,
)
from tests.discord_markdown import read

NASTY = "*_~|`<>[]()@#-+:!\\/.>1290 \nab\u00a0\t&=?{}\"'\u200b\u202eé🎉"
BITS = st.sampled_from(
    [
        "**b**",
        "_i_",
        "~~s~~",
        "||x||",
        "`c`",
        "```\nf\n```",
        "# h",
        "-# s",
        "- l",
        "1. n",
        "> q",
        ">>> q",
        "[a](https://example.org)",
        "https://example.org/_a_",
        "<https://example.org>",
        "<@123456789012345678>",
        "<@&1>",
        "<#1>",
        "@everyone",
        "@here",
        "<:x:1>",
        ":smile:",
        "<t:0:R>",
        "</a:1>",
        "<id:guide>",
        "\n",
        " ",
        "\\",
        "a",
        "¯\\_(ツ)_/¯",
        "<mailto:a@b.c>",
        "steam://x",
    ]
)
TEXTS = st.one_of(st.text(alphabet=NASTY, max_size=60), st.lists(BITS, max_size=12).map("".join), st.text())


def displays(card: Card) -> list[str]:
    """The texts of a card, in order."""
    found = simcord.walk_components(message(card).json["components"])
    return [each["content"] for each in found if each["type"] == 10]


# -- inert texts ----------------------------------------------------------------------------------


def test_the_reading_knows_what_formats() -> None:
    for source, kind in {
        "**a**": "bold",
        "*a*": "italic",
        "_a_": "italic",
        "# a": "heading",
        "-# a": "subtext",
        "- a": "list",
        "2. a": "list",
        "> a": "quote",
        "`a`": "code",
        "```a```": "fence",
        "[a](https://b.c)": "link",
        "https://b.c": "address",
        "<@12>": "mention",
        "@everyone": "everyone",
        "<t:1:R>": "time",
        "<:a:1>": "emoji",
        ":a:": "emoji",
        "||a||": "spoiler",
        "~~a~~": "strike",
        "__a__": "underline",
    }.items():
        assert kind in {each for each, _ in read(source)}, source


@given(TEXTS)
@example("12" + ". a\n  - b\n\t# c\n-# d\n> e")
@example("https://example.org @everyone <@1> :smile: <t:1:R> [a](b) ```x```")
@example("\\*a\\* \\\\_b_")
def test_an_escaped_text_is_shown_as_it_was_written(text: str) -> None:
    text = text.replace("\r", "")
    pieces = read(escape(text))
    assert all(kind == "text" for kind, _ in pieces), pieces
    assert "".join(shown for _, shown in pieces) == text


@given(TEXTS, TEXTS)
def test_marks_cannot_span_two_strings_of_one_text(one: str, two: str) -> None:
    if not (one + two).strip():
        return
    (shown,) = displays(Card((one, two)))
    assert shown == escape(one + two)


@given(TEXTS)
def test_every_line_of_a_quote_is_quoted_and_inert(text: str) -> None:
    if not text.strip():
        return
    (shown,) = displays(Card(("He said:", Quote(text), "And went.")))
    lines = shown.split("\n")
    assert lines[0] == "He said:" and lines[-1] == "And went."
    assert "\n".join(line.removeprefix("> ") for line in lines[1:-1]) == escape(text)
    assert all(line.startswith("> ") for line in lines[1:-1])


@given(TEXTS)
def test_nothing_leaves_a_code_block_by_itself(text: str) -> None:
    inside = fence(text)
    assert inside.count("```") == 2 and inside.startswith("```\n") and inside.endswith("\n```")
    assert inside[4:-4].replace("`\u200b", "`") == text.replace("`\u200b", "`")


@given(TEXTS.filter(lambda text: text.strip() and len(text) <= 60))
def test_labels_names_and_titles_are_inert_too(text: str) -> None:
    jump = Jump(text, "1", "2", message="3")
    shown = "\n".join(displays(Card((jump,), title=text, fields=(Fact(text, text),))))
    title, link, fact = f"### {escape(text)}", f"[{escape(text)}]({address(jump)})", f"**{escape(text)}**"
    assert shown == f"{title}\n{link}\n{fact}\n{escape(text)}"


# -- cards ----------------------------------------------------------------------------------------

FULL = Card(
    ("For ", Person("123456789012345678"), " on ", When(datetime(2026, 3, 2, 9, tzinfo=UTC), "day"), "."),
    title="Where you are",
    tone=Tone.WIN,
    fields=(Fact("Next", (When(datetime(2026, 3, 2, 9, tzinfo=UTC), "relative"),)),),
    buttons=tuple(Button("a.b", str(n), f"Button {n}", list(Style)[n % 3]) for n in range(10)),
    image=Image(b"\x89PNG", "A line that goes up"),
)


def valid(card: Card) -> list[dict[str, Any]]:
    """The components of a card, after simcord and discord.py took them."""
    body = message(card)
    components = body.json["components"]
    simcord.validate_components(components, flags=body.json["flags"])
    for each in components:
        assert discord.components._component_factory(each) is not None  # pyright: ignore[reportPrivateUsage]
    return components


def test_a_full_card_is_one_container_with_everything_in_its_place() -> None:
    (container,) = valid(FULL)
    assert container["type"] == 17 and container["accent_color"] == COLOURS[Tone.WIN]
    kinds = [each["type"] for each in container["components"]]
    assert kinds == [10, 10, 10, 12, 1, 1]
    texts = displays(FULL)
    assert texts[0] == "### Where you are"
    assert texts[1] == "For <@123456789012345678> on <t:1772442000:D>."
    assert texts[2] == "**Next**\n<t:1772442000:R>"
    rows = [each["components"] for each in container["components"] if each["type"] == 1]
    assert [len(row) for row in rows] == [5, 5]
    assert rows[0][1] == {"type": 2, "style": 1, "label": "Button 1", "custom_id": "a.b:1"}


def test_no_message_pings_anybody() -> None:
    body = message(FULL).json
    assert body["allowed_mentions"]["parse"] == [] and body["flags"] == COMPONENTS_V2


def test_a_picture_goes_along_with_its_words() -> None:
    body = message(FULL)
    assert body.json["attachments"] == [
        {"id": 0, "filename": "picture.png", "description": "A line that goes up"}
    ]
    names = [field[0] for field in multipart(body.json, body.files)]
    assert names == ["payload_json", "files[0]"]
    gallery = body.json["components"][0]["components"][3]["items"][0]
    assert gallery == {"media": {"url": "attachment://picture.png"}, "description": "A line that goes up"}


def test_jumps_are_links_into_the_server() -> None:
    assert displays(Card((Jump("the post", "1", "2", "3", "4"),))) == [
        "[the post](https://discord.com/channels/1/3/4)"
    ]
    assert displays(Card(("In ", Jump("", "1", "2")))) == ["In <#2>"]


@pytest.mark.parametrize(
    ("fill", "facts", "shape"),
    [
        ("*", 1, "escaped"),
        ("*\n", 3, "fenced"),
        ("`\n", 3, "fenced"),
        ("🎉", 3, "escaped"),
        ("*`", 4, "file"),
    ],
)
def test_a_card_that_outgrows_discord_loses_nothing(fill: str, facts: int, shape: str) -> None:
    about = tuple(Fact(f"Fact {n}", (fill * 400)[: 400 if shape == "file" else 50]) for n in range(facts))
    story = (fill * 2000)[: 1000 if shape == "file" else 1500]
    card = Card(("He got a no.\n", Quote(story)), title="A no", fields=about)
    body, shown = message(card), "\n".join(displays(card))
    valid(card)
    assert sum(len(each) for each in displays(card)) <= TEXT_TOTAL
    match shape:
        case "escaped":
            assert f"> {escape(story)}" in shown
        case "fenced":
            assert fence(story) in shown
        case _:
            assert [file.data.decode() for file in body.files] == [card.plain] and shown == "### A no"


def test_the_mark_of_a_key_is_a_component_id() -> None:
    body = message(FULL).signed("abc").named("abc").json
    assert body["nonce"] == "abc" and body["enforce_nonce"] is True
    assert body["components"][0]["id"] == mark("abc") != mark("abd")
    assert 0 < mark("abc") < 2**31


# -- forms ----------------------------------------------------------------------------------------


def choices(number: int) -> tuple[Choice, ...]:
    return tuple(Choice(f"v{n}", f"Choice {n}") for n in range(number))


FORM = Form(
    "a.form",
    (
        Field("where", label="Where?", hint="A company, or nothing", optional=True, limit=120, value="Acme"),
        Field("stage", Kind.CHOICE, label="How far?", choices=choices(8), value="v3"),
        Field("sign", Kind.CHOICE, label="Signed", choices=choices(3), value="v0"),
        Field("themes", Kind.CHOICES, label="About", choices=choices(7), optional=True, value="v1,v2"),
        Field("story", Kind.LONG, label="What happened?", limit=1500, optional=True),
    ),
    title="A no",
)
REST = Form(
    "a.rest",
    (
        Field("who", Kind.USER, label="Who", value="123456789012345678"),
        Field("channel", Kind.CHANNEL, label="Channel", optional=True, value="123456789012345679"),
        Field("day", Kind.DATE, label="Day"),
        Field("many", Kind.CHOICES, label="Many", choices=choices(15)),
        Field("one", Kind.CHOICE, label="One", choices=choices(1)),
    ),
    title="More",
)


@pytest.mark.parametrize("form", [FORM, REST])
def test_modals_are_what_discord_takes(form: Form) -> None:
    data = modal(form, f"{form.id}:{form.arg}")
    simcord.validate_modal(data)
    for each in data["components"]:
        assert discord.components._component_factory(each) is not None  # pyright: ignore[reportPrivateUsage]


def test_each_field_has_its_native_control() -> None:
    controls = [each["component"] for each in modal(FORM, "a.form:")["components"]]
    assert [each["type"] for each in controls] == [4, 3, 21, 22, 4]
    assert controls[0]["value"] == "Acme" and controls[0]["style"] == 1 and controls[4]["style"] == 2
    assert [each["required"] for each in controls] == [False, True, True, False, False]
    assert [each["value"] for each in controls[1]["options"] if each.get("default")] == ["v3"]
    assert [each["value"] for each in controls[3]["options"] if each.get("default")] == ["v1", "v2"]
    kinds = [each["component"]["type"] for each in modal(REST, "a.rest:")["components"]]
    assert kinds == [5, 8, 4, 3, 3]


def test_a_submission_comes_back_by_field_name() -> None:
    data = {
        "components": [
            {"type": 18, "component": {"type": 4, "custom_id": "where", "value": "Acme"}},
            {"type": 18, "component": {"type": 21, "custom_id": "sign", "value": None}},
            {"type": 18, "component": {"type": 22, "custom_id": "themes", "values": ["v1", "v2"]}},
            {"type": 1, "components": [{"type": 4, "custom_id": "old", "value": "row"}]},
        ]
    }
    assert submitted(data) == {"where": "Acme", "sign": "", "themes": "v1,v2", "old": "row"}


def test_what_to_mend_is_a_card_with_the_way_back() -> None:
    fields = (replace(FORM.fields[0], error="Too long."), *FORM.fields[1:])
    card = mend(replace(FORM, fields=fields, again=Button("form.again", "a.form:", "Open it again")))
    assert card.plain == "A no\nWhere?: Too long." and card.buttons[0].id == "form.again"


# -- ids, permissions, tags -------------------------------------------------------------------------


def test_in_a_direct_message_a_button_knows_its_server() -> None:
    told = addressed("plan.done:abc", "123456789012345678")
    data: dict[str, Any] = {"data": {"custom_id": told}}
    assert routed(data) == ("plan.done:abc", "123456789012345678")
    assert routed({**data, "guild_id": "5"}) == (told, "")
    assert addressed("x" * 95, "123456789012345678") == "x" * 95


def test_the_permissions_are_exactly_the_ones_with_a_reason() -> None:
    named = discord.Permissions(**dict.fromkeys(REASONS, True))
    assert install_permissions() == named and named.value.bit_count() == len(REASONS)
    assert all(re.search(r"\bto\b|\bfor\b", reason) for _, reason in REASONS.values())


def test_what_is_missing_follows_the_order_of_overwrites() -> None:
    guild, me = "1", {"user": {"id": "9"}, "roles": ["2"]}
    all_bits = str(install_permissions().value)
    roles = [{"id": "1", "permissions": "0"}, {"id": "2", "permissions": all_bits}]
    send = str(discord.Permissions(send_messages=True).value)

    def lacks(*rules: dict[str, str]) -> list[str]:
        channel = {"permission_overwrites": list(rules)}
        return missing(["view_channel", "send_messages"], guild=guild, roles=roles, me=me, channel=channel)

    assert lacks() == []
    assert lacks({"id": "1", "deny": send, "allow": "0"}) == ["send_messages"]
    assert lacks({"id": "1", "deny": send, "allow": "0"}, {"id": "2", "deny": "0", "allow": send}) == []
    assert lacks({"id": "2", "deny": "0", "allow": send}, {"id": "9", "deny": send, "allow": "0"}) == [
        "send_messages"
    ]


@pytest.mark.parametrize(
    ("title", "tag"),
    [
        ("A no after an interview", "Interview"),
        ("A job was lost", ""),
        ("A no after the final round", "final round"),
    ],
)
def test_a_forum_tag_is_found_by_name(title: str, tag: str) -> None:
    tags = [
        {"id": "1", "name": "Interview"},
        {"id": "2", "name": "round"},
        {"id": "3", "name": "final round"},
    ]
    assert [each["name"] for each in fitting(tags, title)] == ([tag] if tag else [])

"""What docs.slack.dev says of the blocks that we use, written down apart from the code; and nasty texts.

Everything judged here is judged a second time by the fake Slack's validator, which somebody else wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

from bot.platforms.slack_cards import home, message, with_image
from bot.platforms.slack_forms import Origin, view
from bot.ui import Card, Form
from tests.wire.slack_blocks import check_message, check_view

Json = dict[str, Any]
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
HOUSE = "https://acme.slack.com/"

NASTY = "*_~`<>@#&|!:./\\()[]{}-+1 \n\r\u2028ab\u00a0\u200b\u2060＞é🎉"
BITS = st.sampled_from(
    re.findall(
        r"\S+",
        "*b* _i_ ~s~ `c` ```f``` > >>> ＞q &gt; <!channel> <!here> <!everyone> <@U012345678> @here @ada "
        "#general <#C012345678> <!subteam^S1> <https://example.org/x> https://example.org www.example.org "
        "mailto:a@b.cc ada@example.org :tada: :+1: :wave::skin-tone-2: <!date^1^{ago}^https://e.org/x> "
        "&amp; & {ago} a \\",
    )
    + ["\n", " "]
)
TEXTS = st.one_of(st.text(alphabet=NASTY, max_size=60), st.lists(BITS, max_size=12).map("".join), st.text())
TYPED = TEXTS.filter(lambda text: bool(text.strip()))


def objects(tree: Any) -> Iterator[Json]:
    """Every object in some JSON."""
    if isinstance(tree, dict):
        yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from objects(each)


def shown(element: Json) -> str:
    return element.get("text") or element.get("fallback") or ""


def within_limits(blocks: list[Json]) -> None:
    """What docs.slack.dev says of the blocks that we use, written down apart from the code."""
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(ids) == len(set(ids)) and all(0 < len(id) <= 255 for id in ids)
    for block in blocks:
        match block["type"]:
            case "header":
                assert 0 < len(block["text"]["text"]) <= 150
            case "divider":
                assert len(block) == 1
            case "image":
                assert 0 < len(block["alt_text"]) <= 2000 and block["slack_file"]["id"]
            case "rich_text":
                lines = [line for part in block["elements"] for line in part["elements"]]
                assert lines and all(part["elements"] for part in block["elements"])
                assert sum(len(shown(line)) for line in lines) <= 3000
                assert all(line["text"] for line in lines if line["type"] in ("text", "link"))
            case "actions":
                assert 0 < len(block["elements"]) <= 25
                ids = [each["action_id"] for each in block["elements"]]
                assert len(ids) == len(set(ids)) and all(0 < len(id) <= 255 for id in ids)
                assert all(0 < len(each["text"]["text"]) <= 75 for each in block["elements"])
            case "input":
                assert 0 < len(block["label"]["text"]) <= 2000
                assert 0 < len(block.get("hint", {"text": "-"})["text"]) <= 2000
                control(block["element"])
            case other:
                raise AssertionError(other)
    for each in objects(blocks):
        assert each.get("type") != "mrkdwn"  # nothing that is read as markup
        assert each.get("type") != "plain_text" or each["emoji"] is False


def control(element: Json) -> None:
    options = element.get("options", [])
    most = 10 if element["type"] in ("radio_buttons", "checkboxes") else 100
    assert len(options) <= most and all(len(each["value"]) <= 150 for each in options)
    assert all(0 < len(each["text"]["text"]) <= 75 for each in options)
    first = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
    assert all(each in options for each in first) and element.get("initial_options") != []
    if element["type"] == "plain_text_input":
        assert 1 <= element["max_length"] <= 3000
        assert len(element.get("initial_value", "")) <= element["max_length"]


def valid(card: Card, names: dict[str, str] | None = None) -> list[Json]:
    """The blocks of a card, with its picture, after both judges took them as a message and as App Home."""
    body = message(card, workspace=HOUSE, names=names)
    blocks = with_image(body, "F012345678")
    assert len(blocks) <= 50 and body.text.strip() and len(body.text) <= 40_000
    within_limits(blocks)
    check_message(blocks, body.text)
    view = home(card, workspace=HOUSE, names=names, file_id="F012345678")
    within_limits(view["blocks"])
    check_view(view, types=("home",))
    return blocks


def fits(form: Form, origin: Origin | None = None) -> Json:
    """A form's modal, after both judges took it."""
    modal = view(form, origin or Origin())
    assert 0 < len(modal["title"]["text"]) <= 24 and 0 < len(modal["submit"]["text"]) <= 24
    assert len(modal["callback_id"]) <= 255 and len(modal["private_metadata"]) <= 3000
    assert 0 < len(modal["blocks"]) <= 100
    within_limits(modal["blocks"])
    check_view(modal, types=("modal",))
    return modal


def rich(blocks: list[Json]) -> list[Json]:
    """The sections and quotes in blocks, in order."""
    return [part for block in blocks if block["type"] == "rich_text" for part in block["elements"]]


def words(elements: list[Json]) -> str:
    return "".join(each["text"] for each in elements)

"""Blocks, messages and views as Slack accepts them; everything else is refused with where and why.

Numbers: docs.slack.dev, reference/block-kit/blocks and reference/views. Two that Slack does not
publish are marked at their constants.
"""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import count
from typing import Any

from tests.wire.slack_checks import (
    ANY_TEXT,
    Checker,
    Files,
    Rule,
    Shape,
    any_of,
    array,
    exactly_one,
    flag,
    shaped,
    string,
    text,
    typed,
    unique_block_id,
)
from tests.wire.slack_elements import ELEMENTS, IMAGE, IN_ACTIONS, IN_INPUT, IN_SECTION, PICTURE
from tests.wire.slack_model import Json, SlackError
from tests.wire.slack_rich_text import PARTS

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
TEXT_LIMIT = 40_000
VIEW_BYTES = 250_000
BLOCKS_TEXT_LIMIT = 10_000
"""Text of all blocks of a message. Not published: messages with 9,597 characters were seen to be
accepted and some with 11,341 refused as msg_blocks_too_long (slackapi/bolt-js issue 2867)."""

_ID: dict[str, Rule] = {"block_id": unique_block_id}
_CONTEXT = {
    "plain_text": Shape({"text": string(3000, 1)}, {"emoji": flag}),
    "mrkdwn": Shape({"text": string(3000, 1)}, {"verbatim": flag}),
    "image": ELEMENTS["image"],
}


def _input_element(check: Checker, value: Any, at: str) -> None:
    check.within_input = True
    typed(ELEMENTS, *IN_INPUT)(check, value, at)
    check.within_input = False


BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {},
        _ID
        | {
            "text": text(3000, kinds=ANY_TEXT),
            "fields": array(text(2000, kinds=ANY_TEXT), 10),
            "accessory": typed(ELEMENTS, *IN_SECTION),
            "expand": flag,
        },
        (any_of("text", "fields"),),
    ),
    "header": Shape({"text": text(150)}, _ID),
    "divider": Shape({}, _ID),
    "context": Shape({"elements": array(typed(_CONTEXT), 10)}, _ID),
    "actions": Shape({"elements": array(typed(ELEMENTS, *IN_ACTIONS), 25)}, _ID),
    "input": Shape(
        {"label": text(2000), "element": _input_element},
        _ID | {"dispatch_action": flag, "hint": text(2000), "optional": flag},
    ),
    "image": Shape(IMAGE, _ID | PICTURE | {"title": text(2000)}, (exactly_one("image_url", "slack_file"),)),
    "rich_text": Shape({"elements": array(typed(PARTS), 1000)}, _ID),
}


def _one_block(check: Checker, value: Any, at: str) -> None:
    check.action_ids = set()
    typed(BLOCKS)(check, value, at)


_MODAL = Shape(
    {"title": text(24), "blocks": array(_one_block, VIEW_BLOCKS)},
    {
        "close": text(24),
        "submit": text(24),
        "private_metadata": string(3000),
        "callback_id": string(255),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "external_id": string(255),
        "submit_disabled": flag,
    },
)
_HOME = Shape(
    {"blocks": array(_one_block, VIEW_BLOCKS)},
    {"private_metadata": string(3000), "callback_id": string(255), "external_id": string(255)},
)


def _refuse(code: str, problems: list[str]) -> SlackError:
    messages = [f"[ERROR] {each}" for each in problems]
    return SlackError(code, errors=problems, response_metadata={"messages": messages})


def check_message(blocks: Any, text: Any = "", *, usable: Files | None = None) -> None:
    """SlackError unless a message may have these blocks (None: has none) and this text.

    ``usable`` says of a ``slack_file`` object whether it can be shown.
    """
    if not isinstance(text, str):
        raise _refuse("invalid_arguments", ["must provide a string [json-pointer:/text]"])
    if len(text) > TEXT_LIMIT:
        raise SlackError("msg_too_long")
    if blocks is None or blocks == []:
        if not text.strip():
            raise SlackError("no_text")
        return
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    check = Checker(usable=usable)
    array(_one_block, MESSAGE_BLOCKS)(check, blocks, "/blocks")
    if check.problems:
        raise _refuse("invalid_blocks", check.problems)
    if check.written > BLOCKS_TEXT_LIMIT:
        raise SlackError("msg_blocks_too_long")


def check_view(view: Any, *, types: tuple[str, ...] = ("modal", "home"), usable: Files | None = None) -> None:
    """SlackError unless this is a view of one of these types that Slack would show."""
    if not isinstance(view, dict):
        raise _refuse("invalid_arguments", ["must provide an object [json-pointer:/view]"])
    kind = view.get("type")
    if kind not in types:
        problem = "missing required field: type [json-pointer:/view]"
        if kind is not None:
            problem = f"unsupported type: {kind} [json-pointer:/view/type]"
        raise _refuse("invalid_arguments", [problem])
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    check = Checker(surface=str(kind), usable=usable)
    shaped(_MODAL if kind == "modal" else _HOME, known=("type",))(check, view, "/view")
    blocks: Any = view.get("blocks") if isinstance(view.get("blocks"), list) else []
    kinds = [each.get("type") for each in blocks if isinstance(each, dict)]
    if kind == "modal" and "submit" not in view and "input" in kinds:
        check.add("submit is required when there are input blocks", "/view/submit")
    if check.problems:
        raise _refuse("invalid_arguments", check.problems)


_numbers = count(1)


def filled(blocks: list[Json]) -> list[Json]:
    """The blocks as Slack keeps them: with a block_id each, and an action_id for each element."""
    blocks = deepcopy(blocks)
    for block in blocks:
        if not block.get("block_id"):
            block["block_id"] = f"b{next(_numbers):04x}"
        inner = [block.get("accessory"), block.get("element")]
        if block["type"] == "actions":
            inner += block["elements"]
        for each in inner:
            if isinstance(each, dict) and each["type"] not in ("image", "plain_text", "mrkdwn"):
                each["action_id"] = each.get("action_id") or f"a{next(_numbers):04x}"
    return blocks

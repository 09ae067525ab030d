"""Block Kit in the fake Slack, through slack_sdk over real HTTP: what is taken, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import pytest

from tests.wire.slack_blocks import check_message
from tests.wire.slack_model import Json, SlackError
from tests.wire.slack_small import (
    Small,
    actions,
    asked,
    button,
    case,
    literal,
    marked,
    modal,
    of,
    option,
    options,
    plain,
    refused,
    rich,
    section,
    small_slack,
)


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


CONFIRM = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Yes"), "deny": plain("No")}
IMAGE = of("image", image_url="https://x.example/a.png", alt_text="A heron")
ID = "U0000000001"
CHANNEL = "C0000000001"
GROUPS = [{"label": plain("Group"), "options": options(2)}]
DATE = of("date", timestamp=1_772_442_000, format="{date_long_pretty} at {time}", fallback="2 March")
STYLES = {"bold": True, "italic": False, "strike": True, "code": True, "underline": True}

ELEMENTS: list[Json] = [
    button(value="x" * 2000, style="primary", confirm=CONFIRM, accessibility_label="x" * 75),
    button(url="https://x.example/", text=plain("x" * 75)),
    of("static_select", options=options(100), initial_option=option(5), placeholder=plain("x" * 150)),
    of("static_select", option_groups=GROUPS, initial_option=option(1), focus_on_load=True),
    of("multi_static_select", options=options(3), initial_options=options(2), max_selected_items=2),
    of("users_select", initial_user=ID, action_id="x" * 255),
    of("multi_users_select", initial_users=[ID], confirm=CONFIRM),
    of(
        "conversations_select",
        default_to_current_conversation=True,
        filter={"include": ["public", "private"]},
    ),
    of("multi_conversations_select", initial_conversations=[CHANNEL], filter={"exclude_bot_users": True}),
    of("channels_select", initial_channel=CHANNEL),
    of("multi_channels_select", initial_channels=[CHANNEL]),
    of("radio_buttons", options=[option(1, text=marked("*One*")), option(2, description=plain("Two"))]),
    of("checkboxes", options=options(10), initial_options=options(2)),
    of("datepicker", initial_date="2026-03-02", placeholder=plain("When")),
    of("timepicker", initial_time="08:30", timezone="Europe/Berlin"),
    of("overflow", options=[option(1, url="https://x.example/"), *options(1)]),
]
FIELDS: list[Json] = [
    *(each for each in ELEMENTS if each["type"] not in ("button", "overflow")),
    of("plain_text_input", multiline=True, min_length=1, max_length=3000, initial_value="Hello"),
    of("plain_text_input", dispatch_action_config={"trigger_actions_on": ["on_enter_pressed"]}),
    of("conversations_select", response_url_enabled=True),
]
BLOCKS: list[Json] = [
    section("x" * 3000, block_id="x" * 255, expand=True),
    of("section", text=marked("*Hello* <https://x.example|there>")),
    of("section", fields=[marked("x" * 2000), *[plain("x")] * 9]),
    section("Hello", accessory=IMAGE),
    section("Hello", accessory=button()),
    of("header", text={"type": "plain_text", "text": "x" * 150, "emoji": False}),
    of("divider", block_id="d"),
    of("context", elements=[plain("Hello"), marked("*x*"), IMAGE]),
    actions(*(button(number) for number in range(25))),
    IMAGE | {"title": plain("A heron"), "block_id": "i"},
    rich(literal(style=STYLES), literal(" "), DATE),
    rich(literal(), kind="rich_text_quote", border=1),
    rich(literal(), of("link", url="https://x.example/"), kind="rich_text_preformatted", border=0),
    rich(rich(literal())["elements"][0], kind="rich_text_list", style="bullet", indent=2, offset=1, border=0),
    rich(of("user", user_id=ID), of("channel", channel_id=CHANNEL), of("broadcast", range="here")),
    rich(of("usergroup", usergroup_id="S0000000001"), of("team", team_id="T0000000001")),
    rich(of("emoji", name="tada", skin_tone=2), of("color", value="#F405B3")),
    rich(of("link", url="mailto:a@x.example", text="Write", style={"bold": True})),
    *(actions(each) for each in ELEMENTS),
    *(asked(each, optional=True, hint=plain("x" * 2000), dispatch_action=False) for each in FIELDS[:-1]),
]


@pytest.mark.parametrize("block", BLOCKS, ids=case)
async def test_good_blocks_are_taken(small: Small, block: Json) -> None:
    general = small.channel("general")
    before = deepcopy(block)
    await small.client().chat_postMessage(channel=general.id, text="x", blocks=[block])
    (post,) = general.within()
    assert post.blocks[0]["type"] == block["type"] and post.blocks[0]["block_id"]
    assert block == before


@pytest.mark.parametrize("element", FIELDS, ids=case)
async def test_good_fields_are_taken_in_a_modal(small: Small, element: Json) -> None:
    ada = small.person("ada")
    trigger = small.at.trigger(ada.id, small.clock.now())
    view = modal(asked(element), submit=plain("x" * 24), close=plain("x" * 24), title=plain("x" * 24))
    await small.client().views_open(trigger_id=trigger.id, view=view)
    block = ada.stack[0].data["blocks"][0]
    assert block["block_id"] and block["element"]["action_id"]


BAD: list[tuple[Json, str]] = [
    # any block
    ({}, "missing required field: type [json-pointer:/blocks/0]"),
    (of("video"), "unsupported type: video [json-pointer:/blocks/0/type]"),
    (of("divider", colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
    (of("divider", block_id="x" * 256), "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    (of("divider", block_id=7), "must provide a string [json-pointer:/blocks/0/block_id]"),
    # section, header, context, image
    (of("section"), "missing required field: text or fields"),
    (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (of("section", text="Hello"), "must provide an object [json-pointer:/blocks/0/text]"),
    (of("section", text=of("html", text="x")), "unsupported type: html [json-pointer:/blocks/0/text/type]"),
    (of("section", text=plain("x") | {"verbatim": True}), "invalid additional property: verbatim"),
    (of("section", text=marked("x") | {"emoji": True}), "invalid additional property: emoji"),
    (of("section", fields=[]), "must have at least 1 item"),
    (
        of("section", fields=[plain("x")] * 11),
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (of("section", fields=[plain("x" * 2001)]), "must be less than 2001 characters"),
    (section("x", accessory=of("plain_text_input")), "unsupported type: plain_text_input"),
    (section("x", accessory=[button()]), "must provide an object [json-pointer:/blocks/0/accessory]"),
    (of("header", text=plain("x" * 151)), "must be less than 151 characters"),
    (of("header", text=marked("x")), "unsupported type: mrkdwn"),
    (of("header"), "missing required field: text"),
    (of("context", elements=[plain("x")] * 11), "no more than 10 items allowed"),
    (of("context", elements=[]), "must have at least 1 item"),
    (of("context", elements=[button()]), "unsupported type: button"),
    (of("image", image_url="https://x.example/"), "missing required field: alt_text"),
    (of("image", alt_text="x"), "must have exactly one of: image_url, slack_file"),
    (IMAGE | {"slack_file": {"id": "F0000000001"}}, "must have exactly one of: image_url, slack_file"),
    (IMAGE | {"alt_text": "x" * 2001}, "must be less than 2001 characters"),
    (IMAGE | {"image_url": "x" * 3001}, "must be less than 3001 characters"),
    (IMAGE | {"image_url": "heron.png"}, "must be a valid URL"),
    (of("image", alt_text="x", slack_file={"id": "F0000000001"}), "invalid slack file"),
    (of("image", alt_text="x", slack_file={"id": "x"}), "must be a valid id"),
    (of("image", alt_text="x", slack_file={}), "must have exactly one of: id, url"),
    # actions, buttons
    (of("actions", elements=[]), "must have at least 1 item"),
    (actions(*(button(n) for n in range(26))), "no more than 25 items allowed"),
    (actions(of("plain_text_input")), "unsupported type: plain_text_input"),
    (
        actions(button(), button()),
        "`action_id` `a1` already exists [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    (actions(button(action_id="x" * 256)), "must be less than 256 characters"),
    (actions(button(text=plain("x" * 76))), "must be less than 76 characters"),
    (actions(button(text=marked("x"))), "unsupported type: mrkdwn"),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters"),
    (actions(button(value=7)), "must provide a string"),
    (actions(button(url="x" * 3001)), "must be less than 3001 characters"),
    (actions(button(style="default")), "must be a valid enum value"),
    (actions(button(accessibility_label="x" * 76)), "must be less than 76 characters"),
    (actions(button(disabled=True)), "invalid additional property: disabled"),
    (actions(button(focus_on_load=True)), "invalid additional property: focus_on_load"),
    (actions(button(confirm=CONFIRM | {"title": plain("x" * 101)})), "must be less than 101 characters"),
    (actions(button(confirm=CONFIRM | {"text": plain("x" * 301)})), "must be less than 301 characters"),
    (actions(button(confirm=CONFIRM | {"confirm": plain("x" * 31)})), "must be less than 31 characters"),
    (actions(button(confirm=CONFIRM | {"deny": plain("x" * 31)})), "must be less than 31 characters"),
    (actions(button(confirm={"title": plain("x")})), "missing required field: text"),
    # choices
    (actions(of("static_select")), "must have exactly one of: options, option_groups"),
    (actions(of("static_select", options=options(1), option_groups=GROUPS)), "must have exactly one of"),
    (actions(of("static_select", options=[])), "must have at least 1 item"),
    (actions(of("static_select", options=options(101))), "no more than 100 items allowed"),
    (actions(of("static_select", options=[option(value="x" * 151)])), "must be less than 151 characters"),
    (actions(of("static_select", options=[option(value="")])), "must be more than 0 characters"),
    (actions(of("static_select", options=[option(value=7)])), "must provide a string"),
    (actions(of("static_select", options=[option(text=plain("x" * 76))])), "must be less than 76 characters"),
    (actions(of("static_select", options=[option(text=marked("x"))])), "unsupported type: mrkdwn"),
    (
        actions(of("static_select", options=[option(description=plain("x" * 76))])),
        "must be less than 76 characters",
    ),
    (
        actions(of("static_select", options=[option(url="https://x.example/")])),
        "invalid additional property: url",
    ),
    (actions(of("static_select", options=[option(1), option(1)])), "option value `v1` is not unique"),
    (actions(of("static_select", options=[{"text": plain("x")}])), "missing required field: value"),
    (actions(of("static_select", options=options(2), initial_option=option(9))), "must exactly match one of"),
    (
        actions(of("static_select", options=options(1), placeholder=plain("x" * 151))),
        "must be less than 151 characters",
    ),
    (
        actions(of("static_select", option_groups=[{"label": plain("x" * 76), "options": options(1)}])),
        "must be less than 76",
    ),
    (actions(of("static_select", option_groups=[{"options": options(1)}])), "missing required field: label"),
    (actions(of("multi_static_select", options=options(2), initial_options=[])), "must have at least 1 item"),
    (
        actions(of("multi_static_select", options=options(2), initial_options=options(3))),
        "must exactly match one of",
    ),
    (actions(of("multi_static_select", options=options(2), max_selected_items=0)), "must be greater than 0"),
    (actions(of("radio_buttons", options=options(11))), "no more than 10 items allowed"),
    (
        actions(of("radio_buttons", options=options(2), placeholder=plain("x"))),
        "invalid additional property: placeholder",
    ),
    (actions(of("radio_buttons", options=options(2), initial_option=option(9))), "must exactly match one of"),
    (actions(of("checkboxes", options=options(11))), "no more than 10 items allowed"),
    (actions(of("checkboxes", options=[])), "must have at least 1 item"),
    (actions(of("checkboxes", options=options(2), initial_options=[option(9)])), "must exactly match one of"),
    (actions(of("overflow", options=options(6))), "no more than 5 items allowed"),
    (actions(of("overflow", options=[option(1), option(1)])), "is not unique"),
    (actions(of("overflow")), "missing required field: options"),
    # pickers
    (actions(of("users_select", initial_user="ada")), "must be a valid id"),
    (actions(of("users_select", options=options(1))), "invalid additional property: options"),
    (actions(of("channels_select", initial_channel=ID)), "must be a valid id"),
    (actions(of("channels_select", response_url_enabled=True)), "only allowed in input blocks of modals"),
    (asked(of("channels_select", response_url_enabled=True)), "only allowed in input blocks of modals"),
    (actions(of("conversations_select", filter={})), "missing required field: include or"),
    (actions(of("conversations_select", filter={"include": ["dm"]})), "must be a valid enum value"),
    (actions(of("datepicker", initial_date="2026-02-30")), "must be a valid date"),
    (actions(of("datepicker", initial_date="20260302")), "must be a valid date"),
    (actions(of("timepicker", initial_time="24:00")), "must be a valid time"),
    (actions(of("timepicker", initial_time="8:30")), "must be a valid time"),
    (actions(of("datetimepicker", initial_date_time=5)), "must be greater than"),
    # input
    (of("input", label=plain("x")), "missing required field: element"),
    (of("input", element=of("plain_text_input")), "missing required field: label"),
    (asked(button()), "unsupported type: button"),
    (asked(of("plain_text_input"), label=plain("x" * 2001)), "must be less than 2001 characters"),
    (asked(of("plain_text_input"), label=marked("x")), "unsupported type: mrkdwn"),
    (asked(of("plain_text_input"), hint=plain("x" * 2001)), "must be less than 2001 characters"),
    (asked(of("plain_text_input"), optional="yes"), "must provide a boolean"),
    (asked(of("plain_text_input", placeholder=plain("x" * 151))), "must be less than 151 characters"),
    (asked(of("plain_text_input", max_length=3001)), "must be less than 3001"),
    (asked(of("plain_text_input", max_length=0)), "must be greater than 0"),
    (asked(of("plain_text_input", min_length=3001)), "must be less than 3001"),
    (asked(of("plain_text_input", min_length=True)), "must provide an integer"),
    (asked(of("plain_text_input", min_length=5, max_length=4)), "min_length must be less than or equal"),
    (asked(of("plain_text_input", max_length=2, initial_value="abc")), "must be less than 3 characters"),
    (asked(of("plain_text_input", initial_value="x" * 3001)), "must be less than 3001 characters"),
    (
        asked(of("plain_text_input", dispatch_action_config={"trigger_actions_on": ["x"]})),
        "must be a valid enum",
    ),
    # rich text
    (of("rich_text"), "missing required field: elements"),
    (of("rich_text", elements=[]), "must have at least 1 item"),
    (of("rich_text", elements=[literal()]), "unsupported type: text"),
    (rich(), "must have at least 1 item [json-pointer:/blocks/0/elements/0/elements]"),
    (rich(literal("")), "must be more than 0 characters"),
    (rich(literal(style={"bold": "yes"})), "must provide a boolean"),
    (rich(literal(style={"big": True})), "invalid additional property: big"),
    (rich(literal(style="bold")), "must provide an object"),
    (rich(of("mention", user_id=ID)), "unsupported type: mention"),
    (rich(of("link", url="here")), "must be a valid URL"),
    (rich(of("link", text="x")), "missing required field: url"),
    (rich(of("user", user_id="ada")), "must be a valid id"),
    (rich(of("broadcast", range="all")), "must be a valid enum value"),
    (rich(of("emoji")), "missing required field: name"),
    (
        rich(DATE | {"timestamp": "1772442000"}),
        "must provide an integer [json-pointer:/blocks/0/elements/0/elements/0/timestamp]",
    ),
    (rich(DATE | {"timestamp": 1.5}), "must provide an integer"),
    (rich(of("date", timestamp=1)), "missing required field: format"),
    (rich(DATE | {"format": "today"}), "must be a valid date format"),
    (rich(DATE | {"format": "{date} {"}), "must be a valid date format"),
    (rich(DATE | {"format": "{datum}"}), "unknown date format token: {datum}"),
    (rich(DATE | {"fallback": ""}), "must be more than 0 characters"),
    (rich(DATE | {"zone": "UTC"}), "invalid additional property: zone"),
    (rich(literal(), kind="rich_text_quote", border=2), "must be less than 2"),
    (rich(literal(), kind="rich_text_section", border=1), "invalid additional property: border"),
    (rich(of("user", user_id=ID), kind="rich_text_preformatted"), "unsupported type: user"),
    (rich(literal(), kind="rich_text_list", style="bullet"), "unsupported type: text"),
    (rich(rich(literal())["elements"][0], kind="rich_text_list", style="dash"), "must be a valid enum value"),
    (rich(rich(literal())["elements"][0], kind="rich_text_list"), "missing required field: style"),
    (
        rich(rich(literal())["elements"][0], kind="rich_text_list", style="bullet", indent=9),
        "must be less than 9",
    ),
]


@pytest.mark.parametrize(("block", "why"), BAD, ids=case)
async def test_bad_blocks_are_refused(small: Small, block: Json, why: str) -> None:
    general = small.channel("general")
    asked = small.client().chat_postMessage(channel=general.id, text="x", blocks=[block])
    no = await refused(asked, "invalid_blocks")
    assert any(why in each for each in no["errors"]), no["errors"]
    assert no["response_metadata"]["messages"] == [f"[ERROR] {each}" for each in no["errors"]]
    assert general.within() == []


async def test_blocks_of_a_message_together(small: Small) -> None:
    general, client = small.channel("general"), small.client()

    async def no(blocks: Any, why: str) -> None:
        answer = await refused(
            client.chat_postMessage(channel=general.id, text="x", blocks=blocks), "invalid_blocks"
        )
        assert why in answer["errors"][0], answer["errors"]

    await client.chat_postMessage(channel=general.id, text="x", blocks=[of("divider")] * 50)
    await no([of("divider")] * 51, "no more than 50 items allowed [json-pointer:/blocks]")
    await no(
        [of("divider", block_id="a")] * 2, "`block_id` `a` already exists [json-pointer:/blocks/1/block_id]"
    )
    await no(["x"], "must provide an object [json-pointer:/blocks/0]")
    same = [actions(button(), block_id="a"), actions(button(), block_id="b")]
    await client.chat_postMessage(channel=general.id, text="x", blocks=same)
    ids = {block["block_id"] for block in general.within()[0].blocks}
    assert len(ids) == 50, "those without an id have got one each"


async def test_blocks_are_checked_wherever_they_go(small: Small) -> None:
    general, ada, client = small.channel("general"), small.person("ada"), small.client()
    general.members.add(ada.id)
    bad = [section("")]
    sent = (await client.chat_postMessage(channel=general.id, text="x"))["ts"]
    await refused(client.chat_update(channel=general.id, ts=sent, text="x", blocks=bad), "invalid_blocks")
    await refused(
        client.chat_postEphemeral(channel=general.id, user=ada.id, text="x", blocks=bad), "invalid_blocks"
    )
    home = {"type": "home", "blocks": bad}
    await refused(client.views_publish(user_id=ada.id, view=home), "invalid_arguments")
    with pytest.raises(SlackError):
        check_message(bad, "x")

"""Views in the fake Slack, through slack_sdk over real HTTP: what a modal and a home may be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.wire.slack_small import (
    Small,
    actions,
    asked,
    case,
    marked,
    modal,
    of,
    plain,
    refused,
    section,
    small_slack,
)


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


FIELD = asked(of("plain_text_input"))
VIEWS: list[tuple[Any, str, str]] = [
    ([], "invalid_arguments", "must provide an object [json-pointer:/view]"),
    ({"blocks": []}, "invalid_arguments", "missing required field: type"),
    (modal(type="home"), "invalid_arguments", "unsupported type: home [json-pointer:/view/type]"),
    ({"type": "modal", "blocks": [FIELD]}, "invalid_arguments", "missing required field: title"),
    ({"type": "modal", "title": plain("x")}, "invalid_arguments", "missing required field: blocks"),
    (
        modal(title=plain("x" * 25)),
        "invalid_arguments",
        "must be less than 25 characters [json-pointer:/view/title/text]",
    ),
    (modal(title=marked("x")), "invalid_arguments", "unsupported type: mrkdwn"),
    (
        modal(submit=plain("x" * 25)),
        "invalid_arguments",
        "must be less than 25 characters [json-pointer:/view/submit/text]",
    ),
    (
        modal(close=plain("x" * 25)),
        "invalid_arguments",
        "must be less than 25 characters [json-pointer:/view/close/text]",
    ),
    (modal(FIELD), "invalid_arguments", "submit is required when there are input blocks"),
    (modal(private_metadata="x" * 3001), "invalid_arguments", "must be less than 3001 characters"),
    (modal(private_metadata={}), "invalid_arguments", "must provide a string"),
    (modal(callback_id="x" * 256), "invalid_arguments", "must be less than 256 characters"),
    (modal(external_id="x" * 256), "invalid_arguments", "must be less than 256 characters"),
    (modal(notify_on_close="yes"), "invalid_arguments", "must provide a boolean"),
    (modal(footer="x"), "invalid_arguments", "invalid additional property: footer"),
    (
        modal(*[of("divider")] * 101),
        "invalid_arguments",
        "no more than 100 items allowed [json-pointer:/view/blocks]",
    ),
    (modal(of("divider", block_id="a"), of("divider", block_id="a")), "invalid_arguments", "already exists"),
    (modal(section("")), "invalid_arguments", "[json-pointer:/view/blocks/0/text/text]"),
    (
        modal(*(actions(of("datepicker", focus_on_load=True)) for _ in range(2))),
        "invalid_arguments",
        "only one element can have focus_on_load",
    ),
    (modal(*[section("x" * 3000)] * 90), "view_too_large", ""),
]


@pytest.mark.parametrize(("view", "code", "why"), VIEWS, ids=case)
async def test_bad_modals_are_refused(small: Small, view: Any, code: str, why: str) -> None:
    ada = small.person("ada")
    trigger = small.at.trigger(ada.id, small.clock.now())
    no = await refused(small.client().views_open(trigger_id=trigger.id, view=view), code)
    said = no.get("response_metadata", {}).get("messages", [""])
    assert any(why in each for each in said), said
    assert ada.stack == []


async def test_bad_homes_are_refused(small: Small) -> None:
    ada, client = small.person("ada"), small.client()
    for more, why in (
        ({"title": plain("x")}, "invalid additional property: title"),
        ({"submit": plain("x")}, "invalid additional property: submit"),
        ({"private_metadata": "x" * 3001}, "must be less than 3001 characters"),
        ({"blocks": [of("divider")] * 101}, "no more than 100 items allowed"),
    ):
        home = {"type": "home", "blocks": [of("divider")]} | more
        no = await refused(client.views_publish(user_id=ada.id, view=home), "invalid_arguments")
        assert why in no["response_metadata"]["messages"][0]
    assert ada.home is None
    await client.views_publish(user_id=ada.id, view={"type": "home", "blocks": [FIELD, actions()]})
    assert ada.home is not None, "a home may have inputs without a submit"


async def test_input_blocks_may_ask_for_a_response_url_in_modals_only(small: Small) -> None:
    ada, client = small.person("ada"), small.client()
    field = asked(of("conversations_select", response_url_enabled=True))
    home = client.views_publish(user_id=ada.id, view={"type": "home", "blocks": [field]})
    await refused(home, "invalid_arguments")
    trigger = small.at.trigger(ada.id, small.clock.now())
    beside = modal(field, section("x", accessory=field["element"]), submit=plain("Go"))
    await refused(client.views_open(trigger_id=trigger.id, view=beside), "invalid_arguments")
    await client.views_open(trigger_id=trigger.id, view=modal(field, submit=plain("Go")))

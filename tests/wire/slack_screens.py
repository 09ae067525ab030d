"""Modals on somebody's screen: what the ack of a submission does to them."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from tests.wire.slack_blocks import check_view, filled
from tests.wire.slack_exchange import Exchange
from tests.wire.slack_model import Json, Person, SlackError, View
from tests.wire.slack_web_views import STACK


def submitted(exchange: Exchange, answer: Json | None) -> None:
    """What an ack does to the modal (docs: modals, responding to view_submission)."""
    view = exchange.source
    assert isinstance(view, View)
    action = (answer or {}).get("response_action")
    person = exchange.person
    try:
        if action == "errors":
            _mark(exchange, view, (answer or {}).get("errors"))
        elif action in ("update", "push"):
            data: Any = (answer or {}).get("view")
            check_view(data, types=("modal",))
            data = data | {"blocks": filled(data["blocks"])}
            _next(exchange, view, data, push=action == "push")
        elif action == "clear":
            close(person, list(person.stack))
        elif answer:
            raise SlackError(f"no response_action in {sorted(answer)}")
        else:
            close(person, [view])
    except SlackError as error:
        exchange.fails(f"We had some trouble connecting: {error.code} {error.more or ''}".strip())


def _mark(exchange: Exchange, view: View, errors: Any) -> None:
    inputs = {block["block_id"] for block in view.data["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise SlackError(f"errors for {errors!r} of {sorted(inputs)}")
    if not all(isinstance(each, str) and each for each in errors.values()):
        raise SlackError("errors without words")
    view.errors = exchange.errors = errors
    exchange.wake()


def _next(exchange: Exchange, view: View, data: Json, *, push: bool) -> None:
    workspace, person = exchange.workspace, exchange.person
    hash = f"{int(exchange.fake.now().timestamp())}.{token_hex(4)}"
    if push:
        if len(person.stack) >= STACK:
            raise SlackError("push_limit_reached")
        made = View(workspace.id_of("V"), hash, person.id, data, view.id, view.root or view.id)
        workspace.views[made.id] = made
        person.stack.append(made)
        view = made
    else:
        kept = {block["block_id"] for block in data["blocks"]}
        view.data, view.hash, view.errors = data, hash, {}
        view.values = {name: each for name, each in view.values.items() if name in kept}
    exchange.fake.eyes.opened(view, exchange)


def close(person: Person, views: list[View]) -> None:
    """Modals go from somebody's screen."""
    for view in list(views):
        view.closed = True
        if view in person.stack:
            person.stack.remove(view)

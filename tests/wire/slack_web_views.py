"""Views: modals on a stack of at most three, opened by a trigger; App Home. Triggers live three seconds
of the fake's clock, once."""

from __future__ import annotations

import re
from copy import deepcopy
from secrets import token_hex
from typing import Any

from tests.wire.slack_blocks import check_view, filled
from tests.wire.slack_calls import Call, method, wrong
from tests.wire.slack_model import Json, Person, SlackError, Trigger, View
from tests.wire.slack_shapes import view as shape

STACK = 3
_TRIGGER = re.compile(r"\d+\.\d+\.[0-9a-f]+")


def _given(call: Call, *types: str) -> Json:
    view: Any = call.json("view")
    if view is None:
        raise wrong("missing required field: view")
    check_view(view, types=types, usable=call.at.shows)
    view = deepcopy(view)
    view["blocks"] = filled(view["blocks"])
    return view


def _trigger(call: Call) -> Trigger:
    id = call.text("trigger_id", needed=True)
    found = call.at.triggers.get(id) if _TRIGGER.fullmatch(id) else None
    if found is None:
        raise SlackError("invalid_trigger_id")
    if found.used:
        raise SlackError("exchanged_trigger_id")
    if call.now >= found.until:
        raise SlackError("expired_trigger_id")
    return found


def _unique(call: Call, data: Json, but: View | None = None) -> None:
    external = data.get("external_id")
    if external and any(
        each.data.get("external_id") == external and each is not but and not each.closed
        for each in call.at.views.values()
    ):
        raise SlackError("duplicate_external_id")


def _hash(call: Call) -> str:
    return f"{int(call.now.timestamp())}.{token_hex(4)}"


def _new(call: Call, user: str, data: Json) -> View:
    made = View(call.at.id_of("V"), _hash(call), user, data)
    call.at.views[made.id] = made
    return made


def answer(call: Call, view: View) -> Json:
    """A view as the methods answer it."""
    return {"view": shape(call.at, view, call.web.app_id)}


def closed(person: Person) -> None:
    """The modals of somebody are gone from their screen."""
    for each in person.stack:
        each.closed = True
    person.stack.clear()


@method("views.open", json=True)
def open_view(call: Call) -> Json:
    """A modal for whoever the trigger is of."""
    data = _given(call, "modal")
    _unique(call, data)
    trigger = _trigger(call)
    trigger.used = True
    person = call.at.people[trigger.user]
    closed(person)
    made = _new(call, person.id, data)
    made.root = made.id
    person.stack.append(made)
    call.happened("view", made)
    return answer(call, made)


@method("views.push", json=True)
def push(call: Call) -> Json:
    """One more modal on top of the one in which the trigger arose."""
    data = _given(call, "modal")
    _unique(call, data)
    trigger = _trigger(call)
    person = call.at.people[trigger.user]
    if not trigger.from_modal or not person.stack:
        raise SlackError("invalid_trigger_id")
    if len(person.stack) >= STACK:
        raise SlackError("push_limit_reached")
    trigger.used = True
    made = _new(call, person.id, data)
    made.root, made.previous = person.stack[0].id, person.stack[-1].id
    person.stack.append(made)
    call.happened("view", made)
    return answer(call, made)


@method("views.update", json=True)
def update(call: Call) -> Json:
    """Another content for a view that is open."""
    id, external = call.text("view_id"), call.text("external_id")
    if not id and not external:
        raise wrong("missing required field: view_id or external_id")
    if id:
        found = call.at.views.get(id)
    else:
        views = call.at.views.values()
        found = next((v for v in views if v.data.get("external_id") == external and not v.closed), None)
    if found is None or found.closed:
        raise SlackError("not_found")
    if (given := call.text("hash")) and given != found.hash:
        raise SlackError("hash_conflict")
    data = _given(call, "home" if found.is_home else "modal")
    _unique(call, data, found)
    change(call, found, data)
    call.happened("home" if found.is_home else "view", call.at.people[found.user] if found.is_home else found)
    return answer(call, found)


def change(call: Call, view: View, data: Json) -> None:
    """Put other content in a view. What was filled in stays where block and action are the same."""
    view.data, view.hash, view.errors = data, _hash(call), {}
    kept = {block["block_id"] for block in data["blocks"]}
    view.values = {id: values for id, values in view.values.items() if id in kept}
    if view.is_home:
        person = call.at.people[view.user]
        person.home, person.home_versions = data, person.home_versions + 1


@method("views.publish", json=True)
def publish(call: Call) -> Json:
    """Somebody's App Home."""
    person = call.at.people.get(call.text("user_id", needed=True))
    if person is None or person.deleted or person.is_bot:
        raise wrong("invalid `user_id`")
    data = _given(call, "home")
    if not call.at.home_tab:
        raise SlackError("not_enabled")
    view = person.home_view
    if (given := call.text("hash")) and (view is None or given != view.hash):
        raise SlackError("hash_conflict")
    _unique(call, data, view)
    if view is None:
        view = person.home_view = _new(call, person.id, data)
        view.is_home, view.root = True, view.id
    change(call, view, data)
    call.happened("home", person)
    return answer(call, view)

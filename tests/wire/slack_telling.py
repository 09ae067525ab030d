"""The operations of ``slack_control``: their register, what their arguments mean, how things are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.wire.slack_exchange import Exchange
from tests.wire.slack_model import Conversation, Json, Message, Person, Workspace
from tests.wire.slack_shapes import read, view

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

Op = Callable[["FakeSlack", Json], Awaitable[Any]]
OPS: dict[str, Op] = {}


def op(work: Op) -> Op:
    """One ``POST /_fake/NAME``."""
    OPS[work.__name__] = work
    return work


# --- what is meant -------------------------------------------------------------------------------


def the_workspace(fake: FakeSlack, body: Json) -> Workspace:
    """The workspace that is named, or the first."""
    return fake.workspaces[body["workspace"]] if body.get("workspace") else fake.workspace


def the_person(fake: FakeSlack, body: Json) -> Person:
    """``person``, by id."""
    return fake.someone(body["person"])


def the_channel(fake: FakeSlack, body: Json) -> Conversation:
    """``channel``, by id."""
    for workspace in fake.workspaces.values():
        if body["channel"] in workspace.conversations:
            return workspace.conversations[body["channel"]]
    raise KeyError(body["channel"])


def the_where(fake: FakeSlack, body: Json) -> Conversation | None:
    """The channel that is named, or None: to the app."""
    return the_channel(fake, body) if body.get("channel") else None


def the_message(fake: FakeSlack, body: Json) -> Message:
    """``message`` is a ts: in ``channel``, or else among what only ``person`` sees and got directly."""
    if body.get("channel") and body["message"] in (channel := the_channel(fake, body)).messages:
        return channel.messages[body["message"]]
    person = the_person(fake, body)
    for each in [*person.private, *fake.dms(person)]:
        if each.ts == body["message"]:
            return each
    raise KeyError(body["message"])


def the_exchange(fake: FakeSlack, body: Json) -> Exchange:
    """``exchange``, by its id."""
    return fake.exchanges[str(body["exchange"])]


def shown(message: Message) -> Json:
    """A message with what tests ask of it; ``words`` is all that is read."""
    return {
        "ts": message.ts,
        "channel": message.channel.id,
        "thread": message.thread,
        "user": message.user,
        "text": message.text,
        "words": read(message),
        "blocks": message.blocks,
        "metadata": message.metadata,
        "only_for": message.only_for,
        "edited": message.edited,
        "deleted": message.deleted,
    }


def told(exchange: Exchange) -> Json:
    """What somebody sees of what they did; ``latency`` and ``viewed`` in real seconds."""
    opened = exchange.opened
    return {
        "exchange": exchange.id,
        "what": exchange.what,
        "acks": exchange.acks,
        "latency": exchange.latency if exchange.answered else None,
        "viewed": exchange.viewed - exchange.sent if exchange.viewed else None,
        "failed": exchange.failed,
        "trouble": exchange.trouble,
        "lost": exchange.lost,
        "errors": dict(exchange.errors),
        "edits": exchange.edits,
        "view": view(exchange.workspace, opened, exchange.fake.app_id) if opened else None,
        "messages": [shown(each) for each in exchange.messages],
    }

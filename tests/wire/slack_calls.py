"""A call of the Web API as a method sees it: its arguments, who calls, what they may see.

A method is a plain function of a ``Call``: what it changes is changed at once, or not at all. The
families (``slack_web_chat``, …) add theirs with ``@method(…)``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tests.wire.slack_model import Conversation, Json, Person, SlackError, Workspace

if TYPE_CHECKING:
    from tests.wire.slack_web import SlackWeb

Handler = Callable[["Call"], Json]
Kind = Literal["bot", "app", "none"]


@dataclass(frozen=True)
class Method:
    """A method: its name, its handler, one scope it needs (any of them is enough when several are named).

    ``kind`` is the token it takes; ``json`` whether it reads a JSON body (Slack: only writing methods do).
    """

    name: str
    handler: Handler
    scopes: tuple[str, ...] = ()
    kind: Kind = "bot"
    json: bool = False


METHODS: dict[str, Method] = {}


def method(name: str, *scopes: str, kind: Kind = "bot", json: bool = False) -> Callable[[Handler], Handler]:
    """Add a method."""

    def add(handler: Handler) -> Handler:
        METHODS[name] = Method(name, handler, scopes, kind, json)
        return handler

    return add


def wrong(problem: str) -> SlackError:
    """invalid_arguments, with what is wrong."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {problem}"]})


@dataclass
class Call:
    """One call as its handler sees it. ``args`` are strings when they came by form, else JSON."""

    web: SlackWeb
    method: Method
    args: Mapping[str, Any]
    token: str
    at: Workspace = field(repr=False)

    @property
    def now(self) -> datetime:
        """The fake's time."""
        return self.web.clock.now()

    def text(self, name: str, *, needed: bool = False) -> str:
        """A string, "" when it was not given; numbers are taken as Slack takes them."""
        value = self.args.get(name)
        if isinstance(value, bool | list | dict):
            raise wrong(f"must provide a string [json-pointer:/{name}]")
        if needed and value in (None, ""):
            raise wrong(f"missing required field: {name}")
        return "" if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean: true, "true" or "1"."""
        value = self.args.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between limits; invalid_limit or invalid_arguments when it is not."""
        value = self.args.get(name)
        if value in (None, ""):
            return default
        if not isinstance(value, int | str) or not str(value).isdigit() or not least <= int(value) <= most:
            raise SlackError("invalid_limit") if name == "limit" else wrong(f"invalid {name}")
        return int(value)

    def json(self, name: str, error: str = "invalid_arguments") -> Any:
        """A nested argument: JSON, or JSON in a string; None when it was not given or is empty."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None

    def names(self, name: str) -> list[str]:
        """Ids, as a list or with commas."""
        value = self.args.get(name)
        given = value if isinstance(value, list) else str(value or "").split(",")
        return [str(each).strip() for each in given if str(each).strip()]

    def need(self, *scopes: str) -> None:
        """missing_scope unless the token has one of these."""
        if not self.at.scopes.intersection(scopes):
            provided = ",".join(sorted(self.at.scopes))
            raise SlackError("missing_scope", needed=",".join(scopes), provided=provided)

    def person(self, id: str, error: str = "user_not_found") -> Person:
        """Somebody of the workspace."""
        found = self.at.people.get(id) or (self.at.bot if id == self.at.bot.id else None)
        if found is None:
            raise SlackError(error)
        return found

    def channel(self, id: str, *, member: bool = True) -> Conversation:
        """A conversation that the bot can see: channel_not_found; not_in_channel when ``member``."""
        found = self.at.conversations.get(id)
        if found is None or found.deleted:
            raise SlackError("channel_not_found")
        if self.at.bot.id not in found.members:
            if found.kind != "public":
                raise SlackError("channel_not_found")
            if member:
                raise SlackError("not_in_channel")
        return found

    def cursor(self) -> str:
        """What ``cursor_of`` made the cursor of this call of; "" when it has none."""
        if not (cursor := self.text("cursor")):
            return ""
        try:
            what, _, where = base64.b64decode(cursor, validate=True).decode().partition(":")
        except ValueError:
            raise SlackError("invalid_cursor") from None
        if what != "next" or not where.replace(".", "", 1).isdigit():
            raise SlackError("invalid_cursor")
        return where

    def page(self, items: int, limit: int) -> tuple[int, int, str]:
        """Where the page asked for begins and ends, and the cursor of the next ("" when it is the last)."""
        start = int(self.cursor().partition(".")[0] or 0)
        end = min(items, start + limit)
        return start, end, cursor_of(end) if end < items else ""

    def happened(self, what: str, about: Any) -> None:
        """Tell whoever listens."""
        self.web.happened(what, self.at, about)


def cursor_of(number: int | str) -> str:
    """A cursor, as opaque as Slack's."""
    return base64.b64encode(f"next:{number}".encode()).decode()


def paged(out: Json, cursor: str) -> Json:
    """An answer with the cursor of what comes next."""
    return out | {"response_metadata": {"next_cursor": cursor}}


@dataclass
class Grant:
    """A code of OAuth: what somebody agreed to, for ten minutes, once."""

    workspace: Workspace
    user: str
    scopes: set[str]
    redirect_uri: str
    until: datetime
    used: bool = False

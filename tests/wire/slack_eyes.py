"""Whose eyes what the app does comes before: which exchange a modal, an answer or a change belongs to."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.wire.slack_exchange import Exchange
from tests.wire.slack_model import Hook, Message, View, Workspace

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

REMEMBERED = 20
"""The latest things that somebody did among which an answer's exchange is looked for."""


class Eyes:
    """Sees what the app does, and tells the exchange that it answers (see ``Exchange``)."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake = fake
        self._recent: dict[str, deque[Exchange]] = {}  # by person
        self._by_hook: dict[str, Exchange] = {}
        self._on: dict[tuple[str, str], Exchange] = {}  # the latest on a message
        self._opened_by: dict[str, Exchange] = {}  # by view

    # --- what people did -------------------------------------------------------------------------

    def did(self, exchange: Exchange) -> None:
        """Somebody did something that the app may answer."""
        self._fake.exchanges[exchange.id] = exchange
        self._recent.setdefault(exchange.person.id, deque(maxlen=REMEMBERED)).append(exchange)

    def hooked(self, hook: Hook, exchange: Exchange) -> None:
        """This is the exchange's response_url."""
        self._by_hook[hook.url] = exchange

    def pressed(self, message: Message, exchange: Exchange) -> None:
        """It was on this message."""
        self._on[message.channel.id, message.ts] = exchange

    def opener(self, view: View) -> Exchange | None:
        """The exchange from which a modal, or the first one under it, opened."""
        return self._opened_by.get(view.root or view.id)

    def opened(self, view: View, exchange: Exchange) -> None:
        """A modal opened from it, or changed at once."""
        self._opened_by.setdefault(view.id, exchange)
        exchange.shows(view)

    # --- what the app does -----------------------------------------------------------------------

    def _whose(self, person: str, hook: Hook | None) -> Exchange | None:
        recent = self._recent.get(person)
        if hook is None:
            return recent[-1] if recent else None
        owner = self._by_hook[hook.url]
        for each in reversed(recent or ()):
            if each is owner or (each.root is owner.root and each.origin is not None):
                return each
        return owner

    def answered(self, workspace: Workspace, person: str, message: Message, hook: Hook | None) -> None:
        """Something was said to somebody privately, or through a response_url."""
        if exchange := self._whose(person, hook):
            exchange.says(message)
        if not message.only_for and self._fake.echoes:
            self._fake.news.written(workspace, message)

    def changed(self, workspace: Workspace, person: str, message: Message, hook: Hook | None) -> None:
        """A message was changed or deleted through a response_url."""
        if exchange := self._whose(person, hook):
            private = bool(message.only_for) or message.channel.kind == "im"
            exchange.changes(message, answers=private and not message.deleted)

    def happened(self, what: str, workspace: Workspace, about: Any) -> None:
        """What the Web API did (see ``SlackWeb.listeners``)."""
        match what:
            case "ephemeral":
                self.answered(workspace, about.only_for, about, None)
            case "message":
                self._posted(workspace, about)
            case "message_changed" | "message_deleted":
                if exchange := self._on.get((about.channel.id, about.ts)):
                    private = about.channel.kind == "im" and not about.deleted
                    exchange.changes(about, answers=private)
                if self._fake.echoes:
                    self._fake.news.changed(workspace, about, what)
            case "view":
                self._viewed(workspace, about)
            case "uninstalled" | "revoked":
                self._fake.news.ended(workspace, uninstalled=what == "uninstalled")
            case _:
                pass
        self._fake.wake()

    def _posted(self, workspace: Workspace, message: Message) -> None:
        if message.channel.kind == "im" and not message.metadata:
            for person in message.channel.members - {workspace.bot.id}:
                if exchange := self._whose(person, None):
                    exchange.says(message)
        if self._fake.echoes:
            self._fake.news.written(workspace, message)

    def _viewed(self, workspace: Workspace, view: View) -> None:
        for exchange in reversed(self._recent.get(view.user, ())):
            if exchange.opened is view:
                exchange.shows(view)
                return
            trigger = workspace.triggers.get(exchange.trigger)
            if trigger is not None and trigger.used and exchange.opened is None:
                self.opened(view, exchange)
                return

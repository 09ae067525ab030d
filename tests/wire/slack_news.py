"""Events: what the app is told of without anybody having asked it for something (docs: Events API)."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from tests.wire.slack_exchange import Exchange
from tests.wire.slack_lines import Delivery
from tests.wire.slack_model import Conversation, Json, Message, Workspace
from tests.wire.slack_payloads import Payloads

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack


class News:
    """Tells the app of what it subscribed to, where it is a member and may read."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake, self.payloads = fake, Payloads(fake)

    def written(self, workspace: Workspace, message: Message, exchange: Exchange | None = None) -> None:
        """The message event of something that was written."""
        event = self.payloads.written(workspace, message)
        if not message.bot_id:
            event["client_msg_id"] = f"{token_hex(4)}-{token_hex(2)}-{token_hex(2)}-{token_hex(6)}"
        self._message_event(workspace, message.channel, event, exchange)

    def changed(self, workspace: Workspace, message: Message, subtype: str) -> None:
        """message_changed or message_deleted."""
        event = self.payloads.changed(workspace, message, subtype)
        self._message_event(workspace, message.channel, event, None)

    def _message_event(
        self, workspace: Workspace, channel: Conversation, event: Json, exchange: Exchange | None
    ) -> None:
        family = {"public": "channels", "private": "groups"}.get(channel.kind, channel.kind)
        may = workspace.installed and f"{family}:history" in workspace.scopes
        if may and workspace.bot.id in channel.members:
            self.event(workspace, f"message.{family}", event, channel=channel, exchange=exchange)

    def event(
        self,
        workspace: Workspace,
        name: str,
        event: Json,
        *,
        channel: Conversation | None = None,
        exchange: Exchange | None = None,
    ) -> str:
        """Tell the app about an event that it subscribed to by ``name``; its event_id, "" if it did not."""
        if name not in self._fake.events:
            return ""
        payload = self.payloads.event(workspace, event, channel)
        if exchange is not None:
            exchange.event_id = payload["event_id"]
            exchange.payload = payload
            self._fake.exchanges[exchange.id] = exchange
        self._fake.deliver(Delivery("events_api", payload, exchange))
        return payload["event_id"]

    def ended(self, workspace: Workspace, *, uninstalled: bool) -> None:
        """tokens_revoked, and app_uninstalled when it was; Slack promises no order."""
        tokens = {"oauth": list[str](), "bot": [workspace.bot.id]}
        stamp = workspace.ts(self._fake.now())
        revoked: Json = {"type": "tokens_revoked", "tokens": tokens, "event_ts": stamp}
        self.event(workspace, "tokens_revoked", revoked)
        if uninstalled:
            self.event(workspace, "app_uninstalled", {"type": "app_uninstalled", "event_ts": stamp})

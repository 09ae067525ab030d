"""Whole payloads: a slash command, a press, a handed-in or closed modal, a shortcut, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire import slack_shapes as shape
from tests.wire.slack_model import Conversation, Json, Message, Person, View, Workspace

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack


class Payloads:
    """Makes what the app is sent (docs: interaction payloads, slash commands, Events API)."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake = fake

    def _about(self, workspace: Workspace, person: Person) -> Json:
        return {
            "team": shape.team(workspace),
            "user": shape.user(workspace, person),
            "api_app_id": self._fake.app_id,
            "token": shape.VERIFICATION_TOKEN,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _ts(self, workspace: Workspace) -> str:
        return workspace.ts(self._fake.now())

    def command(
        self, workspace: Workspace, person: Person, channel: Conversation, name: str, text: str
    ) -> Json:
        """A slash command; response_url and trigger_id are added by who sends it."""
        return {
            "token": shape.VERIFICATION_TOKEN,
            "team_id": workspace.id,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": shape.channel_name(channel),
            "user_id": person.id,
            "user_name": person.name,
            "command": name,
            "text": shape.escaped(text),
            "api_app_id": self._fake.app_id,
            "is_enterprise_install": "false",
        }

    def on_message(
        self, workspace: Workspace, person: Person, message: Message, action: Json, values: Json
    ) -> Json:
        """block_actions on a message. The message itself is there unless it is ephemeral."""
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel.id,
            "is_ephemeral": bool(message.only_for),
        }
        if message.thread:
            container["thread_ts"] = message.thread
        out: Json = {"type": "block_actions"} | self._about(workspace, person)
        out |= {"container": container, "channel": shape.channel(message.channel)}
        if not message.only_for:
            out["message"] = shape.message(workspace, message, self._fake.app_id)
        return out | {"state": {"values": values}, "actions": [action | {"action_ts": self._ts(workspace)}]}

    def on_view(self, workspace: Workspace, person: Person, view: View, action: Json) -> Json:
        """block_actions on a modal or an App Home: no channel, no response_url."""
        return (
            {"type": "block_actions"}
            | self._about(workspace, person)
            | {
                "container": {"type": "view", "view_id": view.id},
                "view": shape.view(workspace, view, self._fake.app_id),
                "actions": [action | {"action_ts": self._ts(workspace)}],
            }
        )

    def submission(self, workspace: Workspace, person: Person, view: View, values: Json) -> Json:
        """view_submission."""
        shown = shape.view(workspace, view, self._fake.app_id, values)
        return (
            {"type": "view_submission"}
            | self._about(workspace, person)
            | {"view": shown, "response_urls": []}
        )

    def closed(self, workspace: Workspace, person: Person, view: View, cleared: bool) -> Json:
        """view_closed; there is no trigger in it."""
        shown = shape.view(workspace, view, self._fake.app_id)
        return (
            {"type": "view_closed"} | self._about(workspace, person) | {"view": shown, "is_cleared": cleared}
        )

    def shortcut(self, workspace: Workspace, person: Person, callback_id: str) -> Json:
        """A global shortcut: no channel."""
        out = self._about(workspace, person) | {"callback_id": callback_id}
        del out["api_app_id"]
        return {"type": "shortcut", "action_ts": self._ts(workspace)} | out

    def message_shortcut(
        self, workspace: Workspace, person: Person, message: Message, callback_id: str
    ) -> Json:
        """A shortcut on a message."""
        out = self._about(workspace, person)
        del out["api_app_id"]
        return (
            {"type": "message_action", "action_ts": self._ts(workspace), "callback_id": callback_id}
            | out
            | {
                "channel": shape.channel(message.channel),
                "message_ts": message.ts,
                "message": shape.message(workspace, message, self._fake.app_id),
            }
        )

    def event(self, workspace: Workspace, event: Json, channel: Conversation | None = None) -> Json:
        """event_callback around an event."""
        id = workspace.id_of("Ev")
        out: Json = {
            "token": shape.VERIFICATION_TOKEN,
            "team_id": workspace.id,
            "context_team_id": workspace.id,
            "context_enterprise_id": None,
            "api_app_id": self._fake.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": id,
            "event_time": int(self._fake.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.id,
                    "user_id": workspace.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        if channel is not None:
            out["event_context"] = f"4-{id}"
        return out

    def written(self, workspace: Workspace, message: Message) -> Json:
        """The message event of something that was written, by a person or by the app."""
        out = shape.message(workspace, message, self._fake.app_id)
        out |= {
            "channel": message.channel.id,
            "event_ts": message.ts,
            "channel_type": shape.channel_type(message.channel),
        }
        if message.bot_id:
            out["bot_profile"] = {
                "id": message.bot_id,
                "app_id": self._fake.app_id,
                "name": workspace.bot.name,
                "team_id": workspace.id,
                "deleted": False,
            }
        return out

    def changed(self, workspace: Workspace, message: Message, subtype: str) -> Json:
        """message_changed or message_deleted."""
        ts = self._ts(workspace)
        was = shape.message(workspace, message, self._fake.app_id)
        out: Json = {"type": "message", "subtype": subtype, "hidden": True, "channel": message.channel.id}
        out |= {"ts": ts, "event_ts": ts, "channel_type": shape.channel_type(message.channel)}
        if subtype == "message_changed":
            return out | {"message": was, "previous_message": was}
        return out | {"deleted_ts": message.ts, "previous_message": was}

    def home_opened(self, workspace: Workspace, person: Person, tab: str) -> Json:
        """app_home_opened; the view is there when one was published."""
        out: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": workspace.direct(person.id).id,
            "tab": tab,
            "event_ts": self._ts(workspace),
        }
        if tab == "home" and person.home_view is not None:
            out["view"] = shape.view(workspace, person.home_view, self._fake.app_id)
        return out

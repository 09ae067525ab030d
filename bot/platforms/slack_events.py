"""What Slack sends, as the seam's events.

A payload says who, where and with which trigger; who somebody is (name, zone, rights) is looked up later
(``slack_who``), after the ack. So a payload is first read into ``Asked``, which needs nobody, and fails with
``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` when it is not what Slack documents
(https://docs.slack.dev/reference/interaction-payloads/). What people write in messages is never read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.chat import Kind, Message, Place
from bot.platforms.slack_forms import Origin, submitted
from bot.ui import split_custom_id

Json = dict[str, Any]

PLATFORM = "slack"
SPOKEN = ("", "thread_broadcast", "file_share")  # subtypes of messages that a person wrote


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody did, before anybody looked up who they are.

    ``trigger`` opens one form, for three seconds; ``origin`` says where a private answer goes; ``private``:
    only this person sees the card that was pressed on; ``home``: it sits on their App Home.
    """

    id: str
    kind: Kind
    name: str
    team: str
    user: str
    place: Place
    arg: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    message: Message | None = None
    trigger: str = ""
    origin: Origin = field(default_factory=Origin)
    private: bool = False
    unasked: bool = False

    @property
    def home(self) -> bool:
        """Whether it was done on the App Home, where there is no channel to answer in."""
        return self.origin.home


# -- commands, buttons, forms, shortcuts -----------------------------------------------------------


def command(body: Json, at: int, prefix: str = "") -> Asked:
    """A slash command with the words typed after it; ``at`` is now, in seconds since 1970."""
    name = str(body["command"]).removeprefix("/").removeprefix(prefix)
    team, channel = str(body["team_id"]), str(body["channel_id"])
    return Asked(
        str(body["trigger_id"]),
        Kind.COMMAND,
        name,
        team,
        str(body["user_id"]),
        Place(PLATFORM, team, channel),
        arg=_typed(str(body.get("text") or "")).strip(),
        trigger=str(body["trigger_id"]),
        origin=Origin(channel=channel, response_url=str(body.get("response_url") or ""), at=at),
    )


def _typed(text: str) -> str:
    """What somebody typed: Slack sends & < > as entities (docs: formatting message text)."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def press(body: Json, at: int) -> Asked | None:
    """A button of ours; None for what only leads elsewhere (a link) or is no button."""
    action: Json = body["actions"][0]
    if action["type"] != "button" or action.get("url") or ":" not in str(action["action_id"]):
        return None
    name, arg = split_custom_id(str(action["action_id"]))
    team, container = _team(body), body["container"]
    home = container["type"] == "view"
    channel = "" if home else str(container["channel_id"])
    thread, ts = _thread(container | _threaded(body)), str(container.get("message_ts") or "")
    place = Place(PLATFORM, team, channel, thread)
    return Asked(
        str(body["trigger_id"]),
        Kind.PRESS,
        name,
        team,
        str(body["user"]["id"]),
        place,
        arg=arg,
        message=Message(place, ts) if ts else None,
        trigger=str(body["trigger_id"]),
        origin=Origin(
            channel=channel,
            thread=thread,
            response_url=str(body.get("response_url") or ""),
            at=at,
            home=home,
        ),
        private=home or bool(container.get("is_ephemeral")) or channel.startswith("D"),
    )


def shortcut(body: Json, at: int) -> Asked | None:
    """A global shortcut, or one on a message (which becomes ``Event.message``)."""
    sort, _, name = str(body["callback_id"]).partition(":")
    if sort not in ("shortcut", "message") or not name:
        return None
    team = _team(body)
    channel, thread, message = "", "", None
    if body["type"] == "message_action":
        channel = str(body["channel"]["id"])
        on: Json = body["message"]
        ts = str(body.get("message_ts") or on["ts"])
        thread = _thread({"message_ts": ts, "thread_ts": on.get("thread_ts")})
        message = Message(Place(PLATFORM, team, channel, thread), ts)
    return Asked(
        str(body["trigger_id"]),
        Kind.COMMAND,
        name,
        team,
        str(body["user"]["id"]),
        Place(PLATFORM, team, channel, thread),
        message=message,
        trigger=str(body["trigger_id"]),
        origin=Origin(
            channel=channel, thread=thread, response_url=str(body.get("response_url") or ""), at=at
        ),
    )


def submit(body: Json, at: int) -> Asked:
    """A form that was handed in; where it was opened stands in its ``private_metadata``.

    Its id is the modal's: whose ack is lost hands the same one in again, with a trigger of its own, and one
    modal is taken once. Its trigger tells one time from another.
    """
    view: Json = body["view"]
    team, origin = _team(body), Origin.load(str(view.get("private_metadata") or ""))
    return Asked(
        f"view:{team}/{view['id']}",
        Kind.SUBMIT,
        str(view["callback_id"]),
        team,
        str(body["user"]["id"]),
        Place(PLATFORM, team, origin.channel, origin.thread),
        arg=origin.arg,
        values=submitted(view),
        trigger=str(body.get("trigger_id") or _digest(view)),
        origin=origin,
    )


def suggestion(body: Json, at: int) -> tuple[Asked, str]:
    """What is typed into a list that asks for completions, and the name of its field."""
    view: Json = body.get("view") or {}
    on: Json = body.get("channel") or {}
    team, channel = _team(body), str(on.get("id") or "")
    asked = Asked(
        "",
        Kind.COMMAND,
        str(view.get("callback_id") or ""),
        team,
        str(body["user"]["id"]),
        Place(PLATFORM, team, channel),
        arg=str(body.get("value") or ""),
    )
    return asked, str(body["block_id"])


# -- events ----------------------------------------------------------------------------------------


def spoken(body: Json, at: int) -> Asked | None:
    """A person's message in a thread; None for all others. What it says is not taken over.

    Whether the thread is ours the caller compares: the parent's author is in ``arg``.
    """
    said: Json = body["event"]
    parent, user = str(said.get("parent_user_id") or ""), str(said.get("user") or "")
    of_a_person = user and not said.get("bot_id") and str(said.get("subtype") or "") in SPOKEN
    if not (of_a_person and parent and said.get("thread_ts")):
        return None
    team = str(body["team_id"])
    place = Place(PLATFORM, team, str(said["channel"]), str(said["thread_ts"]))
    return Asked(
        str(body["event_id"]),
        Kind.REPLY,
        "reply",
        team,
        user,
        place,
        arg=parent,
        message=Message(place, str(said["ts"])),
    )


def home_opened(body: Json, at: int) -> Asked | None:
    """Somebody looks at their App Home; None for the bot's other tab (messages)."""
    event: Json = body["event"]
    if event.get("tab") != "home":
        return None
    return at_home(str(body["team_id"]), str(event["user"]), str(body["event_id"]))


def at_home(team: str, user: str, id: str, *, unasked: bool = False) -> Asked:
    """The ``home`` command, as if typed on the App Home; ``unasked``: to keep it current."""
    return Asked(
        id,
        Kind.COMMAND,
        "home",
        team,
        user,
        Place(PLATFORM, team, ""),
        origin=Origin(home=True),
        private=True,
        unasked=unasked,
    )


def ended(body: Json) -> str:
    """The workspace in which the bot's installation is over; empty if only a person's own token is."""
    event: Json = body["event"]
    tokens: Json = event.get("tokens") or {}
    over = event["type"] == "app_uninstalled" or tokens.get("bot")
    return str(body["team_id"]) if over else ""


# -- small parts -----------------------------------------------------------------------------------


def _team(body: Json) -> str:
    """The workspace: the one the app is installed in; of an organisation's install, the person's own."""
    team: Json | None = body.get("team")
    return str(team["id"] if team else body["user"]["team_id"])


def _threaded(body: Json) -> Json:
    """The thread of the message that was pressed on, where the container does not say it."""
    message: Json = body.get("message") or {}
    return {"thread_ts": message.get("thread_ts") or body["container"].get("thread_ts")}


def _thread(of: Json) -> str:
    """The thread a message stands in; a message that opens a thread stands in its channel."""
    thread = str(of.get("thread_ts") or "")
    return "" if thread == str(of.get("message_ts") or "") else thread


def _digest(view: Json) -> str:
    """In place of a trigger, for a submission without one: the same view with the same answers."""
    told = json.dumps([view["id"], view.get("hash"), view.get("state")], sort_keys=True)
    return "view:" + hashlib.sha256(told.encode()).hexdigest()[:32]

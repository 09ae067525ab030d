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
from typing import Any, cast

from bot.chat import Kind, Message, Place
from bot.platforms.slack_forms import Origin, submitted
from bot.ui import split_custom_id

Json = dict[str, Any]

PLATFORM = "slack"
SPOKEN = ("", "thread_broadcast", "file_share", "me_message")  # subtypes of messages that a person wrote


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
    team, channel = _team(body), str(body.get("channel_id") or "")
    return Asked(
        _once(body),
        Kind.COMMAND,
        name,
        team,
        str(body["user_id"]),
        Place(PLATFORM, team, channel),
        arg=_typed(str(body.get("text") or "")).strip(),
        trigger=_trigger(body),
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
    team, container = _team(body), _container(body)
    home = container["type"] == "view"
    channel = "" if home else str(container["channel_id"])
    thread, ts = _thread(container), str(container.get("message_ts") or "")
    place = Place(PLATFORM, team, channel, thread)
    return Asked(
        _once(body),
        Kind.PRESS,
        name,
        team,
        str(body["user"]["id"]),
        place,
        arg=arg,
        message=Message(place, ts) if ts else None,
        trigger=_trigger(body),
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
        _once(body),
        Kind.COMMAND,
        name,
        team,
        str(body["user"]["id"]),
        Place(PLATFORM, team, channel, thread),
        message=message,
        trigger=_trigger(body),
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
        trigger=_trigger(body) or _digest([view["id"], view.get("hash"), view.get("state")]),
        origin=origin,
    )


# -- events ----------------------------------------------------------------------------------------


def spoken(body: Json, at: int) -> Asked | None:
    """A person's message in a thread, or to the bot itself; None for all others. What it says is not taken.

    Whether a thread is ours the caller compares: the parent's author is in ``arg``, empty if not told.
    """
    said: Json = body["event"]
    parent, user = str(said.get("parent_user_id") or ""), str(said.get("user") or "")
    of_a_person = user and not said.get("bot_id") and str(said.get("subtype") or "") in SPOKEN
    within, ts, channel = str(said.get("thread_ts") or ""), str(said["ts"]), str(said["channel"])
    within = "" if within == ts else within
    direct = said.get("channel_type") == "im" or channel.startswith("D")  # not every subtype tells its type
    if not of_a_person or not (within or direct):
        return None
    team = _where(body)
    place = Place(PLATFORM, team, channel, within)
    return Asked(
        str(body.get("event_id") or f"message:{team}/{channel}/{ts}"),
        Kind.DIRECT if direct else Kind.REPLY,
        "direct" if direct else "reply",
        team,
        user,
        place,
        arg="" if direct else parent,
        message=Message(place, ts),
        origin=Origin(channel=channel, thread=within, at=at),
        private=direct,
    )


def home_opened(body: Json, at: int) -> Asked | None:
    """Somebody looks at their App Home; None for the bot's other tab (messages)."""
    event: Json = body["event"]
    if event.get("tab", "home") != "home":
        return None
    return at_home(_where(body), str(event["user"]), str(body.get("event_id") or _digest(event)))


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
    return _where(body) if over else ""


# -- small parts -----------------------------------------------------------------------------------


def _team(body: Json) -> str:
    """The workspace that the app is installed in, of an interaction.

    A modal that somebody of another organisation handed in (Slack Connect) names it in the view: ``team`` is
    their own then. With an installation for a whole organisation ``team`` is null.
    """
    view, team, user = (body.get(name) for name in ("view", "team", "user"))
    named = (
        _word(view, "app_installed_team_id"),
        team if isinstance(team, str) else _word(team, "id"),
        _word(body, "team_id"),
        _word(user, "team_id"),
        _word(view, "team_id"),
    )
    found = next((each for each in named if each), "")
    if not found:
        raise KeyError("team")
    return found


def _where(body: Json) -> str:
    """The workspace that the app is installed in, of an event. In a channel shared with other organisations
    ``team_id`` may be another's; ``authorizations`` names one that the app is installed in.
    """
    given = body.get("authorizations")
    first = cast("list[object]", given)[0] if isinstance(given, list) and given else None
    return _word(first, "team_id") or str(body["team_id"])


def _word(of: object, name: str) -> str:
    """A text in an object; empty where it is none."""
    value = cast(Json, of).get(name) if isinstance(of, dict) else None
    return value if isinstance(value, str) else ""


def _trigger(body: Json) -> str:
    return str(body.get("trigger_id") or "")


_TELLING = (
    *("trigger_id", "response_url", "team", "team_id", "user", "user_id", "channel", "channel_id"),
    *("command", "text", "actions", "callback_id", "message_ts"),
)


def _once(body: Json) -> str:
    """What tells this from all others, and is the same when it is delivered again.

    A trigger_id would do on Slack itself; not all that speaks like Slack has a new one each time.
    """
    return _digest([body.get(name) for name in _TELLING])


def _container(body: Json) -> Json:
    """What the button sits on, with its thread; put together where ``container`` does not say all of it."""
    told: Json = body.get("container") or {}
    message: Json = body.get("message") or {}
    channel: Json = body.get("channel") or {}
    on_view = body.get("view") and not (message or channel)
    return {
        "type": told.get("type") or ("view" if on_view else "message"),
        "channel_id": told.get("channel_id") or channel.get("id") or "",
        "message_ts": told.get("message_ts") or message.get("ts") or body.get("message_ts") or "",
        "thread_ts": message.get("thread_ts") or told.get("thread_ts"),
        "is_ephemeral": told.get("is_ephemeral") or message.get("is_ephemeral"),
    }


def _thread(of: Json) -> str:
    """The thread a message stands in; a message that opens a thread stands in its channel."""
    thread = str(of.get("thread_ts") or "")
    return "" if thread == str(of.get("message_ts") or "") else thread


def _digest(told: object) -> str:
    """In place of an id, for what has none: the same for the same payload."""
    return "told:" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]

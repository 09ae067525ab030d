"""Writing: chat.postMessage, postEphemeral, update, delete, getPermalink."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.wire.slack_blocks import check_message, filled
from tests.wire.slack_calls import Call, method
from tests.wire.slack_model import Conversation, Json, Message, SlackError

METADATA_LIMIT = 8_000
"""Characters of metadata as JSON; Slack answers metadata_too_large at a size it does not publish."""

_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,255}")


def content(call: Call) -> tuple[str, list[Json] | None]:
    """Text and blocks (None: not given) of a call, checked."""
    blocks: Any = call.json("blocks", "invalid_blocks_format")
    text = call.text("text")
    attachments = call.json("attachments", "invalid_attachments")
    if attachments and not blocks and not text:
        raise SlackError("invalid_attachments")
    check_message(blocks, text, usable=call.at.shows)
    return text, None if blocks is None else filled(blocks)


def metadata(call: Call) -> Json | None:
    """The metadata of a call, checked; None when it has none, {} when it is to be removed."""
    given: Any = call.json("metadata", "invalid_metadata_format")
    if given is None or given == {}:
        return given
    if not isinstance(given, dict):
        raise SlackError("invalid_metadata_format")
    kind, payload = given.get("event_type"), given.get("event_payload")
    if set(given) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(kind, str) or not _EVENT_TYPE.fullmatch(kind) or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(given)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")
    return given


def to_post_in(call: Call, id: str) -> Conversation:
    """Where a message goes: a channel, or the direct conversation of a person."""
    if id[:1] in ("U", "W"):
        person = call.person(id, "channel_not_found")
        if person.is_bot or not person.takes_messages:
            raise SlackError("cannot_dm_bot")
        if not call.at.messages_tab:
            raise SlackError("messages_tab_disabled")
        return call.at.direct(id)
    found = call.channel(id, member=False)
    public = found.kind == "public" and "chat:write.public" in call.at.scopes
    if call.at.bot.id not in found.members and not public:
        raise SlackError("not_in_channel")
    if found.kind == "im":
        if not call.at.messages_tab:
            raise SlackError("messages_tab_disabled")
        others = [call.at.people[each] for each in found.members if each in call.at.people]
        if any(not each.takes_messages for each in others):
            raise SlackError("cannot_dm_bot")
    if found.archived:
        raise SlackError("is_archived")
    if found.read_only:
        raise SlackError("restricted_action")
    return found


def thread_of(call: Call, channel: Conversation) -> str:
    """The thread a message goes to; thread_not_found when that is no message, or itself a reply."""
    ts = call.text("thread_ts")
    if ts:
        parent = channel.messages.get(ts)
        if parent is None or (parent.deleted and not parent.replies) or parent.thread:
            raise SlackError("thread_not_found")
    return ts


def shown(of: Message, call: Call, *, with_metadata: bool = False) -> Json:
    """A message as history and answers hold it."""
    if of.deleted:
        gone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": of.ts, "hidden": True}
        return gone | {"text": "This message was deleted."} | _threaded(of)
    out: Json = {"type": "message", "user": of.user, "ts": of.ts, "text": of.text, "team": call.at.id}
    if of.bot_id:
        out |= {"bot_id": of.bot_id, "app_id": call.web.app_id}
    if of.blocks:
        out["blocks"] = of.blocks
    if of.broadcast:
        out["subtype"] = "thread_broadcast"
    if of.files:
        out |= {"subtype": "file_share", "files": [{"id": each} for each in of.files]}
    if of.edited:
        out["edited"] = {"user": of.user, "ts": of.edited}
    if of.metadata and with_metadata:
        out["metadata"] = of.metadata
    return out | _threaded(of)


def _threaded(of: Message) -> Json:
    if of.thread:
        parent = of.channel.messages.get(of.thread)
        return {"thread_ts": of.thread, "parent_user_id": parent.user if parent else ""}
    if not of.replies:
        return {}
    replies = [each for each in of.channel.threads.get(of.ts, []) if not each.deleted]
    people = list(dict.fromkeys(each.user for each in replies))
    return {
        "thread_ts": of.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "reply_users": people[:5],
        "latest_reply": replies[-1].ts if replies else of.ts,
        "is_locked": False,
        "subscribed": False,
    }


@method("chat.postMessage", "chat:write", json=True)
def post_message(call: Call) -> Json:
    """Post; the answer has the message."""
    id = call.text("channel", needed=True)
    channel = to_post_in(call, id)
    text, blocks = content(call)
    made = Message(
        channel,
        "",
        call.at.bot.id,
        text,
        blocks or [],
        thread=thread_of(call, channel),
        metadata=metadata(call) or None,
        bot_id=call.at.bot_id,
        broadcast=call.flag("reply_broadcast") and bool(call.text("thread_ts")),
        raw=dict(call.args),
    )
    made.ts = call.at.ts(call.now)
    channel.add(made)
    call.happened("message", made)
    return {"channel": channel.id, "ts": made.ts, "message": shown(made, call, with_metadata=True)}


@method("chat.postEphemeral", "chat:write", json=True)
def post_ephemeral(call: Call) -> Json:
    """Show something to one member of a conversation; it is in no history.

    In a thread that nobody has replied in it is answered with ok and shown to nobody (docs:
    chat.postEphemeral, thread_ts: "only shown if there is already an active thread").
    """
    channel = to_post_in(call, call.text("channel", needed=True))
    user = call.text("user", needed=True)
    if user not in call.at.people or user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = content(call)
    thread = thread_of(call, channel)
    made = Message(channel, call.at.ts(call.now), call.at.bot.id, text, blocks or [], thread)
    made.bot_id, made.only_for, made.raw = call.at.bot_id, user, dict(call.args)
    if not thread or channel.messages[thread].replies:
        call.at.people[user].private.append(made)
        call.happened("ephemeral", made)
    return {"message_ts": made.ts}


def _own(call: Call, not_mine: str) -> Message:
    channel = call.channel(call.text("channel", needed=True))
    found = channel.messages.get(call.text("ts", needed=True))
    if found is None or found.deleted:
        raise SlackError("message_not_found")
    if channel.archived:
        raise SlackError("is_archived")
    if found.user != call.at.bot.id:
        raise SlackError(not_mine)
    return found


@method("chat.update", "chat:write", json=True)
def update(call: Call) -> Json:
    """Change an own message. A text without blocks takes the blocks away; metadata stays when not given.

    (docs: chat.update, arguments blocks and metadata)
    """
    message = _own(call, "cant_update_message")
    if call.args.get("text") is None and call.json("blocks", "invalid_blocks_format") is None:
        raise SlackError("no_text")
    text, blocks = content(call)
    given = metadata(call)
    message.text, message.blocks = text, blocks or []
    if given is not None:
        message.metadata = given or None
    message.edited = call.at.ts(call.now)
    message.raw = dict(call.args)
    call.happened("message_changed", message)
    shows = shown(message, call, with_metadata=True)
    return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": shows}


@method("chat.delete", "chat:write", json=True)
def delete(call: Call) -> Json:
    """Delete an own message; one with replies leaves a tombstone."""
    message = _own(call, "cant_delete_message")
    message.deleted = True
    call.happened("message_deleted", message)
    return {"channel": message.channel.id, "ts": message.ts}


@method("chat.getPermalink")
def permalink(call: Call) -> Json:
    """The address of a message."""
    channel = call.channel(call.text("channel", needed=True), member=False)
    found = channel.messages.get(call.text("message_ts", needed=True))
    if found is None or found.deleted:
        raise SlackError("message_not_found")
    link = f"{call.at.url}archives/{channel.id}/p{found.ts.replace('.', '')}"
    if found.thread:
        link += f"?thread_ts={found.thread}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}

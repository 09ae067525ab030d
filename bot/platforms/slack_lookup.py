"""Finding a message of ours by its key, before one that may stand there already is sent again.

Slack documents no idempotency key, so each message carries its key in its metadata
(https://docs.slack.dev/messaging/message-metadata), which only the conversation's history shows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from bot.platforms.slack_limits import Lane
from bot.platforms.slack_rest import Rest

Json = dict[str, Any]

EVENT_TYPE = "bounceback"
PAGE, PAGES = 200, 10  # messages; Slack recommends no more than 200 at a time


def marked(key: str) -> Json:
    """The metadata of a message that is sent for a key."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def is_of(message: Json, key: str) -> bool:
    """Whether a message was sent for a key."""
    metadata = _object(message.get("metadata"))
    return (
        metadata.get("event_type") == EVENT_TYPE and _object(metadata.get("event_payload")).get("key") == key
    )


def _object(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else {}


async def find(rest: Rest, team: str, channel: str, thread: str, key: str, lane: Lane) -> str:
    """The ts of the message of a key in a channel (or a thread of it); empty if it is not there.

    Anybody's app may write the same metadata, so only our own messages count.
    """
    me = await rest.workspace(team)
    async with aclosing(_messages(rest, team, channel, thread, lane)) as messages:
        async for each in messages:
            ours = each.get("bot_id") == me.bot_id if me.bot_id else each.get("user") == me.bot_user
            if ours and is_of(each, key):
                return str(each["ts"])
    return ""


async def _messages(rest: Rest, team: str, channel: str, thread: str, lane: Lane) -> AsyncGenerator[Json]:
    """The newest messages of a channel, or those of a thread from its beginning."""
    params: Json = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
    method = "conversations.history"
    if thread:
        method, params["ts"] = "conversations.replies", thread
    for _ in range(PAGES):
        told = await rest.call(team, method, lane, **params)
        for each in cast("list[Json]", told.get("messages") or []):
            yield each
        more = cast(Json, told.get("response_metadata") or {}).get("next_cursor")
        if not more:
            return
        params["cursor"] = more

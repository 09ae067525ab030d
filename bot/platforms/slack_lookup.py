"""Finding a message of ours by its key, before one that may stand there already is sent again.

Slack documents no idempotency key, so each message carries its key in its metadata
(https://docs.slack.dev/messaging/message-metadata), which only the conversation's history shows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from slack_sdk.errors import SlackApiError

from bot.errors import TryLater
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, code
from bot.platforms.slack_limits import Lane
from bot.platforms.slack_rest import Rest

Json = dict[str, Any]

EVENT_TYPE = "bounceback"
BAD_CURSOR = "invalid_cursor"
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


class Lookup:
    """Looks through a channel or thread; where Slack's limits cut that short, the next look goes on there.

    An app that is distributed outside Slack's Marketplace may ask for history once a minute, fifteen messages
    at a time (https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps): who
    began anew each time would never come to the second page.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._left: Recent[tuple[str, int]] = Recent(5_000)  # the next page's cursor, pages seen before it

    async def find(self, team: str, channel: str, thread: str, key: str, lane: Lane) -> str:
        """The ts of the message of a key in a channel (or a thread of it); empty if it is not there.

        Anybody's app may write the same metadata, so only our own messages count.
        """
        me = await self._rest.workspace(team)
        async with aclosing(self._messages(team, channel, thread, key, lane)) as messages:
            async for each in messages:
                ours = each.get("bot_id") == me.bot_id if me.bot_id else each.get("user") == me.bot_user
                if ours and is_of(each, key):
                    return str(each["ts"])
        return ""

    async def _messages(
        self, team: str, channel: str, thread: str, key: str, lane: Lane
    ) -> AsyncGenerator[Json]:
        """The newest messages of a channel, or those of a thread from its beginning."""
        params: Json = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
        method, here = "conversations.history", f"{team}/{channel}/{thread}/{key}"
        if thread:
            method, params["ts"] = "conversations.replies", thread
        cursor, before = self._left.get(here) or ("", 0)
        self._left.drop(here)
        for page in range(before, PAGES):
            if cursor:
                params["cursor"] = cursor
            try:
                told = await self._rest.call(team, method, lane, **params)
            except FAILURES as error:
                if isinstance(error, SlackApiError) and code(error) == BAD_CURSOR:
                    raise TryLater(BAD_CURSOR) from error  # from the beginning, then
                if cursor:
                    self._left.put(here, (cursor, page))
                raise
            for each in cast("list[Json]", told.get("messages") or []):
                yield each
            cursor = str(cast(Json, told.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

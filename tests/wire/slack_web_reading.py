"""Reading back: conversations.history and conversations.replies, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.wire.slack_calls import Call, cursor_of, method, paged
from tests.wire.slack_model import Json, Message, SlackError
from tests.wire.slack_web_chat import shown
from tests.wire.slack_web_conversations import readable

_HISTORY = {
    "public": "channels:history",
    "private": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
UNLISTED_PAGE = 15
_TS = re.compile(r"\d{1,11}(\.\d{1,6})?")


def _number(ts: str) -> tuple[int, int]:
    seconds, _, rest = ts.partition(".")
    return int(seconds), int(rest.ljust(6, "0")) if rest else 0


def _bound(call: Call, name: str) -> tuple[int, int] | None:
    given = call.text(name)
    if not given or given == "now":
        return None
    if not _TS.fullmatch(given):
        raise SlackError(f"invalid_ts_{name}")
    return _number(given)


def _window(call: Call) -> tuple[tuple[int, int] | None, tuple[int, int] | None, bool]:
    return _bound(call, "oldest"), _bound(call, "latest"), call.flag("inclusive")


def _limit(call: Call, default: int, most: int) -> int:
    asked = call.number("limit", default, 1, most)
    return min(asked, UNLISTED_PAGE) if call.web.unlisted else asked


def _page(
    call: Call, ordered: Iterable[Message], limit: int, *, newest_first: bool
) -> tuple[list[Message], str]:
    oldest, latest, inclusive = _window(call)
    begin = _number(after) if (after := call.cursor()) else None
    out: list[Message] = []
    for each in ordered:
        at = _number(each.ts)
        if begin is not None and (at > begin if newest_first else at < begin):
            continue
        if latest is not None and (at > latest or (at == latest and not inclusive)):
            if newest_first:
                continue
            break
        if oldest is not None and (at < oldest or (at == oldest and not inclusive)):
            if newest_first:
                break
            continue
        if len(out) == limit:
            return out, cursor_of(each.ts)
        out.append(each)
    return out, ""


@method("conversations.history", *_HISTORY.values())
def history(call: Call) -> Json:
    """Messages of a conversation, the newest first; replies are not among them, metadata only on demand."""
    channel = readable(call, _HISTORY, member=True)
    limit = _limit(call, 100, 999)
    of_channel = (each for each in reversed(channel.top) if not each.deleted or each.replies)
    page, cursor = _page(call, of_channel, limit, newest_first=True)
    told = call.flag("include_all_metadata")
    out: Json = {
        "messages": [shown(each, call, with_metadata=told) for each in page],
        "has_more": bool(cursor),
        "pin_count": 0,
    }
    return paged(out, cursor) if cursor else out


@method("conversations.replies", *_HISTORY.values())
def replies(call: Call) -> Json:
    """A thread: its parent, then its replies, the oldest first. Of a single message: that message."""
    channel = readable(call, _HISTORY, member=True)
    ts = call.text("ts", needed=True)
    first = channel.messages.get(ts)
    if first is None or (first.deleted and not first.replies):
        raise SlackError("thread_not_found")
    rest = [each for each in channel.threads.get(ts, []) if not each.deleted]
    page, cursor = _page(call, rest, _limit(call, 1000, 1000), newest_first=False)
    told = call.flag("include_all_metadata")
    shows = [shown(each, call, with_metadata=told) for each in (first, *page)]
    out: Json = {"messages": shows, "has_more": bool(cursor)}
    return paged(out, cursor) if cursor else out

"""Slack's refusals as the seam's errors, each code with what it means for us.

Codes stand with each method on https://docs.slack.dev/reference/methods; those that every method may answer
(``internal_error``, ``token_revoked`` …) mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable

FAILURES = (ChatError, SlackClientError, aiohttp.ClientError, OSError, TimeoutError)
"""What a call of ``slack_rest.Rest`` may raise."""

LOST, NOT_IN, ARCHIVED, SCOPE = "channel_not_found", "not_in_channel", "is_archived", "missing_scope"
RESTRICTED = "restricted_action"  # and restricted_action_read_only_channel, restricted_action_thread_locked …
OVER = frozenset({"token_revoked", "account_inactive", "invalid_auth", "token_expired", "not_authed"})
"""The token is worth nothing (any more). ``account_inactive`` may also be said of a person written to."""

LIMITED = frozenset({"ratelimited", "rate_limited"})
_NEVER = frozenset(
    {
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "user_not_visible",
        "cannot_dm_bot",
        "messages_tab_disabled",
    }
)
_GONE = frozenset(
    {
        "message_not_found",
        "thread_not_found",
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "cant_delete_message",
    }
)
NO_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"}) | {
    f"{RESTRICTED}_thread_locked",
    f"{RESTRICTED}_non_threadable_channel",
}
"""There is no thread there, or nobody may write in it; beside it they may."""

_CHANNEL = frozenset({LOST, NOT_IN, ARCHIVED, "is_inactive"})
_MEND = _CHANNEL | {
    SCOPE,
    "not_allowed_token_type",
    "no_permission",
    "access_denied",
    "accesslimited",
    "ekm_access_denied",
    "posting_to_channel_denied",
    "message_limit_exceeded",
}
_MAYBE = frozenset({"", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Slack failed, and says itself that some of it may have been done; empty: no answer of Slack's at all."""
_LATER = {  # seconds until it is worth another try
    "org_login_required": 3600.0,  # the workspace moves into an organisation
    "team_added_to_org": 600.0,
}


def told(error: SlackApiError) -> Mapping[str, Any]:
    """The answer's JSON; empty where Slack answered none."""
    response = _response(error)
    found: object = cast(object, response) if isinstance(response, dict) else getattr(response, "data", None)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def code(error: SlackApiError) -> str:
    """Slack's word for what went wrong (``channel_not_found``); empty where there was none."""
    return str(told(error).get("error") or "")


def status(error: SlackApiError) -> int:
    """The HTTP status of the answer."""
    response = _response(error)
    if isinstance(response, dict):
        return int(cast("dict[str, Any]", response).get("status", 200))
    return int(getattr(response, "status_code", None) or getattr(response, "status", 200))


def retry_after(error: SlackApiError) -> float:
    """Seconds that Slack wants us to wait; 1 where it does not say."""
    headers: Any = getattr(_response(error), "headers", None)
    return seconds(headers.get("Retry-After")) if headers else 1.0


def _response(error: SlackApiError) -> object:
    """slack_sdk's answer, aiohttp's where it was no JSON, or a dict of ours (``Rest.respond``)."""
    return error.response  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def seconds(header: object) -> float:
    """A Retry-After header as seconds; 1 where it is none."""
    try:
        return max(0.0, float(str(header)))
    except ValueError:
        return 1.0


def translated(error: Exception, *, person: bool = False) -> ChatError | None:
    """What an error of a request means; None for what is no request's error.

    ``person``: it was for somebody, so a conversation that cannot be found is theirs and no organiser's.
    """
    match error:
        case ChatError():
            return error
        case SlackApiError():
            return _refused(error, person)
        case aiohttp.ClientConnectorError():
            return TryLater("no connection")  # it was never sent
        case aiohttp.ClientError() | OSError():  # TimeoutError is an OSError
            return TryLater("connection lost", unsure=True)
        case _:
            return None


def _refused(error: SlackApiError, person: bool) -> ChatError:
    name, answered = code(error), status(error)
    if answered == 429 or name in LIMITED:
        return TryLater("rate limit", retry_after(error))
    if answered >= 500:
        return TryLater(f"Slack answers {answered}", unsure=True)
    if name in _MAYBE:
        return TryLater(name or f"no answer of Slack's, {answered}", unsure=True)
    if name in OVER or name in _NEVER or (person and name in _CHANNEL):
        return Undeliverable(name)
    if name in _GONE:
        return Gone(name)
    if name in _MEND or name.startswith(RESTRICTED):
        return Misconfigured(name)
    if name in _LATER:
        return TryLater(name, _LATER[name])
    return ChatError(name)


@asynccontextmanager
async def seam(*, person: bool = False) -> AsyncGenerator[None]:
    """Requests in here raise the seam's errors."""
    try:
        yield
    except Exception as error:
        meant = translated(error, person=person)
        if meant is None or meant is error:
            raise
        raise meant from error

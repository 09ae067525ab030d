"""Conversations: open, info, join, members, list, and those of the bot."""

from __future__ import annotations

from tests.wire.slack_calls import Call, method, paged
from tests.wire.slack_model import Conversation, Json, SlackError

_READ = {"public": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_KINDS = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
MPIM_PEOPLE = 8
"""People besides the bot in a group direct message (docs: conversations.open)."""


def described(of: Conversation, call: Call) -> Json:
    """A conversation object."""
    member = call.at.bot.id in of.members
    out: Json = {"id": of.id, "created": 1_700_000_000, "is_archived": of.archived, "is_im": of.kind == "im"}
    if of.kind == "im":
        other = next((each for each in of.members if each != call.at.bot.id), "")
        return out | {"user": other, "is_org_shared": False, "is_open": True, "priority": 0}
    return out | {
        "name": of.name,
        "name_normalized": of.name,
        "is_channel": of.kind == "public",
        "is_group": of.kind == "private",
        "is_mpim": of.kind == "mpim",
        "is_private": of.kind != "public",
        "is_general": False,
        "is_shared": False,
        "is_ext_shared": False,
        "is_org_shared": False,
        "is_member": member,
        "creator": "U0000000001",
        "context_team_id": call.at.id,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }


def readable(call: Call, scopes: dict[str, str], *, member: bool) -> Conversation:
    """The conversation asked for, by a token with the scope for its kind."""
    id = call.text("channel", needed=True)
    if (found := call.at.conversations.get(id)) is not None and not found.deleted:
        call.need(scopes[found.kind])
    return call.channel(id, member=member)


@method("conversations.open", "im:write", "mpim:write", json=True)
def open_one(call: Call) -> Json:
    """The direct conversation with somebody, or the group one with some: always the same for the same."""
    users, id = call.names("users"), call.text("channel")
    if id:
        found = call.channel(id)
        if found.kind not in ("im", "mpim"):
            raise SlackError("method_not_supported_for_channel_type")
    elif not users:
        raise SlackError("users_list_not_supplied")
    else:
        call.need("im:write" if len(users) == 1 else "mpim:write")
        if len(set(users)) > MPIM_PEOPLE:
            raise SlackError("too_many_users")
        for each in users:
            person = call.person(each)
            if person.is_bot or not person.takes_messages:
                raise SlackError("cannot_dm_bot")
            if person.deleted:
                raise SlackError("user_disabled")
        before = len(call.at.conversations)
        found = call.at.direct(users[0]) if len(set(users)) == 1 else call.at.group(users)
        if len(call.at.conversations) > before:
            shape = described(found, call) if call.flag("return_im") else {"id": found.id}
            return {"channel": shape}
    shape = described(found, call) if call.flag("return_im") else {"id": found.id}
    return {"no_op": True, "already_open": True, "channel": shape}


@method("conversations.info", *_READ.values())
def info(call: Call) -> Json:
    """About a conversation that the bot can see."""
    found = readable(call, _READ, member=False)
    shape = described(found, call)
    if call.flag("include_num_members"):
        shape["num_members"] = len(found.members)
    return {"channel": shape}


@method("conversations.join", "channels:join", json=True)
def join(call: Call) -> Json:
    """Become a member of a public channel."""
    found = call.channel(call.text("channel", needed=True), member=False)
    if found.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if found.archived:
        raise SlackError("is_archived")
    if call.at.bot.id in found.members:
        warnings = {"warnings": ["already_in_channel"]}
        return {
            "channel": described(found, call),
            "warning": "already_in_channel",
            "response_metadata": warnings,
        }
    found.members.add(call.at.bot.id)
    call.happened("joined", found)
    return {"channel": described(found, call)}


@method("conversations.members", *_READ.values())
def members(call: Call) -> Json:
    """Ids of everybody in it, 100 a page."""
    found = readable(call, _READ, member=False)
    everybody = sorted(found.members)
    start, end, cursor = call.page(len(everybody), call.number("limit", 100, 1, 1000))
    return paged({"members": everybody[start:end]}, cursor)


def _some(call: Call, *, mine: bool) -> Json:
    kinds = []
    for each in call.names("types") or ["public_channel"]:
        if each not in _KINDS:
            raise SlackError("invalid_types")
        kinds.append(_KINDS[each])
        call.need(_READ[_KINDS[each]])
    seen = [
        each
        for each in call.at.conversations.values()
        if each.kind in kinds
        and not each.deleted
        and not (each.archived and call.flag("exclude_archived"))
        and (call.at.bot.id in each.members or (each.kind == "public" and not mine))
    ]
    start, end, cursor = call.page(len(seen), call.number("limit", 100, 1, 1000))
    return paged({"channels": [described(each, call) for each in seen[start:end]]}, cursor)


@method("conversations.list", *_READ.values())
def list_all(call: Call) -> Json:
    """Conversations that the bot can see, by type."""
    return _some(call, mine=False)


@method("users.conversations", *_READ.values())
def list_mine(call: Call) -> Json:
    """Conversations that the bot is in, by type."""
    return _some(call, mine=True)

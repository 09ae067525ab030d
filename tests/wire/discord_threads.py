"""Threads over REST: from a message, without one, in a forum; members and state (docs: topics/threads)."""

from __future__ import annotations

from tests.wire.discord_basics import (
    ANNOUNCEMENT,
    ANNOUNCEMENT_THREAD,
    FORUM,
    HAS_THREAD,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Json,
    Permit,
    stamp,
)
from tests.wire.discord_channels import needs, visible
from tests.wire.discord_errors import Path, Problems, refusal, snowflake
from tests.wire.discord_model import Channel, Message, ThreadState
from tests.wire.discord_rest import Call, Reply, Routes

routes = Routes()

DURATIONS = (60, 1440, 4320, 10080)
REQUIRE_TAG, PINNED = 1 << 4, 1 << 1


def _named(data: Json, problems: Problems) -> None:
    problems.text(data.get("name"), ("name",), 100, least=1, needed=True)
    problems.choice(data.get("auto_archive_duration"), ("auto_archive_duration",), DURATIONS)
    problems.number(data.get("rate_limit_per_user"), ("rate_limit_per_user",), 0, 21600)


def make(call: Call, parent: Channel, kind: int, data: Json, id: int) -> Channel:
    """A thread, not yet there; whoever starts it is in it."""
    fake, now = call.fake, call.fake.now()
    state = ThreadState(fake.bot.id, now, now, data.get("auto_archive_duration") or 1440)
    state.invitable = bool(data.get("invitable", True))
    state.members[fake.bot.id] = stamp(now)
    return Channel(id, kind, data["name"], parent.guild, parent, thread=state)


@routes("POST", "/channels/{channel}/messages/{message}/threads")
def start_from_message(call: Call) -> Reply:
    fake, parent, data = call.fake, visible(call), call.object
    if parent.kind not in (TEXT, ANNOUNCEMENT):
        raise refusal(50024)
    needs(call, parent, Permit.CREATE_PUBLIC_THREADS)
    message = fake.desk.find(parent, call.id("message"))
    if message.thread is not None or message.id in fake.channels:
        raise refusal(160004)
    if message.kind not in (0, 19, 20, 23):
        raise refusal(50068)
    problems = Problems()
    _named(data, problems)
    problems.check()
    kind = ANNOUNCEMENT_THREAD if parent.kind == ANNOUNCEMENT else PUBLIC_THREAD
    thread = make(call, parent, kind, data, message.id)
    message.thread, message.flags = thread, message.flags | HAS_THREAD
    fake.add_thread(thread)
    fake.gateway.message("MESSAGE_UPDATE", message)
    starter = Message(fake.ids.next(), thread, message.author, fake.now(), kind=21)
    starter.reference = {"type": 0, "message_id": str(message.id), "channel_id": str(parent.id)}
    fake.desk.keep(starter)
    return Reply(201, thread.json(fake.now(), fake.bot.id))


@routes("POST", "/channels/{channel}/threads")
def start(call: Call) -> Reply:
    parent, data = visible(call), call.object
    if parent.kind == FORUM:
        return _start_in_forum(call, parent, data)
    if parent.kind not in (TEXT, ANNOUNCEMENT):
        raise refusal(50024)
    kind, problems = data.get("type", PRIVATE_THREAD), Problems()
    _named(data, problems)
    allowed = (PUBLIC_THREAD, PRIVATE_THREAD) if parent.kind == TEXT else (ANNOUNCEMENT_THREAD,)
    problems.choice(kind, ("type",), allowed)
    problems.flag(data.get("invitable"), ("invitable",))
    problems.check()
    permit = Permit.CREATE_PRIVATE_THREADS if kind == PRIVATE_THREAD else Permit.CREATE_PUBLIC_THREADS
    needs(call, parent, permit)
    thread = make(call, parent, kind, data, call.fake.ids.next())
    call.fake.add_thread(thread)
    return Reply(201, thread.json(call.fake.now(), call.fake.bot.id))


def _start_in_forum(call: Call, parent: Channel, data: Json) -> Reply:
    fake, uploads = call.fake, call.uploads
    may = needs(call, parent, Permit.SEND_MESSAGES, *((Permit.ATTACH_FILES,) if uploads else ()))
    problems = Problems()
    _named(data, problems)
    tags = _applied(parent, data, problems)
    body = data.get("message")
    if body is None:
        problems.required(("message",))
    else:
        problems.object(body, ("message",))
    problems.check()
    assert isinstance(body, dict)
    _may_tag(parent, tags, [], may)
    if not tags and parent.flags & REQUIRE_TAG:
        raise refusal(40067)
    id = fake.ids.next()
    thread = make(call, parent, PUBLIC_THREAD, data, id)
    thread.state.tags = tags
    body = {name: value for name, value in body.items() if name not in ("nonce", "enforce_nonce")}
    message = fake.desk.compose(thread, fake.bot, body, uploads, problems=Problems("message"), may=may, id=id)
    fake.add_thread(thread)
    fake.desk.keep(message)
    return Reply(201, thread.json(fake.now(), fake.bot.id) | {"message": message.json(fake.now())})


def _applied(forum: Channel, data: Json, problems: Problems) -> list[int]:
    path: Path = ("applied_tags",)
    known, out = {tag.id for tag in forum.tags}, list[int]()
    for at, each in enumerate(problems.array(data.get("applied_tags"), path, 5)):
        id = snowflake(each)
        if id not in known:
            problems.add((*path, at), "APPLIED_TAGS_UNKNOWN", f'Value "{each}" is not a tag of this channel.')
        elif id not in out:
            out.append(id)
    return out


def _may_tag(forum: Channel, tags: list[int], before: list[int], may: int) -> None:
    """Moderated tags are set and taken off by those who manage threads."""
    moderated = {tag.id for tag in forum.tags if tag.moderated}
    if moderated & (set(tags) ^ set(before)) and not may & Permit.MANAGE_THREADS:
        raise refusal(50013)


def _may_edit(call: Call, thread: Channel, data: Json, may: int) -> None:
    """Who may change what (docs: topics/threads, editing & deleting threads)."""
    state, bot = thread.state, call.fake.bot.id
    given = {name for name, value in data.items() if value is not None}
    manages, owns = bool(may & Permit.MANAGE_THREADS), state.owner == bot
    archived = thread.archived(call.fake.now())
    changing = given & {"name", "auto_archive_duration", "applied_tags", "invitable", "rate_limit_per_user"}
    closing = data.get("archived") is True
    if not manages and (given & {"locked", "rate_limit_per_user"} or ((changing or closing) and not owns)):
        raise refusal(50013)
    if archived and data.get("archived") is False:
        if state.locked and not manages:
            raise refusal(160005)
        if not manages and bot not in state.members:
            raise refusal(50013)
    elif archived and (changing or "locked" in given):
        raise refusal(50083)


def edit_thread(call: Call, thread: Channel, data: Json) -> Json:
    """PATCH of a thread: each field with its permission, an archived one only on its way back."""
    fake, state = call.fake, thread.state
    problems = Problems()
    problems.text(data.get("name"), ("name",), 100, least=1)
    problems.choice(data.get("auto_archive_duration"), ("auto_archive_duration",), DURATIONS)
    problems.number(data.get("rate_limit_per_user"), ("rate_limit_per_user",), 0, 21600)
    for name in ("archived", "locked", "invitable"):
        problems.flag(data.get(name), (name,))
    forum = thread.parent if thread.parent and thread.parent.kind == FORUM else None
    tags = _applied(forum, data, problems) if forum else []
    problems.check()
    may = thread.permissions(fake.bot.id)
    _may_edit(call, thread, data, may)
    if forum and "applied_tags" in data:
        _may_tag(forum, tags, state.tags, may)
        if not tags and forum.flags & REQUIRE_TAG:
            raise refusal(40067)
        state.tags = tags
    thread.name = data.get("name") or thread.name
    state.duration = data.get("auto_archive_duration") or state.duration
    for name in ("locked", "invitable"):
        if data.get(name) is not None:
            setattr(state, name, data[name])
    if data.get("archived") is not None:
        state.archived, state.active = data["archived"], fake.now()
    fake.tell_thread("THREAD_UPDATE", thread)
    fake.wake()
    return thread.json(fake.now(), fake.bot.id)


# --- members -------------------------------------------------------------------------------------


def _open(call: Call) -> Channel:
    thread = visible(call)
    if not thread.is_thread:
        raise refusal(50024)
    if thread.archived(call.fake.now()):
        raise refusal(50083)
    return thread


@routes("PUT", "/channels/{channel}/thread-members/@me")
def join(call: Call) -> None:
    call.fake.join_thread(_open(call), call.fake.bot)


@routes("PUT", "/channels/{channel}/thread-members/{user}")
def add_member(call: Call) -> None:
    fake, thread = call.fake, _open(call)
    needs(call, thread, Permit.SEND_MESSAGES_IN_THREADS)
    person = fake.people.get(call.id("user"))
    if person is None:
        raise refusal(10013)
    assert thread.guild is not None
    if person.id not in thread.guild.members:
        raise refusal(50001)
    if not thread.guild.permissions(person.id, thread.parent) & Permit.VIEW_CHANNEL:
        raise refusal(50001)
    if thread.kind == PRIVATE_THREAD and not thread.state.invitable:
        needs(call, thread, Permit.MANAGE_THREADS)
    fake.join_thread(thread, person)


@routes("DELETE", "/channels/{channel}/thread-members/@me")
def leave(call: Call) -> None:
    call.fake.leave_thread(_open(call), call.fake.bot)


@routes("DELETE", "/channels/{channel}/thread-members/{user}")
def remove_member(call: Call) -> None:
    thread = _open(call)
    if not (thread.kind == PRIVATE_THREAD and thread.state.owner == call.fake.bot.id):
        needs(call, thread, Permit.MANAGE_THREADS)
    person = call.fake.people.get(call.id("user"))
    if person is None or person.id not in thread.state.members:
        raise refusal(10007)
    call.fake.leave_thread(thread, person)


@routes("GET", "/channels/{channel}/thread-members/{user}")
def get_member(call: Call) -> Json:
    thread = visible(call)
    if not thread.is_thread or call.id("user") not in thread.state.members:
        raise refusal(10007)
    return thread.member_json(call.id("user"))


@routes("GET", "/channels/{channel}/thread-members")
def list_members(call: Call) -> list[Json]:
    thread = visible(call)
    if not thread.is_thread:
        raise refusal(50024)
    if not call.fake.privileged & 1 << 1:
        raise refusal(50001)  # docs: needs the GUILD_MEMBERS intent
    return [thread.member_json(user) for user in thread.state.members]


# --- lists ---------------------------------------------------------------------------------------


def _page(call: Call, threads: list[Channel]) -> Json:
    fake = call.fake
    limit = call.query_number("limit", 50, 2, 100)
    members = [each.member_json(fake.bot.id) for each in threads[:limit] if fake.bot.id in each.state.members]
    shown = [each.json(fake.now(), fake.bot.id) for each in threads[:limit]]
    return {"threads": shown, "members": members, "has_more": len(threads) > limit}


def _archived(call: Call, *kinds: int) -> list[Channel]:
    parent, now = visible(call), call.fake.now()
    needs(call, parent, Permit.READ_MESSAGE_HISTORY)
    assert parent.guild is not None
    found = [each for each in parent.guild.threads.values() if each.parent is parent and each.kind in kinds]
    before = call.query.get("before")
    found = [
        each for each in found if each.archived(now) and (not before or stamp(each.state.active) < before)
    ]
    return sorted(found, key=lambda each: each.state.active, reverse=True)


@routes("GET", "/channels/{channel}/threads/archived/public")
def archived_public(call: Call) -> Json:
    return _page(call, _archived(call, PUBLIC_THREAD, ANNOUNCEMENT_THREAD))


@routes("GET", "/channels/{channel}/threads/archived/private")
def archived_private(call: Call) -> Json:
    needs(call, visible(call), Permit.MANAGE_THREADS)
    return _page(call, _archived(call, PRIVATE_THREAD))


@routes("GET", "/channels/{channel}/users/@me/threads/archived/private")
def archived_joined(call: Call) -> Json:
    bot = call.fake.bot.id
    return _page(call, [each for each in _archived(call, PRIVATE_THREAD) if bot in each.state.members])


@routes("GET", "/guilds/{guild}/threads/active")
def active(call: Call) -> Json:
    fake = call.fake
    guild, now = fake.joined_guild(call.id("guild")), fake.now()
    found = [each for each in guild.threads.values() if not each.archived(now) and each.seen_by(fake.bot.id)]
    members = [each.member_json(fake.bot.id) for each in found if fake.bot.id in each.state.members]
    return {"threads": [each.json(now, fake.bot.id) for each in found], "members": members}

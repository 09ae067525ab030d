"""Channels, their messages, and direct messages over REST (docs: resources/channel, message, user)."""

from __future__ import annotations

from tests.wire.discord_basics import ANNOUNCEMENT, CATEGORY, DM, FORUM, TEXT, Json, Overwrite, Permit, Tag
from tests.wire.discord_errors import Problems, refusal, snowflake
from tests.wire.discord_messages import Uploads
from tests.wire.discord_model import Channel, Message, Person
from tests.wire.discord_rest import Call, Reply, Routes

routes = Routes()


def visible(call: Call, name: str = "channel") -> Channel:
    """The channel of a path that the bot may see; refused with 10003 or 50001."""
    channel = call.fake.channels.get(call.id(name))
    if channel is None or (channel.guild and call.fake.bot.id not in channel.guild.members):
        raise refusal(10003 if channel is None else 50001)
    if channel.kind == DM and channel.recipient is None:
        raise refusal(10003)
    if not channel.seen_by(call.fake.bot.id):
        raise refusal(50001)
    return channel


def needs(call: Call, channel: Channel, *permits: Permit) -> int:
    """What the bot may do in a channel; refused with 50013 when something is missing."""
    may = channel.permissions(call.fake.bot.id)
    if channel.guild is not None and any(not may & permit for permit in permits):
        raise refusal(50013)
    return may


def may_send(call: Call, channel: Channel, uploads: Uploads) -> int:
    """Whether the bot may write here now; an archived thread is opened by writing in it."""
    fake = call.fake
    if channel.kind in (FORUM, CATEGORY):
        raise refusal(40058 if channel.kind == FORUM else 50008)
    if channel.kind == DM:
        person = channel.recipient
        if person is None or person.bot or not person.dms_open:
            raise refusal(50007)
        if not fake.shares_guild(person):
            raise refusal(50278)
        return channel.permissions(fake.bot.id)
    permit = Permit.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permit.SEND_MESSAGES
    may = needs(call, channel, permit, *((Permit.ATTACH_FILES,) if uploads else ()))
    if channel.thread is not None:
        if channel.thread.locked and not may & Permit.MANAGE_THREADS:
            raise refusal(160005)
        if channel.archived(fake.now()):
            channel.thread.archived, channel.thread.active = False, fake.now()
            fake.tell_thread("THREAD_UPDATE", channel)
    return may


# --- messages ------------------------------------------------------------------------------------


@routes("POST", "/channels/{channel}/messages")
def create_message(call: Call) -> Json:
    fake, channel, data = call.fake, visible(call), call.object
    may = may_send(call, channel, call.uploads)
    nonce = data.get("nonce")
    if data.get("enforce_nonce") and isinstance(nonce, str | int) and nonce != "":
        earlier = fake.nonces.find(fake.bot, nonce)
        if earlier is not None:
            return shown(call, earlier)
    problems = Problems()
    reference = _reference(call, channel, data, problems)
    message = fake.desk.compose(channel, fake.bot, data, call.uploads, problems=problems, may=may)
    if reference is not None:
        message.reference, message.kind = reference, 19
    fake.desk.keep(message)
    return shown(call, message)


def _reference(call: Call, channel: Channel, data: Json, problems: Problems) -> Json | None:
    reference = data.get("message_reference")
    if reference is None or problems.object(reference, ("message_reference",)) is None:
        return None
    id = snowflake(reference.get("message_id"))
    if id not in channel.messages:
        if reference.get("fail_if_not_exists", True):
            problems.add(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None
    out = {"type": 0, "message_id": str(id), "channel_id": str(channel.id)}
    return out | ({"guild_id": str(channel.guild.id)} if channel.guild else {})


def shown(call: Call, message: Message) -> Json:
    """A message as this bot gets it: other people's words only with the content intent."""
    fake = call.fake
    mine = message.author is fake.bot or message.channel.guild is None or fake.bot in message.mentioned
    return message.json(fake.now(), content=mine or bool(fake.privileged & 1 << 15), bot=fake.bot.id)


@routes("GET", "/channels/{channel}/messages")
def list_messages(call: Call) -> list[Json]:
    channel = visible(call)
    if channel.kind in (FORUM, CATEGORY):
        raise refusal(50008)
    limit = call.query_number("limit", 50, 1, 100)
    if channel.guild and not channel.permissions(call.fake.bot.id) & Permit.READ_MESSAGE_HISTORY:
        return []
    bounds = {name: snowflake(call.query.get(name)) for name in ("before", "after", "around")}
    found = list(channel.messages.values())
    if before := bounds["before"]:
        found = [each for each in found if each.id < before]
    if after := bounds["after"]:
        found = [each for each in found if each.id > after][:limit]
    if around := bounds["around"]:
        found = sorted(
            sorted(found, key=lambda each: abs(each.id - around))[:limit], key=lambda each: each.id
        )
    return [shown(call, each) for each in reversed(found[-limit:])]


@routes("GET", "/channels/{channel}/messages/{message}")
def get_message(call: Call) -> Json:
    channel = visible(call)
    needs(call, channel, Permit.READ_MESSAGE_HISTORY)
    return shown(call, call.fake.desk.find(channel, call.id("message")))


@routes("PATCH", "/channels/{channel}/messages/{message}")
def edit_message(call: Call) -> Json:
    fake, channel = call.fake, visible(call)
    message = fake.desk.find(channel, call.id("message"))
    if message.author is not fake.bot:
        raise refusal(50005)
    if channel.thread is not None and channel.archived(fake.now()):
        raise refusal(50083)
    may = needs(call, channel, *((Permit.ATTACH_FILES,) if call.uploads else ()))
    fake.desk.edit(message, call.object, call.uploads, may=may)
    return shown(call, message)


@routes("DELETE", "/channels/{channel}/messages/{message}")
def delete_message(call: Call) -> None:
    fake, channel = call.fake, visible(call)
    message = fake.desk.find(channel, call.id("message"))
    if message.author is not fake.bot:
        if channel.guild is None:
            raise refusal(50003)
        needs(call, channel, Permit.MANAGE_MESSAGES)
    fake.desk.delete(message)


@routes("POST", "/channels/{channel}/messages/bulk-delete")
def delete_messages(call: Call) -> None:
    fake, channel = call.fake, visible(call)
    needs(call, channel, Permit.MANAGE_MESSAGES)
    problems = Problems()
    ids = problems.array(call.object.get("messages"), ("messages",), 100, least=2, needed=True)
    problems.check()
    for each in ids:
        if (message := channel.messages.get(snowflake(each) or 0)) is not None:
            fake.desk.delete(message)


@routes("POST", "/channels/{channel}/typing")
def typing(call: Call) -> None:
    may_send(call, visible(call), {})


@routes("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
def react(call: Call) -> None:
    channel = visible(call)
    call.fake.desk.find(channel, call.id("message"))
    needs(call, channel, Permit.READ_MESSAGE_HISTORY, Permit.ADD_REACTIONS)


# --- channels ------------------------------------------------------------------------------------


@routes("GET", "/channels/{channel}")
def get_channel(call: Call) -> Json:
    return visible(call).json(call.fake.now(), call.fake.bot.id)


@routes("DELETE", "/channels/{channel}")
def delete_channel(call: Call) -> Json:
    channel = visible(call)
    if channel.kind == DM:
        return channel.json(call.fake.now())
    needs(call, channel, Permit.MANAGE_THREADS if channel.is_thread else Permit.MANAGE_CHANNELS)
    out = channel.json(call.fake.now(), call.fake.bot.id)
    call.fake.delete_channel(channel)
    return out


@routes("PATCH", "/channels/{channel}")
def edit_channel(call: Call) -> Json:
    from tests.wire.discord_threads import edit_thread

    fake, channel, data = call.fake, visible(call), call.object
    if channel.kind == DM:
        raise refusal(50003)
    if channel.is_thread:
        return edit_thread(call, channel, data)
    needs(call, channel, Permit.MANAGE_CHANNELS)
    problems = Problems()
    problems.text(data.get("name"), ("name",), 100, least=1)
    problems.text(data.get("topic"), ("topic",), 4096 if channel.kind == FORUM else 1024)
    problems.number(data.get("flags"), ("flags",), 0, 2**31 - 1)
    tags = _tags(call, channel, data, problems)
    overwrites = problems.array(data.get("permission_overwrites"), ("permission_overwrites",), 100)
    problems.check()
    channel.name = data.get("name") or channel.name
    channel.topic = data.get("topic", channel.topic)
    channel.flags = channel.flags if data.get("flags") is None else data["flags"]
    if "available_tags" in data:
        channel.tags = tags
    if "permission_overwrites" in data:
        needs(call, channel, Permit.MANAGE_ROLES)
        channel.overwrites = {
            int(each["id"]): Overwrite(
                int(each["id"]), each["type"], int(each.get("allow") or 0), int(each.get("deny") or 0)
            )
            for each in overwrites
        }
    fake.gateway.emit("CHANNEL_UPDATE", channel.json(fake.now()), guild=channel.guild, intent=1)
    return channel.json(fake.now())


def _tags(call: Call, channel: Channel, data: Json, problems: Problems) -> list[Tag]:
    tags: list[Tag] = []
    known = {tag.id: tag for tag in channel.tags}
    for at, each in enumerate(problems.array(data.get("available_tags"), ("available_tags",), 20)):
        if (said := problems.object(each, ("available_tags", at))) is None:
            continue
        if not problems.text(said.get("name"), ("available_tags", at, "name"), 20, least=1, needed=True):
            continue
        tag = known.get(snowflake(said.get("id")) or 0) or Tag(call.fake.ids.next(), "")
        tags.append(Tag(tag.id, said["name"], bool(said.get("moderated", tag.moderated))))
    return tags


@routes("POST", "/guilds/{guild}/channels")
def create_channel(call: Call) -> Reply:
    fake = call.fake
    guild = fake.joined_guild(call.id("guild"))
    if not guild.permissions(fake.bot.id) & Permit.MANAGE_CHANNELS:
        raise refusal(50013)
    data, problems = call.object, Problems()
    problems.text(data.get("name"), ("name",), 100, least=1, needed=True)
    problems.choice(data.get("type", 0), ("type",), (TEXT, CATEGORY, ANNOUNCEMENT, FORUM))
    problems.check()
    channel = fake.channel(data["name"], guild, kind=data.get("type", 0))
    return Reply(201, channel.json(fake.now()))


# --- direct messages -----------------------------------------------------------------------------


@routes("POST", "/users/@me/channels")
def open_dm(call: Call) -> Json:
    fake, problems = call.fake, Problems()
    id = snowflake(call.object.get("recipient_id"))
    if id is None:
        problems.required(("recipient_id",))
        problems.check()
    person = fake.people.get(id or 0)
    if person is None or person is fake.bot:
        raise refusal(50033)
    return dm_of(call, person).json(fake.now())


def dm_of(call: Call, person: Person) -> Channel:
    """The direct message channel with somebody, opened if there was none."""
    return call.fake.dm_channel(person)

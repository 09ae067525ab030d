"""Saying things on Discord: messages, forum posts, threads, rooms; each happens once by its key.

Discord gives back the first message of a ``nonce`` for a few minutes. After that, and for forum posts,
which take no nonce, ``again`` makes us look first: every message carries its key's mark as the id of its
container (``discord_cards.mark``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import discord

from bot.chat import Message, Place, User
from bot.clock import Clock
from bot.errors import Gone, Misconfigured, TryLater
from bot.platforms import discord_errors as codes
from bot.platforms.discord_cards import NOBODY, Body, mark
from bot.platforms.discord_limits import Lane, Pacer
from bot.platforms.discord_rest import Rest
from bot.platforms.discord_store import PLATFORM, Room, Store
from bot.platforms.discord_trouble import Trouble
from bot.platforms.recent import Recent

Json = dict[str, Any]

TEXT, FORUMS, PRIVATE_THREAD = 0, (15, 16), 12  # channel types
WEEK = 10080  # minutes until a quiet thread is archived: the most there is
LOOK_BACK = 10  # pages of a hundred messages looked through for our own, when in doubt
POSTS_LOOKED_AT = 100  # newest forum posts of ours with the same name looked at, when in doubt
OPENS_PER_SECOND = 5.0  # direct messages; opening thousands in a burst has led to quarantines
OPENS_WAIT = 2.0  # seconds; beyond, the sender's place is better used for somebody whose channel is known
CHANNEL = "/channels/{channel_id}"
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"


class Places:
    """Does it, and raises discord.py's errors; ``discord.DiscordChat`` turns them into the seam's."""

    def __init__(self, rest: Rest, store: Store, clock: Clock, trouble: Trouble) -> None:
        self._rest, self._store, self._clock, self._trouble = rest, store, clock, trouble
        self._kinds: Recent[int] = Recent(2000)  # channel id -> type
        self.opens = Pacer(OPENS_PER_SECOND, burst=10)
        self._me = ""

    async def me(self) -> str:
        """The bot's own user id."""
        if not self._me:
            self._me = str((await self._rest.ask("GET", "/users/@me"))["id"])
        return self._me

    # -- messages ------------------------------------------------------------------------------

    async def say(self, channel: str, body: Body, key: str, lane: Lane, *, again: bool) -> str:
        """A message in a channel, thread or direct message channel; its id."""
        if again and (found := await self._said(channel, key)):
            return found
        told = await self._rest.send("POST", MESSAGES, body.signed(key).named(key), lane, channel_id=channel)
        return str(told["id"])

    async def _said(self, channel: str, key: str) -> str:
        """The message of a key, if it stands there already; empty where we may not look."""
        me, before = await self.me(), ""
        with suppress(discord.Forbidden):
            for _ in range(LOOK_BACK):
                query: dict[str, str | int] = {"limit": 100, **({"before": before} if before else {})}
                page: list[Json] = await self._rest.ask("GET", MESSAGES, query=query, channel_id=channel)
                for each in page:
                    if each["author"]["id"] == me and _is_of(each, key):
                        return str(each["id"])
                if len(page) < 100:
                    break
                before = str(page[-1]["id"])
        return ""

    async def within(self, thread: str, body: Body, key: str, *, again: bool) -> str:
        """A message in a thread, which is opened again first if it went to sleep."""
        try:
            return await self.say(thread, body, key, Lane.FIRST, again=again)
        except discord.HTTPException as error:
            if error.code != codes.ARCHIVED:
                raise
        await self.wake(thread)
        return await self.say(thread, body, key, Lane.FIRST, again=False)

    async def wake(self, thread: str) -> None:
        """Take a thread out of the archive."""
        await self._rest.ask("PATCH", CHANNEL, body={"archived": False}, channel_id=thread)

    async def change(self, message: Message, method: str, body: Body | None, lane: Lane) -> None:
        """Edit or delete a message of ours, in an archived thread too."""
        channel = message.place.thread or message.place.channel
        for last in (False, True):
            try:
                await self._rest.send(method, MESSAGE, body, lane, channel_id=channel, message_id=message.id)
            except discord.HTTPException as error:
                if error.code != codes.ARCHIVED or last:
                    raise
                await self.wake(channel)
            else:
                return

    async def direct(self, user: User, body: Body, key: str, *, again: bool) -> tuple[str, str]:
        """A direct message; the channel's id and the message's. The channel is opened once and kept."""
        known = (await self._store.person(user.id)).dm
        channel = known or await self._open(user.id)
        try:
            return channel, await self.say(channel, body, key, Lane.DUE, again=again)
        except discord.NotFound as error:
            if not known or error.code != codes.UNKNOWN_CHANNEL:
                raise
        channel = await self._open(user.id)
        return channel, await self.say(channel, body, key, Lane.DUE, again=again)

    async def _open(self, user: str) -> str:
        if self.opens.backlog > OPENS_WAIT:
            raise TryLater("many direct messages are being opened", self.opens.backlog)
        await self.opens.turn(Lane.DUE)
        told = await self._rest.ask("POST", "/users/@me/channels", Lane.DUE, body={"recipient_id": user})
        await self._store.direct(user, str(told["id"]))
        return str(told["id"])

    # -- channels ------------------------------------------------------------------------------

    async def is_forum(self, channel: str) -> bool:
        """Whether what is posted in a channel becomes a thread of its own."""
        kind = self._kinds.get(channel)
        if kind is None:
            kind = int((await self._channel(channel))["type"])
        return kind in FORUMS

    async def _channel(self, id: str) -> Json:
        channel: Json = await self._rest.ask("GET", CHANNEL, channel_id=id)
        self._kinds.put(id, int(channel["type"]))
        self._trouble.saw(channel)
        return channel

    async def forum_post(self, place: Place, body: Body, title: str, key: str, *, again: bool) -> str:
        """A forum post, tagged by its title where a tag fits; the id of its thread and first message."""
        if again and (found := await self._posted(place, title, key)):
            return found
        forum = await self._channel(place.channel)
        tags = [tag for tag in forum.get("available_tags") or () if not tag.get("moderated")]
        message = {name: body.json[name] for name in ("components", "flags", "attachments")}
        message["allowed_mentions"] = NOBODY
        post = {
            **_named(title),
            "applied_tags": [str(tag["id"]) for tag in fitting(tags, title)],
            "message": Body(message, body.files).signed(key).json,
        }
        thread = await self._thread_request("/channels/{channel_id}/threads", Body(post, body.files), place)
        return str(thread["id"])

    async def _posted(self, place: Place, title: str, key: str) -> str:
        """The forum post of a key, if it stands already."""
        me = await self.me()
        found = await self._rest.ask("GET", "/guilds/{guild_id}/threads/active", guild_id=place.community)
        ours = [
            str(thread["id"])
            for thread in found["threads"]
            if (thread.get("parent_id"), thread.get("owner_id")) == (place.channel, me)
            and thread.get("name") == _named(title)["name"]
        ]
        for id in sorted(ours, key=int, reverse=True)[:POSTS_LOOKED_AT]:
            with suppress(discord.NotFound):  # its first message was deleted
                first: Json = await self._rest.ask("GET", MESSAGE, channel_id=id, message_id=id)
                if _is_of(first, key):
                    return id
        return ""

    # -- threads -------------------------------------------------------------------------------

    async def thread(self, message: Message, title: str) -> Place:
        """The thread under a message; Discord gives it the message's id."""
        place = message.place
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        try:
            told = await self._thread_request(path, Body(_named(title)), place, message.id)
        except discord.HTTPException as error:
            if error.code != codes.HAS_THREAD:
                raise
            told = await self._existing(message.id)
        return Place(PLATFORM, place.community, place.channel, str(told["id"]))

    async def _existing(self, id: str) -> Json:
        """A thread that was opened before, awake."""
        try:
            told: Json = await self._rest.ask("GET", CHANNEL, channel_id=id)
        except discord.NotFound:
            raise Gone("the thread was deleted") from None
        if told["thread_metadata"]["archived"]:
            await self.wake(id)
        return told

    async def room(self, users: Sequence[User], title: str, key: str) -> Place:
        """A private thread of these people, in a channel that everybody sees.

        Creating one takes no nonce, so it is written down first; a room that may have been made
        without our hearing of it is looked for by its name, owner and date.
        """
        community = users[0].community
        room = await self._store.room(key)
        if room is None:
            room = Room(community, await self._room_channel(community), self._clock.now().timestamp())
            await self._store.write_room(key, room)
        elif not room.thread:
            room = await self._made(room, title)
        if not room.thread:
            body = Body({**_named(title), "type": PRIVATE_THREAD, "invitable": False})
            at = Place(PLATFORM, community, room.channel)
            told = await self._thread_request("/channels/{channel_id}/threads", body, at)
            room = Room(community, room.channel, room.since, str(told["id"]))
        await self._store.write_room(key, room)
        path = "/channels/{channel_id}/thread-members/{user_id}"
        for user in users:
            await self._rest.ask("PUT", path, channel_id=room.thread, user_id=user.id)
        return Place(PLATFORM, community, room.channel, room.thread)

    async def _room_channel(self, community: str) -> str:
        for id in await self._store.channels(community):
            if int((await self._channel(id))["type"]) == TEXT:
                return id
        raise Misconfigured("a room needs a text channel for support or wins")

    async def _made(self, room: Room, title: str) -> Room:
        """The same room with its thread, if an earlier try made it."""
        me, since = await self.me(), int(room.since * 1000) - 60_000
        found = await self._rest.ask("GET", "/guilds/{guild_id}/threads/active", guild_id=room.community)
        for thread in sorted(found["threads"], key=lambda each: int(each["id"])):
            ours = thread.get("parent_id") == room.channel and thread.get("owner_id") == me
            made = int(discord.utils.snowflake_time(int(thread["id"])).timestamp() * 1000)
            id = str(thread["id"])
            named = thread.get("name") == _named(title)["name"] and thread["type"] == PRIVATE_THREAD
            if ours and named and made >= since and not await self._store.thread(id, settled=False):
                return Room(room.community, room.channel, room.since, id)
        return room

    async def _thread_request(self, path: str, body: Body, place: Place, message: str = "") -> Json:
        """Open a thread; where a week until the archive is refused, the channel's own time is taken."""
        try:
            return await self._rest.send("POST", path, body, channel_id=place.channel, message_id=message)
        except discord.HTTPException as error:
            if error.code != codes.INVALID_FORM or "auto_archive_duration" not in error.text:
                raise
        json = {name: value for name, value in body.json.items() if name != "auto_archive_duration"}
        again = Body(json, body.files)
        return await self._rest.send("POST", path, again, channel_id=place.channel, message_id=message)


def _named(title: str) -> Json:
    return {"name": title or "Bounceback", "auto_archive_duration": WEEK}


def _is_of(message: Json, key: str) -> bool:
    """Whether a message was sent for a key."""
    components: list[Json] = message.get("components") or []
    return message.get("nonce") == key or any(each.get("id") == mark(key) for each in components[:1])


def fitting(tags: Sequence[Json], title: str) -> list[Json]:
    """The forum tag that names the post's stage: the title itself, or the longest name within it."""
    words = title.casefold()
    found = [
        tag
        for tag in tags
        if re.search(rf"(?<!\w){re.escape(str(tag['name']).strip().casefold())}(?!\w)", words)
    ]
    return sorted(found, key=lambda tag: len(tag["name"]), reverse=True)[:1]

"""Bounceback on Discord, behind the seam, through discord.py.

``discord_gateway`` is what comes in, ``discord_rest`` the one way out; between them ``discord_events``
(payloads as events), ``discord_answers`` (acks and cards), ``discord_places`` (messages, forum posts,
threads, rooms), ``discord_cards`` and ``discord_forms`` (how things look), ``discord_sync`` (commands),
``discord_trouble`` (what organisers must mend), ``discord_store`` (what is kept).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import discord
import structlog
from discord.http import Route

from bot.chat import Dispatch, Message, Place, User
from bot.clock import Clock
from bot.errors import Misconfigured, StartError
from bot.pace import Flow
from bot.platforms import discord_permissions as permissions
from bot.platforms import discord_sync as sync
from bot.platforms.discord_answers import Answers
from bot.platforms.discord_cards import message as drawn
from bot.platforms.discord_errors import seam
from bot.platforms.discord_events import buttons
from bot.platforms.discord_gateway import BAD_TOKEN, IDENTIFY_PAUSE, PASSING, Gateway
from bot.platforms.discord_limits import Lane
from bot.platforms.discord_permissions import install_permissions
from bot.platforms.discord_places import Places
from bot.platforms.discord_rest import Rest
from bot.platforms.discord_store import PLATFORM, Store
from bot.platforms.discord_trouble import Tell, Trouble
from bot.storage import Storage
from bot.ui import Card

__all__ = ["DiscordChat", "install_permissions"]

AGENT = "DiscordBot (https://github.com/bounceback, 0.1)"
PER_SECOND = 48.0  # requests; Discord allows 50 (answers to interactions do not count)
RETRY_FIRST, RETRY_MOST = 1.0, 60.0  # seconds between two tries to connect
# https://discord.com/developers/docs/events/gateway#sharding: what names no server goes to shard 0.
NOT_HERE = "direct messages and what is pressed in them go to shard 0 alone: another process has to run it"
log = structlog.get_logger(__name__)


class DiscordChat:
    """The platform. ``run`` serves it; what is sent works from the moment it is made.

    ``api_base`` points REST elsewhere, for this process; ``shard_ids`` (of ``shard_count``) are those of
    this process; ``trouble`` tells organisers what to mend (see ``discord_trouble.Tell``).
    """

    platform = PLATFORM
    flow = Flow(PER_SECOND * 60)

    def __init__(
        self,
        *,
        token: str,
        storage: Storage,
        clock: Clock,
        api_base: str = "",
        test_guild: str = "",
        shard_ids: tuple[int, ...] = (),
        shard_count: int | None = None,
        trouble: Tell | None = None,
        per_second: float = PER_SECOND,
        identify_pause: float = IDENTIFY_PAUSE,
    ) -> None:
        if shard_ids and shard_count is None:
            raise ValueError("discord.shard_ids needs discord.shard_count, the same in every process")
        if api_base:
            Route.BASE = api_base.rstrip("/")
        self._token, self._clock, self._test_guild = token.strip(), clock, test_guild
        self._shard_ids, self._shard_count = shard_ids, shard_count
        self._identify_pause = identify_pause
        self.rest = Rest(self._token, per_second=per_second, agent=AGENT)
        self._store = Store(storage)
        self._trouble = Trouble(self.rest, self._store, clock, trouble)
        self._places = Places(self.rest, self._store, clock, self._trouble)
        self.ready = asyncio.Event()

    @property
    def store(self) -> Store:
        """What is kept of people and threads (``forget`` removes a person)."""
        return self._store

    def share(self, part: float) -> None:
        """Take only a part (above 0, at most 1) of Discord's limits: other processes take the rest."""
        self.rest.pacer.share(part)
        self._places.opens.share(part)

    # -- what comes in -------------------------------------------------------------------------

    async def run(self, dispatch: Dispatch) -> None:
        """Serve until cancelled. ``StartError`` if Discord refuses the token, the intents or the shards."""
        answers = Answers(self.rest, self._store, self._clock, dispatch)
        if self._shard_ids and 0 not in self._shard_ids:
            log.info(NOT_HERE, shards=list(self._shard_ids))
        pause = RETRY_FIRST
        try:
            while True:
                gateway = self._gateway(answers)
                try:
                    await self._register(dispatch)
                    await gateway.serve(self._token)
                except PASSING as error:
                    log.warning("not connected", error=type(error).__name__, seconds=pause)
                    if getattr(error, "status", 0) == 401:
                        raise StartError(BAD_TOKEN) from None
                if self.ready.is_set():
                    pause = RETRY_FIRST
                self.ready.clear()
                await asyncio.sleep(pause)
                pause = min(RETRY_MOST, pause * 2)
        finally:
            self.ready.clear()
            await answers.stop()
            await self.rest.close()

    async def close(self) -> None:
        """Give the connections back, where it only sent; ``run`` does so by itself."""
        await self.rest.close()

    def _gateway(self, answers: Answers) -> Gateway:
        return Gateway(
            self.rest,
            interaction=answers.interaction,
            message=answers.message,
            ready=self.ready.set,
            shard_ids=self._shard_ids,
            shard_count=self._shard_count,
            identify_pause=self._identify_pause,
        )

    async def _register(self, dispatch: Dispatch) -> None:
        """Register the commands where they are not what they were the last time."""
        application = str((await self.rest.ask("GET", "/oauth2/applications/@me", tries=3))["id"])
        commands = sync.payload(dispatch)
        name, now = f"commands:{application}:{self._test_guild}", sync.digest(commands)
        if await self._store.note(name) == now:
            return
        path = "/applications/{application_id}/commands"
        if self._test_guild:
            path = "/applications/{application_id}/guilds/{guild_id}/commands"
        await self.rest.ask(
            "PUT",
            path,
            Lane.LAST,
            body=commands,
            tries=3,
            application_id=application,
            guild_id=self._test_guild,
        )
        await self._store.write_note(name, now)
        log.info("commands registered", commands=len(commands))

    # -- what goes out -------------------------------------------------------------------------

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        """A message in a channel or thread; in a forum, a post (its thread and first message)."""
        body = drawn(card)
        if place.thread:
            async with self._mending(place, permissions.WITHIN):
                return Message(place, await self._places.within(place.thread, body, key, again=again))
        async with self._mending(place, permissions.POSTING):
            if not await self._places.is_forum(place.channel):
                id = await self._places.say(place.channel, body, key, Lane.FIRST, again=again)
                return Message(place, id)
            body = drawn(_untitled(card))  # the post's name is the title
            id = await self._places.forum_post(place, body, card.title, key, again=again)
            within = Place(PLATFORM, place.community, place.channel, id)
            await self._store.opened(within)
            return Message(within, id)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        """A direct message. ``Undeliverable`` when the person takes none."""
        body = drawn(card, custom_id=buttons(user.community, direct=True))
        async with seam():
            channel, id = await self._places.direct(user, body, key, again=again)
        return Message(Place(PLATFORM, user.community, channel), id)

    async def edit(self, message: Message, card: Card) -> None:
        """Another card in place of one of ours."""
        forum_post = message.id == message.place.thread
        body = drawn(_untitled(card) if forum_post else card)
        async with self._mending(message.place, permissions.POSTING):
            await self._places.change(message, "PATCH", body, Lane.LAST)

    async def delete(self, message: Message) -> None:
        """Take back one of ours; the thread under it stays."""
        async with self._mending(message.place, permissions.POSTING):
            await self._places.change(message, "DELETE", None, Lane.FIRST)

    async def thread(self, message: Message, title: str) -> Place:
        """The thread under a message; of a forum post, the post itself."""
        if message.place.thread:
            return message.place
        async with self._mending(message.place, permissions.THREADS):
            place = await self._places.thread(message, title)
        await self._store.opened(place)
        return place

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        """A private thread for these people; the same for the same key."""
        if not users:
            raise ValueError("a room needs people")
        community = users[0].community
        channels = await self._store.channels(community)
        async with self._mending(
            Place(PLATFORM, community, channels[0] if channels else ""), permissions.ROOMS
        ):
            place = await self._places.room(users, title, key)
        await self._store.opened(place)
        return place

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        """The permissions that lack for posts in a channel, as Discord's settings name them."""
        async with seam():
            try:
                forum = await self._places.is_forum(place.channel)
            except discord.Forbidden:
                return [permissions.shown("view_channel")]
            needed = [*permissions.POSTING, *(permissions.WITHIN if threads or forum else ())]
            needed += permissions.THREADS if threads and not forum else ()
            me = await self._places.me()
            wanted = list(dict.fromkeys(needed))
            lacking = await self._trouble.lacking(place.community, place.channel, wanted, me)
        return [permissions.shown(name) for name in lacking]

    @asynccontextmanager
    async def _mending(self, place: Place, needed: Sequence[str]) -> AsyncGenerator[None]:
        """Requests in here raise the seam's errors; what an organiser can mend is told to them."""
        try:
            async with seam(thread=bool(place.thread)):
                yield
        except Misconfigured as error:
            raise await self._explained(error, place, needed) from error

    async def _explained(self, error: Misconfigured, place: Place, needed: Sequence[str]) -> Misconfigured:
        if not isinstance(error.__cause__, discord.HTTPException) or error.__cause__.status == 401:
            return error
        async with seam():
            me = await self._places.me()
            return await self._trouble.report(error, place.community, place.channel, needed, me)


def _untitled(card: Card) -> Card:
    """A card without its title, where something else carries it; a title alone stays."""
    return replace(card, title="") if card.plain != card.title else card

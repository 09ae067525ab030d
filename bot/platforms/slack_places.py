"""Saying things on Slack: messages, threads, rooms; each happens once by its key.

A message is sent once and never repeated blindly; ``again`` makes us look first (``slack_lookup``). A thread
is nothing of its own on Slack, only messages that name another's ``ts``; a room is a group direct message.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog
from slack_sdk.errors import SlackApiError

from bot.chat import Message, Place, User
from bot.clock import Clock
from bot.errors import Misconfigured, TryLater, Undeliverable
from bot.platforms import slack_errors as codes
from bot.platforms.slack_cards import Body, people, with_image
from bot.platforms.slack_cards import message as drawn
from bot.platforms.slack_errors import code, seam
from bot.platforms.slack_limits import POST, Lane
from bot.platforms.slack_lookup import Lookup, marked
from bot.platforms.slack_people import People
from bot.platforms.slack_rest import Rest
from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.platforms.slack_store import PLATFORM, Store
from bot.platforms.slack_trouble import Tell, Trouble
from bot.ui import Card

Json = dict[str, Any]

NO_DISTURBANCE = "do not disturb"
SNOOZE_MOST = 86_400.0  # seconds; then it is looked at again
PICTURE_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds; an uploaded picture can be shown only a little later
QUIETLY: Json = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}
WRITE, JOIN = "chat:write", "channels:join"
HISTORY = {False: "channels:history", True: "groups:history"}  # by whether the channel is private
_CHANNEL = re.compile(r"[CG][A-Z0-9]+\Z")
log = structlog.get_logger(__name__)


class Places:
    """What goes out, exactly as ``bot.chat.Chat`` has it."""

    def __init__(
        self,
        rest: Rest,
        store: Store,
        people: People,
        clock: Clock,
        trouble: Tell | None,
        spelling: Spelling = PLAIN,
    ) -> None:
        self._rest, self._store, self._people, self._clock = rest, store, people, clock
        self._trouble, self._lookup = Trouble(rest, clock, trouble), Lookup(rest)
        self._spelling = spelling

    # -- messages ------------------------------------------------------------------------------

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        """A message in a channel or thread. A public channel that we are not in (any more) is joined."""
        async with self._mending(place):
            try:
                ts = await self._posted(place, card, key, again)
            except SlackApiError as error:
                if code(error) != codes.NOT_IN or not await self._joined(place.community, place.channel):
                    raise
                ts = await self._posted(place, card, key, again)
        return Message(place, ts)

    async def _posted(self, place: Place, card: Card, key: str, again: bool) -> str:
        team, channel, thread = place.community, place.channel, place.thread
        if again and (found := await self._lookup.find(team, channel, thread, key, Lane.PEOPLE)):
            return found
        body = await self._drawn(team, card)
        return str((await self._say(team, channel, thread, body, key, Lane.PEOPLE))["ts"])

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        """A direct message; ``Undeliverable`` when the person takes none, ``TryLater`` while they snooze."""
        team = user.community
        async with self._mending(Place(PLATFORM, team, ""), person=True):
            await self._undisturbed(user)
            known = (await self._store.person(team, user.id)).dm
            if again:
                known = known or await self._open(team, user.id)
                found, known = await self._found(team, known, key)
                if found:
                    return Message(Place(PLATFORM, team, known), found)
            body = await self._drawn(team, card)
            try:
                told = await self._say(team, known or user.id, "", body, key, Lane.DUE)
            except SlackApiError as error:
                if not known or code(error) != codes.LOST:
                    raise
                told = await self._say(team, user.id, "", body, key, Lane.DUE)
            channel = str(told["channel"])
            await self._store.direct(team, user.id, channel)
        return Message(Place(PLATFORM, team, channel), str(told["ts"]))

    async def _found(self, team: str, channel: str, key: str) -> tuple[str, str]:
        """A direct message of a key, and the channel; both empty where that is lost."""
        try:
            return await self._lookup.find(team, channel, "", key, Lane.DUE), channel
        except SlackApiError as error:
            if code(error) != codes.LOST:
                raise
            return "", ""

    async def edit(self, message: Message, card: Card) -> None:
        """Another card in place of one of ours."""
        team = message.place.community
        async with self._mending(message.place):
            body = await self._drawn(team, card)
            shown: Json = {"text": body.text, "parse": "none", "link_names": False}
            at: Json = {"channel": message.place.channel, "ts": message.id}
            await self._ask(team, "chat.update", Lane.LAST, body, **at, **shown)

    async def delete(self, message: Message) -> None:
        """Take back one of ours; the replies under it stay."""
        async with self._mending(message.place):
            place = message.place
            await self._rest.call(place.community, "chat.delete", channel=place.channel, ts=message.id)

    # -- channels ------------------------------------------------------------------------------

    async def thread(self, message: Message, title: str) -> Place:
        """The thread under a message; of a message in a thread, that thread."""
        place = message.place
        return place if place.thread else Place(PLATFORM, place.community, place.channel, message.id)

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        """A group direct message: the same people, the same room. Slack gives it no title."""
        if not users:
            raise ValueError("a room needs people")
        team = users[0].community
        async with self._mending(Place(PLATFORM, team, ""), person=True):
            return Place(PLATFORM, team, await self._open(team, *(user.id for user in users)))

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        """What keeps us from posting in a channel, in words to act on; a public one is joined.

        Slack does not tell a private channel that we are not in from one that does not exist.
        """
        team = place.community
        if not _CHANNEL.match(place.channel):
            raise Undeliverable("not a channel")
        async with seam():
            try:
                told = await self._rest.call(team, "conversations.info", channel=place.channel)
                channel = cast(Json, told["channel"])
                self._trouble.saw(channel)
                return await self._lacking(team, channel, threads)
            except SlackApiError as error:
                match code(error):
                    case codes.LOST:
                        return [await self._invitation(team)]
                    case codes.SCOPE:
                        return [_scope(str(codes.told(error).get("needed") or "?"))]
                    case _:
                        raise

    async def _lacking(self, team: str, channel: Json, threads: bool) -> list[str]:
        if channel.get("is_archived"):
            return ["unarchive it"]
        private = bool(channel.get("is_private"))
        member = channel.get("is_member") is not False
        if not member and (private or not await self._joined(team, str(channel["id"]))):
            return [await self._invitation(team)]
        scopes = (await self._rest.workspace(team)).scopes
        return [_scope(each) for each in (WRITE, HISTORY[private]) if scopes and each not in scopes]

    async def _invitation(self, team: str) -> str:
        return f"type {await self._trouble.invite(team)} there"

    async def _joined(self, team: str, channel: str) -> bool:
        """Join a public channel; whether that worked."""
        try:
            await self._rest.call(team, "conversations.join", channel=channel)
        except SlackApiError as error:
            if codes.status(error) != 200 or isinstance(codes.translated(error), TryLater):
                raise
            log.info("not joined", channel=channel, reason=code(error))
            return False
        return True

    # -- requests ------------------------------------------------------------------------------

    async def _drawn(self, team: str, card: Card) -> Body:
        """A card as Slack shows it, with the names and links of that workspace."""
        names = await self._people.names(team, people(card))
        workspace = (await self._rest.workspace(team)).url
        return drawn(card, workspace=workspace, names=names, spelling=self._spelling)

    async def _say(self, team: str, channel: str, thread: str, body: Body, key: str, lane: Lane) -> Json:
        within: Json = {"thread_ts": thread} if thread else {}
        shown: Json = {"channel": channel, "text": body.text, "metadata": marked(key)}
        return await self._ask(team, POST, lane, body, **shown, **within, **QUIETLY)

    async def _ask(self, team: str, method: str, lane: Lane, body: Body, **params: Any) -> Json:
        """Send a card. A picture that Slack has but does not show yet is waited for: nothing was sent."""
        file = await self._rest.upload(team, body.image) if body.image else ""
        blocks = with_image(body, file) if file else body.blocks
        for pause in (*PICTURE_WAITS, None):
            try:
                return await self._rest.call(team, method, lane, blocks=blocks, **params)
            except SlackApiError as error:
                if not file or pause is None or not _unready(error):
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _open(self, team: str, *users: str) -> str:
        """The conversation with these people; its id."""
        lane = Lane.DUE if len(users) == 1 else Lane.PEOPLE
        told = await self._rest.call(team, "conversations.open", lane, users=",".join(users))
        channel = str(cast(Json, told["channel"])["id"])
        if len(users) == 1:
            await self._store.direct(team, users[0], channel)
        return channel

    async def _undisturbed(self, user: User) -> None:
        """Raise ``TryLater`` while somebody snoozes, unless they told the bot their own quiet hours."""
        if await self._store.own_quiet_hours(user):
            return
        if (left := await self._people.snoozed(user.community, user.id)) > 0:
            raise TryLater(NO_DISTURBANCE, min(left, SNOOZE_MOST))

    @asynccontextmanager
    async def _mending(self, place: Place, *, person: bool = False) -> AsyncGenerator[None]:
        """Requests in here raise the seam's errors; what an organiser can mend is told to them."""
        try:
            async with seam(person=person):
                yield
        except Misconfigured as error:
            told = await self._trouble.report(error, place.community, place.channel)
            if told is error:
                raise
            raise told from error


def _scope(name: str) -> str:
    return f"the scope {name} (add it at api.slack.com/apps, under OAuth & Permissions, and install me again)"


def _unready(error: SlackApiError) -> bool:
    """Whether Slack only does not know the picture yet: "invalid slack file", within invalid_blocks."""
    if code(error) != "invalid_blocks":
        return False
    told = codes.told(error)
    more = cast(Json, told.get("response_metadata") or {}).get("messages")
    return any("slack_file" in str(each) for each in [*(told.get("errors") or ()), *(more or ())])

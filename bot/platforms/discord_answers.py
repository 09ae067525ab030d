"""Answering what people do: the ack within three seconds, then the card.

Discord fixes with the first ack whether an answer is private, and a deferred answer can no longer become
a modal. So the ack follows the declaration (``bot.chat.Ack``) before anything is computed:

========  =============================  ======================================
opens     the form itself, at once       a card instead is a private answer
replies   deferred, private (type 5)     the card takes its place
replaces  deferred update (type 6)       the card takes the place of its message
quiet     deferred update (type 6)       nothing
========  =============================  ======================================

A press is answered in place only where the message is private to its user: a card must never take the
place of a post that everybody reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord
import structlog

from bot.chat import Ack, Dispatch, Event, Kind
from bot.clock import Clock
from bot.errors import ChatError
from bot.platforms import discord_events as events
from bot.platforms.discord_cards import EPHEMERAL, Body, message
from bot.platforms.discord_errors import ALREADY_ACKNOWLEDGED, Silenced, seam
from bot.platforms.discord_forms import modal, submitted
from bot.platforms.discord_limits import Lane
from bot.platforms.discord_rest import Rest
from bot.platforms.discord_store import Store
from bot.platforms.mending import mend
from bot.platforms.recent import Recent
from bot.platforms.surely import surely
from bot.ui import Card, Choice, Command, Form, Tone

Json = dict[str, Any]
log = structlog.get_logger(__name__)

MESSAGE, DEFERRED, DEFERRED_UPDATE, CHOICES, MODAL = 4, 5, 6, 8, 9  # callback types
ACK_WITHIN = 2.8  # seconds; Discord gives three
EDIT_TRIES = 7  # about ten seconds in all; the answer's token lives for fifteen minutes
PAUSES = (1.0, 10.0, 60.0)  # seconds between tries to answer somebody's words: then it is quiet for hours
MEMBERS_ASKED = 10  # servers asked whether they know somebody who writes a direct message
FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError, Silenced)  # of a request

MESSAGES = "/channels/{channel_id}/messages"
STRANGERS = timedelta(hours=3)  # between two answers to words of somebody whose server nobody knows


class Answers:
    """Takes interactions and messages; each is answered by a task of its own."""

    def __init__(self, rest: Rest, store: Store, clock: Clock, dispatch: Dispatch) -> None:
        self._rest, self._store, self._clock, self._dispatch = rest, store, clock, dispatch
        self._declared: dict[str, Command] = {each.name: each for each in dispatch.commands("en")}
        self._recent: Recent[bool] = Recent(4096)
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers: Recent[datetime] = Recent(1024)  # when each was answered

    def interaction(self, data: Json) -> None:
        """Somebody typed a command, pressed a button, handed in a form. A second delivery is ignored."""
        id = str(data["id"])
        if self._recent.get(id) is None:
            self._recent.put(id, True)
            self._start(self._interaction(data))

    def message(self, data: Json) -> None:
        """Somebody wrote something somewhere; only to us, and in threads of ours, it matters."""
        if events.spoken(data):
            self._start(self._message(data))

    async def stop(self) -> None:
        """Let what is being answered end; what takes longer is given up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        return not self._tasks

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            code, reason = getattr(error, "code", None), error.reason if isinstance(error, ChatError) else ""
            log.error("not answered", error=type(error).__name__, code=code, reason=reason)

    # -- interactions --------------------------------------------------------------------------

    async def _interaction(self, data: Json) -> None:
        community = await self._community(data)
        if not community:
            if data["type"] != events.AUTOCOMPLETE:
                told = self._dispatch.line("platform-no-server", str(data.get("locale") or ""))
                note = Card(told, tone=Tone.PROBLEM)
                await self._callback(data, MESSAGE, message(note).flagged(EPHEMERAL))
            return
        match data["type"]:
            case events.COMMAND:
                event, _ = events.command(data, community, self._declared)
                await self._answer(data, event)
            case events.COMPONENT:
                await self._answer(data, events.press(data, community))
            case events.SUBMIT:
                await self._answer(data, events.submit(data, community, submitted(data["data"])))
            case events.AUTOCOMPLETE:
                await self._suggest(data, community)
            case _:
                return
        if events.in_server(data):
            await self._store.seen(event_user(data), community)
        elif channel := str(data.get("channel_id") or ""):
            await self._store.direct(event_user(data), channel)

    async def _answer(self, data: Json, event: Event) -> None:
        match self._dispatch.ack(event.kind, event.name):
            case Ack.OPENS:
                opened = await self._dispatch.form(event)
                if isinstance(opened, Form):
                    id = events.addressed(f"{opened.id}:{opened.arg}", self._behind(data, event))
                    await self._callback(data, MODAL, Body(modal(opened, id)))
                else:
                    body = self._body(data, event, opened).flagged(EPHEMERAL)
                    await self._callback(data, MESSAGE, body)
            case Ack.REPLACES if event.kind is Kind.PRESS and events.private(data):
                if await self._callback(data, DEFERRED_UPDATE):
                    answer = await self._dispatch.handle(event)
                    await self._replace(data, event, answer)
            case Ack.QUIET if event.kind is Kind.PRESS:
                if await self._callback(data, DEFERRED_UPDATE):
                    await self._dispatch.handle(event)
            case _:
                if await self._callback(data, DEFERRED, Body({"flags": EPHEMERAL})):
                    answer = await self._dispatch.handle(event)
                    await self._original(data, event, answer)

    async def _original(self, data: Json, event: Event, answer: Card | Form | None) -> None:
        """The card in place of "thinking"; silence removes it."""
        if answer is None:
            await self._hook(data, "DELETE", "/messages/@original")
            return
        card = mend(answer) if isinstance(answer, Form) else answer
        await self._hook(data, "PATCH", "/messages/@original", self._body(data, event, card))

    async def _replace(self, data: Json, event: Event, answer: Card | Form | None) -> None:
        """The card in place of the one that was pressed on; what has to be mended comes beside it."""
        if isinstance(answer, Form):
            body = self._body(data, event, mend(answer)).flagged(EPHEMERAL)
            await self._hook(data, "POST", "", body)
        elif answer is not None:
            await self._hook(data, "PATCH", "/messages/@original", self._body(data, event, answer))

    async def _suggest(self, data: Json, community: str) -> None:
        event, typing = events.command(data, community, self._declared)
        found: Sequence[Choice] = await self._dispatch.suggest(event, typing) if typing else ()
        choices = [{"name": each.label or each.value, "value": each.value} for each in found[:25]]
        await self._callback(data, CHOICES, Body({"choices": choices}))

    # -- talking to Discord --------------------------------------------------------------------

    def _behind(self, data: Json, event: Event) -> str:
        return "" if events.in_server(data) else event.user.community

    def _body(self, data: Json, event: Event, card: Card) -> Body:
        direct = not events.in_server(data)
        return message(card, custom_id=events.buttons(event.user.community, direct=direct))

    async def _callback(self, data: Json, kind: int, body: Body | None = None) -> bool:
        """Ack. False when it is not ours to answer: too late, or answered by another process.

        An answer that got lost is given again; "already acknowledged" is then our own.
        """
        loop = asyncio.get_running_loop()
        until, number = loop.time() + ACK_WITHIN, 0
        payload: Json = {"type": kind, **({"data": body.json} if body else {})}
        while True:
            number += 1
            try:
                await self._rest.send(
                    "POST",
                    "/interactions/{webhook_id}/{webhook_token}/callback",
                    Body(payload, body.files if body else ()),
                    Lane.EXEMPT,
                    webhook_id=str(data["id"]),
                    webhook_token=str(data["token"]),
                )
            except FAILURES as error:
                code = getattr(error, "code", 0)
                if code == ALREADY_ACKNOWLEDGED and number > 1:
                    return True
                pause = 0.1 * 2**number
                refused = isinstance(error, discord.HTTPException) and error.status < 500
                if refused or isinstance(error, Silenced) or loop.time() + pause > until:
                    log.warning("not acknowledged", error=type(error).__name__, code=code, tries=number)
                    return False
                await asyncio.sleep(pause)
            else:
                return True

    async def _hook(self, data: Json, method: str, path: str, body: Body | None = None) -> None:
        """The answer itself, through the interaction's webhook."""
        await self._rest.send(
            method,
            "/webhooks/{webhook_id}/{webhook_token}" + path,
            body,
            Lane.EXEMPT,
            tries=EDIT_TRIES,
            webhook_id=str(data["application_id"]),
            webhook_token=str(data["token"]),
        )

    # -- where people are ----------------------------------------------------------------------

    async def _community(self, data: Json) -> str:
        """The server that an interaction belongs to; empty if nobody can tell."""
        if events.in_server(data):
            return str(data["guild_id"])
        if data["type"] in (events.COMPONENT, events.SUBMIT) and (told := events.custom_id(data)[1]):
            return told
        return await self._known(event_user(data))

    async def _known(self, user: str) -> str:
        """The server that somebody was last seen in, or is a member of; empty if nobody can tell."""
        if known := (await self._store.person(user)).community:
            return known
        for community in await self._store.communities(MEMBERS_ASKED):
            if await self._is_member(community, user):
                await self._store.seen(user, community)
                return community
        return ""

    async def _is_member(self, community: str, user: str) -> bool:
        try:
            await self._rest.ask(
                "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=community, user_id=user
            )
        except FAILURES:
            return False
        return True

    # -- words ---------------------------------------------------------------------------------

    async def _message(self, data: Json) -> None:
        if not events.in_server(data):
            await self._direct(data)
            return
        channel = str(data["channel_id"])
        made = discord.utils.snowflake_time(int(channel))
        settled = (self._clock.now() - made).total_seconds() > 60.0  # its row is written within seconds
        if where := await self._store.thread(channel, settled=settled):
            await self._dispatch.handle(events.reply(data, where))

    async def _direct(self, data: Json) -> None:
        """Somebody wrote to the bot itself: the answer, in the same conversation; once, by its nonce."""
        user, channel = str(data["author"]["id"]), str(data["channel_id"])
        community = await self._at_home(user)
        if community:
            await self._store.direct(user, channel)
            answer = await self._dispatch.handle(events.direct(data, community))
        else:
            answer = self._to_stranger(user)
        if isinstance(answer, Card):
            body = message(answer, custom_id=events.buttons(community, direct=True)).named(str(data["id"]))

            async def say() -> None:
                async with seam():
                    await self._rest.send("POST", MESSAGES, body, tries=EDIT_TRIES, channel_id=channel)

            await surely(say, PAUSES)

    async def _at_home(self, user: str) -> str:
        """The server of somebody who writes; a stranger who was just answered is not looked for again."""
        told = self._strangers.get(user)
        if told is not None and self._clock.now() - told < STRANGERS:
            return (await self._store.person(user)).community
        return await self._known(user)

    def _to_stranger(self, user: str) -> Card | None:
        """What somebody reads whose server nobody knows; once in a while, as everybody."""
        now, told = self._clock.now(), self._strangers.get(user)
        if told is not None and now - told < STRANGERS:
            return None
        self._strangers.put(user, now)
        return Card(self._dispatch.line("platform-stranger", ""), tone=Tone.CARE)


def event_user(data: Json) -> str:
    """The id of an interaction's user."""
    return str(events.person(data)["id"])

"""What people do in the local web chat: each action becomes an event for the bot, once.

An action belongs to the server, not to the socket it came over. A browser that lost its connection
sends its unanswered actions again under the same ids: one still being worked on is waited for, one
done in this process gets its answer again, and one done before a restart is known by the keys of
what it left behind (or by the bot, which handles an event's id once).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.chat import Ack, Dispatch, Event, Kind, Message
from bot.clock import SystemClock
from bot.errors import Gone
from bot.platforms import web_frames as frames
from bot.platforms.web_cards import Json, card_json, choices_json, form_json
from bot.platforms.web_frames import Frame, Wrong
from bot.platforms.web_hub import Hub, may_see
from bot.platforms.web_people import BOT, Community, Person, place
from bot.platforms.web_store import Row, Store
from bot.ui import Card, Form, Tone, split_custom_id

_REMEMBERED = 1000  # answers of this process, for browsers that ask again
_STEPS = {2, 24, 168}  # hours that the clock's buttons move it
_LANGUAGE = "en"  # the page's own
log = structlog.get_logger(__name__)


class Actions:
    """Everything a window can ask for."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        community: Community,
        clock: SystemClock,
        dispatch: Dispatch,
        next_event: Callable[[], Awaitable[datetime | None]],
    ) -> None:
        self._store, self._hub, self._community = store, hub, community
        self._clock, self._dispatch, self._next_event = clock, dispatch, next_event
        self._tasks: dict[str, asyncio.Task[Json]] = {}
        self._kinds: dict[str, Callable[[Person, str, Frame], Awaitable[Json]]] = {
            "say": self._say,
            "command": self._command,
            "press": self._press,
            "submit": self._submit,
            "suggest": self._suggest,
            "clock": self._move_clock,
            "dismiss": self._dismiss,
            "read": self._read,
        }

    async def act(self, person: Person, id: str, frame: Frame) -> Json:
        """Do what the frame asks, once however often it comes, and give the answer's content."""
        key = f"{person.id}:{id}"
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._do(person, id, frame))
            while len(self._tasks) > _REMEMBERED and next(iter(self._tasks.values())).done():
                del self._tasks[next(iter(self._tasks))]
        await asyncio.wait({task})
        match task.exception():
            case None:
                return task.result()
            case Wrong() as wrong:
                return {"error": self._line(wrong.words, **wrong.says)}
            case Gone():
                return {"error": self._line("web-gone")}
            case failure:
                log.error("web_action_failed", error=type(failure).__name__, at=_where_from(failure))
                return {"error": self._line("web-failed")}

    async def stop(self) -> None:
        """Leave what is unfinished: browsers ask again after the restart."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _line(self, words: str, **says: str | int) -> str:
        return self._dispatch.line(words, _LANGUAGE, **says)

    async def _do(self, person: Person, id: str, frame: Frame) -> Json:
        kind = self._kinds.get(frames.text(frame, "do"))
        if kind is None:
            raise Wrong("web-unknown-action")
        return await kind(person, id, frame)

    async def _say(self, person: Person, id: str, frame: Frame) -> Json:
        channel, thread = self._place(person, frame), frames.number(frame, "thread")
        body = {"text": frames.said(frame)}
        row, new = await self._store.put(
            channel, thread, person.id, body, at=self._clock.now(), key=f"say:{person.id}:{id}"
        )
        if new:
            self._hub.tell_message(row)
        if (at := self._community.channel(channel)) and at.private_to(person):
            event = self._event(person, f"direct-{row.id}", Kind.DIRECT, "direct", row)
            await self._handle(event, person, Ack.REPLIES, row)
        elif thread is not None and (await self._store.root(channel, thread)).author == BOT:
            event = self._event(person, f"reply-{row.id}", Kind.REPLY, "reply", row)
            await self._handle(event, person, Ack.QUIET, row)
        return {"message": row.id}

    async def _command(self, person: Person, id: str, frame: Frame) -> Json:
        at = await self._at(person, frame)
        name = frames.text(frame, "name")
        event = self._event(person, id, Kind.COMMAND, name, at, frame)
        if name not in {command.name for command in self._dispatch.commands(event.locale)}:
            said = self._line("web-unknown-command", command=name[:40])
            return await self._deliver(event, Card(said, tone=Tone.PROBLEM), person, Ack.REPLIES, at)
        return await self._handle(event, person, self._dispatch.ack(Kind.COMMAND, name), at)

    async def _press(self, person: Person, id: str, frame: Frame) -> Json:
        row = await self._card(person, frame)
        button = frames.text(frame, "button")
        if button not in {each["id"] for each in row.body.get("card", {}).get("buttons", ())}:
            raise Wrong("web-button-gone")
        name, arg = split_custom_id(button)
        event = self._event(person, id, Kind.PRESS, name, row, {**frame, "arg": arg})
        return await self._handle(event, person, self._dispatch.ack(Kind.PRESS, name), row)

    async def _submit(self, person: Person, id: str, frame: Frame) -> Json:
        name, at = frames.text(frame, "form"), await self._at(person, frame)
        event = self._event(person, id, Kind.SUBMIT, name, at, frame)
        return await self._handle(event, person, self._dispatch.ack(Kind.SUBMIT, name), at)

    async def _suggest(self, person: Person, id: str, frame: Frame) -> Json:
        kind = Kind.SUBMIT if frame.get("of") == "form" else Kind.COMMAND
        at = await self._at(person, frame)
        event = self._event(person, id, kind, frames.text(frame, "name"), at, frame)
        found = await self._dispatch.suggest(event, frames.text(frame, "option"))
        return {"choices": choices_json(found)}

    async def _move_clock(self, person: Person, id: str, frame: Frame) -> Json:
        if await self._store.moved(person.id) == id:
            return {}
        if frame.get("to") == "next":
            target = await self._next_event()
            if target is None:
                return {"note": self._line("web-nothing-planned")}
        else:
            hours = frames.number(frame, "hours")
            if hours not in _STEPS:
                raise Wrong("web-clock")
            target = self._clock.now() + timedelta(hours=hours)
        await self._forward(target)
        await self._store.keep_moved(person.id, id)
        self._hub.tell({"type": "clock", "now": self._clock.now().isoformat()})
        return {}

    async def _forward(self, target: datetime) -> None:
        """Let the time pass from one planned thing to the next, so that each happens at its own time."""
        while (due := await self._next_event()) is not None and self._clock.now() < due <= target:
            await self._pass(due - self._clock.now())
        if target > self._clock.now():
            await self._pass(target - self._clock.now())
        await self._next_event()

    async def _pass(self, by: timedelta) -> None:
        """Let time pass; written down first, for after a crash it must not have gone back."""
        await self._store.keep_offset(self._clock.offset + by)
        self._clock.advance(by)

    async def _dismiss(self, person: Person, id: str, frame: Frame) -> Json:
        row = await self._card(person, frame)
        if row.only_for != person.id:
            raise Wrong("web-not-private")
        self._hub.tell_message(await self._store.empty(row.id))
        return {}

    async def _read(self, person: Person, id: str, frame: Frame) -> Json:
        channel, thread = self._place(person, frame), frames.number(frame, "thread")
        where = channel if thread is None else f"{channel}/{thread}"
        upto = await self._store.mark(person.id, where, frames.number(frame, "upto") or 0)
        self._hub.tell({"type": "read", "where": where, "upto": upto}, lambda each: each is person)
        return {}

    async def _handle(self, event: Event, person: Person, ack: Ack, at: Row) -> Json:
        """Give the event to the bot, unless its reply is here already."""
        if await self._store.by_key(_reply_key(event)) is not None:
            return {}
        if ack is Ack.OPENS and event.kind is not Kind.SUBMIT:
            result = await self._dispatch.form(event)
        else:
            result = await self._dispatch.handle(event)
        if isinstance(result, Form):
            return {"open": form_json(result, int(event.message.id) if event.message else None)}
        if result is None:
            return {}
        return await self._deliver(event, result, person, ack, at)

    async def _deliver(self, event: Event, card: Card, person: Person, ack: Ack, at: Row) -> Json:
        """Show the person a card: in place of the private one they used, or as a private reply."""
        body = {"card": card_json(card)}
        if ack is Ack.REPLACES and event.message is not None and self._is_theirs(at, person):
            try:
                self._hub.tell_message(await self._store.change(at.id, body))
            except Gone:
                pass  # put away meanwhile: then it is a reply of its own, below
            else:
                return {}
        row, _ = await self._store.put(
            at.channel,
            at.thread,
            BOT,
            body,
            at=self._clock.now(),
            key=_reply_key(event),
            only_for=person.id,
        )
        self._hub.tell_message(row)
        return {}

    def _is_theirs(self, row: Row, person: Person) -> bool:
        """Whether nobody else reads that card, so that it may change under one person's hand."""
        channel = self._community.channel(row.channel)
        return row.only_for == person.id or (channel is not None and channel.private_to(person))

    def _place(self, person: Person, frame: Frame) -> str:
        channel = self._community.channel(frames.text(frame, "channel"))
        if channel is None or not channel.open_to(person):
            raise Wrong("web-closed")
        return channel.id

    async def _at(self, person: Person, frame: Frame) -> Row:
        """Where the person is: the card whose form they fill in, or a row that stands for the place.

        A card that was put away meanwhile takes nothing with it: the place remains.
        """
        if frame.get("message") is not None:
            with suppress(Gone):
                return await self._card(person, frame)
        channel, thread = self._place(person, frame), frames.number(frame, "thread")
        if thread is not None:
            await self._store.root(channel, thread)
        return Row(0, channel, thread, person.id, None, {}, self._clock.now(), None, None)

    async def _card(self, person: Person, frame: Frame) -> Row:
        row = await self._store.get(frames.number(frame, "message") or 0)
        channel = self._community.channel(row.channel)
        if channel is None or not may_see(person, channel, row):
            raise Gone("unknown_message")
        return row

    def _event(
        self, person: Person, id: str, kind: Kind, name: str, at: Row, frame: Frame | None = None
    ) -> Event:
        here = place(at.channel, at.thread)
        return Event(
            id=f"web:{person.id}:{id}",
            kind=kind,
            name=name,
            user=person.user,
            place=here,
            arg=frames.text(frame, "arg", frames.SAY_LIMIT) if frame else "",
            values=frames.values(frame) if frame else {},
            message=Message(here, str(at.id)) if at.id else None,
            display=person.name,
            zone=person.zone,
            is_moderator=person.is_moderator,
            is_admin=person.is_admin,
        )


def _reply_key(event: Event) -> str:
    return f"reply:{event.id}"


def _where_from(failure: BaseException) -> str:
    """The file and line that failed: enough to find it, and nothing anybody wrote."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"

"""Answering what people do: Slack has its ack by then, and gets the card afterwards.

Commands, presses and shortcuts are acked by the listeners in ``slack_app`` before anything is looked at;
here each is answered by a task of its own:

========  =====================================================================================
opens     views.open while the trigger lives; too late, a private card whose button opens the form
replies   a private card (see ``slack_private``)
replaces  the card takes the place of the private one it sits on; of the App Home, there
quiet     nothing
========  =====================================================================================

A form that is handed in is acked with its answer: what to mend stands beside the fields, or else the modal
closes. What is not known two seconds after it arrived is told privately instead. Nothing ever takes the
place of a post that everybody reads. What Slack delivers twice is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog

from bot.chat import Ack, Dispatch, Event, Kind
from bot.clock import Clock
from bot.errors import ChatError, Undeliverable
from bot.platforms import slack_events as events
from bot.platforms import slack_forms as forms
from bot.platforms.mending import mend
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, OVER, seam
from bot.platforms.slack_events import Asked
from bot.platforms.slack_home import Home
from bot.platforms.slack_private import Private
from bot.platforms.slack_rest import Lane, Rest
from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.platforms.slack_who import Who
from bot.platforms.slack_work import Work, reason
from bot.platforms.surely import surely
from bot.ui import Button, Card, Form, LimitError, Tone, join

Json = dict[str, Any]
Parse = Callable[[Json, int], Asked | None]
Ended = Callable[[str], Awaitable[None]]
log = structlog.get_logger(__name__)

PAUSES = (0.5, 2.0, 10.0, 30.0, 60.0, 120.0)  # seconds between tries to answer somebody's words
DEADLINE = 2.0  # seconds that a modal waits for its answer; Slack gives three
NOT_PAYLOADS = (KeyError, TypeError, ValueError, AttributeError, IndexError)  # of what is no payload


class Answers:
    """Takes payloads, gives answers."""

    def __init__(
        self,
        rest: Rest,
        who: Who,
        private: Private,
        home: Home,
        work: Work,
        clock: Clock,
        dispatch: Dispatch,
        *,
        ended: Ended,
        prefix: str = "",
        spelling: Spelling = PLAIN,
    ) -> None:
        self._rest, self._who, self._private, self._home = rest, who, private, home
        self._work, self._clock, self._dispatch = work, clock, dispatch
        self._ended, self._prefix, self._spelling = ended, prefix, spelling
        self._recent: Recent[bool] = Recent(8192)
        self._handed_in: Recent[tuple[str, asyncio.Future[Json]]] = Recent(1024)  # trigger and ack, by modal
        self._unopened: Recent[dict[str, str]] = Recent(256)  # what stood in forms that did not open

    # -- what the listeners hand on, acked already ---------------------------------------------

    def command(self, body: Json) -> None:
        """A slash command."""
        self._take(lambda body, at: events.command(body, at, self._prefix), body, self._answer)

    def press(self, body: Json) -> None:
        """A button."""
        self._take(events.press, body, self._answer)

    def shortcut(self, body: Json) -> None:
        """A shortcut, from anywhere or on a message."""
        self._take(events.shortcut, body, self._answer)

    def event(self, body: Json) -> None:
        """Something happened: words in a thread or to the bot, a look at the App Home, an end."""
        happened: Json = body.get("event") or {}
        match happened.get("type"):
            case "message":
                self._take(events.spoken, body, self._spoken)
            case "app_home_opened":
                self._take(events.home_opened, body, self._home.opened)
            case "app_uninstalled" | "tokens_revoked":
                if team := events.ended(body):
                    self._work.start(lambda: self._ended(team))
            case _:
                return

    def _take(self, parse: Parse, body: Json, work: Callable[[Asked], Awaitable[None]]) -> None:
        try:
            asked = parse(body, self._now)
        except NOT_PAYLOADS as error:
            log.warning("payload not understood", error=type(error).__name__)
            return
        if asked is None or self._recent.get(asked.id):
            return
        self._recent.put(asked.id, True)

        async def run() -> None:
            if await self._installed(asked):
                await work(asked)

        if not self._work.start(run):
            self._recent.drop(asked.id)

    async def _installed(self, asked: Asked) -> bool:
        """Whether the bot may act in that workspace; who is still there to ask is told so."""
        try:
            await self._rest.workspace(asked.team)
        except FAILURES as error:
            if not isinstance(error, Undeliverable) and reason(error) not in OVER:
                return True  # Slack does not answer just now
            log.warning("not installed there", team=asked.team, reason=reason(error))
            if url := asked.origin.response_url:
                told = self._dispatch.line("platform-removed", "")  # nobody can say who it is any more
                await self._rest.respond(url, {"response_type": "ephemeral", "text": told})
            return False
        return True

    @property
    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    # -- commands and presses ------------------------------------------------------------------

    async def _answer(self, asked: Asked) -> None:
        event = await self._who.event(asked)
        ack = self._dispatch.ack(asked.kind, asked.name)
        if ack is Ack.OPENS:
            opened = await self._dispatch.form(event)
            if isinstance(opened, Form):
                await self._open(asked, opened, event.locale)
            else:
                await self._private.show(asked, opened)
            return
        answer = await self._dispatch.handle(event)
        if ack is Ack.QUIET and asked.kind is Kind.PRESS:
            self._home.touch(asked.team, asked.user)
            return
        if ack is Ack.REPLACES and asked.private and isinstance(answer, Card):
            if asked.home:
                await self._home.publish(asked, answer)
                return
            await self._private.replace(asked, answer)
        else:
            await self._show(asked, answer)
        self._home.touch(asked.team, asked.user)

    async def _words(self, asked: Asked) -> None:
        """Answer somebody's words where they wrote them; what Slack refuses there stands on the App Home."""
        event = await self._who.event(asked)
        answer = await self._dispatch.handle(event)

        async def say() -> None:
            async with seam(person=True):
                await self._show(asked, answer)

        try:
            await surely(say, PAUSES)
        except ChatError as error:
            log.warning("not said where they wrote", error=type(error).__name__, reason=error.reason)
            if isinstance(answer, Card):
                await self._home.leave(asked, self._elsewhere(answer, event.locale))

    def _elsewhere(self, answer: Card, locale: str) -> Card:
        told = self._dispatch.line("platform-elsewhere", locale)
        try:
            return replace(answer, text=join(told, answer.text, by="\n\n"))
        except LimitError:
            return answer

    async def _show(self, asked: Asked, answer: Card | Form | None) -> None:
        if answer is not None:
            await self._private.show(asked, mend(answer) if isinstance(answer, Form) else answer)

    async def _open(self, asked: Asked, form: Form, locale: str) -> None:
        """The form on the screen; where Slack takes its trigger no more, a card with a button to it."""
        key = f"{asked.team}/{asked.user}/{form.id}:{form.arg}"
        if held := self._unopened.get(key):
            empty = {each.name for each in form.fields if not each.value}
            form = form.filled({name: value for name, value in held.items() if name in empty})
        try:
            await self._rest.call(
                asked.team,
                "views.open",
                Lane.PEOPLE,
                trigger_id=asked.trigger,
                view=forms.view(form, asked.origin, spelling=self._spelling),
            )
        except FAILURES as error:
            log.info("form not opened", error=type(error).__name__, reason=reason(error))
            self._unopened.put(key, {each.name: each.value for each in form.fields if each.value})
            await self._private.show(asked, self._unopenable(form, locale))
        else:
            self._unopened.drop(key)

    def _unopenable(self, form: Form, locale: str) -> Card:
        buttons: tuple[Button, ...] = (form.again,) if form.again else ()
        if not buttons:
            try:
                buttons = (Button("form.again", f"{form.id}:{form.arg}", form.title or form.submit),)
            except LimitError:
                log.warning("no button back to a form")
        late = self._dispatch.line("platform-late", locale)
        return Card(late, title=form.title, tone=Tone.PROBLEM, buttons=buttons)

    # -- forms that are handed in --------------------------------------------------------------

    async def submission(self, body: Json) -> Json:
        """The ack of a form: what to mend, or nothing, which closes it. Never later than the deadline.

        The same one delivered again gets the same answer, and is not done again. A person who hands the
        modal in once more (their client had no ack) waits for the first time if that is still under way;
        after it the dispatcher knows what was done.
        """
        try:
            asked = events.submit(body, self._now)
        except NOT_PAYLOADS as error:
            log.warning("payload not understood", error=type(error).__name__)
            return {}
        trigger, told = self._handed_in.get(asked.id) or ("", None)
        if told is None or (told.done() and trigger != asked.trigger):
            told = asyncio.get_running_loop().create_future()
            self._handed_in.put(asked.id, (asked.trigger, told))
            closing = told

            async def run() -> None:
                try:
                    if await self._installed(asked):
                        await self._handle(asked, closing)
                finally:
                    if not closing.done():
                        closing.set_result({})

            if not self._work.start(run):
                told.set_result({})
                self._handed_in.drop(asked.id)
        done, _ = await asyncio.wait({told}, timeout=DEADLINE)
        if not done and not told.done():
            told.set_result({})  # it closes now, for the first delivery and for every other
        return told.result()

    async def _handle(self, asked: Asked, told: asyncio.Future[Json]) -> None:
        answer = await self._dispatch.handle(await self._who.event(asked))
        wrong = forms.errors(answer, self._spelling) if isinstance(answer, Form) else {}
        if not told.done():
            told.set_result({"response_action": "errors", "errors": wrong} if wrong else {})
            if wrong:
                return
        await self._show(asked, answer)
        self._home.touch(asked.team, asked.user)

    # -- the rest ------------------------------------------------------------------------------

    async def _spoken(self, asked: Asked) -> None:
        """Somebody wrote: to us, or in a thread, which matters if it hangs on a message of ours."""
        if asked.kind is Kind.DIRECT:
            await self._words(asked)
        elif asked.arg in ("", (await self._rest.workspace(asked.team)).bot_user):  # empty: the cogs know it
            event: Event = await self._who.event(asked)
            await self._dispatch.handle(event)

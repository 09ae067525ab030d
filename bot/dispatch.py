"""Event -> handler -> private reply: dedupe, forms and drafts, undelivered notes, the one error boundary."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from random import getrandbits
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.arrivals import Arrivals
from bot.chat import Ack, Event, Kind
from bot.cog import Already, Ctx, EventHandler, Kit
from bot.errors import Refused
from bot.observer import Observer
from bot.people import Preferences
from bot.registry import Registry
from bot.sender import trace
from bot.storage.engine import insert_into
from bot.storage.schema import events
from bot.texts import check, clean
from bot.ui import (
    BUTTONS_LIMIT,
    CARD_LIMIT,
    TEXT_LIMIT,
    Audience,
    Button,
    Card,
    Choice,
    Command,
    Form,
    Tone,
    join,
    plain,
    split_custom_id,
)
from bot.words import Voice, words_id

log = structlog.get_logger("bot.dispatch")

AGAIN = Button("form.again")  # opens a form once more, with what was typed
MISSED = Button("nudges.missed")  # shows what could not be delivered
REMEMBERED = 4096  # event ids kept in memory, for the platform's quick redeliveries
SEEN_AGAIN = timedelta(hours=6)  # how old "last seen" may get before a mere look refreshes it


class Dispatcher:
    """The platforms' way in; implements ``bot.chat.Dispatch``."""

    def __init__(self, kit: Kit, registry: Registry, observer: Observer | None = None) -> None:
        self._kit, self._registry, self._observer = kit, registry, observer
        self._arrivals = Arrivals(kit.storage, kit.people)
        self._forms: dict[tuple[str, str], Form] = {}  # by language and id, in words
        self._recent: OrderedDict[str, None] = OrderedDict()

    # -- what platforms ask --------------------------------------------------------------------

    def commands(self, locale: str) -> Sequence[Command]:
        """The slash commands, in the words of a language."""
        voice = self._kit.words.speak(locale)
        declared = (spec.command for spec in self._registry.commands.values())
        return [voice.command(command) for command in declared if command.typed]

    def ack(self, kind: Kind, name: str) -> Ack:
        """How the platform acknowledges this event, before anything is computed."""
        if name == AGAIN.id:
            return Ack.OPENS
        if kind is Kind.COMMAND and name in self._registry.commands:
            return self._registry.commands[name].ack
        if kind is Kind.PRESS and name in self._registry.presses:
            return self._registry.presses[name].ack
        return Ack.QUIET if kind is Kind.REPLY else Ack.REPLIES

    def line(self, words: str, locale: str, **says: str | int) -> str:
        """A sentence that a platform says by itself, to whoever speaks that language."""
        return self._kit.words.speak(locale, self._kit.people.defaults.language).line(words, **says)

    async def form(self, event: Event) -> Form | Card:
        """The form that the event opens, filled in; a card if it cannot be opened."""
        event, began, failed = _tidy(event), self._kit.clock.monotonic(), False
        with self._bound(event):
            try:
                ctx, drafted = await self._arrived(event)
                try:
                    return await self._open(ctx, drafted)
                except Refused as refused:
                    return self._refusal(ctx, refused)
            except Exception as error:  # noqa: BLE001  (the boundary)
                failed = True
                return await self._failure(event, error, kept=False)
            finally:
                self._observe(event, began, failed=failed)

    async def handle(self, event: Event) -> Card | Form | None:
        """Do what the event asks; the private card, or the form with what to mend, or nothing."""
        if event.id in self._recent:
            return None
        self._recent[event.id] = None
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        event, began, failed = _tidy(event), self._kit.clock.monotonic(), False
        with self._bound(event):
            try:
                answer = await self._handled(event)
                if isinstance(answer, Form):
                    self._recent.pop(event.id, None)  # nothing was done; the same form may come again
            except Exception as error:  # noqa: BLE001  (the boundary)
                failed = True
                self._recent.pop(event.id, None)  # nothing was done; the platform may deliver it again
                kept = event.kind is Kind.SUBMIT and await self._keep(event)
                answer = await self._failure(event, error, kept=kept)
            finally:
                self._observe(event, began, failed=failed)
        return None if event.kind is Kind.REPLY else answer

    async def suggest(self, event: Event, option: str) -> Sequence[Choice]:
        """Completions for what is typed so far (``event.arg``); none on any trouble."""
        handler = self._registry.suggests.get((event.name, option))
        if handler is None:
            return []
        event = _tidy(event)
        with self._bound(event):
            try:
                ctx = await self._ctx(event)
                return [] if self._barred(ctx, event.kind, event.name) else await handler(ctx)
            except Exception as error:  # noqa: BLE001  (the boundary)
                log.error("suggest failed", error=type(error).__name__, trace=trace(error))
                return []

    def _observe(self, event: Event, began: float, *, failed: bool) -> None:
        if self._observer:
            self._observer.handled(event, self._kit.clock.monotonic() - began, failed=failed)

    # -- events --------------------------------------------------------------------------------

    async def _handled(self, event: Event) -> Card | Form | None:
        """The answer, with what else there is to say."""
        ctx = await self._ctx(event)
        try:
            answer = await self._answer(ctx)
        except Already:
            log.info("handled before")
            return None if event.kind is Kind.DIRECT else ctx.voice.card(Card(ctx.say("already-done")))
        except Refused as refused:
            return await self._mend(ctx, refused)
        if event.kind is not Kind.REPLY and not event.unasked:
            try:
                if not isinstance(answer, Form) and event.kind is not Kind.DIRECT:
                    answer = await self._with_missed(ctx, answer)
                await self._was_there(ctx)
            except Exception as error:  # noqa: BLE001  (the boundary; what was asked is done, and is told)
                log.error("after the answer", error=type(error).__name__, trace=trace(error))
        return answer

    async def _answer(self, ctx: Ctx) -> Card | Form | None:
        event = ctx.event
        if barred := self._barred(ctx, event.kind, event.name):
            return barred
        match event.kind:
            case Kind.COMMAND:
                spec = self._registry.commands.get(event.name)
                return await self._run(ctx, spec.handler if spec else None)
            case Kind.PRESS:
                press = self._registry.presses.get(event.name)
                return await self._run(ctx, press.handler if press else None)
            case Kind.SUBMIT:
                return await self._submit(ctx)
            case Kind.REPLY:
                for handler in self._registry.replies:
                    await handler(ctx)
                return None
            case Kind.DIRECT:
                return await self._run(ctx, direct) if (direct := self._registry.direct) else None

    async def _run(self, ctx: Ctx, handler: EventHandler | None) -> Card | Form | None:
        if handler is None:
            return self._unknown(ctx)
        answer = await handler(ctx)
        match answer:
            case Card():
                return ctx.voice.card(answer)
            case Form():
                return ctx.voice.form(answer)
            case None:
                return None

    async def _submit(self, ctx: Ctx) -> Card | Form | None:
        event = ctx.event
        if event.name not in self._registry.forms:
            return self._unknown(ctx)
        form, handler = self._registry.forms[event.name]
        form = self._shown(ctx, form, event.arg)
        values, mend = check(form, event.values, ctx.voice)
        ctx.event = replace(event, values=values)
        if mend:
            await self._keep(ctx.event)
            return self._again(ctx, mend)
        answer = await self._run(ctx, handler)
        if not isinstance(answer, Form) and not ctx.kept:
            await self._drop_draft(event)
        return answer

    async def _drop_draft(self, event: Event) -> None:
        if await self._kit.drafts.load(event.user, _form_key(event)):
            async with self._kit.storage.write() as tx:
                await self._kit.drafts.drop(tx, event.user, _form_key(event))

    async def _mend(self, ctx: Ctx, refused: Refused) -> Card | Form:
        """Tell the person why it cannot be done: beside the field at fault, if there is one."""
        event = ctx.event
        self._recent.pop(event.id, None)
        if event.kind is Kind.SUBMIT:
            await self._keep(event)
            form, _ = self._registry.forms[event.name]
            if refused.field:
                shown = self._shown(ctx, form, event.arg)
                error = ctx.line(refused.words, **refused.says)
                fields = (
                    replace(
                        field,
                        value=event.values.get(field.name, ""),
                        error=error if field.name == refused.field else "",
                    )
                    for field in shown.fields
                )
                return self._again(ctx, replace(shown, fields=tuple(fields)))
        return self._refusal(ctx, refused)

    def _again(self, ctx: Ctx, form: Form) -> Form:
        return replace(form, again=ctx.button(AGAIN, f"{form.id}:{form.arg}"))

    async def _open(self, ctx: Ctx, drafted: bool) -> Form | Card:
        """The form, with what its feature and an earlier try put into it."""
        form, arg = self._opened(ctx.event)
        if form is None:
            return self._unknown(ctx)
        if barred := self._barred(ctx, Kind.SUBMIT, form.id):
            return barred
        is_command = ctx.event.kind is Kind.COMMAND
        if arg != ctx.event.arg:
            ctx.event = replace(ctx.event, arg=arg)
        values: Mapping[str, str] = {}
        if fill := self._registry.fills.get(form.id):
            filled = await fill(ctx)
            if isinstance(filled, Card):
                return ctx.voice.card(filled)
            values = filled
        if is_command:
            arg = values.get("arg", "")
        kept = await self._kit.drafts.load(ctx.user, f"{form.id}:{arg}") if drafted else {}
        shown = self._shown(ctx, form, arg)
        return shown.filled({**values, **kept}) if values or kept else shown

    def _shown(self, ctx: Ctx, form: Form, arg: str) -> Form:
        """A declared form in the person's language; its words are put together once."""
        key = ctx.voice.language, form.id
        if key not in self._forms:
            self._forms[key] = ctx.voice.form(form)
        return replace(self._forms[key], arg=arg) if arg else self._forms[key]

    def _opened(self, event: Event) -> tuple[Form | None, str]:
        """The form that an event opens, and its arg."""
        if event.name == AGAIN.id:
            name, arg = split_custom_id(event.arg)
            form, _ = self._registry.forms.get(name, (None, None))
            return form, arg
        specs = self._registry.commands if event.kind is Kind.COMMAND else self._registry.presses
        spec = specs.get(event.name)
        return (spec.opens if spec else None), event.arg

    # -- what every event needs ----------------------------------------------------------------

    async def _ctx(self, event: Event) -> Ctx:
        return (await self._arrived(event))[0]

    async def _arrived(self, event: Event) -> tuple[Ctx, bool]:
        """The event with all it needs, and whether its person has a draft."""
        found = await self._arrivals.of(event)
        voice = self._kit.words.speak(found.person.language)

        async def begin(tx: AsyncConnection) -> None:
            insert = insert_into(tx, events).values(id=_event_key(event), at=self._kit.now)
            if not (await tx.execute(insert.on_conflict_do_nothing())).rowcount:
                raise Already
            if event.kind is not Kind.REPLY and not event.unasked:
                await self._kit.people.seen(tx, event, self._kit.now)
            ctx.begin = _once

        ctx = Ctx(self._kit, event, found.person, found.community, voice, begin, self._rezone)
        return ctx, found.drafted

    async def _was_there(self, ctx: Ctx) -> None:
        """A reaction sets the count of ignored messages back, even if nothing else was written."""
        person, now = ctx.person, self._kit.now
        stale = person.seen_at is None or now - person.seen_at > SEEN_AGAIN
        if ctx.begin is not _once and (stale or person.ignored or person.unreachable):
            async with self._kit.storage.write() as tx:
                await self._kit.people.seen(tx, ctx.event, now)

    async def _with_missed(self, ctx: Ctx, answer: Card | None) -> Card | None:
        """What could not be delivered, said privately at the next chance."""
        if not ctx.person.unreachable and answer is None:
            return answer
        async with self._kit.storage.read() as connection:
            missed = await self._kit.outbox.undelivered(connection, ctx.user)
        if not missed or ctx.event.name == MISSED.id:
            return answer
        note = ctx.say("missed-note", n=len(missed))
        button = ctx.button(MISSED)
        if answer is None:
            return Card(note, buttons=(button,))
        text = join(answer.text, note, by="\n\n")
        room = len(answer.buttons) < BUTTONS_LIMIT and len(plain(text)) <= TEXT_LIMIT
        if not room or len(answer.plain) + len(plain(note)) + 2 > CARD_LIMIT:
            return answer
        return replace(answer, text=text, buttons=(*answer.buttons, button))

    async def _keep(self, event: Event) -> bool:
        """Keep what was typed; False if even that failed."""
        try:
            values = {name: clean(value) for name, value in event.values.items()}
            await self._kit.drafts.keep(event.user, _form_key(event), values)
        except Exception as error:  # noqa: BLE001  (the boundary; the first error matters more)
            log.error("draft not kept", error=type(error).__name__)
            return False
        return True

    async def _rezone(self, kit: Kit, tx: AsyncConnection, old: Preferences, new: Preferences) -> None:
        for handler in self._registry.rezones:
            await handler(kit, tx, old, new)

    # -- sentences -----------------------------------------------------------------------------

    def _barred(self, ctx: Ctx, kind: Kind, name: str) -> Card | None:
        """What somebody reads whom a command, button or form is not for, however they got hold of it."""
        audience = self._registry.audience(kind, name)
        if audience.admits(moderator=ctx.event.is_moderator, organiser=ctx.event.is_admin):
            return None
        words = "only-moderators" if audience is Audience.MODERATORS else "only-organisers"
        return Card(ctx.say(words), tone=Tone.PROBLEM)

    def _unknown(self, ctx: Ctx) -> Card:
        return Card(ctx.say("unknown-action"), tone=Tone.PROBLEM)

    def _refusal(self, ctx: Ctx, refused: Refused) -> Card:
        buttons = ()
        if ctx.event.kind is Kind.SUBMIT:
            buttons = (ctx.button(AGAIN, _form_key(ctx.event)),)
        return Card(ctx.say(refused.words, **refused.says), tone=Tone.PROBLEM, buttons=buttons)

    async def _failure(self, event: Event, error: Exception, *, kept: bool) -> Card:
        """One plain sentence for the person; the place, and no personal text, for the operator."""
        code = structlog.contextvars.get_contextvars().get("cid", "")
        log.error("handler failed", error=type(error).__name__, trace=trace(error))
        voice = await self._voice(event)
        if event.kind is Kind.DIRECT:  # maybe despair: nothing to try again, and no code
            return Card(voice("failed-direct"), tone=Tone.CARE)
        buttons = (voice.button(AGAIN, _form_key(event)),) if kept else ()
        return Card(voice("failed", kept=kept, code=str(code)), tone=Tone.PROBLEM, buttons=buttons)

    async def _voice(self, event: Event) -> Voice:
        """The person's language, if that much still works."""
        try:
            return (await self._ctx(event)).voice
        except Exception:  # noqa: BLE001  (the boundary; the first error is logged)
            return self._kit.words.speak(event.locale, self._kit.people.defaults.language)

    def _bound(self, event: Event) -> Any:
        """Log lines of this event share a correlation id, and name no person and nothing typed."""
        known = self._registry
        ours = event.name in {*known.commands, *known.presses, *known.forms, AGAIN.id}
        return structlog.contextvars.bound_contextvars(
            cid=f"{getrandbits(32):08x}",
            platform=event.user.platform,
            event=event.kind.value,
            name=words_id(event.name) if ours else "unknown",
        )


async def _once(_: AsyncConnection) -> None:
    """The event is already written down in an earlier transaction of its handler."""


def _form_key(event: Event) -> str:
    return f"{event.name}:{event.arg}"


def _event_key(event: Event) -> str:
    return f"{event.user.platform}/{event.id}"[:200]


def _tidy(event: Event) -> Event:
    """What came with it, without what only breaks a page; a form's values are checked with the form."""
    values = event.values
    if not event.arg and not (values and event.kind is Kind.COMMAND):
        return event
    if event.kind is Kind.COMMAND:
        values = {name: clean(value) for name, value in values.items()}
    return replace(event, arg=clean(event.arg), values=values)

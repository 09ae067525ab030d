"""One unit on its way: rendered, handed to its platform, and what came of it, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

import structlog

from bot.breaker import Breaker
from bot.chat import Chat, Message, Place
from bot.clock import Clock
from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.features import Features, Unit, fault, trace
from bot.logs import under_way
from bot.marks import Outcome, given_back
from bot.patience import within
from bot.rows import FAULT, State, Verb
from bot.stray import contained, from_within
from bot.ui import Card

log = structlog.get_logger("bot.outbox")

RETRY_FIRST, RETRY_MOST = 2.0, 900.0  # seconds; doubling in between
MISCONFIGURED_RETRY = 900.0  # seconds; an organiser has to mend something first


class _Unsayable(Exception):
    """It could not be rendered, and why."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


class _TooLate(Exception):
    """It expired before its turn came."""


class _LeftAlone(Exception):
    """Its platform does not answer just now; for how many seconds it is left alone."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class _NotOurs(Exception):
    """Its lease ended before its turn came: another may have sent it, and we may have begun to."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends units.

    ``call`` is how long a call may take, and what must be left of a lease before one begins (a third of a
    lease); ``attempts`` how often a row may fail by its own fault.
    """

    chats: Mapping[str, Chat]
    features: Features
    clock: Clock
    random: Random
    call: timedelta
    attempts: int
    breaker: Breaker

    async def deliver(
        self, unit: Unit, until: Callable[[Unit], datetime], waits: Callable[[], None] = lambda: None
    ) -> Outcome:
        """Whatever goes wrong with a unit is its own outcome and nobody else's; ``until`` its lease lasts.

        ``waits`` is called as soon as it has to wait for anything.
        """
        row, now = unit.lead, self.clock.now()
        if now + self.call > until(unit):  # it waited here for too long
            return given_back(unit, "lease ran out", now)
        under_way.set((row.id, row.kind))  # until the sender's next one
        worded: list[Card | None] = []
        turn = partial(self._look, unit, until)
        try:
            return await within(self.call.total_seconds(), self._send(unit, worded), turn, waits)
        except Exception as error:  # noqa: BLE001  (one bad row stops no other)
            waits()  # organisers may be told
            if isinstance(error, TimeoutError) and not worded:
                error = _Unsayable(error)
            self._heard(unit, error, now)
            try:
                return await self._failed(unit, error)
            except Exception as worse:  # noqa: BLE001  (raised while the first was handled)
                return self._broken(unit, fault(worse))

    async def _failed(self, unit: Unit, error: Exception) -> Outcome:
        match error:
            case _NotOurs():
                return given_back(unit, "lease ran out", self.clock.now())._replace(unsure=True)
            case _LeftAlone():
                at = self.clock.now() + timedelta(seconds=error.seconds * self.random.uniform(1.0, 1.5))
                return Outcome(unit, State.READY, error="no answer from there", retry_at=at, tried=False)
            case _TooLate():
                log.info("too late when its turn came")
                return Outcome(unit, State.DROPPED)
            case Undeliverable() | Gone():
                log.info("refused for good", reason=error.reason)
                return Outcome(unit, State.UNDELIVERED, error=error.reason)
            case TimeoutError():
                outcome = self._later(unit, "timeout", unsure=True)
            case TryLater():
                outcome = self._later(unit, error.reason, error.after, unsure=error.unsure)
            case Misconfigured():
                log.error("an organiser needs to mend this", reason=error.reason)
                with contained():
                    await self.features.trouble(unit.lead, error.reason)
                outcome = self._later(unit, error.reason, MISCONFIGURED_RETRY)
            case ChatError():
                outcome = self._broken(unit, FAULT + error.reason)
            case _:
                why = error.why if isinstance(error, _Unsayable) else error
                log.error("failed", error=type(why).__name__, trace=trace(why))
                outcome = self._broken(unit, fault(why))
        if outcome.retry_at:
            pause = (outcome.retry_at - self.clock.now()).total_seconds()
            log.info("tried again later", reason=outcome.error, seconds=round(pause, 1))
        return outcome

    def _heard(self, unit: Unit, error: Exception, began: datetime) -> None:
        """Whether its platform answered is remembered; that it refused is an answer.

        A platform's own time limit may end before ours. What fails at once holds up nobody and says nothing.
        """
        platform, silent = unit.platform, isinstance(error, TimeoutError)
        if isinstance(error, TryLater):
            silent = error.unsure and self.clock.now() - began >= self.call / 4
        elif isinstance(error, ChatError):
            self.breaker.answered(platform)
        if silent and self.breaker.unanswered(platform):
            seconds = self.breaker.left(platform)
            log.warning("a platform does not answer: it is left alone", platform=platform, seconds=seconds)

    async def _send(self, unit: Unit, worded: list[Card | None]) -> Outcome:
        """Render it, put the card into ``worded``, and do with it what the row says."""
        row = unit.lead
        verb, place = row.verb, row.place
        platform = unit.platform
        chat = self.chats.get(platform)
        if chat is None:
            raise TryLater("platform is not running", MISCONFIGURED_RETRY)  # here: maybe in another process
        if seconds := self.breaker.left(platform):
            raise _LeftAlone(seconds)
        card = None if verb is Verb.DELETE else await self._card(unit)
        worded.append(card)
        message = None
        if verb is Verb.DELETE and isinstance(place, Message):
            await chat.delete(place)
        elif card is None:
            return Outcome(unit, State.DROPPED)
        elif verb is Verb.DM and row.user:
            message = await chat.dm(row.user, card, key=row.key, again=unit.again)
        elif verb is Verb.POST and isinstance(place, Place):
            message = await chat.post(place, card, key=row.key, again=unit.again)
        elif verb is Verb.THREAD and isinstance(place, Message):
            thread = await chat.thread(place, card.title)
            untitled = replace(card, title="")  # the thread has the title
            message = await chat.post(thread, untitled, key=row.key, again=unit.again)
        elif verb is Verb.EDIT and isinstance(place, Message):
            message = place
            await chat.edit(place, card)
        else:
            raise ChatError(f"{verb} without its target")
        self.breaker.answered(platform)
        return Outcome(unit, State.SENT, message)

    async def _card(self, unit: Unit) -> Card | None:
        """Rendered; whatever goes wrong there, no platform was away, and no person refused."""
        try:
            return await self.features.render(unit)
        except asyncio.CancelledError as error:
            raise _Unsayable(from_within(error)) from None
        except Exception as error:
            raise _Unsayable(error) from error

    def _look(self, unit: Unit, until: Callable[[Unit], datetime]) -> None:
        """When its turn came in a line: whether it still is worth saying, and ours.

        A line may be long, and a process can be stopped in it.
        """
        now, expires = self.clock.now(), unit.lead.expires_at
        if now >= until(unit):
            raise _NotOurs
        if expires and now >= expires:
            raise _TooLate

    def _later(self, unit: Unit, reason: str, after: float = 0.0, *, unsure: bool = False) -> Outcome:
        """Not the row's fault: tried until it expires, ever more seldom, and never all at once."""
        at = self._retry_at(unit.lead.attempts, after)
        return Outcome(unit, State.READY, error=reason, retry_at=at, unsure=unsure)

    def _broken(self, unit: Unit, reason: str) -> Outcome:
        """The row's own fault: a bounded number of tries in a row. An outage in between is none of them."""
        faults = unit.lead.attempts if unit.lead.faulty else 1
        if faults >= self.attempts:
            return Outcome(unit, State.DEAD, error=reason, fault=True)
        at = self._retry_at(faults)
        return Outcome(unit, State.READY, error=reason, retry_at=at, fault=True)

    def _retry_at(self, tries: int, after: float = 0.0) -> datetime:
        pause = min(RETRY_MOST, RETRY_FIRST * 2 ** min(tries - 1, 16))
        pause = max(after, pause * self.random.uniform(0.5, 1.0))
        return self.clock.now() + timedelta(seconds=pause)

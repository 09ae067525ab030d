"""One unit on its way: rendered, handed to its platform, and what came of it, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

import structlog

from bot.chat import Chat, Message, Place
from bot.clock import Clock
from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.features import Features, Unit, fault, trace
from bot.logs import under_way
from bot.marks import Outcome, given_back
from bot.patience import within
from bot.rows import FAULT, Row, State, Verb
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


class _NotOurs(Exception):
    """Its lease ended before its turn came: another may have sent it. ``asked``: we may have begun to."""

    def __init__(self, *, asked: bool) -> None:
        super().__init__()
        self.asked = asked


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

    async def deliver(self, unit: Unit, until: Callable[[], datetime]) -> Outcome:
        """Whatever goes wrong with a unit is its own outcome and nobody else's; ``until`` its lease lasts."""
        row, now = unit.lead, self.clock.now()
        if now + self.call > until():  # it waited here for too long
            return given_back(unit, "lease ran out", now)
        under_way.set((row.id, row.kind))  # until the sender's next one
        try:
            return await self._tried(unit, until)
        except Exception as error:  # noqa: BLE001  (raised while another error was handled)
            return self._broken(unit, fault(error))

    async def _tried(self, unit: Unit, until: Callable[[], datetime]) -> Outcome:
        row = unit.lead
        try:
            return await self._send(unit, until)
        except _NotOurs as error:
            return given_back(unit, "lease ran out", self.clock.now())._replace(unsure=error.asked)
        except _TooLate:
            log.info("too late when its turn came")
            return Outcome(unit, State.DROPPED)
        except _Unsayable as error:
            log.error("failed", error=type(error.why).__name__, trace=trace(error.why))
            outcome = self._broken(unit, fault(error.why))
        except TimeoutError:
            outcome = self._later(unit, "timeout", unsure=True)
        except TryLater as error:
            outcome = self._later(unit, error.reason, error.after, unsure=error.unsure)
        except Misconfigured as error:
            log.error("an organiser needs to mend this", reason=error.reason)
            with contained():
                await self.features.trouble(row, error.reason)
            outcome = self._later(unit, error.reason, MISCONFIGURED_RETRY)
        except (Undeliverable, Gone) as error:
            log.info("refused for good", reason=error.reason)
            return Outcome(unit, State.UNDELIVERED, error=error.reason)
        except ChatError as error:
            outcome = self._broken(unit, FAULT + error.reason)
        except Exception as error:  # noqa: BLE001  (one bad row stops no other)
            log.error("failed", error=type(error).__name__, trace=trace(error))
            outcome = self._broken(unit, fault(error))
        if outcome.retry_at:
            pause = (outcome.retry_at - self.clock.now()).total_seconds()
            log.info("tried again later", reason=outcome.error, seconds=round(pause, 1))
        return outcome

    async def _send(self, unit: Unit, until: Callable[[], datetime]) -> Outcome:
        row = unit.lead
        target = row.place.place if isinstance(row.place, Message) else row.place or row.user
        chat = self.chats.get(target.platform) if target else None
        if chat is None:
            raise TryLater("platform is not running", MISCONFIGURED_RETRY)  # here: maybe in another process
        card = None
        if row.verb is not Verb.DELETE:
            card = await self._card(unit)
            if card is None:
                return Outcome(unit, State.DROPPED)
        self._look(row, until, asked=False)
        look = partial(self._look, row, until, asked=True)
        message = await within(self.call.total_seconds(), _said(chat, unit, card), look)
        return Outcome(unit, State.SENT, message)

    async def _card(self, unit: Unit) -> Card | None:
        """Rendered; whatever goes wrong there, no platform was away, and no person refused."""
        try:
            return await within(self.call.total_seconds(), self.features.render(unit))
        except asyncio.CancelledError as error:
            raise _Unsayable(from_within(error)) from None
        except Exception as error:
            raise _Unsayable(error) from error

    def _look(self, row: Row, until: Callable[[], datetime], *, asked: bool) -> None:
        """Right before something is asked of the platform: whether it still is worth saying, and ours.

        A line may be long, and a process can be stopped in it. ``asked``: something may have been before.
        """
        now = self.clock.now()
        if now >= until():
            raise _NotOurs(asked=asked)
        if row.expires_at and now >= row.expires_at:
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


async def _said(chat: Chat, unit: Unit, card: Card | None) -> Message | None:
    """Do with the card what the row says; the message that it became, or is about."""
    row = unit.lead
    verb, place = row.verb, row.place
    if verb is Verb.DELETE and isinstance(place, Message):
        await chat.delete(place)
        return None
    if card is None:
        raise ChatError(f"{verb} without its target")
    if verb is Verb.DM and row.user:
        return await chat.dm(row.user, card, key=row.key, again=unit.again)
    if verb is Verb.POST and isinstance(place, Place):
        return await chat.post(place, card, key=row.key, again=unit.again)
    if verb is Verb.THREAD and isinstance(place, Message):
        thread = await chat.thread(place, card.title)
        untitled = replace(card, title="")  # the thread has the title
        return await chat.post(thread, untitled, key=row.key, again=unit.again)
    if verb is Verb.EDIT and isinstance(place, Message):
        await chat.edit(place, card)
        return place
    raise ChatError(f"{verb} without its target")

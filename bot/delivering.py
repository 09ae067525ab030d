"""One unit on its way: rendered, handed to its platform, and what came of it, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import structlog

from bot.chat import Chat, Message, Place
from bot.clock import Clock
from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.features import Features, Unit, fault, trace
from bot.logs import under_way
from bot.marks import Outcome, given_back
from bot.patience import within
from bot.rows import FAULT, State, Verb

log = structlog.get_logger("bot.outbox")

RETRY_FIRST, RETRY_MOST = 2.0, 900.0  # seconds; doubling in between
MISCONFIGURED_RETRY = 900.0  # seconds; an organiser has to mend something first


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

    async def deliver(self, unit: Unit, until: datetime) -> Outcome:
        """Whatever goes wrong with a unit is its own outcome and nobody else's; its lease ends ``until``."""
        row, now = unit.lead, self.clock.now()
        if now + self.call > until:  # it waited here for too long
            return given_back(unit, "lease ran out", now)
        under_way.set((row.id, row.kind))  # until the sender's next one
        try:
            return await within(self.call.total_seconds(), self._send(unit))
        except TimeoutError:
            return self._later(unit, "timeout", unsure=True)
        except TryLater as error:
            return self._later(unit, error.reason, error.after, unsure=error.unsure)
        except Misconfigured as error:
            log.error("an organiser needs to mend this", reason=error.reason)
            await self.features.trouble(row, error.reason)
            return self._later(unit, error.reason, MISCONFIGURED_RETRY)
        except (Undeliverable, Gone) as error:
            log.info("refused for good", reason=error.reason)
            return Outcome(unit, State.UNDELIVERED, error=error.reason)
        except ChatError as error:
            return self._broken(unit, FAULT + error.reason)
        except Exception as error:  # noqa: BLE001  (one bad row stops no other)
            log.error("failed", error=type(error).__name__, trace=trace(error))
            return self._broken(unit, fault(error))

    async def _send(self, unit: Unit) -> Outcome:
        row = unit.lead
        target = row.place.place if isinstance(row.place, Message) else row.place or row.user
        chat = self.chats.get(target.platform) if target else None
        if chat is None:
            raise TryLater("platform is not running", MISCONFIGURED_RETRY)  # here: maybe in another process
        if row.verb is Verb.DELETE and isinstance(row.place, Message):
            await chat.delete(row.place)
            return Outcome(unit, State.SENT)
        card = await self.features.render(unit)
        if card is None:
            return Outcome(unit, State.DROPPED)
        verb, place = row.verb, row.place
        if verb is Verb.DM and row.user:
            message = await chat.dm(row.user, card, key=row.key, again=unit.again)
        elif verb is Verb.POST and isinstance(place, Place):
            message = await chat.post(place, card, key=row.key, again=unit.again)
        elif verb is Verb.THREAD and isinstance(place, Message):
            thread = await chat.thread(place, card.title)
            untitled = replace(card, title="")  # the thread has the title
            message = await chat.post(thread, untitled, key=row.key, again=unit.again)
        elif verb is Verb.EDIT and isinstance(place, Message):
            message = place
            await chat.edit(message, card)
        else:
            raise ChatError(f"{verb} without its target")
        return Outcome(unit, State.SENT, message)

    def _later(self, unit: Unit, reason: str, after: float = 0.0, *, unsure: bool = False) -> Outcome:
        """Not the row's fault: tried until it expires, ever more seldom, and never all at once."""
        at = self._retry_at(reason, unit.lead.attempts, after)
        return Outcome(unit, State.READY, error=reason, retry_at=at, unsure=unsure)

    def _broken(self, unit: Unit, reason: str) -> Outcome:
        """The row's own fault: a bounded number of tries in a row. An outage in between is none of them."""
        faults = unit.lead.attempts if unit.lead.faulty else 1
        if faults >= self.attempts:
            return Outcome(unit, State.DEAD, error=reason, fault=True)
        at = self._retry_at(reason, faults)
        return Outcome(unit, State.READY, error=reason, retry_at=at, fault=True)

    def _retry_at(self, reason: str, tries: int, after: float = 0.0) -> datetime:
        pause = min(RETRY_MOST, RETRY_FIRST * 2 ** min(tries - 1, 16))
        pause = max(after, pause * self.random.uniform(0.5, 1.0))
        log.info("tried again later", reason=reason, seconds=round(pause, 1))
        return self.clock.now() + timedelta(seconds=pause)

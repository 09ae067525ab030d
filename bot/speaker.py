"""The outbox's way to the features (``bot.features.Features``): through the cogs that declared each kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import trouble
from bot.cog import End, Kit, Nudge
from bot.features import Ended, Unit, trace
from bot.folding import fold
from bot.gentle import Rule
from bot.people import Preferences
from bot.registry import Registry
from bot.rows import Row
from bot.stray import contained
from bot.ui import Card

log = structlog.get_logger("bot.outbox")
DEFAULT = Rule()


@dataclass(frozen=True, slots=True)
class Unloaded:
    """In place of what a feature should have read: what went wrong, raised when the row is rendered."""

    error: Exception


class Speaker:
    """Renders planned messages through the cogs that declared them."""

    def __init__(self, kit: Kit, registry: Registry) -> None:
        self._kit, self._registry = kit, registry

    def rule(self, kind: str) -> Rule:
        """How a kind of message behaves."""
        spec = self._registry.nudges.get(kind)
        return spec.rule if spec else DEFAULT

    def follows(self, kind: str) -> bool:
        """Whether something follows the end of such a row."""
        return kind in self._registry.ends

    async def trouble(self, row: Row, reason: str) -> None:
        """Tell the organisers that a row waits for them."""
        await trouble.tell_of_row(self._kit, row, reason)

    async def prepare(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """The units, each with what its feature reads for all of its kind at once."""
        wanting: defaultdict[str, list[int]] = defaultdict(list)
        for number, unit in enumerate(units):
            spec = self._registry.nudges.get(unit.lead.kind)
            if spec and spec.load:
                wanting[unit.lead.kind].append(number)
        if not wanting:
            return units
        ready = list(units)
        for kind, numbers in wanting.items():
            rows = [units[number].lead for number in numbers]
            for number, loaded in zip(numbers, await self._loaded(kind, rows), strict=True):
                unit = units[number]
                ready[number] = Unit(unit.lead, unit.folded, unit.again, unit.person, loaded)
        return ready

    async def _loaded(self, kind: str, rows: Sequence[Row]) -> list[object]:
        """What a kind's rows need; where a row makes reading fail, halves are read, down to that row.

        Each in a transaction of its own: on PostgreSQL nothing more is read in one in which something failed.
        """
        load = self._registry.nudges[kind].load
        assert load is not None
        async with self._kit.storage.read() as connection:
            try:
                with contained():
                    loaded = await load(self._kit, connection, rows)
                return [loaded.get(row.id) for row in rows]
            except Exception as error:  # noqa: BLE001  (one bad row stops no other)
                failed = error
        if half := len(rows) // 2:
            return await self._loaded(kind, rows[:half]) + await self._loaded(kind, rows[half:])
        row, name = rows[0], type(failed).__name__
        log.error("cannot be loaded", row=row.id, kind=kind, error=name, trace=trace(failed))
        return [Unloaded(failed)]

    def _nudge(self, row: Row, person: Preferences | None, loaded: object) -> Nudge:
        language = person.language if person else self._kit.people.defaults.language
        return Nudge(self._kit, row, self._kit.words.speak(language), person, loaded)

    async def render(self, unit: Unit) -> Card | None:
        """A row, with what is folded into it."""
        if isinstance(unit.loaded, Unloaded):
            raise unit.loaded.error
        nudge = self._nudge(unit.lead, unit.person, unit.loaded)
        card = await self._registry.nudges[unit.lead.kind].render(nudge)
        if card is None:
            return None
        card = nudge.voice.card(card)
        if not nudge.person or not unit.folded:
            return card
        return fold(self._kit, card, unit.folded, nudge.voice, nudge.person)

    async def after(self, tx: AsyncConnection, ends: Sequence[Ended]) -> None:
        """What the features do when their rows have ended, kind by kind."""
        users = {each.row.user.key for each in ends if each.row.user}
        persons = await self._kit.people.load_many(tx, users) if users else {}
        kinds: defaultdict[str, list[End]] = defaultdict(list)
        for each in ends:
            person = persons[each.row.user.key] if each.row.user else None
            loaded = None if isinstance(each.loaded, Unloaded) else each.loaded
            nudge = self._nudge(each.row, person, loaded)
            kinds[each.row.kind].append(End(nudge, each.state, each.message))
        for kind, ended in kinds.items():
            await self._registry.ends[kind](self._kit, tx, ended)

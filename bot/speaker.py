"""The outbox's way to the features (``bot.features.Features``): through the cogs that declared each kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import trouble
from bot.cog import End, Kit, Nudge, NudgeSpec
from bot.features import Ended, Unit, trace
from bot.folding import fold
from bot.gentle import Rule
from bot.people import Preferences
from bot.registry import Registry
from bot.rows import Row
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
        async with self._kit.storage.read() as connection:
            for kind, numbers in wanting.items():
                spec = self._registry.nudges[kind]
                for number, loaded in zip(
                    numbers, await self._loaded(connection, spec, [units[n] for n in numbers]), strict=True
                ):
                    unit = units[number]
                    ready[number] = Unit(unit.lead, unit.folded, unit.again, unit.person, loaded)
        return ready

    async def _loaded(
        self, connection: AsyncConnection, spec: NudgeSpec, units: Sequence[Unit]
    ) -> list[object]:
        """What a kind's rows need; where a row makes reading fail, each is read by itself."""
        assert spec.load is not None
        try:
            loaded = await spec.load(self._kit, connection, [unit.lead for unit in units])
        except Exception as error:  # noqa: BLE001  (one bad row stops no other)
            if len(units) > 1:
                return [one for unit in units for one in await self._loaded(connection, spec, [unit])]
            row, name = units[0].lead, type(error).__name__
            log.error("cannot be loaded", row=row.id, kind=row.kind, error=name, trace=trace(error))
            return [Unloaded(error)]
        return [loaded.get(unit.lead.id) for unit in units]

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

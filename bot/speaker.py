"""The outbox's way to the features: rendering planned messages through the cogs that declared them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Message
from bot.claims import Unit
from bot.cog import Kit, Nudge
from bot.folding import fold
from bot.gentle import Rule
from bot.outbox import Row, State
from bot.registry import Registry
from bot.ui import Card


class Speaker:
    """Renders planned messages through the cogs that declared them."""

    def __init__(self, kit: Kit, registry: Registry) -> None:
        self._kit, self._registry = kit, registry

    def rule(self, kind: str) -> Rule:
        """How a kind of message behaves."""
        spec = self._registry.nudges.get(kind)
        return spec.rule if spec else Rule()

    async def nudge(self, row: Row) -> Nudge:
        """A row with its reader's language."""
        async with self._kit.storage.read() as connection:
            return await self._nudge(connection, row)

    async def _nudge(self, connection: AsyncConnection, row: Row) -> Nudge:
        people, words = self._kit.people, self._kit.words
        if row.user is None:
            return Nudge(self._kit, row, words.speak(people.defaults.language), None)
        person = await people.load(connection, row.user.key)
        return Nudge(self._kit, row, words.speak(person.language), person)

    async def render(self, unit: Unit) -> Card | None:
        """A row, with what is folded into it."""
        nudge = await self.nudge(unit.lead)
        card = await self._registry.nudges[unit.lead.kind].render(nudge)
        if card is None:
            return None
        card = nudge.voice.card(card)
        if not nudge.person or not unit.folded:
            return card
        return fold(self._kit, card, unit.folded, nudge.voice, nudge.person)

    async def after(self, tx: AsyncConnection, row: Row, state: State, message: Message | None) -> None:
        """What the feature does when its row has ended."""
        if handler := self._registry.ends.get(row.kind):
            await handler(await self._nudge(tx, row), tx, state, message)

"""The App Home: the ``/home`` card of each person, drawn when they look and kept current afterwards.

It is drawn again soon after they did something and after a message reached them, if they ever opened it;
several reasons within a moment are one drawing.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import structlog

from bot.chat import Dispatch
from bot.platforms.mending import mend
from bot.platforms.recent import Recent
from bot.platforms.slack_events import Asked, at_home
from bot.platforms.slack_private import Painter
from bot.platforms.slack_rest import Lane, Rest
from bot.platforms.slack_store import Store
from bot.platforms.slack_who import Who
from bot.platforms.slack_work import Work
from bot.ui import Card, Form

log = structlog.get_logger(__name__)

SOON = 1.0  # seconds between a reason to draw and the drawing, so that several reasons are one
PENDING = 10_000  # people whose App Home waits to be drawn; more are drawn when they look
LEFT = 1_000  # cards that wait there for their person


class Home:
    """Everybody's App Home."""

    def __init__(
        self, rest: Rest, store: Store, who: Who, painter: Painter, work: Work, dispatch: Dispatch
    ) -> None:
        self._rest, self._store, self._who = rest, store, who
        self._painter, self._work, self._dispatch = painter, work, dispatch
        self._pending: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._left: Recent[Card] = Recent(LEFT)  # by workspace and person

    async def opened(self, asked: Asked) -> None:
        """Somebody looks at it: at what waits for them, the next time at the home card."""
        await self._store.opened_home(asked.team, asked.user)
        if (card := self._left.get(_key(asked))) is None:
            await self._draw(asked, Lane.PEOPLE)
            return
        await self.publish(asked, card)
        self._left.drop(_key(asked))

    async def leave(self, asked: Asked, card: Card) -> None:
        """A card for somebody whom no message reaches: it stands there now, and still when they look next."""
        self._left.put(_key(asked), card)
        await self.publish(asked, card)

    async def publish(self, asked: Asked, card: Card, lane: Lane = Lane.PEOPLE) -> None:
        """A card in its place, until there is a reason to draw the home card again."""
        self._drop((asked.team, asked.user))
        view: dict[str, Any] = await self._painter.home(asked.team, card)
        await self._rest.call(asked.team, "views.publish", lane, user_id=asked.user, view=view)

    def touch(self, team: str, user: str) -> None:
        """Something changed for a person: draw it again soon, if they ever opened it."""
        key = team, user
        if key in self._pending or len(self._pending) >= PENDING or self._work.stopping:
            return
        loop = asyncio.get_running_loop()
        self._pending[key] = loop.call_later(SOON, self._due, key)

    def stop(self) -> None:
        """Draw nothing any more."""
        for key in list(self._pending):
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        if handle := self._pending.pop(key, None):
            handle.cancel()

    def _due(self, key: tuple[str, str]) -> None:
        self._drop(key)
        self._work.start(lambda: self._again(*key))

    async def _again(self, team: str, user: str) -> None:
        if (await self._store.person(team, user)).home:
            await self._draw(at_home(team, user, f"home:{uuid4().hex}", unasked=True), Lane.LAST)

    async def _draw(self, asked: Asked, lane: Lane) -> None:
        answer = await self._dispatch.handle(await self._who.event(asked))
        if answer is not None:
            await self.publish(asked, mend(answer) if isinstance(answer, Form) else answer, lane)


def _key(asked: Asked) -> str:
    return f"{asked.team}/{asked.user}"

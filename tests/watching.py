"""Watching a bot at work over a wire: waiting for what nobody announces, and for its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.chat import Ack, Dispatch, Event, Kind
from bot.content import FOLDER
from bot.ui import Card, Choice, Command, Form
from bot.words import Words
from tests.wire.waiting import PATIENCE

Answer = Card | Form | None
WORDS = Words.load(FOLDER)


def line(words: str, locale: str, **says: str | int) -> str:
    """A sentence that a platform says by itself, for dispatchers that only tests need."""
    return WORDS.speak(locale).line(words, **says)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what nobody announces; fails after ``PATIENCE``."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0.002)


class Watched:
    """The dispatcher, with the answers that it gave: tests wait for them."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._answers: dict[str, asyncio.Future[Answer]] = {}
        self.outcomes: asyncio.Queue[tuple[Event, Answer]] = asyncio.Queue()  # in their order

    def commands(self, locale: str) -> Sequence[Command]:
        return self._dispatch.commands(locale)

    def ack(self, kind: Kind, name: str) -> Ack:
        return self._dispatch.ack(kind, name)

    async def form(self, event: Event) -> Form | Card:
        answer = await self._dispatch.form(event)
        self.outcomes.put_nowait((event, answer))
        return answer

    def line(self, words: str, locale: str, **says: str | int) -> str:
        return self._dispatch.line(words, locale, **says)

    async def suggest(self, event: Event, option: str) -> Sequence[Choice]:
        return await self._dispatch.suggest(event, option)

    async def handle(self, event: Event) -> Answer:
        answer = await self._dispatch.handle(event)
        if not (known := self._of(event.id)).done():
            known.set_result(answer)
        self.outcomes.put_nowait((event, answer))
        return answer

    def _of(self, id: str) -> asyncio.Future[Answer]:
        return self._answers.setdefault(id, asyncio.get_running_loop().create_future())

    async def answer(self, id: object) -> Answer:
        """What the event with this id was answered with, as soon as it is."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(self._of(str(id)))

"""Who did it: what Slack knows of a person, added to what they did."""

from __future__ import annotations

import asyncio

import structlog

from bot.chat import Event, Kind, User
from bot.platforms.slack_errors import FAILURES
from bot.platforms.slack_events import PLATFORM, Asked
from bot.platforms.slack_people import Known, People

log = structlog.get_logger(__name__)

WITHIN = 1.0  # seconds that an answer waits for users.info; its trigger lives for three


class Who:
    """Adds to what was done what is known of the person. Never fails: a stranger has no rights."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._asking: dict[tuple[str, str], asyncio.Task[tuple[Known, bool]]] = {}

    async def event(self, asked: Asked) -> Event:
        """The seam's event. Waits a second at most for Slack to say who it is; the next event knows."""
        task = self._looking(asked.team, asked.user)
        await asyncio.wait({task}, timeout=WITHIN)
        known, moderates = None, False
        if not task.done():
            log.warning("not known in time who it is")
        elif (error := task.exception()) is None:
            known, moderates = task.result()
        else:
            log.warning("not known who it is", error=type(error).__name__)
        return Event(
            id=asked.id,
            kind=asked.kind,
            name=asked.name,
            user=User(PLATFORM, asked.team, asked.user),
            place=asked.place,
            arg="" if asked.kind is Kind.REPLY else asked.arg,
            values=asked.values,
            message=asked.message,
            display=known.name if known else "",
            locale=(known.locale if known else "") or "en",
            zone=known.zone if known else "",
            quiet=known.quiet if known else "",
            is_moderator=moderates,
            is_admin=bool(known and known.is_admin),
            unasked=asked.unasked,
        )

    def _looking(self, team: str, user: str) -> asyncio.Task[tuple[Known, bool]]:
        """One look for all who ask at the same time."""
        key = team, user
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._look(team, user))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key, None))
        return self._asking[key]

    async def _look(self, team: str, user: str) -> tuple[Known, bool]:
        known = await self._people.known(team, user)
        if known.is_admin:
            return known, True
        try:
            return known, await self._people.is_moderator(team, user)
        except FAILURES:
            return known, False

    async def stop(self) -> None:
        """Give up what is still being looked up."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""What Slack tells of a person: name, zone, language, rights, and when they do not want to be disturbed.

All of it stays in memory, for a day. dnd.info tells a bot the next window of do-not-disturb: the person's
schedule or, while they snooze, the snooze (``snooze_*`` is only told to the person's own token, says
https://docs.slack.dev/reference/methods/dnd.info, but taken where it is told). Schedules lie on quarters
of an hour and a snooze begins where it was pressed, so the one is told from the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from slack_sdk.errors import SlackApiError

from bot.clock import Clock, UnknownZone, zone_info
from bot.errors import TryLater
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, code, translated
from bot.platforms.slack_rest import Rest
from bot.platforms.slack_store import Store
from bot.storage.schema import EPOCH

Json = dict[str, Any]

DAY = timedelta(days=1)
MODERATORS_FRESH = timedelta(minutes=5)
REFUSED_FRESH = timedelta(minutes=1)  # how long a channel that Slack does not show us is not asked for
DISTURB_FRESH = timedelta(minutes=15)  # how long it is believed whether somebody snoozes
QUARTER = 900  # seconds; where schedules begin and end
PAGE, PAGES = 200, 10  # members of the moderation channel that are looked at
NAMES_AT_ONCE = 8
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A person as Slack shows them; ``quiet`` is "22:00-08:00" in their own time, or empty."""

    name: str = ""
    zone: str = ""
    locale: str = ""
    is_admin: bool = False
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """An answer of dnd.info: seconds since 1970, 0 where there is none."""

    start: int = 0
    end: int = 0
    snoozed_until: int = 0

    @property
    def scheduled(self) -> bool:
        """Whether it is a schedule's, not a snooze's."""
        return 0 < self.end - self.start < DAY.total_seconds() and not (
            self.start % QUARTER or self.end % QUARTER
        )

    def quiet(self, zone: str) -> str:
        """The schedule as local wall times ("22:00-08:00"); empty where there is none or no zone."""
        try:
            rules = zone_info(zone) if zone and self.scheduled else None
        except UnknownZone:
            rules = None
        if rules is None:
            return ""
        start, end = (
            (EPOCH + timedelta(seconds=each)).astimezone(rules).strftime("%H:%M")
            for each in (self.start, self.end)
        )
        return f"{start}-{end}" if start != end else ""

    def snoozed(self, now: datetime) -> float:
        """Seconds until the end of a snooze that is on; 0 if none is."""
        at = (now - EPOCH).total_seconds()
        if self.snoozed_until > at:
            return self.snoozed_until - at
        return self.end - at if self.start <= at < self.end and not self.scheduled else 0.0


def window(told: Json) -> Window:
    """What dnd.info said. Raises nothing: what is no number counts as none."""
    enabled, snoozing = told.get("dnd_enabled") is True, told.get("snooze_enabled") is True
    return Window(
        _seconds(told.get("next_dnd_start_ts")) if enabled else 0,
        _seconds(told.get("next_dnd_end_ts")) if enabled else 0,
        _seconds(told.get("snooze_endtime")) if snoozing else 0,
    )


def _seconds(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 10**11 else 0


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, and when it was given."""

    at: datetime
    known: Known


class People:
    """Asks Slack and remembers. Raises what ``Rest.call`` raises where nothing is known at all."""

    def __init__(self, rest: Rest, store: Store, clock: Clock) -> None:
        self._rest, self._store, self._clock = rest, store, clock
        self._people: Recent[_Told] = Recent()  # without quiet hours
        self._quiet: Recent[str] = Recent()
        self._windows: Recent[tuple[datetime, Window]] = Recent()
        self._moderators: Recent[tuple[datetime, frozenset[str]]] = Recent(1_000)

    async def known(self, team: str, user: str) -> Known:
        """Who somebody is. Their quiet hours are left out where Slack does not tell them."""
        key = f"{team}/{user}"
        person, _ = await asyncio.gather(self._person(team, user), self._schedule(team, user))
        if (told := self._windows.get(key)) is not None:
            if hours := told[1].quiet(person.zone):
                self._quiet.put(key, hours)
            elif not told[1].snoozed(told[0]):  # no schedule; while a snooze is on, it hides the schedule
                self._quiet.drop(key)
        return replace(person, quiet=self._quiet.get(key) or "")

    async def names(self, team: str, ids: Iterable[str]) -> dict[str, str]:
        """Shown names by id, of those that Slack knows."""
        slots = asyncio.Semaphore(NAMES_AT_ONCE)

        async def name(id: str) -> str:
            async with slots:
                try:
                    return (await self._person(team, id)).name
                except FAILURES as error:
                    log.info("a name is not known", error=type(error).__name__)
                    return ""

        wanted = sorted(set(ids))
        found = await asyncio.gather(*map(name, wanted))
        return {id: shown for id, shown in zip(wanted, found, strict=True) if shown}

    async def is_moderator(self, team: str, user: str) -> bool:
        """Whether somebody may moderate: admins, and members of the channel chosen for moderation."""
        if (await self._person(team, user)).is_admin:
            return True
        channel = await self._store.moderation(team)
        return bool(channel) and user in await self._members(team, channel)

    async def snoozed(self, team: str, user: str) -> float:
        """Seconds until somebody's snooze ends; 0 if none is on, or Slack cannot be asked just now."""
        kept = self._windows.get(f"{team}/{user}")
        if kept is None or self._clock.now() - kept[0] >= DISTURB_FRESH:
            kept = await self._window(team, user, self._rest.spare)
        return kept[1].snoozed(self._clock.now()) if kept else 0.0

    # -- asking --------------------------------------------------------------------------------

    async def _person(self, team: str, user: str) -> Known:
        """Without quiet hours. What is a day old is asked again, and used where that fails."""
        kept = self._people.get(f"{team}/{user}")
        if kept is not None and self._clock.now() - kept.at < DAY:
            return kept.known
        try:
            told = await self._rest.call(team, "users.info", user=user, include_locale=True)
        except FAILURES:
            if kept is None:
                raise
            return kept.known
        person = known(cast(Json, told.get("user") or {}), team)
        self._people.put(f"{team}/{user}", _Told(self._clock.now(), person))
        return person

    async def _schedule(self, team: str, user: str) -> None:
        """Ask for the window of do-not-disturb, once a day; sooner where a snooze hid the schedule."""
        kept = self._windows.get(f"{team}/{user}")
        fresh = DISTURB_FRESH if kept and kept[1].snoozed(kept[0]) else DAY
        if kept is None or self._clock.now() - kept[0] >= fresh:
            await self._window(team, user, self._rest.call)

    async def _window(
        self, team: str, user: str, ask: Callable[..., Awaitable[Json | None]]
    ) -> tuple[datetime, Window] | None:
        """Their window as of now; None where Slack does not tell or is not asked."""
        try:
            told = await ask(team, "dnd.info", user=user)
        except FAILURES as error:
            reason = code(error) if isinstance(error, SlackApiError) else ""
            log.info("do-not-disturb is not known", error=type(error).__name__, reason=reason)
            return None
        if told is None:
            return None
        found = (self._clock.now(), window(told))
        self._windows.put(f"{team}/{user}", found)
        return found

    async def _members(self, team: str, channel: str) -> frozenset[str]:
        kept = self._moderators.get(f"{team}/{channel}")
        if kept is not None and self._clock.now() - kept[0] < MODERATORS_FRESH:
            return kept[1]
        members: set[str] = set()
        params: Json = {"channel": channel, "limit": PAGE}
        for _ in range(PAGES):
            try:
                told = await self._rest.call(team, "conversations.members", **params)
            except SlackApiError as error:
                if isinstance(translated(error), TryLater):
                    raise
                log.info("moderators are not known", reason=code(error))
                since = self._clock.now() - MODERATORS_FRESH + REFUSED_FRESH
                self._moderators.put(f"{team}/{channel}", (since, frozenset()))
                return frozenset()
            members.update(map(str, told.get("members") or ()))
            params["cursor"] = cast(Json, told.get("response_metadata") or {}).get("next_cursor")
            if not params["cursor"]:
                break
        self._moderators.put(f"{team}/{channel}", (self._clock.now(), frozenset(members)))
        return frozenset(members)


def known(user: Json, team: str = "") -> Known:
    """A user of users.info asked in the workspace ``team``, without quiet hours."""
    profile = cast(Json, user.get("profile") or {})
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return Known(
        next((str(name) for name in names if name), ""),
        str(user.get("tz") or ""),
        str(user.get("locale") or ""),
        bool(user.get("is_admin") or user.get("is_owner")) and not _foreign(user, team),
    )


def _foreign(user: Json, team: str) -> bool:
    """Whether somebody belongs to another organisation (Slack Connect) and has no rights in this one.

    In an organisation of several workspaces the ``team_id`` may be another of them, or the organisation's.
    """
    home, inside = str(user.get("team_id") or ""), cast(Json, user.get("enterprise_user") or {})
    ours = not team or home in ("", team) or home.startswith("E") or team in (inside.get("teams") or ())
    return bool(user.get("is_stranger")) or not ours

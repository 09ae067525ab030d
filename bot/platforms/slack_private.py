"""Private answers: what only the person who did something sees.

Three ways, each tried when the one before cannot do it: the interaction's response_url (an ephemeral), an
ephemeral of our own in the channel and thread it was done in, a direct message. A response_url works five
times within thirty minutes (https://docs.slack.dev/interactivity/handling-user-interaction/); the uses are
counted here, so that a worn one costs no request. After a restart the count begins anew, and Slack says no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.clock import Clock
from bot.platforms import slack_cards as cards
from bot.platforms.recent import Recent
from bot.platforms.slack_errors import FAILURES, LOST, NO_THREAD, code
from bot.platforms.slack_events import Asked
from bot.platforms.slack_limits import POST
from bot.platforms.slack_people import People
from bot.platforms.slack_rest import Lane, Rest
from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.platforms.slack_work import reason
from bot.ui import Card

Json = dict[str, Any]
log = structlog.get_logger(__name__)

USES = 5  # of one response_url
LIFE = 29 * 60  # seconds of its thirty minutes in which it is trusted to arrive
QUIET: Json = {"unfurl_links": False, "unfurl_media": False}


class Painter:
    """Draws cards for one workspace: with its address, its people's names, its uploaded pictures."""

    def __init__(self, rest: Rest, people: People, spelling: Spelling = PLAIN) -> None:
        self._rest, self._people, self._spelling = rest, people, spelling

    async def drawn(self, team: str, card: Card) -> Json:
        """A card as ``text`` and ``blocks``. What cannot be looked up or uploaded is told in words."""
        file, workspace, names = await self._parts(team, card)
        body = cards.message(card, workspace=workspace, names=names, spelling=self._spelling)
        if body.image is None or file:
            return {"text": body.text, "blocks": cards.with_image(body, file)}
        told = cards.home(card, workspace=workspace, names=names, spelling=self._spelling)
        return {"text": body.text, "blocks": told["blocks"]}

    async def home(self, team: str, card: Card) -> Json:
        """A card as an App Home view; as ``drawn`` else."""
        file, workspace, names = await self._parts(team, card)
        return cards.home(card, workspace=workspace, names=names, file_id=file, spelling=self._spelling)

    async def _parts(self, team: str, card: Card) -> tuple[str, str, Mapping[str, str]]:
        """The uploaded picture, the workspace's address, the shown names of everybody on the card."""
        wanted = cards.people(card)
        file, workspace, names = "", "", dict[str, str]()
        try:
            workspace = (await self._rest.workspace(team)).url
            names = await self._people.names(team, sorted(wanted)) if wanted else names
            file = await self._rest.upload(team, card.image) if card.image else ""
        except FAILURES as error:
            log.warning("drawn in part", error=type(error).__name__, reason=reason(error))
        return file, workspace, names


class Private:
    """Shows cards to one person."""

    def __init__(self, rest: Rest, painter: Painter, clock: Clock) -> None:
        self._rest, self._painter, self._clock = rest, painter, clock
        self._used: Recent[int] = Recent(4096)  # response_url -> uses

    async def show(self, asked: Asked, card: Card) -> None:
        """A new private message. Raises the last way's error if none works."""
        body = await self._painter.drawn(asked.team, card)
        origin = asked.origin
        answer = {"response_type": "ephemeral", "replace_original": False, **QUIET, **body}
        if origin.thread:
            answer["thread_ts"] = origin.thread
        if await self._respond(asked, answer):
            return
        if origin.channel and not origin.channel.startswith("D") and await self._ephemeral(asked, body):
            return
        await self._direct(asked, body)

    async def replace(self, asked: Asked, card: Card) -> None:
        """The card in place of the private one that was pressed on; beside it where that cannot be."""
        body = await self._painter.drawn(asked.team, card)
        if await self._respond(asked, {"replace_original": True, **QUIET, **body}):
            return
        if asked.message and asked.origin.channel.startswith("D") and await self._update(asked, body):
            return
        await self.show(asked, card)

    # -- the ways ------------------------------------------------------------------------------

    async def _respond(self, asked: Asked, body: Json) -> bool:
        """Through the response_url; False if there is none, or it is worn, too old or refused."""
        url, origin = asked.origin.response_url, asked.origin
        used = self._used.get(url) or 0
        age = self._clock.now().timestamp() - origin.at
        if not url or used >= USES or age > LIFE:
            return False
        self._used.put(url, used + 1)
        try:
            await self._rest.respond(url, body)
        except FAILURES as error:
            self._used.put(url, USES)
            log.info("response_url refused", error=type(error).__name__, reason=reason(error), uses=used + 1)
            return False
        return True

    async def _ephemeral(self, asked: Asked, body: Json) -> bool:
        """An ephemeral where it was done; False where the bot cannot speak there."""
        where: Json = {"channel": asked.origin.channel, "user": asked.user}
        if asked.origin.thread:
            where["thread_ts"] = asked.origin.thread
        try:
            await self._rest.call(asked.team, "chat.postEphemeral", Lane.PEOPLE, **where, **body)
        except FAILURES as error:
            log.info("no ephemeral here", error=type(error).__name__, reason=reason(error))
            return False
        return True

    async def _update(self, asked: Asked, body: Json) -> bool:
        """Another card in a direct message's place; False where the message is gone."""
        assert asked.message is not None
        what: Json = {"channel": asked.origin.channel, "ts": asked.message.id}
        try:
            await self._rest.call(asked.team, "chat.update", Lane.PEOPLE, **what, **body)
        except FAILURES as error:
            log.info("not replaced", error=type(error).__name__, reason=reason(error))
            return False
        return True

    async def _direct(self, asked: Asked, body: Json) -> None:
        """A direct message; in the one it was done in, and its thread, if it was and they are still there."""
        origin = asked.origin
        if origin.channel.startswith("D"):
            if origin.thread and await self._said(asked, body, NO_THREAD, origin.channel, origin.thread):
                return
            if await self._said(asked, body, frozenset({LOST}), origin.channel):
                return
        await self._said(asked, body, frozenset(), asked.user)

    async def _said(
        self, asked: Asked, body: Json, missing: frozenset[str], channel: str, thread: str = ""
    ) -> bool:
        """A message there; False where Slack answers that ``missing`` lacks, and has not said it."""
        more: Json = {"parse": "none", "link_names": False, **QUIET, **body}
        more |= {"thread_ts": thread} if thread else {}
        try:
            await self._rest.call(asked.team, POST, Lane.PEOPLE, once=True, channel=channel, **more)
        except SlackApiError as error:
            if code(error) not in missing:
                raise
            log.info("not said there", reason=code(error))
            return False
        return True

"""Bounceback on Slack, behind the seam, through slack-bolt.

``slack_app`` (Bolt's listeners), ``slack_socket`` and ``slack_http`` are what comes in, ``slack_rest`` the
one way out; between them ``slack_events`` (payloads as events), ``slack_answers`` (acks and cards),
``slack_private`` (what one person sees), ``slack_home`` (App Home), ``slack_places`` (messages, threads,
rooms), ``slack_cards`` and ``slack_forms`` (how things look), ``slack_installs`` (workspaces and tokens).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat import Dispatch, Message, Place, User
from bot.clock import Clock
from bot.errors import ChatError, StartError
from bot.pace import Flow
from bot.platforms.recent import Recent
from bot.platforms.slack_answers import Answers
from bot.platforms.slack_app import QUIET, bolt, hush, oauth
from bot.platforms.slack_errors import FAILURES, OVER, code
from bot.platforms.slack_events import PLATFORM
from bot.platforms.slack_home import Home
from bot.platforms.slack_http import Door, Replays
from bot.platforms.slack_installs import Installs
from bot.platforms.slack_limits import CHANNEL_PER_SECOND
from bot.platforms.slack_manifest import SCOPES
from bot.platforms.slack_people import People
from bot.platforms.slack_places import Places, Tell
from bot.platforms.slack_private import Painter, Private
from bot.platforms.slack_rest import PER_MINUTE, SLACK, Rest
from bot.platforms.slack_socket import PING, RETRY_FIRST, RETRY_MOST, Socket
from bot.platforms.slack_spelling import Spelling
from bot.platforms.slack_store import Store
from bot.platforms.slack_who import Who
from bot.platforms.slack_work import Work, reason
from bot.storage import Storage
from bot.ui import Card
from bot.vault import Vault

__all__ = ["SlackChat"]

Ended = Callable[[str], Awaitable[None]]
log = structlog.get_logger(__name__)

BAD_BOT_TOKEN = (
    "slack.bot_token is refused by Slack ({code}). Copy it anew from the app's page (OAuth & Permissions, "
    "Bot User OAuth Token), and put it into the configuration."
)
NO_TOKEN = (
    "slack.bot_token is missing. Put the one of your workspace into the configuration, or slack.client_id, "
    "slack.client_secret and slack.public_url for many workspaces."
)
NO_SECRET = (
    "slack.signing_secret is missing: without slack.app_token Slack sends requests, and it says which are "
    "Slack's. Copy it from the app's page (Basic Information), or set slack.app_token for Socket Mode."
)
NO_PORT = "slack.port is missing: {why} needs a port to listen on."
NO_ADDRESS = "slack.public_url is missing: Slack sends people back to it after they installed the app."


class SlackChat:
    """The platform. ``run`` serves it; what is sent works from the moment it is made.

    One workspace has ``bot_token``; many have ``client_id``, ``client_secret`` and ``public_url``. With
    ``app_token`` events come through Socket Mode, else over HTTP (``signing_secret``, ``host``, ``port``).
    ``api_base`` points the Web API elsewhere; ``command_prefix`` stands before every command's name;
    ``trouble`` tells organisers what to mend; ``ended`` is told a workspace that is over; ``ping`` is in
    seconds.
    """

    platform = PLATFORM
    flow = Flow(PER_MINUTE, each=True)

    def __init__(
        self,
        *,
        storage: Storage,
        vault: Vault,
        clock: Clock,
        bot_token: str = "",
        app_token: str = "",
        signing_secret: str = "",
        client_id: str = "",
        client_secret: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        public_url: str = "",
        api_base: str = "",
        command_prefix: str = "",
        trouble: Tell | None = None,
        ended: Ended | None = None,
        per_minute: float = PER_MINUTE,
        per_channel: float = CHANNEL_PER_SECOND,
        ping: float = PING,
    ) -> None:
        hush()
        self._clock, self._prefix, self._ping = clock, command_prefix, ping
        self._bot_token, self._app_token = bot_token.strip(), app_token.strip()
        self._signing_secret = signing_secret.strip()
        self._client_id, self._client_secret = client_id.strip(), client_secret.strip()
        self._host, self._port, self._public_url = host, port, public_url.strip()
        self._tell_ended = ended
        self._ended: Recent[str] = Recent(1_000)  # workspace -> the token that was its last
        self._base = (api_base or SLACK).rstrip("/") + "/"
        self.installs = Installs(storage, vault, clock, self._bot_token)
        self.rest = Rest(
            self._base if api_base else "", self.installs, clock, per_minute, per_channel, ended=self._over
        )
        self._store = Store(storage)
        self._people = People(self.rest, self._store, clock)
        self._spelling = Spelling(command_prefix)
        self._painter = Painter(self.rest, self._people, self._spelling)
        self._places = Places(self.rest, self._store, self._people, clock, trouble, self._spelling)
        self._home: Home | None = None  # while it runs
        self.ready = asyncio.Event()

    @property
    def store(self) -> Store:
        """What is kept of people (``forget`` removes a person)."""
        return self._store

    async def close(self) -> None:
        """Give the connections back, where it only sent; ``run`` does so by itself."""
        await self.rest.close()

    def share(self, part: float) -> None:
        """Take only a part (above 0, at most 1) of Slack's limits: other processes take the rest."""
        self.rest.limits.share(part)

    # -- what comes in -------------------------------------------------------------------------

    async def run(self, dispatch: Dispatch) -> None:
        """Serve until cancelled. ``StartError`` if a setting lacks, or Slack refuses a token for good."""
        self._complete()
        self._spelling.learn(dispatch.commands("en"))
        work, who = Work(), Who(self._people)
        home = Home(self.rest, self._store, who, self._painter, work, dispatch)
        private = Private(self.rest, self._painter, self._clock)
        answers = Answers(
            self.rest,
            who,
            private,
            home,
            work,
            self._clock,
            dispatch,
            ended=self._uninstalled,
            prefix=self._prefix,
            spelling=self._spelling,
        )
        client = self._client()
        app, door = self._built(answers, client)
        socket = Socket(app, client, self._app_token, self._ping)
        try:
            await self._admitted(client)
            self._home = home
            if door is not None:
                await door.open()
            if self._app_token:
                await socket.serve(self.ready)
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            self._home = None
            socket.deafen()
            if door is not None:
                door.deafen()
            home.stop()
            await work.stop()
            await socket.stop()
            if door is not None:
                await door.close()
            await who.stop()
            await self.rest.close()

    def _complete(self) -> None:
        """``StartError`` for the setting that lacks."""
        many = bool(self._client_id and self._client_secret)
        if not (self._bot_token or many):
            raise StartError(NO_TOKEN)
        if not self._app_token and not self._signing_secret:
            raise StartError(NO_SECRET)
        if not self._port and (many or not self._app_token):
            raise StartError(NO_PORT.format(why="the installation page" if self._app_token else "HTTP mode"))
        if many and not self._public_url:
            raise StartError(NO_ADDRESS)

    def _client(self) -> AsyncWebClient:
        """slack_sdk's client for what belongs to no workspace: Socket Mode's address, OAuth."""
        client = AsyncWebClient(base_url=self._base, timeout=10, logger=QUIET)
        if self._base != SLACK:
            client.proxy = None
        return client

    def _built(self, answers: Answers, client: AsyncWebClient) -> tuple[AsyncApp, Door | None]:
        """Bolt's app, and the web server if one is wanted."""
        flow, replays = None, Replays()
        if self._client_id and self._client_secret:
            names = self._client_id, self._client_secret, self._public_url
            flow = oauth(self.installs, client, *names, list(SCOPES))
        app = bolt(
            answers, self.installs, client, signing_secret=self._signing_secret, flow=flow, before=replays
        )
        over_http = not self._app_token
        if not self._port or not (over_http or flow):
            return app, None
        return app, Door(app, replays, self._host, self._port, events=over_http, flow=flow)

    async def _admitted(self, client: AsyncWebClient) -> None:
        """Ask whether the token of a single workspace is good; again while Slack does not answer."""
        pause = RETRY_FIRST
        while self._bot_token:
            try:
                await client.auth_test(token=self._bot_token)  # pyright: ignore[reportUnknownMemberType]
            except FAILURES as error:
                if isinstance(error, SlackApiError) and code(error) in OVER:
                    raise StartError(BAD_BOT_TOKEN.format(code=code(error))) from None
                log.warning("not connected", error=type(error).__name__, reason=reason(error), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(RETRY_MOST, pause * 2)
            else:
                return

    async def _uninstalled(self, team: str) -> None:
        """Slack says that the bot was removed; unless it was installed again by now, that is the end."""
        try:
            await self.rest.call(team, "auth.test")
        except FAILURES:
            await self._over(team)
        else:
            log.info("still installed", team=team)

    async def _over(self, team: str) -> None:
        """A workspace removed the bot or took back its token. Several signs of it are one end."""
        try:
            token = await self.installs.token(team)
        except ChatError:
            return  # it ended before
        if self._ended.get(team) == token:
            return
        self._ended.put(team, token)
        log.info("workspace ended", team=team)
        await self.installs.end(team)
        if self._tell_ended is not None:
            await self._tell_ended(team)

    # -- what goes out -------------------------------------------------------------------------

    async def post(self, place: Place, card: Card, *, key: str, again: bool = False) -> Message:
        """A message in a channel or thread."""
        return await self._places.post(place, card, key=key, again=again)

    async def dm(self, user: User, card: Card, *, key: str, again: bool = False) -> Message:
        """A direct message. ``Undeliverable`` when the person takes none. Their App Home follows."""
        message = await self._places.dm(user, card, key=key, again=again)
        if self._home is not None:
            self._home.touch(user.community, user.id)
        return message

    async def edit(self, message: Message, card: Card) -> None:
        """Another card in place of one of ours."""
        await self._places.edit(message, card)

    async def delete(self, message: Message) -> None:
        """Take back one of ours; the thread under it stays."""
        await self._places.delete(message)

    async def thread(self, message: Message, title: str) -> Place:
        """The thread under a message."""
        return await self._places.thread(message, title)

    async def room(self, users: Sequence[User], title: str, *, key: str) -> Place:
        """A group direct message for these people; the same people, the same room."""
        return await self._places.room(users, title, key=key)

    async def check(self, place: Place, *, threads: bool = False) -> Sequence[str]:
        """What lacks for posts in a channel, in words; a public one is joined."""
        return await self._places.check(place, threads=threads)

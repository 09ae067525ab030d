"""A fake Discord: a real HTTP API and a real gateway on 127.0.0.1, strict as Discord is, faulty on demand.

    async with FakeDiscord(clock=clock) as fake:
        ada, support = fake.person("ada"), fake.channel("support")
        discord.http.Route.BASE = fake.api_base           # and log in with fake.token
        await fake.ready()                                # the bot has identified
        exchange = await fake.command(ada, support, "rejected")
        modal = await exchange.modal()
        exchange = await fake.submit(modal, {"stage": "interview"})
        message = await exchange.reply()                  # ephemeral ones too: what Ada sees
        exchange = await fake.press(ada, message, "plan.show:")
        message = await exchange.edit()                   # the message it sits on was replaced
        fake.messages(support), fake.dms(ada), fake.threads(support)

The state is all in this process, so that the bot may be another one: see ``discord_control`` for
``python -m tests.wire.discord`` and for driving it from outside. Nothing here scans guilds per request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

from aiohttp import web

from bot.clock import Clock, SystemClock
from tests.wire import discord_apps, discord_channels, discord_interactions, discord_registry, discord_threads
from tests.wire.discord_actions import Hands, Value, Where
from tests.wire.discord_basics import File, Ids, Json
from tests.wire.discord_commands import Command
from tests.wire.discord_exchange import Exchange, Modal
from tests.wire.discord_faults import Cut, Fault, Faults, Pattern
from tests.wire.discord_gateway import Gateway
from tests.wire.discord_interactions import Interaction
from tests.wire.discord_limits import Limits
from tests.wire.discord_login import PRIVILEGED
from tests.wire.discord_messages import Desk, Nonces
from tests.wire.discord_model import Channel, Guild, Message, Person
from tests.wire.discord_rest import BASE, LARGEST, Recorded, Rest, Routes
from tests.wire.discord_world import BOT_PERMISSIONS, World
from tests.wire.waiting import PATIENCE

MODULES = (discord_apps, discord_registry, discord_channels, discord_threads, discord_interactions)


class FakeDiscord(World):
    """The whole service. See ``World`` for making guilds, channels, roles and people.

    ``clock`` dates everything and measures the 3 seconds of an interaction, nonces and limits; a
    ``SystemClock`` unless given. ``guilds`` are made at once. ``permissions`` is what the bot was
    invited with. ``limits`` turns the rate limits on, ``privileged`` allows the privileged intents.
    ``heartbeat`` is in real milliseconds, ``nonce_minutes`` is how long enforce_nonce remembers.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        guilds: int = 1,
        token: str = "fake.token.of-a-bot",
        permissions: int = BOT_PERMISSIONS,
        limits: bool = False,
        privileged: bool = False,
        shards: int = 1,
        heartbeat: int = 41_250,
        nonce_minutes: float = 3.0,
        max_concurrency: int = 1,
        recording: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.token, self.host, self.port = token, host, port
        self.privileged = PRIVILEGED if privileged else 0
        self.app_flags = 0
        self.max_concurrency, self.recording = max_concurrency, recording
        self.deliver = 1  # how often each interaction is delivered
        self.requests: deque[Recorded] = deque(maxlen=200_000)
        self.faults, self.limits = Faults(), Limits(self, on=limits)
        self.gateway = Gateway(self, shards=shards, heartbeat=heartbeat)
        self.commands: dict[int | None, dict[tuple[int, str], Command]] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.ephemerals: dict[int, Message] = {}
        self.files: dict[str, File] = {}
        self.app_changes: Json = {}
        self.nonces = Nonces(self, nonce_minutes)
        self.desk = Desk(self)
        self.hands = Hands(self)
        super().__init__(Ids(self.clock), permissions)
        self.app_id = self.bot.id
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.ServerRunner | None = None
        self.broken: list[Exception] = []  # errors of this fake itself; ``stop`` raises them
        routes = Routes()
        for module in MODULES:
            for route in module.routes.all:
                routes.add(route)
        self._rest = Rest(self, routes)
        self.add_guilds(guilds)

    # --- starting and stopping -------------------------------------------------------------------

    @property
    def base(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{self.host}:{self.port}"

    @property
    def api_base(self) -> str:
        """What ``discord.http.Route.BASE`` is to be."""
        return self.base + BASE

    @property
    def gateway_url(self) -> str:
        """Where the gateway is; what ``GET /gateway/bot`` says."""
        return f"ws://{self.host}:{self.port}/"

    def now(self) -> datetime:
        """The fake's time."""
        return self.clock.now()

    async def start(self) -> Self:
        """Listen; after a ``stop`` on the same port again, with everything as it was."""
        server = web.Server(self._answer, request_factory=self._request, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, backlog=2048, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Go away, as in an outage: connections end, the state stays."""
        await self.gateway.stop()
        for task in list(self._tasks):
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.broken:
            broken, self.broken = self.broken, []
            raise ExceptionGroup("the fake Discord itself failed", broken)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._serve(request)
        except ConnectionError:
            raise
        except Exception as error:
            self.broken.append(error)
            raise

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(BASE + "/"):
            return await self._rest.answer(request)
        if path == "/" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.gateway.connection(request)
        if path.startswith("/attachments/") and (file := self.files.get(path.removeprefix("/attachments/"))):
            return web.Response(body=file.data, content_type=file.kind)
        if path.startswith("/_fake/"):
            from tests.wire.discord_control import control

            return await control(self, request)
        return web.Response(status=404)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside; ended by ``stop``."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- waiting ---------------------------------------------------------------------------------

    async def ready(self, sessions: int = 1, patience: float = PATIENCE) -> None:
        """Wait until that many gateway sessions are connected."""
        await self.until(lambda: len(self.gateway.connected()) >= sessions, "a gateway session", patience)

    # --- what people do --------------------------------------------------------------------------

    async def command(
        self,
        person: Person,
        where: Where,
        name: str,
        options: Mapping[str, Value] | None = None,
        *,
        locale: str = "",
    ) -> Exchange:
        """Somebody types a slash command in a channel, a guild, or (None) their direct messages."""
        return self.hands.command(person, where, name, options or {}, locale)

    async def autocomplete(
        self,
        person: Person,
        where: Where,
        name: str,
        focused: str,
        typed: str,
        options: Mapping[str, Value] | None = None,
    ) -> Exchange:
        """Somebody types into an option that suggests; ``await exchange.choose()`` gives the choices."""
        return self.hands.autocomplete(person, where, name, focused, typed, options or {})

    async def press(
        self,
        person: Person,
        message: Message,
        custom_id: str,
        values: Sequence[Any] | None = None,
        *,
        locale: str = "",
    ) -> Exchange:
        """Somebody presses a button, or picks ``values`` in a select, on a message they see."""
        return self.hands.press(person, message, custom_id, values, locale)

    async def submit(
        self, modal: Modal | Exchange, values: Mapping[str, Value] | None = None, *, locale: str = ""
    ) -> Exchange:
        """Hand in a form: what stands in it already, and ``values`` by custom_id."""
        modal = await modal.modal() if isinstance(modal, Exchange) else modal
        return self.hands.submit(modal, values or {}, locale)

    async def say(
        self, person: Person, where: Channel | None, text: str, *, mentions: Sequence[Person] = ()
    ) -> Message:
        """Somebody writes in a channel, a thread, or (None) to the bot."""
        channel = self.hands.place(person, where)
        if channel.thread is not None:
            self.join_thread(channel, person)
        data = {"content": " ".join([*(f"<@{each.id}>" for each in mentions), text])}
        message = self.desk.compose(channel, person, data, {}, may=channel.permissions(person.id))
        self.desk.keep(message)
        return message

    # --- what there is ---------------------------------------------------------------------------

    def messages(self, channel: Channel) -> list[Message]:
        """What stands in a channel or thread, oldest first, without system messages."""
        return [each for each in channel.messages.values() if each.kind in (0, 19, 20, 23)]

    def dms(self, person: Person) -> list[Message]:
        """The direct messages that somebody got from the bot, oldest first."""
        return [each for each in self.messages(person.dm) if each.author is self.bot] if person.dm else []

    def threads(self, channel: Channel | Guild) -> list[Channel]:
        """The threads under a channel or in a guild, oldest first."""
        if isinstance(channel, Guild):
            return list(channel.threads.values())
        assert channel.guild is not None
        return [each for each in channel.guild.threads.values() if each.parent is channel]

    @contextmanager
    def listening(self) -> Iterator[list[tuple[str, Json]]]:
        """The gateway events of a while, each once: (name, data)."""
        events: list[tuple[str, Json]] = []
        self.gateway.listeners.append(events)
        try:
            yield events
        finally:
            self.gateway.listeners.remove(events)

    def calls(self, pattern: str = "*") -> list[Recorded]:
        """What was asked so far: ``POST /channels/*/messages``."""
        wanted = Pattern(pattern)
        return [each for each in self.requests if wanted.matches(each.method, each.path)]

    # --- faults ----------------------------------------------------------------------------------

    def fail(
        self,
        pattern: str,
        status: int = 0,
        *,
        times: int | None = 1,
        skip: int = 0,
        retry_after: float = 1.0,
        is_global: bool = False,
        shared: bool = False,
        cut: Cut = "",
        delay: float = 0.0,
        code: int = 0,
    ) -> Fault:
        """The next ``times`` requests like ``POST /channels/*/messages`` meet a fault (see ``Fault``)."""
        fault = Fault(Pattern(pattern), times, skip, status, retry_after, is_global, shared, cut, delay)
        fault.code = code
        return self.faults.add(fault)

    def hold(self, pattern: str, times: int | None = None) -> Fault:
        """Requests like this wait until ``release``."""
        return self.faults.add(Fault(Pattern(pattern), times, hold=asyncio.Event()))

    def release(self, fault: Fault) -> None:
        """Lift a fault; what it held goes on."""
        self.faults.remove(fault)
        if fault.hold is not None:
            fault.hold.set()


if __name__ == "__main__":
    from tests.wire.discord_control import main

    main()

"""A fake Slack: a real Web API, a real Socket Mode and real signed requests on 127.0.0.1, as strict as Slack.

    async with FakeSlack(clock=clock) as fake:
        ada, support = fake.person("ada"), fake.channel("support")
        app = AsyncApp(token=fake.bot_token, client=AsyncWebClient(base_url=fake.api_base, …))
        await fake.ready()                                # Socket Mode is connected
        exchange = await fake.command(ada, support, "/rejected")
        view = await exchange.view()
        exchange = await fake.submit(ada, {"stage": "interview"})
        message = await exchange.reply()                  # ephemeral ones too: what Ada sees
        exchange = await fake.press(ada, message, "plan.show:")
        message = await exchange.edit()                   # the message it sits on was replaced
        fake.messages(support), fake.messages(support, thread=ts), fake.dms(ada), fake.home(ada)

``fake.posts.url = "http://…/slack/events"`` delivers by HTTP instead. The state is all in this process, so
that the bot may be another one: see ``slack_control`` for ``python -m tests.wire.slack``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Self

from aiohttp import web

from bot.clock import Clock, SystemClock
from tests.wire import slack_oauth_page
from tests.wire.slack_client import Hands
from tests.wire.slack_delivery import SOCKET_PATH, Delivery, Sockets
from tests.wire.slack_exchange import Exchange
from tests.wire.slack_eyes import Eyes
from tests.wire.slack_faults import Fault, Faults
from tests.wire.slack_filling import Value
from tests.wire.slack_hooks import PATHS, Hooks
from tests.wire.slack_http import Recorded, SlackHttp
from tests.wire.slack_limits import Limits
from tests.wire.slack_model import Conversation, Json, Message, Person, View, Workspace
from tests.wire.slack_news import News
from tests.wire.slack_posts import Posts
from tests.wire.slack_shapes import read as read
from tests.wire.slack_web import SlackWeb
from tests.wire.slack_web_auth import grant
from tests.wire.slack_world import SCOPES, World
from tests.wire.waiting import PATIENCE
from tests.wire.waiting import NotPossible as NotPossible


class FakeSlack(World):
    """The whole service, with one workspace that has #general in it (the bot is not a member).

    ``clock`` dates everything and measures triggers, response_urls, acks and limits; a ``SystemClock``
    unless given. ``limits`` turns the rate limits on. ``recording`` keeps every Web API call.
    ``echoes`` tells the app of messages that it wrote itself, as Slack does.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        limits: bool = False,
        recording: bool = True,
        echoes: bool = True,
        scopes: Iterable[str] = SCOPES,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(clock or SystemClock(), scopes)
        self.host, self.port, self.echoes = host, port, echoes
        self.app_token = "xapp-1-A0000000001-fake"
        self.signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"
        self.client_id, self.client_secret = "1000.2000", "oauth-secret"
        self.redirect_uri = ""  # where OAuth leads when the app names no place
        self.consent = ""  # "allow" or "deny": OAuth asks nobody
        self.exchanges: dict[str, Exchange] = {}
        self.broken: list[Exception] = []  # errors of this fake itself; ``stop`` raises them
        self.faults, self.limits = Faults(), Limits(self.clock, on=limits)
        self.sockets, self.posts, self.hooks = Sockets(self), Posts(self), Hooks(self)
        self.web = SlackWeb(
            self.clock,
            self.workspaces,
            app_token=self.app_token,
            client_id=self.client_id,
            client_secret=self.client_secret,
            app_id=self.app_id,
            connect=self.sockets.open,
        )
        self.http = SlackHttp(self.web, self.faults, self.limits, recording, changed=self.wake)
        self.hands, self.eyes, self.news = Hands(self), Eyes(self), News(self)
        self.web.listeners.append(self.eyes.happened)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    # --- starting and stopping -------------------------------------------------------------------

    @property
    def base(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{self.host}:{self.port}"

    @property
    def api_base(self) -> str:
        """What ``AsyncWebClient(base_url=…)`` is to be."""
        return f"{self.base}/api/"

    @property
    def authorize_url(self) -> str:
        """Where OAuth begins."""
        return self.base + slack_oauth_page.PATH

    @property
    def requests(self) -> list[Recorded]:
        """Every call of the Web API, oldest first, while ``recording``; response_urls are among them."""
        return self.http.requests

    @property
    def double(self) -> float:
        """The chance that an envelope or a request comes twice."""
        return self.sockets.double

    @double.setter
    def double(self, chance: float) -> None:
        self.sockets.double = chance

    async def start(self) -> Self:
        """Listen; after a ``stop`` on the same port again, with everything as it was."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(self.http.routes())
        app.router.add_get(SOCKET_PATH, self._guarded(self.sockets.connection))
        app.router.add_route("*", slack_oauth_page.PATH, self._guarded(self._authorize))
        for path in PATHS:
            app.router.add_post(path + "{rest:.*}", self._guarded(self.hooks.answer))
        app.router.add_post("/_fake/{op}", self._control)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, backlog=2048, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        self.web.origin = self.base
        self.sockets.start()
        await self.posts.start()
        return self

    async def stop(self) -> None:
        """Go away, as in an outage: connections end, the state stays."""
        await self.sockets.stop()
        for task in list(self._tasks):
            task.cancel()
        await self.posts.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.broken:
            broken, self.broken = self.broken, []
            raise ExceptionGroup("the fake Slack itself failed", broken)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _guarded(
        self, work: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                return await work(request)
            except ConnectionError:
                raise
            except Exception as error:
                self.broken.append(error)
                raise

        return guarded

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        return await slack_oauth_page.authorize(self, request)

    async def _control(self, request: web.Request) -> web.StreamResponse:
        from tests.wire.slack_control import control

        return await control(self, request)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside; ended by ``stop``, and told by it if it fails."""

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                self.broken.append(error)

        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(done)

    def deliver(self, delivery: Delivery) -> None:
        """Tell the app something, the way it is set up."""
        (self.posts if self.posts.url else self.sockets).deliver(delivery)

    # --- waiting ---------------------------------------------------------------------------------

    async def ready(self, connections: int = 1, patience: float = PATIENCE) -> None:
        """Wait until so many connections of Socket Mode are there."""
        enough = lambda: len(self.sockets.connected()) >= connections  # noqa: E731
        await self.until(enough, f"{connections} connections", patience)

    async def quiet(self, patience: float = PATIENCE) -> None:
        """Wait until the app has acknowledged everything that it was told."""
        await self.until(lambda: not self.sockets.pending() and not self.posts.waiting, "acks", patience)

    def calls(self, method: str = "") -> list[Recorded]:
        """The recorded calls of a method (all of them when "")."""
        return [each for each in self.requests if method in ("", each.method)]

    # --- what people do --------------------------------------------------------------------------

    async def command(
        self, person: Person, where: Conversation | None, name: str, text: str = ""
    ) -> Exchange:
        """Somebody types ``/name text`` in a conversation, or (None) in that with the app."""
        return self.hands.command(person, where, name, text)

    async def press(
        self, person: Person, on: Message | View, action_id: str, value: Value = None
    ) -> Exchange:
        """Somebody presses a button they see, or chooses ``value`` in a select."""
        return self.hands.press(person, on, action_id, value)

    async def submit(
        self, person: Person, values: Mapping[str, Value] | None = None, view: View | None = None
    ) -> Exchange:
        """Somebody hands in the modal on top of their screen, with what stands in it and ``values``."""
        return self.hands.submit(person, values or {}, view)

    async def close(self, person: Person, *, every: bool = False) -> Exchange | None:
        """Somebody closes the modal on top, or every one; an exchange if the app is told."""
        return self.hands.close(person, every=every)

    async def shortcut(self, person: Person, callback_id: str) -> Exchange:
        """Somebody uses a global shortcut."""
        return self.hands.shortcut(person, callback_id)

    async def message_shortcut(self, person: Person, message: Message, callback_id: str) -> Exchange:
        """Somebody uses a shortcut of a message's menu."""
        return self.hands.shortcut(person, callback_id, message)

    async def open_home(self, person: Person, tab: str = "home") -> Exchange:
        """Somebody opens the app's Home (or ``messages``) tab."""
        return self.hands.open_home(person, tab)

    async def say(
        self, person: Person, where: Conversation | None, text: str, thread: str | Message = ""
    ) -> Message:
        """Somebody writes in a channel, in a thread of it, or (None) to the app."""
        return self.hands.say(person, where, text, thread.ts if isinstance(thread, Message) else thread)

    # --- the app comes and goes ------------------------------------------------------------------

    def grant(self, workspace: Workspace, scopes: Iterable[str], redirect_uri: str) -> str:
        """Somebody allows the app in: the code of it."""
        people = [each.id for each in workspace.people.values() if each.is_admin or each.is_owner]
        user = people[0] if people else self.person("installer", workspace=workspace, is_admin=True).id
        return grant(self.web, workspace, user, set(scopes), redirect_uri)

    async def uninstall(self, workspace: Workspace | None = None) -> None:
        """The app is removed from a workspace: its token is over, and two events say so."""
        workspace = workspace or self.workspace
        self.web.uninstall(workspace)
        self.news.ended(workspace, uninstalled=True)

    async def revoke(self, workspace: Workspace | None = None) -> None:
        """The bot's token is revoked."""
        workspace = workspace or self.workspace
        self.web.uninstall(workspace, over="token_revoked")
        self.news.ended(workspace, uninstalled=False)

    def tell_of_end(self, workspace: Workspace, *, uninstalled: bool) -> None:
        """The events of an end, without it: tokens_revoked, and app_uninstalled when it was."""
        self.news.ended(workspace, uninstalled=uninstalled)

    def event(self, event: Json, *, name: str = "", workspace: Workspace | None = None) -> str:
        """Tell the app about any event, if it subscribed to ``name`` (else its type): the event_id, or ""."""
        return self.news.event(workspace or self.workspace, name or event["type"], event)

    # --- faults ----------------------------------------------------------------------------------

    def hold(self, method: str, times: int | None = None) -> Fault:
        """Calls of a method wait until ``release``."""
        return self.faults.add(method, times=times, hold=asyncio.Event())

    def release(self, fault: Fault) -> None:
        """Lift a fault; what it held goes on."""
        self.faults.remove(fault)
        if fault.hold is not None:
            fault.hold.set()

    def __repr__(self) -> str:
        return f"<{len(self.sockets.connected())} connections, {self.sockets.pending()} not acknowledged>"


if __name__ == "__main__":
    from tests.wire.slack_control import main

    main()

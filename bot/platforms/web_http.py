"""The local web chat's front door: who may come in, the page's files, and the sockets.

A page of any website can ask a browser to talk to this machine. So the Host header must name this
machine (a foreign name that was pointed here is refused), a socket must come from our own page
(Origin), and what is served forbids scripts, frames and requests from anywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from bot.errors import Gone
from bot.platforms import web_frames as frames
from bot.platforms.web_actions import Actions
from bot.platforms.web_cards import Json, picture
from bot.platforms.web_hub import Hub, Window, may_see
from bot.platforms.web_people import PAGE, Community, Person
from bot.platforms.web_store import Store

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})
_PATIENCE = 1.0  # seconds for a browser to say goodbye when we stop


class Door:
    """The aiohttp application of one chat server."""

    def __init__(
        self,
        host: str,
        store: Store,
        hub: Hub,
        community: Community,
        actions: Actions,
        state: Callable[[Person], Awaitable[Json]],
    ) -> None:
        self._hosts = _LOOPBACK | ({host.lower()} - _EVERYWHERE)
        self._store, self._hub, self._community = store, hub, community
        self._actions, self._state = actions, state
        self._files = {file.name: file.read_bytes() for file in PAGE.iterdir() if file.suffix in _TYPES}
        self._sockets: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        """The application, ready to be run."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._page, allow_head=False)
        app.router.add_get("/page/{name}", self._page, allow_head=False)
        app.router.add_get("/picture/{id:[0-9]{1,15}}", self._picture, allow_head=False)
        app.router.add_get("/ws", self._socket, allow_head=False)
        app.on_response_prepare.append(self._harden)
        app.on_shutdown.append(self._close)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse requests meant for another name than this machine's."""
        name = None
        with suppress(ValueError):
            name = urlsplit("//" + request.headers.get("Host", "")).hostname
        if name not in self._hosts:
            raise web.HTTPMisdirectedRequest(text="This address is not served here.\n")
        return await handler(request)

    async def _harden(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)

    async def _page(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound(text="There is nothing here.\n")
        suffix = name[name.rindex(".") :]
        return web.Response(body=file, content_type=_TYPES[suffix], charset="utf-8")

    async def _picture(self, request: web.Request) -> web.Response:
        """The picture on a card, for those who may see the card."""
        person = self._community.people.get(request.query.get("as", ""))
        with suppress(Gone):
            row = await self._store.get(int(request.match_info["id"]))
            channel, data = self._community.channel(row.channel), picture(row)
            if person is not None and channel is not None and data and may_see(person, channel, row):
                return web.Response(body=data, content_type="image/png")
        raise web.HTTPNotFound(text="There is nothing here.\n")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        """One window, from its first word to its last."""
        host = request.headers.get("Host", "")
        if request.headers.get("Origin", "").lower() not in {
            f"http://{host}".lower(),
            f"https://{host}".lower(),
        }:
            raise web.HTTPForbidden(text="Only this chat's own page may connect.\n")
        socket = web.WebSocketResponse(max_msg_size=frames.FRAME_LIMIT, heartbeat=25, timeout=_PATIENCE)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            with suppress(ConnectionError):  # a window that left in the middle of something
                person = await self._hello(socket)
                if person is not None:
                    await self._serve(socket, person)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _hello(self, socket: web.WebSocketResponse) -> Person | None:
        """Wait until the window says who it acts as; None if it leaves before."""
        async for message in socket:
            frame = frames.read(message.data) if message.type is WSMsgType.TEXT else None
            who = frame.get("as") if frame is not None and frame.get("do") == "hello" else None
            person = self._community.people.get(who) if isinstance(who, str) else None
            if person is not None:
                return person
            await socket.send_json({"type": "error", "text": "Say who you are first."})
        return None

    async def _serve(self, socket: web.WebSocketResponse, person: Person) -> None:
        """Take the window's actions, each on its own, so that a slow one holds up no other."""
        window = self._hub.join(person)  # before the state is read: what happens meanwhile is queued
        running: set[asyncio.Task[None]] = set()
        try:
            await socket.send_json(await self._state(person))
            running.add(asyncio.create_task(_deliver(window, socket)))
            async for message in socket:
                frame = frames.read(message.data) if message.type is WSMsgType.TEXT else None
                if frame is None or (action := frames.action_id(frame)) is None:
                    window.send({"type": "error", "text": "That was not an action."})
                    continue
                task = asyncio.create_task(self._answer(window, action, frame))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            self._hub.leave(window)
            for task in running:
                task.cancel()

    async def _answer(self, window: Window, id: str, frame: frames.Frame) -> None:
        window.send({"type": "answer", "id": id, **await self._actions.act(window.person, id, frame)})

    async def _close(self, _: web.Application) -> None:
        """Say goodbye to every window; each will look for us again."""
        goodbyes = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in tuple(self._sockets))
        await asyncio.gather(*goodbyes, return_exceptions=True)


async def _deliver(window: Window, socket: web.WebSocketResponse) -> None:
    """Send what is queued until the socket is gone."""
    with suppress(ConnectionError):
        while True:
            await socket.send_str(await window.outgoing.get())

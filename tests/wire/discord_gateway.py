"""The gateway: sessions that count and remember what they sent, and the sockets they come and go on.

What a session was sent stays until the client's heartbeat says it arrived, so that a resume replays
exactly what was lost (docs: events/gateway). Intents decide what is sent at all.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.wire.discord_basics import Json
from tests.wire.discord_login import CONTENT, Login
from tests.wire.discord_model import Guild, Message
from tests.wire.discord_session import CLOSING, Session, Socket, Squeeze, plain, zlib_stream, zstd_stream

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 9, 1 << 12

SENDS = 120
"""Messages a client may send in a minute before it is closed with 4008."""

FATAL = (4004, 4010, 4011, 4012, 4013, 4014)
LOST = (4007, 4009)


EVERYTHING = Session("", 0, 1, -1)
"""Who would be told all there is to tell."""


class Gateway:
    """All sessions and sockets, and what can be done to them.

    ``heartbeat`` (real milliseconds) is what the next hello asks for. Faults: ``acks`` False leaves
    heartbeats unanswered, ``repeat`` delivers that many next events twice, ``refuse`` answers the next
    identifies and resumes by closing with these codes, ``silent`` keeps hello from being sent.
    """

    def __init__(self, fake: FakeDiscord, *, shards: int, heartbeat: int) -> None:
        self._fake, self.shards, self.heartbeat = fake, shards, heartbeat
        self.sessions: dict[str, Session] = {}
        self.sockets: set[Socket] = set()
        self.acks, self.repeat, self.silent = True, 0, False
        self.refuse: deque[int] = deque()
        self.heartbeats = self.connections = 0
        self.listeners: list[list[tuple[str, Json]]] = []
        self.login = Login(fake, self.sessions)

    # --- what happens is told --------------------------------------------------------------------

    def emit(
        self,
        event: str,
        data: Json | Callable[[Session], Json],
        *,
        guild: Guild | None = None,
        intent: int = 0,
        copies: int = 1,
    ) -> int:
        """Tell every session it concerns; how many were told. ``data`` may differ per session."""
        if self.repeat:
            self.repeat -= 1
            copies += 1
        told, text = 0, ""
        for heard in self.listeners:
            heard.append((event, data(EVERYTHING) if callable(data) else data))
        for session in list(self.sessions.values()):
            if not session.takes(guild) or (intent and not session.intents & intent):
                continue
            if callable(data):
                text = json.dumps(data(session), separators=(",", ":"))
            elif not text:
                text = json.dumps(data, separators=(",", ":"))
            for _ in range(copies):
                session.push(event, text)
            told += 1
        return told

    def message(self, event: str, message: Message) -> None:
        """Tell of a message; its content only goes where it may (docs: message content intent).

        An ephemeral one is told as a direct message, without its server (docs: gateway events, messages).
        """
        bot, guild = self._fake.bot, None if message.ephemeral else message.channel.guild
        own = message.author is bot or guild is None or bot in message.mentioned
        now = self._fake.now()

        def shown(session: Session) -> Json:
            out = message.json(now, content=own or bool(session.intents & CONTENT), bot=bot.id)
            if guild is not None:
                out["guild_id"] = str(guild.id)
                if member := guild.members.get(message.author.id):
                    out["member"] = member.json(user=False)
            return out

        self.emit(event, shown, guild=guild, intent=GUILD_MESSAGES if guild else DIRECT_MESSAGES)

    def removed(self, message: Message) -> None:
        """Tell that a message is gone."""
        guild = None if message.ephemeral else message.channel.guild
        out = {"id": str(message.id), "channel_id": str(message.channel.id)}
        if guild is not None:
            out["guild_id"] = str(guild.id)
        self.emit("MESSAGE_DELETE", out, guild=guild, intent=GUILD_MESSAGES if guild else DIRECT_MESSAGES)

    # --- what tests do to it ---------------------------------------------------------------------

    def connected(self, shard: int | None = None) -> list[Session]:
        """The sessions that have a socket now (of one shard)."""
        return [each for each in self.sessions.values() if each.socket and shard in (None, each.shard)]

    def _sockets(self, shard: int | None) -> list[Socket]:
        return [each.socket for each in self.connected(shard) if each.socket]

    async def close(self, code: int, shard: int | None = None) -> int:
        """Close with a code; how many. After 4009 and what is fatal the session cannot be resumed."""
        sockets = self._sockets(shard)
        for socket in sockets:
            session = socket.session
            if session is not None and code in (*FATAL, *LOST, 1000, 1001):
                self.sessions.pop(session.id, None)
            await socket.close(code)
        return len(sockets)

    def drop(self, shard: int | None = None) -> int:
        """Cut the connections without a word; how many."""
        sockets = self._sockets(shard)
        for socket in sockets:
            self._left(socket)
            socket.drop()
        return len(sockets)

    def reconnect(self, shard: int | None = None) -> int:
        """Ask to reconnect and resume (op 7); how many."""
        sockets = self._sockets(shard)
        for socket in sockets:
            socket.op(7)
        return len(sockets)

    def invalidate(self, *, resumable: bool, shard: int | None = None) -> int:
        """Say that the session is invalid (op 9); how many."""
        sockets = self._sockets(shard)
        for socket in sockets:
            if not resumable and socket.session is not None:
                self.sessions.pop(socket.session.id, None)
                socket.leave()
            socket.op(9, resumable)
        return len(sockets)

    async def stop(self) -> None:
        """Go away: every connection is closed, every session is kept for a restart."""
        for socket in list(self.sockets):
            self._left(socket)
            await socket.close(1001)

    # --- one connection --------------------------------------------------------------------------

    async def connection(self, request: web.BaseRequest) -> web.StreamResponse:
        """Speak with a client until it or a fault ends it."""
        ws = web.WebSocketResponse(compress=False, autoping=True, timeout=CLOSING, max_msg_size=4096 * 4)
        await ws.prepare(request)
        self.connections += 1
        query = request.query
        squeeze: Squeeze = plain
        match query.get("compress"):
            case "zlib-stream":
                squeeze = zlib_stream()
            case "zstd-stream":
                squeeze = zstd_stream()
        socket = Socket(ws, squeeze, request.transport)
        self.sockets.add(socket)
        try:
            if query.get("v", "10") not in ("9", "10"):
                await socket.close(4012)
            elif query.get("encoding", "json") != "json":
                await socket.close(4002)
            else:
                if not self.silent:
                    socket.op(10, {"heartbeat_interval": self.heartbeat, "_trace": ["fake"]})
                await self._listen(socket)
        finally:
            self.sockets.discard(socket)
            self._left(socket)
            socket.stop()
        return ws

    def _left(self, socket: Socket) -> None:
        session = socket.session
        socket.leave()
        if session is None:
            return
        session.left = self._fake.now()
        if socket.ws.close_code in (1000, 1001) and socket.code is None:
            self.sessions.pop(session.id, None)  # the client said goodbye
        self._fake.wake()

    async def _listen(self, socket: Socket) -> None:
        patience = self.heartbeat / 1000 * 2.5 + 1
        times: deque[datetime] = deque(maxlen=SENDS)
        while not socket.ws.closed:
            try:
                frame = await socket.ws.receive(timeout=patience)
            except TimeoutError:
                return await self.end(socket, 4009)
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return None
            now = self._fake.now()
            if len(times) == SENDS and self._fake.limits.on and now - times[0] < timedelta(minutes=1):
                return await self.end(socket, 4008)
            times.append(now)
            try:
                said = json.loads(frame.data)
                op, data = said["op"], said.get("d")
            except (ValueError, KeyError, TypeError, AttributeError):
                return await self.end(socket, 4002)
            if code := self._said(socket, op, data):
                return await self.end(socket, code)
        return None

    async def end(self, socket: Socket, code: int) -> None:
        """Close one connection, and its session where the code ends that too."""
        if socket.session is not None and code in (*FATAL, *LOST):
            self.sessions.pop(socket.session.id, None)
        self._left(socket)
        await socket.close(code)

    def _said(self, socket: Socket, op: Any, data: Any) -> int | None:
        match op:
            case 1:
                self.heartbeats += 1
                if socket.session is not None and isinstance(data, int):
                    if data > socket.session.seq:
                        return 4007
                    socket.session.confirm(data)
                if self.acks:
                    socket.op(11)
            case 2 | 6 if self.refuse and socket.session is None:
                return self.refuse.popleft()
            case 2:
                return 4005 if socket.session else self.login.identify(socket, data)
            case 6:
                return 4005 if socket.session else self.login.resume(socket, data)
            case 3 | 4 | 8 | 31:
                if socket.session is None:
                    return 4003
                if op == 8:
                    self.login.members(socket.session, data)
            case _:
                return 4001
        return None

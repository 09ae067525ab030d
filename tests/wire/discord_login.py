"""Coming in at the gateway: identify, resume, and what a new session is told (docs: events/gateway)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import Json
from tests.wire.discord_model import Guild
from tests.wire.discord_session import Session, Socket

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

GUILDS, MEMBERS, PRESENCES, CONTENT = 1 << 0, 1 << 1, 1 << 8, 1 << 15
PRIVILEGED = MEMBERS | PRESENCES | CONTENT
KNOWN_INTENTS = (1 << 17) - 1 | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25

RESUMABLE = timedelta(minutes=3)
"""How long a session without a socket can be resumed (Discord says only "a few minutes")."""

GUILDS_PER_SHARD = 2500
"""More guilds on one shard are refused with 4011 (docs: sharding); only while limits are on."""


class Login:
    """Keeps the sessions. ``identifies`` and ``resumes`` count, ``starts`` are what is left today."""

    def __init__(self, fake: FakeDiscord, sessions: dict[str, Session]) -> None:
        self._fake, self.sessions = fake, sessions
        self.identifies = self.resumes = 0
        self.starts = 1000
        self._identified: dict[int, datetime] = {}

    def identify(self, socket: Socket, data: Any) -> int | None:
        """Begin a session; a close code when that cannot be."""
        self.identifies += 1
        if not isinstance(data, dict) or not isinstance(data.get("properties"), dict):
            return 4002
        if data.get("token") != self._fake.token:
            return 4004
        shard, shards = 0, 1
        if (wanted := data.get("shard")) is not None:
            try:
                shard, shards = (int(each) for each in wanted)
            except (TypeError, ValueError):
                return 4010
            if not 0 <= shard < shards:
                return 4010
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0 or intents & ~KNOWN_INTENTS:
            return 4013
        if intents & PRIVILEGED & ~self._fake.privileged:
            return 4014
        if self._fake.limits.on and len(self._fake.guilds) > GUILDS_PER_SHARD * shards:
            return 4011
        if self._too_soon(shard):
            socket.op(9, False)
            return None
        self.starts -= 1
        session = Session(token_hex(16), shard, shards, intents, socket=socket)
        self._sweep()
        socket.session = self.sessions[session.id] = session
        self._greet(session)
        self._fake.wake()
        return None

    def _too_soon(self, shard: int) -> bool:
        """One identify per five seconds and rate limit key, when limits are on."""
        now, key = self._fake.now(), shard % self._fake.max_concurrency
        last = self._identified.get(key)
        self._identified[key] = now
        return self._fake.limits.on and last is not None and now - last < timedelta(seconds=5)

    def _sweep(self) -> None:
        now = self._fake.now()
        gone = [each for each in self.sessions.values() if each.socket is None]
        for session in gone[:-64]:
            del self.sessions[session.id]
        for session in gone[-64:]:
            if session.left is None or now - session.left > RESUMABLE:
                self.sessions.pop(session.id, None)

    def _greet(self, session: Session) -> None:
        fake = self._fake
        mine = [
            guild for guild in fake.guilds.values() if session.takes(guild) and fake.bot.id in guild.members
        ]
        ready = {
            "v": 10,
            "user": fake.bot.json() | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in mine],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": fake.gateway_url,
            "shard": [session.shard, session.shards],
            "application": {"id": str(fake.app_id), "flags": fake.app_flags},
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "user_settings": {},
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "_trace": ["fake"],
        }
        session.push("READY", json.dumps(ready))
        if session.intents & GUILDS:
            self._fake.spawn(self._guilds(session, mine))

    async def _guilds(self, session: Session, guilds: Iterable[Guild]) -> None:
        for number, guild in enumerate(guilds, 1):
            data = guild.json(now=self._fake.now(), bot=self._fake.bot.id)
            session.push("GUILD_CREATE", json.dumps(data, separators=(",", ":")))
            if number % 50 == 0:
                await asyncio.sleep(0)
            if session.id not in self.sessions:
                return

    def resume(self, socket: Socket, data: Any) -> int | None:
        """Go on with a session, and send what it missed; a close code when that cannot be."""
        self.resumes += 1
        if not isinstance(data, dict):
            return 4002
        if data.get("token") != self._fake.token:
            return 4004
        session, seq = self.sessions.get(str(data.get("session_id"))), data.get("seq")
        now = self._fake.now()
        if session is None or (session.left and now - session.left > RESUMABLE):
            socket.op(9, False)
            return None
        if not isinstance(seq, int) or seq > session.seq:
            return 4007
        if seq < session.forgot:
            self.sessions.pop(session.id, None)
            socket.op(9, False)
            return None
        if session.socket is not None:
            old = session.socket
            old.leave()
            self._fake.spawn(old.close(4000))
        session.confirm(seq)
        session.left, session.socket, socket.session = None, socket, session
        for _, text in session.sent:
            socket.push(text)
        session.push("RESUMED", '{"_trace":["fake"]}')
        self._fake.wake()
        return None

    def members(self, session: Session, data: Any) -> None:
        """Answer a request for members (op 8)."""
        guild = self._fake.guilds.get(int(data.get("guild_id") or 0)) if isinstance(data, dict) else None
        if guild is None:
            return
        wanted = data.get("user_ids")
        ids = {int(each) for each in ([wanted] if isinstance(wanted, str) else wanted or ())}
        query, limit = data.get("query"), int(data.get("limit") or 0)
        if not ids and not query and limit == 0 and not session.intents & MEMBERS:
            return
        found = [
            member.json()
            for member in guild.members.values()
            if (member.person.id in ids if ids else member.person.name.startswith(query or ""))
        ][: limit or None]
        parts = [found[start : start + 1000] for start in range(0, len(found), 1000)] or [[]]
        for index, part in enumerate(parts):
            chunk: Json = {"guild_id": str(guild.id), "members": part, "not_found": []}
            chunk |= {"chunk_index": index, "chunk_count": len(parts)}
            if nonce := data.get("nonce"):
                chunk["nonce"] = nonce
            session.push("GUILD_MEMBERS_CHUNK", json.dumps(chunk))

"""The gateway: discord.py's sharded client with everything switched off that keeps a copy of Discord.

Two intents are asked for, no privileged one: messages in servers, without their content, to notice that
somebody answered in a thread; and direct messages to the bot, to notice that somebody wrote to it (Discord
sends their words along; nothing here looks at them). No GUILDS intent, so no server, channel, role or member
is ever sent; the little that READY says of servers is not kept either. Interactions come without any intent.

discord.py keeps the sessions (heartbeat, resume, reconnect, identify); two of its parsers are replaced
by plain ones that hand the payload on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route
from discord.state import AutoShardedConnectionState

from bot.errors import StartError
from bot.platforms.discord_limits import Lane
from bot.platforms.discord_rest import Rest

Json = dict[str, Any]
Take = Callable[[Json], None]

INTENTS = discord.Intents(guild_messages=True, dm_messages=True)
IDENTIFY_PAUSE = 5.0  # seconds between two identifies of one bucket (docs: gateway, rate limiting)
NO_MEMBERS = discord.MemberCacheFlags.none()


BAD_TOKEN = (
    "discord.token is refused by Discord. Copy it anew from the application's page (Bot, Reset Token), "
    "and put it into the configuration."
)
BAD_INTENTS = "Discord refuses the intents that Bounceback asks for (4014). Update Bounceback."
BAD_SHARDS = "discord.shard_ids or discord.shard_count does not fit what Discord expects ({code})."


class Http(HTTPClient):
    """discord.py's door to REST; every request goes through ours."""

    rest: Rest

    async def request(self, route: Route, *, files: Any = None, form: Any = None, **kwargs: Any) -> Any:
        """What discord.py asks by itself: who am I, where is the gateway."""
        return await self.rest.request(route, Lane.FIRST, json_body=kwargs.get("json"), tries=3)


class _State(AutoShardedConnectionState["Gateway"]):
    """Keeps who the bot is, and nothing else."""

    def listen(self, take: Take, message: Take, ready: Callable[[], None]) -> None:
        """Replace discord.py's parsers by these; every other event is ignored."""
        self._intents = INTENTS  # only now: discord.py warns of what is wanted here

        def started(data: Json) -> None:
            self.application_id = int(data["application"]["id"])
            ready()

        self.parsers = {
            "READY": started,
            "RESUMED": lambda data: ready(),
            "INTERACTION_CREATE": take,
            "MESSAGE_CREATE": message,
        }


class Gateway(discord.AutoShardedClient):
    """One connection of every shard of this process, from login to the end."""

    def __init__(
        self,
        rest: Rest,
        *,
        interaction: Take,
        message: Take,
        ready: Callable[[], None],
        shard_ids: tuple[int, ...] = (),
        shard_count: int | None = None,
        identify_pause: float = IDENTIFY_PAUSE,
    ) -> None:
        self._rest, self._identify_pause = rest, identify_pause
        self._identified: dict[int, float] = {}  # identify bucket -> when, in the loop's time
        self._at_once, self._wanted = 1, shard_count
        options: dict[str, Any] = {"shard_count": shard_count}
        if shard_ids:
            options["shard_ids"] = list(shard_ids)
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody is called here
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=NO_MEMBERS,
            allowed_mentions=discord.AllowedMentions.none(),
            **options,
        )
        state = self._connection
        assert isinstance(state, _State)
        state.listen(interaction, message, ready)

    def _get_state(self, **options: Any) -> Any:  # discord.py's own way in for another state
        http = Http(self.loop)
        http.rest = self._rest
        self.http = http
        handlers, hooks = self._handlers, self._hooks
        return _State(dispatch=self.dispatch, handlers=handlers, hooks=hooks, http=http, **options)

    async def setup_hook(self) -> None:
        """Where the gateway is, asked where REST is: also what discord.py falls back to later."""
        shards, url, limits = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        self._at_once = max(1, int(limits.get("max_concurrency", 1)))
        self.shard_count = self._wanted or shards

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait only as long as Discord asks: five seconds since the bucket's last identify."""
        loop, bucket = asyncio.get_running_loop(), (shard_id or 0) % self._at_once
        at = max(loop.time(), self._identified.get(bucket, -self._identify_pause) + self._identify_pause)
        self._identified[bucket] = at
        await asyncio.sleep(at - loop.time())

    async def serve(self, token: str) -> None:
        """Log in and stay, until cancelled or cut for good. ``StartError`` names what is to be mended."""
        try:
            await self.start(token)
        except discord.LoginFailure:
            raise StartError(BAD_TOKEN) from None
        except discord.PrivilegedIntentsRequired:
            raise StartError(BAD_INTENTS) from None
        except discord.ConnectionClosed as closed:
            raise _fatal(closed) or closed from None
        finally:
            await self.close()


def _fatal(closed: discord.ConnectionClosed) -> StartError | None:
    match closed.code:
        case 4004:
            return StartError(BAD_TOKEN)
        case 4013 | 4014:
            return StartError(BAD_INTENTS)
        case 4010 | 4011:
            return StartError(BAD_SHARDS.format(code=closed.code))
        case _:
            return None


PASSING = (aiohttp.ClientError, OSError, discord.HTTPException, discord.GatewayNotFound, discord.RateLimited)
"""What ends a connection without being anybody's fault: it is opened again."""

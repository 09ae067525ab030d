"""A fake Discord in a process of its own, as benchmarks and kill tests want it.

    async with Remote.spawned(guilds=10) as remote:
        await remote.call("ready", command="rejected")
        (ada,) = await remote.call("people", names=["ada"])
        told = await remote.call("command", person=ada, name="rejected")
        told = await remote.call("exchange", exchange=told["exchange"], wait="modal")

What can be called, and with what, are the functions marked ``@op`` in ``discord_control``.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.wire import remote
from tests.wire.remote import Json, RemoteError

__all__ = ["Remote", "RemoteError"]


class Remote(remote.Remote):
    """Speaks to ``discord_control``."""

    module, api = "tests.wire.discord", "/api/v10"

    def __init__(self, info: Json, session: aiohttp.ClientSession, process: Any = None) -> None:
        super().__init__(info, session, process)
        self.gateway_url: str = info["gateway_url"]
        self.token: str = info["token"]
        self.guild: str = info["guild"]

"""A fake Slack in a process of its own, as benchmarks and kill tests want it.

    async with Remote.spawned(workspaces=2) as remote:
        await remote.call("ready")
        (ada,) = await remote.call("people", names=["ada"])
        told = await remote.call("command", person=ada, name="/rejected")
        told = await remote.call("exchange", exchange=told["exchange"], wait="view")

What can be called, and with what, are the functions of ``slack_ops``.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.wire import remote
from tests.wire.remote import Json, RemoteError

__all__ = ["Remote", "RemoteError"]


class Remote(remote.Remote):
    """Speaks to ``slack_control``."""

    module, api = "tests.wire.slack", "/api/"

    def __init__(self, info: Json, session: aiohttp.ClientSession, process: Any = None) -> None:
        super().__init__(info, session, process)
        self.app_token: str = info["app_token"]
        self.bot_token: str = info["bot_token"]
        self.signing_secret: str = info["signing_secret"]
        self.workspace: str = info["workspace"]

"""The fake Slack's Web API alone on a port, for tests of the fake itself; and what they all need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import FakeClock
from tests.wire.slack_faults import Faults
from tests.wire.slack_http import SlackHttp
from tests.wire.slack_limits import Limits
from tests.wire.slack_model import Conversation, Json, Person, Workspace
from tests.wire.slack_web import SlackWeb

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SCOPES = (
    "channels:history channels:join channels:read chat:write dnd:read files:read files:write groups:history "
    "groups:read im:history im:read im:write mpim:history mpim:read mpim:write users:read"
)


def workspace(number: int) -> Workspace:
    """An empty workspace in which the app is installed with every scope it may want."""
    bot = Person(f"U000000B{number:03d}", "bounceback", "Bounceback", is_bot=True)
    made = Workspace(
        f"T00000000{number:02d}", "Acme", "acme", f"xoxb-{number}", bot, f"B00000000{number:02d}", set()
    )
    made.scopes = set(SCOPES.split())
    return made


@dataclass
class Small:
    """The Web API alone, on a port."""

    clock: FakeClock
    api: SlackWeb
    http: SlackHttp
    base: str = ""
    happened: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    @property
    def at(self) -> Workspace:
        """The first workspace."""
        return next(iter(self.api.workspaces.values()))

    def client(self, token: str | None = None, **more: Any) -> Any:
        """The SDK's client with a token ("": none), without its retries."""
        token = self.at.token if token is None else token
        return AsyncWebClient(token=token or None, base_url=f"{self.base}/api/", retry_handlers=[], **more)

    def person(self, name: str, **more: Any) -> Person:
        """Somebody new."""
        made = Person(self.at.id_of("U"), name, name.title(), **more)
        self.at.people[made.id] = made
        return made

    def channel(self, name: str, kind: str = "public", bot: bool = True, **more: Any) -> Conversation:
        """A new channel, with or without the bot in it."""
        made = Conversation(self.at.id_of("C"), name, kind, {self.at.bot.id} if bot else set(), **more)
        self.at.conversations[made.id] = made
        return made


@asynccontextmanager
async def small_slack() -> AsyncIterator[Small]:
    """A small Slack, served; it ends with the block."""
    clock = FakeClock(NOW)
    first, second = workspace(1), workspace(2)
    api = SlackWeb(clock, {first.id: first, second.id: second})
    http = SlackHttp(api, Faults(), Limits(clock))
    made = Small(clock, api, http)
    api.listeners.append(lambda what, _, about: made.happened.append((what, about)))
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes(http.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.base = api.origin = f"http://127.0.0.1:{port}"
    yield made
    await runner.cleanup()


async def refused(asked: Awaitable[Any], code: str) -> Json:
    """The call is refused with this error; the whole answer."""
    with pytest.raises(SlackApiError) as no:
        await asked
    data: Any = no.value.response.data
    assert data["error"] == code, data
    return data


def section(text: str, **more: Any) -> Json:
    """A section block."""
    return {"type": "section", "text": {"type": "plain_text", "text": text}} | more


def modal(*blocks: Json, **more: Any) -> Json:
    """A modal view."""
    title = {"type": "plain_text", "text": "Share a no"}
    return {"type": "modal", "title": title, "blocks": list(blocks) or [section("Hello")]} | more


async def send_bytes(url: str, data: Any) -> int:
    """Send the bytes of an upload; the status of the answer."""
    async with aiohttp.ClientSession() as http, http.post(url, data=data) as answer:
        return answer.status


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def marked(text: str) -> Json:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def option(number: int = 1, **more: Any) -> Json:
    """An option of a select."""
    return {"text": plain(f"Option {number}"), "value": f"v{number}"} | more


def options(number: int) -> list[Json]:
    """So many options."""
    return [option(each) for each in range(number)]


def button(number: int = 1, **more: Any) -> Json:
    """A button."""
    return {"type": "button", "text": plain("Press"), "action_id": f"a{number}"} | more


def actions(*elements: Json, **more: Any) -> Json:
    """An actions block, of one button unless elements are given."""
    return {"type": "actions", "elements": list(elements) or [button()]} | more


def asked(element: Json, **more: Any) -> Json:
    """An input block."""
    return {"type": "input", "label": plain("What"), "element": element} | more


def rich(*leaves: Json, kind: str = "rich_text_section", **more: Any) -> Json:
    """A rich_text block with one part."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(leaves)} | more]}


def literal(text: str = "Hello", **more: Any) -> Json:
    """A text leaf of rich text."""
    return {"type": "text", "text": text} | more


def of(kind: str, **more: Any) -> Json:
    """Anything of a type."""
    return {"type": kind} | more


def case(value: Any) -> str:
    """How a case is called."""
    return str(value.get("type", "none")) if isinstance(value, dict) else str(value)[:60]

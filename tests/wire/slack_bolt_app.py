"""A small app on a plain slack-bolt, for trying the fake Slack: no word of Bounceback in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.wire.slack import FakeSlack
from tests.wire.slack_model import Json


def plain(text: str) -> Json:
    """A plain_text."""
    return {"type": "plain_text", "text": text}


def field(name: str, element: Json, **more: Any) -> Json:
    """An input block."""
    return {
        "type": "input",
        "block_id": name,
        "label": plain(name.capitalize()),
        "element": {"action_id": "value"} | element,
    } | more


def options(*names: str) -> list[Json]:
    """Options of a select."""
    return [{"text": plain(each.capitalize()), "value": each} for each in names]


SHARE: Json = {
    "type": "modal",
    "callback_id": "share",
    "private_metadata": "from a test",
    "notify_on_close": True,
    "title": plain("Share a no"),
    "submit": plain("Send"),
    "close": plain("Not now"),
    "blocks": [
        field("where", {"type": "plain_text_input", "max_length": 80}, optional=True),
        field("stage", {"type": "static_select", "options": options("interview", "offer")}),
        field("day", {"type": "datepicker"}, optional=True),
        field("hour", {"type": "timepicker", "initial_time": "09:30"}, optional=True),
        field("who", {"type": "users_select"}, optional=True),
        field("room", {"type": "channels_select"}, optional=True),
        field("wish", {"type": "checkboxes", "options": options("listen", "ideas")}, optional=True),
    ],
}


def card(text: str, *buttons: str) -> list[Json]:
    """Blocks of a card: words and buttons."""
    blocks: list[Json] = [{"type": "section", "text": plain(text)}]
    if buttons:
        elements = [{"type": "button", "action_id": each, "text": plain(each)} for each in buttons]
        blocks.append({"type": "actions", "block_id": "buttons", "elements": elements})
    return blocks


class Bot:
    """Knows what it was told; ``bodies`` are the payloads by kind."""

    def __init__(self, fake: FakeSlack) -> None:
        self.fake = fake
        self.bodies: list[Json] = []
        self.answer: Json = {}  # how view submissions are acknowledged
        self.deaf = False  # acknowledges nothing
        self.hold: asyncio.Event | None = None  # what it waits for before it does anything
        self.client = AsyncWebClient(token=fake.bot_token, base_url=fake.api_base)
        self.app = AsyncApp(client=self.client, signing_secret=fake.signing_secret)
        self.app.use(self._note)
        self.app.command("/rejected")(self.rejected)
        self.app.command("/hello")(self.hello)
        self.app.view("share")(self.share)
        self.app.view_closed("share")(self.noted)
        self.app.action("more:1")(self.more)
        self.app.action("again")(self.again)
        self.app.action("choose")(self.noted)
        self.app.shortcut("shortcut:rejected")(self.rejected)
        self.app.shortcut("message:encourage")(self.encourage)
        for name in ("message", "app_uninstalled", "tokens_revoked"):
            self.app.event(name)(self.noted)
        self.app.event("app_home_opened")(self.home)

    def of(self, kind: str) -> list[Json]:
        """The bodies of a type: block_actions, view_submission…, the type of an event, or "command"."""
        out: list[Json] = []
        for body in self.bodies:
            event = body.get("event", {}).get("type")
            if kind in (event, body.get("type"), "command" if "command" in body else ""):
                out.append(body)
        return out

    async def _note(self, body: Json, next: Any, ack: Any) -> Any:
        self.bodies.append(body)
        self.fake.wake()  # a test may wait for what came
        if self.hold is not None:
            await self.hold.wait()
        if not self.deaf:
            return await next()
        return None

    async def noted(self, ack: Any) -> None:
        await ack()

    async def hello(self, ack: Any) -> None:
        await ack("Hello yourself")

    async def rejected(self, ack: Any, body: Json) -> None:
        await ack()
        await self.client.views_open(trigger_id=body["trigger_id"], view=SHARE)

    async def share(self, ack: Any, body: Json) -> None:
        await ack(**self.answer)
        if not self.answer:
            user = body["user"]["id"]
            await self.client.chat_postMessage(
                channel=user, text="Thank you", blocks=card("Thank you", "more:1")
            )

    async def more(self, ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="More", blocks=card("More of it", "again"), replace_original=True)

    async def again(self, ack: Any, body: Json) -> None:
        await ack()
        await self.client.views_open(trigger_id=body["trigger_id"], view=SHARE)

    async def encourage(self, ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="Encouraged", blocks=card("Encouraged"))

    async def home(self, event: Json) -> None:
        view = {"type": "home", "blocks": card("Welcome home", "again")}
        await self.client.views_publish(user_id=event["user"], view=view)


@asynccontextmanager
async def connected(bot: Bot, app_token: str, connections: int = 1) -> AsyncIterator[None]:
    """An app on so many connections."""
    handlers = [
        AsyncSocketModeHandler(bot.app, app_token, web_client=bot.client, ping_interval=1)
        for _ in range(connections)
    ]
    try:
        for each in handlers:
            await each.connect_async()
        yield
    finally:
        for each in handlers:
            await each.close_async()


@asynccontextmanager
async def socket_mode(fake: FakeSlack, connections: int = 1) -> AsyncIterator[Bot]:
    """The app in Socket Mode, on so many connections."""
    bot = Bot(fake)
    async with connected(bot, fake.app_token, connections):
        await fake.ready(connections)
        yield bot


@asynccontextmanager
async def http_mode(fake: FakeSlack) -> AsyncIterator[Bot]:
    """The app in HTTP mode; the fake delivers to it."""
    bot = Bot(fake)

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bot.app.async_dispatch(await to_bolt_request(request)))

    app = web.Application()
    app.router.add_post("/slack/events", events)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.posts.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield bot
    finally:
        fake.posts.url = ""
        await runner.cleanup()

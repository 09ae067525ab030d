"""Two clients for the fake Discord: a small bot on the real discord.py, and plain HTTP with a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from typing import Any

import aiohttp
import discord
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from tests.wire.discord import FakeDiscord
from tests.wire.discord_basics import Json
from tests.wire.waiting import PATIENCE


class Share(ui.Modal, title="Share a no"):
    """A modal with the current components, answered with a private card."""

    where = ui.Label(text="Where", component=ui.TextInput(custom_id="where", required=False, max_length=80))
    stage = ui.Label(
        text="Stage",
        component=ui.RadioGroup(
            custom_id="stage",
            options=[
                discord.RadioGroupOption(label="Interview", value="interview", default=True),
                discord.RadioGroupOption(label="Offer", value="offer"),
            ],
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        stage = self.stage.component
        assert isinstance(stage, ui.RadioGroup)
        await interaction.edit_original_response(view=card(f"Thank you. {stage.value}"))


def card(text: str) -> ui.LayoutView:
    """A Components V2 message with a button."""
    view = ui.LayoutView(timeout=None)
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow(ui.Button(label="More", custom_id="more:1"))
    view.add_item(ui.Container(ui.TextDisplay(text), row, accent_colour=0x336699))
    return view


class Bot(discord.AutoShardedClient):
    """Has /rejected (a modal), a button, and remembers what it heard and pressed."""

    def __init__(self, *, intents: discord.Intents | None = None, **options: Any) -> None:
        intents = intents or discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[str] = []
        self.pressed: list[int] = []
        self.resumed = 0
        self.started, self._happened = asyncio.Event(), asyncio.Event()

        @self.tree.command(name="rejected", description="Share a no")
        async def rejected(interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(Share())

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """No pause: the fake has no need for one."""

    async def on_ready(self) -> None:
        self.started.set()

    async def on_resumed(self) -> None:
        self.resumed += 1
        self._happened.set()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message.content or str(message.id))
        self._happened.set()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            self.pressed.append(interaction.id)
            self._happened.set()
            with suppress(discord.HTTPException):  # delivered twice: the second answer is refused
                await interaction.response.edit_message(view=card("More of it"))

    async def on_guild_available(self, _: discord.Guild) -> None:
        self._happened.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something that the bot notices is true."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                await self._happened.wait()
                self._happened.clear()


@asynccontextmanager
async def running(fake: FakeDiscord, **options: Any) -> AsyncIterator[Bot]:
    """The bot, connected to the fake; the library is pointed elsewhere for that long."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = fake.api_base, URL(fake.gateway_url)
    bot = Bot(**options)
    task = asyncio.create_task(bot.start(fake.token))
    try:
        started = asyncio.create_task(bot.started.wait())
        await asyncio.wait([started, task], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        started.cancel()
        if task.done():
            task.result()
        yield bot
    finally:
        await bot.close()
        with suppress(discord.DiscordException, asyncio.CancelledError):
            await task
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


class Api:
    """Plain requests, with the bot's token unless told otherwise."""

    def __init__(self, fake: FakeDiscord, session: aiohttp.ClientSession) -> None:
        self.fake, self.session = fake, session
        self.headers: dict[str, str] = {}  # of the last answer

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, raw: str | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one request."""
        headers = {"Authorization": f"Bot {self.fake.token}" if token is None else token}
        data = raw if raw is not None else None if body is None else json.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        url = self.fake.api_base + path
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            self.headers = dict(answer.headers)
            text = await answer.text()
            kind = answer.headers.get("Content-Type")
            return answer.status, json.loads(text) if kind == "application/json" else text

    async def upload(self, method: str, path: str, body: Any, files: dict[str, bytes]) -> tuple[int, Any]:
        """A multipart request, as libraries send files."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body))
        for number, (name, data) in enumerate(files.items()):
            kind = "application/octet-stream"
            form.add_field(f"files[{number}]", BytesIO(data), filename=name, content_type=kind)
        headers = {"Authorization": f"Bot {self.fake.token}"}
        url = self.fake.api_base + path
        async with self.session.request(method, url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def code(self, method: str, path: str, body: Any = None, **how: Any) -> int:
        """Discord's code of a refusal; 0 when it was done."""
        status, answer = await self(method, path, body, **how)
        return answer["code"] if status >= 400 else 0

    async def wrong(self, method: str, path: str, body: Any) -> set[tuple[str, str]]:
        """What is wrong with a body: (dotted place, code)."""
        status, answer = await self(method, path, body)
        if status < 400:
            return set()
        assert (status, answer["code"]) == (400, 50035), answer
        return set(places(answer["errors"]))

    async def register(self, *commands: Json) -> None:
        """Make these the global commands."""
        status, answer = await self("PUT", f"/applications/{self.fake.app_id}/commands", list(commands))
        assert status == 200, answer


def places(errors: Json, at: str = "") -> list[tuple[str, str]]:
    """The nested errors object, flat."""
    found: list[tuple[str, str]] = []
    for name, inner in errors.items():
        if name == "_errors":
            found += [(at, each["code"]) for each in inner]
        else:
            found += places(inner, f"{at}.{name}".strip("."))
    return found

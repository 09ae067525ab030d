"""A bare discord.py bot: ``/rejected`` opens a modal with one field. What ours is measured against.

``python -m benchmarks.peers.discord_echo API GATEWAY TOKEN KIND SHARDS``. ``KIND`` is ``default`` (intents
and caches as discord.py comes) or ``none`` (no intents, no caches). A line says that it knows its servers.
"""

from __future__ import annotations

import asyncio
import sys

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route


class Echo(discord.ui.Modal, title="Echo"):
    """One line of text, said again."""

    words: discord.ui.TextInput[Echo] = discord.ui.TextInput(label="Words")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(self.words.value, ephemeral=True)


class Bot(discord.AutoShardedClient):
    """One command, and nothing else."""

    def __init__(self, gateway: str, kind: str, shards: int) -> None:
        self._gateway = gateway
        if kind == "default":
            super().__init__(intents=discord.Intents.default(), shard_count=shards)
        else:
            super().__init__(
                intents=discord.Intents.none(),
                shard_count=shards,
                max_messages=None,
                chunk_guilds_at_startup=False,
                member_cache_flags=discord.MemberCacheFlags.none(),
            )
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._gateway)
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The fake allows every shard at once."""

    async def on_ready(self) -> None:
        print("ready", flush=True)


async def main(api: str, gateway: str, token: str, kind: str, shards: int) -> None:
    """Run until killed."""
    Route.BASE = api
    bot = Bot(gateway, kind, shards)

    @bot.tree.command(name="rejected", description="Opens a form.")
    async def rejected(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Echo())

    discord.utils.setup_logging(level=40)
    async with bot:
        await bot.start(token)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))

"""``make bench ARGS=discord``: everything that is measured on a fake Discord."""

from __future__ import annotations

from pathlib import Path

from benchmarks import discord_ack, discord_due, discord_memory
from benchmarks.figures import Figure


async def run(folder: Path) -> list[Figure]:
    """One after the other; each starts its own processes."""
    figures: list[Figure] = []
    for part in (discord_ack, discord_due, discord_memory):
        figures += await part.run(folder)
    return figures

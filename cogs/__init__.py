"""The features, each in a file of its own, listed once: here."""

from __future__ import annotations

from bot.cog import Cog
from cogs import nudges, plan, rejections, rest, thread

COGS: tuple[Cog, ...] = (rejections.cog, thread.cog, plan.cog, nudges.cog, rest.cog)

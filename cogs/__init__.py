"""The features, each in a file of its own, listed once: here. ``/help`` and completion keep this order."""

from __future__ import annotations

from bot.cog import Cog
from cogs import (
    direct,
    help,
    home,
    moderation,
    motivation,
    nudges,
    plan,
    privacy,
    rejections,
    rest,
    settings,
    setup,
    thread,
)

COGS: tuple[Cog, ...] = (
    rejections.cog,
    thread.cog,
    home.cog,
    plan.cog,
    nudges.cog,
    rest.cog,
    motivation.cog,
    settings.cog,
    privacy.cog,
    help.cog,
    direct.cog,
    moderation.cog,
    setup.cog,
)

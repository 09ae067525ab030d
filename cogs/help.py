"""/help: by what somebody needs, not by command."""

from __future__ import annotations

from bot.cog import Cog, Ctx
from bot.ui import Button, Card, join

cog = Cog("help")

BUTTONS = tuple(
    map(Button, ("rejections.start", "motivation.one", "rest.take", "nudges.list", "privacy.show"))
)


@cog.command("help")
async def show(ctx: Ctx) -> Card:
    """A line a need, and the first few a tap away."""
    moderates = ctx.event.is_moderator or ctx.event.is_admin
    text = join(
        ctx.say("help-needs"),
        ctx.say("help-moderators") if moderates else "",
        ctx.say("help-organisers") if ctx.event.is_admin else "",
        by="\n",
    )
    return Card(
        join(text, ctx.say("help-who-sees"), by="\n\n"), title=ctx.line("help-title"), buttons=BUTTONS
    )

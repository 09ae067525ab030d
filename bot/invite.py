"""The link that brings the bot into a Discord server, asking for exactly what it uses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from discord.http import Route

from bot.platforms.discord import AGENT, install_permissions

if TYPE_CHECKING:
    from bot.config import Discord

PAGE = "https://discord.com/oauth2/authorize"
SCOPES = "bot applications.commands"
PATIENCE = 15.0  # seconds
NO_ID = (
    "Which application? Put discord.application_id into the configuration (developer portal, General "
    "Information, Application ID), or discord.token: then Discord is asked for it."
)


class NoInvite(Exception):
    """There is no link to show; the text says what to do."""


def link(settings: Discord) -> str:
    """The install link. ``NoInvite`` if the application's id is not configured and cannot be asked for."""
    id = settings.application_id or _asked(settings)
    wanted = {"client_id": id, "permissions": install_permissions().value, "scope": SCOPES}
    return f"{PAGE}?{urlencode({**wanted, 'integration_type': 0})}"


def _asked(settings: Discord) -> str:
    """The application's id, from Discord."""
    token = settings.token.get_secret_value().strip()
    if not token:
        raise NoInvite(NO_ID)
    base = settings.api_base.rstrip("/") or Route.BASE
    headers = {"Authorization": f"Bot {token}", "User-Agent": AGENT}
    request = urllib.request.Request(f"{base}/oauth2/applications/@me", headers=headers)
    try:
        # As the bot itself: straight there, or through discord.api_base.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=PATIENCE
        ) as told:
            return str(json.load(told)["id"])
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        if error.code == 401:
            raise NoInvite("discord.token is refused by Discord. Copy it anew (Bot, Reset Token).") from None
        raise NoInvite(f"Discord answers {error.code}. Try again, or: {NO_ID}") from None
    except (OSError, ValueError, LookupError, TypeError):
        raise NoInvite(f"{base} gives no answer. Is the network there? Or: {NO_ID}") from None

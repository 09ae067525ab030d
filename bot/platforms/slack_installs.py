"""The workspaces that installed the bot: their tokens, sealed, and the OAuth states on their way.

Slack's OAuth is slack-bolt's; what it stores goes through here into our tables. Only the bot's own token
is ever asked for and kept (scopes are slack_manifest.SCOPES): no token of a person, and nobody's name.
Several processes may share the tables: a token is looked up again after ``FRESH``.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from slack_bolt.error import BoltError
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from sqlalchemy import delete, func, select

from bot.clock import Clock
from bot.errors import Undeliverable
from bot.storage import Storage
from bot.storage.engine import insert_into
from bot.storage.schema import slack_installations, slack_people, slack_states
from bot.vault import Vault

FRESH = timedelta(minutes=1)
STATE_LIFE = timedelta(minutes=10)  # as long as slack-bolt's own; Slack's codes live as long
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")  # as token_urlsafe(32) makes them
NOT_INSTALLED = "not_installed"
_NAME = 200  # characters of a workspace's name that are kept; it is only for whoever reads the table


@dataclass(frozen=True, slots=True)
class _Known:
    token: str
    until: datetime


class Installs(AsyncInstallationStore, AsyncOAuthStateStore):
    """Tokens by workspace; slack-bolt's installation store and state store in one.

    With ``bot_token`` there is one workspace, and its token comes from the settings.
    """

    def __init__(self, storage: Storage, vault: Vault, clock: Clock, bot_token: str = "") -> None:
        self._storage, self._vault, self._clock = storage, vault, clock
        self._bot_token = bot_token.strip()
        self._known: dict[str, _Known] = {}

    @property
    def logger(self) -> logging.Logger:
        """Where slack-bolt's stores log; ours have nothing to say."""
        return logging.getLogger(__name__)

    # -- tokens --------------------------------------------------------------------------------

    async def token(self, team: str) -> str:
        """The bot's token in a workspace; ``Undeliverable`` where it is not installed."""
        if self._bot_token:
            return self._bot_token
        known = self._known.get(team)
        if known is None or known.until <= self._clock.now():
            bot = await self.async_find_bot(enterprise_id=None, team_id=team)
            if bot is None:
                self._known.pop(team, None)
                raise Undeliverable(NOT_INSTALLED)
            known = self._known[team] = _Known(bot.bot_token, self._clock.now() + FRESH)
        return known.token

    async def teams(self) -> list[str]:
        """The workspaces that installed it through OAuth, by id."""
        async with self._storage.read() as connection:
            found = await connection.execute(
                select(slack_installations.c.team).order_by(slack_installations.c.team)
            )
            return list(found.scalars())

    async def end(self, team: str) -> None:
        """Forget a workspace: its token, and what the platform kept of its people."""
        theirs = func.substr(slack_people.c.id, 1, len(team) + 1) == f"{team}/"
        async with self._storage.write() as tx:
            await tx.execute(delete(slack_installations).where(slack_installations.c.team == team))
            await tx.execute(delete(slack_people).where(theirs))
        self._known.pop(team, None)

    # -- slack-bolt's installation store -------------------------------------------------------

    async def async_save(self, installation: Installation) -> None:
        """Keep a new installation, or the newer token of a known one; ``BoltError`` if it cannot be used."""
        await self.async_save_bot(installation.to_bot())

    async def async_save_bot(self, bot: Bot) -> None:
        """As ``async_save``."""
        token: str | None = bot.bot_token
        if bot.is_enterprise_install or not bot.team_id:
            raise BoltError("Installing for a whole organisation is not supported: choose a workspace.")
        if bot.bot_refresh_token:
            raise BoltError("Token rotation is on for this Slack app: turn it off, as the manifest has it.")
        if not token:
            raise BoltError("Slack gave no bot token: the app's manifest needs the bot's scopes.")
        values: dict[str, Any] = {
            "name": (bot.team_name or "")[:_NAME],
            "token": self._vault.seal(token, _about(bot.team_id)),
            "bot_user": bot.bot_user_id or "",
            "bot_id": bot.bot_id or "",
            "scopes": ",".join(sorted(bot.bot_scopes or ())),
            "installed_at": self._clock.now(),
        }
        async with self._storage.write() as tx:
            insert = insert_into(tx, slack_installations).values(team=bot.team_id, **values)
            await tx.execute(
                insert.on_conflict_do_update(index_elements=[slack_installations.c.team], set_=values)
            )
        self._known.pop(bot.team_id, None)

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        """The installation of a workspace; None where there is none."""
        async with self._storage.read() as connection:
            rows = await connection.execute(
                select(slack_installations).where(slack_installations.c.team == (team_id or ""))
            )
            row = rows.mappings().first()
        if row is None:
            return None
        return Bot(
            team_id=row["team"],
            team_name=row["name"],
            bot_token=self._vault.unseal(row["token"], _about(row["team"])),
            bot_id=row["bot_id"],
            bot_user_id=row["bot_user"],
            bot_scopes=row["scopes"],
            installed_at=row["installed_at"].timestamp(),
        )

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """Nothing is kept by person: slack-bolt then asks ``async_find_bot``."""
        return None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """As ``end``."""
        if team_id:
            await self.end(team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """A person's own token was revoked: none is kept, and the bot stays."""

    async def async_delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """As ``end``."""
        await self.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    # -- slack-bolt's state store --------------------------------------------------------------

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        """A fresh state for one way through OAuth, good once and for ``STATE_LIFE``."""
        state, now = token_urlsafe(32), self._clock.now()
        async with self._storage.write() as tx:
            await tx.execute(delete(slack_states).where(slack_states.c.expires_at <= now))
            await tx.execute(slack_states.insert().values(state=state, expires_at=now + STATE_LIFE))
        return state

    async def async_consume(self, state: str) -> bool:
        """Whether the state was issued here, not too long ago, and not used before; it is used then.

        Whatever comes from the browser may stand in ``state``, also nothing at all.
        """
        if not _STATE.fullmatch(state or ""):
            return False
        async with self._storage.write() as tx:
            mine = (slack_states.c.state == state, slack_states.c.expires_at > self._clock.now())
            return (await tx.execute(delete(slack_states).where(*mine))).rowcount == 1


def _about(team: str) -> str:
    """The place of a sealed token: one workspace's cannot be put into another's row."""
    return f"slack.token.{team}"

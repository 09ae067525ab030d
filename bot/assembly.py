"""The platforms that the settings ask for, each made when it is wanted and not even imported before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Chat, User
from bot.clock import SystemClock
from bot.cog import Forget, Kit
from bot.people import Defaults
from bot.storage import Storage
from bot.vault import Vault

if TYPE_CHECKING:
    from bot.config import Settings

Tell = Callable[[str, str, Mapping[str, str]], Awaitable[None]]  # community, id of the sentence, variables
Made = tuple[Chat, Forget]


def defaults(settings: Settings) -> Defaults:
    """What the community starts everybody from."""
    told = settings.community
    return Defaults(
        told.zone, told.language, told.quiet_from, told.quiet_to, told.messages_per_day, told.ignored_limit
    )


def discord(settings: Settings, storage: Storage, clock: SystemClock, tell: Tell) -> Made:
    """Discord, and what it forgets of a person."""
    from bot.platforms.discord import DiscordChat

    told = settings.discord
    chat = DiscordChat(
        token=told.token.get_secret_value(),
        storage=storage,
        clock=clock,
        api_base=told.api_base,
        test_guild=told.test_guild,
        shard_ids=told.shard_ids,
        shard_count=told.shard_count or None,
        trouble=tell,
    )

    async def forget(_: Kit, tx: AsyncConnection, user: User) -> None:
        if user.platform == DiscordChat.platform:
            await chat.store.forget(tx, user.id)

    return chat, forget


def slack(
    settings: Settings,
    storage: Storage,
    vault: Vault,
    clock: SystemClock,
    tell: Tell,
    ended: Callable[[str], Awaitable[None]],
) -> Made:
    """Slack, and what it forgets of a person. ``ended`` is told a workspace that is over."""
    from bot.platforms.slack import SlackChat

    told = settings.slack
    chat = SlackChat(
        storage=storage,
        vault=vault,
        clock=clock,
        bot_token=told.bot_token.get_secret_value(),
        app_token=told.app_token.get_secret_value(),
        signing_secret=told.signing_secret.get_secret_value(),
        client_id=told.client_id,
        client_secret=told.client_secret.get_secret_value(),
        host=told.host,
        port=told.port,
        public_url=told.public_url,
        api_base=told.api_base,
        command_prefix=told.command_prefix,
        trouble=tell,
        ended=ended,
    )

    async def forget(_: Kit, tx: AsyncConnection, user: User) -> None:
        if user.platform == SlackChat.platform:
            await chat.store.forget(tx, user)

    return chat, forget


async def web(
    settings: Settings,
    storage: Storage,
    vault: Vault,
    settled: Callable[[], Awaitable[datetime | None]],
    announce: Callable[[str], None],
) -> tuple[Chat, SystemClock]:
    """The local web chat, and its clock: what people moved it to, it keeps."""
    from bot.platforms.web import WebChat, stored_offset

    clock = SystemClock(settings.dev.clock_speed, await stored_offset(storage))
    chat = WebChat(
        storage=storage,
        vault=vault,
        clock=clock,
        host=settings.web.host,
        port=settings.web.port,
        next_event=settled,
        announce=announce,
        name=settings.community.name,
        speed=settings.dev.clock_speed,
    )
    return chat, clock

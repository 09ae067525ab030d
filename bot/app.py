"""The one place where everything is wired; owns start and stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import leaving, trouble
from bot.chat import Chat, Place, User
from bot.claims import Features
from bot.clock import Clock, SystemClock
from bot.cog import Cog, Forget, Kit
from bot.content import FOLDER, Content
from bot.dispatch import Dispatcher
from bot.drafts import Drafts
from bot.errors import StartError
from bot.logs import configure
from bot.outbox import Outbox
from bot.people import Defaults, People
from bot.registry import Registry
from bot.sender import Pace, Sender
from bot.speaker import Speaker
from bot.storage import Storage
from bot.storage.schema import events
from bot.ticks import Ticks
from bot.vault import Vault
from bot.words import Words
from cogs import COGS

if TYPE_CHECKING:
    from bot.config import Settings

log = structlog.get_logger("bot.app")
Tell = Callable[[str, str, Mapping[str, str]], Awaitable[None]]
UNUSABLE = 2  # the exit code of settings that cannot be used
EVENTS_KEPT = timedelta(days=3)  # platforms redeliver for minutes, a browser that slept for a day


@dataclass(frozen=True, slots=True)
class App:
    """A bot that is wired but not running."""

    kit: Kit
    registry: Registry
    dispatcher: Dispatcher
    sender: Sender
    chats: Mapping[str, Chat]

    async def housekeeping(self) -> None:
        """Forget what nobody needs: communities that are over, old events, words long said, left drafts."""
        await leaving.finish(self.kit)
        async with self.kit.storage.write() as tx:
            await tx.execute(delete(events).where(events.c.at < self.kit.now - EVENTS_KEPT))
            await self.kit.outbox.tidy(tx, self.kit.now - EVENTS_KEPT)
        await self.kit.drafts.prune()

    def ticks(self) -> Ticks:
        """Everything that recurs: housekeeping, and what the cogs declared."""
        declared = [
            (spec.name, spec.every, partial(spec.handler, self.kit)) for spec in self.registry.ticks.values()
        ]
        return Ticks([("housekeeping", timedelta(hours=1), self.housekeeping), *declared])

    async def run(self) -> None:
        """Serve every platform and send what falls due, until cancelled."""
        ticks = self.ticks()
        ticks.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.sender.run())
                for chat in self.chats.values():
                    tasks.create_task(chat.run(self.dispatcher))
        finally:
            ticks.stop()


async def serve(settings: Settings) -> int:
    """Run the bot as configured until it is told to stop (SIGINT, SIGTERM); the exit code."""
    configure(settings.log.level, settings.log.format)
    vault = Vault.open(settings.storage.key_file)
    storage = await Storage.open(settings.storage.url)
    try:
        app = await _assemble(settings, storage, vault)
        gc.collect()
        gc.freeze()  # what was imported stays: looking through it again and again made bursts slow
        running = asyncio.create_task(app.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.cancel)
        return await _stopped(running)
    finally:
        await storage.close()


async def _stopped(running: asyncio.Task[None]) -> int:
    """Wait for the end; a platform that will not let the bot in says which setting to mend."""
    try:
        with suppress(asyncio.CancelledError):
            await running
    except ExceptionGroup as group:
        refused, others = group.split(StartError)
        if refused is None or others is not None:
            raise
        for error in refused.exceptions:
            sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return 0


async def _assemble(settings: Settings, storage: Storage, vault: Vault) -> App:
    """The parts that the settings ask for; several platforms share one process and one outbox."""
    chats: list[Chat] = []
    apps: list[App] = []  # filled at the end; platforms speak to it from then on
    clock = SystemClock(settings.dev.clock_speed)
    if settings.web_wanted:
        from bot.platforms.web import WebChat, stored_offset

        clock = SystemClock(settings.dev.clock_speed, await stored_offset(storage))

        async def settled() -> datetime | None:
            await apps[0].sender.settled()
            return await apps[0].sender.next_due()

        chats.append(
            WebChat(
                storage=storage,
                vault=vault,
                clock=clock,
                host=settings.web.host,
                port=settings.web.port,
                next_event=settled,
                announce=_announce,
                name=settings.community.name,
                speed=settings.dev.clock_speed,
            )
        )
    forgets: list[Forget] = []

    def teller(platform: str) -> Tell:
        async def tell(community: str, words: str, says: Mapping[str, str]) -> None:
            place = Place(platform, community, says.get("channel_id", ""))
            await trouble.tell(apps[0].kit, place, words, says)

        return tell

    if settings.discord.token.get_secret_value():
        from bot.platforms.discord import DiscordChat

        discord = DiscordChat(
            token=settings.discord.token.get_secret_value(),
            storage=storage,
            clock=clock,
            api_base=settings.discord.api_base,
            test_guild=settings.discord.test_guild,
            shard_ids=settings.discord.shard_ids,
            shard_count=settings.discord.shard_count or None,
            trouble=teller(DiscordChat.platform),
        )
        chats.append(discord)

        async def forget_discord(_: Kit, tx: AsyncConnection, user: User) -> None:
            if user.platform == DiscordChat.platform:
                await discord.store.forget(tx, user.id)

        forgets.append(forget_discord)
    if settings.slack.wanted:
        from bot.platforms.slack import SlackChat

        async def ended(team: str) -> None:
            await leaving.end(apps[0].kit, SlackChat.platform, team)

        told = settings.slack
        slack = SlackChat(
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
            trouble=teller(SlackChat.platform),
            ended=ended,
        )
        chats.append(slack)

        async def forget_slack(_: Kit, tx: AsyncConnection, user: User) -> None:
            if user.platform == SlackChat.platform:
                await slack.store.forget(tx, user)

        forgets.append(forget_slack)
    wishes = settings.community
    defaults = Defaults(
        wishes.zone,
        wishes.language,
        wishes.quiet_from,
        wishes.quiet_to,
        wishes.messages_per_day,
        wishes.ignored_limit,
    )
    work = settings.outbox
    app = build(
        storage=storage,
        clock=clock,
        vault=vault,
        chats=chats,
        defaults=defaults,
        pace=Pace(work.lease, work.batch, work.senders, work.attempts),
        random=Random(),
        forgets=forgets,
    )
    apps.append(app)
    return app


def _announce(address: str) -> None:
    """The one line that a person who typed `make run` is waiting for."""
    sys.stdout.write(f"Bounceback is running: {address}\n")
    sys.stdout.flush()


def build(
    *,
    storage: Storage,
    clock: Clock,
    vault: Vault,
    chats: Sequence[Chat],
    defaults: Defaults,
    pace: Pace,
    random: Random,
    cogs: Sequence[Cog] = COGS,
    forgets: Sequence[Forget] = (),
) -> App:
    """Wire a bot out of its parts; tests hand in other parts. ``forgets`` are the platforms' own."""
    people, rows, registry = People(defaults), Outbox(vault, clock), Registry(cogs)
    by_name = {chat.platform: chat for chat in chats}

    async def missing(place: Place, threads: bool) -> Sequence[str]:
        return await by_name[place.platform].check(place, threads=threads)

    kit = Kit(
        storage=storage,
        clock=clock,
        vault=vault,
        words=Words.load(FOLDER),
        content=Content.load(),
        people=people,
        outbox=rows,
        drafts=Drafts(storage, vault, clock),
        random=random,
        nudges=registry.nudges,
        ends=registry.ends,
        exports=registry.exports,
        forgets=[*registry.forgets, *forgets],
        missing=missing,
    )
    speaker = Speaker(kit, registry)
    features = Features(speaker.rule, speaker.render, speaker.after, partial(trouble.tell_of_row, kit))
    sender = Sender(storage, rows, people, clock, by_name, features, pace, random)
    return App(kit, registry, Dispatcher(kit, registry), sender, by_name)

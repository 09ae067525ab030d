"""The one place where everything is wired; owns start and stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete

from bot import trouble
from bot.chat import Chat, Place
from bot.claims import Features
from bot.clock import Clock, SystemClock
from bot.cog import Cog, Kit
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
        """Forget what nobody needs any more: ids of old events, words long said, drafts that were left."""
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
    if settings.discord.token.get_secret_value():
        from bot.platforms.discord import DiscordChat

        async def tell(community: str, words: str, says: Mapping[str, str]) -> None:
            place = Place(DiscordChat.platform, community, says.get("channel_id", ""))
            await trouble.tell(apps[0].kit, place, words, says)

        chats.append(
            DiscordChat(
                token=settings.discord.token.get_secret_value(),
                storage=storage,
                clock=clock,
                api_base=settings.discord.api_base,
                test_guild=settings.discord.test_guild,
                shard_ids=settings.discord.shard_ids,
                shard_count=settings.discord.shard_count or None,
                trouble=tell,
            )
        )
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
) -> App:
    """Wire a bot out of its parts; tests hand in other parts."""
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
        forgets=registry.forgets,
        missing=missing,
    )
    speaker = Speaker(kit, registry)
    features = Features(speaker.rule, speaker.render, speaker.after, partial(trouble.tell_of_row, kit))
    sender = Sender(storage, rows, people, clock, by_name, features, pace, random)
    return App(kit, registry, Dispatcher(kit, registry), sender, by_name)

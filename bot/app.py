"""The one place where everything is wired; owns start and stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import structlog
from sqlalchemy import delete

from bot import assembly, leaving, trouble
from bot.chat import Chat, Place
from bot.clock import Clock, SystemClock
from bot.cog import Cog, Forget, Kit
from bot.content import FOLDER, Content
from bot.dispatch import Dispatcher
from bot.drafts import Drafts
from bot.errors import StartError
from bot.lasting import Ended, lasting
from bot.logs import configure
from bot.observer import Observer
from bot.outbox import Outbox
from bot.people import Defaults, People
from bot.registry import Registry
from bot.roles import Role
from bot.sender import Pace, Sender
from bot.speaker import Speaker
from bot.storage import Storage
from bot.storage.errors import StorageError
from bot.storage.schema import events
from bot.ticks import Ticks
from bot.turns import Turns
from bot.vault import Vault
from bot.words import Words
from bot.workers import Workers
from cogs import COGS

if TYPE_CHECKING:
    from bot.config import Origins, Settings

log = structlog.get_logger("bot.app")
UNUSABLE, FAILED = 2, 1  # exit codes: settings that cannot be used; an end that nobody asked for
# Seconds after which a thread that wants the interpreter gets it from one that is busy (its own: 0.005). The
# database's threads want it for a moment at both ends of each step, while the event loop is busy sending.
TURN = 0.0001
NEW_OBJECTS = 10_000  # until Python looks for garbage among them (its own: 700); a batch makes as many
EVENTS_KEPT = timedelta(days=3)  # platforms redeliver for minutes, a browser that slept for a day
SAID_KEPT = timedelta(days=30)  # as far back as /home looks; rules and limits look back two days
UNDELIVERED_KEPT = timedelta(days=180)  # until its person comes back; dead ones, until somebody looks
PRUNED = 500  # rows in one transaction
LOOK_AGAIN = 1.0  # seconds; nobody tells of what another process puts into an SQLite file


@runtime_checkable
class Closing(Protocol):
    """A platform that holds something from its first message on, even where it is not served."""

    async def close(self) -> None:
        """Give it back."""
        ...


@dataclass(frozen=True, slots=True)
class App:
    """A bot that is wired but not running. ``role`` is this process's part in the work.

    ``look_again`` is in seconds: how often the outbox is looked at although nobody said that anything
    changed (0: never). ``closing`` gives back what platforms hold that send without being served.
    """

    kit: Kit
    registry: Registry
    dispatcher: Dispatcher
    sender: Sender
    chats: Mapping[str, Chat]
    role: Role = Role.ALL
    look_again: float = 0.0
    closing: Sequence[Callable[[], Awaitable[None]]] = ()

    async def housekeeping(self) -> None:
        """Forget what nobody needs: communities that are over, old events, words long said, left drafts."""
        await leaving.finish(self.kit)
        async with self.kit.storage.write() as tx:
            await tx.execute(delete(events).where(events.c.at < self.kit.now - EVENTS_KEPT))
            await self.kit.outbox.tidy(tx, self.kit.now - EVENTS_KEPT)
        await self.kit.drafts.prune()
        await self.prune()

    async def prune(self) -> None:
        """Delete rows of the outbox that ended long ago; a few at a time, so that nobody waits for it."""
        for kept, all in ((SAID_KEPT, False), (UNDELIVERED_KEPT, True)):
            pruned = PRUNED
            while pruned == PRUNED:
                async with self.kit.storage.write() as tx:
                    pruned = await self.kit.outbox.prune(tx, self.kit.now - kept, PRUNED, all=all)
                await asyncio.sleep(0)

    def recurring(self) -> list[tuple[str, timedelta, Callable[[], Awaitable[None]]]]:
        """Housekeeping, and what the cogs declared; each is done by one process at a time."""
        housekeeping = ("housekeeping", timedelta(hours=1), self.housekeeping)
        declared = [
            (spec.name, spec.every, partial(spec.handler, self.kit)) for spec in self.registry.ticks.values()
        ]
        turns = Turns(self.kit.storage, self.kit.clock)
        return [(name, every, turns.share(name, every, do)) for name, every, do in [housekeeping, *declared]]

    def ticks(self) -> Ticks:
        """Everything that recurs."""
        return Ticks(self.recurring())

    async def run(self) -> None:
        """Serve every platform and send what falls due, as far as that is this process's; until cancelled."""
        async with AsyncExitStack() as ending:
            if self.role.sends:
                ticks = self.ticks()
                ticks.start()
                ending.push_async_callback(ticks.stop)
            if not self.role.receives:
                for close in self.closing:
                    ending.push_async_callback(close)
            tasks = await ending.enter_async_context(asyncio.TaskGroup())
            if self.role.receives:
                for chat in self.chats.values():
                    tasks.create_task(chat.run(self.dispatcher))
            if self.role.sends:
                await self._among_others(ending, tasks)
                if self.look_again:
                    tasks.create_task(lasting("look again", self._look_again))
                await self.sender.run()  # first to be stopped: what it is sending still needs the platforms

    async def _among_others(self, ending: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
        """Share the platforms' limits, where another process may send as well."""
        if self.role is Role.ALL and self.look_again:
            return  # a bot alone on its file; it leaves the file alone where nothing happens
        workers = Workers(self.kit.storage, self.kit.clock, self.chats.values())
        await workers.join()
        tasks.create_task(lasting("workers", workers.run))
        ending.push_async_callback(workers.leave)

    async def _look_again(self) -> None:
        """What another process planned, or an operator has sent again, is noticed now and then."""
        while True:
            await asyncio.sleep(self.look_again)
            self.sender.wake()


async def serve(settings: Settings, origins: Origins | None = None) -> int:
    """Run the bot as configured until it is told to stop (SIGINT, SIGTERM); the exit code.

    ``origins``: where the settings come from, to say which are to be mended.
    """
    configure(settings.log.level, settings.log.format)
    vault = Vault.open(settings.storage.key_file)
    try:
        storage = await Storage.open(settings.storage.url)
    except StorageError as error:
        from bot.config import unusable_storage

        sys.stderr.write(f"{unusable_storage(settings, origins, str(error))}\n")
        return UNUSABLE
    try:
        async with AsyncExitStack() as ending:
            if settings.metrics.port:
                app = await _measured(settings, storage, vault, ending)
            else:
                app = await _assemble(settings, storage, vault)
            if app.role is not Role.ALL:
                app.role.tell(shared_file=settings.storage.file is not None)
            settle()
            running = asyncio.create_task(app.run())
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, running.cancel)
            return await _stopped(running)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    finally:
        await storage.close()


def settle() -> None:
    """Before work begins: what is there by now stays, and Python need not look through it again and again.

    And no thread waits long for the interpreter, whoever has it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    sys.setswitchinterval(TURN)


async def _measured(settings: Settings, storage: Storage, vault: Vault, ending: AsyncExitStack) -> App:
    """The parts with figures taken of them, and the page that shows these until the end."""
    from bot.metrics import Metrics
    from bot.metrics_page import MetricsPage

    metrics = Metrics(settings.process.role)
    app = await _assemble(settings, storage, vault, metrics)
    page = MetricsPage(metrics, storage, app.kit.clock, app.role)
    await ending.enter_async_context(page.served(settings.metrics.host, settings.metrics.port))
    return app


async def _stopped(running: asyncio.Task[None]) -> int:
    """Wait for the end; a platform that will not let the bot in says which setting to mend.

    An end that nobody asked for is an error, else whoever starts processes would not start it again.
    """
    try:
        await running
    except asyncio.CancelledError:
        if running.cancelling():
            return 0
        log.critical("the bot ended by itself")
        return FAILED
    except ExceptionGroup as group:
        known, others = group.split((StartError, Ended))
        if known is None or others is not None:
            raise
        refused = known.subgroup(StartError)
        if refused is None:
            log.critical("the bot ended by itself")
            return FAILED
        for error in refused.exceptions:
            sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return 0


async def _assemble(
    settings: Settings, storage: Storage, vault: Vault, observer: Observer | None = None
) -> App:
    """The parts that the settings ask for; several platforms share one process and one outbox."""
    chats: list[Chat] = []
    forgets: list[Forget] = []
    apps: list[App] = []  # filled at the end; platforms speak to it from then on
    clock = SystemClock(settings.dev.clock_speed)

    async def settled() -> datetime | None:
        if apps[0].role.sends:
            await apps[0].sender.settled()
        return await apps[0].sender.next_due()

    def teller(platform: str) -> assembly.Tell:
        async def tell(community: str, words: str, says: Mapping[str, str]) -> None:
            place = Place(platform, community, says.get("channel_id", ""))
            await trouble.tell(apps[0].kit, place, words, says)

        return tell

    async def ended(team: str) -> None:
        await leaving.end(apps[0].kit, "slack", team)

    if settings.web_wanted:
        chat, clock = await assembly.web(settings, storage, vault, settled, _announce)
        chats.append(chat)
    storage.on_clock(clock.correct)  # processes on several machines go by their database's clock
    made: list[assembly.Made] = []
    if settings.discord.token.get_secret_value():
        made.append(assembly.discord(settings, storage, clock, teller("discord")))
    if settings.slack.wanted:
        made.append(assembly.slack(settings, storage, vault, clock, teller("slack"), ended))
    for chat, forget in made:
        chats.append(chat)
        forgets.append(forget)
    work = settings.outbox
    app = build(
        storage=storage,
        clock=clock,
        vault=vault,
        chats=chats,
        role=Role(settings.process.role),
        look_again=LOOK_AGAIN if settings.storage.file else 0.0,
        observer=observer,
        defaults=assembly.defaults(settings),
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
    role: Role = Role.ALL,
    look_again: float = 0.0,
    observer: Observer | None = None,
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
        flows={chat.platform: chat.flow for chat in chats},
        missing=missing,
    )
    speaker = Speaker(kit, registry)
    sender = Sender(storage, rows, people, clock, by_name, speaker, pace, random, observer)
    closing = [chat.close for chat in chats if isinstance(chat, Closing)]
    dispatcher = Dispatcher(kit, registry, observer)
    return App(kit, registry, dispatcher, sender, by_name, role, look_again, closing)

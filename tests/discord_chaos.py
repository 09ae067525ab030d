"""Many people share a no on a Discord that fails, through a bot that is killed; then their plans run.

``DiscordChaos`` plays the people, cuts the gateway, kills and restarts the bot, moves its time, and counts
what exists in the end. The bot is a process of its own (``python -m tests.discord_chaos``), wired as
``bot.app.serve`` does it, with two differences: its clock jumps when told to, and it opens direct message
channels as fast as it likes, since this Discord counts no seconds.

As people do it: who reads that the app did not respond tries again. Whoever's answer never comes looks at
/nudges whether it was taken, and starts over only if it was not.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

from sqlalchemy import insert, select

from bot.app import build
from bot.clock import SystemClock
from bot.logs import configure
from bot.people import Defaults
from bot.platforms import discord_places
from bot.platforms.discord import DiscordChat
from bot.sender import Pace
from bot.storage import Storage
from bot.storage.schema import communities, outbox
from bot.vault import Vault
from tests.chaos import ALL_OF_IT, ROOT, SHARE, STAGES, TRIES, Chaos, nonsense
from tests.wire.discord import FakeDiscord
from tests.wire.discord_exchange import Exchange, Modal
from tests.wire.discord_model import Message
from tests.wire.waiting import NothingHappened
from tests.world import stored

ANSWER = "#chaos "  # what the bot's process says begins like this
IN_TIME = 3.2  # seconds; after three, Discord tells a person that the app did not respond
STUCK = 12.0  # seconds that a person looks at "thinking"


# -- the bot's process ------------------------------------------------------------------------------


async def bot(folder: Path, api_base: str, token: str, seconds: float) -> None:
    """Serve until killed; each line of standard input moves the clock to that many seconds ahead."""
    discord_places.OPENS_PER_SECOND = 500.0
    storage = await Storage.open(stored(folder))
    clock = SystemClock(1.0, timedelta(seconds=seconds))
    chat = DiscordChat(
        token=token, storage=storage, clock=clock, api_base=api_base, per_second=2000.0, identify_pause=0.0
    )
    app = build(
        storage=storage,
        clock=clock,
        vault=Vault.open(folder / "bot.key"),
        chats=[chat],
        defaults=Defaults(quiet_from=time(0), quiet_to=time(0), ignored_limit=10_000),
        pace=Pace(),
        random=Random(7),
    )
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(app.run())
        while line := await reader.readline():
            wanted = timedelta(seconds=float(line))
            clock.advance(max(timedelta(), wanted - clock.offset))
            await app.sender.settled()
            due = await app.sender.next_due()
            ahead = (due - datetime.now(UTC)).total_seconds() if due else None
            sys.stdout.write(f"{ANSWER}{json.dumps(ahead)}\n")
            sys.stdout.flush()
        serving.cancel()


# -- everything around it -----------------------------------------------------------------------------


@dataclass
class Found:
    """What there is in the end, as people see it, and what the bot believes."""

    stories: int
    posts: Counter[str] = field(default_factory=Counter[str])  # by story
    threads: int = 0
    openers: list[int] = field(default_factory=list[int])  # in each thread
    repeated: int = 0  # messages that say what an earlier one said
    nudges: int = 0  # direct messages there are
    unsent: list[str] = field(default_factory=list[str])  # rows that did not end well
    believed: int = 0  # messages that the bot has written down as sent
    missing: int = 0  # of these, how many are not there
    pressed_again: int = 0
    kills: int = 0
    cuts: int = 0
    faults: int = 0
    calls: int = 0

    def wrong(self) -> list[str]:
        """What is not exactly once, in words; empty when all is well."""
        said: list[str] = []
        if len(self.posts) != self.stories or set(self.posts.values()) != {1}:
            odd = {name: count for name, count in self.posts.items() if count != 1}
            said.append(f"{len(self.posts)} of {self.stories} stories are posted; not once: {odd}")
        if self.threads != self.stories or set(self.openers) != {1}:
            said.append(f"{self.threads} threads with {Counter(self.openers)} openers")
        if self.repeated:
            said.append(f"{self.repeated} messages are there twice")
        if self.missing:
            said.append(f"{self.missing} messages are written down as sent, and are not there")
        if self.believed != self.nudges + 2 * self.stories:
            said.append(f"{self.nudges} nudges are there, {self.believed - 2 * self.stories} were sent")
        if self.unsent:
            said.append(f"rows that did not end well: {Counter(self.unsent)}")
        return said

    def __str__(self) -> str:
        return (
            f"{self.stories} stories: {sum(self.posts.values())} posts, {self.threads} threads, "
            f"{sum(self.openers)} openers, {self.nudges} nudges; {self.kills} kills, {self.cuts} cuts of "
            f"the gateway, {self.faults} of {self.calls} calls failed, {self.pressed_again} tries anew"
        )


class DiscordChaos(Chaos):
    """One run on Discord."""

    _ahead = 0.0  # seconds that the bot's clock is ahead

    async def __aenter__(self) -> Self:
        # Discord remembers nonces for minutes; here for seconds, so that most repeats must be looked for.
        self.fake = await FakeDiscord(nonce_minutes=0.05, recording=False).start()
        self.support = self.fake.channel("support")
        storage = await Storage.open(stored(self.folder))
        values = {"platform": "discord", "community": str(self.fake.guild.id)}
        async with storage.write() as tx:
            await tx.execute(insert(communities).values(**values, support=str(self.support.id)))
        await storage.close()
        await self.begin()
        self.fake.faults.chaos(SHARE, seed=self.seed)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self.fake.stop()

    # -- the bot -----------------------------------------------------------------------------------

    async def begin(self) -> None:
        given = [str(self.folder), self.fake.api_base, self.fake.token, str(self._ahead)]
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.discord_chaos", *given),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        with suppress(NothingHappened):  # the gateway was just cut: it comes back
            await self.fake.ready(patience=60.0)

    async def _settled(self) -> float | None:
        """Wait until nothing that is due is left; how far ahead of now the next row is, in seconds."""
        while True:
            async with self.restarting:
                process = self.process
            assert process is not None
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(ConnectionError):
                process.stdin.write(f"{self._ahead}\n".encode())
                await process.stdin.drain()
            while line := (await process.stdout.readline()).decode():
                if line.startswith(ANSWER):
                    return json.loads(line.removeprefix(ANSWER))
                sys.stderr.write(line)
            await asyncio.sleep(0.05)  # killed: the next one is asked

    async def cut(self) -> None:
        ways = self.fake.gateway
        match self.random.randrange(6):
            case 0 | 1:
                ways.drop()
            case 2:
                await ways.close(4000)
            case 3:
                ways.reconnect()
            case 4:
                ways.invalidate(resumable=True)
            case _:
                await ways.close(4009)

    # -- the people ---------------------------------------------------------------------------------

    async def run(self, stories: int, *, kill_at: Sequence[int] = ()) -> Found:
        """Let so many people share a no, then everybody's plan run; ``kill_at``: after so many are done."""
        await self.goes_on(stories, kill_at)
        return await self._found(stories)

    async def shares(self, number: int) -> None:
        """One person, until they know that their story was taken."""
        stage = self.random.choice(STAGES)
        values = {"stage": stage, "story": nonsense(number)}
        person = self.fake.person(f"person{number}")
        modal: Modal | None = None
        for tries in range(TRIES):
            self.pressed_again += tries > 0
            if modal is None:
                exchange = await self.fake.command(person, self.fake.guild, "rejected")
                if not await self._acked(exchange) or exchange.opened is None:
                    continue
                modal = exchange.opened
            exchange = await self.fake.submit(modal, values)
            if not await self._acked(exchange):
                continue  # the form stays open: handed in again
            reply, modal = await self._reply(exchange), None
            shared = reply is not None and "rejections.delete" in json.dumps(reply.components)
            if shared or await self._was_taken(person):
                return
        raise AssertionError(f"person{number} gave up")

    async def _was_taken(self, person: Any) -> bool:
        """What somebody does whose answer never came: look at what is planned."""
        for _ in range(TRIES):
            exchange = await self.fake.command(person, self.fake.guild, "nudges")
            if (
                await self._acked(exchange)
                and (reply := await self._reply(exchange))
                and "Something went" not in reply.text
            ):
                return "Nothing is planned" not in reply.text
        raise AssertionError("/nudges does not answer")

    async def _acked(self, exchange: Exchange) -> bool:
        with suppress(NothingHappened):
            await exchange.ack(IN_TIME)
        return bool(exchange.kind)

    async def _reply(self, exchange: Exchange) -> Message | None:
        with suppress(NothingHappened):
            return await exchange.reply(STUCK)
        return None

    async def plans(self, kills: int) -> None:
        """Move the time from one thing that is due to the next, until no more is planned."""
        turns = 0
        while (ahead := await self._settled()) is not None and ahead < ALL_OF_IT.total_seconds():
            self._ahead = max(self._ahead, ahead + 1.0)
            turns += 1
            if kills and turns == 8:
                killing = asyncio.create_task(self.kill())  # in the middle of what is due now
                await self._settled()
                await killing

    # -- counting -----------------------------------------------------------------------------------

    async def _found(self, stories: int) -> Found:
        fake, found = self.fake, Found(stories)
        said = [
            message
            for channel in fake.channels.values()
            for message in fake.messages(channel)
            if message.author is fake.bot and not message.deleted
        ]
        marks = Counter(
            (each.channel.id, component["id"]) for each in said for component in each.components[:1]
        )
        found.repeated = sum(count - 1 for count in marks.values())
        found.nudges = sum(each.channel.guild is None for each in said)
        posts = [each for each in said if each.channel is self.support]
        words = {nonsense(number) for number in range(stories)}
        found.posts = Counter(story for story in words for post in posts if story in post.text)
        threads = fake.threads(self.support)
        found.threads = len(threads)
        found.openers = [sum(each.channel is thread for each in said) for thread in threads]
        ids = {str(each.id) for each in said}
        storage = await Storage.open(stored(self.folder))
        async with storage.read() as connection:
            rows = (await connection.execute(select(outbox))).all()
        await storage.close()
        new = [row for row in rows if row.verb != "edit" and row.state == "sent"]
        found.believed = len(new)
        found.missing = sum(json.loads(row.message)[-1] not in ids for row in new)
        found.unsent = [f"{row.kind} {row.state}" for row in rows if row.state not in ("sent", "folded")]
        found.pressed_again, found.kills, found.cuts = self.pressed_again, self.kills, self.cuts
        found.faults, found.calls = fake.faults.met, fake.limits.asked
        return found


if __name__ == "__main__":
    configure("error", "json")
    asyncio.run(bot(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])))

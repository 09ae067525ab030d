"""What there is after a run on a failing Slack: as people see it, and as the bot's database has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from bot.storage import Storage
from bot.storage.schema import drafts, outbox, rejections
from tests.chaos import nonsense
from tests.slack_crowd import kind
from tests.wire.slack_remote import Remote

Json = dict[str, Any]
ENDED_WELL = ("sent", "folded")


@dataclass
class Found:
    """What there is in the end, as people see it, and what the bot believes."""

    stories: int
    kept: int = 0  # rejections in the database
    posts: Counter[str] = field(default_factory=Counter[str])  # by story
    brought: Counter[str] = field(default_factory=Counter[str])  # kind words, by what they are
    replies: Counter[int] = field(default_factory=Counter[int])  # how many threads have so many messages
    repeated: dict[str, int] = field(default_factory=dict[str, int])  # keys that are there more than once
    missing: int = 0  # keys that were sent as the database has it, and are not there
    strange: int = 0  # keys that are there, and were never sent as the database has it
    sent: Counter[str] = field(default_factory=Counter[str])  # rows by kind
    unsent: Counter[str] = field(default_factory=Counter[str])  # rows that did not end well
    drafts: int = 0
    kills: int = 0
    cuts: int = 0
    tries_anew: int = 0
    fake: Json = field(default_factory=dict[str, Any])
    logged: Counter[str] = field(default_factory=Counter[str])  # the bot's own errors

    async def count(self, remote: Remote, channels: list[str], storage: Storage) -> None:
        """Look at what is there, and at what the bot's database says of it."""
        words = {nonsense(number) for number in range(self.stories)}
        answers = {kind(number) for number in range(self.stories)}
        for channel in channels:
            for post in await remote.call("messages", channel=channel):
                self.posts.update(each for each in words if each in post["words"])
                thread = await remote.call("messages", channel=channel, thread=post["ts"])
                self.replies[len(thread)] += 1
                self.brought.update(each for each in answers for one in thread if each in one["words"])
        c = outbox.c
        async with storage.read() as connection:
            rows = (await connection.execute(select(c.key, c.kind, c.verb, c.state))).all()
            self.kept = await connection.scalar(select(func.count()).select_from(rejections)) or 0
            self.drafts = await connection.scalar(select(func.count()).select_from(drafts)) or 0
        keys = await remote.call("keys")
        said = {key for key, _, verb, state in rows if state == "sent" and verb in ("post", "dm", "thread")}
        self.repeated = {key: count for key, count in keys.items() if count != 1}
        self.missing, self.strange = len(said - set(keys)), len(set(keys) - said)
        self.sent = Counter(name for _, name, _, state in rows if state in ENDED_WELL)
        self.unsent = Counter(f"{name} {state}" for _, name, _, state in rows if state not in ENDED_WELL)
        self.fake = await remote.call("info")

    def wrong(self) -> list[str]:
        """What is not exactly once, in words; empty when all is well."""
        said: list[str] = []
        if self.kept != self.stories:
            said.append(f"{self.kept} rejections are kept, of {self.stories}")
        for what, counts in (("stories", self.posts), ("kind words", self.brought)):
            odd = {words: count for words, count in counts.items() if count != 1}
            if odd or len(counts) != self.stories:
                said.append(f"{len(counts)} of {self.stories} {what} are there; not once: {odd}")
        if self.replies != {2: self.stories}:  # the opener, and a peer's words
            said.append(f"threads by how many messages they have: {dict(self.replies)}")
        if self.repeated:
            said.append(f"messages that are there again: {self.repeated}")
        if self.missing or self.strange:
            said.append(f"{self.missing} sent messages are not there, {self.strange} unknown ones are")
        each = ("thread.post", "thread.opener", "thread.said", "thread.answered")
        said += [f"{self.sent[name]} of {name}" for name in each if self.sent[name] != self.stories]
        if self.unsent:
            said.append(f"rows that did not end well: {dict(self.unsent)}")
        if self.drafts:
            said.append(f"{self.drafts} drafts are left")
        return said

    @property
    def nudges(self) -> int:
        """Rows to a person that were sent, by themselves or within another's message."""
        return sum(
            count for name, count in self.sent.items() if name.startswith(("plan.", "thread.answered"))
        )

    def __str__(self) -> str:
        fake = self.fake
        return (
            f"{self.stories} stories: {sum(self.posts.values())} posts, {self.sent['thread.opener']} "
            f"openers, {sum(self.brought.values())} kind words, {self.nudges} nudges; {self.kills} kills, "
            f"{self.cuts} cuts ({fake['delivered']['opened']} connections), {fake['faults_met']} of "
            f"{fake['asked'] + fake['faults_met']} calls failed, {fake['delivered']['doubles']} envelopes "
            f"doubled, {fake['delivered']['redelivered']} redelivered, {self.tries_anew} tries anew; "
            f"the bot's errors: {dict(self.logged)}"
        )

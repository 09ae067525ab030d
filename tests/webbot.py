"""A small bot behind the seam, for the tests of the local web chat.

It is no mock: it keeps its facts in the database, handles an event once, and speaks only through
``bot.chat``. It is just much smaller than Bounceback.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert, select

from bot.chat import Ack, Event, Kind, Message, Place, User
from bot.clock import SystemClock
from bot.platforms.web import WebChat
from bot.storage import Storage
from bot.storage.schema import events
from bot.ui import (
    Button,
    Card,
    Choice,
    Command,
    Fact,
    Field,
    Form,
    Image,
    Jump,
    Person,
    Quote,
    Style,
    Tone,
    When,
)
from bot.ui import Kind as Ask
from tests.watching import line

SHARE = Form(
    "rejections.share",
    title="Share a no",
    submit="Share",
    fields=(
        Field(
            "where",
            optional=True,
            limit=80,
            label="Where was it?",
            hint="A company or a role. Leave it out if you like.",
        ),
        Field(
            "stage",
            Ask.CHOICE,
            label="How far did you get?",
            choices=(
                Choice("no_reply", "No reply"),
                Choice("cv_screen", "Application"),
                Choice("recruiter_call", "First call"),
                Choice("interview", "Interview"),
                Choice("final_round", "Final round"),
            ),
        ),
        Field(
            "story", Ask.LONG, label="What happened?", limit=1500, hint="As much or as little as you want."
        ),
        Field(
            "sign",
            Ask.CHOICE,
            label="How should it be signed?",
            value="anonymous",
            choices=(
                Choice("anonymous", "With a made-up name"),
                Choice("name", "With my name"),
                Choice("private", "Only for me, not posted"),
            ),
        ),
    ),
)
CHECK_IN = Form(
    "checkin.set",
    title="Check-in",
    submit="Save",
    fields=(
        Field("day", Ask.DATE, label="From which day?", hint="Any day is fine."),
        Field("at", Ask.TIME, label="At what time?"),
        Field(
            "days",
            Ask.CHOICES,
            label="On which days?",
            value="mon,wed",
            choices=(Choice("mon", "Monday"), Choice("wed", "Wednesday"), Choice("fri", "Friday")),
        ),
        Field("buddy", Ask.USER, label="With whom?", optional=True),
        Field("company", label="Which company?", suggest=True, optional=True, limit=60),
    ),
)
TOPICS = (Choice("interviews", "Interviews"), Choice("letters", "Cover letters"), Choice("rest", "Rest"))
COMPANIES = ("Aperture Labs", "Blue Harbour", "Blue Kite", "Cobalt & Sons")
COMMANDS = (
    Command("checkin", "Choose when Bounceback looks in on you"),
    Command("help", "What Bounceback can do for you"),
    Command("plan", "The next gentle steps, one at a time"),
    Command("privacy", "Who can see what, in plain words"),
    Command("rejected", "Share a no, and be heard"),
    Command(
        "resource",
        "Something worth reading, on one topic",
        (
            Field("topic", Ask.CHOICE, label="Topic", hint="What it is about", choices=TOPICS),
            Field("company", label="Company", hint="For one company", suggest=True, optional=True),
        ),
    ),
)
NOT_ALONE = Button("rejections.not_alone", label="You're not alone", style=Style.PRIMARY)
WRITE = Button("rejections.write", label="Write something kind")
STEPS = (
    "Take today slowly. Nothing has to be done about it yet.",
    "If you'd like, thank the person who interviewed you. Two lines are enough.",
    "Write down one thing you did well. Nobody has to see it.",
)


@dataclass
class TinyBot:
    """Implements ``bot.chat.Dispatch``."""

    storage: Storage
    clock: SystemClock
    chat: WebChat | None = None
    handled: list[Event] = field(default_factory=list[Event])
    asked: list[str] = field(default_factory=list[str])  # events that came, also those handled before
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    replies_too: bool = False  # answer what people write in threads

    def __post_init__(self) -> None:
        self.gate.set()

    def commands(self, locale: str) -> Sequence[Command]:
        assert locale == "en"
        return (
            *COMMANDS,
            Command("broken", "Fails, to see what then"),
            Command("room", "Opens a room for two"),
        )

    def ack(self, kind: Kind, name: str) -> Ack:
        if name in ("rejected", "checkin", "rejections.write"):
            return Ack.OPENS
        if name.startswith("plan."):
            return Ack.REPLACES
        return Ack.QUIET if name == "rejections.not_alone" else Ack.REPLIES

    async def form(self, event: Event) -> Form | Card:
        if event.name == "checkin":
            return CHECK_IN
        if event.arg == "later":
            return Card("Not now is fine. This waits for you.", tone=Tone.CALM)
        return SHARE

    async def handle(self, event: Event) -> Card | Form | None:
        self.asked.append(event.id)
        await self.gate.wait()
        async with self.storage.write() as tx:
            if (await tx.execute(select(events).where(events.c.id == event.id))).first():
                return None
            await tx.execute(insert(events).values(id=event.id, at=self.clock.now()))
        self.handled.append(event)
        match event.kind, event.name:
            case Kind.SUBMIT, "rejections.share":
                return await self._share(event)
            case Kind.SUBMIT, _:
                days = event.values["days"].split(",")
                facts = (
                    Fact("From", event.values["day"]),
                    Fact("At", event.values["at"]),
                    Fact("Days", str(len(days))),
                )
                return Card("Saved. I'll look in then, and only then.", "Your check-in", fields=facts)
            case Kind.PRESS, "plan.page":
                return plan(int(event.arg))
            case Kind.PRESS, "plan.done":
                return Card("Done, and it counts. The rest can wait.", tone=Tone.WIN)
            case Kind.PRESS, _:
                return None
            case Kind.REPLY | Kind.DIRECT, _:
                return Card("Thank you for writing here.", tone=Tone.CARE) if self.replies_too else None
            case Kind.COMMAND, name:
                return await self._command(name, event)

    def line(self, words: str, locale: str, **says: str | int) -> str:
        return line(words, locale, **says)

    async def suggest(self, event: Event, option: str) -> Sequence[Choice]:
        assert option == "company"
        return [Choice(each) for each in COMPANIES if event.arg.lower() in each.lower()]

    async def _command(self, name: str, event: Event) -> Card:
        match name:
            case "plan":
                return plan(0)
            case "resource":
                topic = event.values.get("topic", "")
                return Card(
                    f"On {topic}: {event.values.get('company') or 'any company'}.", "Worth a quiet look"
                )
            case "room":
                assert self.chat is not None
                users = [User("web", "local", "ada"), User("web", "local", "bob")]
                there = await self.chat.room(users, "Ada and Bob", key="room1")
                return Card(("Your room is open: ", Jump("go there", "local", there.channel), "."))
            case "broken":
                raise RuntimeError("secret words of a person")
            case _:
                lines = "\n".join(f"/{command.name}  {command.description}" for command in COMMANDS)
                return Card(lines, "What I can do")

    async def _share(self, event: Event) -> Card | Form:
        story = event.values["story"]
        if len(story) < 3:
            fields = [*SHARE.fields]
            fields[2] = Field(
                "story",
                Ask.LONG,
                label="What happened?",
                limit=1500,
                value=story,
                error="A word or two is enough.",
            )
            return Form(SHARE.id, tuple(fields), title=SHARE.title, submit=SHARE.submit)
        post = await self.tell(story, key=f"share:{event.id}")
        return Card(
            (
                "Your words are in ",
                post.jump("#support"),
                ", under a made-up name. You're one of 14 here this month.",
            ),
            "It's posted",
            Tone.WARM,
            buttons=(Button("rejections.take_back", "1", "Take it back", Style.DANGER),),
        )

    async def tell(self, story: str, *, key: str) -> Message:
        """The public post of a no, with its thread and the bot's opener."""
        assert self.chat is not None
        support = Place("web", "local", "support")
        card = Card(
            ("Quiet Heron shares a no after a final round.\n", Quote(story)),
            tone=Tone.WARM,
            fields=(Fact("Wish", "Just listen"), Fact("Shared", (When(self.clock.now(), "relative"),))),
            buttons=(NOT_ALONE, WRITE),
        )
        post = await self.chat.post(support, card, key=key)
        thread = await self.chat.thread(post, "Quiet Heron, after a final round")
        await self.chat.post(
            thread, Card("No advice needed today. What helped you the day after?"), key=f"{key}:open"
        )
        return post


def plan(page: int) -> Card:
    """One step of the plan, with the way to the next."""
    buttons = [Button("plan.done", str(page), "Done", Style.PRIMARY)]
    if page + 1 < len(STEPS):
        buttons.append(Button("plan.page", str(page + 1), "Next step"))
    return Card(STEPS[page], f"Step {page + 1} of {len(STEPS)}", Tone.WARM, buttons=tuple(buttons))


def every_part(at: datetime) -> Card:
    """A card with everything a card can hold."""
    return Card(
        (
            "Ready by ",
            When(at, "day"),
            " at ",
            When(at, "time"),
            ", that is ",
            When(at),
            ", ",
            When(at, "relative"),
            ".\n",
            Person("bob"),
            " said:\n",
            Quote("Breathe.\nThen coffee. <b>not bold</b>"),
            "\n",
            Jump("See #wins", "local", "wins"),
            " when you like.",
        ),
        "A small picture of your month",
        Tone.CALM,
        fields=(Fact("Applications", "12"), Fact("Talks", "3"), Fact("Since", (When(at, "day"),))),
        image=Image(picture(), "Twelve applications led to three talks."),
    )


def picture(width: int = 480, height: int = 140) -> bytes:
    """A PNG of bars, made by hand: tests draw no charts."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            bar = x // 40
            tall = (bar * 37) % 90 + 30
            inside = x % 40 > 8 and height - y < tall
            rows += bytes((194, 83, 47) if inside else (250, 247, 243))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(rows))),
        (b"IEND", b""),
    ]
    made = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + made

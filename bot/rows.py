"""What a row of the outbox is: planned, claimed, ended; and how places and messages stand in a column."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from bot.chat import Message, Place, User

FAULT = "fault: "  # how the error of a try begins that failed by the row's own fault
NOTHING: Mapping[str, str] = MappingProxyType({})
ERROR_LIMIT = 200  # characters of the column
ASKED = "asked"  # among a row's ``args``: its person chose this very time, and was told so
WORKER = 8  # characters at the beginning of a lease: the process that took it
ALONE = "alone"  # what may follow them, with how often by now: its process has nothing else in hand


class Verb(StrEnum):
    """What is done with the card."""

    POST = "post"  # into a place
    DM = "dm"  # to a person
    THREAD = "thread"  # under a message, in a thread opened for it
    EDIT = "edit"  # instead of a message's card
    DELETE = "delete"  # the message; no card


class State(StrEnum):
    """Where a row is. Only ``READY`` rows are ever claimed."""

    READY = "ready"
    SENT = "sent"
    FOLDED = "folded"  # shown inside another row's message
    DROPPED = "dropped"  # too late, or nothing left to say
    CANCELLED = "cancelled"  # by the person
    UNDELIVERED = "undelivered"  # refused for good; shown privately at the person's next command
    DONE = "done"  # the person did it
    SKIPPED = "skipped"  # the person let it go
    SNOOZED = "snoozed"  # comes again as a row of its own
    SHOWN = "shown"  # undelivered, then shown privately
    DEAD = "dead"  # its handler failed every time


class Lane(IntEnum):
    """What is said first, of all that is due."""

    PROMPT = 0  # somebody has just done something: a morning's thousands shall not be before it
    DOUBT = 1  # was taken before, and may have been said: repeated while its key is still remembered
    PLANNED = 2  # long before


class Plan(NamedTuple):
    """Something to be said. ``key`` is its identity: planning it again changes nothing."""

    kind: str
    key: tuple[str, ...]
    at: datetime
    verb: Verb = Verb.DM
    user: User | None = None
    place: Place | Message | None = None
    args: Mapping[str, str] = NOTHING
    subject: str = ""
    expires_at: datetime | None = None


class Row(NamedTuple):
    """A planned message as it stands in the table. (A tuple: thousands are made in a second.)"""

    id: int
    key: str
    kind: str
    verb: Verb
    user: User | None
    place: Place | Message | None
    args: Mapping[str, str]
    subject: str
    due_at: datetime
    ready_at: datetime
    expires_at: datetime | None
    state: State
    attempts: int
    lease: str | None
    lead: int | None
    tried_at: datetime | None
    message: Message | None
    error: (
        str  # of the last try: a platform's reason, or ``FAULT`` and where it happened; never what was said
    )
    lane: int

    @property
    def asked(self) -> bool:
        """Whether its person chose this very time, whatever its kind."""
        return ASKED in self.args

    @property
    def faulty(self) -> bool:
        """Whether the last try failed by the row's own fault, and not by an outage."""
        return self.error.startswith(FAULT)


IN_TURN = itemgetter(8, 0)  # ``due_at`` and ``id``: in this order they are decided about


_new = cast("Callable[[type[Row], tuple[Any, ...]], Row]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]


def row_of(values: tuple[Any, ...]) -> Row:
    """A row of these values: what ``Row(*values)`` makes, at a sixth of its price."""
    return _new(Row, values)


def dump(value: Place | Message) -> str:
    """A place or a message as text, for a column."""
    place = value.place if isinstance(value, Message) else value
    names = [place.platform, place.community, place.channel, place.thread]
    names += [value.id] if isinstance(value, Message) else []
    return f"[{', '.join(map(encode_basestring_ascii, names))}]"  # json.dumps, at a third of its price


@lru_cache(maxsize=1024)
def parse(text: str) -> Place | Message:
    """What ``dump`` wrote."""
    names = cast("list[str]", json.loads(text))
    return Message(Place(*names[:4]), names[4]) if len(names) == 5 else Place(*names)


def parse_message(text: str | None) -> Message | None:
    """A message that ``dump`` wrote, if there is one."""
    value = parse(text) if text else None
    return value if isinstance(value, Message) else None


def parse_user(key: str) -> User:
    """A user key back into its three names."""
    return User(*key.split("/", 2))

"""What one process of several does: ``all`` of it, the ``gateway``'s part, or the ``sender``'s.

A gateway takes what people do and answers them; what is to be said unprompted it only plans. A sender
claims and says it, and does what recurs; it opens no gateway, socket or page. docs/decisions/0009-roles.md
says why.
"""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bot.config import Settings

MOST_SHARDS = 16_384  # more than Discord has ever asked a bot to take
FORM = 'shards as "first-last/all" such as "0-3/16", or one as "5/16"'


class Role(StrEnum):
    """A process's part in the work."""

    ALL = "all"
    GATEWAY = "gateway"
    SENDER = "sender"

    @property
    def receives(self) -> bool:
        """Whether it takes what people do, and answers them."""
        return self is not Role.SENDER

    @property
    def sends(self) -> bool:
        """Whether it says what falls due, and does what recurs."""
        return self is not Role.GATEWAY

    def tell(self, *, shared_file: bool) -> None:
        """Tell whoever started the process what it does; ``shared_file``: it is one of several on SQLite."""
        if shared_file:
            sys.stderr.write(
                "Several processes on one SQLite file work, but only one of them writes at a time. "
                "PostgreSQL is made for it: storage.url.\n"
            )
        sys.stdout.write(f"Bounceback runs as a {self.value}.\n")
        sys.stdout.flush()


class Shards(NamedTuple):
    """Some of Discord's shards, and how many there are in all processes together."""

    ids: tuple[int, ...]
    total: int


def parse_shards(text: str) -> Shards | None:
    """What ``0-3/16`` says; None for an empty text. ``ValueError`` for anything else."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?/([0-9]{1,5})", text.replace(" ", ""))
    if not found:
        raise ValueError(f"{text!r} does not name shards")
    first, last, count = int(found[1]), int(found[2] or found[1]), int(found[3])
    if not first <= last < count <= MOST_SHARDS:
        raise ValueError(f"{text!r} names shards that there are not")
    return Shards(tuple(range(first, last + 1)), count)


def fitting_shards(text: str) -> str:
    """The text itself, if ``parse_shards`` can read it; ``ValueError`` if not."""
    parse_shards(text)
    return text


class RoleError(ValueError):
    """What was asked of this process does not fit together; the text says what to write instead."""


def chosen(settings: Settings, role: Role | None = None, shards: str = "") -> Settings:
    """The settings with this process's role and shards in force; what is given here wins over the file.

    Raises ``RoleError``, in one plain sentence.
    """
    acting = role or Role(settings.process.role)
    try:
        given = parse_shards(shards)
    except ValueError:
        raise RoleError(f"--shards {shards!r} does not fit. It takes {FORM}.") from None
    if given and not acting.receives:
        raise RoleError(
            "--shards says what a process hears of Discord. A sender hears nothing: leave it out."
        )
    if not given and settings.discord.shard_ids and settings.process.shards:
        raise RoleError("process.shards and discord.shard_ids say the same thing. Keep one of them.")
    given = given or parse_shards(settings.process.shards)
    changes: dict[str, object] = {"process": settings.process.model_copy(update={"role": acting.value})}
    if given:
        mine = {"shard_ids": given.ids, "shard_count": given.total}
        changes["discord"] = settings.discord.model_copy(update=mine)
    return settings.model_copy(update=changes)

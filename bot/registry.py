"""All cogs' declarations in one place, looked up by name; two of one name are refused at start."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from bot.chat import Kind
from bot.cog import (
    AfterAll,
    Cog,
    CommandSpec,
    EventHandler,
    Export,
    Fill,
    Forget,
    NudgeSpec,
    PressSpec,
    Rezone,
    Suggest,
    TickSpec,
)
from bot.ui import Audience, Form

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Registry:
    """What ``bot.dispatch`` and the outbox look up. Built once from the list of cogs."""

    def __init__(self, cogs: Sequence[Cog]) -> None:
        self.cogs = tuple(cogs)
        self.commands: Mapping[str, CommandSpec] = _by_name(
            (spec.command.name, spec) for cog in cogs for spec in cog.commands
        )
        self.presses: Mapping[str, PressSpec] = _by_name(
            (spec.button.id, spec) for cog in cogs for spec in cog.presses
        )
        self.forms: Mapping[str, tuple[Form, EventHandler]] = _by_name(
            item for cog in cogs for item in cog.forms.items()
        )
        self.fills: Mapping[str, Fill] = _by_name(item for cog in cogs for item in cog.fills.items())
        self.nudges: Mapping[str, NudgeSpec] = _by_name(
            (spec.kind, spec) for cog in cogs for spec in cog.nudges
        )
        self.ends: Mapping[str, AfterAll] = _by_name(item for cog in cogs for item in cog.ends.items())
        self.suggests: Mapping[tuple[str, str], Suggest] = _by_name(
            item for cog in cogs for item in cog.suggests.items()
        )
        self.exports: Sequence[Export] = [handler for cog in cogs for handler in cog.exports]
        self.forgets: Sequence[Forget] = [handler for cog in cogs for handler in cog.forgets]
        self.rezones: Sequence[Rezone] = [handler for cog in cogs for handler in cog.rezones]
        self.replies: Sequence[EventHandler] = [handler for cog in cogs for handler in cog.replies]
        directs = [handler for cog in cogs for handler in cog.directs]
        if len(directs) > 1:
            raise ValueError("what is written to the bot itself is answered twice")
        self.direct: EventHandler | None = directs[0] if directs else None
        self.ticks: Mapping[str, TickSpec] = _by_name((spec.name, spec) for cog in cogs for spec in cog.ticks)
        self._audiences: Mapping[tuple[Kind, str], Audience] = {
            (kind, name): cog.audience
            for cog in cogs
            for kind, names in (
                (Kind.COMMAND, [spec.command.name for spec in cog.commands]),
                (Kind.PRESS, [spec.button.id for spec in cog.presses]),
                (Kind.SUBMIT, list(cog.forms)),
            )
            for name in names
        }
        opened = [spec.opens for spec in (*self.commands.values(), *self.presses.values()) if spec.opens]
        for form in opened:
            if form.id not in self.forms:
                raise ValueError(f"form {form.id} is opened but nobody takes it")

    def audience(self, kind: Kind, name: str) -> Audience:
        """Whom a command, a button or a form is for."""
        return self._audiences.get((kind, name), Audience.EVERYONE)


def _by_name(items: Iterable[tuple[K, T]]) -> dict[K, T]:
    found: dict[K, T] = {}
    for name, item in items:
        if name in found:
            raise ValueError(f"{name} is declared twice")
        found[name] = item
    return found

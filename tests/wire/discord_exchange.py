"""What one person sees of one interaction: how it was acknowledged, the modal, the replies, their changes."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from tests.wire.discord_basics import Json
from tests.wire.discord_components import FIELDS
from tests.wire.discord_model import Message, flat
from tests.wire.waiting import PATIENCE, NothingHappened, Waiting

if TYPE_CHECKING:
    from tests.wire.discord_interactions import Interaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Modal:
    """A form on somebody's screen."""

    data: Json
    exchange: Exchange

    @property
    def title(self) -> str:
        """Its title."""
        return self.data["title"]

    @property
    def custom_id(self) -> str:
        """Its custom_id."""
        return self.data["custom_id"]

    @property
    def fields(self) -> dict[str, Json]:
        """What can be filled in, by custom_id."""
        return {each["custom_id"]: each for each in flat(self.data["components"]) if each["type"] in FIELDS}

    @property
    def labels(self) -> dict[str, str]:
        """What stands above each field, by custom_id."""
        out: dict[str, str] = {}
        for each in self.data["components"]:
            if each["type"] == 18:
                out[each["component"]["custom_id"]] = each["label"]
            elif each["type"] == 1:
                out |= {child["custom_id"]: child["label"] for child in each["components"]}
        return out

    @property
    def text(self) -> str:
        """Everything readable on it, a line each."""
        lines = [self.title]
        for each in self.data["components"]:
            lines += [each.get("label") or "", each.get("description") or "", each.get("content") or ""]
        return "\n".join(line for line in lines if line)


class Exchange(Waiting):
    """One interaction from its person's side.

    ``await exchange.modal()``, ``await exchange.reply()``, ``await exchange.edit()`` wait for what the bot
    does; ``messages`` are all its answers that are still there, ephemeral ones included. ``sent`` and
    ``answered`` are ``time.perf_counter`` readings, for measuring.
    """

    def __init__(self) -> None:
        super().__init__()
        self.interaction: Interaction
        self.kind = 0  # the callback's type, 0 while there is none
        self.choices: list[Json] = []
        self.sent, self.answered = perf_counter(), 0.0
        self.edits = 0
        self.opened: Modal | None = None  # the form that opened
        self._said: list[Message] = []
        self._edited: Message

    @property
    def id(self) -> int:
        """The interaction's id."""
        return self.interaction.id

    @property
    def messages(self) -> list[Message]:
        """The bot's answers that are not deleted, oldest first."""
        return [each for each in self._said if not each.deleted]

    @property
    def shown(self) -> list[Message]:
        """The answers that can be read: not deleted, not still "thinking"."""
        return [each for each in self.messages if not each.loading]

    @property
    def latency(self) -> float:
        """Real seconds from the event's sending to the callback."""
        assert self.answered, "not acknowledged yet"
        return self.answered - self.sent

    @property
    def failed(self) -> bool:
        """Whether its person is told that the app did not respond: three seconds without an answer."""
        from tests.wire.discord_interactions import ACK_WITHIN

        fake = self.interaction.fake
        return not self.kind and fake.now() - self.interaction.at > ACK_WITHIN

    # --- waiting ---------------------------------------------------------------------------------

    async def ack(self, patience: float = PATIENCE) -> int:
        """The type of the bot's callback, as soon as there is one."""
        await self.until(lambda: bool(self.kind), "an acknowledgement", patience)
        return self.kind

    async def modal(self, patience: float = PATIENCE) -> Modal:
        """The form that opens; fails at once when the bot answers with something else."""
        await self.ack(patience)
        if self.opened is None:
            raise NothingHappened(f"no modal opened; there is {self!r}")
        return self.opened

    async def reply(self, patience: float = PATIENCE) -> Message:
        """The first answer that can be read: after a deferral, what it became."""
        await self.until(lambda: bool(self.shown), "a reply", patience)
        return self.shown[0]

    async def replies(self, count: int, patience: float = PATIENCE) -> list[Message]:
        """That many readable answers."""
        await self.until(lambda: len(self.shown) >= count, f"{count} replies", patience)
        return self.shown

    async def edit(self, count: int = 1, patience: float = PATIENCE) -> Message:
        """The message that was changed through this interaction, after that many changes."""
        await self.until(lambda: self.edits >= count, f"{count} edits", patience)
        return self._edited

    async def choose(self, patience: float = PATIENCE) -> list[Json]:
        """The suggestions of an autocomplete."""
        await self.ack(patience)
        return self.choices

    # --- what happens ----------------------------------------------------------------------------

    def acknowledged(self, kind: int, *, modal: Json | None, choices: list[Json]) -> None:
        """The callback came."""
        self.kind, self.answered = kind, perf_counter()
        self.opened = Modal(modal, self) if modal is not None else None
        self.choices = choices
        self.wake()

    def said(self, message: Message) -> None:
        """A new message of this interaction."""
        self._said.append(message)
        self.wake()

    def changed(self, message: Message) -> None:
        """A message was edited or deleted through this interaction."""
        self.edits += 1
        self._edited = message
        self.wake()

    def __repr__(self) -> str:
        what = "modal " + self.opened.title if self.opened else ""
        texts = [("(loading)" if each.loading else each.text) for each in self.messages]
        return f"<exchange {self.interaction.kind}, callback {self.kind} {what} {texts}>"

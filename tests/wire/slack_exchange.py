"""What one person sees of one thing they did: the ack, the modal, the answers, and how those change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING

from tests.wire.slack_model import Conversation, Hook, Json, Message, Person, View, Workspace
from tests.wire.slack_shapes import ACK_WITHIN, read
from tests.wire.waiting import PATIENCE, NothingHappened, Waiting

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack


_numbers = count(1)


class Exchange(Waiting):
    """One command, press, shortcut, submission or event from its person's side.

    ``await exchange.acked()`` gives the real seconds that the app took. ``view()``, ``reply()``, ``edit()``
    and ``home()`` wait for what the app does then. An answer counts here when it came through this
    exchange's response_url (or that of the exchange whose modal this one handed in), or else when it is
    shown privately to this person and this is the newest thing they did. A direct message that carries
    metadata is no answer: those are what the app says unasked.
    """

    def __init__(
        self,
        fake: FakeSlack,
        workspace: Workspace,
        person: Person,
        what: str,
        *,
        channel: Conversation | None = None,
        source: Message | View | None = None,
        origin: Exchange | None = None,
    ) -> None:
        super().__init__()
        self.fake, self.workspace, self.person, self.what = fake, workspace, person, what
        self.channel, self.source, self.origin = channel, source, origin
        self.at: datetime = fake.now()
        self.id = str(next(_numbers))
        self.trigger = ""  # its trigger_id
        self.event_id = ""  # of an event
        self.payload: Json = {}  # as it was delivered
        self.hook: Hook | None = None  # its response_url
        self.sent, self.answered = perf_counter(), 0.0
        self.viewed = 0.0  # when its modal was there, as perf_counter says
        self.acks: list[Json | None] = []  # the payload of every ack, those of doubles included
        self.trouble = ""  # what went wrong, as far as its person is told
        self.lost = False  # its connection went before an ack
        self.opened: View | None = None
        self.errors: Mapping[str, str] = {}  # beside inputs, by block_id
        self.said: list[Message] = []
        self.edits = 0
        self._edited: Message | None = None
        self._homes = person.home_versions

    # --- what there is ---------------------------------------------------------------------------

    @property
    def messages(self) -> list[Message]:
        """The answers that still stand, oldest first."""
        return [each for each in self.said if not each.deleted]

    @property
    def latency(self) -> float:
        """Real seconds from the envelope's or request's sending to the ack."""
        assert self.answered, "not acknowledged yet"
        return self.answered - self.sent

    @property
    def failed(self) -> bool:
        """Whether its person is told that something went wrong: no answer in three seconds, or a bad one."""
        if self.trouble:
            return True
        return not self.answered and self.fake.now() - self.at > ACK_WITHIN

    @property
    def root(self) -> Exchange:
        """The exchange in which the first modal was opened; itself when there was none."""
        return self.origin.root if self.origin else self

    # --- waiting ---------------------------------------------------------------------------------

    async def acked(self, patience: float = PATIENCE) -> float:
        """Wait for the ack: the latency in real seconds. Fails at once when it failed for the person."""
        await self.until(lambda: bool(self.answered) or self.failed, "an ack", patience)
        if not self.answered:
            raise NothingHappened(f"not acknowledged: {self!r}")
        return self.latency

    async def settled(self, patience: float = PATIENCE) -> bool:
        """Wait until it is acknowledged, has failed or lost its connection; whether it was acknowledged."""
        await self.until(lambda: bool(self.answered) or self.failed or self.lost, "an ack", patience)
        return bool(self.answered)

    async def outcome(self, patience: float = PATIENCE) -> None:
        """Wait until anything shows: a modal, an answer, or that it failed."""
        shows = lambda: self.opened is not None or bool(self.messages) or self.failed or self.lost  # noqa: E731
        await self.until(shows, "a modal or an answer", patience)

    async def view(self, patience: float = PATIENCE) -> View:
        """The modal that opened from it."""
        await self.until(lambda: self.opened is not None, "a modal", patience)
        assert self.opened is not None
        return self.opened

    async def reply(self, patience: float = PATIENCE) -> Message:
        """The first answer: an ephemeral, a direct message, or the private card that was replaced."""
        return (await self.replies(1, patience))[0]

    async def replies(self, count: int, patience: float = PATIENCE) -> list[Message]:
        """That many answers."""
        await self.until(lambda: len(self.messages) >= count, f"{count} answers", patience)
        return self.messages

    async def edit(self, count: int = 1, patience: float = PATIENCE) -> Message:
        """The message that it sits on, after it was changed that many times."""
        await self.until(lambda: self.edits >= count, f"{count} changes", patience)
        assert self._edited is not None
        return self._edited

    async def home(self, patience: float = PATIENCE) -> View:
        """The App Home, when it was published since."""
        newer = lambda: self.person.home_versions > self._homes  # noqa: E731
        await self.fake.until(newer, f"an App Home after {self!r}", patience)
        return self.fake.home(self.person)

    # --- what happens ----------------------------------------------------------------------------

    def acknowledged(self, payload: Json | None) -> None:
        """An ack came."""
        self.acks.append(payload)
        if not self.answered:
            self.answered = perf_counter()
        self.wake()

    def fails(self, why: str) -> None:
        """The person is told that it did not work."""
        self.trouble = self.trouble or why
        self.wake()

    def shows(self, view: View) -> None:
        """A modal opened, or changed at once."""
        self.opened = view
        self.viewed = perf_counter()
        self.wake()

    def says(self, message: Message) -> None:
        """An answer came."""
        self.said.append(message)
        self.wake()

    def changes(self, message: Message, *, answers: bool) -> None:
        """The message that it sits on changed; a private one ``answers``."""
        self.edits += 1
        self._edited = message
        if answers and message not in self.said:
            self.said.append(message)
        self.wake()

    def __repr__(self) -> str:
        state = self.trouble or ("acked" if self.answered else "lost" if self.lost else "not acked")
        modal = f", modal {self.opened.data.get('callback_id', '')}" if self.opened else ""
        errors = f", errors {dict(self.errors)}" if self.errors else ""
        return f"<{self.what}: {state}{modal}{errors}, {[read(each) for each in self.messages]}>"

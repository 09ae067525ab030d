"""A message, and what of it can be read and pressed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tests.wire.discord_basics import EPHEMERAL, LOADING, File, Json, Pings, stamp

if TYPE_CHECKING:
    from tests.wire.discord_model import Channel, Person

NOBODY = Pings()


@dataclass(slots=True, eq=False)
class Message:
    """A message; ``only_for`` names the one person who sees an ephemeral one."""

    id: int
    channel: Channel
    author: Person
    at: datetime
    content: str = ""
    kind: int = 0
    flags: int = 0
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    files: list[File] = field(default_factory=list[File])
    edited: datetime | None = None
    nonce: str | int | None = None
    pings: Pings = NOBODY
    mentioned: tuple[Person, ...] = ()
    reference: Json | None = None
    interaction: Json | None = None
    application: int | None = None
    thread: Channel | None = None
    only_for: int | None = None
    deleted: bool = False
    edits: int = 0

    @property
    def text(self) -> str:
        """Everything readable on it, a line each: content, text displays, embeds."""
        lines = [self.content]
        for embed in self.embeds:
            lines += [embed.get("title") or "", embed.get("description") or ""]
            lines += [f"{each['name']}: {each['value']}" for each in embed.get("fields", ())]
        lines += [each["content"] for each in flat(self.components) if each["type"] == 10]
        return "\n".join(line for line in lines if line)

    @property
    def buttons(self) -> list[Json]:
        """Its buttons, in order."""
        return [each for each in flat(self.components) if each["type"] == 2]

    def button(self, custom_id: str) -> Json:
        """The first button whose custom_id is, or begins with, this; KeyError if there is none."""
        for button in self.buttons:
            if button.get("custom_id", "").startswith(custom_id):
                return button
        raise KeyError(custom_id)

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it is the "thinking" of a deferred answer."""
        return bool(self.flags & LOADING)

    def file(self, name: str) -> File:
        """The attachment of that name; KeyError if there is none."""
        for file in self.files:
            if file.name == name:
                return file
        raise KeyError(name)

    def json(self, now: datetime, *, content: bool = True, bot: int = 0) -> Json:
        """A message object; without ``content`` as apps without that intent get it."""
        out: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "author": self.author.json(),
            "content": self.content if content else "",
            "timestamp": stamp(self.at),
            "edited_timestamp": stamp(self.edited) if self.edited else None,
            "tts": False,
            "mention_everyone": self.pings.everyone,
            "mentions": [person.json() for person in self.mentioned],
            "mention_roles": [str(role) for role in sorted(self.pings.roles)],
            "attachments": [file.json() for file in self.files] if content else [],
            "embeds": self.embeds if content else [],
            "components": self.components if content else [],
            "pinned": False,
            "type": self.kind,
            "flags": self.flags,
        }
        if self.nonce is not None:
            out["nonce"] = self.nonce
        if self.reference is not None:
            out["message_reference"] = self.reference
        if self.interaction is not None:
            out["interaction_metadata"] = self.interaction
        if self.application is not None:
            out["application_id"] = out["webhook_id"] = str(self.application)
        if self.thread is not None:
            out["thread"] = self.thread.json(now, bot)
        return out


def flat(components: Iterable[Json]) -> Iterable[Json]:
    """Every component, whatever it is nested in, in reading order."""
    for each in components:
        yield each
        yield from flat(each.get("components", ()))
        for inside in ("accessory", "component"):
            if inside in each:
                yield from flat([each[inside]])

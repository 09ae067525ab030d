"""Making, changing and finding messages: shared by channels, threads, webhooks and interactions."""

from __future__ import annotations

import copy
import re
import struct
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    File,
    Json,
    Permit,
)
from tests.wire.discord_checks import FILE_LIMIT, FILES_LIMIT, check_message, check_not_empty, pings, spoken
from tests.wire.discord_errors import Problems, refusal, snowflake
from tests.wire.discord_model import Channel, Message, Person, flat

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord
    from tests.wire.discord_http import Upload

Uploads = dict[int, "Upload"]

SENDABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
EDITABLE = SUPPRESS_EMBEDS | COMPONENTS_V2


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return None


def clean_name(name: str) -> str:
    """A file's name as Discord keeps it: no spaces, nothing but plain characters."""
    return re.sub(r"[^A-Za-z0-9._-]", "", name.replace(" ", "_")) or "unknown"


def copied(value: Any) -> Any:
    """A copy of JSON, all the way down."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


class Desk:
    """Where messages are written. Everything here is one step: it happens whole or not at all."""

    def __init__(self, fake: FakeDiscord) -> None:
        self._fake = fake

    # --- writing ---------------------------------------------------------------------------------

    def compose(
        self,
        channel: Channel,
        author: Person,
        data: Json,
        uploads: Uploads,
        *,
        problems: Problems | None = None,
        kind: int = 0,
        extra: int = 0,
        only_for: Person | None = None,
        interaction: Json | None = None,
        may: int | None = None,
        id: int | None = None,
    ) -> Message:
        """A new message, checked but not yet kept. ``extra`` are flags beside those a sender may set."""
        fake = self._fake
        flags = self._flags(data) | extra
        problems = Problems() if problems is None else problems
        names = {clean_name(each.name) for each in uploads.values()}
        check_message(problems, data, flags=flags, files=names)
        if len(uploads) > FILES_LIMIT:
            problems.add(
                ("attachments",), "BASE_TYPE_MAX_LENGTH", f"Must be {FILES_LIMIT} or fewer in length."
            )
        described = self._described(problems, data, uploads)
        problems.check()
        message = Message(
            id=id or fake.ids.next(),
            channel=channel,
            author=author,
            at=fake.now(),
            content=data.get("content") or "",
            kind=kind,
            flags=flags,
            embeds=[{"type": "rich", **embed} for embed in data.get("embeds") or ()],
            nonce=data.get("nonce"),
            only_for=only_for.id if only_for else None,
            interaction=interaction,
            application=fake.app_id if interaction else None,
        )
        if author is fake.bot and may is not None and not may & Permit.EMBED_LINKS:
            message.embeds = []
        message.files = self._files(message, uploads, described)
        message.components = self._components(data.get("components") or [], message.files)
        if not flags & LOADING:
            check_not_empty(message)
        self._mention(message, data, may)
        return message

    def keep(self, message: Message) -> None:
        """Put a message in its channel and tell everybody who may know."""
        fake, channel = self._fake, message.channel
        if message.ephemeral:
            fake.ephemerals[message.id] = message
            fake.gateway.message("MESSAGE_CREATE", message)
            fake.wake()
            return
        channel.messages[message.id] = message
        channel.last = message.id
        if channel.thread is not None:
            channel.thread.sent += 1
            channel.thread.active = fake.now()
        if message.nonce is not None:
            fake.nonces.put(message)
        fake.gateway.message("MESSAGE_CREATE", message)
        fake.wake()

    def edit(
        self,
        message: Message,
        data: Json,
        uploads: Uploads,
        *,
        problems: Problems | None = None,
        may: int | None = None,
        silent: bool = False,
    ) -> None:
        """Change what the body names; what it leaves out stays (docs: edit message)."""
        fake = self._fake
        flags = message.flags
        if isinstance(data.get("flags"), int):
            flags = (flags & ~EDITABLE | data["flags"] & EDITABLE) | message.flags & COMPONENTS_V2
        kept = message.files
        if isinstance(data.get("attachments"), list):
            ids = {snowflake(each.get("id")) for each in data["attachments"] if isinstance(each, dict)}
            kept = [file for file in kept if file.id in ids]
        problems = Problems() if problems is None else problems
        names = {clean_name(each.name) for each in uploads.values()} | {file.name for file in kept}
        check_message(problems, data, flags=flags, files=names)
        described = self._described(problems, data, uploads)
        if flags & COMPONENTS_V2 and not message.flags & COMPONENTS_V2:
            for name, there in (("content", message.content), ("embeds", message.embeds)):
                if there and name not in data:
                    problems.add(
                        (name,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "Set it to null"
                    )
        problems.check()
        trial = copy.copy(message)
        trial.flags, trial.files = flags & ~LOADING, kept + self._files(message, uploads, described)
        if "content" in data:
            trial.content = data["content"] or ""
        if "embeds" in data:
            trial.embeds = [{"type": "rich", **embed} for embed in data["embeds"] or ()]
        if "components" in data:
            trial.components = self._components(data["components"] or [], trial.files)
        check_not_empty(trial)
        for name in ("flags", "files", "content", "embeds", "components"):
            setattr(message, name, getattr(trial, name))
        message.edits += 1
        message.edited = fake.now()
        if not silent:
            self._mention(message, data, may)
        fake.gateway.message("MESSAGE_UPDATE", message)
        fake.wake()

    def delete(self, message: Message) -> None:
        """Take a message away."""
        fake, channel = self._fake, message.channel
        message.deleted = True
        if message.ephemeral:
            fake.ephemerals.pop(message.id, None)
        else:
            channel.messages.pop(message.id, None)
        fake.gateway.removed(message)
        fake.wake()

    def find(self, channel: Channel, id: int) -> Message:
        """A message of a channel; refused with 10008."""
        if (message := channel.messages.get(id)) is None:
            raise refusal(10008)
        return message

    # --- the parts -------------------------------------------------------------------------------

    def _flags(self, data: Json) -> int:
        flags = data.get("flags")
        return flags & SENDABLE if isinstance(flags, int) and flags > 0 else 0

    def _described(self, problems: Problems, data: Json, uploads: Uploads) -> dict[int, Json]:
        """What the body says of each upload, by its number."""
        out: dict[int, Json] = {}
        listed = problems.array(data.get("attachments"), ("attachments",), FILES_LIMIT)
        for at, each in enumerate(listed):
            if (file := problems.object(each, ("attachments", at))) is None:
                continue
            number = snowflake(file.get("id"))
            number = 0 if file.get("id") in (0, "0") else number
            if number is None:
                problems.required(("attachments", at, "id"))
            elif number < 100:
                if number not in uploads:
                    message = "The specified attachment was not uploaded"
                    problems.add(("attachments", at), "ATTACHMENT_NOT_FOUND", message)
                problems.text(file.get("description"), ("attachments", at, "description"), 1024)
                out[number] = file
        return out

    def _files(self, message: Message, uploads: Uploads, described: dict[int, Json]) -> list[File]:
        fake, files = self._fake, list[File]()
        for number, upload in sorted(uploads.items()):
            if len(upload.data) > FILE_LIMIT:
                raise refusal(40005)
            id, said = fake.ids.next(), described.get(number, {})
            name = clean_name(str(said.get("filename") or upload.name))
            kind = "image/png" if upload.data[:4] == b"\x89PNG" else upload.kind
            url = f"{fake.base}/attachments/{message.channel.id}/{id}/{name}"
            file = File(id, name, upload.data, kind, url, said.get("description"), picture_size(upload.data))
            file.ephemeral = message.ephemeral
            fake.files[f"{message.channel.id}/{id}/{name}"] = file
            files.append(file)
        return files

    def _components(self, components: list[Json], files: list[File]) -> list[Json]:
        """A copy with an id on each, and attachments as the addresses they got."""
        out: list[Json] = copied(components)
        named = {file.name: file for file in files}
        taken = {each["id"] for each in flat(out) if each.get("id")}
        number = 0
        for each in flat(out):
            if not each.get("id"):
                number += 1
                while number in taken:
                    number += 1
                each["id"] = number
            holders = [*each.get("items", ()), each] if each["type"] == 12 else [each]
            for holder in holders:
                for name in ("media", "file"):
                    media = holder.get(name)
                    if isinstance(media, dict):
                        self._resolve(media, named)
        return out

    def _resolve(self, media: Json, named: dict[str, File]) -> None:
        url = media["url"]
        file = named.get(url.removeprefix("attachment://")) if url.startswith("attachment://") else None
        if file is not None:
            media |= {"url": file.url, "proxy_url": file.url, "attachment_id": str(file.id)}
            media |= {"content_type": file.kind, "placeholder": "", "loading_state": 2}
            if file.size:
                media["width"], media["height"] = file.size
        else:
            media.setdefault("proxy_url", url)
            media.setdefault("loading_state", 2)

    def _mention(self, message: Message, data: Json, may: int | None) -> None:
        fake = self._fake
        text = spoken(message.content, message.components)
        everyone = may is None or bool(may & Permit.MENTION_EVERYONE)
        found = pings(text, data.get("allowed_mentions"), may_everyone=everyone)
        message.pings = found
        message.mentioned = tuple(fake.people[each] for each in sorted(found.users) if each in fake.people)


class Nonces:
    """Which messages were made with which nonce, for a few minutes (docs: create message, enforce_nonce)."""

    def __init__(self, fake: FakeDiscord, minutes: float) -> None:
        self._fake, self.seconds = fake, minutes * 60
        self._known: dict[tuple[int, str], Message] = {}

    def put(self, message: Message) -> None:
        """Remember."""
        if len(self._known) > 50_000:
            self._known = {key: each for key, each in self._known.items() if self._fresh(each)}
        self._known[(message.author.id, str(message.nonce))] = message

    def find(self, author: Person, nonce: str | int) -> Message | None:
        """The message that this author made with this nonce not long ago."""
        message = self._known.get((author.id, str(nonce)))
        return message if message is not None and self._fresh(message) else None

    def _fresh(self, message: Message) -> bool:
        return (self._fake.now() - message.at).total_seconds() < self.seconds


__all__ = ["EDITABLE", "EPHEMERAL", "SENDABLE", "Desk", "Nonces", "Uploads", "clean_name"]

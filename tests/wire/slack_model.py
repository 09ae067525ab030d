"""What a fake Slack knows: workspaces, people, conversations, messages, views, files.

Only data and its small rules; ``slack_web`` is the Web API over it, ``slack_delivery`` and ``slack_client``
are what happens to people. Ids look as Slack's do (T…, U…, C…, D…, G…, V…, F…); a message's id is its
``ts``, unique in a workspace and rising with the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from secrets import token_hex
from typing import Any

Json = dict[str, Any]
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number_name(letter: str, number: int) -> str:
    """An id as Slack writes them: a letter and ten characters."""
    digits = ""
    for _ in range(10):
        number, digit = divmod(number, 36)
        digits = _ALPHABET[digit] + digits
    return letter + digits


class SlackError(Exception):
    """The Web API answers ``{"ok": false, "error": code}``."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class File:
    """An uploaded file; ``done`` once files.completeUploadExternal was called."""

    id: str
    name: str
    length: int
    alt: str = ""
    data: bytes = b""
    done: bool = False
    token: str = ""  # of its upload address
    title: str = ""
    user: str = ""
    created: int = 0
    channels: list[str] = field(default_factory=list[str])
    deleted: bool = False
    waits: int = 0  # how often it is still asked for in vain: Slack looks into files after they are completed

    @property
    def mime(self) -> str:
        """What its bytes are, as far as images go; "" while Slack has not looked into it."""
        if self.waits:
            return ""
        for start, kind in (
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"\xff\xd8\xff", "image/jpeg"),
            (b"GIF8", "image/gif"),
        ):
            if self.data.startswith(start):
                return kind
        return "application/octet-stream"


@dataclass
class Person:
    """Somebody of a workspace. ``quiet`` is their do-not-disturb schedule as seconds since 1970, if any."""

    id: str
    name: str
    shown: str
    zone: str = "UTC"
    locale: str = "en-US"
    is_admin: bool = False
    is_owner: bool = False
    is_bot: bool = False
    deleted: bool = False
    takes_messages: bool = True  # False: cannot_dm_bot
    quiet: tuple[int, int] | None = None  # next_dnd_start_ts, next_dnd_end_ts
    snoozed_until: int = 0
    home: Json | None = None  # the App Home view that was published for them
    home_versions: int = 0
    stack: list[View] = field(default_factory=list["View"])  # open modals, the top one last
    private: list[Message] = field(default_factory=list["Message"])  # ephemerals shown to them, oldest first
    home_view: View | None = None  # the same with its id and hash


@dataclass
class Message:
    """A message, or (``only_for``) an ephemeral one."""

    channel: Conversation
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list[Json])
    thread: str = ""  # ts of the parent
    metadata: Json | None = None
    bot_id: str = ""
    only_for: str = ""
    edited: str = ""
    deleted: bool = False
    raw: Json = field(default_factory=dict[str, Any])  # the arguments it was sent with
    replies: int = 0
    broadcast: bool = False  # a reply that the channel shows too
    files: list[str] = field(default_factory=list[str])


@dataclass
class Conversation:
    """A channel, private channel, direct message (``im``) or group direct message (``mpim``)."""

    id: str
    name: str
    kind: str = "public"  # public, private, im, mpim
    members: set[str] = field(default_factory=set[str])
    archived: bool = False
    deleted: bool = False
    read_only: bool = False  # chat.postMessage: restricted_action
    messages: dict[str, Message] = field(default_factory=dict[str, Message])  # by ts, oldest first
    threads: dict[str, list[Message]] = field(default_factory=dict[str, list[Message]])  # replies by parent

    top: list[Message] = field(default_factory=list["Message"])  # what the channel itself shows

    def within(self, thread: str = "") -> list[Message]:
        """Messages of the channel itself, or of one thread without its parent; oldest first."""
        among = self.threads.get(thread, []) if thread else self.top
        return [each for each in among if each.thread == thread and not each.deleted]

    def add(self, message: Message) -> Message:
        """A new message, the latest."""
        self.messages[message.ts] = message
        if message.broadcast or not message.thread:
            self.top.append(message)
        if message.thread:
            self.threads.setdefault(message.thread, []).append(message)
            self.messages[message.thread].replies += 1
        return message


@dataclass
class View:
    """A modal on somebody's screen, or an App Home."""

    id: str
    hash: str
    user: str
    data: Json  # the view as it was handed in
    previous: str = ""
    root: str = ""
    values: Json = field(default_factory=dict[str, Any])  # view.state.values as the person filled it
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # shown beside inputs, by block_id
    closed: bool = False
    is_home: bool = False


@dataclass
class Trigger:
    """A trigger_id: opens one view, for three seconds."""

    id: str
    user: str
    until: datetime
    used: bool = False
    from_modal: bool = False  # of an action within a modal: may push


@dataclass
class Hook:
    """A response_url: five uses, thirty minutes."""

    url: str
    user: str
    channel: Conversation
    until: datetime
    message: Message | None = None  # the one that ``replace_original`` replaces
    uses: int = 0


@dataclass
class Workspace:
    """A workspace in which the app is installed (or not yet)."""

    id: str
    name: str
    domain: str
    token: str  # the bot's
    bot: Person
    bot_id: str
    scopes: set[str]
    installed: bool = True
    people: dict[str, Person] = field(default_factory=dict[str, Person])
    conversations: dict[str, Conversation] = field(default_factory=dict[str, Conversation])
    views: dict[str, View] = field(default_factory=dict[str, View])
    triggers: dict[str, Trigger] = field(default_factory=dict[str, Trigger])
    hooks: dict[str, Hook] = field(default_factory=dict[str, Hook])
    files: dict[str, File] = field(default_factory=dict[str, File])
    last_ts: int = 0  # microseconds
    ids: count[int] = field(default_factory=lambda: count(1))
    app_id: str = "A0000000001"
    over: str = ""  # what its token is answered once it is not installed: account_inactive, token_revoked
    messages_tab: bool = True  # False: messages_tab_disabled
    home_tab: bool = True  # False: not_enabled
    uploads: dict[str, File] = field(default_factory=dict[str, File])  # by the token of the upload address
    directs: dict[str, Conversation] = field(default_factory=dict[str, Conversation])  # by person
    groups: dict[frozenset[str], Conversation] = field(default_factory=dict[frozenset[str], Conversation])

    @property
    def url(self) -> str:
        return f"https://{self.domain}.slack.com/"

    def id_of(self, letter: str) -> str:
        """A new id."""
        return number_name(letter, next(self.ids) * 46_656 + int(re.sub(r"\D", "", self.id) or 0))

    def ts(self, now: datetime) -> str:
        """A new message id: seconds with six digits, later than every one before."""
        self.last_ts = max(int(now.timestamp() * 1_000_000), self.last_ts + 1)
        return f"{self.last_ts // 1_000_000}.{self.last_ts % 1_000_000:06d}"

    def channel(self, name: str) -> Conversation:
        """The channel called so; KeyError if there is none."""
        for each in self.conversations.values():
            if each.name == name and each.kind in ("public", "private"):
                return each
        raise KeyError(name)

    def direct(self, person: str) -> Conversation:
        """The conversation of a person and the bot, opened if need be."""
        if person not in self.directs:
            made = Conversation(self.id_of("D"), "", "im", {person, self.bot.id})
            self.directs[person] = self.conversations[made.id] = made
        return self.directs[person]

    def group(self, people: Iterable[str]) -> Conversation:
        """The group direct message of these people and the bot, opened if need be."""
        members = frozenset(people) | {self.bot.id}
        if members not in self.groups:
            names = "--".join(sorted(self.people[each].name for each in members if each in self.people))
            made = Conversation(self.id_of("C"), f"mpdm-{names}-1", "mpim", set(members))
            self.groups[members] = self.conversations[made.id] = made
        return self.groups[members]

    def shows(self, slack_file: Json) -> bool:
        """Whether an image block can show a ``slack_file``: a whole uploaded image, looked into by Slack.

        Asking counts: see ``File.waits``.
        """
        id = str(slack_file.get("id") or re.sub(r".*/(F[A-Z0-9]+)/.*", r"\1", str(slack_file.get("url"))))
        file = self.files.get(id)
        if file is None or not file.done or file.deleted:
            return False
        if file.waits:
            file.waits -= 1
            return False
        return file.mime.startswith("image/")

    def trigger(self, person: str, now: datetime, *, from_modal: bool = False) -> Trigger:
        """A new trigger for somebody: three seconds of the fake's clock."""
        number = next(self.ids)
        id = f"{number + 100_000}.{int(self.id[1:], 36) % 10**12}.{token_hex(8)}"
        self.triggers[id] = Trigger(id, person, now + timedelta(seconds=3), from_modal=from_modal)
        return self.triggers[id]

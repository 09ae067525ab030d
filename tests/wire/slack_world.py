"""The people, channels and workspaces of a fake Slack, and how the app is registered there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.clock import Clock
from tests.wire.slack_model import Conversation, Message, Person, View, Workspace
from tests.wire.waiting import NothingHappened, Waiting

SCOPES = frozenset(
    [
        "commands",
        "chat:write",
        "chat:write.public",
        "im:read",
        "im:write",
        "im:history",
        "mpim:read",
        "mpim:write",
        "mpim:history",
        "channels:read",
        "channels:join",
        "channels:history",
        "groups:read",
        "groups:history",
        "users:read",
        "team:read",
        "files:read",
        "files:write",
        "dnd:read",
    ]
)
"""What a workspace's bot may do unless told otherwise."""

EVENTS = frozenset(
    [
        "app_home_opened",
        "app_uninstalled",
        "tokens_revoked",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
    ]
)
"""What the app subscribed to unless ``use_manifest`` says."""


class World(Waiting):
    """What there is, without any way in or out. There is one workspace to begin with."""

    def __init__(self, clock: Clock, scopes: Iterable[str] = SCOPES) -> None:
        super().__init__()
        self.clock = clock
        self.app_id, self.app_name = "A0000000001", "Bounceback"
        self.scopes = set(scopes)
        self.events: set[str] = set(EVENTS)
        self.commands: set[str] | None = None  # None: whatever is typed is one
        self.shortcuts: set[str] | None = None  # callback_ids
        self.message_shortcuts: set[str] | None = None
        self.interactivity = True
        self.workspaces: dict[str, Workspace] = {}
        self._homes: dict[str, Workspace] = {}  # whose person is where
        self.workspace = self.add_workspace("Acme")

    @property
    def bot_token(self) -> str:
        """The bot token of the first workspace."""
        return self.workspace.token

    def now(self) -> datetime:
        """The fake's time."""
        return self.clock.now()

    def add_workspace(self, name: str, *, installed: bool = True) -> Workspace:
        """A workspace with #general and the bot user. Not ``installed``: the token works only after OAuth."""
        number = len(self.workspaces) + 1
        id = f"T{number:010d}"
        bot = Person(f"U{number:05d}00000", "bounceback", self.app_name, is_bot=True)
        domain = "".join(each for each in name.lower() if each.isalnum()) or f"team{number}"
        token = f"xoxb-{number}-fake"
        made = Workspace(id, name, domain, token, bot, f"B{number:010d}", set(self.scopes), installed)
        made.app_id = self.app_id
        if not installed:
            made.over, made.scopes = "account_inactive", set()
        self.workspaces[id] = made
        self.channel("general", bot=False, workspace=made)
        return made

    def person(
        self,
        name: str,
        shown: str = "",
        *,
        zone: str = "UTC",
        locale: str = "en-US",
        workspace: Workspace | None = None,
        **flags: Any,
    ) -> Person:
        """Somebody new, a member of #general; ``flags`` are fields of ``Person``."""
        workspace = workspace or self.workspace
        made = Person(workspace.id_of("U"), name, shown, zone, locale, **flags)
        workspace.people[made.id] = made
        self._homes[made.id] = workspace
        workspace.channel("general").members.add(made.id)
        return made

    def someone(self, id: str) -> Person:
        """Somebody by their id; KeyError."""
        return self._homes[id].people[id]

    def home_of(self, person: Person) -> Workspace:
        """The workspace that somebody is in."""
        return self._homes[person.id]

    def channel(
        self, name: str, kind: str = "public", *, bot: bool = True, workspace: Workspace | None = None
    ) -> Conversation:
        """A new channel; ``kind`` public or private, the ``bot`` a member or not."""
        workspace = workspace or self.workspace
        members = {workspace.bot.id} if bot else set[str]()
        made = Conversation(workspace.id_of("C"), name, kind, members)
        workspace.conversations[made.id] = made
        return made

    def join(self, channel: Conversation, *people: Person) -> None:
        """Make people members of a channel."""
        channel.members.update(each.id for each in people)

    def use_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Register the app as a manifest says: commands, shortcuts, events, scopes, tabs."""
        features, settings = manifest.get("features", {}), manifest.get("settings", {})
        self.commands = {each["command"] for each in features.get("slash_commands", ())}
        shortcuts = features.get("shortcuts", ())
        self.shortcuts = {each["callback_id"] for each in shortcuts if each["type"] == "global"}
        self.message_shortcuts = {each["callback_id"] for each in shortcuts if each["type"] == "message"}
        self.events = set(settings.get("event_subscriptions", {}).get("bot_events", ()))
        self.interactivity = bool(settings.get("interactivity", {}).get("is_enabled"))
        self.scopes = set(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ()))
        home = features.get("app_home", {})
        for workspace in self.workspaces.values():
            if workspace.installed:
                workspace.scopes = set(self.scopes)
            workspace.home_tab = bool(home.get("home_tab_enabled"))
            workspace.messages_tab = bool(home.get("messages_tab_enabled"))

    def messages(self, channel: Conversation, thread: str = "") -> list[Message]:
        """What stands in a channel, or in one of its threads without the first message; oldest first."""
        return channel.within(thread)

    def dms(self, person: Person) -> list[Message]:
        """The direct messages that somebody got from the app, oldest first."""
        workspace = self.home_of(person)
        direct = workspace.directs.get(person.id)
        return [each for each in direct.within() if each.user == workspace.bot.id] if direct else []

    def ephemerals(self, person: Person) -> list[Message]:
        """What only they see and that was not taken away, oldest first."""
        return [each for each in person.private if not each.deleted]

    def home(self, person: Person) -> View:
        """Somebody's App Home; NothingHappened while none was published."""
        if person.home_view is None:
            raise NothingHappened(f"no App Home was published for {person.name}")
        return person.home_view

    def removed(self, workspace: Workspace, message: Message) -> None:
        """A message is gone."""
        message.deleted = True
        if message.only_for:
            workspace.people[message.only_for].private.remove(message)

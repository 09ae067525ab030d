"""Who lives in the local web chat, which channels it has, and who may see which.

The people are a cast to act as, not accounts: whoever opens the page may be any of them. What one
of them may see is still held exactly, because that is what a trial of Bounceback is meant to show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bot.chat import Place, User

PLATFORM, COMMUNITY, BOT = "web", "local", "bounceback"
PAGE = Path(__file__).parent / "page"
_DIRECT = "Just you and Bounceback. It answers to commands: type / to see them."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to act as."""

    id: str
    name: str
    zone: str
    about: str
    role: str = ""  # "moderator", "organiser" or nothing

    @property
    def is_admin(self) -> bool:
        """Whether they run the community."""
        return self.role == "organiser"

    @property
    def is_moderator(self) -> bool:
        """Whether they look after it; an organiser may do that too."""
        return self.role != ""

    @property
    def user(self) -> User:
        """The same person as the bot knows them."""
        return User(PLATFORM, COMMUNITY, self.id)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages are: open to all, to staff alone, or to the people named."""

    id: str
    name: str
    topic: str
    kind: str = "open"  # open, staff, direct, room
    members: frozenset[str] = frozenset()

    def open_to(self, person: Person) -> bool:
        """Whether that person sees it at all."""
        match self.kind:
            case "open":
                return True
            case "staff":
                return person.is_moderator
            case _:
                return person.id in self.members

    def private_to(self, person: Person) -> bool:
        """Whether nobody but that person (and the bot) reads it."""
        return self.kind == "direct" and person.id in self.members


def direct(person: str) -> str:
    """The channel of somebody's direct messages with the bot."""
    return f"dm:{person}"


class Community:
    """The cast and the channels; rooms join as they are opened."""

    def __init__(self, people: list[Person], channels: list[Channel]) -> None:
        self.people = {person.id: person for person in people}
        self._channels = {channel.id: channel for channel in channels}
        for person in people:
            only = frozenset({person.id})
            self.add(Channel(direct(person.id), "Bounceback", _DIRECT, "direct", only))

    @classmethod
    def load(cls) -> Community:
        """The community described beside the page."""
        told = json.loads((PAGE / "community.json").read_text(encoding="utf-8"))
        channels = [
            Channel(each["id"], each["id"], each["topic"], "staff" if each.get("staff") else "open")
            for each in told["channels"]
        ]
        return cls([Person(**each) for each in told["people"]], channels)

    def add(self, channel: Channel) -> None:
        """One more channel; the same one again changes nothing."""
        self._channels.setdefault(channel.id, channel)

    def channel(self, id: str) -> Channel | None:
        """The channel of that id, if there is one."""
        return self._channels.get(id)

    def at(self, place: Place) -> Channel | None:
        """The channel of a place, if it is one of ours."""
        if (place.platform, place.community) != (PLATFORM, COMMUNITY):
            return None
        return self._channels.get(place.channel)

    def who(self, user: User) -> Person | None:
        """The person the bot means, if it is one of ours."""
        if (user.platform, user.community) != (PLATFORM, COMMUNITY):
            return None
        return self.people.get(user.id)

    def seen_by(self, person: Person) -> list[Channel]:
        """The channels that this person sees, in their order."""
        return [channel for channel in self._channels.values() if channel.open_to(person)]


def place(channel: str, thread: int | None = None) -> Place:
    """A place of the local community."""
    return Place(PLATFORM, COMMUNITY, channel, "" if thread is None else str(thread))

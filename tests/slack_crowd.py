"""People at a Slack that fails: they share a no, and answer each other, until they know that it was taken.

As people do it: who reads "we had some trouble connecting" presses the button again. Whoever's answer never
comes looks whether it was taken (at /nudges, or in the thread), and starts over only if it was not.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from tests.chaos import STAGES, TRIES, letters, nonsense
from tests.wire.slack_remote import Remote, RemoteError

Json = dict[str, Any]

WENT_WRONG = "Something went wrong"
STUCK = 4.0  # seconds that a person waits for something to show


def kind(number: int) -> str:
    """What a peer writes under that person's story; nobody else writes it."""
    return f"that hurts, and {letters(number)} is not all you are."


class Crowd:
    """``people`` by story, ``channels`` by workspace; a story is in that of its number modulo how many."""

    def __init__(self, remote: Remote, people: list[str], channels: list[str]) -> None:
        self._remote, self.people, self.channels = remote, people, channels
        self.tries_anew = 0
        self.unsure: set[int] = set()  # under whose stories kind words may stand or not

    async def shares(self, number: int) -> None:
        """One person, until they know that their story was taken."""
        person, channel = self.people[number], self.channels[number % len(self.channels)]
        values = {"stage": STAGES[number % len(STAGES)], "story": nonsense(number)}
        given: Json = {"name": "/rejected"} | ({"channel": channel} if number % 3 else {})
        for tries in range(TRIES):
            self.tries_anew += tries > 0
            told = await self._shows(await self._remote.call("command", person=person, **given))
            told = await self._opened(person, told)
            if told["view"] is None:
                continue
            reply = await self._handed_in(person, values)
            if "rejections.delete" in json.dumps(reply) or await self._was_taken(person):
                return
        raise AssertionError(f"person {number} gave up")

    async def _opened(self, person: str, told: Json) -> Json:
        """Where the form could not be opened, and a button is offered that opens it: that is pressed."""
        for message in told["messages"]:
            if told["view"] is None and (button := _button(message, "form.again:")):
                with suppress(RemoteError):  # it went meanwhile
                    on: Json = {"person": person, "message": message["ts"], "action_id": button}
                    return await self._shows(await self._remote.call("press", **on))
        return told

    async def _handed_in(self, person: str, values: Json) -> list[Json]:
        """Press the modal's button until it closes; the messages that answer it, if any come."""
        for _ in range(TRIES):
            try:
                told = await self._remote.call("submit", person=person, values=values)
            except RemoteError:
                return []  # the last try has closed it after all, or another modal took its place
            told = await self._waits(told, "settled")
            if told["errors"]:
                raise AssertionError(f"not taken: {told['errors']}")
            if told["latency"] is not None and not told["trouble"]:
                return (await self._waits(told, "reply"))["messages"]
            self.tries_anew += 1
        raise AssertionError("the modal does not close")

    async def _was_taken(self, person: str) -> bool:
        """What somebody does whose answer never comes: look at what is planned."""
        for _ in range(TRIES):
            told = await self._shows(await self._remote.call("command", person=person, name="/nudges"))
            words = "\n".join(each["words"] for each in told["messages"])
            if words and WENT_WRONG not in words:
                return "Nothing is planned" not in words
        raise AssertionError("/nudges does not answer")

    async def encourages(self, number: int) -> None:
        """A peer presses the button under that person's post, and writes."""
        at = number + len(self.channels)
        peer = self.people[at if at < len(self.people) else number % len(self.channels)]
        channel = self.channels[number % len(self.channels)]
        post = await self._post(number)
        button = _button(post, "thread.encourage:")
        given: Json = {"person": peer, "channel": channel, "message": post["ts"], "action_id": button}
        for tries in range(TRIES):
            self.tries_anew += tries > 0
            told = await self._shows(await self._remote.call("press", **given))
            told = await self._opened(peer, told)
            if told["view"] is None:
                continue
            reply = await self._handed_in(peer, {"words": kind(number)})
            if not any("thread" in each["words"] and WENT_WRONG not in each["words"] for each in reply):
                self.unsure.add(number)  # looks in the thread later
            return
        raise AssertionError(f"the peer of person {number} gave up")

    async def _post(self, number: int) -> Json:
        """That person's story, as everybody sees it."""
        messages = await self._remote.call("messages", channel=self.channels[number % len(self.channels)])
        return next(each for each in messages if nonsense(number) in each["words"])

    async def is_in_thread(self, number: int) -> bool:
        """Whether the kind words stand under that person's story."""
        post = await self._post(number)
        thread = await self._remote.call("messages", channel=post["channel"], thread=post["ts"])
        return any(kind(number) in each["words"] for each in thread)

    async def _shows(self, told: Json) -> Json:
        return await self._waits(told, "outcome")

    async def _waits(self, told: Json, what: str) -> Json:
        """The exchange, once that has happened or the person has waited for long enough."""
        with suppress(RemoteError):
            return await self._remote.call("exchange", exchange=told["exchange"], wait=what, patience=STUCK)
        return await self._remote.call("exchange", exchange=told["exchange"])


def _button(message: Json, start: str) -> str:
    """The action_id of the button that begins so; empty if there is none."""
    elements = [each for block in message["blocks"] or () for each in block.get("elements", ())]
    ids = (str(each.get("action_id", "")) for each in elements)
    return next((id for id in ids if id.startswith(start)), "")

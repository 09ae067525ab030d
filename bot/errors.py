"""What can go wrong between the bot, its people and the platforms."""

from __future__ import annotations

REASON_LIMIT = 190  # characters; with the word that the outbox adds it still fits its column
LONGEST = 86_400.0  # seconds


class Refused(Exception):
    """The person's request cannot be done; they are told why, in words of their language.

    ``words`` is the id of the sentence, ``args`` its variables; ``field`` names the form field at
    fault, if there is one. Nothing was stored, and what they typed is kept for them.
    """

    def __init__(self, words: str, *, field: str = "", **says: str | int) -> None:
        super().__init__(words)
        self.words, self.field, self.says = words, field, says


class ChatError(Exception):
    """A platform did not do what it was asked. ``reason`` is its own code, never personal text.

    Of what the platform said at most ``REASON_LIMIT`` characters are kept, and only those that can be shown.
    """

    def __init__(self, reason: str) -> None:
        reason = "".join(letter for letter in str(reason) if letter.isprintable())[:REASON_LIMIT]
        super().__init__(reason)
        self.reason = reason


class TryLater(ChatError):
    """It may work later: an outage, a rate limit, a cut connection.

    ``after`` is in seconds, at most a day, whatever the platform says; ``unsure`` says that it may have
    worked already (an answer was lost).
    """

    def __init__(self, reason: str, after: float = 0.0, *, unsure: bool = False) -> None:
        super().__init__(reason)
        self.after = min(max(0.0, after), LONGEST)  # in this order no NaN comes through
        self.unsure = unsure


class Undeliverable(ChatError):
    """It will never work as asked: closed direct messages, an unknown channel, a revoked token."""


class Misconfigured(ChatError):
    """It will work once an organiser mends something: a missing permission, a deleted channel."""


class Gone(ChatError):
    """The message or thread does not exist any more."""


class StartError(Exception):
    """A platform does not let the bot in; the text says which setting to mend."""

"""How Discord says no: a status, a JSON code, and for a bad body the nested errors object.

Codes and sentences are those of https://discord.com/developers/docs/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

from typing import Any

Path = tuple[str | int, ...]


class Refusal(Exception):
    """A request that Discord does not do. ``status`` is HTTP's, ``code`` Discord's own (0: none)."""

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {message} {errors or ''}".strip())
        self.status, self.code, self.message, self.errors = status, code, message, errors

    @property
    def body(self) -> dict[str, Any]:
        """What is sent back."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        return body | ({"errors": self.errors} if self.errors else {})


KNOWN: dict[int, tuple[int, str]] = {
    10002: (404, "Unknown Application"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    40005: (413, "Request entity too large"),
    40058: (400, "Cannot send a message in a forum channel"),
    40060: (400, "Interaction has already been acknowledged."),
    40066: (400, "There are no tags available that can be set by non-moderators"),
    40067: (400, "A tag is required to create a forum post in this channel"),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    50034: (400, "A message provided was too old to bulk delete"),
    50035: (400, "Invalid Form Body"),
    50068: (400, "Invalid message type"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    50278: (403, "Cannot send messages to this user due to having no mutual guilds"),
    160004: (400, "A thread has already been created for this message"),
    160005: (400, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
}


def refusal(code: int) -> Refusal:
    """The refusal with that code."""
    status, message = KNOWN[code]
    return Refusal(status, code, message)


UNAUTHORIZED = (401, 0, "401: Unauthorized")
NOT_FOUND = (404, 0, "404: Not Found")
NOT_ALLOWED = (405, 0, "405: Method Not Allowed")


class Problems:
    """What is wrong with a body, each at its place; ``check`` refuses with all of them (50035)."""

    def __init__(self, *under: str | int) -> None:
        self._under, self._found = under, dict[Path, list[dict[str, str]]]()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, code: str, message: str) -> None:
        """One more problem at a place ("components", 0, "custom_id")."""
        self._found.setdefault((*self._under, *path), []).append({"code": code, "message": message})

    def required(self, path: Path) -> None:
        """A field is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def check(self) -> None:
        """Refuse, if anything is wrong."""
        if not self._found:
            return
        errors: dict[str, Any] = {}
        for path, problems in self._found.items():
            place = errors
            for step in path:
                place = place.setdefault(str(step), {})
            place["_errors"] = problems
        raise Refusal(400, 50035, "Invalid Form Body", errors)

    # --- the plain rules -------------------------------------------------------------------------

    def text(self, value: Any, path: Path, most: int, *, least: int = 0, needed: bool = False) -> bool:
        """A string of that many characters; None and absent are fine unless ``needed``."""
        if value is None:
            if needed:
                self.required(path)
            return not needed
        if not isinstance(value, str):
            self.add(path, "BASE_TYPE_STRING", "Must be a string.")
        elif needed and least and not value:
            self.required(path)
        elif not least <= len(value) <= most:
            if least and least != 1:
                self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            elif len(value) < least:
                self.add(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
            else:
                self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        else:
            return True
        return False

    def number(self, value: Any, path: Path, least: int, most: int, *, needed: bool = False) -> bool:
        """A whole number in a range; None and absent are fine unless ``needed``."""
        if value is None:
            if needed:
                self.required(path)
            return not needed
        if not isinstance(value, int) or isinstance(value, bool):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < least:
            self.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
        elif value > most:
            self.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        else:
            return True
        return False

    def flag(self, value: Any, path: Path) -> bool:
        """A boolean, or nothing."""
        if value is None or isinstance(value, bool):
            return True
        self.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return False

    def array(self, value: Any, path: Path, most: int, *, least: int = 0, needed: bool = False) -> list[Any]:
        """A list of that many items; what is wrong with it is noted and nothing given back."""
        if value is None:
            if needed:
                self.required(path)
            return []
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not least <= len(value) <= most:
            if least:
                self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            else:
                self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return []
        return value

    def object(self, value: Any, path: Path) -> dict[str, Any] | None:
        """A JSON object; anything else is noted."""
        if isinstance(value, dict):
            return value
        self.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return None

    def choice(self, value: Any, path: Path, allowed: tuple[Any, ...], *, needed: bool = False) -> bool:
        """One of some values; None and absent are fine unless ``needed``."""
        if value is None:
            if needed:
                self.required(path)
            return not needed
        if value in allowed and not isinstance(value, bool):
            return True
        names = ", ".join(repr(each) for each in allowed)
        self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{names}}}.")
        return False


def snowflake(value: Any) -> int | None:
    """An id as it is written in paths and bodies, or None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return None

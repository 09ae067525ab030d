"""What keeps a database from being opened, in one plain sentence; what went wrong with one, for the log."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import sqlalchemy.exc

SAID = {  # by the beginning of SQLite's name for it
    "SQLITE_READONLY": "may not be written. Give the bot's user the right to write the file and its folder.",
    "SQLITE_PERM": "may not be written. Give the bot's user the right to write the file and its folder.",
    "SQLITE_CANTOPEN": "cannot be opened. Give the bot's user the right to write the file and its folder.",
    "SQLITE_FULL": "has no room: its disk is full. Make some.",
    "SQLITE_IOERR": "cannot be read or written: its disk fails, or is full. Look at the system's log.",
    "SQLITE_BUSY": "is locked by another program. End that, and try again.",
    "SQLITE_CORRUPT": "is damaged. Restore a backup.",
    "SQLITE_NOTADB": "is no database, or is damaged. Restore a backup, or name another file.",
}
LOST = (OSError, sqlalchemy.exc.TimeoutError, sqlalchemy.exc.DisconnectionError)
CUT = ("InterfaceError", "InternalClientError")  # asyncpg's, which is loaded only where it is used
PASSING = (  # beginnings of codes: nothing is wrong with what was asked, and asked later it may work
    *("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_CANTOPEN"),
    *("SQLITE_NOMEM", "SQLITE_PROTOCOL", "08", "25006", "40", "53", "55P03", "57", "58"),
)


class StorageError(Exception):
    """The database cannot be used: why, and what to mend; goes on after ``config.toml: storage.url = …``."""


@contextmanager
def explained_file() -> Generator[None]:
    """Say what keeps an SQLite file from being opened, and what to mend: a ``StorageError``."""
    try:
        yield
    except Exception as error:
        said = [words for name, words in SAID.items() if code(error).startswith(name)]
        if said:
            raise StorageError(said[0]) from error
        if isinstance(error, OSError):
            raise StorageError(SAID["SQLITE_CANTOPEN"]) from error
        raise


def code(error: BaseException) -> str:
    """The database's own code (SQLITE_FULL, 57P01): it never holds what somebody wrote. Empty without one."""
    for each in _causes(error):
        if found := getattr(each, "sqlite_errorname", None) or getattr(each, "sqlstate", None):
            return str(found)
    return ""


def passes(error: BaseException) -> bool:
    """Whether it is the database's own trouble (a full disk, a server that is away), not the statement's."""
    if found := code(error):
        return found.startswith(PASSING)
    return any(isinstance(each, LOST) or type(each).__name__ in CUT for each in _causes(error))


def _causes(error: BaseException) -> Generator[BaseException]:
    """An error, the driver's below it, and what these come from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__

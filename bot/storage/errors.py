"""What keeps a database from being opened, in one plain sentence."""

from __future__ import annotations


class StorageError(Exception):
    """The database cannot be used: why, and what to mend. The text goes on after ``storage.url = …``."""

"""The database: one page of tables, one way to read and one to write."""

from bot.storage.engine import Storage

__all__ = ["Storage"]

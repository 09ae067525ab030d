"""Fewer trips to SQLite's thread: what nobody waits for goes along with what somebody does.

A connection has a thread of its own. A trip there and back costs little, but the thread wants the
interpreter's lock at both ends, and a busy event loop lets it wait for that. So BEGIN, and statements
about a batch whose answer nobody needs, wait on this side until something is asked, or for COMMIT.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

STEPS = "steps"  # in a connection's ``info``, where it has some


class Steps:
    """The statements of the writer's transaction that are still to be run, in their order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Any]] = []
        self._failed: BaseException | None = None
        self.open = False  # a transaction was begun, and neither committed nor rolled back

    def begin(self, statement: str) -> None:
        """A new transaction."""
        self._waiting, self._failed, self.open = [(statement, ())], None, True

    def add(self, statement: str, values: Any) -> None:
        """To be run before anything else is. What it may fail with is raised there."""
        self._waiting.append((statement, values))

    def run(self, connection: sqlite3.Connection) -> None:
        """Run them, on the connection's thread. Once one has failed, nothing but a rollback helps."""
        if self._failed is not None:
            raise self._failed
        waiting, self._waiting = self._waiting, []
        try:
            for statement, values in waiting:
                sqlite3.Connection.execute(connection, statement, values)
        except BaseException as error:
            self._failed = error
            raise

    def end(self) -> None:
        """Nothing is under way."""
        self._waiting, self._failed, self.open = [], None, False


class Stepping(sqlite3.Connection):
    """A connection that runs what waits in its ``steps`` first, whatever it is asked."""

    def __init__(self, *args: Any, steps: Steps, **options: Any) -> None:
        super().__init__(*args, **options)
        self._steps = steps

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """One statement, by the bot's own batches."""
        self._steps.run(self)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """One statement, several times."""
        self._steps.run(self)
        return super().executemany(sql, parameters)

    def cursor(self, *args: Any, **options: Any) -> Any:
        """What SQLAlchemy begins each statement with."""
        self._steps.run(self)
        return super().cursor(*args, **options)

    def commit(self) -> None:
        """Store it all."""
        self._steps.run(self)
        super().commit()
        self._steps.end()

    def rollback(self) -> None:
        """Store none of it."""
        self._steps.end()
        super().rollback()

    def close(self) -> None:
        """Give up what is open first: SQLite would keep its lock while any cursor is left."""
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()

"""Statements for a whole batch: each thing that a claim or a mark asks is one step of the database.

SQLAlchemy writes them, once for each database. PostgreSQL gets a batch as arrays (``bot.storage.arrays``). On
SQLite it goes in as one JSON text and comes out as one. Python's ``sqlite3`` takes the interpreter's lock
anew at every row, and while the event loop is busy each time costs milliseconds; so a statement of one step
runs beside the loop, one of five hundred steps only when the loop has nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import aiosqlite
from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    LargeBinary,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    func,
    select,
    true,
    type_coerce,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.schema import Instant, instant, micros
from bot.storage.steps import STEPS, Steps

if TYPE_CHECKING:
    from bot.storage.arrays import Added, Asked, Given

Values = Mapping[str, Any]  # columns or parameters, by name
Many = Callable[[str], Any]  # what makes a list of values, by name
Asking = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
_SQLITE = sqlite.dialect(paramstyle="named")
_ROWS = "rows_given"  # the parameter that holds a batch


class Lookup:
    """A SELECT about many. ``write`` is given what makes a list: ``outbox.c.id.in_(many("ids"))``.

    Its columns need names; what is no list is an ordinary ``bindparam``.
    """

    def __init__(self, write: Callable[[Many], Asking]) -> None:
        self._write = write
        found = write(_listed).subquery().c
        values = [func.hex(each) if isinstance(each.type, LargeBinary) else each for each in found]
        self._sql = _Sql(select(func.json_array(*map(func.json_group_array, values))))
        self._mend = [_MEND.get(type(each.type)) for each in found]

    @cached_property
    def _asked(self) -> Asked:
        from bot.storage.arrays import Asked  # loads PostgreSQL's dialect

        return Asked(self._write(_parameter))

    async def columns(self, connection: AsyncConnection, **given: Any) -> list[Sequence[Any]]:
        """What is found, a list for each column, in the tables' own types."""
        if connection.dialect.name != "sqlite":
            rows = (await self._asked.run(connection, given)).all()
            columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [() for _ in self._mend]
            mend = [each if each is instant else None for each in self._mend]
        else:
            if not connection.in_transaction():
                await connection.begin()
            ((text,),) = await self._sql.ask(connection, {name: _plain(each) for name, each in given.items()})
            columns, mend = json.loads(text), self._mend
        return [_mended(values, make) if make else values for values, make in zip(columns, mend, strict=True)]

    async def rows(self, connection: AsyncConnection, **given: Any) -> Sequence[tuple[Any, ...]]:
        """The same, a tuple for each row."""
        return list(zip(*await self.columns(connection, **given), strict=True))


class Change:
    """An UPDATE of many rows, each found by its key and given a value of its own.

    ``write`` is given a column of keys and one of values, of these types; what is the same for all rows is an
    ordinary ``bindparam``.
    """

    def __init__(self, write: Callable[[Any, Any], Update], key: Any, value: Any) -> None:
        self._write, self._types = write, {"key_given": key, "value_given": value}
        each = _each(_ROWS).c
        self._sql = _Sql(write(as_type(each.key, key), type_coerce(each.value, value)))

    @cached_property
    def _given(self) -> Given:
        from bot.storage.arrays import Given  # loads PostgreSQL's dialect

        return Given(lambda given: self._write(*given.values()), self._types)

    async def run(self, tx: AsyncConnection, rows: Mapping[Any, Any], **same: Any) -> None:
        """Change the rows with these keys."""
        if not rows:
            return
        if tx.dialect.name == "sqlite":
            given = {name: _plain(each) for name, each in same.items()}
            await self._sql.tell(tx, {**given, _ROWS: _text(rows)})
        else:
            await self._given.run(tx, list(rows.items()), **same)


class ChangeAll:
    """An UPDATE that does the same to many; ``write`` is given what makes a list, as for ``Lookup``."""

    def __init__(self, write: Callable[[Many], Update]) -> None:
        self._write = write
        self._sql = _Sql(write(_listed))

    @cached_property
    def _asked(self) -> Asked:
        from bot.storage.arrays import Asked  # loads PostgreSQL's dialect

        return Asked(self._write(_parameter))

    async def run(self, tx: AsyncConnection, **given: Any) -> None:
        """Change them."""
        if tx.dialect.name == "sqlite":
            await self._sql.tell(tx, {name: _plain(each) for name, each in given.items()})
        else:
            await self._asked.run(tx, given)


class Addition:
    """An INSERT of many rows into some columns; ``conflict`` says what happens with those that are there."""

    def __init__(self, table: Table, names: Sequence[str], conflict: Callable[[Any], Any]) -> None:
        self._table, self._names, self._conflict = table, tuple(names), conflict
        given = _columns({name: table.c[name].type for name in names})
        from_rows = select(*given.values()).where(true())  # with a WHERE, or ON would be read as a join's
        insert = sqlite.insert(table)
        self._sql = _Sql(conflict(insert.from_select(self._names, from_rows, include_defaults=False)))
        self._singly = conflict(insert)

    @cached_property
    def _added(self) -> Added:
        from bot.storage.arrays import Added  # loads PostgreSQL's dialect

        return Added(self._table, self._names, self._conflict)

    async def run(self, tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add ``rows``, each in the order of the names."""
        if not rows:
            return
        if tx.dialect.name != "sqlite":
            await self._added.run(tx, rows)
        elif any(bytes in map(type, row) for row in rows):  # JSON holds none
            await tx.execute(self._singly, [dict(zip(self._names, row, strict=True)) for row in rows])
        else:
            await self._sql.tell(tx, {_ROWS: _text(rows)})


class _Sql:
    """A statement in SQLite's own words. Who listens to SQLAlchemy's statements hears of it too."""

    def __init__(self, statement: Any) -> None:
        compiled: Any = statement.compile(dialect=_SQLITE)
        wanted = [name for name, each in compiled.binds.items() if each.required]
        ready = compiled.construct_expanded_state(dict.fromkeys(wanted))  # with the lists that are constants
        self._sql = str(ready.statement)
        self._fixed = {name: _plain(each) for name, each in ready.parameters.items()}

    async def ask(self, connection: AsyncConnection, given: Values) -> Iterable[Any]:
        """What is found, after one trip to the connection's thread."""
        pooled: Any = connection.sync_connection
        driver = cast("aiosqlite.Connection", pooled.connection.driver_connection)
        with self._heard(pooled, given) as values:
            return await driver.execute_fetchall(self._sql, values)

    async def tell(self, tx: AsyncConnection, given: Values) -> None:
        """Have it done: with the next trip, unless what is inside a savepoint may fail alone."""
        pooled: Any = tx.sync_connection
        steps: Steps | None = pooled.info.get(STEPS)
        if steps is None or pooled.in_nested_transaction():
            await self.ask(tx, given)
            return
        with self._heard(pooled, given) as values:
            steps.add(self._sql, values)

    @contextmanager
    def _heard(self, pooled: Any, given: Values) -> Generator[Values]:
        """All its values, between what is told before a statement and after it."""
        heard, values = pooled.engine.dispatch, {**self._fixed, **given}
        heard.before_cursor_execute(pooled, None, self._sql, values, None, False)
        yield values
        heard.after_cursor_execute(pooled, None, self._sql, values, None, False)


def _parameter(name: str) -> Any:
    return cast(Any, bindparam(name, expanding=True))


def _listed(name: str) -> Any:
    return select(_each(name).c.value)


def _each(name: str) -> Any:
    return func.json_each(bindparam(name, type_=Text)).table_valued("key", "value")


def _columns(types: Values) -> dict[str, ColumnElement[Any]]:
    """A batch that is given as JSON, as a table with these columns."""
    each = _each(_ROWS)
    values = [func.json_extract(each.c.value, f"$[{n}]") for n in range(len(types))]
    named = zip(values, types.items(), strict=True)
    return dict(select(*(type_coerce(value, kind).label(name) for value, (name, kind) in named)).subquery().c)


def _plain(value: Any) -> Any:
    """A parameter as the driver takes it at once."""
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, str):
        return str(value)  # and no enumeration
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return _text(list(cast("Iterable[Any]", value)))
    return value


def _mended(values: Sequence[Any], make: Callable[[Any], Any]) -> list[Any]:
    """Values made anew. Many are the same: each is worked out once."""
    made = {value: None if value is None else make(value) for value in set(values)}
    return [made[value] for value in values]


def _text(values: Sequence[Any] | Mapping[Any, Any]) -> str:
    return json.dumps(values, default=micros)


_MEND: Mapping[type, Callable[[Any], Any]] = {
    Instant: instant,
    Boolean: bool,
    LargeBinary: bytes.fromhex,
}

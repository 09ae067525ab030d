"""Statements for a whole batch: each thing that a claim or a mark asks is one step of the database.

SQLAlchemy writes them, once for each database, and PostgreSQL is asked through it as always. On SQLite a
batch goes in as one JSON text and comes out as one. Python's ``sqlite3`` takes the interpreter's lock anew
at every row, and while the event loop is busy each time costs milliseconds; so a statement of one step runs
beside the loop, one of five hundred steps only when the loop has nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import aiosqlite
from sqlalchemy import (
    Boolean,
    ColumnElement,
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

from bot.storage.engine import insert_into
from bot.storage.schema import Instant, instant, micros

Values = Mapping[str, Any]  # columns or parameters, by name
Many = Callable[[str], Any]  # what makes a list of values, by name
_SQLITE = sqlite.dialect(paramstyle="named")
_ROWS = "rows_given"  # the parameter that holds a batch


class Lookup:
    """A SELECT about many. ``write`` is given what makes a list: ``outbox.c.id.in_(many("ids"))``.

    Its columns need names; what is no list is an ordinary ``bindparam``.
    """

    def __init__(self, write: Callable[[Many], Select[*tuple[Any, ...]]]) -> None:
        self._statement = write(_parameter)
        found = write(_listed).subquery().c
        values = [func.hex(each) if isinstance(each.type, LargeBinary) else each for each in found]
        self._sql = _Sql(select(func.json_group_array(func.json_array(*values))))
        self._mend = [(n, mend) for n, each in enumerate(found) if (mend := _MEND.get(type(each.type)))]

    async def rows(self, connection: AsyncConnection, **given: Any) -> Sequence[Sequence[Any]]:
        """What is found, in the tables' own types."""
        if connection.dialect.name != "sqlite":
            return (await connection.execute(self._statement, given)).all()
        if not connection.in_transaction():
            await connection.begin()
        ((text,),) = await self._sql.run(connection, {name: _plain(each) for name, each in given.items()})
        found = cast("list[list[Any]]", json.loads(text))
        for place, mend in self._mend:
            for row in found:
                if row[place] is not None:
                    row[place] = mend(row[place])
        return found


class Change:
    """An UPDATE of many rows, each found by its key and given a value of its own.

    ``write`` is given a column of keys and one of values, of these types; what is the same for all rows is an
    ordinary ``bindparam``.
    """

    def __init__(self, write: Callable[[Any, Any], Update], key: Any, value: Any) -> None:
        self._statement = write(bindparam("key_given", type_=key), bindparam("value_given", type_=value))
        each = _each(_ROWS).c
        self._sql = _Sql(write(as_type(each.key, key), type_coerce(each.value, value)))

    async def run(self, tx: AsyncConnection, rows: Mapping[Any, Any], **same: Any) -> None:
        """Change the rows with these keys."""
        if not rows:
            return
        if tx.dialect.name == "sqlite":
            given = {name: _plain(each) for name, each in same.items()}
            await self._sql.run(tx, {**given, _ROWS: json.dumps(rows, default=micros)})
        else:
            each = [{"key_given": key, "value_given": value, **same} for key, value in rows.items()]
            await tx.execute(self._statement, each)


class ChangeAll:
    """An UPDATE that does the same to many; ``write`` is given what makes a list, as for ``Lookup``."""

    def __init__(self, write: Callable[[Many], Update]) -> None:
        self._statement = write(_parameter)
        self._sql = _Sql(write(_listed))

    async def run(self, tx: AsyncConnection, **given: Any) -> None:
        """Change them."""
        if tx.dialect.name == "sqlite":
            await self._sql.run(tx, {name: _plain(each) for name, each in given.items()})
        else:
            await tx.execute(self._statement, given)


class Addition:
    """An INSERT of many rows into some columns; ``conflict`` says what happens with those that are there."""

    def __init__(self, table: Table, names: Sequence[str], conflict: Callable[[Any], Any]) -> None:
        self._names, self._table, self._conflict = tuple(names), table, conflict
        given = _columns({name: table.c[name].type for name in names})
        from_rows = select(*given.values()).where(true())  # with a WHERE, or ON would be read as a join's
        insert = sqlite.insert(table)
        self._sql = _Sql(conflict(insert.from_select(self._names, from_rows, include_defaults=False)))
        self._statements = {"sqlite": conflict(insert)}

    async def run(self, tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add ``rows``, each in the order of the names."""
        if not rows:
            return
        if tx.dialect.name == "sqlite" and not any(bytes in map(type, row) for row in rows):
            await self._sql.run(tx, {_ROWS: _text(rows)})
        else:  # JSON holds no bytes
            await tx.execute(self._statement(tx), [dict(zip(self._names, row, strict=True)) for row in rows])

    def _statement(self, tx: AsyncConnection) -> Any:
        """The INSERT in the words of this database; it stays the same object, which SQLAlchemy asks for."""
        name = tx.dialect.name
        if name not in self._statements:
            self._statements[name] = self._conflict(insert_into(tx, self._table))
        return self._statements[name]


class _Sql:
    """A statement in SQLite's own words."""

    def __init__(self, statement: Any) -> None:
        compiled: Any = statement.compile(dialect=_SQLITE)
        wanted = [name for name, each in compiled.binds.items() if each.required]
        ready = compiled.construct_expanded_state(dict.fromkeys(wanted))  # with the lists that are constants
        self._sql = str(ready.statement)
        self._fixed = {name: _plain(each) for name, each in ready.parameters.items()}

    async def run(self, connection: AsyncConnection, given: Values) -> Iterable[Any]:
        """One trip to the connection's thread; who listens to SQLAlchemy's statements hears of this too."""
        pooled: Any = connection.sync_connection
        driver = cast("aiosqlite.Connection", pooled.connection.driver_connection)
        heard, values = pooled.engine.dispatch, {**self._fixed, **given}
        heard.before_cursor_execute(pooled, None, self._sql, values, None, False)
        found = await driver.execute_fetchall(self._sql, values)
        heard.after_cursor_execute(pooled, None, self._sql, values, None, False)
        return found


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


def _text(values: Sequence[Any]) -> str:
    return json.dumps(values, default=micros)


_MEND: Mapping[type, Callable[[Any], Any]] = {
    Instant: instant,
    Boolean: bool,
    LargeBinary: bytes.fromhex,
}

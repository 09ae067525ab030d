"""A batch in PostgreSQL's words: each list, and each column of a batch, goes in as one array.

SQLAlchemy writes the statement, once; what is given then passes by its work for each value, and asyncpg
takes it as it is. The statement still runs through SQLAlchemy, in its transaction and with its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy import cast as type_as
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.visitors import replacement_traverse

from bot.storage.schema import Instant, micros

_DIALECT = asyncpg.dialect()
MANY = 32  # rows, from which on it is worth a look what is the same in all of them
VARIANTS = 32  # of one statement that are kept


class Sql:
    """A statement with its parameters in their order; those that it was written with are filled in."""

    def __init__(self, statement: Any) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT)
        wanted = [name for name, each in compiled.binds.items() if each.required]
        ready = compiled.construct_expanded_state(dict.fromkeys(wanted))  # with the lists that are constants
        self._sql, self._order = str(ready.statement), tuple(ready.positiontup)
        self._fixed = {name: _plain(ready.parameters[name]) for name in self._order if name not in wanted}

    async def run(self, connection: AsyncConnection, given: Mapping[str, Any]) -> Any:
        """Ask the database; what is given is as asyncpg takes it."""
        values = {**self._fixed, **given}
        return await connection.exec_driver_sql(self._sql, tuple(values[name] for name in self._order))


class Asked:
    """A SELECT or an UPDATE that is given lists, and values for all."""

    def __init__(self, statement: Any) -> None:
        self._numbers: set[str] = set()
        written = cast("Any", replacement_traverse(statement, {}, self._with_array))
        self._sql = Sql(written)

    async def run(self, connection: AsyncConnection, given: Mapping[str, Any]) -> Any:
        """Ask the database."""
        plain = {
            name: _joined(each) if name in self._numbers else _plain(each) for name, each in given.items()
        }
        return await self._sql.run(connection, plain)

    def _with_array(self, element: Any, **_: Any) -> ColumnElement[Any] | None:
        """``x = ANY($1)`` for ``x IN`` a list that is given each time: one text, however long it is."""
        if not isinstance(element, BinaryExpression) or element.operator is not operators.in_op:
            return None
        listed = cast("BinaryExpression[Any]", element)
        if not isinstance(listed.right, BindParameter) or not listed.right.required:
            return None
        name, kind = listed.right.key, listed.left.type
        if not isinstance(kind, Integer):
            return listed.left == any_(bindparam(name, type_=ARRAY(kind)))
        self._numbers.add(name)
        return listed.left == any_(_numbers(name, kind))


class Given:
    """An UPDATE or an INSERT from a batch; ``write`` gets a column for each of ``types``, by name.

    What is the same in all rows goes in once, in a statement of its own; the first column is always an array.
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], Any], types: Mapping[str, Any]) -> None:
        self._write, self._types = write, types
        self._first = next(iter(types))
        self._number = self._first if isinstance(types[self._first], Integer) else ""
        self._times = {name for name, kind in types.items() if type(kind) is Instant}
        self._sql = lru_cache(VARIANTS)(self._written)

    async def run(self, tx: AsyncConnection, rows: Sequence[tuple[Any, ...]], **same: Any) -> None:
        """``rows`` are in the order of the types, and at least one; ``same`` are parameters of its own."""
        given = {name: _plain(each) for name, each in same.items()}
        alike: list[str] = []
        for name, values in zip(self._types, map(list, zip(*rows, strict=True)), strict=True):
            given[name] = _micros(values) if name in self._times else values
            if name == self._number:
                given[name] = _joined(values)
            elif len(rows) >= MANY and name != self._first and values.count(values[0]) == len(values):
                given[name] = given[name][0]
                alike.append(name)
        await self._sql(tuple(alike)).run(tx, given)

    def _written(self, alike: Sequence[str]) -> Sql:
        differ = {name: kind for name, kind in self._types.items() if name not in alike}
        arrays = [
            _numbers(name, kind) if name == self._number else bindparam(name, type_=ARRAY(kind))
            for name, kind in differ.items()
        ]
        columns = [column(name, kind) for name, kind in differ.items()]
        batch = func.unnest(*arrays).table_valued(*columns).render_derived()
        once = {name: bindparam(name, type_=self._types[name]) for name in alike}
        return Sql(self._write({name: once[name] if name in once else batch.c[name] for name in self._types}))


class Added:
    """An INSERT of a batch. ``conflict`` is applied to each row in turn, as if each were added by itself."""

    def __init__(self, table: Table, names: Sequence[str], conflict: Callable[[Any], Any]) -> None:
        def write(given: Mapping[str, Any]) -> Any:
            from_rows = select(*given.values())
            return conflict(postgresql.insert(table).from_select(names, from_rows, include_defaults=False))

        self._given = Given(write, {name: table.c[name].type for name in names})
        key = [each.name for each in table.primary_key]
        self._key = [names.index(name) for name in key] if set(key) <= set(names) else []

    async def run(self, tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add them, at least one. One statement may touch a row of the table once: repeats come after it."""
        while rows:
            first, repeated = self._parted(rows)
            await self._given.run(tx, first)
            rows = repeated

    def _parted(
        self, rows: Sequence[tuple[Any, ...]]
    ) -> tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]:
        """Those whose key comes for the first time, and the others."""
        keys = {tuple(row[place] for place in self._key) for row in rows}
        if not self._key or len(keys) == len(rows):
            return rows, ()
        first: list[tuple[Any, ...]] = []
        repeated: list[tuple[Any, ...]] = []
        for row in rows:
            key = tuple(row[place] for place in self._key)
            (first if key in keys else repeated).append(row)
            keys.discard(key)
        return first, repeated


def _numbers(name: str, kind: Any) -> Any:
    """A list of numbers as a parameter: a text, because asyncpg looks four times at each value of a list."""
    return type_as(func.string_to_array(bindparam(name, type_=Text), literal_column("','")), ARRAY(kind))


def _joined(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _plain(value: Any) -> Any:
    """A parameter as asyncpg takes it."""
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return list(cast("Iterable[Any]", value))
    return value


def _micros(values: Sequence[datetime | None]) -> list[int | None]:
    """Many of a batch are the same: each is worked out once."""
    times = {value: micros(value) for value in set(values) if value is not None}
    return [None if value is None else times[value] for value in values]

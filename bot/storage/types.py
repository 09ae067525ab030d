"""Column types that mean the same on both databases; the tables and the migrations use them."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.types import TypeEngine

Number: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A number as SQLite has it, 64 bits wide, where PostgreSQL's integer ends at two thousand million."""


def String(length: int) -> TypeEngine[Any]:  # noqa: N802  (stands where SQLAlchemy's own would)
    """A text of ``length`` characters, more or less: SQLite holds nobody to it, so PostgreSQL does not."""
    return sqlalchemy.String(length).with_variant(Text(), "postgresql")

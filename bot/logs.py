"""Structured logs: events with names and numbers, a correlation id, and never what a person wrote."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

under_way: ContextVar[tuple[int, str] | None] = ContextVar("under_way", default=None)
"""The row of the outbox that is being sent, and its kind: in every line that is logged meanwhile."""


def configure(level: str, form: str, *, lasting: bool = True) -> None:
    """Send structlog's events, and the libraries' warnings, to stderr; ``form`` is console or json.

    ``lasting`` is quicker for a process that logs a lot: what has logged once is never configured anew.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _row,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=lasting,
    )


def _row(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Which row a line is about. (One variable for both: structlog's own would cost each message 1 µs.)"""
    if about := under_way.get():
        event.setdefault("row", about[0])
        event.setdefault("kind", about[1])
    return event

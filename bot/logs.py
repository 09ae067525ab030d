"""Structured logs: events with names and numbers, a correlation id, and never what a person wrote."""

from __future__ import annotations

import logging
import sys

import structlog


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
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=lasting,
    )

"""Cancelled from within: what a library cancels in the middle of a task is no order for that task to end."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class CancelledWithin(Exception):
    """Something cancelled itself, and nobody had told the task around it to stop."""


def is_told_to_stop() -> bool:
    """Whether somebody cancelled the present task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def from_within(error: asyncio.CancelledError) -> CancelledWithin:
    """A cancellation as an error; raised again where the task itself is meant.

    It has the places where it happened: they are all that is kept of a fault.
    """
    if is_told_to_stop():
        raise error
    return CancelledWithin().with_traceback(error.__traceback__)


@contextmanager
def contained() -> Generator[None]:
    """Make an error (``CancelledWithin``) of a cancellation inside, unless the task itself is meant."""
    try:
        yield
    except asyncio.CancelledError as error:
        raise from_within(error) from None

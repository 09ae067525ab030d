"""Rows that were claimed by a clock that was wrong: given back once it is right, and repeated with care."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.cog import State
from bot.stranded import Stranded
from tests.outboxkit import Box, note
from tests.world import MONDAY

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def box(tmp_path: Path, database: str) -> AsyncIterator[Box]:
    """It is noon, as its clock says."""
    made = await Box.make(tmp_path, now=MONDAY + 3 * HOUR)
    yield made
    await made.close()


async def at_nine(box: Box) -> Stranded:
    """The bot was killed, the clock was set back to nine, the bot runs again."""
    await box.storage.close()
    box.clock = FakeClock(MONDAY)
    await box.start()
    return Stranded(box.storage, box.clock, box.pace.lease)


async def test_what_a_dead_bot_held_by_a_wrong_clock_is_given_back_and_repeated_as_such(box: Box) -> None:
    await box.plan(note("hello"), note("tomorrow", MONDAY + 24 * HOUR))
    await box.sender._claims.claim()
    stranded = await at_nine(box)
    await box.sender.drain()
    assert box.noted.calls == [], "it is held until noon"
    await stranded.free(await stranded.find())
    await box.sender.drain()
    (call,) = box.noted.calls
    assert call.again, "the try of noon may have worked"
    assert await box.states() == {"hello": State.SENT, "tomorrow": State.READY}


async def test_what_somebody_has_renewed_meanwhile_is_theirs(box: Box) -> None:
    await box.plan(note("hello"))
    units = await box.sender._claims.claim()
    stranded = await at_nine(box)
    found = await stranded.find()
    await box.sender._claims.renew(units)
    await stranded.free(found)
    assert await stranded.find() == []
    assert await box.column("ready_at") == [MONDAY + timedelta(seconds=box.pace.lease)]


async def test_what_is_held_or_planned_by_a_right_clock_is_left_alone(box: Box) -> None:
    await box.plan(note("hello"), note("later", MONDAY + 300 * HOUR))
    await box.sender._claims.claim()
    assert await Stranded(box.storage, box.clock, box.pace.lease).find() == []


async def test_what_was_not_tried_keeps_its_place_whatever_the_clock_says(box: Box) -> None:
    """Set forward while it waited here: it is given back, and not planned for that wrong hour."""
    await box.plan(note("hello"))
    (unit,) = await box.sender._claims.claim()
    await box.clock.advance(5 * HOUR)
    outcome = await box.sender._deliver(unit)
    await box.sender._mark([outcome])
    assert box.noted.calls == []
    assert await box.column("ready_at") == [MONDAY]

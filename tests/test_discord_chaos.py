"""On a Discord that fails, through a bot that is killed: every post, thread and nudge exactly once.

The long run is ``make soak``: 500 stories, a kill every few seconds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.discord_chaos import DiscordChaos

pytestmark = pytest.mark.usefixtures("database")  # on both

FEW, MANY = 40, 500


async def test_everything_happens_once_whatever_fails(tmp_path: Path) -> None:
    async with DiscordChaos(tmp_path, seed=11) as chaos:
        found = await chaos.run(FEW, kill_at=[FEW // 2])
    assert not found.wrong(), f"{found.wrong()}; {found}"
    assert found.kills == 2
    assert found.faults > 0
    assert found.cuts > 0


@pytest.mark.sqlite  # on PostgreSQL a new sender first waits for the dead one: longer than it lives here
@pytest.mark.skipif("BOUNCEBACK_SOAK" not in os.environ, reason="takes minutes: make soak")
async def test_a_long_run_with_a_kill_every_few_seconds(tmp_path: Path) -> None:
    seed = int(os.environ["BOUNCEBACK_SOAK"] or 1)
    async with DiscordChaos(tmp_path, seed=seed, kill_every=(3.0, 6.0)) as chaos:
        found = await chaos.run(MANY)
    sys.stdout.write(f"\n{found}\n")
    assert not found.wrong(), f"{found.wrong()}; {found}"

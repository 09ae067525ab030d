"""``make bench ARGS=slack``: everything that is measured on a fake Slack."""

from __future__ import annotations

from pathlib import Path

from benchmarks import slack_ack, slack_due
from benchmarks.figures import Figure


async def run(folder: Path) -> list[Figure]:
    """One after the other; each starts its own processes."""
    return [*(await slack_ack.run(folder)), *(await slack_due.run(folder))]

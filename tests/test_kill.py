"""Killed with -9 anywhere between submit and post, it has lost nothing and says nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world import DATABASES, ELSEWHERE

ROOT = Path(__file__).parent.parent
NUDGES = (
    "thank_you",
    "ask_feedback",
    "check_in",
    "reflect",
    "strengths",
    "practise",
    "next_application",
    "feedback_check",
)
EVERYTHING: dict[str, Any] = {
    "rejections": 1,
    "states": ["posted"],
    "posts": 1,
    "stories": 1,
    "threads": 1,
    "openers": 1,
    "nudges": {f"plan.{kind}": 1 for kind in sorted(NUDGES)},
    "waiting": 0,
    "known": 1,
    "early": {"posts": 1, "threads": 1, "openers": 1},
}
NOTHING: dict[str, Any] = {
    "rejections": 0,
    "states": [],
    "posts": 0,
    "stories": 0,
    "threads": 0,
    "openers": 0,
    "nudges": {},
    "waiting": 0,
    "known": 0,
    "early": {"posts": 0, "threads": 0, "openers": 0},
}


@pytest.fixture(scope="module", params=DATABASES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``tests.killing`` found."""
    folder = tmp_path_factory.mktemp("killing")
    if request.param == "postgresql":
        (folder / ELSEWHERE).write_text(request.getfixturevalue("postgres").new())
    command = [sys.executable, "-m", "tests.killing", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def test_without_a_kill_everything_exists_once(report: dict[str, Any]) -> None:
    assert report["whole"] == EVERYTHING


def test_it_is_killed_at_many_points_from_the_first_to_the_last(report: dict[str, Any]) -> None:
    tried = [trial["kill"] for trial in report["trials"]]
    assert len(set(tried)) >= 25
    assert min(tried) == 1
    assert max(tried) == report["points"]
    assert all(trial["killed"] == -9 for trial in report["trials"])
    for call in ("submit", "outbox", "post", "thread", "opener", "dm"):
        assert sum(trial["during"] == call for trial in report["trials"]) >= 3, call


def test_delivered_again_after_the_kill_everything_exists_once(report: dict[str, Any]) -> None:
    trials = [trial for trial in report["trials"] if trial["again"]]
    assert len(trials) >= 25
    for trial in trials:
        assert trial["found"] == EVERYTHING, (trial["kill"], trial["during"])


def test_not_delivered_again_it_is_all_there_once_or_never_happened(report: dict[str, Any]) -> None:
    trials = sorted(
        (trial for trial in report["trials"] if not trial["again"]), key=lambda each: each["kill"]
    )
    assert len(trials) >= 25
    for trial in trials:
        assert trial["found"] in (EVERYTHING, NOTHING), (trial["kill"], trial["during"])
    happened = [trial["found"] == EVERYTHING for trial in trials]
    assert happened == sorted(happened), "once it is kept, it stays kept"
    assert any(happened)
    assert not all(happened)
    assert all(trial["during"] == "submit" for trial in trials if trial["found"] == NOTHING)

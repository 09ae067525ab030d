"""A thousand nudges due at once, with Slack's limits in force, while people go on typing commands."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from benchmarks.figures import Figure, ms, percentile
from benchmarks.planned import plan_check_ins, sent, took
from benchmarks.slack_rig import bounceback, prepare
from tests.wire.slack_remote import Remote

DUE = 1_000
PER_MINUTE = 300  # messages a minute in a workspace, as the fake counts them
WATCH = 1.0  # seconds between two looks at how far it is
PEOPLE = 40  # who type commands meanwhile
EVERY = 0.75  # seconds between two commands: Slack allows 100 forms a minute
PATIENCE = 400.0  # seconds for all of it


async def run(folder: Path) -> list[Figure]:
    """Real time: the fake's minute is a minute."""
    here, acks, forms = folder / "due", list[float](), list[float]()
    async with Remote.spawned(no_recording=True) as remote:
        await prepare(here, remote)
        members: list[str] = await remote.call("people", count=DUE + PEOPLE)
        await plan_check_ins(here, "slack", remote.workspace, members[:DUE])
        await remote.call("limits", on=True, per_minute=PER_MINUTE)
        async with bounceback(here, remote):
            typing = asyncio.create_task(_typing(remote, members[DUE:], acks, forms))
            async with asyncio.timeout(PATIENCE):
                while sent(here) < DUE:  # noqa: ASYNC110
                    await asyncio.sleep(WATCH)
            typing.cancel()
            with suppress(asyncio.CancelledError):
                await typing
        limits, keys = await remote.call("limits"), await remote.call("keys")
    assert len(keys) == DUE, f"{len(keys):,} messages for {DUE:,} nudges"
    assert set(keys.values()) == {1}, "a message came twice"
    rate = (DUE - 1) / took(here) * 60
    return [
        Figure(
            f"Slack: {DUE:,} nudges due at once leave at",
            f"{rate:.0f} a minute",
            f"{rate / PER_MINUTE:.1%} of the {PER_MINUTE} enforced",
            "Real seconds, from the first claim to the last mark; one a person, none lost, none twice.",
        ),
        Figure(
            "Slack: 429 meanwhile",
            f"{limits['refused'] / limits['asked']:.2%}",
            "of all requests",
            "Every kind of 429 that the fake gave.",
        ),
        Figure(
            "Slack: /rejected acknowledged meanwhile, p99",
            ms(percentile(acks, 99)),
            f"form p99 {ms(percentile(forms, 99))}",
            f"{len(acks):,} commands, one every {EVERY * 1000:.0f} ms, while the nudges left.",
        ),
    ]


async def _typing(remote: Remote, members: list[str], acks: list[float], forms: list[float]) -> None:
    """Somebody types /rejected every few moments."""
    while True:
        for person in members:
            told = await remote.call("burst", people=[person], name="/rejected", views=True)
            acks.extend(told["acks"])
            forms.extend(told["views"])
            await remote.call("close", person=person, every=True)
            await asyncio.sleep(EVERY)

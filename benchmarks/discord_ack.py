"""From INTERACTION_CREATE to the modal's callback, beside a bare discord.py bot."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.discord_rig import bounceback, echo, prepare
from benchmarks.figures import Figure, middle, ms, percentile, times
from tests.wire.discord_remote import Remote

PEOPLE, WARM_UP = 500, 3
ROUNDS, EACH = 20, 100
BURSTS, AT_ONCE = 5, 500


async def run(folder: Path) -> list[Figure]:
    """Interleaved: so many for our bot, so many for the bare one, each with a fake of the same kind."""
    alone: dict[str, list[float]] = {"bot": [], "bare": []}
    slowest: dict[str, list[float]] = {"bot": [], "bare": []}
    async with AsyncExitStack() as stack:
        fakes = {
            name: await stack.enter_async_context(Remote.spawned(no_recording=True, guilds=2))
            for name in ("bot", "bare")
        }
        await prepare(folder / "ack", fakes["bot"])
        await stack.enter_async_context(bounceback(folder / "ack", fakes["bot"]))
        await stack.enter_async_context(echo(fakes["bare"]))
        people = {name: await fake.call("people", count=PEOPLE) for name, fake in fakes.items()}

        async def burst(name: str, count: int, *, one_by_one: bool = False) -> list[float]:
            fake = fakes[name]
            return await fake.call(
                "burst", people=people[name][:count], name="rejected", guild=fake.guild, one_by_one=one_by_one
            )

        for _ in range(WARM_UP):
            for name in fakes:
                await burst(name, PEOPLE, one_by_one=True)
        for _ in range(ROUNDS):
            for name in fakes:
                alone[name] += await burst(name, EACH, one_by_one=True)
        for _ in range(BURSTS):
            for name in fakes:
                slowest[name].append(max(await burst(name, AT_ONCE)))
    return _figures(alone, slowest)


def _figures(alone: dict[str, list[float]], slowest: dict[str, list[float]]) -> list[Figure]:
    at = {
        percent: {name: percentile(values, percent) for name, values in alone.items()} for percent in (50, 99)
    }
    last = {name: middle(rounds) for name, rounds in slowest.items()}
    return [
        *(
            Figure(
                f"Discord: /rejected until its form, p{percent}",
                ms(each["bot"]),
                f"{times(each['bot'], each['bare'])} bare discord.py",
                f"One at a time, {ROUNDS * EACH:,} times, over real HTTP and WebSocket; a bare discord.py "
                f"bot that opens a modal of one field took {ms(each['bare'])}.",
            )
            for percent, each in at.items()
        ),
        Figure(
            f"Discord: {AT_ONCE} at once, all acknowledged within",
            ms(last["bot"]),
            f"{last['bare'] / last['bot']:.2f} of the throughput of bare discord.py",
            f"Discord allows 3 s; the slowest of all {BURSTS} rounds took {ms(max(slowest['bot']))}, "
            f"the bare bot {ms(last['bare'])} in the middle.",
        ),
    ]

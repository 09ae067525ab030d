"""From an envelope to its ack, and to the form on the screen, beside a bare slack-bolt app."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.figures import Figure, middle, ms, percentile, times
from benchmarks.slack_rig import bounceback, echo, prepare
from tests.wire.slack_remote import Remote

PEOPLE, WARM_UP = 500, 2
ROUNDS, EACH = 15, 60
BURSTS, AT_ONCE = 3, 500
Readings = dict[str, list[float]]


async def run(folder: Path) -> list[Figure]:
    """Interleaved: so many for our bot, so many for the bare one, each with a fake of its own."""
    acks: Readings = {"bot": [], "bare": []}
    forms: Readings = {"bot": [], "bare": []}
    slowest: Readings = {"bot": [], "bare": []}
    async with AsyncExitStack() as stack:
        fakes = {
            name: await stack.enter_async_context(Remote.spawned(no_recording=True))
            for name in ("bot", "bare")
        }
        await prepare(folder / "ack", fakes["bot"])
        await stack.enter_async_context(bounceback(folder / "ack", fakes["bot"]))
        await stack.enter_async_context(echo(fakes["bare"]))
        people = {name: await fake.call("people", count=PEOPLE) for name, fake in fakes.items()}

        async def burst(name: str, count: int, *, one_by_one: bool = False) -> Readings:
            who = people[name][:count]
            asked = {"people": who, "name": "/rejected", "views": True, "one_by_one": one_by_one}
            told = await fakes[name].call("burst", **asked)
            for person in who:
                await fakes[name].call("close", person=person, every=True)
            return told

        for _ in range(WARM_UP):  # after it Slack has said who these people are, as it has once a day
            for name in fakes:
                await burst(name, EACH, one_by_one=True)
        for _ in range(ROUNDS):
            for name in fakes:
                told = await burst(name, EACH, one_by_one=True)
                acks[name] += told["acks"]
                forms[name] += told["views"]
        for _ in range(BURSTS):
            for name in fakes:
                slowest[name].append(max((await burst(name, AT_ONCE))["acks"]))
    return _figures(acks, forms, slowest)


def _figures(acks: Readings, forms: Readings, slowest: Readings) -> list[Figure]:
    figures: list[Figure] = []
    for percent in (50, 99):
        at = {name: percentile(values, percent) for name, values in acks.items()}
        figures.append(
            Figure(
                f"Slack: envelope to ack, p{percent}",
                ms(at["bot"]),
                f"{times(at['bot'], at['bare'])} bare slack-bolt",
                f"One at a time, {len(acks['bot']):,} times, over a real WebSocket; a bare slack-bolt app "
                f"that opens a modal of one field took {ms(at['bare'])}.",
            )
        )
    form, ack = percentile(forms["bot"], 50), percentile(acks["bot"], 50)
    figures.append(
        Figure(
            "Slack: form on the screen, p50",
            ms(form),
            f"{times(form, ack)} its ack, {times(form, percentile(forms['bare'], 50))} bare slack-bolt",
            f"Until views.open has reached Slack; p99 {ms(percentile(forms['bot'], 99))}, that of the bare "
            f"app {ms(percentile(forms['bare'], 99))}.",
        )
    )
    last = {name: middle(rounds) for name, rounds in slowest.items()}
    figures.append(
        Figure(
            f"Slack: {AT_ONCE} at once, all acknowledged within",
            ms(last["bot"]),
            f"{times(last['bot'], last['bare'])} bare slack-bolt",
            f"Slack allows 3 s; the slowest of {BURSTS} rounds took {ms(max(slowest['bot']))}.",
        )
    )
    return figures

"""How long a person waits between handing in /rejected and their private card, beside the bare database."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import Any

from sqlalchemy import Table, insert

from benchmarks.figures import Figure, middle, ms, percentile, times
from benchmarks.rig import NoChat, bot, micros, plain
from bot.app import App
from bot.chat import Event, Kind, Place, User
from bot.cog import Plan, Verb
from bot.planning import plan_steps
from bot.storage import Storage
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import events, outbox, people, pseudonyms, rejections
from bot.ui import Card

ROUNDS, EACH, WARM_UP = 5, 120, 20
STORY = "Four rounds, a take-home over a weekend, and then two lines. " * 4
Rows = Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]


async def run(folder: Path) -> list[Figure]:
    """Interleaved: one through the bot, one through SQLAlchemy, one through sqlite3, and again."""
    times_of: dict[str, list[list[float]]] = {"bot": [], "core": [], "plain": []}
    core = await Storage.open(f"sqlite:///{folder / 'core.db'}")
    await (await Storage.open(f"sqlite:///{folder / 'plain.db'}")).close()
    bare = plain(folder / "plain.db")
    async with bot(folder / "bot.db", NoChat()) as app:
        for number in range(WARM_UP):
            await _all_three(app, core, bare, f"w{number}")
        for turn in range(ROUNDS):
            gc.collect()
            taken = [await _all_three(app, core, bare, f"r{turn}-{number}") for number in range(EACH)]
            for name, values in zip(times_of, zip(*taken, strict=True), strict=True):
                times_of[name].append(list(values))
    bare.close()
    await core.close()
    return _figures(times_of)


async def _all_three(app: App, core: Storage, bare: sqlite3.Connection, name: str) -> tuple[float, ...]:
    event, rows = _event(name), _rows(app, f"x{name}")
    began = perf_counter()
    card = await app.dispatcher.handle(event)
    bot_took = perf_counter() - began
    assert isinstance(card, Card)
    assert "plan.draft" in {button.id for button in card.buttons}, card.plain

    began = perf_counter()
    async with core.write() as tx:
        for table, values in rows:
            await tx.execute(insert(table), list(values))
    core_took = perf_counter() - began

    statements = [_statement(table, values) for table, values in rows]
    began = perf_counter()
    bare.execute("BEGIN IMMEDIATE")
    for sql, parameters in statements:
        bare.executemany(sql, parameters)
    bare.execute("COMMIT")
    return bot_took, core_took, perf_counter() - began


def _event(name: str) -> Event:
    values = {"where": "Acme", "stage": "interview", "story": STORY, "sign": "anonymous", "wish": "listen"}
    return Event(
        id=f"e{name}",
        kind=Kind.SUBMIT,
        name="rejections.share",
        user=User("bench", "here", name),
        place=Place("bench", "here", "general"),
        values=values,
        display="Ada",
        zone="Europe/Berlin",
    )


def _rows(app: App, name: str) -> Rows:
    """What the bot writes for one no, made beforehand: the same tables, the same number, the same size."""
    kit, now, user = app.kit, app.kit.now, User("bench", "here", name)
    id, owner = token_hex(8), app.kit.vault.owner(user.key)
    rejection = Rejection(
        id, owner, user.key, "bench/here", Stage.INTERVIEW, Sign.ANONYMOUS, Wish.LISTEN,
        "Acme", STORY, now, Shared.POSTING, "", "", 0, False,
    )  # fmt: skip
    person = kit.people.effective(user.key, None)
    args = {"rejection": id}
    subject = kit.vault.token("subject", id)
    plans = [
        Plan(
            f"plan.{step.kind}",
            ("plan", id, step.kind),
            at,
            Verb.DM,
            user,
            None,
            args,
            subject,
            at + step.late,
        )
        for step, at in plan_steps(kit.content.plans[Stage.INTERVIEW], person, now)
    ]
    support = Place("bench", "here", "support")
    plans.append(Plan("thread.post", ("post", id), now, Verb.POST, place=support, args=args))
    known = {"user": user.key, "seen_at": now, "platform_zone": "Europe/Berlin", "platform_language": "en"}
    return (
        (events, [{"id": f"bench/e{name}", "at": now}]),
        (people, [known]),
        (rejections, [store.values(kit.vault, rejection)]),
        (pseudonyms, [{"rejection": id, "owner": owner, "name": f"Quiet {name}"}]),
        (outbox, [kit.outbox._values(plan) for plan in plans]),
    )


def _statement(table: Table, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[list[Any]]]:
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    return (
        f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})',
        [[_plain(row[name]) for name in names] for row in rows],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return micros(value)
    return str(value) if isinstance(value, str) else value


def _figures(times_of: Mapping[str, Sequence[Sequence[float]]]) -> list[Figure]:
    half, most = (
        {name: middle([percentile(each, percent) for each in rounds]) for name, rounds in times_of.items()}
        for percent in (50, 99)
    )
    ratio = f"{times(half['bot'], half['core'])} SQLAlchemy, {times(half['bot'], half['plain'])} sqlite3"
    tail = f"{times(most['bot'], most['core'])} SQLAlchemy, {times(most['bot'], most['plain'])} sqlite3"
    return [
        Figure(
            "/rejected, form to card, p50",
            ms(half["bot"]),
            ratio,
            "From the form handed in to the private card, through the dispatcher: checks, encryption, the "
            "rejection, its plan and its post in one durable transaction, and the card in words.",
        ),
        Figure(
            "/rejected, form to card, p99",
            ms(most["bot"]),
            tail,
            "The slowest of a hundred; what a person may wait beside the network. Platforms allow 3 s.",
        ),
        Figure(
            "the same rows, SQLAlchemy Core, p50 / p99",
            f"{ms(half['core'])} / {ms(most['core'])}",
            "baseline",
            "The same inserts, ready-made, in one BEGIN IMMEDIATE transaction on the same settings.",
        ),
        Figure(
            "the same rows, sqlite3, p50 / p99",
            f"{ms(half['plain'])} / {ms(most['plain'])}",
            "baseline",
            "The same again without SQLAlchemy, threads or event loop: the floor, mostly the disk's sync.",
        ),
    ]

"""Figures: that what happens is counted, that nothing personal is, and what the page says when asked."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert

from bot.app import build
from bot.errors import ChatError, Misconfigured, TryLater, Undeliverable
from bot.features import Unit
from bot.marks import Outcome
from bot.metrics import Metrics, reason
from bot.metrics_page import MetricsPage, PortTaken
from bot.rows import State
from bot.sender import Pace
from bot.storage.schema import communities
from tests.outboxkit import Box, note, post, until
from tests.world import MONDAY

ROOT = Path(__file__).parent.parent
STORY = "Three rounds, then one line of email."
VALUES = {"where": "Acme", "stage": "interview", "story": STORY, "sign": "anonymous", "wish": "ideas"}
HOUR = timedelta(hours=1)
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Watched(Box):
    """A world whose bot is watched, and the page about it."""

    metrics: Metrics

    async def start(self) -> None:
        await super().start()
        self.metrics = Metrics()
        self.app = build(
            storage=self.storage,
            clock=self.clock,
            vault=self.vault,
            chats=[self.chat],
            observer=self.metrics,
            defaults=self.defaults,
            pace=self.pace,
            random=Random(7),
            cogs=self.cogs,
        )
        self.chat.dispatch = self.app.dispatcher

    @asynccontextmanager
    async def page(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Its page is served, and somebody asks."""
        page = MetricsPage(self.metrics, self.storage, self.clock)
        async with page.served("127.0.0.1", 0) as address, aiohttp.ClientSession(address) as session:
            yield session

    async def figures(self) -> Figures:
        """Everything on the page, as a Prometheus reads it."""
        async with self.page() as session:
            return await asked(session)


async def asked(session: aiohttp.ClientSession) -> Figures:
    async with session.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figure(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((f"bounceback_{name}", frozenset(labels.items())), 0.0)


@pytest.fixture
async def box(database: str, tmp_path: Path) -> AsyncIterator[Watched]:
    made = await Watched.make(tmp_path, pace=Pace(attempts=1))
    assert isinstance(made, Watched)
    async with made.storage.write() as tx:
        names = {"support": "support", "wins": "wins", "moderation": "moderation"}
        await tx.execute(insert(communities).values(platform="memory", community="here", **names))
    yield made
    await made.close()


async def test_what_is_sent_and_what_is_not_is_counted(box: Watched) -> None:
    trouble: dict[str, Exception] = {}

    def fail(call: str, moment: str) -> None:
        if moment == "before" and call in trouble:
            raise trouble[call]

    box.noted.trouble = fail
    await box.plan(post("a"), post("b"), note("c"))
    await box.sender.drain()
    trouble["post"] = TryLater("rate limit", 60.0)
    await box.plan(post("d"))
    await box.sender.drain()
    trouble["post"] = Misconfigured("missing permission")
    await box.plan(post("e"))
    await box.sender.drain()
    trouble["post"] = ChatError("400 12345")
    await box.plan(post("f"))
    await box.sender.drain()
    trouble["dm"] = Undeliverable("direct messages are closed")
    await box.plan(note("g", kind="t.asked"))
    await box.sender.drain()
    box.script.silent.add("h")
    await box.plan(post("h"))
    await box.sender.drain()
    figures = await box.figures()
    assert figure(figures, "sent_total", platform="memory", verb="post") == 2
    assert figure(figures, "sent_total", platform="memory", verb="dm") == 1
    assert figure(figures, "retried_total", platform="memory", reason="rate_limit") == 1
    assert figure(figures, "retried_total", platform="memory", reason="other") == 1
    assert figure(figures, "failed_total", platform="memory", reason="fault") == 1
    assert figure(figures, "failed_total", platform="memory", reason="refused") == 1
    assert figure(figures, "dropped_total", platform="memory") == 1
    assert figure(figures, "send_seconds_count", platform="memory") == 8
    assert figure(figures, "claim_rows_sum") == 8


async def test_lateness_is_from_the_due_time_to_the_send(box: Watched) -> None:
    await box.plan(post("late", MONDAY - timedelta(seconds=45)), post("in time"))
    await box.sender.drain()
    figures = await box.figures()
    assert figure(figures, "lateness_seconds_count", platform="memory") == 2
    assert figure(figures, "lateness_seconds_sum", platform="memory") == 45
    assert figure(figures, "lateness_seconds_bucket", platform="memory", le="0.05") == 1
    assert figure(figures, "lateness_seconds_bucket", platform="memory", le="60.0") == 2


async def test_rows_are_shown_by_state_and_family(box: Watched) -> None:
    box.script.broken.add("dead")
    await box.plan(post("dead"))
    await box.sender.drain()
    await box.plan(
        post("due", MONDAY - HOUR), note("later", MONDAY + HOUR), note("plan", MONDAY + HOUR, kind="plan.t")
    )
    figures = await box.figures()
    assert figure(figures, "outbox_rows", state="dead", family="t") == 1
    assert figure(figures, "outbox_rows", state="due", family="t") == 1
    assert figure(figures, "outbox_rows", state="later", family="t") == 1
    assert figure(figures, "outbox_rows", state="later", family="plan") == 1
    assert figure(figures, "outbox_dead") == 1
    assert figure(figures, "outbox_overdue_seconds") == 3600
    assert figure(figures, "database_up") == 1
    assert figures["process_resident_memory_bytes", frozenset()] > 1e6
    assert figures["process_start_time_seconds", frozenset()] > 1e9


async def test_events_and_apologies_are_counted(box: Watched) -> None:
    ada = box.person("ada")
    await ada.gets("/nudges")
    form = await ada.opens("/rejected")
    await ada.submits(form, **VALUES)
    with refused(box, "INSERT INTO rejections"):
        await ada.submits(form, **VALUES)
    figures = await box.figures()
    assert figure(figures, "events_total", platform="memory", kind="command") == 2
    assert figure(figures, "events_total", platform="memory", kind="submit") == 2
    assert figure(figures, "handler_failures_total", platform="memory", kind="submit") == 1
    assert figure(figures, "handler_failures_total", platform="memory", kind="command") == 0
    assert figure(figures, "answer_seconds_count", platform="memory", kind="submit") == 2


class refused:  # noqa: N801  (reads as what it is: a ``with``)
    """The database refuses statements that begin so."""

    def __init__(self, box: Box, statement: str) -> None:
        self._engine: Any = box.storage._writer.sync_engine
        self._statement = statement

    def __enter__(self) -> None:
        event.listen(self._engine, "before_cursor_execute", self._refuse)

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._refuse)

    def _refuse(self, _: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.startswith(self._statement):
            raise OSError("disk full")


async def test_nothing_personal_is_on_the_page(box: Watched) -> None:
    ada = box.person("ada", name="Ada Lovelace")
    box.noted.trouble = lambda call, moment: throw(ChatError(f"{STORY} ada"))
    await ada.submits(await ada.opens("/rejected"), **VALUES)
    await box.plan(note("private words", to="ada"))
    await box.sender.drain()
    async with box.page() as session, session.get("/metrics") as response:
        text = await response.text()
    assert "bounceback_failed_total" in text
    assert not re.search(r"\bada\b|lovelace|private|acme|rounds|\"here|support", text, re.IGNORECASE)
    labels = {
        name
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("bounceback_")
        for name in sample.labels
    }
    assert labels == {"platform", "reason", "kind", "state", "family", "role", "le"}


def throw(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "state", "found"),
    [
        ("fault: LookupError speaker.py:96 render", State.DEAD, "fault"),
        ("rate limit", State.READY, "rate_limit"),
        ("ratelimited", State.READY, "rate_limit"),
        ("too many invalid requests", State.READY, "rate_limit"),
        ("many direct messages are being opened", State.READY, "rate_limit"),
        ("timeout", State.READY, "timeout"),
        ("connection lost", State.READY, "connection"),
        ("no connection", State.READY, "connection"),
        ("Discord answers 503", State.READY, "outage"),
        ("platform is not running", State.READY, "not_running"),
        ("direct messages are closed", State.UNDELIVERED, "refused"),
        ("what nobody has thought of", State.READY, "other"),
    ],
)
def test_reasons_are_a_few_words(error: str, state: State, found: str, anything: Unit) -> None:
    assert reason(Outcome(anything, state, error=error)) == found


@pytest.fixture
def anything() -> Unit:
    return Unit(None)  # type: ignore[arg-type]  # what it holds is not looked at


def test_what_only_waited_here_is_no_try(anything: Unit) -> None:
    assert reason(Outcome(anything, State.READY, error="lease ran out", tried=False)) == "waited"


# --- the page ------------------------------------------------------------------------------------


async def health(session: aiohttp.ClientSession) -> tuple[int, dict[str, Any]]:
    async with session.get("/healthz") as response:
        return response.status, await response.json()


async def test_health_is_the_databases(box: Watched) -> None:
    async with box.page() as session:
        assert await health(session) == (200, {"status": "ok", "role": "all", "overdue_seconds": 0.0})
        await box.plan(post("due", MONDAY - HOUR))
        assert await health(session) == (200, {"status": "ok", "role": "all", "overdue_seconds": 3600.0})
        engine: Any = box.storage._reader.sync_engine

        def cut(*_: Any) -> None:
            raise OSError("gone")

        event.listen(engine, "before_cursor_execute", cut)
        assert await health(session) == (503, {"status": "no database", "role": "all"})
        figures = await asked(session)
        assert figure(figures, "database_up") == 0
        assert not [name for name, _ in figures if name.startswith("bounceback_outbox")]
        event.remove(engine, "before_cursor_execute", cut)
        assert (await health(session))[0] == 200


async def test_the_outbox_is_counted_once_in_some_seconds(box: Watched) -> None:
    counts: list[str] = []

    def noticed(_: Any, __: Any, sql: str, *___: Any) -> None:
        counts.extend(["count"] * ("count(*)" in sql))

    event.listen(box.storage._reader.sync_engine, "before_cursor_execute", noticed)
    async with box.page() as session:
        await asyncio.gather(*(asked(session) for _ in range(5)))
        assert len(counts) == 1
        await box.clock.advance(timedelta(seconds=4))
        await asked(session)
        assert len(counts) == 1
        await box.clock.advance(timedelta(seconds=2))
        await asked(session)
        assert len(counts) == 2


async def test_the_loop_is_looked_at_again_and_again(box: Watched) -> None:
    async with box.page() as session:

        async def looked() -> bool:
            return figure(await asked(session), "loop_lag_seconds_count") >= 2

        await until(looked)


async def test_a_port_that_is_taken_is_said(box: Watched) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"^metrics.port = {port} on 127.0.0.1 cannot be had: .*in use"):
            async with MetricsPage(box.metrics, box.storage, box.clock).served("127.0.0.1", port):
                raise AssertionError


async def test_every_bot_has_figures_of_its_own(box: Watched) -> None:
    other = Metrics("sender")
    await box.plan(post("a"))
    await box.sender.drain()
    assert box.metrics.registry is not other.registry
    labels = {"platform": "memory", "verb": "post"}
    assert box.metrics.registry.get_sample_value("bounceback_sent_total", labels) == 1
    assert other.registry.get_sample_value("bounceback_sent_total", labels) is None
    assert other.registry.get_sample_value("bounceback_role", {"role": "sender"}) == 1

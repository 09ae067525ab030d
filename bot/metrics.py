"""Figures for Prometheus: what was sent and what was not, how late, how fast, and how busy the loop is.

Labels are platforms, kinds of events, families of planned messages and a few classes of reasons: never a
person, a community, a place or anything that somebody wrote. ``bot.metrics_page`` serves them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.chat import Event, Message
from bot.features import Unit
from bot.marks import Outcome
from bot.overview import Overview, Standing
from bot.rows import FAULT, Row, State

LATE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)  # seconds
SENDING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds
ANSWERING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5)  # seconds; platforms wait for three
LAG = (0.001, 0.005, 0.01, 0.03, 0.1, 0.3, 1, 3)  # seconds
CLAIM = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # rows
REASONS = (  # the first that fits
    ("rate_limit", re.compile(r"rate.?limit|too many|many direct messages", re.IGNORECASE)),
    ("timeout", re.compile(r"time(?:d )?.?out", re.IGNORECASE)),
    ("connection", re.compile(r"connection", re.IGNORECASE)),
    ("outage", re.compile(r"answers 5\d\d|internal_error|service_unavailable|fatal_error", re.IGNORECASE)),
    ("not_running", re.compile(r"platform is not running")),
    ("unreadable", re.compile(r"unreadable")),
)


class Metrics:
    """One process's figures, in a registry of their own; a ``bot.observer.Observer``."""

    def __init__(self, role: str = "all") -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.outbox = _OutboxCollector()
        registry.register(self.outbox)
        part = Gauge("bounceback_role", "What this process does: always 1.", ["role"], registry=registry)
        part.labels(role).set(1)
        self._sent = Counter(
            "bounceback_sent",
            "Messages sent (also edits and removals).",
            ["platform", "verb"],
            registry=registry,
        )
        self._failed = Counter(
            "bounceback_failed",
            "Messages given up: refused for good, or failed every time.",
            ["platform", "reason"],
            registry=registry,
        )
        self._retried = Counter(
            "bounceback_retried",
            "Tries after which a message waits for another.",
            ["platform", "reason"],
            registry=registry,
        )
        self._dropped = Counter(
            "bounceback_dropped", "Messages with nothing left to say.", ["platform"], registry=registry
        )
        self._late = Histogram(
            "bounceback_lateness_seconds",
            "From the time a message was planned for until it was sent. Quiet hours and breaks count.",
            ["platform"],
            buckets=LATE,
            registry=registry,
        )
        self._sending = Histogram(
            "bounceback_send_seconds",
            "From a message's turn until the platform has answered, with rendering and rate limits.",
            ["platform"],
            buckets=SENDING,
            registry=registry,
        )
        self._claim = Histogram(
            "bounceback_claim_rows", "Rows in one claim.", buckets=CLAIM, registry=registry
        )
        self._events = Counter(
            "bounceback_events", "What people did.", ["platform", "kind"], registry=registry
        )
        self._apologies = Counter(
            "bounceback_handler_failures",
            "Events that ended in an apology.",
            ["platform", "kind"],
            registry=registry,
        )
        self._answering = Histogram(
            "bounceback_answer_seconds",
            "From an event until its answer was ready.",
            ["platform", "kind"],
            buckets=ANSWERING,
            registry=registry,
        )
        self._lag = Histogram(
            "bounceback_loop_lag_seconds",
            "How much later than asked the event loop came back, looked at twice a second.",
            buckets=LAG,
            registry=registry,
        )
        self._database = Gauge(
            "bounceback_database_up", "1 if the database answered the last time.", registry=registry
        )

    # -- what the bot tells (bot.observer.Observer) ----------------------------------------------

    def claimed(self, units: Sequence[Unit]) -> None:
        """A claim gave these messages."""
        if units:
            self._claim.observe(sum(1 + len(unit.folded) for unit in units))

    def tried(self, outcome: Outcome, late: float, took: float) -> None:
        """One message had its try."""
        row = outcome.unit.lead
        platform = _platform(row)
        if outcome.tried:
            self._sending.labels(platform).observe(took)
        match outcome.state:
            case State.SENT:
                self._sent.labels(platform, row.verb.value).inc()
                self._late.labels(platform).observe(max(0.0, late))
            case State.READY:
                self._retried.labels(platform, reason(outcome)).inc()
            case State.DROPPED:
                self._dropped.labels(platform).inc()
            case _:
                self._failed.labels(platform, reason(outcome)).inc()

    def handled(self, event: Event, took: float, *, failed: bool) -> None:
        """An event was answered."""
        labels = (event.user.platform, event.kind.value)
        self._events.labels(*labels).inc()
        self._answering.labels(*labels).observe(took)
        if failed:
            self._apologies.labels(*labels).inc()

    # -- what the page finds out ------------------------------------------------------------------

    def lagged(self, seconds: float) -> None:
        """The event loop came back so much later than it was asked to."""
        self._lag.observe(max(0.0, seconds))

    def answered(self, overdue: float | None) -> None:
        """The database answered, and the oldest row that is due waits so many seconds; None: it did not."""
        self._database.set(0 if overdue is None else 1)
        self.outbox.overdue = overdue

    def counted(self, overview: Overview | None) -> None:
        """How the outbox stands (None: nobody knows, and the last figures are left out)."""
        self.outbox.overview = overview


class _OutboxCollector(Collector):
    """The rows of the outbox as they were last looked at; what is not there any more has no line."""

    def __init__(self) -> None:
        self.overview: Overview | None = None
        self.overdue: float | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The counts by standing and family, and how long the oldest row that is due has waited."""
        if self.overdue is not None:
            yield GaugeMetricFamily(
                "bounceback_outbox_overdue_seconds",
                "How long the row that is due for longest has waited for a sender.",
                value=self.overdue,
            )
        if self.overview is None:
            return
        rows = GaugeMetricFamily(
            "bounceback_outbox_rows",
            "Rows of the outbox that have not ended well, by where they stand and what they belong to.",
            labels=["state", "family"],
        )
        for (standing, family), n in sorted(self.overview.by_family().items()):
            rows.add_metric([standing.value, family], n)
        yield rows
        dead = self.overview.by_standing()[Standing.DEAD]
        yield GaugeMetricFamily(
            "bounceback_outbox_dead", "Rows that wait for whoever runs the bot.", value=dead
        )


def reason(outcome: Outcome) -> str:
    """The class of what went wrong: one of a few words, whatever a platform says."""
    if outcome.fault or outcome.error.startswith(FAULT):
        return "fault"
    if not outcome.tried:
        return "waited"  # here, for too long: no try at all
    for name, pattern in REASONS:
        if pattern.search(outcome.error):
            return name
    return "refused" if outcome.state is State.UNDELIVERED else "other"


def _platform(row: Row) -> str:
    if row.user:
        return row.user.platform
    place = row.place.place if isinstance(row.place, Message) else row.place
    return place.platform if place else "none"

"""The page that Prometheus and a supervisor ask: ``/metrics``, and ``/healthz`` for whether it lives.

It counts the outbox when it is asked, and not again before twenty times as long has passed as that took: a
million planned rows (1.5 s on SQLite) then cost a twentieth of a core at most, however often somebody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import structlog
from aiohttp import web
from prometheus_client import generate_latest

from bot.clock import Clock
from bot.errors import StartError
from bot.metrics import Metrics
from bot.overview import look, next_due
from bot.storage import Storage

log = structlog.get_logger("bot.metrics")

FRESH = 5.0  # seconds for which a count is good enough
SHARE = 20.0  # times as long as the count took
PATIENCE = 3.0  # seconds for the database to answer that it lives
COUNTING = 30.0  # seconds for it to count
STEP = 0.5  # seconds between two looks at the event loop
PLAIN = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


class PortTaken(StartError):
    """The page's port cannot be had; the text says what to change."""


class MetricsPage:
    """Answers for one process. ``role`` is what it says of itself."""

    def __init__(self, metrics: Metrics, storage: Storage, clock: Clock, role: str = "all") -> None:
        self._metrics, self._storage, self._clock, self._role = metrics, storage, clock, role
        self._counting = asyncio.Lock()
        self._good_until = -1.0

    @asynccontextmanager
    async def served(self, host: str, port: int) -> AsyncGenerator[str]:
        """Serve until the end of the block; its address. ``PortTaken`` if the port cannot be had."""
        app = web.Application()
        app.router.add_get("/metrics", self._answer_metrics)
        app.router.add_get("/healthz", self._answer_health)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        watching = asyncio.create_task(self._watch_loop())
        try:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise PortTaken(f"metrics.port = {port} on {host} cannot be had: {why}.") from None
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{runner.addresses[0][1]}"
            log.info("figures are served", address=f"{address}/metrics")
            yield address
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await runner.cleanup()

    async def _answer_metrics(self, _: web.Request) -> web.Response:
        self._metrics.answered(await self._overdue())
        await self._count()
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": PLAIN})

    async def _answer_health(self, _: web.Request) -> web.Response:
        """200 while the database answers, 503 when it does not; lateness alone is no illness.

        A supervisor that starts the bot anew because a platform is down would only make it worse.
        """
        late = await self._overdue()
        if late is None:
            return web.json_response({"status": "no database", "role": self._role}, status=503)
        said = {"status": "ok", "role": self._role, "overdue_seconds": round(late, 3)}
        return web.json_response(said)

    async def _overdue(self) -> float | None:
        """Seconds that the oldest row which is due has waited; None if the database does not answer."""
        now = self._clock.now()
        try:
            async with asyncio.timeout(PATIENCE), self._storage.read() as connection:
                at = await next_due(connection)
        except Exception as error:  # noqa: BLE001  (whatever it is: it does not answer)
            log.warning("the database does not answer", error=type(error).__name__)
            return None
        return max(0.0, (now - at).total_seconds()) if at is not None else 0.0

    async def _count(self) -> None:
        """Have fresh figures of the outbox; those who ask meanwhile wait for the same ones."""
        async with self._counting:
            began = self._clock.monotonic()
            if began < self._good_until:
                return
            try:
                async with asyncio.timeout(COUNTING), self._storage.read() as connection:
                    self._metrics.counted(await look(connection, self._clock.now()))
            except Exception as error:  # noqa: BLE001  (the other figures are worth having all the same)
                log.warning("the outbox cannot be counted", error=type(error).__name__)
                self._metrics.counted(None)
            ended = self._clock.monotonic()
            self._good_until = ended + max(FRESH, SHARE * (ended - began))

    async def _watch_loop(self) -> None:
        """Note how late the event loop comes back, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            at = loop.time() + STEP
            await asyncio.sleep(STEP)
            self._metrics.lagged(loop.time() - at)

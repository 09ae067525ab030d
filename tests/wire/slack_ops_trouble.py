"""What another process may make go wrong at a fake Slack, or wait for; see ``slack_ops``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.clock import FakeClock, SystemClock
from tests.wire.slack_model import Json
from tests.wire.slack_telling import op
from tests.wire.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack


@op
async def faults(fake: FakeSlack, body: Json) -> int:
    """``clear`` them; ``chaos`` (a rate, with what ``Faults.chaos`` takes), or ``pattern`` and ``kind``."""
    if body.pop("clear", False):
        fake.faults.clear()
    if "chaos" in body:
        fake.faults.chaos(body.pop("chaos"), **body)
    elif "pattern" in body:
        fake.faults.add(body.pop("pattern"), body.pop("kind", ""), **body)
    return fake.faults.met


@op
async def limits(fake: FakeSlack, body: Json) -> Json:
    """Turn the rate limits ``on`` or off (``per_minute``, ``burst``); what was asked and refused."""
    for name in ("on", "per_minute", "per_second", "burst"):
        if name in body:
            setattr(fake.limits, name, body[name])
    return {"asked": fake.limits.asked, "refused": fake.limits.refused, "on": fake.limits.on}


@op
async def ready(fake: FakeSlack, body: Json) -> None:
    """Wait for so many ``connections``."""
    await fake.ready(body.get("connections", 1), float(body.get("patience", PATIENCE)))


@op
async def quiet(fake: FakeSlack, body: Json) -> None:
    """Wait until the app has acknowledged everything."""
    await fake.quiet(float(body.get("patience", PATIENCE)))


@op
async def disconnect(fake: FakeSlack, body: Json) -> int:
    """Tell connections to go for a ``reason``, all or so many ``lines``."""
    return fake.sockets.disconnect(body.get("reason", "refresh_requested"), lines=body.get("lines"))


@op
async def drop(fake: FakeSlack, body: Json) -> int:
    """Cut connections, all or so many ``lines``."""
    return fake.sockets.drop(body.get("lines"))


@op
async def double(fake: FakeSlack, body: Json) -> None:
    """The ``chance`` that something comes twice; ``acks_lost`` that an ack is lost; ``echoes`` on or off."""
    fake.double = float(body.get("chance", fake.double))
    fake.sockets.acks_lost = float(body.get("acks_lost", fake.sockets.acks_lost))
    fake.echoes = bool(body.get("echoes", fake.echoes))


@op
async def deliver_to(fake: FakeSlack, body: Json) -> bool:
    """Deliver by HTTP to ``url`` ("" ends that); whether the app answered url_verification."""
    fake.posts.url = body["url"]
    return bool(body["url"]) and await fake.posts.verify_url()


@op
async def calls(fake: FakeSlack, body: Json) -> list[Json]:
    """The recorded calls of ``method``."""
    return [asdict(each) | {"at": each.at.isoformat()} for each in fake.calls(body.get("method", ""))]


@op
async def forget(fake: FakeSlack, body: Json) -> None:
    """Forget what was asked so far."""
    fake.requests.clear()


@op
async def advance(fake: FakeSlack, body: Json) -> str:
    """Move the clock forward by ``seconds``."""
    by = timedelta(seconds=float(body["seconds"]))
    if isinstance(fake.clock, FakeClock):
        await fake.clock.advance(by)
    elif isinstance(fake.clock, SystemClock):
        fake.clock.advance(by)
    return fake.now().isoformat()

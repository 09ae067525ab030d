"""Driving a fake Discord from another process: ``python -m tests.wire.discord --port 0 --guilds 10``.

It prints one line of JSON (``api_base``, ``gateway_url``, ``token``, ``guild``) when it listens, and ends
with its standard input or a SIGTERM. Everything is a ``POST /_fake/NAME`` with a JSON object; what comes
back is JSON, or 400 with ``{"error": …}`` when it cannot be. ``discord_remote.Remote`` speaks it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.clock import FakeClock, SystemClock
from tests.wire.discord_basics import Json, Permit, stamp
from tests.wire.discord_exchange import Exchange
from tests.wire.discord_http import respond
from tests.wire.discord_model import Channel, Guild, Message, Person
from tests.wire.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

Op = Callable[["FakeDiscord", Json], Awaitable[Any]]
OPS: dict[str, Op] = {}


def op(work: Op) -> Op:
    """One ``POST /_fake/NAME``."""
    OPS[work.__name__] = work
    return work


async def control(fake: FakeDiscord, request: web.BaseRequest) -> web.StreamResponse:
    """Answer one request under /_fake/."""
    work = OPS.get(request.path.removeprefix("/_fake/"))
    if work is None or request.method != "POST":
        return respond(404, {"error": f"there is {', '.join(sorted(OPS))}"})
    try:
        body = json.loads(await request.read() or b"{}")
        return respond(200, await work(fake, body))
    except (AssertionError, KeyError, ValueError, TypeError) as error:
        return respond(400, {"error": f"{type(error).__name__}: {error}"})


# --- what is meant -------------------------------------------------------------------------------


def _person(fake: FakeDiscord, body: Json) -> Person:
    return fake.people[int(body["person"])]


def _guild(fake: FakeDiscord, body: Json) -> Guild:
    return fake.guilds[int(body["guild"])] if body.get("guild") else fake.guild


def _channel(fake: FakeDiscord, body: Json) -> Channel:
    return fake.channels[int(body["channel"])]


def _where(fake: FakeDiscord, body: Json) -> Channel | Guild | None:
    if body.get("channel"):
        return _channel(fake, body)
    return None if body.get("dm") else _guild(fake, body)


def _exchange(fake: FakeDiscord, body: Json) -> Exchange:
    return fake.interactions[int(body["exchange"])].exchange


def shown(message: Message) -> Json:
    """A message with what tests ask of it."""
    channel = message.channel
    return message.json(message.edited or message.at) | {
        "text": message.text,
        "only_for": str(message.only_for) if message.only_for else None,
        "deleted": message.deleted,
        "guild_id": str(channel.guild.id) if channel.guild else None,
        "pings": sorted(str(each) for each in message.pings.users | message.pings.roles),
    }


def told(exchange: Exchange) -> Json:
    """What somebody sees of an interaction; ``latency`` in real seconds."""
    modal = exchange.opened
    return {
        "exchange": str(exchange.id),
        "callback": exchange.kind,
        "latency": exchange.latency if exchange.kind else None,
        "failed": exchange.failed,
        "modal": modal.data if modal else None,
        "choices": exchange.choices,
        "edits": exchange.edits,
        "messages": [shown(each) for each in exchange.messages],
    }


# --- the place -----------------------------------------------------------------------------------


@op
async def info(fake: FakeDiscord, body: Json) -> Json:
    """Where it is, and how it is doing."""
    statuses = Counter(each.status for each in fake.requests)
    return {
        "api_base": fake.api_base,
        "gateway_url": fake.gateway_url,
        "token": fake.token,
        "application": str(fake.app_id),
        "guild": str(fake.guild.id) if fake.guilds else None,
        "guilds": len(fake.guilds),
        "now": stamp(fake.now()),
        "sessions": len(fake.gateway.connected()),
        "identifies": fake.gateway.login.identifies,
        "resumes": fake.gateway.login.resumes,
        "connections": fake.gateway.connections,
        "asked": fake.limits.asked,
        "refused": fake.limits.refused,
        "refused_globally": fake.limits.refused_globally,
        "invalid_requests": fake.limits.invalid_requests,
        "faults_met": fake.faults.met,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "commands": [each.name for known in fake.commands.values() for each in known.values()],
    }


@op
async def add_guilds(fake: FakeDiscord, body: Json) -> list[str]:
    """``count`` guilds with ``channels`` (names), ``roles`` and ``members`` (numbers), ``furnished``."""
    return [str(guild.id) for guild in fake.add_guilds(body.pop("count", 1), **body)]


@op
async def channel(fake: FakeDiscord, body: Json) -> str:
    """The channel called ``name``; ``kind`` 15 with ``tags`` is a forum."""
    guild = _guild(fake, body)
    return str(fake.channel(body["name"], guild, kind=body.get("kind", 0), tags=body.get("tags", ())).id)


@op
async def people(fake: FakeDiscord, body: Json) -> list[str]:
    """New members called as in ``names``, or ``count`` of them."""
    names = body.get("names") or [f"person{number}" for number in range(body["count"])]
    options = {name: body[name] for name in ("locale", "dms_open") if name in body}
    return [str(fake.person(name, _guild(fake, body), **options).id) for name in names]


@op
async def dms_open(fake: FakeDiscord, body: Json) -> None:
    """Whether ``person`` takes direct messages."""
    _person(fake, body).dms_open = bool(body["open"])


@op
async def allow_bot(fake: FakeDiscord, body: Json) -> None:
    """What the bot's role may do (a number)."""
    fake.allow_bot(int(body["permissions"]), _guild(fake, body))


@op
async def forbid(fake: FakeDiscord, body: Json) -> None:
    """Take ``permits`` (names) from the bot in a channel."""
    fake.forbid(_channel(fake, body), *(Permit[each] for each in body.get("permits", ())))


@op
async def delete_channel(fake: FakeDiscord, body: Json) -> None:
    """A channel goes."""
    fake.delete_channel(_channel(fake, body))


@op
async def messages(fake: FakeDiscord, body: Json) -> list[Json]:
    """What stands in a channel or thread."""
    return [shown(each) for each in fake.messages(_channel(fake, body))]


@op
async def dms(fake: FakeDiscord, body: Json) -> list[Json]:
    """What ``person`` got from the bot."""
    return [shown(each) for each in fake.dms(_person(fake, body))]


@op
async def threads(fake: FakeDiscord, body: Json) -> list[Json]:
    """The threads under a channel, or of a guild."""
    where = _where(fake, body)
    assert where is not None
    return [each.json(fake.now(), fake.bot.id) for each in fake.threads(where)]


@op
async def count(fake: FakeDiscord, body: Json) -> Json:
    """How many messages of the bot there are in channels, threads and direct messages."""
    counts: Counter[str] = Counter()
    for each in fake.channels.values():
        kind = "dms" if each.guild is None else "threads" if each.is_thread else "channels"
        counts[kind] += sum(message.author is fake.bot for message in fake.messages(each))
    return dict(counts)


# --- what people do ------------------------------------------------------------------------------


@op
async def command(fake: FakeDiscord, body: Json) -> Json:
    """``person`` types ``name`` with ``options`` in a ``channel``, a ``guild`` or (``dm``) to the bot."""
    options, locale = body.get("options"), body.get("locale", "")
    return told(
        await fake.command(_person(fake, body), _where(fake, body), body["name"], options, locale=locale)
    )


@op
async def autocomplete(fake: FakeDiscord, body: Json) -> Json:
    """``person`` types ``typed`` into the option ``focused``."""
    asked = (body["name"], body["focused"], body["typed"], body.get("options"))
    return told(await fake.autocomplete(_person(fake, body), _where(fake, body), *asked))


@op
async def press(fake: FakeDiscord, body: Json) -> Json:
    """``person`` presses ``custom_id`` on ``message``, or picks ``values``."""
    id = int(body["message"])
    message = fake.ephemerals.get(id) or _channel(fake, body).messages[id]
    return told(await fake.press(_person(fake, body), message, body["custom_id"], body.get("values")))


@op
async def submit(fake: FakeDiscord, body: Json) -> Json:
    """Hand in the form that ``exchange`` opened, with ``values``."""
    return told(await fake.submit(_exchange(fake, body), body.get("values")))


@op
async def say(fake: FakeDiscord, body: Json) -> Json:
    """``person`` writes ``text`` in a channel, a thread or (``dm``) to the bot."""
    where = _where(fake, body)
    assert not isinstance(where, Guild)
    return shown(await fake.say(_person(fake, body), where, body["text"]))


@op
async def exchange(fake: FakeDiscord, body: Json) -> Json:
    """What there is of an interaction, after ``wait`` (ack, modal, reply, edit; ``patience`` in seconds)."""
    found = _exchange(fake, body)
    if wait := body.get("wait"):
        await getattr(found, {"ack": "ack", "modal": "modal", "reply": "reply", "edit": "edit"}[wait])(
            patience=float(body.get("patience", PATIENCE))
        )
    return told(found)


@op
async def burst(fake: FakeDiscord, body: Json) -> list[float]:
    """``people`` type ``name``, all at once or ``one_by_one``: real seconds until each is acknowledged."""
    where, patience, latencies = _where(fake, body), float(body.get("patience", PATIENCE)), list[float]()
    sent: list[Exchange] = []
    for id in body["people"]:
        sent.append(await fake.command(fake.people[int(id)], where, body["name"], body.get("options")))
        if body.get("one_by_one"):
            await sent[-1].ack(patience)
    for each in sent:
        await each.ack(patience)
        latencies.append(each.latency)
    return latencies


# --- trouble -------------------------------------------------------------------------------------


@op
async def fail(fake: FakeDiscord, body: Json) -> None:
    """See ``FakeDiscord.fail``."""
    fake.fail(body.pop("pattern"), **body)


@op
async def chaos(fake: FakeDiscord, body: Json) -> None:
    """See ``Faults.chaos``; a ``rate`` of 0 ends it."""
    fake.faults.chaos(body.pop("rate"), **body)


@op
async def heal(fake: FakeDiscord, body: Json) -> None:
    """No more faults."""
    fake.faults.clear()
    fake.gateway.acks, fake.gateway.silent, fake.gateway.repeat, fake.deliver = True, False, 0, 1


@op
async def gateway(fake: FakeDiscord, body: Json) -> int:
    """``do`` close (``code``), drop, reconnect or invalidate (``resumable``), on one ``shard`` or all."""
    shard, ways = body.get("shard"), fake.gateway
    for name in ("acks", "silent", "repeat"):
        if name in body:
            setattr(ways, name, body[name])
    fake.deliver = body.get("deliver", fake.deliver)
    match body.get("do"):
        case "close":
            return await ways.close(int(body.get("code", 4000)), shard)
        case "drop":
            return ways.drop(shard)
        case "reconnect":
            return ways.reconnect(shard)
        case "invalidate":
            return ways.invalidate(resumable=bool(body.get("resumable")), shard=shard)
        case _:
            return len(ways.connected(shard))


@op
async def limits(fake: FakeDiscord, body: Json) -> None:
    """Turn the rate limits ``on`` or off."""
    fake.limits.on = bool(body["on"])


@op
async def ready(fake: FakeDiscord, body: Json) -> None:
    """Wait for that many ``sessions``, and for a command called ``command``."""
    patience = float(body.get("patience", PATIENCE))
    await fake.ready(body.get("sessions", 1), patience)
    if name := body.get("command"):
        there = lambda: any((1, name) in known for known in fake.commands.values())  # noqa: E731
        await fake.until(there, f"/{name}", patience)


@op
async def calls(fake: FakeDiscord, body: Json) -> list[Json]:
    """What was asked, as far as it is like ``pattern``."""
    found = fake.calls(body.get("pattern", "*"))
    return [asdict(each) | {"at": stamp(each.at)} for each in found]


@op
async def forget(fake: FakeDiscord, body: Json) -> None:
    """Forget what was asked so far."""
    fake.requests.clear()


@op
async def advance(fake: FakeDiscord, body: Json) -> str:
    """Move the clock forward by ``seconds``."""
    by = timedelta(seconds=float(body["seconds"]))
    if isinstance(fake.clock, FakeClock):
        await fake.clock.advance(by)
    elif isinstance(fake.clock, SystemClock):
        fake.clock.advance(by)
    return stamp(fake.now())


# --- a process of its own ------------------------------------------------------------------------


def main() -> None:
    """Run until standard input ends or somebody asks to stop."""
    parser = argparse.ArgumentParser(description="A fake Discord on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--guilds", type=int, default=1)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--max-concurrency", type=int, default=1)
    parser.add_argument("--heartbeat", type=int, default=41_250, help="milliseconds")
    parser.add_argument("--limits", action="store_true", help="enforce rate limits")
    parser.add_argument("--privileged", action="store_true", help="allow privileged intents")
    parser.add_argument("--no-recording", action="store_true", help="do not remember requests")
    options = vars(parser.parse_args())
    options["recording"] = not options.pop("no_recording")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))


async def _serve(options: Json) -> None:
    from tests.wire.discord import FakeDiscord

    async with FakeDiscord(**options) as fake:
        sys.stdout.write(json.dumps(await info(fake, {})) + "\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        except ValueError:  # neither a pipe nor a terminal: until a signal
            await asyncio.Event().wait()
        while await reader.readline():
            pass

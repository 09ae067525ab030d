"""The fake Discord's faults, limits and outside control; and that nothing sent to it breaks it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiohttp
import pytest

from bot.clock import FakeClock
from tests.wire.discord import FakeDiscord
from tests.wire.discord_bot import Api, running
from tests.wire.discord_remote import Remote, RemoteError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POSTS = "POST /channels/*/messages"
LOST = (aiohttp.ClientError, ConnectionError)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def fake(clock: FakeClock) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(clock) as made:
        yield made


@pytest.fixture
async def api(fake: FakeDiscord) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(fake, session)


@pytest.fixture
def posts(fake: FakeDiscord) -> str:
    return f"/channels/{fake.guild.channel('general').id}/messages"


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cut", "happened"), [("before", 0), ("after", 1), ("middle", 1)])
async def test_a_cut_line(fake: FakeDiscord, api: Api, posts: str, cut: Any, happened: int) -> None:
    fault = fake.fail(POSTS, cut=cut)
    with pytest.raises(LOST):
        await api("POST", posts, {"content": "x"})
    assert len(fake.messages(fake.guild.channel("general"))) == happened
    assert fault.met == 1
    (call,) = fake.calls(POSTS)
    assert (call.status, call.done) == (0, bool(happened))
    assert (await api("POST", posts, {"content": "x"}))[0] == 200, "one fault is met once"


async def test_a_refusal_can_be_cut_too(fake: FakeDiscord, api: Api, posts: str) -> None:
    fake.fail(POSTS, cut="middle")
    with pytest.raises(LOST):
        await api("POST", posts, {})


async def test_answers_instead(fake: FakeDiscord, api: Api, posts: str) -> None:
    fake.fail(POSTS, 429, retry_after=0.5, skip=1)
    assert (await api("POST", posts, {"content": "x"}))[0] == 200
    status, body = await api("POST", posts, {"content": "x"})
    assert (status, body["retry_after"], body["global"]) == (429, 0.5, False)
    assert api.headers["Via"] and api.headers["X-RateLimit-Scope"] == "user"
    fake.fail("*", 429, is_global=True)
    assert (await api("GET", "/users/@me"))[1]["global"] is True
    assert api.headers["X-RateLimit-Global"] == "true"
    fake.fail("*", 429, shared=True)
    await api("GET", "/users/@me")
    assert fake.limits.invalid_requests == 2, "a shared limit does not count"
    fake.fail("*", 500)
    assert await api("GET", "/users/@me") == (500, {"message": "500: Internal Server Error", "code": 0})
    fake.fail("GET /users/**", 502, times=2)
    assert (await api("GET", "/gateway"))[0] == 200
    assert [(await api("GET", "/users/@me"))[0] for _ in range(3)] == [502, 502, 200]
    fake.fail(POSTS, code=50001)
    assert await api.code("POST", posts, {"content": "x"}) == 50001
    assert fake.limits.statuses == {429: 2, 403: 1}


async def test_slow_answers_and_held_ones(fake: FakeDiscord, api: Api, posts: str) -> None:
    fake.fail("GET /users/@me", delay=0.01)
    assert (await api("GET", "/users/@me"))[0] == 200
    held = fake.hold(POSTS)
    first = asyncio.create_task(api("POST", posts, {"content": "x"}))
    await fake.until(lambda: held.met == 1)
    assert fake.messages(fake.guild.channel("general")) == []
    fake.release(held)
    assert (await first)[0] == 200


async def test_chaos_is_the_same_each_time(api: Api) -> None:
    met: list[list[int]] = []
    for _ in range(2):
        async with FakeDiscord(FakeClock(NOW)) as fake:
            fake.faults.chaos(0.3, seed=5)
            other, statuses = Api(fake, api.session), list[int]()
            for _ in range(60):
                try:
                    statuses.append((await other("GET", "/users/@me"))[0])
                except LOST:
                    statuses.append(0)
            met.append(statuses)
            fake.faults.clear()
            assert (await other("GET", "/users/@me"))[0] == 200
    assert met[0] == met[1]
    assert {0, 200, 429, 500, 502, 503} == set(met[0])


# --- limits --------------------------------------------------------------------------------------


async def test_a_bucket_per_channel(fake: FakeDiscord, api: Api, posts: str, clock: FakeClock) -> None:
    fake.limits.on = True
    other = f"/channels/{fake.channel('other').id}/messages"
    for left in (4, 3, 2, 1, 0):
        assert (await api("POST", posts, {"content": "x"}))[0] == 200
        assert api.headers["X-RateLimit-Remaining"] == str(left)
    status, body = await api("POST", posts, {"content": "x"})
    assert (status, body["retry_after"]) == (429, 5.0)
    bucket = api.headers["X-RateLimit-Bucket"]
    assert (await api("POST", other, {"content": "x"}))[0] == 200
    assert api.headers["X-RateLimit-Bucket"] == bucket, "the same bucket, another channel"
    await clock.advance(timedelta(seconds=5))
    assert (await api("POST", posts, {"content": "x"}))[0] == 200


async def test_fifty_a_second_but_not_for_interactions(fake: FakeDiscord, api: Api, clock: FakeClock) -> None:
    await api.register({"name": "rejected", "description": "Share a no"})
    await clock.advance(timedelta(seconds=1))
    fake.limits.on = True
    people = [fake.person(f"p{number}") for number in range(60)]
    statuses = [(await api("GET", f"/users/{each.id}"))[0] for each in people]
    assert statuses == [200] * 50 + [429] * 10
    assert api.headers["X-RateLimit-Scope"] == "global"
    exchange = await fake.command(people[0], fake.guild, "rejected")
    path = f"/interactions/{exchange.id}/{exchange.interaction.token}/callback"
    assert (await api("POST", path, {"type": 5}))[0] == 204
    assert (await api("POST", f"/webhooks/{fake.app_id}/{exchange.interaction.token}", {"content": "x"}))[
        0
    ] == 200
    await clock.advance(timedelta(seconds=1))
    assert (await api("GET", "/users/@me"))[0] == 200
    assert (fake.limits.refused, fake.limits.refused_globally) == (10, 10)


async def test_too_many_invalid_requests_are_banned(fake: FakeDiscord, api: Api, clock: FakeClock) -> None:
    fake.limits.on = True
    for _ in range(10_000):
        fake.limits.invalid(403)
    status, body = await api("GET", "/users/@me")
    assert status == 429 and isinstance(body, str) and "Via" not in api.headers, "that is Cloudflare"
    await clock.advance(timedelta(minutes=11))
    assert (await api("GET", "/users/@me"))[0] == 200


# --- nothing breaks it ---------------------------------------------------------------------------

JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    "",
    "x" * 5000,
    "\0",
    [],
    [None],
    {},
    {"a": {}},
    "18",
)


def inside(body: Any) -> Iterator[Any]:
    """Every object and list that there is, the outermost too."""
    if isinstance(body, dict | list):
        yield body
        for each in body.values() if isinstance(body, dict) else body:
            yield from inside(each)


def mutated(body: Any, random: Random) -> Any:
    """The same with one thing replaced or taken away."""
    whole = [copy.deepcopy(body)]
    holder = random.choice([each for each in inside(whole) if each])
    at: Any = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if holder is whole or random.random() > 0.2:
        holder[at] = random.choice(JUNK)
    else:
        del holder[at]
    return whole[0]


async def test_whatever_is_sent_is_answered(fake: FakeDiscord, api: Api, posts: str) -> None:
    random, ada = Random(3), fake.person("ada")
    forum = fake.forum("support", tags=["one"])
    command: dict[str, Any] = {"name": "rejected", "description": "Share a no", "contexts": [0, 1]}
    choices = [{"name": "c", "value": "v", "name_localizations": {"de": "d"}}]
    command["options"] = [{"type": 3, "name": "a", "description": "A", "choices": choices, "min_length": 1}]
    button = {"type": 2, "style": 1, "label": "x", "custom_id": "x"}
    select = {"type": 3, "custom_id": "s", "options": [{"label": "l", "value": "v"}], "min_values": 1}
    box = {
        "type": 17,
        "accent_color": 5,
        "components": [{"type": 10, "content": "x"}, {"type": 14, "spacing": 1}],
    }
    media = {"media": {"url": "https://example.org/a.png"}, "description": "d"}
    side = {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": {"type": 11} | media}
    rows = [{"type": 1, "components": [each]} for each in (button, select)]
    layout = {"flags": 1 << 15, "components": [box, side, {"type": 12, "items": [media]}, *rows]}
    embed = {
        "title": "t",
        "fields": [{"name": "n", "value": "v"}],
        "footer": {"text": "f"},
        "author": {"name": "a"},
    }
    plain = {"content": "x", "embeds": [embed], "components": rows, "nonce": "n", "enforce_nonce": False}
    plain |= {"allowed_mentions": {"parse": [], "users": ["5"]}, "attachments": [], "flags": 4}
    fields = [
        {"type": 4, "custom_id": "t", "style": 1, "max_length": 5, "value": "x"},
        select | {"custom_id": "s2"},
    ]
    fields += [
        {"type": 21, "custom_id": "r", "options": [{"label": str(n), "value": str(n)} for n in range(2)]}
    ]
    labels = [{"type": 18, "label": "l", "description": "d", "component": each} for each in fields]
    modal = {"type": 9, "data": {"custom_id": "m", "title": "t", "components": labels}}
    thread = {"name": "n", "auto_archive_duration": 60, "type": 12, "invitable": True}
    topic = {"name": "n", "applied_tags": [str(forum.tags[0].id)], "message": layout}
    commands = f"/applications/{fake.app_id}/commands"
    await api.register({"name": "rejected", "description": "Share a no"})
    _, kept = await api("POST", posts, {"content": "x"})
    statuses: set[int] = set()
    for _ in range(300):
        exchange = await fake.command(ada, fake.guild, "rejected")
        callback = f"/interactions/{exchange.id}/{exchange.interaction.token}/callback"
        for method, path, body in (
            ("POST", posts, plain),
            ("POST", posts, layout),
            ("PATCH", f"{posts}/{kept['id']}", plain),
            ("POST", callback, modal),
            ("POST", callback, {"type": 4, "data": layout}),
            ("POST", posts.removesuffix("messages") + "threads", thread),
            ("POST", f"/channels/{forum.id}/threads", topic),
            ("POST", commands, command),
        ):
            body = mutated(mutated(body, random) if random.random() < 0.5 else body, random)
            statuses.add((await api(method, path, body))[0])
        await api.register({"name": "rejected", "description": "Share a no"})
    assert fake.broken == []
    assert max(statuses) < 500
    assert statuses >= {200, 201, 204, 400}


# --- from outside --------------------------------------------------------------------------------


async def test_a_process_of_its_own() -> None:
    async with Remote.spawned(guilds=2, heartbeat=30_000) as remote:
        other = FakeDiscord()
        other.port, other.token = int(remote.gateway_url.split(":")[-1].strip("/")), remote.token
        async with running(other):
            await remote.call("ready", command="rejected")
            (ada,) = await remote.call("people", names=["ada"])
            told = await remote.call("command", person=ada, name="rejected")
            told = await remote.call("exchange", exchange=told["exchange"], wait="modal")
            assert told["modal"]["title"] == "Share a no" and told["latency"] > 0
            sent = await remote.call("submit", exchange=told["exchange"], values={"stage": "offer"})
            told = await remote.call("exchange", exchange=sent["exchange"], wait="reply")
            (message,) = told["messages"]
            assert (message["text"], message["only_for"]) == ("Thank you. offer", ada)
            pressed = await remote.call("press", person=ada, message=message["id"], custom_id="more:1")
            told = await remote.call("exchange", exchange=pressed["exchange"], wait="edit")
            await remote.call("gateway", do="drop")
            people = await remote.call("people", count=5)
            assert len(await remote.call("burst", people=people, name="rejected")) == 5
            info = await remote.call("info")
            assert (info["guilds"], info["resumes"], info["commands"]) == (2, 1, ["rejected"])
            with pytest.raises(RemoteError, match="no command"):
                await remote.call("command", person=ada, name="nothing")
    assert remote.process.returncode == 0

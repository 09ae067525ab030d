"""Discord over the wire when it fails: exactly once, limits, the gateway's ends and returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from bot.errors import Misconfigured, StartError, TryLater, Undeliverable
from bot.platforms.discord import DiscordChat
from bot.platforms.discord_limits import Lane, Pacer, Refusals
from bot.storage.schema import outbox
from bot.ui import Card, Form
from tests.jumping import played
from tests.watching import until
from tests.wire_world import DiscordActor, DiscordWorld

pytestmark = pytest.mark.usefixtures("database")  # on both

POST = "POST /channels/*/messages"
FORUM_POST = "POST /channels/*/threads"
CALLBACK = "POST /interactions/*/*/callback"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DiscordWorld]:
    made = await DiscordWorld.open(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def ada(world: DiscordWorld) -> DiscordActor:
    return world.person("ada", zone="Europe/Berlin")


@pytest.fixture
def bob(world: DiscordWorld) -> DiscordActor:
    return world.person("bob")


async def shared(actor: DiscordActor, **values: str) -> Card:
    form = await actor.opens("/rejected")
    card = await actor.submits(form, **{"stage": "interview", "story": "Four rounds.", **values})
    assert isinstance(card, Card), card
    return card


# -- once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["before", "after", "middle"])
async def test_a_cut_answer_neither_loses_nor_repeats(
    world: DiscordWorld, ada: DiscordActor, cut: str
) -> None:
    world.fake.fail(POST, cut=cut)  # type: ignore[arg-type]
    await shared(ada)
    await world.advance(minutes=2)
    assert len(world.support) == 1 and len(world.thread(world.support[0])) == 1


async def test_after_a_long_outage_the_post_is_found_by_its_mark(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    world.fake.fail(POST, cut="after")
    world.fake.fail(POST, 503, times=3)
    world.fake.fail("GET /channels/*/messages", 503, times=3)
    await shared(ada)
    world.fake.nonces._known.clear()  # "a few minutes" are over
    await world.advance(hours=1)
    assert len(world.support) == 1 and len(world.thread(world.support[0])) == 1


async def test_a_forum_post_whose_answer_was_lost_is_found(tmp_path: Path) -> None:
    world = await DiscordWorld.open(tmp_path, forum=True)
    world.fake.fail(FORUM_POST, cut="after")
    await shared(world.person("ada"))
    await world.advance(minutes=2)
    assert len(world.support) == 1 and len(world.thread(world.support[0])) == 1
    await world.close()


async def test_a_direct_message_whose_answer_was_lost_is_not_sent_twice(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    await shared(ada, stage="cv_screen", sign="only_me")
    world.fake.fail(POST, cut="after")
    await world.next_event()
    await world.advance(minutes=2)
    assert len(ada.dms) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_discords_own_failures_are_tried_again(
    world: DiscordWorld, ada: DiscordActor, status: int
) -> None:
    world.fake.fail(POST, status, times=2)
    await shared(ada)
    assert not world.support
    await world.advance(minutes=2)
    assert len(world.support) == 1


async def test_limits_are_honoured(world: DiscordWorld, ada: DiscordActor) -> None:
    world.fake.fail(POST, 429, retry_after=0.01)
    world.fake.fail(POST, 429, retry_after=0.01, is_global=True)
    await shared(ada)
    assert len(world.support) == 1, "a short wait is waited for"
    world.fake.fail(POST, 429, retry_after=300.0)
    await shared(ada)
    assert len(world.support) == 1, "a long one is the outbox's"
    async with world.storage.read() as connection:
        at = await connection.execute(
            select(func.max(outbox.c.ready_at)).where(
                outbox.c.kind == "thread.post", outbox.c.state == "ready"
            )
        )
        assert at.scalar_one() - world.clock.now() >= timedelta(seconds=299)


async def test_an_interaction_that_arrives_twice_is_handled_once(
    world: DiscordWorld, ada: DiscordActor
) -> None:
    world.fake.deliver = 2
    await shared(ada)
    assert len(world.support) == 1
    assert not [each for each in world.fake.calls(CALLBACK) if each.status != 204]


async def test_a_second_process_that_gets_it_too_stays_out(world: DiscordWorld, ada: DiscordActor) -> None:
    """Two connections with the same shard, as during a deployment: who acknowledges first handles it."""
    other = DiscordChat(
        token=world.fake.token, storage=world.storage, clock=world.clock, api_base=world.fake.api_base
    )
    running = asyncio.create_task(other.run(world.app.dispatcher))
    await world.fake.ready(2)
    await shared(ada)
    assert len(world.support) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("cut", ["before", "after", "middle"])
async def test_an_acknowledgement_that_got_lost_is_given_again(
    world: DiscordWorld, ada: DiscordActor, cut: str
) -> None:
    form = await ada.opens("/rejected")
    world.fake.fail(CALLBACK, cut=cut)  # type: ignore[arg-type]
    world.fake.fail("PATCH /webhooks/*/*/messages/@original", 502, times=2)
    card = await ada.submits(form, stage="interview")
    assert isinstance(card, Card) and len(world.support) == 1
    world.fake.fail(CALLBACK, cut=cut)  # type: ignore[arg-type]
    assert isinstance(await ada.types("/rejected"), Form)


async def test_what_could_not_be_acknowledged_is_not_done(world: DiscordWorld, ada: DiscordActor) -> None:
    form = await ada.opens("/rejected")
    modal = world.opened(form)
    assert modal is not None
    late = world.fake.hold(CALLBACK, 1)
    exchange = await world.fake.submit(modal, {"stage": "interview"})
    await until(lambda: late.met == 1)
    await world.clock.advance(timedelta(seconds=4))
    world.fake.release(late)
    await until(lambda: any(each.code == 10062 for each in world.fake.requests))
    await world.app.sender.drain()
    assert exchange.failed and not world.support


# -- the gateway ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["drop", "4000", "4009", "reconnect", "resumable", "invalid"])
async def test_the_gateway_comes_back_and_nothing_is_lost_or_handled_twice(
    world: DiscordWorld, ada: DiscordActor, how: str
) -> None:
    gateway = world.fake.gateway
    await shared(ada)
    match how:
        case "drop":
            gateway.drop()
        case "reconnect":
            gateway.reconnect()
        case "resumable" | "invalid":
            gateway.invalidate(resumable=how == "resumable")
        case code:
            await gateway.close(int(code))
    login = gateway.login
    await until(lambda: login.identifies + login.resumes >= 2 and bool(gateway.connected()))
    await shared(ada)
    assert len(world.support) == 2
    assert login.identifies == (2 if how in ("4009", "invalid") else 1)


async def test_what_happened_while_it_was_away_is_answered(world: DiscordWorld, ada: DiscordActor) -> None:
    world.fake.gateway.drop()
    exchange = await world.fake.command(ada.me, world.fake.channel("general"), "nudges")
    assert "Nothing is planned" in (await exchange.reply()).text
    world.fake.gateway.drop()
    await world.fake.ready()
    again = await world.fake.command(ada.me, world.fake.channel("general"), "nudges")
    await again.reply()
    assert len(exchange.messages) == 1


@pytest.mark.parametrize(("code", "names"), [(4004, "discord.token"), (4014, "intents"), (4011, "shard")])
async def test_what_cannot_be_mended_here_ends_with_what_to_do(
    world: DiscordWorld, code: int, names: str
) -> None:
    await world.fake.gateway.close(code)
    with pytest.raises(StartError, match=names):
        await world._running


async def test_a_wrong_token_is_told_by_its_setting(world: DiscordWorld) -> None:
    wrong = DiscordChat(token="wrong", storage=world.storage, clock=world.clock, api_base=world.fake.api_base)
    with pytest.raises(StartError, match=r"discord\.token"):
        await wrong.run(world.app.dispatcher)


async def test_shards_of_a_process_need_their_number(world: DiscordWorld) -> None:
    with pytest.raises(ValueError, match="shard_count"):
        DiscordChat(token="x", storage=world.storage, clock=world.clock, shard_ids=(0, 2))
    await world.stop()
    await world.start(shard_ids=(1,), shard_count=4)
    (session,) = world.fake.gateway.connected()
    assert (session.shard, session.shards) == (1, 4)


@pytest.mark.parametrize(("ids", "hints"), [((1, 3), 1), ((0, 1), 0), ((), 0)])
async def test_who_runs_no_shard_0_is_told_once_what_does_not_arrive_here(
    world: DiscordWorld, ids: tuple[int, ...], hints: int
) -> None:
    await world.stop()
    with capture_logs() as logs:
        await world.start(shard_ids=ids, shard_count=4)
    told = [each for each in logs if "direct messages" in each["event"]]
    assert len(told) == hints
    assert all(each["shards"] == list(ids) and "shard 0" in each["event"] for each in told)


# -- how fast ---------------------------------------------------------------------------------------------


def test_who_is_waited_for_goes_first() -> None:
    order: list[str] = []

    async def play() -> None:
        pacer = Pacer(1000.0, burst=1)

        async def goes(name: str, lane: Lane) -> None:
            await pacer.turn(lane)
            order.append(name)

        async with asyncio.TaskGroup() as tasks:
            for name, lane in (
                ("now", Lane.LAST),
                ("digest", Lane.LAST),
                ("nudge", Lane.DUE),
                ("post", Lane.FIRST),
                ("answer", Lane.EXEMPT),
            ):
                tasks.create_task(goes(name, lane))

    played(play)  # in real time, a machine that is busy for a millisecond lets everybody go at once
    assert order == ["now", "answer", "post", "nudge", "digest"]


async def test_whoever_gives_up_holds_nobody_up() -> None:
    pacer = Pacer(1000.0, burst=1)
    await pacer.turn(Lane.FIRST)
    waiting = [asyncio.create_task(pacer.turn(Lane.DUE)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting[1:])


async def test_sending_stops_long_before_discord_stops_us(world: DiscordWorld, ada: DiscordActor) -> None:
    refusals = Refusals(limit=3)
    for _ in range(3):
        assert refusals.pause == 0
        refusals.note()
    assert 590 < refusals.pause <= 600
    world.discord.rest.refusals = refusals
    with pytest.raises(TryLater) as later:
        await world.discord.dm(ada.user, Card("Hello"), key="k")
    assert later.value.after > 590 and not later.value.unsure
    assert isinstance(await ada.types("/rejected"), Form), "people are answered all the same"


async def test_errors_say_what_they_mean(world: DiscordWorld, ada: DiscordActor) -> None:
    post = "POST /channels/*/messages"
    stranger = world.fake.person("stranger", joins=False)
    with pytest.raises(Undeliverable):
        await world.discord.dm(
            ada.user.__class__("discord", ada.user.community, str(stranger.id)), Card("x"), key="a"
        )
    world.fake.fail(post, 401)
    with pytest.raises(Misconfigured, match=r"discord\.token"):
        await world.discord.dm(ada.user, Card("x"), key="b")
    world.fake.fail(post, 500)
    with pytest.raises(TryLater) as unsure:
        await world.discord.dm(ada.user, Card("x"), key="c")
    assert unsure.value.unsure
    await world.fake.stop()
    with pytest.raises(TryLater) as nobody:
        await world.discord.dm(ada.user, Card("x"), key="d")
    await world.fake.start()
    assert nobody.value.reason

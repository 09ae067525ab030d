"""Handing in a form again, as people do whose client says that it had trouble connecting: it counts once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.storage.schema import rejections
from tests.slack_world import SlackActor, SlackWorld
from tests.wire.slack_exchange import Exchange

pytestmark = pytest.mark.usefixtures("database")  # on both

STORY = {"stage": "interview", "story": "Four rounds."}


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackWorld]:
    world = await SlackWorld.open(tmp_path)
    yield world
    await world.close()


@pytest.fixture
def ada(slack: SlackWorld) -> SlackActor:
    return slack.person("ada")


async def typed(ada: SlackActor, name: str) -> Exchange:
    exchange = await ada.world.fake.command(ada.me, ada.world.fake.workspace.channel("support"), name)
    await exchange.view()
    return exchange


async def kept(slack: SlackWorld) -> int:
    async with slack.storage.read() as connection:
        return (await connection.execute(select(func.count()).select_from(rejections))).scalar_one()


async def test_after_a_lost_ack(slack: SlackWorld, ada: SlackActor) -> None:
    await typed(ada, "/rejected")
    slack.fake.sockets.acks_lost = 1.0
    first = await slack.fake.submit(ada.me, STORY)
    await first.reply()
    assert ada.me.stack, "the form is still there"
    slack.fake.sockets.acks_lost = 0.0
    second = await slack.fake.submit(ada.me)
    await second.acked()
    assert not second.failed
    assert not ada.me.stack
    assert await kept(slack) == 1


async def test_with_other_words_after_a_lost_ack(slack: SlackWorld, ada: SlackActor) -> None:
    """The first words are kept by then; a second post of the same no would be a surprise."""
    await typed(ada, "/rejected")
    slack.fake.sockets.acks_lost = 1.0
    await (await slack.fake.submit(ada.me, STORY)).reply()
    slack.fake.sockets.acks_lost = 0.0
    await (await slack.fake.submit(ada.me, {"story": "Five rounds."})).acked()
    assert await kept(slack) == 1


async def test_after_a_restart_it_says_that_it_is_saved(slack: SlackWorld, ada: SlackActor) -> None:
    await typed(ada, "/rejected")
    slack.fake.sockets.acks_lost = 1.0
    await (await slack.fake.submit(ada.me, STORY)).reply()
    slack.fake.sockets.acks_lost = 0.0
    await slack.restart()
    second = await slack.fake.submit(ada.me)
    assert "already saved" in slack.card(await second.reply()).plain
    assert not ada.me.stack
    assert await kept(slack) == 1


async def test_what_is_to_be_mended_is_said_each_time(slack: SlackWorld, ada: SlackActor) -> None:
    """The same mistake handed in twice is no repetition that nobody needs to answer."""
    bob = slack.person("bob")
    await typed(ada, "/rejected")
    await (await slack.fake.submit(ada.me, STORY)).reply()
    await slack.app.sender.drain()
    (post,) = slack.fake.messages(slack.fake.workspace.channel("support"))
    button = next(each for each in slack.card(post).buttons if each.id == "thread.encourage")
    await (await slack.fake.press(bob.me, post, f"{button.id}:{button.arg}")).view()
    for _ in range(2):
        exchange = await slack.fake.submit(bob.me, {"words": " "})
        await exchange.acked()
        assert set(exchange.errors) == {"words"}
        assert bob.me.stack
    exchange = await slack.fake.submit(bob.me, {"words": "Four is far."})
    await exchange.reply()
    assert not bob.me.stack

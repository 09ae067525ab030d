"""Answers to words typed to the bot: tried again while they may arrive, not once a platform said never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import ChatError, Gone, Misconfigured, TryLater, Undeliverable
from bot.platforms import slack_answers
from bot.platforms.slack_errors import SCOPE
from bot.platforms.surely import LONGEST, surely
from bot.ui import Card
from tests.slack_stage import BUTTONS, Stage, stage
from tests.watching import line, until
from tests.wire.slack import read

SOON = (0.0,) * 6  # seconds
FINAL = [
    "messages_tab_disabled",
    "user_disabled",
    "is_archived",
    "missing_scope",
    "ekm_access_denied",
    "restricted_action",
    "msg_too_long",
    "a_code_of_next_year",
]
PASSING = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"]


class Platform:
    """Meets these errors one after another, then lets everything pass."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.asked = list(errors), 0

    async def say(self) -> None:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(slack_answers, "PAUSES", SOON)
    async with stage(tmp_path) as made:
        yield made


def asked(at: Stage, method: str = "chat.postMessage") -> int:
    """How often Slack was asked for it."""
    return [each.method for each in at.fake.requests].count(method)


# -- on any platform -------------------------------------------------------------------------------


async def test_what_may_pass_is_tried_again_until_it_arrives() -> None:
    platform = Platform(TryLater("outage"), TryLater("connection lost", unsure=True))
    await surely(platform.say, SOON)
    assert platform.asked == 3


async def test_it_waits_as_long_as_the_platform_asks_for() -> None:
    platform, loop = Platform(TryLater("rate limit", 0.03)), asyncio.get_running_loop()
    began = loop.time()
    await surely(platform.say, SOON)
    assert platform.asked == 2 and loop.time() - began >= 0.03


@pytest.mark.parametrize(
    "error", [Undeliverable("a"), Gone("b"), Misconfigured("c"), ChatError("d"), TryLater("e", LONGEST + 1)]
)
async def test_what_will_not_pass_ends_it_at_once(error: ChatError) -> None:
    platform = Platform(error)
    with pytest.raises(type(error)):
        await surely(platform.say, SOON)
    assert platform.asked == 1


async def test_after_the_last_pause_it_is_given_up() -> None:
    platform = Platform(*(TryLater("outage") for _ in range(20)))
    with pytest.raises(TryLater):
        await surely(platform.say, SOON)
    assert platform.asked == len(SOON) + 1


# -- on Slack --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", FINAL)
async def test_what_slack_refuses_for_good_is_not_tried_again_and_stands_on_the_app_home(
    at: Stage, code: str
) -> None:
    at.fake.faults.add("chat.postMessage", error=code, times=None)
    with capture_logs() as logs:
        await at.fake.say(at.ada, None, "a secret")
        await until(lambda: at.ada.home_versions > 0)
        await at.fake.quiet()
    assert asked(at) == 1 and not at.fake.dms(at.ada)
    told = read(at.fake.home(at.ada))
    assert line("platform-elsewhere", "en") in told and "Done." in told
    (logged,) = [each for each in logs if each["event"] == "not said where they wrote"]
    assert logged["reason"] == code
    assert not {"secret", "Ada", "Done", at.ada.id} & set(repr(logs).replace("'", " ").split())


async def test_what_could_not_be_said_waits_on_the_app_home_until_she_looks(at: Stage) -> None:
    at.fake.faults.add("chat.postMessage", error=SCOPE, times=None)
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: at.ada.home_versions > 0)
    seen = await (await at.fake.open_home(at.ada)).home()
    assert "Done." in read(seen), "what she opens it for is the answer"
    assert read(await (await at.fake.open_home(at.ada)).home()).startswith("Home ")


@pytest.mark.parametrize("code", PASSING)
async def test_what_may_pass_on_slack_is_tried_again(at: Stage, code: str) -> None:
    at.fake.faults.add("chat.postMessage", error=code, times=3)
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.fake.dms(at.ada)))
    assert asked(at) == 4 and at.ada.home_versions == 0


@pytest.mark.parametrize("kind", ["ratelimited", "500", "503", "cut_before"])
async def test_outages_and_limits_of_slack_are_waited_for(at: Stage, kind: str) -> None:
    at.fake.faults.add("chat.postMessage", kind, times=2, retry_after=0)  # type: ignore[arg-type]
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.fake.dms(at.ada)))
    assert at.ada.home_versions == 0


async def test_where_the_thread_is_gone_she_is_answered_beside_it(at: Stage) -> None:
    said = await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.fake.dms(at.ada)))
    (answer,) = at.fake.dms(at.ada)
    at.fake.faults.add("chat.postMessage", error="thread_not_found")
    await at.fake.say(at.ada, None, "in the thread of an answer", answer)
    await until(lambda: len(at.fake.dms(at.ada)) == 2)
    assert not at.fake.dms(at.ada)[-1].thread and at.fake.dms(at.ada)[-1].channel is said.channel
    assert asked(at) == 3


async def test_where_the_conversation_is_lost_it_is_opened_anew(at: Stage) -> None:
    at.fake.faults.add("chat.postMessage", error="channel_not_found")
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: bool(at.fake.dms(at.ada)))
    assert asked(at) == 2 and at.ada.home_versions == 0


async def test_where_nothing_reaches_her_it_ends_there_and_is_logged(at: Stage) -> None:
    for method in ("chat.postMessage", "views.publish"):
        at.fake.faults.add(method, error="ekm_access_denied", times=None)
    with capture_logs() as logs:
        await at.fake.say(at.ada, None, "a secret")
        await until(lambda: any(each["event"] == "not answered" for each in logs))
    assert asked(at) == asked(at, "views.publish") == 1
    assert [each["reason"] for each in logs if each["event"] == "not answered"] == ["ekm_access_denied"]
    assert "secret" not in repr(logs)


async def test_a_card_that_has_a_title_keeps_it(at: Stage) -> None:
    at.script.card = Card("Words.", title="A title", buttons=BUTTONS)
    at.fake.faults.add("chat.postMessage", error="restricted_action")
    await at.fake.say(at.ada, None, "Hello?")
    await until(lambda: at.ada.home_versions > 0)
    told = read(at.fake.home(at.ada))
    assert all(each in told for each in (line("platform-elsewhere", "en"), "A title", "Words."))

"""`bounceback outbox`: what it shows, what it does to rows that failed, and that a running bot notices."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import time, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
import structlog
from sqlalchemy import insert, select, update
from typer.testing import CliRunner, Result

from bot import cli, config
from bot.app import build
from bot.clock import FakeClock, SystemClock
from bot.cog import State
from bot.errors import Misconfigured
from bot.people import Defaults
from bot.sender import Pace
from bot.storage.schema import communities, outbox, rejections
from bot.vault import Vault
from tests.outboxkit import NET, STORY_COGS, Box, Chat, Script, note, post, until, until_states

STORY = "Three rounds, then one line of email."
VALUES = {"where": "Acme", "stage": "interview", "story": STORY, "sign": "anonymous", "wish": "ideas"}
HOUR = timedelta(hours=1)


@pytest.fixture
async def box(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    """The bot and the command on one database: in real time, and a row has one try."""
    for name in [name for name in os.environ if name.upper().startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(f'[storage]\nurl = "{database}"\nkey_file = "bot.key"\n')
    script, clock = Script(), SystemClock()
    awake = Defaults(quiet_from=time(0), quiet_to=time(0))  # whenever this runs
    made = Box(tmp_path, Vault.open(tmp_path / "bot.key"), clock.now(), awake, (*STORY_COGS, script.cog()))
    made.script, made.pace, made.clock = script, Pace(attempts=1), cast("FakeClock", clock)
    made.chat = Chat(world=made)
    await made.start()
    async with made.storage.write() as tx:
        names = {"support": "support", "wins": "wins", "moderation": "moderation"}
        await tx.execute(insert(communities).values(platform="memory", community="here", **names))
    yield made
    await made.close()


def invoked(*words: str) -> Result:
    """The command; its logs go where a process's own would, and those of the tests do not follow."""
    before = structlog.get_config()
    try:
        return CliRunner().invoke(cli.app, ["outbox", *words])
    finally:
        structlog.configure(**before)


async def said(*words: str) -> Result:
    """The command, as a process of its own would run it: with its own loop and connections."""
    return await asyncio.to_thread(invoked, *words)


async def overview() -> dict[str, Any]:
    result = await said("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


async def planned(box: Box, *texts: str, **more: Any) -> dict[str, int]:
    """Posts that say these texts, due now; their ids."""
    await box.plan(*(post(text, box.clock.now(), **more) for text in texts))
    rows = await box.rows()
    return {text: rows[text].id for text in texts}


async def killed(box: Box, *texts: str) -> dict[str, int]:
    """Posts whose only try has failed."""
    box.script.broken |= set(texts)
    ids = await planned(box, *texts)
    await box.sender.drain()
    box.script.broken.clear()
    return ids


async def test_it_shows_what_stands_where_and_nothing_of_what_it_says(box: Box) -> None:
    ids = await killed(box, "private words")
    await box.plan(post("tomorrow", box.clock.now() + 24 * HOUR), note("paused", box.clock.now() + HOUR))
    await box.plan(post("late", box.clock.now() - HOUR))
    found = await overview()
    assert found["states"] == {
        "due": 1,
        "sending": 0,
        "later": 2,
        "paused": 0,
        "undelivered": 0,
        "dead": 1,
    }
    assert found["kinds"] == {"t.note": {"dead": 1, "due": 1, "later": 2}}
    assert found["oldest_overdue"]["kind"] == "t.note"
    assert 3600 <= found["oldest_overdue"]["seconds"] < 3600 + NET
    (dead,) = found["dead"]
    assert (dead["id"], dead["kind"], dead["attempts"]) == (ids["private words"], "t.note", 1)
    assert dead["error"].startswith("fault: LookupError")
    for words in ((), ("dead",), ("dead", "--json"), ("--json",)):
        result = await said(*words)
        assert result.exit_code == 0
        assert "LookupError" in result.stdout
        assert not {each for each in ("private words", "ada", "tomorrow") if each in result.output}


async def test_the_tables_are_for_people(box: Box) -> None:
    nothing = await said()
    assert "Nothing is planned." in nothing.stdout
    assert (await said("dead")).stdout == "No dead rows.\n"
    ids = await killed(box, "a", "b")
    lines = (await said()).stdout.splitlines()
    assert next(line for line in lines if line.startswith("dead")).split() == ["dead", "2", "2"]
    rows = [line.split() for line in lines if line[:1].isdigit()]
    assert [int(row[0]) for row in rows] == [ids["b"], ids["a"]]
    assert "`bounceback outbox retry ID`" in lines[-1]
    few = await said("dead", "--limit", "1")
    assert few.stdout.splitlines()[-1] == "There are more than 1; --limit shows more of them."


async def test_a_row_tried_again_is_sent(box: Box) -> None:
    ids = await killed(box, "a", "b")
    result = await said("retry", str(ids["a"]))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "1 row tried again now.\n", "")
    assert await box.states() == {"a": State.READY, "b": State.DEAD}
    await box.sender.drain()
    row = (await box.rows())["a"]
    assert (row.state, row.attempts, row.error) == (State.SENT, 1, "")
    assert [sent.card.plain for sent in box.chat.sent.values()] == ["a"]


async def test_a_dead_row_outlives_what_was_said(box: Box) -> None:
    await planned(box, "said")
    await box.sender.drain()
    await killed(box, "dead")
    for days, left in ((31, ["dead"]), (181, [])):
        async with box.storage.write() as tx:
            long_ago = box.clock.now() - timedelta(days=days)
            await tx.execute(update(outbox).values(done_at=long_ago))
        await box.app.prune()
        assert list(await box.states()) == left


async def test_all_of_a_kind_or_family_are_tried_again(box: Box) -> None:
    await killed(box, "a", "b")
    assert (await said("retry", "--all", "--kind", "plan")).stdout == "No dead rows.\n"
    assert (await said("retry", "--all", "--kind", "t.not")).stdout == "No dead rows.\n"
    assert (await said("retry", "--all", "--kind", "t")).stdout == "2 rows tried again now.\n"
    assert set((await box.states()).values()) == {State.READY}
    assert (await said("retry", "--all")).stdout == "No dead rows.\n"


async def test_it_says_why_a_row_is_left_alone(box: Box) -> None:
    ids = await planned(box, "sent")
    await box.sender.drain()
    ids |= await killed(box, "late")
    await box.plan(post("fine", box.clock.now() + HOUR))
    fine = (await box.rows())["fine"].id
    async with box.storage.write() as tx:
        late = outbox.c.id == ids["late"]
        await tx.execute(update(outbox).where(late).values(expires_at=box.clock.now() - HOUR))
    result = await said("retry", *map(str, (ids["sent"], ids["late"], fine, 999)))
    assert (result.exit_code, result.stdout) == (1, "0 rows tried again now.\n")
    assert result.stderr.splitlines() == [
        f"{ids['sent']}: left alone, it has ended: sent.",
        f"{ids['late']}: left alone, it is too late to be said; drop it.",
        f"{fine}: left alone, it is planned and has not failed.",
        "999: left alone, there is no such row.",
    ]
    assert (await said("drop", str(fine))).exit_code == 1
    assert (await said("drop", str(ids["late"]))).stdout == "1 row dropped.\n"
    states = await box.states()
    assert (states["fine"], states["late"]) == (State.READY, State.DROPPED)


@pytest.mark.parametrize("word", ["retry", "drop"])
async def test_ids_that_no_row_can_have_are_no_rows(box: Box, word: str) -> None:
    ids = await killed(box, "a")
    huge = (2**31, 2**63 - 1, 2**63, 10**30)
    result = await said(word, "-1", "0", *map(str, huge), str(ids["a"]))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"{id}: left alone, there is no such row." for id in (-1, 0, *huge)]
    assert result.stdout.startswith("1 row ")


async def test_a_row_in_a_senders_hands_is_left_alone(box: Box) -> None:
    ids = await planned(box, "a")
    box.noted.gates = [gate := asyncio.Event()]
    sending = asyncio.create_task(box.sender.drain())
    await until(lambda: bool(box.noted.calls))
    for word in ("retry", "drop"):
        result = await said(word, str(ids["a"]))
        assert (result.exit_code, "a sender has it just now" in result.stderr) == (1, True)
    assert (await overview())["states"]["sending"] == 1
    gate.set()
    assert await sending == 1


async def test_a_dropped_post_tells_its_author(box: Box) -> None:
    """It waits for an organiser who will not come: whoever runs the bot lets it go, and Ada hears that."""

    def forbidden(call: str, moment: str) -> None:
        raise Misconfigured("missing permission")

    box.noted.trouble = forbidden
    ada = box.person("ada")
    await ada.submits(await ada.opens("/rejected"), **VALUES)
    async with box.storage.read() as connection:
        post_of_ada = select(outbox).where(outbox.c.kind == "thread.post")
        row = (await connection.execute(post_of_ada)).one()
    assert (row.state, row.error) == ("ready", "missing permission")
    shown = [line.split() for line in (await said()).stdout.splitlines()]
    assert ["1", "thread.post", "missing", "permission", str(row.id)] in [line[:5] for line in shown]
    waiting = {each["kind"]: each for each in (await overview())["waiting"]}["thread.post"]
    assert (waiting["rows"], waiting["error"], waiting["id"]) == (1, "missing permission", row.id)
    result = await said("drop", str(row.id))
    assert (result.exit_code, result.stdout) == (0, "1 row dropped.\n")
    assert STORY not in result.output
    async with box.storage.read() as connection:
        assert (await connection.execute(select(rejections.c.state))).scalar_one() == "private"
    box.noted.trouble = lambda call, moment: None
    await box.sender.drain()
    (told,) = ada.dms
    assert [button.id for button in told.card.buttons] == ["rejections.start"]
    assert box.support == []


async def test_what_no_key_opens_is_dropped_without_a_word(box: Box) -> None:
    ids = await killed(box, "a")
    Vault.open(Path("other.key"))
    (box.folder / "other.toml").write_text(
        (box.folder / "config.toml").read_text().replace("bot.key", "other.key")
    )
    result = await said("--config", "other.toml", "drop", "--all")
    assert (result.exit_code, result.stdout) == (0, "1 row dropped.\n")
    assert result.stderr.startswith(f"{ids['a']}: cannot be opened with this key file")
    assert await box.column("state") == ["dropped"]


async def test_a_bot_that_runs_notices_by_itself(box: Box) -> None:
    await killed(box, "a")
    app = build(
        storage=box.storage,
        clock=box.clock,
        vault=box.vault,
        chats=[box.chat],
        look_again=0.01,
        defaults=box.defaults,
        pace=box.pace,
        random=Random(7),
        cogs=box.cogs,
    )
    running = asyncio.create_task(app.run())
    assert (await said("retry", "--all")).exit_code == 0
    await until_states(box, State.SENT)
    running.cancel()
    await asyncio.wait([running])


async def test_words_that_cannot_be_used_end_with_2(box: Box) -> None:
    for words in (["retry"], ["drop"], ["retry", "1", "--all"], ["drop", "1", "--kind", "t"], ["retry", "x"]):
        result = await said(*words)
        assert (result.exit_code, result.stdout) == (2, "")
    (box.folder / "mine.toml").write_text("[web]\nprot = 1\n")
    for words in ([], ["dead"], ["retry", "--all"], ["drop", "--all"]):
        assert (await said("--config", "mine.toml", *words)).exit_code == 2


def test_without_a_database_it_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in ([], ["dead"], ["retry", "--all"]):
        result = invoked(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("data/bounceback.db: there is no database yet.")
    assert list(tmp_path.iterdir()) == []

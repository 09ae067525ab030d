"""Tokens of workspaces: sealed at rest, found again, gone when a workspace ends; OAuth states, good once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from slack_bolt.error import BoltError
from slack_sdk.oauth.installation_store import Bot, Installation
from sqlalchemy import func, insert, select, update

from bot.clock import FakeClock
from bot.errors import Undeliverable
from bot.platforms.slack_installs import FRESH, STATE_LIFE, Installs
from bot.storage import Storage
from bot.storage.schema import slack_installations, slack_people, slack_states
from bot.vault import Vault, VaultError
from tests.world import MONDAY, stored

pytestmark = pytest.mark.usefixtures("database")  # on both


class Office:
    """Processes on one database, with one key and one clock."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.vault, self.clock = storage, Vault.ephemeral(), FakeClock(MONDAY)
        self.installs = self.process()

    def process(self, bot_token: str = "") -> Installs:
        return Installs(self.storage, self.vault, self.clock, bot_token)

    async def count(self, table: object) -> int:
        async with self.storage.read() as connection:
            return (await connection.execute(select(func.count()).select_from(table))).scalar_one()  # type: ignore[arg-type]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    storage = await Storage.open(stored(tmp_path))
    yield Office(storage)
    await storage.close()


def installation(team: str = "T1", token: str = "xoxb-one", **more: object) -> Installation:
    """What slack-bolt makes of Slack's answer at the end of OAuth."""
    given: dict[str, object] = {
        "team_id": team,
        "team_name": "Acme",
        "bot_token": token,
        "bot_id": "B1",
        "bot_user_id": "U0BOT",
        "bot_scopes": ["commands", "chat:write"],
        "user_id": "U0INSTALLER",  # long enough that no sealed bytes spell it
        "user_token": "xoxp-a-persons-own",
    }
    return Installation(**{**given, **more})  # type: ignore[arg-type]


async def found(installs: Installs, team: str | None = "T1") -> Bot | None:
    return await installs.async_find_bot(enterprise_id=None, team_id=team)


async def test_a_workspace_that_installed_it_has_its_token(office: Office) -> None:
    await office.installs.async_save(installation())
    await office.installs.async_save(installation("T2", "xoxb-two"))
    for installs in (office.installs, office.process()):
        assert await installs.token("T1") == "xoxb-one"
        assert await installs.token("T2") == "xoxb-two"
        assert await installs.teams() == ["T1", "T2"]
    bot = await found(office.process())
    assert bot is not None
    assert (bot.team_id, bot.team_name, bot.bot_id, bot.bot_user_id) == ("T1", "Acme", "B1", "U0BOT")
    assert list(bot.bot_scopes) == ["chat:write", "commands"]
    assert bot.installed_at == MONDAY.timestamp()


@pytest.mark.parametrize("team", ["T9", "", "T1/U1", "T1' OR 1=1"])
async def test_where_it_is_not_installed_there_is_no_token(office: Office, team: str) -> None:
    await office.installs.async_save(installation())
    with pytest.raises(Undeliverable, match="not_installed"):
        await office.installs.token(team)
    assert await found(office.installs, team) is None
    assert await found(office.installs, None) is None


async def test_one_workspace_needs_no_table(office: Office) -> None:
    installs = office.process("xoxb-configured\n")
    assert await installs.token("T1") == "xoxb-configured"
    await installs.end("T1")
    assert await installs.token("T1") == "xoxb-configured"


async def test_installing_again_brings_the_new_token_everywhere(office: Office) -> None:
    other = office.process()
    await office.installs.async_save(installation())
    assert await other.token("T1") == "xoxb-one"
    await office.installs.async_save(installation(token="xoxb-newer"))
    assert await office.installs.token("T1") == "xoxb-newer"
    assert await other.token("T1") == "xoxb-one", "remembered for a moment"
    await office.clock.advance_to(MONDAY + FRESH)
    assert await other.token("T1") == "xoxb-newer"
    assert await office.count(slack_installations) == 1


async def test_a_token_is_sealed_and_bound_to_its_workspace(office: Office) -> None:
    await office.installs.async_save(installation())
    async with office.storage.read() as connection:
        row = (await connection.execute(select(slack_installations))).mappings().one()
    assert b"xoxb-one" not in row["token"]
    assert "xoxp-a-persons-own" not in repr(dict(row)) and "U0INSTALLER" not in repr(dict(row))
    async with office.storage.write() as tx:
        await tx.execute(update(slack_installations).values(team="T2"))
    with pytest.raises(VaultError):
        await office.process().token("T2")


async def test_after_the_end_nothing_is_left_of_it(office: Office) -> None:
    for team in ("T1", "T10", "t1"):
        await office.installs.async_save(installation(team, f"xoxb-{team}"))
    async with office.storage.write() as tx:
        ids = ("T1/U1", "T1/U2", "T10/U1", "t1/U1")
        await tx.execute(insert(slack_people), [{"id": id, "dm": "D1"} for id in ids])
    assert await office.installs.token("T1")
    await office.installs.end("T1")
    await office.installs.end("T1")
    with pytest.raises(Undeliverable):
        await office.installs.token("T1")
    assert await office.installs.teams() == ["T10", "t1"]
    async with office.storage.read() as connection:
        assert set((await connection.execute(select(slack_people.c.id))).scalars()) == {"T10/U1", "t1/U1"}


async def test_bolts_own_ways_of_ending_do_the_same(office: Office) -> None:
    for team in ("T1", "T2", "T3"):
        await office.installs.async_save(installation(team))
    await office.installs.async_delete_installation(enterprise_id=None, team_id="T1", user_id="U0INSTALLER")
    assert await office.installs.teams() == ["T1", "T2", "T3"], "a person's token is none of ours"
    await office.installs.async_delete_bot(enterprise_id=None, team_id="T1")
    await office.installs.async_delete_all(enterprise_id=None, team_id="T2")
    await office.installs.async_delete_all(enterprise_id="E1", team_id=None)
    assert await office.installs.teams() == ["T3"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"is_enterprise_install": True, "enterprise_id": "E1", "team": ""}, "choose a workspace"),
        ({"bot_refresh_token": "xoxe-1", "bot_token_expires_in": 43200}, "Token rotation is on"),
        ({"token": ""}, "no bot token"),
    ],
)
async def test_what_cannot_be_used_is_refused_in_words(
    office: Office, more: dict[str, object], said: str
) -> None:
    with pytest.raises(BoltError, match=said):
        await office.installs.async_save(installation(**more))  # type: ignore[arg-type]
    assert await office.count(slack_installations) == 0


async def test_a_very_long_name_is_no_obstacle(office: Office) -> None:
    await office.installs.async_save(installation(team_name="ä" * 500))
    assert await office.installs.token("T1") == "xoxb-one"


# -- OAuth states ---------------------------------------------------------------------------------


async def test_a_state_is_good_once(office: Office) -> None:
    state = await office.installs.async_issue()
    assert state != await office.installs.async_issue()
    assert await office.process().async_consume(state)
    assert not await office.installs.async_consume(state)


async def test_of_two_at_once_one_gets_in(office: Office) -> None:
    state = await office.installs.async_issue()
    took = await asyncio.gather(*(office.process().async_consume(state) for _ in range(8)))
    assert sum(took) == 1


async def test_a_state_that_is_too_old_is_none_and_is_cleared_away(office: Office) -> None:
    old = await office.installs.async_issue()
    await office.clock.advance_to(MONDAY + STATE_LIFE)
    assert not await office.installs.async_consume(old)
    fresh = await office.installs.async_issue()
    assert await office.count(slack_states) == 1
    await office.clock.advance_to(office.clock.now() + STATE_LIFE - timedelta(seconds=1))
    assert await office.installs.async_consume(fresh)


@pytest.mark.parametrize("state", ["", "x", "'", "\x00", "🙂" * 5000])
async def test_a_made_up_state_is_none(office: Office, state: str) -> None:
    await office.installs.async_issue()
    assert not await office.installs.async_consume(state)
    assert await office.count(slack_states) == 1

"""The command line: what it prints, its exit codes, and that it starts at once."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit

import pytest
from discord import Permissions
from pydantic import SecretStr
from typer.testing import CliRunner, Result

import bot.__main__
from bot import cli, config
from bot.config import Origins, Settings
from bot.config_platforms import Discord
from bot.invite import NoInvite, link
from bot.platforms.discord_permissions import REASONS
from bot.vault import Vault
from tests.wire.discord import FakeDiscord

ROOT = Path(__file__).parent.parent
SECRET = "xoxb-do-not-show"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an environment without a setting of ours."""
    for name in [name for name in os.environ if name.upper().startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


def program(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def rows(result: Result) -> dict[str, list[str]]:
    """What `check` printed: setting -> value and origin."""
    return {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}


def test_check_shows_each_value_and_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text(
        f'[community]\nname = "[bold]"\n[slack]\nbot_token = "{SECRET}"\napp_token = "xapp-do-not-show"\n'
    )
    monkeypatch.setenv("BOUNCEBACK_WEB__PORT", "9000")
    result = said("check", "--config", "mine.toml")
    shown = rows(result)
    assert result.exit_code == 0
    assert shown["community.name"] == ['"[bold]"', "mine.toml"]
    assert shown["web.port"] == ["9000", "BOUNCEBACK_WEB__PORT"]
    assert shown["web.host"] == ['"127.0.0.1"', "default"]
    assert shown["slack.bot_token"] == ["(set,", "hidden)", "mine.toml"]
    assert len(shown) == 1 + sum(len(keys) for keys in config.sections().values())
    assert SECRET not in result.output and "xapp" not in result.output


def test_a_long_value_stays_on_one_line() -> None:
    Path("config.toml").write_text(f'[storage]\nkey_file = "{"long/" * 10}key"\n')
    assert rows(said("check"))["storage.key_file"] == [f'"{"long/" * 10}key"', "config.toml"]


@pytest.mark.parametrize("command", [["run"], ["check"], ["invite"], ["keys", "list"], ["keys", "rotate"]])
def test_settings_that_cannot_be_used_end_with_2(command: list[str]) -> None:
    Path("config.toml").write_text("[web]\nport = 0\nprot = 1\n")
    result = said(*command)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "config.toml: web.prot is not a setting. Did you mean web.port?",
        "config.toml: web.port = 0 does not fit. It takes a whole number from 1 to 65535.",
    ]


def test_the_real_program_ends_with_2_and_no_traceback() -> None:
    result = program("-m", "bot", "run", "--config", "no.toml")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("no.toml: there is no such file.")
    assert len(result.stderr.splitlines()) == 1


def test_run_serves_with_the_settings_and_passes_its_exit_code_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config.toml").write_text("[web]\nport = 7\n")
    served: list[Settings] = []
    where: list[str] = []

    async def serve(settings: Settings, origins: Origins | None) -> int:
        await asyncio.sleep(0)
        served.append(settings)
        where.append(origins.of("web", "port") if origins else "")
        return 3

    app = types.ModuleType("bot.app")
    vars(app)["serve"] = serve
    monkeypatch.setitem(sys.modules, "bot.app", app)
    assert said("run").exit_code == 3
    assert [settings.web.port for settings in served] == [7]
    assert where == ["config.toml"], "it can say where a setting stands"
    assert bot.__main__.run_forever(Settings()) == 3


def test_keys_are_listed_and_rotated() -> None:
    first = Vault.open(Path("data/bounceback.key")).current
    assert said("keys", "list").stdout.split() == [first, "current"]
    rotated = said("keys", "rotate")
    second = Vault.open(Path("data/bounceback.key")).current
    assert rotated.stdout == f"New key: {second}. Back up the key file now.\n"
    assert said("keys", "list").stdout.split() == [first, second, "current"]


@pytest.mark.parametrize("command", ["list", "rotate"])
def test_keys_make_no_key_file(command: str, folder: Path) -> None:
    result = said("keys", command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("data/bounceback.key: there is no key file yet.")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["list", "rotate"])
def test_a_damaged_key_file_is_told_without_a_traceback(command: str) -> None:
    path = Path("data/bounceback.key")
    path.parent.mkdir()
    path.write_text("nonsense")
    path.chmod(0o600)
    result = said("keys", command)
    assert result.exit_code == 1
    assert "data/bounceback.key" in result.stderr
    assert isinstance(result.exception, SystemExit)


# --- invite --------------------------------------------------------------------------------------


def invited(result: Result) -> dict[str, str]:
    """What the printed link asks for."""
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    parts = urlsplit(line)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "discord.com", "/oauth2/authorize")
    return dict(parse_qsl(parts.query, strict_parsing=True))


def test_the_link_asks_for_exactly_what_is_used() -> None:
    Path("mine.toml").write_text('[discord]\napplication_id = "123456789012345678"\n')
    asked = invited(said("invite", "--config", "mine.toml"))
    assert asked["client_id"] == "123456789012345678"
    assert asked["scope"].split() == ["bot", "applications.commands"]
    granted = Permissions(int(asked["permissions"]))
    assert granted == Permissions(**dict.fromkeys(REASONS, True))
    assert granted.value.bit_count() == len(REASONS)


async def test_discord_is_asked_for_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeDiscord() as fake:
        monkeypatch.setenv("BOUNCEBACK_DISCORD__TOKEN", fake.token)
        monkeypatch.setenv("BOUNCEBACK_DISCORD__API_BASE", f"{fake.api_base}/")
        asked = invited(await asyncio.to_thread(said, "invite"))
        assert asked["client_id"] == str(fake.app_id)
        monkeypatch.setenv("BOUNCEBACK_DISCORD__TOKEN", SECRET)
        refused = await asyncio.to_thread(said, "invite")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("discord.token is refused by Discord.")
    unanswered = await asyncio.to_thread(said, "invite")
    assert (unanswered.exit_code, unanswered.stdout) == (2, "")
    assert unanswered.stderr.startswith(f"{fake.api_base} gives no answer.")
    assert SECRET not in refused.output + unanswered.output


async def test_a_refusal_leaves_no_connection_open() -> None:
    async with FakeDiscord() as fake:
        wrong = Discord(token=SecretStr(SECRET), api_base=fake.api_base)
        with pytest.raises(NoInvite) as refused:
            await asyncio.to_thread(link, wrong)
    answer = refused.value.__context__
    assert isinstance(answer, HTTPError) and answer.closed


def test_without_a_token_the_link_needs_the_applications_id() -> None:
    result = said("invite")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "discord.application_id" in result.stderr
    assert "discord.token" in result.stderr


def test_the_documentation_gives_every_permission_and_its_reason() -> None:
    text = (ROOT / "docs" / "discord.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|$", text, re.MULTILINE))
    assert set(rows) == {shown for shown, _ in REASONS.values()}
    assert all(len(reason) > 15 for reason in rows.values())


def test_without_a_command_it_says_what_there_is() -> None:
    result = said()
    assert all(command in result.output for command in ("run", "check", "invite", "keys", "outbox"))


def test_it_starts_without_what_it_does_not_need() -> None:
    heavy = ["aiohttp", "alembic", "apscheduler", "asyncio", "cryptography", "discord", "pydantic", "rich"]
    heavy.append("sqlalchemy")
    result = program("-c", f"import bot.cli, sys; print([name for name in {heavy} if name in sys.modules])")
    assert (result.stdout.strip(), result.stderr) == ("[]", "")

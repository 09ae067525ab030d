"""The command line: what it prints, its exit codes, and that it starts at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import bot.__main__
from bot import cli, config
from bot.config import Settings
from bot.vault import Vault

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
    Path("mine.toml").write_text(f'[community]\nname = "[bold]"\n[slack]\nbot_token = "{SECRET}"\n')
    monkeypatch.setenv("BOUNCEBACK_WEB__PORT", "9000")
    result = said("check", "--config", "mine.toml")
    shown = rows(result)
    assert result.exit_code == 0
    assert shown["community.name"] == ['"[bold]"', "mine.toml"]
    assert shown["web.port"] == ["9000", "BOUNCEBACK_WEB__PORT"]
    assert shown["web.host"] == ['"127.0.0.1"', "default"]
    assert shown["slack.bot_token"] == ["(set,", "hidden)", "mine.toml"]
    assert len(shown) == 1 + sum(len(keys) for keys in config.sections().values())
    assert SECRET not in result.output


def test_a_long_value_stays_on_one_line() -> None:
    Path("config.toml").write_text(f'[storage]\nkey_file = "{"long/" * 10}key"\n')
    assert rows(said("check"))["storage.key_file"] == [f'"{"long/" * 10}key"', "config.toml"]


@pytest.mark.parametrize("command", [["run"], ["check"], ["keys", "list"], ["keys", "rotate"]])
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

    async def serve(settings: Settings) -> int:
        await asyncio.sleep(0)
        served.append(settings)
        return 3

    app = types.ModuleType("bot.app")
    vars(app)["serve"] = serve
    monkeypatch.setitem(sys.modules, "bot.app", app)
    assert said("run").exit_code == 3
    assert [settings.web.port for settings in served] == [7]
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


def test_without_a_command_it_says_what_there_is() -> None:
    result = said()
    assert all(command in result.output for command in ("run", "check", "keys"))


def test_it_starts_without_what_it_does_not_need() -> None:
    heavy = ["aiohttp", "alembic", "apscheduler", "asyncio", "cryptography", "pydantic", "rich", "sqlalchemy"]
    result = program("-c", f"import bot.cli, sys; print([name for name in {heavy} if name in sys.modules])")
    assert (result.stdout.strip(), result.stderr) == ("[]", "")

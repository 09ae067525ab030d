"""Settings: what wins, what is refused, and that every refusal says where, what and how to mend it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from bot import config
from bot.config import ConfigError, Settings, Web, check_paths, load, load_with_origins

SECRET = "xoxb-do-not-show"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an environment without a setting of ours."""
    for name in [name for name in os.environ if name.upper().startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "config.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(text))
    return str(caught.value)


def test_without_a_file_the_defaults_are_in_force() -> None:
    settings, origins = load_with_origins(None)
    assert settings == Settings()
    assert settings.community.quiet_from == time(21, 0)
    assert settings.storage.file == Path("data/bounceback.db")
    assert origins.of("web", "port") == "default"


def test_environment_wins_over_file_wins_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    written('[web]\nport = 9000\nhost = "0.0.0.0"\n[community]\nquiet_to = 07:30:00\n')
    monkeypatch.setenv("BOUNCEBACK_WEB__PORT", "9001")
    monkeypatch.setenv("BOUNCEBACK_DISCORD__TOKEN", SECRET)
    settings, origins = load_with_origins(None)
    assert (settings.web.port, settings.web.host, settings.web.enabled) == (9001, "0.0.0.0", "auto")
    assert settings.community.quiet_to == time(7, 30)
    assert settings.discord.token.get_secret_value() == SECRET
    assert origins.of("web", "port") == "BOUNCEBACK_WEB__PORT"
    assert origins.of("web", "host") == "config.toml"
    assert origins.of("web", "enabled") == "default"


def test_a_named_file_is_read_instead_of_config_toml() -> None:
    written("[web]\nport = 1\n")
    assert load(written("[web]\nport = 2\n", "other.toml")).web.port == 2


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.web = Web()
    with pytest.raises(ValidationError):
        settings.web.port = 1
    with pytest.raises(ValidationError):
        Web.model_validate({"prot": 1})


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"DISCORD__TOKEN": "x"}, False),
        ({"SLACK__APP_TOKEN": "xapp-x", "SLACK__BOT_TOKEN": "xoxb-x"}, False),
        ({"SLACK__COMMAND_PREFIX": "bb-", "SLACK__PUBLIC_URL": "https://x"}, True),
        ({"DISCORD__TOKEN": "x", "WEB__ENABLED": "on"}, True),
        ({"WEB__ENABLED": "off"}, False),
    ],
)
def test_the_web_chat_opens_by_itself_only_without_tokens(
    environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"BOUNCEBACK_{name}", value)
    assert load(None).web_wanted is wanted


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[community]\nzone = "Berlin/Europe"',
            'community.zone = "Berlin/Europe" is not a time zone. Did you mean "Europe/Berlin"?',
        ),
        (
            '[community]\nzone = "new york"',
            'community.zone = "new york" is not a time zone. Did you mean "America/New_York"?',
        ),
        (
            '[community]\nzone = "PST"',
            'community.zone = "PST" is not a time zone. Use one such as "Europe/Berlin" or "UTC".',
        ),
        (
            '[community]\nquiet_from = "24:00"',
            'community.quiet_from = "24:00" does not fit. It takes a time from "00:00" to "23:59".',
        ),
        (
            "[community]\nquiet_to = 08:30:10",
            'community.quiet_to = 08:30:10 does not fit. It takes a time from "00:00" to "23:59".',
        ),
        (
            '[community]\nname = "a\\nb"',
            'community.name = "a\\nb" does not fit. It takes one line of 1 to 80 characters.',
        ),
        (
            "[community]\nmessages_per_day = 6",
            "community.messages_per_day = 6 does not fit. It takes a whole number from 1 to 5.",
        ),
        ("[web]\nport = 65536", "web.port = 65536 does not fit. It takes a whole number from 1 to 65535."),
        ("[web]\nport = true", "web.port = true does not fit. It takes a whole number from 1 to 65535."),
        ('[web]\nport = "http"', 'web.port = "http" does not fit. It takes a whole number from 1 to 65535.'),
        ("[web]\nenabled = true", 'web.enabled = true does not fit. It takes "auto", "on" or "off".'),
        (
            "[dev]\nclock_speed = inf",
            "dev.clock_speed = Infinity does not fit. It takes a number above 0, at most 100000.",
        ),
        (
            "[dev]\nclock_speed = 0",
            "dev.clock_speed = 0 does not fit. It takes a number above 0, at most 100000.",
        ),
        (
            '[storage]\nurl = "mysql://me:pw@db/x"',
            'storage.url = "mysql://…" does not fit. It takes "sqlite:///" and a file, '
            'or "postgresql://user:password@host/database".',
        ),
        (
            "[discord]\ntest_guild = 123456789012345678",
            "discord.test_guild = 123456789012345678 does not fit. "
            "It takes the id of a server, 15 to 20 digits in quotes.",
        ),
        (
            '[discord]\napplication_id = "Bounceback"',
            'discord.application_id = "Bounceback" does not fit. '
            "It takes the application's id from the developer portal, 15 to 20 digits in quotes.",
        ),
        (
            '[discord]\napi_base = "localhost:8081"',
            'discord.api_base = "localhost:8081" does not fit. '
            'It takes an address such as "http://127.0.0.1:8081/api/v10".',
        ),
        (
            "[discord]\nshard_ids = [0, 0]\nshard_count = 2",
            "discord.shard_ids = [0, 0] does not fit. "
            "It takes different whole numbers from 0 to 16383, such as [0, 1].",
        ),
        (
            "[discord]\nshard_ids = [true]\nshard_count = 2",
            "discord.shard_ids = [true] does not fit. "
            "It takes different whole numbers from 0 to 16383, such as [0, 1].",
        ),
        (
            "[discord]\nshard_ids = [0, 1]",
            "discord.shard_ids = [0, 1] needs discord.shard_count: "
            "how many there are in all processes together.",
        ),
        (
            "[discord]\nshard_ids = [1, 2]\nshard_count = 2",
            "discord.shard_ids = [1, 2] does not fit discord.shard_count = 2: the ids are 0 to 1.",
        ),
        ("[web]\nprot = 1", "web.prot is not a setting. Did you mean web.port?"),
        ("[web]\nxyzzy = 1", "web.xyzzy is not a setting. [web] has enabled, host and port."),
        ("[webb]\nport = 1", "webb is not a section. Did you mean [web]?"),
        ('token = "x"', "token is not a section. It belongs in [discord]."),
        ("web = 8080", "web is a section. Write [web] on a line, and its settings below."),
        (
            "[web]\nport = 1\nhost = here",
            'line 3, column 8: Invalid value. Text and times stand in quotes: name = "Bounceback".',
        ),
    ],
)
def test_what_is_wrong_is_said_exactly(text: str, line: str) -> None:
    assert refusal(text) == f"config.toml: {line}"


def test_everything_wrong_is_told_at_once_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUNCEBACK_WEB__PORT", "many")
    monkeypatch.setenv("BOUNCEBACK_WEB__PRT", "1")
    monkeypatch.setenv("BOUNCEBACK_TOKEN", SECRET)
    monkeypatch.setenv("BOUNCEBACK_SLACK", SECRET)
    text = '[log]\nlevel = "loud"\nlevle = 1\n[outbox]\nlease = 9'
    assert refusal(text).splitlines() == [
        "BOUNCEBACK_SLACK: no setting has this name. Did you mean BOUNCEBACK_SLACK__PORT?",
        "BOUNCEBACK_TOKEN: no setting has this name. Did you mean BOUNCEBACK_DISCORD__TOKEN?",
        "BOUNCEBACK_WEB__PRT: no setting has this name. Did you mean BOUNCEBACK_WEB__PORT?",
        "config.toml: log.levle is not a setting. Did you mean log.level?",
        'BOUNCEBACK_WEB__PORT: web.port = "many" does not fit. It takes a whole number from 1 to 65535.',
        "config.toml: outbox.lease = 9 does not fit. It takes a whole number from 10 to 120.",
        'config.toml: log.level = "loud" does not fit. It takes "debug", "info", "warning" or "error".',
    ]


def test_the_browser_tests_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUNCEBACK_CHROMIUM", "/usr/bin/chromium")
    assert load(None) == Settings()


@pytest.mark.parametrize(
    ("text", "ids"), [("0", (0,)), ("0, 3", (0, 3)), ("[1,2]", (1, 2)), ("", ()), ("[]", ())]
)
def test_shards_can_be_told_in_the_environment(
    text: str, ids: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUNCEBACK_DISCORD__SHARD_IDS", text)
    monkeypatch.setenv("BOUNCEBACK_DISCORD__SHARD_COUNT", "4")
    settings = load(None)
    assert settings.discord.shard_ids == ids
    assert settings.discord.shard_count == 4


@pytest.mark.parametrize("text", ["x", "[0", "-1", "0 1", "1.5", "9" * 9999])
def test_shards_that_are_none_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUNCEBACK_DISCORD__SHARD_IDS", text)
    monkeypatch.setenv("BOUNCEBACK_DISCORD__SHARD_COUNT", "4")
    with pytest.raises(ConfigError, match=r"discord\.shard_ids .* does not fit"):
        load(None)


@pytest.mark.parametrize("address", ["https://discord.com/api/v10", "http://127.0.0.1:8081/api/v10/", ""])
def test_a_proxy_can_stand_between(address: str) -> None:
    assert load(written(f'[discord]\napi_base = "{address}"')).discord.api_base == address


# -- Slack: what needs what -----------------------------------------------------------------------

OAUTH = 'client_id = "1.2"\nclient_secret = "s"\npublic_url = "https://x"\nport = 3000\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        'bot_token = "xoxb-1"\napp_token = "xapp-1"',
        'bot_token = "xoxb-1"\nsigning_secret = "s"\nport = 3000',
        f'{OAUTH}app_token = "xapp-1"',
        f'{OAUTH}signing_secret = "s"',
        'public_url = "https://bot.example.org/slack-bot/"\ncommand_prefix = "bb-"',
        'api_base = "http://127.0.0.1:8082/api/"',
    ],
)
def test_slack_comes_in_by_socket_or_http_for_one_workspace_or_many(text: str) -> None:
    settings = load(written(f"[slack]\n{text}"))
    assert settings.slack.wanted is ("bot_token" in text or "client_id" in text)
    assert settings.web_wanted is not settings.slack.wanted


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('bot_token = "xoxb-1"', "app_token", "is missing: Socket Mode needs it"),
        ('bot_token = "xoxb-1"\nsigning_secret = "s"', "port = 0", "is off: without slack.app_token"),
        ('app_token = "xapp-1"', "bot_token", "is missing: the other settings"),
        ('signing_secret = "s"', "bot_token", "is missing: the other settings"),
        ('app_token = "xapp-1"\nclient_secret = "s"', "client_id", "is missing beside slack.client_secret"),
        (
            OAUTH.replace("client_secret", "app_token").replace('"s"', '"xapp-1"'),
            "client_secret",
            "is missing",
        ),
        (
            f'{OAUTH}app_token = "xapp-1"\nbot_token = "xoxb-1"',
            "bot_token",
            "serves one workspace, slack.client_id many (by OAuth). Leave out one of them.",
        ),
        (
            OAUTH.replace("https://x", "") + 'app_token = "xapp-1"',
            'public_url = ""',
            "is missing: with slack.client_id, people come back to it",
        ),
        (OAUTH.replace("3000", "0") + 'app_token = "xapp-1"', "port = 0", "is off: with slack.client_id"),
        (OAUTH, "app_token", "set slack.signing_secret, slack.port and slack.public_url instead."),
    ],
)
def test_what_lacks_beside_other_slack_settings_is_said(text: str, key: str, remedy: str) -> None:
    said = refusal(f"[slack]\n{text}").splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"config.toml: slack.{key} ") and remedy in said[0]
    assert "xoxb-1" not in said[0] and "xapp-1" not in said[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('bot_token = "xapp-1-abc"', "slack.bot_token does not fit. It takes the bot's token, which starts"),
        ('app_token = "xoxb-1-abc"', "slack.app_token does not fit. It takes the app-level token, which"),
        (
            'client_id = "A012345"',
            'slack.client_id = "A012345" does not fit. It takes two numbers with a dot',
        ),
        (
            'public_url = "http://bot.example.org"',
            'slack.public_url = "http://bot.example.org" does not fit. It takes an address that starts with '
            'https://, such as "https://bounceback.example.org".',
        ),
        ('public_url = "https://x/?a=1"', 'slack.public_url = "https://x/?a=1" does not fit.'),
        ('command_prefix = "/bb"', 'slack.command_prefix = "/bb" does not fit. It takes at most 12 of a-z'),
        ('command_prefix = "a-very-long-prefix"', "slack.command_prefix"),
        ("port = 65536", "slack.port = 65536 does not fit. It takes a whole number from 0 to 65535."),
        ('api_base = "slack.com"', 'slack.api_base = "slack.com" does not fit. It takes an address'),
        ('host = "a b"', 'slack.host = "a b" does not fit. It takes a host'),
    ],
)
def test_what_a_slack_setting_takes_is_said(text: str, line: str) -> None:
    said = refusal(f"[slack]\n{text}")
    assert said.startswith(f"config.toml: {line}")
    assert "-1-abc" not in said


def test_slack_in_the_environment_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUNCEBACK_SLACK__BOT_TOKEN", "xoxb-1")
    for name, value in (("CLIENT_ID", "1.2"), ("CLIENT_SECRET", "s"), ("APP_TOKEN", "xapp-1")):
        monkeypatch.setenv(f"BOUNCEBACK_SLACK__{name}", value)
    with pytest.raises(ConfigError) as caught:
        load(None)
    lines = str(caught.value).splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        ["BOUNCEBACK_SLACK__BOT_TOKEN:", "slack.bot_token"],
        ["config.toml:", "slack.public_url"],
        ["config.toml:", "slack.port"],
    ]


def test_slack_and_the_web_chat_need_different_ports() -> None:
    both = f'[web]\nenabled = "on"\nport = 3000\n[slack]\n{OAUTH}app_token = "xapp-1"'
    assert refusal(both).startswith("config.toml: slack.port = 3000 is the local web chat's too. Set another")
    assert load(written(both.replace('"on"', '"off"'))).slack.port == 3000


@pytest.mark.parametrize(
    "text",
    [
        f'[discord]\ntoken = ["{SECRET}"]',
        f'[discord]\ntokn = "{SECRET}"',
        f'discord = "{SECRET}"',
        f'[slak]\nbot_token = "{SECRET}"',
        f'token = "{SECRET}"',
        f'[storage]\nurl = "postgres://me:{SECRET}@db/x"',
        f'[storage]\nurl = "postgresql://me@db/?password={SECRET}"',
        f'[storage]\nurl = "postgresql://db:{SECRET}/x"',
        f'[storage]\nurl = "postgresql:me:{SECRET}@db/x"',
    ],
)
def test_no_refusal_shows_a_secret(text: str) -> None:
    assert SECRET not in refusal(text)


def test_settings_show_no_secret() -> None:
    url = f"postgresql://me:{SECRET}@db/bounceback"
    settings = Settings(
        storage=config.Storage(url=url), discord=config.Discord(token=SecretStr(SECRET)), slack=config.Slack()
    )
    shown = {f"{section}.{key}": value for section, key, value in config.values(settings)}
    assert SECRET not in repr(settings) + str(settings) + str(shown)
    assert shown["storage.url"] == '"postgresql://me:***@db/bounceback"'
    assert (shown["discord.token"], shown["slack.bot_token"]) == ("(set, hidden)", "(not set)")


@pytest.mark.parametrize(
    "url",
    [
        *("", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///data/", "sqlite:///a?mode=memory"),
        *("postgres://db/x", "postgresql+asyncpg://db/x", "postgresql://db", "postgresql://db:port/x"),
        *("postgresql://[db/x", "postgresql://db/x y"),
    ],
)
def test_only_a_lasting_database_is_taken(url: str) -> None:
    assert "storage.url" in refusal(f"[storage]\nurl = {json.dumps(url)}")


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("no.toml"))
    assert str(caught.value) == (
        "no.toml: there is no such file. "
        "Correct --config, or leave it out to use config.toml or the defaults."
    )


def test_a_folder_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        load(folder)


def test_a_file_that_is_not_utf8_is_told() -> None:
    Path("config.toml").write_bytes('[community]\nname = "Café"'.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load(None)
    assert str(caught.value) == "config.toml: line 2: byte 0xE9 is not UTF-8. Save the file as UTF-8."


@pytest.mark.parametrize("text", ["x = " + "[" * 9999, "x = " + "9" * 9999])
def test_a_file_that_defeats_the_parser_is_told(text: str) -> None:
    assert refusal(text) == "config.toml: this cannot be read as TOML. Compare it with config.example.toml."


def test_a_byte_order_mark_is_no_error() -> None:
    Path("config.toml").write_bytes(b"\xef\xbb\xbf[web]\r\nport = 81\r\n")
    assert load(None).web.port == 81


def test_a_database_under_a_file_is_told() -> None:
    Path("data").write_text("not a folder")
    with pytest.raises(ConfigError) as caught:
        load(None)
    first, second = str(caught.value).splitlines()
    place = json.dumps(str(Path("data").absolute()))
    assert first == (
        'default: storage.url = "sqlite:///data/bounceback.db" cannot be made: '
        f"{place} is a file, not a folder. Name another place."
    )
    assert second.startswith('default: storage.key_file = "data/bounceback.key" cannot be made')


@pytest.mark.parametrize(
    ("path", "said"),
    [(".", "names a folder"), ("x" * 300, "cannot be used: "), ("a\0b", "holds a null character")],
)
def test_a_key_file_that_cannot_be_is_told(path: str, said: str) -> None:
    line = refusal(f"[storage]\nkey_file = {json.dumps(path)}")
    assert line.startswith("config.toml: storage.key_file = ")
    assert said in line
    assert len(line) < 200


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_told(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="may not be written"):
            check_paths(Settings())
    finally:
        folder.chmod(0o700)


def test_looking_at_paths_makes_nothing(folder: Path) -> None:
    load(None)
    assert list(folder.iterdir()) == []


def refused(path: Path | None = None) -> tuple[Settings | None, str]:
    """The settings, or None and why they were refused, in one printable line."""
    try:
        return load(path), ""
    except ConfigError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
    assert said.isprintable()
    return None, said


def settled(section: str, key: str, text: str) -> Settings | None:
    """The settings of a file with this one string in it; None when exactly that was refused."""
    # JSON writes strings as TOML reads them, but for the delete character.
    value = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    settings, said = refused(written(f"[{section}]\n{key} = {value}\n"))
    assert said.startswith(f"config.toml: {section}.{key}" if settings is None else "")
    return settings


anything = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@anything
@given(st.text() | st.from_regex(r"[A-Z][a-z]+/[A-Z][a-z]+"))
def test_any_zone_is_right_or_refused(text: str) -> None:
    settled("community", "zone", text)


@anything
@given(st.text() | st.from_regex(r"[0-9]{2}:[0-9]{2}"))
def test_any_time_is_right_or_refused(text: str) -> None:
    found = settled("community", "quiet_from", text)
    assert found is None or f"{found.community.quiet_from:%H:%M}" == text


@anything
@given(st.text() | st.integers().map(str))
def test_any_port_is_right_or_refused(text: str) -> None:
    found = settled("web", "port", text)
    assert found is None or 1 <= found.web.port == int(text) <= 65535


@anything
@given(
    st.sampled_from(["mysql", "postgres", "postgresql", "x"]),
    st.sampled_from(["://me:", "://", ":me:", ":", "://db?password="]),
    st.text("QXZ@:/?&=%", min_size=4),
    st.sampled_from(["@db/x", "/x", ""]),
)
def test_any_password_in_a_refused_url_is_hidden(scheme: str, mark: str, password: str, end: str) -> None:
    found, said = refused(written(f"[storage]\nurl = {json.dumps(scheme + mark + password + end)}"))
    if mark == "://me:" and end == "@db/x" and found is not None:
        said = str(list(config.values(found)))
    assert not {"Q", "X", "Z"} & set(said)


@anything
@given(st.binary(max_size=200))
def test_any_file_is_right_or_refused(content: bytes) -> None:
    Path("config.toml").write_bytes(content)
    with suppress(ConfigError):
        load(None)


@anything
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.just("\udcff")))
def test_any_variable_is_right_or_refused(text: str) -> None:
    for name in (
        "COMMUNITY__NAME",
        "COMMUNITY__ZONE",
        "STORAGE__KEY_FILE",
        "STORAGE__URL",
        "DEV__CLOCK_SPEED",
    ):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(f"BOUNCEBACK_{name}", text)
            settings, said = refused()
            assert said.startswith(f"BOUNCEBACK_{name}: " if settings is None else "")

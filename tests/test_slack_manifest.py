"""The app manifest: what Slack's published schema takes, made from the cogs, with no scope too many."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.content import FOLDER
from bot.platforms import slack_manifest
from bot.platforms.slack_manifest import EVENTS, FEATURES, METHODS, SCOPES, manifest
from bot.registry import Registry
from bot.ui import Command, Field, LimitError
from bot.words import Words
from cogs import COGS

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent
URL = "https://bounceback.example.org"
METHOD = re.compile(r'"((?:auth|chat|conversations|dnd|files|users|views|team|reactions|bots)\.[A-Za-z.]+)"')

# What Slack's schema (github.com/slackapi/manifest-schema, 1.0.0) says of the parts that we use:
# a text's least and most characters and how it begins, a list's most items; `!` marks what must be there.
TEXT, LIST, YES = "text", "list", "yes or no"
SCHEMA: Json = {
    "display_information!": {
        "name!": (TEXT, 1, 35),
        "description": (TEXT, 1, 140),
        "background_color": (TEXT, 4, 7, r"#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?\Z"),
        "long_description": (TEXT, 175, 4000),
    },
    "features": {
        "app_home": {
            "home_tab_enabled": (YES,),
            "messages_tab_enabled": (YES,),
            "messages_tab_read_only_enabled": (YES,),
        },
        "bot_user": {"display_name!": (TEXT, 1, 80), "always_online": (YES,)},
        "shortcuts": (
            LIST,
            10,
            {
                "name!": (TEXT, 1, 24),
                "type!": (TEXT, 1, 7, r"(message|global)\Z"),
                "callback_id!": (TEXT, 1, 255),
                "description!": (TEXT, 1, 150),
            },
        ),
        "slash_commands": (
            LIST,
            50,
            {
                "command!": (TEXT, 2, 32, r"/[a-z0-9_-]+\Z"),
                "url": (TEXT, 1, 3000, "https?://"),
                "description!": (TEXT, 1, 2000),
                "usage_hint": (TEXT, 1, 1000),
                "should_escape": (YES,),
            },
        ),
    },
    "oauth_config": {
        "redirect_urls": (LIST, 1000, (TEXT, 1, 2500)),
        "scopes": {"bot": (LIST, 255, (TEXT, 1, 50))},
    },
    "settings": {
        "event_subscriptions": {
            "request_url": (TEXT, 1, 3500, "https?://"),
            "bot_events": (LIST, 100, (TEXT, 1, 50)),
        },
        "interactivity": {
            "is_enabled!": (YES,),
            "request_url": (TEXT, 1, 3500, "https?://"),
            "message_menu_options_url": (TEXT, 1, 3500, "https?://"),
        },
        "org_deploy_enabled": (YES,),
        "socket_mode_enabled": (YES,),
        "token_rotation_enabled": (YES,),
    },
}


def against(schema: Any, value: Any, at: str = "manifest") -> Iterator[str]:
    """What Slack would refuse, a line each."""
    match schema:
        case dict():
            yield from against_object(schema, value, at)  # type: ignore[arg-type]
        case ("text", least, most, *pattern):
            if not isinstance(value, str) or not least <= len(value) <= most:
                yield f"{at} must have {least} to {most} characters"
            elif pattern and not re.match(pattern[0], value):
                yield f"{at} = {value!r} does not match"
        case ("list", most, inner):
            if not isinstance(value, list) or not 1 <= len(value) <= most:  # type: ignore[arg-type]
                yield f"{at} must have 1 to {most} items"
            if len({json.dumps(each) for each in value}) < len(value):
                yield f"{at} has something twice"
            for number, each in enumerate(value):
                yield from against(inner, each, f"{at}[{number}]")
        case _:
            if schema == (YES,) and not isinstance(value, bool):
                yield f"{at} must be true or false"


def against_object(schema: Json, value: Json, at: str) -> Iterator[str]:
    """The same of an object's names and all that stands under them."""
    known = {name.removesuffix("!"): each for name, each in schema.items()}
    yield from (f"{at}.{name} is unknown" for name in value if name not in known)
    for name in schema:
        if name.endswith("!") and name[:-1] not in value:
            yield f"{at}.{name} is missing"
    for name, inner in value.items():
        yield from against(known.get(name, ()), inner, f"{at}.{name}")


def commands() -> list[Command]:
    voice = Words.load(FOLDER).speak("en")
    return [voice.command(spec.command) for spec in Registry(COGS).commands.values()]


def made(**more: Any) -> Json:
    return manifest(commands(), **more)


def values(told: Json, name: str) -> Iterator[Any]:
    """Every value of that name, wherever it stands."""
    for key, value in told.items():
        if key == name:
            yield value
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from values(each, name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"prefix": "bb-"},
        {"prefix": "a-b_3456789-"},
        {"url": URL},
        {"url": f"{URL}/bot/"},
        {"url": URL, "socket": True},
    ],
)
def test_slack_takes_it(more: Json) -> None:
    assert list(against(SCHEMA, made(**more))) == []


def test_the_schema_here_is_not_blind() -> None:
    told = made()
    told["features"]["shortcuts"][0]["name"] = "I was rejected once again"
    told["features"]["slash_commands"][0]["command"] = "rejected"
    told["features"]["slash_commands"].append(told["features"]["slash_commands"][1])
    told["features"]["bot_user"].pop("display_name")
    told["settings"]["socket_mode"] = "on"
    told["display_information"]["long_description"] = "Short."
    assert len(list(against(SCHEMA, told))) == 6


def test_every_command_is_there_as_it_is_typed() -> None:
    told = {each["command"]: each for each in made()["features"]["slash_commands"]}
    assert set(told) == {f"/{each.name}" for each in commands() if each.typed}
    assert told["/rejected"] == {
        "command": "/rejected",
        "description": "Share a no. You choose who sees it.",
        "usage_hint": "[Company and role, if you like]",
        "should_escape": False,
    }
    assert "usage_hint" not in told["/help"]
    assert all(each["should_escape"] is False for each in told.values())


def test_both_shortcuts_are_there_and_lead_to_a_command() -> None:
    told = made()["features"]["shortcuts"]
    assert [(each["name"], each["type"], each["callback_id"]) for each in told] == [
        ("I was rejected", "global", "shortcut:rejected"),
        ("Send encouragement", "message", "message:send-encouragement"),
    ]
    names = {each.name for each in commands()}
    assert {each["callback_id"].split(":")[1] for each in told} <= names


def test_what_must_and_what_may_follow_a_command_can_be_told_apart() -> None:
    options = (Field("who", label="Who"), Field("when", optional=True, label="When"))
    told = manifest([Command("meet", "Meet.", options, shortcut="Meet")])
    assert told["features"]["slash_commands"][0]["usage_hint"] == "<Who> [When]"


def test_a_prefix_starts_every_command_and_nothing_else() -> None:
    plain, told = made(), made(prefix="bb-")
    names = [each["command"] for each in told["features"]["slash_commands"]]
    assert names == ["/bb-" + each["command"][1:] for each in plain["features"]["slash_commands"]]
    assert told["features"]["shortcuts"] == plain["features"]["shortcuts"]
    assert "/bb-rejected" in told["display_information"]["long_description"]


def test_with_socket_mode_no_address_is_named() -> None:
    told = made()
    assert told["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(told)


def test_with_an_address_slack_calls_it_for_everything() -> None:
    told = made(url=f"{URL}/")
    assert told["settings"]["socket_mode_enabled"] is False
    events = f"{URL}/slack/events"
    assert set(values(told, "url")) == set(values(told, "request_url")) == {events}
    assert len(list(values(told, "request_url"))) == 2, "events and interactivity"
    assert told["settings"]["interactivity"]["message_menu_options_url"] == events
    assert all("url" in each for each in told["features"]["slash_commands"])
    assert told["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]


def test_socket_mode_and_oauth_go_together() -> None:
    told = made(url=URL, socket=True)
    assert told["settings"]["socket_mode_enabled"] is True
    assert told["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert not list(values(told, "request_url"))


def test_the_app_home_and_its_messages_tab_are_on_and_can_be_written_in() -> None:
    assert made()["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert made()["features"]["bot_user"]["always_online"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        [Command("x" * 32, "Too long with its slash.")],
        [Command(f"c{number}", "One of many.") for number in range(51)],
        [Command(f"c{number}", "One of many.", shortcut="Here") for number in range(11)],
        [Command("c", "Wordy.", tuple(Field(f"f{n}", label="x" * 45, optional=True) for n in range(25)))],
    ],
)
def test_what_slack_would_refuse_is_refused_here(wrong: list[Command]) -> None:
    with pytest.raises(LimitError):
        manifest(wrong)


# -- least privilege ------------------------------------------------------------------------------


def called() -> set[str]:
    """Every Web API method that the platform's modules name."""
    files = [each for each in (ROOT / "bot/platforms").glob("slack*.py") if each.stem != "slack_manifest"]
    return {method for file in files for method in METHOD.findall(file.read_text("utf-8"))}


def test_every_method_that_is_called_is_known_and_no_other() -> None:
    assert called() == set(METHODS)


def test_every_scope_has_a_use_and_every_use_its_scope() -> None:
    needed = {scope for scopes in (*METHODS.values(), *EVENTS.values(), FEATURES) for scope in scopes}
    assert needed == set(SCOPES)
    assert made()["oauth_config"]["scopes"] == {"bot": sorted(SCOPES)}, "and none of a person's"
    assert made()["settings"]["event_subscriptions"]["bot_events"] == sorted(EVENTS)


def test_nothing_is_asked_for_that_would_let_it_pry() -> None:
    for scope in SCOPES:
        assert not re.search(r"email|admin|search|identity|reactions|calls|pins|chat:write\.", scope), scope
    assert "message.mpim" not in EVENTS, "what people write to each other is none of its business"


def test_the_documentation_gives_every_scope_and_its_reason() -> None:
    page = (ROOT / "docs/slack.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z:.]+)` \| (.+?) \|$", page, re.MULTILINE))
    assert rows == dict(SCOPES)
    for event in EVENTS:
        assert f"`{event}`" in page, event


# -- the command line -----------------------------------------------------------------------------


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``bounceback manifest`` in an empty folder, with a configuration."""
    monkeypatch.chdir(tmp_path)

    def run(config: str, *arguments: str) -> Any:
        (tmp_path / "config.toml").write_text(config, "utf-8")
        return CliRunner().invoke(app, ["manifest", *arguments])

    return run


def test_it_is_printed_as_json_to_paste(printed: Any) -> None:
    told = printed("")
    assert told.exit_code == 0
    assert json.loads(told.output) == made()


@pytest.mark.parametrize(
    ("config", "arguments", "wanted"),
    [
        ("", ["--url", URL], {"url": URL}),
        (f'[slack]\npublic_url = "{URL}"', [], {"url": URL}),
        ('[slack]\ncommand_prefix = "bb-"', [], {"prefix": "bb-"}),
        (f'[slack]\npublic_url = "{URL}"', ["--url", f"{URL}/other"], {"url": f"{URL}/other"}),
        (
            f'[slack]\npublic_url = "{URL}"\nport = 3000\nclient_id = "1.2"\nclient_secret = "s"\n'
            'app_token = "xapp-1"',
            [],
            {"url": URL, "socket": True},
        ),
        ('[slack]\nbot_token = "xoxb-1"\napp_token = "xapp-1"', ["--url", URL], {"url": URL}),
    ],
)
def test_it_follows_the_settings(printed: Any, config: str, arguments: list[str], wanted: Json) -> None:
    told = printed(config, *arguments)
    assert told.exit_code == 0, told.output
    assert json.loads(told.output) == made(**wanted)
    assert "xapp" not in told.output


@pytest.mark.parametrize(
    "url", ["http://bounceback.example.org", "bounceback.example.org", "https://", "\x1b"]
)
def test_an_address_that_slack_cannot_call_is_refused(printed: Any, url: str) -> None:
    told = printed("", "--url", url)
    assert told.exit_code == 2
    assert "starts with https://" in told.output and "\x1b" not in told.output


def test_names_that_get_too_long_are_told(printed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_manifest, "COMMAND_NAME", 15)
    told = printed('[slack]\ncommand_prefix = "bounceback-"')
    assert told.exit_code == 2
    assert "Shorten slack.command_prefix" in told.output

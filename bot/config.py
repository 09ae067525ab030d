"""Every setting, frozen: environment over file over default, one validation, one clear error.

``config.toml`` holds sections of keys; ``BOUNCEBACK_SECTION__KEY`` in the environment wins over it.
``config.example.toml`` shows each key with its default. What is wrong is told all at once, a line
each, with the place, the value (never a secret's) and the remedy. Only ``load`` reads anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot import config_reading as reading
from bot.clock import UnknownZone, zone_info
from bot.config_platforms import Discord, Section, Slack, host, whole
from bot.config_reading import ConfigError, Origins
from bot.roles import FORM, fitting_shards

__all__ = ["ConfigError", "Origins", "Settings", "check_paths", "load", "load_with_origins", "values"]

PREFIX = "BOUNCEBACK_"
NOT_SETTINGS = frozenset({"BOUNCEBACK_CHROMIUM"})  # the browser tests read it
DEFAULT_FILE = Path("config.toml")


def _one_of(default: str, *choices: str) -> Any:
    return Field(default=default, description=reading.listed((f'"{choice}"' for choice in choices), "or"))


def _zone(name: str) -> str:
    try:
        zone_info(name)
    except UnknownZone:
        remedy = {"remedy": reading.zone_remedy(name)}
        raise PydanticCustomError(reading.SAID, "is not a time zone. {remedy}", remedy) from None
    return name


def _time(value: object) -> object:
    """Turn "21:00" (or TOML's own 21:00:00) into a time of day; seconds would only pretend precision."""
    if isinstance(value, time) and not value.second and not value.microsecond and value.tzinfo is None:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError
    return time.fromisoformat(value)


def _url(url: str) -> str:
    if re.fullmatch(r"sqlite:///(?!:memory:|file:)[^?\0]*[^?/\0]", url):
        return url
    parts = urlsplit(url)
    if not re.match(r"postgresql://\S*\Z", url) or not parts.path.strip("/") or parts.port == 0:
        raise ValueError
    return url


def _line(name: str) -> str:
    if not name.strip() or len(name.splitlines()) != 1 or re.search(r"[\0-\x1f\x7f]", name):
        raise ValueError
    return name


TimeOfDay = Annotated[time, BeforeValidator(_time), Field(description='a time from "00:00" to "23:59"')]


class Community(Section):
    """The community: what it is called, where and how it lives."""

    name: Annotated[str, AfterValidator(_line)] = Field(
        default="Bounceback", max_length=80, description="one line of 1 to 80 characters"
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description='a zone such as "Europe/Berlin"'
    )
    language: str = Field(
        default="en",
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description='a language code such as "en" or "pt-BR"',
    )
    quiet_from: TimeOfDay = time(21, 0)
    quiet_to: TimeOfDay = time(8, 30)
    messages_per_day: int = whole(1, 1, 5)
    ignored_limit: int = whole(5, 1, 100)


class Storage(Section):
    """Where rows live, and the key of what is private in them."""

    # Out of repr: it may hold a password, and settings end up in logs.
    url: Annotated[str, AfterValidator(_url)] = Field(
        default="sqlite:///data/bounceback.db",
        repr=False,
        description='"sqlite:///" and a file, or "postgresql://user:password@host/database"',
    )
    key_file: Path = Field(default=Path("data/bounceback.key"), description="the path of a file, in quotes")

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None


class Web(Section):
    """The local web chat: a community in the browser, to try everything in."""

    enabled: Literal["auto", "on", "off"] = _one_of("auto", "auto", "on", "off")
    host: str = host("127.0.0.1")
    port: int = whole(8080, 1, 65535)


class Outbox(Section):
    """How what is said unprompted is sent. FACTS: keep twice batch/rate well under the lease."""

    lease: int = whole(60, 10, 120)  # seconds; above 120 Discord may have forgotten the nonce
    batch: int = whole(2048, 1, 4096)
    senders: int = whole(16, 1, 256)
    attempts: int = whole(8, 1, 100)


class Process(Section):
    """What this process does, where several share the work (docs/scaling.md)."""

    role: Literal["all", "gateway", "sender"] = _one_of("all", "all", "gateway", "sender")
    shards: Annotated[str, AfterValidator(fitting_shards)] = Field(default="", description=FORM)


class Metrics(Section):
    """The page with figures for Prometheus. It holds no names, but is not for the internet either."""

    host: str = host("127.0.0.1")
    port: int = whole(0, 0, 65535)


class Log(Section):
    """What is written down, and for whom: a person at a console or a machine reading JSON."""

    level: Literal["debug", "info", "warning", "error"] = _one_of("info", "debug", "info", "warning", "error")
    format: Literal["console", "json"] = _one_of("console", "console", "json")


class Dev(Section):
    """For trying things out."""

    clock_speed: float = Field(default=1.0, gt=0, le=100_000, description="a number above 0, at most 100000")


class Settings(BaseSettings):
    """All of it. Built by ``load``; tests may build one, with keyword arguments over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False, extra="forbid", frozen=True
    )

    community: Community = Community()
    storage: Storage = Storage()
    web: Web = Web()
    discord: Discord = Discord()
    slack: Slack = Slack()
    outbox: Outbox = Outbox()
    process: Process = Process()
    metrics: Metrics = Metrics()
    log: Log = Log()
    dev: Dev = Dev()

    @property
    def web_wanted(self) -> bool:
        """Whether to serve the local web chat: as told, or on its own when there is no other platform."""
        if self.web.enabled == "auto":
            return not (self.discord.token.get_secret_value() or self.slack.wanted)
        return self.web.enabled == "on"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over what was given (the file); no .env and no secrets folder behind one's back."""
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Return the settings in force; ``path`` None means ./config.toml if there is one.

    Raises ``ConfigError``, whose text tells all that is wrong. Reads the environment and the file,
    looks at the folders that will be written to, and writes nothing.
    """
    return load_with_origins(path)[0]


def load_with_origins(path: Path | None = None) -> tuple[Settings, Origins]:
    """Do what ``load`` does, and also tell where each value comes from."""
    known = sections()
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = DEFAULT_FILE
    file = reading.plain(str(path or DEFAULT_FILE))
    ours = [
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in NOT_SETTINGS
    ]
    env, wrong = reading.variables(ours, known, PREFIX)
    table: reading.Table = {}
    try:
        table = reading.read_toml(path) if path is not None else {}
    except ConfigError as error:
        wrong.append(str(error))
    wrong += reading.misplaced(table, known, file)
    origins = Origins(file, frozenset((a, b) for a in table for b in table[a]), env)
    try:
        settings = Settings(**table)
    except ValidationError as errors:
        # Variables that name no setting reach pydantic too; they are told of above.
        wrong += [reading.rejected(error, origins, known) for error in errors.errors() if _ours(error, known)]
        raise ConfigError("\n".join(wrong)) from None
    if wrong:
        raise ConfigError("\n".join(wrong))
    check_platforms(settings, origins)
    check_paths(settings, origins)
    return settings, origins


def _ours(error: ErrorDetails, known: reading.Known) -> bool:
    return len(error["loc"]) > 1 and str(error["loc"][1]) in known[str(error["loc"][0])]


def check_platforms(settings: Settings, origins: Origins) -> None:
    """Raise ``ConfigError`` when settings of a platform do not go together."""
    wrong: list[str] = []
    for name, platform in (("discord", settings.discord), ("slack", settings.slack)):
        for key, said in platform.wrong():
            info, value = type(platform).model_fields[key], getattr(platform, key)
            where = origins.of(name, key) if (name, key) in origins.set else origins.file
            wrong.append(reading.problem(where, name, key, info, value, said))
    if settings.web_wanted and settings.slack.wanted and settings.slack.port == settings.web.port:
        said = 'is the local web chat\'s too. Set another one, or web.enabled = "off".'
        info, value = Slack.model_fields["port"], settings.slack.port
        wrong.append(reading.problem(origins.of("slack", "port"), "slack", "port", info, value, said))
    if wrong:
        raise ConfigError("\n".join(wrong))


def check_paths(settings: Settings, origins: Origins | None = None) -> None:
    """Raise ``ConfigError`` when the database's or the key's file could not be made or written.

    Creates nothing: it looks at what exists, up to the first folder that does.
    """
    wrong: list[str] = []
    for key, path in (("url", settings.storage.file), ("key_file", settings.storage.key_file)):
        said = path and _unwritable(path)
        if said:
            info, value = Storage.model_fields[key], str(getattr(settings.storage, key))
            where = origins.of("storage", key) if origins else "default"
            wrong.append(reading.problem(where, "storage", key, info, value, said))
    if wrong:
        raise ConfigError("\n".join(wrong))


def unusable_storage(settings: Settings, origins: Origins | None, said: str) -> str:
    """Return the line for a database that cannot be opened, as for any setting; never its password."""
    where = origins.of("storage", "url") if origins else "default"
    return f"{reading.plain(where)}: storage.url = {reading.show(settings.storage.url)} {said}"


def _unwritable(path: Path) -> str:
    """What is in the way of writing this file, with the remedy; an empty string when nothing is."""
    if "\0" in str(path):
        return "holds a null character, which no path can. Name another file."
    try:
        if path.is_dir():
            return "names a folder. Add a file name to it."
        if path.exists():
            return (
                "" if os.access(path, os.R_OK | os.W_OK) else "cannot be read and written. Check who owns it."
            )
        folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        there = f'"{reading.plain(str(folder))}"'
        if not folder.is_dir():
            return f"cannot be made: {there} is a file, not a folder. Name another place."
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"cannot be made: {there} may not be written. Name another place."
    except OSError as error:  # such as a name too long
        return f"cannot be used: {error.strerror}. Name another file."
    return ""


def sections() -> dict[str, dict[str, FieldInfo]]:
    """Every section and key there is, with what pydantic knows of it."""
    models = {name: info.annotation for name, info in Settings.model_fields.items()}
    return {
        name: dict(model.model_fields)
        for name, model in models.items()
        if isinstance(model, type) and issubclass(model, Section)
    }


def values(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Every setting in force as (section, key, how to show it); secrets and passwords are hidden."""
    for section, keys in sections().items():
        for key in keys:
            value = getattr(getattr(settings, section), key)
            if isinstance(value, SecretStr):
                yield section, key, "(set, hidden)" if value.get_secret_value() else "(not set)"
            elif isinstance(value, time):
                yield section, key, f'"{value:%H:%M}"'
            else:
                yield section, key, reading.show(str(value) if isinstance(value, Path) else value)

"""The settings of Discord and Slack, and which of them need each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

MOST_SHARDS = 16_384  # more than Discord has ever asked a bot to take
PUBLIC_URL = r"^(https://[^\s/?#]+(/[^\s?#]*)?)?$"
PUBLIC_URL_TAKES = 'an address that starts with https://, such as "https://bounceback.example.org"'
Wrong = tuple[str, str]  # a key, and what is wrong with its value and how to mend it


class Section(BaseModel):
    """Settings that belong together; frozen, and no key is let in that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def whole(default: int, low: int, high: int) -> Any:
    """A whole number within bounds."""
    return Field(default=default, ge=low, le=high, description=f"a whole number from {low} to {high}")


def host(default: str) -> Any:
    """A name or address to listen on."""
    return Field(default=default, pattern=r"^[^\s/]+$", description='a host, such as "127.0.0.1"')


def _id(description: str) -> Any:
    return Field(default="", pattern=r"^([0-9]{15,20})?$", description=description)


def _address(example: str) -> Any:
    return Field(
        default="",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description=f'an address such as "{example}"',
    )


def _secret(description: str) -> Any:
    return Field(default=SecretStr(""), description=description)


def _starting(start: str) -> AfterValidator:
    """A token has a beginning of its own, so that two that were swapped are noticed."""

    def check(token: SecretStr) -> SecretStr:
        value = token.get_secret_value().strip()
        if value and not re.fullmatch(rf"{start}\S+", value):
            raise ValueError
        return token

    return AfterValidator(check)


def _numbers(value: object) -> object:
    """A list of shard ids; the environment writes it as "0, 1" or "[0, 1]"."""
    if isinstance(value, str):
        value = [int(each) for each in re.sub(r"^\s*\[(.*)\]\s*$", r"\1", value).split(",") if each.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError
    numbers = tuple(cast("Sequence[object]", value))
    right = all(type(each) is int and 0 <= each < MOST_SHARDS for each in numbers)
    if not right or len(set(numbers)) < len(numbers):
        raise ValueError
    return numbers


class Discord(Section):
    """Discord's side; no token, no Discord. Ids are numbers of 15 to 20 digits, too long for some tools."""

    token: SecretStr = _secret("the bot's token, in quotes")
    application_id: str = _id("the application's id from the developer portal, 15 to 20 digits in quotes")
    api_base: str = _address("http://127.0.0.1:8081/api/v10")
    test_guild: str = _id("the id of a server, 15 to 20 digits in quotes")
    shard_ids: Annotated[tuple[int, ...], BeforeValidator(_numbers)] = Field(
        default=(), description=f"different whole numbers from 0 to {MOST_SHARDS - 1}, such as [0, 1]"
    )
    shard_count: int = whole(0, 0, MOST_SHARDS)

    def wrong(self) -> Iterator[Wrong]:
        """When a process is to take shards that there are not."""
        ids, count = self.shard_ids, self.shard_count
        if ids and not count:
            yield "shard_ids", "needs discord.shard_count: how many there are in all processes together."
        elif ids and max(ids) >= count:
            yield "shard_ids", f"does not fit discord.shard_count = {count}: the ids are 0 to {count - 1}."


class Slack(Section):
    """Slack's side; no token and no client id, no Slack. docs/slack.md says where each is found."""

    bot_token: Annotated[SecretStr, _starting("xoxb-")] = _secret(
        "the bot's token, which starts with xoxb-, in quotes"
    )
    app_token: Annotated[SecretStr, _starting("xapp-")] = _secret(
        "the app-level token, which starts with xapp-, in quotes"
    )
    signing_secret: SecretStr = _secret("the app's signing secret, in quotes")
    client_id: str = Field(
        default="", pattern=r"^([0-9]+\.[0-9]+)?$", description="two numbers with a dot between, in quotes"
    )
    client_secret: SecretStr = _secret("the app's client secret, in quotes")
    host: str = host("127.0.0.1")
    port: int = whole(0, 0, 65535)
    public_url: str = Field(default="", pattern=PUBLIC_URL, description=PUBLIC_URL_TAKES)
    api_base: str = _address("http://127.0.0.1:8082/api/")
    command_prefix: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_-]{0,11})?$",
        description='at most 12 of a-z, 0-9, - and _, starting with a letter, such as "bb-"',
    )

    @property
    def wanted(self) -> bool:
        """Whether there is a way into a workspace: a token, or OAuth."""
        return bool(_said(self.bot_token) or self.client_id)

    @property
    def has_any(self) -> bool:
        """Whether anything is set that only somebody who wants Slack sets."""
        secrets = (self.bot_token, self.app_token, self.signing_secret, self.client_secret)
        return bool(self.client_id) or any(_said(each) for each in secrets)

    def wrong(self) -> Iterator[Wrong]:
        """Which settings lack beside which others, and which exclude each other."""
        if not self.has_any:
            return
        if self.client_id and not _said(self.client_secret):
            yield "client_secret", "is missing beside slack.client_id. Both are under Basic Information."
        if _said(self.client_secret) and not self.client_id:
            yield "client_id", "is missing beside slack.client_secret. Both are under Basic Information."
        if self.client_id and _said(self.bot_token):
            yield (
                "bot_token",
                "serves one workspace, slack.client_id many (by OAuth). Leave out one of them.",
            )
        if not self.wanted and not _said(self.client_secret):
            yield (
                "bot_token",
                "is missing: the other settings of [slack] do nothing without it. It is under OAuth & "
                "Permissions once the app is installed; for many workspaces set slack.client_id instead.",
            )
        yield from self._no_way_in()

    def _no_way_in(self) -> Iterator[Wrong]:
        """What lacks for Slack to reach the bot: Socket Mode, or an address that Slack calls."""
        if self.client_id and not self.public_url:
            yield (
                "public_url",
                "is missing: with slack.client_id, people come back to it from Slack's page. It takes the "
                "https:// address under which slack.port can be reached.",
            )
        if self.client_id and not self.port:
            yield "port", "is off: with slack.client_id, the install page needs one, such as 3000."
        if _said(self.app_token) or not self.wanted:
            return
        if not _said(self.signing_secret):
            yield (
                "app_token",
                "is missing: Socket Mode needs it (Basic Information, App-Level Tokens). Without Socket "
                "Mode, set slack.signing_secret, slack.port and slack.public_url instead.",
            )
        elif not self.port:
            yield (
                "port",
                "is off: without slack.app_token, Slack's requests come in over it. Set one, such as 3000.",
            )


def _said(secret: SecretStr) -> str:
    return secret.get_secret_value().strip()

"""The command line: ``bounceback run``, ``check``, ``invite``, ``manifest``, ``keys`` and ``outbox``.

Settings that cannot be used end with exit code 2 and plain lines on stderr, a key file that cannot
be used with 1. Each command imports what it needs when it runs, so that all of them start at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_outbox import outbox
from bot.cli_parts import FAILED, UNUSABLE, ConfigFile
from bot.cli_parts import fail as _fail
from bot.cli_parts import load as _load
from bot.cli_parts import vault as _vault
from bot.roles import Role

app = typer.Typer(
    help="Bounceback: peer support for job seekers. You are not alone.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="The keys of what people wrote.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys, name="keys")
app.add_typer(outbox, name="outbox")


@app.command()
def run(
    config: ConfigFile = None,
    role: Annotated[
        Role | None,
        typer.Option(help="What this process does; without it process.role.", show_default=False),
    ] = None,
    shards: Annotated[
        str,
        typer.Option(
            metavar="0-3/16", help="Which of Discord's shards it hears, of how many.", show_default=False
        ),
    ] = "",
) -> None:
    """Start the bot, and serve until stopped."""
    settings, origins = _load(config)
    from bot.__main__ import run_forever
    from bot.roles import RoleError, chosen

    try:
        settings = chosen(settings, role, shards)
    except RoleError as error:
        _fail(str(error), UNUSABLE)
    raise typer.Exit(run_forever(settings, origins))


@app.command()
def check(config: ConfigFile = None) -> None:
    """Show every setting in force and where it comes from; start nothing."""
    settings, origins = _load(config)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot.config import values

    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for section, key, shown in values(settings):
        origin = origins.of(section, key)
        # Text, not str: a community may be called "[bold]".
        row = (f"{section}.{key}", shown, origin)
        table.add_row(*(Text(cell, style="dim" if origin == "default" else "") for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = 1000  # wide enough that no value is broken over lines in a file or a pipe
    console.print(table)


@app.command()
def invite(config: ConfigFile = None) -> None:
    """Print the link that brings the bot into a Discord server."""
    settings, _ = _load(config)
    from bot.invite import NoInvite, link

    try:
        typer.echo(link(settings.discord))
    except NoInvite as error:
        _fail(str(error), UNUSABLE)


@app.command()
def manifest(
    config: ConfigFile = None,
    url: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The public https:// address that Slack calls; without it slack.public_url, or Socket Mode.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Print the manifest that makes the Slack app: as JSON, to paste into Slack's "From a manifest"."""
    settings, _ = _load(config)
    import json
    import re

    from bot.config_platforms import PUBLIC_URL, PUBLIC_URL_TAKES
    from bot.config_reading import plain
    from bot.content import FOLDER
    from bot.platforms.slack_manifest import manifest as made
    from bot.registry import Registry
    from bot.ui import LimitError
    from bot.words import Words
    from cogs import COGS

    slack = settings.slack
    if url and not re.match(PUBLIC_URL, url):
        _fail(f"--url {plain(url)} does not fit. It takes {PUBLIC_URL_TAKES}.", UNUSABLE)
    voice = Words.load(FOLDER).speak(settings.community.language)
    commands = [voice.command(spec.command) for spec in Registry(COGS).commands.values()]
    by_socket = not url and bool(slack.app_token.get_secret_value())
    try:
        told = made(
            commands, prefix=slack.command_prefix, url=url or slack.public_url, socket=by_socket or None
        )
    except LimitError as error:
        _fail(f"{error}. Shorten slack.command_prefix.", UNUSABLE)
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))


@keys.command("list")
def list_keys(config: ConfigFile = None) -> None:
    """Show the ids of the keys, oldest first; the last one seals what is written now."""
    vault = _vault(config)
    for key_id in vault.key_ids:
        typer.echo(f"{key_id}  current" if key_id == vault.current else key_id)


@keys.command()
def rotate(config: ConfigFile = None) -> None:
    """Add a key for what is written from now on; the old ones still open what they sealed."""
    from bot.vault import VaultError

    vault = _vault(config)
    try:
        typer.echo(f"New key: {vault.rotate()}. Back up the key file now.")
    except VaultError as error:
        _fail(str(error), FAILED)


def main() -> None:
    """Run the command line; the entry point of the `bounceback` program."""
    app()

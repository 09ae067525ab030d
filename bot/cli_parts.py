"""What all commands share: where the settings are, what is said when they cannot be used, exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from bot.config import Origins, Settings
    from bot.vault import Vault

UNUSABLE, FAILED = 2, 1  # exit codes

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings; without it ./config.toml, or the defaults.",
        show_default=False,
    ),
]


def load(config: Path | None) -> tuple[Settings, Origins]:
    """The settings in force and where they come from; ends the program if they cannot be used."""
    from bot.config import ConfigError, load_with_origins

    try:
        return load_with_origins(config)
    except ConfigError as error:
        fail(str(error), UNUSABLE)


def vault(config: Path | None) -> Vault:
    """The key file in force. None is made here: an empty new ring beside a full database helps nobody."""
    from bot.vault import Vault, VaultError

    path = load(config)[0].storage.key_file
    if not Vault.exists(path):
        fail(f"{path}: there is no key file yet. The bot makes it when it first starts.", FAILED)
    try:
        return Vault.open(path)
    except VaultError as error:
        fail(str(error), FAILED)


def fail(message: str, code: int) -> NoReturn:
    """End the program with a sentence on stderr."""
    typer.echo(message, err=True)
    raise typer.Exit(code)

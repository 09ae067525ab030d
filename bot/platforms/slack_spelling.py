"""Commands in the bot's words as people have to type them: with the prefix that they have in a workspace.

The words say ``/rejected`` wherever they are shown. Where the settings put a prefix before each command they
say ``/bb-rejected``. What a person wrote stays as it is (quotes are not spelled anew).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.ui import Command


class Spelling:
    """Called with a text of the bot's, gives it back with the prefix before each command in it."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._command: re.Pattern[str] | None = None

    def learn(self, commands: Iterable[Command]) -> None:
        """The commands there are."""
        names = "|".join(re.escape(each.name) for each in commands)
        if self._prefix and names:
            self._command = re.compile(rf"(?<![^\s(\"'“‘])/(?=(?:{names})(?![\w/-]))")

    def __call__(self, text: str) -> str:
        """The text as people read it; it grows by the prefix at each command."""
        return self._command.sub(f"/{self._prefix}", text) if self._command else text


PLAIN = Spelling()

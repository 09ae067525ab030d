"""A small reading of Discord's Markdown, for tests: what a text would be shown as.

Written from the documented and observed grammar, not from the escaping it checks. ``read`` gives the
pieces of a text as (kind, shown characters); an inert text is one piece of kind "text".
"""

from __future__ import annotations

import re

Piece = tuple[str, str]

_BLOCKS = [
    ("heading", re.compile(r"\s*(#{1,3})\s+(.+?)(?:\n|\Z)")),
    ("subtext", re.compile(r"\s*-#\s+(.+?)(?:\n|\Z)")),
    ("list", re.compile(r"[^\S\n]*(?:[*+-]|\d+[.)])\s+(\S.*?)(?:\n|\Z)")),
    ("quote", re.compile(r"\s*>(?:>>)? (.*?)(?:\n|\Z)")),
]
_INLINE = [
    ("fence", re.compile(r"```(?:[a-z0-9_+\-.#]+?\n)?\n*([^\n][\s\S]*?)\n*```", re.IGNORECASE)),
    ("code", re.compile(r"(`+)([\s\S]*?[^`])\1(?!`)")),
    ("mention", re.compile(r"<(?:@[!&]?|#)\d+>|<id:\w+>|</[^>\n]+:\d+>")),
    ("everyone", re.compile(r"@(?:everyone|here)\b")),
    ("emoji", re.compile(r"<a?:\w+:\d+>|:[^\s:]+:")),
    ("time", re.compile(r"<t:-?\d+(?::[tTdDfFRsS])?>")),
    ("link", re.compile(r"\[[^\]]*\]\(\s*<?[^\s)]+>?[^)]*\)")),
    ("address", re.compile(r"<?(?:https?|steam)://\S+|<(?:mailto|tel|sms):[^>\s]+>|<[^@\s]+@[^>\s]+>")),
    ("bold", re.compile(r"\*\*([\s\S]+?)\*\*(?!\*)")),
    ("underline", re.compile(r"__([\s\S]+?)__(?!_)")),
    ("italic", re.compile(r"\*(?=\S)([\s\S]+?)\*(?!\*)|_([\s\S]+?)_(?!\w)")),
    ("strike", re.compile(r"~~([\s\S]+?)~~")),
    ("spoiler", re.compile(r"\|\|([\s\S]+?)\|\|")),
]
_ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")


def read(source: str) -> list[Piece]:
    """The pieces that Discord would show, neighbouring plain text joined."""
    pieces: list[Piece] = []

    def add(kind: str, shown: str) -> None:
        if kind == "text" and pieces and pieces[-1][0] == "text":
            pieces[-1] = ("text", pieces[-1][1] + shown)
        else:
            pieces.append((kind, shown))

    at = 0
    while at < len(source):
        starts = at == 0 or source[at - 1] == "\n"
        for kind, rule in [*(_BLOCKS if starts else ()), ("escape", _ESCAPE), *_INLINE]:
            if found := rule.match(source, at):
                add("text" if kind == "escape" else kind, found[1] if kind == "escape" else found[0])
                at = found.end()
                break
        else:
            add("text", source[at])
            at += 1
    return pieces

"""Cards as Discord shows them: Components V2 in a container whose accent colour is the tone.

What people wrote is inert: every character that Discord's Markdown reads is escaped, and
``allowed_mentions`` is empty on every message. Escaping makes a text longer, up to twice; Discord
takes 4,000 characters in all. A card that outgrows that is shown without loss, in this order:

1. every text escaped (nearly always enough: a card has at most 2,800 readable characters);
2. quotes as code blocks, in which Discord reads nothing but their end;
3. the whole text as an attached file beside the title and the buttons.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.ui import Button, Card, Fact, Jump, Person, Quote, Style, Text, Tone, When, parts

Json = dict[str, Any]

EPHEMERAL, COMPONENTS_V2 = 1 << 6, 1 << 15  # message flags
ROW, BUTTON, DISPLAY, GALLERY, FILE, CONTAINER = 1, 2, 10, 12, 13, 17  # component types
TEXT_TOTAL = 4000  # characters of all text displays of a message together
ROW_LIMIT = 5  # buttons in a row
NOBODY: Json = {"parse": [], "replied_user": False}  # allowed_mentions: whom a message may ping
SITE = "https://discord.com/channels"

COLOURS = {
    Tone.CALM: 0x7A8CA3,
    Tone.WARM: 0xE8A33D,
    Tone.WIN: 0x4CAF7A,
    Tone.CARE: 0x9B7EDE,
    Tone.PROBLEM: 0xC9584F,
}
_STYLES = {Style.PRIMARY: 1, Style.PLAIN: 2, Style.DANGER: 4}
_WHEN = {"day": "D", "time": "t", "moment": "f", "relative": "R"}

# Read by Discord anywhere in a line; then a custom emoji's or shortcode's colon and an address's; then
# what is only read at the beginning of a line.
_ANYWHERE = re.compile(r"[\\*_~|`<>\[\]@]|:(?=\S)")
_LINE_START = re.compile(r"^([^\S\n]*)(-#|#{1,6}|[-+]|\d+[.)])(?=\s|$)", re.MULTILINE)


def escape(text: str) -> str:
    """``text`` so that Discord shows it character by character: no format, link, emoji, time or name."""
    text = _ANYWHERE.sub(lambda found: "\\" + found[0], text)
    return _LINE_START.sub(_inert_start, text)


def _inert_start(found: re.Match[str]) -> str:
    mark = found[2]
    if mark[0].isdigit():
        return f"{found[1]}{mark[:-1]}\\{mark[-1]}"
    return found[1] + "".join("\\" + char for char in mark)


def fence(text: str) -> str:
    """``text`` as a code block; a run of backticks in it is parted by an invisible space."""
    parted = re.sub(r"`(?=`)", "`\u200b", text)
    return f"```\n{parted}\n```"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in escape(text).split("\n"))


def _drawn(text: Text, quote: Callable[[str], str]) -> str:
    """A text in Discord's Markdown. Neighbouring strings are escaped as one: marks may span them."""
    shown, words, quoted = "", "", False
    for part in (*parts(text), None):
        if isinstance(part, str):
            words += part
            continue
        apart = quoted and (words or part) and not words.startswith("\n")  # a quote is a block
        shown += ("\n" if apart else "") + escape(words)
        words, quoted = "", isinstance(part, Quote)
        match part:
            case None:
                pass
            case Quote(said):
                shown += "\n" if shown and not shown.endswith("\n") else ""
                shown += quote(said)
            case _:
                shown += _inline(part)
    return shown


def _inline(part: When | Person | Jump) -> str:
    match part:
        case When(at, style):
            return f"<t:{int(at.timestamp())}:{_WHEN[style]}>"
        case Person(id):
            return f"<@{id}>" if id.isdecimal() else escape(id)
        case Jump(label):
            return f"[{escape(label)}]({address(part)})" if label else f"<#{part.thread or part.channel}>"


def address(jump: Jump) -> str:
    """Where a jump leads. A thread stands in the place of its channel."""
    names = [SITE, jump.community, jump.thread or jump.channel, jump.message]
    return "/".join(name for name in names if name)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. ``about`` is its alt text."""

    name: str
    data: bytes
    kind: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A message as it is sent: JSON, and the files beside it."""

    json: Json
    files: tuple[Attachment, ...] = field(default=())

    def flagged(self, flag: int) -> Body:
        """The same with one more message flag."""
        return Body({**self.json, "flags": self.json["flags"] | flag}, self.files)

    def named(self, key: str) -> Body:
        """The same, happening once: Discord gives back the first message of a nonce."""
        return Body({**self.json, "nonce": key, "enforce_nonce": True}, self.files)

    def signed(self, key: str) -> Body:
        """The same with the key's mark, by which it is found again when the nonce is forgotten."""
        container, *more = self.json["components"]
        return Body({**self.json, "components": [{**container, "id": mark(key)}, *more]}, self.files)


def mark(key: str) -> int:
    """A key as the id of a component: the one place where Discord keeps a number for us on a message."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1 or 1


def message(card: Card, *, custom_id: Callable[[Button], str] = lambda button: button.custom_id) -> Body:
    """A card as a message. ``custom_id`` is how a button comes back."""
    inside = _displays(card, _quoted)
    files: list[Attachment] = []
    if _length(inside) > TEXT_TOTAL:
        inside = _displays(card, fence)
    if _length(inside) > TEXT_TOTAL:
        inside = [_display(f"### {escape(card.title)}")] if card.title else []
        inside.append({"type": FILE, "file": {"url": "attachment://text.txt"}})
        files.append(Attachment("text.txt", card.plain.encode(), "text/plain; charset=utf-8"))
    if card.image is not None:
        media = {"media": {"url": "attachment://picture.png"}, "description": card.image.alt}
        gallery: Json = {"type": GALLERY, "items": [media]}
        inside.append(gallery)
        files.append(Attachment("picture.png", card.image.data, "image/png", card.image.alt))
    inside += _rows(card.buttons, custom_id)
    container: Json = {"type": CONTAINER, "accent_color": COLOURS[card.tone], "components": inside}
    return Body(
        {
            "components": [container],
            "flags": COMPONENTS_V2,
            "allowed_mentions": NOBODY,
            "attachments": [
                {"id": number, "filename": file.name, **({"description": file.about} if file.about else {})}
                for number, file in enumerate(files)
            ],
        },
        tuple(files),
    )


def _displays(card: Card, quote: Callable[[str], str]) -> list[Json]:
    """Title, text and facts, each a text display of its own."""
    lines: list[str] = []
    if card.title:
        lines.append(f"### {escape(card.title)}")
    if (text := _drawn(card.text, quote)).strip():
        lines.append(text)
    lines += [_fact(fact, quote) for fact in card.fields]
    return [_display(line) for line in lines]


def _fact(fact: Fact, quote: Callable[[str], str]) -> str:
    return f"**{escape(fact.name)}**\n{_drawn(fact.value, quote)}"


def _display(text: str) -> Json:
    return {"type": DISPLAY, "content": text}


def _length(displays: Sequence[Json]) -> int:
    """As UTF-16 counts: never less than Discord does."""
    return sum(len(each["content"].encode("utf-16-le")) // 2 for each in displays)


def _rows(buttons: Sequence[Button], custom_id: Callable[[Button], str]) -> list[Json]:
    drawn = [
        {
            "type": BUTTON,
            "style": _STYLES[button.style],
            "label": button.label or button.id,
            "custom_id": custom_id(button),
        }
        for button in buttons
    ]
    return [
        {"type": ROW, "components": drawn[start : start + ROW_LIMIT]}
        for start in range(0, len(drawn), ROW_LIMIT)
    ]


def multipart(body: Json, files: Sequence[Attachment]) -> list[tuple[str, str | bytes, str, str | None]]:
    """The fields of a form with files: name, content, type, file name."""
    told = json.dumps(body, separators=(",", ":"))
    fields: list[tuple[str, str | bytes, str, str | None]] = [
        ("payload_json", told, "application/json", None)
    ]
    fields += [(f"files[{n}]", file.data, file.kind, file.name) for n, file in enumerate(files)]
    return fields

"""Cards as Slack shows them: Block Kit, and the words alone for notifications and screen readers.

Everything people read stands in ``header`` (plain text) and ``rich_text`` blocks. The text elements of
``rich_text`` are literal: no mark formats, links or mentions in them, so nothing is escaped and nothing
grows. Only the top-level ``text`` is read as Slack's mrkdwn; ``slack_fallback`` draws that.

The tone has no colour: a coloured bar exists only on Slack's legacy attachments, which are shrunk and
folded away. Three tones begin with one sign of their own (the bot's words hold no other, see VOICE.md).
Calm has none. Care has none either, as its reader may be in distress, but a line that sets it apart.

Limits, by docs.slack.dev/reference/block-kit: 50 blocks a message, 100 a view; header 150 characters,
button 75, ``action_id`` 255, 25 elements in ``actions``, alt text 2,000. All are wider than ``bot.ui``'s.
The blocks of a message together hold some 10,000 characters (slackapi/bolt-js#2867); a card has 2,800.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.platforms.slack_fallback import FORMATS, fallback, spelled, utc
from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.ui import Button, Card, Image, Jump, Part, Person, Quote, Style, Text, Tone, When, parts

Json = dict[str, Any]

RICH_LIMIT = 3000  # characters in one rich_text block; undocumented, so a section's limit is kept
MARKS = {Tone.WARM: "🧡", Tone.WIN: "🎉", Tone.PROBLEM: "ℹ️"}
DIVIDED = Tone.CARE
_LAST = 10**11  # what is far away, or before 1970, is told in UTC: no client is known to draw it
_CHANNEL = re.compile(r"[CG][A-Z0-9]{8,20}\Z")
_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}


@dataclass(frozen=True, slots=True)
class Body:
    """A message: its blocks without the picture, the words alone, and the picture still to be uploaded."""

    blocks: list[Json]
    text: str
    image: Image | None


def message(
    card: Card, *, workspace: str, names: Mapping[str, str] | None = None, spelling: Spelling = PLAIN
) -> Body:
    """A card as a message.

    ``workspace`` is the address that links begin with ("https://acme.slack.com/"); ``names`` are shown names
    by user id (see ``people``): whoever lacks there is shown by id. ``spelling`` writes the commands.
    """
    known = names or {}
    blocks = [*_readable(card, workspace, known, spelling), *_actions(card.buttons)]
    return Body(blocks, fallback(card, known, spelling), card.image)


def with_image(body: Body, file_id: str) -> list[Json]:
    """The blocks with the uploaded picture in its place: below the words, above the buttons."""
    if body.image is None:
        return body.blocks
    picture: Json = {"type": "image", "slack_file": {"id": file_id}, "alt_text": body.image.alt}
    before = [each for each in body.blocks if each["type"] != "actions"]
    return [*before, picture, *body.blocks[len(before) :]]


def home(
    card: Card,
    *,
    workspace: str,
    names: Mapping[str, str] | None = None,
    file_id: str = "",
    spelling: Spelling = PLAIN,
) -> Json:
    """A card as somebody's App Home. A picture that was not uploaded is told by its words."""
    body = message(card, workspace=workspace, names=names, spelling=spelling)
    if body.image is not None and not file_id:
        told = rich([plain_section(body.image.alt)])
        before = [each for each in body.blocks if each["type"] != "actions"]
        return {"type": "home", "blocks": [*before, *told, *body.blocks[len(before) :]]}
    return {"type": "home", "blocks": with_image(body, file_id)}


def people(card: Card) -> set[str]:
    """The ids of everybody whose name is shown on a card."""
    texts = (card.text, *(fact.value for fact in card.fields))
    return {part.id for text in texts for part in parts(text) if isinstance(part, Person)}


def address(jump: Jump, workspace: str) -> str:
    """Where a jump leads: a permalink. A thread's address is that of the message it hangs on, with the
    thread opened beside it.

    As chat.getPermalink builds them; without ``workspace`` Slack's own client is asked to find the place.
    """
    if not workspace:
        return f"https://app.slack.com/client/{jump.community}/{jump.channel}"
    link = f"{workspace.rstrip('/')}/archives/{jump.channel}"
    at = jump.message or jump.thread
    if not at:
        return link
    link += f"/p{at.replace('.', '')}"
    return f"{link}?thread_ts={jump.thread}&cid={jump.channel}" if jump.thread else link


# -- blocks ---------------------------------------------------------------------------------------


def plain_text(text: str) -> Json:
    """A text object in which nothing is read as an emoji."""
    return {"type": "plain_text", "text": text, "emoji": False}


def plain_section(text: str, *, bold: bool = False) -> Json:
    """One line of literal text for ``rich``."""
    element: Json = {"type": "text", "text": text}
    if bold:
        element["style"] = {"bold": True}
    return {"type": "rich_text_section", "elements": [element]}


def rich(elements: list[Json]) -> list[Json]:
    """Sections and quotes as a rich_text block, or as several where one would be too long."""
    blocks: list[list[Json]] = [[]]
    size = 0
    for element in elements:
        for piece in _pieces(element):
            length = _length(piece)
            if blocks[-1] and size + length > RICH_LIMIT:
                blocks.append([])
                size = 0
            blocks[-1].append(piece)
            size += length
    return [{"type": "rich_text", "elements": each} for each in blocks if each]


def _pieces(element: Json) -> Iterator[Json]:
    """A section or quote in parts that fit. Only names that are far longer than ids ever part one."""
    held: list[Json] = []
    size = 0
    for each in element["elements"]:
        length = _shown(each)
        if held and size + length > RICH_LIMIT:
            yield {**element, "elements": held}
            held, size = [], 0
        held.append(each)
        size += length
    yield {**element, "elements": held}


def _length(element: Json) -> int:
    return sum(_shown(each) for each in element["elements"])


def _shown(element: Json) -> int:
    """How many characters of an element people see."""
    return len(element.get("text") or element.get("fallback") or element.get("url") or "")


def _readable(card: Card, workspace: str, names: Mapping[str, str], spelling: Spelling) -> list[Json]:
    """Title, text and facts, with the tone's sign in front of what comes first."""
    mark = MARKS.get(card.tone, "")
    blocks: list[Json] = []
    if title := spelling(card.title.strip()):
        blocks.append({"type": "header", "text": plain_text(f"{mark} {title}".strip())})
        mark = ""
    if card.tone is DIVIDED:
        blocks.append({"type": "divider"})
    text = card.text if _visible(card.text) else ""
    told = spelled(parts(text), spelling)
    marked = (f"{mark} " if text else mark, *told) if mark else told
    blocks += rich(_sections(marked, workspace, names))
    for fact in card.fields:
        name = plain_section(fact.name, bold=True)["elements"]
        value = spelled(parts(fact.value), spelling)
        blocks += rich(_sections(("\n", *value), workspace, names, begin=name))
    return blocks


def _visible(text: Text) -> bool:
    """Whether a text has more than white space; a part that is not words always counts."""
    return any(not isinstance(part, str) or part.strip() for part in parts(text))


def _sections(
    text: tuple[Part, ...], workspace: str, names: Mapping[str, str], *, begin: list[Json] | None = None
) -> list[Json]:
    """A text as sections and quotes. Each begins a line, so the line break beside a quote is the quote's."""
    out: list[Json] = []
    line: list[Json] = list(begin or ())
    words, quoted = "", False
    for part in (*text, None):
        if isinstance(part, str):
            words += part
            continue
        after = quoted and not line
        words = words.removeprefix("\n") if after else words
        if isinstance(part, Quote) and not (after and words == "\n"):  # that parts two quotes
            words = words.removesuffix("\n")
        if words:
            line.append({"type": "text", "text": words})
        words = ""
        if isinstance(part, Quote):
            if line:
                out.append({"type": "rich_text_section", "elements": line})
            if part.text:
                said: Json = {"type": "text", "text": part.text}
                out.append({"type": "rich_text_quote", "elements": [said]})
            line, quoted = [], True
        elif part is not None:
            line.append(_inline(part, workspace, names))
    if line:
        out.append({"type": "rich_text_section", "elements": line})
    return out


def _inline(part: When | Person | Jump, workspace: str, names: Mapping[str, str]) -> Json:
    match part:
        case When(at, style):
            when, shown = int(at.timestamp()), utc(part)
            if not 0 <= when < _LAST:
                return {"type": "text", "text": shown}
            return {"type": "date", "timestamp": when, "format": FORMATS[style], "fallback": shown}
        case Person(id):
            return {"type": "text", "text": names.get(id) or id or "?"}
        case Jump(label):
            if not label and not part.message and not part.thread and _CHANNEL.match(part.channel):
                return {"type": "channel", "channel_id": part.channel}
            link: Json = {"type": "link", "url": address(part, workspace)}
            return link | ({"text": label} if label else {})


def _actions(buttons: tuple[Button, ...]) -> list[Json]:
    if not buttons:
        return []
    elements: list[Json] = []
    for button in buttons:
        drawn: Json = {"type": "button", "action_id": button.custom_id}
        drawn["text"] = plain_text(button.label or button.id)
        if style := _STYLES.get(button.style):
            drawn["style"] = style
        elements.append(drawn)
    return [{"type": "actions", "elements": elements}]

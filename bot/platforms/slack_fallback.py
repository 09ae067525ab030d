"""A card's words alone, as a Slack message's top-level ``text``: notifications and screen readers have it.

Slack reads it as mrkdwn, which has no escape but that of & < >. So every sign that mrkdwn would act on
gives way to one that looks like it, and an invisible word joiner parts what would be read as an address,
an emoji or a name. Only here: in the blocks people see what was written, sign by sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.platforms.slack_spelling import PLAIN, Spelling
from bot.ui import Card, Fact, Jump, Part, Person, Quote, Text, When, parts

# Absolute on purpose: "today" and "tomorrow" (the tokens ending in _pretty) break a sentence that says "on".
# Tokens: docs.slack.dev/reference/block-kit/block-elements/date-element. {ago} is made for the past.
FORMATS = {"day": "{date_long}", "time": "{time}", "moment": "{date_long}, {time}", "relative": "{ago}"}
_UTC = {"day": "%Y-%m-%d", "time": "%H:%M UTC"}
_UTC_MOMENT = "%Y-%m-%d %H:%M UTC"

WANTED = 4000  # characters: chat.update takes no more; chat.postMessage takes 40,000, and 4,000 are advised

_JOINER = "\u2060"
_ALIKE = str.maketrans({"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SHORT = str.maketrans({"&": "＆", "<": "‹", ">": "›", "@": "＠", "#": "＃", ":": "：", ".": "․"})
_QUOTE = re.compile(r"((?:^|[\n\r\v\f\x85\u2028\u2029])\s*)([>＞]+)")
# A name or channel; an emoji's or an address's colon; the dot of a host name.
_READ = re.compile(r"[@#](?=\S)|:(?=[^\s:]+:|//)|(?<=\w)\.(?=\w)")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{8,20}\Z")


def inert(text: str) -> str:
    """``text`` so that Slack shows it as words: it mentions, links, formats nothing."""
    text = _QUOTE.sub(_bracket, text).translate(_ALIKE)
    return _READ.sub(lambda found: found[0] + _JOINER, text).translate(_ENTITIES)


def short(text: str) -> str:
    """The same without growing by a character: look-alikes only, for a text that is nothing but signs."""
    return _QUOTE.sub(_bracket, text).translate(_ALIKE).translate(_SHORT)


def _bracket(found: re.Match[str]) -> str:
    return found[1] + "›" * len(found[2])


def utc(when: When) -> str:
    """An instant for whoever's client cannot draw it."""
    return when.at.strftime(_UTC.get(when.style, _UTC_MOMENT))


def spelled(text: Iterable[Part], spelling: Spelling) -> tuple[Part, ...]:
    """Parts with the commands as they are typed; what a person wrote as they wrote it."""
    return tuple(spelling(each) if isinstance(each, str) else each for each in text)


def fallback(card: Card, names: Mapping[str, str], spelling: Spelling = PLAIN) -> str:
    """Title, text and facts, a line each; times are the reader's own. Buttons are not in it.

    At most ``WANTED`` characters wherever a card's words are: escaping that would outgrow it gives way to
    look-alikes, and the reader's own times to UTC. A card that is only a picture is told by its alt text.
    """
    lines: list[tuple[Part, ...]] = [(card.title.strip(),), _settled(card.text)]
    lines += [_fact(fact) for fact in card.fields]
    shown = [line for line in lines if any(part != "" for part in line)]
    told = _lines(shown, names, spelling)
    if not told.strip() and card.image is not None:  # an empty quote says nothing either
        told = _lines([(card.image.alt,)], names, spelling)
    return told


def _lines(shown: list[tuple[Part, ...]], names: Mapping[str, str], spelling: Spelling) -> str:
    flat: list[Part] = []
    for line in shown:
        flat += spelled(["\n", *line] if flat else line, spelling)
    told = _written(flat, names, brief=False)
    return told if len(told) <= WANTED else _written(flat, names, brief=True)


def _fact(fact: Fact) -> tuple[Part, ...]:
    return f"{fact.name}: ", *_settled(fact.value)


def _settled(text: Text) -> tuple[Part, ...]:
    """The parts with each quote on lines of its own, and without white space around all of it."""
    out: list[Part] = []
    for part in parts(text):
        before = out[-1] if out else None
        apart = isinstance(part, Quote) or isinstance(before, Quote)
        touching = isinstance(before, str) and before.endswith("\n")
        touching = touching or (isinstance(part, str) and part.startswith("\n"))
        out += ["\n", part] if before is not None and apart and not touching else [part]
    return tuple(out) if any(not isinstance(part, str) or part.strip() for part in out) else ()


def _written(flat: list[Part], names: Mapping[str, str], *, brief: bool) -> str:
    """Neighbouring words are made inert as one: an address may span two of them."""
    escape = short if brief else inert
    told, words = "", ""
    for part in flat:
        match part:
            case str():
                words += part
            case Person(id):
                words += names.get(id) or id or "?"
            case Quote(said):
                words += said
            case When(at, style) if not brief:
                told += f"{escape(words)}<!date^{int(at.timestamp())}^{FORMATS[style]}|{utc(part)}>"
                words = ""
            case When():
                words += utc(part)
            case Jump("", _, channel) if _CHANNEL.match(channel):
                told, words = f"{told}{escape(words)}<#{channel}>", ""
            case Jump(label):
                words += label
    return told + escape(words)

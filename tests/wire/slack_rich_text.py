"""Rich text as Slack takes it from apps: sections, lists, quotes, code, and what may stand in them.

docs.slack.dev: reference/block-kit/blocks/rich-text-block, …/block-elements/date-element. How many
elements there may be is not published: 1,000 is only a bound.
"""

from __future__ import annotations

import re
from typing import Any

from tests.wire.slack_checks import Checker, Rule, Shape, array, flag, one_of, shaped, string, typed, whole
from tests.wire.slack_elements import CHANNEL, PERSON, address, id_of

TOKENS = frozenset(
    ["date_num", "date_slash", "date", "date_pretty", "date_short", "date_short_pretty", "date_long"]
    + ["date_long_full", "date_long_pretty", "day_divider_pretty", "time", "time_secs", "ago"]
)


def date_format(check: Checker, value: Any, at: str) -> None:
    """Words with at least one token that Slack knows, and none that it does not."""
    string(3000, 1)(check, value, at)
    if not isinstance(value, str):
        return
    tokens = re.findall(r"\{([^{}]*)\}", value)
    if not tokens or re.sub(r"\{[^{}]*\}", "", value).strip("{}") != re.sub(r"\{[^{}]*\}", "", value):
        check.add("must be a valid date format", at)
    for each in tokens:
        if each not in TOKENS:
            check.add(f"unknown date format token: {{{each}}}", at)


def written(most: int = 40_000) -> Rule:
    """Literal text, at least one character."""
    inner = string(most, 1)

    def rule(check: Checker, value: Any, at: str) -> None:
        inner(check, value, at)
        if isinstance(value, str):
            check.written += len(value)

    return rule


def _style(*names: str) -> Rule:
    return shaped(Shape({}, dict.fromkeys(names, flag)))


_PLAIN = {"style": _style("bold", "italic", "strike", "code", "underline")}
_NAMED = {"style": _style("bold", "italic", "strike", "highlight", "client_highlight", "unlink", "underline")}

LEAVES: dict[str, Shape] = {
    "text": Shape({"text": written()}, _PLAIN),
    "link": Shape({"url": address}, {"text": written(), "unsafe": flag} | _PLAIN),
    "emoji": Shape({"name": string(100, 1)}, {"unicode": string(100, 1), "skin_tone": whole(1, 6)} | _NAMED),
    "user": Shape({"user_id": PERSON}, _NAMED),
    "usergroup": Shape({"usergroup_id": id_of("S")}, _NAMED),
    "channel": Shape({"channel_id": CHANNEL}, _NAMED),
    "team": Shape({"team_id": id_of("T")}, _NAMED),
    "broadcast": Shape({"range": one_of("here", "channel", "everyone")}, _NAMED),
    "color": Shape({"value": string(100, 1)}, _NAMED),
    "date": Shape(
        {"timestamp": whole(0, 10**11), "format": date_format},
        {"url": address, "fallback": string(3000, 1), "timezone": string(255, 1)} | _NAMED,
    ),
}
_BORDER = {"border": whole(0, 1)}
_SECTION = Shape({"elements": array(typed(LEAVES), 1000)})

PARTS: dict[str, Shape] = {
    "rich_text_section": _SECTION,
    "rich_text_quote": Shape({"elements": array(typed(LEAVES), 1000)}, _BORDER),
    "rich_text_preformatted": Shape(
        {"elements": array(typed(LEAVES, "text", "link"), 1000)}, _BORDER | {"language": string(100, 1)}
    ),
    "rich_text_list": Shape(
        {
            "style": one_of("bullet", "ordered"),
            "elements": array(typed({"rich_text_section": _SECTION}), 1000),
        },
        _BORDER | {"indent": whole(0, 8), "offset": whole(0, 10_000)},
    ),
}
"""What a rich_text block is made of."""

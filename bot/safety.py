"""What in a text could tell others who wrote it: a name, an address, a number, a link, a handle.

No network and no model: patterns and word lists that anybody can read. It errs on the side of showing a
piece to its author, who decides; but a month, a salary or "I will" must not be taken for a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was found."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    LINK = "link"
    HANDLE = "handle"


@dataclass(frozen=True, slots=True)
class Finding:
    """A piece of the text, exactly as it stands there."""

    kind: Kind
    text: str


_Span = tuple[int, int, Kind]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def identifying(text: str, display: str) -> tuple[Finding, ...]:
    """What could identify an author who is shown as ``display``: in order, each piece once.

    Where two overlap, the one that begins first is kept, or the longer one ("ada@x.org", not "ada").
    """
    spans: list[_Span] = [*_patterns(text), *_phones(text), *_names(text, display)]
    found: dict[tuple[Kind, str], Finding] = {}
    end = 0
    for first, last, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if first >= end:
            end, piece = last, text[first:last]
            found.setdefault((kind, piece.casefold()), Finding(kind, piece))
    return tuple(found.values())


# -- addresses, links, handles: by their shape ----------------------------------------------------

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"  # between two dots
_TLD = _words(  # common endings that are no word with which a sentence could go on
    """
    com org net edu gov int io dev app ai co gg xyz tech cloud info biz eu uk ie de ch fr nl pl pt cz dk
    fi gr hu ro bg hr se es br mx ar cl ca au nz jp kr cn tw hk sg ph vn pk bd ng ke gh za eg il ae tr ua
    ru
    """
)
_WORD_TLD = _words(  # these are words ("home.in the evening"): only with a path, or after two dots
    """
    me in it so to no is be us am do as by my id at la tv sh ly ws cc one work live life page blog site
    online space world today team
    """
)
_NO_LINKS = _words("asp.net ado.net vb.net ml.net socket.io")  # tools, not places

_EMAIL = re.compile(
    rf"[\w.+%-]{{1,64}}@(?:{_LABEL}\.){{1,6}}[^\W\d_]{{2,24}}"
    rf"|[\w.+%-]{{1,64}}\s?[\[(]\s?at\s?[\])]\s?(?:{_LABEL}(?:\.|\s?[\[(]\s?dot\s?[\])]\s?|\sdot\s)){{1,4}}[a-z]{{2,24}}\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}://[^\s<>]{1,500}"
    r"|\bwww\.[^\s<>]{2,500}"
    rf"|(?<![\w@.-])(?:{_LABEL}\.){{1,5}}(?:{'|'.join(sorted(_TLD))})(?![\w-])(?:[/?#][^\s<>]{{0,500}})?"
    rf"|(?<![\w@.-])(?:{_LABEL}\.){{1,5}}(?:{'|'.join(sorted(_WORD_TLD))})/[^\s<>]{{1,500}}"
    rf"|(?<![\w@.-])(?:{_LABEL}\.){{2,5}}(?:{'|'.join(sorted(_WORD_TLD))})(?![\w-])",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    r"(?<![\w@./])@(?!\d+(?:[:.]\d+)?\s?(?:[ap]m)?\b)\w[\w.-]{1,38}(?:@(?:[\w-]{1,63}\.){1,5}\w{2,24})?"
    r"|(?<![\w#])(?!(?:pr|issue|ticket|bug|job|req|case|order|ref)#)[\w.]{2,32}#\d{4}(?!\w)",  # Discord, once
    re.IGNORECASE,
)
_JOINED = re.compile(r"[^/?#]*[a-z][^/?#.]*\.[A-Z]\w*")  # "a no.AI is": a dot without its space
_NO_HANDLES = _words("@here @everyone @channel @home @work @night @least")
_TRAILING = ".,;:!?…'\"’”»)]}>*_~-"


def _patterns(text: str) -> Iterator[_Span]:
    for kind, pattern in ((Kind.EMAIL, _EMAIL), (Kind.LINK, _LINK), (Kind.HANDLE, _HANDLE)):
        for match in pattern.finditer(text):
            piece = match[0].rstrip(_TRAILING)
            nothing = piece.lower() in _NO_LINKS | _NO_HANDLES or (
                kind is Kind.LINK and _JOINED.fullmatch(piece)
            )
            if not nothing:
                yield match.start(), match.start() + len(piece), kind


# -- phone numbers: runs of digits that are nothing else ------------------------------------------

_YEAR = r"(?:19|20)\d\d"
_MONEY = (
    r"usd|eur|euros?|gbp|chf|inr|cad|aud|sek|nok|dkk|pln|jpy|dollars?|pounds?|rupees|kr|zł|lakhs?|[$€£¥₹]"
)
_NUMBER = r"\d[\d.,' \u00a0]{0,20}"
_NOT_PHONES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\d{1,2}(?::\d{2}){1,2}",  # 10:30
        rf"(?<![\d+]){_YEAR}[-/.]\d{{1,2}}(?:[-/.]\d{{1,2}})?(?!\d)",  # 2026-11-22
        rf"(?<![\d+])\d{{1,2}}[-/.]\d{{1,2}}[-/.]{_YEAR}(?!\d)",  # 22.11.2026
        r"(?<![\d+])(?<!\d[-/.])\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?![-/.]?\d)",  # 22/11/26
        rf"(?<![\d+])(?<!\d[-/.])\d{{1,2}}[-/.]{_YEAR}(?!\d)",  # 11/2026
        rf"(?<![\d+]){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",  # 20261122
        rf"(?<![\d+]){_YEAR}(?:\s?(?:[-–—/&]|to|and|until)?\s?{_YEAR})+(?!\d)",  # 2019-2023
        rf"\b(?:in|since|from|until|till|by|of|for|year|during|before|after|spring|summer|autumn|fall|winter"
        rf"|january|february|march|april|may|june|july|august|september|october|november|december)\s{_YEAR}\b",
        rf"(?:{_MONEY})\s?{_NUMBER}",  # $120 000
        rf"(?<!\+){_NUMBER}(?:k|m|mio)?\s?(?:{_MONEY})(?!\w)",  # 120 000 EUR
        r"(?<![\d+(])(?<![\d)][ .\u00a0-])[1-9]\d?(?:[ .\u00a0]\d{3}){2,}(?![ .-]?\d)",  # 1 200 000
        r"(?<![\d+(])[1-9]\d{0,2}(?:[ .\u00a0]\d{3})*[ .\u00a0]000(?![ .-]?\d)",  # 120 000 000
        r"(?<![\d+])[1-9]\d*0000(?!\d)",  # 1500000
        r"(?<![\d+])\d+00\s?[-–]\s?\d+00(?!\d)",  # 1000-2000
        r"\d{1,6}(?:[.,]\d{1,6})?\s?%",
        r"\b(?:v|versions?|build|release|rev)\W{0,2}\d+(?:\.\d+)*",  # v10.0.19045
        r"(?<![\d.])\d+(?:\.\d+)*\.\d(?:\.\d+)*(?![\d.])",  # 10.0.19045.3803: one digit between dots
        r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",  # 192.168.100.200
        r"(?<![\d.+])(?!0\d)\d{1,4}\.\d+(?![\d.-])",  # 3.14159265
        r"(?:#|\bids?\b|\b(?:ticket|req|requisition|ref|reference|job|case|application)\s?(?:no\.?|nr\.?|number)"
        r"|\b(?:ticket|req|requisition|ref|reference)\b)\W{0,3}\d+(?:-\d+)*",  # job ID 20231145
        r"\b(?!tel|mob)[a-z]{1,4}[-_]?\d+(?:-\d+)*\b",  # JR-1234567
    )
)
_DIGITS = re.compile(r"(?<![\w.,])\+?\(?\d(?:[ .\u00a0()/\u2010-\u2014-]{0,3}\d){6,19}(?![\w%]|[.,]\d)")


def _phones(text: str) -> Iterator[_Span]:
    masked = text
    for pattern in _NOT_PHONES:
        masked = pattern.sub(lambda match: "\n" * len(match[0]), masked)
    for match in _DIGITS.finditer(masked):
        groups = re.findall(r"\d+", match[0])
        digits = sum(map(len, groups))
        if 7 <= digits <= 15 and (digits >= 2 * len(groups) or match[0].startswith("+")):
            yield *match.span(), Kind.PHONE


# -- the author's own name ------------------------------------------------------------------------

_NEVER = _words(  # beside a name, but not of it: titles, particles, pronouns
    """
    dr mr mrs ms mx prof sir jr sr phd msc mba bsc pmp cpa van von der den del dos das bin ibn abu the and
    she her hers he him his they them theirs xe xem ze zir any all pronouns
    """
)
_MONTHS = _words("jan mar april may june july august")
_COMMON = _MONTHS | _words(  # words of such stories that are also names, or what people call themselves
    """
    able account actor agent alpha amber analyst angel apple applicant art artist ash author autumn baby
    back bad baker banker bay bear bee bell best big bill bird bishop black blessing blue book boss boy
    brave bright brook brown buck bud bug builder burns butler can candidate captain care career case cash
    cat chan chance charity chase chef chip christian clay clever clerk cliff close cloud coach code coder
    coffee cold cook cool could count craft crew crow curious dark data dawn day dean dear delta den
    design designer dev developer dog don dot double dove dragon dream drew driver duke early earl east
    easy echo editor engineer ernest eve even ever evening every expert face fair faith fall far fast
    field fire first fish flash fly forest fox frank free friday friend frost full fun future game gamer
    gem general gentle ghost gift ginger girl glad gold golden good grace grant gray great green grey
    guest guy hack hacker hall hang happy hard harmony hawk heart helper hero hidden high hill hire hired
    home honest honey honor hope hopeful house human hunt hunter ice idea iron jack jade jasmine job jobs
    joy judge just justice keen kid kind king kit knight lady lance lane last late law lawyer lead leader
    leaf learner learning left level liberty light lion little live lonely long looking lord lost love low
    lucky magic major maker man manager many maple mark marketing master max maverick may mean meadow
    mercy merit merry mild miles mint miracle mode modest moon more morning moss mountain much music
    myself name nerd new newbie nice night nobody noble none north nova now nurse oak ocean old olive only
    open orange owl page pan panda park pat patience patient peace peach pearl penny people pepper person
    phoenix pilot pink pierce piper player poet porter power price pride prince product programmer project
    purple quest quick quiet rain random raven ray reader ready real recruiter red remote rich ring rise
    river robot rock rocket rod rose row royal ruby rue running sad sage sailor sand savage say seeker
    senior shadow sharp shell shy silver sing singer skip sky slow small smart snow software sol solo some
    someone son song soon south spark spring staff star start steel still stone storm story strong student
    sue summer sun sunny support sweet swift teacher team tech tender tester tiger time tired today
    tomorrow trace trainer traveler tree true trust truth try twin unknown user very victory wade walker
    want ward warm was water wave way weaver web west white who wild will win wind winner winter wise wish
    wolf won wonder wood woods word work worker world worry worth would writer yellow yes young your zen
    zero
    """
)
_SPELT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_UNSPACED = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts that set no space around a name
_TOKENS = re.compile(rf"[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+")
_BEFORE, _AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])(?!['’]t\b)"  # "don't" is not Don
_INTRODUCED = re.compile(r"(?:my name is|my name'?s|name's|call me|i go by|named|signed,?)\s+\W{0,2}\Z")
_DATED = re.compile(
    r"\b(?:in|on|by|since|until|till|before|after|from|to|last|next|this|early|mid|late|of|for|and)\W\Z"
)


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text without case and accents; ``at[i]`` is where its character ``i`` stands in the original."""

    text: str
    at: tuple[int, ...]

    @classmethod
    def of(cls, original: str) -> _Folded:
        text: list[str] = []
        at: list[int] = []
        for index, char in enumerate(original):
            for piece in _fold(char):
                text.append(piece)
                at.append(index)
        return cls("".join(text), (*at, len(original)))


def _fold(text: str) -> str:
    """Lower case, without accents; fancy letters become plain ones."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_SPELT))
    kept = "".join(char for char in apart if not unicodedata.combining(char)).casefold()
    return unicodedata.normalize("NFC", kept)


def _names(text: str, display: str) -> Iterator[_Span]:
    """Where the author's name stands in the text: all of it, or a part that says enough by itself."""
    folded = _Folded.of(text)
    umlauts = re.sub(r"(?i)([aou])e(?=\w{2})", r"\1", display)  # Mueller for Müller
    for spelling in dict.fromkeys((display, display.translate(_GERMAN), umlauts)):
        split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", spelling[:200])
        tokens = [token for token in _TOKENS.findall(_fold(split)) if token not in _NEVER]
        for words in [tokens, *([token] for token in tokens)] if len(tokens) > 1 else [tokens]:
            if not _enough(words, alone=len(tokens) == 1):
                continue
            for match in _pattern(words).finditer(folded.text):
                span = folded.at[match.start()], _end(folded, text, match.end())
                if not _ordinary(words) or _is_meant(text, folded.text, span, match.span(), words):
                    yield *span, Kind.NAME


def _enough(words: list[str], *, alone: bool) -> bool:
    """One letter is nothing; two are a name only where they are all of it, or in a script of syllables."""
    if len(words) != 1:
        return bool(words)
    unspaced = re.match(f"[{_UNSPACED}]", words[0]) is not None
    return len(words[0]) >= (2 if alone or unspaced else 3)


def _pattern(words: list[str]) -> re.Pattern[str]:
    name = r"[\W_]{0,3}".join(map(re.escape, words))
    free = re.match(f"[{_UNSPACED}]", name)
    return re.compile(name if free else _BEFORE + name + _AFTER)


def _end(folded: _Folded, text: str, end: int) -> int:
    """The end of a match in the original, with the accents that stand behind its last letter."""
    last = folded.at[end - 1] + 1
    while last < len(text) and unicodedata.combining(text[last]):
        last += 1
    return last


def _ordinary(words: list[str]) -> bool:
    """Whether the words could stand in any sentence: then it depends on how they are written."""
    return all(word in _COMMON or (len(word) < 3 and word.isascii()) for word in words)


def _is_meant(
    text: str, folded: str, span: tuple[int, int], place: tuple[int, int], words: list[str]
) -> bool:
    """Whether an ordinary word is a name here: introduced, signed, or with a capital inside a sentence."""
    before, piece = folded[max(0, place[0] - 40) : place[0]], text[slice(*span)]
    if _INTRODUCED.search(before) or _signs(text, span):
        return True
    capital = all(part[:1].isupper() and not part[1:].isupper() for part in re.findall(r"[^\W\d_]+", piece))
    if not capital:
        return False
    if len(words) > 1:
        return True
    if words[0] in _MONTHS and (_DATED.search(before) or re.match(r"\W{1,2}\d", folded[place[1] :])):
        return False
    return _inside_sentence(text[: span[0]])


def _signs(text: str, span: tuple[int, int]) -> bool:
    """Whether the piece is a last line by itself: "- Will"."""
    head, _, line = text[: span[0]].rpartition("\n")
    return bool(head.strip()) and not re.search(r"[^\W_]", line) and not re.search(r"[^\W_]", text[span[1] :])


def _inside_sentence(before: str) -> bool:
    """Whether the sentence had begun already: a capital here is no sentence's first letter."""
    before = before.rstrip(" \t\u00a0\"'“”‘’«»()[]*_~")
    return bool(before) and before[-1] not in ".!?…:;\n•-–—>"

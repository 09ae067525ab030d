"""What people type is kept as they typed it, without what only breaks a page."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.content import FOLDER
from bot.texts import MARKS_IN_A_ROW, OTHER_MARKS_IN_A_ROW, check, clean
from bot.ui import VALUE_LIMIT, Choice, Field, Form, Kind
from bot.words import Words

VOICE = Words.load(FOLDER).speak("en")
UNHURRIED = settings(deadline=None)
DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# Everything a keyboard gives, and what is none of it.
TYPED = st.lists(
    st.one_of(
        st.text(st.characters(codec=None), max_size=3),
        st.sampled_from(
            " \t\n\r\x0b\x0c\x85\u2028\u2029\x00\u3164\u115f\u200b\u200d\ufe0f\u034f\u0301\u0316\u0345\u05b0"
            "\ue000\ue001\ud800\ufeff"
        ),
        st.sampled_from(DIRECTION),
        st.sampled_from(["abc", "name", "\n\n\n\n", "\u0300\u0334" * 5]),
    )
).map("".join)

ORDINARY = {
    "English": "They went with someone else. I'm fine – mostly… “fine”, as they say.",
    "German": "Schöne Grüße aus Köln: keine Antwort, trotz dreier Gespräche.",
    "Polish": "Zażółć gęślą jaźń",
    "Vietnamese": "Tôi đã bị từ chối ở vòng phỏng vấn cuối cùng.",
    "Turkish": "İstanbul'da iş görüşmesi kötü geçti",
    "Greek": "Δεν μου απάντησαν ποτέ.",
    "polytonic Greek": "ᾆσμα ᾠδῆς ὦ φίλε",
    "Russian": "Мне отказали после собеседования. Ещё ёжик.",
    "Arabic": "لم يتم اختياري بعد المقابلة، والحمد لله.",
    "Arabic with vowels": "بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ",
    "Hebrew": "קיבלתי תשובה שלילית אחרי הראיון.",
    "Hebrew with points": "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "Persian with joiners": "می‌خواهم دوباره تلاش کنم",
    "Hindi": "मुझे इंटरव्यू के बाद मना कर दिया गया। क्षमा करें।",
    "Tamil": "நேர்காணலுக்குப் பிறகு நிராகரிக்கப்பட்டேன்",
    "Thai": "ฉันถูกปฏิเสธหลังสัมภาษณ์ น้ำใจดี",
    "Tibetan": "བཀྲ་ཤིས་བདེ་ལེགས།",
    "Khmer": "ខ្ញុំត្រូវបានបដិសេធ",
    "Burmese": "ကျွန်တော် ငြင်းပယ်ခံရတယ်",
    "Chinese": "最后一轮面试之后被拒绝了。",
    "Japanese": "最終面接で落ちました。ガギグゲゴ、はーい",
    "Korean": "최종 면접에서 떨어졌어요 ㅠㅠ",
    "Amharic": "ከቃለ መጠይቁ በኋላ አልተመረጥኩም",
    "Georgian": "გასაუბრების შემდეგ უარი მითხრეს",
    "emoji": "👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👍🏽 🇩🇪 ❤️ 1️⃣ 🫨",
    "beyond the first plane": "𝒻𝒾𝓃𝑒 𓀀 𠜎",
    "right-to-left marks": "ABC\u200f! \u200eabc",
    "markup": "**bold** _it_ `code` <b>b</b> [x](http://y) @everyone <@1> > quote\n# title\n||spoiler||",
    "several lines": "Dear Kim,\n\nthank you.\n\n  - one\n  - two\n\n\nAda",
}


@pytest.mark.parametrize("script", ORDINARY)
def test_ordinary_text_is_kept_as_it_is(script: str) -> None:
    text = unicodedata.normalize("NFC", ORDINARY[script])
    assert clean(text) == text


def test_a_long_text_of_every_script_is_kept() -> None:
    text = unicodedata.normalize("NFC", "\n".join(ORDINARY.values()) * 20)
    assert clean(text) == text


@UNHURRIED
@given(TYPED, st.booleans())
@example("a\x00\u0301", True)
@example("e\u202e\u0301", False)
@example(" \u3164 ", True)
@example("a" + "\u0301" * 4 + "\u034f" + "\u05b0" + "\u0301" * 4, True)
def test_cleaning_is_done_once(text: str, lines: bool) -> None:
    once = clean(text, lines=lines)
    assert clean(once, lines=lines) == once


@UNHURRIED
@given(TYPED, st.booleans())
@example(DIRECTION.join("abc"), False)
def test_nothing_is_left_that_breaks_a_page(text: str, lines: bool) -> None:
    shown = clean(text, lines=lines)
    assert shown == shown.strip()
    assert shown == unicodedata.normalize("NFC", shown)
    assert not set(shown) & set(DIRECTION)
    assert not set(shown) & set("\u2028\u2029")
    left = {char for char in shown if unicodedata.category(char) in ("Cc", "Cs")}
    assert left <= ({"\n"} if lines else set())
    shown.encode("utf-8")


@UNHURRIED
@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))).map(str.strip))
def test_letters_numbers_signs_and_spaces_all_stay(text: str) -> None:
    normal = unicodedata.normalize("NFC", text).strip()
    assert clean(normal) in (normal, ""), "unchanged, or nothing that anybody could see"


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "   ",
        "\n\n\n",
        "\t\r\n",
        "\x00\x01\x7f",
        "\u200b\u200b",
        "\u200b \u2060\ufeff",
        "\u3164\u3164",
        "\u115f\u1160",
        "\uffa0",
        "\u2800\u2800",
        "\u00ad",
        "\ufe0f",
        "\u034f",
        "\u180e\u17b4",
        "\U000e0020\U000e007f",
        "\u202e\u2067",
        "\ud800\udfff",
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_nothing(nothing: str) -> None:
    assert clean(nothing) == ""
    assert clean(nothing, lines=False) == ""


@pytest.mark.parametrize("sign", ["🫨", "\U0001fae9", "…", "?", "。", "\u0301", "1", "\ue000"], ids=ascii)
def test_one_sign_is_something(sign: str) -> None:
    assert clean(sign) == sign, "also one that is newer than this Python"


def test_towers_of_marks_are_lowered() -> None:
    tower = "n" + "\u0300\u0334\u0489" * 40 + "o"
    thai = clean("ก" + "็" * 400)
    assert 1 < len(thai) <= 1 + OTHER_MARKS_IN_A_ROW
    assert len(clean(tower)) <= 2 + MARKS_IN_A_ROW
    assert clean(tower)[0] == "\u01f9", "n with its first mark"
    assert clean(tower)[-1] == "o"


def test_floods_of_line_breaks_are_lowered() -> None:
    assert clean("a" + "\n" * 900 + "b") == "a\n\n\nb"
    assert clean("a" + " \t\r\n" * 900 + "b") == "a  \n\n\nb"


def test_every_kind_of_line_break_is_one() -> None:
    assert clean("a\r\nb\rc\u2028d\u2029e\x85f\x0bg\x0ch") == "a\nb\nc\nd\ne\nf\ng\nh"
    assert clean("a\r\nb\rc\u2028d\u2029e\x85f\x0bg\x0ch", lines=False) == "a b c d e f g h"


# -- the values of a form ---------------------------------------------------------------------------

FORM = VOICE.form(
    Form(
        "thread.words",
        (
            Field("words", kind=Kind.LONG, limit=20),
            Field("sign", kind=Kind.CHOICE, optional=True, choices=(Choice("name"), Choice("anonymous"))),
        ),
    )
)
MANY = Form(
    "x.y",
    (Field("picks", kind=Kind.CHOICES, optional=True, choices=(Choice("a", "A"), Choice("b", "B"))),),
)


def test_what_is_right_is_taken_clean() -> None:
    assert check(FORM, {"words": " Hi\x00 you ", "sign": "name"}, VOICE) == (
        {"words": "Hi you", "sign": "name"},
        None,
    )
    assert check(MANY, {"picks": "b,a"}, VOICE) == ({"picks": "b,a"}, None)
    assert check(MANY, {}, VOICE) == ({"picks": ""}, None)


def test_what_is_missing_or_too_long_comes_back_whole() -> None:
    text = "word " * 2000
    _, mend = check(FORM, {"words": text, "sign": "name"}, VOICE)
    assert mend is not None
    assert mend.fields[0].value == text.strip()
    assert mend.fields[1].value == "name"
    assert mend.errors == {"words": "This is 9,979 characters too long. Up to 20 fit."}
    _, mend = check(FORM, {"words": "\u3164"}, VOICE)
    assert mend is not None
    assert mend.errors == {"words": "Please fill this in."}


@pytest.mark.parametrize("value", ["other", "name,anonymous", "Name", "name\u200b"])
def test_only_the_choices_that_were_given_are_taken(value: str) -> None:
    _, mend = check(FORM, {"words": "Hi", "sign": value}, VOICE)
    assert mend is not None
    assert mend.errors == {"sign": "Please choose one of the answers."}


def test_of_several_choices_each_must_be_one() -> None:
    for value in ("a,c", "a,,b", "A"):
        _, mend = check(MANY, {"picks": value}, VOICE)
        assert mend is not None, value
        assert mend.errors


@UNHURRIED
@given(st.dictionaries(st.sampled_from(["words", "sign", "other"]), TYPED))
def test_checking_never_fails_and_never_loses(values: dict[str, str]) -> None:
    taken, mend = check(FORM, values, VOICE)
    assert set(taken) == {"words", "sign"}
    if mend is None:
        assert 1 <= len(taken["words"]) <= 20
        assert taken["sign"] in ("", "name", "anonymous")
    else:
        assert [field.value for field in mend.fields] == list(taken.values())
        assert mend.errors


@UNHURRIED
@given(TYPED)
def test_each_line_kind_of_field_takes_no_line_breaks(text: str) -> None:
    form = Form("x.y", (Field("one", optional=True, limit=VALUE_LIMIT),))
    taken, _ = check(form, {"one": text}, VOICE)
    assert "\n" not in taken["one"]

"""What could identify an author is found; months, salaries and "I will" are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.safety import Kind, identifying


def found(text: str, display: str = "") -> list[str]:
    return [f"{finding.kind}: {finding.text}" for finding in identifying(text, display)]


NAMES = [
    ("I'm Ada and I got a no.", "Ada Lovelace", "Ada"),
    ("they wrote: dear ada, unfortunately", "Ada Lovelace", "ada"),
    ("Ada's task was long", "ada", "Ada"),
    ("Mrs Lovelace, they said", "Ada Lovelace", "Lovelace"),
    ("signed ADA LOVELACE", "Ada Lovelace", "ADA LOVELACE"),
    ("ada_lovelace is me", "Ada Lovelace", "ada_lovelace"),
    ("my page says AdaLovelace", "Ada Lovelace", "AdaLovelace"),
    ("dear Ada", "AdaLovelace", "Ada"),
    ("dear Ada", "ada92", "Ada"),
    ("dear Ada", "✨ Ada (she/her) | open to work", "Ada"),
    ("dear Ada", "𝓐𝓭𝓪", "Ada"),
    ("they called me jose", "José García", "jose"),
    ("they called me JOSÉ", "Jose Garcia", "JOSÉ"),
    ("they called me Jose\u0301 there", "Jose", "Jose\u0301"),
    ("Frau Mueller, leider", "Anna Müller", "Mueller"),
    ("Frau Müller, leider", "Anna Mueller", "Müller"),
    ("Soren was nice", "Søren", "Soren"),
    ("O'Brien, they said", "Pat O'Brien", "Brien"),
    ("they said Brien", "Pat O'Brien", "Brien"),
    ("Anne-Marie, they said", "Anne-Marie", "Anne-Marie"),
    ("我叫李明，今天被拒了", "李明", "李明"),
    ("저는 김민수입니다", "김민수", "김민수"),
    ("I am Bo, from", "Bo", "Bo"),
    ("they asked, is this Will speaking", "Will Smithson", "Will"),
    ("it was Grace who led it", "Grace Hopper", "Grace"),
    ("my name is grace by the way", "Grace Hopper", "grace"),
    ("Call me rose", "Rose", "rose"),
    ("It hurt a lot.\n- mark", "Mark Twain", "mark"),
    ("they met May, then said no", "May Chen", "May"),
    ("thanks, Art", "Art", "Art"),
    ("grace hopper here", "Grace Hopper", "grace hopper"),
    ("so says Mark May", "Mark May", "Mark May"),
]

NOT_NAMES = [
    ("I will try again. Will they answer?", "Will Smithson"),
    ("Will they ever answer", "Will"),
    ("I WILL NOT GIVE UP", "Will"),
    ("I don't know, I can't, it won't", "Don Can Won"),
    ("The mark was low. Mark it as done", "Mark Twain"),
    ("they gave us grace, and hope rose", "Hope Grace Rose"),
    ("I applied in May, and on May 3rd, since last April", "May April"),
    ("state of the art", "Art Garfunkel"),
    ("I may, I might. May I ask?", "May Chen"),
    ("the mark may fall", "Mark May"),
    ("she told me about her PhD", "Ada Lovelace, PhD (she/her)"),
    ("the van was late", "Vincent van Gogh"),
    ("I am a software engineer looking for a job", "software engineer"),
    ("a cool cat, a night owl", "Cool Cat 42"),
    ("they made a canada adamant radar", "Ada"),
    ("Adam was kind", "Ada"),
    ("et al. said so", "Al"),
    ("I said so, we did so", "So"),
    ("a no, b no, x no", "A B"),
    ("nothing about anyone", ""),
    ("nothing about anyone", "✨ 42 ✨"),
    ("they always said the S word", "Mark S."),
    ("mark's task was hard", "Mark S."),
]

CONTACTS = [
    ("write to ada@example.org, please", "email: ada@example.org"),
    ("ada.love+jobs@mail.example.co.uk", "email: ada.love+jobs@mail.example.co.uk"),
    ("jürgen@bücher.example", "email: jürgen@bücher.example"),
    ("ada (at) example (dot) com", "email: ada (at) example (dot) com"),
    ("ada[at]example.com", "email: ada[at]example.com"),
    ("ada [at] example dot com", "email: ada [at] example dot com"),
    ("call +49 151 23456789.", "phone: +49 151 23456789"),
    ("call +44 (0)20 7946 0123", "phone: +44 (0)20 7946 0123"),
    ("call +1-555-123-4567", "phone: +1-555-123-4567"),
    ("call 1.555.123.4567", "phone: 1.555.123.4567"),
    ("call (555) 123-4567!", "phone: (555) 123-4567"),
    ("call 555-1234", "phone: 555-1234"),
    ("call 06.12.34.56.78", "phone: 06.12.34.56.78"),
    ("call 06 12 34 56 78", "phone: 06 12 34 56 78"),
    ("call 030/1234567", "phone: 030/1234567"),
    ("call 07911123456", "phone: 07911123456"),
    ("call 612 345 678", "phone: 612 345 678"),
    ("call 98765 43210", "phone: 98765 43210"),
    ("+919876543210", "phone: +919876543210"),
    ("tel:030-1234567", "phone: 030-1234567"),
    ("see https://ada.example/cv?x=1#top.", "link: https://ada.example/cv?x=1#top"),
    ("(http://x.example)", "link: http://x.example"),
    ("www.ada.example is mine", "link: www.ada.example"),
    ("linkedin.com/in/ada-l/", "link: linkedin.com/in/ada-l/"),
    ("join discord.gg/abc123", "link: discord.gg/abc123"),
    ("I'm on github.com/ada, look", "link: github.com/ada"),
    ("see ada.dev", "link: ada.dev"),
    ("see ada.co.uk.", "link: ada.co.uk"),
    ("see t.me/ada", "link: t.me/ada"),
    ("lnkd.in/abc", "link: lnkd.in/abc"),
    ("cv.ada.me", "link: cv.ada.me"),
    ("I'm @ada_l there", "handle: @ada_l"),
    ("(@ada.l)", "handle: @ada.l"),
    ("@ada@mastodon.example!", "handle: @ada@mastodon.example"),
    ("ada#1234 on discord", "handle: ada#1234"),
]

NOT_CONTACTS = [
    "at 10:30, or 10:30-11:15, or 9-5, or 24/7",
    "on 22.11.2026, on 2026-11-22 10:30, on 11/22/2026, on 22/11/26, on 20261122",
    "from 01/2020-03/2021, 01.02.2024-03.04.2024, 2020-01 - 2021-03",
    "2019-2023, 2019 to 2023, 2018 2019 2020, in 2023 1500 people",
    "$120,000 or 120 000 EUR or € 1 200 000 or 85k or 120.000 € or 1,200,000",
    "1 200 000 people, 1.200.000 people, 100 000 000 people, 15000000 rows",
    "1000-2000 people, 3000 - 4000 a month",
    "version 10.0.19045.3803, v1.2.3, Python 3.11.2, 192.168.100.200",
    "3.14159265, 99.123456 %, 1 2 3 4 5 6 7 8, 1-2-3-4-5-6-7-8",
    "job ID 20231145, req 20231145, #1234567, JR-1234567, R0012345, PR#1234",
    "123456, 12345-6, 42, room 101, 500 applications in 12 months",
    "node.js, ASP.NET, Vue.js, socket.io, e.g. this, i.e. that, U.S.A., Ph.D., 5 p.m., etc.",
    "cv.pdf, main.py, README.md, index.html",
    "I went home.in the evening it was.so I slept.it helped",
    "I got a no.AI is hard.In the end.Then nothing.But fine",
    "wait...what, well..., a.b.c",
    "at @ 5pm, @5pm, @10:30, hi @here and @everyone, working @home",
    "ada (at) home. It was fine, I stayed (at) work",
    "C#, F# and 100% and a/b and and/or",
]


@pytest.mark.parametrize(("text", "display", "piece"), NAMES)
def test_the_authors_name_is_found(text: str, display: str, piece: str) -> None:
    assert found(text, display) == [f"name: {piece}"]


@pytest.mark.parametrize(("text", "display"), NOT_NAMES)
def test_ordinary_words_are_no_names(text: str, display: str) -> None:
    assert found(text, display) == []


@pytest.mark.parametrize(("text", "piece"), CONTACTS)
def test_a_way_to_reach_somebody_is_found(text: str, piece: str) -> None:
    assert found(text) == [piece]


@pytest.mark.parametrize("text", NOT_CONTACTS)
def test_numbers_and_dots_of_all_days_are_no_contacts(text: str) -> None:
    assert found(text) == []


def test_everything_is_found_in_order_and_once() -> None:
    text = "Ada here (ada@example.org). Again: ADA, ada@example.org, +49 151 2345678, ada.example.com"
    assert found(text, "Ada") == [
        "name: Ada",
        "email: ada@example.org",
        "phone: +49 151 2345678",
        "link: ada.example.com",
    ]


@given(st.text(max_size=300), st.text(max_size=40))
def test_nothing_ever_breaks_it(text: str, display: str) -> None:
    for finding in identifying(text, display):
        assert finding.text
        assert finding.text in text


NEAR = st.lists(
    st.sampled_from(
        [
            "ada",
            "Will",
            "\u0301",
            "ß",
            "İ",
            "ﬁ",
            "@",
            ".",
            "com",
            "+",
            "12",
            "000",
            "2023",
            " ",
            "-",
            "(",
            "\n",
        ]
    ),
    max_size=60,
).map("".join)


@given(NEAR, NEAR)
def test_nothing_ever_breaks_it_near_what_it_looks_for(text: str, display: str) -> None:
    for finding in identifying(text, display):
        assert finding.text in text
        assert finding.kind in Kind


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_name_between_any_words_is_found(before: str, after: str) -> None:
    assert any("Lovelace" in piece for piece in found(f"{before} Ada Lovelace {after}", "Ada Lovelace"))

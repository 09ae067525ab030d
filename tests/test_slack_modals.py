"""How forms look to Slack: modals within its limits, its own pickers, and what comes back from them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content import FOLDER
from bot.platforms.mending import mend
from bot.platforms.slack_cards import MARKS
from bot.platforms.slack_forms import METADATA_LIMIT, NAME, NO_FILES, SUBMIT, Origin, errors, submitted, view
from bot.ui import CHOICES_LIMIT, Button, Choice, Fact, Field, Form, Kind, LimitError, Tone
from bot.words import Words
from cogs import COGS
from tests.slack_limits import TEXTS, UNHURRIED, Json, fits, rich, valid, words

VOICE = Words.load(FOLDER).speak("en")


def choices(number: int) -> tuple[Choice, ...]:
    return tuple(Choice(f"v{n}", f"Choice {n}") for n in range(number))


FORM = Form(
    "a.form",
    (
        Field("where", label="Where?", hint="A company, or nothing", optional=True, limit=120, value="Acme"),
        Field("stage", Kind.CHOICE, label="How far?", choices=choices(8), value="v3"),
        Field("sign", Kind.CHOICE, label="Signed", choices=choices(3), value="v0"),
        Field("themes", Kind.CHOICES, label="About", choices=choices(7), optional=True, value="v1,v2"),
        Field("story", Kind.LONG, label="What happened?", limit=1500, optional=True),
    ),
    title="A no",
    submit="Send",
    arg="abc",
)
PICKERS = Form(
    "a.pickers",
    (
        Field("who", Kind.USER, label="Who", value="U012345678"),
        Field("channel", Kind.CHANNEL, label="Channel", optional=True, value="C012345678"),
        Field("day", Kind.DATE, label="Day", value="2026-03-02"),
        Field("time", Kind.TIME, label="Time", value="09:05"),
        Field("many", Kind.CHOICES, label="Many", choices=choices(15), value="v1,gone,v14"),
    ),
    title="More",
)


def elements(form: Form) -> dict[str, Json]:
    blocks = fits(form)["blocks"]
    return {block["block_id"]: block["element"] for block in blocks if block["type"] == "input"}


def test_each_field_has_its_native_control() -> None:
    controls = elements(FORM)
    kinds = ["plain_text_input", "static_select", "radio_buttons", "checkboxes", "plain_text_input"]
    assert [each["type"] for each in controls.values()] == kinds
    where, story = controls["where"], controls["story"]
    assert where["initial_value"] == "Acme" and where["max_length"] == 120 and not where["multiline"]
    assert story["multiline"] and story["max_length"] == 1500 and "initial_value" not in story
    assert controls["stage"]["initial_option"]["value"] == "v3"
    assert controls["sign"]["initial_option"] == controls["sign"]["options"][0]
    assert [each["value"] for each in controls["themes"]["initial_options"]] == ["v1", "v2"]
    modal = view(FORM, Origin())
    assert [block["optional"] for block in modal["blocks"]] == [True, False, False, True, True]
    assert modal["blocks"][0]["hint"]["text"] == "A company, or nothing"
    assert modal["title"]["text"] == "A no" and modal["submit"]["text"] == "Send"
    assert modal["callback_id"] == "a.form"


def test_people_channels_days_and_times_are_picked() -> None:
    controls = elements(PICKERS)
    assert controls["who"] == {"type": "users_select", "action_id": "value", "initial_user": "U012345678"}
    assert controls["channel"] == {
        "type": "conversations_select",
        "action_id": "value",
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
        "default_to_current_conversation": False,
        "initial_conversation": "C012345678",
    }
    assert controls["day"] == {"type": "datepicker", "action_id": "value", "initial_date": "2026-03-02"}
    assert controls["time"] == {"type": "timepicker", "action_id": "value", "initial_time": "09:05"}
    assert controls["many"]["type"] == "multi_static_select"
    assert [each["value"] for each in controls["many"]["initial_options"]] == ["v1", "v14"]


@pytest.mark.parametrize(
    ("number", "optional", "kind"),
    [
        (1, False, "static_select"),
        (2, False, "radio_buttons"),
        (5, False, "radio_buttons"),
        (6, False, "static_select"),
        (3, True, "static_select"),  # a radio button cannot be let go of
    ],
)
def test_a_few_choices_are_radio_buttons(number: int, optional: bool, kind: str) -> None:
    field = Field("one", Kind.CHOICE, choices=choices(number), optional=optional, label="One")
    assert elements(Form("a.b", (field,)))["one"]["type"] == kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.DATE, "2026-02-30"),
        (Kind.DATE, "20260302"),
        (Kind.DATE, "tomorrow"),
        (Kind.DATE, "2026-03-02\n"),
        (Kind.DATE, "٢٠٢٦-٠٣-٠٢"),
        (Kind.TIME, "24:00"),
        (Kind.TIME, "9:5"),
        (Kind.TIME, "09:00:00"),
        (Kind.USER, "Ada"),
        (Kind.USER, "123456789012345678"),
        (Kind.CHANNEL, "support"),
        (Kind.CHANNEL, "D012345678"),
        (Kind.CHOICE, "gone"),
        (Kind.CHOICES, "gone,also"),
    ],
)
def test_a_stored_value_that_is_none_is_left_out(kind: Kind, value: str) -> None:
    some = choices(3) if kind in (Kind.CHOICE, Kind.CHOICES) else ()
    (control,) = elements(Form("a.b", (Field("x", kind, choices=some, value=value, label="X"),))).values()
    assert not [name for name in control if name.startswith("initial_")]


def test_words_longer_than_the_limit_come_back_whole() -> None:
    (control,) = elements(Form("a.b", (Field("x", Kind.LONG, limit=20, value="w" * 500),))).values()
    assert control["initial_value"] == "w" * 500 and control["max_length"] == 500
    (control,) = elements(Form("a.b", (Field("x", Kind.LONG, limit=20, value="w" * 3001),))).values()
    assert "initial_value" not in control and control["max_length"] == 20


def test_a_choice_that_no_menu_can_hold_is_an_error_and_not_cut() -> None:
    for choice in (Choice("v" * 151, "Label"), Choice("v" * 76)):
        with pytest.raises(LimitError, match="longer than a Slack menu can hold"):
            view(Form("a.b", (Field("x", Kind.CHOICE, choices=(choice,)),)), Origin())


@pytest.mark.parametrize("id", [id for cog in COGS for id in cog.forms])
def test_the_cogs_forms_fit(id: str) -> None:
    form = next(cog.forms[id][0] for cog in COGS if id in cog.forms)
    modal = fits(VOICE.form(form))
    assert modal["submit"]["text"] != SUBMIT and modal["title"]["text"] != NAME


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """Any form that ``bot.ui`` lets be, with values that a control may show."""
    fields: list[Field] = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        kind = draw(st.sampled_from(Kind))
        number = draw(st.integers(1, CHOICES_LIMIT)) if kind in (Kind.CHOICE, Kind.CHOICES) else 0
        values = st.one_of(TEXTS, st.sampled_from(["v0", "v0,v1", "2026-03-02", "09:00", "U012345678"]))
        labels = st.text(min_size=1, max_size=45)
        fields.append(
            Field(
                name,
                kind,
                draw(st.booleans()),
                draw(st.integers(1, 3000)),
                choices(number),
                label=draw(labels),
                hint=draw(st.text(max_size=100)),
                value=draw(values),
                error=draw(TEXTS),
            )
        )
    arg, title = draw(st.text(max_size=90)), draw(st.text(min_size=1, max_size=24))
    return Form("a.b", tuple(fields), arg, title, draw(st.text(max_size=24)))


@settings(suppress_health_check=UNHURRIED, deadline=None)
@given(forms(), st.text(max_size=4000))
def test_every_form_fits_and_no_error_is_lost(form: Form, url: str) -> None:
    modal = fits(form, Origin(channel="C012345678", response_url=url, at=1))
    assert Origin.load(modal["private_metadata"]).arg == form.arg
    inputs = {block["block_id"] for block in modal["blocks"] if block["type"] == "input"}
    told = errors(form)
    assert set(told) <= inputs and all(line.strip() for line in told.values())
    for field in form.fields if inputs else ():
        if field.error.strip():
            own = told.get(field.name)
            assert field.error in own if own else any(field.error in each for each in told.values())


def test_a_file_is_not_taken_and_its_error_stands_where_people_see_it() -> None:
    file = Field("cv", Kind.FILE, label="Your CV", error="Please fill this in.")
    form = Form("a.b", (file, Field("x", error="Too long.")))
    told = [words(part["elements"]) for part in rich(fits(form)["blocks"])]
    assert told == ["Your CV", NO_FILES, "Please fill this in.", "Too long."]
    assert errors(form) == {"x": "Too long.\nYour CV: Please fill this in."}
    alone = replace(form, fields=form.fields[:1])
    assert errors(alone) == {} and mend(alone).fields == (Fact("Your CV", "Please fill this in."),)


def test_a_submission_comes_back_by_field_name() -> None:
    def one(type: str, **value: Any) -> Json:
        return {"value": {"type": type, **value}}

    option = {"text": {"type": "plain_text", "text": "One"}, "value": "v1"}
    values = {
        "where": one("plain_text_input", value="Acme"),
        "empty": one("plain_text_input", value=None),
        "sign": one("radio_buttons", selected_option=option),
        "unsaid": one("static_select", selected_option=None),
        "themes": one("checkboxes", selected_options=[option, option | {"value": "v2"}]),
        "none": one("checkboxes", selected_options=[]),
        "many": one("multi_static_select", selected_options=[option]),
        "day": one("datepicker", selected_date="2026-03-02"),
        "time": one("timepicker", selected_time="09:05"),
        "who": one("users_select", selected_user="U012345678"),
        "channel": one("conversations_select", selected_conversation="C012345678"),
        "no_one": one("users_select", selected_user=None),
    }
    assert submitted({"state": {"values": values}}) == {
        "where": "Acme",
        "empty": "",
        "sign": "v1",
        "unsaid": "",
        "themes": "v1,v2",
        "none": "",
        "many": "v1",
        "day": "2026-03-02",
        "time": "09:05",
        "who": "U012345678",
        "channel": "C012345678",
        "no_one": "",
    }
    assert submitted({}) == submitted({"state": None}) == {}


def test_the_origin_travels_with_the_modal() -> None:
    origin = Origin("x", "C012345678", "1700000000.000100", "https://hooks.slack.com/actions/T/1/x", 99, True)
    told = view(FORM, origin)["private_metadata"]
    assert Origin.load(told) == replace(origin, arg="abc")
    assert json.loads(Origin().dump()) == {}


def test_an_address_too_long_for_the_metadata_stays_behind() -> None:
    origin = Origin("x", "C012345678", response_url="https://hooks.slack.com/" + "y" * 3000, at=5)
    assert len(origin.dump()) <= METADATA_LIMIT
    assert Origin.load(origin.dump()) == Origin("x", "C012345678")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"arg":3,"at":"x","home":1}', '{"at":true}'])
def test_metadata_that_is_none_of_ours_is_no_origin(text: str) -> None:
    assert Origin.load(text) == Origin()


def test_what_to_mend_is_a_card_with_the_way_back() -> None:
    fields = (replace(FORM.fields[0], error="Too long."), *FORM.fields[1:])
    form = replace(FORM, fields=fields, again=Button("form.again", "a.form:", "Open it again"))
    assert errors(form) == {"where": "Too long."}
    blocks = valid(mend(form))
    assert blocks[0]["text"]["text"] == f"{MARKS[Tone.PROBLEM]} A no"
    assert blocks[-1]["elements"][0]["action_id"] == "form.again:a.form:"

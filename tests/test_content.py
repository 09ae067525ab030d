"""The words and plans that organisers may change: enough of them, and true where they are shown."""

from __future__ import annotations

import re
import tomllib
from datetime import time
from itertools import pairwise

import pytest

from bot.content import ANY, FOLDER, Content, Step
from bot.storage.rejections import Stage, Wish
from bot.words import Voice, Words
from cogs import COGS
from cogs.motivation import THEMES
from cogs.plan import DRAFTS, KINDS

CONTENT = Content.load()
WORDS = Words.load(FOLDER)
STAGES = {stage.value for stage in Stage}
MET = {
    "recruiter_call",
    "assessment",
    "interview",
    "final_round",
    "offer_withdrawn",
}  # they talked to somebody
NEVER_MET = {"no_reply", "cv_screen", "laid_off"}
PLANS = pytest.mark.parametrize("stage", sorted(STAGES))


def raw(name: str) -> list[dict[str, object]]:
    with (FOLDER / "en" / f"{name}s.toml").open("rb") as file:
        return tomllib.load(file)[name]


def kinds(stage: str) -> list[str]:
    return [step.kind for step in CONTENT.plans[stage]]


def step(stage: str, kind: str) -> Step:
    (found,) = [each for each in CONTENT.plans[stage] if each.kind == kind]
    return found


# -- prompts and openers ----------------------------------------------------------------------------


def test_there_are_enough_that_nobody_reads_the_same_soon() -> None:
    assert len(CONTENT.prompts) + len(CONTENT.openers) >= 120
    assert len(CONTENT.prompts) >= 90


def test_ids_and_texts_are_unique() -> None:
    ids = [each.id for each in (*CONTENT.prompts, *CONTENT.openers)]
    texts = [each.text.casefold() for each in (*CONTENT.prompts, *CONTENT.openers)]
    assert len(set(ids)) == len(ids)
    assert len(set(texts)) == len(texts)
    assert all(re.fullmatch(r"[a-z_]+-\d{2}", id) for id in ids)


def test_there_are_twelve_themes_and_each_has_prompts() -> None:
    assert len(THEMES) == len(set(THEMES)) == 12
    assert set(CONTENT.themes) == set(THEMES)
    for theme in THEMES:
        mine = [prompt for prompt in CONTENT.prompts if prompt.themes[0] == theme]
        assert len(mine) >= 5, theme
        assert all(prompt.id.rpartition("-")[0] == theme for prompt in mine), "an id names its theme"


def test_tags_are_known() -> None:
    for prompt in CONTENT.prompts:
        assert 1 <= len(prompt.themes) <= 2
        assert len(set(prompt.themes)) == len(prompt.themes), prompt.id
        assert set(prompt.themes) <= set(THEMES), prompt.id
    for each in (*CONTENT.prompts, *CONTENT.openers):
        assert each.stages == (ANY,) or (each.stages and set(each.stages) <= STAGES), each.id
    assert {opener.wish for opener in CONTENT.openers} == {Wish.LISTEN, Wish.IDEAS, "win"}


def test_no_tag_is_left_unread() -> None:
    known = {"id", "themes", "stages", "text"}
    assert all(set(prompt) == known for prompt in raw("prompt"))
    assert all(set(opener) - {"themes"} == known - {"themes"} | {"wish"} for opener in raw("opener"))


def test_they_are_short() -> None:
    assert [each.id for each in CONTENT.prompts if len(each.text) > 280] == []
    assert [each.id for each in CONTENT.openers if len(each.text) > 240] == []


@PLANS
def test_every_stage_has_something_to_read(stage: str) -> None:
    fitting = [prompt for prompt in CONTENT.prompts if prompt.fits(stage)]
    assert {theme for prompt in fitting for theme in prompt.themes} >= {"feel_it", "not_alone", "self_care"}
    assert len(fitting) >= 60
    for wish in (Wish.LISTEN, Wish.IDEAS):
        openers = [each for each in CONTENT.openers if each.wish == wish]
        assert sum(ANY in each.stages or stage in each.stages for each in openers) >= 5


def test_who_never_met_anyone_is_not_told_of_an_interview_or_of_thanking() -> None:
    for prompt in CONTENT.prompts:
        if any(prompt.fits(stage) for stage in NEVER_MET) or prompt.fits(""):
            said = prompt.text.casefold()
            assert "interview" not in said, prompt.id
            assert not re.search(r"thank[- ]you note|thank the (?:interviewer|recruiter)", said), prompt.id


def test_who_wants_to_be_listened_to_is_given_no_advice() -> None:
    advice = re.compile(
        r"\b(?:(?<!No )(?<!No CV )tips?|you should|they should|try to|have you tried|next time)\b",
        re.IGNORECASE,
    )
    for opener in CONTENT.openers:
        if opener.wish == Wish.LISTEN:
            assert not advice.search(opener.text), opener.id


# -- plans ------------------------------------------------------------------------------------------


def test_every_stage_has_a_plan_and_nothing_else_has() -> None:
    assert set(CONTENT.plans) == STAGES
    with (FOLDER / "plans.toml").open("rb") as file:
        stages = [plan["stage"] for plan in tomllib.load(file)["plan"]]
    assert len(stages) == len(set(stages)), "a second plan for a stage would hide the first"


@PLANS
def test_who_met_somebody_thanks_them_and_asks_for_feedback_at_once(stage: str) -> None:
    if stage in MET:
        assert step(stage, "thank_you").after_days == 0
        assert step(stage, "ask_feedback").after_days <= 1
        assert kinds(stage)[:2] == ["thank_you", "ask_feedback"]
    else:
        assert stage in NEVER_MET
        assert not {"thank_you", "ask_feedback", "feedback_check", "reflect", "practise"} & set(kinds(stage))


def test_after_a_final_round_the_door_is_kept_open_months_later() -> None:
    assert step("final_round", "keep_door_open").after_days >= 60
    assert not any("keep_door_open" in kinds(stage) for stage in STAGES - {"final_round", "offer_withdrawn"})


def test_after_no_reply_it_can_be_closed_by_oneself() -> None:
    assert "close_it" in kinds("no_reply")
    assert not any("close_it" in kinds(stage) for stage in STAGES - {"no_reply"})


def test_after_a_job_is_lost_the_search_comes_late() -> None:
    assert kinds("laid_off")[0] == "rest"
    assert step("laid_off", "next_application").after_days >= 28


@PLANS
def test_a_plan_is_gentle(stage: str) -> None:
    steps = CONTENT.plans[stage]
    assert len({each.kind for each in steps}) == len(steps) <= 8
    assert all(first.after_days < second.after_days for first, second in pairwise(steps)), "a day each"
    assert "check_in" in kinds(stage)
    assert "next_application" in kinds(stage)
    assert step(stage, "check_in").after_days < step(stage, "next_application").after_days
    for each in steps:
        assert time(8, 30) <= each.at <= time(20, 30), "outside the default quiet hours"
        assert 1 <= each.late.days <= 30, "worth sending late, but not for ever"


@PLANS
def test_every_step_is_a_kind_that_can_be_said(stage: str) -> None:
    assert set(kinds(stage)) <= set(KINDS)


def test_every_kind_is_in_a_plan_and_has_its_words_in_every_language() -> None:
    assert {kind for stage in STAGES for kind in kinds(stage)} == set(KINDS)
    declared = {spec.kind for cog in COGS for spec in cog.nudges}
    assert {f"plan.{kind}" for kind in KINDS} <= declared
    for language in WORDS.languages:
        voice = WORDS.speak(language)
        for stage in sorted(STAGES):
            for kind in kinds(stage):
                said(voice, f"nudge-{kind.replace('_', '-')}", stage)
                if kind in DRAFTS:
                    said(voice, DRAFTS[kind], stage)


def said(voice: Voice, id: str, stage: str) -> None:
    for where in ("", "Data analyst at Acme"):
        text = voice(id, stage=stage, where=where, has_where=bool(where))
        assert isinstance(text, str)
        assert text.strip()
        assert "{" not in text
    if id.startswith("nudge-"):
        for attribute in ("title", "short", "done"):
            assert voice.line(f"{id}.{attribute}").strip()


def test_a_draft_asks_for_what_went_well_too() -> None:
    voice = WORDS.speak("en")
    for stage in MET:
        draft = voice.line("feedback-draft", stage=stage, where="Acme", has_where="yes")
        assert "well" in draft
        assert "Acme" in draft


# -- pseudonyms -------------------------------------------------------------------------------------


def test_there_are_names_enough_for_any_thread() -> None:
    for names in (CONTENT.adjectives, CONTENT.animals):
        assert len(set(names)) == len(names) >= 40
        assert all(re.fullmatch(r"[A-Z][a-z]+", name) for name in names)
    assert len(CONTENT.adjectives) * len(CONTENT.animals) >= 2500
    longest = max(map(len, CONTENT.adjectives)) + 1 + max(map(len, CONTENT.animals))
    assert longest <= 60, "as wide as the column"

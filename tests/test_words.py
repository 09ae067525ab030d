"""Every sentence that is asked for exists, fits and is used; and all of them speak as VOICE says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl

from bot.content import FOLDER, Content
from bot.registry import Registry
from bot.storage.rejections import Stage
from bot.ui import (
    CUSTOM_ID_LIMIT,
    FACT_NAME_LIMIT,
    LABEL_LIMIT,
    TEXT_LIMIT,
    TITLE_LIMIT,
    Button,
    Jump,
    Person,
    Quote,
    When,
)
from bot.words import UnknownWords, Voice, Words, words_id
from cogs import COGS

ROOT = FOLDER.parent.parent
WORDS = Words.load(FOLDER)
REGISTRY = Registry(COGS)
CONTENT = Content.load()
LANGUAGES = pytest.mark.parametrize("language", WORDS.languages)

# Buttons whose label is always made on the spot, out of what they open.
LABELLED = {"nudges.open", "nudges.show"}
SAYING = {"say", "line", "_line", "optional", "has"}
ERRORS = {"Refused", "Wrong"}


# -- what the files hold ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A message or an attribute, as written."""

    id: str
    pattern: ftl.Pattern

    @property
    def variables(self) -> dict[str, set[str]]:
        """The variables, each with the keys that are told apart (none: it is only shown)."""
        found: dict[str, set[str]] = {}
        for node in _walk(self.pattern):
            if isinstance(node, ftl.VariableReference):
                found.setdefault(node.id.name, set())
            if isinstance(node, ftl.SelectExpression) and isinstance(node.selector, ftl.VariableReference):
                keys = {_key(variant.key) for variant in node.variants}
                found.setdefault(node.selector.id.name, set()).update(keys)
        return found


def _key(key: ftl.Identifier | ftl.NumberLiteral) -> str:
    return key.name if isinstance(key, ftl.Identifier) else key.value


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for value in vars(node).values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ftl.BaseNode):
                yield from _walk(each)


@cache
def written(language: str) -> dict[str, Said]:
    """Everything under ``bot/content/<language>``, by id; two of one id are an error."""
    found: dict[str, Said] = {}
    for file in sorted((FOLDER / language).glob("*.ftl")):
        for entry in FluentParser().parse(file.read_text("utf-8")).body:
            assert not isinstance(entry, ftl.Junk), f"{file.name}: {entry.content}"
            if isinstance(entry, ftl.Message):
                name = entry.id.name
                patterns = [(name, entry.value)] if entry.value else []
                patterns += [(f"{name}.{each.id.name}", each.value) for each in entry.attributes]
                for id, pattern in patterns:
                    assert id not in found, f"{id} is written twice"
                    found[id] = Said(id, pattern)
    return found


EN = written("en")


def readings(said: Said, voice: Voice) -> Iterator[str]:
    """The sentence as it reads for every key that it tells apart."""
    variables = said.variables
    options = [_values(name, keys) for name, keys in variables.items()]
    for values in product(*options):
        text = voice(said.id, **dict(zip(variables, values, strict=True)))
        assert isinstance(text, str), said.id
        yield text


def _values(name: str, keys: set[str]) -> Sequence[Any]:
    if not keys:
        return SAMPLES.get(name, ["Acme"])
    if keys <= {"one", "other", "0", "1"}:
        return [0, 1, 2, 4321]
    if name == "stage":
        return [stage.value for stage in Stage]
    return [int(key) if key.isdigit() else key for key in sorted(keys)]


SAMPLES: Mapping[str, Sequence[Any]] = {
    "n": [1, 12, 4321],
    "limit": [1500],
    "over": [1, 8500],
    "who": ["Quiet Heron"],
    "where": ["Acme", "Data analyst at Acme & Söhne, Berlin"],
    "code": ["0a1b2c3d"],
}


# -- what the code asks for ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An id, or a pattern of ids, with the variables that come along (None: some that cannot be read)."""

    where: str
    id: str
    exact: bool
    given: frozenset[str] | None

    def matches(self) -> list[Said]:
        if self.exact:
            return [EN[self.id]] if self.id in EN else []
        return [said for id, said in EN.items() if re.fullmatch(self.id, id)]


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("bot", "cogs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in file.parts:
                yield str(file.relative_to(ROOT)), ast.parse(file.read_text("utf-8"))


SOURCES = list(sources())


def asked() -> Iterator[Asked]:
    """Every id given to say, line, a voice, Refused or Wrong."""
    for name, tree in SOURCES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _says(node.func):
                names = [keyword.arg for keyword in node.keywords]
                given = None if None in names else frozenset(each for each in names if each)
                given = given and given - {"field"} if _refuses(node.func) else given
                for id, exact in _ids(node.args[0]):
                    yield Asked(f"{name}:{node.lineno}", id, exact, given)


def _says(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in SAYING or function.attr == "voice"
    if isinstance(function, ast.Call):
        return isinstance(function.func, ast.Attribute) and function.func.attr == "speak"
    return isinstance(function, ast.Name) and function.id in {"voice", "line", "say", *ERRORS}


def _refuses(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in ERRORS


def _ids(node: ast.expr) -> Iterator[tuple[str, bool]]:
    match node:
        case ast.Constant(value=str(id)):
            yield id, True
        case ast.JoinedStr(values=pieces):
            texts = [
                re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".+" for each in pieces
            ]
            yield "".join(texts), False
        case ast.IfExp(body=body, orelse=other):
            yield from _ids(body)
            yield from _ids(other)
        case _:
            return


ASKED = list(asked())


def constants() -> Iterator[tuple[str, str]]:
    """Every string in the code."""
    for name, tree in SOURCES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{name}:{node.lineno}", node.value


def implied() -> dict[str, bool]:
    """Ids that follow from what the cogs declare, and whether each must exist."""
    found: dict[str, bool] = {"form-submit": True}
    for spec in REGISTRY.presses.values():
        if spec.button.id not in LABELLED:
            found[words_id(spec.button.id)] = True
    for form, _ in REGISTRY.forms.values():
        of = words_id(form.id)
        found |= {f"{of}.title": not form.title, f"{of}.submit": False}
        for field in form.fields:
            found |= _field(of, field)
    for spec in REGISTRY.commands.values():
        of = f"command-{spec.command.name}"
        found[of] = True
        for option in spec.command.options:
            found |= _field(of, option)
    return found


def _field(of: str, field: Any) -> dict[str, bool]:
    found = {f"{of}.{field.name}": not field.label, f"{of}.{field.name}-hint": False}
    return found | {f"choice-{field.name}.{each.value}": True for each in field.choices if not each.label}


# -- nothing is missing, nothing is left over -----------------------------------------------------------


def test_the_code_is_read() -> None:
    assert len(ASKED) > 100
    assert sum(not each.exact for each in ASKED) >= 5
    assert len(EN) > 200


def test_every_id_that_the_code_says_exists() -> None:
    assert sorted(f"{each.where} {each.id}" for each in ASKED if not each.matches()) == []


def test_every_string_that_looks_like_an_id_is_one() -> None:
    """Ids that travel in dicts and tuples before they are said."""
    features = {cog.name for cog in COGS} - {"rest", "thread", "help", "home", "plan"}
    prefixes = "|".join(sorted(features | {"rejections", "nudges", "choice", "command", "folded", "missed"}))
    looks = re.compile(rf"(?:{prefixes})-[a-z][a-z_-]*(?:\.[a-z_-]+)?")
    found = [(where, text) for where, text in constants() if looks.fullmatch(text)]
    assert len(found) > 50
    assert [f"{where} {text}" for where, text in found if text not in EN] == []


def test_every_id_that_the_declarations_imply_exists() -> None:
    assert sorted(id for id, needed in implied().items() if needed and id not in EN) == []


def test_every_message_is_used() -> None:
    strings = {text for _, text in constants()}
    patterns = {each.id for each in ASKED if not each.exact}
    buttons = {words_id(text) for text in strings if re.fullmatch(r"[a-z_]+\.[a-z_]+", text)}
    unused = [
        id
        for id in EN
        if id not in strings
        and id not in implied()
        and id not in buttons
        and not any(re.fullmatch(pattern, id) for pattern in patterns)
        and not any(re.fullmatch(pattern.removesuffix(r"\.short"), id) for pattern in patterns)
        and not _of_a_nudge(id)
    ]
    assert unused == []


def _of_a_nudge(id: str) -> bool:
    """The body of a plan's nudge, whose id is made in two steps from its kind."""
    kinds = {kind.removeprefix("plan.") for kind in REGISTRY.nudges if kind.startswith("plan.")}
    return id in {f"nudge-{kind.replace('_', '-')}" for kind in kinds}


def test_every_variable_is_given() -> None:
    by_name = {
        each.id for each in ASKED if each.exact
    } | implied().keys()  # these are not meant by a pattern that fits them
    missing = [
        f"{each.where} {said.id} needs {sorted(said.variables.keys() - each.given)}"
        for each in ASKED
        if each.given is not None
        for said in each.matches()
        if said.variables.keys() - each.given and (each.exact or said.id not in by_name)
    ]
    assert missing == []


def test_no_variable_is_given_for_nothing() -> None:
    extra = [
        f"{each.where} {each.id} has no {sorted(each.given - EN[each.id].variables.keys())}"
        for each in ASKED
        if each.exact and each.given and each.id in EN and each.given - EN[each.id].variables.keys()
    ]
    assert extra == []


def test_a_missing_id_or_variable_is_an_error_when_it_is_said() -> None:
    voice = WORDS.speak("en")
    with pytest.raises(UnknownWords):
        voice("no-such-sentence")
    with pytest.raises(UnknownWords):
        voice("thread-company")
    with pytest.raises(UnknownWords):
        voice.button(Button("no.such"))


# -- buttons --------------------------------------------------------------------------------------------


def declared_buttons() -> Iterator[tuple[str, ast.Module, str, str]]:
    """File, tree, name and id of each button that is a constant of a module."""
    for file, tree in SOURCES:
        for node in tree.body:
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(func=ast.Name(id="Button"), args=[ast.Constant(value=str(id)), *_]),
                ):
                    yield file, tree, name, id
                case _:
                    continue


def test_every_button_does_something() -> None:
    ids = {id for _, _, _, id in declared_buttons()}
    ids |= {
        str(node.args[0].value)
        for _, tree in SOURCES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Button"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(ids) > 30
    assert ids - REGISTRY.presses.keys() == {"form.again"}


def test_a_button_whose_label_needs_variables_is_never_left_to_be_labelled_later() -> None:
    bare: list[str] = []
    for file, tree, name, id in declared_buttons():
        said = EN.get(words_id(id))
        if said is None or not said.variables:
            continue
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        fine = {place for call in calls for place in _labelled(call, name, set(said.variables))}
        fine |= {_at(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                bare += [] if _at(node) in fine else [f"{file}:{node.lineno} {name}"]
    assert bare == []


def _at(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _labelled(call: ast.Call, name: str, needed: set[str]) -> Iterator[tuple[int, int]]:
    """Where a call gives the button its label, or only names it."""
    if not isinstance(call.func, ast.Attribute | ast.Name):
        return
    what = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
    given = {keyword.arg for keyword in call.keywords}
    labels = what == "button" and needed <= given
    if labels or what in {"press", "press_opens"} or (what == "replace" and "label" in given):
        yield from (_at(arg) for arg in call.args if isinstance(arg, ast.Name) and arg.id == name)


# -- it fits ----------------------------------------------------------------------------------------------


@LANGUAGES
def test_every_form_and_command_can_be_dressed(language: str) -> None:
    voice = WORDS.speak(language)
    for form, _ in REGISTRY.forms.values():
        dressed = voice.form(form)
        assert dressed.title
        assert dressed.submit
        assert all(field.label for field in dressed.fields)
        assert all(choice.label for field in dressed.fields for choice in field.choices)
        for field in dressed.fields:
            labels = [choice.label for choice in field.choices]
            assert len(set(labels)) == len(labels), f"{form.id}.{field.name}: two choices read the same"
    for spec in REGISTRY.commands.values():
        command = voice.command(spec.command)
        assert command.description
        assert all(option.label for option in command.options)


@LANGUAGES
def test_every_label_fits_on_its_button(language: str) -> None:
    voice = WORDS.speak(language)
    for spec in REGISTRY.presses.values():
        id = words_id(spec.button.id)
        if id in EN:
            for label in readings(EN[id], voice):
                Button(spec.button.id, label=label)
                assert len(label) <= 40, f"{id}: {label!r} is long for a button on a phone"
                assert label == label.strip()


@LANGUAGES
def test_every_sentence_fits_where_it_is_shown(language: str) -> None:
    voice = WORDS.speak(language)
    for id, said in written(language).items():
        limit = TITLE_LIMIT if id.endswith((".title", ".short")) else TEXT_LIMIT
        for text in readings(said, voice):
            assert text.strip(), id
            assert len(text) <= limit, f"{id} has {len(text)} characters"
            assert "{" not in text, f"{id}: {text!r}"
            assert "\ue000" not in text, id


@LANGUAGES
def test_what_labels_a_button_elsewhere_fits_too(language: str) -> None:
    """A nudge's short name stands on a button when several come in one message; a jump has a label."""
    voice = WORDS.speak(language)
    for id in EN:
        if id.endswith(".short"):
            assert len(voice.line(id)) <= LABEL_LIMIT, id
        if id.endswith(("-jump", "-support")):
            Jump(voice.line(id), "here", "general")
        if id.startswith("settings-fact.") or id.endswith(".who"):
            assert len(voice.line(id)) <= FACT_NAME_LIMIT, id


@LANGUAGES
@pytest.mark.parametrize("stage", list(Stage))
def test_every_sentence_reads_for_every_stage(language: str, stage: Stage) -> None:
    voice = WORDS.speak(language)
    staged = [said for said in EN.values() if "stage" in said.variables]
    assert len(staged) >= 15
    for said in staged:
        others = said.variables.keys() - {"stage"}
        for has_where in ("yes", "no"):
            values = dict.fromkeys(others, "Acme") | {"has_where": has_where}
            text = voice(said.id, stage=stage.value, **values)
            assert isinstance(text, str)
            assert text.strip()
            if has_where == "no" and "has_where" in others:
                assert "Acme" not in text, "without a place, none is named"


@LANGUAGES
def test_a_language_has_no_ids_of_its_own_and_the_same_variables(language: str) -> None:
    for id, said in written(language).items():
        assert id in EN, f"{language}: {id} is not asked for"
        assert said.variables.keys() <= EN[id].variables.keys(), f"{language}: {id}"


def test_parts_pass_through_a_sentence_whole() -> None:
    voice = WORDS.speak("en")
    quote = Quote("\ue0000\ue001 { $n }")
    text = voice("thread-said", who=Person("u1"))
    assert text == (Person("u1"), " says:")
    assert voice("thread-said", who="\ue0000\ue001") == "\ue0000\ue001 says:"
    assert voice("thread-said", who="{ $n }") == "{ $n } says:"
    assert voice("thread-said", who=(quote, "\ue0001\ue001")) == (quote, "\ue0001\ue001", " says:")
    when = When(datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert voice("plan-snoozed", when=when) == ("Fine. It comes back ", when, ".")


def test_a_language_is_found_by_its_parents_and_else_it_is_english() -> None:
    assert WORDS.speak("xx", "en-GB").language == "en"
    assert WORDS.speak("").language == "en"
    assert WORDS.speak("tlh", "xx-YY").language == "en"
    assert WORDS.languages[0] == "en"


def test_another_language_may_leave_sentences_to_english(tmp_path: Path) -> None:
    for language, text in {"en": "a = One { $n }\nb = Two\n", "de": "b = Zwei\n"}.items():
        (tmp_path / language).mkdir()
        (tmp_path / language / "x.ftl").write_text(text)
    german = Words.load(tmp_path).speak("de-AT")
    assert german("b") == "Zwei"
    assert german("a", n=2) == "One 2"
    assert german.has("a")
    assert not german.has("c")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "x.ftl").write_text("a = One\nb = { $n\n")
    with pytest.raises(UnknownWords, match=r"x\.ftl"):
        Words.load(tmp_path)


# -- how it speaks ----------------------------------------------------------------------------------------

NEVER = re.compile(
    r"everything happens for a reason|\bat least\b|stay positive|meant for you|don't be sad|cheer up"
    r"|bright side|silver lining|blessing in disguise|you've got this|n't give up|never give up|keep smiling"
    r"|\bstreaks?\b|\bscores?\b|\bpoints\b|hurry|\basap\b|last chance|don't miss|act now|\bcommitted\b"
    r"|are you sure|man up|snap out|others have it worse|could be worse|failure\b|you failed|you should have"
    r"|\bguarantee|you will get|you'll get (?:a|the) job|plenty of fish|\bsweetie|\bhoney\b|\bbuddy\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")


def sentences(language: str) -> Iterator[tuple[str, str]]:
    """Everything that people read in a language, by id."""
    voice = WORDS.speak(language)
    for id, said in written(language).items():
        for text in readings(said, voice):
            yield id, text
    if language == "en":
        for each in (*CONTENT.prompts, *CONTENT.openers):
            yield each.id, each.text


@LANGUAGES
def test_nobody_is_shouted_at(language: str) -> None:
    assert sorted({id for id, text in sentences(language) if "!" in text}) == []
    shouted = {id for id, text in sentences(language) if re.search(r"\b[A-Z]{4,}\b", text)}
    assert shouted == set()


@LANGUAGES
def test_what_is_never_said_is_not_said(language: str) -> None:
    wins = {opener.id for opener in CONTENT.openers if opener.wish == "win"}
    found = [(id, NEVER.search(text)) for id, text in sentences(language)]
    assert sorted({f"{id}: {said[0]}" for id, said in found if said}) == []
    emoji = {id for id, text in sentences(language) if len(EMOJI.findall(text)) > 1 and id not in wins}
    assert emoji == set()


@LANGUAGES
def test_it_reads_like_a_person_and_not_like_a_poster(language: str) -> None:
    for id, text in sentences(language):
        assert "—" not in text, f"{id}: a dash where a full stop would do"
        assert "  " not in text.replace("\n", ""), f"{id}: two spaces"
        assert "..." not in text, f"{id}: three dots are one sign: …"
        assert not re.search(r"\s[,.;:?]", text), f"{id}: a space before a sign"
        assert not re.search(r"[“”‘’]", text) or "“" in text, f"{id}: one kind of apostrophe"


@LANGUAGES
def test_long_sentences_are_listed(language: str, record_property: Any) -> None:
    """About twelve words; longer ones are for a reader to judge, not for a test."""
    found: dict[str, int] = {}
    for id, text in sentences(language):
        longest = max(len(each.split()) for each in re.split(r"[.?:]\s|\n", text))
        if longest > 18:
            found[id] = max(longest, found.get(id, 0))
    record_property("long sentences", found)
    too_long = {id: words for id, words in found.items() if words > 30 and not id.endswith("-draft")}
    assert too_long == {}, "nobody reads that on a phone"


def test_limits_are_those_of_the_platforms() -> None:
    assert (CUSTOM_ID_LIMIT, LABEL_LIMIT) == (100, 75)

"""Private text at rest, its keys, and the tokens that stand for people."""

import base64
import copy
import json
import os
import pickle
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.vault import Vault, VaultError

ABOUT = "rejections.story"
STORY = "They said Plover Ltd went with someone else \N{CRYING FACE}"
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def refusal(action: Callable[[], object]) -> str:
    """The message of the VaultError that an action ends in; nothing else may be told with it."""
    with pytest.raises(VaultError) as refused:
        action()
    error = refused.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert not isinstance(error.__context__, ValueError), "it would carry the text or the keys along"
    return str(error)


@given(ANY_TEXT, st.text(min_size=1))
@example("", ABOUT)
@example("\0 \N{CRYING FACE} \ud83d", ABOUT)
@example("\ud83d\ude22", ABOUT)
def test_text_comes_back_as_it_was(text: str, about: str) -> None:
    vault = Vault.ephemeral()
    sealed = vault.seal(text, about)
    assert vault.unseal(sealed, about) == text
    assert len(sealed) == 33 + len(text.encode("utf-8", "surrogatepass"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY_TEXT,
        lambda of: st.lists(of) | st.dictionaries(ANY_TEXT, of),
    )
)
def test_json_comes_back_as_it_was(value: object) -> None:
    vault = Vault.ephemeral()
    assert vault.unseal_json(vault.seal_json(value, ABOUT), ABOUT) == value


def test_what_is_no_json_is_refused_without_showing_it() -> None:
    vault = Vault.ephemeral()
    message = refusal(lambda: vault.unseal_json(vault.seal(STORY, ABOUT), ABOUT))
    assert ABOUT in message
    assert "Plover" not in message
    with pytest.raises(ValueError, match="JSON compliant"):
        vault.seal_json(float("nan"), ABOUT)
    with pytest.raises(TypeError):
        vault.seal_json({STORY}, ABOUT)


def test_the_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault.ephemeral()
    assert len({vault.seal(STORY, ABOUT)[5:17] for _ in range(200)}) == 200


def test_a_change_of_any_byte_is_refused() -> None:
    vault = Vault.ephemeral()
    sealed = vault.seal(STORY, ABOUT)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        message = refusal(lambda changed=bytes(changed): vault.unseal(changed, ABOUT))
        assert ABOUT in message
        assert "Plover" not in message
    for length in range(len(sealed)):
        refusal(lambda length=length: vault.unseal(sealed[:length], ABOUT))
    refusal(lambda: vault.unseal(sealed + b"\0", ABOUT))


def test_text_that_was_never_sealed_is_not_shown() -> None:
    for data in (STORY.encode(), b"\x01" + STORY.encode()):
        message = refusal(lambda data=data: Vault.ephemeral().unseal(data, ABOUT))
        assert ("no sealed text" in message) == (data[0] != 1)
        assert not any(word in message for word in ("They", STORY.encode()[:4].hex()))


def test_text_moved_to_another_place_is_refused() -> None:
    vault = Vault.ephemeral()
    sealed = vault.seal(STORY, ABOUT)
    assert "journal.entry" in refusal(lambda: vault.unseal(sealed, "journal.entry"))
    for call in (lambda: vault.seal(STORY, ""), lambda: vault.unseal(sealed, "")):
        with pytest.raises(ValueError, match="place"):
            call()


def test_another_vaults_text_is_refused() -> None:
    assert "key" in refusal(lambda: Vault.ephemeral().unseal(Vault.ephemeral().seal(STORY, ABOUT), ABOUT))


@pytest.mark.parametrize("stored", [True, False])
def test_rotation_seals_with_a_new_key_and_still_opens_the_old(path: Path, stored: bool) -> None:
    vault = Vault.open(path) if stored else Vault.ephemeral()
    old, owner = vault.seal(STORY, ABOUT), vault.owner("ada")
    first = vault.current
    second = vault.rotate()
    assert vault.key_ids == (first, second)
    assert vault.current == second != first
    new = vault.seal(STORY, ABOUT)
    assert (vault.needs_reseal(old), vault.needs_reseal(new)) == (True, False)
    for each in (vault, Vault.open(path)) if stored else (vault,):
        assert each.unseal(old, ABOUT) == each.unseal(new, ABOUT) == STORY
        assert (each.current, each.owner("ada")) == (second, owner)


def test_a_key_added_by_another_process_is_found(path: Path) -> None:
    running, other = Vault.open(path), Vault.open(path)
    other.rotate()
    assert running.unseal(other.seal(STORY, ABOUT), ABOUT) == STORY
    assert running.current == other.current
    third = running.rotate()
    fourth = other.rotate()
    assert Vault.open(path).key_ids[-2:] == (third, fourth)


def test_keys_that_vanish_under_a_running_vault_are_reported(path: Path) -> None:
    vault = Vault.open(path)
    elder = path.read_text()
    vault.rotate()
    path.write_text(elder)
    assert "replaced" in refusal(vault.rotate)
    path.unlink()
    assert "removed" in refusal(vault.rotate)
    assert not path.exists()
    Vault.open(path)
    assert "replaced" in refusal(vault.rotate)


def test_a_root_that_changes_under_a_running_vault_is_reported(path: Path) -> None:
    vault = Vault.open(path)
    page = json.loads(path.read_text())
    path.write_text(json.dumps(page | {"root": page["keys"][vault.current]["key"]}))
    assert "replaced" in refusal(vault.rotate)


def test_the_file_is_made_once_for_its_owner_alone(path: Path) -> None:
    assert not Vault.exists(path)
    umask = os.umask(0)
    try:
        vault = Vault.open(path)
        vault.rotate()
    finally:
        os.umask(umask)
    assert Vault.exists(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]
    page = json.loads(path.read_text())
    assert (page["version"], page["current"], tuple(page["keys"])) == (1, vault.current, vault.key_ids)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", key["created"]) for key in page["keys"].values())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o601])
def test_a_file_that_others_can_reach_is_refused(path: Path, mode: int) -> None:
    Vault.open(path)
    path.chmod(mode)
    message = refusal(lambda: Vault.open(path))
    assert str(path) in message
    assert "chmod 600" in message
    assert Vault.exists(path)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Vault.open(path)
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    assert "another user" in refusal(lambda: Vault.open(path))


def test_what_is_no_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert "regular file" in refusal(lambda: Vault.open(path))
    assert str(path) in refusal(lambda: Vault.open(path / "a" / ("b" * 300)))


@pytest.mark.parametrize("page", ["", " \n", "\0\0"])
def test_an_empty_file_is_never_filled(path: Path, page: str) -> None:
    Vault.open(path)
    path.write_text(page)
    message = refusal(lambda: Vault.open(path))
    assert "backup" in message
    assert ("is empty" in message) == (not page.strip())
    assert path.read_text() == page


DAMAGES: list[Callable[[dict[str, object]], object]] = [
    lambda page: page.pop("root"),
    lambda page: page.pop("keys"),
    lambda page: page.pop("current"),
    lambda page: page.update(version=2),
    lambda page: page.update(root="c2hvcnQ="),
    lambda page: page.update(root="?" + str(page["root"])[1:]),
    lambda page: page.update(root=None),
    lambda page: page.update(current="00000000"),
    lambda page: page.update(current=[]),
    lambda page: page.update(keys=[]),
    lambda page: page.update(keys={str(page["current"]): {"key": "", "created": "2026-07-01"}}),
    lambda page: page.update(keys={str(page["current"]): {"key": page["root"], "created": "lately"}}),
    lambda page: page.update(
        current="ABCDEF12", keys={"ABCDEF12": {"key": page["root"], "created": "2026-07-01"}}
    ),
]


@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_a_damaged_file_is_refused_without_showing_it(path: Path, number: int) -> None:
    Vault.open(path)
    page = json.loads(path.read_text())
    root = page["root"]
    DAMAGES[number](page)
    path.write_text(json.dumps(page))
    message = refusal(lambda: Vault.open(path))
    assert "damaged" in message
    assert "backup" in message
    assert root not in message


def test_a_file_cut_short_anywhere_is_refused(path: Path) -> None:
    Vault.open(path)
    page = path.read_bytes().rstrip()
    for length in range(0, len(page), 7):
        path.write_bytes(page[:length])
        refusal(lambda: Vault.open(path))
    path.write_bytes(b"[]")
    refusal(lambda: Vault.open(path))


def test_a_crash_while_rotating_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault.open(path)
    before = path.read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    assert "No space left" in refusal(vault.rotate)
    assert path.read_bytes() == before
    assert len(vault.key_ids) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]
    monkeypatch.undo()
    (path.parent / ".keys.json.new").write_text("half of what a killed process wro")
    assert vault.rotate() == Vault.open(path).current
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_threads_that_start_together_share_one_set_of_keys(path: Path) -> None:
    barrier = threading.Barrier(16)
    owners: list[str] = []

    def start() -> None:
        barrier.wait()
        owners.append(Vault.open(path).owner("ada"))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert owners == [Vault.open(path).owner("ada")] * 16


def test_processes_that_start_and_rotate_together_lose_no_key(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.vault import Vault\n"
        "sys.stdin.read(); vault = Vault.open(Path(sys.argv[1])); print(vault.owner('ada'), vault.rotate())"
    )
    root = Path(__file__).parent.parent
    start = [sys.executable, "-c", program, str(path)]
    running = [
        subprocess.Popen(start, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
    told: list[list[str]] = []
    for process in running:
        assert process.stdout is not None
        told.append(process.stdout.read().split())
        process.stdout.close()
        assert process.wait(timeout=30) == 0
    vault = Vault.open(path)
    assert {owner for owner, _ in told} == {vault.owner("ada")}
    assert {key_id for _, key_id in told} == set(vault.key_ids[1:])
    assert len(vault.key_ids) == 7


def test_a_person_is_named_differently_for_each_purpose_and_thread() -> None:
    vault = Vault.ephemeral()
    names = [
        vault.owner("ada"),
        vault.block("ada"),
        vault.token("pseudonym", "thread 1", "ada"),
        vault.token("pseudonym", "thread 2", "ada"),
        f"{vault.number('owner', 'ada'):064x}",
        f"{vault.number('pseudonym', 'thread 1', 'ada'):064x}",
        Vault.ephemeral().owner("ada"),
    ]
    pieces = [name[start : start + 8] for name in names for start in range(57)]
    assert len(set(pieces)) == len(pieces)
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in names)
    assert vault.owner("ada") == vault.token("owner", "ada") == names[0]
    assert vault.block("ada") == vault.token("block", "ada") == names[1]
    assert vault.owner("adb") != vault.owner("ada")


PARTS = st.lists(ANY_TEXT, max_size=4)


@given(PARTS, PARTS)
@example(["ab", "c"], ["a", "bc"])
@example([], [""])
@example(["a", ""], ["", "a"])
@example(["a\0b"], ["a", "b"])
@example(["\ud83d\ude22"], ["\N{CRYING FACE}"])
def test_parts_are_never_confused(one: list[str], other: list[str]) -> None:
    vault = Vault.ephemeral()
    same = one == other
    assert (vault.token("x", *one) == vault.token("x", *other)) == same
    assert (vault.short_key(*one) == vault.short_key(*other)) == same
    assert (vault.number("x", *one) == vault.number("x", *other)) == same


def test_a_purpose_is_no_part() -> None:
    vault = Vault.ephemeral()
    assert vault.token("ab", "c") != vault.token("a", "bc")
    assert vault.number("ab", "c") != vault.number("a", "bc")


def test_a_short_key_fits_a_nonce_and_a_number_is_full_width() -> None:
    vault = Vault.ephemeral()
    assert all(re.fullmatch("[a-z2-7]{25}", vault.short_key("nudge", str(n))) for n in range(200))
    numbers = [vault.number("pseudonym", str(n)) for n in range(200)]
    assert max(number.bit_length() for number in numbers) == 256
    assert {number % 7 for number in numbers} == set(range(7))


def test_tokens_are_the_same_in_every_release(path: Path) -> None:
    """They are stored for years: whoever changes how they are made breaks every block and every owner."""
    Vault.open(path)
    page = json.loads(path.read_text())
    page["root"] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    path.write_text(json.dumps(page))
    vault = Vault.open(path)
    assert vault.owner("ada") == "b86a6beed669778ed73c7c5c49e1dd07235013f43e2efb8fd809f1873d3c2e8b"
    assert vault.short_key("nudge", "1") == "cci2zsbabd6bvknraejxtiaue"
    assert f"{vault.number('pseudonym', 'thread', 'ada'):064x}" == (
        "fd6bd4b0a2a46b045dc6d0fc2362b96cdc9466a33514b6f3ecec8ff56c41cfed"
    )


def test_a_vault_shows_no_key(path: Path) -> None:
    vault = Vault.open(path)
    page = json.loads(path.read_text())
    shown = repr(vault) + str(vault) + f"{vault}" + repr([getattr(vault, name) for name in vault.__slots__])
    assert vault.current in shown
    for secret in (page["root"], page["keys"][vault.current]["key"]):
        assert secret not in shown
        raw = base64.b64decode(secret)
        for written in (repr(raw), repr(bytearray(raw)), raw.hex()):
            assert written not in shown
    assert "secret" not in shown
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pickled"):
            copying(vault)

"""The project's own files: the example, the locks, the Makefile, and what no committed file may hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot import config
from bot.config import Settings, load_with_origins

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-run.lock")
NOT_COMMITTED = {"__pycache__", "artefacts", "build", "data", "dist", "node_modules"}
COMMITTED_DOTS = {".ci", ".github"}


def committed() -> Iterator[Path]:
    """Every file that is or could be committed; works in an unpacked archive too."""
    for folder, names, files in os.walk(ROOT):
        names[:] = [
            name
            for name in names
            if name not in NOT_COMMITTED
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name in COMMITTED_DOTS)
        ]
        yield from (Path(folder, name) for name in files if name != "config.toml")


def pins(lock: str) -> dict[str, str]:
    """Name -> the whole entry: version, marker, hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    return {re.split(r"[=\s\[]", entry)[0]: entry for entry in entries if not entry.startswith("#")}


# --- the example ---------------------------------------------------------------------------------


def test_the_example_holds_every_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    settings, origins = load_with_origins(ROOT / "config.example.toml")
    assert settings == Settings()
    missing = [
        f"{section}.{key}"
        for section, keys in config.sections().items()
        for key in keys
        if origins.of(section, key) == "default"
    ]
    assert missing == []


def test_every_setting_in_the_example_has_its_own_comment() -> None:
    lines = (ROOT / "config.example.toml").read_text(encoding="utf-8").splitlines()
    pairs = list(pairwise(lines))
    bare = [line for above, line in pairs if re.match(r"\w+ =", line) and not above.startswith("# ")]
    assert bare == []
    comments = [above for above, line in pairs if re.match(r"\w+ =", line)]
    assert len(set(comments)) == len(comments)


# --- the locks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_exact_and_has_hashes(lock: str) -> None:
    entries = pins(lock)
    assert len(entries) > 20
    loose = [
        name
        for name, entry in entries.items()
        if not re.match(r"[a-z0-9-]+==\S+( ; .+)? \\\n", entry)
        or not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)
    ]
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|--(?!hash=)|\bfile:|@ ", text)


def test_what_runs_is_a_part_of_what_is_tested_with() -> None:
    everything = pins("requirements.lock")
    assert {name: everything.get(name) for name in pins("requirements-run.lock")} == pins(
        "requirements-run.lock"
    )


def test_the_locks_hold_what_the_project_asks_for() -> None:
    groups = PROJECT["dependency-groups"]
    development = [item for item in groups["dev"] if isinstance(item, str)]
    for lock, wanted in (
        ("requirements-run.lock", PROJECT["project"]["dependencies"] + groups["build"]),
        ("requirements.lock", PROJECT["project"]["dependencies"] + groups["build"] + development),
    ):
        versions = {name: re.split(r"==|\s", entry)[1] for name, entry in pins(lock).items()}
        stale = [
            item
            for item in map(Requirement, wanted)
            if not item.specifier.contains(versions.get(canonicalize_name(item.name), "0"))
        ]
        assert stale == [], f"{lock}: run `make lock`"


def test_running_needs_no_development_tool() -> None:
    development = {
        canonicalize_name(Requirement(item).name)
        for item in PROJECT["dependency-groups"]["dev"]
        if isinstance(item, str)
    }
    assert development & pins("requirements-run.lock").keys() == set()


def test_the_build_needs_no_more_than_the_lock_brings() -> None:
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]


# --- what no file may hold -----------------------------------------------------------------------


def test_no_file_names_a_machines_path_or_a_registry() -> None:
    # Put together here, so that this file does not hold them either.
    folders = ["/" + name for name in ("work", "root", "opt/pypi", "opt/wheels")]
    folders += [str(place) for place in (ROOT, Path.home()) if len(place.parts) > 2]
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]
    names = [re.escape(name) for name in [*hosts, "." + "library"]]
    places = [rf"(?<![\w.:>\])}}*]){re.escape(name)}(?=/|\b)" for name in folders]
    forbidden = re.compile("|".join(names + places))
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in committed()
        for match in forbidden.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_every_text_file_has_unix_line_ends() -> None:
    kinds = {".py", ".toml", ".md", ".ftl", ".lock", ""}
    found = [
        str(path.relative_to(ROOT))
        for path in committed()
        if path.suffix in kinds and b"\r" in path.read_bytes()
    ]
    assert found == []


# --- the Makefile --------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
PYTHON = """#!/bin/sh
# A Python that only writes down what it was asked, and makes an "environment" of itself.
case "$*" in
    *sys.version_info*) exit ${OLD:-0} ;;
    *ensurepip*) exit ${BARE:-0} ;;
esac
echo "$*" >> "$LOG"
case "$*" in
    "-m venv"*)
        for folder; do :; done
        mkdir -p "$folder/bin"
        cp "$0" "$folder/bin/python"
        printf '#!/bin/sh\\necho "bounceback $*" >> "$LOG"\\n' > "$folder/bin/bounceback"
        chmod +x "$folder/bin/"* ;;
esac
"""


class Workshop:
    """A copy of the Makefile beside a Python that writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        for name in ("Makefile", "pyproject.toml", *LOCKS):
            shutil.copy(ROOT / name, folder)
        self.python = folder / "a python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        (folder / "fake").symlink_to(self.python)

    def make(self, *words: str, **environment: str) -> tuple[int, list[str], str]:
        """The exit code, what Python was asked, and what was printed."""
        self.log.write_text("")
        # An outer make hands its own words down.
        ours = ("MAKE", "MFLAGS", "ARGS", "PYTHON", "UPGRADE")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        done = subprocess.run(
            ["make", "--no-print-directory", f"PYTHON={self.folder / 'fake'}", *words],
            cwd=self.folder,
            env=clean | {"LOG": str(self.log)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, self.log.read_text().splitlines(), done.stdout


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@needs_make
def test_make_alone_says_what_there_is(workshop: Workshop) -> None:
    code, asked, printed = workshop.make()
    assert (code, asked) == (0, [])
    named = re.findall(r"^make (\w+) ", printed, re.MULTILINE)
    assert named == ["run", "test", "lint", "bench", "soak", "lock", "clean"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in named)


@needs_make
def test_the_second_run_installs_nothing(workshop: Workshop) -> None:
    code, first, _ = workshop.make("run", "ARGS=--config x.toml")
    assert code == 0
    assert [line for line in first if "requirements-run.lock" in line and "--require-hashes" in line]
    assert first[-1] == "bounceback run --config x.toml"
    assert workshop.make("run")[1:] == (["bounceback run"], "")


@needs_make
def test_test_and_run_do_not_undo_each_other(workshop: Workshop) -> None:
    workshop.make("run")
    _, asked, _ = workshop.make("test")
    assert [line for line in asked if " requirements.lock" in line]
    assert asked[-2] == "-m tests.browser"
    assert asked[-1].startswith("-m pytest")
    for target in ("run", "test", "lint", "bench"):
        assert not [line for line in workshop.make(target)[1] if "pip" in line], target


@needs_make
def test_testing_first_serves_running_too(workshop: Workshop) -> None:
    workshop.make("test")
    assert workshop.make("run")[1] == ["bounceback run"]


@needs_make
@pytest.mark.parametrize("name", ["requirements-run.lock", "pyproject.toml"])
def test_what_changed_is_installed_once(name: str, workshop: Workshop) -> None:
    workshop.make("run")
    later = (workshop.folder / ".venv/.run").stat().st_mtime + 1
    os.utime(workshop.folder / name, (later, later))
    assert [line for line in workshop.make("run")[1] if "pip" in line]


@needs_make
def test_an_environment_that_was_moved_or_lost_its_python_is_made_anew(workshop: Workshop) -> None:
    workshop.make("run")
    (workshop.folder / ".venv/.here").write_text("/somewhere/else\n")
    assert [line for line in workshop.make("run")[1] if line.startswith("-m venv --clear")]
    (workshop.folder / ".venv/bin/python").unlink()
    assert [line for line in workshop.make("run")[1] if line.startswith("-m venv --clear")]
    assert workshop.make("run")[1] == ["bounceback run"]


@needs_make
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"OLD": "1"}, "Bounceback needs Python 3.11 or newer, and found none. "),
        ({"BARE": "1"}, "On Debian or Ubuntu: sudo apt install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_told_in_a_line(
    environment: dict[str, str], line: str, workshop: Workshop
) -> None:
    code, asked, printed = workshop.make("run", **environment)
    assert (code, asked) == (2, [])
    first, second = printed.splitlines()
    assert line in first
    assert second.startswith("make: ***")


@needs_make
def test_cleaning_keeps_data_and_settings(workshop: Workshop) -> None:
    (workshop.folder / "data").mkdir()
    for name in ("config.toml", "data/bounceback.db", "data/bounceback.key"):
        (workshop.folder / name).touch()
    workshop.make("run")
    workshop.make("clean")
    assert not (workshop.folder / ".venv").exists()
    assert (workshop.folder / "config.toml").exists()
    assert len(list((workshop.folder / "data").iterdir())) == 2

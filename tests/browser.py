"""The Chromium that the browser tests drive: finding one, or getting one.

``python -m tests.browser`` (the first step of ``make test``) prints in one line what it found.
Without a browser it still exits with 0, and those tests are skipped with a warning. It exits with
1 where ``CI`` is set, since there a skipped test would pass for a passed one, and where
``BOUNCEBACK_CHROMIUM`` names something that is no browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

VARIABLE = "BOUNCEBACK_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 900  # a few hundred megabytes over a slow line
_APT = (
    ("apt-get", "update", "--quiet"),
    ("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "chromium"),
)


class NoBrowserError(Exception):
    """There is no Chromium and none could be installed; the message says why and what to do."""


def find() -> str | None:
    """Return the path of a Chromium that starts, or None. Installs nothing.

    ``BOUNCEBACK_CHROMIUM`` comes first; a path named there that does not start is an error
    (``NoBrowserError``), not a reason to take another browser silently.
    """
    named = os.environ.get(VARIABLE)
    if named:
        path = shutil.which(named)
        if path is None or _version(path) is None:
            raise NoBrowserError(f"{VARIABLE} names {named!r}, which does not start. Correct or unset it.")
        return path
    return next((path for path in _candidates() if _version(path) is not None), None)


def ensure() -> str:
    """Return the path of a Chromium that starts, installing one where there is none.

    Root (a container, a CI machine) takes the system's package; anyone else takes Playwright's
    own copy, which needs no rights. Raises ``NoBrowserError`` when neither works.
    """
    found = find()
    if found is not None:
        return found
    apt = _is_root() and shutil.which("apt-get") is not None
    steps = _APT if apt else ((sys.executable, "-m", "playwright", "install", "chromium"),)
    print("Installing a Chromium for the browser tests (once)", flush=True)
    for step in steps:
        _install(step)
    found = find()
    if found is None:
        raise NoBrowserError(f"{' '.join(steps[-1])} ran, but there is still no Chromium that starts.")
    return found


def arguments() -> list[str]:
    """Return the options to start Chromium with: quiet, offline, and without a sandbox for root.

    Chromium refuses to start as root inside its sandbox; tests open only pages of their own.
    """
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    return ["--no-sandbox", *quiet] if _is_root() else quiet


def _candidates() -> Iterator[str]:
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            yield path
    own = _playwrights_own()
    if own is not None:
        yield own


def _playwrights_own() -> str | None:
    """Where Playwright keeps its copy, if it has one. Asked last: its driver takes a second to start."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def _version(path: str) -> str | None:
    """What the browser calls itself, or None when it does not start (a stub, a missing library)."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None


def _install(step: tuple[str, ...]) -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            step,
            env=quiet,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoBrowserError(f"{' '.join(step)} did not work: {error}") from None
    if done.returncode != 0:
        end = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise NoBrowserError(f"{' '.join(step)} ended with {done.returncode}:\n{end}")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def main() -> int:
    """Make sure of a browser; print the one line; return the exit code."""
    must = bool(os.environ.get("CI") or os.environ.get(VARIABLE))
    try:
        path = ensure()
    except NoBrowserError as error:
        print(f"No browser, so its tests {'cannot run' if must else 'are skipped'}. {error}")
        print(f"To use one you have: {VARIABLE}=/path/to/chromium make test")
        return int(must)
    print(f"Browser tests use {_version(path)} ({path})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

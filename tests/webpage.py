"""Real browser windows on the local web chat, and what every test of the page watches for.

A window fails its test when the page reports an error, breaks its own content policy, or asks
anything of another machine.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    async_playwright,
    expect,
)

from tests import browser
from tests.webkit import Server

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
HERE = Path(__file__).parent
ARTEFACTS = HERE / "artefacts"
PATIENCE = 60_000  # milliseconds until a test gives up waiting; nothing here measures time
expect.set_options(timeout=PATIENCE)


class Windows:
    """Windows of one browser; what they complain about is collected."""

    def __init__(self, chromium: Browser, server: Server) -> None:
        self._chromium, self._server = chromium, server
        self.complaints: list[str] = []
        self.offline_is_fine = False  # while a test takes the server away, failed connections are expected

    async def open(self, person: str, path: str = "", *, phone: bool = False, **options: Any) -> Page:
        """A window of its own (its own storage) acting as a person; ready when the chat is drawn."""
        if phone:
            options |= {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
        context = await self._chromium.new_context(
            viewport=PHONE if phone else LAPTOP, locale="en-GB", reduced_motion="reduce", **options
        )
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        await page.goto(f"{self._server.address}?as={person}{path}")
        await expect(page.locator("#frame")).to_be_visible()
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (
            self.offline_is_fine and ("ERR_CONNECTION" in message.text or "WebSocket" in message.text)
        ):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._server.address, "data:")):
            self.complaints.append(f"asked {request.url}")


@cache
def chromium_path() -> str | None:
    """The browser, looked for once: each look starts it to see whether it does."""
    return browser.find()


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser; the test is skipped where there is none, but never in CI."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium; run: python -m tests.browser")
        pytest.skip("no Chromium here; python -m tests.browser gets one")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=path, args=browser.arguments(), timeout=PATIENCE
        )
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def windows(chromium: Browser, server: Server) -> AsyncIterator[Windows]:
    """The windows of one test, closed after it, when what they complained about is told."""
    opened = Windows(chromium, server)
    try:
        yield opened
    finally:
        for context in chromium.contexts:
            await context.close()
    assert not opened.complaints, opened.complaints


async def picture(page: Page, name: str) -> None:
    """Keep what the window shows, for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"web-{name}.png")


async def say(page: Page, text: str, box: str = "#write") -> None:
    """Type into a composer and send."""
    await page.locator(box).click()
    await page.keyboard.insert_text(text)
    await expect(page.locator(box)).to_have_value(text)
    await page.locator(f"{box} ~ .send").click()


async def check(page: Page) -> None:
    """Everything on the page has a name for those who listen, and enough contrast for those who look."""
    for script in ("check_names.js", "check_contrast.js"):
        found = await page.evaluate((HERE / script).read_text(encoding="utf-8"))
        assert not found, f"{script}: {found}"

"""The main story in a real Chromium, on the real program: started as ``bounceback run`` starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import insert

from bot.storage import Storage
from bot.storage.schema import web_state
from tests.webkit import MORNING
from tests.webpage import LAPTOP, PATIENCE, PHONE, picture

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).parent.parent
LAST = "#feed .message >> nth=-1"
STORY = "Four rounds, then a two-line email. I really liked the team."


class Program:
    """The bot as a process of its own, in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.address, self.port = folder, url, "", "18080"
        self._process: Process | None = None

    async def set_clock(self, shown: datetime) -> None:
        """What its clock shows: in the evening, the first step of a plan would come with the second."""
        storage = await Storage.open(self.url)
        ahead = (shown - datetime.now(UTC)).total_seconds()
        async with storage.write() as tx:
            await tx.execute(insert(web_state).values(name="offset", value=str(ahead)))
        await storage.close()

    async def start(self) -> None:
        """Start, and wait for the one line that says where."""
        ours = {"BOUNCEBACK_STORAGE__URL": self.url, "BOUNCEBACK_WEB__PORT": self.port}
        environment = {**os.environ, **ours, "PYTHONPATH": str(ROOT)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=self.folder, env=environment, stdout=PIPE
        )
        assert self._process.stdout
        line = (await self._process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        self.address, self.port = found[0], found[1]

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        assert self._process
        self._process.send_signal(number)
        return await self._process.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def program(tmp_path: Path, database: str) -> AsyncIterator[Program]:
    """On both databases, for all the pages: what a page shows does not ask where its words are kept."""
    started = Program(tmp_path, database)
    await started.set_clock(MORNING)
    await started.start()
    yield started
    await started.stop()


async def window(chromium: Browser, program: Program, person: str, *, phone: bool = False) -> Page:
    """A window of its own acting as somebody; it fails the test on any error of the page."""
    context = await chromium.new_context(
        viewport=PHONE if phone else LAPTOP, locale="en-GB", reduced_motion="reduce", has_touch=phone
    )
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page broke: {error}"))
    await page.goto(f"{program.address}?as={person}")
    await expect(page.locator("#frame")).to_be_visible()
    return page


async def command(page: Page, text: str) -> None:
    """Type a command into the composer and send it."""
    await page.locator("#write").fill(text)
    await page.locator("#write").press("Escape")
    await page.locator("#write").press("Enter")


async def share(page: Page, stage: str = "Final round") -> None:
    """/rejected, as Ada does it."""
    await command(page, "/rejected Acme, backend engineer")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Company and role")).to_have_value("Acme, backend engineer")
    await dialog.get_by_label(stage).check()
    await dialog.get_by_label("What happened?").fill(STORY)
    await picture(page, "story-form")
    await dialog.get_by_role("button", name="Share").click()
    await expect(dialog).to_be_hidden()


def post_in(page: Page) -> Locator:
    """The post, wherever it stands: it may come before or after the private answer."""
    return page.locator("#feed .message").filter(has_text=STORY)


async def test_the_whole_story(chromium: Browser, program: Program) -> None:
    ada, bob = await window(chromium, program, "ada"), await window(chromium, program, "bob", phone=True)
    await share(ada)
    await expect(ada.locator("#feed")).to_contain_text("You're not alone with this")
    await expect(ada.locator("#feed")).to_contain_text("Write a short thank-you note")
    await expect(post_in(ada)).to_contain_text("A no after the final round")
    await picture(ada, "story-shared")

    post = bob.locator(LAST)
    await expect(post).to_contain_text(STORY)
    assert "Ada" not in await bob.locator("#feed").inner_text()
    assert "Acme" not in await bob.content()
    await post.get_by_role("button", name="You're not alone").click()
    await expect(bob.locator("#feed")).to_contain_text("You're not alone (1)")
    await bob.get_by_role("button", name="Encourage").click()
    dialog = bob.get_by_role("dialog")
    await dialog.get_by_label("What would you like to say?").fill("That stings. I'm around tonight.")
    await picture(bob, "story-encourage-phone")
    await dialog.get_by_role("button", name="Send").click()
    await expect(bob.locator("#feed")).to_contain_text("Your words are on their way")
    await expect(ada.locator("#feed")).to_contain_text("2 replies")

    await ada.get_by_role("button", name="Next event").click()
    await ada.get_by_role("link", name=re.compile("^Bounceback")).click()
    await expect(ada.locator("#feed")).to_contain_text("Somebody answered your post")
    await ada.get_by_role("button", name="+1 week").click()
    for title in ("Asking how they saw it", "How are you today?", "Looking back, briefly"):
        await expect(ada.locator("#feed")).to_contain_text(title)
    await picture(ada, "story-plan")
    last = ada.locator("#feed .message").filter(has_text="Looking back, briefly")
    await last.get_by_role("button", name="Done").click()
    await expect(ada.locator("#feed")).to_contain_text("You looked back honestly")


async def test_it_is_all_there_after_a_restart_and_a_kill(chromium: Browser, program: Program) -> None:
    ada = await window(chromium, program, "ada")
    await share(ada)
    await expect(post_in(ada)).to_contain_text("1 reply")
    await program.stop(signal.SIGKILL)
    await program.start()
    again = await window(chromium, program, "ada")
    await expect(again.locator("#feed")).to_contain_text(STORY)
    await expect(post_in(again)).to_have_count(1)
    await expect(post_in(again)).to_contain_text("1 reply")
    assert await program.stop() == 0
    await program.start()


async def test_every_command_answers_in_the_page(chromium: Browser, program: Program) -> None:
    ada = await window(chromium, program, "ada")
    for text, words in {
        "/help": "What do you need?",
        "/home": "Good that you're here",
        "/privacy": "Who can see what",
        "/settings": "Your settings",
        "/motivation on 08:30 weekdays": "Daily motivation",
        "/encourage": "This helps",
        "/nudges": "What is planned for you",
        "/break 3 days": "Your break has begun",
    }.items():
        await command(ada, text)
        await expect(ada.locator(LAST)).to_contain_text(words)
        await expect(ada.locator(LAST)).to_contain_text("Only you can see this")
        await picture(ada, f"story-{text.split()[0][1:]}")

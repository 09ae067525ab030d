"""The page for everyone: on a phone, in the dark, without a mouse, read out loud."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from bot.chat import Place, User
from bot.ui import Button, Card, Style, Tone
from tests.webbot import every_part
from tests.webkit import MORNING, Server
from tests.webpage import Windows, check, picture, say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SUPPORT, WINS = Place("web", "local", "support"), Place("web", "local", "wins")


async def live_a_little(server: Server) -> None:
    """A channel with a bit of everything in it."""
    post = await server.bot.tell("Four rounds at a firm I liked, and then a two-line email.", key="p1")
    thread = await server.chat.thread(post, "")
    await server.chat.post(thread, Card("Someone here knows that one."), key="p2")
    for number, tone in enumerate(Tone):
        buttons = (Button("plan.done", "0", "Done", Style.PRIMARY), Button("plan.page", "1", "Later"))
        card = Card("One kind thing at a time is enough.", f"A card that is {tone}", tone, buttons=buttons)
        await server.chat.post(WINS, card, key=f"w{number}")
    await server.chat.post(WINS, every_part(MORNING), key="w9")
    await server.chat.dm(User("web", "local", "ada"), Card("How was yesterday?"), key="d1")


async def fits(page: Page) -> None:
    """Nothing is wider than the window."""
    wide = """() => [...document.querySelectorAll('body *')]
      .filter((each) => each.checkVisibility() && !each.closest('.sr-only, .sidebar'))
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
      .map((each) => each.className)"""
    assert await page.evaluate(wide) == []


async def test_on_a_phone_everything_is_in_reach(browser: Windows, server: Server) -> None:
    await live_a_little(server)
    ada = await browser.open("ada", phone=True)
    await fits(ada)
    await check(ada)
    await picture(ada, "phone")
    sidebar, opener = ada.locator("#sidebar"), ada.get_by_role("button", name="Channels and people")
    await expect(sidebar).not_to_be_in_viewport()
    await opener.tap()
    await expect(sidebar).to_be_in_viewport(ratio=1)
    await expect(ada.get_by_role("button", name="Close the menu")).to_be_focused()
    await check(ada)
    await picture(ada, "phone-drawer")
    await ada.locator("[data-channel=wins]").tap()
    await expect(sidebar).not_to_be_in_viewport()
    await expect(ada.locator("h1")).to_have_text("#wins")
    await expect(ada.locator(".picture")).to_be_in_viewport()
    await fits(ada)
    await picture(ada, "phone-cards")
    await opener.tap()
    await ada.locator("[data-channel=support]").tap()
    await ada.locator(".thread-link").tap()
    await expect(ada.locator("#thread")).to_be_in_viewport(ratio=1)
    await fits(ada)
    await check(ada)
    await picture(ada, "phone-thread")
    await ada.get_by_role("button", name="Close the thread").tap()
    await expect(ada.locator("#thread")).to_be_hidden()
    await ada.get_by_role("button", name=re.compile("Move the time on")).tap()
    await expect(ada.get_by_role("button", name="+2 hours")).to_be_focused()
    await ada.keyboard.press("Escape")
    await say(ada, "/rejected")
    sheet = await ada.locator("dialog").bounding_box()
    assert sheet is not None
    assert (sheet["width"], sheet["height"]) == (390, 844)
    await fits(ada)
    await check(ada)
    await picture(ada, "phone-form")
    small = "(all) => all.map((each) => each.getBoundingClientRect()).filter((box) => box.height < 40).length"
    assert (
        await ada.locator("dialog :is(button:not(.text-button), .choice, input[type=text])").evaluate_all(
            small
        )
        == 0
    )


async def test_in_the_dark_and_in_the_light_everything_is_readable(browser: Windows, server: Server) -> None:
    await live_a_little(server)
    for scheme in ("light", "dark"):
        ada = await browser.open("ada", color_scheme=scheme)
        await say(ada, "/plan")
        await expect(ada.locator(".message.private").last).to_be_visible()
        await ada.locator(".thread-link").click()
        await check(ada)
        await picture(ada, f"{scheme}-thread")
        await ada.goto(f"{server.address}?as=ada#/wins")
        await expect(ada.locator("#feed .message")).to_have_count(6)
        await check(ada)
        await picture(ada, f"{scheme}-cards")
        await ada.locator("#write").fill("/")
        await expect(ada.get_by_role("option").first).to_be_visible()
        await check(ada)
        await ada.locator("#write").fill("")
        await ada.locator("#who").click()
        await check(ada)
        await ada.keyboard.press("Escape")
        await say(ada, "/rejected")
        await ada.get_by_label("What happened?").fill("x")
        await ada.get_by_label("Interview").check()
        await ada.get_by_role("button", name="Share", exact=True).click()
        await expect(ada.locator(".field-error:visible")).to_have_count(1)
        await check(ada)
        await picture(ada, f"{scheme}-form")
        await ada.context.close()


async def test_the_colours_can_be_chosen_and_stay(browser: Windows) -> None:
    ada = await browser.open("ada", color_scheme="light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = await ada.evaluate(ground)
    await ada.get_by_role("button", name="Use dark colours").click()
    dark = await ada.evaluate(ground)
    assert dark != light
    await ada.reload()
    await expect(ada.get_by_role("button", name="Use light colours")).to_be_visible()
    assert await ada.evaluate(ground) == dark


async def test_the_keyboard_goes_everywhere(browser: Windows, server: Server) -> None:
    await live_a_little(server)
    ada = await browser.open("ada")
    focus = ada.locator(":focus")
    await ada.locator("#skip").focus()
    await expect(ada.locator("#skip")).to_be_in_viewport(ratio=1)
    walked: list[str] = []
    while "thread" not in walked:
        await ada.keyboard.press("Tab")
        walked.append(await focus.evaluate("each => each.dataset.focus || each.id || each.textContent"))
        assert len(walked) < 40, walked
    steps = ["theme", "support", "wins", "dm:ada", "+2 hours", "Next event", "who", "feed"]
    assert [step for step in walked if step in steps] == steps
    assert "rejections.not_alone:" in walked
    await expect(focus).not_to_have_css("outline-style", "none")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#write-thread")).to_be_focused()
    await ada.keyboard.type("By keyboard alone.")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#thread-feed .message").last).to_contain_text("By keyboard alone.")
    await ada.keyboard.press("Escape")
    await expect(focus).to_have_attribute("data-focus", "thread")
    await ada.locator("#who").focus()
    await ada.keyboard.press("Enter")
    await ada.keyboard.press("Shift+Tab")
    await ada.keyboard.press("Escape")
    await expect(ada.locator("#who")).to_be_focused()
    await expect(ada.locator("#cast")).to_be_hidden()
    await ada.locator("#skip").focus()
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#write")).to_be_focused()


async def test_a_narrow_window_shows_one_thing_at_a_time(browser: Windows, server: Server) -> None:
    await live_a_little(server)
    ada = await browser.open("ada")
    await ada.set_viewport_size({"width": 900, "height": 700})
    await ada.locator(".thread-link").click()
    await expect(ada.locator("#thread")).to_be_in_viewport(ratio=1)
    await expect(ada.locator("#feed")).to_be_hidden()
    await fits(ada)
    await picture(ada, "narrow")

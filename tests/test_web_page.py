"""The page of the local web chat in a real Chromium: typing, completing, forms, buttons."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.webkit import STORY, Server
from tests.webpage import Windows, picture, say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LAST = "#feed .message >> nth=-1"


async def test_an_empty_community_says_what_to_try(browser: Windows) -> None:
    ada = await browser.open("ada")
    await expect(ada.locator(".welcome")).to_contain_text("You're not alone here.")
    await picture(ada, "welcome")
    await ada.get_by_role("button", name="/rejected").click()
    await expect(ada.locator("#write")).to_be_focused()
    await expect(ada.locator("#write")).to_have_value("/rejected")
    await ada.keyboard.press("Enter")
    await expect(ada.get_by_role("dialog")).to_be_visible()


async def test_commands_and_options_complete_by_keyboard(browser: Windows) -> None:
    ada = await browser.open("ada")
    box, options = ada.locator("#write"), ada.get_by_role("option")
    await expect(box).to_be_focused()
    await ada.keyboard.type("/re")
    await expect(options).to_have_count(2)
    await expect(box).to_have_attribute("aria-expanded", "true")
    await expect(box).to_have_attribute("aria-activedescendant", "write-list-0")
    await picture(ada, "completion")
    await ada.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await ada.keyboard.press("Tab")
    await expect(box).to_have_value("/resource ")
    await expect(options.first).to_contain_text("topic:")
    await picture(ada, "options")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#write-note")).to_have_text("/resource also needs topic:")
    await ada.keyboard.type("topic: in")
    await expect(options).to_have_count(1)
    await ada.keyboard.press("Enter")
    await expect(box).to_have_value("/resource topic: interviews ")
    await ada.keyboard.type("company: blue")
    await expect(options).to_have_count(2)
    await ada.keyboard.press("Escape")
    await expect(options).to_have_count(0)
    await ada.keyboard.type(" k")
    await expect(options).to_have_count(1)
    await ada.keyboard.press("Tab")
    await ada.keyboard.press("Enter")
    await expect(ada.locator(LAST)).to_contain_text("On interviews: Blue Kite.")
    await expect(box).to_have_value("")


async def test_a_form_says_what_to_mend_and_loses_nothing(browser: Windows, server: Server) -> None:
    ada = await browser.open("ada")
    await say(ada, "/rejected")
    dialog, story = ada.get_by_role("dialog"), ada.get_by_label("What happened?")
    await expect(dialog).to_have_accessible_name("Share a no")
    await expect(ada.get_by_label("Where was it?")).to_be_focused()
    await ada.get_by_label("Where was it?").fill("Blue Kite")
    await story.fill("x")
    await expect(dialog).to_contain_text("1 of 1,500")
    await picture(ada, "form")
    await ada.get_by_role("button", name="Share", exact=True).click()
    await expect(story).to_be_focused()
    await expect(story).to_have_attribute("aria-invalid", "true")
    await expect(story).to_have_accessible_description(re.compile("A word or two is enough"))
    await expect(ada.get_by_label("Where was it?")).to_have_value("Blue Kite")
    await picture(ada, "form-error")
    await ada.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(ada.locator("#write")).to_be_focused()
    await ada.keyboard.type("/rejected ")  # the caret is there again too
    await ada.keyboard.press("Enter")
    await expect(ada.get_by_label("Where was it?")).to_have_value("Blue Kite")
    await expect(story).to_have_value("x")
    await ada.get_by_label("Final round").check()
    await story.fill(STORY)
    await ada.get_by_role("button", name="Share", exact=True).click()
    private = ada.locator(".message.private")
    await expect(private).to_contain_text("Only you can see this")
    await expect(private).to_contain_text("It's posted")
    await picture(ada, "posted")
    values = server.bot.handled[-1].values
    assert values == {"where": "Blue Kite", "stage": "final_round", "story": STORY, "sign": "anonymous"}
    await say(ada, "/rejected")
    await expect(ada.get_by_label("Where was it?")).to_have_value("")
    await ada.keyboard.press("Escape")
    await ada.get_by_role("link", name="#support", exact=True).click()
    await expect(ada.locator(".pointed")).to_contain_text(STORY)
    await private.get_by_role("button", name="Dismiss").click()
    await expect(private).to_have_count(0)


async def test_every_kind_of_question_has_its_control(browser: Windows, server: Server) -> None:
    ada = await browser.open("ada")
    await say(ada, "/checkin")
    await ada.get_by_label("From which day?").fill("2026-12-01")
    await ada.get_by_label("At what time?").fill("18:30")
    await expect(ada.get_by_role("group", name="On which days?")).to_be_visible()
    await ada.get_by_label("Friday").check()
    await ada.get_by_label("Monday").uncheck()
    await ada.get_by_label("With whom?").select_option("Bob")
    await ada.get_by_label("Which company?").press_sequentially("blue")
    await expect(ada.locator("datalist option")).to_have_count(2)
    await picture(ada, "form-kinds")
    await ada.get_by_role("button", name="Save").click()
    await expect(ada.locator(LAST)).to_contain_text("Your check-in")
    expected = {"day": "2026-12-01", "at": "18:30", "days": "wed,fri", "buddy": "bob", "company": "blue"}
    assert server.bot.handled[-1].values == expected


async def test_a_button_changes_its_card_in_place(browser: Windows) -> None:
    ada = await browser.open("ada")
    await say(ada, "/plan")
    cards = ada.locator(".message")
    await expect(cards).to_contain_text(["Step 1 of 3"])
    await ada.get_by_role("button", name="Next step").focus()
    await ada.keyboard.press("Enter")
    await expect(cards).to_contain_text(["Step 2 of 3"])
    await expect(ada.locator(":focus")).to_have_attribute("data-focus", re.compile("^plan"))
    await ada.get_by_role("button", name="Done").click()
    await expect(cards).to_contain_text(["Done, and it counts."])
    await expect(cards).to_have_count(1)
    await expect(ada.locator(".card.tone-win")).to_be_visible()


async def test_words_are_never_markup_and_stay_in_their_lines(browser: Windows) -> None:
    ada = await browser.open("ada")
    zalgo = "t" + "\u0335\u0321\u0322\u0327\u0328\u0316\u0317\u0318\u0319\u031c" * 12 + "all"
    for text in (
        "<img src=x onerror=alert(1)><script>alert(2)</script> &amp; **bold** <@U1>",
        "abc \u202egnirts desrever\nand a line after it",
        zalgo,
        "W" * 600,
        "\u0645\u0631\u062d\u0628\u0627 (right to left)",
        "javascript:alert(3) http://example.org",
    ):
        await say(ada, text)
        await expect(ada.locator(LAST)).not_to_contain_text("Sending")
    await expect(ada.locator("#feed .message").first.locator(".said")).to_have_text(
        "<img src=x onerror=alert(1)><script>alert(2)</script> &amp; **bold** <@U1>"
    )
    await expect(ada.locator("#feed .said *")).to_have_count(0)
    assert await ada.locator("#feed").evaluate("feed => feed.scrollWidth <= feed.clientWidth")
    tower = ada.locator("#feed .said").nth(2)
    await expect(tower).to_have_css("overflow-y", "clip")
    await expect(tower).to_have_css("unicode-bidi", "isolate")
    await picture(ada, "hostile")


async def test_too_long_a_message_stays_in_the_box(browser: Windows) -> None:
    ada = await browser.open("ada")
    await ada.locator("#write").fill("ä" * 4010)
    await expect(ada.locator(".compose-count.over").first).to_have_text("4,010 of 4,000")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#write-note")).to_contain_text("10 characters too long")
    await expect(ada.locator("#write")).to_have_value("ä" * 4010)
    await expect(ada.locator("#feed .message")).to_have_count(0)

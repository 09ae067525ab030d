"""The page over time, in a real Chromium: several windows, breaks of the line, the clock, what is new."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from bot.chat import Place, User
from bot.ui import Card, Tone
from tests.webbot import every_part
from tests.webkit import MORNING, STORY, Server, later
from tests.webpage import Windows, picture, say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
ADA = User("web", "local", "ada")
LAST = "#feed .message >> nth=-1"


async def share(page: Page, story: str = STORY) -> None:
    """Share a no through the form."""
    await say(page, "/rejected")
    await page.get_by_label("Final round").check()
    await page.get_by_label("What happened?").fill(story)
    await page.get_by_role("button", name="Share", exact=True).click()
    await expect(page.locator("dialog")).to_have_count(0)


async def test_two_windows_are_two_people(browser: Windows) -> None:
    ada, bob = await browser.open("ada"), await browser.open("bob")
    await share(ada)
    await bob.get_by_role("link", name=re.compile("1 reply")).click()
    await expect(bob).to_have_url(re.compile(r"\?as=bob#/support/\d+$"))
    await expect(bob.locator("#write-thread")).to_be_focused()
    await bob.keyboard.type("Two lines after four rounds.\nThat says")
    await bob.keyboard.press("Shift+Enter")
    await bob.keyboard.type("nothing about you.")
    await bob.keyboard.press("Enter")
    await expect(ada.locator(".thread-link")).to_contain_text("3 replies")
    await picture(bob, "thread")
    await ada.locator(".thread-link").click()
    said = ada.locator("#thread-feed .message").last
    await expect(said.locator(".said")).to_have_text("That says\nnothing about you.")
    await expect(ada.locator("#heard")).to_contain_text("Bounceback: ")
    await expect(bob.locator("#feed .private")).to_have_count(0)
    await expect(ada.locator("#feed .private")).to_have_count(1)
    await ada.keyboard.press("Escape")
    await expect(ada.locator("#thread")).to_be_hidden()
    await expect(ada.locator(".thread-link")).to_be_focused()


async def test_the_person_is_changed_in_the_menu_and_kept_in_the_address(browser: Windows) -> None:
    ada = await browser.open("ada", "#/general")
    await ada.get_by_role("button", name=re.compile("Act as someone else")).click()
    await picture(ada, "people")
    await ada.get_by_role("link", name=re.compile("^Mo ?moderator")).click()
    await expect(ada).to_have_url(re.compile(r"\?as=mo#/general$"))
    await expect(ada.locator("#who")).to_contain_text("Mo")
    await ada.get_by_role("link", name="moderation").click()
    await expect(ada.locator(".intro")).to_contain_text("#moderation")
    bob = await browser.open("bob", "#/moderation")
    await expect(bob.locator("h1")).to_have_text("#support")


async def test_a_link_as_a_stranger_leads_to_somebody_who_lives_here(browser: Windows) -> None:
    ada = await browser.open("nobody", "#/wins")
    await expect(ada).to_have_url(re.compile(r"\?as=ada#/wins$"))
    await expect(ada.locator("#who")).to_contain_text("Ada")


async def test_a_server_that_goes_away_takes_nothing_with_it(browser: Windows, server: Server) -> None:
    ada = await browser.open("ada")
    await say(ada, "/rejected")
    await ada.get_by_label("Final round").check()
    browser.offline_is_fine = True
    await server.stop()
    await expect(ada.locator("#connection")).to_contain_text("Reconnecting")
    await ada.get_by_label("What happened?").fill(STORY)
    await ada.get_by_role("button", name="Share", exact=True).click()
    await expect(ada.get_by_role("dialog")).to_contain_text("This will be sent when it is back.")
    await picture(ada, "reconnecting-form")
    await ada.get_by_role("button", name=re.compile("^Close")).click()
    await say(ada, "Written while nobody was there.")
    await expect(ada.locator(".unsent")).to_contain_text("Sending…")
    await ada.locator("#write").fill("Half a thought")
    await picture(ada, "reconnecting")
    await server.start()
    await expect(ada.locator("#connection")).to_be_empty()
    await expect(ada.locator(".unsent")).to_have_count(0)
    await expect(ada.get_by_text("Written while nobody was there.")).to_have_count(1)
    await expect(ada.locator(".message.private")).to_contain_text("It's posted")
    await expect(ada.locator("#write")).to_have_value("Half a thought")
    assert [event.name for event in server.bot.handled] == ["rejections.share"]


async def test_what_waits_to_be_sent_outlives_a_reload(browser: Windows, server: Server) -> None:
    server.bot.gate.clear()
    ada = await browser.open("ada")
    await say(ada, "/help")
    await expect(ada.locator("#write-note")).to_have_text("Bounceback is on it…")
    await ada.locator("#write").fill("A draft")
    await ada.reload()
    await expect(ada.locator("#write")).to_have_value("A draft")
    server.bot.gate.set()
    await expect(ada.locator(".message")).to_contain_text(["What I can do"])
    await expect(ada.locator(".message")).to_have_count(1)
    assert len(server.bot.handled) == 1


async def test_times_are_the_acting_persons(browser: Windows, server: Server) -> None:
    await server.chat.post(Place("web", "local", "general"), every_part(later(days=3)), key="k1")
    for person, said in (
        ("ada", "Ready by Fri 27 November at 10:02, that is Fri 27 November, 10:02, in 2 days."),
        ("olu", "Ready by Fri 27 November at 01:02, that is Fri 27 November, 01:02, in 2 days."),
    ):
        page = await browser.open(person, "#/general")
        await expect(page.locator(".card .said")).to_contain_text(said)
        await expect(page.locator("blockquote")).to_have_text("Breathe.\nThen coffee. <b>not bold</b>")
        await expect(page.locator(".card .person")).to_have_text("Bob")
    await picture(page, "card")
    await page.get_by_role("link", name="See #wins").click()
    await expect(page.locator("h1")).to_have_text("#wins")


async def test_the_clock_moves_for_everyone(browser: Windows, server: Server) -> None:
    ada, devi = await browser.open("ada"), await browser.open("devi")
    await expect(ada.locator(".clock-face")).to_contain_text("Tuesday 24 November")
    await ada.get_by_role("button", name="+1 day").click()
    await expect(devi.locator(".clock-face")).to_contain_text("Wednesday 25 November")
    await ada.get_by_role("button", name="Next event").click()
    await expect(ada.locator(".clock-note")).to_have_text("Nothing is planned right now.")
    server.due = MORNING.replace(month=12, day=1)
    await ada.get_by_role("button", name="Next event").click()
    await expect(devi.locator(".clock-face")).to_contain_text("Tuesday 1 December")
    await expect(ada.locator(".clock-note")).to_be_empty()


async def test_what_is_new_is_marked_where_it_begins(browser: Windows, server: Server) -> None:
    general, ada = Place("web", "local", "general"), await browser.open("ada", "#/general")
    await server.chat.post(general, Card("Read already."), key="g1")
    await expect(ada.locator(LAST)).to_contain_text("Read already.")
    await ada.locator("[data-channel=wins]").click()
    root = await server.chat.post(general, Card("Not read yet."), key="g2")
    thread = await server.chat.thread(root, "A thread")
    await expect(ada.locator("[data-channel=general] .badge")).to_contain_text("1")
    await ada.locator("[data-channel=general]").click()
    await expect(ada.locator("#feed .new-line + .message")).to_contain_text("Not read yet.")
    await server.chat.post(general, Card("Seen as it came."), key="g5")
    await expect(ada.locator(LAST)).to_contain_text("Seen as it came.")
    await expect(ada.locator("#feed .new-line")).to_have_count(1)
    await ada.locator(".thread-link").click()
    await server.chat.post(thread, Card("Seen in the thread."), key="g3")
    await expect(ada.locator("#thread-feed")).to_contain_text("Seen in the thread.")
    await ada.locator("[data-channel=wins]").click()
    await server.chat.post(thread, Card("New in the thread."), key="g4")
    await expect(ada.locator("[data-channel=general] .dot")).to_have_count(1)
    await ada.locator("[data-channel=general]").click()
    await expect(ada.locator(".new-line")).to_have_count(0)
    await expect(ada.locator(".thread-link")).to_contain_text("1 new")
    await picture(ada, "new")


async def test_news_elsewhere_is_counted_until_it_is_read(browser: Windows, server: Server) -> None:
    ada = await browser.open("ada")
    await server.chat.dm(ADA, Card("You prepared and you showed up.", tone=Tone.WARM), key="n1")
    await server.chat.dm(ADA, Card("If you'd like, write two lines.", tone=Tone.CARE), key="n2")
    await expect(ada).to_have_title("(2) #support · Second Wind")
    await expect(ada.locator("[data-channel='dm:ada'] .badge")).to_contain_text("2")
    await ada.locator("[data-channel='dm:ada']").click()
    await expect(ada).to_have_title("Bounceback · Second Wind")
    await picture(ada, "direct")
    await ada.reload()
    await expect(ada).to_have_title("Bounceback · Second Wind")


async def test_a_long_channel_keeps_its_place(browser: Windows, server: Server) -> None:
    general = Place("web", "local", "general")
    for number in range(150):
        await server.chat.post(general, Card(f"Message {number}"), key=f"n{number}")
    ada = await browser.open("ada", "#/general")
    await expect(ada.get_by_text("Message 149", exact=True)).to_be_in_viewport()
    await expect(ada.locator("#feed .message")).to_have_count(120)
    await ada.get_by_role("button", name="Show earlier messages").click()
    await expect(ada.locator("#feed .message")).to_have_count(150)
    await server.chat.post(general, Card("One more"), key="more")
    await ada.get_by_role("button", name="New messages").click()
    await expect(ada.get_by_text("One more", exact=True)).to_be_in_viewport()
    jump = await browser.open("ada", "#/general//5")
    await expect(jump.locator(".pointed")).to_have_text(re.compile("Message 4$"))
    await expect(jump.locator(".pointed")).to_be_in_viewport()

"""Daily motivation and /encourage: when a line comes, which one, and how to be rid of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from bot.chat import Kind
from bot.clock import at_local, local, local_day
from bot.cog import Cog, Nudge, Plan, State
from bot.content import Content, Prompt
from bot.errors import TryLater
from bot.people import Defaults
from bot.platforms.memory import Sent
from bot.prompting import DAILY, GENTLE, THEMES, Reader, choose, read
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import motivation as table
from bot.storage.schema import outbox, people, prompts, rejections
from bot.ui import Card, Form, When, parts, plain
from cogs import motivation, settings
from tests.world import MONDAY, Actor, World

pytestmark = pytest.mark.usefixtures("database")  # on both

CONTENT = Content.load()
BY_TEXT = {prompt.text: prompt for prompt in CONTENT.prompts}
NO_QUIET = Defaults(quiet_from=time(0), quiet_to=time(0), ignored_limit=999)
other = Cog("other")


@other.nudge("other.note", label=lambda _: "Something else")
async def note(_: Nudge) -> Card:
    """A message of another feature, to share a day with."""
    return Card("Another message.")


@asynccontextmanager
async def opened(
    folder: Path, now: datetime = MONDAY, defaults: Defaults | None = None
) -> AsyncIterator[World]:
    cogs = (motivation.cog, settings.cog, other)
    world = await World.open(folder, now=now, defaults=defaults, cogs=cogs)
    try:
        yield world
    finally:
        await world.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A Monday morning in a community that asks after nobody."""
    async with opened(tmp_path, defaults=Defaults(ignored_limit=999)) as made:
        yield made


async def rows(world: World, ada: Actor, *states: State) -> list[Mapping[str, Any]]:
    """Ada's daily rows in these states (all if none is named), oldest first."""
    query = select(outbox).where(outbox.c.user == ada.user.key, outbox.c.kind == DAILY)
    if states:
        query = query.where(outbox.c.state.in_(states))
    async with world.storage.read() as connection:
        return [dict(row) for row in (await connection.execute(query.order_by(outbox.c.id))).mappings()]


async def sent_at(world: World, ada: Actor) -> list[datetime]:
    return [row["done_at"] for row in await rows(world, ada, State.SENT)]


async def planned(world: World, ada: Actor) -> list[datetime]:
    return [row["due_at"] for row in await rows(world, ada, State.READY)]


async def had_a_no(world: World, ada: Actor, stage: Stage, **ago: float) -> None:
    owner = world.vault.owner(ada.user.key)
    no = Rejection(
        id=f"no{next(world.events)}",
        owner=owner,
        author=ada.user.key,
        community="memory/here",
        stage=stage,
        sign=Sign.ONLY_ME,
        wish=Wish.LOG,
        where="",
        story="",
        shared_at=world.clock.now() - timedelta(**ago),
        state=Shared.PRIVATE,
        post="",
        thread="",
        replies=0,
        muted=False,
    )
    async with world.storage.write() as tx:
        await tx.execute(insert(rejections).values(**store.values(world.vault, no)))


def prompt_on(card: Card | Form | Sent | None) -> Prompt:
    """The prompt that a card shows (what else stands there comes after an empty line)."""
    shown = card.card if isinstance(card, Sent) else card
    assert isinstance(shown, Card), shown
    return BY_TEXT[plain(shown.text).split("\n\n")[0]]


def fact(card: Card, name: str) -> str:
    (found,) = [plain(each.value) for each in card.fields if each.name == name]
    return found


def buttons(card: Card) -> list[str]:
    return [button.id.removeprefix("motivation.") for button in card.buttons]


# -- turning it on and off ------------------------------------------------------------------------


async def test_it_comes_at_the_time_and_on_the_days_she_chose(world: World, ada: Actor) -> None:
    card = await ada.gets("/motivation on 08:30 weekdays")
    assert "only you see" in card.plain
    await world.advance(days=8)
    assert [local(at, "Europe/Berlin").isoformat()[:16] for at in await sent_at(world, ada)] == [
        "2026-03-03T08:30",
        "2026-03-04T08:30",
        "2026-03-05T08:30",
        "2026-03-06T08:30",
        "2026-03-09T08:30",
        "2026-03-10T08:30",
    ]
    assert buttons(ada.dms[0].card) == ["heart", "not_for_me", "pause"]


async def test_alone_it_says_how_it_stands(world: World, ada: Actor) -> None:
    card = await ada.gets("/motivation")
    assert (fact(card, "Time"), fact(card, "Days")) == ("08:30", "Monday to Friday")
    assert buttons(card) == ["on", "change"]
    assert await planned(world, ada) == []
    card = await ada.presses(card, "motivation.on")
    assert isinstance(card, Card)
    assert buttons(card) == ["change", "off"]
    (shown,) = [each for each in card.fields if each.name == "Next"]
    assert parts(shown.value) == (When(datetime(2026, 3, 3, 7, 30, tzinfo=UTC)),)
    card = await ada.presses(card, "motivation.off")
    assert isinstance(card, Card)
    assert buttons(card) == ["on", "change"]
    assert await planned(world, ada) == []


async def test_each_part_can_be_changed_by_itself(world: World, ada: Actor) -> None:
    await ada.gets("/motivation on")
    card = await ada.gets("/motivation 9:15")
    assert (fact(card, "Time"), fact(card, "Days")) == ("09:15", "Monday to Friday")
    card = await ada.gets("/motivation sat, mon and wed")
    assert (fact(card, "Time"), fact(card, "Days")) == ("09:15", "Monday, Wednesday, Saturday")
    card = await ada.gets("/motivation Learn, what you're good at")
    assert fact(card, "About") == "Looking back lightly, What you're good at"
    assert fact(await ada.gets("/motivation all themes"), "About") == "Anything that fits"
    assert await planned(world, ada) == [datetime(2026, 3, 4, 8, 15, tzinfo=UTC)]
    card = await ada.gets("/motivation off")
    assert fact(card, "Time") == "09:15"
    assert await planned(world, ada) == []


async def test_what_is_unclear_is_said_kindly_and_changes_nothing(world: World, ada: Actor) -> None:
    await ada.gets("/motivation 9:15")
    card = await ada.gets("/motivation weekdays 7 oclock")
    assert '"7"' in card.plain
    assert "/motivation 8:30 weekdays" in card.plain
    card = await ada.gets("/motivation")
    assert (fact(card, "Time"), fact(card, "Days")) == ("09:15", "Monday to Friday")
    assert len(await planned(world, ada)) == 1


NAMES = {"learn": "learn", "small wins": "small_wins", "going on at your speed": "persist"}


@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ("", {}),
        ("on", {"active": True}),
        ("OFF", {"active": False}),
        ("weekends 8 am on", {"active": True, "at": time(8), "days": frozenset({5, 6})}),
        ("8:30 pm, daily", {"at": time(20, 30), "days": frozenset(range(7))}),
        ("on mondays at noon", {"at": time(12), "days": frozenset({0})}),
        ("mon,wed,fri 0815", {"at": time(8, 15), "days": frozenset({0, 2, 4})}),
        ("mon 8.30 tue", {"at": time(8, 30), "days": frozenset({0, 1})}),
        ("mon tue wed thu fri sat", {"days": frozenset(range(6))}),
        ("monday to thursday", {"days": frozenset(range(4))}),
        ("small_wins", {"themes": ("small_wins",)}),
        ("Small wins and learn", {"themes": ("small_wins", "learn")}),
        ("Going on, at your speed 9:00", {"themes": ("persist",), "at": time(9)}),
        ("anything", None),
        ("everything", {"themes": ()}),
        ("on off", None),
        ("8:30 9:30", None),
        ("8", None),
        ("25:00", None),
        ("x" * 3000, None),
    ],
)
def test_words_in_any_order(typed: str, changes: dict[str, Any] | None) -> None:
    found, unclear = read(typed, NAMES)
    assert (found, bool(unclear)) == (changes or {}, changes is None)
    assert len(unclear) <= 41


async def test_the_form_holds_what_stands_and_keeps_days_it_cannot_show(world: World, ada: Actor) -> None:
    await ada.gets("/motivation 9:15 mon wed learn")
    form = await ada.presses(await ada.gets("/motivation"), "motivation.change")
    assert isinstance(form, Form)
    assert [field.value for field in form.fields] == ["09:15", "", "learn"]
    card = await ada.submits(form, time="7:45 am", themes="learn,control")
    assert isinstance(card, Card)
    assert (fact(card, "Time"), fact(card, "Days")) == ("07:45", "Monday, Wednesday")
    assert fact(card, "About") == "Looking back lightly, What's in your hands"
    form = await ada.presses(card, "motivation.change")
    card = await ada.submits(form, days="weekends", themes=",".join(THEMES))
    assert isinstance(card, Card)
    assert (fact(card, "Days"), fact(card, "About")) == ("Saturday and Sunday", "Anything that fits")
    again = await ada.submits(form, time="quarter past")
    assert isinstance(again, Form)
    assert list(again.errors) == ["time"]
    assert fact(await ada.gets("/motivation"), "Time") == "07:45"


async def test_each_message_has_a_way_out_and_a_way_back(world: World, ada: Actor) -> None:
    await ada.gets("/motivation on")
    await world.advance(days=1)
    card = await ada.presses(ada.dms[-1], "motivation.pause")
    assert isinstance(card, Card)
    assert "/motivation on" in card.plain
    await world.advance(days=7)
    assert len(ada.dms) == 1
    await ada.presses(card, "motivation.on")
    await world.advance(days=1)
    assert len(ada.dms) == 2


# -- when -----------------------------------------------------------------------------------------


async def test_todays_line_came_so_a_new_time_begins_on_the_next_day(world: World, ada: Actor) -> None:
    await ada.gets("/motivation 10:15 daily")  # it is 10:00 in Berlin
    await world.advance(hours=1)
    assert len(ada.dms) == 1
    await ada.gets("/motivation 17:00")
    await world.advance(hours=12)
    assert len(ada.dms) == 1
    await world.advance(hours=24)
    assert [local(at, "Europe/Berlin").hour for at in await sent_at(world, ada)] == [10, 17]


@pytest.mark.parametrize("state", [State.SKIPPED, State.CANCELLED, State.DROPPED, State.DEAD])
async def test_whatever_becomes_of_one_the_next_follows(world: World, ada: Actor, state: State) -> None:
    await ada.gets("/motivation on")
    async with world.storage.read() as connection:
        (row,) = await world.app.kit.outbox.coming(connection, ada.user)
    async with world.storage.write() as tx:
        await world.app.kit.end(tx, row, state)
    assert await planned(world, ada) == [row.due_at + timedelta(days=1)]
    await world.advance(days=3)
    assert len(ada.dms) == 2


async def test_a_night_without_the_bot_drops_what_is_stale(world: World, ada: Actor) -> None:
    await ada.gets("/motivation daily 8:30")
    await world.clock.advance_to(MONDAY + timedelta(hours=5 + 24))  # six and a half hours late
    await world.app.sender.drain()
    assert ada.dms == []
    assert [row["state"] for row in await rows(world, ada)] == [State.DROPPED, State.READY]
    await world.advance(days=1)
    assert len(ada.dms) == 1


async def test_a_restart_loses_nothing(world: World, ada: Actor) -> None:
    await ada.gets("/motivation daily")
    await world.restart()
    await world.advance(days=2)
    assert len(ada.dms) == 2


@pytest.mark.parametrize(
    ("zone", "wall", "start"),
    [
        ("Europe/Berlin", "02:30", datetime(2026, 3, 26, 12, tzinfo=UTC)),  # skipped on 29 March
        ("Europe/Berlin", "02:30", datetime(2026, 10, 22, 12, tzinfo=UTC)),  # twice on 25 October
        ("America/New_York", "02:30", datetime(2026, 3, 5, 12, tzinfo=UTC)),
        ("America/New_York", "01:30", datetime(2026, 10, 29, 12, tzinfo=UTC)),
        ("Australia/Lord_Howe", "01:45", datetime(2026, 4, 2, 12, tzinfo=UTC)),  # half an hour twice
        ("Australia/Lord_Howe", "02:15", datetime(2026, 10, 1, 12, tzinfo=UTC)),
        ("Africa/Casablanca", "02:30", datetime(2026, 2, 12, 12, tzinfo=UTC)),  # Ramadan begins
        ("Africa/Casablanca", "02:30", datetime(2026, 3, 19, 12, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("days", ["daily", "weekends"])
async def test_one_on_each_chosen_date_when_the_clocks_change(
    tmp_path: Path, zone: str, wall: str, start: datetime, days: str
) -> None:
    async with opened(tmp_path, start, NO_QUIET) as world:
        ada = world.person("ada", zone=zone)
        await ada.gets(f"/motivation {wall} {days}")
        first = local_day(start, zone) + timedelta(days=1)
        await world.advance_to(at_local(first + timedelta(days=7), time(), zone))
        got = [local(at, zone) for at in await sent_at(world, ada)]
    dates = [first + timedelta(days=day) for day in range(7)]
    assert [at.date() for at in got] == [day for day in dates if days == "daily" or day.weekday() in (5, 6)]
    odd = [at for at in got if at.time().isoformat("minutes") != wall]
    assert len(odd) <= 1
    assert all(at.time() > time.fromisoformat(wall) for at in odd)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Pacific/Auckland", "Pacific/Honolulu"),  # the same date again
        ("Pacific/Honolulu", "Pacific/Auckland"),  # already the next date
        ("Europe/Berlin", "America/New_York"),
        ("America/New_York", "Asia/Tokyo"),
    ],
)
@pytest.mark.parametrize("hours", [0, 8])
async def test_a_new_zone_never_gives_two_on_one_local_date(
    tmp_path: Path, before: str, after: str, hours: int
) -> None:
    async with opened(tmp_path, defaults=NO_QUIET) as world:
        ada = world.person("ada", zone=before)
        await ada.gets("/motivation daily 8:30")
        await world.advance(days=3)
        await world.next_event()
        await world.advance(hours=hours)
        ready = await planned(world, ada)
        await ada.gets(f"/settings {after}")
        assert await planned(world, ada) != ready
        await world.advance(days=4)
        got = await sent_at(world, ada)
        dates = [local_day(at, after) for at in got[3:]]  # the last before the change, and what follows
        assert len(set(dates)) == len(dates)
        assert all(local(at, after).time() == time(8, 30) for at in got[4:])
        assert len(got) >= 4 + 3
        assert len(await planned(world, ada)) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_any_life_gives_at_most_one_a_date_and_never_goes_silent(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo"]
    async with opened(tmp_path, datetime(2026, 3, 20, tzinfo=UTC), NO_QUIET) as world:
        ada = world.person("ada", zone="Europe/Berlin")
        await ada.gets("/motivation daily 8:30")
        zone, said = "Europe/Berlin", 0
        for _ in range(25):
            match random.randrange(3):
                case 0:
                    await ada.gets(f"/motivation {random.randrange(24)}:{random.choice(('00', '30', '45'))}")
                case 1:
                    zone = random.choice(zones)
                    await ada.gets(f"/settings zone {zone}")
                case _:
                    await world.advance(hours=random.randrange(1, 60))
            assert len(await planned(world, ada)) == 1
            got = await sent_at(world, ada)
            dates = [local_day(at, zone) for at in got[max(0, said - 1) :]]
            assert len(set(dates)) == len(dates)
            said = len(got)
        await world.advance(days=3)
        assert len(await sent_at(world, ada)) >= said + 2


async def test_a_time_in_quiet_hours_is_told_and_kept(world: World, ada: Actor) -> None:
    card = await ada.gets("/motivation 23:30 daily")
    assert "quiet hours" in card.plain
    assert card.button("settings.show").label
    assert fact(card, "Next") == "2026-03-03 07:30 UTC"
    await world.advance(days=4)
    assert [local(at, "Europe/Berlin").isoformat()[8:16] for at in await sent_at(world, ada)] == [
        "03T08:30",
        "04T08:30",
        "05T08:30",
        "06T08:30",
    ]
    assert "quiet hours" not in (await ada.gets("/motivation 20:30")).plain
    assert "quiet hours" not in (await ada.gets("/motivation 6:30 off")).plain


async def test_the_time_she_chose_is_kept_whatever_else_came_that_day(world: World, ada: Actor) -> None:
    async with world.storage.write() as tx:
        await world.app.kit.outbox.plan(tx, Plan("other.note", ("n",), world.clock.now(), user=ada.user))
    await world.advance(minutes=1)
    assert len(ada.dms) == 1
    await ada.gets("/motivation 12:00 daily")
    await world.advance(hours=3)
    assert len(ada.dms) == 2


async def test_a_break_is_said_and_kept(world: World, ada: Actor) -> None:
    await ada.gets("/motivation daily")
    async with world.storage.write() as tx:
        until = world.clock.now() + timedelta(days=5)
        await world.app.kit.people.change(tx, ada.user.key, world.clock.now(), paused_until=until)
    card = await ada.gets("/motivation")
    assert "break" in card.plain
    assert all(each.name != "Next" for each in card.fields)
    await world.advance(days=5)
    assert ada.dms == []
    await world.advance(days=2)
    assert len(ada.dms) == 2


async def test_closed_direct_messages_leave_one_line_to_read_and_end_nothing(
    world: World, ada: Actor
) -> None:
    await ada.gets("/motivation daily")
    world.chat.closed.add("ada")
    await world.advance(days=6)
    states = [row["state"] for row in await rows(world, ada)]
    assert states.count(State.UNDELIVERED) == 1
    assert states.count(State.READY) == 1
    world.chat.closed.clear()
    await ada.gets("/motivation")
    await world.advance(days=1)
    assert len(ada.dms) == 1


async def test_the_tick_plans_what_is_missing_and_nothing_else(world: World, ada: Actor, bob: Actor) -> None:
    tick = world.app.registry.ticks["motivation.plan"].handler
    await ada.gets("/motivation on")
    await bob.gets("/motivation off")
    ready = await planned(world, ada)
    await tick(world.app.kit)
    assert await planned(world, ada) == ready
    async with world.storage.write() as tx:
        await tx.execute(delete(outbox))
    await tick(world.app.kit)
    assert (await planned(world, ada), await planned(world, bob)) == (ready, [])


async def test_a_line_held_by_a_break_that_ended_early_does_not_hold_the_next(
    world: World, ada: Actor
) -> None:
    tick = world.app.registry.ticks["motivation.plan"].handler
    await ada.gets("/motivation daily")
    for until, ahead in ((world.clock.now() + timedelta(days=20), 4), (None, 0)):
        async with world.storage.write() as tx:
            await world.app.kit.people.change(tx, ada.user.key, world.clock.now(), paused_until=until)
        await world.advance(days=ahead)
        await tick(world.app.kit)
        assert len(await planned(world, ada)) == (1 if until else 2)
    await world.advance(days=2)
    assert len(ada.dms) == 2


# -- which ----------------------------------------------------------------------------------------


async def test_one_at_any_time_and_another_in_its_place(world: World, ada: Actor) -> None:
    card = await ada.gets("/encourage")
    assert buttons(card) == ["heart", "not_for_me", "another"]
    second = await ada.presses(card, "motivation.another")
    assert prompt_on(second) != prompt_on(card)
    third = await ada.pushes(motivation.ONE)
    assert prompt_on(third) not in (prompt_on(card), prompt_on(second))
    assert ada.dms == []


async def test_none_comes_twice_before_all_that_fit_were_seen(world: World, ada: Actor) -> None:
    await ada.gets("/motivation feel_it off")
    fits = {each.id for each in CONTENT.prompts if "feel_it" in each.themes and each.fits("")}
    got = [prompt_on(await ada.gets("/encourage")).id for _ in range(3 * len(fits))]
    for start in range(0, len(got), len(fits)):
        assert set(got[start : start + len(fits)]) == fits
    assert all(one != two for one, two in pairwise(got))


async def test_daily_lines_count_as_seen(world: World, ada: Actor) -> None:
    await ada.gets("/motivation daily feel_it")
    fits = {each.id for each in CONTENT.prompts if "feel_it" in each.themes and each.fits("")}
    await world.advance(days=len(fits) - 2)
    for _ in range(2):
        await ada.gets("/encourage")
    async with world.storage.read() as connection:
        seen = await connection.execute(select(prompts.c.prompt).where(prompts.c.seen))
        assert set(seen.scalars()) == fits
    assert len({prompt_on(sent).id for sent in ada.dms}) == len(fits) - 2


async def test_a_late_line_knows_what_she_read_meanwhile(world: World, ada: Actor) -> None:
    await ada.gets("/motivation daily feel_it")
    await world.clock.advance_to(MONDAY + timedelta(hours=24))  # an hour and a half late
    assert world.chat.dispatch is not None
    got = [
        prompt_on(await world.chat.dispatch.handle(ada.event(Kind.COMMAND, "encourage"))) for _ in range(7)
    ]
    await world.clock.advance(timedelta(minutes=1))
    await world.app.sender.drain()
    assert prompt_on(ada.dms[0]) not in got


async def test_not_for_me_is_put_away_for_good(world: World, ada: Actor) -> None:
    await ada.gets("/motivation feel_it off")
    card = await ada.gets("/encourage")
    bad = prompt_on(card)
    answer = await ada.presses(card, "motivation.not_for_me")
    assert isinstance(answer, Card)
    assert prompt_on(answer) == bad
    assert buttons(answer) == ["heart", "another"]
    got = {prompt_on(await ada.gets("/encourage")) for _ in range(30)}
    assert bad not in got
    assert len(got) == 7
    await ada.presses(answer, "motivation.heart")  # a second thought
    assert bad in {prompt_on(await ada.gets("/encourage")) for _ in range(16)}


async def test_a_heart_keeps_the_words_and_is_taken_once(world: World, ada: Actor) -> None:
    await ada.gets("/motivation on")
    await world.advance(days=1)
    sent = ada.dms[-1]
    for _ in range(2):
        card = await ada.presses(sent, "motivation.heart")
        assert isinstance(card, Card)
        assert prompt_on(card) == prompt_on(sent)
        assert buttons(card) == ["not_for_me", "pause"]
    async with world.storage.read() as connection:
        found = (await connection.execute(select(prompts))).mappings().all()
    assert [(row["prompt"], row["liked"], row["seen"]) for row in found] == [(prompt_on(sent).id, 1, True)]
    card = await ada.presses(sent, "motivation.not_for_me")
    assert isinstance(card, Card)
    assert buttons(card) == ["heart", "another", "pause"]
    another = await ada.presses(card, "motivation.another")
    assert isinstance(another, Card)
    assert "pause" in buttons(another)


async def test_a_line_that_is_gone_is_said(world: World, ada: Actor) -> None:
    card = await ada.pushes(replace(motivation.HEART, arg=".feel_it-99"))
    assert isinstance(card, Card)
    assert "/encourage" in card.plain


def by(seed: int) -> Callable[[Sequence[int]], list[float]]:
    random = Random(seed)
    return lambda pool: [random.random() for _ in pool]


def shares(reader: Reader) -> dict[str, float]:
    draw = by(1)
    got = [choose(CONTENT.prompts, reader, draw).prompt.themes[0] for _ in range(4000)]
    return {theme: got.count(theme) / len(got) for theme in THEMES}


def test_hearts_and_their_opposite_shift_the_themes() -> None:
    def rated(liked: int) -> Reader:
        return Reader(liked={each.id: liked for each in CONTENT.prompts if each.themes == ("learn",)})

    usual = shares(Reader())["learn"]
    assert shares(rated(1))["learn"] > 1.8 * usual
    tired = Reader(liked=dict.fromkeys(("learn-01", "learn-02"), -1))
    assert 0 < shares(tired)["learn"] < 0.7 * usual


def test_what_was_disliked_comes_only_when_nothing_else_fits() -> None:
    fits = [each.id for each in CONTENT.prompts if "feel_it" in each.themes and each.fits("")]
    nearly = Reader(themes=frozenset({"feel_it"}), liked=dict.fromkeys(fits[1:], -1), seen=frozenset(fits))
    assert choose(CONTENT.prompts, nearly, by(1)).prompt.id == fits[0]
    none = nearly._replace(liked=dict.fromkeys(fits, -1))
    assert choose(CONTENT.prompts, none, by(1)).prompt.id in fits


def test_a_new_round_does_not_begin_with_what_came_last() -> None:
    fits = [each.id for each in CONTENT.prompts if "feel_it" in each.themes and each.fits("")]
    done = Reader(themes=frozenset({"feel_it"}), seen=frozenset(fits), last=fits[2])
    picks = [choose(CONTENT.prompts, done, by(seed)) for seed in range(200)]
    assert {pick.prompt.id for pick in picks} == {*fits} - {fits[2]}
    assert all(set(pick.round) == set(fits) for pick in picks)


async def test_it_fits_how_far_she_got(world: World, ada: Actor) -> None:
    before = {prompt_on(await ada.gets("/encourage")).stages for _ in range(60)}
    assert before == {("any",)}
    await had_a_no(world, ada, Stage.INTERVIEW, days=70)
    await had_a_no(world, ada, Stage.FINAL_ROUND, days=59)
    await had_a_no(world, ada, Stage.LAID_OFF, days=65)
    fits = [each for each in CONTENT.prompts if each.fits("final_round")]
    got = {prompt_on(await ada.gets("/encourage")) for _ in range(len(fits) - 60)}
    assert got <= set(fits)
    assert any("final_round" in each.stages for each in got)
    await world.advance(days=2)
    for _ in range(3):
        assert prompt_on(await ada.gets("/encourage")).stages == ("any",)


async def test_a_bad_day_brings_the_gentle_ones_first(world: World, ada: Actor) -> None:
    await had_a_no(world, ada, Stage.CV_SCREEN, days=1)
    for gentle in (True, False):
        got = [prompt_on(await ada.gets("/encourage")) for _ in range(15)]
        assert all(each.themes[0] in GENTLE for each in got) is gentle
        await world.advance(days=2)


# -- the same words, however often it is sent -----------------------------------------------------


async def test_a_message_sent_twice_says_the_same(world: World, ada: Actor) -> None:
    answers = iter([True, False])

    def lose_the_answer(call: str, moment: str) -> None:
        if (call, moment) == ("dm", "after") and next(answers, False):
            raise TryLater("cut", unsure=True)

    await ada.gets("/motivation on")
    world.chat.honours_keys = False  # so that both tries can be read
    world.chat.trouble = lose_the_answer
    await world.advance_to(MONDAY + timedelta(hours=22, minutes=30))
    await ada.pushes(replace(motivation.HEART, arg=f".{prompt_on(ada.dms[0]).id}"))
    await ada.gets("/encourage")  # seen between the two tries
    await world.advance(minutes=5)
    first, second = ada.dms
    assert first.card == second.card
    async with world.storage.read() as connection:
        seen = set((await connection.execute(select(prompts.c.prompt).where(prompts.c.seen))).scalars())
    assert len(seen) == 2
    assert prompt_on(first).id in seen


async def test_what_was_folded_is_the_same_each_time_it_is_shown(world: World, ada: Actor) -> None:
    await ada.gets("/motivation 12:00 daily")
    async with world.storage.write() as tx:
        await world.app.kit.outbox.plan(tx, Plan("other.note", ("n",), world.clock.now(), user=ada.user))
    await world.advance(minutes=1)
    assert "Daily motivation" in ada.dms[-1].card.plain
    (folded,) = await rows(world, ada, State.FOLDED)
    assert len(await planned(world, ada)) == 1
    shown: list[Card | None] = []
    for _ in range(3):
        async with world.storage.read() as connection:
            row = await world.app.kit.outbox.find(connection, ada.user, str(folded["id"]))
            person = await world.app.kit.people.load(connection, ada.user.key)
        assert row is not None
        shown.append(await world.app.kit.card(row, world.app.kit.words.speak("en"), person))
        for _ in range(5):
            await ada.gets("/encourage")
        await ada.gets("/motivation off")  # what was said can still be read
        await world.advance(hours=1)
    assert shown[0] == shown[1] == shown[2]
    async with world.storage.read() as connection:
        seen = set((await connection.execute(select(prompts.c.prompt).where(prompts.c.seen))).scalars())
    assert prompt_on(shown[0]).id in seen


async def test_a_heart_keeps_what_else_the_message_brought(world: World, ada: Actor) -> None:
    await ada.gets("/motivation 12:00 daily")
    async with world.storage.write() as tx:
        later = world.clock.now() + timedelta(hours=4)
        await world.app.kit.outbox.plan(tx, Plan("other.note", ("n",), later, user=ada.user))
    await world.advance(hours=2)
    (sent,) = ada.dms
    assert "Something else" in sent.card.plain
    card = await ada.presses(sent, "motivation.heart")
    assert isinstance(card, Card)
    assert "Something else" in card.plain
    assert card.button("nudges.show").arg == sent.card.button("nudges.show").arg


async def test_turned_off_in_the_last_moment_it_says_nothing(world: World, ada: Actor) -> None:
    await ada.gets("/motivation on")
    async with world.storage.write() as tx:
        await tx.execute(table.update().values(active=False))
    await world.advance(days=2)
    assert ada.dms == []
    assert await planned(world, ada) == []


# -- content, and what is stored ------------------------------------------------------------------


def test_every_theme_can_be_chosen_by_a_name_of_its_own(world: World) -> None:
    assert set(THEMES) == set(CONTENT.themes)
    voice = world.app.kit.words.speak("en")
    for theme in THEMES:
        label = voice.line(f"choice-themes.{theme}")
        names = motivation.theme_names(voice)
        assert read(f"{label} 9:00", names) == ({"themes": (theme,), "at": time(9)}, "")
        assert read(theme, names) == ({"themes": (theme,)}, "")


async def test_a_theme_that_was_dropped_is_nobodys_trouble(world: World, ada: Actor) -> None:
    await ada.gets("/motivation learn")
    async with world.storage.write() as tx:
        await tx.execute(table.update().values(themes="gone,learn"))
    assert fact(await ada.gets("/motivation"), "About") == "Looking back lightly"


def test_every_theme_has_lines_for_everyone() -> None:
    for theme in THEMES:
        assert len([each for each in CONTENT.prompts if theme in each.themes and each.fits("")]) >= 5


async def test_what_is_stored_is_told_and_forgotten(world: World, ada: Actor, bob: Actor) -> None:
    await ada.gets("/motivation 9:15 weekends learn")
    await bob.gets("/motivation on")
    card = await ada.gets("/encourage")
    await ada.presses(card, "motivation.heart")
    async with world.storage.read() as connection:
        told = await world.app.kit.export_all(connection, ada.user)
    assert told["daily motivation"] == [
        {"time": "09:15", "days": ["Saturday", "Sunday"], "themes": ["learn"], "on": True}
    ]
    (line,) = told["encouragement"]
    assert (line["text"], line["liked"]) == (prompt_on(card).text, 1)
    async with world.storage.write() as tx:
        await world.app.kit.forget_all(tx, ada.user)
    async with world.storage.read() as connection:
        assert await connection.scalar(select(prompts.c.user)) is None
        assert (await connection.execute(select(table.c.user))).scalars().all() == [bob.user.key]
        assert (await connection.execute(select(people.c.user))).scalars().all() == [bob.user.key]
    await world.advance(days=6)
    assert ada.dms == []

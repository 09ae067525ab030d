"""Telling organisers what only they can mend: one clear message, once a day for each cause.

It goes to the moderation channel, through the outbox; into the log where there is no such channel, or
where that very channel is the trouble.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select

from bot import communities
from bot.chat import Message, Place
from bot.clock import local_day
from bot.cog import Kit, Plan, Row, Verb
from bot.sender import trace
from bot.storage.engine import insert_into
from bot.storage.schema import events, outbox
from bot.ui import plain

KIND = "setup.trouble"
KEPT = timedelta(days=1)  # how long such a message is worth sending; after that a new one is due
log = structlog.get_logger("bot.trouble")


async def tell(kit: Kit, place: Place, words: str, says: Mapping[str, str]) -> None:
    """Say that something is wrong with a place: ``words`` is the sentence's id, ``says`` its variables.

    Raises nothing: whoever found the trouble has another one already.
    """
    await _surely(_tell(kit, place, words, says))


async def tell_of_row(kit: Kit, row: Row, reason: str) -> None:
    """Say that a planned post waits for an organiser, unless the platform has said more about its place."""
    place = row.place.place if isinstance(row.place, Message) else row.place
    if place is not None and row.kind != KIND:
        await _surely(_tell_of_place(kit, place, reason))


async def _surely(telling: Coroutine[Any, Any, None]) -> None:
    try:
        await telling
    except Exception as error:  # noqa: BLE001  (what could not be told must not stop what is being done)
        log.error("organisers not told", error=type(error).__name__, trace=trace(error))


async def _tell_of_place(kit: Kit, place: Place, reason: str) -> None:
    async with kit.storage.read() as connection:
        about = (outbox.c.subject == _subject(kit, place), outbox.c.due_at > kit.now - KEPT)
        told = (await connection.execute(select(outbox.c.id).where(*about).limit(1))).first()
    if told is None:
        says = {"channel": place.channel, "channel_id": place.channel, "reason": reason}
        await _tell(kit, place, "setup-waiting", says)


async def _tell(kit: Kit, place: Place, words: str, says: Mapping[str, str]) -> None:
    day = local_day(kit.now, kit.people.defaults.zone).isoformat()
    told = [f"{name}={says[name]}" for name in sorted(says)]
    cause = ("trouble", place.platform, place.community, place.channel, words, *told, day)
    async with kit.storage.write() as tx:
        home = (await communities.load(tx, place.platform, place.community)).moderation
        if home and home.channel != place.channel and KIND in kit.nudges:
            args, subject = {**says, "words": words}, _subject(kit, place)
            until = kit.now + KEPT
            await kit.outbox.plan(
                tx, Plan(KIND, cause, kit.now, Verb.POST, None, home, args, subject, expires_at=until)
            )
            return
        insert = insert_into(tx, events).values(id=f"trouble/{kit.outbox.key(cause)}", at=kit.now)
        first = (await tx.execute(insert.on_conflict_do_nothing())).rowcount > 0
    if first:
        said = plain(kit.words.speak(kit.people.defaults.language)(words, **says))
        log.error("organisers have something to mend", community=place.community, said=said)


def _subject(kit: Kit, place: Place) -> str:
    return kit.vault.token("trouble", place.platform, place.community, place.channel)

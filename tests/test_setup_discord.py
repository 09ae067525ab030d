"""The whole program on Discord: it starts, is set up there, tells what lacks, and ends when told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import FakeClock
from tests.ports import free_port
from tests.wire.discord import FakeDiscord
from tests.wire.discord_basics import Permit

ROOT = Path(__file__).parent.parent
STARTS_WITHIN = 60.0  # seconds, on a machine with much else to do


def settings(fake: FakeDiscord, database: str, token: str = "") -> dict[str, str]:
    ours = {
        "BOUNCEBACK_DISCORD__TOKEN": token or fake.token,
        "BOUNCEBACK_DISCORD__API_BASE": fake.api_base,
        "BOUNCEBACK_WEB__ENABLED": "on",
        "BOUNCEBACK_WEB__PORT": str(free_port()),
    }
    if database.startswith("postgresql"):  # else it makes its own file in its folder
        ours["BOUNCEBACK_STORAGE__URL"] = database
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("BOUNCEBACK_")}
    return {**kept, **ours, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def program(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"), cwd=folder, env=environment, stdout=pipe, stderr=pipe
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
            await made.communicate()


async def test_from_an_empty_folder_to_a_post_on_two_platforms_at_once(tmp_path: Path, database: str) -> None:
    standing = FakeClock(datetime.now(UTC))  # Discord's three seconds do not run out on a busy machine
    async with FakeDiscord(standing) as fake, program(tmp_path, settings(fake, database)) as bot:
        await fake.ready(patience=STARTS_WITHIN)
        support, team, general = fake.channel("help"), fake.channel("team"), fake.channel("general")
        olu, ada = fake.person("olu"), fake.person("ada")
        fake.guild.members[olu.id].roles.append(fake.role("organiser", permissions=Permit.MANAGE_GUILD).id)
        fake.forbid(support, Permit.CREATE_PUBLIC_THREADS)

        modal = await (await fake.command(olu, general, "setup")).modal()
        chosen = {"support": str(support.id), "moderation": str(team.id), "sign": "anonymous", "plan": "on"}
        card = await (await fake.submit(modal, chosen)).reply()
        assert "Create Public Threads" in card.text
        assert fake.messages(support) == []
        await (await fake.press(olu, card, "setup.test:")).reply()
        await fake.until(lambda: bool(fake.messages(support)), "the test post")
        (post,) = fake.messages(support)
        await (await fake.press(olu, post, "setup.remove:")).reply()
        await fake.until(lambda: all(each.deleted for each in fake.messages(support)), "its end")

        modal = await (await fake.command(ada, general, "rejected")).modal()
        values = {"stage": "interview", "sign": "anonymous", "wish": "listen"}
        await (await fake.submit(modal, values)).reply()
        await fake.until(lambda: bool(fake.messages(team)), "word of what lacks")
        (told,) = fake.messages(team)
        assert "#help" in told.text
        assert "Create Public Threads" in told.text

        bot.send_signal(signal.SIGTERM)
        printed, logged = await bot.communicate()
        assert bot.returncode == 0, logged.decode()
        assert printed.decode().startswith("Bounceback is running: http://127.0.0.1:")


async def test_a_token_that_is_refused_ends_it_with_one_line(tmp_path: Path, database: str) -> None:
    refused = "wrong.token.here"
    async with FakeDiscord() as fake, program(tmp_path, settings(fake, database, refused)) as bot:
        _, logged = await bot.communicate()
        lines = logged.decode().splitlines()
        assert bot.returncode == 2
        assert lines[-1].startswith("discord.token is refused by Discord.")
        assert "Traceback" not in logged.decode()
        assert refused not in logged.decode()

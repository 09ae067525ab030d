"""Bots in processes of their own, as anybody would run them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
START = 120.0  # seconds that a bot may take until it is connected


@asynccontextmanager
async def process(arguments: list[str], environment: dict[str, str]) -> AsyncIterator[Any]:
    """``python -m`` with these arguments, ended gently afterwards."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCEBACK_")}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env=ours | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(started.wait(), 20)
        except TimeoutError:
            started.kill()
            await started.wait()


def write_config(folder: Path, section: str) -> Path:
    """A configuration in ``folder`` without quiet hours; ``section`` is its platform's part."""
    config = folder / "config.toml"
    config.write_text(
        f'[storage]\nurl = "sqlite:///{folder / "bot.db"}"\nkey_file = "{folder / "bot.key"}"\n'
        '[community]\nquiet_from = "00:00"\nquiet_to = "00:00"\n'
        f'{section}[log]\nlevel = "error"\n',
        encoding="utf-8",
    )
    return config

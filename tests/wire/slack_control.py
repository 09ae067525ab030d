"""Driving a fake Slack from another process: ``python -m tests.wire.slack --port 0 --workspaces 3``.

It prints one line of JSON (``slack_ops.info``) when it listens; it ends with its standard input or SIGTERM.
Everything is a ``POST /_fake/NAME`` with a JSON object; what comes back is JSON, or 400 with
``{"error": …}`` when it cannot be. ``slack_remote.Remote`` speaks it. People and channels are named by id.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from tests.wire import slack_ops, slack_ops_trouble
from tests.wire.slack_model import Json
from tests.wire.slack_telling import OPS

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

FAMILIES = (slack_ops, slack_ops_trouble)
"""Importing them has registered their operations."""


async def control(fake: FakeSlack, request: web.Request) -> web.StreamResponse:
    """Answer one request under /_fake/."""
    work = OPS.get(request.match_info["op"])
    if work is None:
        return web.json_response({"error": f"there is {', '.join(sorted(OPS))}"}, status=404)
    try:
        return web.json_response(await work(fake, json.loads(await request.read() or b"{}")))
    except (AssertionError, KeyError, ValueError, TypeError, AttributeError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


# --- a process of its own ------------------------------------------------------------------------


def main() -> None:
    """Run until standard input ends or somebody asks to stop."""
    parser = argparse.ArgumentParser(description="A fake Slack on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--workspaces", type=int, default=1)
    parser.add_argument("--limits", action="store_true", help="enforce rate limits")
    parser.add_argument("--no-recording", action="store_true", help="do not remember requests")
    parser.add_argument("--no-echoes", action="store_true", help="no events of what the app wrote itself")
    options = vars(parser.parse_args())
    options["recording"] = not options.pop("no_recording")
    options["echoes"] = not options.pop("no_echoes")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))


async def _serve(options: Json) -> None:
    from tests.wire.slack import FakeSlack

    more = options.pop("workspaces") - 1
    async with FakeSlack(**options) as fake:
        for number in range(more):
            fake.add_workspace(f"Acme {number + 2}")
        sys.stdout.write(json.dumps(await slack_ops.info(fake, {})) + "\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        except ValueError:  # neither a pipe nor a terminal: until a signal
            await asyncio.Event().wait()
        while await reader.readline():
            pass

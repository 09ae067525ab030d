"""A bare slack-bolt app: ``/rejected`` opens a modal with one field. What ours is measured against.

``python -m benchmarks.peers.slack_echo API BOT_TOKEN APP_TOKEN``. A line says that it is connected.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

FORM = {
    "type": "modal",
    "callback_id": "echo",
    "title": {"type": "plain_text", "text": "Echo"},
    "submit": {"type": "plain_text", "text": "OK"},
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": {"type": "plain_text", "text": "Words"},
            "element": {"type": "plain_text_input", "action_id": "value"},
        }
    ],
}


async def main(api: str, bot_token: str, app_token: str) -> None:
    """Run until killed."""
    app = AsyncApp(client=AsyncWebClient(bot_token, base_url=api))

    @app.command("/rejected")
    async def rejected(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    handler = AsyncSocketModeHandler(app, app_token, web_client=AsyncWebClient(base_url=api))
    await handler.connect_async()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))

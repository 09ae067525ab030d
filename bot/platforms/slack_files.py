"""Pictures: Slack's upload in three steps, and a memory of what it has already.

https://docs.slack.dev/messaging/working-with-files#uploading_files. A file is shared with nobody until a
message shows it in an ``image`` block; so no channel is named here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import aiohttp

from bot.platforms.recent import Recent
from bot.ui import Image

if TYPE_CHECKING:
    from bot.platforms.slack_rest import Rest

KEPT = 500  # pictures whose files are known; a retry or an edit then uploads nothing
TRIES = 2  # of sending the bytes, which does nothing until the upload is completed
NAME = "bounceback.png"  # a file's name says nothing about anybody


class Uploads:
    """Uploads pictures, each of a workspace once."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._known: Recent[str] = Recent(KEPT)

    async def upload(self, team: str, image: Image) -> str:
        """The file's id. Raises what ``Rest.call`` raises."""
        key = f"{team}/{hashlib.sha256(image.alt.encode() + b'/' + image.data).hexdigest()}"
        if known := self._known.get(key):
            return known
        given = await self._rest.call(
            team, "files.getUploadURLExternal", filename=NAME, length=len(image.data), alt_txt=image.alt
        )
        await self._send(str(given["upload_url"]), image.data)
        id = str(given["file_id"])
        await self._rest.call(team, "files.completeUploadExternal", files=[{"id": id, "title": NAME}])
        self._known.put(key, id)
        return id

    async def _send(self, url: str, data: bytes) -> None:
        for number in range(1, TRIES + 1):
            try:
                await self._rest.put(url, data)
            except (aiohttp.ClientError, OSError):
                if number == TRIES:
                    raise
            else:
                return

"""Files by the current upload API: an address, the bytes, done. Whatever was not completed does not exist."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from tests.wire.slack_calls import Call, method, wrong
from tests.wire.slack_model import File, Json, Message, SlackError, Workspace
from tests.wire.slack_web_chat import thread_of, to_post_in

if TYPE_CHECKING:
    from tests.wire.slack_web import SlackWeb

ALT_LIMIT, LARGEST = 1000, 1024**3


def described(of: File, workspace: Workspace) -> Json:
    """A file object."""
    return {
        "id": of.id,
        "created": of.created,
        "timestamp": of.created,
        "name": of.name,
        "title": of.title or of.name,
        "mimetype": of.mime,
        "filetype": of.mime.rpartition("/")[2],
        "user": of.user,
        "user_team": workspace.id,
        "size": len(of.data),
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(of.channels),
        "alt_txt": of.alt,
        "url_private": f"https://files.slack.com/files-pri/{workspace.id}-{of.id}/{of.name}",
        "permalink": f"{workspace.url}files/{of.user}/{of.id}/{of.name}",
        "channels": of.channels,
        "groups": [],
        "ims": [],
    }


@method("files.getUploadURLExternal", "files:write")
def upload_url(call: Call) -> Json:
    """Where to send the bytes of a file."""
    name = call.text("filename", needed=True)
    length = call.number("length", 0, 1, LARGEST)
    if not length:
        raise wrong("missing required field: length")
    alt = call.text("alt_txt") or call.text("alt_text")
    if len(alt) > ALT_LIMIT:
        raise SlackError("alt_txt_too_large")
    made = File(call.at.id_of("F"), name, length, alt, token=token_urlsafe(24))
    made.user, made.created = call.at.bot.id, int(call.now.timestamp())
    call.at.files[made.id] = call.at.uploads[made.token] = made
    return {"upload_url": f"{call.web.origin}/upload/v1/{made.token}", "file_id": made.id}


def receive(web: SlackWeb, token: str, data: bytes) -> tuple[int, str]:
    """The bytes of an upload; the status and text of the answer."""
    for workspace in web.workspaces.values():
        if (file := workspace.uploads.get(token)) is not None:
            if len(data) != file.length:
                return 400, f"expected {file.length} bytes"
            file.data = data
            return 200, f"OK - {len(data)}"
    return 404, "not found"


@method("files.completeUploadExternal", "files:write", json=True)
def complete(call: Call) -> Json:
    """The uploads are whole; with a channel, they are shared there as a message."""
    given: Any = call.json("files")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise wrong("missing required field: files")
    found: list[File] = []
    for each in given:
        if set(each) - {"id", "title"}:
            raise wrong("invalid additional property [json-pointer:/files/0]")
        file = call.at.files.get(str(each.get("id")))
        if file is None or file.done or not file.data:
            raise SlackError("file_not_found")
        found.append(file)
    where = call.text("channel_id")
    channel = to_post_in(call, where) if where else None
    thread = thread_of(call, channel) if channel is not None else ""
    for each, file in zip(given, found, strict=True):
        file.done, file.title, file.waits = True, str(each.get("title") or ""), call.web.processing
        call.at.uploads.pop(file.token, None)
        if channel is not None:
            file.channels.append(channel.id)
    if channel is not None:
        made = Message(channel, call.at.ts(call.now), call.at.bot.id, call.text("initial_comment"))
        made.thread, made.bot_id, made.files = thread, call.at.bot_id, [each.id for each in found]
        channel.add(made)
        call.happened("message", made)
    return {"files": [described(each, call.at) for each in found]}


@method("files.info", "files:read")
def info(call: Call) -> Json:
    """About a file."""
    file = call.at.files.get(call.text("file", needed=True))
    if file is None or not file.done:
        raise SlackError("file_not_found")
    if file.deleted:
        raise SlackError("file_deleted")
    answer = {"file": described(file, call.at), "comments": [], "response_metadata": {"next_cursor": ""}}
    file.waits = max(0, file.waits - 1)
    return answer


@method("files.delete", "files:write", json=True)
def delete(call: Call) -> Json:
    """Delete an own file."""
    file = call.at.files.get(call.text("file", needed=True))
    if file is None or not file.done:
        raise SlackError("file_not_found")
    if file.deleted:
        raise SlackError("file_deleted")
    file.deleted, file.data = True, b""
    return {}

"""Bodies: what a request carries, and how an answer is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from tests.wire.discord_errors import Refusal, refusal

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    name: str
    data: bytes
    kind: str


def respond(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """An answer with exactly the content type that Discord sends (discord.py compares it)."""
    if status == 204:
        return web.Response(status=204, headers=headers)
    data = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(status=status, body=data, headers={"Content-Type": JSON, **(headers or {})})


async def read_body(request: web.BaseRequest) -> tuple[Any, dict[int, Upload]]:
    """The JSON of a request, and its files if it is multipart; refused with 400 or 413."""
    kind = request.content_type
    if kind == "multipart/form-data":
        return await _read_form(request)
    try:
        text = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise refusal(40005) from None
    if kind != JSON:
        if not text:
            return None, {}
        message = "Expected \"Content-Type\" header to be one of {'application/json'}."
        raise Refusal(
            400,
            50035,
            "Invalid Form Body",
            {"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": message}]},
        )
    return parse(text), {}


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse(text: bytes | str) -> Any:
    """JSON, or the refusal of what is none."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise refusal(50109) from None


async def _read_form(request: web.BaseRequest) -> tuple[Any, dict[int, Upload]]:
    body: Any = {}
    uploads: dict[int, Upload] = {}
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge:
        raise refusal(40005) from None
    except ValueError:
        raise refusal(50109) from None
    for name, value in form.items():
        if isinstance(value, FileField):
            number = name.removeprefix("files[").removesuffix("]")
            if not number.isdigit():
                continue
            uploads[int(number)] = Upload(value.filename, value.file.read(), value.content_type)
        elif name == "payload_json":
            body = parse(value if isinstance(value, str) else bytes(value))
    return body, uploads

"""Strangers and nonsense at the local web chat's door."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.chat import Place
from bot.ui import Card
from tests.webkit import Server, serving, window

pytestmark = pytest.mark.usefixtures("database")  # on both


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "chat.db") as started:
        yield started


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_foreign_page_gets_no_socket(server: Server, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{server.address}ws", headers=headers)
        assert refused.value.status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "[::1", ""])
async def test_a_foreign_host_is_refused(server: Server, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    async with aiohttp.ClientSession() as session:
        for path in ("", "ws", "page/app.js", "picture/1"):
            async with session.get(server.address + path, headers=headers) as answer:
                assert answer.status == 421
                assert "<" not in await answer.text()


async def test_every_answer_is_hardened(server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        for path in (
            "",
            "page/app.js",
            "page/base.css",
            "page/icon.svg",
            "page/none.js",
            "page/community.json",
        ):
            async with session.get(server.address + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert "*" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.status == (404 if path in ("page/none.js", "page/community.json") else 200)
        for path in ("", "ws", "page/app.js"):
            async with session.post(server.address + path, data=b"x") as answer:
                assert answer.status == 405
        async with session.get(server.address + "page/..%2fweb.py") as answer:
            assert answer.status == 404


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own table of sockets")
async def test_it_listens_on_loopback_alone(server: Server) -> None:
    assert server.address == f"http://127.0.0.1:{server.port}/"
    assert server.announced == [server.address]
    assert _listening(server.port) == ["0100007F"]


def _listening(port: int) -> list[str]:
    """The addresses (as the kernel writes them) on which somebody listens at this port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]


async def test_a_taken_port_gives_the_next_one(tmp_path: Path, server: Server) -> None:
    second = Server(tmp_path / "second.db")
    await second.start(port=server.port)
    assert server.port < second.port <= server.port + 20
    await second.stop()


async def test_no_free_port_is_said_clearly(tmp_path: Path) -> None:
    taken = [socket.socket() for _ in range(21)]
    try:
        first = _take_in_a_row(taken)
        with pytest.raises(OSError, match=f"ports {first} to {first + 20} on 127.0.0.1 are all taken"):
            await Server(tmp_path / "chat.db").start(port=first)
    finally:
        for each in taken:
            each.close()


def _take_in_a_row(sockets: list[socket.socket]) -> int:
    """Listen on as many ports in a row as there are sockets; gives the first."""
    for first in range(21000, 60000, len(sockets)):
        try:
            for offset, each in enumerate(sockets):
                each.bind(("127.0.0.1", first + offset))
        except OSError:
            for index, each in enumerate(sockets):
                each.close()
                sockets[index] = socket.socket()
            continue
        for each in sockets:
            each.listen()
        return first
    raise AssertionError("no ports to take")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        '"say"',
        "[" * 5000,
        '{"do":"say"}',
        '{"do":"say","id":7}',
        '{"do":"say","id":"short"}',
        '{"id":"long-enough"}',
        '{"do":"fly","id":"long-enough"}',
        '{"do":["say"],"id":"long-enough"}',
        '{"do":"say","id":"long-enough","channel":{},"text":"x"}',
        '{"do":"say","id":"long-enough","channel":"support","text":7}',
        '{"do":"say","id":"long-enough","channel":"support","thread":"1","text":"x"}',
        '{"do":"say","id":"long-enough","channel":"support","thread":99999999999999999999,"text":"x"}',
        '{"do":"say","id":"long-enough","channel":"support","thread":12,"text":"x"}',
        '{"do":"say","id":"long-enough","channel":"support","text":" \\u0000 "}',
        '{"do":"press","id":"long-enough","message":true,"button":"x"}',
        '{"do":"press","id":"long-enough","message":5,"button":"x"}',
        '{"do":"submit","id":"long-enough","channel":"support","form":"x","values":[]}',
        '{"do":"command","id":"long-enough","channel":"support","name":"help","values":{"a":1}}',
        '{"do":"clock","id":"long-enough","hours":-5}',
        '{"do":"clock","id":"long-enough","hours":1e9}',
    ],
)
async def test_nonsense_is_answered_and_harms_nothing(server: Server, frame: str) -> None:
    async with window(server, "ada") as ada:
        await ada.send(frame)
        answer = await ada.until(lambda heard: heard["type"] in ("error", "answer"))
        assert answer.get("text") or answer.get("error")
        await ada.act("say", channel="support", text="Still here.")
        assert ada.texts() == ["Still here."]


async def test_nonsense_before_hello_and_bytes_are_answered(server: Server) -> None:
    headers = {"Origin": server.address.rstrip("/")}
    frames = (
        "{",
        '{"do":"say","id":"long-enough"}',
        '{"do":"hello","as":"nobody"}',
        '{"do":"hello","as":[]}',
    )
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.address}ws", headers=headers) as line,
    ):
        for frame in frames:
            await line.send_str(frame)
            assert (await line.receive_json())["type"] == "error"
    async with window(server, "ada") as ada:
        await ada.send_bytes(b"\x00\x01")
        assert (await ada.next("error"))["text"]


async def test_a_frame_that_is_far_too_large_ends_its_socket_only(server: Server) -> None:
    async with window(server, "bob") as bob:
        async with window(server, "ada") as ada:
            await ada.send(json.dumps({"do": "say", "id": "long-enough", "text": "x" * 200_000}))
            with pytest.raises(TypeError):
                await ada.next("answer")
        await bob.settled()


async def test_a_message_that_is_too_long_is_refused_with_its_length(server: Server) -> None:
    async with window(server, "ada") as ada:
        answer = await ada.act("say", channel="general", text="ä" * 4001)
        assert answer["error"] == "That has 4,001 characters; 4,000 fit in one message."
        assert ada.texts() == []
        await ada.act("say", channel="general", text="ä" * 4000)
        assert len(ada.texts()[0]) == 4000


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("fly", {}, "web-unknown-action"),
    ("say", {"channel": 7, "text": "Hi."}, "web-unreadable"),
    ("say", {"channel": "general", "thread": "x", "text": "Hi."}, "web-unreadable"),
    ("submit", {"channel": "general", "form": "x", "values": []}, "web-unreadable"),
    ("say", {"channel": "general", "text": " "}, "web-empty"),
    ("say", {"channel": "general", "text": "x" * 4001}, "web-too-long length=4001 limit=4000"),
    ("say", {"channel": "dm:bob", "text": "Hi."}, "web-closed"),
    ("say", {"channel": "general", "thread": 99, "text": "Hi."}, "web-gone"),
    ("press", {"message": 1, "button": "not.there"}, "web-button-gone"),
    ("dismiss", {"message": 1}, "web-not-private"),
    ("clock", {"hours": 5}, "web-clock"),
    ("clock", {"to": "next"}, "web-nothing-planned"),
    ("command", {"channel": "support", "name": "broken", "arg": "", "values": {}}, "web-failed"),
]


@pytest.mark.parametrize(("do", "content", "said"), REFUSED)
async def test_what_people_read_stands_among_the_words(
    server: Server, monkeypatch: pytest.MonkeyPatch, do: str, content: dict[str, Any], said: str
) -> None:
    def told(words: str, locale: str, **says: str | int) -> str:
        return " ".join([words, *(f"{name}={value}" for name, value in says.items())])

    monkeypatch.setattr(server.bot, "line", told)
    await server.chat.post(Place("web", "local", "support"), Card("A post."), key="post")
    async with window(server, "ada") as ada:
        answer = await ada.act(do, **content)
        assert said in (answer.get("error"), answer.get("note"))


async def test_characters_that_no_screen_shows_are_dropped(server: Server) -> None:
    async with window(server, "ada") as ada:
        await ada.act("say", channel="general", text=" a\u0000b\u0007\r\nc\td\ud800e\u0085 \U0001f331")
        assert ada.texts() == ["ab\nc\tde \U0001f331"]


async def test_what_breaks_is_said_and_logged_without_what_was_written(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    async with window(server, "ada") as ada:
        answer = await ada.act("command", channel="support", name="broken", arg="my secret", values={})
        assert "What you typed is kept" in answer["error"]
    logged = capsys.readouterr()
    assert "web_action_failed" in logged.out + logged.err
    assert "secret" not in logged.out + logged.err

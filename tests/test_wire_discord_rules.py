"""What the fake Discord refuses, and with which code; by plain HTTP, as docs.discord.com describes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.clock import FakeClock
from tests.wire.discord import FakeDiscord
from tests.wire.discord_basics import Permit
from tests.wire.discord_bot import Api
from tests.wire.waiting import NotPossible

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
V2 = 1 << 15
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def fake(clock: FakeClock) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(clock) as made:
        yield made


@pytest.fixture
async def api(fake: FakeDiscord) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(fake, session)


@pytest.fixture
def posts(fake: FakeDiscord) -> str:
    """Where messages go."""
    return f"/channels/{fake.guild.channel('general').id}/messages"


def text(content: str, **other: Any) -> dict[str, Any]:
    return {"type": 10, "content": content, **other}


def button(**other: Any) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": "x", "custom_id": "x"} | other


def row(*components: Any) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def buttons(count: int, start: int = 0) -> list[Any]:
    return [button(custom_id=f"b{start + number}") for number in range(count)]


def options(count: int) -> list[Any]:
    return [{"label": f"o{number}", "value": f"o{number}"} for number in range(count)]


def select(count: int = 2, **other: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "s", "options": options(count)} | other


def without(part: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}


# --- the door ------------------------------------------------------------------------------------


async def test_the_door(api: Api, posts: str) -> None:
    assert await api("GET", "/users/@me", token="Bot wrong") == (
        401,
        {"message": "401: Unauthorized", "code": 0},
    )
    assert (await api("GET", "/users/@me", token=""))[0] == 401
    assert await api("GET", "/nothing") == (404, {"message": "404: Not Found", "code": 0})
    assert await api("DELETE", "/gateway") == (405, {"message": "405: Method Not Allowed", "code": 0})
    assert await api.code("POST", posts, raw='{"content": ') == 50109
    assert await api.wrong("POST", posts, ["content"]) == {("", "MODEL_TYPE_CONVERT")}
    assert await api.code("GET", "/channels/abc") == 50035
    assert (await api("GET", "/gateway/bot"))[1]["session_start_limit"]["max_concurrency"] == 1
    assert api.headers["Content-Type"] == "application/json", "discord.py compares it letter by letter"
    assert "X-RateLimit-Bucket" in api.headers


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 50006),
        ({"content": "  \n"}, 50006),
        ({"components": [row(button())]}, 50006),
        ({"content": "x" * 2000}, 0),
    ],
)
async def test_a_message_says_something(api: Api, posts: str, body: Any, code: int) -> None:
    assert await api.code("POST", posts, body) == code


WRONG_MESSAGES: list[tuple[Any, str, str]] = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": 5}, "content", "BASE_TYPE_STRING"),
    ({"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
    ({"content": "x", "tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
    ({"content": "x", "embeds": [{"title": "t"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"title": "t" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "t" * 4000}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"embeds": [{"fields": [{"name": "n", "value": ""}]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"title": "t", "color": 1 << 24}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
    ({"content": "x", "attachments": [{"id": 0}]}, "attachments.0", "ATTACHMENT_NOT_FOUND"),
    (
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
]

WRONG_COMPONENTS: list[tuple[Any, str, str]] = [
    ([row(button(custom_id=f"b{n}")) for n in range(6)], "", "BASE_TYPE_MAX_LENGTH"),
    ([button()], ".0.type", "UNION_TYPE_CHOICES"),
    ([row()], ".0.components", "BASE_TYPE_BAD_LENGTH"),
    ([row(*buttons(6))], ".0.components", "BASE_TYPE_BAD_LENGTH"),
    ([row(button(), button())], ".0.components.1.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"),
    ([row(button()), row(button())], ".1.components.0.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"),
    ([row(button(custom_id=""))], ".0.components.0.custom_id", "BASE_TYPE_REQUIRED"),
    ([row(without(button(), "custom_id"))], ".0.components.0.custom_id", "BASE_TYPE_REQUIRED"),
    ([row(button(custom_id="x" * 101))], ".0.components.0.custom_id", "BASE_TYPE_MAX_LENGTH"),
    ([row(button(label="x" * 81))], ".0.components.0.label", "BASE_TYPE_MAX_LENGTH"),
    ([row(without(button(), "label"))], ".0.components.0", "BUTTON_COMPONENT_MISSING_LABEL"),
    ([row(button(style=7))], ".0.components.0.style", "BASE_TYPE_CHOICES"),
    ([row(without(button(style=5), "custom_id"))], ".0.components.0.url", "BASE_TYPE_REQUIRED"),
    (
        [row(button(style=5, url="https://example.org"))],
        ".0.components.0.custom_id",
        "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
    ),
    (
        [row(without(button(style=5, url="ftp://example.org"), "custom_id"))],
        ".0.components.0.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    ([row(select(0))], ".0.components.0.options", "BASE_TYPE_BAD_LENGTH"),
    ([row(select(26))], ".0.components.0.options", "BASE_TYPE_BAD_LENGTH"),
    ([row(select(), button())], ".0.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
    ([row(select(max_values=3))], ".0.components.0.max_values", "SELECT_COMPONENT_MAX_VALUES_TOO_LARGE"),
    ([row(select(min_values=2))], ".0.components.0.min_values", "SELECT_COMPONENT_MIN_VALUES_TOO_LARGE"),
    ([row(select(placeholder="x" * 151))], ".0.components.0.placeholder", "BASE_TYPE_MAX_LENGTH"),
    (
        [row(select(options=options(1) * 2))],
        ".0.components.0.options.1.value",
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    ([row({"type": 4, "custom_id": "t", "style": 1})], ".0.components.0.type", "UNION_TYPE_CHOICES"),
    ([text("hello")], ".0.type", "UNION_TYPE_CHOICES"),
]

GALLERY = {"type": 12, "items": [{"media": {"url": "attachment://chart.png"}, "description": "A chart"}]}

WRONG_V2: list[tuple[Any, str, str]] = [
    ([], "", "BASE_TYPE_BAD_LENGTH"),
    ([text("")], ".0.content", "BASE_TYPE_REQUIRED"),
    ([text("x" * 2001), text("x" * 2000)], "", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
    (
        [{"type": 17, "components": [text("x")] * 39}, text("y")],
        "",
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    ([{"type": 17, "components": []}], ".0.components", "BASE_TYPE_BAD_LENGTH"),
    (
        [{"type": 17, "components": [text("x")], "accent_color": 1 << 24}],
        ".0.accent_color",
        "NUMBER_TYPE_MAX",
    ),
    (
        [{"type": 17, "components": [{"type": 17, "components": [text("x")]}]}],
        ".0.components.0.type",
        "UNION_TYPE_CHOICES",
    ),
    ([{"type": 9, "components": [text("x")]}], ".0.accessory", "BASE_TYPE_REQUIRED"),
    (
        [{"type": 9, "components": [text("x")] * 4, "accessory": button()}],
        ".0.components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    ([{"type": 14, "spacing": 3}], ".0.spacing", "BASE_TYPE_CHOICES"),
    ([GALLERY], ".0.items.0.media.url", "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"),
    ([{"type": 12, "items": []}], ".0.items", "BASE_TYPE_BAD_LENGTH"),
    (
        [{"type": 12, "items": [{"media": {"url": "https://x.org/a.png"}, "description": "x" * 1025}]}],
        ".0.items.0.description",
        "BASE_TYPE_MAX_LENGTH",
    ),
    ([{"type": 13, "file": {"url": "https://x.org/a.png"}}], ".0.file.url", "URL_TYPE_INVALID_SCHEME"),
    ([{"type": 11, "media": {"url": "https://x.org/a.png"}}], ".0.type", "UNION_TYPE_CHOICES"),
    ([text("x", id=7), text("y", id=7)], ".1.id", "COMPONENT_ID_DUPLICATED"),
    (
        [{"type": 18, "label": "x", "component": {"type": 23, "custom_id": "c"}}],
        ".0.type",
        "UNION_TYPE_CHOICES",
    ),
]


@pytest.mark.parametrize(("body", "where", "code"), WRONG_MESSAGES)
async def test_a_wrong_message(api: Api, posts: str, body: Any, where: str, code: str) -> None:
    assert await api.wrong("POST", posts, body) == {(where, code)}


@pytest.mark.parametrize(("components", "where", "code"), WRONG_COMPONENTS)
async def test_wrong_components(api: Api, posts: str, components: Any, where: str, code: str) -> None:
    body = {"content": "x", "components": components}
    assert await api.wrong("POST", posts, body) == {(f"components{where}", code)}


@pytest.mark.parametrize(("components", "where", "code"), WRONG_V2)
async def test_wrong_components_v2(api: Api, posts: str, components: Any, where: str, code: str) -> None:
    body = {"flags": V2, "components": components}
    assert await api.wrong("POST", posts, body) == {(f"components{where}", code)}


async def test_the_largest_layouts_go(api: Api, posts: str) -> None:
    rows = [row(*buttons(5, 5 * number)) for number in range(5)]
    assert await api.wrong("POST", posts, {"content": "x", "components": rows}) == set()
    forty = [{"type": 17, "accent_color": 0xFFFFFF, "components": [text("x" * 100)] * 39}]
    assert await api.wrong("POST", posts, {"flags": V2, "components": forty}) == set()
    assert await api.wrong("POST", posts, {"flags": V2, "components": [text("x" * 4000)]}) == set()


async def test_components_v2_stand_alone(api: Api, posts: str) -> None:
    body = {"flags": V2, "content": "x", "embeds": [{"title": "t"}], "components": [text("x")]}
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    assert await api.wrong("POST", posts, body) == {("content", code), ("embeds", code)}
    assert await api.code("POST", posts, {"flags": V2}) == 50006
    _, old = await api("POST", posts, {"content": "x"})
    edit = {"flags": V2, "components": [text("x")]}
    assert await api.wrong("PATCH", f"{posts}/{old['id']}", edit) == {("content", code)}
    _, new = await api("PATCH", f"{posts}/{old['id']}", edit | {"content": None})
    assert new["flags"] & V2 and new["content"] == ""
    _, still = await api("PATCH", f"{posts}/{old['id']}", {"flags": 0})
    assert still["flags"] & V2, "it cannot be taken off again"
    assert await api.wrong("PATCH", f"{posts}/{old['id']}", {"content": "x"}) == {("content", code)}


async def test_files_are_kept_and_referred_to(fake: FakeDiscord, api: Api, posts: str) -> None:
    body = {"flags": V2, "components": [GALLERY], "attachments": [{"id": 0, "description": "A chart"}]}
    status, sent = await api.upload("POST", posts, body, {"chart.png": PNG})
    assert status == 200
    (file,) = sent["attachments"]
    assert (file["width"], file["height"], file["content_type"]) == (640, 480, "image/png")
    assert sent["components"][0]["items"][0]["media"]["attachment_id"] == file["id"]
    async with api.session.get(file["url"]) as answer:
        assert await answer.read() == PNG
    kept = {"attachments": [{"id": file["id"]}], "components": [GALLERY]}
    assert (await api("PATCH", f"{posts}/{sent['id']}", kept))[0] == 200
    gone = {"attachments": [], "components": [GALLERY]}
    assert len(await api.wrong("PATCH", f"{posts}/{sent['id']}", gone)) == 1
    large = {"large.bin": b"x" * (10 * 1024 * 1024 + 1)}
    assert (await api.upload("POST", posts, {"content": "x"}, large))[0] == 413
    fake.forbid(fake.guild.channel("general"), Permit.ATTACH_FILES)
    assert (await api.upload("POST", posts, body, {"chart.png": PNG}))[1]["code"] == 50013


async def test_a_nonce_happens_once_for_a_few_minutes(
    fake: FakeDiscord, api: Api, posts: str, clock: FakeClock
) -> None:
    body = {"content": "once", "nonce": "key", "enforce_nonce": True}
    _, first = await api("POST", posts, body)
    _, again = await api("POST", posts, body | {"content": "twice"})
    assert (again["id"], again["content"]) == (first["id"], "once")
    await clock.advance(timedelta(minutes=4))
    _, late = await api("POST", posts, body)
    assert late["id"] != first["id"]
    _, free = await api("POST", posts, without(body, "enforce_nonce"))
    assert free["id"] != late["id"], "without enforce_nonce it means nothing"
    assert len(fake.messages(fake.guild.channel("general"))) == 3


@pytest.mark.parametrize(
    ("allowed", "users", "roles", "everyone"),
    [
        (None, True, True, False),
        ({}, False, False, False),
        ({"parse": []}, False, False, False),
        ({"parse": ["users"]}, True, False, False),
        ({"parse": ["roles", "everyone"]}, False, True, False),
        ({"users": ["ADA"]}, True, False, False),
        ({"users": ["1"], "roles": ["ROLE"]}, False, True, False),
    ],
)
async def test_who_is_pinged(
    fake: FakeDiscord, api: Api, posts: str, allowed: Any, users: bool, roles: bool, everyone: bool
) -> None:
    ada, role = fake.person("ada"), fake.role("helpers", mentionable=True)
    ids = {"ADA": str(ada.id), "ROLE": str(role.id)}
    body: dict[str, Any] = {"flags": V2, "components": [text(f"<@{ada.id}> <@&{role.id}> @everyone")]}
    if allowed is not None:
        names = {name: [ids.get(each, each) for each in found] for name, found in allowed.items()}
        body["allowed_mentions"] = names
    assert (await api("POST", posts, body))[0] == 200
    (message,) = fake.messages(fake.guild.channel("general"))
    assert message.pings.users == ({ada.id} if users else set())
    assert message.pings.roles == ({role.id} if roles else set())
    assert message.pings.everyone is everyone, "without the permission it is only text"


async def test_other_peoples_words_are_not_shown_without_the_intent(
    fake: FakeDiscord, api: Api, posts: str
) -> None:
    ada, general = fake.person("ada"), fake.guild.channel("general")
    said = await fake.say(ada, general, "my own words")
    named = await fake.say(ada, general, "hear me", mentions=[fake.bot])
    _, mine = await api("POST", posts, {"content": "bot's words"})
    _, found = await api("GET", posts)
    assert [each["content"] for each in found] == ["bot's words", f"<@{fake.bot.id}> hear me", ""]
    _, page = await api("GET", f"{posts}?limit=1&before={named.id}")
    assert [int(each["id"]) for each in page] == [said.id]
    _, page = await api("GET", f"{posts}?limit=1&after={named.id}")
    assert [each["id"] for each in page] == [mine["id"]]
    assert await api.code("GET", f"{posts}?limit=101") == 50035
    assert await api.code("PATCH", f"{posts}/{said.id}", {"content": "x"}) == 50005
    assert await api.code("DELETE", f"{posts}/{said.id}") == 50013
    assert await api.code("DELETE", f"{posts}/{mine['id']}") == 0
    assert await api.code("GET", f"{posts}/{mine['id']}") == 10008


# --- permissions and places ----------------------------------------------------------------------


async def test_what_the_bot_may_not(fake: FakeDiscord, api: Api, posts: str) -> None:
    general = fake.guild.channel("general")
    assert await api.code("POST", "/channels/123/messages", {"content": "x"}) == 10003
    _, sent = await api("POST", posts, {"content": "x"})
    start = f"{posts}/{sent['id']}/threads"
    for permit, path, body, code in (
        (Permit.SEND_MESSAGES, posts, {"content": "x"}, 50013),
        (Permit.VIEW_CHANNEL, posts, {"content": "x"}, 50001),
        (Permit.CREATE_PUBLIC_THREADS, start, {"name": "n"}, 50013),
        (Permit.CREATE_PRIVATE_THREADS, f"/channels/{general.id}/threads", {"name": "n"}, 50013),
    ):
        fake.forbid(general, permit)
        assert await api.code("POST", path, body) == code, permit
    fake.forbid(general, Permit.READ_MESSAGE_HISTORY)
    assert await api("GET", posts) == (200, [])
    assert await api.code("GET", f"{posts}/{sent['id']}") == 50013
    fake.forbid(general, Permit.VIEW_CHANNEL)
    assert await api("GET", f"/guilds/{fake.guild.id}/channels") == (200, [])
    fake.forbid(general)
    assert await api.code("POST", posts, {"content": "x"}) == 0
    fake.remove_bot(fake.guild)
    assert await api.code("POST", posts, {"content": "x"}) == 50001
    assert await api.code("GET", f"/guilds/{fake.guild.id}") == 10004


def test_permissions_follow_the_documented_order(fake: FakeDiscord) -> None:
    guild, room = fake.guild, fake.channel("room")
    one, two = fake.role("one"), fake.role("two")
    ada = fake.person("ada", roles=[one, two])
    send = int(Permit.SEND_MESSAGES)
    assert room.permissions(ada.id) & send
    fake.overwrite(room, guild.everyone, deny=send)
    assert not room.permissions(ada.id) & send
    fake.overwrite(room, one, deny=send)
    fake.overwrite(room, two, allow=send)
    assert room.permissions(ada.id) & send, "an allowing role wins over a denying one"
    fake.overwrite(room, ada, deny=send)
    assert not room.permissions(ada.id) & send, "a member's own overwrite comes last"
    one.permissions = int(Permit.ADMINISTRATOR)
    assert room.permissions(ada.id) & send, "administrators are not overwritten"
    assert room.permissions(fake.owner.id) & Permit.MANAGE_GUILD
    bob = fake.person("bob")
    fake.overwrite(room, bob, deny=Permit.VIEW_CHANNEL)
    assert room.permissions(bob.id) == 0


async def test_direct_messages(fake: FakeDiscord, api: Api) -> None:
    ada, eve = fake.person("ada"), fake.person("eve", joins=False)
    assert await api.code("POST", "/users/@me/channels", {}) == 50035
    assert await api.code("POST", "/users/@me/channels", {"recipient_id": "5"}) == 50033
    _, dm = await api("POST", "/users/@me/channels", {"recipient_id": str(ada.id)})
    _, same = await api("POST", "/users/@me/channels", {"recipient_id": str(ada.id)})
    assert dm["id"] == same["id"] and dm["type"] == 1
    path = f"/channels/{dm['id']}/messages"
    assert await api.code("POST", path, {"content": "hello"}) == 0
    ada.dms_open = False
    assert await api.code("POST", path, {"content": "hello"}) == 50007
    ada.dms_open = True
    fake.leave(ada, fake.guild)
    assert await api.code("POST", path, {"content": "hello"}) == 50278
    _, dm = await api("POST", "/users/@me/channels", {"recipient_id": str(eve.id)})
    assert await api.code("POST", f"/channels/{dm['id']}/messages", {"content": "hello"}) == 50278
    assert [each.text for each in fake.dms(ada)] == ["hello"]
    assert fake.limits.statuses == {403: 3}


def test_a_client_shows_only_what_is_there(fake: FakeDiscord) -> None:
    ada = fake.person("ada")
    with pytest.raises(NotPossible, match="no command"):
        fake.hands.command(ada, fake.guild, "rejected", {}, "")

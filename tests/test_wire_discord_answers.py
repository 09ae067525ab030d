"""Interactions, modals, commands and threads of the fake Discord, by plain HTTP: what goes, what does not."""

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
from tests.wire.discord_exchange import Exchange
from tests.wire.discord_gateway import DIRECT_MESSAGES, GUILD_MESSAGES
from tests.wire.discord_session import Session
from tests.wire.waiting import NotPossible

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMMAND = {"name": "rejected", "description": "Share a no"}
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
EPHEMERAL = 1 << 6


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
        made = Api(fake, session)
        await made.register(COMMAND)
        yield made


@pytest.fixture
async def asked(fake: FakeDiscord, api: Api) -> Exchange:
    """Ada typed /rejected."""
    return await fake.command(fake.person("ada"), fake.guild, "rejected")


def callback(exchange: Exchange) -> str:
    return f"/interactions/{exchange.id}/{exchange.interaction.token}/callback"


def webhook(fake: FakeDiscord, exchange: Exchange) -> str:
    return f"/webhooks/{fake.app_id}/{exchange.interaction.token}"


def form(*components: Any, **other: Any) -> dict[str, Any]:
    return {"type": MODAL, "data": {"custom_id": "f", "title": "F", "components": list(components)} | other}


def label(component: Any, **other: Any) -> dict[str, Any]:
    return {"type": 18, "label": "L", "component": component} | other


def options(count: int) -> list[Any]:
    return [{"label": f"o{number}", "value": f"o{number}"} for number in range(count)]


TEXT = {"type": 4, "custom_id": "t", "style": 1}
RADIO = {"type": 21, "custom_id": "r", "options": options(3)}


# --- the first answer ----------------------------------------------------------------------------


async def test_one_answer_within_three_seconds(
    fake: FakeDiscord, api: Api, asked: Exchange, clock: FakeClock
) -> None:
    late = await fake.command(fake.person("bob"), fake.guild, "rejected")
    hello = {"type": MESSAGE, "data": {"content": "hello"}}
    assert await api.code("POST", f"/interactions/5/{asked.interaction.token}/callback", hello) == 10062
    assert await api.code("POST", f"/interactions/{asked.id}/wrong/callback", hello) == 50027
    assert await api.code("POST", webhook(fake, asked), {"content": "too early"}) == 10015
    assert await api.code("POST", callback(asked), hello, token="") == 0, "it needs no token"
    assert await api.code("POST", callback(asked), hello) == 40060
    await clock.advance(timedelta(seconds=3.1))
    assert late.failed and not asked.failed
    assert await api.code("POST", callback(late), hello) == 10062
    assert await api.code("POST", webhook(fake, late), {"content": "too late"}) == 10015
    assert [each.text for each in asked.shown] == ["hello"]


async def test_the_receipt(fake: FakeDiscord, api: Api, asked: Exchange) -> None:
    hello = {"type": MESSAGE, "data": {"content": "hello", "flags": EPHEMERAL}}
    status, receipt = await api("POST", callback(asked) + "?with_response=1", hello)
    assert status == 200
    assert receipt["interaction"]["id"] == str(asked.id)
    assert receipt["interaction"]["response_message_ephemeral"] is True
    assert receipt["resource"]["message"]["id"] == receipt["interaction"]["response_message_id"]
    other = await fake.command(asked.interaction.person, fake.guild, "rejected")
    assert (await api("POST", callback(other), {"type": DEFER}))[0] == 204


@pytest.mark.parametrize("kind", [DEFER_UPDATE, UPDATE, CHOICES, 1, 3, "4", None])
async def test_a_command_does_not_take_every_answer(api: Api, asked: Exchange, kind: Any) -> None:
    body = {"type": kind, "data": {"content": "x", "choices": []}}
    ((where, _),) = await api.wrong("POST", callback(asked), body)
    assert where == "type"
    assert await api.wrong("POST", callback(asked), {"type": MESSAGE}) == {("data", "BASE_TYPE_REQUIRED")}
    wrong = {"type": MESSAGE, "data": {"content": "x" * 2001}}
    assert await api.wrong("POST", callback(asked), wrong) == {("data.content", "BASE_TYPE_MAX_LENGTH")}
    assert not asked.kind, "a refused answer is none"


async def test_private_is_decided_by_the_first_answer(fake: FakeDiscord, api: Api, asked: Exchange) -> None:
    general = fake.guild.channel("general")
    await api("POST", callback(asked), {"type": DEFER, "data": {"flags": EPHEMERAL}})
    assert asked.messages[0].loading and asked.shown == []
    await api("POST", webhook(fake, asked), {"content": "hello"})
    assert [(each.text, each.ephemeral) for each in asked.messages] == [("hello", True)]
    open_one = await fake.command(asked.interaction.person, general, "rejected")
    await api("POST", callback(open_one), {"type": DEFER})
    path = webhook(fake, open_one) + "/messages/@original"
    await api("PATCH", path, {"content": "hello", "flags": EPHEMERAL})
    (seen,) = fake.messages(general)
    assert (seen.text, seen.ephemeral) == ("hello", False)
    status, follow = await api("POST", webhook(fake, open_one), {"content": "psst", "flags": EPHEMERAL})
    assert status == 200 and follow["flags"] & EPHEMERAL
    assert await api.code("GET", f"/channels/{general.id}/messages/{follow['id']}") == 10008
    assert [each.text for each in open_one.messages] == ["hello", "psst"]


@pytest.mark.parametrize("direct", [False, True])
async def test_the_bot_hears_its_own_private_answers_as_direct_messages(
    fake: FakeDiscord, api: Api, direct: bool
) -> None:
    """Docs: "sent directly to the user and the bot …, and the message object won't include guild_id"."""
    ada = fake.person("ada")
    if direct:
        await fake.say(ada, None, "Hello?")
    where = ada.dm if direct else fake.guild.channel("general")
    assert where is not None
    asked = await fake.command(ada, where, "rejected")
    hello = {"type": MESSAGE, "data": {"content": "hello", "flags": EPHEMERAL}}
    with fake.listening() as events:
        await api("POST", callback(asked), hello)
        path = webhook(fake, asked) + "/messages/@original"
        await api("PATCH", path, {"content": "hello again"})
        await api("DELETE", path)
    assert [name for name, _ in events] == ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"]
    told = [data for _, data in events]
    assert [each.get("content") for each in told] == ["hello", "hello again", None]
    assert all(each["channel_id"] == str(where.id) for each in told)
    assert not any({"guild_id", "member"} & set(each) for each in told)
    assert all(each["author"]["bot"] and each["flags"] & EPHEMERAL for each in told[:2])


@pytest.mark.parametrize(
    ("shard", "intents", "hears"),
    [(0, DIRECT_MESSAGES, True), (0, GUILD_MESSAGES, False), (1, DIRECT_MESSAGES | GUILD_MESSAGES, False)],
)
async def test_private_answers_are_told_to_shard_0_if_it_asks_for_direct_messages(
    api: Api, asked: Exchange, shard: int, intents: int, hears: bool
) -> None:
    """Docs: what names no server goes to shard 0 alone; issue 4557 of discord-api-docs has the intent."""
    session = api.fake.gateway.sessions["s"] = Session("s", shard, 2, intents)
    await api("POST", callback(asked), {"type": DEFER, "data": {"flags": EPHEMERAL}})
    assert bool(session.sent) is hears


async def test_the_token_lives_fifteen_minutes(
    fake: FakeDiscord, api: Api, asked: Exchange, clock: FakeClock
) -> None:
    await api("POST", callback(asked), {"type": DEFER})
    path = webhook(fake, asked) + "/messages/@original"
    await clock.advance(timedelta(minutes=14))
    assert await api.code("PATCH", path, {"content": "still there"}) == 0
    assert await api.code("GET", path) == 0
    assert await api.code("DELETE", path) == 0
    assert await api.code("PATCH", path, {"content": "x"}) == 10008
    await clock.advance(timedelta(minutes=2))
    assert await api("POST", webhook(fake, asked), {"content": "x"}) == (
        401,
        {"message": "Invalid Webhook Token", "code": 50027},
    )


async def test_a_button_and_a_form_on_it(fake: FakeDiscord, api: Api, asked: Exchange) -> None:
    ada = asked.interaction.person
    button = {"type": 2, "style": 1, "label": "More", "custom_id": "more"}
    data = {"flags": EPHEMERAL | 1 << 15, "components": [{"type": 1, "components": [button]}]}
    await api("POST", callback(asked), {"type": MESSAGE, "data": data})
    message = await asked.reply()
    with pytest.raises(NotPossible):
        await fake.press(fake.person("bob"), message, "more")
    with pytest.raises(NotPossible):
        await fake.press(ada, message, "less")
    pressed = await fake.press(ada, message, "more")
    assert await api.code("POST", callback(pressed), form(label(TEXT))) == 0
    submitted = await fake.submit(pressed, {"t": "words"})
    assert await api.wrong("POST", callback(submitted), form(label(TEXT))) == {("type", "BASE_TYPE_CHOICES")}
    changed = {"components": [{"type": 10, "content": "Done"}]}
    assert await api.code("POST", callback(submitted), {"type": UPDATE, "data": changed}) == 0
    assert message.text == "Done" and message.buttons == []
    with pytest.raises(NotPossible):
        await fake.press(ada, message, "more")


async def test_a_form_cannot_follow_a_deferral(fake: FakeDiscord, api: Api, asked: Exchange) -> None:
    await api("POST", callback(asked), {"type": DEFER})
    assert await api.code("POST", callback(asked), form(label(TEXT))) == 40060


async def test_suggestions(fake: FakeDiscord, api: Api) -> None:
    option = {"type": 3, "name": "zone", "description": "Time zone", "autocomplete": True}
    await api.register(COMMAND | {"options": [option]})
    typed = await fake.autocomplete(fake.person("ada"), None, "rejected", "zone", "Ber")
    assert typed.interaction.channel.guild is None
    choices = [{"name": "Berlin", "value": "Europe/Berlin"}]
    assert await api.wrong("POST", callback(typed), {"type": MESSAGE, "data": {"content": "x"}})
    many = {"type": CHOICES, "data": {"choices": choices * 26}}
    assert await api.wrong("POST", callback(typed), many) == {("data.choices", "BASE_TYPE_MAX_LENGTH")}
    long = {"type": CHOICES, "data": {"choices": [{"name": "x" * 101, "value": "v"}]}}
    assert await api.wrong("POST", callback(typed), long) == {("data.choices.0.name", "BASE_TYPE_MAX_LENGTH")}
    assert await api.code("POST", callback(typed), {"type": CHOICES, "data": {"choices": choices}}) == 0
    assert await typed.choose() == choices


# --- forms ---------------------------------------------------------------------------------------

WRONG_FORMS: list[tuple[Any, str, str]] = [
    (form(label(TEXT), title=""), "title", "BASE_TYPE_REQUIRED"),
    (form(label(TEXT), title="x" * 46), "title", "BASE_TYPE_MAX_LENGTH"),
    (form(label(TEXT), custom_id="x" * 101), "custom_id", "BASE_TYPE_MAX_LENGTH"),
    (form(), "components", "BASE_TYPE_BAD_LENGTH"),
    (form(*[{"type": 10, "content": "x"}] * 6), "components", "BASE_TYPE_BAD_LENGTH"),
    (form(TEXT), "components.0.type", "UNION_TYPE_CHOICES"),
    (form(label(TEXT, label="x" * 46)), "components.0.label", "BASE_TYPE_MAX_LENGTH"),
    (form(label(TEXT, description="x" * 101)), "components.0.description", "BASE_TYPE_MAX_LENGTH"),
    (form(label(None)), "components.0.component", "BASE_TYPE_REQUIRED"),
    (
        form(label({"type": 2, "style": 1, "label": "x", "custom_id": "b"})),
        "components.0.component.type",
        "UNION_TYPE_CHOICES",
    ),
    (
        form(label(TEXT), label(TEXT)),
        "components.1.component.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    (form(label(TEXT | {"style": 3})), "components.0.component.style", "BASE_TYPE_CHOICES"),
    (form(label(TEXT | {"max_length": 4001})), "components.0.component.max_length", "NUMBER_TYPE_MAX"),
    (form(label(TEXT | {"max_length": 0})), "components.0.component.max_length", "NUMBER_TYPE_MIN"),
    (
        form(label(TEXT | {"min_length": 9, "max_length": 5})),
        "components.0.component.min_length",
        "TEXT_INPUT_MIN_LENGTH_TOO_LARGE",
    ),
    (
        form(label(TEXT | {"max_length": 5, "value": "too long"})),
        "components.0.component.value",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        form(label(TEXT | {"placeholder": "x" * 101})),
        "components.0.component.placeholder",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (form(label(TEXT | {"label": "x"})), "components.0.component.label", "COMPONENT_LABEL_NOT_ALLOWED"),
    (
        form({"type": 1, "components": [TEXT]}),
        "components.0.components.0.label",
        "BASE_TYPE_REQUIRED",
    ),
    (form(label(RADIO | {"options": options(1)})), "components.0.component.options", "BASE_TYPE_BAD_LENGTH"),
    (form(label(RADIO | {"options": options(11)})), "components.0.component.options", "BASE_TYPE_BAD_LENGTH"),
    (
        form(label({"type": 22, "custom_id": "c", "options": options(2), "min_values": 0})),
        "components.0.component.min_values",
        "COMPONENT_REQUIRED_MIN_VALUES",
    ),
    (
        form(label({"type": 19, "custom_id": "u", "max_values": 11})),
        "components.0.component.max_values",
        "NUMBER_TYPE_MAX",
    ),
    (
        form(label({"type": 5, "custom_id": "u", "disabled": True})),
        "components.0.component.disabled",
        "MODAL_COMPONENT_DISABLED",
    ),
]


@pytest.mark.parametrize(("body", "where", "code"), WRONG_FORMS)
async def test_a_wrong_form(api: Api, asked: Exchange, body: Any, where: str, code: str) -> None:
    assert await api.wrong("POST", callback(asked), body) == {(f"data.{where}", code)}


async def test_every_kind_of_field_comes_back(fake: FakeDiscord, api: Api, asked: Exchange) -> None:
    ada, role = asked.interaction.person, fake.role("helpers")
    fields = [
        label({"type": 5, "custom_id": "who"}),
        label({"type": 8, "custom_id": "where", "channel_types": [0]}),
        label({"type": 6, "custom_id": "role", "required": False}),
        label({"type": 22, "custom_id": "days", "options": options(3), "required": False}),
        label({"type": 19, "custom_id": "file", "required": False}),
    ]
    await api("POST", callback(asked), form(*fields))
    modal = await asked.modal()
    with pytest.raises(NotPossible, match="who takes 1 to 1"):
        await fake.submit(modal, {"where": fake.guild.channel("general")})
    with pytest.raises(NotPossible, match="has no nothing"):
        await fake.submit(modal, {"nothing": "x"})
    values: Any = {
        "who": ada,
        "where": fake.guild.channel("general"),
        "role": str(role.id),
        "days": ["o0", "o2"],
    }
    with fake.listening() as events:
        await fake.submit(modal, values | {"file": ("cv.pdf", b"%PDF")})
    ((name, event),) = events
    assert name == "INTERACTION_CREATE"
    data = event["data"]
    assert [each["component"]["custom_id"] for each in data["components"]] == list(modal.fields)
    assert data["components"][3]["component"]["values"] == ["o0", "o2"]
    assert set(data["resolved"]) == {"users", "members", "channels", "roles", "attachments"}
    assert len({each["id"] for each in data["components"]}) == 5


# --- commands ------------------------------------------------------------------------------------

STRING = {"type": 3, "name": "a", "description": "A"}

WRONG_COMMANDS: list[tuple[Any, str, str]] = [
    ({"name": "Rejected"}, "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    ({"name": "a b"}, "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    ({"name": "x" * 33}, "0.name", "BASE_TYPE_MAX_LENGTH"),
    ({"description": ""}, "0.description", "BASE_TYPE_REQUIRED"),
    ({"description": "x" * 101}, "0.description", "BASE_TYPE_MAX_LENGTH"),
    ({"options": [STRING | {"name": f"o{n}"} for n in range(26)]}, "0.options", "BASE_TYPE_MAX_LENGTH"),
    ({"options": [STRING, STRING]}, "0.options.1", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"),
    (
        {"options": [STRING, STRING | {"name": "b", "required": True}]},
        "0.options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    (
        {"options": [STRING | {"choices": [{"name": f"c{n}", "value": "v"} for n in range(26)]}]},
        "0.options.0.choices",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"options": [STRING | {"choices": [{"name": "c", "value": "v"}], "autocomplete": True}]},
        "0.options.0.autocomplete",
        "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
    ),
    ({"contexts": [3]}, "0.contexts.0", "BASE_TYPE_CHOICES"),
    ({"contexts": []}, "0.contexts", "BASE_TYPE_MIN_LENGTH"),
    ({"integration_types": [2]}, "0.integration_types.0", "BASE_TYPE_CHOICES"),
    ({"name_localizations": {"xx": "y"}}, "0.name_localizations.xx", "BASE_TYPE_CHOICES"),
    ({"name_localizations": {"de": "Y"}}, "0.name_localizations.de", "APPLICATION_COMMAND_INVALID_NAME"),
    ({"description_localizations": {"de": ""}}, "0.description_localizations.de", "BASE_TYPE_REQUIRED"),
]


@pytest.mark.parametrize(("other", "where", "code"), WRONG_COMMANDS)
async def test_a_wrong_command(fake: FakeDiscord, api: Api, other: Any, where: str, code: str) -> None:
    body = [COMMAND | other]
    path = f"/applications/{fake.app_id}/commands"
    assert await api.wrong("PUT", path, body) == {(where, code)}


async def test_commands_are_replaced_and_keep_their_ids(fake: FakeDiscord, api: Api) -> None:
    path = f"/applications/{fake.app_id}/commands"
    _, (before,) = await api("GET", path)
    _, after = await api("PUT", path, [COMMAND | {"description": "New"}, COMMAND | {"name": "wins"}])
    assert after[0]["id"] == before["id"] and after[0]["version"] != before["version"]
    assert await api.wrong("PUT", path, [COMMAND, COMMAND]) == {
        (("1.name"), "APPLICATION_COMMANDS_DUPLICATE_NAME")
    }
    local = f"/applications/{fake.app_id}/guilds/{fake.guild.id}/commands"
    _, (mine,) = await api("PUT", local, [COMMAND])
    assert mine["guild_id"] == str(fake.guild.id)
    assert await api.code("DELETE", f"{path}/{before['id']}") == 0
    assert await api.code("GET", f"{path}/{before['id']}") == 10063
    assert await api.code("PUT", "/applications/5/commands", []) == 10002


async def test_a_command_shows_where_it_may_be_used(fake: FakeDiscord, api: Api) -> None:
    ada = fake.person("ada")
    manager = fake.person("max", roles=[fake.role("managers", permissions=Permit.MANAGE_GUILD)])
    setup = {"name": "setup", "description": "Set up", "contexts": [0]}
    choices = [{"name": "One", "value": "one"}]
    asking = COMMAND | {"options": [STRING | {"required": True, "choices": choices}]}
    await api.register(setup | {"default_member_permissions": str(int(Permit.MANAGE_GUILD))}, asking)
    for person, where, name, values in (
        (manager, None, "setup", {}),
        (ada, fake.guild, "setup", {}),
        (ada, fake.guild, "rejected", {}),
        (ada, fake.guild, "rejected", {"a": "two"}),
        (ada, fake.guild, "rejected", {"a": "one", "b": "x"}),
        (fake.person("eve", joins=False), fake.guild, "rejected", {"a": "one"}),
    ):
        with pytest.raises(NotPossible):
            await fake.command(person, where, name, values)
    assert await fake.command(manager, fake.guild, "setup")
    assert await fake.command(ada, None, "rejected", {"a": "one"})


# --- threads -------------------------------------------------------------------------------------


async def test_threads_and_their_archive(fake: FakeDiscord, api: Api, clock: FakeClock) -> None:
    general = fake.guild.channel("general")
    posts = f"/channels/{general.id}/messages"
    _, post = await api("POST", posts, {"content": "x"})
    start = f"{posts}/{post['id']}/threads"
    assert await api.wrong("POST", start, {"name": ""}) == {("name", "BASE_TYPE_REQUIRED")}
    assert await api.wrong("POST", start, {"name": "n", "auto_archive_duration": 61}) == {
        ("auto_archive_duration", "BASE_TYPE_CHOICES")
    }
    status, thread = await api("POST", start, {"name": "n", "auto_archive_duration": 1440})
    assert (status, thread["id"]) == (201, post["id"])
    assert await api.code("POST", start, {"name": "n"}) == 160004
    place, inside = f"/channels/{thread['id']}", f"/channels/{thread['id']}/messages"
    _, said = await api("POST", inside, {"content": "x"})
    fake.allow_bot(fake.guild.bot_role().permissions & ~Permit.MANAGE_THREADS)
    await clock.advance(timedelta(days=1))
    assert (await api("GET", place))[1]["thread_metadata"]["archived"] is True
    assert await api.code("PATCH", f"{inside}/{said['id']}", {"content": "y"}) == 50083
    assert await api.code("PATCH", place, {"name": "m"}) == 50083
    assert await api.code("PATCH", place, {"archived": False, "name": "m"}) == 0
    (seen,) = fake.threads(general)
    fake.archive(seen)
    assert await api.code("POST", inside, {"content": "opens it"}) == 0
    assert not seen.archived(fake.now())
    fake.archive(seen, locked=True)
    assert await api.code("POST", inside, {"content": "locked"}) == 160005
    assert await api.code("PATCH", place, {"archived": False}) == 160005
    assert await api.code("PATCH", place, {"locked": False}) == 50013


async def test_forum_posts(fake: FakeDiscord, api: Api) -> None:
    forum = fake.forum("support", tags=["interview", "offer"], require_tag=True)
    path = f"/channels/{forum.id}/threads"
    tag = str(forum.tags[0].id)
    body = {"name": "Somebody got a no", "message": {"content": "x"}}
    assert await api.code("POST", f"/channels/{forum.id}/messages", {"content": "x"}) == 40058
    assert await api.wrong("POST", path, {"name": "n"}) == {("message", "BASE_TYPE_REQUIRED")}
    assert await api.code("POST", path, body) == 40067
    assert await api.wrong("POST", path, body | {"applied_tags": ["5"]}) == {
        ("applied_tags.0", "APPLIED_TAGS_UNKNOWN")
    }
    wrong = body | {"applied_tags": [tag], "message": {"content": "x" * 2001}}
    assert await api.wrong("POST", path, wrong) == {("message.content", "BASE_TYPE_MAX_LENGTH")}
    assert fake.threads(forum) == [], "a refused post leaves nothing"
    status, post = await api("POST", path, body | {"applied_tags": [tag]})
    assert (status, post["applied_tags"], post["message"]["id"]) == (201, [tag], post["id"])
    fake.forbid(forum, Permit.SEND_MESSAGES)
    assert await api.code("POST", path, body | {"applied_tags": [tag]}) == 50013


async def test_private_rooms(fake: FakeDiscord, api: Api) -> None:
    general, ada, bob = fake.guild.channel("general"), fake.person("ada"), fake.person("bob")
    eve = fake.person("eve", joins=False)
    path = f"/channels/{general.id}/threads"
    _, room = await api("POST", path, {"name": "room", "type": 12, "invitable": False})
    members = f"/channels/{room['id']}/thread-members"
    assert await api.code("PUT", f"{members}/{ada.id}") == 0
    assert await api.code("PUT", f"{members}/{eve.id}") == 50001
    assert await api.code("PUT", f"{members}/5") == 10013
    (place,) = fake.threads(general)
    assert set(place.state.members) == {fake.bot.id, ada.id}
    with pytest.raises(NotPossible):
        await fake.say(bob, place, "may I?")
    await fake.say(ada, place, "hello")
    assert await api.code("GET", f"{members}/{bob.id}") == 10007
    assert await api.code("GET", members) == 50001, "the list needs a privileged intent"
    assert await api.code("DELETE", f"{members}/{ada.id}") == 0
    _, active = await api("GET", f"/guilds/{fake.guild.id}/threads/active")
    assert [each["id"] for each in active["threads"]] == [room["id"]]
    fake.allow_bot(fake.guild.bot_role().permissions & ~Permit.MANAGE_THREADS)
    fake.leave_thread(place, fake.bot)
    assert await api.code("POST", f"/channels/{room['id']}/messages", {"content": "x"}) == 50001
    fake.delete_channel(general)
    assert await api.code("GET", f"/channels/{room['id']}") == 10003

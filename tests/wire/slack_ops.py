"""What another process may have a fake Slack do: each function is one ``POST /_fake/NAME`` with an object."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.wire.slack_exchange import Exchange
from tests.wire.slack_model import Json, Message, View
from tests.wire.slack_shapes import read, view
from tests.wire.slack_telling import (
    op,
    shown,
    the_channel,
    the_exchange,
    the_message,
    the_person,
    the_where,
    the_workspace,
    told,
)
from tests.wire.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack

# --- the place -----------------------------------------------------------------------------------


@op
async def info(fake: FakeSlack, body: Json) -> Json:
    """Where it is, and how it is doing."""
    statuses = Counter(each.status for each in fake.requests)
    return {
        "api_base": fake.api_base,
        "authorize_url": fake.authorize_url,
        "app_token": fake.app_token,
        "bot_token": fake.bot_token,
        "signing_secret": fake.signing_secret,
        "client_id": fake.client_id,
        "client_secret": fake.client_secret,
        "app_id": fake.app_id,
        "workspace": fake.workspace.id,
        "workspaces": {each.id: each.token for each in fake.workspaces.values()},
        "general": fake.workspace.channel("general").id,
        "now": fake.now().isoformat(),
        "connections": len(fake.sockets.connected()),
        "pending": fake.sockets.pending() + fake.posts.waiting,
        "delivered": asdict(fake.sockets.counts),
        "asked": fake.limits.asked,
        "refused": fake.limits.refused,
        "refused_methods": fake.limits.refused_methods,
        "faults_met": fake.faults.met,
        "response_urls": {"used": fake.hooks.uses, "refused": fake.hooks.refused},
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


@op
async def add_workspace(fake: FakeSlack, body: Json) -> Json:
    """A workspace called ``name``, ``installed`` or not."""
    made = fake.add_workspace(body["name"], installed=bool(body.get("installed", True)))
    return {"workspace": made.id, "token": made.token, "general": made.channel("general").id}


@op
async def channel(fake: FakeSlack, body: Json) -> str:
    """A channel called ``name``; ``kind``, ``bot`` (a member) and ``members`` as in ``FakeSlack.channel``."""
    kind, workspace = body.get("kind", "public"), the_workspace(fake, body)
    made = fake.channel(body["name"], kind, bot=bool(body.get("bot", True)), workspace=workspace)
    made.members.update(body.get("members", ()))
    return made.id


@op
async def people(fake: FakeSlack, body: Json) -> list[str]:
    """New people called as in ``names``, or ``count`` of them; ``flags`` are fields of ``Person``."""
    names = body.get("names") or [f"person{number}" for number in range(body["count"])]
    options: Json = {name: body[name] for name in ("zone", "locale") if name in body}
    options |= body.get("flags", {}) | {"workspace": the_workspace(fake, body)}
    return [fake.person(name, name.capitalize(), **options).id for name in names]


@op
async def change_person(fake: FakeSlack, body: Json) -> None:
    """Change fields of ``person``: ``flags``."""
    for name, value in body["flags"].items():
        assert hasattr(the_person(fake, body), name), name
        setattr(the_person(fake, body), name, value)


@op
async def change_channel(fake: FakeSlack, body: Json) -> None:
    """Change fields of ``channel``: ``flags`` (archived, deleted, read_only)."""
    for name, value in body["flags"].items():
        assert name in ("archived", "deleted", "read_only"), name
        setattr(the_channel(fake, body), name, value)


@op
async def manifest(fake: FakeSlack, body: Json) -> None:
    """Register the app as ``manifest`` says."""
    fake.use_manifest(body["manifest"])


@op
async def messages(fake: FakeSlack, body: Json) -> list[Json]:
    """What stands in a ``channel``, or one ``thread`` of it."""
    return [shown(each) for each in fake.messages(the_channel(fake, body), body.get("thread", ""))]


@op
async def dms(fake: FakeSlack, body: Json) -> list[Json]:
    """What ``person`` got directly from the app."""
    return [shown(each) for each in fake.dms(the_person(fake, body))]


@op
async def ephemerals(fake: FakeSlack, body: Json) -> list[Json]:
    """What only ``person`` sees."""
    return [shown(each) for each in fake.ephemerals(the_person(fake, body))]


@op
async def home(fake: FakeSlack, body: Json) -> Json:
    """The App Home of ``person``, and how often it was published."""
    person = the_person(fake, body)
    found = view(fake.home_of(person), fake.home(person), fake.app_id)
    return {"view": found, "words": read(fake.home(person)), "versions": person.home_versions}


@op
async def count(fake: FakeSlack, body: Json) -> Json:
    """How many messages of the app there are, by kind of conversation; replies in threads apart."""
    counts: Counter[str] = Counter()
    for workspace in fake.workspaces.values():
        for each in workspace.conversations.values():
            mine = [one for one in each.messages.values() if one.user == workspace.bot.id and not one.deleted]
            counts["threads"] += sum(bool(one.thread) for one in mine)
            counts[each.kind] += sum(not one.thread for one in mine)
        counts["ephemerals"] += sum(len(each.private) for each in workspace.people.values())
        counts["homes"] += sum(each.home_versions for each in workspace.people.values())
    return dict(counts)


@op
async def keys(fake: FakeSlack, body: Json) -> Json:
    """How often each key in the metadata of the app's messages is there: ``name`` in event_payload."""
    name, counts = body.get("name", "key"), Counter[str]()
    for workspace in fake.workspaces.values():
        for each in workspace.conversations.values():
            for one in each.messages.values():
                if not one.deleted and one.metadata and name in one.metadata["event_payload"]:
                    counts[str(one.metadata["event_payload"][name])] += 1
    return dict(counts)


# --- what people do ------------------------------------------------------------------------------


@op
async def command(fake: FakeSlack, body: Json) -> Json:
    """``person`` types ``name`` and ``text`` in a ``channel``, or to the app."""
    where, text = the_where(fake, body), body.get("text", "")
    return told(await fake.command(the_person(fake, body), where, body["name"], text))


@op
async def press(fake: FakeSlack, body: Json) -> Json:
    """``person`` presses ``action_id`` (chooses ``value``) on ``message``, on ``home`` or on their modal."""
    person = the_person(fake, body)
    on: Message | View
    if body.get("home"):
        on = fake.home(person)
    else:
        on = the_message(fake, body) if body.get("message") else fake.hands.top(person)
    return told(await fake.press(person, on, body["action_id"], body.get("value")))


@op
async def submit(fake: FakeSlack, body: Json) -> Json:
    """``person`` hands in the modal on top of their screen, with ``values``."""
    return told(await fake.submit(the_person(fake, body), body.get("values")))


@op
async def close(fake: FakeSlack, body: Json) -> Json | None:
    """``person`` closes it."""
    exchange = await fake.close(the_person(fake, body), every=bool(body.get("every")))
    return told(exchange) if exchange else None


@op
async def shortcut(fake: FakeSlack, body: Json) -> Json:
    """``person`` uses the shortcut ``callback_id``, that of ``message`` if one is named."""
    person, name = the_person(fake, body), body["callback_id"]
    if body.get("message"):
        return told(await fake.message_shortcut(person, the_message(fake, body), name))
    return told(await fake.shortcut(person, name))


@op
async def open_home(fake: FakeSlack, body: Json) -> Json:
    """``person`` opens the app's ``tab``."""
    return told(await fake.open_home(the_person(fake, body), body.get("tab", "home")))


@op
async def say(fake: FakeSlack, body: Json) -> Json:
    """``person`` writes ``text`` in a ``channel`` (``thread``), or to the app."""
    where, thread = the_where(fake, body), body.get("thread", "")
    said = await fake.say(the_person(fake, body), where, body["text"], thread)
    return shown(said) | said.raw


@op
async def exchange(fake: FakeSlack, body: Json) -> Json:
    """What there is of an exchange, after ``wait`` (acked, settled, outcome, view, …) if given."""
    found = the_exchange(fake, body)
    if wait := body.get("wait"):
        assert wait in ("acked", "settled", "outcome", "view", "reply", "edit", "home"), wait
        await getattr(found, wait)(patience=float(body.get("patience", PATIENCE)))
    return told(found)


@op
async def burst(fake: FakeSlack, body: Json) -> Json:
    """``people`` type ``name``, or press ``action_id`` on their App Home, all at once or ``one_by_one``.

    Real seconds until each is acknowledged (``acks``) and, with ``views``, until its modal is there.
    """
    where, patience, sent = the_where(fake, body), float(body.get("patience", PATIENCE)), list[Exchange]()
    wants_views = bool(body.get("views"))

    async def wait(each: Exchange) -> None:
        await each.acked(patience)
        if wants_views:
            await each.view(patience)

    for id in body["people"]:
        person = fake.someone(id)
        if body.get("action_id"):
            sent.append(await fake.press(person, fake.home(person), body["action_id"]))
        else:
            sent.append(await fake.command(person, where, body["name"], body.get("text", "")))
        if body.get("one_by_one"):
            await wait(sent[-1])
    for each in sent:
        await wait(each)
    views = [each.viewed - each.sent for each in sent if each.viewed]
    return {"acks": [each.latency for each in sent], "views": views}


@op
async def uninstall(fake: FakeSlack, body: Json) -> None:
    """The app is removed from ``workspace`` (``revoke``: only its token is revoked)."""
    await (fake.revoke if body.get("revoke") else fake.uninstall)(the_workspace(fake, body))

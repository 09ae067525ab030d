"""Answering interactions: callbacks, and the webhook after them (docs: receiving-and-responding).

An interaction wants its first answer within 3 seconds and takes only one; after that its token is
good for 15 minutes of follow-ups. Both are measured on the fake's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import EPHEMERAL, LOADING, Json, Permit
from tests.wire.discord_errors import Problems, refusal, snowflake
from tests.wire.discord_modals import Modal
from tests.wire.discord_model import Channel, Message, Person
from tests.wire.discord_rest import Call, Reply, Routes

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord
    from tests.wire.discord_exchange import Exchange

routes = Routes()

ACK_WITHIN = timedelta(seconds=3)
TOKEN_LIVES = timedelta(minutes=15)

COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 2, 3, 4, 5
PONG, MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 5, 6, 7, 8, 9

ALLOWED: dict[int, tuple[int, ...]] = {
    COMMAND: (MESSAGE, DEFER, MODAL),
    COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    SUBMIT: (MESSAGE, DEFER),
}
"""Which answers a kind of interaction takes; a modal on a message also takes those of the message."""


@dataclass(eq=False)
class Interaction:
    """One interaction, as Discord keeps it. ``source`` is the message that its component sits on."""

    fake: FakeDiscord
    id: int
    token: str
    kind: int
    person: Person
    channel: Channel
    at: datetime
    metadata: Json
    exchange: Exchange
    source: Message | None = None
    acked: int = 0  # the callback's type; 0 before
    original: Message | None = None
    messages: dict[int, Message] = field(default_factory=dict[int, Message])

    @property
    def allowed(self) -> tuple[int, ...]:
        """The callback types it takes."""
        types = ALLOWED[self.kind]
        if self.kind == SUBMIT and self.source is not None:
            return (*types, DEFER_UPDATE, UPDATE)
        return types


@routes("POST", "/interactions/{interaction}/{token}/callback", open=True)
def callback(call: Call) -> Reply | None:
    fake = call.fake
    interaction = fake.interactions.get(call.id("interaction"))
    if interaction is None:
        raise refusal(10062)
    if call.params["token"] != interaction.token:
        raise refusal(50027)
    if interaction.acked:
        raise refusal(40060)
    if fake.now() - interaction.at > ACK_WITHIN:
        raise refusal(10062)
    problems, data = Problems(), call.object
    kind = data.get("type")
    problems.choice(kind, ("type",), interaction.allowed, needed=True)
    body: Any = data.get("data")
    if body is not None:
        problems.object(body, ("data",))
    elif kind in (MESSAGE, UPDATE, MODAL, CHOICES):
        problems.required(("data",))
    problems.check()
    assert isinstance(kind, int)
    modal, choices = _answer(call, interaction, kind, body or {})
    interaction.acked = kind
    interaction.exchange.acknowledged(kind, modal=modal, choices=choices)
    fake.wake()
    if not call.query_flag("with_response"):
        return None
    return Reply(200, _receipt(call, interaction))


def _answer(call: Call, interaction: Interaction, kind: int, data: Json) -> tuple[Json | None, list[Json]]:
    """Do what the callback says; a modal or choices are handed back."""
    fake = call.fake
    match kind:
        case 4 | 5:
            loading = LOADING if kind == DEFER else 0
            if loading:
                data = {"flags": data.get("flags")}
            interaction.original = _say(call, interaction, data, loading=loading, problems=Problems("data"))
        case 6 | 7:
            source = interaction.source
            assert source is not None
            if source.deleted:
                raise refusal(10008)
            interaction.original = source
            if kind == UPDATE:
                fake.desk.edit(source, data, call.uploads, problems=Problems("data"))
                interaction.exchange.changed(source)
        case 8:
            return None, _choices(data)
        case 9:
            problems = Problems("data")
            Modal(problems, set()).check(data)
            problems.check()
            return data, []
    return None, []


def _choices(data: Json) -> list[Json]:
    problems = Problems("data")
    choices = problems.array(data.get("choices"), ("choices",), 25, needed=True)
    for at, each in enumerate(choices):
        if (choice := problems.object(each, ("choices", at))) is None:
            continue
        problems.text(choice.get("name"), ("choices", at, "name"), 100, least=1, needed=True)
        if isinstance(choice.get("value"), str):
            problems.text(choice["value"], ("choices", at, "value"), 100, least=1, needed=True)
        elif not isinstance(choice.get("value"), int | float):
            problems.required(("choices", at, "value"))
    problems.check()
    return choices


def _say(
    call: Call, interaction: Interaction, data: Json, *, loading: int = 0, problems: Problems | None = None
) -> Message:
    """A message of an interaction: to everybody, or ephemeral."""
    fake, flags = call.fake, data.get("flags")
    hidden = EPHEMERAL if isinstance(flags, int) and flags & EPHEMERAL else 0
    message = fake.desk.compose(
        interaction.channel,
        fake.bot,
        data,
        call.uploads,
        problems=problems,
        kind=20 if interaction.kind == COMMAND else 19 if interaction.source else 0,
        extra=hidden | loading,
        only_for=interaction.person if hidden else None,
        interaction=interaction.metadata,
        may=interaction.channel.permissions(fake.bot.id) | Permit.EMBED_LINKS,
    )
    fake.desk.keep(message)
    interaction.messages[message.id] = message
    interaction.exchange.said(message)
    return message


def _receipt(call: Call, interaction: Interaction) -> Json:
    """What ``with_response`` gives back: the interaction, and the message if there is one."""
    now, message = call.fake.now(), interaction.original
    out: Json = {
        "id": str(interaction.id),
        "type": interaction.kind,
        "channel_id": str(interaction.channel.id),
    }
    resource: Json = {"type": interaction.acked}
    if interaction.channel.guild is not None:
        out["guild_id"] = str(interaction.channel.guild.id)
    if message is not None and interaction.acked != DEFER_UPDATE:
        out["response_message_id"] = str(message.id)
        out["response_message_loading"] = message.loading
        out["response_message_ephemeral"] = message.ephemeral
        if interaction.acked in (MESSAGE, UPDATE):
            resource["message"] = message.json(now)
    return {"interaction": out, "resource": resource}


# --- the webhook of an interaction ---------------------------------------------------------------


def _of_token(call: Call) -> Interaction:
    """The interaction of a webhook path; refused with 10015 before the first answer, 50027 when too old."""
    fake = call.fake
    interaction = fake.tokens.get(call.params["token"])
    if call.id("webhook") != fake.app_id or interaction is None or not interaction.acked:
        raise refusal(10015)
    if fake.now() - interaction.at > TOKEN_LIVES:
        raise refusal(50027)
    return interaction


def _message(call: Call, interaction: Interaction) -> Message:
    named = call.params.get("message", "@original")
    if named == "@original":
        message = interaction.original
    else:
        id = snowflake(named) or 0
        message = interaction.messages.get(id)
        if message is None and interaction.original is not None and interaction.original.id == id:
            message = interaction.original
    if message is None or message.deleted:
        raise refusal(10008)
    return message


@routes("POST", "/webhooks/{webhook}/{token}", open=True)
def follow_up(call: Call) -> Reply | None:
    interaction, data = _of_token(call), call.object
    if interaction.acked == CHOICES:
        raise refusal(10015)
    original = interaction.original
    if original is not None and original.loading and not original.deleted:
        _edit(
            call, interaction, original, data
        )  # docs: the first follow-up of a deferred answer is that answer
        message = original
    else:
        message = _say(call, interaction, data)
    return Reply(200, message.json(call.fake.now()))


def _edit(call: Call, interaction: Interaction, message: Message, data: Json) -> None:
    call.fake.desk.edit(message, data, call.uploads)
    interaction.exchange.changed(message)


@routes("GET", "/webhooks/{webhook}/{token}/messages/@original", open=True)
@routes("GET", "/webhooks/{webhook}/{token}/messages/{message}", open=True)
def get_answer(call: Call) -> Json:
    return _message(call, _of_token(call)).json(call.fake.now())


@routes("PATCH", "/webhooks/{webhook}/{token}/messages/@original", open=True)
@routes("PATCH", "/webhooks/{webhook}/{token}/messages/{message}", open=True)
def edit_answer(call: Call) -> Json:
    interaction = _of_token(call)
    message = _message(call, interaction)
    _edit(call, interaction, message, call.object)
    return message.json(call.fake.now())


@routes("DELETE", "/webhooks/{webhook}/{token}/messages/@original", open=True)
@routes("DELETE", "/webhooks/{webhook}/{token}/messages/{message}", open=True)
def delete_answer(call: Call) -> None:
    interaction = _of_token(call)
    message = _message(call, interaction)
    call.fake.desk.delete(message)
    interaction.exchange.changed(message)

"""/setup: where things are said, what people start from, and each permission that still lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, Message, Place
from bot.cog import Cog, Community, Ctx, Nudge, Plan, State, Verb, dump
from bot.errors import ChatError, Gone, Misconfigured, Refused, Undeliverable
from bot.storage.engine import insert_into
from bot.storage.rejections import Sign
from bot.storage.schema import communities
from bot.ui import (
    Audience,
    Button,
    Card,
    Choice,
    Fact,
    Field,
    Form,
    Jump,
    Kind,
    Style,
    Text,
    Tone,
    choices,
    join,
)

cog = Cog("setup", audience=Audience.ORGANISERS)

PLACES = ("support", "wins", "moderation")
THREADS = ("support", "wins")  # where posts get a thread of their own
ON, OFF = "on", "off"
FORM = Form(
    "setup.edit",
    (
        Field("support", kind=Kind.CHANNEL, limit=64),
        Field("wins", kind=Kind.CHANNEL, optional=True, limit=64),
        Field("moderation", kind=Kind.CHANNEL, optional=True, limit=64),
        Field("sign", kind=Kind.CHOICE, choices=choices(Sign), value=Sign.ANONYMOUS),
        Field("plan", kind=Kind.CHOICE, choices=(Choice(ON), Choice(OFF)), value=ON),
    ),
)
CHANGE = Button("setup.change")
CHECK = Button("setup.check")
TEST = Button("setup.test", style=Style.PRIMARY)
REMOVE = Button("setup.remove")
log = structlog.get_logger("cogs.setup")

cog.opens("setup", FORM)
cog.press_opens(CHANGE, FORM)


@dataclass(frozen=True, slots=True)
class _Look:
    """What asking the platform about a channel gave: what lacks there, that it is gone, or no answer."""

    place: Place
    missing: Sequence[str] = ()
    gone: bool = False
    unsure: bool = False

    @property
    def fine(self) -> bool:
        return not (self.missing or self.gone or self.unsure)


# -- the form -------------------------------------------------------------------------------------


@cog.fill(FORM)
async def fill(ctx: Ctx) -> Mapping[str, str]:
    """As it stands now; the form's own values in a community that has decided nothing."""
    here = ctx.community
    chosen = {name: place.channel for name, place in _places(here).items()}
    return {**chosen, "sign": here.sign or Sign.ANONYMOUS, "plan": ON if here.plan else OFF}


@cog.submit(FORM)
async def edit(ctx: Ctx) -> Card:
    """Keep it, and say what still lacks. A channel that is none is refused beside its field."""
    chosen, user = {name: ctx.values[name] for name in PLACES}, ctx.user
    plan, sign = ctx.values["plan"] == ON, ctx.values["sign"]
    places = {name: Place(user.platform, user.community, id) if id else None for name, id in chosen.items()}
    ctx.community = Community(ctx.community.key, **places, sign=sign, plan=plan)
    looks = await _look(ctx)
    for name, look in looks.items():
        if look.gone:
            raise Refused("setup-no-channel", field=name)
    values = {**chosen, "sign": sign, "plan": plan}
    async with ctx.write() as tx:
        key = {"platform": user.platform, "community": user.community}
        insert = insert_into(tx, communities).values(**key, **values)
        await tx.execute(insert.on_conflict_do_update(index_elements=list(key), set_=values))
    return _card(ctx, looks)


@cog.press(CHECK, Ack.REPLACES)
async def check(ctx: Ctx) -> Card:
    """Look again: permissions are mended in the platform's own settings."""
    return _card(ctx, await _look(ctx))


def _places(community: Community) -> dict[str, Place]:
    """The channels that were chosen, by what they are for."""
    places = {"support": community.support, "wins": community.wins, "moderation": community.moderation}
    return {name: place for name, place in places.items() if place}


async def _look(ctx: Ctx) -> dict[str, _Look]:
    """Each chosen channel, as the platform sees it now."""
    return {name: await _look_at(ctx, place, name) for name, place in _places(ctx.community).items()}


async def _look_at(ctx: Ctx, place: Place, name: str) -> _Look:
    try:
        return _Look(place, await ctx.kit.missing(place, name in THREADS))
    except (Undeliverable, Gone, Misconfigured):
        return _Look(place, gone=True)
    except ChatError as error:
        log.info("channel not looked at", reason=error.reason)
        return _Look(place, unsure=True)


# -- how it stands --------------------------------------------------------------------------------


def _card(ctx: Ctx, looks: Mapping[str, _Look]) -> Card:
    """What is set, and what is missing one by one."""
    facts = [_fact(ctx, name, looks.get(name)) for name in PLACES]
    facts.append(
        Fact(ctx.line("setup-fact.sign"), ctx.line(f"choice-sign.{ctx.community.sign or 'anonymous'}"))
    )
    facts.append(
        Fact(ctx.line("setup-fact.plan"), ctx.line(f"choice-plan.{ON if ctx.community.plan else OFF}"))
    )
    wrong = [line for name, look in looks.items() for line in _wrong(ctx, name, look)]
    unsure = any(look.unsure for look in looks.values())
    text = join(
        "" if looks else ctx.say("setup-none"),
        join(ctx.say("setup-missing"), *wrong, by="\n") if wrong else "",
        ctx.say("setup-mend", platform=ctx.user.platform) if wrong else "",
        ctx.say("setup-unsure") if unsure else "",
        ctx.say("setup-ready") if "support" in looks and not wrong and not unsure else "",
        by="\n\n",
    )
    buttons = [ctx.button(TEST)] if ctx.community.support else []
    buttons += [ctx.button(CHECK)] if looks else []
    return Card(
        text,
        title=ctx.line("setup-title"),
        tone=Tone.PROBLEM if wrong else Tone.CALM,
        fields=tuple(facts),
        buttons=(*buttons, ctx.button(CHANGE)),
    )


def _fact(ctx: Ctx, name: str, look: _Look | None) -> Fact:
    shown: Text = (_jump(ctx, name, look.place),) if look else ctx.line("setup-no-place")
    return Fact(ctx.line(f"setup-fact.{name}"), shown)


def _wrong(ctx: Ctx, name: str, look: _Look) -> list[Text]:
    """A line for each thing that lacks, with its channel."""
    channel = _jump(ctx, name, look.place)
    if look.gone:
        return [ctx.say("setup-gone", channel=channel)]
    return [ctx.say("setup-lacks", channel=channel, permission=each) for each in look.missing]


def _jump(ctx: Ctx, name: str, place: Place) -> Jump:
    return Jump(ctx.line(f"setup-channel.{name}"), place.community, place.channel)


# -- a test post ----------------------------------------------------------------------------------


@cog.press(TEST)
async def test(ctx: Ctx) -> Card:
    """The same way that every post goes: through the outbox, into the support channel."""
    support = ctx.community.support
    if support is None:
        raise Refused("setup-none")
    async with ctx.write() as tx:
        key = ("setup.test", ctx.user.platform, ctx.event.id)
        await ctx.kit.outbox.plan(tx, Plan("setup.test", key, ctx.now, Verb.POST, place=support))
    return Card(ctx.say("setup-testing", channel=_jump(ctx, "support", support)))


@cog.nudge("setup.test")
async def post(nudge: Nudge) -> Card:
    """What everybody in the channel reads: that nothing happened to anybody."""
    title = nudge.voice.line("setup-try.title")
    return Card(nudge.say("setup-try"), title=title, buttons=(nudge.button(REMOVE),))


@cog.press(REMOVE)
async def remove(ctx: Ctx) -> Card:
    """Take the test post down again."""
    message = ctx.event.message
    if message is None:
        raise Refused("setup-removed")
    async with ctx.write() as tx:
        plan = Plan("setup.remove", ("setup.remove", dump(message)), ctx.now, Verb.DELETE, place=message)
        await ctx.kit.outbox.plan(tx, plan)
    return Card(ctx.say("setup-removed"))


# -- what only organisers can mend (see ``bot.trouble``) --------------------------------------------


@cog.nudge("setup.trouble")
async def trouble(nudge: Nudge) -> Card:
    """What is wrong, where, that nothing is lost, and how to see whether it is mended."""
    says = dict(nudge.row.args)
    words, id, known = says.pop("words"), says.pop("channel_id", ""), says.get("channel", "")
    there: dict[str, str | Jump] = dict(says)
    if id and isinstance(nudge.row.place, Place):
        label = nudge.voice.line("setup-channel.one") if known == id else f"#{known}"
        there["channel"] = Jump(label, nudge.row.place.community, id)
    text = join(nudge.say(words, **there), nudge.say("setup-kept"), by="\n\n")
    title = nudge.voice.line("setup-trouble.title")
    return Card(text, title=title, tone=Tone.PROBLEM, buttons=(nudge.button(CHECK),))


@cog.after("setup.trouble")
async def told(nudge: Nudge, tx: AsyncConnection, state: State, message: Message | None) -> None:
    """Where organisers could not be told, whoever runs the bot reads it."""
    if state is not State.SENT:
        log.error("organisers not told", row=nudge.row.id, words=nudge.row.args["words"])

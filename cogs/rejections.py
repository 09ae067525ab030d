"""/rejected: share a no, be heard, get a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat import Ack, User
from bot.cog import Cog, Ctx, Kit, Plan, Verb
from bot.content import Step
from bot.errors import Refused
from bot.planning import plan_steps
from bot.posts import take_down
from bot.safety import identifying
from bot.storage import blocks
from bot.storage import rejections as store
from bot.storage.rejections import Rejection, Shared, Sign, Stage, Wish
from bot.storage.schema import encouragements, outbox, pseudonyms, rejections, solidarity
from bot.texts import check
from bot.ui import Button, Card, Field, Form, Jump, Kind, Quote, Style, Text, Tone, When, choices, join

Steps = Sequence[tuple[Step, datetime]]
cog = Cog("rejections", owns=(rejections, solidarity, encouragements, pseudonyms))

WHERE_LIMIT, STORY_LIMIT = 120, 1500
SHARE = Form(
    "rejections.share",
    (
        Field("where", optional=True, limit=WHERE_LIMIT),
        Field("stage", kind=Kind.CHOICE, choices=choices(Stage)),
        Field("story", kind=Kind.LONG, optional=True, limit=STORY_LIMIT),
        Field("sign", kind=Kind.CHOICE, choices=choices(Sign), value=Sign.ANONYMOUS),
        Field("wish", kind=Kind.CHOICE, choices=choices(Wish), value=Wish.LISTEN),
    ),
)
DRAFT = "rejections.share:"
START = Button("rejections.start", style=Style.PRIMARY)
ANYWAY = Button("rejections.anyway")
JUST_ME = Button("rejections.just_me", style=Style.PRIMARY)
CHANGE = Button("form.again", arg=DRAFT)
NOTE = Button("plan.draft")
REST = Button("rest.take")
EDIT = Button("nudges.list")
ANSWER = Button("thread.answer")
PLAN = Button("rejections.plan", style=Style.PRIMARY)
DELETE = Button("rejections.delete")
DELETE_YES = Button("rejections.delete_yes", style=Style.DANGER)
DELETE_NO = Button("rejections.delete_no")

cog.opens("rejected", SHARE, options=(Field("where", optional=True, limit=WHERE_LIMIT),), shortcut=True)
cog.press_opens(START, SHARE)


@cog.fill(SHARE)
async def fill(ctx: Ctx) -> Mapping[str, str]:
    """The words typed after the command; where they do not fit the short field, they are the story."""
    first = {"sign": ctx.community.sign} if ctx.community.sign else {}
    typed = ctx.arg.strip()
    if not typed or ctx.event.name != "rejected":
        return first
    if len(typed) <= WHERE_LIMIT and "\n" not in typed:
        return {**first, "where": typed}
    if len(typed) > STORY_LIMIT:
        raise Refused("rejections-too-long", over=len(typed) - STORY_LIMIT, limit=STORY_LIMIT)
    return {**first, "story": typed}


@cog.submit(SHARE)
async def share(ctx: Ctx) -> Card:
    """Ask before posting what could identify an anonymous author; else keep, plan and post it."""
    values = ctx.values
    anonymous = values["sign"] == Sign.ANONYMOUS and values["wish"] != Wish.LOG and ctx.community.support
    found = identifying(values["story"], ctx.event.display) if anonymous else ()
    if not found:
        return await _keep(ctx, values)
    await ctx.keep()
    pieces = list(dict.fromkeys(finding.text for finding in found))[:5]
    return Card(
        join(
            ctx.say("rejections-identifying"),
            Quote("\n".join(pieces)),
            ctx.say("rejections-identifying-choice"),
            by="\n",
        ),
        title=ctx.line("rejections-identifying.title"),
        tone=Tone.CARE,
        buttons=(CHANGE, JUST_ME, ANYWAY),
    )


@cog.press(ANYWAY, Ack.REPLACES)
async def anyway(ctx: Ctx) -> Card:
    """The author has seen what could identify them, and posts it as it is."""
    return await _from_draft(ctx, {})


@cog.press(JUST_ME, Ack.REPLACES)
async def just_me(ctx: Ctx) -> Card:
    """The author keeps it to themselves; the plan is the same."""
    return await _from_draft(ctx, {"sign": Sign.ONLY_ME})


async def _from_draft(ctx: Ctx, changes: Mapping[str, str]) -> Card:
    """The draft as it is now: it may have been changed since the card, to what no form would take."""
    kept = await ctx.kit.drafts.load(ctx.user, DRAFT)
    if not kept:
        raise Refused("rejections-no-draft")
    values, mend = check(SHARE, {**kept, **changes}, ctx.voice)
    if mend:
        raise Refused("rejections-unfinished")
    return await _keep(ctx, values, drafted=True)


async def _keep(ctx: Ctx, values: Mapping[str, str], *, drafted: bool = False) -> Card:
    """One transaction: the fact, the plan, the post in the outbox. A draft is taken once."""
    kit, now = ctx.kit, ctx.now
    private = values["sign"] == Sign.ONLY_ME or values["wish"] == Wish.LOG
    support = None if private else ctx.community.support
    rejection = Rejection(
        id=token_hex(8),
        owner=ctx.owner,
        author=ctx.user.key,
        community=ctx.community.key,
        stage=Stage(values["stage"]),
        sign=Sign(values["sign"]),
        wish=Wish(values["wish"]),
        where=values["where"],
        story=values["story"],
        shared_at=now,
        state=Shared.POSTING if support else Shared.PRIVATE,
        post="",
        thread="",
        replies=0,
        muted=False,
    )
    steps: Steps = _steps(ctx, rejection) if ctx.community.plan else ()
    async with ctx.write() as tx:
        name = ""
        if support and rejection.sign is Sign.ANONYMOUS:
            if await blocks.blocked(tx, kit.vault, rejection.community, ctx.user.key):
                raise Refused("rejections-blocked", field="sign")
            names = (kit.content.adjectives, kit.content.animals)
        else:
            names = None
        await tx.execute(rejections.insert().values(**store.values(kit.vault, rejection)))
        if names:
            name = await store.draw_pseudonym(tx, kit.vault, rejection.id, rejection.owner, names)
        await kit.outbox.plan(tx, *_nudges(ctx, rejection, steps))
        if support:
            args = {"rejection": rejection.id}
            post = Plan("thread.post", ("post", rejection.id), now, Verb.POST, place=support, args=args)
            await kit.outbox.plan(tx, post)
        if not await kit.drafts.drop(tx, ctx.user, DRAFT) and drafted:
            raise Refused("rejections-no-draft")
    return _shared(ctx, rejection, name, steps)


def _steps(ctx: Ctx, rejection: Rejection) -> Steps:
    return plan_steps(ctx.kit.content.plans[rejection.stage], ctx.person, ctx.now)


def _nudges(ctx: Ctx, rejection: Rejection, steps: Steps) -> list[Plan]:
    """The plan as rows of the outbox."""
    subject = _subject(ctx, rejection)
    return [
        Plan(
            f"plan.{step.kind}",
            ("plan", rejection.id, step.kind),
            at,
            user=ctx.user,
            args={"rejection": rejection.id},
            subject=subject,
            expires_at=at + step.late,
        )
        for step, at in steps
    ]


def _subject(ctx: Ctx, rejection: Rejection) -> str:
    return ctx.kit.vault.token("subject", rejection.id)


def _shared(ctx: Ctx, rejection: Rejection, name: str, steps: Steps) -> Card:
    """What was kept and where, a kind line, the plan with its dates."""
    text = join(
        ctx.say("rejections-kind", stage=rejection.stage),
        _where(ctx, rejection, name),
        _plan(ctx, steps) if steps else ctx.say("rejections-no-plan"),
        by="\n\n",
    )
    buttons = _tools(ctx, rejection, steps) if steps else [ctx.button(PLAN, rejection.id), REST]
    if rejection.public:
        buttons += [replace(ANSWER, arg=rejection.id), replace(DELETE, arg=rejection.id)]
    return Card(text, title=ctx.line("rejections-shared.title"), tone=Tone.WARM, buttons=tuple(buttons))


def _plan(ctx: Ctx, steps: Steps) -> Text:
    """The plan with its dates."""
    lines = [
        join(When(at, "day"), " – ", ctx.line(f"nudge-{step.kind.replace('_', '-')}.short"))
        for step, at in steps
    ]
    listed = join(ctx.say("rejections-plan-list"), join(*lines, by="\n"), by="\n")
    return join(listed, ctx.say("rejections-plan-end"), by="\n\n")


def _tools(ctx: Ctx, rejection: Rejection, steps: Steps) -> list[Button]:
    note = replace(NOTE, arg=f"thank_you.{rejection.id}", label=ctx.line("rejections-note"))
    thanks = any(step.kind == "thank_you" for step, _ in steps)
    return [*([note] if thanks else []), REST, replace(EDIT, label=ctx.line("rejections-edit"))]


@cog.press(PLAN)
async def plan(ctx: Ctx) -> Card:
    """The plan, where the community leaves it to each person; it starts now, and once."""
    kit = ctx.kit
    async with ctx.write() as tx:
        rejection = await store.load(tx, kit.vault, ctx.arg)
        if rejection is None or rejection.owner != ctx.owner:
            raise Refused("rejections-gone")
        planned = select(outbox.c.id).where(outbox.c.subject == _subject(ctx, rejection)).limit(1)
        if (await tx.execute(planned)).first():
            raise Refused("rejections-planned")
        steps = _steps(ctx, rejection)
        await kit.outbox.plan(tx, *_nudges(ctx, rejection, steps))
    return Card(_plan(ctx, steps), tone=Tone.WARM, buttons=tuple(_tools(ctx, rejection, steps)))


def _where(ctx: Ctx, rejection: Rejection, name: str) -> Text:
    """Who can see what, in one or two sentences."""
    support = ctx.community.support
    if not rejection.public or support is None:
        wanted = rejection.sign is not Sign.ONLY_ME and rejection.wish is not Wish.LOG
        return ctx.say("rejections-no-place" if wanted else "rejections-private")
    jump = Jump(ctx.line("rejections-support"), support.community, support.channel)
    if rejection.sign is Sign.ANONYMOUS:
        return ctx.say("rejections-where-anonymous", jump=jump, name=name)
    return ctx.say("rejections-where-name", jump=jump)


# -- taking it back -------------------------------------------------------------------------------


@cog.press(DELETE)
async def ask_delete(ctx: Ctx) -> Card:
    """One question first: it cannot be undone."""
    await _mine(ctx)
    buttons = (replace(DELETE_YES, arg=ctx.arg), DELETE_NO)
    return Card(ctx.say("rejections-delete-ask"), buttons=buttons)


@cog.press(DELETE_NO, Ack.REPLACES)
async def keep_post(ctx: Ctx) -> Card:
    return Card(ctx.say("rejections-delete-kept"))


@cog.press(DELETE_YES, Ack.REPLACES)
async def delete_post(ctx: Ctx) -> Card:
    """Take the post down; the plan goes on, and what others wrote in the thread stays theirs."""
    async with ctx.write() as tx:
        rejection = await _mine(ctx)
        await take_down(ctx.kit, tx, rejection)
    return Card(ctx.say("rejections-deleted"))


async def _mine(ctx: Ctx) -> Rejection:
    """The rejection that the button is about, if it is this person's and still public."""
    async with ctx.kit.storage.read() as connection:
        rejection = await store.load(connection, ctx.kit.vault, ctx.arg)
    if rejection is None or rejection.owner != ctx.owner or not rejection.public:
        raise Refused("rejections-gone")
    return rejection


# -- what is stored about a person -----------------------------------------------------------------


@cog.export
async def export(kit: Kit, connection: AsyncConnection, user: User) -> Mapping[str, Any]:
    """Every no a person shared, and what they gave to others."""
    owner = kit.vault.owner(user.key)
    found = await store.find(connection, kit.vault, rejections.c.owner == owner)
    beside = (await connection.execute(solidarity.select().where(solidarity.c.owner == owner))).all()
    given = (await connection.execute(encouragements.select().where(encouragements.c.owner == owner))).all()
    return {
        "rejections": [
            {
                "shared": each.shared_at.isoformat(timespec="minutes"),
                "where": each.where,
                "stage": each.stage.value,
                "story": each.story,
                "signed": each.sign.value,
                "state": each.state.value,
            }
            for each in found
        ],
        "stood beside others": len(beside),
        "encouragements": len(given),
    }


@cog.forget
async def forget(kit: Kit, tx: AsyncConnection, user: User) -> None:
    """Posts are taken down; rows that carry this person's token go."""
    owner = kit.vault.owner(user.key)
    for rejection in await store.find(tx, kit.vault, rejections.c.owner == owner):
        if rejection.public:
            await take_down(kit, tx, rejection)
    for table in (encouragements, solidarity, pseudonyms, rejections):
        await tx.execute(delete(table).where(table.c.owner == owner))

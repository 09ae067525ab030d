"""The application, its commands, its user, its guilds over REST (docs: application-commands, guild, user)."""

from __future__ import annotations

from tests.wire.discord_basics import Json, Permit
from tests.wire.discord_errors import Problems, refusal, snowflake
from tests.wire.discord_rest import Call, Routes

routes = Routes()


# --- the gateway, the bot and its guilds ---------------------------------------------------------


@routes("GET", "/gateway", open=True)
def gateway(call: Call) -> Json:
    return {"url": call.fake.gateway_url}


@routes("GET", "/gateway/bot")
def gateway_bot(call: Call) -> Json:
    limit = {"total": 1000, "remaining": call.fake.gateway.login.starts, "reset_after": 86_400_000}
    limit["max_concurrency"] = call.fake.max_concurrency
    shards = call.fake.gateway.shards
    return {"url": call.fake.gateway_url, "shards": shards, "session_start_limit": limit}


@routes("GET", "/oauth2/applications/@me")
@routes("GET", "/applications/@me")
def application(call: Call) -> Json:
    return _application(call)


@routes("PATCH", "/applications/@me")
def edit_application(call: Call) -> Json:
    problems = Problems()
    problems.text(call.object.get("description"), ("description",), 400)
    problems.array(call.object.get("tags"), ("tags",), 5)
    problems.check()
    call.fake.app_changes |= call.object
    return _application(call)


def _application(call: Call) -> Json:
    fake = call.fake
    out: Json = {
        "id": str(fake.app_id),
        "name": fake.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "bot": fake.bot.json(),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": fake.app_flags,
        "hook": True,
        "owner": fake.owner.json(),
        "team": None,
        "tags": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_guild_count": len(fake.guilds),
        "approximate_user_install_count": 0,
        "redirect_uris": [],
        "integration_types_config": {"0": {}},
    }
    return out | {name: value for name, value in fake.app_changes.items() if name in out}


@routes("GET", "/users/@me")
def me(call: Call) -> Json:
    return call.fake.bot.json() | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0}


@routes("GET", "/users/@me/guilds")
def my_guilds(call: Call) -> list[Json]:
    fake, limit = call.fake, call.query_number("limit", 200, 1, 200)
    after = snowflake(call.query.get("after")) or 0
    found: list[Json] = []
    for guild in fake.guilds.values():
        if guild.id > after and fake.bot.id in guild.members and len(found) < limit:
            may = str(guild.permissions(fake.bot.id))
            found.append({"id": str(guild.id), "name": guild.name, "icon": None, "owner": False})
            found[-1] |= {"permissions": may, "features": []}
    return found


@routes("DELETE", "/users/@me/guilds/{guild}")
def leave_guild(call: Call) -> None:
    call.fake.remove_bot(call.fake.joined_guild(call.id("guild")))


@routes("GET", "/users/{user}")
def get_user(call: Call) -> Json:
    if (person := call.fake.people.get(call.id("user"))) is None:
        raise refusal(10013)
    return person.json()


@routes("GET", "/guilds/{guild}")
def get_guild(call: Call) -> Json:
    fake = call.fake
    guild = fake.joined_guild(call.id("guild"))
    out = guild.json(now=fake.now(), bot=fake.bot.id, full=False)
    if call.query_flag("with_counts"):
        out |= {"approximate_member_count": guild.count, "approximate_presence_count": 1}
    return out


@routes("GET", "/guilds/{guild}/channels")
def guild_channels(call: Call) -> list[Json]:
    fake = call.fake
    channels = fake.joined_guild(call.id("guild")).channels.values()
    return [each.json(fake.now()) for each in channels if each.seen_by(fake.bot.id)]


@routes("GET", "/guilds/{guild}/roles")
def guild_roles(call: Call) -> list[Json]:
    return [role.json() for role in call.fake.joined_guild(call.id("guild")).roles.values()]


@routes("GET", "/guilds/{guild}/roles/{role}")
def guild_role(call: Call) -> Json:
    guild = call.fake.joined_guild(call.id("guild"))
    if (role := guild.roles.get(call.id("role"))) is None:
        raise refusal(10011)
    return role.json()


@routes("GET", "/guilds/{guild}/members/{user}")
def guild_member(call: Call) -> Json:
    guild = call.fake.joined_guild(call.id("guild"))
    if (member := guild.members.get(call.id("user"))) is None:
        raise refusal(10007)
    return member.json()


@routes("PATCH", "/guilds/{guild}/members/@me")
def edit_me(call: Call) -> Json:
    guild, problems = call.fake.joined_guild(call.id("guild")), Problems()
    problems.text(call.object.get("nick"), ("nick",), 32)
    problems.check()
    if not guild.permissions(call.fake.bot.id) & Permit.CHANGE_NICKNAME:
        raise refusal(50013)
    member = guild.members[call.fake.bot.id]
    member.nick = call.object.get("nick")
    return member.json()

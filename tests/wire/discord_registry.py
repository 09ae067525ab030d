"""Registering application commands over REST, for everywhere or for one guild."""

from __future__ import annotations

from tests.wire.discord_basics import Json
from tests.wire.discord_commands import COMMANDS_LIMIT, Command, check_command
from tests.wire.discord_errors import Problems, refusal
from tests.wire.discord_rest import Call, Reply, Routes

routes = Routes()


def _scope(call: Call) -> int | None:
    if call.id("application") != call.fake.app_id:
        raise refusal(10002)
    return call.fake.joined_guild(call.id("guild")).id if "guild" in call.params else None


def _register(call: Call, guild: int | None, data: Json) -> Command:
    """Keep a command under its name; one of the same name and type keeps its id."""
    fake, kind = call.fake, data.get("type", 1)
    known = fake.commands.setdefault(guild, {})
    before = known.get((kind, data["name"]))
    id = before.id if before else fake.ids.next()
    out: Json = {
        "id": str(id),
        "application_id": str(fake.app_id),
        "version": str(fake.ids.next()),
        "type": kind,
        "name": data["name"],
        "name_localizations": data.get("name_localizations"),
        "description": data.get("description", ""),
        "description_localizations": data.get("description_localizations"),
        "default_member_permissions": data.get("default_member_permissions"),
        "integration_types": data.get("integration_types") or [0],
        "contexts": data.get("contexts"),
        "dm_permission": data.get("dm_permission", True),
        "nsfw": bool(data.get("nsfw")),
    }
    if data.get("options"):
        out["options"] = data["options"]
    if guild is not None:
        out["guild_id"] = str(guild)
        out.pop("contexts")
    command = known[(kind, data["name"])] = Command(id, guild, out)
    return command


@routes("GET", "/applications/{application}/commands")
@routes("GET", "/applications/{application}/guilds/{guild}/commands")
def list_commands(call: Call) -> list[Json]:
    drop = (
        () if call.query_flag("with_localizations") else ("name_localizations", "description_localizations")
    )
    known = call.fake.commands.get(_scope(call), {}).values()
    return [{name: value for name, value in each.data.items() if name not in drop} for each in known]


@routes("PUT", "/applications/{application}/commands")
@routes("PUT", "/applications/{application}/guilds/{guild}/commands")
def overwrite_commands(call: Call) -> list[Json]:
    guild, problems = _scope(call), Problems()
    wanted = problems.array(call.body, (), 130)
    names = set[tuple[int, str]]()
    for at, each in enumerate(wanted):
        check_command(problems, each, (at,))
        if isinstance(each, dict):
            key = (each.get("type", 1), str(each.get("name")))
            if key in names:
                message = "Application command names must be unique"
                problems.add((at, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
            names.add(key)
    for kind, most in COMMANDS_LIMIT.items():
        if sum(isinstance(each, dict) and each.get("type", 1) == kind for each in wanted) > most:
            problems.add((), "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    problems.check()
    known = call.fake.commands.get(guild, {})
    call.fake.commands[guild] = {key: each for key, each in known.items() if key in names}
    out = [_register(call, guild, each).data for each in wanted]
    call.fake.wake()
    return out


@routes("POST", "/applications/{application}/commands")
@routes("POST", "/applications/{application}/guilds/{guild}/commands")
def create_command(call: Call) -> Reply:
    guild, problems, data = _scope(call), Problems(), call.object
    check_command(problems, data)
    problems.check()
    known = (data.get("type", 1), data["name"]) in call.fake.commands.get(guild, {})
    command = _register(call, guild, data)
    call.fake.wake()
    return Reply(200 if known else 201, command.data)


def _command(call: Call) -> Command:
    id = call.id("command")
    for command in call.fake.commands.get(_scope(call), {}).values():
        if command.id == id:
            return command
    raise refusal(10063)


@routes("GET", "/applications/{application}/commands/{command}")
@routes("GET", "/applications/{application}/guilds/{guild}/commands/{command}")
def get_command(call: Call) -> Json:
    return _command(call).data


@routes("PATCH", "/applications/{application}/commands/{command}")
@routes("PATCH", "/applications/{application}/guilds/{guild}/commands/{command}")
def edit_command(call: Call) -> Json:
    command, problems = _command(call), Problems()
    data = command.data | call.object
    check_command(problems, data)
    problems.check()
    known = call.fake.commands[command.guild]
    del known[(command.data["type"], command.name)]
    known[(command.data["type"], data["name"])] = command
    command.data = data
    return data


@routes("DELETE", "/applications/{application}/commands/{command}")
@routes("DELETE", "/applications/{application}/guilds/{guild}/commands/{command}")
def delete_command(call: Call) -> None:
    command = _command(call)
    del call.fake.commands[command.guild][(command.data["type"], command.name)]
    call.fake.wake()

"""People: users.info, and when they are not to be disturbed (dnd.info, dnd.teamInfo)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tests.wire.slack_calls import Call, method
from tests.wire.slack_model import Json, Person, SlackError

TEAM_INFO_PEOPLE = 50
"""Users that dnd.teamInfo takes at once (docs: dnd.teamInfo)."""


def described(person: Person, call: Call) -> Json:
    """A user object."""
    offset = call.now.astimezone(ZoneInfo(person.zone)).utcoffset()
    profile = {
        "real_name": person.shown or person.name,
        "real_name_normalized": person.shown or person.name,
        "display_name": person.shown,
        "display_name_normalized": person.shown,
        "team": call.at.id,
    }
    out: Json = {
        "id": person.id,
        "team_id": call.at.id,
        "name": person.name,
        "deleted": person.deleted,
        "profile": profile,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    if person.deleted:
        return out
    return out | {
        "real_name": person.shown or person.name,
        "tz": person.zone,
        "tz_label": person.zone,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "is_admin": person.is_admin or person.is_owner,
        "is_owner": person.is_owner,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "who_can_share_contact_card": "EVERYONE",
    }


@method("users.info", "users:read")
def info(call: Call) -> Json:
    """About somebody; the locale only when asked for."""
    person = call.person(call.text("user", needed=True))
    out = described(person, call)
    if call.flag("include_locale"):
        out["locale"] = person.locale
    return {"user": out}


def _quiet(person: Person) -> Json:
    start, end = person.quiet or (1, 1)
    return {"dnd_enabled": person.quiet is not None, "next_dnd_start_ts": start, "next_dnd_end_ts": end}


@method("dnd.info", "dnd:read")
def dnd(call: Call) -> Json:
    """Somebody's next quiet time; snoozing is only told of oneself."""
    return _quiet(call.person(call.text("user") or call.at.bot.id))


@method("dnd.teamInfo", "dnd:read")
def dnd_team(call: Call) -> Json:
    """The same of up to 50 people."""
    users = call.names("users")
    if not users:
        raise SlackError("invalid_arguments")
    if len(users) > TEAM_INFO_PEOPLE:
        raise SlackError("too_many_users")
    return {"users": {id: _quiet(call.person(id)) for id in users}}

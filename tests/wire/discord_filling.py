"""Filling in: what a select, a field or an option takes from a person, and what Discord resolves of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import File, Json
from tests.wire.discord_components import (
    CHANNELS,
    CHECK,
    CHECKS,
    INPUT,
    MENTIONABLES,
    RADIO,
    ROLES,
    SELECT,
    UPLOAD,
    USERS,
)
from tests.wire.discord_model import Channel, Person
from tests.wire.waiting import NotPossible

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

Value = str | int | float | bool | Sequence[str] | Sequence[int] | Sequence[Any] | Person | Channel | None


class Fill:
    """Fills in, as strictly as a client does."""

    def __init__(self, fake: FakeDiscord) -> None:
        self._fake = fake

    def filled(
        self, field: Json, values: Mapping[str, Value], id: int, channel: Channel, resolved: Json
    ) -> Json:
        """What a field of a form holds when it is handed in."""
        kind, name = field["type"], field["custom_id"]
        out: Json = {"type": kind, "id": field.get("id") or id, "custom_id": name}
        given = values.get(name)
        if kind == INPUT:
            text = str(given if name in values else field.get("value") or "")
            if (field.get("required", True) or text) and len(text) < max(
                field.get("min_length") or 0, int(field.get("required", True))
            ):
                raise NotPossible(f"{name} is too short: {text!r}")
            if len(text) > (field.get("max_length") or 4000):
                raise NotPossible(f"{name} is too long: {len(text)} characters")
            return out | {"value": text}
        if kind == CHECK:
            return out | {"value": bool(given) if name in values else bool(field.get("default"))}
        if kind == UPLOAD:
            return out | {"values": self._uploaded(field, given, channel, resolved)}
        if name not in values:
            given = [each["value"] for each in field.get("options") or () if each.get("default")]
            given = given or [each["id"] for each in field.get("default_values") or ()]
        picked = self.picked(field, given)
        if kind == RADIO:
            return out | {"value": picked[0] if picked else None}
        if kind in (USERS, ROLES, MENTIONABLES, CHANNELS):
            self.resolve(resolved, kind, picked, channel, field)
        return out | {"values": picked}

    def picked(self, component: Json, given: Any) -> list[str]:
        """What was chosen, as far as the component takes it."""
        if given is None or given == "":
            given = ()
        many = [given] if isinstance(given, str | int | Person | Channel) else list(given)
        picked = [str(each.id) if isinstance(each, Person | Channel) else str(each) for each in many]
        name, kind = component["custom_id"], component["type"]
        required = component.get("required", True)
        if kind in (SELECT, RADIO, CHECKS):
            allowed = [each["value"] for each in component["options"]]
            if wrong := [each for each in picked if each not in allowed]:
                raise NotPossible(f"{name} has no {wrong}; it has {allowed}")
        most = len(component.get("options") or ()) if kind == CHECKS else 1
        most = component.get("max_values") or most
        least = component.get("min_values")
        least = (1 if required or kind not in (RADIO, CHECKS) else 0) if least is None else least
        if not picked and not required:
            return []
        if not least <= len(picked) <= most:
            raise NotPossible(f"{name} takes {least} to {most} choices, not {len(picked)}")
        return picked

    def _uploaded(self, field: Json, given: Any, channel: Channel, resolved: Json) -> list[str]:
        """Files as (name, bytes) pairs."""
        files = [given] if isinstance(given, tuple) else list(given or ())
        least = field.get("min_values", 1 if field.get("required", True) else 0)
        if not least <= len(files) <= (field.get("max_values") or 1):
            raise NotPossible(f"{field['custom_id']} does not take {len(files)} files")
        ids: list[str] = []
        for name, data in files:
            id = self._fake.ids.next()
            url = f"{self._fake.base}/attachments/{channel.id}/{id}/{name}"
            file = File(id, name, data, "application/octet-stream", url, ephemeral=True)
            self._fake.files[f"{channel.id}/{id}/{name}"] = file
            resolved.setdefault("attachments", {})[str(id)] = file.json()
            ids.append(str(id))
        return ids

    def resolve(self, resolved: Json, kind: int, ids: list[str], channel: Channel, component: Json) -> None:
        """The people, roles and channels that were chosen (docs: resolved data)."""
        guild, now = channel.guild, self._fake.now()
        for id in ids:
            number = int(id)
            if kind in (USERS, MENTIONABLES) and number in self._fake.people:
                resolved.setdefault("users", {})[id] = self._fake.people[number].json()
                if guild and (member := guild.members.get(number)):
                    shown = member.json(guild.permissions(number), user=False)
                    resolved.setdefault("members", {})[id] = shown
            elif kind in (ROLES, MENTIONABLES) and guild and number in guild.roles:
                resolved.setdefault("roles", {})[id] = guild.roles[number].json()
            elif (
                kind == CHANNELS
                and guild
                and (found := guild.channels.get(number) or guild.threads.get(number))
            ):
                types = component.get("channel_types")
                if types and found.kind not in types:
                    raise NotPossible(f"{found.name} is of another type than {types}")
                shown = found.json(now)
                may = guild.permissions(component.get("for", 0) or self._fake.bot.id, found)
                resolved.setdefault("channels", {})[id] = shown | {"permissions": str(may)}
            else:
                raise NotPossible(f"{id} cannot be chosen here")

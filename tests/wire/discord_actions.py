"""What people do: type commands, press, fill in forms, write. A client's own checks are made here too:
a person cannot press a button that is not there, or send a form whose required field is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from tests.wire.discord_basics import DM, Json, Permit
from tests.wire.discord_commands import Command
from tests.wire.discord_components import (
    CHANNELS,
    MENTIONABLES,
    ROLES,
    SELECT,
    SELECTS,
    USERS,
)
from tests.wire.discord_exchange import Exchange, Modal
from tests.wire.discord_filling import Fill
from tests.wire.discord_filling import Value as Value
from tests.wire.discord_interactions import AUTOCOMPLETE, COMMAND, COMPONENT, SUBMIT, Interaction
from tests.wire.discord_model import Channel, Guild, Message, Person, flat
from tests.wire.waiting import NotPossible as NotPossible

if TYPE_CHECKING:
    from tests.wire.discord import FakeDiscord

Where = Channel | Guild | None
"""A channel, a guild (its first channel), or None for the direct messages with the bot."""


class Hands:
    """Does what people do, and delivers it to the bot."""

    def __init__(self, fake: FakeDiscord) -> None:
        self._fake, self._fill = fake, Fill(fake)

    # --- commands --------------------------------------------------------------------------------

    def command(
        self, person: Person, where: Where, name: str, options: Mapping[str, Value], locale: str = ""
    ) -> Exchange:
        """Run a slash command; ``name`` may hold subcommands ("plan show")."""
        channel = self.place(person, where)
        command = self._known(person, channel, name.split(" ")[0])
        data, leaf = self._nest(command, name)
        resolved: Json = {}
        values: list[Json] = []
        left = dict(options)
        for option in leaf[1]:
            if option["name"] in left:
                values.append(self._option(option, left.pop(option["name"]), channel, resolved))
            elif option.get("required"):
                raise NotPossible(f"/{name} needs {option['name']}")
        if left:
            raise NotPossible(f"/{name} has no option {', '.join(left)}")
        if values:
            leaf[0]["options"] = values
        if resolved:
            data["resolved"] = resolved
        return self._send(COMMAND, person, channel, data, locale=locale)

    def autocomplete(
        self, person: Person, where: Where, name: str, focused: str, typed: str, others: Mapping[str, Value]
    ) -> Exchange:
        """Type into an option that suggests."""
        channel = self.place(person, where)
        command = self._known(person, channel, name.split(" ")[0])
        data, leaf = self._nest(command, name)
        known = {option["name"]: option for option in leaf[1]}
        if not known.get(focused, {}).get("autocomplete"):
            raise NotPossible(f"/{name} has no option {focused} that suggests")
        values = [self._option(known[each], value, channel, {}) for each, value in others.items()]
        values.append({"name": focused, "type": known[focused]["type"], "value": typed, "focused": True})
        leaf[0]["options"] = values
        return self._send(AUTOCOMPLETE, person, channel, data)

    def _known(self, person: Person, channel: Channel, name: str) -> Command:
        guild = channel.guild
        command = None
        if guild is not None:
            command = self._fake.commands.get(guild.id, {}).get((1, name))
        command = command or self._fake.commands.get(None, {}).get((1, name))
        if command is None:
            raise NotPossible(f"there is no command /{name} here")
        contexts, context = command.data.get("contexts"), 1 if guild is None else 0
        if contexts is not None and context not in contexts:
            raise NotPossible(f"/{name} cannot be used here")
        if guild is None and contexts is None and command.data.get("dm_permission") is False:
            raise NotPossible(f"/{name} cannot be used in direct messages")
        if guild is not None:
            may = channel.permissions(person.id)
            needed = command.data.get("default_member_permissions")
            if needed is not None and may & int(needed) != int(needed):
                raise NotPossible(f"/{name} is hidden from {person.name}")
            if needed in ("0", 0) and not may & Permit.ADMINISTRATOR:
                raise NotPossible(f"/{name} is hidden from everybody")
            if not may & Permit.USE_APPLICATION_COMMANDS:
                raise NotPossible(f"{person.name} may not use commands in {channel.name}")
        return command

    def _nest(self, command: Command, name: str) -> tuple[Json, tuple[Json, list[Json]]]:
        """The data of an invocation, its innermost holder of options and what options that knows."""
        data: Json = {"id": str(command.id), "name": command.name, "type": 1}
        if command.guild is not None:
            data["guild_id"] = str(command.guild)
        holder, options = data, command.options
        for step in name.split(" ")[1:]:
            found = [each for each in options if each["name"] == step and each["type"] in (1, 2)]
            if not found:
                raise NotPossible(f"/{name} is no command")
            inner: Json = {"name": step, "type": found[0]["type"]}
            holder["options"] = [inner]
            holder, options = inner, found[0].get("options") or []
        if any(each["type"] in (1, 2) for each in options):
            raise NotPossible(f"/{name} needs a subcommand")
        return data, (holder, options)

    def _option(self, option: Json, value: Value, channel: Channel, resolved: Json) -> Json:
        kind, name = option["type"], option["name"]
        given: Any = str(value.id) if isinstance(value, Person | Channel) else value
        right = {3: str, 4: int, 5: bool, 6: str, 7: str, 8: str, 9: str, 10: (int, float), 11: str}[kind]
        if kind in (6, 7, 8, 9):
            given = str(given)
        if not isinstance(given, right) or (kind in (4, 10) and isinstance(given, bool)):
            raise NotPossible(f"{name} does not take {value!r}")
        if kind == 3:
            if not option.get("min_length", 0) <= len(given) <= option.get("max_length", 6000) or not given:
                raise NotPossible(f"{name} does not take {len(given)} characters")
        elif kind in (4, 10) and not option.get("min_value", given) <= given <= option.get(
            "max_value", given
        ):
            raise NotPossible(f"{name} does not take {given}")
        choices = option.get("choices")
        if choices and given not in [each["value"] for each in choices]:
            raise NotPossible(f"{given!r} is no choice of {name}")
        if kind in (6, 7, 8, 9):
            self._fill.resolve(
                resolved, {6: USERS, 7: CHANNELS, 8: ROLES, 9: MENTIONABLES}[kind], [given], channel, option
            )
        return {"name": name, "type": kind, "value": given}

    # --- components and forms --------------------------------------------------------------------

    def press(
        self, person: Person, message: Message, custom_id: str, values: Sequence[Any] | None, locale: str = ""
    ) -> Exchange:
        """Press a button, or choose ``values`` in a select."""
        if message.deleted or (message.only_for is not None and message.only_for != person.id):
            raise NotPossible(f"{person.name} does not see that message")
        if not message.channel.seen_by(person.id):
            raise NotPossible(f"{person.name} does not see {message.channel.name}")
        found = [each for each in flat(message.components) if each.get("custom_id") == custom_id]
        if not found:
            there = [each["custom_id"] for each in flat(message.components) if "custom_id" in each]
            raise NotPossible(f"{custom_id} is not among {there}")
        component = found[0]
        if component.get("disabled"):
            raise NotPossible(f"{custom_id} is disabled")
        data: Json = {"custom_id": custom_id, "component_type": component["type"], "id": component["id"]}
        if component["type"] in SELECTS:
            data["values"] = self._fill.picked(component, values or ())
            if component["type"] != SELECT:
                data["resolved"] = {}
                self._fill.resolve(
                    data["resolved"], component["type"], data["values"], message.channel, component
                )
        return self._send(COMPONENT, person, message.channel, data, source=message, locale=locale)

    def submit(self, modal: Modal, values: Mapping[str, Value], locale: str = "") -> Exchange:
        """Hand in a form: what stands in it, and what is given here, by custom_id."""
        interaction = modal.exchange.interaction
        fields, resolved = modal.fields, dict[str, Any]()
        if unknown := set(values) - set(fields):
            raise NotPossible(f"the form has no {', '.join(sorted(unknown))}; it has {', '.join(fields)}")
        components: list[Json] = []
        for at, each in enumerate(modal.data["components"], 1):
            out: Json = {"type": each["type"], "id": each.get("id") or at * 2 - 1}
            if each["type"] == 18:
                field = each["component"]
                out["component"] = self._fill.filled(field, values, at * 2, interaction.channel, resolved)
            elif each["type"] == 1:
                field = each["components"][0]
                out["components"] = [self._fill.filled(field, values, at * 2, interaction.channel, resolved)]
            components.append(out)
        data: Json = {"custom_id": modal.custom_id, "components": components}
        if resolved:
            data["resolved"] = resolved
        return self._send(
            SUBMIT,
            interaction.person,
            interaction.channel,
            data,
            source=interaction.source,
            opened_by=interaction,
            locale=locale,
        )

    # --- delivery --------------------------------------------------------------------------------

    def place(self, person: Person, where: Where) -> Channel:
        """The channel that is meant, which the person must see."""
        if where is None:
            return self._fake.dm_channel(person)
        if isinstance(where, Guild):
            where = next(iter(where.channels.values()))
        if where.guild is not None:
            if person.id not in where.guild.members:
                raise NotPossible(f"{person.name} is not in {where.guild.name}")
            if not where.seen_by(person.id):
                raise NotPossible(f"{person.name} does not see {where.name}")
        elif where.recipient is not person:
            raise NotPossible(f"that is not {person.name}'s direct messages")
        return where

    def _send(
        self,
        kind: int,
        person: Person,
        channel: Channel,
        data: Json,
        *,
        source: Message | None = None,
        opened_by: Interaction | None = None,
        locale: str = "",
    ) -> Exchange:
        fake, guild = self._fake, channel.guild
        id, exchange = fake.ids.next(), Exchange()
        owners = {"0": str(guild.id) if guild else "0"}
        user = person.json()
        metadata: Json = {"id": str(id), "type": kind, "user": user, "authorizing_integration_owners": owners}
        if kind == COMMAND:
            metadata |= {"name": data["name"], "command_type": 1}
        elif opened_by is not None:
            metadata["triggering_interaction_metadata"] = opened_by.metadata
        elif source is not None:
            metadata["interacted_message_id"] = str(source.id)
        interaction = Interaction(
            fake, id, token_urlsafe(24), kind, person, channel, fake.now(), metadata, exchange, source
        )
        exchange.interaction = interaction
        fake.interactions[id] = fake.tokens[interaction.token] = interaction
        out = self._payload(interaction, data, owners, locale or person.locale)
        fake.gateway.emit("INTERACTION_CREATE", out, guild=guild, copies=fake.deliver)
        return exchange

    def _payload(self, interaction: Interaction, data: Json, owners: Json, locale: str) -> Json:
        fake, channel, person = self._fake, interaction.channel, interaction.person
        guild = channel.guild
        may = channel.permissions(fake.bot.id)
        out: Json = {
            "id": str(interaction.id),
            "application_id": str(fake.app_id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": channel.json(fake.now()),
            "app_permissions": str(may),
            "locale": locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": owners,
            "context": 0 if guild else 1,
            "attachment_size_limit": 10 * 1024 * 1024,
        }
        if guild is None:
            assert channel.kind == DM
            out["user"] = person.json()
        else:
            theirs = channel.permissions(person.id)
            out["channel"] |= {"permissions": str(theirs)}
            out["member"] = guild.members[person.id].json(theirs)
            out |= {"guild_id": str(guild.id), "guild_locale": guild.locale}
            out["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
        if interaction.source is not None:
            out["message"] = interaction.source.json(fake.now(), bot=fake.bot.id)
        return out

"""Simulated people, who write, react, use commands and click in Discord."""

from __future__ import annotations

import secrets
from typing import Any

from bot.drill.discord_stand_in import payloads
from bot.drill.discord_stand_in.state import Channel, ChannelMessage, Interaction, Json, Person, State
from bot.drill.discord_stand_in.state_changes import StateChanges

# Types of interactions, and of the options of a command by the type of their value (docs: interactions)
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMISSION = 2, 3, 4, 5
OPTION_TYPES: dict[type, int] = {str: 3, int: 4, bool: 5, Channel: 7, float: 10}


class PeopleActions:
    """Actions of simulated people in the stand-in for Discord; returned interactions later hold the bot's answer."""

    def __init__(self, state: State, changes: StateChanges) -> None:
        self._state = state
        self._changes = changes

    def join(self, server_id: int, name: str, *, locale: str = "en-US", role_ids: tuple[int, ...] = ()) -> Person:
        person = self._state.add_person(name, locale=locale)
        self._state.servers[server_id].role_ids_by_member_id[person.id] = list(role_ids)
        return person

    def say(self, person: Person, channel: Channel, text: str) -> ChannelMessage:
        return self._changes.post(channel, person.id, {"content": text})

    def react(self, person: Person, message: ChannelMessage, emoji: str = "🔖") -> None:
        self._changes.react(message, person.id, emoji)

    def unreact(self, person: Person, message: ChannelMessage, emoji: str = "🔖") -> None:
        self._changes.unreact(message, person.id, emoji)

    def use_command(self, person: Person, channel: Channel, name: str, /, **options: Any) -> Interaction:
        """Use a slash command ("feed add"). Raises LookupError when the bot has not registered it."""
        command_data = self._build_command_data(name, options)
        return self._interact(person, channel, COMMAND, command_data)

    def autocomplete(
        self, person: Person, channel: Channel, name: str, focused_option_name: str, **options: Any
    ) -> Interaction:
        command_data = self._build_command_data(name, options, focused_option_name)
        return self._interact(person, channel, AUTOCOMPLETE, command_data)

    def use_menu_entry(self, person: Person, message: ChannelMessage, name: str) -> Interaction:
        """Use the command called `name` in the menu of a message."""
        command_id, command = self._find_command(name, 3)
        command_data: Json = {
            "id": str(command_id),
            "name": command["name"],
            "type": 3,
            "target_id": str(message.id),
        }
        command_data["resolved"] = {"messages": {str(message.id): payloads.build_message(self._state, message)}}
        return self._interact(person, self._state.channels[message.channel_id], COMMAND, command_data)

    def click(self, person: Person, message: ChannelMessage, custom_id: str, *values: str) -> Interaction:
        """Click a button, or choose `values` in a menu."""
        component = next(component for component in message.components() if component.get("custom_id") == custom_id)
        component_data: Json = {
            "custom_id": custom_id,
            "component_type": component["type"],
            "id": component["id"],
        }
        if values:
            component_data["values"] = list(values)
        channel = self._state.channels[message.channel_id]
        return self._interact(person, channel, COMPONENT, component_data, source_message=message)

    def click_labelled(self, person: Person, message: ChannelMessage, label: str) -> Interaction:
        """Click the button with a label."""
        component = next(component for component in message.components() if component.get("label") == label)
        return self.click(person, message, component["custom_id"])

    def _interact(
        self,
        person: Person,
        channel: Channel,
        interaction_type: int,
        interaction_data: Json,
        source_message: ChannelMessage | None = None,
    ) -> Interaction:
        interaction = Interaction(
            id=self._state.create_id(),
            token=secrets.token_urlsafe(40),
            type=interaction_type,
            person_id=person.id,
            channel_id=channel.id,
            source=source_message,
        )
        self._state.interactions[interaction.token] = interaction
        payload = self._build_payload(interaction, person, channel, interaction_data)
        self._changes.gateway.dispatch("INTERACTION_CREATE", payload, server_id=channel.server_id)
        return interaction

    def _build_payload(
        self, interaction: Interaction, person: Person, channel: Channel, interaction_data: Json
    ) -> Json:
        state = self._state
        permissions = state.compute_permissions(person.id, channel)
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(state.bot.id),
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "attachment_size_limit": 10 * 2**20,
            "channel_id": str(channel.id),
            "channel": payloads.build_channel(state, channel) | {"permissions": str(permissions)},
            "data": interaction_data,
            "locale": person.locale,
            "app_permissions": str(state.compute_permissions(state.bot.id, channel)),
            "entitlements": [],
            "authorizing_integration_owners": {},
            "context": 0 if channel.server_id else 1,
        }
        if interaction.source is not None:
            payload["message"] = payloads.build_message(state, interaction.source)
        if channel.server_id is None:
            return payload | {"user": payloads.build_user(person)}
        server = state.servers[channel.server_id]
        return payload | {
            "guild_id": str(server.id),
            "guild": {"id": str(server.id), "locale": server.locale, "features": []},
            "guild_locale": server.locale,
            "member": payloads.build_member(state, server, person.id) | {"permissions": str(permissions)},
            "authorizing_integration_owners": {"0": str(server.id)},
        }

    def _find_command(self, name: str, command_type: int) -> tuple[int, Json]:
        for command_id, command in self._state.commands.items():
            if command["name"] == name and command["type"] == command_type:
                return command_id, command
        raise LookupError(f"no such command: {name}")

    def _build_command_data(self, name: str, options: dict[str, Any], focused_option_name: str | None = None) -> Json:
        command_name, *subcommands = name.split()
        command_id, command = self._find_command(command_name, 1)
        resolved: Json = {}
        option_payloads = [
            self._build_option(option_name, option_value, resolved, focused_option_name)
            for option_name, option_value in options.items()
        ]
        for depth, subcommand in enumerate(reversed(subcommands)):
            option_payloads = [{"name": subcommand, "type": 1 if depth == 0 else 2, "options": option_payloads}]
        command_data: Json = {
            "id": str(command_id),
            "name": command["name"],
            "type": 1,
            "options": option_payloads,
        }
        if resolved:
            command_data["resolved"] = resolved
        return command_data

    def _build_option(self, name: str, option_value: Any, resolved: Json, focused_option_name: str | None) -> Json:
        option: Json = {"name": name, "type": OPTION_TYPES[type(option_value)], "value": option_value}
        if isinstance(option_value, Channel):
            option["value"] = str(option_value.id)
            channel_payload = payloads.build_channel(self._state, option_value) | {"permissions": str((1 << 50) - 1)}
            resolved.setdefault("channels", {})[str(option_value.id)] = channel_payload
        if name == focused_option_name:
            option["focused"] = True
        return option

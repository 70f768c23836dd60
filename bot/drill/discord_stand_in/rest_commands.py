"""Routes of Discord's REST API for commands, application emoji, interactions and their webhooks.

Discord's docs: interactions/receiving-and-responding.
"""

from __future__ import annotations

import time

from bot.drill.discord_stand_in import payloads, rest_webhooks, rules
from bot.drill.discord_stand_in.errors import build_error
from bot.drill.discord_stand_in.rest import Answer, Call, Routes, StandIn
from bot.drill.discord_stand_in.rest_messages import NO_CONTENT, check_body
from bot.drill.discord_stand_in.state import ChannelMessage, Interaction, Json

ROUTES = Routes()
# Templates of paths
COMMANDS_PATH = "/applications/{application}/commands"
EMOJI_PATH = "/applications/{application}/emojis"
ORIGINAL_RESPONSE_PATH = "/webhooks/{webhook}/{token}/messages/@original"
FOLLOWUP_PATH = "/webhooks/{webhook}/{token}/messages/{message}"

# Types of a bot's first answer to an interaction (docs: "Interaction Callback Type")
MESSAGE_CALLBACK, DEFERRED_MESSAGE_CALLBACK, DEFERRED_UPDATE_CALLBACK, UPDATE_CALLBACK = 4, 5, 6, 7
FIRST_ANSWER_SECONDS = 3.0
"""Seconds after an interaction in which the bot must answer for the first time."""
TOKEN_SECONDS = 900.0
"""Seconds after an interaction in which its token allows further answers."""


@ROUTES.add("GET", EMOJI_PATH)
def list_emoji(stand_in: StandIn, call: Call) -> Answer:
    return 200, {"items": list(stand_in.state.emoji.values())}


@ROUTES.add("POST", EMOJI_PATH)
def create_emoji(stand_in: StandIn, call: Call) -> Answer:
    emoji_id = stand_in.state.create_id()
    stand_in.state.emoji[emoji_id] = {
        "id": str(emoji_id),
        "name": call.body["name"],
        "roles": [],
        "user": payloads.build_user(stand_in.state.bot),
        "require_colons": True,
        "managed": False,
        "animated": False,
        "available": True,
    }
    return 201, stand_in.state.emoji[emoji_id]


@ROUTES.add("GET", COMMANDS_PATH)
def list_commands(stand_in: StandIn, call: Call) -> Answer:
    return 200, list(stand_in.state.commands.values())


@ROUTES.add("PUT", COMMANDS_PATH)
def replace_commands(stand_in: StandIn, call: Call) -> Answer:
    rules.check_commands(call.body)
    command_id_by_type_and_name = {
        (old_command["type"], old_command["name"]): command_id
        for command_id, old_command in stand_in.state.commands.items()
    }
    stand_in.state.commands = {}
    for command in call.body:
        command_type = command.get("type") or 1
        command_id = command_id_by_type_and_name.get((command_type, command["name"])) or stand_in.state.create_id()
        stand_in.state.commands[command_id] = build_command_payload(stand_in, command, command_id)
    return 200, list(stand_in.state.commands.values())


def build_command_payload(stand_in: StandIn, command: Json, command_id: int) -> Json:
    permissions = command.get("default_member_permissions")
    return {
        **command,
        "id": str(command_id),
        "application_id": str(stand_in.state.bot.id),
        "version": str(stand_in.state.create_id()),
        "type": command.get("type") or 1,
        "description": command.get("description") or "",
        "default_member_permissions": None if permissions is None else str(permissions),
        "nsfw": bool(command.get("nsfw")),
        "integration_types": command.get("integration_types") or [0],
    }


@ROUTES.add("POST", "/interactions/{interaction}/{token}/callback")
def answer_interaction(stand_in: StandIn, call: Call) -> Answer:
    interaction = stand_in.state.interactions.get(call.path_parameters["token"])
    if interaction is None or interaction.id != call["interaction"]:
        raise build_error(404, 10062)
    if interaction.callback is not None:
        raise build_error(400, 40060)
    if time.monotonic() - interaction.created_at > FIRST_ANSWER_SECONDS:
        raise build_error(404, 10062)
    callback_type = call.body["type"]
    message_body = call.body.get("data") or {}
    if callback_type in {MESSAGE_CALLBACK, UPDATE_CALLBACK}:
        message_body = check_body(call, message_body)
        if callback_type == MESSAGE_CALLBACK:
            rules.check_not_empty(message_body)
    interaction.callback = call.body
    if callback_type == MESSAGE_CALLBACK:
        interaction.message = write_response(stand_in, interaction, message_body)
    elif callback_type == UPDATE_CALLBACK and interaction.source is not None:
        stand_in.changes.edit(interaction.source, message_body)
        interaction.message = interaction.source
    elif callback_type == DEFERRED_UPDATE_CALLBACK:
        interaction.message = interaction.source
    answer: Json = {
        "interaction": {
            "id": str(interaction.id),
            "type": interaction.type,
            "response_message_loading": callback_type == DEFERRED_MESSAGE_CALLBACK,
            "response_message_ephemeral": interaction.ephemeral,
        }
    }
    if callback_type in {MESSAGE_CALLBACK, UPDATE_CALLBACK} and interaction.message is not None:
        answer["interaction"]["response_message_id"] = str(interaction.message.id)
        answer["resource"] = {
            "type": callback_type,
            "message": payloads.build_message(stand_in.state, interaction.message),
        }
    return 200, answer


@ROUTES.add("POST", "/webhooks/{webhook}/{token}")
def follow_up(stand_in: StandIn, call: Call) -> Answer:
    """Send a further answer to an interaction; after a deferred message, the first one fills that message."""
    if rest_webhooks.is_webhook_call(stand_in, call):
        return rest_webhooks.execute_webhook(stand_in, call)
    interaction = find_interaction(stand_in, call)
    body = check_body(call)
    rules.check_not_empty(body)
    is_deferred = interaction.callback is not None and interaction.callback["type"] == DEFERRED_MESSAGE_CALLBACK
    if is_deferred and interaction.message is None:
        interaction.message = write_response(stand_in, interaction, body)
        return 200, payloads.build_message(stand_in.state, interaction.message)
    message = write_response(stand_in, interaction, body, ephemeral=bool((body.get("flags") or 0) & payloads.EPHEMERAL))
    interaction.followups.append(message)
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("PATCH", ORIGINAL_RESPONSE_PATH)
def edit_original(stand_in: StandIn, call: Call) -> Answer:
    interaction = find_interaction(stand_in, call)
    body = check_body(call)
    if interaction.message is None:
        interaction.message = write_response(stand_in, interaction, body)
    else:
        stand_in.changes.edit(interaction.message, body)
    return 200, payloads.build_message(stand_in.state, interaction.message)


@ROUTES.add("GET", FOLLOWUP_PATH)
def get_followup(stand_in: StandIn, call: Call) -> Answer:
    if rest_webhooks.is_webhook_call(stand_in, call):
        return rest_webhooks.get_message(stand_in, call)
    return 200, payloads.build_message(stand_in.state, find_followup(stand_in, call))


@ROUTES.add("PATCH", FOLLOWUP_PATH)
def edit_followup(stand_in: StandIn, call: Call) -> Answer:
    if rest_webhooks.is_webhook_call(stand_in, call):
        return rest_webhooks.edit_message(stand_in, call)
    message = find_followup(stand_in, call)
    stand_in.changes.edit(message, check_body(call))
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("DELETE", FOLLOWUP_PATH)
def delete_followup(stand_in: StandIn, call: Call) -> Answer:
    if rest_webhooks.is_webhook_call(stand_in, call):
        return rest_webhooks.delete_message(stand_in, call)
    stand_in.changes.delete(find_followup(stand_in, call))
    return NO_CONTENT


def find_interaction(stand_in: StandIn, call: Call) -> Interaction:
    interaction = stand_in.state.interactions.get(call.path_parameters["token"])
    if interaction is None:
        raise build_error(404, 10015)
    if interaction.callback is None or time.monotonic() - interaction.created_at > TOKEN_SECONDS:
        raise build_error(404, 10015)
    return interaction


def find_followup(stand_in: StandIn, call: Call) -> ChannelMessage:
    interaction = find_interaction(stand_in, call)
    for message in [*interaction.followups, interaction.message]:
        if message is not None and message.id == call["message"]:
            return message
    raise build_error(404, 10008)


def write_response(
    stand_in: StandIn, interaction: Interaction, body: Json, *, ephemeral: bool | None = None
) -> ChannelMessage:
    is_ephemeral = interaction.ephemeral if ephemeral is None else ephemeral
    flags = (body.get("flags") or 0) | (payloads.EPHEMERAL if is_ephemeral else 0)
    return stand_in.changes.post(
        stand_in.state.channels[interaction.channel_id],
        stand_in.state.bot.id,
        {**body, "flags": flags},
        type=20,  # An answer to a command
        ephemeral_for=interaction.person_id if is_ephemeral else None,
        webhook_id=stand_in.state.bot.id,
        interaction=_build_metadata(stand_in, interaction),
    )


def _build_metadata(stand_in: StandIn, interaction: Interaction) -> Json:
    """Return a message's metadata about the interaction that it answers."""
    metadata: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": payloads.build_user(stand_in.state.people[interaction.person_id]),
        "authorizing_integration_owners": {},
    }
    if interaction.source is not None:
        return metadata | {"interacted_message_id": str(interaction.source.id)}
    return metadata | {"name": "command", "command_type": 1}

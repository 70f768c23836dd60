"""Handlers of REST requests about the bot's webhooks, in the stand-in for Discord (docs: resources/webhook).

An item of a call, such as `call["webhook"]`, is an id in its path. Errors have an HTTP status and one of Discord's
error codes.
"""

from __future__ import annotations

from bot.drill.discord_stand_in import payloads, rules
from bot.drill.discord_stand_in.errors import build_error, build_form_error
from bot.drill.discord_stand_in.rest import Answer, Call, Routes, StandIn
from bot.drill.discord_stand_in.rest_messages import NO_CONTENT, check_body, find_channel
from bot.drill.discord_stand_in.state import Channel, ChannelKind, ChannelMessage, Json, Permission, Webhook

ROUTES = Routes()
MAX_WEBHOOKS = 15
"""Maximum number of webhooks of a channel."""
MAX_NAME_UNITS = 80
"""Maximum length of a webhook's name in UTF-16 units."""
_FORBIDDEN_WORDS = ("clyde", "discord")


@ROUTES.add("GET", "/channels/{channel}/webhooks")
def list_webhooks(stand_in: StandIn, call: Call) -> Answer:
    channel = find_channel(stand_in, call, Permission.MANAGE_WEBHOOKS)
    webhooks = [webhook for webhook in stand_in.state.webhooks.values() if webhook.channel_id == channel.id]
    return 200, [payloads.build_webhook(stand_in.state, webhook) for webhook in webhooks]


@ROUTES.add("POST", "/channels/{channel}/webhooks")
def create_webhook(stand_in: StandIn, call: Call) -> Answer:
    channel = find_channel(stand_in, call, Permission.MANAGE_WEBHOOKS)
    check_name(call.body["name"], "name")
    if sum(webhook.channel_id == channel.id for webhook in stand_in.state.webhooks.values()) >= MAX_WEBHOOKS:
        raise build_error(400, 30007)
    return 200, payloads.build_webhook(stand_in.state, stand_in.changes.add_webhook(channel, call.body["name"]))


@ROUTES.add("GET", "/webhooks/{webhook}")
def get_webhook(stand_in: StandIn, call: Call) -> Answer:
    """Return a webhook; its owner needs no permission."""
    if call["webhook"] not in stand_in.state.webhooks:
        raise build_error(404, 10015)
    return 200, payloads.build_webhook(stand_in.state, stand_in.state.webhooks[call["webhook"]])


def is_webhook_call(stand_in: StandIn, call: Call) -> bool:
    """Return whether a call is about a webhook of a channel, not about the answer to an interaction."""
    return call["webhook"] != stand_in.state.bot.id


def execute_webhook(stand_in: StandIn, call: Call) -> Answer:
    """Post through a webhook; in a forum the post opens a thread."""
    webhook = find_webhook_by_token(stand_in, call)
    channel = find_target_channel(stand_in, webhook, call)
    body = check_body(call)
    rules.check_not_empty(body)
    author = build_author(webhook, body)
    message_body = {key: part for key, part in body.items() if key not in {"nonce", "username", "avatar_url"}}
    if channel.kind is not ChannelKind.FORUM:
        if "thread_name" in body:
            raise build_error(400, 220003)
        message = stand_in.changes.post(channel, webhook.id, message_body, webhook_id=webhook.id, author=author)
        return 200, payloads.build_message(stand_in.state, message)
    if not body.get("thread_name"):
        raise build_error(400, 220001)
    tag_ids = [int(tag_id) for tag_id in body.get("applied_tags") or []]
    if channel.requires_tag and not tag_ids:
        raise build_error(400, 40067)
    rules.check_text(body["thread_name"], "thread_name")
    thread = stand_in.changes.open_thread(
        channel, webhook.id, body["thread_name"], body=message_body, applied_tags=tag_ids, author=author
    )
    return 200, payloads.build_message(stand_in.state, thread.messages[thread.id])


def get_message(stand_in: StandIn, call: Call) -> Answer:
    return 200, payloads.build_message(stand_in.state, find_webhook_message(stand_in, call))


def edit_message(stand_in: StandIn, call: Call) -> Answer:
    message = find_webhook_message(stand_in, call)
    if stand_in.state.channels[message.channel_id].archived:
        raise build_error(400, 50083)
    body = check_body(call)
    rules.check_not_empty({**message.parts, **body})
    rules.check_edit(message.parts, body)
    stand_in.changes.edit(message, body)
    return 200, payloads.build_message(stand_in.state, message)


def delete_message(stand_in: StandIn, call: Call) -> Answer:
    stand_in.changes.delete(find_webhook_message(stand_in, call))
    return NO_CONTENT


def find_webhook_by_token(stand_in: StandIn, call: Call) -> Webhook:
    webhook = stand_in.state.webhooks.get(call["webhook"])
    if webhook is None:
        raise build_error(404, 10015)
    if webhook.token != call.path_parameters["token"]:
        raise build_error(401, 50027)
    return webhook


def find_target_channel(stand_in: StandIn, webhook: Webhook, call: Call) -> Channel:
    """Return the channel of a webhook, or the thread of it that a request names. Raises ApiError."""
    channel_id = int(call.query.get("thread_id", webhook.channel_id))
    channel = stand_in.state.channels.get(channel_id)
    if channel is None or webhook.channel_id not in {channel.id, channel.parent_id}:
        raise build_error(400, 10003)
    return channel


def find_webhook_message(stand_in: StandIn, call: Call) -> ChannelMessage:
    webhook = find_webhook_by_token(stand_in, call)
    message = find_target_channel(stand_in, webhook, call).messages.get(call["message"])
    if message is None or message.webhook_id != webhook.id:
        raise build_error(404, 10008)
    return message


def build_author(webhook: Webhook, body: Json) -> Json:
    """Return the author of a webhook's post as Discord shows it."""
    name = body.get("username") or webhook.name
    check_name(name, "username")
    return payloads.build_webhook_author(webhook, name, body.get("avatar_url"))


def check_name(name: str, field: str) -> None:
    if not 1 <= rules.count_utf16_units(name.strip()) <= MAX_NAME_UNITS:
        raise build_form_error(field, "Must be between 1 and 80 in length.", "BASE_TYPE_BAD_LENGTH")
    for word in _FORBIDDEN_WORDS:
        if word in name.lower():
            raise build_form_error(field, f'Username cannot contain "{word}"', "USERNAME_INVALID_CONTAINS")

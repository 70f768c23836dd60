"""Handlers of REST requests about messages, reactions and threads, in the stand-in for Discord."""

from __future__ import annotations

from bot.drill.discord_stand_in import payloads, rules
from bot.drill.discord_stand_in.errors import build_error, build_form_error
from bot.drill.discord_stand_in.rest import Answer, Call, Routes, StandIn
from bot.drill.discord_stand_in.state import Channel, ChannelKind, ChannelMessage, Json, Permission

ROUTES = Routes()
NO_CONTENT: Answer = (204, None)
MAX_REACTION_EMOJI = 20
"""Maximum number of different emoji with which people react to a message."""
MAX_THREAD_NAME_UNITS = 100
"""Maximum length of a thread's name in UTF-16 units."""
REACTIONS_PATH = "/channels/{channel}/messages/{message}/reactions/{emoji}"


def find_channel(stand_in: StandIn, call: Call, *permissions: Permission) -> Channel:
    """Return the channel of a request. Raises ApiError if it is unknown or hidden, or a permission is missing."""
    channel = stand_in.state.channels.get(call["channel"])
    if channel is None:
        raise build_error(404, 10003)
    if not stand_in.state.has_permissions(stand_in.state.bot.id, channel, Permission.VIEW_CHANNEL):
        raise build_error(403, 50001)
    if not stand_in.state.has_permissions(stand_in.state.bot.id, channel, *permissions):
        raise build_error(403, 50013)
    return channel


def find_message(stand_in: StandIn, call: Call, *permissions: Permission) -> ChannelMessage:
    message = find_channel(stand_in, call, *permissions).messages.get(call["message"])
    if message is None or message.ephemeral_for is not None:
        raise build_error(404, 10008)
    return message


def check_body(call: Call, body: Json | None = None) -> Json:
    """Return the checked body of a message that the bot sends, with its files as attachments. Raises ApiError."""
    body = dict(call.body if body is None else body)
    rules.check_message(body)
    rules.check_attachment_references(body)
    if call.files:
        body["attachments"] = [
            {**attachment, "id": str(attachment["id"]), "size": 1, "url": "https://cdn.example/file", "proxy_url": ""}
            for attachment in body.get("attachments", [])
        ]
    return body


@ROUTES.add("POST", "/channels/{channel}/messages")
def create_message(stand_in: StandIn, call: Call) -> Answer:
    channel = stand_in.state.channels.get(call["channel"])
    is_in_thread = channel is not None and channel.is_thread
    permission = Permission.SEND_MESSAGES_IN_THREADS if is_in_thread else Permission.SEND_MESSAGES
    channel = find_channel(stand_in, call, permission)
    if channel.kind is ChannelKind.FORUM:
        raise build_error(400, 50024)
    body = check_body(call)
    rules.check_not_empty(body)
    bot_id = stand_in.state.bot.id
    if body.get("embeds") and not stand_in.state.has_permissions(bot_id, channel, Permission.EMBED_LINKS):
        raise build_error(403, 50013)
    if channel.locked and not stand_in.state.has_permissions(bot_id, channel, Permission.MANAGE_THREADS):
        raise build_error(403, 50013)
    if channel.recipient_id and not stand_in.state.people[channel.recipient_id].accepts_dm:
        raise build_error(403, 50007)
    if body.get("nonce") is not None and body.get("enforce_nonce"):
        existing_message = stand_in.changes.find_message_by_nonce(bot_id, body["nonce"])
        if existing_message is not None:
            return 200, payloads.build_message(stand_in.state, existing_message)
    reference = body.get("message_reference")
    if reference:
        reference = {"type": 0, "channel_id": str(channel.id), "message_id": str(reference["message_id"])}
    message = stand_in.changes.post(channel, bot_id, body, reference=reference, type=19 if reference else 0)
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("GET", "/channels/{channel}/messages")
def list_messages(stand_in: StandIn, call: Call) -> Answer:
    channel = find_channel(stand_in, call)
    if channel.kind is ChannelKind.FORUM:
        raise build_error(400, 50024)
    if not stand_in.state.has_permissions(stand_in.state.bot.id, channel, Permission.READ_MESSAGE_HISTORY):
        return 200, []
    limit = int(call.query.get("limit", 50))
    messages = channel.history()
    if "before" in call.query:
        messages = [message for message in messages if message.id < int(call.query["before"])][-limit:]
    elif "after" in call.query:
        messages = [message for message in messages if message.id > int(call.query["after"])][:limit]
    elif "around" in call.query:
        middle_id = int(call.query["around"])
        messages = sorted(messages, key=lambda message: abs(message.id - middle_id))[:limit]
        messages.sort(key=lambda message: message.id)
    else:
        messages = messages[-limit:]
    return 200, [payloads.build_message(stand_in.state, message) for message in reversed(messages)]


@ROUTES.add("GET", "/channels/{channel}/messages/{message}")
def get_message(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call, Permission.READ_MESSAGE_HISTORY)
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("PATCH", "/channels/{channel}/messages/{message}")
def edit_message(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call)
    if message.author_id != stand_in.state.bot.id:
        raise build_error(403, 50005)
    if stand_in.state.channels[message.channel_id].archived:
        raise build_error(400, 50083)
    body = check_body(call)
    rules.check_not_empty({**message.parts, **body})
    rules.check_edit(message.parts, body)
    stand_in.changes.edit(message, body)
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("DELETE", "/channels/{channel}/messages/{message}")
def delete_message(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call)
    if message.author_id != stand_in.state.bot.id:
        find_message(stand_in, call, Permission.MANAGE_MESSAGES)
    stand_in.changes.delete(message)
    return NO_CONTENT


@ROUTES.add("POST", "/channels/{channel}/messages/{message}/crosspost")
def crosspost(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call)
    channel = stand_in.state.channels[message.channel_id]
    if channel.kind is not ChannelKind.ANNOUNCEMENT:
        raise build_error(400, 50024)
    is_own_message = message.author_id == stand_in.state.bot.id
    find_channel(stand_in, call, Permission.SEND_MESSAGES if is_own_message else Permission.MANAGE_MESSAGES)
    if message.crossposted:
        raise build_error(400, 40033)
    stand_in.changes.publish(message)
    return 200, payloads.build_message(stand_in.state, message)


@ROUTES.add("POST", "/channels/{channel}/typing")
def start_typing(stand_in: StandIn, call: Call) -> Answer:
    find_channel(stand_in, call)
    return NO_CONTENT


@ROUTES.add("PUT", REACTIONS_PATH + "/@me")
def add_reaction(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call, Permission.READ_MESSAGE_HISTORY)
    if stand_in.state.channels[message.channel_id].archived:
        raise build_error(400, 50083)
    emoji = call.path_parameters["emoji"]
    if not message.reactions.get(emoji):
        find_message(stand_in, call, Permission.ADD_REACTIONS)
        if len(message.reactions) >= MAX_REACTION_EMOJI:
            raise build_error(400, 30010)
    if emoji.isascii() and ":" not in emoji:
        raise build_error(400, 10014)
    stand_in.changes.react(message, stand_in.state.bot.id, emoji)
    return NO_CONTENT


@ROUTES.add("GET", REACTIONS_PATH)
def list_reacting_people(stand_in: StandIn, call: Call) -> Answer:
    """List the people who reacted with an emoji, in the order of their ids (docs: Get Reactions)."""
    message = find_message(stand_in, call, Permission.READ_MESSAGE_HISTORY)
    if call.query.get("type") == "1":
        return 200, []
    min_person_id = int(call.query.get("after", 0))
    person_ids = sorted(
        person_id for person_id in message.reactions.get(call.path_parameters["emoji"], []) if person_id > min_person_id
    )
    limit = int(call.query.get("limit", 25))
    return 200, [payloads.build_user(stand_in.state.people[person_id]) for person_id in person_ids[:limit]]


@ROUTES.add("POST", "/channels/{channel}/threads")
def create_thread(stand_in: StandIn, call: Call) -> Answer:
    """Create a post in a forum, or a thread without a message in another channel."""
    parent = find_channel(stand_in, call, Permission.SEND_MESSAGES)
    if parent.kind is not ChannelKind.FORUM:
        find_channel(stand_in, call, Permission.CREATE_PUBLIC_THREADS)
        thread = stand_in.changes.open_thread(parent, stand_in.state.bot.id, call.body["name"])
        return 201, payloads.build_channel(stand_in.state, thread)
    tag_ids = [int(tag_id) for tag_id in call.body.get("applied_tags") or []]
    if parent.requires_tag and not tag_ids:
        raise build_error(400, 40067)
    if "message" not in call.body:
        raise build_form_error("message", "This field is required", "BASE_TYPE_REQUIRED")
    body = check_body(call, call.body["message"])
    rules.check_not_empty(body)
    if body.get("embeds") and not stand_in.state.has_permissions(stand_in.state.bot.id, parent, Permission.EMBED_LINKS):
        raise build_error(403, 50013)
    rules.check_text(call.body["name"], "name")
    if not call.body["name"].strip() or rules.count_utf16_units(call.body["name"]) > MAX_THREAD_NAME_UNITS:
        raise build_form_error("name", "Must be between 1 and 100 in length.", "BASE_TYPE_BAD_LENGTH")
    thread = stand_in.changes.open_thread(
        parent, stand_in.state.bot.id, call.body["name"], body=body, applied_tags=tag_ids
    )
    payload = payloads.build_channel(stand_in.state, thread)
    payload["message"] = payloads.build_message(stand_in.state, thread.messages[thread.id])
    return 201, payload


@ROUTES.add("POST", "/channels/{channel}/messages/{message}/threads")
def create_thread_of_message(stand_in: StandIn, call: Call) -> Answer:
    message = find_message(stand_in, call, Permission.CREATE_PUBLIC_THREADS)
    if message.id in stand_in.state.channels:
        raise build_error(400, 160004)
    parent = stand_in.state.channels[message.channel_id]
    thread = stand_in.changes.open_thread(parent, stand_in.state.bot.id, call.body["name"], thread_id=message.id)
    return 201, payloads.build_channel(stand_in.state, thread)


@ROUTES.add("GET", "/channels/{channel}/threads/archived/public")
def list_archived_threads(stand_in: StandIn, call: Call) -> Answer:
    parent = find_channel(stand_in, call, Permission.READ_MESSAGE_HISTORY)
    threads = [
        channel for channel in stand_in.state.channels.values() if channel.parent_id == parent.id and channel.archived
    ]
    threads.sort(key=lambda thread: thread.archive_changed_at, reverse=True)
    if "before" in call.query:
        threads = [thread for thread in threads if thread.archive_changed_at < call.query["before"]]
    limit = int(call.query.get("limit", 50))
    thread_payloads = [payloads.build_channel(stand_in.state, thread) for thread in threads[:limit]]
    return 200, {"threads": thread_payloads, "members": [], "has_more": len(threads) > limit}

"""Handlers of REST requests about the bot, servers, channels and people.

Discord's documentation of them: resources/application, guild, channel and user.
"""

from __future__ import annotations

from bot.drill.discord_stand_in import payloads
from bot.drill.discord_stand_in.errors import build_error, build_form_error
from bot.drill.discord_stand_in.rest import Answer, Call, Routes, StandIn
from bot.drill.discord_stand_in.rest_messages import NO_CONTENT, find_channel
from bot.drill.discord_stand_in.state import Permission, Role, Server

ROUTES = Routes()


def find_bot_server(stand_in: StandIn, call: Call) -> Server:
    """Return the server (guild) of a call. Raises ApiError if the bot isn't in the server."""
    bot_server = stand_in.state.servers.get(call["server"])
    if bot_server is None or not bot_server.has_member(stand_in.state.bot.id):
        raise build_error(404, 10004)
    return bot_server


def find_server_of_assignable_role(stand_in: StandIn, call: Call) -> Server:
    """Return the server of a call about a role, if the bot may give the role (docs: permissions).

    Raises ApiError if the bot is not in the server or may not manage roles, or if the role is not below its highest.
    """
    bot_server = find_bot_server(stand_in, call)
    bot_roles = _list_bot_roles(stand_in, bot_server)
    highest_position = max(role.position for role in bot_roles)
    if not can_manage_roles(stand_in, bot_server) or bot_server.roles[call["role"]].position >= highest_position:
        raise build_error(403, 50013)
    return bot_server


def can_manage_roles(stand_in: StandIn, bot_server: Server) -> bool:
    """Return whether the bot has the permission Manage Roles in a server."""
    return any(role.permissions & Permission.MANAGE_ROLES for role in _list_bot_roles(stand_in, bot_server))


def _list_bot_roles(stand_in: StandIn, bot_server: Server) -> list[Role]:
    return [bot_server.roles[role_id] for role_id in bot_server.role_ids_by_member_id[stand_in.state.bot.id]]


@ROUTES.add("GET", "/users/@me")
def get_own_user(stand_in: StandIn, call: Call) -> Answer:
    return 200, payloads.build_own_user(stand_in.state.bot)


@ROUTES.add("GET", "/oauth2/applications/@me")
def get_application(stand_in: StandIn, call: Call) -> Answer:
    return 200, payloads.build_application(stand_in.state)


@ROUTES.add("GET", "/gateway/bot")
def get_gateway(stand_in: StandIn, call: Call) -> Answer:
    limits = stand_in.gateway.limits.to_payload()
    return 200, {"url": stand_in.gateway.url, "shards": stand_in.shard_count, "session_start_limit": limits}


@ROUTES.add("GET", "/guilds/{server}")
def get_server(stand_in: StandIn, call: Call) -> Answer:
    bot_server = find_bot_server(stand_in, call)
    payload = payloads.build_server(stand_in.state, bot_server)
    if call.query.get("with_counts"):
        payload |= {"approximate_member_count": len(bot_server.role_ids_by_member_id), "approximate_presence_count": 1}
    return 200, payload


@ROUTES.add("DELETE", "/users/@me/guilds/{server}")
def leave_server(stand_in: StandIn, call: Call) -> Answer:
    stand_in.changes.kick(find_bot_server(stand_in, call))
    return NO_CONTENT


@ROUTES.add("GET", "/guilds/{server}/channels")
def list_server_channels(stand_in: StandIn, call: Call) -> Answer:
    channels = stand_in.state.list_channels(find_bot_server(stand_in, call).id)
    return 200, [payloads.build_channel(stand_in.state, channel) for channel in channels if not channel.is_thread]


@ROUTES.add("GET", "/guilds/{server}/threads/active")
def list_active_threads(stand_in: StandIn, call: Call) -> Answer:
    channels = stand_in.state.list_channels(find_bot_server(stand_in, call).id)
    active_threads = [
        payloads.build_channel(stand_in.state, channel)
        for channel in channels
        if channel.is_thread and not channel.archived
    ]
    return 200, {"threads": active_threads, "members": [], "has_more": False}


@ROUTES.add("GET", "/guilds/{server}/members/{user}")
def get_server_member(stand_in: StandIn, call: Call) -> Answer:
    bot_server = find_bot_server(stand_in, call)
    if not bot_server.has_member(call["user"]):
        raise build_error(404, 10007)
    return 200, payloads.build_member(stand_in.state, bot_server, call["user"])


@ROUTES.add("GET", "/guilds/{server}/roles/member-counts")
def count_role_members(stand_in: StandIn, call: Call) -> Answer:
    """Count the members with each role but @everyone, for a bot that may manage roles."""
    bot_server = find_bot_server(stand_in, call)
    if not can_manage_roles(stand_in, bot_server):
        raise build_error(403, 50013)
    member_count_by_role_id = {role_id: 0 for role_id in bot_server.roles if role_id != bot_server.id}
    for role_ids in bot_server.role_ids_by_member_id.values():
        for role_id in role_ids:
            member_count_by_role_id[role_id] += 1
    return 200, {str(role_id): count for role_id, count in member_count_by_role_id.items()}


@ROUTES.add("PATCH", "/guilds/{server}/members/@me")
def edit_own_member(stand_in: StandIn, call: Call) -> Answer:
    """Change the avatar, banner or bio of the bot in a server, or reset them with null."""
    bot_server = find_bot_server(stand_in, call)
    for field in ("avatar", "banner"):
        if not (call.body.get(field) or "data:image/png;base64,").startswith("data:image/"):
            raise build_form_error(field, "Invalid image data", "BASE_TYPE_IMAGE")
    bot_server.bot_profile |= {field: call.body[field] for field in ("avatar", "banner", "bio") if field in call.body}
    stand_in.changes.send_own_member_update(bot_server)
    return 200, payloads.build_member(stand_in.state, bot_server, stand_in.state.bot.id)


@ROUTES.add("PUT", "/guilds/{server}/members/{user}/roles/{role}")
def give_role(stand_in: StandIn, call: Call) -> Answer:
    role_ids = find_server_of_assignable_role(stand_in, call).role_ids_by_member_id[call["user"]]
    if call["role"] not in role_ids:
        role_ids.append(call["role"])
    return NO_CONTENT


@ROUTES.add("DELETE", "/guilds/{server}/members/{user}/roles/{role}")
def take_role(stand_in: StandIn, call: Call) -> Answer:
    role_ids = find_server_of_assignable_role(stand_in, call).role_ids_by_member_id[call["user"]]
    if call["role"] in role_ids:
        role_ids.remove(call["role"])
    return NO_CONTENT


@ROUTES.add("GET", "/channels/{channel}")
def get_channel(stand_in: StandIn, call: Call) -> Answer:
    return 200, payloads.build_channel(stand_in.state, find_channel(stand_in, call))


@ROUTES.add("PATCH", "/channels/{channel}")
def edit_channel(stand_in: StandIn, call: Call) -> Answer:
    channel = find_channel(stand_in, call)
    body = call.body
    channel.name = body.get("name") or channel.name
    channel.topic = body.get("topic", channel.topic)
    if channel.is_thread and ("archived" in body or "locked" in body):
        find_channel(stand_in, call, Permission.SEND_MESSAGES_IN_THREADS)
        stand_in.changes.set_archived(
            channel, is_archived=body.get("archived", channel.archived), is_locked=body.get("locked")
        )
    else:
        stand_in.changes.send_channel_update(channel)
    return 200, payloads.build_channel(stand_in.state, channel)


@ROUTES.add("GET", "/users/{user}")
def get_user(stand_in: StandIn, call: Call) -> Answer:
    person = stand_in.state.people.get(call["user"])
    if person is None:
        raise build_error(404, 10013)
    return 200, payloads.build_user(person)


@ROUTES.add("POST", "/users/@me/channels")
def create_direct_channel(stand_in: StandIn, call: Call) -> Answer:
    person = stand_in.state.people.get(int(call.body["recipient_id"]))
    if person is None:
        raise build_error(404, 10013)
    return 200, payloads.build_channel(stand_in.state, stand_in.changes.open_direct_channel(person))

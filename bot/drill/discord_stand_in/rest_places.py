"""Logging in, servers, channels, people (docs: resources/application, guild, channel, user)."""

from __future__ import annotations

from bot.drill.discord_stand_in import payloads
from bot.drill.discord_stand_in.errors import build_error
from bot.drill.discord_stand_in.rest import Answer, Call, Routes, StandIn
from bot.drill.discord_stand_in.rest_messages import NO_CONTENT, find_channel
from bot.drill.discord_stand_in.state import Permission, Server

ROUTES = Routes()


def find_own_server(server: StandIn, call: Call) -> Server:
    """Return the server of a call. Raises ApiError if the bot isn't in it."""
    bot_server = server.state.servers.get(call["server"])
    if bot_server is None or not bot_server.has(server.state.bot.id):
        raise build_error(404, 10004)
    return bot_server


def check_role_is_assignable(server: StandIn, call: Call) -> Server:
    """Return the server of a call about a role that the bot may give (docs: permissions, "Permission Hierarchy")."""
    bot_server = find_own_server(server, call)
    bot_roles = [bot_server.roles[role_id] for role_id in bot_server.members[server.state.bot.id]]
    can_manage_roles = any(role.permissions & Permission.MANAGE_ROLES for role in bot_roles)
    if not can_manage_roles or bot_server.roles[call["role"]].position >= max(role.position for role in bot_roles):
        raise build_error(403, 50013)
    return bot_server


@ROUTES.add("GET", "/users/@me")
def get_own_user(server: StandIn, call: Call) -> Answer:
    return 200, payloads.build_own_user(server.state.bot)


@ROUTES.add("GET", "/oauth2/applications/@me")
def get_application(server: StandIn, call: Call) -> Answer:
    return 200, payloads.build_application(server.state)


@ROUTES.add("GET", "/gateway/bot")
def get_gateway(server: StandIn, call: Call) -> Answer:
    limits = server.gateway.limits.to_payload()
    return 200, {"url": server.gateway.url, "shards": server.shards, "session_start_limit": limits}


@ROUTES.add("GET", "/guilds/{server}")
def get_server(server: StandIn, call: Call) -> Answer:
    bot_server = find_own_server(server, call)
    payload = payloads.build_server(server.state, bot_server)
    if call.query.get("with_counts"):
        payload |= {"approximate_member_count": len(bot_server.members), "approximate_presence_count": 1}
    return 200, payload


@ROUTES.add("GET", "/guilds/{server}/channels")
def list_server_channels(server: StandIn, call: Call) -> Answer:
    channels = server.state.list_channels(find_own_server(server, call).id)
    return 200, [payloads.build_channel(server.state, channel) for channel in channels if not channel.is_thread]


@ROUTES.add("GET", "/guilds/{server}/threads/active")
def list_active_threads(server: StandIn, call: Call) -> Answer:
    channels = server.state.list_channels(find_own_server(server, call).id)
    active_threads = [
        payloads.build_channel(server.state, channel)
        for channel in channels
        if channel.is_thread and not channel.archived
    ]
    return 200, {"threads": active_threads, "members": [], "has_more": False}


@ROUTES.add("GET", "/guilds/{server}/members/{user}")
def get_server_member(server: StandIn, call: Call) -> Answer:
    bot_server = find_own_server(server, call)
    if not bot_server.has(call["user"]):
        raise build_error(404, 10007)
    return 200, payloads.build_member(server.state, bot_server, call["user"])


@ROUTES.add("PUT", "/guilds/{server}/members/{user}/roles/{role}")
def give_role(server: StandIn, call: Call) -> Answer:
    roles = check_role_is_assignable(server, call).members[call["user"]]
    if call["role"] not in roles:
        roles.append(call["role"])
    return NO_CONTENT


@ROUTES.add("DELETE", "/guilds/{server}/members/{user}/roles/{role}")
def take_role(server: StandIn, call: Call) -> Answer:
    roles = check_role_is_assignable(server, call).members[call["user"]]
    if call["role"] in roles:
        roles.remove(call["role"])
    return NO_CONTENT


@ROUTES.add("GET", "/channels/{channel}")
def get_channel(server: StandIn, call: Call) -> Answer:
    return 200, payloads.build_channel(server.state, find_channel(server, call))


@ROUTES.add("PATCH", "/channels/{channel}")
def edit_channel(server: StandIn, call: Call) -> Answer:
    channel = find_channel(server, call)
    body = call.body
    channel.name = body.get("name") or channel.name
    channel.topic = body.get("topic", channel.topic)
    if channel.is_thread and ("archived" in body or "locked" in body):
        find_channel(server, call, Permission.SEND_MESSAGES_IN_THREADS)
        server.acts.archive(channel, archived=body.get("archived", channel.archived), locked=body.get("locked"))
    else:
        server.acts.update_channel(channel)
    return 200, payloads.build_channel(server.state, channel)


@ROUTES.add("GET", "/users/{user}")
def get_user(server: StandIn, call: Call) -> Answer:
    person = server.state.people.get(call["user"])
    if person is None:
        raise build_error(404, 10013)
    return 200, payloads.build_user(person)


@ROUTES.add("POST", "/users/@me/channels")
def open_direct(server: StandIn, call: Call) -> Answer:
    person = server.state.people.get(int(call.body["recipient_id"]))
    if person is None:
        raise build_error(404, 10013)
    return 200, payloads.build_channel(server.state, server.acts.open_direct_channel(person))

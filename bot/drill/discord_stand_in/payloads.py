"""The stand-in's state as Discord shows it: JSON for REST answers and gateway events."""

from __future__ import annotations

import re
import zlib

from bot.drill.discord_stand_in.state import Channel, ChannelMessage, Json, Kind, Person, Role, Server, State, Webhook

SUPPRESS_CROSSPOSTED = 1 << 0  # message flag CROSSPOSTED
EPHEMERAL = 1 << 6
REQUIRE_TAG = 1 << 4  # channel flag
_NULL_IN_SERVER = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "incidents_data",
)
_NULL_IN_APPLICATION = (
    "icon",
    "type",
    "interactions_endpoint_url",
    "role_connections_verification_url",
    "team",
)


def user(person: Person) -> Json:
    return {
        "id": str(person.id),
        "username": person.name.lower().replace(" ", "."),
        "global_name": person.name,
        "discriminator": "0",
        "avatar": None,
        "bot": person.bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_user(person: Person) -> Json:
    return {
        **user(person),
        "mfa_enabled": True,
        "locale": person.locale,
        "verified": True,
        "email": None,
    }


def role(role: Role) -> Json:
    return {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member(state: State, server: Server, person_id: int, *, with_user: bool = True) -> Json:
    payload: Json = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": "2025-01-01T00:00:00.000000+00:00",
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(role_id) for role_id in server.members.get(person_id, [])],
        "mute": False,
        "deaf": False,
    }
    if with_user:
        payload["user"] = user(state.people[person_id])
    return payload


def channel(state: State, channel_record: Channel, *, with_server: bool = True) -> Json:
    """Return a channel or thread as Discord sends it, without its server unless `with_server`."""
    last_message_id = max(channel_record.messages, default=None)
    payload: Json = {
        "id": str(channel_record.id),
        "type": int(channel_record.kind),
        "flags": REQUIRE_TAG if channel_record.requires_tag else 0,
        "last_message_id": str(last_message_id) if last_message_id else None,
    }
    if channel_record.kind is Kind.DM:
        recipient = state.people[channel_record.recipient_id or 0]
        return {**payload, "recipients": [user(recipient)]}
    payload["name"] = channel_record.name
    if with_server:
        payload["guild_id"] = str(channel_record.server_id)
    if channel_record.is_thread:
        return {**payload, **_thread(channel_record)}
    payload |= {
        "position": channel_record.position,
        "parent_id": str(channel_record.parent_id) if channel_record.parent_id else None,
        "topic": channel_record.topic,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": [
            {
                "id": str(overwrite.id),
                "type": overwrite.type,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in channel_record.overwrites
        ],
    }
    if channel_record.kind is Kind.FORUM:
        payload |= {
            "available_tags": channel_record.tags,
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return payload


def _thread(thread_record: Channel) -> Json:
    count = len(thread_record.messages)
    return {
        "parent_id": str(thread_record.parent_id),
        "owner_id": str(thread_record.owner_id),
        "rate_limit_per_user": 0,
        "message_count": count,
        "total_message_sent": count,
        "member_count": 1,
        "applied_tags": [str(tag) for tag in thread_record.applied_tags],
        "thread_metadata": {
            "archived": thread_record.archived,
            "archive_timestamp": thread_record.archive_changed,
            "auto_archive_duration": 1440,
            "locked": thread_record.locked,
            "create_timestamp": thread_record.archive_changed,
        },
    }


def emoji(name: str) -> Json:
    if ":" in name:
        label, _, emoji_id = name.rpartition(":")
        return {"id": emoji_id, "name": label, "animated": False}
    return {"id": None, "name": name}


def message(state: State, message_record: ChannelMessage, *, reader_id: int | None = None) -> Json:
    """Return a message as Discord sends it to the user `reader_id`, or to the bot if None."""
    parts = message_record.parts
    flags = int(parts.get("flags") or 0)
    flags |= SUPPRESS_CROSSPOSTED if message_record.crossposted else 0
    payload: Json = {
        "id": str(message_record.id),
        "channel_id": str(message_record.channel_id),
        "author": message_record.author or user(state.people[message_record.author_id]),
        "type": message_record.type,
        "content": parts.get("content") or "",
        "timestamp": message_record.created,
        "edited_timestamp": message_record.edited,
        "tts": False,
        "mention_everyone": False,
        "mentions": _find_mentioned_users(state, parts.get("content") or ""),
        "mention_roles": [],
        "attachments": parts.get("attachments") or [],
        "embeds": parts.get("embeds") or [],
        "components": parts.get("components") or [],
        "pinned": False,
        "flags": flags,
    }
    reaction_payloads = reactions(message_record, reader_id or state.bot.id)
    if reaction_payloads:
        payload["reactions"] = reaction_payloads
    if message_record.nonce is not None:
        payload["nonce"] = message_record.nonce
    if message_record.reference:
        payload["message_reference"] = message_record.reference
    if message_record.interaction:
        payload["interaction_metadata"] = message_record.interaction
    if message_record.webhook_id:
        payload["webhook_id"] = str(message_record.webhook_id)
        payload["application_id"] = str(state.bot.id)
    return payload


def webhook(state: State, webhook_record: Webhook) -> Json:
    return {
        "id": str(webhook_record.id),
        "type": 1,
        "application_id": str(state.bot.id),
        "channel_id": str(webhook_record.channel_id),
        "guild_id": str(state.channels[webhook_record.channel_id].server_id),
        "name": webhook_record.name,
        "avatar": None,
        "token": webhook_record.token,
        "url": f"https://discord.com/api/webhooks/{webhook_record.id}/{webhook_record.token}",
        "user": user(state.bot),
    }


def signature(webhook_record: Webhook, name: str, avatar_url: str | None) -> Json:
    """Return the author of a webhook's message; Discord stores the picture and gives it a hash."""
    return {
        "id": str(webhook_record.id),
        "username": name,
        "global_name": None,
        "discriminator": "0000",
        "avatar": avatar_url and f"{zlib.crc32(avatar_url.encode()):032x}",
        "bot": True,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def _find_mentioned_users(state: State, content: str) -> list[Json]:
    """Return the people whom a text mentions, whatever `allowed_mentions` says."""
    user_ids = dict.fromkeys(int(number) for number in re.findall(r"<@!?(\d+)>", content))
    return [user(state.people[number]) for number in user_ids if number in state.people]


def reactions(message_record: ChannelMessage, reader_id: int) -> list[Json]:
    return [
        {
            "emoji": emoji(name),
            "count": len(person_ids),
            "count_details": {"burst": 0, "normal": len(person_ids)},
            "burst_colors": [],
            "me": reader_id in person_ids,
            "me_burst": False,
        }
        for name, person_ids in message_record.reactions.items()
        if person_ids
    ]


def server(state: State, server: Server) -> Json:
    """Return a server as Discord's REST API sends it."""
    return {
        **dict.fromkeys(_NULL_IN_SERVER),
        "id": str(server.id),
        "name": server.name,
        "features": ["COMMUNITY", "NEWS"],
        "owner_id": str(server.owner_id),
        "region": "deprecated",
        "afk_timeout": 300,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 1,
        "roles": [role(server_role) for server_role in server.roles.values()],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 2,
        "max_presences": None,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": server.locale,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
    }


def server_create(state: State, server_record: Server) -> Json:
    """Return a server as in GUILD_CREATE: with channels, active threads and the bot as the only member."""
    channels = state.list_channels(server_record.id)
    return {
        **server(state, server_record),
        "joined_at": "2025-01-01T00:00:00.000000+00:00",
        "large": False,
        "unavailable": False,
        "member_count": len(server_record.members),
        "voice_states": [],
        "members": [member(state, server_record, state.bot.id)],
        "channels": [
            channel(state, channel_record, with_server=False)
            for channel_record in channels
            if not channel_record.is_thread
        ],
        "threads": [channel(state, thread) for thread in channels if thread.is_thread and not thread.archived],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application(state: State) -> Json:
    bot = state.bot
    return {
        **dict.fromkeys(_NULL_IN_APPLICATION),
        "id": str(bot.id),
        "name": bot.name,
        "description": "",
        "bot": user(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "owner": user(state.owner),
        "approximate_guild_count": len(state.servers),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }


def message_event(state: State, message_record: ChannelMessage) -> Json:
    """Return a message as in MESSAGE_CREATE and MESSAGE_UPDATE."""
    payload = message(state, message_record)
    server_id = state.channels[message_record.channel_id].server_id
    if server_id is not None:
        payload["guild_id"] = str(server_id)
        server_record = state.servers[server_id]
        if server_record.has(message_record.author_id):
            payload["member"] = member(state, server_record, message_record.author_id, with_user=False)
    return payload


def reaction_event(
    state: State, message_record: ChannelMessage, person_id: int, emoji_name: str, *, added: bool
) -> Json:
    payload: Json = {
        "user_id": str(person_id),
        "channel_id": str(message_record.channel_id),
        "message_id": str(message_record.id),
        "emoji": emoji(emoji_name),
        "type": 0,
        "burst": False,
    }
    if added:
        payload |= {"burst_colors": [], "message_author_id": str(message_record.author_id)}
    server_id = state.channels[message_record.channel_id].server_id
    if server_id is not None:
        payload["guild_id"] = str(server_id)
        if added:
            payload["member"] = member(state, state.servers[server_id], person_id)
    return payload

"""The state of the stand-in for Discord, as Discord shows it: JSON for REST answers and gateway events."""

from __future__ import annotations

import re
import zlib

from bot.drill.discord_stand_in.state import (
    Channel,
    ChannelKind,
    ChannelMessage,
    Json,
    Person,
    Role,
    Server,
    State,
    Webhook,
)

CROSSPOSTED = 1 << 0  # message flag
EPHEMERAL = 1 << 6  # message flag
REQUIRE_TAG = 1 << 4  # channel flag
# Fields that are null in every answer about a server or an application
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


def build_user(person: Person) -> Json:
    return {
        "id": str(person.id),
        "username": person.name.lower().replace(" ", "."),
        "global_name": person.name,
        "discriminator": "0",
        "avatar": None,
        "bot": person.is_bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def build_own_user(person: Person) -> Json:
    return {
        **build_user(person),
        "mfa_enabled": True,
        "locale": person.locale,
        "verified": True,
        "email": None,
    }


def build_role(role: Role) -> Json:
    return {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def build_member(state: State, server: Server, person_id: int, *, with_user: bool = True) -> Json:
    profile = server.bot_profile if person_id == state.bot.id else {}
    hash_by_field = {
        field: f"{zlib.crc32(picture.encode()):032x}" if (picture := profile.get(field)) else None
        for field in ("avatar", "banner")
    }
    payload: Json = {
        **hash_by_field,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": "2025-01-01T00:00:00.000000+00:00",
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(role_id) for role_id in server.role_ids_by_member_id.get(person_id, [])],
        "mute": False,
        "deaf": False,
    }
    if with_user:
        payload["user"] = build_user(state.people[person_id])
    return payload


def build_channel(state: State, channel: Channel, *, with_server: bool = True) -> Json:
    """Return a channel or thread as Discord sends it, without its server unless `with_server`."""
    last_message_id = max(channel.messages, default=None)
    payload: Json = {
        "id": str(channel.id),
        "type": int(channel.kind),
        "flags": REQUIRE_TAG if channel.requires_tag else 0,
        "last_message_id": str(last_message_id) if last_message_id else None,
    }
    if channel.kind is ChannelKind.DM:
        recipient = state.people[channel.recipient_id or 0]
        return {**payload, "recipients": [build_user(recipient)]}
    payload["name"] = channel.name
    if with_server:
        payload["guild_id"] = str(channel.server_id)
    if channel.is_thread:
        return {**payload, **_build_thread_fields(channel)}
    payload |= {
        "position": channel.position,
        "parent_id": str(channel.parent_id) if channel.parent_id else None,
        "topic": channel.topic,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": [
            {
                "id": str(overwrite.id),
                "type": overwrite.type,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in channel.overwrites
        ],
    }
    if channel.kind is ChannelKind.VOICE:
        payload |= {"bitrate": 64_000, "user_limit": 0}
    if channel.kind is ChannelKind.FORUM:
        payload |= {
            "available_tags": channel.tags,
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return payload


def _build_thread_fields(thread: Channel) -> Json:
    count = len(thread.messages)
    return {
        "parent_id": str(thread.parent_id),
        "owner_id": str(thread.owner_id),
        "rate_limit_per_user": 0,
        "message_count": count,
        "total_message_sent": count,
        "member_count": 1,
        "applied_tags": [str(tag) for tag in thread.applied_tags],
        "thread_metadata": {
            "archived": thread.archived,
            "archive_timestamp": thread.archive_changed_at,
            "auto_archive_duration": 1440,
            "locked": thread.locked,
            "create_timestamp": thread.archive_changed_at,
        },
    }


def build_emoji(emoji_key: str) -> Json:
    """Return an emoji as Discord sends it; `emoji_key` is `name:id`, or the character of a standard emoji."""
    if ":" in emoji_key:
        name, _, emoji_id = emoji_key.rpartition(":")
        return {"id": emoji_id, "name": name, "animated": False}
    return {"id": None, "name": emoji_key}


def build_message(state: State, message: ChannelMessage, *, reader_id: int | None = None) -> Json:
    """Return a message as Discord sends it to the user `reader_id`, or to the bot if None."""
    parts = message.parts
    flags = int(parts.get("flags") or 0)
    flags |= CROSSPOSTED if message.crossposted else 0
    payload: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "author": message.author or build_user(state.people[message.author_id]),
        "type": message.type,
        "content": parts.get("content") or "",
        "timestamp": message.created_at,
        "edited_timestamp": message.edited_at,
        "tts": False,
        "mention_everyone": False,
        "mentions": _find_mentioned_users(state, parts.get("content") or ""),
        "mention_roles": re.findall(r"<@&(\d+)>", parts.get("content") or ""),
        "attachments": parts.get("attachments") or [],
        "embeds": parts.get("embeds") or [],
        "components": parts.get("components") or [],
        "pinned": False,
        "flags": flags,
    }
    reaction_payloads = build_reactions(message, reader_id or state.bot.id)
    if reaction_payloads:
        payload["reactions"] = reaction_payloads
    if message.nonce is not None:
        payload["nonce"] = message.nonce
    if message.reference:
        payload["message_reference"] = message.reference
    if message.interaction:
        payload["interaction_metadata"] = message.interaction
    if message.webhook_id:
        payload["webhook_id"] = str(message.webhook_id)
        payload["application_id"] = str(state.bot.id)
    return payload


def build_webhook(state: State, webhook: Webhook) -> Json:
    return {
        "id": str(webhook.id),
        "type": 1,
        "application_id": str(state.bot.id),
        "channel_id": str(webhook.channel_id),
        "guild_id": str(state.channels[webhook.channel_id].server_id),
        "name": webhook.name,
        "avatar": None,
        "token": webhook.token,
        "url": f"https://discord.com/api/webhooks/{webhook.id}/{webhook.token}",
        "user": build_user(state.bot),
    }


def build_webhook_author(webhook: Webhook, name: str, avatar_url: str | None) -> Json:
    """Return the author of a webhook's message; Discord stores the picture and gives it a hash."""
    return {
        "id": str(webhook.id),
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
    return [build_user(state.people[user_id]) for user_id in user_ids if user_id in state.people]


def build_reactions(message: ChannelMessage, reader_id: int) -> list[Json]:
    return [
        {
            "emoji": build_emoji(emoji_key),
            "count": len(person_ids),
            "count_details": {"burst": 0, "normal": len(person_ids)},
            "burst_colors": [],
            "me": reader_id in person_ids,
            "me_burst": False,
        }
        for emoji_key, person_ids in message.reactions.items()
        if person_ids
    ]


def build_server(state: State, server: Server) -> Json:
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
        "roles": [build_role(server_role) for server_role in server.roles.values()],
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


def build_server_create_event(state: State, server: Server) -> Json:
    """Return a server as in GUILD_CREATE: with channels, active threads and the bot as the only member."""
    channels = state.list_channels(server.id)
    return {
        **build_server(state, server),
        "joined_at": "2025-01-01T00:00:00.000000+00:00",
        "large": False,
        "unavailable": False,
        "member_count": len(server.role_ids_by_member_id),
        "voice_states": [],
        "members": [build_member(state, server, state.bot.id)],
        "channels": [build_channel(state, channel, with_server=False) for channel in channels if not channel.is_thread],
        "threads": [build_channel(state, thread) for thread in channels if thread.is_thread and not thread.archived],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def build_application(state: State) -> Json:
    bot = state.bot
    return {
        **dict.fromkeys(_NULL_IN_APPLICATION),
        "id": str(bot.id),
        "name": bot.name,
        "description": "",
        "bot": build_user(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "owner": build_user(state.bot_owner),
        "approximate_guild_count": len(state.servers),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }


def build_message_event(state: State, message: ChannelMessage) -> Json:
    """Return a message as in MESSAGE_CREATE and MESSAGE_UPDATE."""
    payload = build_message(state, message)
    server_id = state.channels[message.channel_id].server_id
    if server_id is not None:
        payload["guild_id"] = str(server_id)
        server = state.servers[server_id]
        if server.has_member(message.author_id):
            payload["member"] = build_member(state, server, message.author_id, with_user=False)
    return payload


def build_reaction_event(
    state: State, message: ChannelMessage, person_id: int, emoji_key: str, *, is_added: bool
) -> Json:
    payload: Json = {
        "user_id": str(person_id),
        "channel_id": str(message.channel_id),
        "message_id": str(message.id),
        "emoji": build_emoji(emoji_key),
        "type": 0,
        "burst": False,
    }
    if is_added:
        payload |= {"burst_colors": [], "message_author_id": str(message.author_id)}
    server_id = state.channels[message.channel_id].server_id
    if server_id is not None:
        payload["guild_id"] = str(server_id)
        if is_added:
            payload["member"] = build_member(state, state.servers[server_id], person_id)
    return payload

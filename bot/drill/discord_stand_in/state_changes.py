"""Changes in the stand-in for Discord, whoever causes them, each with the event that reports it."""

from __future__ import annotations

from typing import Any

from bot.drill.discord_stand_in import payloads, rules
from bot.drill.discord_stand_in.errors import build_error
from bot.drill.discord_stand_in.gateway import (
    DM_MESSAGES,
    DM_REACTIONS,
    GUILD_MESSAGES,
    GUILD_REACTIONS,
    GUILDS,
    Gateway,
)
from bot.drill.discord_stand_in.state import (
    EVERYONE_PERMISSIONS,
    Channel,
    ChannelKind,
    ChannelMessage,
    Json,
    Overwrite,
    Permission,
    Person,
    Role,
    Server,
    State,
    Webhook,
)

# Intents for the events of messages and reactions, in servers and direct messages
MESSAGE_INTENTS = GUILD_MESSAGES | DM_MESSAGES
REACTION_INTENTS = GUILD_REACTIONS | DM_REACTIONS


class StateChanges:
    """Changes of Discord's state, each complete in one step, with the events that they cause."""

    def __init__(self, state: State, gateway: Gateway) -> None:
        self.state = state
        self.gateway = gateway
        self.nonce_window_seconds = 300.0  # "within a few minutes" is all that Discord says
        self._sent_messages_by_nonce: dict[tuple[int, str], tuple[ChannelMessage, float]] = {}

    # Messages

    def find_message_by_nonce(self, author_id: int, nonce: str | int) -> ChannelMessage | None:
        """Return the message that an author sent with a nonce in the last minutes, in any channel, or None."""
        message, sent_at = self._sent_messages_by_nonce.get((author_id, str(nonce)), (None, 0.0))
        if message is None or self.state.now() - sent_at >= self.nonce_window_seconds:
            return None
        return message

    def forget_nonces(self) -> None:
        """End the few minutes in which Discord recognizes the nonces sent so far."""
        self._sent_messages_by_nonce.clear()

    def post(
        self, channel: Channel, author_id: int, body: Json, *, message_id: int | None = None, **fields: Any
    ) -> ChannelMessage:
        """Post a message in a channel; an archived thread opens again."""
        message = ChannelMessage(
            id=message_id or self.state.create_id(),
            channel_id=channel.id,
            author_id=author_id,
            parts=rules.normalize_message(body),
            created_at=self.state.format_now(),
            nonce=body.get("nonce"),
            notified_role_ids=rules.find_notified_role_ids(self.state, channel, author_id, body),
            **fields,
        )
        channel.messages[message.id] = message
        if message.nonce is not None:
            self._sent_messages_by_nonce[author_id, str(message.nonce)] = (message, self.state.now())
        if channel.archived:
            self.set_archived(channel, is_archived=False)
        if message.ephemeral_for is None:
            self._dispatch_channel_event(
                channel, "MESSAGE_CREATE", payloads.build_message_event(self.state, message), MESSAGE_INTENTS
            )
        return message

    def edit(self, message: ChannelMessage, body: Json) -> None:
        parts = rules.normalize_message(
            {**message.parts, **{key: part for key, part in body.items() if part is not None}}
        )
        for key in ("content", "embeds", "components"):
            if key in body and not body[key]:
                parts[key] = "" if key == "content" else []
        message.parts = parts
        message.edited_at = self.state.format_now()
        message.edit_count += 1
        channel = self.state.channels[message.channel_id]
        if message.ephemeral_for is None:
            self._dispatch_channel_event(
                channel, "MESSAGE_UPDATE", payloads.build_message_event(self.state, message), MESSAGE_INTENTS
            )

    def delete(self, message: ChannelMessage) -> None:
        channel = self.state.channels[message.channel_id]
        del channel.messages[message.id]
        payload: Json = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.server_id:
            payload["guild_id"] = str(channel.server_id)
        self._dispatch_channel_event(channel, "MESSAGE_DELETE", payload, MESSAGE_INTENTS)

    def publish(self, message: ChannelMessage) -> None:
        """Publish a message of an announcement channel to its followers."""
        message.crossposted = True
        channel = self.state.channels[message.channel_id]
        self._dispatch_channel_event(
            channel, "MESSAGE_UPDATE", payloads.build_message_event(self.state, message), MESSAGE_INTENTS
        )

    def react(self, message: ChannelMessage, person_id: int, emoji_key: str) -> None:
        person_ids = message.reactions.setdefault(emoji_key, [])
        if person_id in person_ids:
            return
        person_ids.append(person_id)
        self._dispatch_reaction(message, person_id, emoji_key, is_added=True)

    def unreact(self, message: ChannelMessage, person_id: int, emoji_key: str) -> None:
        person_ids = message.reactions.get(emoji_key, [])
        if person_id in person_ids:
            person_ids.remove(person_id)
            self._dispatch_reaction(message, person_id, emoji_key, is_added=False)

    def add_webhook(self, channel: Channel, name: str) -> Webhook:
        """Create a webhook of the bot's application."""
        webhook_id = self.state.create_id()
        token = f"{webhook_id}{'s3cretT0ken' * 5}"
        webhook = Webhook(id=webhook_id, channel_id=channel.id, name=name, token=token)
        self.state.webhooks[webhook.id] = webhook
        return webhook

    # Channels and threads

    def add_channel(self, server: Server, name: str, kind: ChannelKind = ChannelKind.TEXT, **fields: Any) -> Channel:
        channel = Channel(
            id=self.state.create_id(),
            kind=kind,
            name=name,
            server_id=server.id,
            position=len(self.state.list_channels(server.id)),
            **fields,
        )
        self.state.channels[channel.id] = channel
        self._dispatch_channel_event(channel, "CHANNEL_CREATE", payloads.build_channel(self.state, channel), GUILDS)
        return channel

    def open_thread(
        self,
        parent: Channel,
        owner_id: int,
        name: str,
        *,
        body: Json | None = None,
        author: Json | None = None,
        **fields: Any,
    ) -> Channel:
        """Open a thread, in a forum with a message `body`, which has the id of the thread.

        With an `author`, a webhook opens it.
        """
        thread_id = fields.pop("thread_id", None) or self.state.create_id()
        is_announcement = parent.kind is ChannelKind.ANNOUNCEMENT
        thread = Channel(
            id=thread_id,
            kind=ChannelKind.ANNOUNCEMENT_THREAD if is_announcement else ChannelKind.PUBLIC_THREAD,
            name=name,
            server_id=parent.server_id,
            parent_id=parent.id,
            owner_id=owner_id,
            archive_changed_at=self.state.format_now(),
            **fields,
        )
        self.state.channels[thread.id] = thread
        payload = payloads.build_channel(self.state, thread) | {"newly_created": True}
        self._dispatch_channel_event(thread, "THREAD_CREATE", payload, GUILDS)
        if body is not None:
            webhook_id = owner_id if author is not None else None
            self.post(thread, owner_id, body, message_id=thread.id, webhook_id=webhook_id, author=author)
        return thread

    def set_archived(self, thread: Channel, *, is_archived: bool = True, is_locked: bool | None = None) -> None:
        """Archive a thread or open it again, and lock or unlock it; `is_locked` None leaves the lock as it is."""
        thread.archived = is_archived
        thread.locked = thread.locked if is_locked is None else is_locked
        thread.archive_changed_at = self.state.format_now()
        self._dispatch_channel_event(thread, "THREAD_UPDATE", payloads.build_channel(self.state, thread), GUILDS)

    def remove_channel(self, channel: Channel) -> None:
        for thread in [candidate for candidate in self.state.channels.values() if candidate.parent_id == channel.id]:
            del self.state.channels[thread.id]
        del self.state.channels[channel.id]
        event_name = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        payload = payloads.build_channel(self.state, channel)
        self.gateway.dispatch(event_name, payload, server_id=channel.server_id, intents=GUILDS)

    def send_channel_update(self, channel: Channel) -> None:
        """Tell the bot, by an event, of a change that was made to a channel before."""
        event_name = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self._dispatch_channel_event(channel, event_name, payloads.build_channel(self.state, channel), GUILDS)

    def deny(self, channel: Channel, *permissions: Permission, person: Person | None = None) -> None:
        """Take permissions in a channel from a person, by default the bot."""
        overwrite_channel, overwrite = self._get_or_add_overwrite(channel, person or self.state.bot)
        for permission in permissions:
            overwrite.deny |= permission
            overwrite.allow &= ~permission
        self.send_channel_update(overwrite_channel)

    def allow(self, channel: Channel, *permissions: Permission, person: Person | None = None) -> None:
        """Give permissions in a channel to a person, by default the bot."""
        overwrite_channel, overwrite = self._get_or_add_overwrite(channel, person or self.state.bot)
        for permission in permissions:
            overwrite.allow |= permission
            overwrite.deny &= ~permission
        self.send_channel_update(overwrite_channel)

    def open_direct_channel(self, person: Person) -> Channel:
        """Return the channel of direct messages between the bot and a person. Raises ApiError if they accept none."""
        for channel in self.state.channels.values():
            if channel.recipient_id == person.id:
                return channel
        if not person.accepts_dm:
            raise build_error(403, 50007)
        channel = Channel(id=self.state.create_id(), kind=ChannelKind.DM, name="", recipient_id=person.id)
        self.state.channels[channel.id] = channel
        self.gateway.dispatch("CHANNEL_CREATE", payloads.build_channel(self.state, channel), intents=DM_MESSAGES)
        return channel

    # Servers

    def add_server(
        self,
        name: str,
        *,
        locale: str = "en-US",
        with_bot: bool = True,
        shard: tuple[int, int] | None = None,
    ) -> Server:
        """Create a server, with the bot in it unless `with_bot` is False.

        `shard` holds the number of the server's shard and the number of all shards.
        """
        server = Server(id=self.state.create_id(shard), name=name, owner_id=self.state.bot_owner.id, locale=locale)
        server.roles[server.id] = Role(id=server.id, name="@everyone", permissions=EVERYONE_PERMISSIONS)
        server.role_ids_by_member_id[self.state.bot_owner.id] = []
        self.state.servers[server.id] = server
        if with_bot:
            self.invite(server)
        return server

    def invite(self, server: Server, permissions: int = int(Permission.MANAGE_MESSAGES)) -> None:
        """Let the bot join a server, with a role of its own."""
        role = Role(id=self.state.create_id(), name=self.state.bot.name, permissions=permissions, position=1)
        server.roles[role.id] = role
        server.role_ids_by_member_id[self.state.bot.id] = [role.id]
        payload = payloads.build_server_create_event(self.state, server)
        del payload["unavailable"]  # only a server that was there before is told to be available
        self.gateway.dispatch("GUILD_CREATE", payload, server_id=server.id, intents=GUILDS)

    def send_own_member_update(self, server: Server) -> None:
        """Tell the bot that its own member changed, for which it needs no intent."""
        payload = payloads.build_member(self.state, server, self.state.bot.id) | {"guild_id": str(server.id)}
        self.gateway.dispatch("GUILD_MEMBER_UPDATE", payload, server_id=server.id, intents=GUILDS)

    def kick(self, server: Server) -> None:
        """Remove the bot from a server; its messages stay."""
        for role_id in server.role_ids_by_member_id.pop(self.state.bot.id):
            del server.roles[role_id]
        self.gateway.dispatch("GUILD_DELETE", {"id": str(server.id)}, server_id=server.id, intents=GUILDS)

    def begin_outage(self, server: Server) -> None:
        server.is_available = False
        payload = {"id": str(server.id), "unavailable": True}
        self.gateway.dispatch("GUILD_DELETE", payload, server_id=server.id, intents=GUILDS)

    def end_outage(self, server: Server) -> None:
        server.is_available = True
        self.gateway.dispatch(
            "GUILD_CREATE", payloads.build_server_create_event(self.state, server), server_id=server.id, intents=GUILDS
        )

    def add_role(self, server: Server, name: str, *, mentionable: bool = False) -> Role:
        """Create a role that grants nothing, above @everyone and below all others."""
        for existing_role in server.roles.values():
            existing_role.position += existing_role.id != server.id
        role = Role(id=self.state.create_id(), name=name, permissions=0, position=1, mentionable=mentionable)
        server.roles[role.id] = role
        payload = {"guild_id": str(server.id), "role": payloads.build_role(role)}
        self.gateway.dispatch("GUILD_ROLE_CREATE", payload, server_id=server.id, intents=GUILDS)
        return role

    def change_role(self, server: Server, role: Role, permissions: int) -> None:
        role.permissions = permissions
        payload = {"guild_id": str(server.id), "role": payloads.build_role(role)}
        self.gateway.dispatch("GUILD_ROLE_UPDATE", payload, server_id=server.id, intents=GUILDS)

    def _get_or_add_overwrite(self, channel: Channel, person: Person) -> tuple[Channel, Overwrite]:
        """Return the channel whose overwrites apply (a thread's parent), and its overwrite for a person."""
        overwrite_channel = (
            self.state.channels[channel.parent_id] if channel.is_thread and channel.parent_id else channel
        )
        for overwrite in overwrite_channel.overwrites:
            if overwrite.id == person.id:
                return overwrite_channel, overwrite
        overwrite = Overwrite(id=person.id, type=1)
        overwrite_channel.overwrites.append(overwrite)
        return overwrite_channel, overwrite

    def _dispatch_channel_event(self, channel: Channel, event_name: str, payload: Json, intents: int) -> None:
        """Push an event of a channel, unless its server is unavailable or without the bot.

        Events of messages and reactions are pushed only if the bot can see the channel.
        """
        if channel.server_id is None:
            self.gateway.dispatch(event_name, payload, intents=intents & (DM_MESSAGES | DM_REACTIONS))
            return
        server = self.state.servers[channel.server_id]
        permissions = self.state.compute_permissions(self.state.bot.id, channel)
        if not server.is_available or not server.has_member(self.state.bot.id):
            return
        if intents == GUILDS or permissions & Permission.VIEW_CHANNEL:
            intents &= GUILDS | GUILD_MESSAGES | GUILD_REACTIONS
            self.gateway.dispatch(event_name, payload, server_id=server.id, intents=intents)

    def _dispatch_reaction(self, message: ChannelMessage, person_id: int, emoji_key: str, *, is_added: bool) -> None:
        event_name = "MESSAGE_REACTION_ADD" if is_added else "MESSAGE_REACTION_REMOVE"
        payload = payloads.build_reaction_event(self.state, message, person_id, emoji_key, is_added=is_added)
        self._dispatch_channel_event(self.state.channels[message.channel_id], event_name, payload, REACTION_INTENTS)

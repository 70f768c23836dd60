"""State of the stand-in for Discord: people, servers, channels, messages and permissions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import Any

from bot.drill.discord_stand_in.message_text import find_headline

Json = dict[str, Any]
DISCORD_EPOCH_MS = 1_420_070_400_000
DEFERRED = 5  # type of a callback: a message follows


class ChannelKind(IntEnum):
    """Type of a channel, by Discord's numbers."""

    TEXT = 0
    DM = 1
    VOICE = 2
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    FORUM = 15


THREAD_KINDS = {ChannelKind.ANNOUNCEMENT_THREAD, ChannelKind.PUBLIC_THREAD}


class Permission(IntFlag):
    """Bits of the permissions that the stand-in for Discord checks."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


ALL_PERMISSIONS = (1 << 50) - 1
EVERYONE_PERMISSIONS = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


@dataclass(kw_only=True)
class Person:
    """User of Discord; the bot is one, too."""

    id: int
    name: str
    is_bot: bool = False
    locale: str = "en-US"
    accepts_dm: bool = True


@dataclass(kw_only=True)
class Role:
    """A role of a server; the one with the server's id is @everyone."""

    id: int
    name: str
    permissions: int
    position: int = 0
    mentionable: bool = False


@dataclass(kw_only=True)
class Overwrite:
    """Permissions that a channel allows or denies a role (type 0) or a member (type 1)."""

    id: int
    type: int
    allow: int = 0
    deny: int = 0


@dataclass(kw_only=True)
class ChannelMessage:
    """Message in a channel; `parts` are its content, embeds, components, attachments and flags as accepted.

    `ephemeral_for` is the id of the only person who sees it, or None if everyone does. `notified_role_ids` are the
    roles whose members got a notification, which only the first version of a message gives.
    """

    id: int
    channel_id: int
    author_id: int
    parts: Json
    created_at: str
    edited_at: str | None = None
    nonce: str | int | None = None
    type: int = 0
    reference: Json | None = None
    crossposted: bool = False
    ephemeral_for: int | None = None
    interaction: Json | None = None
    webhook_id: int | None = None
    author: Json | None = None  # the name and picture of a webhook's post
    reactions: dict[str, list[int]] = field(default_factory=dict)  # emoji: who, in order
    edit_count: int = 0
    notified_role_ids: tuple[int, ...] = ()

    @property
    def embeds(self) -> list[Json]:
        embeds: list[Json] = self.parts.get("embeds") or []
        return embeds

    @property
    def title(self) -> str | None:
        """Title of the message's embed or layout, or None if it has none."""
        return self.embeds[0]["title"] if self.embeds else find_headline(self.parts.get("components") or [])

    def render_visible_text(self) -> str:
        """Return the message's embeds and components as JSON, in which a test can look for words."""
        return json.dumps([self.embeds, self.parts.get("components") or []])

    @property
    def content(self) -> str:
        return self.parts.get("content") or ""

    def components(self) -> Iterator[Json]:
        """Yield all components of the message, nested ones too."""
        pending_components = list(self.parts.get("components") or [])
        while pending_components:
            component = pending_components.pop(0)
            yield component
            pending_components += component.get("components") or []
            if "accessory" in component:
                pending_components.append(component["accessory"])

    def list_custom_ids(self) -> list[str]:
        return [component["custom_id"] for component in self.components() if component.get("custom_id")]


@dataclass(kw_only=True)
class Channel:
    """A channel of any kind; a thread has a parent, a direct message a recipient and no server."""

    id: int
    kind: ChannelKind
    name: str
    server_id: int | None = None
    position: int = 0
    parent_id: int | None = None
    owner_id: int | None = None
    recipient_id: int | None = None
    overwrites: list[Overwrite] = field(default_factory=list)
    messages: dict[int, ChannelMessage] = field(default_factory=dict)
    topic: str | None = None
    archived: bool = False
    locked: bool = False
    archive_changed_at: str = "2025-01-01T00:00:00.000000+00:00"
    tags: list[Json] = field(default_factory=list)
    applied_tags: list[int] = field(default_factory=list)
    requires_tag: bool = False

    @property
    def is_thread(self) -> bool:
        return self.kind in THREAD_KINDS

    def history(self) -> list[ChannelMessage]:
        """Return the messages that everyone can read, oldest first."""
        return [message for message in self.messages.values() if message.ephemeral_for is None]


@dataclass(kw_only=True)
class Webhook:
    """A webhook that the bot made."""

    id: int
    channel_id: int
    name: str
    token: str


@dataclass(kw_only=True)
class Server:
    """A guild; `members` has the ids of the roles of each member, by the id of the member."""

    id: int
    name: str
    owner_id: int
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict)
    role_ids_by_member_id: dict[int, list[int]] = field(default_factory=dict)
    is_available: bool = True
    bot_profile: dict[str, str | None] = field(default_factory=dict)  # avatar and banner as data URLs, bio

    def has_member(self, person_id: int) -> bool:
        return person_id in self.role_ids_by_member_id


@dataclass(kw_only=True)
class Interaction:
    """A person's command, click, autocompletion or modal, and what the bot has answered so far.

    `callback` is the body of the bot's first answer, None before it.
    """

    id: int
    token: str
    type: int
    person_id: int
    channel_id: int
    created_at: float = field(default_factory=time.monotonic)
    source: ChannelMessage | None = None  # the message whose component was clicked
    callback: Json | None = None
    message: ChannelMessage | None = None  # the original response
    followups: list[ChannelMessage] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        """Whether the bot has answered with a message, choices or a modal."""
        if self.callback is None:
            return False
        return self.message is not None if self.callback["type"] == DEFERRED else True

    @property
    def ephemeral(self) -> bool:
        callback_data = (self.callback or {}).get("data") or {}
        return bool((callback_data.get("flags") or 0) & 64)


class State:
    """People, servers, channels, commands, webhooks and interactions, and the permissions that follow from them."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.time
        self._last_id = 0
        self.people: dict[int, Person] = {}
        self.servers: dict[int, Server] = {}
        self.channels: dict[int, Channel] = {}
        self.commands: dict[int, Json] = {}
        self.emoji: dict[int, Json] = {}  # the application's
        self.interactions: dict[str, Interaction] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.bot = self.add_person("Telex", is_bot=True)
        self.bot_owner = self.add_person("owner")  # Owns the application and every server.

    def create_id(self, shard: tuple[int, int] | None = None) -> int:
        """Return a new id, larger than all before; with `shard` (number, count), the id of a server on that shard."""
        milliseconds = int(self.now() * 1000)
        self._last_id = max(self._last_id + 1, (milliseconds - DISCORD_EPOCH_MS) << 22)
        while shard is not None and (self._last_id >> 22) % shard[1] != shard[0]:
            self._last_id += 1 << 22
        return self._last_id

    def format_now(self) -> str:
        """Return the current time in ISO 8601, as Discord writes it."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="microseconds")

    def add_person(self, name: str, *, is_bot: bool = False, locale: str = "en-US") -> Person:
        person = Person(id=self.create_id(), name=name, is_bot=is_bot, locale=locale)
        self.people[person.id] = person
        return person

    def list_channels(self, server_id: int) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.server_id == server_id]

    def find_message(self, message_id: int) -> ChannelMessage | None:
        for channel in self.channels.values():
            if message_id in channel.messages:
                return channel.messages[message_id]
        return None

    def compute_permissions(self, person_id: int, channel: Channel) -> int:
        """Return a person's permissions in a channel (docs: permissions, "Permission Overwrites")."""
        if channel.server_id is None:
            return ALL_PERMISSIONS if person_id in {channel.recipient_id, self.bot.id} else 0
        server = self.servers[channel.server_id]
        if not server.has_member(person_id):
            return 0
        role_ids = {server.id, *server.role_ids_by_member_id[person_id]}
        granted_permissions = 0
        for role_id in role_ids & server.roles.keys():
            granted_permissions |= server.roles[role_id].permissions
        if server.owner_id == person_id or granted_permissions & Permission.ADMINISTRATOR:
            return ALL_PERMISSIONS
        overwrite_channel = self.channels[channel.parent_id] if channel.is_thread and channel.parent_id else channel
        overwrite_groups = (
            [overwrite for overwrite in overwrite_channel.overwrites if overwrite.id == server.id],
            [
                overwrite
                for overwrite in overwrite_channel.overwrites
                if overwrite.type == 0 and overwrite.id in role_ids - {server.id}
            ],
            [
                overwrite
                for overwrite in overwrite_channel.overwrites
                if overwrite.type == 1 and overwrite.id == person_id
            ],
        )
        for overwrites in overwrite_groups:
            for overwrite in overwrites:
                granted_permissions &= ~overwrite.deny
            for overwrite in overwrites:
                granted_permissions |= overwrite.allow
        return granted_permissions if granted_permissions & Permission.VIEW_CHANNEL else 0

    def has_permissions(self, person_id: int, channel: Channel, *required_permissions: Permission) -> bool:
        permissions = self.compute_permissions(person_id, channel)
        return all(permissions & permission for permission in required_permissions)

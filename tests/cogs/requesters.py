"""People with different permissions, three feeds of which no member may see all, and forged requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import discord
from discord import app_commands
from simcord.backend import serializers
from simcord.builders import ChannelHandle
from simcord.enums import InteractionType
from simcord.interactions import base_payload
from simcord.results import InteractionResult, ResponseMessage

from bot.core.models import Article, NewArticle
from bot.core.preferences import Preference
from tests.support.discord_world import World, invite_bot
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import hide_channel, read_message_text
from tests.support.scenario import START, get_newest_article

PUBLIC, VAULT, ABROAD = "Zanzibar", "Quicksilver", "Marzipan"
"""A word of a feed in a visible channel, in a hidden channel and in another server."""
SAVED = "Tourmaline"
"""A word of a page that a member saved by its link."""
ALL_WORDS = frozenset({PUBLIC, VAULT, ABROAD, SAVED})
MEMBER, MANAGER, OWNER, FOREIGNER = "member", "manager", "owner", "another server's manager"
HELPER = "a member with the role that may manage feeds"
COLLECTOR = "a member who saved a page"
NOBODY, DIRECT = "nobody", "a person in a direct message"
GUEST, GROUP = "a person in a server without the bot", "a person in a group"
UNKNOWN_SERVER_ID = 424242
"""ID of a server without the bot."""
VISIBLE_WORDS = {
    MEMBER: {PUBLIC},
    HELPER: {PUBLIC},
    MANAGER: {PUBLIC, VAULT},
    OWNER: {PUBLIC, VAULT},
    FOREIGNER: {ABROAD},
    COLLECTOR: {PUBLIC, SAVED},
    NOBODY: set(),
    DIRECT: {PUBLIC},
    GUEST: {PUBLIC},
}
"""Words that each person may see; in a direct message only the word of the reader's bookmark."""

_OPTION = {str: 3, bool: 5, ChannelHandle: 7, int: 4}
_MESSAGE_MENU = 3


@dataclass
class Requesters:
    """The people, where they send requests, and the articles, watches and mutes that these may name."""

    world: World
    vault: ChannelHandle
    abroad: ChannelHandle
    articles: dict[str, Article]
    watches: dict[str, int]
    """ID of the watch for each word."""
    people: dict[str, tuple[int, int | None, ChannelHandle]] = field(default_factory=dict)
    """User ID, server ID (None in a direct message) and channel of each person."""
    mutes: dict[str, int] = field(default_factory=dict)
    """Mute ID by the word of the muted story."""

    async def command(self, asker: str, name: str, **options: Any) -> str:
        """Send a slash command as this person, even one that Discord does not offer them; return the reply's text."""
        command_data = self.build_command_data(name, options)
        return read_full_reply(await self.send(asker, InteractionType.APPLICATION_COMMAND, command_data))

    async def choose_menu_entry(self, asker: str, name: str, message: discord.Message) -> str:
        """Choose an entry of a message's context menu and return the text of the reply."""
        backend = self.world.env.backend
        command = self.find_command_payload(name, _MESSAGE_MENU)
        stored_message = backend.get_message(message.channel.id, message.id)
        target = {str(message.id): dict(serializers.message_payload(backend, stored_message))}
        interaction_data = {"id": command["id"], "name": name, "type": 3, "target_id": str(message.id)}
        interaction_data["resolved"] = {"messages": target}
        return read_full_reply(await self.send(asker, InteractionType.APPLICATION_COMMAND, interaction_data))

    async def autocomplete(self, asker: str, name: str, option: str, partial_text: str = "") -> str:
        """Return the choices offered for a partly typed option, as JSON."""
        command_data = self.build_command_data(name, {option: partial_text})
        focused_option = command_data["options"][0]
        focused_option = focused_option["options"][0] if "options" in focused_option else focused_option
        focused_option["focused"] = True
        kind = InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
        answer = await self.send(asker, kind, command_data)
        return json.dumps(answer.autocomplete_choices or [])

    async def click(
        self,
        asker: str,
        message: discord.Message | ResponseMessage,
        custom_id: str,
        selected_values: list[str] | None = None,
    ) -> str:
        """Use a button or menu that the message need not have; return the text of the reply."""
        return read_full_reply(await self.press(asker, message, custom_id, selected_values))

    async def press(
        self,
        asker: str,
        message: discord.Message | ResponseMessage,
        custom_id: str,
        selected_values: list[str] | None = None,
    ) -> InteractionResult:
        """Use a button or menu that the message need not have; return the interaction."""
        backend = self.world.env.backend
        channel_id = message.channel_id if isinstance(message, ResponseMessage) else message.channel.id
        stored_message = backend.get_message(channel_id, message.id)
        interaction_data: dict[str, Any] = {
            "custom_id": custom_id,
            "component_type": 2 if selected_values is None else 3,
        }
        if selected_values is not None:
            interaction_data["values"] = selected_values
        component: dict[str, Any] = {"type": 2, "style": 2, "label": "Press", "custom_id": custom_id}
        if selected_values is not None:
            options = [{"label": option_value[:100], "value": option_value} for option_value in selected_values]
            component = {"type": 3, "custom_id": custom_id, "options": options}
        message_payload = dict(serializers.message_payload(backend, stored_message))
        message_payload["components"] = [{"type": 1, "components": [component]}]  # else discord.py would drop it
        return await self.send(
            asker, InteractionType.MESSAGE_COMPONENT, interaction_data, {"message": message_payload}, stored_message.id
        )

    async def send(
        self,
        asker: str,
        kind: InteractionType,
        interaction_data: dict[str, Any],
        extra: dict[str, Any] | None = None,
        message_id: int | None = None,
    ) -> InteractionResult:
        """Send any interaction as this person, from their channel."""
        user_id, guild, channel = self.people[asker]
        env = self.world.env
        record, payload = base_payload(
            env.backend,
            type=kind,
            channel_id=channel.id,
            guild_id=guild,
            user_id=user_id,
            data=interaction_data,
        )
        payload.update(extra or {})
        record.source_message_id = message_id
        if asker == NOBODY:  # who claims to be in a server without being a member of it
            payload["user"] = payload.pop("member")["user"]
        if asker in {GUEST, GROUP}:  # Telex is installed for the person alone
            payload["authorizing_integration_owners"] = {"1": str(user_id)}
            payload["channel"] |= {"id": str(UNKNOWN_SERVER_ID + 1), "type": 3 if asker == GROUP else 0}
            payload["context"] = 2 if asker == GROUP else 0
        if asker == GUEST:
            payload["guild_id"], payload["guild_locale"] = str(UNKNOWN_SERVER_ID), "fr"
            payload["guild"] = {"id": str(UNKNOWN_SERVER_ID), "features": [], "locale": "fr"}
            payload["member"]["permissions"] = str(discord.Permissions(use_external_apps=True).value)
        env._notify_dispatch_observers(record)  # noqa: SLF001 - simcord has no way for such requests
        env.backend.emit("INTERACTION_CREATE", payload)
        await env._settle_internal(dispatch="INTERACTION_CREATE")  # noqa: SLF001 - simcord has no way for such requests
        return InteractionResult(env, record)

    def find_command_payload(self, name: str, kind: int) -> dict[str, Any]:
        command_payload = self.world.env.backend.find_command(name, self.world.guild.id, type=kind)
        assert command_payload is not None, name
        return dict(command_payload)

    def build_command_data(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        root, *below = name.split()
        option_payloads = []
        channels = {}
        for option_name, option_value in options.items():
            if isinstance(option_value, ChannelHandle):
                channels[str(option_value.id)] = {
                    "id": str(option_value.id),
                    "name": "any",
                    "type": 0,
                    "permissions": "0",
                }
            raw_value = str(option_value.id) if isinstance(option_value, ChannelHandle) else option_value
            option_payloads.append({"name": option_name, "type": _OPTION[type(option_value)], "value": raw_value})
        nested = [{"name": below[0], "type": 1, "options": option_payloads}] if below else option_payloads
        command = self.find_command_payload(root, 1)
        command_data = {"id": command["id"], "name": root, "type": 1, "options": nested}
        return command_data | ({"resolved": {"channels": channels}} if channels else {})


async def create_requesters(world: World, server: FeedServer) -> Requesters:
    """Create two servers, three feeds with posted articles, and the people."""
    env = world.env
    owner = env.create_user("owner")
    abroad = invite_bot(env, "Abroad")
    await env.settle()
    vault = world.guild.create_text_channel("vault")
    foreign_channel = abroad.create_text_channel("there")
    foreign_editors = abroad.create_role("Editors", permissions=discord.Permissions(manage_guild=True))
    foreigner = abroad.add_member(env.create_user("foreigner"), roles=[foreign_editors])
    collector = world.guild.add_member(env.create_user("collector"))
    stranger = env.create_user("nobody")
    world.guild.add_member(stranger)  # so that a payload can be made, of which the membership is then taken
    await env.settle()
    articles = {}
    for number, (word, channel) in enumerate(
        ((PUBLIC, world.news), (VAULT, vault), (ABROAD, foreign_channel)), start=1
    ):
        item_xml = make_rss_item(
            number, title=f"Thieves in {word}", body=f"The thieves took {word}.", published=START - number
        )
        feed = await world.follow(server.serve(f"/{number}", make_rss(item_xml, title=f"{word} Gazette")), channel)
        await world.poll(feed)
        articles[word] = await get_newest_article(world, feed)
    await world.store.bookmarks.add(
        world.reader.id, articles[PUBLIC].id, server_id=world.guild.id, channel_id=world.news.id
    )
    await world.store.bookmarks.add(world.editor.id, articles[VAULT].id, server_id=world.guild.id)
    articles[SAVED] = await save_page(world, collector.id)
    watches = {}
    for word, server_id, channel_id, user_id in (
        (PUBLIC, world.guild.id, world.reader.user.dm_channel.id, world.reader.id),
        (VAULT, world.guild.id, vault.id, None),
        (ABROAD, abroad.id, foreign_channel.id, None),
        (SAVED, world.guild.id, collector.user.dm_channel.id, collector.id),
    ):
        added = await world.store.watches.add(
            server_id=server_id, channel_id=channel_id, user_id=user_id, query=word, language="en", limit=9
        )
        watches[word] = added[0].id
    hide_channel(world, vault, world.reader)
    hide_channel(world, vault, collector)
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(env.create_user("helper"), roles=[helpers])
    await world.set_preference(Preference.MANAGER_ROLE, helpers.id)
    hide_channel(world, vault, helper)
    await world.store.bookmarks.add(helper.id, articles[PUBLIC].id, server_id=world.guild.id)
    await world.deliver()
    env.backend.get_guild(world.guild.id).owner_id = owner.id
    owner_member = world.guild.add_member(owner)
    await env.settle()
    home_server_id, news = world.guild.id, world.news
    direct = world.reader.user.dm_channel
    return Requesters(
        world,
        vault,
        foreign_channel,
        articles,
        watches,
        {
            MEMBER: (world.reader.id, home_server_id, news),
            HELPER: (helper.id, home_server_id, news),
            MANAGER: (world.editor.id, home_server_id, news),
            OWNER: (owner_member.id, home_server_id, news),
            FOREIGNER: (foreigner.id, abroad.id, foreign_channel),
            COLLECTOR: (collector.id, home_server_id, news),
            NOBODY: (stranger.id, home_server_id, news),
            DIRECT: (world.reader.id, None, direct),
            GUEST: (world.reader.id, home_server_id, news),
            GROUP: (world.reader.id, None, direct),
        },
    )


async def save_page(world: World, user_id: int) -> Article:
    """Save a page for a user that matches the same searches as the articles of the feeds."""
    page = NewArticle(
        key=token_hex(10),
        page_key=token_hex(16),
        url=f"https://{SAVED.lower()}.example/thieves",
        identity_hashes=(),
        fingerprint=b"",
        title=f"Thieves in {SAVED}",
        summary=f"The thieves took {SAVED}.",
        text=f"The thieves took {SAVED}. They fled by boat.",
        body=f"The thieves took {SAVED}. They fled by boat.",
        author=f"{SAVED} Reporter",
        outlet=f"{SAVED} Gazette",
        language="en",
        tags=(f"{SAVED} tag",),
        image_url=None,
        published=START,
    )
    saved_page = await world.store.saved_pages.add(user_id, page, max_pages=9)
    assert saved_page is not None
    return saved_page[0]


def read_full_reply(answer: InteractionResult) -> str:
    """Return the text and the components of all messages of a reply."""
    messages: list[ResponseMessage | None] = [answer.response, *answer.followups]
    return "\n".join(
        f"{read_message_text(message)}\n{json.dumps(message.components)}" for message in messages if message is not None
    )


def list_command_names(tree: app_commands.CommandTree[Any]) -> Iterator[str]:
    """Yield the names of all slash commands and context menu entries."""
    for command in tree.walk_commands():
        if not isinstance(command, app_commands.Group):
            yield f"/{command.qualified_name}"
    for kind in (discord.AppCommandType.message, discord.AppCommandType.user):
        yield from (command.name for command in tree.get_commands(type=kind))


def list_persistent_item_classes(kind: type[discord.ui.DynamicItem[Any]] = discord.ui.DynamicItem) -> list[Any]:
    """List the classes of buttons and menus that work after a restart."""
    leaf_classes = [
        item_class
        for subclass in kind.__subclasses__()
        if subclass.__module__.startswith("cogs.")
        for item_class in list_persistent_item_classes(subclass)
    ]
    return leaf_classes or ([] if kind is discord.ui.DynamicItem else [kind])

"""Seven people with seven kinds of rights, three feeds of which nobody may see all, and forged requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import discord
from discord import app_commands
from simcord.backend import serializers
from simcord.builders import ChannelHandle
from simcord.enums import InteractionType
from simcord.interactions import base_payload
from simcord.results import InteractionResult, ResponseMessage

from bot.core.models import Article
from bot.core.preferences import Preference
from tests.cogs.helpers import START, hide, newest, text
from tests.discord_world import World, invite
from tests.feed_server import FeedServer, item, rss

PUBLIC, VAULT, ABROAD = "Zanzibar", "Quicksilver", "Marzipan"
"""A word of the feed that all in the server see, of the one in a hidden channel, of another server's."""
MEMBER, MANAGER, OWNER, FOREIGNER = "member", "manager", "owner", "another server's manager"
HELPER = "a member with the role that may manage feeds"
NOBODY, DIRECT = "nobody", "a person in a direct message"
GUEST, GROUP = "a person in a server without the bot", "a person in a group"
WILDS = 424242
"""The id of that server."""
SEES = {
    MEMBER: {PUBLIC},
    HELPER: {PUBLIC},
    MANAGER: {PUBLIC, VAULT},
    OWNER: {PUBLIC, VAULT},
    FOREIGNER: {ABROAD},
    NOBODY: set(),
    DIRECT: {PUBLIC},
    GUEST: {PUBLIC},
}
"""Which words each may be told; in a direct message it is the one of the reader's bookmark."""

_OPTION = {str: 3, bool: 5, ChannelHandle: 7, int: 4}
_MESSAGE_MENU = 3


@dataclass
class Crowd:
    """The people, where each of them asks, and what they may ask for."""

    world: World
    vault: ChannelHandle
    abroad: ChannelHandle
    articles: dict[str, Article]
    watches: dict[str, int]
    """The reader's, one of the hidden channel and one of a channel abroad, by the word that they look for."""
    people: dict[str, tuple[int, int | None, ChannelHandle]] = field(default_factory=dict)
    """A person's id, the server that they ask in (None: none), and the channel."""

    async def command(self, who: str, name: str, **options: Any) -> str:
        """Send a slash command as this person, whether Discord offers it to them or not; all that is said."""
        data = self.options_of(name, options)
        return everything(await self.send(who, InteractionType.APPLICATION_COMMAND, data))

    async def menu(self, who: str, name: str, message: discord.Message) -> str:
        """Choose an entry of a message's menu."""
        backend = self.world.env.backend
        command = self.root(name, _MESSAGE_MENU)
        stored = backend.get_message(message.channel.id, message.id)
        target = {str(message.id): dict(serializers.message_payload(backend, stored))}
        data = {"id": command["id"], "name": name, "type": 3, "target_id": str(message.id)}
        data["resolved"] = {"messages": target}
        return everything(await self.send(who, InteractionType.APPLICATION_COMMAND, data))

    async def typed(self, who: str, name: str, option: str, value: str = "") -> str:
        """What is offered while somebody types."""
        data = self.options_of(name, {option: value})
        given = data["options"][0]
        given = given["options"][0] if "options" in given else given
        given["focused"] = True
        kind = InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
        answer = await self.send(who, kind, data)
        return json.dumps(answer.autocomplete_choices or [])

    async def click(
        self,
        who: str,
        message: discord.Message | ResponseMessage,
        custom_id: str,
        values: list[str] | None = None,
    ) -> str:
        """Press a button, or choose from a menu, that the message never had; all that is said."""
        return everything(await self.press(who, message, custom_id, values))

    async def press(
        self,
        who: str,
        message: discord.Message | ResponseMessage,
        custom_id: str,
        values: list[str] | None = None,
    ) -> InteractionResult:
        """The same, with what comes of it."""
        backend = self.world.env.backend
        channel_id = message.channel_id if isinstance(message, ResponseMessage) else message.channel.id
        stored = backend.get_message(channel_id, message.id)
        data: dict[str, Any] = {"custom_id": custom_id, "component_type": 2 if values is None else 3}
        if values is not None:
            data["values"] = values
        part: dict[str, Any] = {"type": 2, "style": 2, "label": "Press", "custom_id": custom_id}
        if values is not None:
            options = [{"label": value[:100], "value": value} for value in values]
            part = {"type": 3, "custom_id": custom_id, "options": options}
        message_payload = dict(serializers.message_payload(backend, stored))
        message_payload["components"] = [{"type": 1, "components": [part]}]  # else discord.py would drop it
        return await self.send(
            who, InteractionType.MESSAGE_COMPONENT, data, {"message": message_payload}, stored.id
        )

    async def send(
        self,
        who: str,
        kind: InteractionType,
        data: dict[str, Any],
        extra: dict[str, Any] | None = None,
        message_id: int | None = None,
    ) -> InteractionResult:
        """Send any request as this person, from where they are."""
        person, guild, channel = self.people[who]
        env = self.world.env
        record, payload = base_payload(
            env.backend, type=kind, channel_id=channel.id, guild_id=guild, user_id=person, data=data
        )
        payload.update(extra or {})
        record.source_message_id = message_id
        if who == NOBODY:  # who claims to be in a server without being a member of it
            payload["user"] = payload.pop("member")["user"]
        if who in {GUEST, GROUP}:  # Telex is installed for the person alone
            payload["authorizing_integration_owners"] = {"1": str(person)}
            payload["channel"] |= {"id": str(WILDS + 1), "type": 3 if who == GROUP else 0}
            payload["context"] = 2 if who == GROUP else 0
        if who == GUEST:
            payload["guild_id"], payload["guild_locale"] = str(WILDS), "fr"
            payload["guild"] = {"id": str(WILDS), "features": [], "locale": "fr"}
            payload["member"]["permissions"] = str(discord.Permissions(use_external_apps=True).value)
        env._notify_dispatch_observers(record)  # noqa: SLF001 - simcord has no way for such requests
        env.backend.emit("INTERACTION_CREATE", payload)
        await env._settle_internal(dispatch="INTERACTION_CREATE")  # noqa: SLF001 - likewise
        return InteractionResult(env, record)

    def root(self, name: str, kind: int) -> dict[str, Any]:
        root = self.world.env.backend.find_command(name, self.world.guild.id, type=kind)
        assert root is not None, name
        return dict(root)

    def options_of(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        root, *below = name.split()
        given = []
        channels = {}
        for key, value in options.items():
            if isinstance(value, ChannelHandle):
                channels[str(value.id)] = {
                    "id": str(value.id),
                    "name": "any",
                    "type": 0,
                    "permissions": "0",
                }
            plain = str(value.id) if isinstance(value, ChannelHandle) else value
            given.append({"name": key, "type": _OPTION[type(value)], "value": plain})
        nested = [{"name": below[0], "type": 1, "options": given}] if below else given
        command = self.root(root, 1)
        data = {"id": command["id"], "name": root, "type": 1, "options": nested}
        return data | ({"resolved": {"channels": channels}} if channels else {})


async def crowd(world: World, server: FeedServer) -> Crowd:
    """Two servers, three feeds that were read and posted, seven people."""
    env = world.env
    owner = env.create_user("owner")
    abroad = invite(env, "Abroad")
    await env.settle()
    vault = world.guild.create_text_channel("vault")
    there = abroad.create_text_channel("there")
    foreign_editors = abroad.create_role("Editors", permissions=discord.Permissions(manage_guild=True))
    foreigner = abroad.add_member(env.create_user("foreigner"), roles=[foreign_editors])
    world.guild.add_member(env.create_user("stranger"))
    stranger = env.create_user("nobody")
    world.guild.add_member(stranger)  # so that a payload can be made, of which the membership is then taken
    await env.settle()
    articles = {}
    for number, (word, channel) in enumerate(
        ((PUBLIC, world.news), (VAULT, vault), (ABROAD, there)), start=1
    ):
        made = item(
            number, title=f"Thieves in {word}", body=f"The thieves took {word}.", published=START - number
        )
        feed = await world.follow(server.serve(f"/{number}", rss(made, title=f"{word} Gazette")), channel)
        await world.poll(feed)
        articles[word] = await newest(world, feed)
    await world.store.bookmarks.add(
        world.reader.id, articles[PUBLIC].id, server_id=world.guild.id, channel_id=world.news.id
    )
    await world.store.bookmarks.add(world.editor.id, articles[VAULT].id, server_id=world.guild.id)
    watches = {}
    for word, server_id, channel_id, person in (
        (PUBLIC, world.guild.id, world.reader.user.dm_channel.id, world.reader.id),
        (VAULT, world.guild.id, vault.id, None),
        (ABROAD, abroad.id, there.id, None),
    ):
        added = await world.store.watches.add(
            server_id=server_id, channel_id=channel_id, person_id=person, query=word, language="en", limit=9
        )
        watches[word] = added[0].id
    hide(world, vault, world.reader)
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(env.create_user("helper"), roles=[helpers])
    await world.prefer(Preference.MANAGER_ROLE, helpers.id)
    hide(world, vault, helper)
    await world.store.bookmarks.add(helper.id, articles[PUBLIC].id, server_id=world.guild.id)
    await world.deliver()
    env.backend.get_guild(world.guild.id).owner_id = owner.id
    boss = world.guild.add_member(owner)
    await env.settle()
    here, news = world.guild.id, world.news
    direct = world.reader.user.dm_channel
    return Crowd(
        world,
        vault,
        there,
        articles,
        watches,
        {
            MEMBER: (world.reader.id, here, news),
            HELPER: (helper.id, here, news),
            MANAGER: (world.editor.id, here, news),
            OWNER: (boss.id, here, news),
            FOREIGNER: (foreigner.id, abroad.id, there),
            NOBODY: (stranger.id, here, news),
            DIRECT: (world.reader.id, None, direct),
            GUEST: (world.reader.id, here, news),
            GROUP: (world.reader.id, None, direct),
        },
    )


def everything(answer: InteractionResult) -> str:
    """All that was sent in reply, buttons, menus and files included."""
    messages: list[ResponseMessage | None] = [answer.response, *answer.followups]
    return "\n".join(f"{text(one)}\n{json.dumps(one.components)}" for one in messages if one is not None)


def commands(tree: app_commands.CommandTree[Any]) -> Iterator[str]:
    """The names of all slash commands, and of the entries of menus."""
    for command in tree.walk_commands():
        if not isinstance(command, app_commands.Group):
            yield f"/{command.qualified_name}"
    for kind in (discord.AppCommandType.message, discord.AppCommandType.user):
        yield from (command.name for command in tree.get_commands(type=kind))


def lasting(kind: type[discord.ui.DynamicItem[Any]] = discord.ui.DynamicItem) -> list[Any]:
    """The kinds of buttons and menus that outlive a restart."""
    below = [
        each for one in kind.__subclasses__() if one.__module__.startswith("cogs.") for each in lasting(one)
    ]
    return below or ([] if kind is discord.ui.DynamicItem else [kind])

"""/settings: what the people of a server choose for it and for its channels, and who changed what."""

from __future__ import annotations

import asyncio
from datetime import datetime

import discord
from babel.dates import format_time
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core import hours, locale
from bot.core.choices import Preference
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.refusals import Refusal
from bot.posting import notify_roles
from bot.posting.rendering import post_looks
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Row, Rule, text
from bot.posting.sending import permissions
from bot.text import safe, zones
from cogs.feeds.look_choices import open_server_look
from cogs.settings import alert_channel, outlet_names
from cogs.settings.change_history import History, language_name
from cogs.settings.forum_tag_panel import TagPanel
from cogs.settings.schedule_panel import RhythmPanel
from cogs.settings.story_panel import StoryPanel
from cogs.settings.taste_panel import TastePanel
from cogs.shared import place_options
from cogs.shared.panels import headed, setting
from cogs.shared.place_options import Option, Place, PlaceOption, place
from cogs.shared.rights import FOR_MANAGERS, ManagersLayout, ManagersOnly, in_servers, may_govern
from cogs.shared.views import Action, Ask, Choose, ChooseChannel, ChooseRole, Interaction, Press

_LONGEST_ZONE = 60
_MOST_ROLES = 10
_AS_ABOVE = "-"
"""The value of the choice that leaves the language to the server, or to Discord."""


@in_servers
class ServerSettings(
    ManagersOnly,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=FOR_MANAGERS,
):
    """Settings. For those who manage the server's feeds."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    @app_commands.command(
        name="server", description=locale_str("Language, time zone, alerts and who manages feeds")
    )
    async def server(self, interaction: Interaction) -> None:
        """Show and change what holds for the whole server."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await ServerPanel(interaction).show(interaction)

    @app_commands.command(
        name="channel",
        description=locale_str("A channel’s language, translation, grouping, daily thread and tags"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def channel(self, interaction: Interaction, channel: Option | None = None) -> None:
        """Show and change what holds for one channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await ChannelPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(name="look", description=locale_str("Choose how posts look by default"))
    async def look(self, interaction: Interaction) -> None:
        """Open the panel with the real message."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await open_server_look(interaction, interaction.command_id)

    @app_commands.command(name="schedule", description=locale_str("Set a channel’s quiet hours and limits"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def schedule(self, interaction: Interaction, channel: Option | None = None) -> None:
        """Show and change when a channel takes posts."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await RhythmPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="stories",
        description=locale_str("Post only what several outlets report, or the best of the day"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def stories(self, interaction: Interaction, channel: Option | None = None) -> None:
        """Show and change which stories a channel takes."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await StoryPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        """Show what is liked and what is not."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await TastePanel(interaction).show(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        """List the changes."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await History(interaction).show(interaction)


class Panel(ManagersLayout):
    """One message with settings, each beside what changes it, made anew after each change."""

    async def arrange(self, interaction: Interaction) -> tuple[Block, ...]:
        """The settings."""
        raise NotImplementedError

    async def show(self, interaction: Interaction) -> None:
        """Show the settings as they are, in the reply to an interaction that was acknowledged."""
        await self.display(interaction, (Card(await self.arrange(interaction), outlets.COLOUR),))

    def languages(self, chosen: str | None, otherwise: str) -> Choose:
        """A menu of the languages of posts; `otherwise` is what holds where none is chosen."""
        options = [discord.SelectOption(label=otherwise, value=_AS_ABOVE, default=chosen is None)]
        options += [
            discord.SelectOption(label=language_name(each).capitalize(), value=each, default=chosen == each)
            for each in locale.LANGUAGES
        ]
        return Choose(self._speak, placeholder=_("Post language…"), options=options)

    async def _speak(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        await self.change(interaction, Preference.LANGUAGE, locale.supported(values[0]))
        await self.show(interaction)

    async def change(self, interaction: Interaction, preference: Preference, value: str | int | None) -> None:
        """Set a preference of what this panel is about."""
        raise NotImplementedError


class ServerPanel(Panel):
    """What holds for a whole server."""

    async def arrange(self, interaction: Interaction) -> tuple[Block, ...]:
        """The settings, and a menu or a button for each."""
        guild = interaction.guild
        assert guild is not None
        now = await interaction.client.store.preferences.of_server(guild.id)
        discords = locale.supported(str(guild.preferred_locale))
        otherwise = _("Automatic ({language})").format(
            language=language_name(discords or interaction.client.newsroom.settings.language)
        )
        managers = _("members with Manage Server")
        role = guild.get_role(now.manager_role) if now.manager_role is not None else None
        if role is not None:
            managers = _("{role} and members with Manage Server").format(role=role.mention)
        elif now.manager_role is not None:
            managers += " · " + _("the chosen role no longer exists")
        alerts = f"<#{now.alerts}>" if now.alerts is not None else _("in each feed’s own channel")
        chosen = [discord.Object(now.alerts)] if now.alerts is not None else []
        place = ChooseChannel(
            self._alert,
            placeholder=_("Channel for alerts…"),
            channel_types=PlaceOption().channel_types,
            min_values=0,
            default_values=[discord.SelectDefaultValue.from_channel(each) for each in chosen],
        )
        appoint = ChooseRole(
            self._appoint,
            placeholder=_("Role that can manage feeds…"),
            min_values=0,
            default_values=[role] if role is not None else [],
        )
        notify: tuple[Block, ...] = ()
        if interaction.permissions.manage_roles:
            offered = [guild.get_role(each) for each in now.notify_roles]
            chooser = ChooseRole(
                self._offer_roles,
                placeholder=_("Roles people can take…"),
                min_values=0,
                max_values=_MOST_ROLES,
                default_values=[each for each in offered if each is not None],
            )
            roles = ", ".join(f"<@&{each}>" for each in now.notify_roles) or _("none")
            notify = (setting(_("Roles of “Notify me”"), roles), Row(chooser))
        zone = _zone(now.time_zone, interaction.client.newsroom.clock.now())
        more = clickable(_("Per channel: /settings channel. Who changed what: /settings history."))
        return (
            headed(_("Server settings")),
            Rule(),
            setting(_("Post language")),
            Row(self.languages(now.language, otherwise)),
            setting(_("Feed alerts"), alerts),
            Row(place),
            setting(_("Who manages feeds"), managers),
            Row(appoint if may_govern(interaction) else None),
            *notify,
            setting(_("Time zone"), zone, Press(self._ask_zone, label=_("Change…"))),
            setting(
                _("Post appearance"), post_looks.brief(now.look), Press(self._open_look, label=_("Choose…"))
            ),
            Rule(),
            text(f"-# {more}"),
        )

    async def change(self, interaction: Interaction, preference: Preference, value: str | int | None) -> None:
        """Set a preference of the server."""
        assert interaction.guild is not None
        await interaction.client.store.preferences.change(
            preference, value, server_id=interaction.guild.id, person_id=interaction.user.id
        )

    async def _alert(self, interaction: Interaction, channel_ids: list[int]) -> None:
        await interaction.response.defer()
        assert interaction.guild is not None
        try:
            if not channel_ids:
                await self.change(interaction, Preference.ALERTS, None)
                return
            target = await place_options.find(interaction.guild, channel_ids[0])
            if target is None:
                raise Refusal(_("That channel no longer exists."))
            await place_options.require_view(interaction, target.id)
            said = await alert_channel.choose(interaction, target)
            await interaction.followup.send(said, ephemeral=True)
        finally:  # a menu keeps showing what was chosen, also what was refused
            await self.show(interaction)

    async def _appoint(self, interaction: Interaction, role_ids: list[int]) -> None:
        await interaction.response.defer()
        if not may_govern(interaction):
            raise app_commands.MissingPermissions(["manage_guild"])
        if interaction.guild is not None and interaction.guild.id in role_ids:  # the id of @everyone
            raise Refusal(_("@everyone can’t manage feeds. Choose a role that fewer people have."))
        await self.change(interaction, Preference.MANAGER_ROLE, role_ids[0] if role_ids else None)
        await self.show(interaction)

    async def _offer_roles(self, interaction: Interaction, role_ids: list[int]) -> None:
        await interaction.response.defer()
        guild = interaction.guild
        if guild is None or not interaction.permissions.manage_roles:
            raise app_commands.MissingPermissions(["manage_roles"])
        manager_role = (await interaction.client.store.preferences.of_server(guild.id)).manager_role
        try:
            for role_id in role_ids:
                role = guild.get_role(role_id)
                if role is None:
                    raise Refusal(_("That role no longer exists."))
                if reason := notify_roles.unsafe(role, manager_role=manager_role):
                    raise Refusal(reason)
            value = ",".join(map(str, sorted(role_ids))) or None
            await self.change(interaction, Preference.NOTIFY_ROLES, value)
        finally:  # a menu keeps showing what was chosen, also what was refused
            await self.show(interaction)

    async def _open_look(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        self.stop()
        await open_server_look(interaction, self.command_id)

    async def _ask_zone(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(
            Ask(
                self,
                self._move_clock,
                title=_("Time zone"),
                label=_("City, country, or a name like Europe/Paris"),
                placeholder="Europe/Paris",
                max_length=_LONGEST_ZONE,
            )
        )

    async def _move_clock(self, interaction: Interaction, text: str) -> None:
        await interaction.response.defer()
        zone = await asyncio.to_thread(zones.find, text)
        if zone is None:
            raise Refusal(await _no_zone(text))
        await self.change(interaction, Preference.TIME_ZONE, zone)
        await self.show(interaction)


class ChannelPanel(Panel):
    """What holds for one channel."""

    def __init__(self, interaction: Interaction, channel: Place) -> None:
        super().__init__(interaction)
        self._channel = channel

    async def check(self, interaction: Interaction) -> None:
        """Only who may still manage feeds and sees the channel."""
        await super().check(interaction)
        await place_options.require_view(interaction, self._channel.id)

    async def arrange(self, interaction: Interaction) -> tuple[Block, ...]:
        """The settings, and a menu or a button for each."""
        now = await interaction.client.store.preferences.of_channel(self._channel.id)
        otherwise = _("Same as the server")
        joins = _("off: each article gets its own post")
        if now.join_stories:
            joins = _("on: articles on the same event share one post")
        blocks: list[Block] = [
            headed(_("Channel settings"), self._channel.mention),
            Rule(),
            setting(_("Post language")),
            Row(self.languages(now.language, otherwise)),
            setting(_("Group by story"), joins, self._turn(self._join, is_on=now.join_stories)),
        ]
        writing = interaction.client.newsroom.writing
        if now.translate or (writing is not None and writing.translations is not None):
            translates = _("off: posts stay in their own language")
            if now.translate:
                translates = _("on: titles and excerpts in the post language, the original under More")
            turn = self._turn(self._translate, is_on=now.translate)
            blocks.append(setting(_("Machine translation"), translates, turn))
        if isinstance(self._channel, discord.TextChannel):
            blocks.append(self._threads(self._channel, is_on=now.daily_thread))
        if isinstance(self._channel, discord.ForumChannel):
            rules = len(await interaction.client.store.forum_tags.of(self._channel.id))
            told = ngettext("{count} rule", "{count} rules", rules).format(count=amount(rules))
            blocks.append(setting(_("Post tags"), told, Press(self._tags, label=_("Choose…"))))
        switch = self._turn(self._sign, is_on=now.as_outlet)
        blocks.append(await outlet_names.shown(interaction, self._channel, switch, is_on=now.as_outlet))
        return tuple(blocks)

    def _threads(self, channel: discord.TextChannel, *, is_on: bool) -> Block:
        """Whether posts go into a thread of the day, and what the bot lacks for that."""
        said = _("off: posts go straight into the channel")
        if is_on:
            said = _("on: each day has its own thread")
        if is_on and (lacking := permissions.lacking_for_threads(channel)):
            names = ", ".join(f"**{permissions.name(one)}**" for one in lacking)
            advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
            said += f"\n🟠 {advice.format(permissions=names)}"
        return setting(_("Daily thread"), said, self._turn(self._thread, is_on=is_on))

    def _turn(self, action: Action, *, is_on: bool) -> Press:
        return Press(action, label=_("Turn off") if is_on else _("Turn on"))

    async def change(self, interaction: Interaction, preference: Preference, value: str | int | None) -> None:
        """Set a preference of the channel."""
        await interaction.client.store.preferences.change(
            preference,
            value,
            server_id=self._channel.guild.id,
            channel_id=self._channel.id,
            person_id=interaction.user.id,
        )

    async def _tags(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        assert isinstance(self._channel, discord.ForumChannel)
        self.stop()
        await TagPanel(interaction, self._channel, self.command_id).show(interaction)

    async def _thread(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        now = await interaction.client.store.preferences.of_channel(self._channel.id)
        await self.change(interaction, Preference.DAILY_THREAD, int(not now.daily_thread))
        await interaction.client.courier.look_again(self._channel.id)
        await self.show(interaction)

    async def _translate(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        now = await interaction.client.store.preferences.of_channel(self._channel.id)
        await self.change(interaction, Preference.TRANSLATE, int(not now.translate))
        interaction.client.courier.wake()
        await self.show(interaction)

    async def _sign(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        now = await interaction.client.store.preferences.of_channel(self._channel.id)
        await self.change(interaction, Preference.AS_OUTLET, int(not now.as_outlet))
        await self.show(interaction)

    async def _join(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        now = await interaction.client.store.preferences.of_channel(self._channel.id)
        await self.change(interaction, Preference.JOIN_STORIES, int(not now.join_stories))
        await self.show(interaction)


def _zone(name: str, now: int) -> str:
    """A time zone with the time that it is there, so that a wrong one is noticed."""
    there = datetime.fromtimestamp(now, hours.zone(name))
    return _("{zone} ({time} there now)").format(
        zone=name, time=format_time(there, "short", locale=locale.current())
    )


async def _no_zone(text: str) -> str:
    """What to say of a text that is no time zone."""
    given = safe.markdown(safe.plain(text, _LONGEST_ZONE))
    if any(character.isdecimal() for character in text):
        return _(
            "“{text}” doesn’t say when the clocks change. Enter a city or a country, such as "
            "Paris or Belgium."
        ).format(text=given)
    if names := await asyncio.to_thread(zones.near, text):
        offered = ", ".join(f"`{name}`" for name in names)
        return _("I don’t know the time zone “{text}”. Did you mean {names}?").format(
            text=given, names=offered
        )
    return _(
        "I don’t know the time zone “{text}”. Enter the nearest big city with your time, such as Paris."
    ).format(text=given)

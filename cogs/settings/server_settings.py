"""The panel of /settings server, and the channel for feed alerts."""

from datetime import datetime

import discord
from babel.dates import format_time
from discord import app_commands

from bot.core import i18n, local_time
from bot.core.i18n import _, linkify_commands
from bot.core.preferences import Preference
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import role_mentions
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text
from bot.posting.wording import look_labels
from cogs.feeds.look_panel import LookPanel
from cogs.shared import channel_options
from cogs.shared.authorization import has_manage_guild
from cogs.shared.channel_options import ChannelOption, PostableChannel, require_can_post
from cogs.shared.panels import (
    SettingsPanel,
    heading_text,
    language_menu,
    language_name,
    setting_section,
    time_zone_button,
)
from cogs.shared.views import ActionButton, ChannelMenu, Interaction, RoleMenu

_MAX_NOTIFY_ROLES = 10


class ServerSettingsPanel(SettingsPanel):
    """The settings of a server with their controls."""

    async def render(self, interaction: Interaction) -> None:
        guild = self.guild
        now = await self.store.preferences.of_server(guild.id)
        discords = i18n.supported_language(str(guild.preferred_locale))
        otherwise = _("Automatic ({language})").format(
            language=language_name(discords or self.client.newsroom.settings.language)
        )
        managers = _("members with Manage Server")
        role = guild.get_role(now.manager_role) if now.manager_role is not None else None
        if role is not None:
            managers = _("{role} and members with Manage Server").format(role=role.mention)
        elif now.manager_role is not None:
            managers += " · " + _("the chosen role no longer exists")
        alerts = f"<#{now.alerts}>" if now.alerts is not None else _("in each feed’s own channel")
        chosen = [discord.Object(now.alerts)] if now.alerts is not None else []
        place = ChannelMenu(
            self._set_alert_channel,
            placeholder=_("Channel for alerts…"),
            channel_types=ChannelOption().channel_types,
            min_values=0,
            default_values=[discord.SelectDefaultValue.from_channel(each) for each in chosen],
        )
        appoint = RoleMenu(
            self._set_manager_role,
            placeholder=_("Role that can manage feeds…"),
            min_values=0,
            default_values=[role] if role is not None else [],
        )
        notify: tuple[Block, ...] = ()
        if interaction.permissions.manage_roles:
            offered = [guild.get_role(each) for each in now.notify_roles]
            chooser = RoleMenu(
                self._set_notify_roles,
                placeholder=_("Roles people can take…"),
                min_values=0,
                max_values=_MAX_NOTIFY_ROLES,
                default_values=[each for each in offered if each is not None],
            )
            roles = ", ".join(f"<@&{each}>" for each in now.notify_roles) or _("none")
            notify = (setting_section(_("Roles for “Notify me”"), roles), ActionRow(chooser))
        zone = _zone(now.time_zone, self.client.newsroom.clock.now())
        more = linkify_commands(_("Per channel: /settings channel. Who changed what: /settings history."))
        blocks = (
            heading_text(_("Server settings")),
            Separator(),
            setting_section(_("Post language")),
            ActionRow(language_menu(self, now.language, otherwise)),
            setting_section(_("Feed alerts"), alerts),
            ActionRow(place),
            setting_section(_("Who manages feeds"), managers),
            ActionRow(appoint if has_manage_guild(interaction) else None),
            *notify,
            setting_section(_("Time zone"), zone, time_zone_button(self, self._set_time_zone)),
            setting_section(
                _("Post appearance"),
                look_labels.look_summary(now.look),
                ActionButton(self._open_look, label=_("Choose…")),
            ),
            Separator(),
            text(f"-# {more}"),
        )
        await self.display_card(interaction, *blocks)

    async def _set_alert_channel(self, interaction: Interaction, channel_ids: list[int]) -> None:
        if not channel_ids:
            await self.change(Preference.ALERT_CHANNEL, None)
            return
        said = await set_alert_channel(
            interaction, await channel_options.require_existing_channel(interaction, channel_ids[0])
        )
        self.has_saved = True
        await interaction.followup.send(said, ephemeral=True)

    async def _set_manager_role(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not has_manage_guild(interaction):
            raise app_commands.MissingPermissions(["manage_guild"])
        if self.guild.id in role_ids:  # The server's id is that of @everyone.
            raise UserFacingError(_("@everyone can’t manage feeds. Choose a role that fewer people have."))
        await self.change(Preference.MANAGER_ROLE, role_ids[0] if role_ids else None)

    async def _set_notify_roles(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not interaction.permissions.manage_roles:
            raise app_commands.MissingPermissions(["manage_roles"])
        manager_role = (await self.store.preferences.of_server(self.guild.id)).manager_role
        for role_id in role_ids:
            role = self.guild.get_role(role_id)
            if role is None:
                raise UserFacingError(_("That role no longer exists."))
            if reason := role_mentions.self_assign_refusal(role, manager_role=manager_role):
                raise UserFacingError(reason)
        await self.change(Preference.SELF_ASSIGNABLE_ROLES, ",".join(map(str, sorted(role_ids))) or None)

    async def _open_look(self, interaction: Interaction) -> None:
        self.stop()
        await LookPanel(interaction, None).start(interaction)

    async def _set_time_zone(self, _interaction: Interaction, zone: str) -> None:
        await self.change(Preference.TIME_ZONE, zone)


def _zone(name: str, now: int) -> str:
    """Return a time zone with its current time, so that a wrong zone is noticed."""
    there = datetime.fromtimestamp(now, local_time.load_zone(name))
    return _("{zone} ({time} there now)").format(
        zone=name, time=format_time(there, "short", locale=i18n.current_language())
    )


async def set_alert_channel(interaction: Interaction, target: PostableChannel) -> str:
    """Send the server's feed alerts to a channel. Return the confirmation.

    Raises `UserFacingError` for a forum or a channel in which Telex cannot post.
    """
    if isinstance(target, discord.ForumChannel):
        raise UserFacingError(
            _("Choose a channel or a thread for alerts. In a forum, each alert would become its own post.")
        )
    advice = require_can_post(target)
    await interaction.client.store.preferences.change(
        Preference.ALERT_CHANNEL, target.id, server_id=target.guild.id, person_id=interaction.user.id
    )
    await interaction.client.courier.recheck_channel(target.id)
    answer = _(
        "Alerts now go to {channel} when a feed fails for a day, disappears or comes back. "
        "Everyone who can read {channel} sees the names of those feeds, even ones from other "
        "channels."
    ).format(channel=target.mention)
    return "\n".join(filter(None, (answer, advice)))


class AlertChannelFlow(SettingsPanel):
    """The current alert channel, with a button that clears it."""

    async def start(self, interaction: Interaction) -> None:
        chosen = await self.store.servers.alerts(self.guild.id)
        if chosen is None:
            await self.finish(interaction, _no_alert_channel_text())
            return
        told = _("Alerts go to <#{channel}> when a feed fails for a day, disappears or comes back.")
        forget = ActionButton(self._clear_alert_channel, label=_("Use each feed’s own channel"))
        await self.display(interaction, (text(told.format(channel=chosen)), ActionRow(forget)))

    async def _clear_alert_channel(self, interaction: Interaction) -> None:
        await self.change(Preference.ALERT_CHANNEL, None)
        await self.finish(interaction, _no_alert_channel_text())


def _no_alert_channel_text() -> str:
    return _(
        "Alerts go to each feed’s own channel when it fails for a day, disappears or comes back. "
        "To collect them in one place, choose a channel."
    )

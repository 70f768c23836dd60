"""Panel of /settings server, and the setting of the channel for feed alerts."""

from datetime import datetime

import discord
from babel.dates import format_time
from discord import app_commands

from bot.client import interaction_context
from bot.core import i18n, local_time
from bot.core.i18n import _, linkify_commands
from bot.core.preferences import MAX_SELF_ASSIGNABLE_ROLES, NOTICES_OFF, Preference
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, role_mentions
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator, text_block
from bot.posting.wording import look_labels
from bot.posting.wording.setting_words import get_language_name
from cogs.feeds.look_panel import LookPanel
from cogs.feeds.scorecard_panel import build_monthly_button, describe_monthly_report
from cogs.feeds.subscription_options import is_channel_deleted
from cogs.settings.profile_panel import ProfilePanel, describe_profile
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel, has_manage_guild, require_manager_command
from cogs.shared.channel_options import ChannelOption, PostableChannel, require_can_post
from cogs.shared.panels import (
    change_preference,
    heading_block,
    language_menu,
    setting_section,
    time_zone_button,
)
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import ActionButton, ChannelMenu, Interaction, RoleMenu, reply


async def build_notices_section(panel: ManagersPanel) -> Section:
    """Return the section of the panel's server on notices of the operator, with a button that turns them on or off."""
    preferences = await panel.store.preferences.get_by_server(panel.guild.id)

    async def toggle(_interaction: Interaction) -> None:
        await change_preference(panel, Preference.OPERATOR_NOTICES, NOTICES_OFF if preferences.wants_notices else None)

    if not preferences.wants_notices:
        value_text = _("not received")
    elif preferences.alert_channel_id is None:
        value_text = linkify_commands(_("posted once there’s a channel for alerts: /feed alerts"))
    else:
        value_text = _("posted in {channel}").format(channel=f"<#{preferences.alert_channel_id}>")
    label = _("Turn off") if preferences.wants_notices else _("Turn on")
    button = ActionButton(toggle, label=label, style=discord.ButtonStyle.secondary)
    return setting_section(_("Notices from whoever runs Telex"), value_text, button)


@persistent_item(buttons.NOTICES_OFF_BUTTON.id_pattern)
async def notices_off_button(interaction: Interaction, _item: object, notice_id: str) -> None:  # noqa: ARG001 - in the ID
    """Turn notices of the operator off in this server, for a user who manages feeds."""
    await require_manager_command(interaction, "settings")
    server_id = interaction_context.get_home_server_id(interaction)
    assert server_id is not None
    await interaction.client.store.preferences.change(
        Preference.OPERATOR_NOTICES, NOTICES_OFF, server_id=server_id, user_id=interaction.user.id
    )
    await reply(interaction, linkify_commands(_("No more of these notices here. To get them again: /settings server")))


class ServerSettingsPanel(ManagersPanel):
    """Panel with the settings of a server and their controls."""

    async def render(self, interaction: Interaction) -> None:
        guild = self.guild
        preferences = await self.store.preferences.get_by_server(guild.id)
        server_language = i18n.supported_language(str(guild.preferred_locale))
        automatic_label = _("Automatic ({language})").format(
            language=get_language_name(server_language or self.client.services.settings.language)
        )
        managers_text = _("members with Manage Server")
        manager_role = None if preferences.manager_role_id is None else guild.get_role(preferences.manager_role_id)
        if manager_role is not None:
            managers_text = _("{role} and members with Manage Server").format(role=manager_role.mention)
        elif preferences.manager_role_id is not None:
            managers_text += " · " + _("the chosen role no longer exists")
        alerts_text = (
            f"<#{preferences.alert_channel_id}>"
            if preferences.alert_channel_id is not None
            else _("in each feed’s own channel")
        )
        alert_channel_objects = (
            [discord.Object(preferences.alert_channel_id)] if preferences.alert_channel_id is not None else []
        )
        alert_channel_menu = ChannelMenu(
            self._set_alert_channel,
            placeholder=_("Channel for alerts…"),
            channel_types=ChannelOption().channel_types,
            min_values=0,
            default_values=[
                discord.SelectDefaultValue.from_channel(alert_channel) for alert_channel in alert_channel_objects
            ],
        )
        manager_role_menu = RoleMenu(
            self._set_manager_role,
            placeholder=_("Role that can manage feeds…"),
            min_values=0,
            default_values=[manager_role] if manager_role is not None else [],
        )
        self_assignable_role_blocks: tuple[Block, ...] = ()
        if interaction.permissions.manage_roles:
            self_assignable_roles = [guild.get_role(role_id) for role_id in preferences.self_assignable_role_ids]
            self_assignable_role_menu = RoleMenu(
                self._set_self_assignable_roles,
                placeholder=_("Roles people can take…"),
                min_values=0,
                max_values=MAX_SELF_ASSIGNABLE_ROLES,
                default_values=[role for role in self_assignable_roles if role is not None],
            )
            roles_text = ", ".join(f"<@&{role_id}>" for role_id in preferences.self_assignable_role_ids) or _("none")
            self_assignable_role_blocks = (
                setting_section(_("Roles for “Notify me”"), roles_text),
                ActionRow(self_assignable_role_menu),
            )
        zone_text = _zone_text(preferences.time_zone, self.client.services.clock.now())
        hint_text = linkify_commands(_("Per channel: /settings channel. Who changed what: /settings history."))
        blocks = (
            heading_block(_("Server settings")),
            Separator(),
            setting_section(_("Post language")),
            ActionRow(language_menu(self._set_language, preferences.language, automatic_label)),
            setting_section(_("Feed alerts"), alerts_text),
            ActionRow(alert_channel_menu),
            setting_section(_("Who manages feeds"), managers_text),
            ActionRow(manager_role_menu if has_manage_guild(interaction) else None),
            *self_assignable_role_blocks,
            setting_section(_("Time zone"), zone_text, time_zone_button(self, self._set_time_zone)),
            setting_section(
                _("Post appearance"),
                look_labels.look_summary_text(preferences.look),
                ActionButton(self._open_look, label=_("Choose…")),
            ),
            setting_section(
                _("Monthly scorecard"),
                await describe_monthly_report(self) or _("not posted"),
                await build_monthly_button(self, is_short=True),
            ),
            await build_notices_section(self),
            setting_section(
                _("My profile in this server"),
                describe_profile(guild.me),
                ActionButton(self._open_profile, label=_("Show…")),
            ),
            Separator(),
            text_block(f"-# {hint_text}"),
        )
        await self.display_card(interaction, *blocks)

    async def _set_language(self, language: str | None) -> None:
        await change_preference(self, Preference.LANGUAGE, language)

    async def _set_alert_channel(self, interaction: Interaction, channel_ids: list[int]) -> None:
        if not channel_ids:
            await change_preference(self, Preference.ALERT_CHANNEL, None)
            return
        confirmation = await set_alert_channel(
            interaction, await channel_options.require_existing_channel(interaction, channel_ids[0])
        )
        self.has_saved = True
        await interaction.followup.send(confirmation, ephemeral=True)

    async def _set_manager_role(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not has_manage_guild(interaction):
            raise app_commands.MissingPermissions(["manage_guild"])
        if self.guild.id in role_ids:  # The server's id is that of @everyone.
            raise UserFacingError(_("@everyone can’t manage feeds. Choose a role that fewer people have."))
        await change_preference(self, Preference.MANAGER_ROLE, role_ids[0] if role_ids else None)

    async def _set_self_assignable_roles(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not interaction.permissions.manage_roles:
            raise app_commands.MissingPermissions(["manage_roles"])
        manager_role_id = (await self.store.preferences.get_by_server(self.guild.id)).manager_role_id
        for role_id in role_ids:
            role = self.guild.get_role(role_id)
            if role is None:
                raise UserFacingError(_("That role no longer exists."))
            if problem_sentence := role_mentions.find_self_assign_problem(role, manager_role_id=manager_role_id):
                raise UserFacingError(problem_sentence)
        await change_preference(self, Preference.SELF_ASSIGNABLE_ROLES, ",".join(map(str, sorted(role_ids))) or None)

    async def _open_profile(self, interaction: Interaction) -> None:
        self.stop()
        await ProfilePanel(interaction).render(interaction)

    async def _open_look(self, interaction: Interaction) -> None:
        self.stop()
        await LookPanel(interaction, None).start(interaction)

    async def _set_time_zone(self, _interaction: Interaction, zone_name: str) -> None:
        await change_preference(self, Preference.TIME_ZONE, zone_name)


def _zone_text(zone_name: str, now: int) -> str:
    """Return a time zone with its current time, so that a wrong zone is noticed."""
    local_now = datetime.fromtimestamp(now, local_time.load_zone(zone_name))
    return _("{zone} ({time} there now)").format(
        zone=zone_name, time=format_time(local_now, "short", locale=i18n.current_language())
    )


async def set_alert_channel(interaction: Interaction, target_channel: PostableChannel) -> str:
    """Set the channel for the server's feed alerts, and return the confirmation.

    Raises `UserFacingError` if the channel is a forum or Telex cannot post in it.
    """
    if isinstance(target_channel, discord.ForumChannel):
        raise UserFacingError(
            _("Choose a channel or a thread for alerts. In a forum, each alert would become its own post.")
        )
    permission_advice = require_can_post(target_channel)
    store, guild = interaction.client.store, target_channel.guild
    old_channel_id = await store.servers.get_alert_channel_id(guild.id)
    if old_channel_id is not None and await is_channel_deleted(guild, old_channel_id):
        await store.proposals.forget_alert_channel(old_channel_id)  # It was deleted while Telex was offline.
    await store.preferences.change(
        Preference.ALERT_CHANNEL,
        target_channel.id,
        server_id=target_channel.guild.id,
        user_id=interaction.user.id,
    )
    await interaction.client.outbox_relay.recheck_channel(target_channel.id)
    interaction.client.outbox_relay.wake()  # Proposals may await a channel.
    confirmation = _(
        "Alerts now go to {channel} when a feed fails for a day, disappears or comes back. "
        "Everyone who can read {channel} sees the names of those feeds, even ones from other "
        "channels."
    ).format(channel=target_channel.mention)
    return "\n".join(filter(None, (confirmation, permission_advice)))


class AlertChannelFlow(ManagersPanel):
    """Message that names the channel for feed alerts, with a button that unsets the channel."""

    async def start(self, interaction: Interaction) -> None:
        alert_channel_id = await self.store.servers.get_alert_channel_id(self.guild.id)
        if alert_channel_id is None:
            await self.finish(interaction, _no_alert_channel_text())
            return
        sentence = _("Alerts go to <#{channel}> when a feed fails for a day, disappears or comes back.")
        clear_button = ActionButton(self._clear_alert_channel, label=_("Use each feed’s own channel"))
        await self.display(
            interaction, (text_block(sentence.format(channel=alert_channel_id)), ActionRow(clear_button))
        )

    async def _clear_alert_channel(self, interaction: Interaction) -> None:
        await change_preference(self, Preference.ALERT_CHANNEL, None)
        await self.finish(interaction, _no_alert_channel_text())


def _no_alert_channel_text() -> str:
    return _(
        "Alerts go to each feed’s own channel when it fails for a day, disappears or comes back. "
        "To collect them in one place, choose a channel."
    )

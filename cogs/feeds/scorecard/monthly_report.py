"""Button that turns the monthly post of the scorecard of feeds on or off, and the sentence that says when it comes."""

import discord

from bot.core.i18n import _, linkify_commands
from bot.core.user_errors import UserFacingError
from cogs.shared.authorization import ManagersPanel
from cogs.shared.views import ActionButton, Interaction


async def build_monthly_button(panel: ManagersPanel, *, is_short: bool = False) -> ActionButton:
    """Return the button that turns the monthly scorecard of the feeds of the panel's server on or off.

    Its label is short beside the name of the setting.
    """
    is_enabled = (await panel.store.preferences.get_by_server(panel.guild.id)).report_due_at is not None

    async def toggle(interaction: Interaction) -> None:
        alert_channel_id = await panel.store.servers.get_alert_channel_id(panel.guild.id)
        if not is_enabled and alert_channel_id is None:
            raise UserFacingError(linkify_commands(_("It goes where alerts go. Choose a channel first: /feed alerts")))
        await panel.store.monthly_reports.set_enabled(
            panel.guild.id, is_enabled=not is_enabled, user_id=interaction.user.id
        )
        interaction.client.outbox_relay.wake()

    label = _("Stop the monthly post") if is_enabled else _("Send it every month")
    if is_short:
        label = _("Turn off") if is_enabled else _("Turn on")
    return ActionButton(toggle, label=label, style=discord.ButtonStyle.secondary)


async def describe_monthly_report(panel: ManagersPanel) -> str:
    """Return where and when the monthly scorecard of feeds is posted next, or "" if it isn't posted."""
    preferences = await panel.store.preferences.get_by_server(panel.guild.id)
    if preferences.report_due_at is None:
        return ""
    if preferences.alert_channel_id is None:
        return linkify_commands(_("Monthly, but there’s no channel for alerts: /feed alerts"))
    return _("Monthly in {channel}, next {date}").format(
        channel=f"<#{preferences.alert_channel_id}>", date=f"<t:{preferences.report_due_at}:D>"
    )

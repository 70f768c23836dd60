"""Whether a server takes notices of the operator: the control in its settings, and the button below each notice."""

import discord

from bot.client import interaction_context
from bot.core.i18n import _, linkify_commands
from bot.core.preferences import NOTICES_OFF, Preference
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import Section
from cogs.shared.authorization import ManagersPanel, require_manager_command
from cogs.shared.panels import change_preference, setting_section
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import ActionButton, Interaction, reply


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

"""Page of /owner with the maintenance mode, in which nothing is polled or posted."""

from collections.abc import Sequence

import discord

from bot.core.i18n import N_, _, pgettext
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import ActionRow, Block
from bot.store.records.operating_records import MAX_MAINTENANCE_MINUTES
from cogs.owner.owner_panel import OwnerPage
from cogs.shared.modals import TextField, modal_button
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction


class MaintenancePage(OwnerPage):
    """Page of the operator's panel that turns the maintenance mode on and off."""

    title = N_("Maintenance")

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        period = await self.store.maintenance.get()
        if period is None:
            minutes_field = TextField(
                "minutes",
                _("How many minutes will it take?"),
                description=_("People read it. Leave it empty if you don’t know."),
                required=False,
                max_length=len(str(MAX_MAINTENANCE_MINUTES)),
            )
            button = modal_button(
                self.panel,
                self._turn_on,
                _("Turn on…"),
                minutes_field,
                title=_("Maintenance"),
                style=discord.ButtonStyle.danger,
            )
            explanation = _(
                "During maintenance, nothing is fetched or posted, and commands say so. "
                "Nothing is lost: everything follows."
            )
            state_text = pgettext("maintenance", "off")
            return heading_block(_("Maintenance"), state_text, f"-# {explanation}"), ActionRow(button)
        state_lines = [_("on since {when}").format(when=f"<t:{period.since}:f>")]
        if period.expected_end is not None:
            state_lines.append(_("expected until {when}").format(when=f"<t:{period.expected_end}:f>"))
        button = ActionButton(self._turn_off, label=_("Turn off"), style=discord.ButtonStyle.success)
        return heading_block(_("Maintenance"), *state_lines), ActionRow(button)

    async def _turn_on(self, interaction: Interaction, minutes_text: str) -> None:
        minutes = int(minutes_text) if minutes_text.isascii() and minutes_text.isdecimal() else 0
        if minutes_text and not 1 <= minutes <= MAX_MAINTENANCE_MINUTES:
            raise UserFacingError(_("Enter a number of minutes, such as 30."))
        await self.store.maintenance.turn_on(expected_seconds=60 * minutes or None, user_id=interaction.user.id)
        await interaction.client.services.maintenance.refresh()

    async def _turn_off(self, interaction: Interaction) -> None:
        await self.store.maintenance.turn_off(user_id=interaction.user.id)
        await interaction.client.services.maintenance.refresh()

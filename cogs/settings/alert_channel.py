"""Where a server is told that a feed broke, is gone, or is back."""

from __future__ import annotations

import discord

from bot.core.choices import Preference
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Row, text
from cogs.shared.place_options import Place, require_posting
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction, Press


async def choose(interaction: Interaction, target: Place) -> str:
    """Have this server's alerts sent to a channel; returns what to say. Raises `Refusal`."""
    if isinstance(target, discord.ForumChannel):
        raise Refusal(_("Alerts need a channel or a thread. In a forum, each would open its own post."))
    advice = require_posting(interaction, target)
    await interaction.client.store.preferences.change(
        Preference.ALERTS, target.id, server_id=target.guild.id, person_id=interaction.user.id
    )
    await interaction.client.courier.look_again(target.id)
    answer = _(
        "Alerts now go to {channel}: a feed fails for a day, disappears, or is back. "
        "Everyone who can read {channel} sees the names of those feeds, even from other "
        "channels."
    ).format(channel=target.mention)
    return "\n".join(filter(None, (answer, advice)))


class AlertsFlow(ManagersLayout):
    """Tells where alerts go, and lets them go to each feed's own channel again."""

    async def start(self, interaction: Interaction) -> None:
        chosen = await interaction.client.store.servers.alerts(interaction.guild_id or 0)
        if chosen is None:
            await self.end(interaction, _nowhere())
            return
        told = _("Alerts go to <#{channel}>: a feed fails for a day, disappears, or is back.")
        forget = Press(self._forget, label=_("Use each feed’s own channel"))
        await self.display(interaction, (text(told.format(channel=chosen)), Row(forget)))

    async def _forget(self, interaction: Interaction) -> None:
        await interaction.client.store.preferences.change(
            Preference.ALERTS, None, server_id=interaction.guild_id or 0, person_id=interaction.user.id
        )
        await self.end(interaction, _nowhere())


def _nowhere() -> str:
    return _(
        "Alerts go to each feed’s own channel: it fails for a day, disappears, or is back. "
        "To collect them in one place, choose a channel."
    )

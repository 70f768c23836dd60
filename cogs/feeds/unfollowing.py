"""/feed remove: asks before a channel stops following a feed."""

from __future__ import annotations

import discord

from bot.core.locale import _
from bot.core.refusals import Refusal
from cogs.feeds.subscription_options import Pair, bold, no_longer
from cogs.shared.rights import ManagersView
from cogs.shared.views import Interaction, Press


class RemoveFlow(ManagersView):
    """Asks before a subscription ends."""

    def __init__(self, interaction: Interaction, pair: Pair, command_id: int | None = None) -> None:
        super().__init__(interaction, command_id)
        self._subscription, self._feed = pair
        self.add_item(Press(self._remove, label=_("Stop following"), style=discord.ButtonStyle.danger))
        self.add_item(Press(self._keep, label=_("Keep following")))

    async def start(self, interaction: Interaction) -> None:
        """Ask."""
        question = _("Stop following {feed} in <#{channel}>? Articles already posted stay.")
        await interaction.edit_original_response(content=self._said(question), view=self)

    async def _remove(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        self.stop()
        ended = await interaction.client.store.subscriptions.unfollow(
            self._subscription.channel_id, self._feed.id, person_id=interaction.user.id
        )
        if not ended:
            raise Refusal(no_longer())
        await interaction.edit_original_response(
            content=self._said(_("Stopped following {feed} in <#{channel}>.")), view=None
        )

    async def _keep(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        self.stop()
        await interaction.edit_original_response(
            content=self._said(_("Still following {feed} in <#{channel}>.")), view=None
        )

    def _said(self, sentence: str) -> str:
        return sentence.format(feed=bold(self._feed), channel=self._subscription.channel_id)

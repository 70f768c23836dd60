"""/feed remove: asks before a channel stops following a feed."""

from __future__ import annotations

import discord

from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Row, text
from cogs.feeds.subscription_options import Pair, bold, no_longer
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction, Press


class RemoveFlow(ManagersLayout):
    """Asks before a subscription ends."""

    def __init__(self, interaction: Interaction, pair: Pair, command_id: int | None = None) -> None:
        super().__init__(interaction, command_id)
        self._subscription, self._feed = pair

    async def start(self, interaction: Interaction) -> None:
        question = _("Stop following {feed} in <#{channel}>? Articles already posted stay.")
        red = discord.ButtonStyle.danger
        row = Row(
            Press(self._remove, label=_("Stop following"), style=red),
            Press(self._keep, label=_("Keep following")),
        )
        await self.display(interaction, (text(self._said(question)), row))

    async def _remove(self, interaction: Interaction) -> None:
        ended = await interaction.client.store.subscriptions.unfollow(
            self._subscription.channel_id, self._feed.id, person_id=interaction.user.id
        )
        if not ended:
            raise Refusal(no_longer())
        await self.end(interaction, self._said(_("Stopped following {feed} in <#{channel}>.")))

    async def _keep(self, interaction: Interaction) -> None:
        await self.end(interaction, self._said(_("Still following {feed} in <#{channel}>.")))

    def _said(self, sentence: str) -> str:
        return sentence.format(feed=bold(self._feed), channel=self._subscription.channel_id)

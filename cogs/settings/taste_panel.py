"""/settings taste: what a server likes, as its people's reactions have it, and forgetting it."""

from __future__ import annotations

import discord

from bot.core.locale import _, amount, ngettext
from bot.posting.rendering import discord_limits
from bot.posting.wording import taste_words
from bot.stories.server_taste import SEVERAL, Trait
from cogs.shared.rights import ManagersView
from cogs.shared.views import Interaction, Press

_MOST = 10  # of what is liked, and of what is not


class TastePanel(ManagersView):
    """One message with what is liked and what is not, and a button that forgets it."""

    async def show(self, interaction: Interaction) -> None:
        """Show it, in the reply to an interaction that was acknowledged."""
        assert interaction.guild is not None
        taste = await interaction.client.newsroom.tastes.of_server(interaction.guild.id)
        told = [one for one in taste.traits.values() if one.may_be_told(interaction.user.id)]
        told.sort(key=lambda one: (-one.score, one.name))
        embed = discord.Embed(
            title=_("What this server likes"),
            description=_(
                "Learned from 🔖, 👍, “Less like this” and opened menus of the last three months. It helps "
                "to decide what comes first in digests, in the best of the day and in answers to "
                "“what’s new?”."
            ),
        )
        liked = [one for one in told if one.score > 0][:_MOST]
        disliked = [one for one in reversed(told) if one.score < 0][:_MOST]
        if liked:
            embed.add_field(name=_("More of this"), value=_lines(liked))
        if disliked:
            embed.add_field(name=_("Less of this"), value=_lines(disliked))
        if not taste.verdicts:
            embed.add_field(name=_("Nothing yet"), value=_("Press 🔖 or More under a post."))
        else:
            counted = ngettext("{count} reaction.", "{count} reactions.", taste.verdicts).format(
                count=amount(taste.verdicts)
            )
            rule = _("What fewer than {least} people reacted to counts, but isn’t shown to others.").format(
                least=amount(SEVERAL)
            )
            embed.set_footer(text=f"{counted} {rule}")
        self.clear_items()
        self.add_item(Press(self._ask, label=_("Forget all of it"), disabled=not taste.verdicts))
        self.asked = interaction
        await interaction.edit_original_response(embed=embed, view=self)

    async def _ask(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        self.clear_items()
        self.add_item(Press(self._reset, label=_("Forget it for good"), style=discord.ButtonStyle.danger))
        self.add_item(Press(self.show_again, label=_("Keep it")))
        self.asked = interaction
        await interaction.edit_original_response(view=self)

    async def _reset(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        assert interaction.guild is not None
        await interaction.client.store.opinions.reset(interaction.guild.id, person_id=interaction.user.id)
        interaction.client.newsroom.tastes.forget(interaction.guild.id)
        await self.show(interaction)

    async def show_again(self, interaction: Interaction) -> None:
        """Show it as it is now."""
        await interaction.response.defer()
        await self.show(interaction)


def _lines(traits: list[Trait]) -> str:
    lines = ""
    for trait in traits:
        line = f"• {taste_words.weighed(trait)}\n"
        if len(lines) + len(line) > discord_limits.FIELD:
            break
        lines += line
    return lines.rstrip()

"""What a server likes, as Telex has learnt it, shown and forgotten."""

from collections.abc import Iterator

import discord

from bot.core.locale import _, amount, counted
from bot.posting.rendering.layout import blocks, outlets
from bot.posting.rendering.layout.blocks import Card, Row, Rule
from bot.posting.wording import taste_words
from bot.stories.server_taste import SEVERAL, Taste
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction, Press

_TRAITS = 6  # of each kind


class TastePanel(ManagersLayout):
    """One message with what is liked and what is not, and a button that forgets it."""

    async def show(self, interaction: Interaction) -> None:
        taste = await self.client.newsroom.tastes.of_server(self.guild.id)
        ask = Press(self._ask, label=_("Reset…"), disabled=not taste.verdicts)
        await self._display(interaction, taste, Row(ask))

    async def _display(self, interaction: Interaction, taste: Taste, row: Row) -> None:
        spaced = [each for line in _lines(taste, self.person_id) for each in (blocks.text(line), Rule())]
        await self.display(interaction, (Card((*spaced, row), outlets.COLOUR),))

    async def _ask(self, interaction: Interaction) -> None:
        taste = await self.client.newsroom.tastes.of_server(self.guild.id)
        sure = Press(self._reset, label=_("Reset permanently"), style=discord.ButtonStyle.danger)
        await self._display(interaction, taste, Row(sure, Press(self.show, label=_("Keep it"))))

    async def _reset(self, _interaction: Interaction) -> None:
        await self.store.opinions.reset(self.guild.id, person_id=self.person_id)
        self.client.newsroom.tastes.forget(self.guild.id)


def _lines(taste: Taste, person_id: int) -> Iterator[str]:
    heading = _("What this server likes")
    learned = _(
        "Learned from three months of reactions (🔖, 👍, “Less like this” and “More”). Used to "
        "rank digests, the best of the day and answers to “what’s new?”. ×2: liked twice as much "
        "as average."
    )
    yield f"### {heading}\n{learned}"
    told = [one for one in taste.traits.values() if one.may_be_told(person_id)]
    told.sort(key=lambda one: (-one.score, one.name))
    liked = [one for one in told if one.score > 0]
    disliked = [one for one in reversed(told) if one.score < 0]
    for heading, traits in ((_("Likes"), liked), (_("Likes less"), disliked)):
        if traits:
            yield "\n".join((f"**{heading}**", *taste_words.by_kind(traits, _TRAITS)))
    if not taste.verdicts:
        yield _("Nothing yet. Press 🔖 or More under a post.")
        return
    reactions = counted("{count} reaction.", "{count} reactions.", taste.verdicts)
    rule = _("Topics that fewer than {least} people reacted to count, but stay hidden.").format(
        least=amount(SEVERAL)
    )
    yield f"-# {reactions} {rule}"

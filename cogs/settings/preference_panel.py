"""The panel of /settings taste, which shows and resets a server's taste."""

from collections.abc import Iterator

import discord

from bot.core.i18n import _, format_count, format_number
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Separator
from bot.posting.wording import preference_sentences
from bot.stories.preference_model import MIN_JUDGES_TO_SHOW, PreferenceModel
from cogs.shared.authorization import ManagersPanel
from cogs.shared.views import ActionButton, Interaction

_MAX_TRAITS_PER_KIND = 6


class PreferencePanel(ManagersPanel):
    """The liked and disliked traits of a server, with a reset."""

    async def render(self, interaction: Interaction) -> None:
        taste = await self.client.newsroom.tastes.get(self.guild.id)
        ask = ActionButton(self._confirm_reset, label=_("Reset…"), disabled=not taste.verdict_count)
        await self._display(interaction, taste, ActionRow(ask))

    async def _display(self, interaction: Interaction, taste: PreferenceModel, row: ActionRow) -> None:
        spaced = [each for line in _lines(taste, self.person_id) for each in (blocks.text(line), Separator())]
        await self.display(interaction, (Card((*spaced, row), outlet_branding.DEFAULT_COLOUR),))

    async def _confirm_reset(self, interaction: Interaction) -> None:
        taste = await self.client.newsroom.tastes.get(self.guild.id)
        sure = ActionButton(self._reset, label=_("Reset permanently"), style=discord.ButtonStyle.danger)
        await self._display(
            interaction, taste, ActionRow(sure, ActionButton(self.render, label=_("Keep it")))
        )

    async def _reset(self, _interaction: Interaction) -> None:
        await self.store.feedback.reset(self.guild.id, person_id=self.person_id)
        self.client.newsroom.tastes.invalidate(self.guild.id)


def _lines(taste: PreferenceModel, person_id: int) -> Iterator[str]:
    heading = _("What this server likes")
    learned = _(
        "Learned from three months of reactions (🔖, 👍, “Less like this” and “More”). Used to "
        "rank digests, the best of the day and answers to “what’s new?”. ×2: liked twice as much "
        "as average."
    )
    yield f"### {heading}\n{learned}"
    told = [one for one in taste.traits.values() if one.may_be_shown_to(person_id)]
    told.sort(key=lambda one: (-one.score, one.name))
    liked = [one for one in told if one.score > 0]
    disliked = [one for one in reversed(told) if one.score < 0]
    for heading, traits in ((_("Likes"), liked), (_("Likes less"), disliked)):
        if traits:
            yield "\n".join(
                (f"**{heading}**", *preference_sentences.trait_lines(traits, _MAX_TRAITS_PER_KIND))
            )
    if not taste.verdict_count:
        yield _("Nothing yet. Press 🔖 or More under a post.")
        return
    reactions = format_count("{count} reaction.", "{count} reactions.", taste.verdict_count)
    rule = _("Topics that fewer than {least} people reacted to count, but stay hidden.").format(
        least=format_number(MIN_JUDGES_TO_SHOW)
    )
    yield f"-# {reactions} {rule}"

"""Panel of /settings taste, which shows and resets what a server's users like, as learnt from their reactions."""

from collections.abc import Iterator

import discord

from bot.core.i18n import _, format_count, format_number
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Separator
from bot.posting.wording import preference_sentences
from bot.stories.preference_model import MIN_USERS_TO_SHOW, PreferenceModel
from cogs.shared.authorization import ManagersPanel
from cogs.shared.views import ActionButton, Interaction

_MAX_TRAITS_PER_KIND = 6
"""Maximum number of liked traits of articles (outlets, topics, words), and of disliked traits, that the panel lists."""


class PreferencePanel(ManagersPanel):
    """Panel with the outlets, topics and title words that a server's users like and dislike, and a reset button."""

    async def render(self, interaction: Interaction) -> None:
        preference_model = await self.client.services.preference_models.get(self.guild.id)
        reset_button = ActionButton(self._confirm_reset, label=_("Reset…"), disabled=not preference_model.opinion_count)
        await self._show(interaction, preference_model, ActionRow(reset_button))

    async def _show(self, interaction: Interaction, preference_model: PreferenceModel, button_row: ActionRow) -> None:
        spaced_blocks = [
            block
            for text in _build_preference_texts(preference_model, self.user_id)
            for block in (blocks.text_block(text), Separator())
        ]
        await self.display(interaction, (Card((*spaced_blocks, button_row), outlet_branding.DEFAULT_COLOUR),))

    async def _confirm_reset(self, interaction: Interaction) -> None:
        preference_model = await self.client.services.preference_models.get(self.guild.id)
        confirm_button = ActionButton(
            self._reset_preferences, label=_("Reset permanently"), style=discord.ButtonStyle.danger
        )
        await self._show(
            interaction,
            preference_model,
            ActionRow(confirm_button, ActionButton(self.render, label=_("Keep it"))),
        )

    async def _reset_preferences(self, _interaction: Interaction) -> None:
        await self.store.opinions.reset(self.guild.id, user_id=self.user_id)
        self.client.services.preference_models.invalidate(self.guild.id)


def _build_preference_texts(preference_model: PreferenceModel, user_id: int) -> Iterator[str]:
    heading = _("What this server likes")
    explanation = _(
        "Learned from three months of reactions (🔖, 👍, “Less like this” and “More”). Used to "
        "rank digests, the best of the day and answers to “what’s new?”. ×2: liked twice as much "
        "as average."
    )
    yield f"### {heading}\n{explanation}"
    visible_traits = [trait for trait in preference_model.traits.values() if trait.may_be_shown_to(user_id)]
    visible_traits.sort(key=lambda trait: (-trait.score, trait.name))
    liked_traits = [trait for trait in visible_traits if trait.score > 0]
    disliked_traits = [trait for trait in reversed(visible_traits) if trait.score < 0]
    for trait_heading, traits in ((_("Likes"), liked_traits), (_("Likes less"), disliked_traits)):
        if traits:
            yield "\n".join(
                (f"**{trait_heading}**", *preference_sentences.list_trait_lines(traits, _MAX_TRAITS_PER_KIND))
            )
    if not preference_model.opinion_count:
        yield _("Nothing yet. Press 🔖 or More under a post.")
        return
    reaction_count_text = format_count("{count} reaction.", "{count} reactions.", preference_model.opinion_count)
    privacy_rule_text = _("Topics that fewer than {least} people reacted to count, but stay hidden.").format(
        least=format_number(MIN_USERS_TO_SHOW)
    )
    yield f"-# {reaction_count_text} {privacy_rule_text}"

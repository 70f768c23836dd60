"""👍 and 👎 under an answer, and 👎 under "I don't know": the articles do say."""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from bot.client import interaction_places
from bot.client.discord_client import answering
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from cogs.shared.views import Interaction, Paced

_LARGEST = 2**63 - 1  # that an id can be


class VoteButton(Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=buttons.VOTE_TEMPLATE):
    """Says whether an answer helped; pressed again takes it back. It outlives restarts."""

    def __init__(self, question_id: int, *, helped: bool) -> None:
        super().__init__(buttons.vote(question_id, helped=helped))
        self._question_id = question_id
        self._helped = helped

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of a question."""
        return cls(int(match["question"]), helped=match["vote"] == "up")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Count the vote, and say what it is now."""
        async with answering(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            await interaction.edit_original_response(content=await self._count(interaction))

    async def _count(self, interaction: Interaction) -> str:
        questions = interaction.client.store.questions
        known = self._question_id <= _LARGEST
        question = await questions.get(self._question_id) if known else None
        here = question is not None and interaction_places.server_id(interaction) in {
            None,
            question.server_id,
        }
        if question is None or not here:
            raise Refusal(_("This answer is too old to rate."))
        if not question.public and question.person_id != interaction.user.id:
            raise Refusal(_("Only the person who asked can rate this answer."))
        voted = await questions.vote(self._question_id, interaction.user.id, helped=self._helped)
        if voted is None:
            return _("Vote removed.")
        if voted:
            return _("Thanks! Glad that helped.")
        if not question.answered:
            return _("Thanks! I’ve told whoever runs this bot that the answer is in there.")
        return _("Thanks! I’ve told whoever runs this bot that this answer didn’t help.")

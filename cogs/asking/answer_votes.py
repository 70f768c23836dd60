"""👍 and 👎 under an answer, and 👎 under "I don't know": the articles do say."""

from __future__ import annotations

from bot.client import interaction_places
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction

_LARGEST = 2**63 - 1  # that an id can be


@lasting(buttons.VOTE_TEMPLATE)
async def vote_button(interaction: Interaction, _item: object, *, question: str, vote: str) -> None:
    """Says whether an answer helped, and what the vote is now; pressed again takes it back."""
    said = await _count(interaction, int(question), helped=vote == "up")
    await interaction.edit_original_response(content=said)


async def _count(interaction: Interaction, question_id: int, *, helped: bool) -> str:
    questions = interaction.client.store.questions
    question = await questions.get(question_id) if question_id <= _LARGEST else None
    server_id = interaction_places.server_id(interaction)
    here = question is not None and server_id in {None, question.server_id}
    if question is None or not here:
        raise Refusal(_("This answer is too old to rate."))
    if not question.public and question.person_id != interaction.user.id:
        raise Refusal(_("Only the person who asked can rate this answer."))
    voted = await questions.vote(question_id, interaction.user.id, helped=helped)
    if voted is None:
        return _("Vote removed.")
    if voted:
        return _("Thanks! Glad that helped.")
    if not question.answered:
        return _("Thanks! I’ve told whoever runs this bot that the answer is in there.")
    return _("Thanks! I’ve told whoever runs this bot that this answer didn’t help.")

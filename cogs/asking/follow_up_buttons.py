"""The buttons under an answer that ask further, or ask to be told. They outlive a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import discord

from bot.answers.conversing import conversation
from bot.client import interaction_places
from bot.core.locale import _
from bot.core.people_models import Question
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.buttons import button
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.text import safe
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction, Reply
from cogs.shared.windows import Line, Window

if TYPE_CHECKING:
    from cogs.asking.ask_commands import Asking
    from cogs.watching.watch_commands import Watching

NEXT_TEMPLATE = r"telex:next:(?P<question>\d{1,19}):(?P<number>\d)"
"""The custom id of a button that asks what its label says, after the question of this id."""
TELL_TEMPLATE = r"telex:tell:(?P<question>\d{1,19})"
"""The custom id of a button that watches for what the question of this id asks."""

_QUESTION = 300  # characters
_LARGEST = 2**63 - 1  # that an id can be
_TOPIC = 3  # words of what is watched for


def ask_next(question_id: int, number: int, topic: str) -> discord.ui.Button[Any]:
    """A button that asks what is new with a topic, in the language of this task."""
    label = _("What’s new with {topic}?").format(topic=safe.plain(topic))
    return button(label, f"telex:next:{question_id}:{number}", emoji(Icon.ASK))


def tell_me(question_id: int) -> discord.ui.Button[Any]:
    """A button that watches for what is asked, in the language of this task."""
    label = _("Tell me when there’s news on this")
    return button(label, f"telex:tell:{question_id}", style=discord.ButtonStyle.primary)


@lasting(NEXT_TEMPLATE, Reply.OWN)
async def next_button(
    interaction: Interaction, pressed: discord.ui.Button[Any], *, question: str, **_number: str
) -> None:
    """Asks a further question, for the same readers as the answer that it stands under."""
    asking = cast("Asking", interaction.client.get_cog("Asking"))
    await asking.answer_next(interaction, pressed.label or "", int(question))


@lasting(buttons.QUESTION, Reply.OWN)
async def question_button(interaction: Interaction, _item: object) -> None:
    """Opens a window for a question, under a digest."""
    asking = cast("Asking", interaction.client.get_cog("Asking"))
    line = Line("question", _("Your question"), max_length=_QUESTION)
    window = Window(_("Ask about the news"), asking.answer_alone, line, reply=Reply.OWN)
    await interaction.response.send_modal(window)


@lasting(TELL_TEMPLATE)
async def tell_button(interaction: Interaction, _item: object, *, question: str) -> None:
    """Makes a watch of a question that nothing answers, and says for which words."""
    asked = await readable(interaction, int(question))
    if asked is None:
        raise Refusal(_("This answer is too old. Ask again."))
    watching = cast("Watching", interaction.client.get_cog("Watching"))
    await watching.watch_for(interaction, watched(asked.text))


async def readable(interaction: Interaction, question_id: int) -> Question | None:
    """A question of this place that the person may know of; None for any other, or one no longer kept."""
    if question_id > _LARGEST:
        return None
    question = await interaction.client.store.questions.get(question_id)
    if question is None or (not question.public and question.person_id != interaction.user.id):
        return None
    server_id = interaction_places.server_id(interaction)
    if server_id is None:
        return question if question.person_id == interaction.user.id else None
    return question if question.server_id == server_id else None


def watched(text: str) -> str:
    """The words to watch for of a question: its names, else its first telling words."""
    names = conversation.names(text)
    return " ".join(names or conversation.telling_words(text)[:_TOPIC]) or text

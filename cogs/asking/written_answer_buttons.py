"""Buttons under an answer that a language model wrote: its quotes, and its sources to bookmark."""

from typing import NamedTuple

from bot.answers.model_passages import quote_cited_sources
from bot.core.i18n import _
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import saved_pages_feed_id
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import text_block
from bot.posting.rendering.layout.layout_views import build_static_view
from cogs.asking.question_context import find_accessible_question
from cogs.asking.written_answer_cards import quotes_layout, read_written_sentences
from cogs.reading.bookmarking import bookmark_article, saved_text
from cogs.reading.message_articles import choose_article, unreadable_article_text
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import Interaction


class NumberedSource(NamedTuple):
    """Source of an answer that a user can read, with its number in the answer."""

    number: int
    article: Article


@persistent_item(buttons.SHOW_QUOTES_BUTTON.id_pattern)
async def show_quotes_button(interaction: Interaction, _item: object, *, question_id: str) -> None:
    """Show for each sentence of a written answer what its sources say, for the user only.

    The sentences are those in the clicked message.
    """
    sources = await _load_readable_sources(interaction, int(question_id))
    sentences = [] if interaction.message is None else read_written_sentences(interaction.message)
    quotes = await quote_cited_sources(interaction.client.services.searcher, sentences, dict(sources))
    if not quotes:
        raise UserFacingError(_("This answer is too old. Ask again."))
    number_by_article_id = {source.article.id: source.number for source in sources}
    layout = quotes_layout(quotes, number_by_article_id)
    await interaction.edit_original_response(view=build_static_view(layout))


@persistent_item(buttons.SAVE_SOURCES_BUTTON.id_pattern)
async def save_sources_button(interaction: Interaction, _item: object, *, question_id: str) -> None:
    """Let the user choose a source of a written answer, and bookmark it."""
    sources = await _load_readable_sources(interaction, int(question_id))

    async def save_article(click: Interaction, article: Article) -> None:
        await bookmark_article(click, article, None)
        await click.edit_original_response(view=build_static_view((text_block(saved_text(1)),)))

    await choose_article(interaction, [source.article for source in sources], save_article, _("Save an article…"))


async def _load_readable_sources(interaction: Interaction, question_id: int) -> list[NumberedSource]:
    """Return the sources of the answer to a question that the user can read.

    Raises `UserFacingError` if the question is not accessible or the user can read none of the sources.
    """
    question = await find_accessible_question(interaction, question_id)
    if question is None:
        raise UserFacingError(_("This answer is too old. Ask again."))
    visible_feed_ids = await interaction.client.load_visible_feed_ids(interaction)
    readable_feed_ids = {*visible_feed_ids, saved_pages_feed_id(interaction.user.id)}
    article_by_id = {
        article.id: article
        for article in await interaction.client.store.articles.list_by_ids(question.source_article_ids)
    }
    sources = [
        NumberedSource(number, article_by_id[article_id])
        for number, article_id in enumerate(question.source_article_ids, 1)
        if article_id in article_by_id and article_by_id[article_id].feed_id in readable_feed_ids
    ]
    if not sources:
        raise UserFacingError(unreadable_article_text())
    return sources

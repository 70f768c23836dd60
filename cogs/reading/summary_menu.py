"""The Summarize action: two sentences on an article."""

import discord
from discord.app_commands import locale_str

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Separator, text
from bot.posting.rendering.messages import linked
from bot.text import discord_text
from bot.writing.summarizer import Summarizer, SummaryFailure
from cogs.reading.message_articles import not_readable_text, with_article
from cogs.shared import article_cards
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import Interaction, OwnedView

_MAX_OUTLET_LENGTH = 60


class SummaryCog(PersistentItemCog):
    """The message menu entry, if a model can write summaries."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        if summarizer_of(bot) is not None:
            self.add_message_menu(
                locale_str("Summarize"),
                summarize_message,
                locale_str("summarize an article in two sentences"),
            )


async def summarize_message(interaction: Interaction, message: discord.Message) -> None:
    """Summarize the article of a post; of several the user chooses one."""
    await with_article(interaction, message, _open, which=_("Which article should I summarize?"))


def summarizer_of(bot: TelexBot) -> Summarizer | None:
    """Return the summarizer, or None if no model can write summaries."""
    return None if bot.newsroom.text_generator is None else bot.newsroom.text_generator.summarizer


async def _open(interaction: Interaction, article: Article) -> None:
    await SummaryCard(interaction, article).render(interaction)


class SummaryCard(OwnedView):
    """The summary of an article."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def render(self, interaction: Interaction) -> None:
        """Show a placeholder if the summary is not cached, then the summary."""
        writer = summarizer_of(self.client)
        if writer is None:
            raise UserFacingError(not_readable_text())
        if await writer.cached(self._article, i18n.current_language()) is None:
            await self._display(interaction, writing_text())
        await self._display(interaction, await summary_markup(interaction, writer, self._article))

    async def _display(self, interaction: Interaction, said: str) -> None:
        title, _name = article_cards.title_variants(self._article)
        shown = (
            text(f"### {title}\n{outlet_branding.byline(self._article).variants[0]}"),
            text(said),
            Separator(),
            ActionRow(buttons.save_button(self._article.key), *buttons.open_buttons(self._article)),
        )
        colour = outlet_branding.colour(self._article.feed_id, self._article.outlet)
        await self.display_card(interaction, *shown, colour=colour)


async def summary_markup(interaction: Interaction, writer: Summarizer, article: Article) -> str:
    """Return the summary as markup, each sentence with its source, or why there is none."""
    found = await writer.summarize(
        article,
        i18n.current_language(),
        server_id=interaction_context.server_id(interaction),
        person_id=interaction.user.id,
    )
    if isinstance(found, SummaryFailure):
        return _failure_text(found)
    source = linked(
        discord_text.to_markdown_line(article.outlet, _MAX_OUTLET_LENGTH) or _("Source"), article.url
    )
    sentences = (f"{discord_text.to_markdown_line(sentence)} ({source})" for sentence in found)
    said = _("Written by a language model from this article. It can be wrong: follow the link.")
    return "\n".join((*sentences, f"-# {said}"))


def writing_text() -> str:
    """Return the placeholder for a summary in progress."""
    said = _("Writing a summary…")
    return f"-# ✍️ {said}"


def _failure_text(reason: SummaryFailure) -> str:
    sentences = {
        SummaryFailure.TOO_SHORT: _("This article is too short to summarize."),
        SummaryFailure.QUOTA_EXHAUSTED: _(
            "Today’s limit for summaries has been reached. Try again tomorrow."
        ),
        SummaryFailure.BUSY: _("I’m still writing your last summary. Try again in a moment."),
        SummaryFailure.NO_ANSWER: _("The language model isn’t answering. Try again in a minute."),
        SummaryFailure.NOT_SUPPORTED: _("No summary: the article doesn’t back up what the model wrote."),
    }
    return sentences[reason]

"""Summarize action of the message menu: two sentences on an article."""

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
from bot.posting.rendering.layout.blocks import ActionRow, Separator, text_block
from bot.posting.rendering.messages import link_markup
from bot.text import discord_text
from bot.writing.summarizer import Summarizer, SummaryFailure
from cogs.reading.message_articles import call_with_message_article, unreadable_article_text
from cogs.shared import article_cards
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import Interaction, OwnedView

_MAX_OUTLET_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of an outlet's name in a link."""


class SummaryCog(PersistentItemCog):
    """Cog of the Summarize entry in the message menu, which is added only if a model can write summaries."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        if get_summarizer(bot) is not None:
            self.add_message_menu(
                locale_str("Summarize"),
                summarize_message,
                locale_str("summarize an article in two sentences"),
            )


async def summarize_message(interaction: Interaction, message: discord.Message) -> None:
    """Summarize the article of a post; if there are several, the user chooses one."""
    await call_with_message_article(
        interaction, message, _open_summary, placeholder=_("Which article should I summarize?")
    )


def get_summarizer(bot: TelexBot) -> Summarizer | None:
    """Return the client's summarizer, or None if no model can write summaries."""
    return None if bot.services.model_services is None else bot.services.model_services.summarizer


async def _open_summary(interaction: Interaction, article: Article) -> None:
    await SummaryCard(interaction, article).render(interaction)


class SummaryCard(OwnedView):
    """Card with the summary of an article."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def render(self, interaction: Interaction) -> None:
        """Show the summary, after a placeholder if it has to be written first."""
        summarizer = get_summarizer(self.client)
        if summarizer is None:
            raise UserFacingError(unreadable_article_text())
        if await summarizer.load_cached([self._article], i18n.current_language()) is None:
            await self._show(interaction, writing_text())
        await self._show(interaction, await load_summary_markup(interaction, summarizer, self._article))

    async def _show(self, interaction: Interaction, summary: str) -> None:
        linked_title, _plain_title = article_cards.title_variants(self._article)
        card_blocks = (
            text_block(f"### {linked_title}\n{outlet_branding.byline_block(self._article).variants[0]}"),
            text_block(summary),
            Separator(),
            ActionRow(buttons.save_button(self._article.key), *buttons.make_open_buttons(self._article)),
        )
        colour = outlet_branding.outlet_colour(self._article.feed_id, self._article.outlet)
        await self.display_card(interaction, *card_blocks, colour=colour)


async def load_summary_markup(interaction: Interaction, summarizer: Summarizer, article: Article) -> str:
    """Return the summary as markup, each sentence with its source, or the reason why there is none."""
    summary = await summarizer.summarize(
        [article],
        i18n.current_language(),
        server_id=interaction_context.get_home_server_id(interaction),
        user_id=interaction.user.id,
    )
    if isinstance(summary, SummaryFailure):
        return _describe_failure(summary)
    linked_outlet = link_markup(
        discord_text.to_markdown_line(article.outlet, _MAX_OUTLET_NAME_LENGTH) or _("Source"), article.url
    )
    cited_sentences = (f"{discord_text.to_markdown_line(sentence)} ({linked_outlet})" for sentence in summary)
    disclaimer = _("Written by a language model from this article. It can be wrong: follow the link.")
    return "\n".join((*cited_sentences, f"-# {disclaimer}"))


def writing_text() -> str:
    """Return the placeholder that says that a summary is being written."""
    sentence = _("Writing a summary…")
    return f"-# ✍️ {sentence}"


def _describe_failure(reason: SummaryFailure) -> str:
    sentence_by_reason = {
        SummaryFailure.TOO_SHORT: _("This article is too short to summarize."),
        SummaryFailure.QUOTA_EXHAUSTED: _("Today’s limit for summaries has been reached. Try again tomorrow."),
        SummaryFailure.BUSY: _("I’m still writing your last summary. Try again in a moment."),
        SummaryFailure.NO_ANSWER: _("The language model isn’t answering. Try again in a minute."),
        SummaryFailure.NOT_SUPPORTED: _("No summary: the article doesn’t back up what the model wrote."),
    }
    return sentence_by_reason[reason]

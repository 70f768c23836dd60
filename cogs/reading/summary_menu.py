"""Summarize: what an article says in two sentences, from the menu of a post and under More."""

import discord
from discord.app_commands import locale_str

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Row, Rule, text
from bot.posting.rendering.messages import linked
from bot.text import safe
from bot.writing.summaries import NotWritten, Summaries
from cogs.reading.message_articles import unreadable, with_article
from cogs.shared import article_cards
from cogs.shared.lasting_items import LastingCog
from cogs.shared.views import AskerLayout, Interaction

_OUTLET = 60


class Summarizing(LastingCog):
    """The menu entry, where there is a model to write summaries."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        if summaries_of(bot) is not None:
            self.offer(
                locale_str("Summarize"), summarize, locale_str("summarize an article in two sentences")
            )


async def summarize(interaction: Interaction, message: discord.Message) -> None:
    """Sum up the article of a post; of several the asker chooses one first."""
    await with_article(interaction, message, _open, which=_("Which article should I summarize?"))


def summaries_of(bot: Telex) -> Summaries | None:
    """What writes summaries; None where there is no model, or it may write none."""
    return None if bot.newsroom.writing is None else bot.newsroom.writing.summaries


async def _open(interaction: Interaction, article: Article) -> None:
    await SummaryCard(interaction, article).show(interaction)


class SummaryCard(AskerLayout):
    """The summary of an article, for who asked for it."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def show(self, interaction: Interaction) -> None:
        """Say that it is being written where it is not known yet, then show it."""
        writer = summaries_of(self.client)
        if writer is None:
            raise Refusal(unreadable())
        if await writer.known(self._article, locale.current()) is None:
            await self._display(interaction, writing())
        await self._display(interaction, await summary(interaction, writer, self._article))

    async def _display(self, interaction: Interaction, said: str) -> None:
        title, _name = article_cards.title_forms(self._article)
        shown = (
            text(f"### {title}\n{outlets.byline(self._article).forms[0]}"),
            text(said),
            Rule(),
            Row(buttons.save(self._article.key), *buttons.leading(self._article)),
        )
        colour = outlets.colour(self._article.feed_id, self._article.outlet)
        await self.display_card(interaction, *shown, colour=colour)


async def summary(interaction: Interaction, writer: Summaries, article: Article) -> str:
    """The summary of an article as markup, each sentence with its source; or why there is none."""
    found = await writer.of(
        article,
        locale.current(),
        server_id=interaction_places.server_id(interaction),
        person_id=interaction.user.id,
    )
    if isinstance(found, NotWritten):
        return _why_not(found)
    source = linked(safe.line(article.outlet, _OUTLET) or _("Source"), article.url)
    sentences = (f"{safe.line(sentence)} ({source})" for sentence in found)
    said = _("Written by a language model from this article. It can be wrong: follow the link.")
    return "\n".join((*sentences, f"-# {said}"))


def writing() -> str:
    """What to say while a summary is being written."""
    said = _("Writing a summary…")
    return f"-# ✍️ {said}"


def _why_not(reason: NotWritten) -> str:
    sentences = {
        NotWritten.TOO_SHORT: _("This article is too short to summarize."),
        NotWritten.NO_ROOM: _("Today’s limit for summaries has been reached. Try again tomorrow."),
        NotWritten.BUSY: _("I’m still writing your last summary. Try again in a moment."),
        NotWritten.NO_ANSWER: _("The language model isn’t answering. Try again in a minute."),
        NotWritten.NOT_HELD: _("No summary: the article doesn’t back up what the model wrote."),
    }
    return sentences[reason]

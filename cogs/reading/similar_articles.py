"""More like this: a button on an article's card, and an entry in the menu of a post."""

from __future__ import annotations

import math

import discord

from bot.core.locale import _, counted
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import text
from bot.search.more_like_this import similar
from cogs.reading.article_list_pages import PAGE, ArticlePage, ArticlePages, nothing_to_read
from cogs.reading.message_articles import with_article
from cogs.reading.saving import may_read, unreadable
from cogs.shared import article_cards
from cogs.shared.article_lists import entry_of
from cogs.shared.lasting_items import lasting
from cogs.shared.membership import hidden_servers
from cogs.shared.views import Interaction

_TITLE = 100  # characters of the article's title that the page's shows


async def like(interaction: Interaction, message: discord.Message) -> None:
    """Show what is like the article of a post; of several the asker chooses one first."""
    await with_article(interaction, message, _open, which=_("More like which one?"))


async def _open(interaction: Interaction, article: Article) -> None:
    await SimilarPages(interaction, article).show(interaction)


@lasting(buttons.LIKE_TEMPLATE)
async def like_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """The button of a card: it shows what is like the article."""
    article = await interaction.client.store.articles.by_key(key)
    if article is None or not await _readable(interaction, article):
        raise Refusal(unreadable())
    await SimilarPages(interaction, article).show(interaction)


async def _readable(interaction: Interaction, article: Article) -> bool:
    """Whether the asker sees an article here or has kept it."""
    if await may_read(interaction, article):
        return True
    hidden = await hidden_servers(interaction)
    return bool(
        await interaction.client.store.bookmarks.has(interaction.user.id, [article.id], hidden=hidden)
    )


class SimilarPages(ArticlePages):
    """What is like an article, in the feeds that the asker sees by the time a page is made."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        client = interaction.client
        visible = await client.visible_feed_ids(interaction)
        if not visible:
            return await nothing_to_read(interaction)
        found = await similar(
            client.newsroom.searcher, self._article, feed_ids=visible, limit=PAGE, offset=number * PAGE
        )
        total = found.total or 0
        heading = _("More like {article}").format(article=article_cards.heading(self._article.title, _TITLE))
        said = (
            "-# " + counted("{count} article", "{count} articles", total)
            if total
            else _("No similar articles in the channels you can see.")
        )
        return ArticlePage(
            head=(text(f"### {heading}"), text(said)),
            entries=[entry_of(one) for one in found.results],
            more=total > (number + 1) * PAGE,
            pages=math.ceil(total / PAGE),
        )

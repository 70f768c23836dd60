"""More like this: a button on an article's card, and an entry in the menu of a post."""

from __future__ import annotations

import math
import re
from typing import Any, Self

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import Telex, answering
from bot.core.locale import _, amount, ngettext
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
from cogs.shared.membership import hidden_servers
from cogs.shared.rights import anywhere
from cogs.shared.views import Interaction, Paced

_TITLE = 100  # characters of the article's title that the page's shows


class MoreLikeThis(commands.Cog):
    """Finds articles like one that a person sees."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._menu = anywhere(
            app_commands.ContextMenu(
                name=locale_str("More like this"),
                callback=self.like,
                extras={"does": locale_str("find similar articles")},
            )
        )

    async def cog_load(self) -> None:
        """Answer the buttons, of earlier processes too, and the menu entry."""
        self.bot.add_dynamic_items(LikeButton)
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)
        self.bot.remove_dynamic_items(LikeButton)

    async def like(self, interaction: Interaction, message: discord.Message) -> None:
        """Show what is like the article of a post; of several the asker chooses one first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await with_article(interaction, message, _open, which=_("More like which one?"))


async def _open(interaction: Interaction, article: Article) -> None:
    await SimilarPages(interaction, article).show(interaction)


class LikeButton(Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=buttons.LIKE_TEMPLATE):
    """The button of a card. It outlives restarts."""

    def __init__(self, key: str) -> None:
        super().__init__(buttons.more_like(key))
        self.key = key

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of an article's key."""
        return cls(match["key"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show what is like the article."""
        async with answering(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            article = await interaction.client.store.articles.by_key(self.key)
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
        """Some of it."""
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
            "-# " + ngettext("{count} article", "{count} articles", total).format(count=amount(total))
            if total
            else _("No similar articles in the channels you can see.")
        )
        return ArticlePage(
            head=(text(f"### {heading}"), text(said)),
            entries=[entry_of(one) for one in found.results],
            more=total > (number + 1) * PAGE,
            pages=math.ceil(total / PAGE),
        )

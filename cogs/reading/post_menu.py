"""What else can be done with a post: the button More under it, answered to who presses it alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord.ext import commands

from bot.client.discord_client import Telex, answering
from bot.core.locale import _
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, outlets, views
from bot.posting.rendering.layout.blocks import Block, Card, Layout, Row, Rule, Section
from bot.posting.rendering.messages import linked
from bot.text import safe
from cogs.reading.saving import may_read, post_of, sees, unreadable
from cogs.shared import article_cards
from cogs.shared.views import Paced

_MOST = 8  # articles of the story: each takes four of a message's components
_AUTHOR, _TAG, _TAGS = 80, 30, 8


class PostMenu(commands.Cog):
    """Answers the button More."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Answer the buttons, of earlier processes too."""
        self.bot.add_dynamic_items(MoreButton)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.remove_dynamic_items(MoreButton)


class MoreButton(Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=buttons.MORE_TEMPLATE):
    """The button under a post. It outlives restarts."""

    def __init__(self, key: str) -> None:
        super().__init__(buttons.more(key))
        self.key = key

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of an article's key."""
        return cls(match["key"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show what can be done."""
        async with answering(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            store = interaction.client.store
            article = await store.articles.by_key(self.key)
            if article is None or not await may_read(interaction, article):
                raise Refusal(unreadable())
            joined: Sequence[Article] = ()
            if interaction.message is not None:
                post = await post_of(interaction.client, interaction.message.id, interaction.guild_id)
                if post is not None and article.id in post.article_ids and await sees(interaction, post):
                    joined = await store.articles.by_ids(post.joined_ids)
            view = views.static(menu(article, joined, in_server=interaction.guild is not None))
            await interaction.edit_original_response(view=view)


def menu(article: Article, joined: Sequence[Article], *, in_server: bool) -> Layout:
    """Who wrote an article and what about, the others of its story to keep, and what can be done."""
    shown: list[Block] = [blocks.text(_titled(article, *_details(article)))]
    if joined:
        heading = _("Also on this story").upper()
        shown += [Rule(), blocks.text(f"-# {heading}")]
        shown += [Section((blocks.text(_titled(one)),), buttons.save(one.key)) for one in joined[:_MOST]]
    if in_server:
        shown += [Rule(), Row(buttons.more_like(article.key))]
    return (Card(tuple(shown), outlets.colour(article.feed_id, article.outlet)),)


def _titled(article: Article, *more: str) -> str:
    """Title, outlet and time, and more small lines."""
    title = f"**{linked(article_cards.title(article), article.url)}**"
    return "\n".join((title, outlets.byline(article).forms[0], *(f"-# {line}" for line in more)))


def _details(article: Article) -> list[str]:
    """Who wrote it when, and what its publisher calls its topics."""
    author = safe.markdown(safe.plain(article.author or "", _AUTHOR))
    when = f"<t:{article.published}:f>"
    tags = ", ".join(safe.markdown(safe.plain(tag, _TAG)) for tag in article.tags[:_TAGS])
    told = _("By {author}, {when}").format(author=author, when=when) if author else when
    return list(filter(None, (told, tags)))

"""More: what else can be done with the article of a post, for the person who pressed."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord.ext import commands

from bot.client.discord_client import Telex, answering
from bot.core.locale import _
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Row
from bot.posting.wording import taste_words
from bot.store.records import Opinion
from cogs.reading.saving import may_read, unreadable
from cogs.shared import article_cards
from cogs.shared.views import AskerLayout, Interaction, Paced, Press


class More(commands.Cog):
    """Answers the More button under posts."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Answer the buttons, of earlier processes too."""
        self.bot.add_dynamic_items(MoreButton)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.remove_dynamic_items(MoreButton)


class MoreButton(Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=buttons.MORE_TEMPLATE):
    """The More button of a post. It outlives restarts."""

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
        """Show the menu to who pressed."""
        async with answering(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            article = await interaction.client.store.articles.by_key(self.key)
            if article is None or not await may_read(interaction, article):
                raise Refusal(unreadable())
            await MoreMenu(interaction, article).open(interaction)


class MoreMenu(AskerLayout):
    """What a person can do with an article, and what their server makes of it."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article
        self._opinion: Opinion | None = None

    async def check(self, interaction: Interaction) -> None:
        """Only who still sees the article here."""
        if self._article.feed_id not in await interaction.client.visible_feed_ids(interaction):
            raise Refusal(unreadable())

    async def open(self, interaction: Interaction) -> None:
        """Show the menu, in the reply to an interaction that was acknowledged: that it was opened counts."""
        await self._judge(interaction, Opinion.OPENED)

    async def _judge(self, interaction: Interaction, opinion: Opinion) -> None:
        if interaction.guild_id is not None:
            self._opinion = await interaction.client.store.opinions.give(
                opinion,
                server_id=interaction.guild_id,
                person_id=interaction.user.id,
                article_id=self._article.id,
            )
            interaction.client.newsroom.tastes.forget(interaction.guild_id)
        await self._show(interaction)

    async def _show(self, interaction: Interaction) -> None:
        lines = [f"**{article_cards.title(self._article)}**", f"-# {article_cards.source(self._article)}"]
        rows = [Row(buttons.more_like(self._article.key))]
        if interaction.guild_id is not None:
            taste = await interaction.client.newsroom.tastes.of_server(interaction.guild_id)
            reasons = taste_words.because(taste.telling([self._article]), interaction.user.id)
            lines += [f"-# {reason}" for reason in reasons]
            rows.insert(0, Row(self._vote(Opinion.LIKED), self._vote(Opinion.DISLIKED)))
        await self.display(interaction, (blocks.text("\n".join(lines)), *rows))

    def _vote(self, opinion: Opinion) -> Press:
        is_mine = self._opinion is opinion
        liked = opinion is Opinion.LIKED

        async def press(interaction: Interaction) -> None:
            await interaction.response.defer()
            await self._judge(interaction, opinion)

        return Press(
            press,
            label=_("More of this") if liked else _("Less like this"),
            emoji="👍" if liked else "👎",
            style=discord.ButtonStyle.primary if is_mine else discord.ButtonStyle.secondary,
        )

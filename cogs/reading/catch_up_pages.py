"""All articles of a catch-up, in pages: its message has room for some of them alone."""

from __future__ import annotations

import math

from bot.client import interaction_places
from bot.core.locale import counted
from bot.core.models import Article, DispatchKind
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import text
from cogs.reading.article_list_pages import PAGE, ArticlePage, ArticlePages
from cogs.reading.saving import post_of, sees, unreadable
from cogs.shared.article_lists import lead_of
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction


class CatchUpPages(ArticlePages):
    """The articles of a catch-up, newest first, for who sees its message."""

    def __init__(self, interaction: Interaction, message_id: int) -> None:
        super().__init__(interaction)
        self._message_id = message_id

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        ids = await self._article_ids(interaction)
        first = number * PAGE
        shown = await interaction.client.store.articles.by_ids(ids[first : first + PAGE])
        title = counted("{count} article", "{count} articles", len(ids))
        return ArticlePage(
            head=(text(f"### {title}"),),
            entries=[lead_of(article) for article in shown],
            more=len(ids) > first + PAGE,
            pages=math.ceil(len(ids) / PAGE),
        )

    async def may_read(self, interaction: Interaction, article: Article) -> bool:
        """Those of the catch-up, whatever the channel follows now."""
        return article.id in await self._article_ids(interaction)

    async def _article_ids(self, interaction: Interaction) -> tuple[int, ...]:
        server_id = interaction_places.server_id(interaction)
        post = await post_of(interaction.client, self._message_id, server_id)
        if post is None or post.kind is not DispatchKind.CATCH_UP or not await sees(interaction, post):
            raise Refusal(unreadable())
        return post.article_ids[::-1]


@lasting(buttons.ALL_TEMPLATE)
async def all_button(interaction: Interaction, _item: object, **_what: str) -> None:
    """The button under a catch-up that shows all of its articles: the first page, to who clicked."""
    assert interaction.message is not None
    await CatchUpPages(interaction, interaction.message.id).show(interaction)

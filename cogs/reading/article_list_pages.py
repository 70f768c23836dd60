"""Lists of articles in pages, with a menu that saves or opens one and buttons to turn, order and share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.client import interaction_places
from bot.core.locale import _, clickable
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Item, Layout, Row, Rule, Text, text
from cogs.reading import sharing
from cogs.reading.message_articles import readable, unreadable
from cogs.reading.saving import already, keep_article, saved
from cogs.shared import article_cards
from cogs.shared.article_lists import Entry
from cogs.shared.paging import Pages
from cogs.shared.rights import may_manage_with
from cogs.shared.views import Choose, Interaction, Press, Reply

PAGE = 5
"""Articles of a page."""
COUNTED = 50
"""Articles up to which a list counts how many it has in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """One page: what stands above the articles, these, and how many there are in all.

    `total` is None where they are more than `COUNTED` and another page follows.
    """

    head: tuple[Block, ...]
    entries: Sequence[Entry] = ()
    total: int | None = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read on it."""
        return not self.entries


class ArticlePages(Pages[ArticlePage]):
    """Articles in pages."""

    opens = False
    """Whether the menu opens an article where it would else save one."""

    def controls(self, _page: ArticlePage) -> tuple[Item, ...]:
        """More buttons, which stand after those that turn the page."""
        return ()

    async def may_read(self, interaction: Interaction, article: Article) -> bool:
        return article.feed_id in await self.client.visible_feed_ids(interaction)

    def listed(self, page: ArticlePage) -> Layout:
        if page.empty:
            return (Card((*page.head, Row(*self.controls(page))), outlets.COLOUR),)
        pages = math.ceil((page.total or 0) / PAGE)
        more = page.total is None or self.number + 1 < pages
        of_pages = f"{max(COUNTED // PAGE, self.number + 2)}+" if page.total is None else pages
        alone = interaction_places.is_direct(self.asked)
        share = None if alone else Press(self._share, Reply.NEW, label=_("Share…"))
        card = (
            *page.head,
            Rule(),
            *(entry.block() for entry in page.entries),
            Rule(),
            Row(self._menu(page.entries)),
            Row(*self.turns(more=more, pages=of_pages), *self.controls(page), share),
        )
        return (Card(card, outlets.COLOUR),)

    def _menu(self, entries: Sequence[Entry]) -> Choose:
        opens = self.opens or not any(messages.picture_of(entry.article) for entry in entries)
        return Choose(
            self._open if opens else self._save,
            Reply.NEW,
            placeholder=_("Open an article…") if opens else _("Save an article…"),
            options=[article_cards.as_option(entry.article) for entry in entries],
        )

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        await article_cards.show(interaction, await readable(interaction, values[0], self.may_read))

    async def _save(self, interaction: Interaction, values: list[str]) -> None:
        article = await readable(interaction, values[0], self.may_read)
        count = await keep_article(interaction, article, None)
        await article_cards.show(interaction, article, said=saved(1) if count else already())

    async def _share(self, interaction: Interaction) -> None:
        page = await self.page(interaction, self.number)
        articles = [entry.article for entry in page.entries]
        if not articles:
            raise Refusal(unreadable())
        await sharing.share_one_of(interaction, articles, self.may_read)


async def nothing_to_read(interaction: Interaction) -> ArticlePage:
    """What is shown to whom no feed in this server is visible, or whose feeds have brought nothing yet."""
    if await interaction.client.visible_feed_ids(interaction):
        return ArticlePage(head=nothing_came())
    if interaction_places.server(interaction) is None:
        return ArticlePage(head=nothing_shared())
    return ArticlePage(head=nothing_followed(manages=await may_manage_with(interaction, "feed")))


def nothing_followed(*, manages: bool) -> tuple[Block, ...]:
    """What to say where no feed is visible, to somebody who may add one or may not."""
    if manages:
        said = clickable(_("Follow your first feed with /feed add, or a starter pack with /feed packs."))
    else:
        said = _("No feeds in the channels you can see. Ask whoever manages this server to add one.")
    begin = (Row(buttons.begin()),) if manages else ()
    return (_told(_("Nothing to read yet"), said), *begin)


def nothing_shared() -> tuple[Block, ...]:
    """What to say outside of servers to somebody of whom no feed is known that they see."""
    said = clickable(
        _(
            "We don’t share a server where you can see a channel that follows a feed. If we do, use /ask "
            "there once, so that I know."
        )
    )
    return (_told(_("Nothing to read yet"), said),)


def nothing_came() -> tuple[Block, ...]:
    """What to say where feeds are followed that have brought nothing yet."""
    said = _("The feeds here haven’t brought any articles yet. Check back in a few minutes.")
    return (_told(_("Nothing to read yet"), said),)


def _told(title: str, sentence: str) -> Text:
    return text(f"### {title}\n{sentence}")

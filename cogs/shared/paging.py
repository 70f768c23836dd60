"""Paginated views. Each page is loaded when it is shown, since permissions and articles change."""

from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import discord

from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Item, Layout
from bot.posting.rendering.layout.icons import Icon, emoji_for
from cogs.shared.views import ActionButton, Interaction, OwnedView


class PagedMixin:
    """Mixin for views with pages. `page_index` is the index of the current page, from 0."""

    page_index = 0

    def page_buttons(self, *, has_more: bool, page_count_label: int | str | None = None) -> tuple[Item, ...]:
        """Return the buttons that turn pages; an empty tuple if there is only one page.

        `page_count_label` is the number of pages, or a text such as "10+" for it, if known.
        """
        if not self.page_index and not has_more:
            return ()
        position_text = (
            f"{self.page_index + 1}" if page_count_label is None else f"{self.page_index + 1} / {page_count_label}"
        )
        return (
            ActionButton(partial(self._turn_page, -1), emoji=emoji_for(Icon.BACK), disabled=not self.page_index),
            discord.ui.Button(label=position_text, disabled=True),
            ActionButton(partial(self._turn_page, 1), emoji=emoji_for(Icon.NEXT), disabled=not has_more),
        )

    async def _turn_page(self, step: int, _interaction: Interaction) -> None:
        self.page_index += step


class PageLike(Protocol):
    """Protocol of a page of a list; a page may be empty."""

    @property
    def is_empty(self) -> bool: ...


PageType = TypeVar("PageType", bound=PageLike)


class Paginator(PagedMixin, OwnedView, Generic[PageType]):
    """Base class of views that show a list page by page."""

    async def load_page(self, interaction: Interaction, page_index: int) -> PageType:
        """Load a page by its index, from 0, with what the user may see now."""
        raise NotImplementedError

    def page_layout(self, page: PageType) -> Layout:
        """Return the layout that shows a page."""
        raise NotImplementedError

    async def render(self, interaction: Interaction) -> None:
        """Show the current page; if it has become empty, show the page before, or else the first page."""
        page = await self.load_page(interaction, self.page_index)
        for earlier_index in (self.page_index - 1, 0):
            if page.is_empty and self.page_index:
                self.page_index = max(earlier_index, 0)
                page = await self.load_page(interaction, self.page_index)
        await self.display(interaction, self.page_layout(page))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPage:
    """Page of a list that is shown in a card: its layout blocks, and whether another page follows."""

    blocks: tuple[Block, ...]
    has_more: bool = False
    is_empty: bool = False


class CardPaginator(Paginator[CardPage]):
    """Base class of paginated lists that are shown in a card."""

    def page_layout(self, page: CardPage) -> Layout:
        return (
            Card(
                (*page.blocks, ActionRow(*self.page_buttons(has_more=page.has_more))),
                outlet_branding.DEFAULT_COLOUR,
            ),
        )

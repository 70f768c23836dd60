"""Pages with buttons to turn them, each made anew when it is shown: rights and news may have changed."""

from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import discord

from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Item, Layout
from bot.posting.rendering.layout.icons import Icon, emoji
from cogs.shared.views import ActionButton, Interaction, OwnedView


class Paginated(OwnedView):
    """Something in pages, which the asker turns. `number` counts from 0."""

    page_index = 0

    def page_buttons(self, *, more: bool, pages: int | str | None = None) -> tuple[Item, ...]:
        """Return the buttons that turn pages, none where there is only one; `pages` is how many there are."""
        if not self.page_index and not more:
            return ()
        place = f"{self.page_index + 1}" if pages is None else f"{self.page_index + 1} / {pages}"
        return (
            ActionButton(partial(self._turn_page, -1), emoji=emoji(Icon.BACK), disabled=not self.page_index),
            discord.ui.Button(label=place, disabled=True),
            ActionButton(partial(self._turn_page, 1), emoji=emoji(Icon.NEXT), disabled=not more),
        )

    async def _turn_page(self, step: int, _interaction: Interaction) -> None:
        self.page_index += step


class PageLike(Protocol):
    """What one page shows, or that it is empty."""

    @property
    def is_empty(self) -> bool: ...


P = TypeVar("P", bound=PageLike)


class Paginator(Paginated, Generic[P]):
    """A list in pages."""

    async def load_page(self, interaction: Interaction, number: int) -> P:
        """The page as the asker may see it now."""
        raise NotImplementedError

    def page_layout(self, page: P) -> Layout:
        """A page as it is shown."""
        raise NotImplementedError

    async def render(self, interaction: Interaction) -> None:
        """Show the current page, or the last one before it that has something to show."""
        page = await self.load_page(interaction, self.page_index)
        for earlier in (self.page_index - 1, 0):  # what it showed is gone
            if page.is_empty and self.page_index:
                self.page_index = max(earlier, 0)
                page = await self.load_page(interaction, self.page_index)
        await self.display(interaction, self.page_layout(page))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPage:
    """A page of a card."""

    blocks: tuple[Block, ...]
    has_more: bool = False
    is_empty: bool = False


class CardPaginator(Paginator[CardPage]):
    """A list in a card."""

    def page_layout(self, page: CardPage) -> Layout:
        return (
            Card(
                (*page.blocks, ActionRow(*self.page_buttons(more=page.has_more))),
                outlet_branding.DEFAULT_COLOUR,
            ),
        )

"""Pages with buttons to turn them, each made anew when it is shown: rights and news may have changed."""

from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import discord

from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Item, Layout, Row
from bot.posting.rendering.layout.icons import Icon, emoji
from cogs.shared.views import AskerLayout, Interaction, Press


class Turned(AskerLayout):
    """Something in pages, which the asker turns. `number` counts from 0."""

    number = 0

    def turns(self, *, more: bool, pages: int | str | None = None) -> tuple[Item, ...]:
        """Return the buttons that turn pages, none where there is only one; `pages` is how many there are."""
        if not self.number and not more:
            return ()
        place = f"{self.number + 1}" if pages is None else f"{self.number + 1} / {pages}"
        return (
            Press(partial(self._turn, -1), emoji=emoji(Icon.BACK), disabled=not self.number),
            discord.ui.Button(label=place, disabled=True),
            Press(partial(self._turn, 1), emoji=emoji(Icon.NEXT), disabled=not more),
        )

    async def _turn(self, step: int, _interaction: Interaction) -> None:
        self.number += step


class AnyPage(Protocol):
    """What one page shows, or that it is empty."""

    @property
    def empty(self) -> bool: ...


P = TypeVar("P", bound=AnyPage)


class Pages(Turned, Generic[P]):
    """A list in pages."""

    async def page(self, interaction: Interaction, number: int) -> P:
        """The page as the asker may see it now."""
        raise NotImplementedError

    def listed(self, page: P) -> Layout:
        """A page as it is shown."""
        raise NotImplementedError

    async def show(self, interaction: Interaction) -> None:
        """Show the current page, or the last one before it that has something to show."""
        page = await self.page(interaction, self.number)
        for earlier in (self.number - 1, 0):  # what it showed is gone
            if page.empty and self.number:
                self.number = max(earlier, 0)
                page = await self.page(interaction, self.number)
        await self.display(interaction, self.listed(page))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPage:
    """A page of a card."""

    blocks: tuple[Block, ...]
    more: bool = False
    empty: bool = False


class CardPages(Pages[CardPage]):
    """A list in a card."""

    def listed(self, page: CardPage) -> Layout:
        return (Card((*page.blocks, Row(*self.turns(more=page.more))), outlets.COLOUR),)

"""Pages with buttons to turn them, each made anew when it is shown: rights and news may have changed."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.core.locale import _
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Row
from bot.posting.rendering.layout.icons import Icon, emoji
from cogs.shared.views import AskerLayout, AskerView, Interaction, Press


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one page shows; whether another follows it; whether there is nothing to show.

    `options` fill the menu that opens an entry.
    """

    embed: discord.Embed
    more: bool = False
    empty: bool = False
    options: tuple[discord.SelectOption, ...] = ()


class Pages(AskerView):
    """A list in pages, which the asker turns. `number` counts from 0."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self.number = 0

    async def page(self, interaction: Interaction, number: int) -> Page:
        """The page as the asker may see it now."""
        raise NotImplementedError

    def arrange(self, page: Page) -> None:
        """Put the items of a page in place; the buttons that turn it go below, in row 3."""

    async def show(self, interaction: Interaction) -> None:
        """Show the current page in the reply to an interaction that was acknowledged."""
        page = await self.page(interaction, self.number)
        for earlier in (self.number - 1, 0):  # what it showed is gone
            if page.empty and self.number:
                self.number = max(earlier, 0)
                page = await self.page(interaction, self.number)
        self.clear_items()
        self.arrange(page)
        if self.number or page.more:
            self.add_item(self._turn("◀", -1, disabled=not self.number))
            label = _("Page {number}").format(number=self.number + 1)
            self.add_item(discord.ui.Button(label=label, row=3, disabled=True))
            self.add_item(self._turn("▶", +1, disabled=not page.more))
        self.asked = interaction
        if self.children:
            await interaction.edit_original_response(content=None, embed=page.embed, view=self)
        else:
            self.stop()
            await interaction.edit_original_response(content=None, embed=page.embed, view=None)

    def _turn(self, label: str, step: int, *, disabled: bool) -> Press:
        async def turn(interaction: Interaction) -> None:
            await interaction.response.defer()
            self.number += step
            await self.show(interaction)

        return Press(turn, label=label, row=3, disabled=disabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPage:
    """What one page of a card shows; whether another follows it; whether there is nothing to show."""

    blocks: tuple[Block, ...]
    more: bool = False
    empty: bool = False


class CardPages(AskerLayout):
    """A list in a card, in pages, which the asker turns. `number` counts from 0."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self.number = 0

    async def page(self, interaction: Interaction, number: int) -> CardPage:
        """The page as the asker may see it now."""
        raise NotImplementedError

    async def show(self, interaction: Interaction) -> None:
        """Show the current page in the reply to an interaction that was acknowledged."""
        page = await self.page(interaction, self.number)
        for earlier in (self.number - 1, 0):  # what it showed is gone
            if page.empty and self.number:
                self.number = max(earlier, 0)
                page = await self.page(interaction, self.number)
        turns = Row()
        if self.number or page.more:
            turns = Row(
                self._turn(Icon.BACK, -1, disabled=not self.number),
                discord.ui.Button(label=str(self.number + 1), disabled=True),
                self._turn(Icon.NEXT, +1, disabled=not page.more),
            )
        await self.display(interaction, (Card((*page.blocks, turns), outlets.COLOUR),))

    def _turn(self, icon: Icon, step: int, *, disabled: bool) -> Press:
        async def turn(interaction: Interaction) -> None:
            await interaction.response.defer()
            self.number += step
            await self.show(interaction)

        return Press(turn, emoji=emoji(icon), disabled=disabled)

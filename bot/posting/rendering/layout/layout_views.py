"""Conversion of a layout to a discord.py view that fits into Discord's limits."""

from collections.abc import Iterator
from typing import Any

import discord

from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Gallery,
    Image,
    Item,
    Layout,
    Section,
    Separator,
    Text,
)
from bot.posting.rendering.layout.fitting import fit_layout, split_row
from bot.text import discord_text

_MAX_ALT_TEXT_LENGTH = 1024  # https://discord.com/developers/docs/components/reference#media-gallery


def build_static_view(layout: Layout) -> discord.ui.LayoutView:
    """Return a view that shows a layout and handles no clicks: they reach their cog by the custom id.

    The view is stopped, or discord.py would keep one for every post. Requires a running event loop.
    """
    view = discord.ui.LayoutView(timeout=None)
    fill_view(view, layout)
    view.stop()
    return view


def fill_view(view: discord.ui.LayoutView, layout: Layout) -> None:
    """Replace the content of a view by a layout, which is fitted into Discord's limits."""
    view.clear_items()
    for part in fit_layout(layout):
        if isinstance(part, Card):
            card: discord.ui.Container[Any] = discord.ui.Container(accent_colour=part.colour)
            for block in part.blocks:
                for item in _to_discord_items(block):
                    card.add_item(item)
            view.add_item(card)
        else:
            for item in _to_discord_items(part):
                view.add_item(item)


def _to_discord_items(block: Block) -> Iterator[Item]:
    match block:
        case Text(variants):
            yield discord.ui.TextDisplay(variants[0])
        case Section(texts, accessory):
            assert accessory is not None  # `fit_layout` converts such a section to texts.
            yield discord.ui.Section(
                *(discord.ui.TextDisplay(text.variants[0]) for text in texts),
                accessory=discord.ui.Thumbnail(accessory.url, description=_build_alt_text(accessory))
                if isinstance(accessory, Image)
                else accessory,
            )
        case Gallery(images):
            gallery_items = (
                discord.MediaGalleryItem(image.url, description=_build_alt_text(image)) for image in images
            )
            yield discord.ui.MediaGallery(*gallery_items)
        case Separator(visible):
            yield discord.ui.Separator(visible=visible, spacing=discord.SeparatorSpacing.small)
        case ActionRow():
            for row in split_row(block):
                yield discord.ui.ActionRow(*row.items)


def _build_alt_text(image: Image) -> str | None:
    return discord_text.to_plain_line(image.description, _MAX_ALT_TEXT_LENGTH) or None

"""From a layout to discord.py's view of it, within Discord's limits."""

from collections.abc import Iterator
from typing import Any

import discord

from bot.posting.rendering.layout.blocks import (
    Block,
    Card,
    Gallery,
    Image,
    Item,
    Layout,
    Row,
    Rule,
    Section,
    Text,
)
from bot.posting.rendering.layout.fitting import fitted, rows
from bot.text import safe

_ALT = 1024  # https://discord.com/developers/docs/components/reference#media-gallery


def static(layout: Layout) -> discord.ui.LayoutView:
    """A view for a message whose clicks find their cog by the id; to be called within an event loop.

    A view that ended is not kept by discord.py, which would otherwise hold one for every post.
    """
    view = discord.ui.LayoutView(timeout=None)
    fill(view, layout)
    view.stop()
    return view


def fill(view: discord.ui.LayoutView, layout: Layout) -> None:
    """Let a view show a layout and nothing else."""
    view.clear_items()
    for each in fitted(layout):
        if isinstance(each, Card):
            card: discord.ui.Container[Any] = discord.ui.Container(accent_colour=each.colour)
            for block in each.blocks:
                for item in _items(block):
                    card.add_item(item)
            view.add_item(card)
        else:
            for item in _items(each):
                view.add_item(item)


def _items(block: Block) -> Iterator[Item]:
    match block:
        case Text(forms):
            yield discord.ui.TextDisplay(forms[0])
        case Section(texts, beside):
            assert beside is not None  # `fitted` makes texts of it
            yield discord.ui.Section(
                *(discord.ui.TextDisplay(text.forms[0]) for text in texts),
                accessory=discord.ui.Thumbnail(beside.url, description=_described(beside))
                if isinstance(beside, Image)
                else beside,
            )
        case Gallery(images):
            media = (discord.MediaGalleryItem(image.url, description=_described(image)) for image in images)
            yield discord.ui.MediaGallery(*media)
        case Rule(visible):
            yield discord.ui.Separator(visible=visible, spacing=discord.SeparatorSpacing.small)
        case Row():
            for row in rows(block):
                yield discord.ui.ActionRow(*row.items)


def _described(image: Image) -> str | None:
    return safe.plain(image.description, _ALT) or None

"""The content of a message as data: texts, sections, pictures, separators, rows of buttons, cards.

A layout is a tuple of such blocks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import discord

from bot.text import discord_text

Item = discord.ui.Item[Any]
"""Component of a message as discord.py represents it: in a layout, a button or a menu."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of markup in several variants, longest first; the first variant that fits is shown."""

    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """Picture given by its URL, or by `attachment://…` and its file name, with its alt text."""

    url: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Up to three texts with an accessory, a picture or button, to their right; without it, plain texts."""

    texts: tuple[Text, ...]
    accessory: Image | Item | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Gallery of one picture at full width, or of several pictures side by side."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Separator:
    """Thin line between blocks, or only a gap if `visible` is false."""

    visible: bool = True


@dataclass(frozen=True, slots=True, init=False)
class ActionRow:
    """Row of buttons, of which five fit side by side, or of one menu. None among the arguments is dropped."""

    items: tuple[Item, ...]

    def __init__(self, *items: Item | None) -> None:
        object.__setattr__(self, "items", tuple(component for component in items if component is not None))


Block = Text | Section | Gallery | Separator | ActionRow


@dataclass(frozen=True, slots=True)
class Card:
    """Box around blocks, with a bar at its left in a colour (0xRRGGBB), or in none."""

    blocks: tuple[Block, ...]
    colour: int | None = None


Layout = tuple[Block | Card, ...]
"""Content of a message: blocks and cards from top to bottom."""


def text_block(*variants: str) -> Text:
    """Return a text block of the given variants, which must be longest first."""
    return Text(variants)


def join_texts(layout: Layout) -> str:
    """Return the markup of all texts of a layout, in their longest variants, separated by line breaks."""
    return "\n".join(
        text.variants[0]
        for block in iter_blocks(layout)
        for text in (block.texts if isinstance(block, Section) else (block,))
        if isinstance(text, Text)
    )


def list_items(layout: Layout) -> list[Item]:
    """Return all buttons and menus of a layout, including buttons beside texts."""
    items: list[Item] = []
    for block in iter_blocks(layout):
        if isinstance(block, ActionRow):
            items += block.items
        elif isinstance(block, Section) and isinstance(block.accessory, discord.ui.Item):
            items.append(block.accessory)
    return items


def without_images(layout: Layout) -> Layout:
    """Return a layout without pictures."""

    def strip_images(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.accessory, Image):
            return (replace(block, accessory=None),)
        return () if isinstance(block, Gallery) else (block,)

    return map_blocks(layout, strip_images)


def without_link_buttons(layout: Layout) -> Layout:
    """Return a layout without link buttons, for the case that Discord rejects one of their URLs."""
    return map_items(layout, lambda item: None if is_link_button(item) else item)


def without_items(layout: Layout) -> Layout:
    """Return a layout without buttons and menus."""
    return map_items(layout, lambda _item: None)


def without_emoji(layout: Layout) -> Layout:
    """Return a layout without custom emoji on buttons, since Discord rejects emoji that were deleted."""

    def strip_emoji(item: Item) -> Item:
        if not isinstance(item, discord.ui.Button) or item.emoji is None or item.emoji.id is None:
            return item
        return discord.ui.Button(
            style=item.style,
            label=item.label or discord_text.ELLIPSIS,
            custom_id=item.custom_id,
            url=item.url,
            disabled=item.disabled,
        )

    return map_items(layout, strip_emoji)


def append_block(layout: Layout, block: Block) -> Layout:
    """Return a layout with a block added at its end: inside its last card if it ends with a card."""
    *leading_parts, last_part = layout
    return (
        (*leading_parts, replace(last_part, blocks=(*last_part.blocks, block)))
        if isinstance(last_part, Card)
        else (*layout, block)
    )


def map_items(layout: Layout, change: Callable[[Item], Item | None]) -> Layout:
    """Return a layout in which each button and menu is replaced by what `change` returns for it.

    If `change` returns None, the button or menu is removed.
    """

    def replace_items_in_block(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.accessory, discord.ui.Item):
            return (replace(block, accessory=change(block.accessory)),)
        return (ActionRow(*map(change, block.items)) if isinstance(block, ActionRow) else block,)

    return map_blocks(layout, replace_items_in_block)


def is_link_button(item: Item) -> bool:
    """Return whether a component is a button that opens a URL."""
    return isinstance(item, discord.ui.Button) and item.url is not None


def iter_blocks(layout: Layout) -> Iterator[Block]:
    """Yield all blocks of a layout, including the blocks in cards."""
    for block in layout:
        if isinstance(block, Card):
            yield from block.blocks
        else:
            yield block


def map_blocks(layout: Layout, change: Callable[[Block], Iterable[Block]]) -> Layout:
    """Return a layout in which each block is replaced by the blocks that `change` returns for it.

    Cards without any remaining block are removed.
    """
    parts: list[Block | Card] = []
    for part in layout:
        if not isinstance(part, Card):
            parts += change(part)
        elif card_blocks := tuple(chain.from_iterable(map(change, part.blocks))):
            parts.append(replace(part, blocks=card_blocks))
    return tuple(parts)

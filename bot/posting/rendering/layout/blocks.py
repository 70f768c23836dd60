"""The content of a message as data: texts, sections, pictures, separators, rows of buttons, cards."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import discord

from bot.text import discord_text

Item = discord.ui.Item[Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A text of markup in variants, longest first; the first that fits is shown."""

    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by its URL or `attachment://…`, with its alt text."""

    url: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Up to three texts with a picture or button at their right; without one they are plain texts."""

    texts: tuple[Text, ...]
    beside: Image | Item | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """One picture at full width, or several side by side."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Separator:
    """A thin line, or only a gap if it is not `visible`."""

    visible: bool = True


@dataclass(frozen=True, slots=True, init=False)
class ActionRow:
    """Buttons, five of which fit side by side, or one menu. None among the arguments is dropped."""

    items: tuple[Item, ...]

    def __init__(self, *items: Item | None) -> None:
        object.__setattr__(self, "items", tuple(component for component in items if component is not None))


Block = Text | Section | Gallery | Separator | ActionRow


@dataclass(frozen=True, slots=True)
class Card:
    """Blocks in a box with a coloured bar (0xRRGGBB) at its left."""

    blocks: tuple[Block, ...]
    colour: int | None = None


Layout = tuple[Block | Card, ...]


def text_block(*variants: str) -> Text:
    """Return a text block with these variants, longest first."""
    return Text(variants)


def plain_text(layout: Layout) -> str:
    """Return all texts of a layout in their longest variants, separated by line breaks."""
    return "\n".join(
        text.variants[0]
        for block in iter_blocks(layout)
        for text in (block.texts if isinstance(block, Section) else (block,))
        if isinstance(text, Text)
    )


def list_items(layout: Layout) -> list[Item]:
    """Return all buttons and menus of a layout, accessories included."""
    found_items: list[Item] = []
    for block in iter_blocks(layout):
        if isinstance(block, ActionRow):
            found_items += block.items
        elif isinstance(block, Section) and isinstance(block.beside, discord.ui.Item):
            found_items.append(block.beside)
    return found_items


def list_images(layout: Layout) -> list[Image]:
    """Return all pictures of a layout, in order."""
    found_images: list[Image] = []
    for block in iter_blocks(layout):
        if isinstance(block, Gallery):
            found_images += block.images
        elif isinstance(block, Section) and isinstance(block.beside, Image):
            found_images.append(block.beside)
    return found_images


def without_images(layout: Layout) -> Layout:
    """Return a layout without pictures."""

    def strip_images(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.beside, Image):
            return (replace(block, beside=None),)
        return () if isinstance(block, Gallery) else (block,)

    return map_blocks(layout, strip_images)


def without_links(layout: Layout) -> Layout:
    """Return a layout without link buttons, some URLs of which Discord rejects."""
    return map_items(layout, lambda item: None if is_link_button(item) else item)


def without_items(layout: Layout) -> Layout:
    """Return a layout without buttons and menus."""
    return map_items(layout, lambda _item: None)


def without_emoji(layout: Layout) -> Layout:
    """Return a layout without custom emoji on buttons: Discord rejects an emoji that was deleted."""

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
    """Return a layout with one more block at its end, inside its last card if it ends with one."""
    *leading_parts, last_part = layout
    return (
        (*leading_parts, replace(last_part, blocks=(*last_part.blocks, block)))
        if isinstance(last_part, Card)
        else (*layout, block)
    )


def map_items(layout: Layout, change: Callable[[Item], Item | None]) -> Layout:
    """Return a layout in which each button and menu is replaced by what `change` returns; None removes it."""

    def map_block(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.beside, discord.ui.Item):
            return (replace(block, beside=change(block.beside)),)
        return (ActionRow(*map(change, block.items)) if isinstance(block, ActionRow) else block,)

    return map_blocks(layout, map_block)


def is_link_button(item: Item) -> bool:
    """Return whether an item is a link button."""
    return isinstance(item, discord.ui.Button) and item.url is not None


def iter_blocks(layout: Layout) -> Iterator[Block]:
    """Yield all blocks of a layout, those in cards included."""
    for block in layout:
        if isinstance(block, Card):
            yield from block.blocks
        else:
            yield block


def map_blocks(layout: Layout, change: Callable[[Block], Iterable[Block]]) -> Layout:
    """Return a layout in which each block is replaced by the blocks that `change` returns for it.

    Cards that end up empty are removed.
    """
    parts: list[Block | Card] = []
    for part in layout:
        if not isinstance(part, Card):
            parts += change(part)
        elif card_blocks := tuple(chain.from_iterable(map(change, part.blocks))):
            parts.append(replace(part, blocks=card_blocks))
    return tuple(parts)

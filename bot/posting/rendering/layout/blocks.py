"""What a message shows, as data: texts, sections, pictures, rules, rows of buttons, and cards around them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import discord

from bot.text import discord_text

Item = discord.ui.Item[Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of markup in its forms, the longest first; the first that fits is shown."""

    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture on the web, or `attachment://…`, and what it shows in words for a screen reader."""

    url: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """At most three texts with a picture or a button at their right; without it they are texts."""

    texts: tuple[Text, ...]
    beside: Image | Item | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """One picture at full width, or several side by side."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Separator:
    """A thin line; or only a gap, where it is not `visible`."""

    visible: bool = True


@dataclass(frozen=True, slots=True, init=False)
class ActionRow:
    """Buttons, five of which stand side by side, or one menu. None is left out."""

    items: tuple[Item, ...]

    def __init__(self, *items: Item | None) -> None:
        object.__setattr__(self, "items", tuple(item for item in items if item is not None))


Block = Text | Section | Gallery | Separator | ActionRow


@dataclass(frozen=True, slots=True)
class Card:
    """Blocks in a box with a bar of a colour (0xRRGGBB) at its left."""

    blocks: tuple[Block, ...]
    colour: int | None = None


Layout = tuple[Block | Card, ...]


def text(*forms: str) -> Text:
    """A text in its forms, the longest first."""
    return Text(forms)


def plain_text(layout: Layout) -> str:
    """Everything that can be read, a line or more each, in its longest form."""
    return "\n".join(
        one.variants[0]
        for block in iter_blocks(layout)
        for one in (block.texts if isinstance(block, Section) else (block,))
        if isinstance(one, Text)
    )


def items(layout: Layout) -> list[Item]:
    """All buttons and menus, those beside texts too."""
    found: list[Item] = []
    for block in iter_blocks(layout):
        if isinstance(block, ActionRow):
            found += block.items
        elif isinstance(block, Section) and isinstance(block.beside, discord.ui.Item):
            found.append(block.beside)
    return found


def images(layout: Layout) -> list[Image]:
    """All pictures, in their order."""
    found: list[Image] = []
    for block in iter_blocks(layout):
        if isinstance(block, Gallery):
            found += block.images
        elif isinstance(block, Section) and isinstance(block.beside, Image):
            found.append(block.beside)
    return found


def without_images(layout: Layout) -> Layout:
    """The same in words alone."""

    def bare(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.beside, Image):
            return (replace(block, beside=None),)
        return () if isinstance(block, Gallery) else (block,)

    return map_blocks(layout, bare)


def without_links(layout: Layout) -> Layout:
    """The same without buttons that lead out of Discord: it refuses some addresses."""
    return map_items(layout, lambda item: None if is_link(item) else item)


def without_items(layout: Layout) -> Layout:
    """The same without buttons and menus."""
    return map_items(layout, lambda _item: None)


def without_emoji(layout: Layout) -> Layout:
    """The same without the application's emoji on buttons: Discord refuses one that somebody deleted."""

    def bare(item: Item) -> Item:
        if not isinstance(item, discord.ui.Button) or item.emoji is None or item.emoji.id is None:
            return item
        return discord.ui.Button(
            style=item.style,
            label=item.label or discord_text.ELLIPSIS,
            custom_id=item.custom_id,
            url=item.url,
            disabled=item.disabled,
        )

    return map_items(layout, bare)


def with_last(layout: Layout, block: Block) -> Layout:
    """Return a layout with one more block at its end, within its last card where it ends with one."""
    *before, last = layout
    return (
        (*before, replace(last, blocks=(*last.blocks, block))) if isinstance(last, Card) else (*layout, block)
    )


def map_items(layout: Layout, change: Callable[[Item], Item | None]) -> Layout:
    """The same with other buttons and menus in place of its own, or none."""

    def changed(block: Block) -> Iterable[Block]:
        if isinstance(block, Section) and isinstance(block.beside, discord.ui.Item):
            return (replace(block, beside=change(block.beside)),)
        return (ActionRow(*map(change, block.items)) if isinstance(block, ActionRow) else block,)

    return map_blocks(layout, changed)


def is_link(item: Item) -> bool:
    """Whether an item is a button that leads out of Discord."""
    return isinstance(item, discord.ui.Button) and item.url is not None


def iter_blocks(layout: Layout) -> Iterator[Block]:
    """All blocks, also those in cards."""
    for block in layout:
        if isinstance(block, Card):
            yield from block.blocks
        else:
            yield block


def map_blocks(layout: Layout, change: Callable[[Block], Iterable[Block]]) -> Layout:
    """The same with what comes of each block in its place; without cards that nothing is left of."""
    found: list[Block | Card] = []
    for each in layout:
        if not isinstance(each, Card):
            found += change(each)
        elif shown := tuple(chain.from_iterable(map(change, each.blocks))):
            found.append(replace(each, blocks=shown))
    return tuple(found)

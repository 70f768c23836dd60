"""Fitting of a layout into Discord's limits: long texts are shortened, surplus components dropped.

Limits: https://discord.com/developers/docs/components/reference
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Gallery,
    Image,
    Layout,
    Section,
    Separator,
    Text,
    iter_blocks,
    map_blocks,
)
from bot.text import discord_text

MAX_COMPONENTS = 40
"""Maximum number of components of a message, including components within others."""
MAX_TEXT_LENGTH = 4000
"""Maximum length in UTF-16 units of all texts of a message together."""
MAX_GALLERY_IMAGES = 10
"""Maximum number of pictures in a gallery."""
MAX_SECTION_TEXTS = 3
"""Maximum number of texts beside the picture or button of a section."""
MAX_ROW_BUTTONS = 5
"""Maximum number of buttons side by side in a row."""

_MIN_LINES_TO_TRIM = 3
"""Minimum number of lines of a text that is shortened by dropping its last line."""


def fit_layout(layout: Layout) -> Layout:
    """Return a layout changed to fit into Discord's limits. Rows of buttons are dropped last."""
    return _limit_components(_limit_text(map_blocks(layout, _without_empty_parts)))


def split_row(row: ActionRow) -> list[ActionRow]:
    """Split a row into rows that Discord accepts: of at most five buttons, or of one menu."""
    rows: list[ActionRow] = []
    current_buttons: list[object] = []
    for item in row.items:
        if item.width > 1:
            rows.append(ActionRow(item))
        elif current_buttons and len(current_buttons) < MAX_ROW_BUTTONS:
            current_buttons.append(item)
            rows[-1] = ActionRow(*rows[-1].items, item)
        else:
            current_buttons = [item]
            rows.append(ActionRow(item))
    return rows


def _count_components(block: Block) -> int:
    match block:
        case Section(texts, accessory):
            return len(texts) + (2 if accessory is not None else 0)
        case ActionRow():
            return sum(1 + len(row.items) for row in split_row(block))
    return 1


def _without_empty_parts(block: Block) -> Iterable[Block]:
    """Return what remains of a block without its empty parts: nothing, one block, or several.

    A section without a picture or button becomes texts.
    """
    match block:
        case Text():
            return _without_blank_variants(block)
        case Section(texts, accessory):
            texts_with_content = tuple(chain(*map(_without_blank_variants, texts)))
            if len(texts_with_content) > MAX_SECTION_TEXTS:
                last_text = "\n".join(text.variants[0] for text in texts_with_content[MAX_SECTION_TEXTS - 1 :])
                texts_with_content = (*texts_with_content[: MAX_SECTION_TEXTS - 1], Text((last_text,)))
            lacks_accessory = accessory is None or (isinstance(accessory, Image) and not accessory.url)
            return (
                texts_with_content
                if lacks_accessory or not texts_with_content
                else (Section(texts_with_content, accessory),)
            )
        case Gallery(images):
            usable_images = tuple(image for image in images if image.url)[:MAX_GALLERY_IMAGES]
            return (Gallery(usable_images),) if usable_images else ()
        case ActionRow(items):
            return (block,) if items else ()
    return (block,)


def _without_blank_variants(text: Text) -> tuple[Text, ...]:
    variants = tuple(variant for variant in text.variants if variant.strip())
    return (Text(variants),) if variants else ()


def _limit_text(layout: Layout) -> Layout:
    """Shorten texts until all of them fit together.

    First the longest texts are replaced by their shorter variants, then the last texts are cut line by line.
    """
    variant_lists = [list(text.variants) for text in _iter_texts(layout)]
    excess_length = sum(discord_text.count_utf16_units(variants[0]) for variants in variant_lists) - MAX_TEXT_LENGTH
    while excess_length > 0:
        longest_variants = max(
            (variants for variants in variant_lists if len(variants) > 1),
            key=lambda variants: len(variants[0]),
            default=None,
        )
        if longest_variants is not None:
            excess_length -= discord_text.count_utf16_units(longest_variants[0]) - discord_text.count_utf16_units(
                longest_variants[1]
            )
            del longest_variants[0]
            continue
        last_variants = next(variants for variants in reversed(variant_lists) if variants)
        previous_length = discord_text.count_utf16_units(last_variants[0])
        lines = last_variants[0].split("\n")
        if len(lines) >= _MIN_LINES_TO_TRIM:
            last_variants[0] = "\n".join(lines[:-1])
        elif sum(map(bool, variant_lists)) == 1:
            last_variants[0] = discord_text.truncate_utf16(last_variants[0], previous_length - excess_length)
        else:
            last_variants.clear()
        excess_length -= previous_length - (discord_text.count_utf16_units(last_variants[0]) if last_variants else 0)
    remaining_variants = iter(variant_lists)

    def shorten_block(block: Block) -> Iterable[Block]:
        if isinstance(block, Text):
            return _without_empty_parts(Text(tuple(next(remaining_variants)[:1])))
        if isinstance(block, Section):
            texts = tuple(Text(tuple(next(remaining_variants)[:1])) for _text in block.texts)
            return _without_empty_parts(replace(block, texts=texts))
        return (block,)

    return map_blocks(layout, shorten_block)


def _iter_texts(layout: Layout) -> Iterator[Text]:
    for block in iter_blocks(layout):
        if isinstance(block, Text):
            yield block
        elif isinstance(block, Section):
            yield from block.texts


def _limit_components(layout: Layout) -> Layout:
    """Drop components until a message has few enough: pictures beside texts, then the last blocks.

    Rows of buttons are dropped only when no other blocks are left.
    """
    block_lists = [list(part.blocks) if isinstance(part, Card) else [part] for part in layout]

    def count_excess_components() -> int:
        card_count = sum(isinstance(part, Card) for part in layout)
        return card_count + sum(_count_components(block) for blocks in block_lists for block in blocks) - MAX_COMPONENTS

    def find_last_block(*block_types: type[Block]) -> tuple[list[Block], int] | None:
        return next(
            (
                (blocks, block_index)
                for blocks in reversed(block_lists)
                for block_index in reversed(range(len(blocks)))
                if isinstance(blocks[block_index], block_types)
            ),
            None,
        )

    for blocks in reversed(block_lists):
        for block_index in reversed(range(len(blocks))):
            block = blocks[block_index]
            if count_excess_components() > 0 and isinstance(block, Section) and isinstance(block.accessory, Image):
                joined_text = "\n".join(text.variants[0] for text in block.texts)
                blocks[block_index] = Text((joined_text,))
    while count_excess_components() > 0:
        block_position = find_last_block(Text, Section, Gallery, Separator) or find_last_block(ActionRow)
        assert block_position is not None
        del block_position[0][block_position[1]]
    return tuple(
        fitted_part
        for original_part, blocks in zip(layout, block_lists, strict=True)
        for fitted_part in (
            (replace(original_part, blocks=tuple(blocks)),) if isinstance(original_part, Card) else blocks
        )
        if not isinstance(fitted_part, Card) or fitted_part.blocks
    )

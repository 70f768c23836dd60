"""Fit a layout into Discord's limits: shorten long texts, drop surplus components.

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
"""Maximum number of components of a message, nested ones and accessories included."""
MAX_TEXT_LENGTH = 4000
"""Maximum length of all texts of a message together, in UTF-16 units."""
MAX_GALLERY_IMAGES = 10
"""Maximum number of pictures in a gallery."""
MAX_SECTION_TEXTS = 3
"""Maximum number of texts in a section."""
MAX_ROW_BUTTONS = 5
"""Maximum number of buttons in a row."""

_MIN_LINES_TO_TRIM = 3
"""Number of lines from which a text is shortened line by line."""


def fit_layout(layout: Layout) -> Layout:
    """Return a layout that fits into Discord's limits. Rows of buttons are dropped last."""
    return _limit_components(_limit_text(map_blocks(layout, _without_empty_parts)))


def split_row(row: ActionRow) -> list[ActionRow]:
    """Return a row as rows that Discord accepts: at most five buttons, or one menu."""
    found: list[ActionRow] = []
    line: list[object] = []
    for item in row.items:
        if item.width > 1:
            found.append(ActionRow(item))
        elif line and len(line) < MAX_ROW_BUTTONS:
            line.append(item)
            found[-1] = ActionRow(*found[-1].items, item)
        else:
            line = [item]
            found.append(ActionRow(item))
    return found


def _component_count(block: Block) -> int:
    match block:
        case Section(texts, beside):
            return len(texts) + (2 if beside is not None else 0)
        case ActionRow():
            return sum(1 + len(row.items) for row in split_row(block))
    return 1


def _without_empty_parts(block: Block) -> Iterable[Block]:
    """Return a block without its empty parts; a section without accessory becomes texts."""
    match block:
        case Text():
            return _without_blank_variants(block)
        case Section(texts, beside):
            shown = tuple(chain(*map(_without_blank_variants, texts)))
            if len(shown) > MAX_SECTION_TEXTS:
                last = "\n".join(text.variants[0] for text in shown[MAX_SECTION_TEXTS - 1 :])
                shown = (*shown[: MAX_SECTION_TEXTS - 1], Text((last,)))
            is_bare = beside is None or (isinstance(beside, Image) and not beside.url)
            return shown if is_bare or not shown else (Section(shown, beside),)
        case Gallery(images):
            usable = tuple(image for image in images if image.url)[:MAX_GALLERY_IMAGES]
            return (Gallery(usable),) if usable else ()
        case ActionRow(items):
            return (block,) if items else ()
    return (block,)


def _without_blank_variants(text: Text) -> tuple[Text, ...]:
    forms = tuple(form for form in text.variants if form.strip())
    return (Text(forms),) if forms else ()


def _limit_text(layout: Layout) -> Layout:
    """Shorten texts until they fit: the longest ones to shorter variants, then the last ones line by line."""
    chosen = [list(text.variants) for text in _iter_texts(layout)]
    over = sum(discord_text.utf16_length(forms[0]) for forms in chosen) - MAX_TEXT_LENGTH
    while over > 0:
        longest = max((each for each in chosen if len(each) > 1), key=lambda each: len(each[0]), default=None)
        if longest is not None:
            over -= discord_text.utf16_length(longest[0]) - discord_text.utf16_length(longest[1])
            del longest[0]
            continue
        last = next(forms for forms in reversed(chosen) if forms)
        before = discord_text.utf16_length(last[0])
        lines = last[0].split("\n")
        if len(lines) >= _MIN_LINES_TO_TRIM:
            last[0] = "\n".join(lines[:-1])
        elif sum(map(bool, chosen)) == 1:
            last[0] = discord_text.truncate_utf16(last[0], before - over)
        else:
            last.clear()
        over -= before - (discord_text.utf16_length(last[0]) if last else 0)
    forms = iter(chosen)

    def short(block: Block) -> Iterable[Block]:
        if isinstance(block, Text):
            return _without_empty_parts(Text(tuple(next(forms)[:1])))
        if isinstance(block, Section):
            texts = tuple(Text(tuple(next(forms)[:1])) for _text in block.texts)
            return _without_empty_parts(replace(block, texts=texts))
        return (block,)

    return map_blocks(layout, short)


def _iter_texts(layout: Layout) -> Iterator[Text]:
    for block in iter_blocks(layout):
        if isinstance(block, Text):
            yield block
        elif isinstance(block, Section):
            yield from block.texts


def _limit_components(layout: Layout) -> Layout:
    """Drop components until the rest fits: accessory pictures, then the last blocks, then buttons."""
    cards = [list(each.blocks) if isinstance(each, Card) else [each] for each in layout]

    def over() -> int:
        boxes = sum(isinstance(each, Card) for each in layout)
        return boxes + sum(_component_count(block) for blocks in cards for block in blocks) - MAX_COMPONENTS

    def last(*kinds: type[Block]) -> tuple[list[Block], int] | None:
        return next(
            (
                (blocks, number)
                for blocks in reversed(cards)
                for number in reversed(range(len(blocks)))
                if isinstance(blocks[number], kinds)
            ),
            None,
        )

    for blocks in reversed(cards):
        for number in reversed(range(len(blocks))):
            one = blocks[number]
            if over() > 0 and isinstance(one, Section) and isinstance(one.beside, Image):
                joined = "\n".join(text.variants[0] for text in one.texts)
                blocks[number] = Text((joined,))
    while over() > 0:
        found = last(Text, Section, Gallery, Separator) or last(ActionRow)
        assert found is not None
        del found[0][found[1]]
    return tuple(
        new
        for each, blocks in zip(layout, cards, strict=True)
        for new in ((replace(each, blocks=tuple(blocks)),) if isinstance(each, Card) else blocks)
        if not isinstance(new, Card) or new.blocks
    )

"""Keeps a layout within Discord's limits: what is too long is shortened, what is too much left out.

Limits: https://discord.com/developers/docs/components/reference
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from bot.posting.rendering.layout.blocks import (
    Block,
    Card,
    Gallery,
    Image,
    Layout,
    Row,
    Rule,
    Section,
    Text,
    flat,
    mapped,
)
from bot.text import safe

MOST_COMPONENTS = 40
"""Of a message, those within others and beside texts counted."""
MOST_TEXT = 4000
"""UTF-16 units of all texts of a message together."""
MOST_IMAGES = 10
"""Of a gallery."""
SECTION_TEXTS = 3
ROW = 5
"""Buttons that stand side by side."""

_LINE = 3  # texts of more lines lose one after the other


def fitted(layout: Layout) -> Layout:
    """The layout as Discord takes it. Rows of buttons go last."""
    return _counted(_shortened(mapped(layout, _kept)))


def rows(row: Row) -> list[Row]:
    """A row as Discord takes it: no more than five buttons side by side, a menu alone."""
    found: list[Row] = []
    line: list[object] = []
    for item in row.items:
        if item.width > 1:
            found.append(Row(item))
        elif line and len(line) < ROW:
            line.append(item)
            found[-1] = Row(*found[-1].items, item)
        else:
            line = [item]
            found.append(Row(item))
    return found


def _count(block: Block) -> int:
    match block:
        case Section(texts, beside):
            return len(texts) + (2 if beside is not None else 0)
        case Row():
            return sum(1 + len(row.items) for row in rows(block))
    return 1


def _kept(block: Block) -> Iterable[Block]:
    """What is left of a block without its empty parts."""
    match block:
        case Text():
            return _filled(block)
        case Section(texts, beside):
            shown = tuple(chain(*map(_filled, texts)))
            if len(shown) > SECTION_TEXTS:
                last = "\n".join(text.forms[0] for text in shown[SECTION_TEXTS - 1 :])
                shown = (*shown[: SECTION_TEXTS - 1], Text((last,)))
            is_bare = beside is None or (isinstance(beside, Image) and not beside.url)
            return shown if is_bare or not shown else (Section(shown, beside),)
        case Gallery(images):
            usable = tuple(image for image in images if image.url)[:MOST_IMAGES]
            return (Gallery(usable),) if usable else ()
        case Row(items):
            return (block,) if items else ()
    return (block,)


def _filled(text: Text) -> tuple[Text, ...]:
    forms = tuple(form for form in text.forms if form.strip())
    return (Text(forms),) if forms else ()


def _shortened(layout: Layout) -> Layout:
    """The longest texts in shorter forms, then the last ones shorter or gone, until all fit."""
    chosen = [list(text.forms) for text in _texts(layout)]
    over = sum(safe.length(forms[0]) for forms in chosen) - MOST_TEXT
    while over > 0:
        longest = max((each for each in chosen if len(each) > 1), key=lambda each: len(each[0]), default=None)
        if longest is not None:
            over -= safe.length(longest[0]) - safe.length(longest[1])
            del longest[0]
            continue
        last = next(forms for forms in reversed(chosen) if forms)
        before = safe.length(last[0])
        lines = last[0].split("\n")
        if len(lines) >= _LINE:
            last[0] = "\n".join(lines[:-1])
        elif sum(map(bool, chosen)) == 1:
            last[0] = safe.cut(last[0], before - over)
        else:
            last.clear()
        over -= before - (safe.length(last[0]) if last else 0)
    forms = iter(chosen)

    def short(block: Block) -> Iterable[Block]:
        if isinstance(block, Text):
            return _kept(Text(tuple(next(forms)[:1])))
        if isinstance(block, Section):
            texts = tuple(Text(tuple(next(forms)[:1])) for _text in block.texts)
            return _kept(replace(block, texts=texts))
        return (block,)

    return mapped(layout, short)


def _texts(layout: Layout) -> Iterator[Text]:
    for block in flat(layout):
        if isinstance(block, Text):
            yield block
        elif isinstance(block, Section):
            yield from block.texts


def _counted(layout: Layout) -> Layout:
    """Pictures beside texts go first, then what stands last, until Discord takes so many components."""
    cards = [list(each.blocks) if isinstance(each, Card) else [each] for each in layout]

    def over() -> int:
        boxes = sum(isinstance(each, Card) for each in layout)
        return boxes + sum(_count(block) for blocks in cards for block in blocks) - MOST_COMPONENTS

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
                joined = "\n".join(text.forms[0] for text in one.texts)
                blocks[number] = Text((joined,))
    while over() > 0:
        found = last(Text, Section, Gallery, Rule) or last(Row)
        assert found is not None  # something is too much
        del found[0][found[1]]
    return tuple(
        new
        for each, blocks in zip(layout, cards, strict=True)
        for new in ((replace(each, blocks=tuple(blocks)),) if isinstance(each, Card) else blocks)
        if not isinstance(new, Card) or new.blocks
    )

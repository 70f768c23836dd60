"""The results of a search as they are shown: what stands above them, and the card that everybody reads."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import discord

from bot.core.locale import _, amount, clickable, counted
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Item, Row, Section, Text, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.wording import search_notes
from bot.search.query.notes import Remark
from bot.search.query.query_tree import Condition, Query, leaves
from bot.search.searching import SearchPage, Sort
from bot.search.suggestions import corrected
from bot.store import Store
from bot.text import safe
from cogs.reading.article_list_pages import COUNTED
from cogs.shared.article_lists import Entry, entry_of, with_tellers

QUERY = 100  # characters of it that a heading shows


def head(
    query: Query,
    written: str,
    found: SearchPage,
    sort: Sort,
    *,
    suggest: Callable[[str], Item | None],
    beside: Item | None = None,
) -> tuple[Block, ...]:
    """Return what stands above results: the query as `written`, their count, notes, a button `beside` it.

    `suggest` makes a button of each suggestion.
    """
    asked = safe.line(written, QUERY)
    lines = [_counted(found, sort)] if found.results else []
    lines += [safe.line(search_notes.sentence(note)) for note in found.notes]
    texts: list[Text] = [text(f"{emoji(Icon.SEARCH)} **{asked}**"), text(*_small(lines))]
    blocks: list[Block] = [Section(tuple(texts), beside)]
    if suggestions := Row(*map(suggest, found.suggestions)).items:
        blocks += [text(_("Did you mean…")), Row(*suggestions)]
    if not found.results and not any(note.remark is Remark.NOTHING for note in found.notes):
        blocks.append(
            text(
                _("No results in the channels you can see.") + "\n" + _advice(query),
            )
        )
    return tuple(blocks)


def _advice(query: Query) -> str:
    """What to try where a query finds nothing: only what it has can be left out."""
    parts = list(leaves(query.nodes))
    filters = sum(isinstance(part, Condition) for part in parts)
    if len(parts) - filters > 1:
        return clickable(_("Try fewer words or drop a filter. /latest shows what’s new."))
    if filters:
        return clickable(_("Try without the filter. /latest shows what’s new."))
    return clickable(_("Try another word. /latest shows what’s new."))


async def results(
    store: Store, query: Query, found: SearchPage, feed_ids: Collection[int], footer: str = ""
) -> discord.ui.LayoutView:
    """Show the first results of a search in a message that everybody reads; of no other feeds than these.

    A button shows all of them to who presses it.
    """
    found_here = (replace(entry_of(one), savable=False) for one in found.results)
    entries = await with_tellers(store, found_here, feed_ids)
    return layout_views.static(
        (results_card(query, found, entries), text(*_small([footer] if footer else [])))
    )


def results_card(query: Query, found: SearchPage, entries: Sequence[Entry]) -> Card:
    """Results in a box of their own, with a button for the others where there are more."""

    def suggest(suggestion: str) -> Item | None:
        return buttons.search(corrected(query.text, suggestion, found.notes), suggestion)

    above = head(query, query.text, found, "relevance", suggest=suggest)
    has_more = found.total is None or found.total > len(entries)
    every = Row(buttons.search(query.text) if has_more else None)
    return Card((*above, *(entry.block() for entry in entries), every), outlets.COLOUR)


def _counted(found: SearchPage, sort: Sort) -> str:
    order = _("best first") if sort == "relevance" else _("newest first")
    if found.total is None:
        count = _("more than {count} articles").format(count=amount(COUNTED))
    else:
        count = counted("{count} article", "{count} articles", found.total)
    return f"{count} · {order}"


def _small(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines in small type, as one text; none of no lines."""
    return ("\n".join(f"-# {line}" for line in lines),)

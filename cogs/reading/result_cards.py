"""Search results: the header of result lists, and the card in public messages."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Item, Section, Text, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.wording import search_note_sentences
from bot.search.query.query_notes import NoteKind
from bot.search.query.query_tree import FieldFilter, Query, leaves
from bot.search.query_suggestions import corrected
from bot.search.searching import SearchPage, Sort
from bot.store import Store
from bot.text import discord_text
from cogs.reading.article_list_pages import COUNTED
from cogs.shared.article_lists import ArticleListItem, item_from_result, with_other_outlets

QUERY = 100
"""Maximum length of a query in a heading, in characters."""


def head(
    query: Query,
    written: str,
    found: SearchPage,
    sort: Sort,
    *,
    suggest: Callable[[str], Item | None],
    beside: Item | None = None,
) -> tuple[Block, ...]:
    """Return the header of results: the query, their count, notes and suggestions.

    `suggest` makes the button of a suggestion; `accessory` stands beside the query.
    """
    asked = discord_text.to_markdown_line(written, QUERY)
    lines = [_counted(found, sort)] if found.results else []
    lines += [
        discord_text.to_markdown_line(search_note_sentences.note_sentence(note)) for note in found.notes
    ]
    texts: list[Text] = [text(f"{emoji(Icon.SEARCH)} **{asked}**"), text(*_small(lines))]
    blocks: list[Block] = [Section(tuple(texts), beside)]
    if suggestions := ActionRow(*map(suggest, found.suggestions)).items:
        blocks += [text(_("Did you mean…")), ActionRow(*suggestions)]
    if not found.results and not any(note.kind is NoteKind.EMPTY_QUERY for note in found.notes):
        blocks.append(
            text(
                _("No results in the channels you can see.") + "\n" + _advice(query),
            )
        )
    return tuple(blocks)


def _advice(query: Query) -> str:
    """Return advice for a query without results: only drop what the query has."""
    parts = list(leaves(query.nodes))
    filters = sum(isinstance(part, FieldFilter) for part in parts)
    if len(parts) - filters > 1:
        return linkify_commands(_("Try fewer words or drop a filter. /latest shows what’s new."))
    if filters:
        return linkify_commands(_("Try without the filter. /latest shows what’s new."))
    return linkify_commands(_("Try another word. /latest shows what’s new."))


async def results(
    store: Store, query: Query, found: SearchPage, feed_ids: Collection[int], footer: str = ""
) -> discord.ui.LayoutView:
    """Return the first results of a search for a public message.

    Each user can open all results with a button.
    """
    found_here = (replace(item_from_result(one), has_save_button=False) for one in found.results)
    entries = await with_other_outlets(store, found_here, feed_ids)
    return layout_views.static_view(
        (results_card(query, found, entries), text(*_small([footer] if footer else [])))
    )


def results_card(query: Query, found: SearchPage, entries: Sequence[ArticleListItem]) -> Card:
    """Return the card of results, with a button for all if there are more."""

    def suggest(suggestion: str) -> Item | None:
        return buttons.search(corrected(query.text, suggestion, found.notes), suggestion)

    above = head(query, query.text, found, "relevance", suggest=suggest)
    has_more = found.total_results is None or found.total_results > len(entries)
    every = ActionRow(buttons.search(query.text) if has_more else None)
    return Card((*above, *(entry.to_section() for entry in entries), every), outlet_branding.DEFAULT_COLOUR)


def _counted(found: SearchPage, sort: Sort) -> str:
    order = _("best first") if sort == "relevance" else _("newest first")
    if found.total_results is None:
        count = _("more than {count} articles").format(count=format_number(COUNTED))
    else:
        count = format_count("{count} article", "{count} articles", found.total_results)
    return f"{count} · {order}"


def _small(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines in small type, as one variant of a text."""
    return ("\n".join(f"-# {line}" for line in lines),)

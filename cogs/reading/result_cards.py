"""Search results as text: the header of result lists, and the card in public messages."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Item, Section, Text, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.wording import search_note_sentences
from bot.search.query.query_notes import NoteKind
from bot.search.query.query_tree import FieldFilter, Query, iter_leaves
from bot.search.query_suggestions import apply_suggestion
from bot.search.searching import SearchPage, SortOrder
from bot.store import Store
from bot.text import discord_text
from cogs.reading.article_list_pages import MAX_COUNTED_ARTICLES
from cogs.shared.article_lists import ArticleListItem, add_other_outlets, make_item_from_result

MAX_HEADING_TEXT_LENGTH = 100
"""Maximum length in UTF-16 units of a query, or of the name of an outlet, that a heading shows."""


def search_header(
    query: Query,
    query_text: str,
    search_page: SearchPage,
    sort: SortOrder,
    *,
    build_suggestion_button: Callable[[str], Item | None],
    accessory: Item | None = None,
) -> tuple[Block, ...]:
    """Return the header of search results: the query, the number of results, notes and suggestions, or advice.

    `build_suggestion_button` is a function that makes the button of a suggestion; `accessory` stands beside
    the query.
    """
    escaped_query = discord_text.to_markdown_line(query_text, MAX_HEADING_TEXT_LENGTH)
    summary_lines = [_count_and_order_text(search_page, sort)] if search_page.results else []
    summary_lines += [
        discord_text.to_markdown_line(search_note_sentences.note_sentence(note)) for note in search_page.notes
    ]
    text_blocks: list[Text] = [
        text_block(f"{emoji_for(Icon.SEARCH)} **{escaped_query}**"),
        _build_small_block(summary_lines),
    ]
    blocks: list[Block] = [Section(tuple(text_blocks), accessory)]
    if suggestions := ActionRow(*map(build_suggestion_button, search_page.suggestions)).items:
        blocks += [text_block(_("Did you mean…")), ActionRow(*suggestions)]
    if not search_page.results and not any(note.kind is NoteKind.EMPTY_QUERY for note in search_page.notes):
        blocks.append(
            text_block(
                _("No results in the channels you can see.") + "\n" + _no_results_advice(query),
            )
        )
    return tuple(blocks)


def _no_results_advice(query: Query) -> str:
    """Return advice for a query without results: to leave out words or filters, or to try another word."""
    leaf_nodes = list(iter_leaves(query.nodes))
    filter_count = sum(isinstance(leaf_node, FieldFilter) for leaf_node in leaf_nodes)
    if len(leaf_nodes) - filter_count > 1:
        return linkify_commands(_("Try fewer words or drop a filter. /latest shows what’s new."))
    if filter_count:
        return linkify_commands(_("Try without the filter. /latest shows what’s new."))
    return linkify_commands(_("Try another word. /latest shows what’s new."))


async def make_results_view(
    store: Store, query: Query, search_page: SearchPage, feed_ids: Collection[int], footer: str = ""
) -> discord.ui.LayoutView:
    """Return the view of the first results of a search, for a public message.

    If there are more, each user can open all results with a button.
    """
    public_items = (replace(make_item_from_result(hit), has_save_button=False) for hit in search_page.results)
    list_items = await add_other_outlets(store, public_items, feed_ids)
    return layout_views.build_static_view(
        (results_card(query, search_page, list_items), _build_small_block([footer] if footer else []))
    )


def results_card(query: Query, search_page: SearchPage, list_items: Sequence[ArticleListItem]) -> Card:
    """Return the card with the first results of a search.

    A button for all results is added if there are more.
    """

    def build_suggestion_button(suggestion: str) -> Item | None:
        return buttons.search_button(apply_suggestion(query.text, suggestion, search_page.notes), suggestion)

    header = search_header(query, query.text, search_page, "relevance", build_suggestion_button=build_suggestion_button)
    has_more = search_page.total_results is None or search_page.total_results > len(list_items)
    all_results_row = ActionRow(buttons.search_button(query.text) if has_more else None)
    story_row = ActionRow(
        buttons.story_menu([list_item.article for list_item in list_items if list_item.other_outlets])
    )
    return Card(
        (*header, *(list_item.to_section() for list_item in list_items), story_row, all_results_row),
        outlet_branding.DEFAULT_COLOUR,
    )


def _count_and_order_text(search_page: SearchPage, sort: SortOrder) -> str:
    order_label = _("best first") if sort == "relevance" else _("newest first")
    if search_page.total_results is None:
        count_label = _("more than {count} articles").format(count=format_number(MAX_COUNTED_ARTICLES))
    else:
        count_label = format_count("{count} article", "{count} articles", search_page.total_results)
    return f"{count_label} · {order_label}"


def _build_small_block(lines: Sequence[str]) -> Text:
    """Return a text block of lines in small type."""
    return text_block("\n".join(f"-# {line}" for line in lines))

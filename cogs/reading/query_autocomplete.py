"""Autocomplete of search queries, from the articles of feeds that the user can see."""

import re
from collections.abc import Collection
from typing import NamedTuple

from discord.app_commands import Choice

from bot.posting.rendering import discord_limits
from bot.search.index.search_engine import CompletionField
from bot.search.query.query_filters import (
    FilterName,
    expects_french_values,
    find_filter_by_alias,
    format_filter,
)
from bot.store import Store
from bot.text import discord_text
from cogs.shared.views import Interaction

_MAX_COMPLETIONS = 12
"""Maximum number of completions of a query's last word, or of a filter's value, that are looked up."""
_FILTER_PATTERN = re.compile(
    r"(?:^|(?<=[\s(-]))(?P<name>[^\W\d_]{2,12}|[aàAÀ]):(?:(?P<quote>[\"“«„])\s?)?(?P<typed_value>[^\"“”«»„]*)$"
)
_WORD_PATTERN = re.compile(r"(?P<typed_value>[^\W_][^\s\"“”«»„():|'’]*)$")
"""Pattern of a word that is being typed at the end of a query."""
_ENGLISH_VALUES_BY_FILTER = {
    FilterName.LANGUAGE: ("en", "fr"),
    FilterName.SINCE: (
        "1d", "7d", "30d", "1y", "today", "yesterday",
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ),
    FilterName.BEFORE: ("7d", "30d", "1y", "today"),
    "has": ("image",),
    "is": ("bookmarked",),
}  # fmt: skip
_FRENCH_VALUES_BY_FILTER = {
    **_ENGLISH_VALUES_BY_FILTER,
    FilterName.SINCE: (
        "1j", "7j", "30j", "1an", "aujourd'hui", "hier",
        "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    ),
    FilterName.BEFORE: ("7j", "30j", "1an", "aujourd'hui"),
    "is": ("favori",),
}  # fmt: skip
_COMPLETION_FIELD_BY_FILTER = {FilterName.TAG: CompletionField.TAG, FilterName.AUTHOR: CompletionField.AUTHOR}
_NAME_FILTERS = frozenset((FilterName.SOURCE, *_COMPLETION_FIELD_BY_FILTER))
"""Filters whose values are looked up as they are typed: names of outlets, tags and authors."""


class CompletionContext(NamedTuple):
    """End of a query that is being typed: a word, or a filter such as `source:`, with the beginning of its value.

    `prefix` is the part of the query before this end. `typed_filter_name` is the name of the filter as typed, or "" for
    a word; `filter_name` is its English name, or None. `typed_value` is the beginning of the word or of the value.
    """

    prefix: str
    typed_filter_name: str
    filter_name: str | None
    typed_value: str

    def complete(self, completion: str) -> str:
        """Return a completion as it is typed at the end of the query, after the filter name if any."""
        return format_filter(self.typed_filter_name, completion) if self.typed_filter_name else completion


def detect_completion_context(query: str) -> CompletionContext:
    """Return the word, or the filter with its value, that is being typed at the end of a query."""
    match = _FILTER_PATTERN.search(query)
    if match and (match["quote"] or " " not in match["typed_value"]):
        filter_name = find_filter_by_alias(match["name"])
        if filter_name is not None and filter_name != "title":
            return CompletionContext(query[: match.start("name")], match["name"], filter_name, match["typed_value"])
    return _build_word_context(query)


def _build_unquoted_name_context(query: str) -> CompletionContext | None:
    """Return the filter that ends a query with a name of several words, which lacks the required quotation marks.

    Returns None if the query does not end with such a filter.
    """
    match = _FILTER_PATTERN.search(query)
    if match is None or match["quote"] or " " not in match["typed_value"].strip():
        return None
    filter_name = find_filter_by_alias(match["name"])
    if filter_name not in _NAME_FILTERS:
        return None
    return CompletionContext(query[: match.start("name")], match["name"], filter_name, match["typed_value"])


def _build_word_context(query: str) -> CompletionContext:
    match = _WORD_PATTERN.search(query)
    return CompletionContext(
        query[: match.start()] if match else query, "", None, match["typed_value"] if match else ""
    )


async def query_choices(interaction: Interaction, query: str) -> list[Choice[str]]:
    """Return the query itself, then its completions by words or filter values, fixed or found in visible feeds.

    There are at most as many as Discord shows. The query comes first, because Discord's clients send the first choice
    on Enter. A blank query gets no choices, nor does one longer than a choice may be: autocomplete sends up to 6,000
    characters.
    """
    if len(query) > discord_limits.MAX_CHOICE_NAME_LENGTH:
        return []
    completed_queries = [query]
    for context in filter(None, (_build_unquoted_name_context(query), detect_completion_context(query))):
        completions = (
            await _find_completions(interaction, context) if context.typed_value or context.filter_name else []
        )
        completed_queries += [context.prefix + context.complete(completion) for completion in completions]
    return [
        Choice(name=choice_name, value=completed_query)
        for completed_query in dict.fromkeys(completed_queries)
        if completed_query.strip()
        and len(completed_query) <= discord_limits.MAX_CHOICE_NAME_LENGTH
        and (choice_name := discord_text.to_plain_line(completed_query, discord_limits.MAX_CHOICE_NAME_LENGTH))
    ][: discord_limits.MAX_CHOICES]


async def _find_completions(interaction: Interaction, context: CompletionContext) -> Collection[str]:
    """Return words of articles, or values of the filter being typed, that start with the typed value."""
    if context.filter_name in _ENGLISH_VALUES_BY_FILTER:
        fixed_values = (
            _FRENCH_VALUES_BY_FILTER if expects_french_values(context.typed_filter_name) else _ENGLISH_VALUES_BY_FILTER
        )
        return [
            fixed_value
            for fixed_value in fixed_values[context.filter_name]
            if fixed_value.startswith(context.typed_value.casefold())
        ]
    visible_feed_ids = await interaction.client.load_visible_feed_ids(interaction)
    if not visible_feed_ids:
        return []
    store: Store = interaction.client.store
    if context.filter_name == FilterName.SOURCE:
        return await store.feeds.find_outlets(visible_feed_ids, context.typed_value, _MAX_COMPLETIONS)
    completion_field = _COMPLETION_FIELD_BY_FILTER.get(FilterName(context.filter_name)) if context.filter_name else None
    searcher = interaction.client.services.searcher
    return await searcher.suggest_completions(
        completion_field, context.typed_value, feed_ids=visible_feed_ids, limit=_MAX_COMPLETIONS
    )

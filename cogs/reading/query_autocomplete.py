"""Autocomplete of search queries, from the visible feeds."""

import re
from collections.abc import Collection
from typing import NamedTuple

from discord.app_commands import Choice

from bot.posting.rendering import discord_limits
from bot.search.index.search_engine import CompletionField
from bot.search.query.query_filters import FilterName, expects_french_values, filter_from_alias, format_filter
from bot.store import Store
from bot.text import discord_text
from cogs.shared.views import Interaction

_MAX_VALUES = 12
_FILTERED = re.compile(
    r"(?:^|(?<=[\s(-]))(?P<name>[^\W\d_]{2,12}|[aàAÀ]):(?:(?P<quote>[\"“«„])\s?)?(?P<typed>[^\"“”«»„]*)$"
)
_WORD = re.compile(r"(?P<typed>[^\W_][^\s\"“”«»„():|'’]*)$")
_FIXED_VALUES = {
    FilterName.LANGUAGE: ("en", "fr"),
    FilterName.SINCE: (
        "1d", "7d", "30d", "1y", "today", "yesterday",
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ),
    FilterName.BEFORE: ("7d", "30d", "1y", "today"),
    "has": ("image",),
    "is": ("bookmarked",),
}  # fmt: skip
_FIXED_IN_FRENCH = {
    **_FIXED_VALUES,
    FilterName.SINCE: (
        "1j", "7j", "30j", "1an", "aujourd'hui", "hier",
        "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    ),
    FilterName.BEFORE: ("7j", "30j", "1an", "aujourd'hui"),
    "is": ("favori",),
}  # fmt: skip
_KINDS = {FilterName.TAG: CompletionField.TAG, FilterName.AUTHOR: CompletionField.AUTHOR}
_NAME_FILTERS = frozenset((FilterName.SOURCE, *_KINDS))


class CompletionContext(NamedTuple):
    """The end of a query that is being typed, and the part before it.

    `typed_filter` is the filter name as typed, "" for a word; `filter` is its canonical name or None.
    """

    prefix: str
    typed_filter: str
    filter: str | None
    typed: str

    def complete(self, value: str) -> str:
        """Return the completed end of the query."""
        return format_filter(self.typed_filter, value) if self.typed_filter else value


def completion_context(query: str) -> CompletionContext:
    """Return the context at the end of a query."""
    match = _FILTERED.search(query)
    if match and (match["quote"] or " " not in match["typed"]):
        meant = filter_from_alias(match["name"])
        if meant is not None and meant != "title":
            return CompletionContext(query[: match.start("name")], match["name"], meant, match["typed"])
    return _word_context(query)


def _unquoted_name_context(query: str) -> CompletionContext | None:
    """Return the context of a name of several words without the required quotation marks, or None."""
    match = _FILTERED.search(query)
    if match is None or match["quote"] or " " not in match["typed"].strip():
        return None
    meant = filter_from_alias(match["name"])
    if meant not in _NAME_FILTERS:
        return None
    return CompletionContext(query[: match.start("name")], match["name"], meant, match["typed"])


def _word_context(query: str) -> CompletionContext:
    match = _WORD.search(query)
    return CompletionContext(
        query[: match.start()] if match else query, "", None, match["typed"] if match else ""
    )


async def query_choices(interaction: Interaction, query: str) -> list[Choice[str]]:
    """Return the query itself, then completions of its last word or value from visible feeds.

    The query comes first, because Discord's clients send the first choice on Enter. Queries longer than a
    choice get no completions: autocomplete sends up to 6,000 characters.
    """
    if len(query) > discord_limits.CHOICE_NAME_LENGTH:
        return []
    completed = [query]
    for at in filter(None, (_unquoted_name_context(query), completion_context(query))):
        values = await _candidate_values(interaction, at) if at.typed or at.filter else []
        completed += [at.prefix + at.complete(value) for value in values]
    return [
        Choice(name=name, value=text)
        for text in dict.fromkeys(completed)
        if text.strip()
        and len(text) <= discord_limits.CHOICE_NAME_LENGTH
        and (name := discord_text.to_plain_line(text, discord_limits.CHOICE_NAME_LENGTH))
    ][: discord_limits.MAX_CHOICES]


async def _candidate_values(interaction: Interaction, at: CompletionContext) -> Collection[str]:
    """Return words, or values of a filter, that start with the typed prefix."""
    if at.filter in _FIXED_VALUES:
        fixed = _FIXED_IN_FRENCH if expects_french_values(at.typed_filter) else _FIXED_VALUES
        return [value for value in fixed[at.filter] if value.startswith(at.typed.casefold())]
    visible = await interaction.client.visible_feed_ids(interaction)
    if not visible:
        return []
    store: Store = interaction.client.store
    if at.filter == FilterName.SOURCE:
        return await store.feeds.outlets(visible, at.typed, _MAX_VALUES)
    kind = _KINDS.get(FilterName(at.filter)) if at.filter else None
    searcher = interaction.client.newsroom.searcher
    return await searcher.complete(kind, at.typed, feed_ids=visible, limit=_MAX_VALUES)

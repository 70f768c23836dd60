"""Labels of subscription filters, which restrict what a channel posts of a feed."""

from collections.abc import Sequence

from bot.core.i18n import _
from bot.core.preferences import Filter, FilterMode
from bot.text import discord_text

_MAX_FILTERS_LISTED = 5
"""Maximum number of filters that are named on one line by default."""
_MAX_QUERY_LENGTH = 60
"""Maximum length in UTF-16 units of a filter's query by default."""


def filter_label(query_filter: Filter, max_query_length: int = _MAX_QUERY_LENGTH) -> str:
    """Return a filter in words, such as "only `election`", in the current language."""
    query = discord_text.to_plain_line(query_filter.query, max_query_length).replace("`", "'")
    if query_filter.mode is FilterMode.INCLUDE:
        return _("only `{query}`").format(query=query)
    return _("never `{query}`").format(query=query)


def filter_list_text(
    filters: Sequence[Filter],
    *,
    max_filters: int = _MAX_FILTERS_LISTED,
    max_query_length: int = _MAX_QUERY_LENGTH,
) -> str:
    """Return the first filters in words on one line, followed by … if there are more."""
    labels = [filter_label(query_filter, max_query_length) for query_filter in filters[:max_filters]]
    return ", ".join(labels if len(filters) <= max_filters else [*labels, discord_text.ELLIPSIS])

"""Labels of filters, which restrict what a channel posts of a feed, or what a whole channel or server posts."""

from collections.abc import Sequence

from bot.core.i18n import N_, _
from bot.core.preferences import Filter, FilterMode, FilterScope
from bot.text import discord_text

_MAX_FILTERS_LISTED = 5
"""Maximum number of filters that are named on one line by default."""
_MAX_QUERY_LENGTH = 60
"""Maximum length in UTF-16 units of a filter's query by default."""
_SCOPE_LABELS = {
    FilterScope.CHANNEL: N_("whole channel"),
    FilterScope.PARENT: N_("whole channel with its threads"),
    FilterScope.SERVER: N_("whole server"),
}


def filter_label(query_filter: Filter, max_query_length: int = _MAX_QUERY_LENGTH, *, with_scope: bool = True) -> str:
    """Return a filter in words, such as "never `election` (whole server, until 20 July)", in the current language."""
    query = discord_text.to_plain_line(query_filter.query, max_query_length).replace("`", "'")
    template = _("only `{query}`") if query_filter.mode is FilterMode.INCLUDE else _("never `{query}`")
    has_scope_label = with_scope and query_filter.scope in _SCOPE_LABELS
    details = [_(_SCOPE_LABELS[query_filter.scope])] if has_scope_label else []
    if query_filter.ends_at is not None:  # The end is exclusive: midnight after the last day.
        details.append(_("until {date}").format(date=f"<t:{query_filter.ends_at - 1}:D>"))
    return template.format(query=query) + (f" ({', '.join(details)})" if details else "")


def filter_list_text(
    filters: Sequence[Filter],
    *,
    max_filters: int = _MAX_FILTERS_LISTED,
    max_query_length: int = _MAX_QUERY_LENGTH,
    with_scope: bool = True,
) -> str:
    """Return the first filters in words on one line, in the current language, followed by … if there are more."""
    labels = [
        filter_label(query_filter, max_query_length, with_scope=with_scope) for query_filter in filters[:max_filters]
    ]
    return ", ".join(labels if len(filters) <= max_filters else [*labels, discord_text.ELLIPSIS])

"""Labels of subscription filters."""

from collections.abc import Sequence

from bot.core.i18n import _
from bot.core.preferences import Filter, FilterMode
from bot.text import discord_text

_MAX_FILTERS_LISTED = 5
_MAX_QUERY_LENGTH = 60


def filter_label(one: Filter, length: int = _MAX_QUERY_LENGTH) -> str:
    """Return a filter in words, in the current language, with its query as inline code."""
    query = discord_text.to_plain_line(one.query, length).replace("`", "'")
    if one.rule is FilterMode.INCLUDE:
        return _("only `{query}`").format(query=query)
    return _("never `{query}`").format(query=query)


def filter_list(
    filters: Sequence[Filter], *, most: int = _MAX_FILTERS_LISTED, length: int = _MAX_QUERY_LENGTH
) -> str:
    """Return the first filters in one line, followed by … if there are more."""
    names = [filter_label(one, length) for one in filters[:most]]
    return ", ".join(names if len(filters) <= most else [*names, discord_text.ELLIPSIS])

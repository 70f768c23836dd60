"""Filters of subscriptions in a sentence."""

from collections.abc import Sequence

from bot.core.choices import Filter, Rule
from bot.core.locale import _
from bot.text import safe

_MOST_NAMED = 5
_NAME = 60  # characters of a query


def named(one: Filter, length: int = _NAME) -> str:
    """A filter in a sentence, in the language of this task; its query as code, harmless anywhere."""
    query = safe.plain(one.query, length).replace("`", "'")
    if one.rule is Rule.ONLY:
        return _("only `{query}`").format(query=query)
    return _("never `{query}`").format(query=query)


def listed(filters: Sequence[Filter], *, most: int = _MOST_NAMED, length: int = _NAME) -> str:
    """Some filters in a line, and … for those that are left out."""
    names = [named(one, length) for one in filters[:most]]
    return ", ".join(names if len(filters) <= most else [*names, safe.ELLIPSIS])

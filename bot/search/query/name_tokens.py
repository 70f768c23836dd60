"""Tokens of an article's outlet, author and tags, which a query's filters `source:`, `author:` and `tag:` match."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from bot.search.index import text_analysis
from bot.search.query.query_filters import FilterName

MAX_NAME_LENGTH = 120
"""Maximum number of characters read of the name of an outlet, author or tag."""
IMAGE_MARKER = "image"
"""Token by which the filter `has:image` finds articles with an image."""
TOKEN_PREFIX_BY_FILTER = {FilterName.SOURCE: "o", FilterName.AUTHOR: "a", FilterName.TAG: "t"}
"""Prefix of the index tokens of outlets, authors and tags, by the filter that matches them."""


@lru_cache(maxsize=1 << 11)
def tokenize_name(filter_name: FilterName, name: str) -> tuple[str, ...]:
    """Return the words of a name in order and, if there are several, all joined to one ("lemonde").

    Each begins with the prefix of the filter ("o" for outlets). The result is empty if the name has no word.
    """
    token_prefix = TOKEN_PREFIX_BY_FILTER[filter_name]
    words = text_analysis.tokenize(name[:MAX_NAME_LENGTH])
    joined_tokens = [token_prefix + "".join(words)] if len(words) > 1 else []
    return (*(token_prefix + word for word in words), *joined_tokens)


def iter_article_name_tokens(outlet: str, author: str | None, tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield, for each name of an article (outlet, author, tags), the tokens of the name."""
    yield tokenize_name(FilterName.SOURCE, outlet)
    yield tokenize_name(FilterName.AUTHOR, author or "")
    for tag in tags:
        yield tokenize_name(FilterName.TAG, tag)

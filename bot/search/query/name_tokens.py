"""An article's outlet, author and tags as tokens: what `source:`, `author:` and `tag:` look for."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from bot.search.index import text_analysis
from bot.search.query.query_filters import FilterName

MAX_NAME_LENGTH = 120  # characters of a name
IMAGE = "image"
"""The token of an article with a picture."""
TOKEN_PREFIXES = {FilterName.SOURCE: "o", FilterName.AUTHOR: "a", FilterName.TAG: "t"}
"""The filters by a name, each with the letter that its tokens begin with."""


@lru_cache(maxsize=1 << 11)
def tokens_of_name(filter_: FilterName, name: str) -> tuple[str, ...]:
    """The tokens of a name: its words in order, then, of several, all in one (`lemonde`); none of no word."""
    letter = TOKEN_PREFIXES[filter_]
    words = text_analysis.tokens(name[:MAX_NAME_LENGTH])
    whole = [letter + "".join(words)] if len(words) > 1 else []
    return (*(letter + word for word in words), *whole)


def article_name_tokens(outlet: str, author: str | None, tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The tokens of each name of an article."""
    yield tokens_of_name(FilterName.SOURCE, outlet)
    yield tokens_of_name(FilterName.AUTHOR, author or "")
    for tag in tags:
        yield tokens_of_name(FilterName.TAG, tag)

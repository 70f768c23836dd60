"""An article's outlet, author and tags as tokens: what `source:`, `author:` and `tag:` look for."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from bot.search.index import analysis
from bot.search.query.filter_names import Filter

LONGEST = 120  # characters of a name
IMAGE = "image"
"""The token of an article with a picture."""
NAMES = {Filter.SOURCE: "o", Filter.AUTHOR: "a", Filter.TAG: "t"}
"""The filters by a name, each with the letter that its tokens begin with."""


@lru_cache(maxsize=1 << 11)
def name_tokens(filter_: Filter, name: str) -> tuple[str, ...]:
    """The tokens of a name: its words in order, then, of several, all in one (`lemonde`); none of no word."""
    letter = NAMES[filter_]
    words = analysis.words(name[:LONGEST])
    whole = [letter + "".join(words)] if len(words) > 1 else []
    return (*(letter + word for word in words), *whole)


def names_of(outlet: str, author: str | None, tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The tokens of each name of an article."""
    yield name_tokens(Filter.SOURCE, outlet)
    yield name_tokens(Filter.AUTHOR, author or "")
    for tag in tags:
        yield name_tokens(Filter.TAG, tag)

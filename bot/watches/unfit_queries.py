"""What new articles can be held against: queries without dates and bookmarks, that name something."""

from enum import StrEnum

from bot.core.refusals import Declined
from bot.search.query.analysed_query import small_words
from bot.search.query.filter_names import Filter
from bot.search.query.query_syntax import MAX_LENGTH, parse
from bot.search.query.query_tree import Condition, Query, leaves


class Unfit(StrEnum):
    """What is wrong with a query that new articles are to be held against."""

    WATCH_DATED = "watch-dated"
    FILTER_DATED = "filter-dated"
    BOOKMARKED = "bookmarked"
    SMALL_WORDS = "small-words"  # with `words`
    EMPTY_WATCH = "empty-watch"
    EMPTY_FILTER = "empty-filter"
    COMMON_ALTERNATIVE = "common-alternative"
    ONLY_NOT = "only-not"
    TOO_COMMON = "too-common"


def read(text: str, now: int, dated: Unfit) -> Query:
    """A query for new articles. Raises `Declined`, with `dated` where it has a date."""
    query = parse(text, now, longest=MAX_LENGTH)
    filters = {leaf.filter for leaf in leaves(query.nodes) if isinstance(leaf, Condition)}
    if filters & {Filter.SINCE, Filter.BEFORE}:
        raise Declined(dated)
    if Filter.BOOKMARKED in filters:
        raise Declined(Unfit.BOOKMARKED)
    if small := small_words(query.nodes):
        raise Declined(Unfit.SMALL_WORDS, words=", ".join(small))
    return query

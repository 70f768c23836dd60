"""What new articles can be held against: queries without dates and bookmarks, that name something."""

from enum import StrEnum

from bot.core.user_errors import RequestRejected
from bot.search.query.analysed_query import only_stop_words
from bot.search.query.query_filters import FilterName
from bot.search.query.query_parser import MAX_LENGTH, parse_query
from bot.search.query.query_tree import FieldFilter, Query, leaves


class QueryRejection(StrEnum):
    """What is wrong with a query that new articles are to be held against."""

    WATCH_HAS_DATE = "watch-dated"
    FILTER_HAS_DATE = "filter-dated"
    BOOKMARKED = "bookmarked"
    ONLY_STOP_WORDS = "small-words"  # with `words`
    EMPTY_WATCH = "empty-watch"
    EMPTY_FILTER = "empty-filter"
    COMMON_ALTERNATIVE = "common-alternative"
    ONLY_EXCLUSIONS = "only-not"
    TOO_COMMON = "too-common"


def parse_live_query(text: str, now: int, date_rejection: QueryRejection) -> Query:
    """A query for new articles. Raises `RequestRejected`, with `dated` where it has a date."""
    query = parse_query(text, now, max_chars=MAX_LENGTH)
    filters = {leaf.filter for leaf in leaves(query.nodes) if isinstance(leaf, FieldFilter)}
    if filters & {FilterName.SINCE, FilterName.BEFORE}:
        raise RequestRejected(date_rejection)
    if FilterName.BOOKMARKED in filters:
        raise RequestRejected(QueryRejection.BOOKMARKED)
    if small := only_stop_words(query.nodes):
        raise RequestRejected(QueryRejection.ONLY_STOP_WORDS, words=", ".join(small))
    return query

"""Validation of queries of watches and filters, which are matched against new articles."""

from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.search.query.analysed_query import find_only_stop_words
from bot.search.query.query_filters import FilterName
from bot.search.query.query_parser import MAX_QUERY_LENGTH, parse_query
from bot.search.query.query_tree import FieldFilter, Query, iter_leaves


class QueryRejection(ReasonCode):
    """Reason why a query cannot be matched against new articles.

    `BOOKMARKED`: it asks for bookmarks. `COMMON_ALTERNATIVE`: one alternative of an OR matches nearly every
    article. `ONLY_EXCLUSIONS`: it only says what to exclude. `TOO_COMMON`: too many articles match it.
    `EMPTY_WATCH`, `EMPTY_FILTER`: nothing in it can be matched.
    """

    WATCH_HAS_DATE = "watch-dated"
    FILTER_HAS_DATE = "filter-dated"
    BOOKMARKED = "bookmarked"
    ONLY_STOP_WORDS = "small-words"
    EMPTY_WATCH = "empty-watch"
    EMPTY_FILTER = "empty-filter"
    COMMON_ALTERNATIVE = "common-alternative"
    ONLY_EXCLUSIONS = "only-not"
    TOO_COMMON = "too-common"


def parse_live_query(text: str, now: int, date_rejection: QueryRejection) -> Query:
    """Return the parsed query of a watch or filter, which is matched against new articles.

    Raises `RequestRejected` if the query depends on dates (with the reason `date_rejection`) or bookmarks, or
    if it consists of stop words only. `now` is Unix time in seconds.
    """
    query = parse_query(text, now, max_chars=MAX_QUERY_LENGTH)
    filter_names = {leaf.filter_name for leaf in iter_leaves(query.nodes) if isinstance(leaf, FieldFilter)}
    if filter_names & {FilterName.SINCE, FilterName.BEFORE}:
        raise RequestRejected(date_rejection)
    if FilterName.BOOKMARKED in filter_names:
        raise RequestRejected(QueryRejection.BOOKMARKED)
    if stop_words := find_only_stop_words(query.nodes):
        raise RequestRejected(QueryRejection.ONLY_STOP_WORDS, words=", ".join(stop_words))
    return query

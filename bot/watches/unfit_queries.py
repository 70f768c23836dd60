"""Why a query can be neither a watch nor a filter."""

from __future__ import annotations

from enum import StrEnum


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

"""What a search has to tell of a query, as data: `posting.search_notes` has the sentences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remark(StrEnum):
    """What is remarked; behind each, the values that its sentence takes."""

    CUT_TEXT = "cut-text"  # count
    CUT_TERMS = "cut-terms"  # count
    READ_AS = "read-as"  # value, filter
    STRAY_QUOTE = "stray-quote"
    STRAY_MINUS = "stray-minus"
    STRAY_CLOSING = "stray-closing"
    STRAY_NOT = "stray-not"
    LONELY_OR = "lonely-or"
    UNCLOSED = "unclosed"
    TOO_DEEP = "too-deep"  # count
    NO_VALUE = "no-value"  # value
    NOTHING = "nothing"
    NO_FILTER = "no-filter"  # name, value, near ("": none)
    NO_LANGUAGE = "no-language"  # value
    NO_CHOICE = "no-choice"  # value
    NO_DATE = "no-date"  # value
    SINCE = "since"  # moment, now (seconds of UTC), zone
    BEFORE = "before"  # moment, now, zone
    BUILDING = "building"  # percent
    DAMAGED = "damaged"
    OWN_BOOKMARKS = "own-bookmarks"
    NO_TIME = "no-time"
    LANGUAGES = "languages"  # query
    PHRASES_MISSING = "phrases-missing"  # phrases
    PHRASES_APART = "phrases-apart"
    LOOSE_NAME = "loose-name"  # filter, words
    TITLE_WORDS_MISSING = "title-words-missing"  # words
    WORDS_MISSING = "words-missing"  # words
    UNKNOWN_SOURCE = "unknown-source"  # name
    UNKNOWN_TAG = "unknown-tag"  # name
    UNKNOWN_LANGUAGE = "unknown-language"  # name
    UNKNOWN_AUTHOR = "unknown-author"  # name


@dataclass(frozen=True, slots=True)
class Note:
    """A remark and its values by name."""

    remark: Remark
    values: tuple[tuple[str, object], ...] = ()

    @classmethod
    def of(cls, remark: Remark, **values: object) -> Note:
        """Make one."""
        return cls(remark, tuple(values.items()))

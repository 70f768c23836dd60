"""Notes that tell the user how a query was understood or why it finds little, as data.

`bot.posting.wording.search_note_sentences` holds their texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """Kind of a note on a query. The comments name the placeholders of the note's text.

    STRAY parts of a query have no effect, UNKNOWN names are those of no article or filter, and CUT says how much was
    read of a query that is too long.
    """

    CUT_TEXT = "cut-text"  # count of characters that were read
    CUT_TERMS = "cut-terms"  # count of terms that were read
    REINTERPRETED = "read-as"  # value, filter
    STRAY_QUOTE = "stray-quote"
    STRAY_MINUS = "stray-minus"
    STRAY_CLOSING_PARENTHESIS = "stray-closing"
    STRAY_NOT = "stray-not"
    STRAY_OR = "lonely-or"
    UNCLOSED_PARENTHESIS = "unclosed"
    TOO_DEEP_PARENTHESES = "too-deep"  # count
    NO_VALUE = "no-value"  # value
    EMPTY_QUERY = "nothing"
    UNKNOWN_FILTER = "no-filter"  # name, value, similar_name ("": none)
    INVALID_LANGUAGE = "no-language"  # value
    UNKNOWN_FLAG = "no-choice"  # value
    INVALID_DATE = "no-date"  # value
    SINCE = "since"  # moment, now (Unix times in seconds), zone
    BEFORE = "before"  # moment, now, zone
    INDEX_BUILDING = "building"  # percent of the articles that the new index has
    INDEX_DAMAGED = "damaged"  # The index cannot be read.
    OWN_BOOKMARKS = "own-bookmarks"  # Only a user has bookmarks.
    EMPTY_DATE_RANGE = "no-time"  # No time is both since one date and before another.
    SEVERAL_LANGUAGES = "languages"  # query to use instead, as no article has several languages
    PHRASES_MISSING = "phrases-missing"  # phrases
    PHRASES_NEVER_TOGETHER = "phrases-apart"  # No article has all phrases.
    UNQUOTED_NAME = "loose-name"  # filter, words that may belong to its name
    TITLE_WORDS_MISSING = "title-words-missing"  # words
    WORDS_MISSING = "words-missing"  # words
    UNKNOWN_SOURCE = "unknown-source"  # name
    UNKNOWN_TAG = "unknown-tag"  # name
    UNKNOWN_LANGUAGE = "unknown-language"  # name
    UNKNOWN_AUTHOR = "unknown-author"  # name


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a query: its kind, and the values for the placeholders of its text."""

    kind: NoteKind
    placeholders: tuple[tuple[str, object], ...] = ()

    @classmethod
    def create(cls, kind: NoteKind, **placeholders: object) -> Note:
        """Create a note of a kind, with the values for the placeholders of its text."""
        return cls(kind, tuple(placeholders.items()))

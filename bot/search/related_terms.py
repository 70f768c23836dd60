"""Index terms related to a word of a query: of the same word family, or of similar spelling."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.index import text_analysis
from bot.search.index.search_engine import SearchEngine

MIN_MISSPELLED_LENGTH = 4
"""Minimum length, in letters, of a word that may be misspelled, and of its stem."""
MIN_TWO_ERRORS_LENGTH = 8
"""Minimum length, in letters, of a word that may be misspelled with two errors."""
MAX_COMPARED_TERMS = 5_000
"""Maximum number of index terms, the most frequent with its first letter, that a misspelled word is compared with."""
MAX_MISSPELLED_WORDS = 8
"""Maximum number of a query's words that may be taken as misspelled; each takes some milliseconds."""
_MAX_WORDS_WITH_FAMILY = 32
"""Maximum number of a query's words to which the terms of their word families are added."""
_MIN_FAMILY_PREFIX_LENGTH = 5
"""Minimum number of first letters that the terms of a word family share."""
_MIN_FAMILY_PREFIX_SHARE = 0.6
"""Minimum share of a word's stem with which the terms of its word family begin.

The stem also has at least this share of the length of each of these terms.
"""
_MAX_FAMILY_TERMS = 8
"""Maximum number of index terms, the most frequent ones, that are taken from a word family."""

RelatedTerms = Mapping[str, frozenset[str]]
"""Index terms related to words of a query, by the word as it was typed."""


def find_related_terms(engine: SearchEngine, words: Iterable[str]) -> RelatedTerms:
    """Return the related index terms of those words that have some, by word.

    Terms of similar spelling count only for a word that no article contains. Raises `EngineError` if the
    index cannot be used.
    """
    related_by_word: dict[str, frozenset[str]] = {}
    misspelled_count = family_count = 0
    for word in dict.fromkeys(words):
        stems = text_analysis.find_query_stems(word)
        if not stems or not word.isalpha():
            continue
        related_terms: set[str] = set()
        if family_count < _MAX_WORDS_WITH_FAMILY and (family_terms := _find_family_terms(engine, stems)):
            family_count += 1
            related_terms |= family_terms
        if misspelled_count < MAX_MISSPELLED_WORDS and not any(map(engine.get_document_frequency, stems)):
            misspelled_count += 1
            common_terms = [term for term, _ in engine.list_terms_with_prefix(word[:1], MAX_COMPARED_TERMS)]
            related_terms |= set(find_similar_spellings(word, stems, common_terms))
        if related_terms := related_terms - stems:
            related_by_word[word] = frozenset(related_terms)
    return related_by_word


def _find_family_terms(engine: SearchEngine, stems: Collection[str]) -> set[str]:
    """Return the index terms of a word family: they begin like the longest of the stems and are not much longer."""
    stem = max(stems, key=len)
    prefix_length = max(_MIN_FAMILY_PREFIX_LENGTH, int(_MIN_FAMILY_PREFIX_SHARE * len(stem)))
    if len(stem) < prefix_length:
        return set()
    terms_with_counts = engine.list_terms_with_prefix(stem[:prefix_length], _MAX_FAMILY_TERMS)
    return {term for term, _ in terms_with_counts if len(term) * _MIN_FAMILY_PREFIX_SHARE <= len(stem)}


def find_similar_spellings(word: str, stems: Collection[str], terms: Sequence[str]) -> list[str]:
    """Return the terms with the least edit distance to a word's stems, in the order of `terms`.

    The distance is at most one, or two for a long word. The list is empty if the word is too short to be misspelled
    or has other characters than letters.
    """
    if not word.isalpha() or len(word) < MIN_MISSPELLED_LENGTH:
        return []
    max_distance = 2 if len(word) >= MIN_TWO_ERRORS_LENGTH else 1
    scored_terms = {
        (distance, rank, term)
        for stem in stems
        if len(stem) >= MIN_MISSPELLED_LENGTH
        for term, distance, rank in process.extract(
            stem, terms, scorer=OSA.distance, score_cutoff=max_distance, limit=None
        )
        if term not in stems
    }
    min_distance = min((distance for distance, _, _ in scored_terms), default=0)
    return [term for distance, _, term in sorted(scored_terms) if distance == min_distance]

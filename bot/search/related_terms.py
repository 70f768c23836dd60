"""Index terms related to a word of a query: of its family, or of similar spelling."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.index import text_analysis
from bot.search.index.search_engine import SearchEngine

SHORTEST = 4
"""Minimum length of a word that may be misspelled."""
LONG = 8
"""Minimum length of a word that may have two errors."""
COMPARED = 5_000
"""Maximum number of terms, the most frequent ones, that a misspelled word is compared with."""
MISSPELT = 8
"""Maximum number of a query's words that are compared; each takes some milliseconds."""
_FAMILIES = 32
"""Maximum number of a query's words whose families are looked up."""
_SHARED = 5
"""Minimum number of first letters that the terms of a family share."""
_SHARE = 0.6
"""Minimum share of the longer term that those letters make up."""
_RELATIVES = 8
"""Maximum number of terms of a family, the most frequent ones."""

Related = Mapping[str, frozenset[str]]
"""Related terms by the word that was typed."""


def related_terms(engine: SearchEngine, words: Iterable[str]) -> Related:
    """Return the related terms of the words that have some. Raises `EngineError`.

    Similar spellings count only for a word that no article contains.
    """
    related: dict[str, frozenset[str]] = {}
    misspelt = families = 0
    for word in dict.fromkeys(words):
        stems = text_analysis.query_stems(word)
        if not stems or not word.isalpha():
            continue
        terms: set[str] = set()
        if families < _FAMILIES and (family := _family(engine, stems)):
            families += 1
            terms |= family
        if misspelt < MISSPELT and not any(map(engine.document_frequency, stems)):
            misspelt += 1
            common = [term for term, _ in engine.terms_with_prefix(word[:1], COMPARED)]
            terms |= set(spelled_alike(word, stems, common))
        if terms := terms - stems:
            related[word] = frozenset(terms)
    return related


def _family(engine: SearchEngine, stems: Collection[str]) -> set[str]:
    """Return the terms that share the beginning of the longest stem and are not much longer."""
    stem = max(stems, key=len)
    shared = max(_SHARED, int(_SHARE * len(stem)))
    if len(stem) < shared:
        return set()
    terms = engine.terms_with_prefix(stem[:shared], _RELATIVES)
    return {term for term, _ in terms if len(term) * _SHARE <= len(stem)}


def spelled_alike(word: str, stems: Collection[str], terms: Sequence[str]) -> list[str]:
    """Return the terms with the least edit distance to a word's stems, in the order of `terms`.

    The distance is at most one, or two for a long word. Empty if the word is too short to be misspelled.
    """
    if not word.isalpha() or len(word) < SHORTEST:
        return []
    most = 2 if len(word) >= LONG else 1
    alike = {
        (distance, rank, term)
        for stem in stems
        for term, distance, rank in process.extract(
            stem, terms, scorer=OSA.distance, score_cutoff=most, limit=None
        )
        if term not in stems
    }
    least = min((distance for distance, _, _ in alike), default=0)
    return [term for distance, _, term in sorted(alike) if distance == least]

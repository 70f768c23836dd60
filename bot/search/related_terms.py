"""Index terms that may stand for a word of a query: its family, and what it may be a misspelling of."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.index import text_analysis
from bot.search.index.search_engine import SearchEngine

SHORTEST = 4
"""Letters of a word that may be misspelt."""
LONG = 8
"""Letters of a word in which two may be wrong."""
COMPARED = 5_000
"""Terms that a misspelt word is compared with, the commonest."""
MISSPELT = 8
"""Words of a query that are compared: each costs some milliseconds."""
_FAMILIES = 32  # words of a query whose families are looked up
_SHARED = 5  # letters at the beginning that the terms of a family share,
_SHARE = 0.6  # and the part of the longer one
_RELATIVES = 8  # terms of a family, the commonest

Related = Mapping[str, frozenset[str]]
"""Related terms by the word that was typed."""


def related_terms(engine: SearchEngine, words: Iterable[str]) -> Related:
    """Return the related terms of those words that have some. Raises `EngineError`.

    A word that no article has is taken for the terms that are spelled most alike.
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
    """The terms that begin as the longest stem does, and are not much longer."""
    stem = max(stems, key=len)
    shared = max(_SHARED, int(_SHARE * len(stem)))
    if len(stem) < shared:
        return set()
    terms = engine.terms_with_prefix(stem[:shared], _RELATIVES)
    return {term for term, _ in terms if len(term) * _SHARE <= len(stem)}


def spelled_alike(word: str, stems: Collection[str], terms: Sequence[str]) -> list[str]:
    """Return those of `terms` that differ from a word's stems by fewest letters, in their order.

    Empty where the word is too short to be misspelt, or all differ by more than a letter, of a long one two.
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

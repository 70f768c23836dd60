"""Snippets of articles with highlights: the part that contains most of a query's words."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.query.analysed_query import (
    AllClauses,
    AnyClause,
    Clause,
    PhraseClause,
    TermClause,
    analyse_query,
)
from bot.search.query.query_tree import Node
from bot.text import excerpts

MAX_SNIPPET_LENGTH = 300
"""Maximum length of a snippet, in UTF-16 code units."""
MAX_CHARS_READ = 6_000
"""Maximum number of characters of a text that are searched for a snippet."""

Spans = list[tuple[int, int]]


class Highlighter:
    """Finds the words and phrases of a query in texts; for a phrase that does not occur, its words."""

    def __init__(self, nodes: Collection[Node] = (), stems: Iterable[str] = ()) -> None:
        parts = list(_positive_clauses(analyse_query(nodes).clauses))
        self._stems = frozenset(stems).union(*(part.stems for part in parts if isinstance(part, TermClause)))
        self._phrases = [part.words for part in parts if isinstance(part, PhraseClause)]

    def highlights(self, text: str, language: str | None) -> Spans:
        """Return the spans (start, end) to highlight, in characters, sorted and without overlaps."""
        words = text_analysis.token_spans(text) if self._phrases else []
        stems, found = set(self._stems), []
        for row in self._phrases:
            places = _phrase_spans(words, row)
            found += places
            if not places:
                stems.update(*map(text_analysis.query_stems, set(row) - text_analysis.stop_words_in(row)))
        found += [(start, end) for start, end, _ in text_analysis.find_stem_spans(text, language, stems)]
        return _merge_overlaps(sorted(found))


def snippet_of(article: Article, marker: Highlighter) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the snippet of an article with most highlights, on one line, and their character spans."""
    lines = map(str.strip, (article.body or article.summary)[:MAX_CHARS_READ].splitlines())
    text = " ".join(filter(None, lines))
    excerpt, marks = excerpts.excerpt_around(
        text, marker.highlights(text, article.language), MAX_SNIPPET_LENGTH
    )
    return excerpt, tuple(marks)


def _positive_clauses(parts: Iterable[Clause]) -> Iterator[Clause]:
    """Yield the clauses for words and phrases that must or may occur, at any depth."""
    for part in parts:
        if isinstance(part, AllClauses | AnyClause):
            yield from _positive_clauses(part.clauses)
        else:
            yield part


def _phrase_spans(words: Sequence[tuple[str, int, int]], row: tuple[str, ...]) -> Spans:
    """Return where the words of a phrase stand consecutively."""
    count = len(row)
    return [
        (words[first][1], words[first + count - 1][2])
        for first in range(len(words) - count + 1)
        if words[first][0] == row[0] and tuple(word for word, _, _ in words[first : first + count]) == row
    ]


def _merge_overlaps(spans: Spans) -> Spans:
    """Merge overlapping spans of a sorted list."""
    found: Spans = []
    for start, end in spans:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found

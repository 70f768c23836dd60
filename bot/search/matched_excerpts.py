"""The stretch of an article that shows most of what was looked for, with where that is in it."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from bot.core.models import Article
from bot.search.index import analysis
from bot.search.query.analysed_query import Every, Part, Row, Some, Stems, analysed
from bot.search.query.query_tree import Node
from bot.text import excerpts

LONGEST = 300  # UTF-16 units of an excerpt
READ = 6_000  # characters of a text that it is looked for in

Spans = list[tuple[int, int]]


class Marker:
    """Finds a query's words and phrases in texts; of a phrase that is not there, its words."""

    def __init__(self, nodes: Collection[Node] = (), stems: Iterable[str] = ()) -> None:
        parts = list(_wanted(analysed(nodes).parts))
        self._stems = frozenset(stems).union(*(part.stems for part in parts if isinstance(part, Stems)))
        self._rows = [part.words for part in parts if isinstance(part, Row)]

    def marks(self, text: str, language: str | None) -> Spans:
        """Where it begins and ends, in characters, in order and apart."""
        words = analysis.word_spans(text) if self._rows else []
        stems, found = set(self._stems), []
        for row in self._rows:
            places = _places(words, row)
            found += places
            if not places:
                stems.update(*map(analysis.query_stems, set(row) - analysis.small_words(row)))
        found += [(start, end) for start, end, _ in analysis.places(text, language, stems)]
        return _apart(sorted(found))


def excerpt_of(article: Article, marker: Marker) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The stretch of an article that holds most of what is marked, on one line, and where that is in it."""
    lines = map(str.strip, (article.body or article.summary)[:READ].splitlines())
    text = " ".join(filter(None, lines))
    excerpt, marks = excerpts.around(text, marker.marks(text, article.language), LONGEST)
    return excerpt, tuple(marks)


def _wanted(parts: Iterable[Part]) -> Iterator[Part]:
    """The words and phrases that are wanted, at any depth."""
    for part in parts:
        if isinstance(part, Every | Some):
            yield from _wanted(part.parts)
        else:
            yield part


def _places(words: Sequence[tuple[str, int, int]], row: tuple[str, ...]) -> Spans:
    """Where these words stand in a row."""
    count = len(row)
    return [
        (words[first][1], words[first + count - 1][2])
        for first in range(len(words) - count + 1)
        if words[first][0] == row[0] and tuple(word for word, _, _ in words[first : first + count]) == row
    ]


def _apart(spans: Spans) -> Spans:
    """The same without overlaps."""
    found: Spans = []
    for start, end in spans:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found

"""Snippets of search results: the part of an article with most of a query's words, which are highlighted."""

from collections.abc import Collection, Iterable, Sequence

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.query.analysed_query import (
    PhraseClause,
    TermClause,
    analyse_query,
)
from bot.search.query.query_tree import Node, iter_leaves
from bot.text import excerpts

MAX_SNIPPET_LENGTH = 300
"""Maximum length of a snippet, in UTF-16 code units."""
MAX_CHARS_READ = 6_000
"""Maximum number of characters of an article's text that are searched for a snippet."""

HighlightSpans = list[tuple[int, int]]
"""Parts of a text to highlight, as (start, end) in characters."""


class Highlighter:
    """Finder of the words and phrases of a query, and of further words by their `stems`, in texts.

    For a phrase that does not occur as a whole, the words of the phrase are found.
    """

    def __init__(self, nodes: Collection[Node] = (), stems: Iterable[str] = ()) -> None:
        clauses = list(iter_leaves(analyse_query(nodes).clauses, include_negated=False))
        self._highlighted_stems = frozenset(stems).union(
            *(term_clause.stems for term_clause in clauses if isinstance(term_clause, TermClause))
        )
        self._highlighted_phrases = [
            phrase_clause.words for phrase_clause in clauses if isinstance(phrase_clause, PhraseClause)
        ]

    def find_highlights(self, text: str, language: str | None) -> HighlightSpans:
        """Return the spans of a text to highlight, as (start, end) in characters.

        The spans are sorted and do not overlap.
        """
        token_spans = text_analysis.find_token_spans(text) if self._highlighted_phrases else []
        stems, spans = set(self._highlighted_stems), []
        for phrase_words in self._highlighted_phrases:
            phrase_spans = _find_phrase_spans(token_spans, phrase_words)
            spans += phrase_spans
            if not phrase_spans:
                stems.update(
                    *map(
                        text_analysis.find_query_stems,
                        set(phrase_words) - text_analysis.find_stop_words(phrase_words),
                    )
                )
        spans += [(start, end) for start, end, _ in text_analysis.find_stem_spans(text, language, stems)]
        return _merge_overlaps(sorted(spans))


def extract_snippet(article: Article, highlighter: Highlighter) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the part of an article with most highlights, on one line, and its spans to highlight.

    Without highlights, that is the beginning. The spans are in characters.
    """
    stripped_lines = map(str.strip, (article.body or article.summary)[:MAX_CHARS_READ].splitlines())
    text = " ".join(filter(None, stripped_lines))
    snippet, highlights = excerpts.make_excerpt_around(
        text, highlighter.find_highlights(text, article.language), MAX_SNIPPET_LENGTH
    )
    return snippet, tuple(highlights)


def _find_phrase_spans(token_spans: Sequence[tuple[str, int, int]], phrase_words: tuple[str, ...]) -> HighlightSpans:
    """Return the character spans at which the words of a phrase stand consecutively."""
    word_count = len(phrase_words)
    return [
        (token_spans[first_index][1], token_spans[first_index + word_count - 1][2])
        for first_index in range(len(token_spans) - word_count + 1)
        if token_spans[first_index][0] == phrase_words[0]
        and tuple(word for word, _, _ in token_spans[first_index : first_index + word_count]) == phrase_words
    ]


def _merge_overlaps(spans: HighlightSpans) -> HighlightSpans:
    """Return the spans of a sorted list, with overlapping spans merged into one."""
    merged_spans: HighlightSpans = []
    for span_start, span_end in spans:
        if merged_spans and span_start < merged_spans[-1][1]:
            merged_spans[-1] = merged_spans[-1][0], max(span_end, merged_spans[-1][1])
        else:
            merged_spans.append((span_start, span_end))
    return merged_spans

"""Candidates of an article (passages that may answer): its headline, and windows of one to three sentences.

A window is a run of consecutive sentences.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bot.answers.typed_spans import TypedSpan, find_typed_spans
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_QUOTE_LENGTH = 400
"""Maximum length of a quote, in characters."""
MAX_WINDOW_SENTENCES = 3
"""Maximum number of sentences in a window, the consecutive sentences that may answer."""
MAX_CHARS_READ = 12_000
"""Maximum number of characters of an article that are searched for answers."""

_HALF_QUOTE_LENGTH = MAX_QUOTE_LENGTH // 2 - 1
"""Maximum length in characters of each part of a long sentence but the last, so that two parts fit in a quote."""
_SENTENCE_PART_PATTERN = re.compile(
    rf"\S(?:.{{0,{MAX_QUOTE_LENGTH - 2}}}\S)?$"
    rf"|\S(?:.{{0,{_HALF_QUOTE_LENGTH - 2}}}\S)?(?=\s)|\S{{1,{_HALF_QUOTE_LENGTH}}}",
    re.DOTALL,
)
"""Pattern of a sentence, or of a part of a sentence that is too long for a quote.

Two adjacent parts fit in one quote, unless the second ends the sentence.
"""


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Stem of a word, as in the search index, and the character offsets of the word in an article's text or title."""

    stem: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AnalysedSentence:
    """A sentence or headline: its character offsets, its content words, and what may answer (names, numbers).

    All offsets count from the beginning of the article's text; in a headline, from its own beginning.
    """

    start: int
    end: int
    tokens: tuple[TokenSpan, ...]
    typed_spans: tuple[TypedSpan, ...]

    def list_tokens_in(self, span: TypedSpan) -> list[TokenSpan]:
        """Return the content words that begin in a span of the sentence."""
        return [token for token in self.tokens if span.start <= token.start < span.end]


@dataclass(frozen=True, slots=True)
class ArticleAnalysis:
    """An article with its title and its sentences analysed for question answering; `text` is the part that is read."""

    article: Article
    text: str
    title: AnalysedSentence
    sentences: tuple[AnalysedSentence, ...]

    def get_text_and_sentence(self, sentence_index: int) -> tuple[str, AnalysedSentence]:
        """Return a sentence with the text to which its offsets refer; index -1 stands for the headline."""
        if sentence_index < 0:
            return self.article.title, self.title
        return self.text, self.sentences[sentence_index]


@dataclass(frozen=True, slots=True)
class AnswerCandidate:
    """Consecutive sentences of an article that may answer a question.

    `sentence_index` is the index of the first sentence, or -1 for the headline.
    """

    analysis: ArticleAnalysis
    sentence_index: int
    sentences: tuple[AnalysedSentence, ...]

    @property
    def is_headline(self) -> bool:
        """Return whether the candidate answer is the article's headline rather than sentences of the text."""
        return self.sentence_index < 0

    @property
    def text(self) -> str:
        """Return the text of the candidate answer. A headline is cut to `MAX_QUOTE_LENGTH` characters."""
        if self.is_headline:
            return self.analysis.article.title[:MAX_QUOTE_LENGTH]
        return self.analysis.text[self.sentences[0].start : self.sentences[-1].end]

    def find_verbatim_text(self) -> str:
        """Return the passage's text with the white space that it has in the feed, or "" if it cannot be quoted.

        It cannot be quoted if it is longer than `MAX_QUOTE_LENGTH`, or if text was cut out between two of its
        sentences. A headline, and a passage of which not even the first sentence is in the feed's text, are returned
        unchanged.
        """
        if self.is_headline:
            return self.text
        article = self.analysis.article
        article_text = article.text or article.summary
        verbatim_text = _find_verbatim(article_text, self.text)
        if verbatim_text:
            return verbatim_text if len(verbatim_text) <= MAX_QUOTE_LENGTH else ""
        first_sentence = self.analysis.text[self.sentences[0].start : self.sentences[0].end]
        return "" if _find_verbatim(article_text, first_sentence) else self.text


def analyse_article(article: Article) -> ArticleAnalysis:
    """Analyse the first `MAX_CHARS_READ` characters of an article for question answering.

    Sentences that repeat the title are left out.
    """
    text = (article.body or article.summary)[:MAX_CHARS_READ]
    title = _analyse_sentence(article.title, 0, article.language)
    title_stems = [token.stem for token in title.tokens]
    sentences = (
        sentence
        for sentence in _iter_sentences(text, article.language)
        if [token.stem for token in sentence.tokens] != title_stems
    )
    return ArticleAnalysis(article, text, title, tuple(sentences))


def iter_candidates(analysis: ArticleAnalysis) -> Iterator[AnswerCandidate]:
    """Yield an article's headline, then for each sentence the longest window that fits in a quote.

    A window is a sentence with at most `MAX_WINDOW_SENTENCES` - 1 sentences after it. A window inside the previous one
    is skipped.
    """
    if analysis.article.title:
        yield AnswerCandidate(analysis, -1, (analysis.title,))
    last_window_end = 0
    for sentence_index, first_sentence in enumerate(analysis.sentences):
        window_end = sentence_index + 1
        while window_end < min(sentence_index + MAX_WINDOW_SENTENCES, len(analysis.sentences)):
            if analysis.sentences[window_end].end - first_sentence.start > MAX_QUOTE_LENGTH:
                break
            window_end += 1
        if window_end > last_window_end:
            last_window_end = window_end
            yield AnswerCandidate(analysis, sentence_index, analysis.sentences[sentence_index:window_end])


def find_quotable_window(analysis: ArticleAnalysis, first_index: int, max_sentences: int) -> AnswerCandidate | None:
    """Return the longest window that begins with the sentence at `first_index` and can be quoted verbatim.

    It has at most `max_sentences` sentences, and fits in one quote. Returns None if not even the
    first sentence can be quoted.
    """
    for end_index in range(min(first_index + max_sentences, len(analysis.sentences)), first_index, -1):
        window = AnswerCandidate(analysis, first_index, analysis.sentences[first_index:end_index])
        if 0 < len(window.find_verbatim_text()) <= MAX_QUOTE_LENGTH:
            return window
    return None


def list_passages(article: Article, max_passages: int) -> list[str]:
    """Return the first `max_passages` passages of an article, verbatim: runs of sentences that don't overlap.

    It is slow for a long text.
    """
    return list(islice(_iter_passages(analyse_article(article)), max_passages))


def _iter_passages(analysis: ArticleAnalysis) -> Iterator[str]:
    sentence_index = 0
    while sentence_index < len(analysis.sentences):
        window = find_quotable_window(analysis, sentence_index, MAX_WINDOW_SENTENCES)
        if window is not None:
            yield window.find_verbatim_text()
        sentence_index += 1 if window is None else len(window.sentences)


def _find_verbatim(text: str, passage: str) -> str:
    """Return a passage with the white space that it has in the text, or "" if it is not in the text."""
    if passage in text:
        return passage
    match = re.search(r"\s*".join(map(re.escape, passage.split())), text)
    return match[0] if match else ""


def _iter_sentences(text: str, language: str | None) -> Iterator[AnalysedSentence]:
    position = 0
    for sentence in excerpts.split_sentences(text):
        start = text.index(sentence, position)
        position = start + len(sentence)
        for match in _SENTENCE_PART_PATTERN.finditer(sentence):
            yield _analyse_sentence(match[0], start + match.start(), language)


def _analyse_sentence(text: str, start: int, language: str | None) -> AnalysedSentence:
    return AnalysedSentence(
        start=start,
        end=start + len(text),
        tokens=tuple(
            TokenSpan(stem, start + stem_start, start + stem_end)
            for stem, stem_start, stem_end in text_analysis.find_stems_with_spans(text, language)
        ),
        typed_spans=tuple(find_typed_spans(text, start)),
    )

"""Passages of an article: consecutive sentences that can be quoted verbatim, with its own white space."""

import re
from collections.abc import Iterator
from itertools import islice

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_OPENING_CHARS_READ = 12_000
"""Maximum number of characters of an article's text that are read for its opening."""
MAX_CHARS_SUMMARIZED = 100_000
"""Maximum number of characters read of a text that is to be summarised."""
OPENING_SENTENCES = 3
"""Maximum number of sentences that are quoted as the opening of an article."""


def extract_opening_passage(article: Article, max_length: int) -> str:
    """Return the first sentences of an article's text verbatim, or "" if it has none.

    They are at most `OPENING_SENTENCES`, and as many as fit in `max_length` characters.
    """
    return next(_iter_passages(article, max_length, OPENING_SENTENCES, MAX_OPENING_CHARS_READ), "")


def _iter_passages(article: Article, max_length: int, max_sentences: int | None, max_chars_read: int) -> Iterator[str]:
    """Yield an article's text in verbatim passages of whole sentences, each at most `max_length` characters.

    Sentences that repeat the title are skipped; a sentence longer than `max_length` is cut after a word.
    `max_sentences` limits each passage (None: no limit), `max_chars_read` the text that is read.
    """
    text = (article.body or article.summary)[:max_chars_read]
    remaining_sentences = list(_iter_sentence_spans(text, article))
    while remaining_sentences:
        (passage_start, passage_end), sentence_count = remaining_sentences[0], 1
        passage = text[passage_start:passage_end]
        if len(passage) > max_length:
            passage = passage[:max_length].rpartition(" ")[0]
        for extended_sentence_count, (_, sentence_end) in enumerate(remaining_sentences[1:max_sentences], 2):
            extended_passage = find_verbatim(article.text, text[passage_start:sentence_end])
            if not 0 < len(extended_passage) <= max_length:
                break
            passage, sentence_count = extended_passage, extended_sentence_count
        if passage:
            yield passage
        remaining_sentences = remaining_sentences[sentence_count:]


def _iter_sentence_spans(text: str, article: Article) -> Iterator[tuple[int, int]]:
    """Yield the character offsets of the sentences of a text, except those that repeat the title."""
    title_stems, position = list(text_analysis.stem_tokens(article.title, article.language)), 0
    for paragraph in text.split("\n"):
        for sentence in excerpts.split_sentences(paragraph):
            position = text.index(sentence, position)
            if list(text_analysis.stem_tokens(sentence, article.language)) != title_stems:
                yield position, position + len(sentence)
            position += len(sentence)


def extract_opening_and_passages(article: Article, max_length: int, max_passages: int) -> tuple[str, list[str]]:
    """Return the opening of an article, and at most `max_passages` passages, the opening's sentences included.

    Each has at most `max_length` characters. It is slow for a long text.
    """
    return extract_opening_passage(article, max_length), list(
        islice(_iter_passages(article, max_length, None, MAX_CHARS_SUMMARIZED), max_passages)
    )


def find_verbatim(text: str, passage: str) -> str:
    """Return a passage with the white space that it has in the text, or "" if it is not in the text."""
    if passage in text:
        return passage
    match = re.search(r"\s*".join(map(re.escape, passage.split())), text)
    return match[0] if match else ""

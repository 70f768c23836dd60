"""Passages of an article: consecutive sentences that can be quoted verbatim."""

import re
from collections.abc import Iterator
from itertools import islice

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_CHARS_READ = 12_000
"""Maximum number of characters read of a text."""
MAX_CHARS_SUMMARIZED = 100_000
"""Maximum number of characters read of a text that is summarised."""
OPENING_SENTENCES = 3
"""Maximum number of sentences in the opening of an article."""


def opening_passage(article: Article, limit: int) -> str:
    """Return the first `OPENING_SENTENCES` sentences verbatim, in at most `max_length` characters, or ""."""
    return next(iter_passages(article, limit, OPENING_SENTENCES), "")


def iter_passages(
    article: Article, limit: int, max_sentences: int | None = None, *, read: int = MAX_CHARS_READ
) -> Iterator[str]:
    """Yield the text in verbatim passages of whole sentences, each at most `max_length` characters.

    Sentences that repeat the title are skipped; a longer sentence is cut after a word. `max_sentences` limits
    each passage (None: no limit), `max_chars_read` the text that is read.
    """
    text = (article.body or article.summary)[:read]
    rest = list(_sentences(text, article))
    while rest:
        (start, end), taken = rest[0], 1
        whole = text[start:end]
        if len(whole) > limit:
            whole = whole[:limit].rpartition(" ")[0]
        for number, (_, last) in enumerate(rest[1:max_sentences], 2):
            longer = find_verbatim(article.text, text[start:last])
            if not 0 < len(longer) <= limit:
                break
            whole, taken = longer, number
        if whole:
            yield whole
        rest = rest[taken:]


def _sentences(text: str, article: Article) -> Iterator[tuple[int, int]]:
    """Yield the character offsets of the sentences, except those that repeat the title."""
    title, position = list(text_analysis.stemmed_tokens(article.title, article.language)), 0
    for paragraph in text.split("\n"):
        for sentence in excerpts.sentences(paragraph):
            position = text.index(sentence, position)
            if list(text_analysis.stemmed_tokens(sentence, article.language)) != title:
                yield position, position + len(sentence)
            position += len(sentence)


def opening_and_passages(article: Article, limit: int, most: int) -> tuple[str, list[str]]:
    """Return the opening of an article, and at most `max_passages` passages; slow for a long text."""
    return opening_passage(article, limit), list(
        islice(iter_passages(article, limit, read=MAX_CHARS_SUMMARIZED), most)
    )


def find_verbatim(given: str, stretch: str) -> str:
    """Return the passage with the white space that it has in the text, or "" if it does not occur."""
    if stretch in given:
        return stretch
    match = re.search(r"\s*".join(map(re.escape, stretch.split())), given)
    return match[0] if match else ""

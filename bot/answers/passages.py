"""The text of an article in stretches that can be quoted."""

import re
from collections.abc import Iterator
from itertools import islice

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_CHARS_READ = 12_000  # characters of a text
MAX_CHARS_SUMMARIZED = 100_000  # the same of one that is summed up
OPENING_SENTENCES = 3  # sentences


def opening_passage(article: Article, limit: int) -> str:
    """The first sentences, word for word as given, at most so many characters; "" without any."""
    return next(iter_passages(article, limit, OPENING_SENTENCES), "")


def iter_passages(
    article: Article, limit: int, max_sentences: int | None = None, *, read: int = MAX_CHARS_READ
) -> Iterator[str]:
    """The text in stretches of whole sentences, word for word as given, each at most so many characters.

    `most` sentences are in each; the title said again is none. Of a sentence that is longer there is the
    beginning. Of a long text so many characters are `read`.
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
    """Where the sentences of an article's text begin and end."""
    title, position = list(text_analysis.stemmed_tokens(article.title, article.language)), 0
    for paragraph in text.split("\n"):
        for sentence in excerpts.sentences(paragraph):
            position = text.index(sentence, position)
            if list(text_analysis.stemmed_tokens(sentence, article.language)) != title:
                yield position, position + len(sentence)
            position += len(sentence)


def opening_and_passages(article: Article, limit: int, most: int) -> tuple[str, list[str]]:
    """How an article begins, and its first stretches, at most so many: of all of it, which takes a while."""
    return opening_passage(article, limit), list(
        islice(iter_passages(article, limit, read=MAX_CHARS_SUMMARIZED), most)
    )


def find_verbatim(given: str, stretch: str) -> str:
    """A stretch of a text with the white space of the text as given; "" where it is not there."""
    if stretch in given:
        return stretch
    match = re.search(r"\s*".join(map(re.escape, stretch.split())), given)
    return match[0] if match else ""

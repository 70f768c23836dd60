"""Developments of a story: the events in it, each told by one sentence of an article."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from bot.answers.quote_excerpts import DEPENDENT_SENTENCE_PATTERN
from bot.answers.timeline.outlet_differences import find_outlet_difference
from bot.answers.timeline.reported_numbers import extract_reported_numbers
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.stories.story_grouping import group_articles
from bot.text import discord_text, excerpts
from bot.text.words import fold

MAX_LINE_LENGTH = 160
"""Maximum length in characters of the sentence that tells a development."""

_MIN_LINE_LENGTH = 30
_MAX_ARTICLES_READ = 12
"""Maximum number of articles on one event from whose sentences one is selected, earliest first."""
_MAX_SENTENCES_READ = 5
_MAX_CHARS_READ = 2_000
"""Maximum number of characters of an article's text that are split into sentences."""
_NEW_TERMS_FACTOR = 0.5
"""Weight in a sentence's score of the share of its words that no title of an earlier development has."""
_POSITION_PENALTY = 0.1
"""Amount by which the score of a sentence is lower for each sentence before it."""
_SENTENCE_ENDS = (".", "!", "…", "»", "”", '"')


class DifferingNumber(NamedTuple):
    """A number as an outlet reports it, where another outlet reports another number of the same thing."""

    text: str
    outlet: str
    url: str


class Development(NamedTuple):
    """An event of a story, with the sentence that tells it and its article.

    Attributes:
        line: The sentence, or the title of the article for want of a sentence.
        published: When the event was first reported (Unix time in seconds).
        outlets: Folded names (no case or accents) of the outlets that report it.
        differing_numbers: Numbers of one thing in which outlets differ; empty if they don't.
    """

    article: Article
    line: str
    published: int
    outlets: tuple[str, ...]
    differing_numbers: tuple[DifferingNumber, ...] = ()

    @property
    def is_line_title(self) -> bool:
        """Return whether the line is the title of the article."""
        return self.line == discord_text.to_plain_line(self.article.title)


def build_developments(
    articles: Sequence[Article], similar_pairs: Collection[tuple[int, int, float]], language: str
) -> list[Development]:
    """Return the developments of a story, earliest first, each told in a language if an outlet reports it in that.

    `similar_pairs` are pairs of article ids with their similarity (0 to 1). It is slow: call it in a worker process.
    """
    developments = []
    earlier_terms: set[str] = set()
    for group in group_into_developments(articles, similar_pairs):
        article, line = _select_line(group, language, earlier_terms)
        difference = find_outlet_difference(group)
        differing_numbers = (
            ()
            if difference is None
            else tuple(
                DifferingNumber(text, report.article.outlet, report.article.url)
                for text, report in zip(difference.format_numbers(), difference.reports, strict=True)
            )
        )
        outlets = tuple(dict.fromkeys(fold(member.outlet) for member in group))
        developments.append(Development(article, line, group[0].published, outlets, differing_numbers))
        earlier_terms.update(text_analysis.stem_tokens(" ".join(member.title for member in group), article.language))
    return developments


def group_into_developments(
    articles: Sequence[Article], similar_pairs: Collection[tuple[int, int, float]]
) -> list[list[Article]]:
    """Group the articles of a story by the event that they report; return the groups, earliest first.

    `similar_pairs` are pairs of article ids with their similarity (0 to 1). Amounts in titles don't count, because
    outlets may differ in them. It is slow: call it in a worker process.
    """
    article_by_id = {article.id: article for article in articles}
    articles_without_amounts = [
        article._replace(title=_strip_amounts(article.title, article.language)) for article in articles
    ]
    return [
        [article_by_id[article.id] for article in group]
        for group in group_articles(articles_without_amounts, similar_pairs)
    ]


def _strip_amounts(title: str, language: str | None) -> str:
    for number in reversed(extract_reported_numbers(title, language)):
        title = title[: number.start] + title[number.end :]
    return title


def _select_line(articles: Sequence[Article], language: str, earlier_terms: Collection[str]) -> tuple[Article, str]:
    """Return the sentence that best tells what articles on one event report, and its article.

    It can be understood alone, says most of what the titles say, and something that earlier developments don't.
    If no article in the language has such a sentence, it is a title. Without articles in the language, articles in
    any language are used.
    """
    same_language_articles = [article for article in articles if article.language == language]
    candidate_articles = (same_language_articles or list(articles))[:_MAX_ARTICLES_READ]
    title_counts = Counter(
        term for article in articles for term in set(text_analysis.stem_tokens(article.title, article.language))
    )
    scored_sentences = [
        (_score_sentence(sentence, position, article, title_counts, earlier_terms), article, sentence)
        for article in candidate_articles
        for position, sentence in _iter_standalone_sentences(article)
    ]
    if scored_sentences:
        _score, article, sentence = max(scored_sentences, key=lambda scored_sentence: scored_sentence[0])
        return article, sentence
    article = candidate_articles[0]
    return article, discord_text.to_plain_line(article.title)


def _iter_standalone_sentences(article: Article) -> Iterator[tuple[int, str]]:
    """Yield the first sentences of an article that can be understood alone, with their positions."""
    text = (article.body or article.summary)[:_MAX_CHARS_READ]
    for position, sentence in enumerate(excerpts.split_sentences(text)[:_MAX_SENTENCES_READ]):
        line = discord_text.to_plain_line(sentence)
        if (
            _MIN_LINE_LENGTH <= len(line) <= MAX_LINE_LENGTH
            and line.endswith(_SENTENCE_ENDS)
            and not DEPENDENT_SENTENCE_PATTERN.match(line)
        ):
            yield position, line


def _score_sentence(
    sentence: str, position: int, article: Article, title_counts: Counter[str], earlier_terms: Collection[str]
) -> float:
    """Return how well a sentence tells an event.

    `title_counts` has, by stem of a word, the number of titles of articles on the event with this stem.
    """
    terms = set(text_analysis.stem_tokens(sentence, article.language))
    covered_share = sum(title_counts[term] for term in terms) / max(1, title_counts.total())
    new_share = len(terms.difference(earlier_terms)) / max(1, len(terms))
    return covered_share + _NEW_TERMS_FACTOR * new_share - _POSITION_PENALTY * position

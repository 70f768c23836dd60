"""Relevance of articles to a topic. The module runs in a worker process, so it imports little."""

from collections.abc import Sequence
from itertools import compress

from bot.core.models import Article
from bot.search.index import text_analysis

MIN_ARTICLES = 3
"""Minimum number of articles relevant to a topic, where there are as many; the less relevant ones are left out."""
LEAD_LENGTH = 400
"""Length in characters of the beginning of an article's summary, and of its text, that is searched for the topic.

Both beginnings together are the article's lead.
"""
MIN_SHARE = 0.5
"""Minimum share of the weight of a topic's words in the title and lead of a relevant article.

An article about one of two things that the topic names, as in "Norway Sweden", may reach it.
"""
OTHER_LANGUAGE_FACTOR = 0.5
"""Factor on the relevance of an article that is not in the language of the request."""
EPSILON = 1e-6
"""Tolerance for rounding errors when shares of a topic's weight are compared."""


def score_topic_relevance(
    articles: Sequence[Article], topic: Sequence[str], weights: Sequence[float], language: str | None
) -> list[tuple[Article, float]]:
    """Return the articles that are about a topic, each with its relevance from 0 to 1.

    `weights` holds the inverse document frequency of each topic word. The relevance is the mean share of the topic's
    weight in the title, and in title and lead; without a topic it is 1. It is lower for articles that are not in
    `language` (ISO 639-1). An article that is less relevant than `MIN_ARTICLES` others is left out.
    """
    topic_words = [_strip_plural_endings(word) for word in topic]

    def compute_matched_share(text: str) -> float:
        words = _strip_plural_endings(text)
        matched_weights = compress(weights, (not words.isdisjoint(word_forms) for word_forms in topic_words))
        return (sum(matched_weights) + EPSILON) / (sum(weights) + EPSILON)

    scored_articles = []
    for article in articles:
        lead = f"{article.title}\n{article.summary[:LEAD_LENGTH]}\n{article.body[:LEAD_LENGTH]}"
        share = compute_matched_share(lead)
        if share >= MIN_SHARE:
            relevance = (compute_matched_share(article.title) + share) / 2
            language_factor = 1.0 if article.language == language else OTHER_LANGUAGE_FACTOR
            scored_articles.append((article, relevance * language_factor))
    relevances = sorted((relevance for _article, relevance in scored_articles), reverse=True)
    min_relevance = min(relevances[:MIN_ARTICLES], default=0.0) - EPSILON
    return [(article, relevance) for article, relevance in scored_articles if relevance >= min_relevance]


def _strip_plural_endings(text: str) -> frozenset[str]:
    """Return the words, folded (no case or accents) and without the final letter of a plural.

    Stems would conflate different words, such as "loup" and "louper".
    """
    return frozenset(word.rstrip("sx") for word in text_analysis.tokenize(text))

"""Relevance of articles to a topic. The module runs in a worker process, so it imports little."""

from collections.abc import Sequence
from itertools import compress

from bot.core.models import Article
from bot.search.index import text_analysis

MIN_ARTICLES = 3
"""Minimum number of articles relevant to a topic; with fewer, less strict criteria of relevance are tried."""
LEAD_LENGTH = 400
"""Length in characters of the beginning of an article's summary, and of its text, that is searched for the topic.

Both beginnings together are the article's lead.
"""
MIN_MAJORITY_SHARE = 0.6
"""Minimum share of the weight of a topic's words that counts as most of the topic."""
MIN_PARTIAL_SHARE = 0.4
"""Minimum share of the weight of a topic's words in the title, by the least strict criterion of relevance.

An article about one of two things that the topic names, as in "Norway Sweden", reaches it.
"""
EPSILON = 1e-6
"""Tolerance for rounding errors when shares of a topic's weight are compared."""
LEAD_ONLY_FACTOR = 0.6
"""Factor on the relevance of an article that names the topic only in its lead, not in its title."""


def score_topic_relevance(
    articles: Sequence[Article], topic: Sequence[str], weights: Sequence[float]
) -> list[tuple[Article, float]]:
    """Return the articles that are about a topic, each with its relevance from 0 to 1.

    `weights` holds the inverse document frequency of each topic word. Four criteria are tried, until
    `MIN_ARTICLES` articles meet one of them: most of the topic is in the title and all in title or lead; all is in
    title or lead; most is in title or lead; a part is in the title. The topic word with the highest weight must always
    be there.
    """
    if not topic:
        return [(article, 1.0) for article in articles]
    total_weight, heaviest_word_index = sum(weights), max(range(len(topic)), key=lambda index: weights[index])

    topic_words = [_strip_plural_endings(word) for word in topic]

    def compute_matched_share(text: str) -> float:
        words = _strip_plural_endings(text)
        presence_flags = [not words.isdisjoint(word_forms) for word_forms in topic_words]
        if not presence_flags[heaviest_word_index]:
            return 0.0
        return sum(compress(weights, presence_flags)) / total_weight

    shares = [
        (
            compute_matched_share(article.title),
            compute_matched_share(f"{article.title}\n{article.summary[:LEAD_LENGTH]}\n{article.body[:LEAD_LENGTH]}"),
        )
        for article in articles
    ]
    best_scored_articles: list[tuple[Article, float]] = []
    for min_title_share, min_share in (
        (MIN_MAJORITY_SHARE, 1.0),
        (0.0, 1.0),
        (0.0, MIN_MAJORITY_SHARE),
        (MIN_PARTIAL_SHARE, MIN_PARTIAL_SHARE),
    ):
        scored_articles = [
            (article, title_or_lead_share * (1.0 if title_share >= MIN_MAJORITY_SHARE else LEAD_ONLY_FACTOR))
            for article, (title_share, title_or_lead_share) in zip(articles, shares, strict=True)
            if title_share >= min_title_share and title_or_lead_share >= min_share - EPSILON
        ]
        best_scored_articles = max(best_scored_articles, scored_articles, key=len)
        if len(best_scored_articles) >= MIN_ARTICLES:
            break
    return best_scored_articles


def _strip_plural_endings(text: str) -> frozenset[str]:
    """Return the words, folded (no case or accents) and without the final letter of a plural.

    Stems would conflate different words, such as "loup" and "louper".
    """
    return frozenset(word.rstrip("sx") for word in text_analysis.tokenize(text))

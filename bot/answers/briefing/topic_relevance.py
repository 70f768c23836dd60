"""Topic relevance of articles. It runs in a worker process, so it imports little."""

from collections.abc import Sequence

from bot.core.models import Article
from bot.search.index import text_analysis

MIN_ARTICLES = 3
"""Number of relevant articles from which on the criteria are not relaxed further."""
LEAD_LENGTH = 400
"""Length of the lead of an article's text, in characters."""
MIN_TITLE_SHARE = 0.6
"""Minimum share of the topic's weight in the title of an article about the topic."""
MIN_PARTIAL_SHARE = 0.4
"""Minimum share of the topic's weight in the last, most relaxed step: one of two things that were named."""
EPSILON = 1e-6
"""Tolerance for rounding errors when shares are compared."""
LEAD_ONLY_FACTOR = 0.6
"""Factor on the relevance of an article that has the topic only in its lead."""


def score_topic_relevance(
    articles: Sequence[Article], topic: Sequence[str], weights: Sequence[float]
) -> list[tuple[Article, float]]:
    """Return the articles that are about a topic, each with its relevance from 0 to 1.

    `weights` holds the IDF of each topic word. The criteria are relaxed in steps until `MIN_ARTICLES`
    articles meet them: most of the topic in the title and all in title or lead; all in title or lead; most of
    it; part of it. The heaviest word is always required.
    """
    if not topic:
        return [(article, 1.0) for article in articles]
    total_weight, heaviest_index = sum(weights), max(range(len(topic)), key=lambda index: weights[index])

    def share(terms: set[str], forms: Sequence[frozenset[str]]) -> float:
        is_present = [not terms.isdisjoint(word_forms) for word_forms in forms]
        return (
            sum(weight for weight, has_word in zip(weights, is_present, strict=True) if has_word)
            / total_weight
            if is_present[heaviest_index]
            else 0.0
        )

    word_shares, stem_shares = [], []
    topic_words = [_words_without_plural(word) for word in topic]
    for article in articles:
        language, title = article.language, article.title
        lead = f"{title}\n{article.summary[:LEAD_LENGTH]}\n{(article.body or '')[:LEAD_LENGTH]}"
        word_shares.append([share(set(_words_without_plural(text)), topic_words) for text in (title, lead)])
        stems = [frozenset(text_analysis.stem_tokens(word, language)) for word in topic]
        stem_shares.append(
            [share(set(text_analysis.stem_tokens(text, language)), stems) for text in (title, lead)]
        )
    best: list[tuple[Article, float]] = []
    for min_title_share, min_lead_share in (
        (MIN_TITLE_SHARE, 1.0),
        (0.0, 1.0),
        (0.0, MIN_TITLE_SHARE),
        (MIN_PARTIAL_SHARE, MIN_PARTIAL_SHARE),
    ):
        for shares in (word_shares, stem_shares):
            scored_articles = [
                (article, lead_share * (1.0 if title_share >= MIN_TITLE_SHARE else LEAD_ONLY_FACTOR))
                for article, (title_share, lead_share) in zip(articles, shares, strict=True)
                if title_share >= min_title_share and lead_share >= min_lead_share - EPSILON
            ]
            best = max(best, scored_articles, key=len)
            if len(best) >= MIN_ARTICLES:
                return best
    return best


def _words_without_plural(text: str) -> frozenset[str]:
    """Return the folded words without a plural's letter.

    Stems would conflate some words, as "loup" and "louper".
    """
    return frozenset(word.rstrip("sx") for word in text_analysis.tokenize(text))

"""Which articles are about a topic, and how much: read in a worker, so that little is imported here."""

from collections.abc import Sequence

from bot.core.models import Article
from bot.search.index import text_analysis

MIN_ARTICLES = 3
"""Articles that are enough not to ask for less of the topic."""
LEAD_LENGTH = 400  # characters of a text that tell what it is about
MIN_TITLE_SHARE = 0.6
"""The part of a topic, by what its words tell, that an article has in its title to be about it."""
MIN_PARTIAL_SHARE = 0.4
"""The same where nothing else is found: one of two things that were named."""
EPSILON = 1e-6
LEAD_ONLY_FACTOR = 0.6  # how much an article counts that has the topic in its lead alone


def score_topic_relevance(
    articles: Sequence[Article], topic: Sequence[str], weights: Sequence[float]
) -> list[tuple[Article, float]]:
    """Those of some articles that are about a topic, each with how much.

    They have all of it in title or lead, and most in the title where several do; where few have all of it,
    those with most of it stand beside them, what tells most of it among that.
    """
    if not topic:
        return [(article, 1.0) for article in articles]
    whole, most = sum(weights), max(range(len(topic)), key=lambda place: weights[place])

    def share(terms: set[str], forms: Sequence[frozenset[str]]) -> float:
        held = [not terms.isdisjoint(each) for each in forms]
        return sum(w for w, has in zip(weights, held, strict=True) if has) / whole if held[most] else 0.0

    as_written, by_stem = [], []
    written = [_as_written(word) for word in topic]
    for article in articles:
        language, title = article.language, article.title
        lead = f"{title}\n{article.summary[:LEAD_LENGTH]}\n{(article.body or '')[:LEAD_LENGTH]}"
        as_written.append([share(set(_as_written(text)), written) for text in (title, lead)])
        stems = [frozenset(text_analysis.stemmed_tokens(word, language)) for word in topic]
        by_stem.append(
            [share(set(text_analysis.stemmed_tokens(text, language)), stems) for text in (title, lead)]
        )
    best: list[tuple[Article, float]] = []
    for in_title, in_lead in (
        (MIN_TITLE_SHARE, 1.0),
        (0.0, 1.0),
        (0.0, MIN_TITLE_SHARE),
        (MIN_PARTIAL_SHARE, MIN_PARTIAL_SHARE),
    ):
        for shares in (as_written, by_stem):
            chosen = [
                (article, lead_share * (1.0 if title_share >= MIN_TITLE_SHARE else LEAD_ONLY_FACTOR))
                for article, (title_share, lead_share) in zip(articles, shares, strict=True)
                if title_share >= in_title and lead_share >= in_lead - EPSILON
            ]
            best = max(best, chosen, key=len)
            if len(best) >= MIN_ARTICLES:
                return best
    return best


def _as_written(text: str) -> frozenset[str]:
    """The words of a text but for a plural's letter: a stem may be that of another word (loup, louper)."""
    return frozenset(word.rstrip("sx") for word in text_analysis.tokens(text))

"""Which articles are about a topic, and how much: read in a worker, so that little is imported here."""

from collections.abc import Sequence

from bot.core.models import Article
from bot.search.index import analysis

ENOUGH = 3
"""Articles that are enough not to ask for less of the topic."""
LEAD = 400  # characters of a text that tell what it is about
MOST_OF_TOPIC = 0.6
"""The part of a topic, by what its words tell, that an article has in its title to be about it."""
A_PART = 0.4
"""The same where nothing else is found: one of two things that were named."""
ROUNDING = 1e-6
IN_LEAD = 0.6  # how much an article counts that has the topic in its lead alone


def about(
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
        lead = f"{title}\n{article.summary[:LEAD]}\n{(article.body or '')[:LEAD]}"
        as_written.append([share(set(_as_written(text)), written) for text in (title, lead)])
        stems = [frozenset(analysis.stems(word, language)) for word in topic]
        by_stem.append([share(set(analysis.stems(text, language)), stems) for text in (title, lead)])
    best: list[tuple[Article, float]] = []
    for in_title, in_lead in ((MOST_OF_TOPIC, 1.0), (0.0, 1.0), (0.0, MOST_OF_TOPIC), (A_PART, A_PART)):
        for shares in (as_written, by_stem):
            chosen = [
                (article, lead_share * (1.0 if title_share >= MOST_OF_TOPIC else IN_LEAD))
                for article, (title_share, lead_share) in zip(articles, shares, strict=True)
                if title_share >= in_title and lead_share >= in_lead - ROUNDING
            ]
            best = max(best, chosen, key=len)
            if len(best) >= ENOUGH:
                return best
    return best


def _as_written(text: str) -> frozenset[str]:
    """The words of a text but for a plural's letter: a stem may be that of another word (loup, louper)."""
    return frozenset(word.rstrip("sx") for word in analysis.words(text))

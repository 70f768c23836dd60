"""Release of articles that joined a post which will never name them: what is sent for them instead."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.outbox.routing import DigestRoute, PendingArticle, Route
from bot.core.reasons import WithheldReason


class JoinedArticle(NamedTuple):
    """An article that joined a post, and the reason to withhold it, or None if its channel still gets it."""

    article: PendingArticle
    withheld_reason: WithheldReason | None


class ReleasePlan(NamedTuple):
    """Plan for joined articles, by the keys of their pages: those to withhold, for a digest, and for a post.

    `first_article` gets a post of its own, which the articles of `remaining_page_keys` join. None: nothing is posted.
    """

    withheld_page_keys: dict[WithheldReason, list[str]]
    digest_page_keys: list[str]
    first_article: PendingArticle | None
    remaining_page_keys: list[str]


def plan_release(joined_articles: Sequence[JoinedArticle], route: Route) -> ReleasePlan:
    """Return what is done with the articles that joined a post, in a channel with the given route.

    Unless they wait for a digest, the oldest article that the channel still gets gets the post.
    """
    withheld_page_keys: dict[WithheldReason, list[str]] = {}
    for article, withheld_reason in joined_articles:
        if withheld_reason is not None:
            withheld_page_keys.setdefault(withheld_reason, []).append(article.page_key)
    articles = sorted(
        (article for article, withheld_reason in joined_articles if withheld_reason is None),
        key=lambda article: (article.published_at, article.article_id),
    )
    page_keys = [article.page_key for article in articles]
    if isinstance(route, DigestRoute):
        return ReleasePlan(withheld_page_keys, page_keys, None, [])
    return ReleasePlan(withheld_page_keys, [], articles[0] if articles else None, page_keys[1:])

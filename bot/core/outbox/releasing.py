"""Release of articles added to a post (joined) which will not name them after all: what is sent instead."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.outbox.routing import DigestRoute, PendingArticle, Route
from bot.core.reasons import WithheldReason


class JoinedArticle(NamedTuple):
    """An article added (joined) to the post of its story, and why not to post it, or None if it may be posted."""

    article: PendingArticle
    withheld_reason: WithheldReason | None


class ReleasePlan(NamedTuple):
    """Plan for articles that a post will not name after all: those to withhold, for a digest, and for a new post.

    Articles are given by the keys of their pages. `first_article` gets a post of its own, to which the articles of
    `remaining_page_keys` are added; None: nothing is posted.
    """

    withheld_page_keys: dict[WithheldReason, list[str]]
    digest_page_keys: list[str]
    first_article: PendingArticle | None
    remaining_page_keys: list[str]


def plan_release(joined_articles: Sequence[JoinedArticle], route: Route) -> ReleasePlan:
    """Return the plan for articles that a post will not name after all, in a channel with the given route.

    Unless the route is a digest, the oldest article that is not withheld gets a post of its own.
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

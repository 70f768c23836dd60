"""Gathering of posts: which waiting posts and new articles are sent as one catch-up message, and which singly."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.models import DispatchKind
from bot.core.outbox.routing import PendingArticle


class PendingDispatch(NamedTuple):
    """A dispatch (message to send) in a channel's queue, which is ordered by position and id.

    The position of a post is the publication time of its article. Times are Unix times in seconds.
    """

    id: int
    kind: str
    position: int
    due_at: int
    attempt_count: int = 0

    @property
    def is_untried_post(self) -> bool:
        """Whether this message is a post that nobody can have seen, because sending it was never tried."""
        return self.kind == DispatchKind.POST and not self.attempt_count


class GatheringPlan(NamedTuple):
    """Waiting posts and new articles to merge into one message (a catch-up), and articles that get a post each."""

    merged_post_ids: list[int]
    merged_articles: list[PendingArticle]
    single_articles: list[PendingArticle]


def plan_queue(
    pending_posts: Sequence[PendingDispatch], new_articles: Sequence[PendingArticle], *, max_single_posts: int
) -> GatheringPlan:
    """Return which posts and articles to merge into one message so that at most `max_single_posts` posts wait.

    The oldest are merged; a post that was tried before stays single.
    """
    tried_count = sum(1 for post in pending_posts if post.attempt_count)
    newest_id = max((post.id for post in pending_posts), default=0)
    entries: list[tuple[int, int, PendingArticle | None]] = [
        (post.position, post.id, None) for post in pending_posts if not post.attempt_count
    ]
    entries += [
        (article.published_at, newest_id + article_number, article)
        for article_number, article in enumerate(new_articles, 1)
    ]
    entries.sort(key=lambda entry: entry[:2])
    excess_count = max(len(entries) - max(max_single_posts - tried_count, 0), 0)
    excess_entries = entries[:excess_count]
    return GatheringPlan(
        [post_id for _position, post_id, article in excess_entries if article is None],
        [article for _position, _id, article in excess_entries if article is not None],
        [article for _position, _id, article in entries[excess_count:] if article is not None],
    )


def list_excess_post_ids(pending_dispatches: Sequence[PendingDispatch], *, allowed_count: int) -> list[int]:
    """Return the ids of the posts to merge into one message so that no more messages wait than may be sent now.

    `pending_dispatches` are the posts and catch-ups in the order of the queue. The oldest untried posts are
    merged; their catch-up counts as one dispatch. A single post stays as it is.
    """
    post_ids = [dispatch.id for dispatch in pending_dispatches if dispatch.is_untried_post]
    if len(pending_dispatches) <= allowed_count or len(pending_dispatches) == len(post_ids) == 1:
        return []
    tried_count = sum(1 for dispatch in pending_dispatches if dispatch.attempt_count)
    single_count = max(allowed_count - tried_count - 1, 0)
    return post_ids[: max(len(post_ids) - single_count, 0)]

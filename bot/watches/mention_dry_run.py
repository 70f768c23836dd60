"""Trial, before it is saved, of a rule by which posts that match a query mention a role, on recent posts."""

import asyncio
from collections import deque
from typing import NamedTuple

from bot.core.models import Article
from bot.core.preferences import MENTION_LIMIT_SECONDS, MentionRule
from bot.store import Store
from bot.store.records.outbox_records import SentPost
from bot.watches.subscription_filters import FilterEvaluator

DRY_RUN_DAYS = 30
"""Number of days whose posts a new mention rule (posts that match a query mention a role) is tried on."""
_MAX_POSTS = 2_000
"""Maximum number of posts, the newest, that a new rule to mention a role is tried on."""
_POSTS_PER_BATCH = 100
"""Number of posts whose articles are loaded and evaluated at once."""


class MatchingPost(NamedTuple):
    """The article of a post that a rule to mention a role matches, and whether the post would have mentioned it.

    It would not have if posts of the 24 hours before had mentioned the role as often as the rule allows.
    """

    article: Article
    is_mentioned: bool


class MentionDryRun(NamedTuple):
    """Trial of a rule to mention a role: the number of posts, and those that the rule matches, newest first."""

    post_count: int
    matching_posts: tuple[MatchingPost, ...]

    @property
    def mention_count(self) -> int:
        """Number of posts that would have mentioned the role."""
        return sum(post.is_mentioned for post in self.matching_posts)


async def dry_run_mentions(store: Store, channel_id: int, rule: MentionRule) -> MentionDryRun:
    """Evaluate a rule to mention a role on the posts of a channel in the last thirty days, without saving it.

    At most the newest `_MAX_POSTS` count, and it is not checked whether Telex may mention the role. Raises `StoreError`
    if the database failed.
    """
    since = store.clock.now() - DRY_RUN_DAYS * 86_400
    posts = await store.post_mentions.list_sent_posts(channel_id, since, _MAX_POSTS)
    recent_mention_times: deque[int] = deque()
    matching_posts: list[MatchingPost] = []
    posts.reverse()  # The limit applies from the oldest post on.
    for offset in range(0, len(posts), _POSTS_PER_BATCH):
        batch_posts = posts[offset : offset + _POSTS_PER_BATCH]
        for article, sent_at in await _match_posts(store, batch_posts, rule.query):
            while recent_mention_times and recent_mention_times[0] <= sent_at - MENTION_LIMIT_SECONDS:
                recent_mention_times.popleft()
            is_mentioned = len(recent_mention_times) < rule.daily_limit
            if is_mentioned:
                recent_mention_times.append(sent_at)
            matching_posts.append(MatchingPost(article, is_mentioned))
    return MentionDryRun(len(posts), tuple(reversed(matching_posts)))


async def _match_posts(store: Store, posts: list[SentPost], query: str) -> list[tuple[Article, int]]:
    """Return the articles of posts that match a query, in the order of the posts, with the times of the posts."""
    articles = await store.articles.list_by_ids([post.article_id for post in posts])
    evaluator = FilterEvaluator(articles, store.clock.now())
    await asyncio.to_thread(evaluator.evaluate_all, [query])
    article_by_id = {article.id: article for article in articles if evaluator.is_match(article.key, query)}
    return [(article_by_id[post.article_id], post.sent_at) for post in posts if post.article_id in article_by_id]

"""Scores of a server's feeds: how much of what they post is saved or liked, and which need a manager's decision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import median

from bot.core.models import Feed, Subscription
from bot.store.records.people_records import FeedReactionCounts

NEW_FEED_SECONDS = 30 * 86_400
"""Seconds for which a channel must have followed a feed before the feed is judged."""
MAX_POSTS_WITHOUT_DECISION = 20
"""Maximum number of posts of a feed up to which its share of kept posts (saved or liked) is not judged."""
MAX_SHARE_OF_MEDIAN = 0.2
"""Share of posts saved or liked, relative to the median feed, below which a manager should decide on a feed."""
MIN_MUTES_TO_DECIDE = 3
"""Minimum number of mutes of a feed's stories at which a manager should decide whether to keep the feed."""


class Verdict(Enum):
    """Judgement on a feed: whether a manager should act on it, leave it alone, or wait."""

    DECIDE = auto()
    EARNS_PLACE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class ScoredFeed:
    """Feed in a channel with its posts there, people's reactions to all its posts, and the judgement on it."""

    subscription: Subscription
    feed: Feed
    counts: FeedReactionCounts
    verdict: Verdict
    is_new: bool

    @property
    def post_count(self) -> int:
        """Return the number of posts in the channel."""
        return self.counts.post_count_by_channel.get(self.subscription.channel_id, 0)

    @property
    def kept_share(self) -> float:
        """Return the share of the feed's posts that people kept (saved or liked), from 0 to 1."""
        return compute_kept_share(self.counts)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Scores of a server's feeds in a period between two Unix times in seconds.

    First come the feeds that need a manager's decision, most posts first, then those that earn their place, by their
    share of kept posts, then those that cannot be judged, most posts first.
    """

    since: int
    until: int
    scored_feeds: tuple[ScoredFeed, ...]

    @property
    def total_posts(self) -> int:
        """Return the number of posts of all feeds."""
        return sum(scored_feed.post_count for scored_feed in self.scored_feeds)

    @property
    def feeds_to_decide_on(self) -> list[ScoredFeed]:
        """Return the feeds about which a manager should decide, the one with most posts first."""
        return [scored_feed for scored_feed in self.scored_feeds if scored_feed.verdict is Verdict.DECIDE]

    @property
    def repeated_feed_ids(self) -> set[int]:
        """Return the ids of feeds that several channels follow."""
        feed_ids = [scored_feed.feed.id for scored_feed in self.scored_feeds]
        return {feed_id for feed_id in feed_ids if feed_ids.count(feed_id) > 1}


def score_feeds(
    followed_feeds: Collection[tuple[Subscription, Feed]],
    reaction_counts: Sequence[FeedReactionCounts],
    *,
    since: int,
    until: int,
) -> Scorecard:
    """Return the scorecard of followed feeds for the period between two Unix times in seconds."""
    counts_by_feed = {counts.feed_id: counts for counts in reaction_counts}
    new_since = until - NEW_FEED_SECONDS
    median_share = compute_median_share(
        [
            counts_by_feed[subscription.feed_id]
            for subscription, _feed in followed_feeds
            if subscription.added_at <= new_since and subscription.feed_id in counts_by_feed
        ]
    )
    scored_feeds = []
    for subscription, feed in followed_feeds:
        counts = counts_by_feed.get(feed.id, FeedReactionCounts(feed.id))
        is_new = subscription.added_at > new_since
        verdict = judge_feed(
            counts,
            counts.post_count_by_channel.get(subscription.channel_id, 0),
            median_share,
            is_unsettled=is_new or subscription.paused_at is not None,
        )
        scored_feeds.append(ScoredFeed(subscription, feed, counts, verdict, is_new))
    return Scorecard(since, until, tuple(sorted(scored_feeds, key=_sort_key)))


def compute_kept_share(counts: FeedReactionCounts) -> float:
    """Return the share of a feed's posts that were saved or liked, from 0 to 1.

    Reactions count when they were made, so that a feed can have more kept posts than new ones.
    """
    return min(1.0, len(counts.kept_article_ids) / counts.article_count) if counts.article_count else 0.0


def compute_median_share(reaction_counts: Sequence[FeedReactionCounts]) -> float:
    """Return the median share of posts saved or liked among the feeds that had posts; 0 if none had."""
    return median([compute_kept_share(counts) for counts in reaction_counts if counts.article_count] or [0.0])


def judge_feed(counts: FeedReactionCounts, post_count: int, median_share: float, *, is_unsettled: bool) -> Verdict:
    """Return the judgement on a feed with `post_count` posts in a channel.

    `median_share` is the median share of posts saved or liked of the feeds that are not new. A feed that is new or
    paused is unsettled.
    """
    if is_unsettled:
        return Verdict.UNKNOWN
    kept_share = compute_kept_share(counts)
    is_rarely_kept = post_count > MAX_POSTS_WITHOUT_DECISION and kept_share < median_share * MAX_SHARE_OF_MEDIAN
    if counts.mute_count >= MIN_MUTES_TO_DECIDE or is_rarely_kept:
        return Verdict.DECIDE
    return Verdict.EARNS_PLACE if kept_share else Verdict.UNKNOWN


def _sort_key(scored_feed: ScoredFeed) -> tuple[int, float, int, str]:
    share = scored_feed.kept_share if scored_feed.verdict is Verdict.EARNS_PLACE else 0.0
    return (scored_feed.verdict.value, -share, -scored_feed.post_count, scored_feed.feed.title.casefold())

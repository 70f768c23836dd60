"""Scores of feeds, and the replay of daily selections."""

from __future__ import annotations

from bot.store.records.people_records import ChannelPost, FeedReactionCounts
from bot.stories.feed_scores import Verdict, compute_kept_share, compute_median_share, judge_feed
from bot.stories.story_ranking import replay_daily_selections
from tests.support.cases import check_cases

DAY, HOUR = 86_400, 3_600


def make_counts(article_count: int, kept_count: int = 0, mute_count: int = 0) -> FeedReactionCounts:
    return FeedReactionCounts(
        2, article_count, {1: article_count}, mute_count=mute_count, kept_article_ids=frozenset(range(kept_count))
    )


def test_feed_without_posts_does_not_affect_median():
    counts = [make_counts(10, kept_count) for kept_count in (2, 4, 6)]
    assert compute_median_share([*counts, make_counts(0)]) == 0.4
    assert compute_median_share([]) == 0


def test_kept_share_is_at_most_one():
    assert compute_kept_share(make_counts(3, 5)) == 1


@check_cases(
    ("counts", "median_share", "verdict"),
    [
        (make_counts(21), 0.4, Verdict.DECIDE),
        (make_counts(20), 0.4, Verdict.UNKNOWN),
        (make_counts(21), 0.0, Verdict.UNKNOWN),
        (make_counts(100, 7), 0.4, Verdict.DECIDE),
        (make_counts(100, 9), 0.4, Verdict.EARNS_PLACE),
        (make_counts(1, 1, mute_count=3), 0.4, Verdict.DECIDE),
        (make_counts(1, 1, mute_count=2), 0.4, Verdict.EARNS_PLACE),
    ],
)
def test_verdict_needs_many_posts_and_low_share_or_three_mutes(counts, median_share, verdict):
    assert judge_feed(counts, counts.article_count, median_share, is_unsettled=False) is verdict
    assert judge_feed(counts, counts.article_count, median_share, is_unsettled=True) is Verdict.UNKNOWN


def test_daily_selection_replay_picks_widest_stories():
    since = 1_780_012_800  # midnight in UTC
    busy_day = [
        ChannelPost(1, 5, since + 7 * HOUR + minute, since + 7 * HOUR + minute, outlet_count=3 if minute < 3 else 1)
        for minute in range(60)
    ]
    quiet_day = [ChannelPost(1, 6, since + 3 * DAY, since + 3 * DAY, outlet_count=1)]
    selected_posts = replay_daily_selections(
        [*quiet_day, *busy_day], 5, since=since, until=since + 5 * DAY, zone_name="UTC"
    )
    # Stories are eligible for a day: five of the busy one's selections, and the first of the next morning.
    assert [post.feed_id for post in selected_posts] == [5] * 5 + [6]
    assert busy_day[:3] == selected_posts[:3]
    assert replay_daily_selections([], 5, since=since, until=since + DAY, zone_name="UTC") == []

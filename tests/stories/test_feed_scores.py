"""Scores of feeds: what few people did is in no number, and who is judged by what."""

from __future__ import annotations

import pytest

from bot.store.records.people_records import FeedReactionCounts, ReactionCount
from bot.stories.feed_scores import FeedScore, Verdict, VisibleCount, compute_median_share, judge_feed, score_feed

NOBODY = ReactionCount()


def make_score(
    post_count: int,
    saves: ReactionCount = NOBODY,
    likes: ReactionCount = NOBODY,
    *,
    kept_count: int = 0,
    muter_count: int = 0,
) -> FeedScore:
    counts = FeedReactionCounts(1, 2, post_count, saves, likes, NOBODY, kept_count=kept_count, muter_count=muter_count)
    return score_feed(counts)


def test_both_kinds_are_shown_and_a_post_of_both_counts_once():
    score = make_score(100, ReactionCount(6, 3, 5), ReactionCount(4, 4, 4), kept_count=7)
    assert (score.saves, score.likes, score.kept_count) == (VisibleCount(6), VisibleCount(4), 7)
    assert not score.has_hidden_keeps


def test_a_hidden_kind_is_in_no_number_not_even_where_the_other_is_shown():
    """Otherwise the difference would tell what is hidden."""
    for hidden_likes in (ReactionCount(1, 1, 1), ReactionCount(9, 2, 9)):
        score = make_score(100, ReactionCount(4, 3, 4), hidden_likes, kept_count=4 + hidden_likes.post_count)
        assert (score.likes, score.kept_count, score.has_hidden_keeps) == (VisibleCount(None), 4, True)
    assert make_score(100, ReactionCount(9, 2, 9), kept_count=9).kept_count == 0
    assert make_score(100, muter_count=2).muters == VisibleCount(None)


def test_a_feed_that_posted_nothing_does_not_move_the_median():
    shares = [make_score(10, ReactionCount(kept, 3, kept), kept_count=kept) for kept in (2, 4, 6)]
    assert compute_median_share([*shares, make_score(0)]) == 0.4
    assert compute_median_share([]) == 0


@pytest.mark.parametrize(
    ("score", "median_share", "verdict"),
    [
        (make_score(21), 0.4, Verdict.DECIDE),
        (make_score(20), 0.4, Verdict.UNKNOWN),
        (make_score(21), 0.0, Verdict.UNKNOWN),
        (make_score(100, ReactionCount(7, 3, 7), kept_count=7), 0.4, Verdict.DECIDE),
        (make_score(100, ReactionCount(9, 3, 9), kept_count=9), 0.4, Verdict.EARNS_PLACE),
        (make_score(100, ReactionCount(9, 2, 9), kept_count=9), 0.4, Verdict.DECIDE),
        (make_score(1, ReactionCount(3, 3, 1), kept_count=1, muter_count=3), 0.4, Verdict.DECIDE),
        (make_score(1, ReactionCount(3, 3, 1), kept_count=1, muter_count=2), 0.4, Verdict.EARNS_PLACE),
    ],
)
def test_the_verdict_needs_many_posts_and_a_low_share_or_three_who_muted(score, median_share, verdict):
    assert judge_feed(score, median_share, is_new=False, is_paused=False) is verdict
    assert judge_feed(score, median_share, is_new=True, is_paused=False) is Verdict.UNKNOWN
    assert judge_feed(score, median_share, is_new=False, is_paused=True) is Verdict.UNKNOWN

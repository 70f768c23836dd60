"""Rules of the outbox: routes, catch-ups and releases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outbox.gathering import PendingDispatch, list_excess_post_ids, plan_queue
from bot.core.outbox.releasing import JoinedArticle, plan_release
from bot.core.outbox.routing import ChannelRouting, DigestRoute, HoldRoute, PendingArticle, PostRoute, choose_route
from bot.core.preferences import MAX_OUTLETS_WAIT_SECONDS, TOP_STORY_WINDOW_SECONDS
from bot.core.reasons import WithheldReason
from tests.support.cases import check_cases

DAY, NOW = 86_400, 1_000_000
DISPATCHES = st.lists(
    st.tuples(st.sampled_from(["post", "catch-up"]), st.integers(0, 5), st.integers(0, 1)), max_size=8
).map(
    lambda rows: sorted(
        (PendingDispatch(id_, kind, position, 0, attempts) for id_, (kind, position, attempts) in enumerate(rows)),
        key=lambda dispatch: (dispatch.position, dispatch.id),
    )
)
ARTICLES = st.lists(st.integers(0, 5), max_size=6).map(
    lambda times: [PendingArticle(id_, f"key {id_}", f"page {id_}", at) for id_, at in enumerate(times)]
)


@check_cases(
    ("routing", "expected"),
    [
        (ChannelRouting(False, None, None), PostRoute()),
        (ChannelRouting(False, 3, None), HoldRoute(NOW + MAX_OUTLETS_WAIT_SECONDS)),
        (ChannelRouting(False, None, 5), HoldRoute(NOW + TOP_STORY_WINDOW_SECONDS)),
        (ChannelRouting(False, 3, 5), HoldRoute(NOW + MAX_OUTLETS_WAIT_SECONDS)),
        (ChannelRouting(True, 3, 5), DigestRoute()),
        (ChannelRouting(True, None, None), DigestRoute()),
    ],
)
def test_digest_route_precedes_holding_and_posting(routing, expected):
    assert choose_route(routing, NOW) == expected


@given(dispatches=DISPATCHES, articles=ARTICLES, limit=st.integers(0, 9))
def test_oldest_entries_beyond_limit_are_merged_without_loss(dispatches, articles, limit):
    posts = [dispatch for dispatch in dispatches if dispatch.kind == "post"]
    plan = plan_queue(posts, articles, max_single_posts=limit)
    assert sorted([*plan.merged_articles, *plan.single_articles]) == articles
    merged_posts = [post for post in posts if post.id in plan.merged_post_ids]
    assert not any(post.attempt_count for post in merged_posts)
    untried = [post for post in posts if not post.attempt_count and post not in merged_posts]
    free = max(limit - (len(posts) - len(untried) - len(merged_posts)), 0)
    entry_count = len(untried) + len(merged_posts) + len(articles)
    assert len(untried) + len(plan.single_articles) == min(free, entry_count)
    merged_times = [post.position for post in merged_posts] + [entry.published_at for entry in plan.merged_articles]
    single_times = [post.position for post in untried] + [entry.published_at for entry in plan.single_articles]
    assert max(merged_times, default=0) <= min(single_times, default=DAY)


@given(dispatches=DISPATCHES, allowed=st.integers(-2, 9))
def test_excess_posts_are_merged_to_allowed_count(dispatches, allowed):
    merged_ids = list_excess_post_ids(dispatches, allowed_count=allowed)
    untried_ids = [dispatch.id for dispatch in dispatches if dispatch.is_untried_post]
    assert merged_ids == untried_ids[: len(merged_ids)]
    if len(dispatches) <= allowed:
        assert not merged_ids
    elif merged_ids:
        retried_count = sum(bool(dispatch.attempt_count) for dispatch in dispatches)
        single_count = len(untried_ids) - len(merged_ids)
        assert single_count == min(max(allowed - retried_count - 1, 0), len(untried_ids))


@pytest.mark.parametrize("channel_route", [PostRoute(), HoldRoute(NOW), DigestRoute()])
@given(articles=ARTICLES, ended_states=st.lists(st.sampled_from([None, WithheldReason.PAUSED]), min_size=6, max_size=6))
def test_each_joined_article_is_released_once_and_oldest_leads(channel_route, articles, ended_states):
    joined = [JoinedArticle(*pair) for pair in zip(articles, ended_states, strict=False)]
    release = plan_release(joined, channel_route)
    withheld = [article.page_key for article, reason in joined if reason]
    assert release.withheld_page_keys == ({WithheldReason.PAUSED: withheld} if withheld else {})
    expected_articles = [article for article, reason in joined if not reason]
    wanted_keys = {article.page_key for article in expected_articles}
    if isinstance(channel_route, DigestRoute):
        assert set(release.digest_page_keys) == wanted_keys
        assert release.first_article is None
        assert not release.remaining_page_keys
    else:
        assert not release.digest_page_keys
        oldest = min(expected_articles, key=lambda article: (article.published_at, article.article_id), default=None)
        assert release.first_article == oldest
        assert set(release.remaining_page_keys) == wanted_keys - ({oldest.page_key} if oldest else set())

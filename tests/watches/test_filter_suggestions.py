"""The filter that a scorecard suggests for a feed."""

from __future__ import annotations

from bot.store.records.people_records import PostedTitle
from bot.watches.filter_suggestions import FilterSuggestion, suggest_filter
from tests.support.posted_feeds import PostHistory
from tests.support.samples import CHANNEL, SERVER


async def list_posts(store, titles: list[str]) -> list[PostedTitle]:
    history = PostHistory(store, SERVER)
    feed = await history.add_feed("Daily", CHANNEL, titles)
    return await store.feed_reactions.list_posts(channel_id=CHANNEL, feed_id=feed.id, since=0, limit=100)


async def test_most_frequent_word_without_kept_articles_is_suggested(store):
    posts = await list_posts(
        store, ["Deals of the week", "Best deal yet", "One more deal", "Chip makers merge", "Chip shortage ends"]
    )
    protected_article_ids = [posts[3].article_id]
    assert await suggest_filter(store, posts, protected_article_ids) == FilterSuggestion("deal", 5, 3)
    assert await suggest_filter(store, posts, [post.article_id for post in posts]) is None


async def test_word_of_nearly_all_or_no_posts_is_not_suggested(store):
    posts = await list_posts(store, [f"Deal {number}" for number in range(20)])
    assert await suggest_filter(store, posts, []) is None
    assert await suggest_filter(store, [], []) is None
    several_posts = await list_posts(store, [f"{letter * 5} news" for letter in "abcdefghij"])
    assert await suggest_filter(store, several_posts, [several_posts[0].article_id]) is None

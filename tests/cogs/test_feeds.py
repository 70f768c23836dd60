"""/feed: who may use it, what it finds, what it says."""

from __future__ import annotations

from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss

NOW = 1_780_000_000


async def test_a_feed_is_shown_before_it_is_followed_and_its_newest_article_posted(
    telex: World, feed_server: FeedServer
) -> None:
    url = feed_server.serve("/rss", rss(item(2, published=NOW - 60), item(1, published=NOW - 90)))
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert shown.response is not None
    assert shown.response.ephemeral
    assert "Example News" in shown.response.content
    assert shown.response.embeds[0].title == "Article 2"
    assert await telex.store.subscriptions.in_server(telex.guild.id) == []
    done = await telex.editor.click(shown.response, label="Follow")
    await telex.deliver()
    assert [post.embeds[0].title for post in telex.posts()] == ["Article 2"]
    print(done.response, shown.response.content)

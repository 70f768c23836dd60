"""A search index that is damaged while the bot runs."""

from __future__ import annotations

from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import read_reply_text
from tests.support.search.damage import corrupt_index


async def test_articles_are_posted_though_index_is_damaged(telex, feed_server):
    address = feed_server.serve("/", make_rss(make_rss_item(1)), etag=False)
    feed = await telex.follow(address)
    await telex.poll_and_deliver(feed)
    index = telex.newsroom.index
    await index.catch_up()
    damaged = index.engine
    corrupt_index(damaged)
    post_count_before = len(telex.posts())
    feed_server.serve("/", make_rss(*(make_rss_item(number) for number in range(1, 6))), etag=False)
    telex.clock.advance(3_600)
    report = await telex.poll(feed)
    assert report.error_code is None
    assert report.new_count == 4
    await telex.deliver()
    assert len(telex.posts()) == post_count_before + 4

    await index.catch_up()
    assert index.engine is not damaged
    assert index.engine.document_count == 5


async def test_commands_reply_and_damaged_index_is_rebuilt(telex, feed_server):
    address = feed_server.serve("/", make_rss(*(make_rss_item(number) for number in range(1, 4))), etag=False)
    feed = await telex.follow(address)
    await telex.poll_and_deliver(feed)
    index = telex.newsroom.index
    await index.catch_up()
    corrupt_index(index.engine)
    for command, options in (
        ("feed refresh", {"feed": str(feed.id)}),
        ("ask", {"question": "Who opened the museum in Lyon?"}),
        ("search", {"query": "museum"}),
    ):
        answer = read_reply_text(await telex.run_as_editor(command, **options))
        assert answer
        assert "Something went wrong" not in answer
    await index.catch_up()
    assert index.engine.document_count == 3

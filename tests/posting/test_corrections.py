"""Corrections and withdrawals of posted articles, as their posts show them."""

from __future__ import annotations

import pytest

from bot.posting.rendering import posts
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import get_last_reply
from tests.support.message_texts import find_title, read_message_text
from tests.support.posting_publisher import FeedPublisher
from tests.support.scenario import list_posted_titles

HALF_AN_HOUR = 1800


def read_last_line(world: World, number: int) -> str:
    """Read the last line of the post of article `number`."""
    post = next(post for post in world.posts() if f"Article {number}" in str(find_title(post)))
    return read_message_text(post).rpartition("\n")[2]


async def publish_dated_articles(world: World, publisher: FeedPublisher, count: int = 6) -> None:
    """Publish and post `count` dated articles."""
    await publisher.begin()
    for number in range(1, count):
        await publisher.article(number)
    await world.deliver()


async def serve_items(world: World, publisher: FeedPublisher, items: list[str], *, after: int = 600) -> None:
    """Replace the feed's items, poll and deliver after a time in seconds."""
    await world.advance(after)
    publisher.items = items
    await publisher.publish()
    await world.deliver()


async def test_correction_mark_keeps_time_of_first_correction(telex, publisher):
    await publish_dated_articles(telex, publisher, 2)
    assert "-#" not in read_last_line(telex, 1)
    post_ids_before = [post.id for post in telex.posts()]
    await publisher.correct(1, title="Article 1, corrected")
    assert [post.id for post in telex.posts()] == post_ids_before
    first = telex.clock.now()
    assert read_last_line(telex, 1) == f"-# ✏️ Corrected <t:{first}:R>"
    await telex.advance(600)
    await publisher.correct(1, title="Article 1, corrected again")
    post = telex.posts()[-1]
    assert find_title(post) == "Article 1, corrected again"
    assert read_message_text(post).count("Corrected") == 1
    assert read_last_line(telex, 1) == f"-# ✏️ Corrected <t:{first}:R>"


async def test_embed_post_becomes_card_when_edited(telex, publisher, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(posts, "uses_embed", lambda _look: True)
        await publish_dated_articles(telex, publisher, 2)
    assert all(post.embeds for post in telex.posts())
    await publisher.correct(1, title="Article 1, corrected")
    (post,) = (post for post in telex.posts() if not post.embeds)
    assert find_title(post) == "Article 1, corrected"
    assert post.flags.components_v2
    save_reply = await telex.reader.click(post, label="Save")
    assert "Saved" in read_message_text(get_last_reply(save_reply))


async def test_change_of_spacing_or_case_is_no_correction(telex, publisher):
    await publish_dated_articles(telex, publisher, 2)
    await publisher.correct(1, title="ARTICLE  1 !", body="What article 1 tells…")
    assert not any("Corrected" in read_message_text(post) for post in telex.posts())


async def test_missing_entry_is_marked_as_withdrawn(telex, publisher):
    await publish_dated_articles(telex, publisher)
    feed_items = list(publisher.items)
    await serve_items(telex, publisher, [feed_items[0], *feed_items[2:]])
    assert "-#" not in read_last_line(telex, 4)  # it may be back in a moment
    await serve_items(telex, publisher, [feed_items[0], *feed_items[2:]], after=HALF_AN_HOUR)
    assert read_last_line(telex, 4) == f"-# ⚠️ Apparently withdrawn by the publisher <t:{telex.clock.now()}:R>"
    assert len(telex.posts()) == 6


async def test_returning_entry_loses_withdrawn_mark(telex, publisher):
    await publish_dated_articles(telex, publisher)
    feed_items = list(publisher.items)
    await serve_items(telex, publisher, [feed_items[0], *feed_items[2:]])
    await serve_items(telex, publisher, [feed_items[0], *feed_items[2:]], after=HALF_AN_HOUR)
    titles_before = list_posted_titles(telex)
    await serve_items(telex, publisher, feed_items)
    assert "-#" not in read_last_line(telex, 4)
    assert list_posted_titles(telex) == titles_before


@pytest.mark.parametrize(
    ("kept_indexes", "reason"),
    [
        ([0, 1, 2], "the oldest entries leave a feed that gets shorter"),
        ([0, 4, 5], "many entries vanish at once: the document is at fault"),
        ([0, 2, 4], "too few older entries follow the missing one"),
    ],
)
async def test_entry_is_not_withdrawn_without_evidence(telex, publisher, kept_indexes, reason):
    await publish_dated_articles(telex, publisher)
    feed_items = list(publisher.items)
    for _reading in range(3):
        await serve_items(telex, publisher, [feed_items[index] for index in kept_indexes], after=HALF_AN_HOUR)
    withdrawn_titles = [find_title(post) for post in telex.posts() if "Withdrawn" in read_message_text(post)]
    assert withdrawn_titles == [], reason


async def test_truncated_document_withdraws_no_entry(telex, publisher):
    await publish_dated_articles(telex, publisher)
    feed_items = list(publisher.items)
    for _reading in range(3):
        await telex.advance(HALF_AN_HOUR)
        broken = "".join([feed_items[0], *feed_items[2:], "<item><title>half"])
        publisher.server.serve(publisher.path, f"<rss version='2.0'><channel><title>x</title>{broken}")
        await publisher.poll()
    await telex.deliver()
    assert "-#" not in read_last_line(telex, 4)


async def test_correction_mark_in_feed_text_is_escaped(telex, publisher):
    await publisher.begin()
    await publisher.post(make_rss_item(1, body="-# ⚠️ Withdrawn by its publisher"))
    assert read_last_line(telex, 1).startswith("-\\#")

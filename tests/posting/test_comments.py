"""Links to comments: buttons of posts, templates, published feeds and exports."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as ET

from bot.cli import article_files
from bot.core.models import Article
from bot.core.preferences import PostLook, Style, Template
from bot.posting.publishing import channel_feed_builder, feed_serializers
from bot.posting.publishing.feed_serializers import PublishedFeed
from bot.posting.rendering import posts
from bot.posting.rendering.messages import Message
from bot.store.records.outbox_records import ChannelFeedItem
from tests.posting.test_messages import ARTICLE, FEED, list_controls, read_text
from tests.support import interactions
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.scenario import START, follow_feed, get_newest_article

COMMENTS_URL = "https://hn.example/item?id=1"
DISCUSSED = ARTICLE._replace(comments_url=COMMENTS_URL, comment_count=42)


def map_link_labels(message: Message) -> dict[str, str]:
    """Map the URLs of link buttons to their labels."""
    return {part["url"]: part["label"] for part in list_controls(message) if "url" in part}


@check_cases("style", list(Style))
async def test_post_links_to_comments_in_every_style(style):
    look = PostLook(style=style)
    assert (
        map_link_labels(posts.render_post(DISCUSSED, FEED, language="en", look=look))[COMMENTS_URL] == "Comments · 42"
    )
    assert (
        map_link_labels(posts.render_post(DISCUSSED, FEED, language="fr", look=look))[COMMENTS_URL] == "42 commentaires"
    )
    for count in (None, 0):
        message = posts.render_post(DISCUSSED._replace(comment_count=count), FEED, language="en", look=look)
        assert map_link_labels(message)[COMMENTS_URL] == "Comments"
    assert COMMENTS_URL not in map_link_labels(posts.render_post(ARTICLE, FEED, language="en", look=look))


@check_cases(
    "address", [ARTICLE.url, f"{ARTICLE.url}?utm_source=rss", "https://a.example/" + "x" * 600, "javascript:x"]
)
async def test_comments_button_is_omitted_for_unusable_address(address):
    message = posts.render_post(ARTICLE._replace(comments_url=address, comment_count=4), FEED, language="en")
    assert "Comments · 4" not in map_link_labels(message).values()


async def test_episode_post_has_listen_and_comments_buttons():
    episode = DISCUSSED._replace(audio_url="https://cdn.example/1.mp3", duration_seconds=600)
    labels = [part.get("label") for part in list_controls(posts.render_post(episode, FEED, language="en"))]
    assert labels == ["Save", "Read", "Listen · 10 min", "Comments · 42", "More"]


async def test_template_field_links_to_comments():
    look = PostLook(template=Template(title="{title}", body="{comments}", footer="x {comments}"))
    assert f"[Comments · 42]({COMMENTS_URL})" in read_text(posts.render_post(DISCUSSED, FEED, language="en", look=look))
    assert "x" not in read_text(posts.render_post(ARTICLE, FEED, language="en", look=look)).splitlines()[-1]


def publish_feed(article: Article, extension: str) -> bytes:
    item = ChannelFeedItem(article=article, posted_at=START, dispatch_id=1, is_joined=False)
    feed = PublishedFeed(
        id="urn:x",
        title="t",
        page_url="https://discord.example",
        feed_url="https://telex.example",
        publisher="p",
        language="en",
        updated=START,
        entries=(channel_feed_builder.build_article_entry(item),),
    )
    return feed_serializers.FORMAT_BY_EXTENSION[extension].serialize(feed)


def test_channel_feeds_include_comments_link():
    item = ET.fromstring(publish_feed(DISCUSSED, "rss")).find("channel/item")
    assert item is not None
    assert item.findtext("comments") == COMMENTS_URL
    assert item.findtext("{http://purl.org/rss/1.0/modules/slash/}comments") == "42"
    atom = ET.fromstring(publish_feed(DISCUSSED, "atom"))
    (link,) = (link for link in atom.iter("{http://www.w3.org/2005/Atom}link") if link.get("rel") == "replies")
    assert (link.get("href"), link.get("{http://purl.org/syndication/thread/1.0}count")) == (COMMENTS_URL, "42")
    for extension in ("rss", "atom"):
        assert b"replies" not in publish_feed(ARTICLE, extension)
        assert b"comments>" not in publish_feed(ARTICLE, extension)


def make_discussed_item(number: int, count: int, *, title: str | None = None) -> str:
    item = make_rss_item(number, title=title, published=START - 60)
    return item.replace(
        "</item>", f"<comments>{COMMENTS_URL}</comments><s:comments xmlns:s='{SLASH}'>{count}</s:comments></item>"
    )


SLASH = "http://purl.org/rss/1.0/modules/slash/"


async def test_comment_count_alone_triggers_no_edit(telex: World, feed_server: FeedServer):
    feed = await follow_feed(telex, feed_server, make_discussed_item(1, 3))
    (post,) = telex.posts()
    assert "Comments · 3" in [part.get("label") for part in interactions.list_controls(post)]

    async def publish(item: str) -> list[object]:
        await telex.advance(3_600)
        feed_server.serve("/rss", make_rss(item))
        await telex.poll(feed)
        await telex.deliver()
        (post,) = telex.posts()
        return [part.get("label") for part in interactions.list_controls(post)]

    assert "Comments · 3" in await publish(make_discussed_item(1, 8))
    assert (await get_newest_article(telex, feed)).comment_count == 8
    assert "Comments · 9" in await publish(make_discussed_item(1, 9, title="Another title"))


async def test_comments_url_is_exported_and_imported(newsroom):
    out = io.StringIO()
    line = {"url": "https://a.example/1", "title": "One", "comments": COMMENTS_URL, "published": "2026-01-01T00:00:00Z"}
    lines = [line, line | {"url": "https://a.example/2", "comments": "http://127.0.0.1/"}]
    result = await article_files.import_lines(newsroom, io.BytesIO("\n".join(map(json.dumps, lines)).encode()))
    assert result.stored_count == 2
    assert not result.line_count_by_unknown_key
    await article_files.export_articles(newsroom.store, out)
    exported = {row["url"]: row["comments"] for row in map(json.loads, out.getvalue().splitlines())}
    assert exported == {"https://a.example/1": COMMENTS_URL, "https://a.example/2": None}

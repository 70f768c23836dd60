"""Feeds of pages at well-known sites."""

from bot.feeds import known_sites
from bot.feeds.discover import discover_feeds
from bot.feeds.known_sites import SiteFeed
from bot.feeds.pages.page_links import DiscoveredFeed, find_feed_links
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item

CHANNEL = "UCabcdefghijklmnopqrstuv"
VIDEOS = "https://www.youtube.com/feeds/videos.xml"


@check_cases(
    ("address", "feed"),
    [
        (f"https://www.youtube.com/channel/{CHANNEL}", f"{VIDEOS}?channel_id={CHANNEL}"),
        (f"https://m.youtube.com/channel/{CHANNEL}/videos", f"{VIDEOS}?channel_id={CHANNEL}"),
        ("https://youtube.com/playlist?list=PL-x_1&si=a", f"{VIDEOS}?playlist_id=PL-x_1"),
        ("https://github.com/python/cpython/releases", "https://github.com/python/cpython/releases.atom"),
        ("https://github.com/a/b/releases/tag/v1", "https://github.com/a/b/releases.atom"),
        ("https://github.com/a/b/tags", "https://github.com/a/b/tags.atom"),
        ("https://github.com/a/b/tree/feature/x", "https://github.com/a/b/commits/feature/x.atom"),
        ("https://github.com/a/b/commits", "https://github.com/a/b/commits.atom"),
        ("https://github.com/torvalds", "https://github.com/torvalds.atom"),
        ("https://reddit.com/r/python/", "https://www.reddit.com/r/python/.rss"),
        ("https://old.reddit.com/r/python/top?t=week", "https://www.reddit.com/r/python/top/.rss?t=week"),
        ("https://www.reddit.com/user/someone", "https://www.reddit.com/user/someone/.rss"),
        ("https://news.ycombinator.com/", "https://news.ycombinator.com/rss"),
        ("https://news.ycombinator.com/newest", "https://hnrss.org/newest"),
        ("https://news.ycombinator.com/item?id=42", "https://hnrss.org/item?id=42"),
        ("https://news.ycombinator.com/user?id=a%20b&x=1", "https://hnrss.org/user?id=a%20b"),
        ("https://mastodon.example/@ada@social.example", "https://social.example/@ada.rss"),
        ("https://www.youtube.com/watch?v=x&list=PL-x_1&index=2", f"{VIDEOS}?playlist_id=PL-x_1"),
        ("https://www.youtube.com/user/ada/videos", f"{VIDEOS}?user=ada"),
        ("https://bsky.app/profile/ada.bsky.social", "https://bsky.app/profile/ada.bsky.social/rss"),
        ("https://bsky.app/profile/ada.example/post/3k2a", "https://bsky.app/profile/ada.example/rss"),
        ("https://t.me/durov", "https://t.me/s/durov"),
        ("https://t.me/durov/142", "https://t.me/s/durov"),
        ("https://t.me/s/durov?before=3", "https://t.me/s/durov"),
        ("https://github.com/a/b/discussions/categories/ideas", "https://github.com/a/b/discussions.atom"),
        ("https://github.com/orgs/a/discussions", "https://github.com/orgs/a/discussions.atom"),
        ("https://gitlab.com/a/b/c/-/releases", "https://gitlab.com/a/b/c/-/releases.atom"),
        ("https://git.example/a/b/-/tags", "https://git.example/a/b/-/tags?format=atom"),
        ("https://git.example/a/b/-/tree/main", "https://git.example/a/b/-/commits/main?format=atom"),
        ("https://medium.com/@ada", "https://medium.com/feed/@ada"),
        ("https://youtu.be/x?si=y&list=PL-x_1", f"{VIDEOS}?playlist_id=PL-x_1"),
        ("https://social.example/deck/@ada@other.example/1123", "https://other.example/@ada.rss"),
        ("https://web.telegram.org/k/#@durov", "https://t.me/s/durov"),
        ("https://www.reddit.com/r/python/s/AbCdE?utm_source=share", "https://www.reddit.com/r/python/.rss"),
        ("https://fr.reddit.com/r/france", "https://www.reddit.com/r/france/.rss"),
        ("https://github.com/a/b/tags?after=v1", "https://github.com/a/b/tags.atom"),
        ("https://github.com/a?tab=repositories", "https://github.com/a.atom"),
        ("https://medium.com/@ada/a-post-12?source=home", "https://medium.com/feed/@ada"),
        ("https://ada.medium.com/a-post-12", "https://ada.medium.com/feed"),
        (
            "https://itunes.apple.com/us/podcast/the-circuit/id1234?mt=2",
            "https://itunes.apple.com/lookup?id=1234&entity=podcast",
        ),
        (
            "https://podcasts.apple.com/fr/podcast/the-circuit/id1234?i=5",
            "https://itunes.apple.com/lookup?id=1234&entity=podcast",
        ),
    ],
)
def test_page_url_maps_to_feed_url(address, feed):
    assert [site_feed.url for site_feed in known_sites.list_feeds_for_url(address)] == [feed]


def test_github_project_has_three_feeds():
    assert known_sites.list_feeds_for_url("https://github.com/python/cpython.git") == (
        SiteFeed("https://github.com/python/cpython/releases.atom", "python/cpython · releases"),
        SiteFeed("https://github.com/python/cpython/tags.atom", "python/cpython · tags"),
        SiteFeed("https://github.com/python/cpython/commits.atom", "python/cpython · commits"),
    )


@check_cases("page", ["", "?ref=x", "/-/issues", "/-/blob/main/README.md"])
def test_gitlab_project_has_three_feeds(page):
    assert [feed.url for feed in known_sites.list_feeds_for_url(f"https://gitlab.com/a/b{page}")] == [
        "https://gitlab.com/a/b/-/releases.atom",
        "https://gitlab.com/a/b/-/tags?format=atom",
        "https://gitlab.com/a/b.atom",
    ]


def test_reddit_post_has_feeds_of_subreddit_and_comments():
    post = "https://www.reddit.com/r/python/comments/1a2b/a_title/?share_id=x"
    assert [feed.url for feed in known_sites.list_feeds_for_url(post)] == [
        "https://www.reddit.com/r/python/.rss",
        "https://www.reddit.com/r/python/comments/1a2b/a_title/.rss",
    ]


@check_cases(
    "address",
    [
        "https://bsky.app/profile/ada.bsky.social/rss",
        "https://gitlab.com/a/b/-/releases.atom",
        "https://gitlab.com/a/b/-/tags?format=atom",
        "https://git.example/a/b/-/commits/main?format=atom",
        "https://gitlab.com/a/b.atom",
        "https://t.me/joinchat/abcdef",
        "https://t.me/+abcdef",
        "https://t.me/",
        "https://bsky.app/",
        "https://medium.com/",
        f"{VIDEOS}?channel_id={CHANNEL}",
        "https://github.com/a/b/releases.atom",
        "https://github.com/",
        "https://github.com/topics/rss",
        "https://www.reddit.com/r/python/.rss",
        "https://www.reddit.com/r/python/top/.rss?t=week",
        "https://www.reddit.com/.rss?feed=0123456789abcdef&user=ada",
        "https://github.com/ada.private.atom?token=0123456789abcdef",
        "https://gitlab.com/a/b.atom?feed_token=0123456789abcdef",
        "https://ada.medium.com/feed",
        "https://news.ycombinator.com/rss",
        "https://hnrss.org/newest",
        "https://social.example/@ada.rss",
        "https://social.example/@ada",
        "https://evil.example/github.com/a/b",
        "https://github.com.evil.example/a/b",
        "https://example.com/feed",
    ],
)
def test_feed_url_or_unknown_site_maps_to_no_feed(address):
    assert known_sites.list_feeds_for_url(address) == ()


@check_cases(
    ("text", "page"),
    [
        ("@ada@social.example", "https://social.example/@ada"),
        (" @Ada.L@Social.Example ", "https://social.example/@Ada.L"),
        ("ada@social.example", None),
        ("@ada", None),
        ("@ada.bsky.social", "https://bsky.app/profile/ada.bsky.social"),
        ("@ada@localhost", None),
        ("r/python", "https://www.reddit.com/r/python"),
        ("/u/ada_1/", "https://www.reddit.com/u/ada_1"),
        ("r/python/top", None),
        ("git@git.example:a/b.git", "https://git.example/a/b"),
        ("@ada@social.example/x", None),
    ],
)
def test_account_handle_resolves_to_page(text, page):
    assert known_sites.resolve_handle(text) == page


@check_cases(
    "body",
    [
        f'<script>{{"channelId":"UCxxxxxxxxxxxxxxxxxxxxxx"}},{{"externalId":"{CHANNEL}"}}</script>',
        f'<div><meta itemprop="identifier" content="{CHANNEL}"></div>"channelId":"UCxxxxxxxxxxxxxxxxxxxxxx"',
        f'<script>{{"videoDetails":{{"channelId":"{CHANNEL}"}}}}</script>',
    ],
)
def test_youtube_page_gives_feed_of_its_own_channel(body):
    page = f"<title>Somebody</title>{body}".encode()
    feeds = find_feed_links(page, "https://www.youtube.com/@somebody")
    assert feeds == (DiscoveredFeed(f"{VIDEOS}?channel_id={CHANNEL}", "Somebody", "atom"),)
    assert find_feed_links(page, "https://elsewhere.example/@somebody") == ()


async def test_project_feeds_are_offered_without_request(fetcher, workers, feed_server):
    discovery = await discover_feeds(fetcher, workers, "https://github.com/a/b")
    assert [feed.url.rpartition("/")[2] for feed in discovery.feeds] == [
        "releases.atom",
        "tags.atom",
        "commits.atom",
    ]
    assert discovery.response is None
    assert feed_server.visits == []


async def test_only_mapped_feed_is_fetched(fetcher, workers, feed_server, monkeypatch):
    feed = feed_server.serve("/r/python/.rss", make_rss(make_rss_item(1), title="python"))
    monkeypatch.setattr(known_sites, "list_feeds_for_url", lambda url: (SiteFeed(feed, "r/python"),))
    discovery = await discover_feeds(fetcher, workers, feed_server.origin + "/r/python")
    assert discovery.feeds[0].url == feed
    assert discovery.parsed_feed is not None
    assert [visit.path for visit in feed_server.visits] == ["/r/python/.rss"]


async def test_account_page_without_feed_link_is_probed_for_rss(fetcher, workers, feed_server):
    page = feed_server.serve("/@ada/1123", "<title>Ada: a post</title>", content_type="text/html")
    feed = feed_server.serve("/@ada.rss", make_rss(make_rss_item(1), title="Ada"))
    assert (await discover_feeds(fetcher, workers, page)).feeds == (DiscoveredFeed(feed, "Ada", "rss20"),)
    assert [visit.path for visit in feed_server.visits] == ["/@ada/1123", "/@ada.rss"]

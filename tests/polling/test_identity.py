"""Identity of entries: which entry is which article."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.client.services import Services, open_services
from bot.core.models import Entry, Feed
from bot.polling.drafts import FeedDocument, parse_feed
from bot.polling.identity.entry_keys import build_entry_keys
from bot.store.sources.polls import MAX_IDENTITIES_PER_ARTICLE
from bot.text.urls import compute_page_key, list_url_variants
from tests.support import store_probe
from tests.support.feed_server import FeedServer, make_rss
from tests.support.outbox_scenario import deliver_titles, follow_feed, poll_feed

MONDAY = "Mon, 04 May 2026 08:00:00 GMT"
TUESDAY = "Tue, 05 May 2026 08:00:00 GMT"
WEDNESDAY = "Wed, 06 May 2026 08:00:00 GMT"


def build_item(
    title: str | None = None,
    *,
    guid: str | None = None,
    link: str | None = None,
    date: str | None = None,
    text: str = "",
) -> str:
    parts = {"title": title, "link": link, "pubDate": date, "description": text or None}
    inner = "".join(
        f"<{name}>{escape(element_text)}</{name}>" for name, element_text in parts.items() if element_text is not None
    )
    if guid is not None:
        inner += f'<guid isPermaLink="false">{escape(guid)}</guid>'
    return f"<item>{inner}</item>"


class Channel:
    """A channel that follows a feed."""

    def __init__(self, newsroom: Services, feed_server: FeedServer) -> None:
        self.newsroom = newsroom
        self.server = feed_server
        self.feed: Feed | None = None

    async def poll_with_entries(self, *entries: str) -> list[str]:
        """Serve these entries, poll the feed and return the titles of new posts."""
        url = self.server.serve("/feed", make_rss(*entries))
        if self.feed is None:
            self.feed = await follow_feed(self.newsroom, url)
            await poll_feed(self.newsroom, self.feed)
            await deliver_titles(self.newsroom)
            return []
        await poll_feed(self.newsroom, self.feed)
        return await deliver_titles(self.newsroom)

    async def count_articles(self) -> int:
        return await self.newsroom.store.articles.count()


@pytest.fixture
def channel(newsroom, feed_server) -> Channel:
    return Channel(newsroom, feed_server)


OLD = build_item("Old", guid="old", link="https://news.example/old", date=MONDAY)


async def test_changed_title_link_and_date_with_same_guid_is_not_reposted(channel):
    await channel.poll_with_entries(OLD)
    assert (
        await channel.poll_with_entries(build_item("New", guid="old", link="https://news.example/new", date=TUESDAY))
        == []
    )
    (article,) = await channel.newsroom.store.articles.list_newest(None, limit=9)
    assert (article.title, article.url) == ("New", "https://news.example/new")


async def test_changed_guid_with_same_link_and_title_is_not_reposted(channel):
    await channel.poll_with_entries(OLD)
    again = build_item("Old", guid="other", link="https://news.example/old", date=TUESDAY)
    assert await channel.poll_with_entries(again) == []
    # The new GUID is stored as another identity of the article: link and title may change later.
    moved = build_item("Renamed", guid="other", link="https://news.example/moved", date=WEDNESDAY)
    assert await channel.poll_with_entries(moved) == []
    assert await channel.count_articles() == 1


async def test_changed_guid_with_same_link_and_date_is_not_reposted(channel):
    await channel.poll_with_entries(OLD)
    renamed = build_item("Something else", guid="x", link="https://news.example/old", date=MONDAY)
    assert await channel.poll_with_entries(renamed) == []


async def test_changed_tracking_fragment_is_not_reposted(channel):
    await channel.poll_with_entries(
        build_item(
            "A",
            guid="https://lemonde.example/a#xtor=RSS-3208",
            link="https://lemonde.example/a#xtor=RSS-3208",
        )
    )
    assert (
        await channel.poll_with_entries(
            build_item(
                "A",
                guid="https://lemonde.example/a#xtor=RSS-1",
                link="https://lemonde.example/a?utm_source=rss",
            )
        )
        == []
    )
    assert await channel.count_articles() == 1


async def test_different_fragments_are_two_articles(channel):
    await channel.poll_with_entries(OLD)
    posted = await channel.poll_with_entries(
        build_item("One", link="https://blog.example/june#one"), build_item("Two", link="https://blog.example/june#two")
    )
    assert sorted(posted) == ["One", "Two"]


async def test_new_guid_title_and_date_with_known_link_is_new(channel):
    await channel.poll_with_entries(OLD)
    posted = await channel.poll_with_entries(
        build_item("Fresh", guid="x", link="https://news.example/old", date=TUESDAY)
    )
    assert posted == ["Fresh"]


async def test_same_title_alone_is_not_same_article(channel):
    def brief(number: int, date: str) -> str:
        return build_item("Morning news brief", guid=f"g{number}", link=f"https://npr.example/{number}", date=date)

    await channel.poll_with_entries(brief(1, MONDAY))
    assert await channel.poll_with_entries(brief(1, MONDAY), brief(2, MONDAY)) == ["Morning news brief"]
    assert await channel.poll_with_entries(brief(3, TUESDAY), brief(2, MONDAY)) == ["Morning news brief"]
    assert await channel.count_articles() == 3


async def test_two_guids_with_same_link_in_one_document_are_two_articles(channel):
    link = "https://daring.example/linked"
    await channel.poll_with_entries(OLD)
    posted = await channel.poll_with_entries(
        build_item("Notes", guid="a", link=link, date=MONDAY), build_item("Notes", guid="b", link=link, date=MONDAY)
    )
    assert posted == ["Notes", "Notes"]
    assert await channel.poll_with_entries(build_item("Notes", guid="b", link=link, date=MONDAY)) == []


async def test_second_guid_beside_known_entry_is_new(channel):
    link = "https://daring.example/linked"
    first = build_item("Notes", guid="a", link=link, date=MONDAY)
    await channel.poll_with_entries(first)
    assert await channel.poll_with_entries(build_item("Notes", guid="b", link=link, date=MONDAY), first) == ["Notes"]


async def test_repeated_guid_is_ignored_as_identity(channel):
    await channel.poll_with_entries(OLD)
    first = build_item("One", guid="same", link="https://news.example/1", date=MONDAY)
    second = build_item("Two", guid="same", link="https://news.example/2", date=MONDAY)
    assert sorted(await channel.poll_with_entries(first, second)) == ["One", "Two"]
    # It stays ignored when only one entry still has it.
    assert await channel.poll_with_entries(second) == []
    third = build_item("Three", guid="same", link="https://news.example/3", date=TUESDAY)
    assert await channel.poll_with_entries(third) == ["Three"]
    assert await channel.poll_with_entries(third, second) == []
    assert await channel.count_articles() == 4


async def test_guid_repeated_later_does_not_repost_first_entry(channel):
    first = build_item("One", guid="same", link="https://news.example/1", date=MONDAY)
    await channel.poll_with_entries(first)
    second = build_item("Two", guid="same", link="https://news.example/2", date=MONDAY)
    assert await channel.poll_with_entries(second, first) == ["Two"]
    assert await channel.poll_with_entries(second) == []


async def test_repeated_guid_without_links_does_not_repost_first_entry(channel):
    await channel.poll_with_entries(build_item("One", guid="same"))
    assert await channel.poll_with_entries(build_item("Two", guid="same"), build_item("One", guid="same")) == ["Two"]


async def test_entry_without_guid_is_identified_by_link(channel):
    await channel.poll_with_entries(build_item("Old", link="https://news.example/1", date=MONDAY))
    renamed = build_item("Quite another title", link="https://news.example/1?utm_medium=feed", date=TUESDAY)
    assert await channel.poll_with_entries(renamed) == []
    assert await channel.poll_with_entries(renamed, build_item("Old", link="https://news.example/2", date=MONDAY)) == [
        "Old"
    ]


async def test_added_guids_repost_nothing(channel):
    await channel.poll_with_entries(*(build_item(f"T{n}", link=f"https://news.example/{n}") for n in range(5)))
    assert (
        await channel.poll_with_entries(
            *(build_item(f"T{n}", guid=f"{n}", link=f"https://news.example/{n}") for n in range(5))
        )
        == []
    )


async def test_move_to_https_reposts_nothing(channel):
    await channel.poll_with_entries(*(build_item(f"T{n}", link=f"http://news.example/{n}") for n in range(5)))
    assert (
        await channel.poll_with_entries(*(build_item(f"T{n}", link=f"https://news.example/{n}") for n in range(5)))
        == []
    )
    assert await channel.count_articles() == 5


async def test_entry_without_guid_and_link_is_identified_by_content(channel):
    await channel.poll_with_entries(build_item("Flash", text="One.", date=MONDAY))
    assert await channel.poll_with_entries(
        build_item("Flash", text="Two.", date=MONDAY), build_item("Flash", text="One.", date=MONDAY)
    ) == ["Flash"]
    article = (await channel.newsroom.store.articles.list_newest(None, limit=1))[0]
    assert article.url == "https://news.example/"


async def test_entries_that_link_to_home_page_stay_distinct(channel):
    home = "https://site.example/"
    await channel.poll_with_entries(build_item("Weather for Monday", guid="1", link=home, date=MONDAY))
    assert await channel.poll_with_entries(build_item("Strike at the port", guid="2", link=home, date=MONDAY)) == [
        "Strike at the port"
    ]
    assert await channel.poll_with_entries(build_item("Weather for Tuesday", guid="3", link=home, date=TUESDAY)) == [
        "Weather for Tuesday"
    ]


async def test_episodes_with_same_link_are_distinguished_by_number(channel):
    link = "https://pod.example/show"
    await channel.poll_with_entries(build_item("The podcast, episode 12", guid="12", link=link, date=MONDAY))
    assert await channel.poll_with_entries(
        build_item("The podcast, episode 13", guid="13", link=link, date=TUESDAY)
    ) == ["The podcast, episode 13"]


async def test_entry_that_returns_is_not_new(channel):
    other_entry = build_item("Other", guid="other", link="https://news.example/other", date=TUESDAY)
    await channel.poll_with_entries(OLD)
    assert await channel.poll_with_entries(other_entry) == ["Other"]
    assert await channel.poll_with_entries(OLD) == []
    assert await channel.poll_with_entries(other_entry, OLD) == []


async def test_articles_with_same_link_have_own_page_keys(channel):
    # A channel posts one article per page, so that the second would never be posted with the same key
    link = "https://europe1.example/headlines"
    await channel.poll_with_entries(OLD)
    assert sorted(
        await channel.poll_with_entries(build_item("One", guid="1", link=link), build_item("Two", guid="2", link=link))
    ) == [
        "One",
        "Two",
    ]
    pages = {article.page_key for article in await channel.newsroom.store.articles.find_by_urls((link,), "", (), 9)}
    assert len(pages) == 2


async def test_same_page_in_two_feeds_is_posted_once(newsroom, feed_server):
    first_feed = await follow_feed(newsroom, feed_server.serve("/one", make_rss(OLD)))
    second_feed = await follow_feed(newsroom, feed_server.serve("/two", make_rss(OLD)))
    for feed in (first_feed, second_feed):
        await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Old"]
    both = build_item(
        "Both", guid="https://a.example/both", link="https://news.example/both?utm_source=one", date=MONDAY
    )
    feed_server.serve("/one", make_rss(both, OLD))
    feed_server.serve("/two", make_rss(both.replace("one", "two"), OLD))
    for feed in (first_feed, second_feed):
        await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Both"]


async def test_article_key_is_the_same_in_every_database(tmp_path, settings, clock, feed_server):
    url = feed_server.serve("/feed", make_rss(OLD, build_item("No guid", link="https://news.example/2")))
    keys = []
    for name in ("a.db", "b.db"):
        async with open_services(replace(settings, database=tmp_path / name), clock) as room:
            await poll_feed(room, await follow_feed(room, url))
            keys.append({article.key for article in await room.store.articles.list_newest(None, limit=9)})
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2


texts = st.one_of(
    st.none(),
    st.sampled_from(["", "a", "A ", "https://x.example/a", "https://x.example/#xtor=1"]),
    st.text(max_size=9),
)
entries = st.lists(
    st.builds(
        Entry,
        guid=texts,
        link=texts,
        title=st.text(max_size=5),
        text=st.text(max_size=5),
        published=st.none() | st.integers(0, 3),
    ),
    max_size=12,
)


@given(entries)
def test_strong_keys_of_entries_are_unique(parsed_entries):
    sketches = build_entry_keys(parsed_entries)
    assert len({sketch.strong_key for sketch in sketches}) == len(sketches)
    assert bool(sketches) == bool(parsed_entries)
    decided = [sketch.weak_key for sketch in sketches if not sketch.is_weak_key_repeated]
    assert len(set(decided)) == len(decided)


@given(entries, st.randoms())
def test_entry_keys_do_not_depend_on_order(parsed_entries, random):
    shuffled = list(parsed_entries)
    random.shuffle(shuffled)
    assert {sketch.strong_key for sketch in build_entry_keys(parsed_entries)} == {
        sketch.strong_key for sketch in build_entry_keys(shuffled)
    }


def test_lone_surrogate_does_not_break_document():
    lone = "t\ud800"
    items = [
        {
            "id": lone,
            "url": f"https://news.example/{lone}",
            "title": lone,
            "content_html": lone,
            "tags": [lone],
        },
        {
            "id": f"{lone} 2",
            "title": lone,
            "content_text": lone,
            "authors": [{"name": lone}],
            "image": lone,
        },
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": lone,
        "language": lone,
        "items": items,
    }
    document = parse_feed(json.dumps(feed).encode(), "application/feed+json", "https://news.example/feed")
    assert len(document.entry_keys) == 2
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(document), type=FeedDocument) == document


async def test_random_guids_neither_repost_nor_accumulate(channel, settings):
    for poll_number in range(30):
        entry_ = build_item("Old", guid=f"random-{poll_number}", link="https://news.example/old", date=MONDAY)
        assert await channel.poll_with_entries(entry_) == []
    assert await channel.count_articles() == 1
    assert len(store_probe.load_rows(settings.database, "identity")) <= MAX_IDENTITIES_PER_ARTICLE


def make_series(move, *, first: int = 0, count: int = 6, title: str = "Story {}", date: str | None = "dated"):
    """Make entries whose GUID and link `move` derives from their number."""
    entries = []
    for number in range(first, first + count):
        guid, link = move(number)
        day = f"{number % 28 + 1:02} May 2026 08:00:00 GMT" if date == "dated" else date
        entries.append(build_item(title.format(number), guid=guid, link=link, date=day, text=f"Text of {number}."))
    return entries


OLD_URL = "http://news.example/issue-{}"
MOVES = {
    "a slash": lambda n: (f"{OLD_URL.format(n)}/", f"{OLD_URL.format(n)}/"),
    "https": lambda n: (OLD_URL.format(n).replace("http", "https"),) * 2,
    "the case of the host": lambda n: (OLD_URL.format(n).replace("news", "NEWS"),) * 2,
    "a tracking parameter": lambda n: (f"{OLD_URL.format(n)}?utm_source=x",) * 2,
    "another host": lambda n: (f"https://moved.example/issue-{n}",) * 2,
    "other paths": lambda n: (f"https://news.example/2026/{n * 7}",) * 2,
    "only GUIDs": lambda n: (f"{n:032x}", OLD_URL.format(n)),
    "other numbers": lambda n: (f"https://news.example/?p={n + 5000}",) * 2,
    "a version": lambda n: (f"{OLD_URL.format(n)}?v=2#{n}", f"{OLD_URL.format(n)}?v=2"),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("count", [1, 6])
async def test_changed_addresses_of_all_entries_post_only_new_entry(channel, move, count):
    def keep_addresses(number):
        return (OLD_URL.format(number),) * 2

    await channel.poll_with_entries(*make_series(keep_addresses, count=count))
    new = build_item("Story 0", guid="new", link="https://news.example/new", date="20 Jun 2026 08:00:00 GMT")
    assert await channel.poll_with_entries(new, *make_series(MOVES[move], count=count)) == ["Story 0"]
    assert await channel.poll_with_entries(new, *make_series(keep_addresses, count=count)) == []
    assert await channel.count_articles() == count + 1
    assert await channel.poll_with_entries(*make_series(MOVES[move], first=count, count=1), new) == [f"Story {count}"]


async def test_addresses_changed_in_two_steps_repost_nothing(channel):
    def move_half(number):
        return MOVES["another host" if number % 2 else "other paths"](number)

    await channel.poll_with_entries(*make_series(lambda n: (OLD_URL.format(n),) * 2))
    assert await channel.poll_with_entries(*make_series(move_half)) == []
    assert await channel.poll_with_entries(*make_series(MOVES["another host"])) == []


@pytest.mark.parametrize("date", [None, "dated"])
async def test_changed_addresses_and_dates_repost_nothing(channel, date):
    await channel.poll_with_entries(*make_series(lambda n: (f"old-{n}", OLD_URL.format(n)), date=date))
    moved = make_series(MOVES["other numbers"], date="Mon, 01 Jun 2026 10:00:00 GMT" if date else None)
    assert await channel.poll_with_entries(*moved) == []


@pytest.mark.parametrize("text", ["", "Our links of the week are here."])
async def test_recurring_title_is_posted_each_time(channel, text):
    def issue(number, title):
        link = f"https://news.example/{title.casefold().replace(' ', '-')}/{number}"
        return build_item(title, guid=link, link=link, date=f"{number:02} May 2026 08:00:00 GMT", text=text)

    names = ["Links of the week", "Podcast", "Menu"]
    await channel.poll_with_entries(*(issue(1, name) for name in names))
    for number in range(2, 5):
        assert sorted(await channel.poll_with_entries(issue(number, names[0]))) == names[:1]
    assert sorted(await channel.poll_with_entries(*(issue(8, name) for name in names), issue(4, names[0]))) == sorted(
        names
    )


async def test_entries_with_same_date_and_text_stay_distinct(channel):
    def notice(number):
        return build_item(f"Notice {number}", guid=f"n{number}", date=MONDAY, text="See the page.")

    await channel.poll_with_entries(*(notice(number) for number in range(4)))
    assert len(await channel.poll_with_entries(*(notice(number) for number in range(4, 8)))) == 4


def test_url_variants_of_page_share_keys():
    for first_url in list_url_variants("https://news.example/a?x=1"):
        for second_url in list_url_variants("https://news.example/a?x=1"):
            (first,), (second,) = (
                build_entry_keys([Entry(guid=url, link=url, title="t")]) for url in (first_url, second_url)
            )
            assert compute_page_key(first_url) == compute_page_key(second_url) == first.page_key
            assert second.weak_key in {first.weak_key, *first.url_variant_keys}

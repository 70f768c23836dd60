"""Recording of polls: articles, validators, posts and edits in one transaction."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.models import DispatchKind, Validators
from bot.core.reasons import Reason, SendProblem
from bot.store import Store, StoreError
from bot.store.records.source_records import ChangedArticle, IntakeResult, PollWrite
from bot.text.urls import compute_page_key, list_url_variants
from tests.support.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    add_followed_feed,
    compute_digest,
    deliver_pending,
    follow_feed,
    load_delivery_statuses,
    make_new_article,
    write_poll,
)

RUNS = count()


async def deliver_titles(store: Store, channel: int = CHANNEL) -> list[list[str]]:
    """Deliver what is pending in a channel and return the titles of each message."""
    return [
        [article.title.removeprefix("Title of ") for article in await store.articles.list_by_ids(sent.article_ids)]
        for sent in await deliver_pending(store, channel)
    ]


async def test_poll_records_validators_articles_and_dispatches(store):
    feed = await add_followed_feed(store)
    article = make_new_article(feed, "a")
    polled = replace(feed, validators=Validators(etag='"1"', last_modified="x", body_hash=b"b", entries_hash=b"e"))
    recorded = await store.polls.record(
        PollWrite(polled, IntakeResult([article]), max_pending_posts=10, is_first_poll=False)
    )
    assert recorded.channel_ids == (CHANNEL,)
    assert await store.feeds.get(feed.id) == polled
    assert await store.polls.load_known_by_identity(feed.id, article.identity_hashes)
    assert await load_delivery_statuses(store, article) == {CHANNEL: ("waiting", None)}


async def test_failed_poll_is_rolled_back(store):
    feed = await add_followed_feed(store)
    article = make_new_article(feed, "a")
    with pytest.raises(StoreError):
        await store.polls.record(
            PollWrite(
                replace(feed, validators=Validators(etag='"new"')),
                IntakeResult([article], aliases=[(b"alias", 99_999)]),  # no such article
                max_pending_posts=10,
                is_first_poll=False,
            )
        )
    assert await store.feeds.get(feed.id) == feed
    assert await store.articles.count() == 0
    assert await store.polls.load_known_by_identity(feed.id, article.identity_hashes) == {}
    assert await load_delivery_statuses(store, article) == {}
    assert (await write_poll(store, feed, article)).channel_ids == (CHANNEL,)


async def test_repeated_poll_posts_once(store):
    feed = await add_followed_feed(store)
    articles = [make_new_article(feed, name) for name in "ab"]
    await write_poll(store, feed, *articles)
    again = await write_poll(store, feed, *articles)
    assert (again.new_article_ids, again.channel_ids) == ((), ())
    assert await store.articles.count() == 2
    assert len(await deliver_pending(store)) == 2


async def test_repeated_entry_in_document_is_one_article(store):
    feed = await add_followed_feed(store)
    recorded = await write_poll(store, feed, make_new_article(feed, "a"), make_new_article(feed, "a"))
    assert len(recorded.new_article_ids) == 1
    assert await deliver_titles(store) == [["a"]]


async def test_posts_are_sent_oldest_first_across_feeds(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, first_feed)
    await follow_feed(store, second_feed)
    await write_poll(
        store,
        first_feed,
        make_new_article(first_feed, "b", published=200),
        make_new_article(first_feed, "d", published=400),
    )
    await write_poll(
        store,
        second_feed,
        make_new_article(second_feed, "c", published=300),
        make_new_article(second_feed, "a", published=100),
    )
    assert await deliver_titles(store) == [["a"], ["b"], ["c"], ["d"]]


async def test_first_entry_without_date_is_newest(store):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, *[make_new_article(feed, name, published=500) for name in "cba"])
    assert await deliver_titles(store) == [["a"], ["b"], ["c"]]


async def test_page_of_two_feeds_is_posted_once_per_channel(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    for feed in (first_feed, second_feed):
        await follow_feed(store, feed)
    await follow_feed(store, second_feed, channel=CHANNEL + 1)
    url = "https://news.example/same"
    await write_poll(store, first_feed, make_new_article(first_feed, "a", url=url))
    second = await write_poll(store, second_feed, make_new_article(second_feed, "b", url=url))
    assert second.channel_ids == (CHANNEL + 1,)
    assert await deliver_titles(store) == [["a"]]
    assert await deliver_titles(store, CHANNEL + 1) == [["b"]]


async def test_only_newest_article_of_backlog_is_posted(store):
    feed = await add_followed_feed(store)
    backlog = [make_new_article(feed, f"n{number}", published=number) for number in range(40)]
    await write_poll(store, feed, *backlog, first=True)
    assert await deliver_titles(store) == [["n39"]]
    assert await load_delivery_statuses(store, backlog[3]) == {}
    assert await store.articles.count() == 40


async def test_article_after_backlog_is_posted(store):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "old"), first=True)
    await write_poll(store, feed, make_new_article(feed, "older than the backlog", published=5))
    assert await deliver_titles(store) == [["older than the backlog"], ["old"]]


async def test_oldest_articles_above_limit_share_catch_up(store):
    feed = await add_followed_feed(store)
    await write_poll(
        store, feed, *[make_new_article(feed, f"{n:02}", published=n) for n in range(8)], max_pending_posts=3
    )
    assert await deliver_titles(store) == [["00", "01", "02", "03", "04"], ["05"], ["06"], ["07"]]


async def test_pending_posts_join_catch_up_when_newer_articles_arrive(store):
    feed = await add_followed_feed(store)
    for n in range(8):
        await write_poll(store, feed, make_new_article(feed, f"{n:02}", published=n), max_pending_posts=3)
    assert await deliver_titles(store) == [["00", "01", "02", "03", "04"], ["05"], ["06"], ["07"]]


async def test_attempted_catch_up_takes_no_more_articles(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, *[make_new_article(feed, f"{n}", published=n) for n in range(4)], max_pending_posts=1)
    tried = await store.dispatches.claim(CHANNEL)
    assert tried.kind is DispatchKind.CATCH_UP
    await store.dispatches.schedule_retry(
        tried.id, due_at=clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
    )
    await write_poll(
        store, feed, *[make_new_article(feed, f"{n}", published=n) for n in range(4, 7)], max_pending_posts=1
    )
    assert await deliver_titles(store) == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


async def test_attempted_post_stays_a_post(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "0", published=0), max_pending_posts=2)
    tried = await store.dispatches.claim(CHANNEL)
    await store.dispatches.schedule_retry(
        tried.id, due_at=clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
    )
    await write_poll(
        store, feed, *[make_new_article(feed, f"{n}", published=n) for n in range(1, 5)], max_pending_posts=2
    )
    assert await deliver_titles(store) == [["0"], ["1", "2", "3"], ["4"]]


async def test_article_is_withheld_when_paused_or_away(store, feed):
    await store.subscriptions.pause(await follow_feed(store, feed))
    await follow_feed(store, feed, server=SERVER + 1, channel=CHANNEL + 1)
    await store.servers.mark_left(SERVER + 1)
    article = make_new_article(feed, "a")
    assert (await write_poll(store, feed, article)).channel_ids == ()
    assert await load_delivery_statuses(store, article) == {
        CHANNEL: ("withheld", "paused"),
        CHANNEL + 1: ("withheld", "away"),
    }


async def test_changed_article_is_stored_and_its_post_edited(store, clock):
    feed = await add_followed_feed(store)
    (article_id,) = (await write_poll(store, feed, make_new_article(feed, "a", title="Moratoire"))).new_article_ids
    (sent,) = await deliver_pending(store)
    clock.advance(60)
    changed = ChangedArticle(article_id, make_new_article(feed, "a", title="Interdiction", identity_hashes=(b"moved",)))
    await store.polls.record(
        PollWrite(feed, IntakeResult(changed_articles=[changed]), max_pending_posts=10, is_first_poll=False)
    )
    article = await store.articles.get(article_id)
    assert (article.title, article.updated_at) == ("Interdiction", clock.now())
    assert (await store.article_changes.load_latest()).article_id == article_id
    assert (await store.polls.load_known_by_identity(feed.id, [b"moved"]))[b"moved"].article_id == article_id
    assert [edit.id for edit in await store.dispatches.list_dispatches_to_edit(clock.now(), 10)] == [sent.id]
    assert await deliver_pending(store) == []


async def test_change_during_sending_is_edited_afterwards(store, clock):
    feed = await add_followed_feed(store)
    (article_id,) = (await write_poll(store, feed, make_new_article(feed, "a"))).new_article_ids
    claimed = await store.dispatches.claim(CHANNEL)
    changed = ChangedArticle(article_id, make_new_article(feed, "a", title="New"))
    await store.polls.record(
        PollWrite(feed, IntakeResult(changed_articles=[changed]), max_pending_posts=10, is_first_poll=False)
    )
    assert await store.dispatches.list_dispatches_to_edit(clock.now(), 10) == []
    await store.dispatches.mark_sent(claimed.id, message_id=1, thread_id=None, sent_at=clock.now())
    assert [edit.id for edit in await store.dispatches.list_dispatches_to_edit(clock.now(), 10)] == [claimed.id]


async def test_change_during_edit_makes_another_edit(store, clock):
    feed = await add_followed_feed(store)
    (article_id,) = (await write_poll(store, feed, make_new_article(feed, "a"))).new_article_ids
    await deliver_pending(store)
    for title in ("One", "Two"):
        changed = ChangedArticle(article_id, make_new_article(feed, "a", title=title))
        await store.polls.record(
            PollWrite(feed, IntakeResult(changed_articles=[changed]), max_pending_posts=10, is_first_poll=False)
        )
        if title == "One":
            (edit,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    await store.dispatches.mark_edited(edit.id, due_at=edit.edit_due_at)
    clock.advance(2)
    assert len(await store.dispatches.list_dispatches_to_edit(clock.now(), 10)) == 1


async def test_article_with_new_url_is_not_posted_again(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, first_feed)
    await follow_feed(store, second_feed)
    (article_id,) = (await write_poll(store, first_feed, make_new_article(first_feed, "a"))).new_article_ids
    await deliver_pending(store)
    moved = make_new_article(first_feed, "a", url="https://news.example/moved")
    changed = [ChangedArticle(article_id, moved)]
    await store.polls.record(
        PollWrite(first_feed, IntakeResult(changed_articles=changed), max_pending_posts=10, is_first_poll=False)
    )
    assert (await write_poll(store, second_feed, make_new_article(second_feed, "b", url=moved.url))).channel_ids == ()
    (sent,) = await store.dispatches.list_sent_for_article(article_id)
    assert sent.article_ids == (article_id,)


async def test_feed_at_old_url_of_moved_feed_repeats_nothing(store):
    moved = await add_feed(store)
    await follow_feed(store, moved)
    await write_poll(store, moved, make_new_article(moved, "a"))
    await deliver_pending(store)
    await store.polls.record_unchanged([replace(moved, url="https://elsewhere.example/feed")])
    again = await add_feed(store)  # a new feed at the old URL
    assert again.id != moved.id
    await follow_feed(store, again)
    assert (await write_poll(store, again, make_new_article(again, "a"))).new_article_ids == ()
    assert await deliver_pending(store) == []
    assert await store.polls.load_known_by_identity(again.id, [compute_digest("guid", "a")])


async def test_redirect_to_known_feed_does_not_take_its_url(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await store.polls.record_unchanged(
        [replace(first_feed, url=second_feed.url, title="renamed"), replace(second_feed, failure_count=3)]
    )
    assert await store.feeds.get(first_feed.id) == replace(first_feed, title="renamed")
    assert await store.feeds.get(second_feed.id) == replace(second_feed, failure_count=3)


async def test_aliases_are_stored_without_replacing_identities(store, feed):
    first, second = (
        await write_poll(
            store, feed, make_new_article(feed, "b", published=2), make_new_article(feed, "a", published=1)
        )
    ).new_article_ids
    await store.polls.record(
        PollWrite(
            feed,
            IntakeResult(aliases=[(b"alias", first), (compute_digest("guid", "a"), second)]),
            max_pending_posts=10,
            is_first_poll=False,
        )
    )
    known_articles = await store.polls.load_known_by_identity(
        feed.id, [b"alias", compute_digest("guid", "a"), b"unknown"]
    )
    assert {hash_: known_article.article_id for hash_, known_article in known_articles.items()} == {
        b"alias": first,
        compute_digest("guid", "a"): first,
    }


async def test_known_urls_are_limited_to_feed(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    url = "https://news.example/same"
    await write_poll(
        store, first_feed, make_new_article(first_feed, "a", url=url), make_new_article(first_feed, "b", url=url)
    )
    await write_poll(store, second_feed, make_new_article(second_feed, "c", url=url))
    other_url = "https://news.example/other"
    articles_by_page = await store.polls.load_known_by_page_key(
        first_feed.id,
        {
            compute_page_key(url): list_url_variants(url),
            compute_page_key(other_url): list_url_variants(other_url),
        },
    )
    assert sorted(known_article.title for known_article in articles_by_page[compute_page_key(url)]) == [
        "Title of a",
        "Title of b",
    ]
    assert list(articles_by_page) == [compute_page_key(url)]


async def test_lookup_handles_more_identities_than_one_statement(store, feed):
    await write_poll(store, feed, make_new_article(feed, "a"))
    hashes = [b"%d" % number for number in range(40_000)] + [compute_digest("guid", "a")]
    assert list(await store.polls.load_known_by_identity(feed.id, hashes)) == [compute_digest("guid", "a")]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    polls=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.lists(st.tuples(st.integers(0, 12), st.integers(1, 50)), max_size=6),
            st.integers(0, 3),
        ),
        max_size=8,
    ),
    max_pending_posts=st.integers(1, 4),
)
async def test_each_page_is_sent_exactly_once_for_any_polls(store, polls, max_pending_posts):
    # Two feeds with common pages in one channel, with deliveries in between
    run = next(RUNS)  # all examples share a database, which is faster
    channel = CHANNEL + run
    feeds = [await add_feed(store, f"{name}{run}") for name in ("one", "two")]
    for feed in feeds:
        await follow_feed(store, feed, channel=channel)
    expected: set[str] = set()
    sent: list[int] = []
    for which, entries, deliveries in polls:
        new = [
            make_new_article(feeds[which], f"{which}-{page}", url=f"https://x.example/{run}/{page}", published=date)
            for page, date in entries
        ]
        await write_poll(store, feeds[which], *new, max_pending_posts=max_pending_posts)
        expected |= {article.page_key for article in new}
        for dispatch in await deliver_pending(store, channel, limit=deliveries):
            sent += dispatch.article_ids
    for dispatch in await deliver_pending(store, channel):
        sent += dispatch.article_ids
    pages = [article.page_key for article in await store.articles.list_by_ids(sent)]
    assert sorted(pages) == sorted(expected)


async def test_poll_of_deleted_feed_records_nothing(store):
    deleted_feed = await store.feeds.add("https://user:word@one.example/feed", server_id=SERVER)
    (deleted_article_id,) = (await write_poll(store, deleted_feed, make_new_article(deleted_feed, "a"))).new_article_ids
    await store.feeds.remove(deleted_feed.id)
    next_feed = await add_feed(store)
    assert next_feed.id > deleted_feed.id
    assert (await write_poll(store, deleted_feed, make_new_article(deleted_feed, "b"))).new_article_ids == ()
    await store.polls.record_unchanged([replace(deleted_feed, title="Secret")])
    assert await store.articles.list_newest(None, limit=9) == []
    assert await store.feeds.list_all() == [next_feed]
    (next_article_id,) = (await write_poll(store, next_feed, make_new_article(next_feed, "c"))).new_article_ids
    assert next_article_id > deleted_article_id

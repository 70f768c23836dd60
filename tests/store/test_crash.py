"""Atomicity of a poll whose process is killed."""

from __future__ import annotations

from bot.store import Store
from tests.store.crashing import END, crash_before_statements
from tests.support.samples import (
    CHANNEL,
    add_followed_feed,
    compute_digest,
    deliver_pending,
    make_new_article,
    write_poll,
)


async def load_poll_effects(store: Store) -> dict[str, object]:
    """Load everything that recording the poll changes."""
    feed = await store.feeds.get(1)
    hashes = [b"alias", *(compute_digest("guid", f"new-{number}") for number in range(6))]
    return {
        "etag": feed.validators.etag,
        "titles": sorted(article.title for article in await store.articles.list_newest(None, limit=99)),
        "identities": len(await store.polls.load_known_by_identity(1, hashes)),
        "edits": len(await store.dispatches.list_dispatches_to_edit(store.clock.now(), 9)),
        "sent": [len(sent.article_ids) for sent in await deliver_pending(store)],
    }


async def test_killed_poll_is_recorded_completely_or_not_at_all(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "old"))
    await deliver_pending(store)
    await store.close()

    before = {
        "etag": None,
        "titles": ["Title of old"],
        "identities": 0,
        "edits": 0,
        "sent": [],
    }
    after = {
        "etag": "second",
        "titles": ["Changed", *(f"Title of new-{number}" for number in range(6))],
        "identities": 7,
        "edits": 1,
        "sent": [3, 1, 1, 1],
    }
    again = [make_new_article(feed, f"new-{number}", published=number) for number in range(6)]
    for statement, copy in crash_before_statements(path, "record_poll", clock.now(), [1, 2, 4, 8, 13, 19, 29, 44, END]):
        store = await Store.open(copy, clock)
        await store.check()
        assert await load_poll_effects(store) == (after if statement == END else before), statement
        if statement < END:  # the next poll records everything again
            recorded = await write_poll(store, feed, *again)
            assert (len(recorded.new_article_ids), recorded.channel_ids) == (6, (CHANNEL,))
        await store.close()

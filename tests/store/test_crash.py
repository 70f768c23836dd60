"""A process that is killed in the middle of a write leaves all of it or nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.store import Store
from tests.clocks import ManualClock
from tests.store.samples import CHANNEL, add_feed, deliver, digest, follow, new_article, record

CHECKOUT = Path(__file__).resolve().parents[2]


def crash(path: Path, statement: int) -> int:
    """The exit code of a process that kills itself before that statement."""
    command = [sys.executable, "-m", "tests.store.crashing", str(path), str(statement)]
    return subprocess.run(command, cwd=CHECKOUT, check=False, timeout=60).returncode


async def content(store: Store) -> dict[str, object]:
    """What one recording changes, in words."""
    feed = await store.feeds.get(1)
    assert feed is not None
    hashes = [b"alias", *(digest("guid", f"new-{number}") for number in range(6))]
    return {
        "etag": feed.validators.etag,
        "titles": sorted(article.title for article in await store.articles.newest(None, limit=99)),
        "identities": len(await store.polls.known(1, hashes)),
        "edits": len(await store.dispatches.edits_due(store.clock.now(), 9)),
        "sent": [len(sent.article_ids) for sent in await deliver(store)],
    }


@pytest.mark.parametrize("statement", [2, 3, 5, 9, 14, 20, 30, 45, 10_000])
async def test_a_killed_poll_is_all_there_or_not_at_all(tmp_path: Path, clock: ManualClock, statement: int):
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    feed = await add_feed(store)
    await follow(store, feed)
    await record(store, feed, new_article(feed, "old"))
    await deliver(store)
    await store.close()

    assert crash(path, statement) == -signal.SIGKILL

    store = await Store.open(path, clock)
    await store.check()
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
    assert await content(store) == (after if statement == 10_000 else before)
    if statement < 10_000:  # the next poll finds it all again
        recorded = await record(store, feed, *[new_article(feed, f"new-{n}", published=n) for n in range(6)])
        assert (len(recorded.new_ids), recorded.channel_ids) == (6, (CHANNEL,))
    await store.close()

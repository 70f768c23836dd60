"""`telex sources`: blocking and allowing sources."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand

OWN_SERVER = 123456789012345678


async def create_store(folder: Path) -> None:
    store = await Store.open(folder / "news.db", ManualClock())
    feed = await store.feeds.add("https://www.news.example/feed")
    await store.servers.mark_joined(OWN_SERVER, "en")
    await store.subscriptions.follow(server_id=OWN_SERVER, channel_id=1, feed_id=feed.id, first_article_id=None)
    await store.close()


def test_source_is_blocked_listed_and_allowed(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    telex.environment["TELEX_OWNER_SERVER"] = str(OWN_SERVER)
    asyncio.run(create_store(tmp_path))
    impact = "news.example: 1 feed followed in 1 server, also in your own."
    assert impact in telex("sources", "block", "https://News.Example:81", status=1, given="n\n").stderr
    assert telex.json("sources", "--json") == []
    assert "Blocked news.example." in telex("sources", "block", "news.example", given="y\n").stderr
    assert "is blocked already" in telex("sources", "block", "www.news.example", "--yes").stderr
    assert [source["source"] for source in telex.json("sources", "--json")] == ["news.example"]
    assert "blocked" in telex("feeds").stdout
    refusal = "Whoever runs this bot has blocked news.example."
    assert refusal in telex("poll", "https://sub.news.example/other", status=1).stderr
    assert "A domain such as news.example is needed" in telex("sources", "block", "com", status=2).stderr
    assert "co.uk holds the sites of many publishers" in telex("sources", "block", "co.uk", "--yes", status=2).stderr
    assert "isn’t blocked itself" in telex("sources", "allow", "sub.news.example", status=2).stderr
    assert "Unblocked news.example: 1 feed followed" in telex("sources", "allow", "news.example").stderr
    assert "No source is blocked" in telex("sources").stderr
    assert [entry["details"] for entry in telex.json("servers", "audit", "--json")] == [
        {"source": "news.example", "feeds": 1},
        {"source": "news.example", "feeds": 1},
    ]

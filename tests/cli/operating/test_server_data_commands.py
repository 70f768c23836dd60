"""`telex servers export` and `telex servers erase`: all data of one server, with a receipt."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import Telex

SERVER, JOINED_SERVER = 123_456_789_012_345_678, 223_456_789_012_345_678


@pytest.fixture
def telex(tmp_path, launcher) -> Telex:
    async def fill_store() -> None:
        store = await Store.open(tmp_path / "news.db", ManualClock())
        feed = await store.feeds.add("https://news.example/feed", title="News")
        for server_id in (SERVER, JOINED_SERVER):
            await store.servers.mark_joined(server_id, "fr")
            await store.subscriptions.follow(
                server_id=server_id, channel_id=server_id + 1, feed_id=feed.id, first_article_id=None
            )
        await store.servers.mark_left(SERVER)
        await store.close()

    asyncio.run(fill_store())
    return Telex(tmp_path, launcher)


def test_a_server_is_exported_then_erased_with_a_receipt_that_the_audit_log_keeps(telex, tmp_path):
    telex("servers", "export", str(SERVER), str(tmp_path / "server.json"))
    document = json.loads((tmp_path / "server.json").read_text("utf-8"))
    assert [feed["title"] for feed in document["followed_feeds"]] == ["News"]
    assert [channel["id"] for channel in document["tables"]["channel"]] == [str(SERVER + 1)]
    assert json.loads(telex("servers", "export", str(SERVER), "-").stdout)["tables"] == document["tables"]
    assert "3 rows" in telex("servers", "erase", str(SERVER), status=1).stderr  # Nobody confirms.
    (receipt,) = telex.json("servers", "erase", str(SERVER), "--yes")
    assert receipt["deleted"] == {"channel": 1, "server": 1, "subscription": 1}
    erased, _requested = telex.json("servers", "audit", "--json")
    assert (erased["action"], json.loads(erased["details"]["receipt"])) == ("server-erasure", receipt)
    assert "erased the server’s data" in telex("servers", "audit").stdout
    for command in ("erase", "export"):
        refusal = telex("servers", command, str(SERVER), *(["-"] if command == "export" else []), status=2)
        assert "Nothing is stored about this server." in refusal.stderr


def test_a_server_that_the_bot_is_in_is_erased_once_it_has_left(telex):
    telex.environment["TELEX_OWNER_SERVER"] = str(SERVER)
    assert "your own server" in telex("servers", "erase", str(SERVER), "--yes", status=2).stderr
    answer = telex("servers", "erase", str(JOINED_SERVER), "--yes", status=1)
    assert "At its next start, it leaves the server and erases the data." in answer.stderr
    assert [server["leaving"] for server in telex.json("servers", "--json")] == [True]

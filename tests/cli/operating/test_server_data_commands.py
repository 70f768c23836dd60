"""`telex servers export` and `telex servers erase`: all data of one server, with a receipt."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand

SERVER, JOINED_SERVER = 123_456_789_012_345_678, 223_456_789_012_345_678


@pytest.fixture
def telex(tmp_path, launcher) -> TelexCommand:
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
    return TelexCommand(tmp_path, launcher)


def test_server_is_exported_and_erased_with_audited_receipt(telex, tmp_path):
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


def test_export_keeps_links_and_pipes_and_leaves_no_partial_file(telex, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "linked.json")
    telex("servers", "export", str(SERVER), "link.json")
    assert (tmp_path / "link.json").is_symlink()
    exported = json.loads((tmp_path / "linked.json").read_text("utf-8"))
    assert exported.pop("exported_at")
    assert exported["server_id"] == str(SERVER)
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDWR)
    telex("servers", "export", str(SERVER), "pipe")
    piped = json.loads(os.read(pipe, 65_536))
    assert piped.pop("exported_at")
    assert piped == exported
    os.close(pipe)
    for command in ("servers", "settings"):
        refusal = telex(command, "export", str(JOINED_SERVER), "absent/file", status=1).stderr
        assert refusal.splitlines()[-1] == "absent/file: No such file or directory"
        assert telex(command, "export", str(JOINED_SERVER), ".", status=1).stderr.endswith(".: Is a directory\n")
    refusal = telex("servers", "export", str(SERVER), "link.json", status=2).stderr
    assert refusal == "link.json exists already. `--overwrite` replaces it.\n"
    telex("settings", "export", str(JOINED_SERVER), "linked.json", "--overwrite")
    assert (tmp_path / "link.json").read_text("utf-8").endswith("...\n")
    assert list(tmp_path.rglob("*.part")) == []


def test_joined_server_is_erased_after_bot_leaves(telex):
    telex.environment["TELEX_OWNER_SERVER"] = str(SERVER)
    assert telex("servers", "erase", str(SERVER), status=2).stderr.startswith("That’s your own server")  # Unasked.
    answer = telex("servers", "erase", str(JOINED_SERVER), "--yes", status=1)
    assert "At its next start, it leaves the server and erases the data." in answer.stderr
    assert [server["leaving"] for server in telex.json("servers", "--json")] == [True]

"""`telex servers`: the list of servers and their limits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.store import Store
from bot.store.records.operating_records import ServerProfile
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand


async def create_store(folder: Path) -> None:
    store = await Store.open(folder / "news.db", ManualClock())
    await store.servers.mark_joined(11, "fr")
    await store.servers.record_profiles({11: ServerProfile("1180000000000000022", 5)})
    await store.close()


def test_servers_are_listed_with_figures(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    asyncio.run(create_store(tmp_path))
    (server,) = telex.json("servers", "--json")
    assert (server["id"], server["feeds"], server["posts_a_day"], server["last_use"]) == ("11", 0, 0, None)
    assert "1 server" in telex("servers").stdout
    assert telex.json("servers", "audit", "--json") == []


def test_server_limits_are_listed_and_changed(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    asyncio.run(create_store(tmp_path))
    usages = telex.json("servers", "limits", "11", "feeds=500", "digests=0", "--json")
    assert usages == [
        {"name": "feeds", "limit": 500, "used": 0, "own": True},
        {"name": "watches", "limit": 50, "used": 0, "own": False},
        {"name": "digests", "limit": 0, "used": 0, "own": True},
    ]
    # An ID is that of the server, not the name of another one.
    assert "(11)" not in telex("servers", "limits", "1180000000000000022").stdout
    assert "by the settings" in telex("servers", "limits", "11", "feeds=default").stdout
    assert (
        "“cats=1” is no limit. Limits look like feeds=500"
        in telex("servers", "limits", "11", "cats=1", status=2).stderr
    )
    assert [entry["details"] for entry in telex.json("servers", "audit", "--json")] == [
        {"limits": "feeds=default"},
        {"limits": "feeds=500 digests=0"},
    ]

"""`telex servers` lists servers and what was decided about them."""

from __future__ import annotations

import asyncio

from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import Telex


def test_servers_are_listed_with_their_figures(tmp_path, launcher):
    telex = Telex(tmp_path, launcher)

    async def fill_store() -> None:
        store = await Store.open(tmp_path / "news.db", ManualClock())
        await store.servers.mark_joined(11, "fr")
        await store.close()

    asyncio.run(fill_store())
    (server,) = telex.json("servers", "--json")
    assert (server["id"], server["feeds"], server["posts_a_day"], server["last_use"]) == ("11", 0, 0, None)
    assert "1 server" in telex("servers").stdout
    assert telex.json("servers", "audit", "--json") == []

"""`telex servers`: decisions which servers the bot leaves and may join."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.store import Store
from bot.store.records.operating_records import ServerProfile
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand

HOME, CLUB, TWIN, OFFICE = (1_000_000_000_000_000_000 + number for number in range(4))
STRANGER = 1_100_000_000_000_000_000


def fill_store(path: Path, use_store: Callable[[Store], Awaitable[None]]) -> None:
    async def open_and_use() -> None:
        store = await Store.open(path, ManualClock())
        await use_store(store)
        await store.close()

    asyncio.run(open_and_use())


async def add_servers(store: Store) -> None:
    for server_id in (HOME, CLUB, TWIN, OFFICE):
        await store.servers.mark_joined(server_id)
    names = {HOME: ("Home", 5), CLUB: ("Chess Club", 90), TWIN: ("chess club", None), OFFICE: ("Office", 2)}
    await store.servers.record_profiles({server_id: ServerProfile(*profile) for server_id, profile in names.items()})


def test_servers_are_left_blocked_allowed_and_audited(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    telex.environment["TELEX_OWNER_SERVER"] = str(OFFICE)
    fill_store(tmp_path / "news.db", add_servers)
    assert [server["name"] for server in telex.json("servers", "--json")] == [
        "Chess Club",
        "Home",
        "Office",
        "chess club",
    ]
    ambiguous = telex("servers", "leave", "CHESS club", status=2).stderr
    assert ambiguous == f"Several servers have that name; give the ID of one: {CLUB}, {TWIN}.\n"
    assert "No server has the ID or name “home 2”." in telex("servers", "leave", "home 2", status=2).stderr
    refusal = telex("servers", "block", "office", status=2).stderr
    assert refusal == "That’s your own server (TELEX_OWNER_SERVER): I stay there.\n"
    leaving = telex("servers", "leave", "home").stderr
    assert leaving == f"The bot leaves Home ({HOME}) within seconds, or at its next start.\n"
    assert telex("servers", "block", str(STRANGER)).stderr == f"Blocked {STRANGER}.\n"
    telex("servers", "allow", str(HOME))
    servers = {int(server["id"]): server for server in telex.json("servers", "--sort", "name", "--json")}
    assert (servers[HOME]["leaving"], servers[HOME]["allowed"]) == (False, True)
    assert (servers[STRANGER]["joined"], servers[STRANGER]["allowed"]) == (None, False)
    table = telex("servers").stdout
    assert table.startswith("4 servers")
    assert str(STRANGER) in table
    assert max(map(len, table.splitlines())) <= 80
    assert {"Chess Club", "members", "blocked,"} <= {cell.strip() for cell in re.split("[│┃\n]", table)}
    entries = telex.json("servers", "audit", "--json")
    assert [(entry["action"], int(entry["server"]), entry["user"]) for entry in entries] == [
        ("server-allow", HOME, "terminal"),
        ("server-block", STRANGER, "terminal"),
        ("server-leave", HOME, "terminal"),
    ]

"""`telex maintenance`: on, off and the current state."""

from __future__ import annotations

import asyncio

from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand


def test_maintenance_is_switched_and_audited(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)

    async def create_database() -> None:
        await (await Store.open(tmp_path / "news.db", ManualClock())).close()

    asyncio.run(create_database())
    assert telex("maintenance").stdout == "Maintenance is off.\n"
    telex("maintenance", "on", "--minutes", "0", status=2)
    telex("maintenance", "on", "--minutes", "30")
    assert "until about" in telex("maintenance").stdout
    assert "Maintenance is off." in telex("maintenance", "off").stderr
    assert "off already" in telex("maintenance", "off").stderr
    actions = [entry["action"] for entry in telex.json("servers", "audit", "--json")]
    assert actions == ["maintenance-off", "maintenance-on"]

"""`telex notice` sends texts to all servers and cancels them."""

from __future__ import annotations

import asyncio

from bot.core.preferences import Preference
from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.telex_command import TelexCommand


def test_notice_is_checked_confirmed_sent_and_cancelled(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)

    async def fill_store() -> None:
        store = await Store.open(tmp_path / "news.db", ManualClock())
        for server in (11, 12):
            await store.servers.mark_joined(server)
        await store.preferences.change(Preference.ALERT_CHANNEL, 13, server_id=11, user_id=1)
        await store.close()

    asyncio.run(fill_store())
    assert "No notices yet" in telex("notice").stderr
    assert telex("notice", "send", "--en", " ", status=2).stderr == "The notice is empty.\n"
    refusal = telex("notice", "send", "--en", "x" * 10_000, "--yes", status=2).stderr
    assert refusal == "The notice has 10,000 characters, and 1,500 at most can be posted.\n"
    declined = telex("notice", "send", "--en", "Moving @everyone", status=1, given="n\n").stderr
    assert "Servers that get it: 1. Without a channel for alerts: 1. Opted out: 0." in declined
    assert declined.endswith("Nothing was sent.\n")
    telex("notice", "send", "--en", "Moving @everyone", given="y\n")
    assert telex("notice", "send", "--en", "Moving @everyone", "--yes", status=2).stderr.endswith(
        "just sent this notice.\n"
    )
    (notice,) = telex.json("notice", "--json")
    assert (notice["texts"], notice["waiting"], notice["cancelled"]) == ({"en": "Moving @everyone"}, 1, None)
    assert "Servers that don’t get it: 1" in telex("notice", "cancel", str(notice["number"])).stderr
    assert telex("notice", "cancel", "7", status=2).stderr == "There’s no notice 7. See `telex notice`.\n"
    assert "Moving" in telex("notice").stdout
    actions = [entry["action"] for entry in telex.json("servers", "audit", "--json")]
    assert actions == ["notice-cancel", "notice-send"]

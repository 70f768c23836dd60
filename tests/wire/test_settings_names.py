"""`telex settings` asks Discord for names, and finds the channels of another server by them."""

from __future__ import annotations

import asyncio

from bot.core.preferences import MentionRule
from tests.support.telex_command import Telex

MANAGER = 8_000


async def test_settings_of_one_server_are_imported_into_another_by_the_names_in_discord(
    discord_server, place, general, store, settings, tmp_path, launcher
):
    changes = discord_server.changes
    editors = changes.add_role(place, "Editors")
    other_place = changes.add_server("Second newsroom")
    other_editors = changes.add_role(other_place, "Editors")
    telex = Telex(tmp_path, launcher)
    telex.environment |= {
        "TELEX_DATABASE": str(settings.database),
        "WIRE_API": discord_server.api_url,
        "WIRE_GATEWAY": discord_server.gateway.url,
        "DISCORD_TOKEN": discord_server.token,
    }
    for server in (place, other_place):
        await store.servers.mark_joined(server.id)
    rule = MentionRule(editors.id, "openai", 3)
    ids = {"server_id": place.id, "channel_id": general.id, "user_id": MANAGER}
    await store.mention_rules.save(rule, limit=5, **ids)

    exported = await asyncio.to_thread(telex, "settings", "export", str(place.id))
    assert exported.stderr == ""
    assert f"id: {place.id} # Newsroom" in exported.stdout
    assert f"role: {editors.id} # Editors" in exported.stdout
    path = tmp_path / "settings.yaml"
    path.write_text(exported.stdout, "utf-8")
    into = ("settings", "import", str(path), "--yes", "--into", str(other_place.id))
    refused = await asyncio.to_thread(telex, *into, status=2)
    assert f"The server has no channel {general.id}, and none named “general”." in refused.stderr

    other_general = changes.add_channel(other_place, "general")
    await asyncio.to_thread(telex, *into)
    (other_rule,) = await store.mention_rules.list_by_channel(other_general.id)
    assert other_rule == rule._replace(role_id=other_editors.id)
    unknown = await asyncio.to_thread(telex, *into[:-1], "99", status=2)
    assert "No server has the ID or name 99." in unknown.stderr

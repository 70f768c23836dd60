"""Import of settings into another server, and while a bot runs."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.preferences import MentionRule
from bot.drill.discord_stand_in.state import ChannelKind
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.telex_command import TelexCommand
from tests.support.wire.scene import QUICK_SPEED
from tests.support.wire.waiting import wait_until

MANAGER = 8_000


async def test_settings_are_imported_into_other_server_by_names(
    discord_server, newsroom_server, general, store, settings, tmp_path, launcher
):
    changes = discord_server.changes
    editors = changes.add_role(newsroom_server, "Editors")
    other_server = changes.add_server("Second newsroom")
    other_editors = changes.add_role(other_server, "Editors")
    telex = TelexCommand(tmp_path, launcher)
    telex.environment |= {
        "TELEX_DATABASE": str(settings.database),
        "WIRE_API": discord_server.api_url,
        "WIRE_GATEWAY": discord_server.gateway.url,
        "DISCORD_TOKEN": discord_server.token,
    }
    for server in (newsroom_server, other_server):
        await store.servers.mark_joined(server.id)
    rule = MentionRule(editors.id, "openai", 3)
    ids = {"server_id": newsroom_server.id, "channel_id": general.id, "user_id": MANAGER}
    await store.mention_rules.save(rule, limit=5, **ids)

    exported = await asyncio.to_thread(telex, "settings", "export", str(newsroom_server.id))
    assert exported.stderr == ""
    assert f"id: {newsroom_server.id} # Newsroom" in exported.stdout
    assert f"role: {editors.id} # Editors" in exported.stdout
    path = tmp_path / "settings.yaml"
    path.write_text(exported.stdout, "utf-8")
    # A role that was deleted and made again has another ID.
    deleted_role_text = exported.stdout.replace(str(editors.id), "1")
    path.write_text(deleted_role_text, "utf-8")
    assert "Nothing changes" in (await asyncio.to_thread(telex, "settings", "import", str(path))).stderr
    path.write_text(deleted_role_text.replace("  1: Editors\n", ""), "utf-8")
    refused = await asyncio.to_thread(telex, "settings", "import", str(path), status=2)
    assert "The server has no role 1, and the file doesn’t name it." in refused.stderr

    path.write_text(exported.stdout, "utf-8")
    into = ("settings", "import", str(path), "--yes", "--into", str(other_server.id))
    refused = await asyncio.to_thread(telex, *into, status=2)
    assert f"The server has no channel {general.id}, and none named “general”." in refused.stderr

    changes.add_channel(other_server, "general", ChannelKind.VOICE)  # Nothing can be posted there.
    other_general = changes.add_channel(other_server, "general")
    await asyncio.to_thread(telex, *into)
    (other_rule,) = await store.mention_rules.list_by_channel(other_general.id)
    assert other_rule == rule._replace(role_id=other_editors.id)
    unknown = await asyncio.to_thread(telex, *into[:-1], "99", status=2)
    assert "No server has the ID or name “99”." in unknown.stderr


@pytest.mark.scene(kinds=("text",), speed=QUICK_SPEED)
async def test_imported_feed_is_polled_and_only_new_articles_posted(scene, feed_server, tmp_path):
    bot = scene.start()
    await scene.wait_until_settled()
    items = [make_rss_item(number, title=f"Earlier {number}", published=scene.clock.now()) for number in range(30)]
    url = feed_server.serve("/added", make_rss(*items, title="Added"))
    path = tmp_path / "settings.yaml"
    path.write_text(
        f"""
version: 1
server:
  id: {scene.server.id}
channels:
  - id: {scene.channels["text"].id}
    settings:
      join_stories: false
    feeds:
      - url: {scene.url}
      - url: {url}
...
""",
        "utf-8",
    )
    assert "2 changes" in await scene.run_command("settings", "import", str(path), "--yes")
    await wait_until(lambda: feed_server.count("/added"))
    items.append(make_rss_item(31, title="Fresh news", published=scene.clock.now()))
    feed_server.serve("/added", make_rss(*items, title="Added"))
    await wait_until(
        lambda: any("Fresh news" in message.render_visible_text() for message in scene.list_messages("text"))
    )
    await scene.wait_until_settled()
    assert not any("Earlier" in message.render_visible_text() for message in scene.list_messages("text"))
    await bot.stop()
